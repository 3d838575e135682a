"""examples/pipeline-a end to end: the connector's JSON as it stands, on a server with one walsender and one slot."""
import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from harness.postgres import Database

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/pipeline-a"
PROPERTIES = 17
USERS, ORDERS = "customers.public.users", "customers.public.orders"
POSITION = "__tuplecast-position.customers.debezium"


class Customers(Database):
    """The database that the connector's JSON names, and its role."""

    def __init__(self, cluster):
        cluster.sql("CREATE ROLE \"postgres-user\" LOGIN SUPERUSER PASSWORD 'postgres-pw'")
        super().__init__(cluster, "customers")
        self.slot = "debezium"
        # the rows that are there are read by a function of it
        self.sql("CREATE EXTENSION tuplecast")


@pytest.fixture
def customers(make_cluster):
    return Customers(make_cluster(max_wal_senders=1, max_replication_slots=1))


@pytest.fixture
def connector(customers, broker, tmp_path):
    """The example's two files; host, port and slot replaced, nothing else."""
    text = (EXAMPLE / "connector.json").read_text()
    assert len(re.findall(r'^   "', text, re.M)) == PROPERTIES and text.count("//") >= 10
    text, hosts = re.subn(r'("database.hostname": )"postgres"', r'\1"127.0.0.1"', text)
    text, ports = re.subn(r'("database.port": )"5432"', rf'\1"{customers.cluster.port}"', text)
    assert (hosts, ports) == (1, 1)
    config = tmp_path / "connector.json"
    config.write_text(text)
    worker = tmp_path / "worker.properties"
    worker.write_text((EXAMPLE / "worker.properties").read_text().replace("localhost:9092", broker.address))
    # another test's records must not be taken for this one's
    broker.delete_topics([t for t in (USERS, ORDERS, POSITION) if t in broker.topics()])
    return "--config", config, "--config", worker


def consume(broker, count):
    """The lines that the example's consumer prints."""
    done = subprocess.run([sys.executable, EXAMPLE / "consumer.py", "--brokers", broker.address, "--group", f"g{uuid.uuid4()}",
                           "--count", str(count)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def records(lines, topic):
    parsed = [json.loads(line) for line in lines]
    return [(r["key"], r["message"]) for r in sorted(parsed, key=lambda r: r["offset"]) if r["topic"] == topic]


def rows(db, table, time):
    """The table as messages."""
    columns = {"users": "id, name, email", "orders": "id, user_id, product_name, quantity"}[table]
    names = [c.strip() for c in columns.split(",")] + [time]
    selected = db.sql(f"SELECT {columns}, (extract(epoch FROM {time}) * 1000000)::bigint FROM {table} ORDER BY id")
    return [({"id": row[0]}, {**dict(zip(names, row)), "__deleted": "false"}) for row in selected]


def prepare(customers, launch, connector):
    shipper = launch(*connector).wait_ready()
    customers.sql((EXAMPLE / "schema.sql").read_text())
    return shipper


def test_the_inserts_arrive_in_the_form_of_the_document(customers, launch, connector, broker):
    shipper = prepare(customers, launch, connector)
    customers.sql((EXAMPLE / "data.sql").read_text())
    lines = consume(broker, 9)
    assert records(lines, USERS) == rows(customers, "users", "created_at")
    assert records(lines, ORDERS) == rows(customers, "orders", "order_date")
    # the very text of the line, but for what a clock decides
    jane = next(line for line in lines if "Jane" in line)
    assert re.fullmatch(r'\{"topic": "customers\.public\.users", "partition": 0, "offset": 1, "key": \{"id": 2\}, "message": \{"id": 2, '
                        r'"name": "Jane Smith", "email": "jane@example\.com", "created_at": \d{16}, "__deleted": "false"\}, "timestamp": \d{13}\}', jane)
    # under a connector's JSON bytes and headers are Debezium's, without any of our own
    with broker.reader(USERS) as reader:
        reader.read_count(4)
    assert reader.records[0].k == '{"id":1}'
    context = "__debezium.context."
    assert [n for n, _ in reader.records[0].headers] == [context + n for n in ("connectorLogicalName", "taskId", "connectorName", "runId")]
    assert [v for _, v in reader.records[0].headers[:3]] == [b"customers", b"0", b"postgresql"]
    assert re.fullmatch(r'\{"id":1,"name":"John Doe","email":"john@example\.com","created_at":\d{16},"__deleted":"false"\}', reader.records[0].v)
    assert customers.value("SELECT plugin FROM pg_replication_slots WHERE slot_name = 'debezium'") == "tuplecast"
    shipper.stop()


def test_update_and_delete_under_the_default_identity(customers, launch, connector, broker):
    prepare(customers, launch, connector)
    customers.sql("INSERT INTO users (name, email) VALUES ('John Doe', 'john@example.com')")
    customers.sql("UPDATE users SET email = 'doe@example.com' WHERE id = 1")
    updated = rows(customers, "users", "created_at")
    customers.sql("DELETE FROM users WHERE id = 1")
    found = records(consume(broker, 4), USERS)
    assert found[1:] == updated + [
        # the WAL holds the key alone; created_at has a default, of which Debezium makes 0
        ({"id": 1}, {"id": 1, "name": None, "email": None, "created_at": 0, "__deleted": "true"}),
        ({"id": 1}, None),
    ]


def test_update_and_delete_under_full_identity(customers, launch, connector, broker):
    prepare(customers, launch, connector)
    customers.sql("ALTER TABLE users REPLICA IDENTITY FULL")
    customers.sql("INSERT INTO users (name, email) VALUES ('John Doe', 'john@example.com')")
    customers.sql("UPDATE users SET email = 'doe@example.com' WHERE id = 1")
    [(key, row)] = rows(customers, "users", "created_at")
    customers.sql("DELETE FROM users WHERE id = 1")
    found = records(consume(broker, 4), USERS)
    assert found[1:] == [(key, row), (key, {**row, "__deleted": "true"}), (key, None)]


def test_the_log_says_what_has_no_effect_and_check_warns_of_the_identity(customers, launch, connector, command, broker):
    shipper = prepare(customers, launch, connector)
    assert "the snapshot is complete" in shipper.log()
    code, out, err = command("check", *connector)
    assert code == 0, out + err
    assert "REPLICA IDENTITY FULL" in out + err and "public.users" in out + err
