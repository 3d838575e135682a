-- unavailable.value.placeholder=hex:… stands for bytes
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_placeholder_hex', 'tuplecast');
CREATE TABLE ph (id int PRIMARY KEY, t text, b bytea, n numeric, ua uuid[], ia int[], v int);
ALTER TABLE ph ALTER t SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL, ALTER n SET STORAGE EXTERNAL, ALTER ua SET STORAGE EXTERNAL, ALTER ia SET STORAGE EXTERNAL;
INSERT INTO ph SELECT 1, repeat('x', 5000), decode(repeat('ab', 5000), 'hex'), repeat('123', 2000)::numeric, array_agg('00000000-0000-0000-0000-000000000001'::uuid), array_agg(g), 1 FROM generate_series(1, 2000) g;
UPDATE ph SET v = 2;
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_placeholder_hex', NULL, NULL, 'topic.prefix', 'p', 'unavailable.value.placeholder', 'hex:41ff42') OFFSET 1;
SELECT replace(data, '\u0000', '<NUL>')::json->'value'->'t' FROM pg_logical_slot_peek_changes('regress_placeholder_hex', NULL, NULL, 'topic.prefix', 'p', 'unavailable.value.placeholder', 'hex:00FF41') OFFSET 1;
SELECT data FROM pg_logical_slot_peek_changes('regress_placeholder_hex', NULL, NULL, 'topic.prefix', 'p', 'unavailable.value.placeholder', 'hex:0');
SELECT data FROM pg_logical_slot_peek_changes('regress_placeholder_hex', NULL, NULL, 'topic.prefix', 'p', 'unavailable.value.placeholder', 'hex:zz');
SELECT 'dropped' FROM pg_drop_replication_slot('regress_placeholder_hex');
DROP TABLE ph;
