-- the text of a numeric, written from its stored bytes, is numeric_out()'s
SELECT setseed(0.25);
SELECT 'init' FROM pg_create_logical_replication_slot('regression_slot', 'tuplecast');
CREATE TABLE nums (id serial PRIMARY KEY, n numeric, s numeric(30,10), j jsonb, big numeric);
-- of every magnitude and scale, some with many zeros inside or at the end
INSERT INTO nums (n)
	SELECT CASE i % 4
		WHEN 0 THEN round((random() - 0.5)::numeric * 10::numeric ^ (i % 40 - 20), i % 45)
		WHEN 1 THEN (random() * 1000000000)::bigint * 10::numeric ^ (i % 60)
		WHEN 2 THEN -((random() * 10000)::int * 10::numeric ^ (-(i % 30)))
		ELSE trunc(random()::numeric * 10::numeric ^ 200, i % 3) END
	FROM generate_series(1, 4000) i;
INSERT INTO nums (n, s) SELECT x, x FROM unnest('{0, -0, 0.0000, 1, -1, 9999, 10000, 10001, 99999999, 0.1, 0.0001, 0.00001, 0.00010000,
	1000000000000, 100000000.00000001, -0.5, 12345.678901234567890}'::numeric[]) x;
-- the long header, compressed and out of line
INSERT INTO nums (n) VALUES (repeat('9', 131072)::numeric), (('0.' || repeat('123', 5461))::numeric), (10::numeric ^ 1000), (1e-1000);
ALTER TABLE nums ALTER big SET STORAGE EXTERNAL;
INSERT INTO nums (big) SELECT repeat('1234567890', 2000)::numeric;
-- in jsonb
UPDATE nums SET j = jsonb_build_object('n', n, 'a', jsonb_build_array(n, -n)) WHERE id <= 4017 AND n <> 'NaN';
CREATE TEMP TABLE sent AS SELECT data::json AS r FROM pg_logical_slot_get_changes('regression_slot', NULL, NULL, 'topic.prefix', 'x');
SELECT count(*) AS records,
	count(*) FILTER (WHERE v->>'n' IS DISTINCT FROM n::text) AS n_differ,
	count(*) FILTER (WHERE v->>'s' IS DISTINCT FROM s::text) AS s_differ,
	count(*) FILTER (WHERE v->>'big' IS DISTINCT FROM big::text) AS big_differ,
	count(*) FILTER (WHERE v->>'j' IS NOT NULL AND v->>'j' IS DISTINCT FROM replace(replace(j::text, ': ', ':'), ', ', ',') AND v->>'j' IS DISTINCT FROM j::text) AS j_differ,
	count(v->>'j') AS j_records
	FROM (SELECT r->'value' AS v FROM sent) x JOIN nums ON nums.id = (v->>'id')::int
	WHERE v->>'n' IS NOT NULL OR v->>'big' IS NOT NULL;
SELECT 'stop' FROM pg_drop_replication_slot('regression_slot');
DROP TABLE nums;
-- a double that is not written with an exponent is float8out()'s, with a digit behind the point
SELECT 'init' FROM pg_create_logical_replication_slot('regression_slot', 'tuplecast');
CREATE TABLE doubles (id serial PRIMARY KEY, d float8);
-- with none to 17 decimals, most of which are not what a double can hold
INSERT INTO doubles (d) SELECT round((((i * 7919) % 10007 / 5003.5::float8 - 1) * 10 ^ (i % 8))::numeric, i % 18)::float8 FROM generate_series(1, 5000) i;
-- the neighbours of such: 0.30000000000000004, and what is next to a half of a millionth
INSERT INTO doubles (d) SELECT (i / 10.0::float8) + 0.2::float8 FROM generate_series(1, 500) i;
INSERT INTO doubles (d) SELECT i * 1e-7::float8 + 0.5 FROM generate_series(1, 500) i;
INSERT INTO doubles (d) SELECT i / 3.0::float8 FROM generate_series(1, 500) i;
INSERT INTO doubles (d) VALUES (0.001), (0.0010000000000000002), (9999999.999999), (9999999.9999999), (9999999.999999998), (-9999999.5),
	(1234567.1234567), (0.1), (1.0000005), (1.00000049999), (0.9999995), (0.99999949999999995), (9007199.254740993), (4503599.6273704955);
SELECT count(*) AS records, count(*) FILTER (WHERE d::text NOT LIKE '%.%') AS whole,
	count(*) FILTER (WHERE sent <> d::text || CASE WHEN d::text LIKE '%.%' THEN '' ELSE '.0' END) AS differ
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_get_changes('regression_slot', NULL, NULL, 'topic.prefix', 'x')) c
	JOIN doubles ON id = (v->>'id')::int, LATERAL (SELECT v->>'d' AS sent) s
	WHERE abs(d) >= 0.001 AND abs(d) < 1e7;
SELECT 'stop' FROM pg_drop_replication_slot('regression_slot');
DROP TABLE doubles;
