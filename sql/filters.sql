-- lists of schemas, tables and columns
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_filters', 'tuplecast');
CREATE SCHEMA fi_a;
CREATE SCHEMA fi_b;
CREATE TABLE fi_a.orders (id int PRIMARY KEY, note text, secret text);
CREATE TABLE fi_a.orders_old (id int PRIMARY KEY, note text, secret text);
CREATE TABLE fi_b.orders (id int PRIMARY KEY, note text, secret text);
CREATE TABLE fi_b."a,b" (id int PRIMARY KEY, "x,y" int);
CREATE TABLE fi_b."Mixed.Case" (id int PRIMARY KEY, "Note" text);
INSERT INTO fi_a.orders VALUES (1, 'n', 's');
INSERT INTO fi_a.orders_old VALUES (1, 'n', 's');
INSERT INTO fi_b.orders VALUES (1, 'n', 's');
INSERT INTO fi_b."a,b" VALUES (1, 2);
INSERT INTO fi_b."Mixed.Case" VALUES (1, 'n');
CREATE FUNCTION fi_topics(VARIADIC options text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT data::json->>'topic' FROM pg_logical_slot_peek_changes('regress_filters', NULL, NULL, VARIADIC ARRAY['topic.prefix', 'p'] || options)
$$;
SELECT string_agg(t, ' ') FROM fi_topics('schema.include.list', 'fi_a') t;
SELECT string_agg(t, ' ') FROM fi_topics('schema.include.list', 'FI_A,nowhere') t;
SELECT string_agg(t, ' ') FROM fi_topics('schema.exclude.list', 'fi_a') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'fi_a.orders') t;
-- anchored at both ends, in spite of alternatives
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'orders') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'fi_a') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'x|fi_a.orders|fi_b') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', '.*orders') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', '^fi_a\.orders$') t;
-- blanks around items, several items, an empty one
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', E' fi_a.orders ,\n\tfi_b.orders,, ') t;
-- a dot is any character until it is escaped
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'fi.a.orders') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'fi\.a\.orders') t;
-- a comma of a name
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'fi_b.a\,b') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.exclude.list', 'fi_b.a\,b,.*old') t;
-- without regard to case
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'FI_B.mixed\.CASE') t;
-- classes, groups, counts, look-ahead and escapes that mean the same in Java
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'fi_[ab]\.(orders)(?:_\w+)?') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'fi_a\.(?!.*old).*') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', 'fi_a\.o\Brders\b.*') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', '[^b]{4}\.[a-z]{6\,}?') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', '\Afi_a\x2eorders\z') t;
SELECT string_agg(t, ' ') FROM fi_topics('table.include.list', '(fi)_a\.[[:alpha:]]+') t;
-- both kinds of lists together
SELECT string_agg(t, ' ') FROM fi_topics('schema.include.list', 'fi_b', 'table.exclude.list', 'fi_b.orders') t;
SELECT string_agg(t, ' ') FROM fi_topics('schema.exclude.list', 'fi_a', 'table.include.list', 'fi_a.orders') t;
-- columns
SELECT data::json->'key', data::json->'value' FROM pg_logical_slot_peek_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'column.exclude.list', '.*\.secret, fi_b\.orders\.NOTE');
SELECT data::json->'key', data::json->'value' FROM pg_logical_slot_peek_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'column.include.list', 'fi_a.orders.(id|note),fi_b.a\,b.x\,y,fi_b.mixed.case.note');
-- a key stays a key without being in the value; a value may be empty
SELECT data::json->'key', data::json->'value' FROM pg_logical_slot_peek_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'column.exclude.list', '.*\.id');
SELECT data::json->'key', data::json->'value' FROM pg_logical_slot_peek_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'column.exclude.list', '.*', 'table.include.list', 'fi_a.*');
SELECT data::json->'key', data::json->'value' FROM pg_logical_slot_peek_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'column.exclude.list', '.*', 'table.include.list', 'fi_a.*', 'delete.tombstone.handling.mode', 'tombstone');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'column.exclude.list', '.*');
-- a changed key that the value does not show
UPDATE fi_a.orders SET id = 2;
DELETE FROM fi_a.orders;
SELECT data FROM pg_logical_slot_get_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'column.exclude.list', 'fi_a.orders.id');
-- never: our own schema, and the system's
CREATE SCHEMA IF NOT EXISTS tuplecast;
CREATE TABLE tuplecast.regress_filters (id int PRIMARY KEY);
INSERT INTO tuplecast.regress_filters VALUES (1);
CREATE TABLE information_schema.regress_filters (id int PRIMARY KEY);
INSERT INTO information_schema.regress_filters VALUES (1);
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p');
SELECT count(*) FROM pg_logical_slot_get_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', '.*', 'schema.include.list', '.*');
DROP TABLE tuplecast.regress_filters, information_schema.regress_filters;
-- the schema is another's if the extension made it
DO $$ BEGIN DROP SCHEMA tuplecast; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
-- what a list says is of the names at the time of the change
INSERT INTO fi_b.orders VALUES (2);
ALTER TABLE fi_b.orders RENAME TO renamed;
INSERT INTO fi_b.renamed VALUES (3);
ALTER SCHEMA fi_b RENAME TO fi_c;
INSERT INTO fi_c.renamed VALUES (4);
ALTER TABLE fi_c.renamed RENAME TO orders;
INSERT INTO fi_c.orders VALUES (5);
SELECT data::json->>'topic', data::json->'key' FROM pg_logical_slot_peek_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', '.*orders');
SELECT data::json->>'topic', data::json->'key' FROM pg_logical_slot_get_changes('regress_filters', NULL, NULL, 'topic.prefix', 'p', 'schema.include.list', 'fi_c');
DROP FUNCTION fi_topics;
DROP TABLE fi_a.orders, fi_a.orders_old, fi_c.orders, fi_c."a,b", fi_c."Mixed.Case";
DROP SCHEMA fi_a, fi_c;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_filters');
