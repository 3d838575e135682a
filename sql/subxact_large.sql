-- transactions larger than the memory for them: spilled to disk, in full or not at all
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SET logical_decoding_work_mem = '64kB';
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_subxact_large', 'tuplecast');
CREATE TABLE sl (id int PRIMARY KEY, t text);
-- rolled back: nothing comes of it, and nothing stops at it
BEGIN;
INSERT INTO sl SELECT i, repeat('rolled back ', 10) FROM generate_series(1, 5000) i;
ROLLBACK;
INSERT INTO sl VALUES (0, 'after it');
SELECT data FROM pg_logical_slot_get_changes('regress_subxact_large', NULL, NULL, 'topic.prefix', 'p');
-- committed, with parts that are not
BEGIN;
INSERT INTO sl SELECT i, 'top ' || repeat('x', 100) FROM generate_series(1, 2000) i;
SAVEPOINT a;
INSERT INTO sl SELECT i, 'rolled back ' || repeat('x', 100) FROM generate_series(2001, 4000) i;
ROLLBACK TO a;
INSERT INTO sl SELECT i, 'again ' || repeat('x', 100) FROM generate_series(2001, 3000) i;
SAVEPOINT b;
UPDATE sl SET t = 'updated' WHERE id BETWEEN 1 AND 1000;
RELEASE b;
SAVEPOINT c;
DELETE FROM sl WHERE id > 2500;
SAVEPOINT d;
INSERT INTO sl SELECT i, 'rolled back' FROM generate_series(5000, 7000) i;
ROLLBACK TO d;
COMMIT;
SELECT count(*), count(*) FILTER (WHERE data LIKE '%rolled back%') AS rolled_back, count(*) FILTER (WHERE v->>'t' LIKE 'top %') AS top, count(*) FILTER (WHERE v->>'t' LIKE 'again %') AS again, count(*) FILTER (WHERE v->>'t' = 'updated') AS updated, count(*) FILTER (WHERE v->>'__deleted' = 'true') AS deleted, count(*) FILTER (WHERE data LIKE '%"value":null}') AS tombstones
	FROM (SELECT data, CASE WHEN data NOT LIKE '%"value":null}' THEN data::json->'value' END AS v FROM pg_logical_slot_peek_changes('regress_subxact_large', NULL, NULL, 'topic.prefix', 'p')) r;
-- in the order of the changes
SELECT bool_and(n = id) FROM (SELECT row_number() OVER (ORDER BY o) AS n, (data::json->'key'->>'id')::int AS id FROM pg_logical_slot_peek_changes('regress_subxact_large', NULL, NULL, 'topic.prefix', 'p') WITH ORDINALITY AS c (lsn, xid, data, o) LIMIT 3000) r;
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_subxact_large', NULL, NULL, 'topic.prefix', 'p', 'table.exclude.list', '.*');
SELECT count(*) FROM pg_logical_slot_get_changes('regress_subxact_large', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'c,u');
-- many subtransactions, each with its own change
DO $$
BEGIN
	FOR i IN 10000 .. 10999 LOOP
		BEGIN
			INSERT INTO sl VALUES (i, repeat('s', 100));
			IF i % 10 = 3 THEN
				RAISE EXCEPTION 'rolled back';
			END IF;
		EXCEPTION WHEN raise_exception THEN
			NULL;
		END;
	END LOOP;
END
$$;
SELECT count(*), count(*) FILTER (WHERE (data::json->'key'->>'id')::int % 10 = 3) FROM pg_logical_slot_get_changes('regress_subxact_large', NULL, NULL, 'topic.prefix', 'p');
-- with values out of line, whose pieces are spilled, too
CREATE TABLE sl_toast (id int PRIMARY KEY, n int, t text);
ALTER TABLE sl_toast ALTER t SET STORAGE EXTERNAL;
BEGIN;
INSERT INTO sl_toast SELECT i, 0, repeat(chr(97 + i % 26), 10000) FROM generate_series(1, 60) i;
UPDATE sl_toast SET n = 1;
SAVEPOINT a;
UPDATE sl_toast SET t = repeat('z', 20000);
ROLLBACK TO a;
UPDATE sl_toast SET t = repeat('y', 10000) WHERE id <= 10;
COMMIT;
SELECT v->>'n', length(v->>'t'), count(*), bool_and(v->>'t' = repeat(left(v->>'t', 1), 10000) OR v->>'t' = '__debezium_unavailable_value') FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_get_changes('regress_subxact_large', NULL, NULL, 'topic.prefix', 'p')) r GROUP BY 1, 2 ORDER BY 1, 2;
-- DDL in it
BEGIN;
INSERT INTO sl SELECT i, repeat('x', 100) FROM generate_series(20000, 21000) i;
ALTER TABLE sl ADD COLUMN n int DEFAULT 5;
INSERT INTO sl SELECT i, repeat('x', 100), i FROM generate_series(22000, 23000) i;
COMMIT;
SELECT count(*), count(*) FILTER (WHERE v->>'n' IS NULL), count(*) FILTER (WHERE v->>'n' = v->>'id') FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_get_changes('regress_subxact_large', NULL, NULL, 'topic.prefix', 'p')) r;
DROP TABLE sl, sl_toast;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_subxact_large');
