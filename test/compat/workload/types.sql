-- Every type of the mapping, in tables by kind. What a column's name begins with matters to compare.py:
--   u_  of a type that Debezium does not know      hst  hstore         nest_  nested arrays
--   nm_ of type name                               gen_ generated      neg_   numeric with a negative scale
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE EXTENSION citext;
CREATE EXTENSION isn;
CREATE EXTENSION cube;
CREATE SCHEMA ty;
CREATE TYPE ty.mood AS ENUM ('sad', 'ok', 'happy');
ALTER TYPE ty.mood ADD VALUE 'ang''ry, "x"' BEFORE 'sad';
CREATE TYPE ty.comp AS (a int, b text);
CREATE TYPE ty.frange AS RANGE (subtype = float8);
CREATE DOMAIN ty.d_num AS numeric(8,3);
CREATE DOMAIN ty.d_txt AS varchar(10);
CREATE DOMAIN ty.d_ts AS timestamp(3);
CREATE DOMAIN ty.d_int AS int CHECK (VALUE > -1000);
CREATE DOMAIN ty.dd_num AS ty.d_num;
CREATE DOMAIN ty.dd_txt AS ty.d_txt;
CREATE DOMAIN ty.dd_int AS ty.d_int;

CREATE TABLE ty.num (
	id serial PRIMARY KEY, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, ok bool, o oid,
	n10_2 numeric(10,2), n10 numeric(10), n38_10 numeric(38,10), n numeric, m money,
	dn ty.d_num, ddn ty.dd_num, di ty.d_int, ddi ty.dd_int);
CREATE TABLE ty.neg (id int PRIMARY KEY, neg_n numeric(5,-2), small numeric(3,6));
CREATE TABLE ty.txt (
	id serial PRIMARY KEY, c char, c5 char(5), vc varchar, vc20 varchar(20), t text, q "char", ci citext, nm_n name,
	dt ty.d_txt, ddt ty.dd_txt, b bytea, bit1 bit(1), bit0 bit, bit8 bit(8), bit12 bit(12), bit70 bit(70),
	vb1 varbit(1), vb10 varbit(10), vb varbit);
CREATE TABLE ty.tim (
	id serial PRIMARY KEY, d date, t time, t0 time(0), t1 time(1), t3 time(3), t4 time(4), t6 time(6), tz timetz, tz0 timetz(0), tz3 timetz(3),
	ts timestamp, ts0 timestamp(0), ts1 timestamp(1), ts3 timestamp(3), ts4 timestamp(4), ts6 timestamp(6),
	tstz timestamptz, tstz0 timestamptz(0), tstz1 timestamptz(1), tstz3 timestamptz(3), tstz5 timestamptz(5), tstz6 timestamptz(6),
	iv interval, iv3 interval(3), dts ty.d_ts);
-- what nanoseconds cannot hold
CREATE TABLE ty.far (LIKE ty.tim INCLUDING ALL);
CREATE TABLE ty.misc (
	id serial PRIMARY KEY, u uuid, j json, jb jsonb, x xml, e ty.mood, inet inet, cidr cidr, mac macaddr, mac8 macaddr8,
	i4r int4range, i8r int8range, nr numrange, tsr tsrange, tstzr tstzrange, dr daterange, p point, hst hstore, lt ltree, isbn isbn, tsv tsvector);
CREATE TABLE ty.unk (
	id serial PRIMARY KEY, u_comp ty.comp, u_mr int4multirange, u_fr ty.frange, u_line line, u_lseg lseg, u_box box, u_path path, u_poly polygon,
	u_circle circle, u_cube cube, u_tsq tsquery, u_lsn pg_lsn, u_snap txid_snapshot, u_class regclass, u_xid xid, u_jp jsonpath, u_xid8 xid8, known int,
	u_amoney money[], u_aiv interval[], u_ap point[], u_ax xml[], u_avb varbit[], u_anm name[], u_acomp ty.comp[], u_adom ty.d_num[]);
CREATE TABLE ty.arr (
	id serial PRIMARY KEY, i2 int2[], i4 int4[], i8 int8[], f4 float4[], f8 float8[], ok bool[], n10_2 numeric(10,2)[], n numeric[],
	t text[], vc varchar(10)[], c char(5)[], d date[], tm time[], tz timetz[], ts timestamp[], ts3 timestamp(3)[], tstz timestamptz[],
	u uuid[], j json[], jb jsonb[], e ty.mood[], inet inet[], i4r int4range[], b bytea[], ahst hstore[], lt ltree[], o oid[], ci citext[]);
