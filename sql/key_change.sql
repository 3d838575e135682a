-- a changed key: delete of the old one, tombstone, create of the new one
SET synchronous_commit = on;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_key_change', 'tuplecast');
CREATE TABLE kc (id int PRIMARY KEY, note text);
CREATE TABLE kc_full (id int PRIMARY KEY, note text);
ALTER TABLE kc_full REPLICA IDENTITY FULL;
INSERT INTO kc VALUES (1, 'one'), (2, 'two');
INSERT INTO kc_full VALUES (1, 'one');
UPDATE kc SET id = 1001 WHERE id = 1;
UPDATE kc SET id = id, note = 'same key' WHERE id = 2;
UPDATE kc_full SET id = 1001, note = 'new' WHERE id = 1;
UPDATE kc_full SET note = 'newer';
SELECT data FROM pg_logical_slot_peek_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p');
SELECT data FROM pg_logical_slot_peek_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p', 'tombstones.on.delete', 'false') WHERE data LIKE '%1001%' OR data LIKE '%"true"%';
SELECT data FROM pg_logical_slot_peek_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'drop') WHERE data LIKE '%1001%';
SELECT data FROM pg_logical_slot_peek_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'delete-to-tombstone') WHERE data LIKE '%1001%' OR data LIKE '%null}';
SELECT data::json->'topic', data::json->'key', data::json->'value'->'before', data::json->'value'->'after', data::json->'value'->>'op'
	FROM pg_logical_slot_get_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope');
-- a composite key in the order of its index, whatever that of the columns
CREATE TABLE kc_pair (a int, b text, c int, note text, PRIMARY KEY (c, a));
INSERT INTO kc_pair VALUES (1, 'b', 3, 'n');
UPDATE kc_pair SET a = 2;
UPDATE kc_pair SET b = 'not a key';
UPDATE kc_pair SET a = 3, c = 4;
DELETE FROM kc_pair;
SELECT data FROM pg_logical_slot_get_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p');
-- keys swapped by one statement
CREATE TABLE kc_swap (id int PRIMARY KEY DEFERRABLE, note text);
ALTER TABLE kc_swap REPLICA IDENTITY FULL;
INSERT INTO kc_swap VALUES (1, 'one'), (2, 'two');
UPDATE kc_swap SET id = 3 - id;
SELECT data FROM pg_logical_slot_get_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p');
-- keys of other types: what is equal in SQL and different in bytes is a change
CREATE TABLE kc_num (n numeric PRIMARY KEY);
INSERT INTO kc_num VALUES (1.0);
UPDATE kc_num SET n = 1.00;
UPDATE kc_num SET n = 1.00;
SELECT data FROM pg_logical_slot_get_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p');
-- message.key.columns: order as given, several tables, patterns
CREATE TABLE kc_custom (id int PRIMARY KEY, region text, code int, note text);
ALTER TABLE kc_custom REPLICA IDENTITY FULL;
CREATE TABLE kc_custom2 (id int PRIMARY KEY, region text, code int);
INSERT INTO kc_custom VALUES (1, 'eu', 5, 'x');
UPDATE kc_custom SET note = 'y';
UPDATE kc_custom SET code = 6;
UPDATE kc_custom SET id = 2;
DELETE FROM kc_custom;
INSERT INTO kc_custom2 VALUES (1, 'eu', 5);
UPDATE kc_custom2 SET code = 7;
UPDATE kc_custom2 SET id = 3;
DELETE FROM kc_custom2;
SELECT data FROM pg_logical_slot_peek_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p', 'message.key.columns', 'public.kc_custom:code,region');
SELECT data FROM pg_logical_slot_peek_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p', 'message.key.columns', 'nowhere.x:y; (.*)\.KC_CUSTOM2 : region , id ;public.kc_custom:code') WHERE data LIKE '%kc_custom2%';
SELECT data FROM pg_logical_slot_peek_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p', 'message.key.columns', 'public.kc_custom:code,missing');
SELECT bool_and(data::json IS NOT NULL), count(*) FROM pg_logical_slot_get_changes('regress_key_change', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE kc, kc_full, kc_pair, kc_swap, kc_num, kc_custom, kc_custom2;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_key_change');
