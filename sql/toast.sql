-- values kept out of line: known in full, or unchanged and not in the WAL
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_toast', 'tuplecast');
CREATE TYPE toast_mood AS ENUM ('sad', 'happy');
CREATE DOMAIN toast_domain AS text;
CREATE TABLE toasted (id int PRIMARY KEY, n int, t text, v varchar, c char(5000), dom toast_domain, b bytea, j json, jb jsonb,
	num numeric, bits varbit, vec tsvector, rng int4multirange,
	at text[], ab bytea[], ai int[], al bigint[], ad date[], au uuid[], af float8[], an numeric[], ajb jsonb[], ats timestamptz[], ae toast_mood[], a2 text[]);
DO $$
DECLARE
	c text;
BEGIN
	FOR c IN SELECT attname FROM pg_attribute WHERE attrelid = 'toasted'::regclass AND attnum > 0 AND attlen = -1 LOOP
		EXECUTE format('ALTER TABLE toasted ALTER %I SET STORAGE EXTERNAL', c);
	END LOOP;
EXCEPTION WHEN feature_not_supported THEN
	RAISE EXCEPTION 'a column cannot be stored out of line: %', c;
END
$$;
CREATE FUNCTION toast_fill(n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO toasted
	SELECT n, 0, repeat('t', 3000), repeat('v', 3000), 'c', repeat('d', 3000), decode(repeat('00ff', 1500), 'hex'),
		json_build_object('j', repeat('j', 3000)), jsonb_build_object('jb', repeat('b', 3000)),
		repeat('9', 6000)::numeric, repeat('10', 12000)::varbit, (SELECT string_agg('w' || i, ' ') FROM generate_series(1, 500) i)::tsvector,
		(SELECT range_agg(int4range(i * 2, i * 2 + 1)) FROM generate_series(1, 500) i),
		(SELECT array_agg('t' || i) FROM generate_series(1, 500) i), (SELECT array_agg(('b' || i)::bytea) FROM generate_series(1, 500) i),
		(SELECT array_agg(i) FROM generate_series(1, 1000) i), (SELECT array_agg(i::bigint) FROM generate_series(1, 1000) i),
		(SELECT array_agg('2024-01-01'::date + i) FROM generate_series(1, 1000) i),
		(SELECT array_agg(md5(i::text)::uuid) FROM generate_series(1, 500) i), (SELECT array_agg(i::float8) FROM generate_series(1, 1000) i),
		(SELECT array_agg(i::numeric) FROM generate_series(1, 1000) i), (SELECT array_agg(to_jsonb(i)) FROM generate_series(1, 500) i),
		(SELECT array_agg('2024-01-01Z'::timestamptz + i * interval '1 day') FROM generate_series(1, 1000) i),
		(SELECT array_agg('happy'::toast_mood) FROM generate_series(1, 1000) i), NULL
$$;
-- new values are complete, byte by byte
SELECT toast_fill(1);
SELECT k, length(data::json->'value'->>k), md5(data::json->'value'->>k)
	FROM pg_logical_slot_get_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p'), json_object_keys(data::json->'value') k;
SELECT md5(t), md5(v), md5(j::text), md5(jb::text), md5(num::text) FROM toasted;
-- unchanged values
UPDATE toasted SET n = 1;
UPDATE toasted SET n = 2, t = repeat('T', 2100);
SELECT replace(data, repeat('T', 2100), 'TTT') FROM pg_logical_slot_peek_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p');
SELECT replace(data, repeat('T', 2100), 'TTT') FROM pg_logical_slot_peek_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p', 'unavailable.value.placeholder', 'n/a "é"', 'binary.handling.mode', 'hex');
SELECT data::json->'value'->'b', data::json->'value'->'ab' FROM pg_logical_slot_peek_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p', 'unavailable.value.placeholder', 'a?>~', 'binary.handling.mode', 'base64-url-safe');
SELECT data::json->'value'->'ai', data::json->'value'->'t' FROM pg_logical_slot_peek_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p', 'unavailable.value.placeholder', '') LIMIT 1;
SELECT bool_and(data::json IS NOT NULL), count(*) FROM pg_logical_slot_get_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope');
-- a delete knows its key and nothing else
DELETE FROM toasted;
SELECT data FROM pg_logical_slot_get_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p');
-- FULL: the old row completes the new one
ALTER TABLE toasted REPLICA IDENTITY FULL;
SELECT toast_fill(2);
UPDATE toasted SET n = 1;
DELETE FROM toasted;
SELECT row_number() OVER (), length(data), data LIKE '%unavailable%', data::json->'value'->>'n', length(data::json->'value'->>'t'), md5(data::json->'value'->>'ai')
	FROM pg_logical_slot_peek_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p');
SELECT data::json->'value'->>'op', md5((data::json->'value'->'before')::text) = md5((data::json->'value'->'after')::text),
	length(data::json->'value'->'before'->>'t'), length(data::json->'value'->'after'->>'t'), data LIKE '%unavailable%'
	FROM pg_logical_slot_get_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope');
-- a key that is stored out of line (not compressible, too long for a row's page, short enough for an index)
CREATE TABLE toast_key (k text, n int, t text);
ALTER TABLE toast_key ALTER k SET STORAGE EXTERNAL, ALTER t SET STORAGE EXTERNAL;
ALTER TABLE toast_key ADD PRIMARY KEY (k);
INSERT INTO toast_key SELECT string_agg(md5(i::text), ''), 1, repeat('x', 3000) FROM generate_series(1, 75) i;
UPDATE toast_key SET n = 2;
UPDATE toast_key SET n = 3, k = 'short';
UPDATE toast_key SET n = 4;
SELECT length(data::json->'key'->>'k'), length(data::json->'value'->>'k'), md5(data::json->'key'->>'k') = md5(data::json->'value'->>'k'), data::json->'value'->>'n', left(data::json->'value'->>'t', 30), data::json->'value'->>'__deleted'
	FROM pg_logical_slot_get_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p');
-- compressed, in line and out of line
CREATE TABLE toast_packed (id int PRIMARY KEY, t text, b bytea);
INSERT INTO toast_packed VALUES (1, repeat('abc', 1000), decode(repeat('ab', 5000), 'hex')), (2, repeat('abc', 500000), ''), (3, NULL, NULL);
UPDATE toast_packed SET b = 'x';
SELECT data::json->'value'->>'id', length(data::json->'value'->>'t'), left(data::json->'value'->>'t', 30), md5(data::json->'value'->>'t') = md5(repeat('abc', 1000)), length(data::json->'value'->>'b')
	FROM pg_logical_slot_get_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p');
-- what has no form for a placeholder is null, which is warned of once, and can be asked for
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS tuplecast;
RESET client_min_messages;
CREATE TABLE toast_lost (id int PRIMARY KEY, n int, f float8[], small numeric(10,2), wide numeric, t text);
ALTER TABLE toast_lost ALTER f SET STORAGE EXTERNAL;
INSERT INTO toast_lost SELECT 1, 1, array_agg(i), 1, 1, 't' FROM generate_series(1, 1000) i;
UPDATE toast_lost SET n = 2;
UPDATE toast_lost SET n = 3;
SELECT data::json->'value'->>'n', data::json->'value'->'f' FROM pg_logical_slot_get_changes('regress_toast', NULL, NULL, 'topic.prefix', 'p') OFFSET 1;
SELECT lost_if_unchanged FROM tuplecast.relations('topic.prefix', 'p', 'table.include.list', 'public.toast_lost', 'decimal.handling.mode', 'precise');
SELECT lost_if_unchanged FROM tuplecast.relations('topic.prefix', 'p', 'table.include.list', 'public.toast_lost', 'column.exclude.list', '.*\.f');
ALTER TABLE toast_lost REPLICA IDENTITY FULL;
SELECT lost_if_unchanged FROM tuplecast.relations('topic.prefix', 'p', 'table.include.list', 'public.toast_lost');
DROP TABLE toast_lost;
DROP EXTENSION tuplecast;
DROP SCHEMA tuplecast;
DROP TABLE toasted, toast_key, toast_packed;
DROP FUNCTION toast_fill;
DROP TYPE toast_mood;
DROP DOMAIN toast_domain;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_toast');
