-- telemetry_db, by its owner; the role has what a Debezium connector needs, no more
CREATE TABLE telemetry_events (
	id SERIAL PRIMARY KEY,
	event_uuid VARCHAR(36) UNIQUE NOT NULL,
	user_uuid VARCHAR(36) NOT NULL,
	prosthesis_type VARCHAR(50),
	muscle_group VARCHAR(50),
	signal_frequency INTEGER,
	signal_duration INTEGER,
	signal_amplitude NUMERIC(5,2),
	created_ts TIMESTAMP NOT NULL,
	saved_ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE USER debezium_user WITH PASSWORD 'debezium_password' REPLICATION;
GRANT CONNECT ON DATABASE telemetry_db TO debezium_user;
GRANT USAGE ON SCHEMA public TO debezium_user;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO debezium_user;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO debezium_user;
CREATE PUBLICATION telemetry_debezium_publication FOR ALL TABLES;
-- for the rows that are there already
CREATE EXTENSION tuplecast;
