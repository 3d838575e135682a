-- Debezium's envelope
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_envelope', 'tuplecast');
-- what is not always the same goes from the output
CREATE FUNCTION en_strip(data text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace(replace(data, '"' || current_database() || '"', '"DB"'), '"(ts_..|lsn|txId)":\d+', '"\1":0', 'g'), '"version":"[^"]*"', '"version":""'), '"sequence":"([^"\\]|\\.)*"', '"sequence":""')
$$;
CREATE TABLE en (id int PRIMARY KEY, note text, amt numeric(10,2) NOT NULL DEFAULT 0);
CREATE TABLE en_full (id int PRIMARY KEY, note text, amt numeric(10,2) NOT NULL DEFAULT 0);
ALTER TABLE en_full REPLICA IDENTITY FULL;
INSERT INTO en VALUES (1, 'one', 1.5);
INSERT INTO en_full VALUES (1, 'one', 1.5);
UPDATE en SET note = 'two';
UPDATE en_full SET note = 'two';
UPDATE en SET id = 2;
UPDATE en_full SET id = 2;
DELETE FROM en;
DELETE FROM en_full;
SELECT en_strip(data) FROM pg_logical_slot_peek_changes('regress_envelope', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope', 'decimal.handling.mode', 'precise');
-- the order of the fields
SELECT string_agg(k, ' ' ORDER BY n) FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_envelope', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope') LIMIT 1) r, json_object_keys(v) WITH ORDINALITY AS o (k, n);
SELECT string_agg(k, ' ' ORDER BY n) FROM (SELECT data::json->'value'->'source' AS v FROM pg_logical_slot_peek_changes('regress_envelope', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope') LIMIT 1) r, json_object_keys(v) WITH ORDINALITY AS o (k, n);
-- records of one transaction share its identity
BEGIN;
INSERT INTO en VALUES (10, 'a'), (11, 'b');
UPDATE en SET id = 12 WHERE id = 10;
COMMIT;
SELECT count(*), count(DISTINCT v->'source'->>'txId'), count(DISTINCT v->'source'->>'ts_us'), count(DISTINCT (v->'source'->>'sequence')::json->>0), bool_and((v->>'ts_us')::bigint >= (v->'source'->>'ts_us')::bigint)
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_envelope', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope')) r WHERE v->'source'->>'txId' = (SELECT max((data::json->'value'->'source'->>'txId')::bigint)::text FROM pg_logical_slot_peek_changes('regress_envelope', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope'));
-- filters of columns and options of the flat format
SELECT data::json->'value'->'before', data::json->'value'->'after' FROM pg_logical_slot_peek_changes('regress_envelope', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope', 'column.exclude.list', '.*\.note', 'add.fields', 'op', 'table.include.list', '.*\.en_full', 'skipped.operations', 'c');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_envelope', NULL, NULL, 'topic.prefix', 'pfx', 'format', 'envelope');
DROP FUNCTION en_strip;
DROP TABLE en, en_full;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_envelope');
