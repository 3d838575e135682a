-- names of any form, and the topics that they make
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_identifiers', 'tuplecast');
CREATE SCHEMA "Id Schema.x";
CREATE SCHEMA "id_ünïcode";
CREATE TABLE "Id Schema.x"."We ird-Tbl.x" ("Mixed Case" int PRIMARY KEY, "with ""quotes""" text, "back\slash" text, "dot.ted" int, " " int, "Col é" int, "select" int, "$1" int, "{""a"":1}" int, "tab	here" int, "😀" int);
INSERT INTO "Id Schema.x"."We ird-Tbl.x" VALUES (1, 'q', 'b', 2, 3, 4, 5, 6, 7, 8, 9);
DELETE FROM "Id Schema.x"."We ird-Tbl.x";
CREATE TABLE "id_ünïcode"."täble😀" (id int PRIMARY KEY);
INSERT INTO "id_ünïcode"."täble😀" VALUES (1);
CREATE TABLE "UPPER" ("ID" int PRIMARY KEY, id int);
INSERT INTO "UPPER" VALUES (1, 2);
CREATE TABLE id_a123456789012345678901234567890123456789012345678901234567890 (a123456789012345678901234567890123456789012345678901234567890 int PRIMARY KEY);
INSERT INTO id_a123456789012345678901234567890123456789012345678901234567890 VALUES (1);
SELECT data FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p', 'column.include.list', 'Id Schema\.x\.We ird-Tbl\.x\.(dot\.ted|with "quotes"|back\\slash),.*\.täble😀\.id', 'add.fields', 'schema,table', 'schema.include.list', '"?id.*');
SELECT data::json->'key' FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p', 'message.key.columns', 'Id Schema.x.We ird-Tbl.x:Col é,with "quotes",dot.ted', 'table.include.list', '.*We ird.*');
-- headers hold names as they are
SELECT data::json->'headers' FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p', 'add.headers', 'schema,table:Tabelle "é"', 'add.headers.prefix', 'x-');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p');
-- a topic is at most 249 characters
INSERT INTO "UPPER" VALUES (2, 2);
SELECT length(data::json->>'topic'), right(data::json->>'topic', 20) FROM pg_logical_slot_get_changes('regress_identifiers', NULL, NULL, 'topic.prefix', repeat('p', 240));
-- tables that would share a topic are refused, both named
CREATE TABLE "id col" (id int PRIMARY KEY);
CREATE TABLE "id-col" (id int PRIMARY KEY);
CREATE TABLE "id?col" (id int PRIMARY KEY);
INSERT INTO "id col" VALUES (1);
INSERT INTO "id-col" VALUES (1);
SELECT data FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p');
INSERT INTO "id?col" VALUES (1);
SELECT data FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p');
-- excluding one of the two, or renaming it, helps
SELECT data FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p', 'table.exclude.list', 'public.id\?col');
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'public\.id.col', 'table.exclude.list', '');
SELECT count(*) FROM pg_logical_slot_get_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p', 'table.exclude.list', 'public.id col');
INSERT INTO "id col" VALUES (2);
ALTER TABLE "id col" RENAME TO id_moved;
INSERT INTO "id?col" VALUES (2);
INSERT INTO id_moved VALUES (3);
SELECT data FROM pg_logical_slot_get_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p');
-- Kafka takes "." and "_" for the same
CREATE SCHEMA id_dots;
CREATE TABLE id_dots.a_b (id int PRIMARY KEY);
CREATE TABLE id_dots."a.b" (id int PRIMARY KEY);
INSERT INTO id_dots."a.b" VALUES (1);
SELECT data FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p');
INSERT INTO id_dots.a_b VALUES (1);
SELECT data FROM pg_logical_slot_peek_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p');
-- a dropped table's topic is free, also for its successor of the same name
DROP TABLE id_dots.a_b;
DROP TABLE id_dots."a.b";
SELECT count(*) FROM pg_logical_slot_get_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p', 'schema.exclude.list', 'id_dots');
CREATE TABLE id_dots."a.b" (id int PRIMARY KEY);
INSERT INTO id_dots."a.b" VALUES (1);
DROP TABLE id_dots."a.b";
CREATE TABLE id_dots."a.b" (id text PRIMARY KEY);
INSERT INTO id_dots."a.b" VALUES ('again');
DROP TABLE id_dots."a.b";
CREATE TABLE id_dots.a_b (other int PRIMARY KEY);
INSERT INTO id_dots.a_b VALUES (2);
SELECT data FROM pg_logical_slot_get_changes('regress_identifiers', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE "Id Schema.x"."We ird-Tbl.x", "id_ünïcode"."täble😀", "UPPER", id_a123456789012345678901234567890123456789012345678901234567890, id_moved, "id-col", "id?col", id_dots.a_b;
DROP SCHEMA "Id Schema.x", "id_ünïcode", id_dots;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_identifiers');
