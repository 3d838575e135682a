/* decoder/tuplecast--0.1.0.sql */

\echo Use "CREATE EXTENSION tuplecast" to load this file. \quit

-- what they tell is in the catalogs, which everybody can read
GRANT USAGE ON SCHEMA tuplecast TO PUBLIC;

CREATE FUNCTION tuplecast.version() RETURNS text
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tuplecast_version';
COMMENT ON FUNCTION tuplecast.version() IS
	'version of the loaded library';

CREATE FUNCTION tuplecast.wire_version() RETURNS integer
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tuplecast_wire_version';
COMMENT ON FUNCTION tuplecast.wire_version() IS
	'version of the frames that the output plugin writes';

CREATE FUNCTION tuplecast.plan(relation oid, options text[],
	OUT published regclass, OUT topic text, OUT key text[],
	OUT replica_identity text, OUT key_in_identity boolean,
	OUT columns integer, OUT lost_if_unchanged text[],
	OUT place integer) RETURNS record
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tuplecast_plan';
COMMENT ON FUNCTION tuplecast.plan(oid, text[]) IS
	'how the output plugin treats a relation under these options; NULLs if it is not captured';

CREATE FUNCTION tuplecast.relations(VARIADIC options text[],
	OUT relation regclass, OUT topic text, OUT key text[],
	OUT replica_identity text, OUT key_in_identity boolean,
	OUT columns integer, OUT lost_if_unchanged text[]) RETURNS SETOF record
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT p.published, p.topic, (min(p.key::text))::text[],
		CASE WHEN count(DISTINCT p.replica_identity) = 1 THEN min(p.replica_identity) ELSE 'mixed' END,
		bool_and(p.key_in_identity), min(p.columns), (max(p.lost_if_unchanged::text))::text[]
	FROM pg_class c, tuplecast.plan(c.oid, options) p
	WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384
		AND p.published IS NOT NULL
	GROUP BY p.published, p.topic
	ORDER BY p.topic COLLATE "C"
	$$;
COMMENT ON FUNCTION tuplecast.relations(text[]) IS
	'the captured relations under these options of the output plugin, as in pg_logical_slot_get_changes()';

-- rows as records: with the rights of the caller, who must be let in by name
CREATE FUNCTION tuplecast.snapshot(relation oid, options text[],
	lsn pg_lsn DEFAULT '0/0', started timestamptz DEFAULT NULL,
	first tid DEFAULT NULL, before tid DEFAULT NULL,
	younger_than xid DEFAULT NULL, query text DEFAULT NULL,
	marker text DEFAULT 'true', node oid DEFAULT NULL,
	visible_in text DEFAULT NULL) RETURNS SETOF bytea
	LANGUAGE C STABLE
	AS 'MODULE_PATHNAME', 'tuplecast_snapshot';
COMMENT ON FUNCTION tuplecast.snapshot(oid, text[], pg_lsn, timestamptz, tid, tid, xid, text, text, oid, text) IS
	'the rows of a table, or of a query with its columns, as the output plugin would publish them; many records in one value';
REVOKE ALL ON FUNCTION tuplecast.snapshot(oid, text[], pg_lsn, timestamptz, tid, tid, xid, text, text, oid, text) FROM PUBLIC;

-- What tells the shipper to do something: the slot delivers what is inserted
-- here, whatever is published.  Not dumped: a restored signal would act again.
CREATE TABLE tuplecast.signals (
	id text NOT NULL CHECK (octet_length(id) <= 255),
	type text NOT NULL CHECK (octet_length(type) <= 255),
	data text CHECK (octet_length(data) <= 65536),
	sent_by name NOT NULL DEFAULT session_user,
	sent_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX signals_sent_at_idx ON tuplecast.signals (sent_at);
COMMENT ON TABLE tuplecast.signals IS
	'signals to the shipper of the last 30 days; written by tuplecast.signal()';
REVOKE ALL ON tuplecast.signals FROM PUBLIC;

-- SECURITY DEFINER, so that who may send signals needs no right on the table
CREATE FUNCTION tuplecast.signal(type text, data text DEFAULT NULL,
	id text DEFAULT NULL) RETURNS text
	LANGUAGE sql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
	DELETE FROM tuplecast.signals WHERE sent_at < now() - interval '30 days';
	INSERT INTO tuplecast.signals (id, type, data)
		VALUES (coalesce(signal.id, gen_random_uuid()::text), signal.type, signal.data)
		RETURNING signals.id
	$$;
COMMENT ON FUNCTION tuplecast.signal(text, text, text) IS
	'sends a signal to the shipper when the transaction commits, for instance execute-snapshot; returns its id';
REVOKE ALL ON FUNCTION tuplecast.signal(text, text, text) FROM PUBLIC;

CREATE FUNCTION tuplecast.chunk(relation oid, options text[],
	surrogate text DEFAULT NULL, OUT name text, OUT published text[],
	OUT columns text, OUT key text[], OUT types text[], OUT operators text[],
	OUT exact boolean) RETURNS record
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tuplecast_chunk';
COMMENT ON FUNCTION tuplecast.chunk(oid, text[], text) IS
	'what a query needs that reads a table in the order of its key, a part at a time; NULLs if it is not captured';
