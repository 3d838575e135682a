-- what commits is published, in the order of commits; nothing else is
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_transactions', 'tuplecast');
CREATE TABLE tr (id int PRIMARY KEY, note text);
BEGIN;
INSERT INTO tr VALUES (1, 'rolled back');
ROLLBACK;
BEGIN;
INSERT INTO tr VALUES (1, 'outer');
SAVEPOINT a;
INSERT INTO tr VALUES (2, 'in a');
SAVEPOINT b;
INSERT INTO tr VALUES (3, 'in b, rolled back');
UPDATE tr SET note = 'changed in b' WHERE id < 3;
ROLLBACK TO b;
INSERT INTO tr VALUES (3, 'in b, again');
RELEASE b;
SAVEPOINT c;
DELETE FROM tr WHERE id = 1;
ROLLBACK TO a;
INSERT INTO tr VALUES (4, 'after a');
SAVEPOINT d;
INSERT INTO tr VALUES (5, 'in d');
RELEASE d;
COMMIT;
SELECT data FROM pg_logical_slot_get_changes('regress_transactions', NULL, NULL, 'topic.prefix', 'p');
-- nothing of it is left
BEGIN; COMMIT;
BEGIN; SELECT 1; COMMIT;
BEGIN; SAVEPOINT s; INSERT INTO tr VALUES (6, 'x'); ROLLBACK TO s; COMMIT;
BEGIN; CREATE TABLE tr_ddl (a int); COMMIT;
BEGIN; INSERT INTO tr VALUES (1, 'duplicate'); COMMIT;
SELECT data FROM pg_logical_slot_get_changes('regress_transactions', NULL, NULL, 'topic.prefix', 'p');
-- several rows in one record of the WAL
COPY tr FROM stdin;
10	copied
11	\N
12	tab\tquote"
\.
COPY tr (id) FROM stdin;
13
14
\.
SELECT data FROM pg_logical_slot_get_changes('regress_transactions', NULL, NULL, 'topic.prefix', 'p');
BEGIN;
COPY tr FROM stdin;
20	rolled back
\.
ROLLBACK;
COPY tr FROM stdin;
20	first
10	duplicate
\.
-- ON CONFLICT, MERGE by hand, RETURNING, data-modifying WITH
INSERT INTO tr VALUES (10, 'conflict') ON CONFLICT (id) DO UPDATE SET note = excluded.note || ' resolved';
INSERT INTO tr VALUES (10, 'nothing') ON CONFLICT DO NOTHING;
WITH d AS (DELETE FROM tr WHERE id = 11 RETURNING *) INSERT INTO tr SELECT id + 100, 'moved' FROM d;
SELECT data FROM pg_logical_slot_get_changes('regress_transactions', NULL, NULL, 'topic.prefix', 'p');
-- HOT or not, with an index on the changed column or not
CREATE INDEX tr_note ON tr (note);
UPDATE tr SET note = 'indexed' WHERE id = 12;
-- triggers and cascades are changes like others
CREATE TABLE tr_ref (id int PRIMARY KEY, tr int REFERENCES tr ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO tr_ref VALUES (1, 12), (2, 12);
UPDATE tr SET id = 112 WHERE id = 12;
DELETE FROM tr WHERE id = 112;
SELECT data FROM pg_logical_slot_get_changes('regress_transactions', NULL, NULL, 'topic.prefix', 'p');
-- select for update leaves nothing
BEGIN; SELECT id FROM tr WHERE id = 10 FOR UPDATE; COMMIT;
SELECT count(*) FROM pg_logical_slot_get_changes('regress_transactions', NULL, NULL, 'topic.prefix', 'p');
-- a replication origin
SELECT 'origin' FROM pg_replication_origin_create('regress_transactions_origin');
SELECT pg_replication_origin_session_setup('regress_transactions_origin');
INSERT INTO tr VALUES (30, 'with an origin');
SELECT pg_replication_origin_session_reset();
INSERT INTO tr VALUES (31, 'without one');
SELECT data::json->'value' FROM pg_logical_slot_get_changes('regress_transactions', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'origin');
SELECT 'origin' FROM (SELECT pg_replication_origin_drop('regress_transactions_origin')) d;
DROP TABLE tr_ref, tr, tr_ddl;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_transactions');
