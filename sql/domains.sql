-- a domain is what it stands for, with its modifiers
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_domains', 'tuplecast');
CREATE DOMAIN do_int AS int CHECK (VALUE <> 0);
CREATE DOMAIN do_int2 AS do_int NOT NULL;
CREATE DOMAIN do_num AS numeric(8,3);
CREATE DOMAIN do_num2 AS do_num CHECK (VALUE > 0);
CREATE DOMAIN do_text AS varchar(10) COLLATE "C";
CREATE DOMAIN do_ts AS timestamp(3);
CREATE DOMAIN do_tz AS timestamptz(1);
CREATE DOMAIN do_time AS time(0);
CREATE DOMAIN do_bit AS bit(1);
CREATE DOMAIN do_bits AS bit(12);
CREATE DOMAIN do_array AS numeric(5,1)[];
CREATE DOMAIN do_json AS jsonb;
CREATE DOMAIN do_bytea AS bytea;
CREATE TYPE do_mood AS ENUM ('sad', 'happy');
CREATE DOMAIN do_enum AS do_mood;
CREATE TYPE do_pair AS (a int, b do_num);
CREATE DOMAIN do_comp AS do_pair;
CREATE DOMAIN do_uuid AS uuid;
CREATE TABLE dom (id do_int PRIMARY KEY, i do_int2, n do_num, n2 do_num2, t do_text, ts do_ts, tz do_tz, ti do_time, b do_bit, bs do_bits, a do_array, j do_json, by do_bytea, e do_enum, c do_comp, u do_uuid, an do_num2[], ae do_enum[]);
INSERT INTO dom VALUES (1, 1, 12.5, 1, 'dom', '2016-11-04 13:51:30.1234', '2016-11-04 13:51:30.16+00', '13:51:30.6', '1', '100000000011', '{1,NULL,2.55}', '{"a":1}', '\x00ff', 'happy', ROW(1, 2)::do_pair, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{1,NULL}', '{sad,NULL}');
INSERT INTO dom (id, i) VALUES (2, 5);
UPDATE dom SET id = 3 WHERE id = 2;
SELECT data FROM pg_logical_slot_peek_changes('regress_domains', NULL, NULL, 'topic.prefix', 'p');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_domains', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise', 'time.precision.mode', 'isostring', 'binary.handling.mode', 'hex') LIMIT 1;
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_domains', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE dom;
DROP DOMAIN do_int2, do_int, do_text, do_ts, do_tz, do_time, do_bit, do_bits, do_array, do_json, do_bytea, do_enum, do_comp, do_uuid, do_num2;
DROP TYPE do_mood, do_pair;
DROP DOMAIN do_num;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_domains');
