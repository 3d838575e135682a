-- what each replica identity lets a record know
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_replica_identity', 'tuplecast');
CREATE TABLE ri_default (id int PRIMARY KEY, note text NOT NULL DEFAULT 'd');
CREATE TABLE ri_full (id int PRIMARY KEY, note text);
ALTER TABLE ri_full REPLICA IDENTITY FULL;
CREATE TABLE ri_index (id int PRIMARY KEY, u1 int NOT NULL, u2 text NOT NULL, note text);
CREATE UNIQUE INDEX ri_index_u ON ri_index (u2, u1);
ALTER TABLE ri_index REPLICA IDENTITY USING INDEX ri_index_u;
CREATE TABLE ri_nothing (id int PRIMARY KEY, note text);
ALTER TABLE ri_nothing REPLICA IDENTITY NOTHING;
CREATE TABLE ri_nopk (a int, b text);
CREATE TABLE ri_nopk_full (a int, b text);
ALTER TABLE ri_nopk_full REPLICA IDENTITY FULL;
-- the first by name of the unique indexes that are neither partial nor on expressions
CREATE TABLE ri_unique (a int, b int NOT NULL, c int, note text);
CREATE UNIQUE INDEX ri_unique_a ON ri_unique ((a + 1));
CREATE UNIQUE INDEX ri_unique_b ON ri_unique (c) WHERE c > 0;
CREATE INDEX ri_unique_c ON ri_unique (note);
CREATE UNIQUE INDEX ri_unique_z ON ri_unique (a);
CREATE UNIQUE INDEX ri_unique_d ON ri_unique (b) INCLUDE (note);
INSERT INTO ri_default VALUES (1, 'one');
INSERT INTO ri_full VALUES (1, 'one');
INSERT INTO ri_index VALUES (1, 10, 'ten', 'one');
INSERT INTO ri_nothing VALUES (1, 'one');
INSERT INTO ri_nopk VALUES (1, 'one');
INSERT INTO ri_nopk_full VALUES (1, 'one');
INSERT INTO ri_unique VALUES (1, 2, 3, 'one');
SELECT data FROM pg_logical_slot_get_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p');
UPDATE ri_default SET note = 'two';
UPDATE ri_full SET note = 'two';
UPDATE ri_index SET note = 'two';
UPDATE ri_nothing SET note = 'two';
UPDATE ri_nopk SET b = 'two';
UPDATE ri_nopk_full SET b = 'two';
UPDATE ri_unique SET note = 'two';
SELECT data::json->'topic', data::json->'key', data::json->'value'->'before', data::json->'value'->'after'
	FROM pg_logical_slot_peek_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope');
SELECT data FROM pg_logical_slot_get_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p');
-- the primary key of a table that is identified by another index
UPDATE ri_index SET id = 2;
UPDATE ri_index SET u1 = 11;
-- the row is there, its old key is not
UPDATE ri_nothing SET id = 2;
UPDATE ri_unique SET b = 22;
SELECT data FROM pg_logical_slot_get_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p');
DELETE FROM ri_default;
DELETE FROM ri_full;
DELETE FROM ri_index;
DELETE FROM ri_nopk_full;
SELECT data::json->'topic', data::json->'key', data::json->'value'->'before', data::json->'value'->'after'
	FROM pg_logical_slot_peek_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope');
SELECT data FROM pg_logical_slot_get_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p');
-- deletes of which nothing is known: one warning a table
INSERT INTO ri_nopk VALUES (2, 'x'), (3, 'y');
DELETE FROM ri_nopk;
DELETE FROM ri_nothing;
SELECT data FROM pg_logical_slot_peek_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p') WHERE data LIKE '%"key":null%';
SET client_min_messages = error;
SELECT data::json->'topic', data::json->'key', data::json->'value'->'before', data::json->'value'->'after'
	FROM pg_logical_slot_peek_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope') WHERE data LIKE '%"op":"d"%' OR data LIKE '%"value":null%';
RESET client_min_messages;
SELECT count(*) FROM pg_logical_slot_get_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'd');
-- changed between the transactions of one backlog
INSERT INTO ri_default VALUES (1, 'one'), (2, 'two'), (3, 'three');
ALTER TABLE ri_default REPLICA IDENTITY FULL;
DELETE FROM ri_default WHERE id = 1;
ALTER TABLE ri_default REPLICA IDENTITY NOTHING;
DELETE FROM ri_default WHERE id = 2;
ALTER TABLE ri_default REPLICA IDENTITY DEFAULT;
DELETE FROM ri_default WHERE id = 3;
ALTER TABLE ri_default DROP CONSTRAINT ri_default_pkey;
INSERT INTO ri_default VALUES (4, 'four');
SELECT data FROM pg_logical_slot_get_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p');
-- a deferrable primary key makes a key, but no identity
CREATE TABLE ri_deferrable (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, note text);
INSERT INTO ri_deferrable VALUES (1, 'one');
DELETE FROM ri_deferrable;
SELECT data FROM pg_logical_slot_get_changes('regress_replica_identity', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE ri_default, ri_full, ri_index, ri_nothing, ri_nopk, ri_nopk_full, ri_unique, ri_deferrable;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_replica_identity');
