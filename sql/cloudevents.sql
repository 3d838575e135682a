-- CloudEvents in JSON, as Debezium's converter makes them
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_cloudevents', 'tuplecast');
-- what is not always the same goes from the output
CREATE FUNCTION ce_strip(data text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(replace(data, '"' || current_database() || '"', '"DB"'),
		'"iodebezium(ts..|lsn|txId|txid)":"[\d:]+"', '"iodebezium\1":"0"', 'g'), '"iodebeziumversion":"[^"]*"', '"iodebeziumversion":""'), '"iodebeziumsequence":"([^"\\]|\\.)*"', '"iodebeziumsequence":""'),
		'lsn:\d+;txId:\d+;sequence:[^]]*]', 'lsn:0;txId:0;sequence:[]'), '"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"', '"time":""')
$$;
CREATE TABLE ce (id int PRIMARY KEY, note text NOT NULL DEFAULT 'n', amt numeric(10,2));
ALTER TABLE ce REPLICA IDENTITY FULL;
INSERT INTO ce VALUES (1, 'o"ne', 1.5);
UPDATE ce SET note = 'two';
DELETE FROM ce;
-- no event is made of what is no change of a row
SELECT 'message' FROM pg_logical_emit_message(true, 'p', 'x');
TRUNCATE ce;
SELECT ce_strip(data) FROM pg_logical_slot_peek_changes('regress_cloudevents', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'cloudevents', 'skipped.operations', 'none', 'provide.transaction.metadata', 'true') WHERE data NOT LIKE '{"topic":"pfx.transaction%' OR data LIKE '%"value":{%';
-- the schema is that of the data; without extension attributes
SELECT ce_strip(data) FROM pg_logical_slot_peek_changes('regress_cloudevents', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'cloudevents', 'value.schemas.enable', 'true', 'extension.attributes.enable', 'false', 'connector.compat', 'true') WHERE data LIKE '%{"id":1}%' LIMIT 1;
-- of an older release
SELECT v->>'id' !~ 'sequence', v->>'type', v->'data'->'schema'->>'name', v ? 'iodebeziumtsus' FROM (SELECT (data::jsonb)->'value' AS v FROM pg_logical_slot_peek_changes('regress_cloudevents', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'cloudevents', 'value.schemas.enable', 'true', 'compat.version', '2.0') LIMIT 1) r;
-- transforms change data and topic; what takes the envelope away is an error
SELECT v->'data'->'payload'->'after', v->'data'->'schema'->'fields'->1->>'name', t FROM (SELECT (data::jsonb)->'value' AS v, data::json->>'topic' AS t FROM pg_logical_slot_peek_changes('regress_cloudevents', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'cloudevents', 'value.schemas.enable', 'true', 'transforms', 'logical-router topic.regex=(.*)ce topic.replacement=$1events; insert-field of=value static.field=more static.value=x') LIMIT 1) r;
SELECT data FROM pg_logical_slot_peek_changes('regress_cloudevents', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'cloudevents', 'transforms', 'unwrap');
SELECT data FROM pg_logical_slot_peek_changes('regress_cloudevents', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'cloudevents', 'transforms', 'outbox table.field.event.id=id');
-- attributes from headers
\set made 'SELECT left(v->>''id'', 9), v->>''type'', v->''data''->''schema''->>''name'' FROM (SELECT data::json->''value'' AS v FROM pg_logical_slot_peek_changes(''regress_cloudevents'', NULL, NULL, ''topic.prefix'', ''pfx'', ''format'', ''cloudevents'', ''value.schemas.enable'', ''true'', ''compat.version'', ''2.7'''
:made, 'header.format', 'json', 'header.schemas.enable', 'true', 'metadata.headers', 'type,dataSchemaName', 'transforms', 'insert-header header=type value.literal=com.example.Changed; insert-header header=dataSchemaName value.literal=a"b if.topic=.*ce') LIMIT 1) r;
:made, 'metadata.headers', 'id', 'transforms', 'insert-header header=id value.literal=one if.tombstone=true if.not=true') LIMIT 1) r;
:made, 'metadata.headers', 'id') LIMIT 1) r;
:made, 'header.format', 'json', 'metadata.headers', 'type', 'transforms', 'insert-header header=type value.literal=7') LIMIT 1) r;
:made, 'metadata.headers', 'source') LIMIT 1) r;
DROP FUNCTION ce_strip;
DROP TABLE ce;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_cloudevents');
