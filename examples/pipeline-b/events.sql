-- 10,000 events of them
INSERT INTO telemetry_events (event_uuid, user_uuid, prosthesis_type, muscle_group, signal_frequency, signal_duration, signal_amplitude, created_ts, saved_ts)
SELECT md5('event' || i)::uuid, md5('user' || 1 + i % 1000)::uuid, CASE WHEN i % 2 = 0 THEN 'arm' ELSE 'leg' END, 'biceps', i, 100 + i, i % 500 / 100.0,
	timestamp '2025-01-01' + i * interval '0.001 s', timestamp '2025-02-01 00:00:00.123456' + i * interval '1 us'
FROM generate_series(1, 10000) i;
