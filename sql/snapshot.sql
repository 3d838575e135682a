-- rows that are read look as rows that were streamed
SET synchronous_commit = on;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tuplecast;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on
-- settings of the session change nothing
SET datestyle = 'SQL, DMY';
SET timezone = 'America/New_York';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = 0;
SET bytea_output = 'escape';
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_snapshot', 'tuplecast');
CREATE SCHEMA sn;
SET search_path = sn, public;
CREATE TYPE sn_mood AS ENUM ('sad', 'ok', 'ha"ppy');
CREATE TYPE sn_pair AS (a int, b text, c timestamptz);
CREATE DOMAIN sn_positive AS numeric(8,3) CHECK (VALUE > 0);
CREATE TABLE sn_types (id bigserial PRIMARY KEY, i2 int2, i4 int4 DEFAULT 7, i8 int8, o oid, f4 float4, f8 float8, b boolean, n numeric, n2 numeric(12,2), m money,
	t text, v varchar(10) DEFAULT 'dflt', c char(5), na name, ch "char", by bytea, d date, ti time, ti3 time(3), tz timetz, ts timestamp, ts3 timestamp(3), tst timestamptz, tst0 timestamptz(0), iv interval,
	u uuid, j json, jb jsonb, bi bit(12), bv bit varying, inn inet, ci cidr, ma macaddr, r int4range, tr tstzrange, mr int4multirange, p point, ln line, po polygon,
	tv tsvector, tq tsquery, l pg_lsn, x xid, md sn_mood, pr sn_pair, dm sn_positive, ai int[], at text[], an numeric(10,2)[], atz timestamptz[], amd sn_mood[], apr sn_pair[], adm sn_positive[], a2 int[], jp jsonpath,
	g int GENERATED ALWAYS AS (i4 * 2) STORED, "Col é" text);
INSERT INTO sn_types (i2, i4, i8, o, f4, f8, b, n, n2, m, t, v, c, na, ch, by, d, ti, ti3, tz, ts, ts3, tst, tst0, iv, u, j, jb, bi, bv, inn, ci, ma, r, tr, mr, p, ln, po, tv, tq, l, x, md, pr, dm, ai, at, an, atz, amd, apr, adm, a2, jp, "Col é") VALUES
	(-32768, 1, 9223372036854775807, 4000000000, 3.3, 1e-7, true, 123.4500, -5.50, 1234.11, E'a "q" \\ \t\u0001 é 😀', 'v', 'ab', 'nm', 'x', '\xdeadbeef00', '2024-02-29', '13:51:30.123456', '13:51:30.123', '13:51:30.12+02', '2016-11-04 13:51:30.123456', '2016-11-04 13:51:30.123', '2016-11-04 13:51:30.123456+02', '2016-11-04 13:51:30+02', '1 year 2 mons 3 days 04:05:06.78',
		'6b29fc40-ca47-1067-b31d-00dd010662da', '{"a" : 1,  "b":[1,2]}', '{"b": [1, {"c": null}], "a": 1.50}', B'100000000011', B'101', '192.168.2.0/12', '10/8', '08:00:2b:01:02:03', '[1,5]', '[2017-06-05 11:29:12.549426+00,)', '{[1,3),[5,7)}', '(1.5,-2)', '{1,-1,0.1}', '((0,0),(0,1),(1,1))',
		'a fat cat', 'fat & rat', '16/B374D848', '42', 'ha"ppy', ROW(1, 'x "y"', '2024-02-29 12:00+01'), 12.5, '{1,NULL,3}', '{a,"b,c",NULL,"NULL"}', '{1.20,NULL}', '{2020-04-01 13:51:02+02}', '{ok,sad}', ARRAY[ROW(1,'',NULL)::sn_pair, NULL], '{1,2.5}', '{{1,2},{3,4}}', '$.a[*] ? (@ > 1)', 'named'),
	(NULL, NULL, NULL, NULL, 'NaN', '-Infinity', NULL, 'NaN', NULL, NULL, '', NULL, NULL, NULL, NULL, '', 'infinity', '24:00', NULL, NULL, '-infinity', NULL, 'infinity', '0044-03-15 12:00 BC', '-1 day', NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, 'empty', '(,)', '{}', '(NaN,Infinity)', NULL, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO sn_types DEFAULT VALUES;
-- out of line, compressed, and both; in arrays and composites, too
CREATE TABLE sn_toast (id int PRIMARY KEY, plain text, squeezed text, j jsonb, a text[], by bytea, c sn_pair);
ALTER TABLE sn_toast ALTER plain SET STORAGE EXTERNAL, ALTER squeezed SET STORAGE MAIN, ALTER by SET STORAGE EXTERNAL;
INSERT INTO sn_toast SELECT i, repeat(md5(i::text), 400), repeat('squeeze ', 3000), jsonb_build_object('k', repeat(md5(i::text), 300)), ARRAY[repeat(md5(i::text), 300), NULL, 'x'], decode(repeat(md5(i::text), 300), 'hex'), ROW(i, repeat('c', 9000), NULL)::sn_pair FROM generate_series(1, 3) i;
CREATE TABLE sn_nokey (a int, b text);
INSERT INTO sn_nokey VALUES (1, 'x'), (NULL, NULL), (1, 'x');
CREATE TABLE sn_dropped (a int, gone text, b text, c int PRIMARY KEY);
INSERT INTO sn_dropped VALUES (0, 'gone', 'b', 1);
ALTER TABLE sn_dropped DROP gone, ADD added int DEFAULT 5 NOT NULL;
INSERT INTO sn_dropped VALUES (1, 'b', 2, 6);
CREATE TABLE sn_empty (id int PRIMARY KEY);
-- an update of each row, so that rows stand where the last of their records is
UPDATE sn_dropped SET a = a + 1;
-- what differs between a streamed and a read row, and is meant to
CREATE FUNCTION sn_plain(line text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(line, '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}', 'run'), '"snapshot":"\w+"', '"snapshot":?', 'g'), '"op":"\w"', '"op":?'), '"(ts_[mun]s|txId|lsn)":\d+', '"\1":?', 'g'), '"sequence":"(\\.|[^"])*"', '"sequence":?', 'g'),
		'"__(op|snapshot)":("\w+"|null)', '"__\1":?', 'g'), '"__(lsn|txId|source_ts_ms)":"?\d+"?', '"__\1":?', 'g')
