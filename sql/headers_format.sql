-- header.format: headers as Connect's header converters write them; fields that go by a header
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SET synchronous_commit = on;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_headers_format', 'tuplecast');
CREATE TABLE hk (k timestamp, d date, n numeric(12,9), f float8, b bytea, a text[], t time, PRIMARY KEY (k, d, n, f, b, a, t));
INSERT INTO hk VALUES ('2024-01-02 03:04:05.678901', '2024-02-29', 0.000000015, 'NaN', '\xdead', '{"x\"y","z,\\"}', '12:34:56.789');
UPDATE hk SET k = '2024-01-02', n = -12.5, f = 1e21, d = '1969-07-20', b = '\x01', a = '{}';
-- before 1970 Connect would write a time of the day
UPDATE hk SET k = '1969-07-20 20:17:40';
CREATE TABLE hf2 (id int PRIMARY KEY, a text NOT NULL, b text, c text);
ALTER TABLE hf2 REPLICA IDENTITY FULL;
INSERT INTO hf2 VALUES (1, 'a', 'b', NULL);
DELETE FROM hf2;
-- keys in headers, under each converter
SELECT f, n.name, data::json->'headers'->>n.name FROM unnest('{simple,string,json}'::text[]) f, unnest('{__debezium.oldkey,__debezium.newkey}'::text[]) n(name),
	LATERAL (SELECT data FROM pg_logical_slot_peek_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'header.format', f, 'connector.compat', 'true', 'time.precision.mode', 'connect', 'decimal.handling.mode', 'precise', 'binary.handling.mode', 'bytes', 'table.include.list', 'public.hk', 'tombstones.on.delete', 'false')) r WHERE data::json->'headers'->>n.name IS NOT NULL;
-- the form of keys themselves is their own
SELECT data::json->'headers'->>'__debezium.newkey' FROM pg_logical_slot_peek_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'key.format', 'string', 'connector.compat', 'true', 'decimal.handling.mode', 'precise', 'key.decimal.format', 'numeric', 'table.include.list', 'public.hk', 'tombstones.on.delete', 'false') WHERE data LIKE '%newkey%';
-- with schemas
SELECT data::json->'headers'->>'__debezium.oldkey' FROM pg_logical_slot_peek_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'header.format', 'json', 'header.schemas.enable', 'true', 'connector.compat', 'true', 'table.include.list', 'public.hk') WHERE data LIKE '%oldkey%' LIMIT 1;
SELECT data::json->'headers' FROM pg_logical_slot_peek_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'header.format', 'json', 'add.headers', 'op,table,xmin', 'table.include.list', 'public.hf2');
SELECT data::json->'headers' FROM pg_logical_slot_peek_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'header.format', 'json', 'header.schemas.enable', 'true', 'add.headers', 'op,xmin', 'connector.compat', 'true', 'table.include.list', 'public.hf2');
-- literals, as Connect reads them
SELECT l, f, data::json->'headers'->>'h' FROM unnest(ARRAY['db1', 'true', '007', '-129', '1.50', '1e3', '99999999999', '9223372036854775808', '2024-01-02', '03:04:05.678Z', '2024-01-02T03:04:05.678Z', '"q"', '["a","b"]', '[1,300]', '[1.5,2]', '{"a":{"b":"c"}}', '{1:2}', '[1,"x"]', '[]',
	'[a]', '[1,null]', '{}', '{"a":null}', '[1', 'null', 'localhost:9092', '12:13', '1x', '-', '["2024-01-02"]']) WITH ORDINALITY u(l, i), unnest('{simple,string,json}'::text[]) WITH ORDINALITY v(f, j),
	LATERAL (SELECT data FROM pg_logical_slot_peek_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'header.format', f, 'header.schemas.enable', 'true', 'transforms', 'insert-header header=h value.literal=' || l, 'table.include.list', 'public.hf2') LIMIT 1) r ORDER BY i, j;
-- fields that go: the optional ones, or all; those of the key, too
SELECT drop, data::json->>'key', data::json->>'value' FROM unnest(ARRAY['', ' drop.fields.keep.schema.compatible=false', ' drop.fields.keep.schema.compatible=false drop.fields.from.key=true']) drop,
	LATERAL (SELECT data FROM pg_logical_slot_peek_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'add.fields', 'op', 'transforms', 'insert-header header=gone value.literal=["a","b","id","__op"]; unwrap drop.fields.header.name=gone' || drop, 'table.include.list', 'public.hf2')) r;
SELECT data::json->>'value' FROM pg_logical_slot_peek_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'transforms', 'unwrap drop.fields.header.name=gone', 'table.include.list', 'public.hf2') LIMIT 1;
SELECT data FROM pg_logical_slot_peek_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'transforms', 'insert-header header=gone value.literal=a; unwrap drop.fields.header.name=gone', 'table.include.list', 'public.hf2');
-- two nulls for a delete
SELECT data::json->>'key', data::json->>'value', data::json->>'headers' FROM pg_logical_slot_get_changes('regress_headers_format', NULL, NULL, 'topic.prefix', 'p', 'delete.tombstone.handling.mode', 'tombstone-with-tombstone', 'add.headers', 'op', 'connector.compat', 'true', 'value.schemas.enable', 'true', 'table.include.list', 'public.hf2') OFFSET 1;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_headers_format');
DROP TABLE hk, hf2;
