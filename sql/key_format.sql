-- key.format=string: keys as Connect's StringConverter writes them
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SET synchronous_commit = on;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_key_format', 'tuplecast');
CREATE TABLE kf (a int, b text, c numeric(6,2), d bigint, PRIMARY KEY (a, b, c));
CREATE TABLE kf_unique (a int UNIQUE, b text);
CREATE TABLE kf_none (a int);
INSERT INTO kf VALUES (1, E'x"y\\\n,}😀', 1.5, 7);
UPDATE kf SET a = 2;
INSERT INTO kf_unique VALUES (NULL, 'nothing is left of a null');
INSERT INTO kf_none VALUES (1);
SELECT 'message' FROM pg_logical_emit_message(true, 'pre{fix', 'x');
SELECT data::json->>'topic', data::json->>'key' FROM pg_logical_slot_peek_changes('regress_key_format', NULL, NULL, 'topic.prefix', 'p', 'key.format', 'string');
-- exact decimals, whatever their form in values
SELECT data::json->>'key', data::json->'value'->>'c' FROM pg_logical_slot_peek_changes('regress_key_format', NULL, NULL, 'topic.prefix', 'p', 'key.format', 'string', 'decimal.handling.mode', 'precise', 'table.include.list', 'public.kf', 'message.prefix.exclude.list', '.*');
SELECT data FROM pg_logical_slot_get_changes('regress_key_format', NULL, NULL, 'topic.prefix', 'p', 'key.format', 'avro');
SELECT 'dropped' FROM pg_drop_replication_slot('regress_key_format');
DROP TABLE kf, kf_unique, kf_none;
