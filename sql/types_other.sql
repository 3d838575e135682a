-- types without a form of their own go out as their text; some have one
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_types_other', 'tuplecast');
-- settings of the session change nothing
SET datestyle = 'SQL, DMY';
SET timezone = 'America/New_York';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = 0;
CREATE TABLE to_range (id int PRIMARY KEY, i4 int4range, i8 int8range, n numrange, ts tsrange, tz tstzrange, d daterange, mi int4multirange, mts tsmultirange, mtz tstzmultirange);
INSERT INTO to_range VALUES
	(1, '[1,5]', '(1,5)', '(1.50,2]', '[2019-03-31 15:30:00,infinity)', '[2017-06-05 11:29:12.549426+00,)', '[2019-03-31,2019-04-30]', '{[1,3),[5,7)}', '{[2019-03-31 15:30:00,2020-01-01)}', '{[2019-03-31 15:30:00+02,2020-01-01+00)}'),
	(2, 'empty', '(,)', '(,5]', 'empty', '(-infinity,infinity)', '(,2000-01-01)', '{}', '{}', '{(,)}'),
	(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TYPE to_floats AS RANGE (subtype = float8);
CREATE TABLE to_range2 (r to_floats, a int4range[]);
INSERT INTO to_range2 VALUES ('[0.1,1e300)', ARRAY['[1,2)'::int4range, 'empty', NULL]);
CREATE TABLE to_net (id int PRIMARY KEY, i inet, c cidr, m macaddr, m8 macaddr8);
INSERT INTO to_net VALUES (1, '192.168.2.0/12', '10/8', '08-00-2b-01-02-03', '08002b:0102030405'), (2, '::ffff:1.2.3.4', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', '08:00:2b:01:02:03'), (3, '10.0.0.1', '0.0.0.0/0', NULL, NULL), (4, '2001:4F8:3:BA::/64', '::/0', NULL, NULL);
CREATE TABLE to_geo (id int PRIMARY KEY, p point, l line, s lseg, b box, pa path, po polygon, c circle, a point[]);
INSERT INTO to_geo VALUES
	(1, '(1.5,-2)', '{1,-1,0.1}', '((0,0),(1,1))', '((0,0),(1,1))', '[(0,0),(0,1),(0,2)]', '((0,0),(0,1),(1,1))', '<(10,4),10>', ARRAY[point '(1,2)', NULL]),
	(2, '(NaN,Infinity)', NULL, NULL, NULL, '((0.1,1e-300))', NULL, '<(0.1,-0),1e100>', '{}'),
	(3, '(-0,1e300)', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TYPE to_inner AS (x int, t text);
CREATE TYPE to_comp AS (a int, b text, d date, tz timestamptz, i to_inner, arr to_inner[], f float8);
CREATE TABLE to_composite (id int PRIMARY KEY, c to_comp, a to_comp[]);
INSERT INTO to_composite VALUES
	(1, ROW(1, 'a "quoted", (text)', '2024-02-29', '2024-02-29 12:00+01', ROW(2, NULL), ARRAY[ROW(3, 'x')::to_inner], 0.1)::to_comp, ARRAY[ROW(1, '', NULL, NULL, NULL, NULL, NULL)::to_comp, NULL]),
	(2, ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL)::to_comp, NULL);
-- an attribute more
ALTER TYPE to_inner ADD ATTRIBUTE y boolean;
INSERT INTO to_composite VALUES (3, ROW(1, 'b', NULL, NULL, ROW(2, 'z', true), NULL, NULL)::to_comp, NULL);
CREATE TABLE to_search (id int PRIMARY KEY, v tsvector, q tsquery);
INSERT INTO to_search VALUES (1, 'fat cat:2A,3 ''it''''s'' back\\slash', 'fat & (cat:A | !rat) <-> x'), (2, '', '');
CREATE TABLE to_system (id int PRIMARY KEY, lsn pg_lsn, x xid, x8 xid8, snap pg_snapshot, c cid, t tid, cl regclass, ty regtype, pr regproc, ns regnamespace, o oidvector, iv int2vector, jp jsonpath, r refcursor, n name);
INSERT INTO to_system VALUES (1, '16/B374D848', '4294967295', '18446744073709551615', '10:20:10,14,15', '5', '(42,7)', 'pg_class', 'timestamp with time zone', 'now', 'pg_catalog', '1 2 4294967295', '1 -2', '$.a[*] ? (@ > 1)', 'cursor', 'n');
CREATE TABLE to_uuid (id uuid PRIMARY KEY, u uuid);
INSERT INTO to_uuid VALUES ('A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000000'), ('{ffffffffffffffffffffffffffffffff}', NULL);
CREATE TABLE to_money (id int PRIMARY KEY, m money, a money[]);
INSERT INTO to_money VALUES (1, 1234.11, '{1.50,NULL,-0.01}'), (2, -5.5, NULL);
SELECT data::json->'key', data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_other', NULL, NULL, 'topic.prefix', 'p');
-- numbers in other modes, and no other difference
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_other', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'double', 'binary.handling.mode', 'hex', 'table.include.list', '.*to_(money|geo)');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_other', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise', 'table.include.list', '.*to_money');
-- the settings are as they were
SHOW datestyle;
SHOW timezone;
SELECT '2024-02-29 12:00+00'::timestamptz, 0.1::float8 + 0.2, interval '1 day';
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_types_other', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE to_range, to_range2, to_net, to_geo, to_composite, to_search, to_system, to_uuid, to_money;
DROP TYPE to_comp, to_inner, to_floats;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_types_other');
