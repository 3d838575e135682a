-- transforms that look at the record: tombstones, headers, topics
SET synchronous_commit = on;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_predicates', 'tuplecast');
CREATE TABLE pr (id int PRIMARY KEY, v text);
CREATE TABLE pr_other (id int PRIMARY KEY, v text);
INSERT INTO pr VALUES (1, 'a');
UPDATE pr SET id = 2;
DELETE FROM pr;
INSERT INTO pr_other VALUES (1, 'o');
\set get 'SELECT data FROM pg_logical_slot_peek_changes(''regress_predicates'', NULL, NULL, ''topic.prefix'', ''p'', ''connector.compat'', ''true'', ''table.include.list'', ''public.pr.*'''
:get, 'transforms', 'value-to-key fields=v if.tombstone=true if.not=true; insert-header header=dead value.literal=1 if.tombstone=true');
:get, 'transforms', 'insert-header header=moved value.literal=1 if.header=__debezium.newkey; insert-field of=value static.field=m static.value=here if.header=__debezium.oldkey');
:get, 'transforms', 'insert-header header=again value.literal=1 if.header=__op; insert-header header=never value.literal=1 if.header=__op if.not=true', 'add.headers', 'op') LIMIT 1;
:get, 'transforms', 'insert-header header=a value.literal=1; insert-header header=b value.literal=2 if.header=a') LIMIT 1;
-- a null with a schema keeps it
:get, 'delete.tombstone.handling.mode', 'tombstone', 'value.schemas.enable', 'true', 'transforms', 'replace-field of=value exclude=v') LIMIT 2;
-- some tables unwrapped, others not
SELECT data::json->'topic', data::json->'value'->'id', data::json->'value'->'after', data::json->'headers' FROM pg_logical_slot_peek_changes('regress_predicates', NULL, NULL, 'topic.prefix', 'p', 'add.headers', 'op', 'transforms', 'unwrap if.topic=.*other; insert-header header=flat value.literal=1 if.header=__op', 'table.include.list', 'public.pr.*');
-- other streams are routed, too
SELECT 'emitted' FROM pg_logical_emit_message(true, 'pref', 'content');
SELECT DISTINCT data::json->>'topic' FROM pg_logical_slot_peek_changes('regress_predicates', NULL, NULL, 'topic.prefix', 'p', 'provide.transaction.metadata', 'true', 'transforms', 'regex-router regex=p%5C.(message%7Ctransaction) replacement=q-$1', 'table.include.list', 'none') ORDER BY 1;
SELECT data::json->'key', data::json->'value'->'message'->'prefix', data::json->'value'->'s', data::json->'value'->'t', data::json->'headers' FROM pg_logical_slot_peek_changes('regress_predicates', NULL, NULL, 'topic.prefix', 'p', 'key.schemas.enable', 'true', 'transforms', 'insert-field of=value static.field=s static.value=x topic.field=t; insert-field of=key static.field=k! static.value=y; insert-header header=h value.literal=1 if.tombstone=true if.not=true; value-to-key fields=v if.topic=.*pr', 'table.include.list', 'none') WHERE data LIKE '%pref%';
-- and their keys made of their values, but for fields that they lack
\set message 'SELECT data::json->''key'', data::json->''value'' IS NOT NULL FROM pg_logical_slot_peek_changes(''regress_predicates'', NULL, NULL, ''topic.prefix'', ''p'', ''table.include.list'', ''none'', ''transforms'''
:message, 'value-to-key fields=op,message', 'key.schemas.enable', 'true') WHERE data LIKE '%pref%';
:message, 'replace-field of=value include=message,op renames=message:m; mask-field of=value fields=op replacement=x; value-to-key fields=m,op; insert-field of=key static.field=k static.value=y') WHERE data LIKE '%pref%';
:message, 'value-to-key fields=message; extract-key field=message', 'key.format', 'string') WHERE data LIKE '%pref%';
:message, 'value-to-key fields=op', 'format', 'cloudevents') WHERE data LIKE '%"p.message"%';
:message, 'value-to-key fields=absent') WHERE data LIKE '%pref%';
SELECT DISTINCT data::json->'key'->>'status', data::json->'key'->>'event_count', data::json->'value'->>'status' FROM pg_logical_slot_peek_changes('regress_predicates', NULL, NULL, 'topic.prefix', 'p', 'provide.transaction.metadata', 'true', 'table.include.list', 'none', 'transforms', 'value-to-key fields=status,event_count if.topic=.*transaction') WHERE data LIKE '{"topic":"p.transaction%' ORDER BY 1, 2;
SELECT 'gone' FROM pg_drop_replication_slot('regress_predicates');
DROP TABLE pr, pr_other;
