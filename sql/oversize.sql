-- records beyond record.max.bytes: told of, cut, never built without an end
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_oversize', 'tuplecast');
CREATE FUNCTION changes(VARIADIC options text[] DEFAULT '{}') RETURNS SETOF json LANGUAGE sql AS $$
	SELECT data::json FROM pg_logical_slot_peek_changes('regress_oversize', NULL, NULL, VARIADIC ARRAY['topic.prefix', 'p'] || options) $$;
CREATE FUNCTION consume() RETURNS text LANGUAGE sql AS $$
	SELECT slot_name FROM pg_replication_slot_advance('regress_oversize', pg_current_wal_lsn()) $$;
CREATE TABLE ov (id int PRIMARY KEY, a text, b text);
INSERT INTO ov VALUES (1, repeat('x', 1000), 'y');
-- key and value have 8 and 1043 bytes: the limit itself fits, one less does not
SELECT length(c->>'key'), length(c->>'value'), c->'oversize' FROM changes() c;
SELECT c->>'key', c->'value' IS NOT NULL AND c->'oversize' IS NULL FROM changes('record.max.bytes', '1051') c;
SELECT c FROM changes('record.max.bytes', '1050') c;
-- the hash is that of the value
SELECT o->'oversize'->>'sha256' = encode(sha256(convert_to(c->>'value', 'UTF8')), 'hex')
	FROM changes() c, changes('record.max.bytes', '1050') o;
SELECT consume();
-- what is small is not held up by what is not; the key is as ever
INSERT INTO ov VALUES (2, 'small', NULL), (3, repeat('x', 5000), NULL), (4, 'small', NULL);
UPDATE ov SET b = 'z' WHERE id = 3;
DELETE FROM ov WHERE id = 3;
SELECT c->>'key', c->>'value', c->'oversize'->>'value_bytes' FROM changes('record.max.bytes', '1000') c;
SELECT consume();
-- larger than what is built to learn the length: stopped, a lower bound
INSERT INTO ov VALUES (5, repeat('x', 65000000), repeat('y', 5000000));
SELECT c FROM changes('record.max.bytes', '1000000') c;
SELECT c->'oversize' FROM changes() c;
SELECT c->'oversize' FROM changes('format', 'envelope') c;
-- control characters take six bytes each
SELECT consume();
UPDATE ov SET a = repeat(E'\x01', 30000000), b = NULL WHERE id = 5;
SELECT c->>'key', c->'value', (c->'oversize'->>'value_bytes')::bigint > 100000000, c->'oversize'->'exact' FROM changes('record.max.bytes', '100000000') c;
SELECT consume();
DELETE FROM ov WHERE id = 5;
SELECT consume();
-- values that are short here and long there
CREATE TABLE ov_long (id int PRIMARY KEY, n numeric[], j jsonb, c ov);
ALTER TABLE ov_long ALTER j SET STORAGE EXTERNAL;
INSERT INTO ov_long VALUES (1, array_fill('1e131071'::numeric, ARRAY[300]), NULL, NULL);
SELECT c->>'key', c->'value', (c->'oversize'->>'value_bytes')::int > 100000 FROM changes('record.max.bytes', '100000') c;
SELECT consume();
INSERT INTO ov_long SELECT 2, NULL, jsonb_agg('1e131071'::numeric), NULL FROM generate_series(1, 600);
SELECT c->>'key', c->'value', c->'oversize'->>'exact' FROM changes('record.max.bytes', '100000') c;
SELECT consume();
-- what an output function returns
INSERT INTO ov_long VALUES (3, NULL, NULL, ROW(1, repeat('"', 20000000), NULL));
SELECT c->>'key', c->'value', c->'oversize'->>'exact' FROM changes('record.max.bytes', '100000') c;
SELECT consume();
-- cut columns; what is told of them in a header
CREATE TABLE ov_cut (id int PRIMARY KEY, t text, j json, jb jsonb, b bytea, n int, vc varchar, u text);
ALTER TABLE ov_cut REPLICA IDENTITY FULL;
INSERT INTO ov_cut VALUES (1, repeat('t', 3000), json_build_object('k', repeat('j', 3000)), jsonb_build_object('k', repeat('b', 3000)), convert_to(repeat('b', 3000), 'UTF8'), 7, repeat('ä', 1500), 'kept');
SELECT c FROM changes('oversize', 'truncate-columns', 'record.max.bytes', '1500') c;
SELECT octet_length(c::text) < 12000, c->'headers' FROM changes('oversize', 'truncate-columns', 'record.max.bytes', '12000') c;
SELECT (c->'value'->>'j')::json, (c->'value'->>'jb')::json FROM changes('oversize', 'truncate-columns', 'record.max.bytes', '1500', 'binary.handling.mode', 'hex') c;
UPDATE ov_cut SET n = 8;
SELECT c->'headers', length(c->'value'->'before'->>'t'), length(c->'value'->'after'->>'t')
	FROM changes('oversize', 'truncate-columns', 'record.max.bytes', '4000', 'format', 'envelope') c;
