-- Keys, replica identities, operations, messages, TOAST. toast_ begins a column whose type has no placeholder in Debezium.
CREATE EXTENSION hstore;
CREATE SCHEMA id;
CREATE TABLE id.customers (
	id serial PRIMARY KEY, first_name varchar(255) NOT NULL, last_name varchar(255), age int NOT NULL DEFAULT 7, note text DEFAULT 'dflt',
	amt numeric(10,2) NOT NULL, ts timestamptz NOT NULL DEFAULT now(), b bytea NOT NULL DEFAULT '\x00');
COMMENT ON COLUMN id.customers.note IS 'what was said';
CREATE TABLE id.full_t (id int PRIMARY KEY, a text NOT NULL, b text);
ALTER TABLE id.full_t REPLICA IDENTITY FULL;
CREATE TABLE id.nopk (a int, b text);
CREATE TABLE id.nopkfull (a int, b text);
ALTER TABLE id.nopkfull REPLICA IDENTITY FULL;
CREATE TABLE id.idx (a int NOT NULL, b text NOT NULL, c text);
CREATE UNIQUE INDEX idx_b ON id.idx (b);
ALTER TABLE id.idx REPLICA IDENTITY USING INDEX idx_b;
-- an identity other than the primary key: Debezium invents the key of a delete
CREATE TABLE id.pi (id int PRIMARY KEY, b text NOT NULL, c text);
CREATE UNIQUE INDEX pi_b ON id.pi (b);
ALTER TABLE id.pi REPLICA IDENTITY USING INDEX pi_b;
CREATE TABLE id.noth (id int PRIMARY KEY, v text);
ALTER TABLE id.noth REPLICA IDENTITY NOTHING;
CREATE TABLE id.uq (z text, b int NOT NULL, a int NOT NULL, c text, UNIQUE (a, b));
ALTER TABLE id.uq REPLICA IDENTITY FULL;
CREATE TABLE id.uqnull (a int UNIQUE, b text);
CREATE TABLE id.uqexpr (a text NOT NULL, b int NOT NULL);
CREATE UNIQUE INDEX uqexpr_a ON id.uqexpr (lower(a));
CREATE UNIQUE INDEX uqexpr_b ON id.uqexpr (b) WHERE b > 0;
CREATE TABLE id.uq2 (a int NOT NULL UNIQUE, b int NOT NULL UNIQUE, c text);
CREATE TABLE id.comp (c text, b int, a text, d int, PRIMARY KEY (a, b));
CREATE TABLE id.part (id int, r text, v text, PRIMARY KEY (id, r)) PARTITION BY LIST (r);
CREATE TABLE id.part_a PARTITION OF id.part FOR VALUES IN ('a');
CREATE TABLE id.part_b PARTITION OF id.part FOR VALUES IN ('b');
CREATE TABLE id."We ird-Tbl.x" ("Id Ä" int PRIMARY KEY, "Col é" text, "__gone" text, "select" int, "a.b" text, "1st" int);
CREATE SCHEMA "Sch ema";
CREATE TABLE "Sch ema"."Täble" ("ID" int PRIMARY KEY, v text);
CREATE TABLE id.k_text (k text PRIMARY KEY, v int);
CREATE TABLE id.k_uuid (k uuid PRIMARY KEY, v int);
CREATE TABLE id.k_ts (k timestamp, k2 timestamptz, v int, PRIMARY KEY (k, k2));
CREATE TABLE id.k_num (k numeric(10,2) PRIMARY KEY, v int);
CREATE TABLE id.k_bytea (k bytea PRIMARY KEY, v int);
CREATE TABLE id.k_date (k date, e int8, PRIMARY KEY (k, e));
CREATE TABLE id.k_more (k float8, t time, b bool, a text[], PRIMARY KEY (k, t, b, a));
CREATE TABLE id.k_only (id int PRIMARY KEY);
CREATE TABLE id.zoned (id int PRIMARY KEY, ts timestamptz, t timestamp NOT NULL, ttz timetz);
ALTER TABLE id.zoned REPLICA IDENTITY FULL;
CREATE TABLE id.toast (
	id int PRIMARY KEY, n int, t text, tnn text NOT NULL, b bytea, j jsonb, js json, vc varchar, c char(3000), x xml, hst hstore,
	ta text[], ia int[], ba bigint[], bya bytea[], ua uuid[], da date[], jba jsonb[],
	toast_num numeric, toast_fa float8[], toast_na numeric[], toast_f4a float4[], toast_tsa timestamptz[], toast_tspa timestamp[], toast_sa int2[], toast_oka bool[]);
CREATE TABLE id.toastfull (id int PRIMARY KEY, n int, t text);
ALTER TABLE id.toastfull REPLICA IDENTITY FULL;
DO $$
DECLARE c record;
BEGIN
	FOR c IN SELECT attrelid::regclass AS rel, attname FROM pg_attribute WHERE attrelid IN ('id.toast'::regclass, 'id.toastfull'::regclass) AND attnum > 0 AND attlen = -1 LOOP
		EXECUTE format('ALTER TABLE %s ALTER %I SET STORAGE EXTERNAL', c.rel, c.attname);
	END LOOP;
