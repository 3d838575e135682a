-- the outbox event router: rows that are events
SET synchronous_commit = on;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION IF NOT EXISTS tuplecast;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_outbox', 'tuplecast');
CREATE SCHEMA ob;
CREATE TABLE ob.outbox (id uuid PRIMARY KEY, aggregatetype varchar(255) NOT NULL, aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload jsonb, created timestamptz, p int, ver int);
CREATE TABLE ob.plain (id int PRIMARY KEY, v text);
BEGIN;
INSERT INTO ob.outbox VALUES ('4d47e190-0402-4048-bc2c-89dd54343cdc', 'order', '1', 'OrderCreated', '{"id": 1, "n": null, "a":[1,2], "e":[], "f":1.5}', '2024-01-02 03:04:05.678Z', 2, 3);
DELETE FROM ob.outbox;
COMMIT;
INSERT INTO ob.outbox VALUES ('4d47e190-0402-4048-bc2c-89dd54343cd1', 'order', '2', 'OrderDeleted', NULL, '2024-01-02 03:04:06Z', 1);
INSERT INTO ob.plain VALUES (1, 'v');
\set get 'SELECT regexp_replace(data, ''"timestamp":17[0-9]{11}'', ''"timestamp":0'') FROM pg_logical_slot_peek_changes(''regress_outbox'', NULL, NULL, ''topic.prefix'', ''pfx'', ''format'', ''envelope'', ''connector.compat'', ''true'''
:get, 'table.include.list', 'ob.outbox', 'transforms', 'outbox table.fields.additional.placement=type:header:eventType');
:get, 'table.include.list', 'ob.outbox', 'transforms', 'outbox table.fields.additional.placement=type:header,type:envelope:eventType table.expand.json.payload=true');
SELECT data FROM pg_logical_slot_peek_changes('regress_outbox', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope', 'connector.compat', 'true', 'table.include.list', 'ob.outbox', 'transforms', 'outbox table.field.event.timestamp=created table.fields.additional.placement=p:partition,ver:header:v,absent:header table.field.additional.missing=ignore route.tombstone.on.empty.payload=true');
:get, 'table.include.list', 'ob.outbox', 'key.schemas.enable', 'true', 'value.schemas.enable', 'true', 'transforms', 'outbox');
:get, 'table.include.list', 'ob.outbox', 'key.schemas.enable', 'true', 'value.schemas.enable', 'true', 'transforms', 'outbox table.fields.additional.placement=type:envelope table.expand.json.payload=true table.field.event.schema.version=ver table.field.event.key=type route.by.field=aggregateid route.topic.regex=(.) route.topic.replacement=ev-$1 table.json.payload.null.behavior=optional_bytes');
-- a native file has no word for a null
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_outbox', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope', 'table.include.list', 'ob.outbox', 'transforms', 'outbox');
-- beside other tables, and with steps behind it
SELECT data::json->'topic', data::json->'key', data::json->'value', data::json->'headers' FROM pg_logical_slot_peek_changes('regress_outbox', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'flat', 'table.include.list', 'ob.*', 'transforms', 'outbox if.topic=.*%5C.outbox; unwrap if.topic=.*%5C.outbox if.not=true; regex-router regex=outbox%5C.(.*) replacement=$1; insert-header header=h value.literal=v');
SELECT relation, topic FROM tuplecast.relations('topic.prefix', 'pfx', 'format', 'envelope', 'table.include.list', 'ob.*', 'transforms', 'outbox if.topic=.*%5C.outbox');
-- any step may stand behind it
\set got 'SELECT data::json->''topic'', data::json->''key'', data::json->''value'', data::json->''headers''->''h'' FROM pg_logical_slot_peek_changes(''regress_outbox'', NULL, NULL, ''topic.prefix'', ''pfx'', ''format'', ''envelope'', ''table.include.list'', ''ob.outbox'''
:got, 'transforms', 'outbox table.fields.additional.placement=type:envelope,p:envelope,ver:header:h; insert-field of=value static.field=s static.value=x topic.field=t; replace-field of=value renames=p:n exclude=s; mask-field of=value fields=type; cast of=value spec=n:string; value-to-key fields=n,t if.header=h; insert-header header=h value.literal=late if.tombstone=true if.not=true');
:got, 'value.schemas.enable', 'true', 'key.schemas.enable', 'true', 'transforms', 'outbox table.field.event.key=p; cast of=key spec=string; cast of=value spec=string; regex-router regex=.* replacement=nulls if.tombstone=true');
:got, 'transforms', 'outbox table.fields.additional.placement=type:envelope table.expand.json.payload=true; insert-field of=value static.field=s static.value=x if.topic=.*order');
-- but not what has no meaning there
:got, 'transforms', 'outbox; insert-field of=value static.field=s static.value=x');
:got, 'transforms', 'outbox table.expand.json.payload=true; cast of=value spec=string');
:got, 'transforms', 'outbox table.fields.additional.placement=type:envelope; cast of=value spec=string');
:got, 'transforms', 'outbox; insert-field of=key static.field=s static.value=x');
-- values as text, and as bytes
:get, 'table.include.list', 'ob.outbox', 'value.format', 'string', 'transforms', 'outbox');
:get, 'table.include.list', 'ob.outbox', 'value.format', 'string', 'transforms', 'outbox table.expand.json.payload=true table.fields.additional.placement=type:envelope');
:get, 'table.include.list', 'ob.outbox', 'value.format', 'bytes', 'transforms', 'outbox');
-- updates are no events
UPDATE ob.outbox SET p = 5;
RESET client_min_messages;
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_outbox', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope', 'table.include.list', 'ob.outbox', 'transforms', 'outbox');
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_outbox', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope', 'table.include.list', 'ob.outbox', 'transforms', 'outbox table.op.invalid.behavior=fatal');
-- errors
:get, 'transforms', 'outbox alias=ob');
:get, 'table.include.list', 'ob.outbox', 'transforms', 'outbox table.field.event.payload=data');
:get, 'table.include.list', 'ob.outbox', 'transforms', 'outbox table.fields.additional.placement=type:somewhere');
:get, 'table.include.list', 'ob.outbox', 'transforms', 'outbox table.fields.additional.placement=type:partition');
:get, 'table.include.list', 'ob.outbox', 'transforms', 'outbox table.field.event.timestamp=p');
:get, 'table.include.list', 'ob.outbox', 'transforms', 'outbox; extract-key field=id');
SELECT data FROM pg_logical_slot_peek_changes('regress_outbox', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'flat', 'table.include.list', 'ob.outbox', 'transforms', 'outbox');
-- documents that expand, or do not
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_outbox2', 'tuplecast');
CREATE TABLE ob.events (id int, aggregatetype text, aggregateid text, type text, payload text);
INSERT INTO ob.events SELECT row_number() OVER (), 't', 'k', 'T', p FROM unnest(ARRAY[
	'{"b":1,"a":{"x":"\u00e9\n","y":[]},"c":[{"p":1},{"q":"s"}],"d":[true,null],"big":12345678901,"e":1e3,"dup":1,"dup":2}',
	'{"mixed":[1,"a"]}', '{"numbers":[1,2.5]}', '{"nulls":[null]}', '{"huge":123456789012345678901234567890}', '[1,2]', '"s"', '{"open":', '{"a":01}', '', ' ', 'plain', '{}']) p;
SELECT data::json->'key', data::json->'value' FROM pg_logical_slot_get_changes('regress_outbox2', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope', 'connector.compat', 'true', 'table.include.list', 'ob.events', 'transforms', 'outbox table.expand.json.payload=true route.tombstone.on.empty.payload=true');
SELECT pg_drop_replication_slot('regress_outbox'), pg_drop_replication_slot('regress_outbox2');
SET client_min_messages = warning;
DROP SCHEMA ob CASCADE;
DROP EXTENSION tuplecast;
DROP SCHEMA tuplecast;
