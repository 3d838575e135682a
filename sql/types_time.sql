-- dates, times, timestamps, in every time.precision.mode
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_types_time', 'tuplecast');
-- settings of the session change nothing
SET datestyle = 'German, DMY';
SET timezone = 'Asia/Kolkata';
CREATE TABLE tt (id int PRIMARY KEY, d date, t time, t0 time(0), t3 time(3), t4 time(4), z timetz, z2 timetz(2), ts timestamp, ts0 timestamp(0), ts3 timestamp(3), ts4 timestamp(4),
	tz timestamptz, tz0 timestamptz(0), tz1 timestamptz(1), tz3 timestamptz(3), tz5 timestamptz(5));
INSERT INTO tt VALUES
	(1, '2024-02-29', '13:51:30.123456', '13:51:30.6', '13:51:30.1234', '13:51:30.12345', '13:51:30.123789+02', '13:51:30.12+02', '2016-11-04 13:51:30.123456', '2016-11-04 13:51:30.6', '2016-11-04 13:51:30.1234', '2016-11-04 13:51:30.12345',
		'2016-11-04 13:51:30.12+02', '2016-11-04 13:51:30+02', '2016-11-04 13:51:30.16+02', '2016-11-04 13:51:30.1+02', '2016-11-04 13:51:30.1+02'),
	(2, '1969-12-31', '00:00:00', '00:00:00', '00:00:00.001', '23:59:59.9999', '00:00:00-15:59', '24:00:00+00', '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59', '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.9999',
		'1969-12-31 23:59:59.999999+00', '1969-12-31 23:59:59+00', '1969-12-31 23:59:59.9+00', '1969-12-31 23:59:59.999+00', '1969-12-31 23:59:59.99999+00'),
	(3, '1970-01-01', '24:00:00', '24:00:00', '24:00:00', '24:00:00', '00:00:00+15:59:59', '12:00:00.5-00:00:01', '1970-01-01', '1970-01-01', '1970-01-01', '1970-01-01', '1970-01-01+00', '1970-01-01+00', '1970-01-01+00', '1970-01-01+00', '1970-01-01+00'),
	(4, '0044-03-15 BC', NULL, NULL, NULL, NULL, NULL, NULL, '0044-03-15 12:00:00.5 BC', '0044-03-15 12:00:00 BC', '0044-03-15 12:00:00.5 BC', '0044-03-15 12:00:00.5 BC', '0044-03-15 12:00:00.5+00 BC', '0044-03-15 12:00:00+00 BC', '0044-03-15 12:00:00.5+00 BC', '0044-03-15 12:00:00.5+00 BC', '0044-03-15 12:00:00.5+00 BC'),
	(5, '0001-12-31 BC', NULL, NULL, NULL, NULL, NULL, NULL, '0001-12-31 23:59:59.999999 BC', '0001-01-01 BC', '0001-01-01 BC', '0001-01-01 BC', '0001-12-31 23:59:59.999999+00 BC', '0001-01-01 00:00+00 BC', '0001-01-01 00:00+00 BC', '0001-01-01 00:00+00 BC', '0001-01-01 00:00+00 BC'),
	(6, '4714-11-24 BC', NULL, NULL, NULL, NULL, NULL, NULL, '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00+00 BC', '4714-11-24 00:00:00+00 BC', '4714-11-24 00:00:00+00 BC', '4714-11-24 00:00:00+00 BC', '4714-11-24 00:00:00+00 BC'),
	(7, '5874897-12-31', NULL, NULL, NULL, NULL, NULL, NULL, '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59', '294276-12-31 23:59:59.999', '294276-12-31 23:59:59.9999', '294276-12-31 23:59:59.999999+00', '294276-12-31 23:59:59+00', '294276-12-31 23:59:59.9+00', '294276-12-31 23:59:59.999+00', '294276-12-31 23:59:59.99999+00'),
	(8, '10000-01-01', NULL, NULL, NULL, NULL, NULL, NULL, '294247-01-10 04:00:54.775807', '9999-12-31 23:59:59', '10000-01-01', '2262-04-11 23:47:16.8547', '10000-01-01+00', '9999-12-31 23:59:59+00', '10000-01-01+00', '10000-01-01+00', '10000-01-01+00'),
	(9, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity'),
	(10, '-infinity', NULL, NULL, NULL, NULL, NULL, NULL, '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', '-infinity'),
	(11, '100000-01-01', NULL, NULL, NULL, NULL, NULL, NULL, '294247-01-10 04:00:54.775808', '99999-12-31 23:59:59', '100000-01-01', '1677-09-21 00:12:43.1453', '99999-12-31 23:59:59.1+00', '100000-01-01+00', '1582-10-04+00', '1582-10-15+00', '1900-02-28 23:59:59+00'),
	(12, '1000000-01-01', NULL, NULL, NULL, NULL, NULL, NULL, '2262-04-11 23:47:16.854775', '2262-04-12', '1677-09-21', '2000-01-01', '2000-02-29+00', '1999-12-31 23:59:59+00', '2100-02-28 23:59:59.9+00', '2400-02-29+00', '0001-01-01+00');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p', 'time.precision.mode', 'adaptive_time_microseconds') LIMIT 3;
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p', 'time.precision.mode', 'connect');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p', 'time.precision.mode', 'isostring');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p', 'time.precision.mode', 'microseconds');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p', 'time.precision.mode', 'nanoseconds');
-- what can be read back, reads back
SELECT count(*), count(*) FILTER (WHERE CASE WHEN v->>'tz' ~ '^(\d{4}-|-?infinity)' AND v->>'tz' !~ '^0000' THEN (v->>'tz')::timestamptz = tz END) AS timestamptz,
	count(*) FILTER (WHERE '1970-01-01'::date + (v->>'d')::int = d) AS date
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p')) r
	JOIN tt ON id = (v->>'id')::int WHERE isfinite(d);
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p');
-- every day of 800 years, against the server's own calendar
CREATE TABLE tt_days (d date);
INSERT INTO tt_days SELECT '1600-01-01'::date + i FROM generate_series(0, 292195) i;
SELECT count(*), bool_and(data::json->'value'->>'d' = to_char(d, 'YYYY-MM-DD"Z"'))
	FROM pg_logical_slot_get_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p', 'time.precision.mode', 'isostring') WITH ORDINALITY AS c (lsn, xid, data, o)
	JOIN (SELECT d, row_number() OVER (ORDER BY d) AS o FROM tt_days) t USING (o);
