-- NaN, infinities, signed zeros, the largest and the smallest numbers
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_special_values', 'tuplecast');
CREATE TABLE sv (id int PRIMARY KEY, f4 float4, f8 float8, n numeric, n102 numeric(10,2), an numeric[]);
INSERT INTO sv VALUES
	(1, 'NaN', 'NaN', 'NaN', 'NaN', '{NaN,1}'),
	(2, 'Infinity', 'Infinity', 'Infinity', 1, '{Infinity,-Infinity}'),
	(3, '-Infinity', '-Infinity', '-Infinity', 1, NULL),
	(4, '-0', '-0', '-0', '-0.00', '{-0.0}'),
	(5, '1.17549435e-38', '2.2250738585072014e-308', '0.0000000000000000000000000000000000000001', 0.01, NULL),
	(6, '1e-45', '5e-324', '1e-400', 99999999.99, NULL),
	(7, NULL, 4.9406564584124654e-324, '-1e-400', -99999999.99, NULL),
	(8, NULL, 1e22, 1e22, NULL, NULL),
	(9, NULL, 123456789012345680, '9007199254740993', NULL, NULL);
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'string');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'double');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise');
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p');
-- numerics of any size
CREATE TABLE sv_huge (id int PRIMARY KEY, n numeric);
INSERT INTO sv_huge VALUES (1, ('1' || repeat('0', 1000))::numeric), (2, ('-1' || repeat('0', 1000))::numeric), (3, repeat('9', 131072)::numeric), (4, ('0.' || repeat('7', 16383))::numeric), (5, '1e-16383'), (6, ('-' || repeat('12345', 4000) || '.' || repeat('67890', 3000))::numeric), (7, '1.79769313486231580e308'), (8, '1e309'), (9, '-1e309');
SELECT id, length(data::json->'value'->>'n'), (data::json->'value'->>'n')::numeric = n
	FROM pg_logical_slot_peek_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p') JOIN sv_huge ON id = (data::json->'value'->>'id')::int ORDER BY id;
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'double');
SELECT data::json->'value'->'id', data::json->'value'->'n'->'scale', length(decode(data::json->'value'->'n'->>'value', 'base64')), md5(data::json->'value'->'n'->>'value')
	FROM pg_logical_slot_peek_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise');
-- 10 ^ 1000 in base 256, checked by dividing it back
DO $$
DECLARE
	bytes bytea;
	n numeric := 0;
BEGIN
	SELECT decode(data::json->'value'->'n'->>'value', 'base64') INTO bytes FROM pg_logical_slot_peek_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p', 'decimal.handling.mode', 'precise') LIMIT 1;
	FOR i IN 0 .. length(bytes) - 1 LOOP
		n := n * 256 + get_byte(bytes, i);
	END LOOP;
	IF n <> ('1' || repeat('0', 1000))::numeric THEN
		RAISE EXCEPTION 'got %', n;
	END IF;
END
$$;
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p');
-- as keys
CREATE TABLE sv_key (n numeric, f float8, PRIMARY KEY (n, f));
INSERT INTO sv_key VALUES ('NaN', 'NaN'), ('Infinity', '-Infinity'), (0, '-0');
UPDATE sv_key SET f = 0 WHERE n = 0;
SELECT data FROM pg_logical_slot_get_changes('regress_special_values', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE sv, sv_huge, sv_key;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_special_values');
