-- rows that are signals to the shipper: ours, and Debezium's table; who may send them
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_signals', 'tuplecast');
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tuplecast;
RESET client_min_messages;
CREATE ROLE sg_nobody;
CREATE ROLE sg_operator;
-- nobody may by default, neither by the function nor in the table
SET ROLE sg_nobody;
SELECT tuplecast.signal('log', '{"message":"no"}');
INSERT INTO tuplecast.signals (id, type) VALUES ('x', 'log');
SELECT * FROM tuplecast.signals;
RESET ROLE;
GRANT EXECUTE ON FUNCTION tuplecast.signal(text, text, text) TO sg_operator;
SET ROLE sg_operator;
SELECT tuplecast.signal('execute-snapshot', '{"data-collections":["public.sg \"é\""]}', 'first');
SELECT length(tuplecast.signal('stop-snapshot')) AS uuid;
INSERT INTO tuplecast.signals (id, type) VALUES ('x', 'log');
\set VERBOSITY terse
SELECT tuplecast.signal('log', repeat('x', 65537));
SELECT tuplecast.signal(repeat('x', 256));
\set VERBOSITY default
RESET ROLE;
-- taken back, it is none
BEGIN;
SELECT tuplecast.signal('log', '{}', 'never');
ROLLBACK;
SELECT id, type, data, sent_by = session_user FROM tuplecast.signals ORDER BY sent_at LIMIT 1;
-- what is old goes with the next
UPDATE tuplecast.signals SET sent_at = now() - interval '31 days';
SELECT tuplecast.signal('log', NULL, 'last');
SELECT id FROM tuplecast.signals;
-- delivered whatever is published, and inserts are skipped or not; updates and deletes are none
SELECT regexp_replace(data, '"id":"[0-9a-f-]{36}"', '"id":"uuid"') FROM pg_logical_slot_peek_changes('regress_signals', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'nothing.at_all', 'skipped.operations', 'c');
SELECT count(*) FROM pg_logical_slot_get_changes('regress_signals', NULL, NULL, 'topic.prefix', 'p');
-- the rows are not dumped
SELECT extconfig IS NULL FROM pg_extension WHERE extname = 'tuplecast';
-- Debezium's own table, by name and with any case
CREATE TABLE "Sg" (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048));
CREATE TABLE sg_two (gone int, id text, type text);
ALTER TABLE sg_two DROP COLUMN gone;
INSERT INTO "Sg" VALUES ('d1', 'pause-snapshot', NULL), ('d2', 'log', '{"message":"ä"}');
UPDATE "Sg" SET type = 'resume-snapshot' WHERE id = 'd1';
DELETE FROM "Sg" WHERE id = 'd1';
INSERT INTO sg_two VALUES ('t1', 'log');
-- in a native configuration a record only if the lists say so
SELECT data FROM pg_logical_slot_peek_changes('regress_signals', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'x.y', 'signal.data.collection', 'public.Sg');
SELECT data FROM pg_logical_slot_peek_changes('regress_signals', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'public.Sg', 'signal.data.collection', 'other.table, public.Sg', 'skipped.operations', 'c');
-- under a connector's JSON always, as Debezium does
SELECT data FROM pg_logical_slot_peek_changes('regress_signals', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'x.y', 'signal.data.collection', 'public.Sg', 'connector.compat', 'true', 'skipped.operations', 'u,d');
-- names are exact
SELECT data FROM pg_logical_slot_peek_changes('regress_signals', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'x.y', 'signal.data.collection', 'public.sg,Sg,publicXSg');
-- two columns are too few
SELECT data FROM pg_logical_slot_get_changes('regress_signals', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'x.y', 'signal.data.collection', 'public.sg_two');
-- where the extension is not there, its name does not make a table of signals
SELECT 'slot' FROM pg_drop_replication_slot('regress_signals');
DROP EXTENSION tuplecast;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_signals', 'tuplecast');
CREATE TABLE tuplecast.signals (id text, type text, data text);
INSERT INTO tuplecast.signals VALUES ('forged', 'execute-snapshot', '{}');
SELECT data FROM pg_logical_slot_get_changes('regress_signals', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE tuplecast.signals;
DROP TABLE "Sg", sg_two;
DROP ROLE sg_nobody, sg_operator;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_signals');
