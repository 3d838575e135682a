"""examples/pipeline-b end to end: two servers, two connectors' JSON as they stand, envelopes with schemas, read as ClickHouse's views read them."""
import json
import re
from pathlib import Path

import pytest

from harness.postgres import Database

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/pipeline-b"
COUNTS = {"crm": 1000, "telemetry": 10000}
TABLES = {"crm": "users", "telemetry": "telemetry_events"}
TOPICS = {name: f"{name}.public.{table}" for name, table in TABLES.items()}
TIMES = {"registered_at", "created_ts", "saved_ts"}


class Server:
    """One of the two: its database as the example makes it, its connector with host and port replaced, nothing else."""

    def __init__(self, name, cluster, broker, directory):
        self.name, self.table, self.topic, self.slot = name, TABLES[name], TOPICS[name], f"debezium_{name}"
        self.db = Database(cluster, f"{name}_db")
        self.db.sql((EXAMPLE / f"{name}.sql").read_text())
        text, hosts = re.subn(r'("database.hostname": )"[^"]*"', r'\1"127.0.0.1"', (EXAMPLE / f"{name}.json").read_text())
        text, ports = re.subn(r'("database.port": )"5432"', rf'\1"{cluster.port}"', text)
        assert (hosts, ports) == (1, 1)
        config = directory / f"{name}.json"
        config.write_text(text)
        self.args = "--config", config, "--kafka", broker.address

    def rows(self):
        names = self.db.value("SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", (self.table,))
        columns = [f"(extract(epoch FROM {n}) * 1000000)::bigint" if n in TIMES else f"{n}::float8" if n == "signal_amplitude" else n for n in names]
        return [dict(zip(names, row)) for row in self.db.sql(f"SELECT {', '.join(columns)} FROM {self.table} ORDER BY id")]

    def published(self, broker, op):
        """What the views make of the topic: payload → after, for the operations they take."""
        with broker.reader(self.topic) as reader:
            reader.read_count(COUNTS[self.name], 120)
            bodies = [json.loads(r.value) for r in reader.read_all()]
        assert all(set(b) == {"schema", "payload"} and b["payload"]["op"] == op for b in bodies)
        return sorted((b["payload"]["after"] for b in bodies), key=lambda row: row["id"])


@pytest.fixture
def servers(make_cluster, broker, tmp_path):
    broker.delete_topics([t for t in broker.topics() if re.search(r"(^|[-.])(crm|telemetry)\.", t)])
    return [Server(name, make_cluster(), broker, tmp_path) for name in COUNTS]


def test_streamed_into_absent_topics_and_then_by_snapshot(servers, launch, command, broker):
    for server in servers:
        # with the grants of a Debezium connector one is missing, and check prints it
        code, out, err = command("check", *server.args)
        grants = re.findall(r"GRANT [^;]*;", out + err)
        assert code == 3 and len(grants) == 1, out + err
        server.db.sql(grants[0])
        code, out, err = command("check", *server.args)
        assert code == 0, out + err
    assert not set(TOPICS.values()) & set(broker.topics())
    shippers = [launch(*server.args).wait_ready() for server in servers]
    for server, data in zip(servers, ("users.sql", "events.sql")):
        server.db.sql((EXAMPLE / data).read_text())
    for server, shipper in zip(servers, shippers):
        found = server.published(broker, "c")
        assert found == server.rows()
        assert all(isinstance(v, int) for row in found for k, v in row.items() if k in TIMES)
        assert all(isinstance(row.get("signal_amplitude", 0.0), (int, float)) for row in found)
        assert shipper.metric("reads_total") == 0
        shipper.stop()
    # the same rows, this time there before the connectors
    broker.delete_topics([t for t in broker.topics() if re.search(r"(^|[-.])(crm|telemetry)\.", t)])
    for server in servers:
        server.db.sql("SELECT pg_drop_replication_slot(%s)", (server.slot,))
    for server, shipper in zip(servers, [launch(*server.args).wait_ready() for server in servers]):
        assert server.published(broker, "r") == server.rows()
        assert shipper.metric("reads_total") == COUNTS[server.name]
        shipper.stop()
