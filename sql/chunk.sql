-- tuplecast.chunk(): what a query needs that reads a table in the order of its key, a part at a time
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tuplecast;
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA ch;
SET search_path = ch, public;
-- names as SQL takes them, whatever the search_path; what is published, its columns, the key
CREATE TABLE ch_one (id int PRIMARY KEY, "Col é" text, gone int, g int GENERATED ALWAYS AS (id * 2) STORED, v varchar(10));
ALTER TABLE ch_one DROP gone;
CREATE TABLE "Ch ""two""" (b text COLLATE "C", "A;" int, n int, PRIMARY KEY (b, "A;"));
SELECT * FROM tuplecast.chunk('ch_one'::regclass, '{topic.prefix,p}');
SELECT * FROM tuplecast.chunk('"Ch ""two"""'::regclass, '{topic.prefix,p}', NULL);
SET search_path = public;
SELECT name, published, key, types FROM tuplecast.chunk('ch."Ch ""two"""'::regclass, '{topic.prefix,p,column.exclude.list,"ch.Ch .two..n"}');
SET search_path = ch, public;
-- the key is there whatever the lists say
SELECT columns, key, exact FROM tuplecast.chunk('ch_one'::regclass, '{topic.prefix,p,column.include.list,ch.ch_one.v}');
-- a table as the shipper reads it: up to the last key, behind the last chunk's
CREATE FUNCTION ch_read(tab regclass, size int, surrogate text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	c record; texts text; keys text; last text[]; max text[]; k text[]; n int; chunks int := 0; found text[] := '{}'; count bigint;
BEGIN
	SELECT * INTO c FROM tuplecast.chunk(tab, '{topic.prefix,p}', surrogate);
	SELECT 'ARRAY[' || string_agg(format('(%s)::text', name), ', ') || ']' INTO texts FROM unnest(c.key) name;
	keys := array_to_string(c.key, ', ');
	EXECUTE format('SELECT %s FROM ONLY %s ORDER BY %s DESC LIMIT 1', texts, c.name, array_to_string(c.key, ' DESC, ')) INTO max;
	WHILE max IS NOT NULL LOOP
		n := 0;
		FOR k IN EXECUTE format('SELECT %s FROM ONLY %s WHERE ROW(%s) %s ROW(%s)%s ORDER BY %s LIMIT %s', texts, c.name, keys, c.operators[2],
			(SELECT string_agg(format('%L::%s', v, t), ', ') FROM unnest(max, c.types) u(v, t)),
			(SELECT format(' AND ROW(%s) %s ROW(%s)', keys, c.operators[1], string_agg(format('%L::%s', v, t), ', ')) FROM unnest(last, c.types) u(v, t) WHERE last IS NOT NULL HAVING count(*) > 0), keys, size)
		LOOP
			n := n + 1; last := k; found := found || array_to_string(k, '/');
			EXECUTE format('SELECT count(*) FROM ONLY %s WHERE ROW(%s) %s ROW(%s)', c.name, keys, c.operators[3], (SELECT string_agg(format('%L::%s', v, t), ', ') FROM unnest(k, c.types) u(v, t))) INTO count;
			IF count <> 1 AND surrogate IS NULL THEN RAISE EXCEPTION 'key % has % rows', k, count; END IF;
		END LOOP;
		EXIT WHEN n = 0;
		chunks := chunks + 1;
	END LOOP;
	EXECUTE format('SELECT count(*) FROM ONLY %s', c.name) INTO count;
	RETURN format('%s of %s rows in %s chunks: %s', cardinality(found), count, chunks, array_to_string(found, ' '));
END
$$;
SELECT ch_read('ch_one', 3);
INSERT INTO ch_one (id) VALUES (-1000000000), (1000000000), (0), (5), (-1);
SELECT ch_read('ch_one', 2), ch_read('ch_one', 5), ch_read('ch_one', 100);
INSERT INTO "Ch ""two""" SELECT b, a FROM unnest(ARRAY['', 'a', 'a ', 'B', 'é', E'q''"\\']) b, generate_series(1, 3) a;
SELECT ch_read('"Ch ""two"""', 4);
-- types that have a length, of which a key must not be cut; domains, enums in their order, arrays, times
CREATE TYPE "Ch mood" AS ENUM ('sad', 'ok', 'Happy');
CREATE DOMAIN ch_positive AS numeric(8,3) CHECK (VALUE > 0);
CREATE TABLE ch_types (c char(3), v varchar(4), i "char", b bit(3), m "Ch mood", d ch_positive, n numeric(6,2), a int[], t timestamptz(3), u uuid, y bytea, iv interval, PRIMARY KEY (m, c, v, i, b, d, n, a, t, u, y, iv));
SELECT key, types, operators FROM tuplecast.chunk('ch_types'::regclass, '{topic.prefix,p}');
INSERT INTO ch_types SELECT 'ab', 'abc', 'x', B'101', m::"Ch mood", d, 1.5, '{1,NULL}', '2024-02-29 13:00:00.123+00', '6b29fc40-ca47-1067-b31d-00dd010662da', '\x00ff', '1 mon' FROM unnest('{Happy,sad,ok}'::text[]) m, unnest('{2,10}'::int[]) d;
SET timezone = 'UTC';
SELECT regexp_replace(ch_read('ch_types', 4), '/ab/abc[^ ]*?/(\d+\.000)/[^ ]+ [^ ]+ [^ ]+', '/\1', 'g');
CREATE TABLE ch_float (f float8 PRIMARY KEY);
INSERT INTO ch_float VALUES ('NaN'), ('-Infinity'), (0.1), (1e300), ('Infinity');
SELECT ch_read('ch_float', 2);
-- a type with an order of its own is read in that order, but not beside another in one key
CREATE TYPE ch_back AS ENUM ('x', 'y', 'z');
CREATE FUNCTION ch_lt(ch_back, ch_back) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT enum_gt($1, $2)';
CREATE FUNCTION ch_le(ch_back, ch_back) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT enum_ge($1, $2)';
CREATE FUNCTION ch_gt(ch_back, ch_back) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT enum_lt($1, $2)';
CREATE FUNCTION ch_ge(ch_back, ch_back) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT enum_le($1, $2)';
CREATE FUNCTION ch_eq(ch_back, ch_back) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT enum_eq($1, $2)';
CREATE FUNCTION ch_cmp(ch_back, ch_back) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT enum_cmp($2, $1)';
CREATE OPERATOR < (FUNCTION = ch_lt, LEFTARG = ch_back, RIGHTARG = ch_back);
CREATE OPERATOR <= (FUNCTION = ch_le, LEFTARG = ch_back, RIGHTARG = ch_back);
CREATE OPERATOR > (FUNCTION = ch_gt, LEFTARG = ch_back, RIGHTARG = ch_back);
CREATE OPERATOR >= (FUNCTION = ch_ge, LEFTARG = ch_back, RIGHTARG = ch_back);
CREATE OPERATOR = (FUNCTION = ch_eq, LEFTARG = ch_back, RIGHTARG = ch_back);
CREATE OPERATOR CLASS ch_back_ops DEFAULT FOR TYPE ch_back USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 ch_cmp(ch_back, ch_back);
CREATE TABLE ch_own (k ch_back PRIMARY KEY);
INSERT INTO ch_own VALUES ('x'), ('z'), ('y');
SELECT operators FROM tuplecast.chunk('ch_own'::regclass, '{topic.prefix,p}');
SELECT ch_read('ch_own', 2);
CREATE TABLE ch_mixed (id int, k ch_back, PRIMARY KEY (id, k));
SELECT tuplecast.chunk('ch_mixed'::regclass, '{topic.prefix,p}');
-- another column to read by: it comes first, and need not be unique
CREATE TABLE ch_surrogate (a int NOT NULL, n int, j json NOT NULL, b int, PRIMARY KEY (b, a));
INSERT INTO ch_surrogate SELECT i % 3, NULL, '{}', i FROM generate_series(1, 7) i;
SELECT key, types, exact FROM tuplecast.chunk('ch_surrogate'::regclass, '{topic.prefix,p}', 'a');
SELECT ch_read('ch_surrogate', 3, 'a');
SELECT tuplecast.chunk('ch_surrogate'::regclass, '{topic.prefix,p}', 'n');
SELECT tuplecast.chunk('ch_surrogate'::regclass, '{topic.prefix,p}', 'missing');
SELECT tuplecast.chunk('ch_surrogate'::regclass, '{topic.prefix,p}', 'ctid');
SELECT tuplecast.chunk('ch_surrogate'::regclass, '{topic.prefix,p}', 'j');
SELECT tuplecast.chunk('ch_surrogate'::regclass, '{topic.prefix,p}', '');
-- what is a key: no NULL, no two rows of one
CREATE TABLE ch_unique (id int NOT NULL, other int NOT NULL, extra text);
SELECT tuplecast.chunk('ch_unique'::regclass, '{topic.prefix,p}');
CREATE UNIQUE INDEX ch_partial ON ch_unique (id) WHERE other > 0;
CREATE UNIQUE INDEX ch_expression ON ch_unique ((id + 1));
CREATE UNIQUE INDEX ch_nullable ON ch_unique (extra);
\set VERBOSITY terse
SELECT tuplecast.chunk('ch_unique'::regclass, '{topic.prefix,p}');
-- message.key.columns makes keys of records; rows are read by what is unique, and there must be something
SELECT tuplecast.chunk('ch_unique'::regclass, '{topic.prefix,p,message.key.columns,ch.ch_unique:other}');
CREATE UNIQUE INDEX ch_included ON ch_unique (other) INCLUDE (extra);
SELECT key, exact FROM tuplecast.chunk('ch_unique'::regclass, '{topic.prefix,p}');
SELECT key, exact FROM tuplecast.chunk('ch_unique'::regclass, '{topic.prefix,p,message.key.columns,ch.ch_unique:id}');
SELECT key, exact FROM tuplecast.chunk('ch_unique'::regclass, '{topic.prefix,p,message.key.columns,ch.ch_unique:other}');
CREATE UNIQUE INDEX ch_identity ON ch_unique (id);
ALTER TABLE ch_unique REPLICA IDENTITY USING INDEX ch_identity;
SELECT key, exact FROM tuplecast.chunk('ch_unique'::regclass, '{topic.prefix,p}');
-- what is no table of rows, or not captured: NULLs
CREATE VIEW ch_view AS SELECT 1 AS id;
CREATE MATERIALIZED VIEW ch_matview AS SELECT 1 AS id;
CREATE UNLOGGED TABLE ch_unlogged (id int PRIMARY KEY);
CREATE TEMP TABLE ch_temp (id int PRIMARY KEY);
CREATE SEQUENCE ch_sequence;
CREATE TABLE ch_root (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE ch_leaf PARTITION OF ch_root FOR VALUES FROM (0) TO (10);
SELECT t, c IS NULL FROM unnest('{ch_view,ch_matview,ch_unlogged,ch_temp,ch_sequence,ch_root,ch_one_pkey,pg_class}'::regclass[]) t, tuplecast.chunk(t, '{topic.prefix,p}') c;
SELECT c IS NULL FROM tuplecast.chunk(0, '{topic.prefix,p}') c UNION ALL SELECT c IS NULL FROM tuplecast.chunk(1, '{topic.prefix,p}') c
	UNION ALL SELECT c IS NULL FROM tuplecast.chunk('ch_one'::regclass, '{topic.prefix,p,table.exclude.list,ch.ch_one}') c;
SELECT name, published FROM tuplecast.chunk('ch_leaf'::regclass, '{topic.prefix,p}') UNION ALL SELECT name, published FROM tuplecast.chunk('ch_leaf'::regclass, '{topic.prefix,p,publish.via.partition.root,true}');
SELECT tuplecast.chunk(NULL, '{topic.prefix,p}');
SELECT tuplecast.chunk('ch_one'::regclass, NULL);
SELECT tuplecast.chunk('ch_one'::regclass, '{topic.prefix}');
SELECT tuplecast.chunk('ch_one'::regclass, '{topic.prefix,p,no.option,x}');
-- what it tells is in the catalogs; rows come with the rights of who asks for them, and row-level security that hides some is an error
CREATE ROLE ch_nobody;
GRANT USAGE ON SCHEMA ch TO ch_nobody;
GRANT EXECUTE ON FUNCTION tuplecast.snapshot(oid, text[], pg_lsn, timestamptz, tid, tid, xid, text, text, oid, text) TO ch_nobody;
CREATE TABLE ch_secret (id int PRIMARY KEY, v text);
INSERT INTO ch_secret VALUES (1, 'x'), (2, 'y'), (3, 'z');
CREATE FUNCTION ch_rows(tab regclass, condition text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	SELECT * INTO c FROM tuplecast.chunk(tab, '{topic.prefix,p}');
	RETURN QUERY SELECT convert_from(line, 'UTF8')::json->>'key' FROM tuplecast.snapshot(tab, '{topic.prefix,p}', marker => 'incremental',
		query => format('SELECT %s FROM ONLY %s WHERE %s ORDER BY %s', c.columns, c.name, condition, array_to_string(c.key, ', '))) line;
END
$$;
SET ROLE ch_nobody;
SELECT name, key FROM tuplecast.chunk('ch_secret'::regclass, '{topic.prefix,p}');
SELECT ch_rows('ch_secret', 'id <= 2');
RESET ROLE;
GRANT SELECT ON ch_secret TO ch_nobody;
SET ROLE ch_nobody;
SELECT ch_rows('ch_secret', 'id <= 2');
RESET ROLE;
ALTER TABLE ch_secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY ch_policy ON ch_secret TO ch_nobody USING (id = 1);
SET ROLE ch_nobody;
SELECT name, key FROM tuplecast.chunk('ch_secret'::regclass, '{topic.prefix,p}');
SET row_security = off;
SELECT ch_rows('ch_secret', 'id <= 2');
RESET row_security;
RESET ROLE;
ALTER ROLE ch_nobody BYPASSRLS;
SET ROLE ch_nobody;
SELECT ch_rows('ch_secret', 'id <= 2');
RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA ch CASCADE;
DROP OWNED BY ch_nobody;
DROP ROLE ch_nobody;
DROP EXTENSION tuplecast;
DROP SCHEMA tuplecast;
