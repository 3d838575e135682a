-- in the manner of the dashboard's database: a Kafka table of raw messages, a view that takes them apart, the table that is asked
CREATE DATABASE debezium;
CREATE TABLE debezium.users (user_id Int64, user_uuid String, name String, email String, age Int64, gender String, country String, address String, phone String,
	registered_at DateTime64(6)) ENGINE = Join(ANY, LEFT, user_uuid);
CREATE TABLE debezium.telemetry_events (id Int64, event_uuid String, user_uuid String, prosthesis_type String, muscle_group String, signal_frequency Int64,
	signal_duration Int64, signal_amplitude Float64, created_ts DateTime64(6), saved_ts DateTime64(6)) ENGINE = ReplacingMergeTree(saved_ts) ORDER BY event_uuid;
CREATE TABLE debezium.users_kafka (payload String) ENGINE = Kafka SETTINGS kafka_broker_list = 'localhost:9092', kafka_topic_list = 'crm.public.users',
	kafka_group_name = 'clickhouse_crm_consumer', kafka_format = 'JSONAsString', kafka_num_consumers = 1, kafka_thread_per_consumer = 1,
	kafka_skip_broken_messages = 1000, kafka_max_block_size = 1048576;
CREATE TABLE debezium.telemetry_events_kafka (payload String) ENGINE = Kafka SETTINGS kafka_broker_list = 'localhost:9092', kafka_topic_list = 'telemetry.public.telemetry_events',
	kafka_group_name = 'clickhouse_telemetry_consumer', kafka_format = 'JSONAsString', kafka_num_consumers = 1, kafka_thread_per_consumer = 1,
	kafka_skip_broken_messages = 1000, kafka_max_block_size = 1048576;
CREATE MATERIALIZED VIEW debezium.users_mv TO debezium.users AS
WITH JSONExtractString(payload, 'payload') AS body, JSONExtractString(body, 'after') AS after
SELECT JSONExtractInt(after, 'id') AS user_id, JSONExtractString(after, 'user_uuid') AS user_uuid, JSONExtractString(after, 'name') AS name,
	JSONExtractString(after, 'email') AS email, JSONExtractInt(after, 'age') AS age, JSONExtractString(after, 'gender') AS gender,
	JSONExtractString(after, 'country') AS country, JSONExtractString(after, 'address') AS address, JSONExtractString(after, 'phone') AS phone,
	fromUnixTimestamp64Micro(JSONExtractUInt(after, 'registered_at')) AS registered_at
FROM debezium.users_kafka WHERE JSONExtractString(body, 'op') IN ('c', 'u', 'r');
CREATE MATERIALIZED VIEW debezium.telemetry_events_mv TO debezium.telemetry_events AS
WITH JSONExtractString(payload, 'payload') AS body, JSONExtractString(body, 'after') AS after
SELECT JSONExtractInt(after, 'id') AS id, JSONExtractString(after, 'event_uuid') AS event_uuid, JSONExtractString(after, 'user_uuid') AS user_uuid,
	JSONExtractString(after, 'prosthesis_type') AS prosthesis_type, JSONExtractString(after, 'muscle_group') AS muscle_group,
	JSONExtractInt(after, 'signal_frequency') AS signal_frequency, JSONExtractInt(after, 'signal_duration') AS signal_duration,
	JSONExtractFloat(after, 'signal_amplitude') AS signal_amplitude, fromUnixTimestamp64Micro(JSONExtractUInt(after, 'created_ts')) AS created_ts,
	fromUnixTimestamp64Micro(JSONExtractUInt(after, 'saved_ts')) AS saved_ts
FROM debezium.telemetry_events_kafka WHERE JSONExtractString(body, 'op') IN ('c', 'u', 'r');
