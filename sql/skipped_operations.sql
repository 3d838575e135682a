-- operations that are not wanted
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_skipped_operations', 'tuplecast');
CREATE TABLE so (id int PRIMARY KEY, note text);
INSERT INTO so VALUES (1, 'one'), (2, 'two');
UPDATE so SET note = 'updated' WHERE id = 1;
UPDATE so SET id = 3 WHERE id = 2;
DELETE FROM so WHERE id = 1;
TRUNCATE so;
CREATE FUNCTION so_ops(ops text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT data FROM pg_logical_slot_peek_changes('regress_skipped_operations', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'op', 'skipped.operations', ops)
$$;
SELECT so_ops('none');
SELECT so_ops('t');
SELECT so_ops('');
SELECT so_ops('c');
SELECT so_ops('u');
SELECT so_ops('d');
SELECT so_ops('c,u');
SELECT so_ops(' d , t ');
SELECT so_ops('c,u,d,t');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_skipped_operations', NULL, NULL, 'topic.prefix', 'p');
DROP FUNCTION so_ops;
DROP TABLE so;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_skipped_operations');
