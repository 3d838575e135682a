-- publications decide which tables, operations, columns and rows are published, and under which name
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
-- the context of an error has positions
\set VERBOSITY terse
-- what a slot holds, and then no longer
CREATE FUNCTION pg_temp.changes(VARIADIC options text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT data FROM pg_logical_slot_get_changes('regress_publications', NULL, NULL,
		VARIADIC ARRAY['topic.prefix', 'p'] || options);
END $$;
CREATE FUNCTION pg_temp.captured(VARIADIC options text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT topic || ' ' || columns FROM tuplecast.relations(VARIADIC ARRAY['topic.prefix', 'p'] || options) WHERE topic LIKE 'p.pub\_%'
$$;
CREATE FUNCTION pg_temp.skip() RETURNS void LANGUAGE sql AS $$
	SELECT FROM pg_replication_slot_advance('regress_publications', pg_current_wal_insert_lsn())
$$;
CREATE EXTENSION IF NOT EXISTS tuplecast;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_publications', 'tuplecast');
CREATE SCHEMA pub_a;
CREATE SCHEMA pub_b;
CREATE TABLE pub_a.one (id int PRIMARY KEY, a text, b int);
CREATE TABLE pub_a.two (id int PRIMARY KEY, a text);
CREATE TABLE pub_b.three (id int PRIMARY KEY, a text);

-- one that does not exist
BEGIN;
INSERT INTO pub_a.one VALUES (0, 'zero', 0);
COMMIT;
SELECT pg_temp.changes('publication.name', 'pub_none');
SELECT pg_temp.captured('publication.name', 'pub_none');
SELECT pg_temp.changes('publication.name', 'a b');
-- one that was made after the change
CREATE PUBLICATION pub_late FOR ALL TABLES;
SELECT pg_temp.changes('publication.name', 'pub_late');
SELECT pg_temp.skip();

-- tables, and a list of publications with names as SQL quotes them
CREATE PUBLICATION pub_one FOR TABLE pub_a.one;
CREATE PUBLICATION "Pub, two" FOR TABLE pub_a.two;
CREATE PUBLICATION pub_empty;
SELECT pg_temp.captured('publication.name', 'pub_one');
SELECT pg_temp.captured('publication.name', 'PUB_ONE, "Pub, two"');
SELECT pg_temp.captured('publication.name', 'pub_empty');
SELECT pg_temp.captured('publication.name', 'pub_one,"Pub, two"', 'table.include.list', '.*two');
INSERT INTO pub_a.one VALUES (1, 'one', 10);
INSERT INTO pub_a.two VALUES (1, 'one');
INSERT INTO pub_b.three VALUES (1, 'one');
SELECT pg_temp.changes('publication.name', '"Pub, two"');
-- changed in the middle of the backlog: each change as the publication was then
INSERT INTO pub_a.two VALUES (2, 'not yet');
ALTER PUBLICATION pub_one ADD TABLE pub_a.two;
INSERT INTO pub_a.two VALUES (3, 'published');
ALTER PUBLICATION pub_one DROP TABLE pub_a.two;
INSERT INTO pub_a.two VALUES (4, 'no longer');
ALTER PUBLICATION pub_one RENAME TO pub_first;
ALTER PUBLICATION "Pub, two" RENAME TO pub_one;
INSERT INTO pub_a.two VALUES (5, 'by the other');
ALTER PUBLICATION pub_one RENAME TO pub_two;
ALTER PUBLICATION pub_first RENAME TO pub_one;
SELECT pg_temp.changes('publication.name', 'pub_one');

-- operations
ALTER PUBLICATION pub_one SET (publish = 'insert, delete');
INSERT INTO pub_a.one VALUES (2, 'two', 20);
UPDATE pub_a.one SET b = 21 WHERE id = 2;
DELETE FROM pub_a.one WHERE id = 2;
TRUNCATE pub_a.one;
SELECT pg_temp.changes('publication.name', 'pub_one', 'skipped.operations', 'none');
ALTER PUBLICATION pub_one SET (publish = 'update, truncate');
INSERT INTO pub_a.one VALUES (2, 'two', 20);
UPDATE pub_a.one SET b = 21 WHERE id = 2;
DELETE FROM pub_a.one WHERE id = 2;
TRUNCATE pub_a.one, pub_a.two;
SELECT pg_temp.changes('publication.name', 'pub_one', 'skipped.operations', 'none');
ALTER PUBLICATION pub_one SET (publish = 'insert, update, delete, truncate');

-- all tables; a schema
CREATE PUBLICATION pub_all FOR ALL TABLES;
CREATE PUBLICATION pub_schema FOR TABLES IN SCHEMA pub_b;
SELECT pg_temp.captured('publication.name', 'pub_all');
SELECT pg_temp.captured('publication.name', 'pub_schema');
INSERT INTO pub_b.three VALUES (2, 'in the schema');
ALTER TABLE pub_b.three SET SCHEMA pub_a;
INSERT INTO pub_a.three VALUES (3, 'no longer');
ALTER TABLE pub_a.three SET SCHEMA pub_b;
ALTER SCHEMA pub_b RENAME TO pub_c;
INSERT INTO pub_c.three VALUES (4, 'renamed');
ALTER PUBLICATION pub_schema DROP TABLES IN SCHEMA pub_c;
INSERT INTO pub_c.three VALUES (5, 'dropped');
ALTER PUBLICATION pub_schema ADD TABLES IN SCHEMA pub_c;
INSERT INTO pub_c.three VALUES (6, 'added');
SELECT pg_temp.changes('publication.name', 'pub_schema');

-- columns; the key stays in the key
CREATE TABLE pub_a.cols (id int PRIMARY KEY, a text, b int, c int);
CREATE PUBLICATION pub_cols FOR TABLE pub_a.cols (id, b);
CREATE PUBLICATION pub_nokey FOR TABLE pub_a.cols (c) WITH (publish = 'insert');
SELECT pg_temp.captured('publication.name', 'pub_cols');
INSERT INTO pub_a.cols VALUES (1, 'a', 2, 3);
UPDATE pub_a.cols SET b = 3;
SELECT pg_temp.changes('publication.name', 'pub_cols');
INSERT INTO pub_a.cols VALUES (2, 'a', 2, 3);
SELECT pg_temp.changes('publication.name', 'pub_nokey');
-- two lists of one table are refused
INSERT INTO pub_a.cols VALUES (3, 'a', 2, 3);
SELECT pg_temp.changes('publication.name', 'pub_cols,pub_nokey');
SELECT pg_temp.skip();
-- as is one list and none; lists that name all columns are none
CREATE PUBLICATION pub_allcols FOR TABLE pub_a.cols (id, a, b, c);
INSERT INTO pub_a.cols VALUES (4, 'a', 2, 3);
SELECT pg_temp.changes('publication.name', 'pub_all,pub_allcols');
SELECT pg_temp.captured('publication.name', 'pub_cols,pub_all');

-- rows
CREATE TABLE pub_a.rows (id int, amount int, note text, PRIMARY KEY (id, amount));
CREATE PUBLICATION pub_rows FOR TABLE pub_a.rows WHERE (amount > 10);
INSERT INTO pub_a.rows VALUES (1, 5, 'out'), (2, 20, 'in');
-- the identity untouched: there is only the new row
UPDATE pub_a.rows SET note = note || ', same';
-- into, out of, within, outside
UPDATE pub_a.rows SET amount = 11 WHERE id = 1;
UPDATE pub_a.rows SET amount = 1 WHERE id = 2;
UPDATE pub_a.rows SET amount = 12 WHERE id = 1;
UPDATE pub_a.rows SET amount = 2 WHERE id = 2;
DELETE FROM pub_a.rows;
SELECT pg_temp.changes('publication.name', 'pub_rows');
-- the operation that it became is the one that is skipped
ALTER TABLE pub_a.rows REPLICA IDENTITY FULL;
INSERT INTO pub_a.rows VALUES (3, 5, 'out'), (4, 20, 'in');
UPDATE pub_a.rows SET amount = 11 WHERE id = 3;
UPDATE pub_a.rows SET amount = 1 WHERE id = 4;
SELECT substring(d, '"op":"."') FROM pg_temp.changes('publication.name', 'pub_rows', 'skipped.operations', 'u', 'format', 'envelope') d;
-- a filter that is neither true nor false
CREATE TABLE pub_a.nulls (id int PRIMARY KEY, a int);
CREATE PUBLICATION pub_nulls FOR TABLE pub_a.nulls WHERE (a > 0) WITH (publish = 'insert');
INSERT INTO pub_a.nulls VALUES (1, NULL), (2, 1), (3, -1);
SELECT pg_temp.changes('publication.name', 'pub_nulls');
-- two filters: the rows of either, each for its operations; without a filter all rows
CREATE PUBLICATION pub_nulls2 FOR TABLE pub_a.nulls WHERE (id = 3) WITH (publish = 'insert, update');
INSERT INTO pub_a.nulls VALUES (4, 1), (5, -1);
UPDATE pub_a.nulls SET a = 7 WHERE id IN (3, 4);
SELECT pg_temp.changes('publication.name', 'pub_nulls,pub_nulls2');
INSERT INTO pub_a.nulls VALUES (6, -1);
SELECT pg_temp.changes('publication.name', 'pub_nulls,pub_all');
-- a value kept out of line, in the identity and not touched
CREATE TABLE pub_a.big (id int, body text);
ALTER TABLE pub_a.big ALTER body SET STORAGE EXTERNAL;
ALTER TABLE pub_a.big REPLICA IDENTITY FULL;
CREATE PUBLICATION pub_big FOR TABLE pub_a.big WHERE (length(body) > 100);
INSERT INTO pub_a.big VALUES (1, repeat('x', 9000)), (2, 'short');
UPDATE pub_a.big SET id = id + 10;
SELECT left(d, 45) || '...' || length(d) FROM pg_temp.changes('publication.name', 'pub_big') d;
-- a filter that comes and goes in the middle of the backlog
INSERT INTO pub_a.nulls VALUES (10, 1), (11, -1);
ALTER PUBLICATION pub_nulls SET TABLE pub_a.nulls;
INSERT INTO pub_a.nulls VALUES (12, 1), (13, -1);
ALTER PUBLICATION pub_nulls SET TABLE pub_a.nulls WHERE (a < 0);
INSERT INTO pub_a.nulls VALUES (14, 1), (15, -1);
SELECT pg_temp.changes('publication.name', 'pub_nulls');

-- partitions: under their own names, or that of the highest ancestor that is published so
CREATE TABLE pub_a.root (id int, k text, note text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE pub_a.mid (note text, k text NOT NULL, id int NOT NULL) PARTITION BY LIST (k);
CREATE TABLE pub_a.leaf (gone int, k text NOT NULL, note text, id int NOT NULL);
ALTER TABLE pub_a.leaf DROP COLUMN gone;
ALTER TABLE pub_a.mid ATTACH PARTITION pub_a.leaf FOR VALUES IN ('a');
ALTER TABLE pub_a.root ATTACH PARTITION pub_a.mid FOR VALUES IN ('a', 'b');
CREATE TABLE pub_a.side PARTITION OF pub_a.root FOR VALUES IN ('z');
CREATE PUBLICATION pub_leaves FOR TABLE pub_a.root;
CREATE PUBLICATION pub_mid FOR TABLE pub_a.mid WITH (publish_via_partition_root = true);
CREATE PUBLICATION pub_root FOR TABLE pub_a.root (id, k) WHERE (id > 1) WITH (publish_via_partition_root = true);
SELECT pg_temp.captured('publication.name', 'pub_leaves');
SELECT pg_temp.captured('publication.name', 'pub_mid');
SELECT pg_temp.captured('publication.name', 'pub_root');
-- the highest wins, and what is said of it
SELECT pg_temp.captured('publication.name', 'pub_mid,pub_root');
SELECT pg_temp.captured('publication.name', 'pub_root,pub_mid');
INSERT INTO pub_a.root VALUES (1, 'a', 'one'), (2, 'a', 'two'), (3, 'z', 'three');
SELECT pg_temp.changes('publication.name', 'pub_leaves');
INSERT INTO pub_a.root VALUES (11, 'a', 'one'), (-12, 'a', 'two'), (13, 'z', 'three');
SELECT pg_temp.changes('publication.name', 'pub_mid');
INSERT INTO pub_a.root VALUES (21, 'a', 'one'), (-22, 'a', 'two'), (23, 'z', 'three');
UPDATE pub_a.root SET id = -id WHERE id IN (-22, 23);
SELECT pg_temp.changes('publication.name', 'pub_mid,pub_root');
-- the option is for those who name no publication
INSERT INTO pub_a.root VALUES (31, 'a', 'one');
SELECT pg_temp.changes('publication.name', 'pub_leaves', 'publish.via.partition.root', 'true');
-- detached and attached again
INSERT INTO pub_a.root VALUES (41, 'a', 'root');
ALTER TABLE pub_a.root DETACH PARTITION pub_a.mid;
INSERT INTO pub_a.mid VALUES ('nobody', 'a', 42);
ALTER TABLE pub_a.root ATTACH PARTITION pub_a.mid FOR VALUES IN ('a', 'b');
INSERT INTO pub_a.root VALUES (43, 'a', 'root again');
SELECT pg_temp.changes('publication.name', 'pub_root');
-- TRUNCATE: of the root if that is what is published, else of the leaves
TRUNCATE pub_a.root;
TRUNCATE pub_a.side;
SELECT pg_temp.changes('publication.name', 'pub_root', 'skipped.operations', 'none');
TRUNCATE pub_a.root;
SELECT pg_temp.changes('publication.name', 'pub_leaves', 'skipped.operations', 'none');

SELECT 'dropped' FROM pg_drop_replication_slot('regress_publications');
DROP PUBLICATION pub_all, pub_allcols, pub_big, pub_cols, pub_empty, pub_late, pub_leaves, pub_mid, pub_nokey, pub_nulls, pub_nulls2,
	pub_one, pub_root, pub_rows, pub_schema, pub_two;
DROP SCHEMA pub_a, pub_c CASCADE;
