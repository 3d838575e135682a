-- arrays: nulls, dimensions, bounds, every kind of element
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_arrays', 'tuplecast');
SET timezone = 'Asia/Tokyo';
CREATE TABLE ar (id int PRIMARY KEY, i int[], t text[]);
INSERT INTO ar VALUES
	(1, '{1,NULL,3}', '{"a","b,c",NULL,"NULL","","q\"\\","é","{}"}'),
	(2, '{}', '{}'),
	(3, NULL, NULL),
	(4, '{{1,2},{3,4}}', '{{a},{NULL}}'),
	(5, '[2:4]={1,2,3}', '[0:0]={zero}'),
	(6, '[-1:0][5:6]={{1,2},{3,NULL}}', '{{{{{{deep}}}}}}'),
	(7, '{NULL}', '{NULL,NULL}'),
	(8, '{{{1},{2}},{{3},{4}},{{NULL},{6}}}', '{}'),
	(9, array_fill(7, ARRAY[3, 0]), array_fill(NULL::text, ARRAY[2, 2]));
INSERT INTO ar SELECT 10, (SELECT array_agg(CASE WHEN k % 3 = 0 THEN NULL ELSE k END ORDER BY k) FROM generate_series(1, 40) k), (SELECT array_agg(CASE WHEN k % 9 = 8 THEN NULL ELSE repeat('x', k) END ORDER BY k) FROM generate_series(0, 17) k);
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_arrays', NULL, NULL, 'topic.prefix', 'p');
-- what is not nested reads back
SELECT count(*), bool_and(ARRAY(SELECT e::int FROM json_array_elements_text(data::json->'value'->'i') e) = ARRAY(SELECT unnest(i))), bool_and(ARRAY(SELECT e FROM json_array_elements_text(data::json->'value'->'t') e) = ARRAY(SELECT unnest(t)))
	FROM pg_logical_slot_get_changes('regress_arrays', NULL, NULL, 'topic.prefix', 'p') JOIN ar ON id = (data::json->'value'->>'id')::int WHERE array_ndims(i) = 1 AND array_ndims(t) = 1;
CREATE TYPE ar_mood AS ENUM ('sad', 'happy');
CREATE TYPE ar_pair AS (a int, b text);
CREATE DOMAIN ar_positive AS numeric(6,2) CHECK (VALUE > 0);
CREATE TABLE ar_kinds (id int PRIMARY KEY,
	i2 int2[], i8 int8[], f4 float4[], f8 float8[], b bool[], n numeric[], n102 numeric(10,2)[], m money[], o oid[],
	vc varchar(10)[], c char(4)[], nm name[], q "char"[], by bytea[], bt bit(3)[], b1 bit[], vb varbit[],
	d date[], t time[], t3 time(3)[], tz timetz[], ts timestamp[], ts3 timestamp(3)[], tsz timestamptz[], tsz3 timestamptz(3)[], iv interval[],
	u uuid[], j json[], jb jsonb[], e ar_mood[], p ar_pair[], dom ar_positive[], pt point[], inet inet[], r int4range[], v tsvector[]);
INSERT INTO ar_kinds VALUES (1,
	'{-32768,NULL}', '{9223372036854775807}', '{1.5,NaN,-Infinity}', '{1e300,Infinity,-0}', '{t,f,NULL}', '{1.10,NaN,100}', '{1.2,NULL,-3.45}', '{1.5,-0.01}', '{4294967295}',
	'{x,"y z"}', '{ab}', '{nm}', '{a,NULL}', '{"\\x0102",NULL,""}', '{101,000}', '{1,0}', '{1,10101}',
	'{2024-02-29,infinity,NULL}', '{00:01:02.5,24:00}', '{00:01:02.5}', '{13:51:30+02}', '{"2020-04-01 00:01:02",infinity}', '{"2020-04-01 00:01:02.123"}', '{"2020-04-01 13:51:02+02",-infinity}', '{"2020-04-01 13:51:02+02"}', '{"1 day","-1 mon",NULL}',
	'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}', ARRAY['{"a" : 1}', NULL, 'null']::json[], ARRAY['{"a" : 1}', NULL, 'null']::jsonb[], '{sad,NULL,happy}', ARRAY[ROW(1, 'x,y')::ar_pair, NULL], '{1.5,NULL}', ARRAY[point '(1,2)'], '{10.0.0.1,NULL}', '{"[1,5]",NULL,empty}', ARRAY['b a'::tsvector]);
INSERT INTO ar_kinds (id, n102, d, e, p) VALUES (2, '{{1,2},{3,4}}', '[3:3]={1970-01-02}', '{{sad},{happy}}', '{}');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_arrays', NULL, NULL, 'topic.prefix', 'p');
SELECT data::json->'value'->'n', data::json->'value'->'n102', data::json->'value'->'m', data::json->'value'->'dom', data::json->'value'->'iv', data::json->'value'->'by'
	FROM pg_logical_slot_peek_changes('regress_arrays', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise', 'interval.handling.mode', 'numeric', 'binary.handling.mode', 'hex', 'time.precision.mode', 'isostring');
SELECT data::json->'value'->'n', data::json->'value'->'n102', data::json->'value'->'m', data::json->'value'->'d', data::json->'value'->'t3', data::json->'value'->'ts'
	FROM pg_logical_slot_peek_changes('regress_arrays', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'double', 'time.precision.mode', 'isostring');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_arrays', NULL, NULL, 'topic.prefix', 'p');
-- as keys, and as defaults that a row does not hold
CREATE TABLE ar_key (k int[] PRIMARY KEY, a text[]);
INSERT INTO ar_key VALUES ('{1,2}'), ('{}');
ALTER TABLE ar_key ADD COLUMN d int[] DEFAULT '{1,NULL}';
UPDATE ar_key SET k = '{{1},{2}}' WHERE k = '{}';
SELECT data FROM pg_logical_slot_get_changes('regress_arrays', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE ar, ar_kinds, ar_key;
DROP DOMAIN ar_positive;
DROP TYPE ar_mood, ar_pair;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_arrays');
