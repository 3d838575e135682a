-- the life of a row, as one JSON line a record
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_basic', 'tuplecast');
CREATE TABLE users (id serial PRIMARY KEY, name text, email varchar(80), created_at timestamp);
INSERT INTO users (name, email, created_at) VALUES
	('Alice', 'alice@example.com', '2025-05-24 12:53:27.123456'),
	('Böb "B" O''Neil', NULL, '2025-05-24 15:21:44.907638');
UPDATE users SET email = 'alice@example.org' WHERE id = 1;
UPDATE users SET name = name WHERE id = 2;
DELETE FROM users WHERE id = 1;
-- the same again, under other options: nothing was consumed
SELECT data FROM pg_logical_slot_peek_changes('regress_basic', NULL, NULL, 'topic.prefix', 'customers');
SELECT data FROM pg_logical_slot_peek_changes('regress_basic', NULL, NULL, 'topic.prefix', 'cluster-1.eu_west', 'tombstones.on.delete', 'false');
-- each line is JSON, and its columns come in the order of the table
SELECT count(*), bool_and(json_typeof(data::json) = 'object') FROM pg_logical_slot_peek_changes('regress_basic', NULL, NULL, 'topic.prefix', 'customers');
SELECT string_agg(k, ' ' ORDER BY n)
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_basic', NULL, NULL, 'topic.prefix', 'customers') LIMIT 1) r,
	json_object_keys(v) WITH ORDINALITY AS o (k, n);
-- upto_nchanges counts at the end of a transaction
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_basic', NULL, 1, 'topic.prefix', 'customers');
SELECT count(*) FROM pg_logical_slot_get_changes('regress_basic', NULL, NULL, 'topic.prefix', 'customers');
SELECT count(*) FROM pg_logical_slot_get_changes('regress_basic', NULL, NULL, 'topic.prefix', 'customers');
-- columns of every position: none at all, one, very many
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE single (id int PRIMARY KEY);
INSERT INTO single VALUES (-1), (0), (2147483647);
DELETE FROM single WHERE id = 0;
DO $$
BEGIN
	EXECUTE (SELECT 'CREATE TABLE wide (id int PRIMARY KEY, ' || string_agg(format('c%s int', i), ', ') || ')' FROM generate_series(1, 1000) i);
	INSERT INTO wide (id, c1, c1000) VALUES (1, 11, 1000);
END
$$;
SELECT CASE WHEN data LIKE '%.wide"%' THEN
		(SELECT format('wide: %s columns, c1 %s, c2 %s, c1000 %s', count(*), data::json->'value'->>'c1', coalesce(data::json->'value'->>'c2', 'null'), data::json->'value'->>'c1000') FROM json_object_keys(data::json->'value'))
	ELSE data END
	FROM pg_logical_slot_get_changes('regress_basic', NULL, NULL, 'topic.prefix', 'customers');
DROP TABLE users, nothing, single, wide;
SELECT data FROM pg_logical_slot_get_changes('regress_basic', NULL, NULL, 'topic.prefix', 'customers');
SELECT 'dropped' FROM pg_drop_replication_slot('regress_basic');
