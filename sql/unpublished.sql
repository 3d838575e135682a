-- what has no rows that others could want: matviews, unlogged and temporary tables, views, sequences, large objects
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_unpublished', 'tuplecast');
CREATE TABLE un (id int PRIMARY KEY, note text);
CREATE MATERIALIZED VIEW un_mat AS SELECT id, note FROM un;
CREATE UNIQUE INDEX ON un_mat (id);
CREATE UNLOGGED TABLE un_unlogged (id int PRIMARY KEY);
CREATE TEMPORARY TABLE un_temp (id int PRIMARY KEY);
CREATE VIEW un_view AS SELECT * FROM un;
CREATE SEQUENCE un_seq;
INSERT INTO un VALUES (1, 'one'), (2, 'two');
REFRESH MATERIALIZED VIEW CONCURRENTLY un_mat;
REFRESH MATERIALIZED VIEW un_mat;
UPDATE un SET note = 'changed' WHERE id = 1;
REFRESH MATERIALIZED VIEW CONCURRENTLY un_mat;
INSERT INTO un_unlogged VALUES (1);
INSERT INTO un_temp VALUES (1);
SELECT nextval('un_seq');
SELECT 'large object' FROM (SELECT lo_unlink(lo_from_bytea(0, '\x00'))) l;
TRUNCATE un_unlogged, un_temp;
ANALYZE un;
-- through the view it is the table's
INSERT INTO un_view VALUES (3, 'through the view');
SELECT data FROM pg_logical_slot_peek_changes('regress_unpublished', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'none');
-- not even if they are asked for
SELECT count(*) FROM pg_logical_slot_get_changes('regress_unpublished', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'none', 'table.include.list', '.*un_.*,pg_catalog.*');
-- a table is of the catalogue's kind for logical decoding, or it is not
CREATE TABLE un_catalog (id int PRIMARY KEY) WITH (user_catalog_table = true);
INSERT INTO un_catalog VALUES (1);
SELECT data FROM pg_logical_slot_get_changes('regress_unpublished', NULL, NULL, 'topic.prefix', 'p');
-- PostGIS's table of projections
CREATE SCHEMA un_gis;
CREATE TABLE un_gis.spatial_ref_sys (srid int PRIMARY KEY);
INSERT INTO un_gis.spatial_ref_sys VALUES (4326);
SELECT count(*) FROM pg_logical_slot_get_changes('regress_unpublished', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'un_gis.*');
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tuplecast;
RESET client_min_messages;
-- tables of a snapshot come in the order of the list: which expression names each
SELECT c.relname, p.place FROM pg_class c, tuplecast.plan(c.oid, ARRAY['topic.prefix', 'p', 'table.include.list', 'public.un_cat.*,public\.un,public.un.*']) p
	WHERE c.relkind = 'r' AND p.published IS NOT NULL ORDER BY p.place;
DROP VIEW un_view;
DROP MATERIALIZED VIEW un_mat;
DROP TABLE un, un_unlogged, un_temp, un_catalog;
DROP SEQUENCE un_seq;
DROP EXTENSION tuplecast;
DROP SCHEMA un_gis CASCADE;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_unpublished');
