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
	OUT columns integer, OUT lost_if_unchanged text[]) RETURNS record
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
	marker text DEFAULT 'true', node oid DEFAULT NULL) RETURNS SETOF bytea
	LANGUAGE C STABLE
	AS 'MODULE_PATHNAME', 'tuplecast_snapshot';
COMMENT ON FUNCTION tuplecast.snapshot(oid, text[], pg_lsn, timestamptz, tid, tid, xid, text, text, oid) IS
	'the rows of a table, or of a query with its columns, as the output plugin would publish them; many records in one value';
REVOKE ALL ON FUNCTION tuplecast.snapshot(oid, text[], pg_lsn, timestamptz, tid, tid, xid, text, text, oid) FROM PUBLIC;
