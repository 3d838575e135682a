-- transforms of names, keys, headers and fields
SET synchronous_commit = on;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION IF NOT EXISTS tuplecast;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_transforms', 'tuplecast');
CREATE SCHEMA tf;
CREATE TABLE tf.o1 (id int PRIMARY KEY, v text, "n'1" numeric(10,2));
CREATE TABLE tf.o2 (id int PRIMARY KEY, v text);
CREATE TABLE tf.nokey (v text);
INSERT INTO tf.o1 VALUES (1, 'a', 12.34);
UPDATE tf.o1 SET id = 2, v = NULL;
DELETE FROM tf.o1;
INSERT INTO tf.o2 VALUES (1, 'b');
INSERT INTO tf.nokey VALUES ('n');
\set get 'SELECT data FROM pg_logical_slot_peek_changes(''regress_transforms'', NULL, NULL, ''topic.prefix'', ''p'', ''table.include.list'', ''tf.*'''
-- routers
:get, 'transforms', 'regex-router regex=([^.]+)%5C.([^.]+)%5C.(.+) replacement=$3');
:get, 'transforms', 'regex-router regex=(?<db>[^.]+)%5C..* replacement=${db}.all; regex-router regex=P.* replacement=no') LIMIT 1;
:get, 'transforms', 'regex-router regex=(.*)(o)(.) replacement=$1$2%5C$$13 if.topic=.*o1') WHERE data LIKE '%"v":"a"%' OR data LIKE '%"b"%';
:get, 'transforms', 'logical-router topic.regex=p%5C.tf%5C.o.* topic.replacement=p.tf.all', 'key.schemas.enable', 'true');
:get, 'transforms', 'logical-router topic.regex=p%5C.tf%5C.o.* topic.replacement=p.tf.all key.field.name=t key.field.regex=.*%5C.(.*) key.field.replacement=$1') WHERE data LIKE '%"a"%' OR data LIKE '%"b"%';
:get, 'transforms', 'logical-router topic.regex=p%5C.tf%5C.o.* topic.replacement=p.tf.all key.enforce.uniqueness=false') WHERE data LIKE '%"a"%' OR data LIKE '%"b"%';
SELECT regexp_matches(data, '"name":"[^"]*\.(?:Value|Envelope|Key)"', 'g') FROM pg_logical_slot_peek_changes('regress_transforms', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'key.schemas.enable', 'true', 'value.schemas.enable', 'true', 'table.include.list', 'tf.o2', 'transforms', 'logical-router topic.regex=p%5C.tf%5C.o.* topic.replacement=p.tf.all');
-- headers
:get, 'add.headers', 'op', 'transforms', 'insert-header header=h value.literal=a%20b; insert-header header=i value.literal=1') LIMIT 1;
:get, 'add.headers', 'op', 'format', 'flat', 'transforms', 'insert-header header=h value.literal=before; unwrap; insert-header header=i value.literal=behind') LIMIT 1;
-- keys
:get, 'transforms', 'value-to-key fields=v,id', 'key.schemas.enable', 'true', 'table.exclude.list', '') LIMIT 1;
:get, 'transforms', 'value-to-key fields=v,id if.topic=.*o[12]', 'key.schemas.enable', 'true') LIMIT 2;
:get, 'transforms', 'value-to-key fields=v; extract-key field=v', 'key.schemas.enable', 'true', 'connector.compat', 'true');
:get, 'transforms', 'extract-key field=id', 'key.schemas.enable', 'true') LIMIT 2;
:get, 'transforms', 'insert-field of=key static.field=k! static.value=%22q%22 topic.field=t; replace-field of=key renames=id:ID', 'key.schemas.enable', 'true') WHERE data NOT LIKE '%"a"%';
-- fields
:get, 'transforms', 'replace-field of=value exclude=v renames=id:ID,__deleted:gone', 'value.schemas.enable', 'true') LIMIT 3;
:get, 'transforms', 'replace-field of=value include=v,__op', 'add.fields', 'op,table');
:get, 'transforms', 'insert-field of=value static.field=s static.value= topic.field=t! timestamp.field=ts', 'value.schemas.enable', 'true') LIMIT 1;
:get, 'transforms', 'regex-router regex=.* replacement=x; insert-field of=value topic.field=first; regex-router regex=.* replacement=y; insert-field of=value topic.field=second') LIMIT 1;
:get, 'format', 'envelope', 'transforms', 'replace-field of=value exclude=source,ts_ms,ts_us,ts_ns renames=before:old,after:new,transaction:tx; insert-field of=value static.field=s static.value=v');
-- what relations() tells
SELECT * FROM tuplecast.relations('topic.prefix', 'p', 'table.include.list', 'tf.*', 'transforms', 'logical-router topic.regex=p%5C.tf%5C.o.* topic.replacement=all');
SELECT relation, topic, key FROM tuplecast.relations('topic.prefix', 'p', 'table.include.list', 'tf.o1', 'transforms', 'value-to-key fields=v');
-- errors
:get, 'transforms', 'nothing');
:get, 'transforms', 'regex-router regex=a');
:get, 'transforms', 'regex-router regex=a replacement=$1');
:get, 'transforms', 'regex-router regex=(a replacement=b');
:get, 'transforms', 'regex-router regex=a replacement=b regex=c');
:get, 'transforms', 'regex-router regex=a%2 replacement=b');
:get, 'transforms', 'regex-router regex=a replacement=b x=y');
:get, 'transforms', 'insert-field of=both static.field=a static.value=b');
:get, 'transforms', 'insert-field of=value static.field=a');
:get, 'transforms', 'insert-field of=value static.field=v static.value=b');
:get, 'transforms', 'insert-field of=value timestamp.field=ts!');
:get, 'transforms', 'value-to-key alias=toKey fields=absent');
:get, 'transforms', 'extract-key field=id; extract-key field=id');
:get, 'transforms', 'extract-key field=absent');
:get, 'transforms', 'replace-field of=value renames=id:v');
:get, 'transforms', 'replace-field of=value renames=id');
:get, 'transforms', 'unwrap if.tombstone=true');
:get, 'transforms', 'extract-key field=id if.not=true');
SELECT 'gone' FROM pg_drop_replication_slot('regress_transforms');
DROP SCHEMA tf CASCADE;
