-- text of all kinds
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_types_text', 'tuplecast');
CREATE TABLE tx (id int PRIMARY KEY, t text, v varchar(10), c char(5), c1 char, n name, q "char");
INSERT INTO tx VALUES
	(1, 'plain', 'plain', 'ab', 'c', 'nm', 'q'),
	(2, '', '', '', '', '', ''),
	(3, NULL, NULL, NULL, NULL, NULL, NULL),
	(4, E'quote " backslash \\ slash / tab \t newline \n return \r feed \f back \b', E'"\\', E'\n', '"', E'a"b\\c', '"'),
	(5, E'\u0001\u0002\u001f\u007f end', E'\u0001', E'\u001f', E'\u007f', E'\u0001', E'\u0001'),
	(6, E'\u00e9 \u20ac \u2028 \u2029 \ufeff \uffff', E'\u2028', E'\u00e9', E'\u20ac', E'\u00e9', '\'),
	(7, E'\U0001F600 \U00010000 \U0010FFFF', E'x\U0001F600y', E'\U0001F600', E'\U0001F600', E'\U0001F600', ' '),
	(8, '  spaces  ', '  a  ', 'a  ', ' ', ' n ', '0'),
	(9, 'null', 'NULL', 'true', '1', 'false', 'n'),
	(10, repeat('é', 40) || '"', repeat('x', 10), 'xxxxx', 'x', repeat('n', 63), 'x');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_text', NULL, NULL, 'topic.prefix', 'p');
-- what the server reads in the JSON is what is in the table
SELECT id, r.v->>'t' IS NOT DISTINCT FROM t, r.v->>'v' IS NOT DISTINCT FROM tx.v::text, r.v->>'c' IS NOT DISTINCT FROM rpad(c::text, 5), r.v->>'n' IS NOT DISTINCT FROM n::text, r.v->>'q' IS NOT DISTINCT FROM q::text
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_get_changes('regress_types_text', NULL, NULL, 'topic.prefix', 'p')) r
	JOIN tx ON id = (r.v->>'id')::int ORDER BY id;
-- a special character at each offset of a longer text
CREATE TABLE tx_offsets (t text);
INSERT INTO tx_offsets SELECT repeat('a', i) || c || repeat('b', 40 - i) FROM generate_series(0, 40) i, unnest(ARRAY['"', E'\\', E'\n', E'\u001f', E'\u007f', 'é', E'\u2028', E'\U0001F600', ' ', '/']) c;
SELECT count(*), bool_and(data::json->'value'->>'t' = t), count(*) FILTER (WHERE data ~ '[\x01-\x1f]') AS raw_control, count(*) FILTER (WHERE data ~ '\\u[dD]83[dD]\\u[dD][eE]00') AS surrogates
	FROM pg_logical_slot_get_changes('regress_types_text', NULL, NULL, 'topic.prefix', 'p') WITH ORDINALITY AS c (lsn, xid, data, o)
	JOIN (SELECT t, row_number() OVER (ORDER BY ctid) AS o FROM tx_offsets) x USING (o);
-- "char" holds any byte, also what is no text
CREATE TABLE tx_char (id int, q "char", a "char"[]);
INSERT INTO tx_char SELECT i, i::"char", ARRAY[i::"char", NULL] FROM unnest(ARRAY[-128, -23, -1, 0, 1, 34, 65, 92, 127]) i;
SELECT data::json->'value' FROM pg_logical_slot_get_changes('regress_types_text', NULL, NULL, 'topic.prefix', 'p');
-- json as it was typed, jsonb as the server normalises it, both in a string
CREATE TABLE tx_json (id int PRIMARY KEY, j json, b jsonb);
INSERT INTO tx_json VALUES
	(1, '{"b" : 1,  "a":[1, 2], "b": 2}', '{"b" : 1,  "a":[1, 2], "b": 2}'),
	(2, E'{"nl":\n"\\n\\u0041\\ud83d\\ude00\\"\\\\"}', E'{"nl":\n"\\n\\u0041\\ud83d\\ude00\\"\\\\"}'),
	(3, '1.50', '1.50'), (4, 'null', 'null'), (5, '"s"', '"s"'), (6, 'true', 'false'), (7, '[]', '{}'), (8, ' {} ', '[]'),
	(9, '12345678901234567890.1234567890e5', '12345678901234567890.1234567890e5'),
	(10, '{"a":{"b":[1,{"c":null},[[]],""]},"é":"é"}', '{"a":{"b":[1,{"c":null},[[]],""]},"é":"é", "":"", "k\"\\":"\t"}'),
	(11, NULL, NULL), (12, '[1e-10,-0,1E+2,false]', '[1e-10,-0,1E+2,false,-1.0]');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_text', NULL, NULL, 'topic.prefix', 'p');
SELECT count(*), bool_and(v->>'j' IS NOT DISTINCT FROM j::text), bool_and(v->>'b' IS NOT DISTINCT FROM b::text)
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_get_changes('regress_types_text', NULL, NULL, 'topic.prefix', 'p')) r
	JOIN tx_json ON id = (v->>'id')::int;
-- a larger jsonb, of every kind of value, against the server's own output
CREATE TABLE tx_jsonb (id int PRIMARY KEY, b jsonb);
INSERT INTO tx_jsonb SELECT i, jsonb_build_object('i', i, 'n', i::numeric / 7, 's', repeat(chr(30 + i % 200), i % 50), 'a', (SELECT jsonb_agg(CASE k % 4 WHEN 0 THEN to_jsonb(k) WHEN 1 THEN 'null' WHEN 2 THEN to_jsonb(k % 3 = 0) ELSE jsonb_build_object('k' || k, jsonb_build_array(k, '"' || k)) END) FROM generate_series(1, i % 20) k)) FROM generate_series(1, 500) i;
SELECT count(*), bool_and(data::json->'value'->>'b' = b::text)
	FROM pg_logical_slot_get_changes('regress_types_text', NULL, NULL, 'topic.prefix', 'p')
	JOIN tx_jsonb ON id = (data::json->'value'->>'id')::int;
-- enums: labels of any form, renamed and added ones between transactions of one backlog
CREATE TYPE tx_mood AS ENUM ('sad', 'o"k\', 'é');
CREATE TABLE tx_enum (id int PRIMARY KEY, m tx_mood, a tx_mood[]);
INSERT INTO tx_enum VALUES (1, 'sad', '{sad,NULL,é}'), (2, 'o"k\', '{}'), (3, NULL, NULL);
ALTER TYPE tx_mood RENAME VALUE 'sad' TO 'gloomy';
INSERT INTO tx_enum VALUES (4, 'gloomy', '{gloomy}');
ALTER TYPE tx_mood ADD VALUE 'glad' BEFORE 'é';
INSERT INTO tx_enum VALUES (5, 'glad', '{glad}');
UPDATE tx_enum SET m = 'é' WHERE id = 5;
ALTER TYPE tx_mood RENAME TO tx_humour;
INSERT INTO tx_enum VALUES (6, 'gloomy', NULL);
SELECT data::json->'value' FROM pg_logical_slot_get_changes('regress_types_text', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE tx, tx_offsets, tx_char, tx_json, tx_jsonb, tx_enum;
DROP TYPE tx_humour;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_types_text');