CREATE TABLE ty.arr2 (id int PRIMARY KEY, nest_i int[], nest_t text[][], one int[], bit3 bit(3)[]);
-- every column NOT NULL: what stands in a delete is invented
CREATE TABLE ty.nn (
	id int PRIMARY KEY, i2 int2 NOT NULL, i4 int4 NOT NULL, i8 int8 NOT NULL, f4 float4 NOT NULL, f8 float8 NOT NULL, ok bool NOT NULL, o oid NOT NULL,
	n10_2 numeric(10,2) NOT NULL, n numeric NOT NULL, m money NOT NULL, c char NOT NULL, c5 char(5) NOT NULL, vc varchar NOT NULL, t text NOT NULL,
	ci citext NOT NULL, b bytea NOT NULL, bit1 bit NOT NULL, bit8 bit(8) NOT NULL, vb varbit NOT NULL,
	d date NOT NULL, tm time NOT NULL, t3 time(3) NOT NULL, tz timetz NOT NULL, ts timestamp NOT NULL, ts3 timestamp(3) NOT NULL,
	tstz timestamptz NOT NULL, tstz3 timestamptz(3) NOT NULL, iv interval NOT NULL, u uuid NOT NULL, j json NOT NULL, jb jsonb NOT NULL, x xml NOT NULL,
	e ty.mood NOT NULL, inet inet NOT NULL, mac macaddr NOT NULL, i4r int4range NOT NULL, p point NOT NULL, hst hstore NOT NULL, lt ltree NOT NULL,
	ai int[] NOT NULL, at text[] NOT NULL, dn ty.d_num NOT NULL);
-- and with defaults
CREATE TABLE ty.df (
	id int PRIMARY KEY, i2 int2 NOT NULL DEFAULT 2, i4 int DEFAULT -4, i8 int8 NOT NULL DEFAULT 8000000000, f4 float4 DEFAULT 1.5, f8 float8 NOT NULL DEFAULT 2.25,
	ok bool NOT NULL DEFAULT true, ok2 bool DEFAULT false, n10_2 numeric(10,2) NOT NULL DEFAULT 1.50, n numeric DEFAULT 7, m money DEFAULT '$2.50',
	c5 char(5) DEFAULT 'ab', vc varchar(20) NOT NULL DEFAULT 'it''s', t text DEFAULT 'dflt', te text DEFAULT '', tn text DEFAULT NULL,
	d date DEFAULT '2020-02-03', dn date NOT NULL DEFAULT CURRENT_DATE, tm time DEFAULT '01:02:03', ts timestamp DEFAULT CURRENT_TIMESTAMP, ts2 timestamp NOT NULL DEFAULT '2020-02-03 04:05:06.789',
	ts3 timestamp(3) DEFAULT '2020-02-03 04:05:06.789', tstz timestamptz NOT NULL DEFAULT now(), tstz2 timestamptz DEFAULT '2020-02-03 04:05:06.5+00', iv interval DEFAULT '1 day',
	u uuid DEFAULT gen_random_uuid(), u2 uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001', jb jsonb DEFAULT '{}', jb2 jsonb NOT NULL DEFAULT '{"a": 1}',
	e ty.mood NOT NULL DEFAULT 'ok', b bytea DEFAULT '\x0102', bit1 bit(1) DEFAULT '1', inet inet DEFAULT '10.0.0.1', ai int[] DEFAULT '{1,2}', at text[] NOT NULL DEFAULT '{}', sq bigserial, dn3 ty.d_num DEFAULT 1.25);
