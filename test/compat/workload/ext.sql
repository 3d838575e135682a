-- Types of extensions: PostGIS; pgvector where the server has it (Debian 12 has no package), else types of its names
-- and text, which is all that either tool knows of them.
CREATE EXTENSION postgis;
CREATE SCHEMA ext;
DO $do$
BEGIN
	IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
		CREATE EXTENSION vector;
		RETURN;
	END IF;
	CREATE TYPE public.vector;
	CREATE FUNCTION public.vector_in(cstring) RETURNS public.vector LANGUAGE internal IMMUTABLE STRICT AS 'textin';
	CREATE FUNCTION public.vector_out(public.vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
	CREATE TYPE public.vector (INPUT = public.vector_in, OUTPUT = public.vector_out, LIKE = text, STORAGE = external);
	CREATE TYPE public.halfvec;
	CREATE FUNCTION public.halfvec_in(cstring) RETURNS public.halfvec LANGUAGE internal IMMUTABLE STRICT AS 'textin';
	CREATE FUNCTION public.halfvec_out(public.halfvec) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
	CREATE TYPE public.halfvec (INPUT = public.halfvec_in, OUTPUT = public.halfvec_out, LIKE = text);
	CREATE TYPE public.sparsevec;
	CREATE FUNCTION public.sparsevec_in(cstring) RETURNS public.sparsevec LANGUAGE internal IMMUTABLE STRICT AS 'textin';
	CREATE FUNCTION public.sparsevec_out(public.sparsevec) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
	CREATE TYPE public.sparsevec (INPUT = public.sparsevec_in, OUTPUT = public.sparsevec_out, LIKE = text);
END $do$;
CREATE TABLE ext.gis (id int PRIMARY KEY, g geometry, gp geometry(Point, 4326), gz geometry(LineStringZ, 3857), gg geography, ggp geography(Point, 4326), n geometry NOT NULL DEFAULT 'POINT(0 0)',
	u_b2 box2d, u_b3 box3d);
CREATE TABLE ext.gisfull (LIKE ext.gis INCLUDING ALL);
ALTER TABLE ext.gisfull REPLICA IDENTITY FULL;
CREATE TABLE ext.gisarr (id int PRIMARY KEY, u_ag geometry[], u_agg geography[]);
CREATE TABLE ext.vec (id int PRIMARY KEY, v vector, h halfvec, s sparsevec, vn vector NOT NULL);
CREATE TABLE ext.vecfull (LIKE ext.vec INCLUDING ALL);
ALTER TABLE ext.vecfull REPLICA IDENTITY FULL;
-- DML
INSERT INTO ext.gis VALUES (1, 'POINT(1 2)', 'SRID=4326;POINT(-71.06 42.28)', 'SRID=3857;LINESTRING Z (1 2 3, 4 5 6)', 'POINT(-71.06 42.28)', 'POINT(10 20)', 'POINT(5 5)', 'BOX(1 2,3 4)', 'BOX3D(1 2 3,4 5 6)'),
	(2, 'GEOMETRYCOLLECTION(POINT(1 1), POLYGON((0 0, 1 0, 1 1, 0 0)))', NULL, NULL, 'SRID=4326;LINESTRING(0 0, 1 1)', NULL, 'SRID=0;POINT EMPTY', NULL, NULL),
	(3, NULL, NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL), (4, 'SRID=2154;MULTIPOINT M (1 2 3, 4 5 6)', 'SRID=4326;POINT EMPTY', NULL, NULL, NULL, 'CIRCULARSTRING(0 0, 1 1, 2 0)', NULL, NULL);
INSERT INTO ext.gisfull SELECT * FROM ext.gis;
UPDATE ext.gis SET g = 'POINT(9 9)' WHERE id = 1;
UPDATE ext.gisfull SET g = 'POINT(9 9)' WHERE id = 1;
UPDATE ext.gis SET id = 11 WHERE id = 1;
DELETE FROM ext.gis;
DELETE FROM ext.gisfull;
INSERT INTO ext.gisarr VALUES (1, ARRAY['POINT(1 2)'::geometry, NULL], ARRAY['POINT(1 2)'::geography]), (2, '{}', NULL);
-- is no data of anybody's
INSERT INTO spatial_ref_sys (srid, auth_name) VALUES (998001, 'compat');
INSERT INTO ext.vec VALUES (1, '[1,2.5,-3]', '[0.5,1]', '{1:1.5,3:-2}/5', '[0]'), (2, NULL, NULL, NULL, '[1e-07,3.4028235e+38]'), (3, '[1e+20,0.1,-0]', '[65504,6e-08]', '{}/3', '[1]');
INSERT INTO ext.vecfull SELECT * FROM ext.vec;
UPDATE ext.vec SET v = '[4,5,6]' WHERE id = 1;
UPDATE ext.vecfull SET v = '[4,5,6]' WHERE id = 1;
UPDATE ext.vec SET id = 11 WHERE id = 1;
DELETE FROM ext.vec;
DELETE FROM ext.vecfull;
-- out of line, and unchanged
INSERT INTO ext.vec SELECT 20, ('[' || string_agg(i::text, ',') || ']')::vector, NULL, NULL, '[1]' FROM generate_series(1, 3000) i;
UPDATE ext.vec SET vn = '[2]' WHERE id = 20;
