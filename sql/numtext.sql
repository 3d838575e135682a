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
