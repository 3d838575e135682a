-- records are UTF-8 whatever the database's encoding
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT getdatabaseencoding() = 'UTF8';
SELECT current_database() AS home \gset
CREATE DATABASE regress_tuplecast_latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE regress_tuplecast_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE regress_tuplecast_win1252 TEMPLATE template0 ENCODING 'WIN1252' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE regress_tuplecast_eucjp TEMPLATE template0 ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C';
--
\c regress_tuplecast_latin1
SET client_encoding = 'UTF8';
SET synchronous_commit = on;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_latin1', 'tuplecast');
CREATE SCHEMA "schéma";
CREATE TYPE "schéma"."humeur" AS ENUM ('été', 'hiver');
CREATE TABLE "schéma"."tàble" (id int PRIMARY KEY, "nöm" text, h "schéma"."humeur", a text[], j json, jb jsonb, c char(3), n name, r "char", d text DEFAULT 'défaut');
INSERT INTO "schéma"."tàble" (id, "nöm", h, a, j, jb, c, n) VALUES (1, 'Müller "ß" ÿ', 'été', '{à,NULL,é}', '{"é": "è"}', '{"é": "è"}', 'é', 'ñ');
SELECT 'emitted' FROM pg_logical_emit_message(true, 'préfixe', 'x');
SELECT 'emitted' FROM pg_logical_emit_message(false, 'préfixe libre', 'x');
UPDATE "schéma"."tàble" SET "nöm" = 'a';
SELECT data FROM pg_logical_slot_peek_changes('regress_latin1', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', '.*tàble', 'add.fields', 'table:Tàble', 'add.headers', 'table,schema:schéma') WHERE data NOT LIKE '%.message%';
SELECT data::json->'key', data::json->'value'->'message' FROM pg_logical_slot_peek_changes('regress_latin1', NULL, NULL, 'topic.prefix', 'p') WHERE data LIKE '%.message"%';
-- frames are UTF-8, all of it
SELECT count(*), bool_or(position(convert_to('"été"', 'LATIN1') IN data) > 0), bool_or(position(convert_to('"été"', 'UTF8') IN data) > 0), bool_or(position(convert_to('"nöm":"Müller \"ß\" ÿ"', 'UTF8') IN data) > 0), bool_or(position(convert_to('préfixe libre', 'UTF8') IN data) > 0)
	FROM pg_logical_slot_peek_binary_changes('regress_latin1', NULL, NULL, 'wire', '1', 'topic.prefix', 'p', 'add.headers', 'table');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_latin1', NULL, NULL, 'topic.prefix', 'p');
-- every byte that is a character
CREATE TABLE every (id int PRIMARY KEY, t text);
INSERT INTO every SELECT i, convert_from(set_byte('\x00', 0, i), 'LATIN1') FROM generate_series(1, 255) i;
SELECT count(*), bool_and(data::json->'value'->>'t' = t) FROM pg_logical_slot_get_changes('regress_latin1', NULL, NULL, 'topic.prefix', 'p') JOIN every ON id = (data::json->'value'->>'id')::int WHERE id NOT BETWEEN 128 AND 159;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_latin1');
--
\c regress_tuplecast_ascii
SET client_encoding = 'SQL_ASCII';
SET synchronous_commit = on;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_ascii', 'tuplecast');
-- what happens to be UTF-8 stays, what is not becomes U+FFFD
CREATE TABLE "é" (id int PRIMARY KEY, t text);
INSERT INTO "é" VALUES (1, 'é'), (2, E'a\xe9"b'), (3, E'\xf0\x9f\x98\x80 \xf0\x9f\x98'), (4, E'\xff\xfe\xc3'), (5, E'\xc3\xa9\xe9\xc3\xa9'), (6, E'\xed\xa0\x80'), (7, E'\xc0\x80');
SELECT data FROM pg_logical_slot_peek_changes('regress_ascii', NULL, NULL, 'topic.prefix', 'p');
SELECT bool_and(convert_from(data, 'UTF8') IS NOT NULL) FROM pg_logical_slot_get_binary_changes('regress_ascii', NULL, NULL, 'wire', '0', 'topic.prefix', 'p');
SELECT 'dropped' FROM pg_drop_replication_slot('regress_ascii');
--
\c regress_tuplecast_win1252
SET client_encoding = 'UTF8';
SET synchronous_commit = on;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_win1252', 'tuplecast');
CREATE TABLE w (id int PRIMARY KEY, t text);
INSERT INTO w VALUES (1, '€uro “quoted” ™');
-- a byte that stands for no character stops nothing
SET client_encoding = 'WIN1252';
INSERT INTO w VALUES (2, E'a\x81b\x8d\x80');
SET client_encoding = 'UTF8';
SELECT substr(data, position('"id":2,'::bytea IN data), 30) FROM pg_logical_slot_peek_binary_changes('regress_win1252', NULL, NULL, 'wire', '1', 'topic.prefix', 'p') OFFSET 1;
SELECT data FROM pg_logical_slot_get_changes('regress_win1252', NULL, NULL, 'topic.prefix', 'p');
SELECT 'dropped' FROM pg_drop_replication_slot('regress_win1252');
--
\c regress_tuplecast_eucjp
SET client_encoding = 'UTF8';
SET synchronous_commit = on;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_eucjp', 'tuplecast');
CREATE TABLE "表" (id int PRIMARY KEY, "列" text, a text[]);
INSERT INTO "表" VALUES (1, '日本語 "テスト"', '{日本,NULL}'), (2, repeat('漢字', 3000), NULL);
SELECT left(data, 200) FROM pg_logical_slot_peek_changes('regress_eucjp', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'public\.表', 'column.exclude.list', '.*\.a');
SELECT length(data::json->'value'->>'列'), data::json->'value'->>'列' = repeat('漢字', 3000) FROM pg_logical_slot_peek_changes('regress_eucjp', NULL, NULL, 'topic.prefix', 'p') OFFSET 1;
SELECT bool_or(position(convert_to('"列":"日本語 \"テスト\""', 'UTF8') IN data) > 0), bool_and(convert_from(substr(data, position('{"id":1}'::bytea IN data) + 12, 60), 'UTF8') IS NOT NULL) FROM pg_logical_slot_get_binary_changes('regress_eucjp', NULL, NULL, 'wire', '1', 'topic.prefix', 'p');
SELECT 'dropped' FROM pg_drop_replication_slot('regress_eucjp');
--
\c :home
DROP DATABASE regress_tuplecast_latin1;
DROP DATABASE regress_tuplecast_ascii;
DROP DATABASE regress_tuplecast_win1252;
DROP DATABASE regress_tuplecast_eucjp;
