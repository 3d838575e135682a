"""clickhouse.sql with ClickHouse in this process (pip install chdb): python clickhouse.py HOST:PORT [SECONDS]

The Kafka tables read the topics as a server's would; what the views select is inserted here, as nothing runs in the background of an embedded ClickHouse.
"""
import sys
import tempfile
import time
from pathlib import Path

from chdb import session

brokers, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60
text = "\n".join(line for line in (Path(__file__).parent / "clickhouse.sql").read_text().splitlines() if not line.startswith("--"))
statements = [s.strip() for s in text.replace("localhost:9092", brokers).split(";") if s.strip()]
clickhouse = session.Session(tempfile.mkdtemp())
views = [s for s in statements if s.startswith("CREATE MATERIALIZED VIEW")]
for statement in statements:
    if statement in views:
        continue
    try:
        clickhouse.query(statement)
    except Exception as e:
        # a Kafka table is there all the same, but for its work in the background
        if "ENGINE = Kafka" not in statement or "Shutdown was called" not in str(e):
            raise
wanted = {"debezium.users": 1000, "debezium.telemetry_events": 10000}
for view in views:
    target = view.split(" TO ")[1].split(" AS")[0]
    end = time.monotonic() + seconds
    count = 0
    while count < wanted[target]:
        if time.monotonic() > end:
            sys.exit(f"{target}: {count} rows of {wanted[target]}")
        clickhouse.query(f"INSERT INTO {target} {view.split(' AS', 1)[1]} SETTINGS stream_like_engine_allow_direct_select = 1")
        count = int(str(clickhouse.query(f"SELECT count() FROM {target}")))
print(clickhouse.query("SELECT count(), sum(user_id), min(registered_at), max(registered_at) FROM debezium.users"), end="")
print(clickhouse.query("SELECT count(), sum(signal_amplitude), min(created_ts), max(saved_ts), uniq(user_uuid) FROM debezium.telemetry_events FINAL"), end="")
print(clickhouse.query("SELECT u.name, count(), round(avg(e.signal_amplitude), 2) FROM debezium.telemetry_events e ANY LEFT JOIN debezium.users u USING user_uuid "
                       "GROUP BY 1 ORDER BY 1 LIMIT 3"), end="")