-- intervals
CREATE TABLE ti (id int PRIMARY KEY, i interval, i3 interval(3), y interval year, s interval day to second(0));
INSERT INTO ti VALUES
	(1, '1 year 2 mons 3 days 04:05:06.78', '1.2345 sec', '3 years', '1 day 1.6 sec'),
	(2, '-1 day 00:00:01.5', '0', '0', '0'),
	(3, '1 mon', '-1 mon', '-1 year', '-00:00:01'),
	(4, '-1 year -2 mons -3 days -04:05:06.000001', '-0.001 sec', NULL, '-0.5 sec'),
	(5, '178000000 years', '-178000000 years', '178000000 years', '2147483647 days 23:59:59'),
	(6, '2562047788:00:54.775807', '-2562047788:00:54.775', NULL, NULL),
	(7, '00:59:59.999999', '1 day -1 sec', '13 mons', '100:00:00'),
	(8, '-00:00:00.000001', '14 mons -40 days', NULL, NULL),
	(9, '1000000 days 2562047788:00:54', '-100000000 years -2562047788:00:54', NULL, NULL);
SET intervalstyle = 'sql_standard';
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p');
SELECT data::json->'value' FROM pg_logical_slot_get_changes('regress_types_time', NULL, NULL, 'topic.prefix', 'p', 'interval.handling.mode', 'numeric');
DROP TABLE tt, tt_days, ti;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_types_time');
