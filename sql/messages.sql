-- logical messages, in and out of transactions
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_messages', 'tuplecast');
CREATE TABLE me (id int PRIMARY KEY);
-- what is not always the same goes from the output
CREATE FUNCTION me_strip(data text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace(data, '"(ts_..|lsn)":\d+', '"\1":0', 'g'), '"txId":\d+', '"txId":1'), '"(version|sequence)":"([^"\\]|\\.)*"', '"\1":""', 'g')
$$;
SELECT 'emitted' FROM pg_logical_emit_message(true, 'outbox', 'transactional');
SELECT 'emitted' FROM pg_logical_emit_message(false, 'outbox', 'not transactional');
BEGIN;
INSERT INTO me VALUES (1);
SELECT 'emitted' FROM pg_logical_emit_message(true, 'other "é"', 'between'::bytea);
INSERT INTO me VALUES (2);
SELECT 'emitted' FROM pg_logical_emit_message(false, 'audit', '\x00ff'::bytea);
COMMIT;
BEGIN;
SELECT 'emitted' FROM pg_logical_emit_message(true, 'outbox', 'rolled back');
SELECT 'emitted' FROM pg_logical_emit_message(false, 'outbox', 'stays');
ROLLBACK;
SELECT 'emitted' FROM pg_logical_emit_message(true, '', '');
SELECT me_strip(replace(data, current_database(), 'DB')) FROM pg_logical_slot_peek_changes('regress_messages', NULL, NULL, 'topic.prefix', 'p');
-- the same in an envelope's format
SELECT data::json->'topic', data::json->'key', data::json->'value'->'message' FROM pg_logical_slot_peek_changes('regress_messages', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'binary.handling.mode', 'hex') WHERE data LIKE '%.message"%';
SELECT data::json->'key', convert_from(decode(data::json->'value'->'message'->>'content', 'base64'), 'UTF8') FROM pg_logical_slot_peek_changes('regress_messages', NULL, NULL, 'topic.prefix', 'p', 'message.prefix.include.list', 'OUT.*', 'skipped.operations', 'c,u,d,t');
SELECT data::json->'key' FROM pg_logical_slot_peek_changes('regress_messages', NULL, NULL, 'topic.prefix', 'p', 'message.prefix.exclude.list', 'outbox,aud', 'table.exclude.list', '.*');
-- headers of rows are not theirs
SELECT data::json->'key', data::json->'headers' FROM pg_logical_slot_peek_changes('regress_messages', NULL, NULL, 'topic.prefix', 'p', 'add.headers', 'op', 'add.fields', 'op', 'message.prefix.include.list', 'other.*');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_messages', NULL, NULL, 'topic.prefix', 'p');
-- large and binary
SELECT 'emitted' FROM pg_logical_emit_message(true, 'big', decode(repeat('00ff10', 100000), 'hex'));
SELECT length(data::json->'value'->'message'->>'content'), decode(data::json->'value'->'message'->>'content', 'base64') = decode(repeat('00ff10', 100000), 'hex') FROM pg_logical_slot_get_changes('regress_messages', NULL, NULL, 'topic.prefix', 'p');
DROP FUNCTION me_strip;
DROP TABLE me;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_messages');