END $$;
CREATE TABLE id.mask (id text PRIMARY KEY, secret text, secret2 varchar(10), phone varchar(40), long text, n int, secret3 char(8));
CREATE TABLE id.skip (id int PRIMARY KEY, a text, b text, c int);
ALTER TABLE id.skip REPLICA IDENTITY FULL;
CREATE TABLE id.empty ();
ALTER TABLE id.empty REPLICA IDENTITY FULL;
-- DML
INSERT INTO id.customers (first_name, last_name, age, note, amt, ts) VALUES ('Anne', 'K', 30, NULL, 12.34, '2024-01-02 03:04:05.678901+00');
UPDATE id.customers SET first_name = 'Anne Marie' WHERE id = 1;
UPDATE id.customers SET id = 1001 WHERE id = 1;
DELETE FROM id.customers WHERE id = 1001;
INSERT INTO id.full_t VALUES (1, 'x', NULL);
UPDATE id.full_t SET b = 'y' WHERE id = 1;
UPDATE id.full_t SET b = 'y' WHERE id = 1;
UPDATE id.full_t SET id = 2 WHERE id = 1;
DELETE FROM id.full_t WHERE id = 2;
INSERT INTO id.nopk VALUES (1, 'z'), (NULL, NULL);
INSERT INTO id.nopkfull VALUES (1, 'x'), (NULL, NULL);
UPDATE id.nopkfull SET b = 'y';
DELETE FROM id.nopkfull;
INSERT INTO id.idx VALUES (1, 'k', 'c');
UPDATE id.idx SET c = 'd';
UPDATE id.idx SET b = 'k2';
DELETE FROM id.idx;
INSERT INTO id.pi VALUES (7, 'k', 'c');
UPDATE id.pi SET c = 'd';
UPDATE id.pi SET b = 'k2';
UPDATE id.pi SET id = 8;
DELETE FROM id.pi;
INSERT INTO id.noth VALUES (1, 'v');
INSERT INTO id.uq VALUES ('z', 1, 2, 'c');
UPDATE id.uq SET c = 'd';
UPDATE id.uq SET a = 3;
DELETE FROM id.uq;
INSERT INTO id.uqnull VALUES (1, 'b'), (NULL, 'c');
INSERT INTO id.uqexpr VALUES ('a', 1);
INSERT INTO id.uq2 VALUES (1, 2, 'c');
INSERT INTO id.comp VALUES ('c', 1, 'a', 4), ('c', 2, '"a,', 4);
UPDATE id.comp SET d = 5;
UPDATE id.comp SET b = 10 WHERE b = 1;
DELETE FROM id.comp;
INSERT INTO id.part VALUES (1, 'a', 'v'), (2, 'b', 'v');
UPDATE id.part SET v = 'w' WHERE id = 1;
UPDATE id.part SET r = 'b' WHERE id = 1;
DELETE FROM id.part WHERE id = 2;
INSERT INTO id."We ird-Tbl.x" VALUES (1, 'v', 'mine', 2, 'd', 3);
UPDATE id."We ird-Tbl.x" SET "Col é" = 'w';
DELETE FROM id."We ird-Tbl.x";
INSERT INTO "Sch ema"."Täble" VALUES (1, 'v');
DELETE FROM "Sch ema"."Täble";
INSERT INTO id.k_text VALUES ('plain', 1), ('', 2), (E'q"\\/\n\u0001é😀', 3), ('{"json": true}', 4), (repeat('k', 1000), 5);
UPDATE id.k_text SET k = k || 'x', v = v + 1;
DELETE FROM id.k_text;
INSERT INTO id.k_uuid VALUES ('A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11', 1);
DELETE FROM id.k_uuid;
INSERT INTO id.k_ts VALUES ('2024-01-02 03:04:05.678901', '2024-01-02 03:04:05.678901+02', 1), ('infinity', '-infinity', 2);
UPDATE id.k_ts SET k = '2020-01-01' WHERE v = 1;
UPDATE id.k_ts SET k2 = '1969-07-20 20:17:40Z', k = '1969-07-20 20:17:40.123' WHERE v = 1;
DELETE FROM id.k_ts;
INSERT INTO id.k_num VALUES (1.5, 1), (-99999999.99, 2);
UPDATE id.k_num SET k = k / 100;
DELETE FROM id.k_num;
INSERT INTO id.k_bytea VALUES ('\xdeadbeef', 1), ('', 2);
UPDATE id.k_bytea SET k = k || '\x01';
DELETE FROM id.k_bytea;
INSERT INTO id.k_date VALUES ('2024-02-29', 9223372036854775807), ('0044-03-15 BC', -1);
UPDATE id.k_date SET k = '1969-07-20' WHERE e > 0;
UPDATE id.k_date SET k = '2024-03-01', e = 1 WHERE e > 0;
DELETE FROM id.k_date;
INSERT INTO id.zoned VALUES (1, '2024-07-02 03:04:05.678Z', '2024-07-02 03:04:05.678901', '12:34:56.5+02'), (2, NULL, '1999-12-31 23:59:59', NULL);
UPDATE id.zoned SET ts = '2024-01-02 03:04:05Z', t = t + interval '6 months';
UPDATE id.zoned SET id = id + 10;
DELETE FROM id.zoned;
INSERT INTO id.k_more VALUES ('NaN', '12:34:56.789', true, '{a,"b,c"}'), (1.5, '00:00', false, '{}');
UPDATE id.k_more SET k = k / 2, b = NOT b, a = a || 'x\y'::text;
UPDATE id.k_more SET k = '-Infinity', t = '23:59:59.999999' WHERE b;
INSERT INTO id.k_only VALUES (1), (2);
UPDATE id.k_only SET id = 3 WHERE id = 1;
DELETE FROM id.k_only;
INSERT INTO id.toast SELECT 1, 1, repeat('a', 3000), repeat('b', 3000), convert_to(repeat('c', 3000), 'utf8'), to_jsonb(repeat('d', 3000)), to_json(repeat('d', 3000)), repeat('e', 3000), repeat('f', 3000),
	('<a>' || repeat('x', 3000) || '</a>')::xml, ('k=>' || repeat('z', 3000))::hstore, ARRAY[repeat('f', 3000)],
	(SELECT array_agg(i) FROM generate_series(1, 700) i), (SELECT array_agg(i::bigint) FROM generate_series(1, 400) i), ARRAY[convert_to(repeat('c', 3000), 'utf8')],
	(SELECT array_agg(md5(i::text)::uuid) FROM generate_series(1, 200) i), (SELECT array_agg(date '2020-01-01' + i) FROM generate_series(1, 700) i), ARRAY[to_jsonb(repeat('d', 3000))],
	repeat('9', 9000)::numeric, (SELECT array_agg(i::float8) FROM generate_series(1, 400) i), (SELECT array_agg(i::numeric) FROM generate_series(1, 400) i), (SELECT array_agg(i::float4) FROM generate_series(1, 700) i),
	(SELECT array_agg(timestamptz '2020-01-01' + i * interval '1h') FROM generate_series(1, 400) i), (SELECT array_agg(timestamp '2020-01-01' + i * interval '1h') FROM generate_series(1, 400) i),
	(SELECT array_agg(i::int2) FROM generate_series(1, 1500) i), (SELECT array_agg(i % 2 = 0) FROM generate_series(1, 3000) i);