-- nothing is cut where nothing is too large
SELECT c->'headers' IS NULL FROM changes('oversize', 'truncate-columns', 'record.max.bytes', '50000') c;
-- and what cannot be cut short enough is told of as ever
SELECT c->'value', c->'headers', c->'oversize'->'exact', length(c->'oversize'->>'sha256') FROM changes('oversize', 'truncate-columns', 'record.max.bytes', '100') c;
SELECT consume();
-- huge values are cut without being built
INSERT INTO ov_cut VALUES (2, repeat('t', 70000000), NULL, NULL, NULL, 7, repeat('v', 5000000), 'kept');
SELECT length(c::text) < 1000000, c->'headers', right(c->'value'->>'t', 40), c->'value'->>'u' FROM changes('oversize', 'truncate-columns') c;
SELECT consume();
-- messages, from anybody
SELECT count(*) FROM pg_logical_emit_message(true, 'p', repeat('m', 3000));
SELECT count(*) FROM pg_logical_emit_message(false, repeat('p', 100000), 'x');
SELECT count(*) FROM pg_logical_emit_message(true, 'p', repeat('m', 50000000));
SELECT count(*) FROM pg_logical_emit_message(false, 'p', repeat('m', 50000000));
SELECT length(c->>'key'), c->'value', c->'oversize'->'exact' FROM changes('record.max.bytes', '3000', 'message.prefix.include.list', 'p+') c;
SELECT consume();
-- transforms and the outbox
CREATE TABLE ov_outbox (id uuid PRIMARY KEY, aggregatetype text, aggregateid text, type text, payload jsonb);
INSERT INTO ov_outbox VALUES ('00000000-0000-0000-0000-000000000001', 'order', '1', 'made', jsonb_build_object('k', repeat('p', 3000)));
SELECT c->>'topic', c->>'key', c->'value', c->'oversize'->'exact' FROM changes('record.max.bytes', '1000', 'table.include.list', 'public.ov_outbox', 'format', 'envelope', 'transforms', 'outbox') c;
SELECT consume();
INSERT INTO ov_outbox VALUES ('00000000-0000-0000-0000-000000000002', 'order', '1', 'made', jsonb_build_object('k', repeat('p', 65000000)));
SELECT c->>'key', c->'value', c->'oversize'->'exact' FROM changes('record.max.bytes', '1000', 'table.include.list', 'public.ov_outbox', 'format', 'envelope', 'transforms', 'outbox') c;
-- options
SELECT changes('record.max.bytes', '-1');
SELECT changes('oversize', 'drop');
SELECT pg_drop_replication_slot('regress_oversize');
DROP FUNCTION changes(text[]), consume();
DROP TABLE ov_long, ov, ov_cut, ov_outbox;
