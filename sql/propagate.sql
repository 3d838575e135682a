-- column.propagate.source.type and datatype.propagate.source.type; names of schemas
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_propagate', 'tuplecast');
CREATE TYPE pr_mood AS ENUM ('sad', 'happy');
CREATE DOMAIN pr_num AS numeric(8,2);
CREATE DOMAIN pr_num2 AS pr_num;
CREATE DOMAIN pr_text AS text;
CREATE TABLE pr (id int PRIMARY KEY, i2 smallint, i8 bigint, o oid, f4 real, f8 float8, b bool, n numeric, n5 numeric(5), n10 numeric(10,3), m money,
	b1 bit, b5 bit(5), vb varbit, vb5 varbit(5), t text, v varchar, v7 varchar(7), c4 char(4), na name, ch "char", by bytea, u uuid, jb jsonb, d date,
	ti time, ti2 time(2), tz timetz, ts timestamp, ts0 timestamp(0), ts1 timestamp(1), tt timestamptz, tt4 timestamptz(4), iv interval, iv3 interval(3), ivd interval day to second(2),
	p point, ip inet, mo pr_mood, amo pr_mood[], ai int[], av varchar(3)[], an numeric(6,2)[], ats timestamp(3)[], dn pr_num, dn2 pr_num2, dt pr_text, "Größe" int);
INSERT INTO pr (id) VALUES (1);
CREATE FUNCTION pr_fields(VARIADIC options text[]) RETURNS TABLE (field text, parameters json) LANGUAGE sql AS $$
	SELECT f->>'field', f->'parameters'
	FROM pg_logical_slot_peek_changes('regress_propagate', NULL, NULL, VARIADIC ARRAY['topic.prefix', 'p', 'value.schemas.enable', 'true', 'key.schemas.enable', 'true'] || options) AS c,
		json_array_elements(c.data::json->'value'->'schema'->'fields') AS f
$$;
SELECT field, parameters->>'__debezium.source.column.type', parameters->>'__debezium.source.column.length', parameters->>'__debezium.source.column.scale', parameters->>'__debezium.source.column.name'
	FROM pr_fields('column.propagate.source.type', '.*') WHERE field <> '__deleted';
-- after what a schema has anyway
SELECT field, parameters FROM pr_fields('column.propagate.source.type', 'public\.pr\.(n10|mo|b5)', 'decimal.handling.mode', 'precise') WHERE parameters IS NOT NULL;
-- by type, a domain by its own name
SELECT string_agg(field, ' ') FROM pr_fields('datatype.propagate.source.type', '.*\.int4,public.pr._INT4,.*\.pr_num') WHERE parameters->>'__debezium.source.column.type' IS NOT NULL;
SELECT string_agg(field, ' ') FROM pr_fields('datatype.propagate.source.type', 'int4') WHERE parameters->>'__debezium.source.column.type' IS NOT NULL;
-- the name stays the column's own
SELECT field, parameters->>'__debezium.source.column.name' FROM pr_fields('column.propagate.source.type', '.*', 'field.name.adjustment.mode', 'avro') WHERE field LIKE 'Gr%';
-- never in keys, nor without schemas
SELECT data::json->'key' FROM pg_logical_slot_peek_changes('regress_propagate', NULL, NULL, 'topic.prefix', 'p', 'key.schemas.enable', 'true', 'column.propagate.source.type', '.*');
SELECT data LIKE '%__debezium%' FROM pg_logical_slot_peek_changes('regress_propagate', NULL, NULL, 'topic.prefix', 'p', 'column.propagate.source.type', '.*');
-- beside masks: a truncated or masked column does not tell its type, a hashed one is still hashed
SELECT field, parameters FROM pr_fields('column.propagate.source.type', '.*\.(t|v|v7)', 'column.truncate.to.5.chars', '.*\.t', 'column.mask.with.5.chars', '.*\.v', 'column.mask.hash.v2.MD5.with.salt.s', '.*\.v7') WHERE parameters IS NOT NULL;
SELECT data FROM pg_logical_slot_get_changes('regress_propagate', NULL, NULL, 'topic.prefix', 'p', 'column.include.list', '.*\.id');
UPDATE pr SET v7 = 'clear';
SELECT data FROM pg_logical_slot_peek_changes('regress_propagate', NULL, NULL, 'topic.prefix', 'p', 'column.propagate.source.type', '.*', 'column.mask.hash.v2.MD5.with.salt.s', '.*\.v7', 'column.include.list', '.*\.(id|v7)');
SELECT left(md5('sclear'), 7);
SELECT data FROM pg_logical_slot_get_changes('regress_propagate', NULL, NULL, 'topic.prefix', 'p', 'column.include.list', '.*\.id');
-- names of schemas: the sanitised topic's, and as schema.name.adjustment.mode wants
CREATE TABLE "pr-2 _é" (id int PRIMARY KEY);
INSERT INTO "pr-2 _é" VALUES (1);
SELECT mode, data::json->'key'->'schema'->'name', data::json->'value'->'schema'->'name', data::json->'value'->'schema'->'fields'->0->'name'
	FROM unnest('{none,avro,avro_unicode}'::text[]) AS mode,
		pg_logical_slot_peek_changes('regress_propagate', NULL, NULL, 'topic.prefix', '1p-x', 'format', 'envelope', 'value.schemas.enable', 'true', 'key.schemas.enable', 'true', 'schema.name.adjustment.mode', mode);
-- of fields: UTF-16 units, as Java counts
CREATE TABLE pr_3 (id int PRIMARY KEY, "_fé α𝒳.1" int);
INSERT INTO pr_3 VALUES (1, 2);
SELECT data::json->'value' FROM unnest('{none,avro,avro_unicode}'::text[]) AS mode,
	pg_logical_slot_peek_changes('regress_propagate', NULL, NULL, 'topic.prefix', 'p', 'field.name.adjustment.mode', mode, 'table.include.list', 'public.pr_3');
DROP FUNCTION pr_fields;
DROP TABLE pr, "pr-2 _é", pr_3;
DROP DOMAIN pr_num2, pr_num, pr_text;
DROP TYPE pr_mood;
SELECT pg_drop_replication_slot('regress_propagate');
