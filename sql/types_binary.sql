-- bytea in each binary.handling.mode, bit strings
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_types_binary', 'tuplecast');
SET bytea_output = 'escape';
CREATE TABLE tb (id int PRIMARY KEY, b bytea, a bytea[]);
INSERT INTO tb VALUES (1, '\xdeadbeef00', ARRAY['\x0102'::bytea, NULL, '']), (2, '', '{}'), (3, '\x00', NULL), (4, '\xfbff', NULL), (5, '\xfbffbf', NULL), (6, NULL, NULL);
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p', 'binary.handling.mode', 'bytes');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p', 'binary.handling.mode', 'base64-url-safe');
SELECT data::json->'value' FROM pg_logical_slot_get_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p', 'binary.handling.mode', 'hex');
-- every length up to a few blocks, and a large one
CREATE TABLE tb_lengths (id int PRIMARY KEY, b bytea);
INSERT INTO tb_lengths SELECT i, (SELECT string_agg(decode(lpad(to_hex((i * 7 + k * 31) % 256), 2, '0'), 'hex'), '' ORDER BY k) FROM generate_series(1, i) k) FROM generate_series(0, 70) i;
INSERT INTO tb_lengths SELECT 100, string_agg(decode(md5(i::text), 'hex'), '') FROM generate_series(1, 20000) i;
SELECT count(*), bool_and(decode(data::json->'value'->>'b', 'base64') = coalesce(b, '')) FROM pg_logical_slot_peek_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p') JOIN tb_lengths ON id = (data::json->'value'->>'id')::int WHERE b IS NOT NULL;
SELECT count(*), bool_and(decode(translate(data::json->'value'->>'b', '-_', '+/'), 'base64') = b) FROM pg_logical_slot_peek_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p', 'binary.handling.mode', 'base64-url-safe') JOIN tb_lengths ON id = (data::json->'value'->>'id')::int WHERE b IS NOT NULL;
SELECT count(*), bool_and(decode(data::json->'value'->>'b', 'hex') = b) FROM pg_logical_slot_get_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p', 'binary.handling.mode', 'hex') JOIN tb_lengths ON id = (data::json->'value'->>'id')::int WHERE b IS NOT NULL;
-- one bit is a boolean, more are bytes with the least significant first
CREATE TABLE tbit (id int PRIMARY KEY, b1 bit, b1x bit(1), b8 bit(8), b12 bit(12), b17 bit(17), v1 varbit(1), v10 varbit(10), v varbit, a bit(3)[]);
INSERT INTO tbit VALUES
	(1, '1', '0', '10000001', '100000000011', '10000000000000001', '1', '101', '111011010001000110000001000000001', ARRAY[B'101', NULL]),
	(2, '0', '1', '00000000', '000000000000', '00000000000000000', '0', '', '', '{}'),
	(3, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL),
	(4, '1', '1', '11111111', '111111111111', '11111111111111111', '1', '1111111111', repeat('1', 64)::varbit, NULL),
	(5, '1', '1', '00000001', '000000000001', '00000000100000000', '1', '0000000001', '00000000000000001', NULL);
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p');
-- not in the words of binary.handling.mode
SELECT data::json->'value' FROM pg_logical_slot_get_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p', 'binary.handling.mode', 'hex') LIMIT 1;
-- every width, read back
CREATE TABLE tbit_widths (v varbit PRIMARY KEY);
INSERT INTO tbit_widths SELECT (SELECT string_agg(((i * i + k * k * 7) % 3 % 2)::text, '' ORDER BY k) FROM generate_series(1, i) k)::varbit FROM generate_series(2, 80) i;
CREATE FUNCTION tbit_read(s text, width int) RETURNS varbit LANGUAGE plpgsql AS $$
DECLARE
	bytes bytea := decode(s, 'base64');
	bits text := '';
BEGIN
	FOR i IN 0 .. length(bytes) - 1 LOOP
		bits := get_byte(bytes, i)::bit(8)::text || bits;
	END LOOP;
	RETURN right(lpad(bits, greatest(width, length(bits)), '0'), width)::varbit;
END
$$;
SELECT count(*), bool_and(tbit_read(data::json->'key'->>'v', length(v)) = v)
	FROM pg_logical_slot_get_changes('regress_types_binary', NULL, NULL, 'topic.prefix', 'p') WITH ORDINALITY AS c (lsn, xid, data, o)
	JOIN (SELECT v, row_number() OVER (ORDER BY ctid) AS o FROM tbit_widths) t USING (o);
DROP TABLE tb, tb_lengths, tbit, tbit_widths;
DROP FUNCTION tbit_read;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_types_binary');
