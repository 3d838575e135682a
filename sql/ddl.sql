-- tables that change between the transactions of one backlog: each row in the shape it had
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_ddl', 'tuplecast');
CREATE SCHEMA ddl_a;
CREATE SCHEMA ddl_b;
CREATE TABLE ddl_t (id int PRIMARY KEY, a text, b int);
INSERT INTO ddl_t VALUES (1, 'one', 10);
-- added, without and with a default (which old rows hold only in the catalogue)
ALTER TABLE ddl_t ADD COLUMN c int;
ALTER TABLE ddl_t ADD COLUMN d text DEFAULT 'dflt';
UPDATE ddl_t SET b = 11;
INSERT INTO ddl_t VALUES (2, 'two', 20, 200, 'd2');
-- dropped
ALTER TABLE ddl_t DROP COLUMN b;
UPDATE ddl_t SET c = 101 WHERE id = 1;
INSERT INTO ddl_t VALUES (3, 'three', 300, 'd3');
-- renamed
ALTER TABLE ddl_t RENAME COLUMN a TO "A renamed";
UPDATE ddl_t SET c = 102 WHERE id = 1;
-- another type, which rewrites the table (no record of it)
ALTER TABLE ddl_t ALTER COLUMN c TYPE text USING 'c' || c;
UPDATE ddl_t SET d = 'x' WHERE id = 1;
ALTER TABLE ddl_t ALTER COLUMN c TYPE varchar(10);
UPDATE ddl_t SET d = 'y' WHERE id = 1;
-- added again under the name of a dropped one
ALTER TABLE ddl_t ADD COLUMN b numeric(5,1) DEFAULT 1.5;
UPDATE ddl_t SET d = 'z' WHERE id = 1;
-- the table renamed, moved to another schema, the schema renamed
ALTER TABLE ddl_t RENAME TO ddl_renamed;
UPDATE ddl_renamed SET d = 'renamed' WHERE id = 1;
ALTER TABLE ddl_renamed SET SCHEMA ddl_a;
UPDATE ddl_a.ddl_renamed SET d = 'moved' WHERE id = 1;
ALTER SCHEMA ddl_a RENAME TO ddl_c;
UPDATE ddl_c.ddl_renamed SET d = 'schema renamed' WHERE id = 1;
-- another primary key, then none
ALTER TABLE ddl_c.ddl_renamed DROP CONSTRAINT ddl_t_pkey;
ALTER TABLE ddl_c.ddl_renamed ADD PRIMARY KEY (d, id);
UPDATE ddl_c.ddl_renamed SET c = 'k' WHERE id = 1;
ALTER TABLE ddl_c.ddl_renamed DROP CONSTRAINT ddl_renamed_pkey;
UPDATE ddl_c.ddl_renamed SET c = 'no key' WHERE id = 1;
-- dropped, and its name used again
DROP TABLE ddl_c.ddl_renamed;
CREATE TABLE ddl_c.ddl_renamed (other boolean PRIMARY KEY);
INSERT INTO ddl_c.ddl_renamed VALUES (true);
SELECT data FROM pg_logical_slot_peek_changes('regress_ddl', NULL, NULL, 'topic.prefix', 'p');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_ddl', NULL, NULL, 'topic.prefix', 'p');
-- in the middle of a transaction, and rolled back
BEGIN;
CREATE TABLE ddl_tx (id int PRIMARY KEY);
INSERT INTO ddl_tx VALUES (1);
ALTER TABLE ddl_tx ADD COLUMN a int DEFAULT 5;
INSERT INTO ddl_tx VALUES (2);
SAVEPOINT s;
ALTER TABLE ddl_tx DROP COLUMN a;
INSERT INTO ddl_tx VALUES (3);
ROLLBACK TO s;
INSERT INTO ddl_tx VALUES (4, 6);
ALTER TABLE ddl_tx RENAME TO ddl_tx2;
DELETE FROM ddl_tx2 WHERE id = 1;
COMMIT;
BEGIN;
ALTER TABLE ddl_tx2 ADD COLUMN gone text DEFAULT 'gone';
ROLLBACK;
INSERT INTO ddl_tx2 VALUES (5, 7);
SELECT data FROM pg_logical_slot_get_changes('regress_ddl', NULL, NULL, 'topic.prefix', 'p');
-- rewritten: neither VACUUM FULL nor CLUSTER nor a changed type publishes rows
INSERT INTO ddl_tx2 SELECT i, i FROM generate_series(10, 20) i;
SELECT count(*) FROM pg_logical_slot_get_changes('regress_ddl', NULL, NULL, 'topic.prefix', 'p');
VACUUM FULL ddl_tx2;
CLUSTER ddl_tx2 USING ddl_tx_pkey;
ALTER TABLE ddl_tx2 ALTER COLUMN a TYPE bigint;
ALTER TABLE ddl_tx2 SET UNLOGGED;
INSERT INTO ddl_tx2 VALUES (30, 1);
ALTER TABLE ddl_tx2 SET LOGGED;
SELECT data FROM pg_logical_slot_get_changes('regress_ddl', NULL, NULL, 'topic.prefix', 'p');
INSERT INTO ddl_tx2 VALUES (31, 9223372036854775807);
-- a type or a domain that changes under the table
CREATE DOMAIN ddl_domain AS int;
CREATE TYPE ddl_pair AS (x int, y int);
CREATE TABLE ddl_types (id int PRIMARY KEY, d ddl_domain, p ddl_pair);
INSERT INTO ddl_types VALUES (1, 1, '(1,2)');
ALTER TYPE ddl_pair ADD ATTRIBUTE z text;
INSERT INTO ddl_types VALUES (2, 2, '(1,2,three)');
ALTER TYPE ddl_pair DROP ATTRIBUTE y;
INSERT INTO ddl_types VALUES (3, 3, '(1,three)');
ALTER DOMAIN ddl_domain RENAME TO ddl_domain2;
ALTER DOMAIN ddl_domain2 ADD CHECK (VALUE > 0);
INSERT INTO ddl_types VALUES (4, 4, NULL);
SELECT data FROM pg_logical_slot_get_changes('regress_ddl', NULL, NULL, 'topic.prefix', 'p');
-- two tables that exchange their names
CREATE TABLE ddl_x (id int PRIMARY KEY, x text);
CREATE TABLE ddl_y (id int PRIMARY KEY, y text);
INSERT INTO ddl_x VALUES (1, 'in x');
INSERT INTO ddl_y VALUES (1, 'in y');
BEGIN;
ALTER TABLE ddl_x RENAME TO ddl_z;
ALTER TABLE ddl_y RENAME TO ddl_x;
ALTER TABLE ddl_z RENAME TO ddl_y;
COMMIT;
INSERT INTO ddl_x VALUES (2, 'was y');
INSERT INTO ddl_y VALUES (2, 'was x');
SELECT data FROM pg_logical_slot_get_changes('regress_ddl', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE ddl_tx2, ddl_types, ddl_x, ddl_y, ddl_c.ddl_renamed;
DROP DOMAIN ddl_domain2;
DROP TYPE ddl_pair;
DROP SCHEMA ddl_b, ddl_c;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_ddl');
