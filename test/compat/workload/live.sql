-- Changes of the tables themselves. Debezium looks keys and defaults up in the catalogues as they are when it reads a change,
-- so each step waits for it.
CREATE SCHEMA m;
CREATE TABLE m.sc (id int PRIMARY KEY, a text);
CREATE TABLE m.keys (id int PRIMARY KEY, b int NOT NULL, c text);
CREATE TABLE m.types (id int PRIMARY KEY, v int, w varchar(10), n numeric(10,2), t timestamp(3));
CREATE TYPE m.mood AS ENUM ('sad', 'ok');
CREATE TABLE m.enums (id int PRIMARY KEY, e m.mood);
-- DML
INSERT INTO m.sc VALUES (1, 'a');
INSERT INTO m.keys VALUES (1, 10, 'c');
INSERT INTO m.types VALUES (1, 1, 'w', 1.5, '2024-01-01 00:00:00.123');
INSERT INTO m.enums VALUES (1, 'ok');
-- STEP
ALTER TABLE m.sc ADD COLUMN c int DEFAULT 5 NOT NULL;
INSERT INTO m.sc VALUES (2, 'b', 6);
UPDATE m.sc SET a = 'z' WHERE id = 1;
-- STEP
ALTER TABLE m.sc RENAME COLUMN a TO a2;
INSERT INTO m.sc VALUES (3, 'b', 6);
-- STEP
ALTER TABLE m.sc ALTER COLUMN c TYPE bigint;
INSERT INTO m.sc VALUES (4, 'b', 6000000000);
-- STEP
ALTER TABLE m.sc DROP COLUMN a2;
INSERT INTO m.sc VALUES (5, 6);
-- STEP
ALTER TABLE m.sc ALTER COLUMN c DROP NOT NULL;
INSERT INTO m.sc VALUES (6, NULL);
-- STEP
ALTER TABLE m.sc RENAME TO sc2;
INSERT INTO m.sc2 VALUES (7, 7);
DELETE FROM m.sc2 WHERE id = 7;
-- STEP
ALTER TABLE m.keys DROP CONSTRAINT keys_pkey, ADD PRIMARY KEY (b, id);
INSERT INTO m.keys VALUES (2, 20, 'c');
UPDATE m.keys SET b = 11 WHERE id = 1;
-- STEP
ALTER TABLE m.types ALTER v TYPE text, ALTER w TYPE varchar(20), ALTER n TYPE numeric(12,4), ALTER t TYPE timestamp;
INSERT INTO m.types VALUES (2, 'text', 'longer than ten', 1.2345, '2024-01-01 00:00:00.123456');
DELETE FROM m.types;
-- STEP
CREATE TABLE m.newt (id int PRIMARY KEY, t text DEFAULT 'x');
INSERT INTO m.newt VALUES (1, 'n');
-- STEP
ALTER TYPE m.mood ADD VALUE 'happy';
-- STEP
INSERT INTO m.enums VALUES (2, 'happy');
-- STEP
DROP TABLE m.newt;
CREATE TABLE m.newt (other uuid PRIMARY KEY);
INSERT INTO m.newt VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
