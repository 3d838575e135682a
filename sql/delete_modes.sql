-- what a delete becomes, in each mode
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_delete_modes', 'tuplecast');
CREATE TABLE dm (id int PRIMARY KEY, note text NOT NULL, extra int DEFAULT 7);
CREATE TABLE dm_full (id int PRIMARY KEY, note text NOT NULL, extra int DEFAULT 7);
ALTER TABLE dm_full REPLICA IDENTITY FULL;
INSERT INTO dm VALUES (1, 'one');
INSERT INTO dm_full VALUES (1, 'one');
DELETE FROM dm;
DELETE FROM dm_full;
SELECT data FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'drop');
SELECT data FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'tombstone');
SELECT data FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'rewrite');
SELECT data FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'rewrite-with-tombstone');
SELECT data FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'delete-to-tombstone');
-- tombstones.on.delete is about the second record, not about the delete itself
SELECT data FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'rewrite-with-tombstone', 'tombstones.on.delete', 'false') WHERE data NOT LIKE '%"false"%';
SELECT data FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'delete-to-tombstone', 'tombstones.on.delete', 'false') WHERE data LIKE '%null}';
SELECT data FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'tombstone', 'tombstones.on.delete', 'off') WHERE data LIKE '%null}';
-- an envelope has its own form of a delete: the modes do not touch it
SELECT data::json->'key', data::json->'value'->'before', data::json->'value'->'after', data::json->'value'->>'op'
	FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'delete.tombstone.handling.mode', 'drop');
SELECT data::json->'key', data::json->'value'->'before', data::json->'value'->'after', data::json->'value'->>'op'
	FROM pg_logical_slot_peek_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'tombstones.on.delete', 'false');
SELECT bool_and(data::json IS NOT NULL), count(*) FROM pg_logical_slot_get_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p');
-- many at once, and a row that comes back in the same transaction
BEGIN;
INSERT INTO dm VALUES (1, 'a'), (2, 'b'), (3, 'c');
DELETE FROM dm WHERE id <> 2;
INSERT INTO dm VALUES (1, 'again');
DELETE FROM dm;
COMMIT;
SELECT data FROM pg_logical_slot_get_changes('regress_delete_modes', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE dm, dm_full;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_delete_modes');