$$;
CREATE FUNCTION sn_streamed(tab text, options text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT sn_plain(data) FROM (SELECT data, row_number() OVER (PARTITION BY data::json->>'key', CASE WHEN tab = 'sn_dropped' THEN '' ELSE data END ORDER BY n DESC) AS back
		FROM (SELECT data, row_number() OVER () AS n FROM pg_logical_slot_peek_changes('regress_snapshot', NULL, NULL, VARIADIC ARRAY['topic.prefix', 'p', 'table.include.list', 'sn.' || tab] || options)) s) q WHERE back = 1
$$;
CREATE FUNCTION sn_read(tab text, options text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT DISTINCT sn_plain(convert_from(line, 'UTF8')) FROM tuplecast.snapshot(tab::regclass, ARRAY['topic.prefix', 'p'] || options) line
$$;
CREATE FUNCTION sn_compare(tab text, VARIADIC options text[]) RETURNS TABLE (place text, line text) LANGUAGE sql AS $$
	SELECT 'stream only', s FROM (SELECT sn_streamed(tab, options) EXCEPT SELECT sn_read(tab, options)) x(s)
	UNION ALL SELECT 'read only', s FROM (SELECT sn_read(tab, options) EXCEPT SELECT sn_streamed(tab, options)) x(s)
	UNION ALL SELECT tab, count(*)::text FROM sn_read(tab, options)
$$;
SELECT t.tab, f.name, c.* FROM unnest(ARRAY['sn_types', 'sn_toast', 'sn_nokey', 'sn_dropped', 'sn_empty']) t(tab),
	(VALUES ('flat', '{format,flat}'::text[]), ('envelope', '{format,envelope}'), ('schemas', '{format,envelope,value.schemas.enable,true,key.schemas.enable,true,decimal.handling.mode,precise,binary.handling.mode,bytes,interval.handling.mode,numeric}'),
		('connector', '{format,flat,connector.compat,true,replace.null.with.default,true,time.precision.mode,connect,add.fields,"op,table,lsn,snapshot,txId,source.ts_ms",include.unknown.datatypes,true,extended.headers.enabled,true,add.headers,"db,table"}'),
		('masked', '{column.mask.with.3.chars,"sn.sn_types.t",column.exclude.list,"sn.sn_.*.(j|by)"}')) f(name, options), sn_compare(t.tab, VARIADIC f.options) c;
-- as they stand
SELECT regexp_replace(regexp_replace(convert_from(line, 'UTF8'), '"ts_(..)":\d+(?=[,}]*$|,"ts_.s":\d+[,}]|,"ts_us":\d+,"ts_ns":\d+})', '"ts_\1":now', 'g'), '"txId":\d+', '"txId":x') FROM tuplecast.snapshot('sn_dropped'::regclass, ARRAY['topic.prefix', 'p', 'format', 'envelope'], '0/1234', '2024-01-01 00:00:00.123456Z') line(line);
SELECT regexp_replace(convert_from(line, 'UTF8'), '"ts_(..)":\d+(?=[,}]*$|,"ts_.s":\d+[,}]|,"ts_us":\d+,"ts_ns":\d+})', '"ts_\1":now', 'g') FROM tuplecast.snapshot('sn_dropped'::regclass, ARRAY['topic.prefix', 'p', 'format', 'envelope'], '0/1234', '2024-01-01 00:00:00.123456Z', marker => 'incremental') line(line);
-- parts of a table, and a query
CREATE TABLE sn_parts (id int PRIMARY KEY, t text);
INSERT INTO sn_parts SELECT i, repeat('x', 400) FROM generate_series(1, 100) i;
SELECT count(*), min(id), max(id) FROM (SELECT (convert_from(line, 'UTF8')::json->'key'->>'id')::int AS id FROM tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', first => '(0,0)', before => '(2,0)') line) s;
SELECT count(*), min(id), max(id) FROM (SELECT (convert_from(line, 'UTF8')::json->'key'->>'id')::int AS id FROM tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', first => '(2,0)') line) s;
SELECT convert_from(line, 'UTF8') FROM tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', query => 'SELECT t || ''!'' AS other, id, left(t, 2) AS t FROM sn.sn_parts WHERE id > 98 ORDER BY id DESC') line;
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', query => 'SELECT t FROM sn.sn_parts');
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', query => 'SELECT id::bigint, t FROM sn.sn_parts');
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', query => 'DELETE FROM sn.sn_parts RETURNING *');
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', query => 'SELECT * FROM sn.sn_parts; SELECT 1');
SELECT pg_current_xact_id() AS before \gset
UPDATE sn_parts SET t = 'young' WHERE id = 7;
SELECT convert_from(line, 'UTF8') FROM tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', younger_than => :'before'::xid8::xid) line;
-- only what an earlier snapshot saw, too
SELECT pg_current_snapshot() AS earlier \gset
UPDATE sn_parts SET t = 'younger' WHERE id = 8;
INSERT INTO sn_parts VALUES (101, 'new');
DELETE FROM sn_parts WHERE id = 9;
SELECT count(*), count(*) FILTER (WHERE id IN (7, 8, 9, 101)) FROM (SELECT (convert_from(line, 'UTF8')::json->'key'->>'id')::int AS id FROM tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', visible_in => :'earlier') line) s;
-- a transaction that ran then, and ended
SELECT pg_current_xact_id() AS then \gset
UPDATE sn_parts SET t = 'then' WHERE id = 10;
SELECT count(*) FILTER (WHERE id = 10) FROM (SELECT (convert_from(line, 'UTF8')::json->'key'->>'id')::int AS id FROM tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', visible_in => :'then' || ':' || (:'then'::bigint + 9) || ':' || (:'then'::bigint + 1) || ',' || (:'then'::bigint + 5)) line) s;
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', visible_in => 'x');
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', visible_in => '1:2:', query => 'SELECT * FROM sn.sn_parts');
-- frames: many in a value, the last record with its commit, whatever its size
CREATE FUNCTION sn_shape(tab regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	b bytea; at int; n int; shape text := ''; kind text;
BEGIN
	FOR b IN SELECT tuplecast.snapshot(tab, '{topic.prefix,p,wire,1}') LOOP
		at := 0; shape := shape || '|';
		WHILE at < length(b) LOOP
			n := get_byte(b, at) * 16777216 + get_byte(b, at + 1) * 65536 + get_byte(b, at + 2) * 256 + get_byte(b, at + 3);
			shape := shape || chr(get_byte(b, at + 4)); at := at + 4 + n;
		END LOOP;
	END LOOP;
	RETURN regexp_replace(shape, 'R{20,}', 'R…', 'g');
END
$$;
INSERT INTO sn_toast SELECT i, repeat(md5(i::text), 4000) FROM generate_series(4, 6) i;
SELECT sn_shape('sn_empty'), sn_shape('sn_nokey'), sn_shape('sn_types'), sn_shape('sn_toast'), sn_shape('sn_parts');
-- the stream's own choice of rows and columns
CREATE TABLE sn_root (id int, region text, note text, hidden text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE sn_leaf_a PARTITION OF sn_root FOR VALUES IN ('a');
CREATE TABLE sn_leaf_b (note text, hidden text, region text NOT NULL, gone int, id int NOT NULL);
ALTER TABLE sn_leaf_b DROP gone;
ALTER TABLE sn_root ATTACH PARTITION sn_leaf_b FOR VALUES IN ('b');
INSERT INTO sn_root VALUES (1, 'a', 'n', 'h'), (2, 'b', 'n', 'h'), (3, 'b', 'n', 'h');
CREATE TABLE sn_parent (id int PRIMARY KEY);
CREATE TABLE sn_child (extra text) INHERITS (sn_parent);
INSERT INTO sn_parent VALUES (1);
INSERT INTO sn_child VALUES (2, 'child');
SET client_min_messages = error;
CREATE PUBLICATION sn_publication FOR TABLE sn_root (id, region, note) WHERE (id <> 3), sn_parts WHERE (id < 3) WITH (publish_via_partition_root);
RESET client_min_messages;
SELECT convert_from(line, 'UTF8') FROM pg_class c, tuplecast.snapshot(c.oid, '{topic.prefix,p}') line WHERE c.oid IN ('sn_leaf_a'::regclass, 'sn_leaf_b'::regclass, 'sn_parent'::regclass, 'sn_child'::regclass) ORDER BY c.oid;
SELECT convert_from(line, 'UTF8') FROM unnest('{sn_leaf_a,sn_leaf_b}'::regclass[]) c, tuplecast.snapshot(c, '{topic.prefix,p,publish.via.partition.root,true}') line;
SELECT convert_from(line, 'UTF8') FROM unnest('{sn_leaf_a,sn_leaf_b}'::regclass[]) c, tuplecast.snapshot(c, '{topic.prefix,p,publication.name,sn_publication}') line;
SELECT count(*) FROM tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p,publication.name,sn_publication}');
-- rights are the caller's; only what is published is asked for
CREATE ROLE regress_snapshot;
GRANT USAGE ON SCHEMA sn TO regress_snapshot;
SET ROLE regress_snapshot;
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}');
RESET ROLE;
GRANT EXECUTE ON FUNCTION tuplecast.snapshot(oid, text[], pg_lsn, timestamptz, tid, tid, xid, text, text, oid, text) TO regress_snapshot;
SET ROLE regress_snapshot;
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}');
RESET ROLE;
GRANT SELECT (id) ON sn_parts TO regress_snapshot;
GRANT SELECT ON sn_nokey TO regress_snapshot;
SET ROLE regress_snapshot;
SELECT count(*) FROM tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p,column.include.list,sn.sn_parts.id}');
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}');
RESET ROLE;
-- a policy would leave rows out
ALTER TABLE sn_nokey ENABLE ROW LEVEL SECURITY;
SET ROLE regress_snapshot;
SELECT tuplecast.snapshot('sn_nokey'::regclass, '{topic.prefix,p}');
SET row_security = off;
SELECT tuplecast.snapshot('sn_nokey'::regclass, '{topic.prefix,p}');
RESET row_security;
RESET ROLE;
SELECT count(*) FROM tuplecast.snapshot('sn_nokey'::regclass, '{topic.prefix,p}');
-- what has no rows, or none of ours
CREATE VIEW sn_view AS SELECT 1 AS id;
CREATE MATERIALIZED VIEW sn_matview AS SELECT 1 AS id;
CREATE UNLOGGED TABLE sn_unlogged (id int);
SELECT tuplecast.snapshot('sn_view'::regclass, '{topic.prefix,p}');
SELECT tuplecast.snapshot('sn_matview'::regclass, '{topic.prefix,p}');
SELECT tuplecast.snapshot('sn_root'::regclass, '{topic.prefix,p}');
SELECT tuplecast.snapshot('sn_unlogged'::regclass, '{topic.prefix,p}');
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p,table.exclude.list,sn.sn_parts}');
SELECT tuplecast.snapshot(1, '{topic.prefix,p}');
-- rewritten since the caller looked
SELECT count(*) FROM tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', node => pg_relation_filenode('sn_parts'));
SELECT tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}', node => 1);
SELECT tuplecast.snapshot(NULL, '{topic.prefix,p}');
-- given up in the middle
SELECT length(tuplecast.snapshot('sn_parts'::regclass, '{topic.prefix,p}')) > 0 LIMIT 1;
DROP PUBLICATION sn_publication;
SET client_min_messages = error;
DROP SCHEMA sn CASCADE;
DROP OWNED BY regress_snapshot;
DROP ROLE regress_snapshot;
SELECT pg_drop_replication_slot('regress_snapshot');
