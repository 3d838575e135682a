-- numbers, booleans, money
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_types_number', 'tuplecast');
CREATE TABLE tn (id int PRIMARY KEY, i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8, b bool, n numeric, n10 numeric(10), n102 numeric(10,2), n3 numeric(38,18), nneg numeric(5,-2), nsmall numeric(3,5), m money);
INSERT INTO tn VALUES
	(1, 32767, 2147483647, 9223372036854775807, 4294967295, 3.4028235e38, 1.7976931348623157e308, true, 123.4500, 1234567890, 12345678.90, 12345678901234567890.123456789012345678, 12345, 0.00123, '92233720368547758.07'),
	(2, -32768, -2147483648, -9223372036854775808, 0, -3.4028235e38, -1.7976931348623157e308, false, -123.4500, -1234567890, -12345678.90, -12345678901234567890.123456789012345678, -12350, -0.00123, '-92233720368547758.08'),
	(3, 0, 0, 0, 1, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0),
	(4, 1, 1, 1, 2147483648, 1e-45, 5e-324, true, 0.000, 7, 0.07, 0.000000000000000001, 49, 0.00001, '-0.07'),
	(5, -1, -1, -1, NULL, 3.3, 4.44, false, 1e20, -7, -0.07, -0.000000000000000001, 50, -0.00001, 1234.1),
	(6, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	(7, 7, 7, 7, 7, 16777216, 1234567890, true, 100, 128, 1.28, 100, 99999, 0.00999, 0.005),
	(8, 8, 8, 8, 8, 1e20, 1e20, true, -0.001, -128, -1.28, -100, -99950, 0.0012, -0.01),
	(9, 9, 9, 9, 9, 0.001, 0.001, true, 255.255, 255, 2.55, 1.10, 1, 0, 1),
	(10, 10, 10, 10, 10, 0.0009999999, 0.00099999999999999, true, -255.5, -256, -2.56, -1.10, 1, 0, 10),
	(11, 11, 11, 11, 11, 9999999, 9999999, true, 32768, 32768, 327.68, 0.5, 1, 0, 100),
	(12, 12, 12, 12, 12, 10000000, 10000000, true, -32768, -32768, -327.68, -0.5, 1, 0, 100),
	(13, 13, 13, 13, 13, 0.1, 2e23, true, 8388608, 8388608, 83886.08, 1, 1, 0, 100),
	(14, 14, 14, 14, 14, 100, 100.5, true, 18446744073709551616, 4294967296, 42949672.96, 18446744073709551616, 1, 0, 100);
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'double');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise');
-- precise decimals read back: big-endian two's complement at the scale of the column
CREATE FUNCTION tn_read(v json, scale int) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	bytes bytea := decode(v #>> '{}', 'base64');
	n numeric := 0;
BEGIN
	IF bytes IS NULL THEN
		RETURN NULL;
	END IF;
	FOR i IN 0 .. length(bytes) - 1 LOOP
		n := n * 256 + get_byte(bytes, i);
	END LOOP;
	IF get_byte(bytes, 0) > 127 THEN
		n := n - 256::numeric ^ length(bytes);
	END IF;
	RETURN trim_scale(n * ('1e-' || scale)::numeric);
END
$$;
SELECT id, tn_read(v->'n102', 2) = n102, tn_read(v->'n3', 18) = n3, tn_read(v->'n10', 0) = n10, tn_read(v->'nneg', 0) = nneg, tn_read(v->'nsmall', 5) = nsmall, tn_read(v->'n'->'value', (v->'n'->>'scale')::int) = n, tn_read(v->'m', 2)::money = m
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise')) r
	JOIN tn ON id = (v->>'id')::int ORDER BY id;
-- floats read back
SELECT count(*), bool_and((v->>'f4')::float4 IS NOT DISTINCT FROM f4), bool_and((v->>'f8')::float8 IS NOT DISTINCT FROM f8)
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p')) r
	JOIN tn ON id = (v->>'id')::int;
-- money in other scales, where less than it holds is rounded
SELECT (data::json->'value'->>'id') AS id, tn_read(data::json->'value'->'m', 4), data::json->'value'->>'m'
	FROM pg_logical_slot_peek_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise', 'money.fraction.digits', '4') WHERE data LIKE '%"id":4}%' OR data LIKE '%"id":5}%';
SELECT (data::json->'value'->>'id') AS id, tn_read(data::json->'value'->'m', 0), tn_read(data::json->'value'->'m', 1)
	FROM pg_logical_slot_peek_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise', 'money.fraction.digits', '0') WHERE data::json->'value'->>'id' IN ('1', '2', '5', '7');
SELECT tn_read(data::json->'value'->'m', 1)
	FROM pg_logical_slot_peek_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise', 'money.fraction.digits', '1') WHERE data::json->'value'->>'id' IN ('1', '2', '4');
-- settings of the session change nothing
SET extra_float_digits = -10;
SELECT data::json->'value'->>'f8' FROM pg_logical_slot_peek_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p') LIMIT 2;
RESET extra_float_digits;
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p');
-- every sign and length of a two's complement around the powers of two
CREATE TABLE tn_powers (n numeric(60) PRIMARY KEY);
INSERT INTO tn_powers SELECT s * (2::numeric ^ e) + d FROM generate_series(1, 160) e, (VALUES (1), (-1)) s (s), generate_series(-1, 1) d GROUP BY 1;
SELECT count(*), count(*) FILTER (WHERE tn_read(data::json->'key'->'n', 0) = round(n)) AS same,
	count(*) FILTER (WHERE length(k) > 1 AND get_byte(k, 0) = CASE WHEN get_byte(k, 1) > 127 THEN 255 ELSE 0 END) AS too_long
	FROM (SELECT data, n, decode(data::json->'key'->>'n', 'base64') AS k FROM pg_logical_slot_get_changes('regress_types_number', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise') WITH ORDINALITY AS c (lsn, xid, data, o)
		JOIN (SELECT n, row_number() OVER (ORDER BY ctid) AS o FROM tn_powers) t USING (o)) q;
DROP TABLE tn, tn_powers;
DROP FUNCTION tn_read;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_types_number');
