-- A clinic's users and the events of their prostheses, to an analytical database.
CREATE TABLE users (
    id SERIAL PRIMARY KEY, user_uuid VARCHAR(36) UNIQUE NOT NULL, name VARCHAR(100), email VARCHAR(100), age INTEGER, gender VARCHAR(10),
    country VARCHAR(100), address TEXT, phone VARCHAR(50), registered_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE telemetry_events (
    id SERIAL PRIMARY KEY, event_uuid UUID NOT NULL, user_uuid VARCHAR(36) NOT NULL, prosthesis_type VARCHAR(50), muscle_group VARCHAR(50),
    signal_frequency INTEGER, signal_duration INTEGER, signal_amplitude NUMERIC(5,2), created_ts TIMESTAMP NOT NULL, saved_ts TIMESTAMP NOT NULL DEFAULT now()
);
-- DML
INSERT INTO users (user_uuid, name, email, age, gender, country, address, phone, registered_at)
	SELECT md5(i::text)::uuid::text, 'Имя ' || i, 'user' || i || '@example.com', 18 + i % 60, CASE WHEN i % 2 = 0 THEN 'male' ELSE 'female' END, 'Россия',
		E'ул. Ленина\nд. ' || i, '+7 900 ' || i, timestamp '2025-01-01' + i * interval '1.000001 s' FROM generate_series(1, 100) i;
INSERT INTO telemetry_events (event_uuid, user_uuid, prosthesis_type, muscle_group, signal_frequency, signal_duration, signal_amplitude, created_ts, saved_ts)
	SELECT md5('e' || i)::uuid, md5((i % 100)::text)::uuid::text, 'arm', 'biceps', i, 100 + i, i / 100.0, timestamp '2025-01-01' + i * interval '0.001 s', timestamp '2025-02-01 00:00:00.123456'
	FROM generate_series(1, 300) i;
UPDATE users SET age = age + 1 WHERE id <= 10;
DELETE FROM telemetry_events WHERE id <= 5;
DELETE FROM users WHERE id <= 3;
