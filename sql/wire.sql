-- frames: read here with nothing but SQL; streams are numbered as they come
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_wire', 'tuplecast');
CREATE FUNCTION wi_int(b bytea, at int, n int) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
	SELECT sum(get_byte(b, at + i) * 256::numeric ^ (n - 1 - i))::numeric(20) FROM generate_series(0, n - 1) i
$$;
-- a string of text, or a blob with its head; moves "at"
CREATE FUNCTION wi_str(b bytea, INOUT at int, OUT s text) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	n int := wi_int(b, at, 2);
BEGIN
	s := convert_from(substr(b, at + 3, n), 'UTF8');
	at := at + 2 + n;
END
$$;
CREATE FUNCTION wi_blob(b bytea, INOUT at int, OUT s text) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	n bigint := wi_int(b, at, 4);
BEGIN
	at := at + 4;
	IF n < 4294967295 THEN
		s := convert_from(substr(b, at + 1, n::int), 'UTF8');
		at := at + n;
	END IF;
END
$$;
CREATE TYPE wi_frame AS (write int, kind text, stream int, op text, ordinal int, part int, key text, value text, info text, lsns numeric[]);
CREATE FUNCTION wi_frames(VARIADIC options text[] DEFAULT '{}') RETURNS SETOF wi_frame LANGUAGE plpgsql AS $$
DECLARE
	b bytea;
	f wi_frame;
	at int;
	stop int;
	r record;
	writes int := 0;
	streams int[];
	s text;
BEGIN
	FOR b IN SELECT data FROM pg_logical_slot_peek_binary_changes('regress_wire', NULL, NULL, VARIADIC ARRAY['wire', '1', 'topic.prefix', 'p'] || options) LOOP
		writes := writes + 1;
		at := 0;
		WHILE at < length(b) LOOP
			f := NULL;
			f.write := writes;
			stop := at + 4 + wi_int(b, at, 4)::int;
			f.kind := chr(get_byte(b, at + 4));
			at := at + 5;
			CASE f.kind
				WHEN 'H' THEN
					s := 'wire ' || wi_int(b, at, 2);
					r := wi_str(b, at + 2);
					s := s || CASE WHEN r.s ~ '^\d+\.\d+\.\d+$' THEN ' version' ELSE ' ?' END;
					r := wi_str(b, r.at);
					f.info := s || ' ' || r.s || CASE WHEN wi_int(b, r.at, 4)::int / 10000 = current_setting('server_version_num')::int / 10000 THEN ' server' ELSE ' ?' END;
					at := r.at + 4;
				WHEN 'S' THEN
					IF NOT wi_int(b, at, 4)::int = ANY (coalesce(streams, '{}')) THEN
						streams := streams || wi_int(b, at, 4)::int;
					END IF;
					f.stream := array_position(streams, wi_int(b, at, 4)::int);
					s := chr(get_byte(b, at + 4));
					r := wi_str(b, at + 5);
					s := s || ' ' || r.s;
					r := wi_str(b, r.at);
					s := s || ' (' || r.s;
					r := wi_str(b, r.at);
					f.info := s || ',' || r.s || ')';
					at := stop;
				WHEN 'B' THEN
					f.info := CASE WHEN wi_int(b, at, 4) > 0 THEN 'xid' ELSE 'no xid' END;
					f.lsns := ARRAY[wi_int(b, at + 4, 8), wi_int(b, at + 12, 8)];
					f.info := f.info || CASE WHEN abs(extract(epoch FROM now()) - wi_int(b, at + 20, 8) / 1000000) < 3600 THEN ', now' ELSE ', ?' END;
					r := wi_str(b, at + 28);
					f.info := f.info || ', origin "' || r.s || '"';
					at := r.at;
				WHEN 'R' THEN
					f.stream := array_position(streams, wi_int(b, at, 4)::int);
					f.op := chr(get_byte(b, at + 4));
					f.info := 'flags ' || get_byte(b, at + 5);
					f.lsns := ARRAY[wi_int(b, at + 6, 8)];
					f.ordinal := wi_int(b, at + 14, 8);
					f.part := get_byte(b, at + 22);
					r := wi_blob(b, at + 23);
					f.key := r.s;
					r := wi_blob(b, r.at);
					f.value := r.s;
					s := '';
					at := r.at + 2;
					FOR i IN 1 .. wi_int(b, r.at, 2)::int LOOP
						r := wi_str(b, at);
						s := s || ' ' || r.s || '=';
						r := wi_blob(b, r.at);
						s := s || coalesce(r.s, 'NULL');
						at := r.at;
					END LOOP;
					f.info := f.info || s;
				WHEN 'C' THEN
					f.lsns := ARRAY[wi_int(b, at, 8)];
					f.info := wi_int(b, at + 8, 8) || ' records';
					at := at + 16;
			END CASE;
			IF at <> stop THEN
				RAISE EXCEPTION 'frame % ends at % instead of %', f.kind, at, stop;
			END IF;
			RETURN NEXT f;
		END LOOP;
	END LOOP;
