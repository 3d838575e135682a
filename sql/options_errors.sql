-- every mistake in the options is an error with a hint, before the first row
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_options_errors', 'tuplecast');
CREATE FUNCTION oe(VARIADIC options text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT data FROM pg_logical_slot_peek_changes('regress_options_errors', NULL, NULL, VARIADIC options)
$$;
-- the prefix
SELECT oe('format', 'flat');
SELECT oe('topic.prefix', '');
SELECT oe('topic.prefix', 'with space');
SELECT oe('topic.prefix', 'käse');
SELECT oe('topic.prefix', 'a/b');
SELECT oe('topic.prefix', 'fine-1.2_3');
-- unknown, misspelt, in another case, given twice, without a value
SELECT oe('topic.prefix', 'p', 'frobnicate', '1');
SELECT oe('topic.prefix', 'p', 'table.include.lists', 'x');
SELECT oe('topic.prefix', 'p', 'table.includelist', 'x');
SELECT oe('topic.prefx', 'p');
SELECT oe('Topic.Prefix', 'p');
SELECT oe('topic.prefix', 'p', repeat('very.long.', 30), 'x');
SELECT oe('topic.prefix', 'p', 'topic.prefix', 'q');
SELECT oe('topic.prefix', 'p', 'format');
-- words
SELECT oe('topic.prefix', 'p', 'format', 'avro');
SELECT oe('topic.prefix', 'p', 'format', 'fla');
SELECT oe('topic.prefix', 'p', 'format', '');
SELECT oe('topic.prefix', 'p', 'format', 'FLAT');
SELECT oe('topic.prefix', 'p', 'delete.tombstone.handling.mode', 'rewrites');
SELECT oe('topic.prefix', 'p', 'decimal.handling.mode', 'decimal');
SELECT oe('topic.prefix', 'p', 'time.precision.mode', 'seconds');
SELECT oe('topic.prefix', 'p', 'binary.handling.mode', 'base32');
SELECT oe('topic.prefix', 'p', 'interval.handling.mode', 'iso');
SELECT oe('topic.prefix', 'p', 'hstore.handling.mode', 'text');
-- booleans, numbers, operations
SELECT oe('topic.prefix', 'p', 'tombstones.on.delete', 'maybe');
SELECT oe('topic.prefix', 'p', 'tombstones.on.delete', '');
SELECT oe('topic.prefix', 'p', 'publish.via.partition.root', '2');
SELECT oe('topic.prefix', 'p', 'money.fraction.digits', '19');
SELECT oe('topic.prefix', 'p', 'money.fraction.digits', '-1');
SELECT oe('topic.prefix', 'p', 'money.fraction.digits', '2x');
SELECT oe('topic.prefix', 'p', 'money.fraction.digits', '99999999999999999999');
SELECT oe('topic.prefix', 'p', 'money.fraction.digits', '');
SELECT oe('topic.prefix', 'p', 'wire', '2');
SELECT oe('topic.prefix', 'p', 'skipped.operations', 'x');
SELECT oe('topic.prefix', 'p', 'skipped.operations', 'none,c');
SELECT oe('topic.prefix', 'p', 'skipped.operations', 'C');
-- regular expressions that are none
SELECT oe('topic.prefix', 'p', 'table.include.list', 'public.(a');
SELECT oe('topic.prefix', 'p', 'table.include.list', 'fine,public.a**');
SELECT oe('topic.prefix', 'p', 'column.exclude.list', '[z-a]');
SELECT oe('topic.prefix', 'p', 'schema.include.list', 'a)|(b');
SELECT oe('topic.prefix', 'p', 'message.prefix.include.list', 'x{2');
SELECT oe('topic.prefix', 'p', 'schema.exclude.list', 'a\');
-- those that Java would read otherwise, by name
SELECT oe('topic.prefix', 'p', 'table.include.list', '\p{Alpha}+');
SELECT oe('topic.prefix', 'p', 'table.include.list', '\Qpublic.a\E');
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a\hb');
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a\Rb');
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a\yb');
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a\x{41}b');
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a\012b');
SELECT oe('topic.prefix', 'p', 'table.include.list', '(?i)abc');
SELECT oe('topic.prefix', 'p', 'table.include.list', '(?<name>abc)');
SELECT oe('topic.prefix', 'p', 'table.include.list', '(?>abc)');
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a*+b');
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a{2}+b');
SELECT oe('topic.prefix', 'p', 'table.include.list', '[a-z&&[^b]]');
SELECT oe('topic.prefix', 'p', 'table.include.list', '[a[bc]]');
SELECT oe('topic.prefix', 'p', 'table.include.list', '[]a]');
SELECT oe('topic.prefix', 'p', 'table.include.list', '[\b]');
-- those that only look like them
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a\*+b,a\\+b,[*+]+,(?=a).*,(?<!a)b.*,[\]\[]+,\$1');
-- lists that exclude each other
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a', 'table.exclude.list', 'b');
SELECT oe('topic.prefix', 'p', 'schema.include.list', 'a', 'schema.exclude.list', 'b');
SELECT oe('topic.prefix', 'p', 'column.include.list', 'a', 'column.exclude.list', 'b');
SELECT oe('topic.prefix', 'p', 'message.prefix.include.list', 'a', 'message.prefix.exclude.list', 'b');
SELECT oe('topic.prefix', 'p', 'table.include.list', 'a', 'table.exclude.list', '');
-- keys
SELECT oe('topic.prefix', 'p', 'message.key.columns', 'public.t');
SELECT oe('topic.prefix', 'p', 'message.key.columns', 'public.t:');
SELECT oe('topic.prefix', 'p', 'message.key.columns', ':id');
SELECT oe('topic.prefix', 'p', 'message.key.columns', 'public.t:id;public.(u:id');
SELECT oe('topic.prefix', 'p', 'message.key.columns', 'public.t:id;');
-- frames are not for an interface of text
SELECT oe('topic.prefix', 'p', 'wire', '1');
DROP FUNCTION oe;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_options_errors');
