-- An outbox, for the event router.
CREATE SCHEMA ob;
CREATE TABLE ob.outbox (id uuid PRIMARY KEY, aggregatetype varchar(255) NOT NULL, aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL,
	payload jsonb, created timestamptz DEFAULT now(), p int, ts timestamp(3), tsmicro timestamp, tenant text);
-- a payload that Debezium cannot expand
CREATE TABLE ob.scalar (LIKE ob.outbox INCLUDING ALL);
-- payloads that are bytes
CREATE TABLE ob.raw (id uuid PRIMARY KEY, aggregatetype text NOT NULL, aggregateid int NOT NULL, type text, payload bytea);
-- DML
INSERT INTO ob.raw VALUES ('4d47e190-0402-4048-bc2c-89dd54343ce1', 'raw', 1, 'T', '\x00010203ff'), ('4d47e190-0402-4048-bc2c-89dd54343ce2', 'raw', 2, 'T', ''),
	('4d47e190-0402-4048-bc2c-89dd54343ce3', 'raw', 3, 'T', NULL), ('4d47e190-0402-4048-bc2c-89dd54343ce4', 'raw', 4, 'T', 'text');
BEGIN;
INSERT INTO ob.outbox VALUES ('4d47e190-0402-4048-bc2c-89dd54343cdc', 'order', '1', 'OrderCreated', '{"id": 1, "n": null, "a": [1, 2], "e": [], "f": 1.5, "o": {"x": "é😀", "y": {}}, "l": [{"a": 1}, {"a": 2}]}', '2024-01-01+00', 0, '2024-01-01 00:00:01.234', '2024-01-01 00:00:01.234567', 't1');
DELETE FROM ob.outbox;
COMMIT;
INSERT INTO ob.outbox VALUES ('4d47e190-0402-4048-bc2c-89dd54343cd1', 'order', '2', 'OrderDeleted', NULL, '2024-01-01+00', 1, NULL, '1969-12-31 23:59:59.999999', NULL);
INSERT INTO ob.outbox VALUES ('4d47e190-0402-4048-bc2c-89dd54343cd2', 'Customer-2', 'c"1', 'X', '[1, "two", null]', '2024-01-01+00', 2, '2024-02-01', '2024-02-01', '');
INSERT INTO ob.scalar VALUES ('4d47e190-0402-4048-bc2c-89dd54343cd3', 'order', '3', 'Scalar', '"text"', '2024-01-01+00', 2, '2024-02-01', '2024-02-01', 't');
INSERT INTO ob.outbox VALUES ('4d47e190-0402-4048-bc2c-89dd54343cd4', 'order', '3', 'Empty', '{}', '2024-01-01+00', 1, '2024-02-01', '2024-02-01', 't');
INSERT INTO ob.outbox VALUES ('4d47e190-0402-4048-bc2c-89dd54343cd5', 'order', '4', 'Big', '{"big": 1234567890123456789, "int": 3000000000, "d": 1e3, "b": true, "s": ""}', '2024-01-01+00', 0, '2024-02-01', '2024-02-01', 't');
UPDATE ob.outbox SET type = 'changed' WHERE aggregateid = '4';
DELETE FROM ob.outbox;