CREATE TABLE ty.gen (id int PRIMARY KEY, a int, gen_b int GENERATED ALWAYS AS (a * 2) STORED, c int GENERATED ALWAYS AS IDENTITY);
-- DML
SET timezone = 'UTC';
INSERT INTO ty.num (i2, i4, i8, f4, f8, ok, o, n10_2, n10, n38_10, n, m, dn, ddn, di, ddi) VALUES
	(-32768, 1073741823, 9223372036854775807, 3.3, 4.44, true, 4000000000, 123.45, 12345, 1.0000000001, 123.4500, '$1,234.11', 12.5, 12.5, 7, 7),
	(32767, -2147483648, -9223372036854775808, -3.3, -4.44, false, 0, -5.50, -12345, -9999999999999999999999999999.9999999999, -0.001, '-$5.50', -12.345, -0.001, -999, 0),
	(0, 0, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, '$0', 0, 0, 0, 0),
	(1, 1, 1, 'NaN', 'NaN', true, 1, 99999999.99, 9999999999, 0.5, 100, '$92,233,720,368,547,758.07', 99999.999, 1, 1, 1),
	(1, 1, 1, 'Infinity', 'Infinity', true, 1, 0.01, 1, 0, 1e20, '-$92,233,720,368,547,758.08', 0.001, 1, 1, 1),
	(1, 1, 1, '-Infinity', '-Infinity', true, 1, -0.01, 128, 0, 1e-20, '$0.01', -0.001, 1, 1, 1),
	(1, 1, 1, '-0', '-0', true, 1, 1.27, 255, 0, 1e-400, '$0.05', 1, 1, 1, 1),
	(1, 1, 1, '1e20', '1e-7', true, 1, 1.28, 256, 0, 1e400, NULL, 1, 1, 1, 1),
	(1, 1, 1, 16777216, 1234567890, true, 1, -1.28, -128, 0, -128, NULL, 1, 1, 1, 1),
	(1, 1, 1, 0.1, 100, true, 1, -1.29, -129, 0, 0.10, NULL, 1, 1, 1, 1),
	(1, 1, 1, 3.4028235e38, 1.7976931348623157e308, true, 1, NULL, -32768, 0, 3.14159265358979323846264338327950288, NULL, 1, 1, 1, 1),
	(1, 1, 1, 1e-45, 5e-324, true, 1, NULL, 32768, 0, 123456789012345678901234567890, NULL, 1, 1, 1, 1),
	(1, 1, 1, 1.17549435e-38, 2.2250738585072014e-308, true, 1, NULL, 0, 0, 1.0, NULL, 1, 1, 1, 1),
	(1, 1, 1, 0.001, 0.001, true, 1, NULL, 0, 0, 10, NULL, 1, 1, 1, 1),
	(1, 1, 1, 0.00099999, 0.00099999, true, 1, NULL, 0, 0, 1200, NULL, 1, 1, 1, 1),
	(1, 1, 1, 9999999, 9999999, true, 1, NULL, 0, 0, 0.000, NULL, 1, 1, 1, 1),
	(1, 1, 1, 1e7, 1e7, true, 1, NULL, 0, 0, -0.5, NULL, 1, 1, 1, 1),
	(1, 1, 1, 1.0e10, 2e23, true, 1, NULL, 0, 0, 5e-5, NULL, 1, 1, 1, 1),
	(1, 1, 1, 8.41e21, 8.41e21, true, 1, NULL, 0, 0, 5e5, NULL, 1, 1, 1, 1),
	(1, 1, 1, 2.0005, 9007199254740993, true, 1, NULL, 0, 0, 12345678.90, NULL, 1, 1, 1, 1),
	(1, 1, 1, 1.5, 1.5, true, 1, 'NaN', NULL, NULL, 'NaN', NULL, NULL, NULL, 1, 1),
	(1, 1, 1, 1.5, 1.5, true, 1, NULL, NULL, NULL, 'Infinity', NULL, NULL, NULL, 1, 1),
	(1, 1, 1, 1.5, 1.5, true, 1, NULL, NULL, NULL, '-Infinity', NULL, NULL, NULL, 1, 1);
