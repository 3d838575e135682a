-- facts about a change, in the value and in headers
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_headers_fields', 'tuplecast');
CREATE TABLE hf (id int PRIMARY KEY, note text);
INSERT INTO hf VALUES (1, 'one');
UPDATE hf SET note = 'two';
UPDATE hf SET id = 2;
DELETE FROM hf;
SELECT data FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'op,schema,table,name,connector,snapshot');
-- with and without the block's name, in any order, other names, another prefix
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'source.table, table ,source.op:X,op:OPER,source.schema:Schema é') LIMIT 1;
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'source.table, table ,op:OPER,source.schema:Schema é') LIMIT 1;
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'op,table', 'add.fields.prefix', '') LIMIT 1;
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'op,table', 'add.fields.prefix', 'meta."') LIMIT 1;
-- without __deleted
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'op', 'delete.tombstone.handling.mode', 'delete-to-tombstone');
-- headers: strings without quotes, and one on the tombstone
SELECT data FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.headers', 'op,table,source.schema');
SELECT data::json->'headers' FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.headers', 'op:o,xmin,origin', 'add.headers.prefix', 'h.');
-- those that are never twice the same: their kind, and what belongs together
SELECT bool_and((v->>'__ts_ms')::bigint = (v->>'__ts_us')::bigint / 1000 OR (v->>'__ts_us')::bigint - (v->>'__ts_ms')::bigint * 1000 < 100000000), bool_and(v->>'__ts_ns' LIKE '%000'), bool_and(to_timestamp((v->>'__ts_ms')::bigint / 1000) BETWEEN now() - interval '1 hour' AND now() + interval '1 hour'),
	bool_and((v->>'__source_ts_ms')::bigint = (v->>'__source_ts_us')::bigint / 1000), bool_and((v->>'__source_ts_us') || '000' = v->>'__source_ts_ns'), bool_and((v->>'__source_ts_us')::bigint <= (v->>'__ts_us')::bigint)
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'ts_ms,ts_us,ts_ns,source.ts_ms,source.ts_us,source.ts_ns')) r WHERE v IS NOT NULL AND json_typeof(v) = 'object';
SELECT bool_and(xid::text = v->>'__txId'), bool_and(lsn - '0/0'::pg_lsn >= (v->>'__lsn')::numeric), bool_and((v->>'__sequence')::json->>1 = v->>'__lsn'), bool_and(((v->>'__sequence')::json->>0)::numeric > (v->>'__lsn')::numeric), count(DISTINCT v->>'__txId'), bool_and(v->>'__db' = current_database()), bool_and(v->>'__version' ~ '^\d+\.\d+\.\d+')
	FROM (SELECT lsn, xid, data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'txId,lsn,sequence,db,version')) r WHERE v IS NOT NULL AND json_typeof(v) = 'object';
SELECT bool_and(h->>'__txId' = xid::text), bool_and((h->>'__sequence')::json->>1 = h->>'__lsn'), bool_and(h->>'__db' = current_database())
	FROM (SELECT xid, data::json->'headers' AS h, data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.headers', 'txId,lsn,sequence,db')) r WHERE json_typeof(v) = 'object';
-- a name that is none
SELECT data FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'op,nonsense');
SELECT data FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.headers', 'source.op');
SELECT data FROM pg_logical_slot_peek_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.headers', 'before.id');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_headers_fields', NULL, NULL, 'topic.prefix', 'p', 'add.fields', 'sequence,txId', 'add.headers', 'sequence,snapshot');
DROP TABLE hf;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_headers_fields');
