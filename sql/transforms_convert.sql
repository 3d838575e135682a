-- transforms of values: masks, casts, timestamps, time zones
SET synchronous_commit = on;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_convert', 'tuplecast');
CREATE TABLE cv (id int PRIMARY KEY, b boolean, i2 smallint, i8 bigint DEFAULT 7, f4 real, f8 float8, n numeric(10,2), t text, by bytea, a int[], u uuid);
INSERT INTO cv VALUES (1, true, -300, 9007199254740993, 1.5, 1e10, 12.34, 'text', '\x0102', '{1,2}', '4d47e190-0402-4048-bc2c-89dd54343cdc');
INSERT INTO cv VALUES (2, false, 0, NULL, 'NaN', '-Infinity', -0.99, '42', '\x', '{}', NULL);
INSERT INTO cv VALUES (3, NULL, NULL, 1, 2.75, -3e9, 99999999.99, ' 1.5', NULL, NULL, NULL);
\set get 'SELECT data::json->''value'' FROM pg_logical_slot_peek_changes(''regress_convert'', NULL, NULL, ''topic.prefix'', ''p'', ''delete.tombstone.handling.mode'', ''tombstone'', ''table.include.list'', ''public.cv'''
:get, 'decimal.handling.mode', 'precise', 'transforms', 'mask-field of=value fields=b,i2,i8,f4,f8,n,t,a,u,absent');
:get, 'transforms', 'mask-field of=value fields=i8,f4,f8,t,u replacement=17');
:get, 'transforms', 'mask-field of=value fields=by', 'binary.handling.mode', 'bytes');
:get, 'transforms', 'mask-field of=value fields=i8 replacement=x');
:get, 'transforms', 'mask-field of=value fields=b replacement=1');
:get, 'decimal.handling.mode', 'precise', 'transforms', 'cast of=value spec=b:string,i2:string,i8:string,f4:string,f8:string,n:string,t:string,by:string', 'binary.handling.mode', 'bytes');
:get, 'decimal.handling.mode', 'precise', 'transforms', 'cast of=value spec=b:int8,i2:int8,i8:int32,f4:int64,f8:int32,n:int32,t:int16');
:get, 'decimal.handling.mode', 'precise', 'transforms', 'cast of=value spec=b:float64,i2:float32,i8:float64,f4:float64,f8:float32,n:float64,t:float64');
:get, 'decimal.handling.mode', 'precise', 'transforms', 'cast of=value spec=b:boolean,i2:boolean,i8:boolean,f4:boolean,f8:boolean,n:boolean,t:boolean');
SELECT data::json->'key', data::json->'value'->'schema'->'fields'->3 FROM pg_logical_slot_peek_changes('regress_convert', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'public.cv', 'connector.compat', 'true', 'value.schemas.enable', 'true', 'key.schemas.enable', 'true', 'transforms', 'cast of=value spec=i8:string; cast of=key spec=id:string') LIMIT 1;
:get, 'transforms', 'cast of=value spec=i8:decimal');
:get, 'transforms', 'cast of=value spec=string');
:get, 'transforms', 'cast of=value spec=a:string');
-- timestamps
CREATE TABLE cvt (id int PRIMARY KEY, ts timestamp, ts3 timestamp(3), tz timestamptz, ttz timetz, d date, s text);
INSERT INTO cvt VALUES (1, '2024-07-02 03:04:05.678901', '2024-01-02 03:04:05.5', '2024-07-02 03:04:05.6789Z', '12:34:56.5+02', '2024-02-03', '02/Jul/24 15:04');
INSERT INTO cvt VALUES (2, '1969-12-31 23:59:59.9995', 'infinity', 'infinity', '00:00:00Z', '1969-12-31', 'nonsense');
\set get 'SELECT data::json->''value'' FROM pg_logical_slot_peek_changes(''regress_convert'', NULL, NULL, ''topic.prefix'', ''p'', ''delete.tombstone.handling.mode'', ''tombstone'', ''table.include.list'', ''public.cvt'''
:get, 'transforms', 'timestamp-converter of=value field=ts target.type=string unix.precision=microseconds format=yyyy-MM-dd%27T%27HH:mm:ss.SSSXXX; timestamp-converter of=value field=ts3 target.type=unix unix.precision=milliseconds; timestamp-converter of=value field=s target.type=unix format=dd/MMM/yy%20HH:mm');
:get, 'transforms', 'timestamp-converter of=value field=ts target.type=Date unix.precision=microseconds; timestamp-converter of=value field=ts3 target.type=Time; timestamp-converter of=value field=s target.type=Timestamp format=dd/MMM/yy%20HH:mm', 'value.schemas.enable', 'true') LIMIT 1;
:get, 'time.precision.mode', 'connect', 'transforms', 'timestamp-converter of=value field=d target.type=string format=EEEE,%20d%20MMMM%20yyyy%20D%20%27o%27%27clock%27; timestamp-converter of=value field=ts target.type=string format=h:mm%20a%20z; cast of=value spec=ts3:string');
:get, 'transforms', 'timestamp-converter of=value field=ts target.type=string');
:get, 'transforms', 'timestamp-converter of=value field=ts target.type=string format=yyyy-ww');
:get, 'transforms', 'timestamp-converter of=value field=d target.type=unix');
:get, 'transforms', 'timestamp-converter of=value field=ts target.type=epoch');
:get, 'transforms', 'timestamp-converter of=value field=ts target.type=unix unix.precision=days');
-- time zones
:get, 'format', 'flat', 'transforms', 'timezone-converter converted.timezone=+08:00; unwrap');
:get, 'format', 'flat', 'transforms', 'timezone-converter converted.timezone=America/New_York include.list=source:cvt:tz,source:cvt:ts; unwrap');
:get, 'format', 'flat', 'transforms', 'timezone-converter converted.timezone=Asia/Kolkata exclude.list=topic:p.public.cvt:tz,topic:p.public.cvt:ttz; unwrap') LIMIT 1;
:get, 'format', 'flat', 'transforms', 'timezone-converter converted.timezone=Asia/Kolkata exclude.list=source:cvt; unwrap') LIMIT 1;
:get, 'format', 'flat', 'transforms', 'unwrap; timezone-converter converted.timezone=Asia/Kolkata') LIMIT 1;
SELECT data::json->'value'->'after' FROM pg_logical_slot_peek_changes('regress_convert', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'table.include.list', 'public.cvt', 'transforms', 'timezone-converter converted.timezone=-03:30') LIMIT 1;
:get, 'transforms', 'timezone-converter converted.timezone=+08:00');
:get, 'format', 'envelope', 'transforms', 'timezone-converter converted.timezone=Atlantis/Centre');
-- clocks of the source block, where they are named: behind unwrap, too
SELECT (v->>'__source_ts_us')::bigint - (v->>'__c_ms')::bigint * 1000 BETWEEN 19799000000 AND 19801000000, (v->>'__source_ts_us')::bigint / 60000000 = (v->>'__c_ms')::bigint / 60000 + 330
	FROM (SELECT data::json->'value' AS v FROM pg_logical_slot_peek_changes('regress_convert', NULL, NULL, 'topic.prefix', 'p', 'format', 'flat', 'table.include.list', 'public.cvt', 'add.fields', 'source.ts_us,source.ts_ms:c_ms', 'transforms', 'timezone-converter converted.timezone=+05:30 include.list=source:cvt:source.ts_us,cv:source.ts_ms; unwrap') LIMIT 1) r;