INSERT INTO ty.num DEFAULT VALUES;
UPDATE ty.num SET i4 = 2, n = n * 2 WHERE id IN (1, 2);
UPDATE ty.num SET id = 1001 WHERE id = 1;
DELETE FROM ty.num WHERE id IN (2, 1001);
ALTER TABLE ty.num REPLICA IDENTITY FULL;
UPDATE ty.num SET i4 = 3 WHERE id <= 12;
UPDATE ty.num SET id = 1004 WHERE id = 4;
DELETE FROM ty.num;
INSERT INTO ty.neg VALUES (1, 12345, 0.000123), (2, -99900, -0.000999), (3, 0, 0), (4, NULL, NULL);
DELETE FROM ty.neg WHERE id = 1;
INSERT INTO ty.txt (c, c5, vc, vc20, t, q, ci, nm_n, dt, ddt, b, bit1, bit0, bit8, bit12, bit70, vb1, vb10, vb) VALUES
	('c', 'ab', 'vcu', 'vč', E'q"\\/\n\t\u0001\u007f\u2028é😀', 'q', 'CiText', 'nm', 'dom', 'domdom', '\xdeadbeef00', '1', '0', '10000001', '100000000011', repeat('10', 35)::bit(70), '1', '101', '111011010001000110000001000000001'),
	('', '', '', '', '', '', '', '', '', '', '', '0', '1', '00000000', '000000000000', repeat('0', 70)::bit(70), '', '', ''),
	('é', 'ééééé', E'\b\f\r\x1f\x7f', '</script>', repeat('0123456789', 1000), 'x', 'ÄÖ', repeat('n', 63), '0123456789', '0123456789', '\x00', '1', '1', '11111111', '111111111111', repeat('1', 70)::bit(70), '0', '0000000001', repeat('01', 40)::varbit),
	('"', '\', 'null', '{"a":1}', E'\u0002\u0003\u0004\u0005\u0006\u0007\u000b\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f\u0080\u009f\ufeff\ufffd\uffff', '"', '', '"', ' x ', '', '\xff', '0', '0', '00000001', '000000000001', repeat('0', 69)::bit(69) || B'1', '1', '1000000000', B'1'),
	('日', '日本', '𝄞', '🇩🇪', E'\U0010FFFF\U00010000 \u00a0\u2029', 'z', 'ß', 'ß', '', '', '\x7f80', '1', '1', '01111111', '010000000000', B'1' || repeat('0', 69)::bit(69), '1', '01', B'0000000000000001');
INSERT INTO ty.txt DEFAULT VALUES;
UPDATE ty.txt SET t = 'u' WHERE id = 1;
DELETE FROM ty.txt WHERE id = 1;
ALTER TABLE ty.txt REPLICA IDENTITY FULL;
UPDATE ty.txt SET t = 'u' WHERE id = 2;
DELETE FROM ty.txt WHERE id IN (2, 3);
INSERT INTO ty.tim (d, t, t0, t1, t3, t4, t6, tz, tz0, tz3, ts, ts0, ts1, ts3, ts4, ts6, tstz, tstz0, tstz1, tstz3, tstz5, tstz6, iv, iv3, dts) VALUES
	('2024-02-29', '13:51:30.123456', '13:51:30.6', '13:51:30.16', '13:51:30.1234', '13:51:30.12345', '13:51:30.1', '13:51:30.123789+02', '13:51:02+02', '13:51:30.12+02',
	 '2016-11-04 13:51:30.123456', '2016-11-04 13:51:30.6', '2016-11-04 13:51:30.16', '2016-11-04 13:51:30.1234', '2016-11-04 13:51:30.12345', '2016-11-04 13:51:30',
	 '2016-11-04 13:51:30.12+02', '2016-11-04 13:51:30+02', '2016-11-04 13:51:30.1+02', '2016-11-04 13:51:30.1+02', '2016-11-04 13:51:30.12345+02', '2016-11-04 13:51:30+02',
	 '1 year 2 mons 3 days 04:05:06.78', '-1 day 00:00:01.5', '2016-11-04 13:51:30.1234'),
	('infinity', '24:00:00', '24:00:00', '24:00:00', '24:00:00', '24:00:00', '24:00:00', '23:59:59.999999+00', '23:59:59+00', '23:59:59.999+00',
	 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', '1 mon', '1 mon', 'infinity'),
	('-infinity', '00:00:00', '00:00:00', '00:00:00', '00:00:00', '00:00:00', '00:00:00', '00:00:00-15:59', '00:00:00+15:59', '00:00:00+00',
	 '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '0', '0', '-infinity'),
	('1969-12-31', '12:00', '12:00', '12:00', '12:00', '12:00', '12:00', '12:00:00.1+00', '12:00+00', '12:00+00',
	 '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59', '1969-12-31 23:59:59.9', '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.9999', '1969-12-31 23:59:59.999999',
	 '1969-12-31 23:59:59.999999+00', '1969-12-31 23:59:59+00', '1969-12-31 23:59:59.9+00', '1969-12-31 23:59:59.999+00', '1969-12-31 23:59:59.99999+00', '1969-12-31 23:59:59.999999+00',
	 '100 days 25:00:00', '-5 years', '1969-12-31 23:59:59.999'),
	('1700-01-01', '01:02', '01:02', '01:02', '01:02', '01:02', '01:02', '24:00:00+00', '24:00:00+00', '24:00:00+00', '1700-01-01', '2262-01-01', '1900-01-01', '1900-02-28 12:00:00.001', '1700-03-01', '1752-09-14',
	 '1582-10-10+00', '1582-10-04+00', '1900-01-01+00', '1900-02-28 12:00:00.001+00', '1000-01-01+00', '1752-09-14+00', '1 year', '1 day', '1970-01-01');
INSERT INTO ty.far (d, t, t0, t1, t3, t4, t6, tz, tz0, tz3, ts, ts0, ts1, ts3, ts4, ts6, tstz, tstz0, tstz1, tstz3, tstz5, tstz6, iv, iv3, dts) VALUES
	('0044-03-15 BC', '00:00:00.000001', '00:00:01', '00:00:00.1', '00:00:00.001', '00:00:00.0001', '00:00:00.000001', '00:00:00.000001+00', '12:00+05:30', '12:00:00.001-03:30',
	 '0044-03-15 12:00:00.5 BC', '0044-03-15 12:00:00 BC', '0044-03-15 12:00:00.5 BC', '0044-03-15 12:00:00.5 BC', '0044-03-15 12:00:00.5 BC', '0044-03-15 12:00:00.5 BC',
	 '0044-03-15 12:00:00.5+00 BC', '0044-03-15 12:00:00+00 BC', '0044-03-15 12:00:00.5+00 BC', '0044-03-15 12:00:00.5+00 BC', '0044-03-15 12:00:00.5+00 BC', '0044-03-15 12:00:00.5+00 BC',
	 '-1 year -2 mons 3 days -04:05:06.000007', '1000 years', '0044-03-15 12:00:00.5 BC'),
	('294276-12-31', '23:59:59.999999', '23:59:59', '23:59:59.9', '23:59:59.999', '23:59:59.9999', '23:59:59.999999', '23:59:59.999999-15:59', '23:59:59+15:59', '23:59:59.999+00',
	 '294246-12-31 23:59:59.999999', '294246-12-31 23:59:59', '9999-12-31 23:59:59.9', '9999-12-31 23:59:59.999', '10000-01-01', '0001-01-01',
	 '294276-12-31 23:59:59.999999+00', '294276-12-31 23:59:59+00', '10000-01-01+00', '9999-12-31 23:59:59.999+00', '0001-01-01+00', '0001-01-01+00 BC', '-00:00:00.000001', '23:59:59.999', '9999-12-31'),
	('1582-10-10', '01:02', '01:02', '01:02', '01:02', '01:02', '01:02', '01:02+00', '01:02+00', '01:02+00', '1582-10-10', '1582-10-04', '1900-01-01', '1900-02-28 12:00:00.001', '1000-01-01', '1752-09-14',
	 '1582-10-10+00', '1582-10-04+00', '1900-01-01+00', '1900-02-28 12:00:00.001+00', '1000-01-01+00', '1752-09-14+00', '1 hour', '1 min', '1970-01-01'),
	('4713-01-01 BC', '01:02', '01:02', '01:02', '01:02', '01:02', '01:02', '24:00:00+00', '24:00:00+00', '24:00:00+00', '4713-01-01 BC', '4713-01-01 BC', '4713-01-01 BC', '4713-01-01 BC', '4713-01-01 BC', '4713-01-01 BC',
	 '4713-01-01+00 BC', '4713-01-01+00 BC', '4713-01-01+00 BC', '4713-01-01+00 BC', '4713-01-01+00 BC', '4713-01-01+00 BC', '1 year', '1 day', '1970-01-01');
INSERT INTO ty.tim DEFAULT VALUES;
UPDATE ty.tim SET t = '01:00' WHERE id = 1;
DELETE FROM ty.tim WHERE id = 1;
ALTER TABLE ty.tim REPLICA IDENTITY FULL;
UPDATE ty.tim SET t = '01:00' WHERE id IN (2, 4);
UPDATE ty.far SET t = '01:00';
DELETE FROM ty.far WHERE d > '2000-01-01';
DELETE FROM ty.tim WHERE id IN (2, 3);
INSERT INTO ty.misc (u, j, jb, x, e, inet, cidr, mac, mac8, i4r, i8r, nr, tsr, tstzr, dr, p, hst, lt, isbn, tsv) VALUES
	('A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a" : 1,  "b":[1,2]}', '{"b":[1,2],"a":1.50}', '<a>1</a>', 'ok', '192.168.2.0/12', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05',
	 '[1,5]', '[1,5)', '[1.5,2.5]', '[2019-03-31 15:30:00, infinity)', '[2017-06-05 11:29:12.549426+00,)', '[2019-03-31,2019-04-30]', '(1.5,-2)', '"k"=>"v","n"=>NULL,"z"=>"1"', 'a.b.c', '978-0-393-04002-9', 'fat cat:2'),
	('00000000-0000-0000-0000-000000000000', '"\u0000"', '"\\u0000"', '<a b="&lt;">é😀</a>', 'ang''ry, "x"', '::1', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00:00:00',
	 'empty', '(,)', '(,1.5]', 'empty', '(-infinity,infinity)', '[,2019-01-01)', '(0,-0)', '', '', '978-0-393-04002-9', ''),
	('ffffffff-ffff-ffff-ffff-ffffffffffff', 'null', '{"x": "é😀\n\"", "big": 123456789012345678901234567890, "e": 1e30, "n": null, "o": {}, "l": []}', 'text', 'happy', '10.0.0.1', '10.0.0.1', '00:00:00:00:00:00', '08:00:2b:ff:fe:01:02:03',
	 '[1,)', '[-9223372036854775808,)', '[1e400,)', '(,)', '(,)', '(,)', '(NaN,Infinity)', '"q\"uo"=>"a,b=>c", ""=>"", "é"=>"😀"', 'A.B_1', '978-0-393-04002-9', '''it''''s'':1A,2B');
INSERT INTO ty.misc DEFAULT VALUES;
UPDATE ty.misc SET j = '[]' WHERE id = 1;
DELETE FROM ty.misc WHERE id = 1;
ALTER TABLE ty.misc REPLICA IDENTITY FULL;
UPDATE ty.misc SET j = '[]' WHERE id IN (2, 3);
DELETE FROM ty.misc WHERE id = 2;
INSERT INTO ty.unk (u_comp, u_mr, u_fr, u_line, u_lseg, u_box, u_path, u_poly, u_circle, u_cube, u_tsq, u_lsn, u_snap, u_class, u_xid, u_jp, u_xid8, known,
		u_amoney, u_aiv, u_ap, u_ax, u_avb, u_anm, u_acomp, u_adom) VALUES
	('(1,"x y")', '{[1,3),[5,7)}', '[1.5,2)', '{1,-1,0}', '((0,0),(1,1))', '((0,0),(1,1))', '((0,0),(0,1),(0,2))', '((0,0),(0,1),(1,1))', '<(10,4),10>', '(1,2)', 'fat & cat', '0/16B3748', '10:20:10,14', 'pg_class', '5'::xid, '$.a', '5'::xid8, 1,
	 ARRAY['$1.50'::money], ARRAY['1 day'::interval], ARRAY['(1,2)'::point], ARRAY['<a/>'::xml], ARRAY[B'101'::varbit], ARRAY['n'::name], ARRAY[ROW(1, 'x')::ty.comp], '{1.5}');
INSERT INTO ty.unk (known) VALUES (2);
UPDATE ty.unk SET known = 3;
DELETE FROM ty.unk WHERE id = 1;
INSERT INTO ty.arr (i2, i4, i8, f4, f8, ok, n10_2, n, t, vc, c, d, tm, tz, ts, ts3, tstz, u, j, jb, e, inet, i4r, b, ahst, lt, o, ci) VALUES
	('{1,NULL,3}', '{1,2}', '{9223372036854775807}', '{1.5,NaN}', '{1.5,Infinity}', '{t,f,NULL}', '{1.2,3.45}', '{1.1,2.22,100}', '{"a","b,c",NULL,"NULL","","{}","\"","\\","é😀"}', '{x}', '{ab}',
	 '{2024-02-29}', '{00:01:02}', '{13:51:30+02}', '{"2020-04-01 00:01:02"}', '{"2020-04-01 00:01:02.123"}', '{"2020-04-01 13:51:02+02"}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
	 ARRAY['{"a": 1}']::json[], ARRAY['{"a": 1}']::jsonb[], '{sad,happy}', '{10.0.0.1}', '{"[1,5)"}', ARRAY['\x0102'::bytea], ARRAY['k=>v'::hstore], '{a.b}', '{1,4000000000}', '{Ab}'),
	('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
	('{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', NULL, '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}'),
	('[0:1]={1,2}', '[2:3]={5,6}', '[-1:0]={7,8}', '{-0}', '{1e-7,1e20,-Infinity}', '{t}', '{0,-0.01}', '{1e20,1e-20}', '[5:5]={x}', '{""}', '{""}',
	 '{infinity,-infinity,"0044-03-15 BC"}', '{24:00:00}', '{00:00:00-15:59}', '{infinity,-infinity}', '{infinity}', '{infinity,-infinity,"0044-03-15 12:00:00+00 BC"}', '{}', '{}', '{}', '{}', '{::1/128}', '{empty,"(,)"}', ARRAY[''::bytea], '{}', '{""}', '{0}', '{""}');
INSERT INTO ty.arr DEFAULT VALUES;
UPDATE ty.arr SET i2 = '{9}' WHERE id = 1;
DELETE FROM ty.arr WHERE id = 1;
ALTER TABLE ty.arr REPLICA IDENTITY FULL;
UPDATE ty.arr SET i2 = '{9}' WHERE id = 2;
DELETE FROM ty.arr WHERE id IN (2, 3);
INSERT INTO ty.arr2 VALUES (1, '{{1,2},{3,4}}', '{{a,NULL},{b,"c,d"}}', '{1}', '{101,001}'), (2, '{{{1},{2}}}', '{{a}}', '{}', '{}'), (3, NULL, NULL, NULL, NULL);
INSERT INTO ty.nn VALUES
	(1, 1, 1, 1, 1, 1, true, 1, 1, 1, '$1', 'c', 'c', 'v', 't', 'c', '\x01', '1', '00000001', '1', '2020-01-01', '1:00', '1:00', '1:00+00', '2020-01-01', '2020-01-01', '2020-01-01+00', '2020-01-01+00',
	 '1 day', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '1', '1', '<a/>', 'happy', '10.0.0.1', '08:00:2b:01:02:03', '[1,2)', '(1,2)', 'a=>b', 'a', '{1}', '{a}', 1);
INSERT INTO ty.nn SELECT 2, i2, i4, i8, f4, f8, ok, o, n10_2, n, m, c, c5, vc, t, ci, b, bit1, bit8, vb, d, tm, t3, tz, ts, ts3, tstz, tstz3, iv, u, j, jb, x, e, inet, mac, i4r, p, hst, lt, ai, at, dn FROM ty.nn;
UPDATE ty.nn SET i4 = 2 WHERE id = 1;
UPDATE ty.nn SET id = 3 WHERE id = 1;
DELETE FROM ty.nn WHERE id = 3;
ALTER TABLE ty.nn REPLICA IDENTITY FULL;
DELETE FROM ty.nn;
INSERT INTO ty.df (id) VALUES (1), (2);
UPDATE ty.df SET i2 = 3 WHERE id = 1;
UPDATE ty.df SET id = 3 WHERE id = 1;
DELETE FROM ty.df WHERE id = 3;
UPDATE ty.df SET i4 = NULL, f4 = NULL, ok2 = NULL, n = NULL, m = NULL, c5 = NULL, t = NULL, te = NULL, tn = NULL, d = NULL, tm = NULL, ts = NULL, ts3 = NULL, tstz2 = NULL,
	iv = NULL, u = NULL, jb = NULL, b = NULL, bit1 = NULL, inet = NULL, ai = NULL, dn3 = NULL WHERE id = 2;
ALTER TABLE ty.df REPLICA IDENTITY FULL;
DELETE FROM ty.df;
INSERT INTO ty.gen (id, a) VALUES (1, 1), (2, NULL);
UPDATE ty.gen SET a = 5 WHERE id = 1;
DELETE FROM ty.gen WHERE id = 1;
