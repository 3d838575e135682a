-- a prepared transaction is published when it commits (needs max_prepared_transactions)
SET synchronous_commit = on;
-- hints are worded otherwise in each version
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_prepared', 'tuplecast');
CREATE TABLE pr (id int PRIMARY KEY, note text);
BEGIN;
INSERT INTO pr VALUES (1, 'prepared');
SAVEPOINT s;
INSERT INTO pr VALUES (2, 'in a savepoint');
PREPARE TRANSACTION 'regress_prepared_1';
INSERT INTO pr VALUES (3, 'meanwhile');
SELECT data FROM pg_logical_slot_get_changes('regress_prepared', NULL, NULL, 'topic.prefix', 'p');
BEGIN;
INSERT INTO pr VALUES (4, 'prepared and rolled back');
PREPARE TRANSACTION 'regress_prepared_2';
ROLLBACK PREPARED 'regress_prepared_2';
COMMIT PREPARED 'regress_prepared_1';
SELECT data FROM pg_logical_slot_get_changes('regress_prepared', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE pr;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_prepared');
