-- TRUNCATE is skipped unless it is asked for
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_truncate', 'tuplecast');
CREATE TABLE tu (id int PRIMARY KEY, note text);
CREATE TABLE tu_ref (id serial PRIMARY KEY, tu int REFERENCES tu);
CREATE TABLE tu_other (id int PRIMARY KEY);
CREATE TABLE tu_parent (id int PRIMARY KEY);
CREATE TABLE tu_child (PRIMARY KEY (id)) INHERITS (tu_parent);
INSERT INTO tu VALUES (1, 'one');
TRUNCATE tu_other;
TRUNCATE tu_other, tu_ref;
TRUNCATE tu CASCADE;
TRUNCATE tu_ref RESTART IDENTITY;
TRUNCATE ONLY tu_parent;
TRUNCATE tu_parent;
BEGIN;
INSERT INTO tu VALUES (2, 'two');
TRUNCATE tu, tu_ref;
INSERT INTO tu VALUES (3, 'three');
COMMIT;
BEGIN;
TRUNCATE tu, tu_ref;
ROLLBACK;
SELECT data FROM pg_logical_slot_peek_changes('regress_truncate', NULL, NULL, 'topic.prefix', 'p');
SELECT data FROM pg_logical_slot_peek_changes('regress_truncate', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'none');
SELECT data FROM pg_logical_slot_peek_changes('regress_truncate', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'c,u,d', 'table.exclude.list', '.*tu_(ref|parent|child)', 'add.fields', 'op,table');
SELECT regexp_replace(regexp_replace(data, '"source":\{[^}]*"table":"(\w+)"[^}]*\}', '"source":"\1"'), '"ts_(..)":\d+', '"ts_\1":0', 'g')
	FROM pg_logical_slot_peek_changes('regress_truncate', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'c', 'format', 'envelope');
-- a tombstone would be for a key: there is none after a truncate
SELECT count(*) FILTER (WHERE data LIKE '%"value":null%'), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_truncate', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'none');
DROP TABLE tu_ref, tu, tu_other, tu_child, tu_parent;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_truncate');