END
$$;
CREATE TABLE wi (id int PRIMARY KEY, note text);
CREATE TABLE wi_other (id int PRIMARY KEY);
BEGIN;
INSERT INTO wi VALUES (1, 'é'), (2, NULL);
INSERT INTO wi_other VALUES (1);
UPDATE wi SET id = 3 WHERE id = 2;
DELETE FROM wi WHERE id = 1;
COMMIT;
INSERT INTO wi_other VALUES (2);
BEGIN;
INSERT INTO wi VALUES (4);
ROLLBACK;
ALTER TABLE wi ADD COLUMN more int;
INSERT INTO wi VALUES (5, 'x', 6);
SELECT kind, stream, op, ordinal, part, key, value, info FROM wi_frames();
-- ordinals count what is filtered out, too; a transaction without a record costs nothing
SELECT kind, stream, op, ordinal, part, key, info FROM wi_frames('table.include.list', 'public.wi_other');
SELECT kind, stream, op, ordinal, part, key, info FROM wi_frames('skipped.operations', 'c,u,t');
SELECT count(*) FROM wi_frames('schema.exclude.list', 'public');
-- one write a transaction
SELECT write, string_agg(kind, '') FROM wi_frames() GROUP BY write ORDER BY write;
-- LSNs: of a begin (commit, end), of its records (before the commit) and of its commit (the end)
SELECT count(*), bool_and(b.lsns[1] < b.lsns[2]), bool_and(c.lsns[1] = b.lsns[2]), bool_and(r.lsns[1] < b.lsns[1])
	FROM (SELECT *, sum((kind = 'B')::int) OVER (ROWS UNBOUNDED PRECEDING) AS tx FROM wi_frames()) b
	JOIN (SELECT *, sum((kind = 'B')::int) OVER (ROWS UNBOUNDED PRECEDING) AS tx FROM wi_frames()) c ON c.kind = 'C' AND c.tx = b.tx
	JOIN (SELECT *, sum((kind = 'B')::int) OVER (ROWS UNBOUNDED PRECEDING) AS tx FROM wi_frames()) r ON r.kind = 'R' AND r.tx = b.tx
	WHERE b.kind = 'B';
-- headers, another format
SELECT kind, key, info FROM wi_frames('add.headers', 'op,table,xmin', 'table.include.list', 'public.wi') WHERE kind = 'R';
SELECT kind, op, value::json->>'op', info FROM wi_frames('format', 'envelope', 'table.include.list', 'public.wi_other');
SELECT bool_and(value::json IS NOT NULL AND key::json IS NOT NULL), count(*) FROM wi_frames() WHERE kind = 'R' AND value IS NOT NULL;
SELECT count(*) > 0 FROM pg_logical_slot_get_binary_changes('regress_wire', NULL, NULL, 'wire', '1', 'topic.prefix', 'p');
-- messages: of a transaction, and each one of its own
BEGIN;
INSERT INTO wi VALUES (6);
SELECT pg_logical_emit_message(false, 'free', 'f') - '0/0' AS free \gset
SELECT 'emitted' FROM pg_logical_emit_message(true, 'bound', 'b');
COMMIT;
SELECT kind, stream, op, ordinal, part, key, info FROM wi_frames();
-- a free one is named by its end, so that what was confirmed does not come again
SELECT kind, lsns[array_length(lsns, 1)] = :free FROM wi_frames() WHERE kind IN ('B', 'C');
SELECT count(*) > 0 FROM pg_logical_slot_get_binary_changes('regress_wire', NULL, NULL, 'wire', '1', 'topic.prefix', 'p');
-- TRUNCATE: an ordinal for each table
TRUNCATE wi, wi_other;
SELECT kind, op, ordinal, key, value, info FROM wi_frames('skipped.operations', 'none');
SELECT kind, op, ordinal, key, value, info FROM wi_frames('skipped.operations', 'none', 'table.exclude.list', 'public.wi');
SELECT count(*) FROM pg_logical_slot_get_binary_changes('regress_wire', NULL, NULL, 'wire', '1', 'topic.prefix', 'p');
-- a large transaction goes out in writes of about 64 kB, whole frames each, and ends with its commit
INSERT INTO wi SELECT i, repeat('x', 100) FROM generate_series(1, 3000) i;
SELECT count(*) BETWEEN 5 AND 15, max(length(data)) < 70000, min(length(data)) > 65536 FROM (SELECT data, row_number() OVER () AS n, count(*) OVER () AS total FROM pg_logical_slot_peek_binary_changes('regress_wire', NULL, NULL, 'wire', '1', 'topic.prefix', 'p')) w WHERE n < total;
SELECT count(*) FILTER (WHERE kind = 'R'), max(ordinal), bool_and(ordinal = n - 3) FILTER (WHERE kind = 'R'), string_agg(kind, '') FILTER (WHERE kind <> 'R'), max(info) FILTER (WHERE kind = 'C') FROM (SELECT *, row_number() OVER () AS n FROM wi_frames()) f;
-- one row larger than that
TRUNCATE wi;
SELECT count(*) > 0 FROM pg_logical_slot_get_binary_changes('regress_wire', NULL, NULL, 'wire', '1', 'topic.prefix', 'p');
INSERT INTO wi VALUES (1, repeat('é', 500000)), (2, 'small');
SELECT kind, ordinal, length(value), info FROM wi_frames();
-- lines and frames of one slot say the same
SELECT count(*), bool_and(l.data = format('{"topic":"p.public.wi","key":%s,"value":%s}', f.key, coalesce(f.value, 'null')))
	FROM (SELECT *, row_number() OVER () AS n FROM wi_frames() WHERE kind = 'R') f
	JOIN (SELECT data, row_number() OVER () AS n FROM pg_logical_slot_peek_changes('regress_wire', NULL, NULL, 'topic.prefix', 'p')) l USING (n);
DROP TABLE wi, wi_other;
DROP FUNCTION wi_frames;
DROP TYPE wi_frame;
DROP FUNCTION wi_str, wi_blob, wi_int;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_wire');
