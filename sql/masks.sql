-- column.mask.* and column.truncate.*
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_masks', 'tuplecast');
CREATE TYPE mk_mood AS ENUM ('sad', 'happy');
CREATE DOMAIN mk_code AS varchar(5);
CREATE TABLE mk (k varchar(10) PRIMARY KEY, t text, v varchar(6), c char(4), d mk_code, m mk_mood, n name, u uuid, i int, b bytea, j jsonb, a text[],
	r text NOT NULL DEFAULT 'de"f', e text NOT NULL, x text DEFAULT 'xdef');
CREATE FUNCTION mk_after(VARIADIC options text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT coalesce(data::json->'value'->'after', data::json->'value')::text
	FROM pg_logical_slot_peek_changes('regress_masks', NULL, NULL, VARIADIC ARRAY['topic.prefix', 'p'] || options)
$$;
INSERT INTO mk VALUES ('key', 'text', 'varcha', 'ab', 'code5', 'happy', 'name', '11111111-2222-3333-4444-555555555555', 1, '\x0011223344556677', '{"a": "bc"}', '{abc}', 'r', 'e', 'x');
INSERT INTO mk (k, e) VALUES ('nulls', '');
SELECT mk_after('column.mask.with.3.chars', '.*');
SELECT mk_after('column.mask.with.0.chars', 'public\.mk\.t');
-- strings of any type, and bytes; what cannot be longer is left alone
SELECT mk_after('column.truncate.to.3.chars', '.*');
SELECT mk_after('column.truncate.to.6.chars', '.*', 'binary.handling.mode', 'bytes');
SELECT mk_after('column.truncate.to.5.chars', 'public.mk.(b|k)', 'binary.handling.mode', 'bytes');
SELECT mk_after('column.truncate.to.0.chars', '.*\.(t|b)', 'binary.handling.mode', 'bytes');
SELECT mk_after('column.mask.hash.v2.SHA-256.with.salt.pepper', 'public.mk.(k|t|v|c|d|m|u|e)');
SELECT encode(sha256('peppertext'), 'hex'), left(encode(sha256('peppervarcha'), 'hex'), 6);
-- the key stays as it is
SELECT data::json->'key' FROM pg_logical_slot_peek_changes('regress_masks', NULL, NULL, 'topic.prefix', 'p', 'column.mask.with.3.chars', '.*');
-- the first form, of a serialised Java string
SELECT mk_after('column.mask.hash.SHA-256.with.salt.pepper', 'public.mk.(t|e)');
SELECT encode(sha256('pepper'::bytea || '\xaced000574'::bytea || '\x0004'::bytea || 'text'::bytea), 'hex');
-- escapes and pairs are what they stand for
SELECT data FROM pg_logical_slot_get_changes('regress_masks', NULL, NULL, 'topic.prefix', 'p', 'column.include.list', 'public.mk.k');
INSERT INTO mk (k, t, e) VALUES ('special', E'a"b\\\n\u0001\u00e9\U0001D4B3z', repeat('x', 70000));
SELECT mk_after('column.mask.hash.v2.MD5.with.salt.s', '.*\.t', 'column.exclude.list', '.*\.e');
SELECT md5('s' || t) FROM mk WHERE k = 'special';
SELECT mk_after('column.mask.hash.MD5.with.salt.s', '.*\.[te]');
SELECT md5(convert_to('s', 'UTF8') || '\xaced000574000f'::bytea || convert_to(E'a"b\\\n\u0001\u00e9', 'UTF8') || '\xeda0b5edb2b37a'::bytea),
	md5('\x73aced00057c0000000000011170'::bytea || convert_to(repeat('x', 70000), 'UTF8'));
SELECT mk_after('column.truncate.to.' || n || '.chars', '.*\.t', 'column.include.list', '.*\.t') FROM generate_series(2, 9) AS n;
SELECT data FROM pg_logical_slot_get_changes('regress_masks', NULL, NULL, 'topic.prefix', 'p', 'column.include.list', 'public.mk.k');
-- of several, the first of truncate, mask, hash and hash v2 holds
INSERT INTO mk (k, t, e) VALUES ('several', 'some text', 'e');
SELECT mk_after('column.mask.hash.v2.MD5.with.salt.s', '.*\.t', 'column.mask.hash.MD5.with.salt.s', '.*\.t', 'column.mask.with.2.chars', '.*\.t', 'column.truncate.to.4.chars', '.*\.t', 'column.include.list', '.*\.t');
SELECT mk_after('column.mask.hash.v2.MD5.with.salt.s', '.*\.t', 'column.mask.hash.MD5.with.salt.s', '.*\.t', 'column.mask.with.2.chars', '.*\.t', 'column.include.list', '.*\.t');
SELECT mk_after('column.mask.hash.v2.MD5.with.salt.s', '.*\.t', 'column.mask.hash.MD5.with.salt.s', '.*\.t', 'column.include.list', '.*\.t');
SELECT md5('\x73aced0005740009'::bytea || 'some text'::bytea);
-- salts of the session
SET tuplecast.secrets = '70657070,6572';
SELECT mk_after('column.mask.hash.v2.MD5.with.salt.#1', '.*\.t', 'column.mask.hash.v2.MD5.with.salt.#2', '.*\.e', 'column.include.list', '.*\.[te]');
SELECT md5('peppsome text'), md5('ere');
SELECT mk_after('column.mask.hash.v2.MD5.with.salt.#3', '.*\.t');
SELECT mk_after('column.mask.hash.v2.MD5.with.salt.#0', '.*\.t');
RESET tuplecast.secrets;
SELECT mk_after('column.mask.hash.v2.MD5.with.salt.#1', '.*\.t');
-- values that are invented are disguised, too; an unchanged TOASTed one must be known for one
SELECT data FROM pg_logical_slot_get_changes('regress_masks', NULL, NULL, 'topic.prefix', 'p', 'column.include.list', 'public.mk.k');
DELETE FROM mk WHERE k = 'key';
SELECT data::json->'value'->'before'
	FROM pg_logical_slot_peek_changes('regress_masks', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'connector.compat', 'true', 'replace.null.with.default', 'true', 'column.mask.hash.v2.MD5.with.salt.s', '.*', 'delete.tombstone.handling.mode', 'drop', 'tombstones.on.delete', 'false');
SELECT md5('skey'), md5('s'), md5('sde"f');
SELECT data FROM pg_logical_slot_get_changes('regress_masks', NULL, NULL, 'topic.prefix', 'p', 'column.include.list', 'public.mk.k');
CREATE TABLE mk_toast (id int PRIMARY KEY, t text, o int);
ALTER TABLE mk_toast ALTER t SET STORAGE EXTERNAL;
INSERT INTO mk_toast VALUES (1, repeat('t', 5000), 1);
SELECT data FROM pg_logical_slot_get_changes('regress_masks', NULL, NULL, 'topic.prefix', 'p', 'column.truncate.to.6.chars', '.*');
UPDATE mk_toast SET o = 2;
SELECT mk_after('column.truncate.to.6.chars', '.*');
SELECT mk_after('column.mask.hash.v2.MD5.with.salt.s', '.*');
SELECT mk_after('column.mask.with.2.chars', '.*');
-- what a schema tells
SELECT f->>'field', f->'parameters' FROM pg_logical_slot_peek_changes('regress_masks', NULL, NULL, 'topic.prefix', 'p', 'value.schemas.enable', 'true', 'column.mask.with.2.chars', '.*\.id', 'column.truncate.to.4.chars', '.*\.(t|o)') AS c,
	json_array_elements(c.data::json->'value'->'schema'->'fields') AS f;
-- names that are not understood; a salt is never shown
SELECT mk_after('column.mask.with.x.chars', '.*');
SELECT mk_after('column.mask.hash.SHA-3.with.salt.hush', '.*');
SELECT mk_after('column.mask.hash.MD5.salt.hush', '.*');
SELECT mk_after('column.mask.hash.MD5.with.salt.hush', '(');
DROP FUNCTION mk_after;
DROP TABLE mk, mk_toast;
DROP DOMAIN mk_code;
DROP TYPE mk_mood;
SELECT pg_drop_replication_slot('regress_masks');
