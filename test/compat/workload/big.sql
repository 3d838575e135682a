-- What is large.
CREATE SCHEMA big;
CREATE TABLE big.t (id int PRIMARY KEY, t text, b bytea, n numeric, j jsonb);
-- DML
INSERT INTO big.t VALUES (1, repeat('1 MB é😀 ', 80000), decode(repeat('deadbeef', 100000), 'hex'), repeat('9', 131072)::numeric, to_jsonb(repeat('"', 100000)));
INSERT INTO big.t VALUES (2, NULL, NULL, ('0.' || repeat('0', 16382) || '1')::numeric, NULL);
INSERT INTO big.t VALUES (3, NULL, NULL, (repeat('1', 131072) || '.' || repeat('7', 16383))::numeric, NULL);
UPDATE big.t SET id = 4 WHERE id = 1;
DELETE FROM big.t;