SELECT (s->>'ts_us')::bigint / 1000 = (s->>'ts_ms')::bigint, (s->>'ts_ns')::bigint / 1000000 - (s->>'ts_ms')::bigint BETWEEN -12600000 AND -12599999
	FROM (SELECT data::json->'value'->'source' AS s FROM pg_logical_slot_peek_changes('regress_convert', NULL, NULL, 'topic.prefix', 'p', 'format', 'envelope', 'table.include.list', 'public.cvt', 'transforms', 'timezone-converter converted.timezone=-03:30 include.list=source:cvt:source.ts_ns') LIMIT 1) r;
-- the row before the change, or the one after it
CREATE TABLE cvi (id int PRIMARY KEY, a timestamptz, b timestamptz);
ALTER TABLE cvi REPLICA IDENTITY FULL;
INSERT INTO cvi VALUES (1, '2024-07-02 03:04:05Z', '2024-07-02 03:04:05Z');
UPDATE cvi SET a = '2024-01-02 03:04:05Z';
DELETE FROM cvi;
\set images 'SELECT data::json->''value''->''before'' AS before, data::json->''value''->''after'' AS after FROM pg_logical_slot_peek_changes(''regress_convert'', NULL, NULL, ''topic.prefix'', ''p'', ''format'', ''envelope'', ''tombstones.on.delete'', ''false'', ''table.include.list'', ''public.cvi'', ''transforms'''
:images, 'timezone-converter converted.timezone=+08:00 include.list=source:cvi:before.a');
:images, 'timezone-converter converted.timezone=+08:00 include.list=source:cvi:after.a,cvi:before.b');
:images, 'timezone-converter converted.timezone=+08:00 exclude.list=source:cvi:before.a');
\set get 'SELECT data::json->''value'' FROM pg_logical_slot_peek_changes(''regress_convert'', NULL, NULL, ''topic.prefix'', ''p'', ''table.include.list'', ''public.cvi'''
:get, 'format', 'flat', 'transforms', 'timezone-converter converted.timezone=+08:00 include.list=source:cvi:before.a,cvi:after.b; unwrap');
SELECT 'gone' FROM pg_drop_replication_slot('regress_convert');
DROP TABLE cv, cvt, cvi;