UPDATE id.toast SET n = 2;
UPDATE id.toast SET t = 'short', id = 2;
UPDATE id.toast SET n = 3;
DELETE FROM id.toast;
INSERT INTO id.toastfull VALUES (1, 1, repeat('a', 3000));
UPDATE id.toastfull SET n = 2;
DELETE FROM id.toastfull;
INSERT INTO id.mask VALUES ('key1', 'hello', 'hello', 'hello', 'héllo wörld😀 and more', 5, 'abc'), ('key2', NULL, NULL, NULL, NULL, NULL, NULL);
UPDATE id.mask SET secret = 'x' WHERE id = 'key1';
DELETE FROM id.mask WHERE id = 'key1';
INSERT INTO id.skip VALUES (1, 'a', 'b', 1);
UPDATE id.skip SET a = 'a';
UPDATE id.skip SET b = 'b2';
UPDATE id.skip SET a = 'a2';
UPDATE id.skip SET c = 2;
DELETE FROM id.skip;
INSERT INTO id.empty DEFAULT VALUES;
BEGIN; INSERT INTO id.full_t VALUES (10, 'a', 'b'); INSERT INTO id.nopk VALUES (2, 'q'); UPDATE id.full_t SET b = 'c' WHERE id = 10; DELETE FROM id.full_t WHERE id = 10; COMMIT;
BEGIN; INSERT INTO id.full_t VALUES (11, 'a', 'b'); SAVEPOINT s; INSERT INTO id.full_t VALUES (12, 'lost', 'b'); ROLLBACK TO s; INSERT INTO id.full_t VALUES (13, 'a', 'b'); COMMIT;
BEGIN; INSERT INTO id.full_t VALUES (14, 'lost', 'b'); ROLLBACK;
SELECT pg_logical_emit_message(true, 'foo', 'bar');
SELECT pg_logical_emit_message(false, 'foo', 'bar2');
SELECT pg_logical_emit_message(true, 'other.prefix', convert_to(E'{"a": "é😀"}', 'utf8'));
SELECT pg_logical_emit_message(true, 'bin', '\x00ff10'::bytea);
BEGIN; INSERT INTO id.full_t VALUES (15, 'a', 'b'); SELECT pg_logical_emit_message(true, 'foo', ''); INSERT INTO id.full_t VALUES (16, 'a', 'b'); COMMIT;
TRUNCATE id.full_t;
INSERT INTO id.full_t VALUES (17, 'a', 'b');
TRUNCATE id.full_t, id.nopk, id.comp;
TRUNCATE id.part;
INSERT INTO id.full_t SELECT i, 'batch ' || i, NULL FROM generate_series(100, 130) i;
UPDATE id.full_t SET b = a;
DELETE FROM id.full_t;
