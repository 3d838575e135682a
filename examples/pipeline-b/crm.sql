-- crm_db, by its owner; the role has what a Debezium connector needs, no more
CREATE TABLE users (
	id SERIAL PRIMARY KEY,
	user_uuid VARCHAR(36) UNIQUE NOT NULL,
	name VARCHAR(100) NOT NULL,
	email VARCHAR(100) UNIQUE NOT NULL,
	age INTEGER,
	gender VARCHAR(10),
	country VARCHAR(100),
	address TEXT,
	phone VARCHAR(50),
	registered_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE USER debezium_user WITH PASSWORD 'debezium_password' REPLICATION;
GRANT CONNECT ON DATABASE crm_db TO debezium_user;
GRANT USAGE ON SCHEMA public TO debezium_user;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO debezium_user;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO debezium_user;
CREATE PUBLICATION crm_debezium_publication FOR ALL TABLES;
-- for the rows that are there already
CREATE EXTENSION tuplecast;
