"""The heartbeat topic, byte by byte, and heartbeat.action.query."""
import json
import time

import pytest

from harness.wait import wait_until

KEY_SCHEMA = ('{"type":"struct","fields":[{"type":"string","optional":false,"field":"serverName"}],"optional":false,'
              '"name":"io.debezium.connector.common.ServerNameKey","version":1}')
VALUE_SCHEMA = ('{"type":"struct","fields":[{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,'
                '"name":"io.debezium.connector.common.Heartbeat","version":1}')


def beats(broker, topic, count=3):
    with broker.reader(topic) as reader:
        return reader.read_until(lambda records: len(records) >= count)[:count]


def test_an_idle_database_beats(db, run, broker):
    before = time.time() * 1000
    run(db, "--heartbeat.interval.ms=100", "--headers.identity=false")
    records = beats(broker, f"__debezium-heartbeat.{db.prefix}")
    for r in records:
        assert r.k == f'{{"serverName":"{db.prefix}"}}'
        assert r.v == f'{{"ts_ms":{json.loads(r.v)["ts_ms"]}}}'
        assert (r.partition, r.headers) == (0, ())
    times = [json.loads(r.v)["ts_ms"] for r in records]
    assert before <= times[0] and times == sorted(times)
    # on average; a single one may come late
    assert times[2] - times[0] >= 100


def test_schemas_prefix_and_name(db, run, broker, launch):
    run(db, "--heartbeat.interval.ms=100", "--key.schemas.enable=true", "--value.schemas.enable=true", "--topic.heartbeat.prefix=__beat")
    r = beats(broker, f"__beat.{db.prefix}", 1)[0]
    assert r.k == f'{{"schema":{KEY_SCHEMA},"payload":{{"serverName":"{db.prefix}"}}}}'
    ts = json.loads(r.v)["payload"]["ts_ms"]
    assert r.v == f'{{"schema":{VALUE_SCHEMA},"payload":{{"ts_ms":{ts}}}}}'


def test_the_whole_name(db, run, broker):
    topic = f"{db.prefix}-beats"
    broker.create_topic(topic, partitions=3)
    run(db, "--heartbeat.interval.ms=50", f"--topic.heartbeat.name={topic}")
    assert {r.partition for r in beats(broker, topic, 5)} == {0}


@pytest.mark.sanitize
def test_beats_do_not_change_what_is_published_and_confirmed(db, run, broker):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    shipper = run(db, "--heartbeat.interval.ms=20")
    for i in range(20):
        db.sql("INSERT INTO t SELECT generate_series(%s::int, %s::int)", (i * 100, i * 100 + 99))
    with broker.reader(db.topic("t")) as reader:
        records = reader.read_count(2000)
    assert [json.loads(r.k)["id"] for r in records] == list(range(2000))
    db.wait_confirmed()
    beats(broker, f"__debezium-heartbeat.{db.prefix}", 3)
    assert shipper.metric("records_total") == 2000
    shipper.stop()


def test_a_topic_that_cannot_be_made_is_told(db, run, make_broker):
    server = make_broker(auto__create__topics__enable="false")
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    server.create_topic(db.topic("t"))
    shipper = run(db, "--heartbeat.interval.ms=100", kafka=server, wait=False)
    db.wait_confirmed if False else None
    shipper.wait_log(f"__debezium-heartbeat.{db.prefix}")


def test_the_action_query(db, run, broker):
    db.sql("CREATE TABLE beat (id int PRIMARY KEY, n int); INSERT INTO beat VALUES (1, 0)")
    run(db, "--heartbeat.interval.ms=100", "--heartbeat.action.query=UPDATE beat SET n = n + 1")
    with broker.reader(db.topic("beat")) as reader:
        records = reader.read_until(lambda records: len(records) >= 3)
    assert [json.loads(r.v)["n"] for r in records[:3]] == [1, 2, 3]


def test_its_connection_lost_is_made_again(db, run):
    db.sql("CREATE TABLE beat (id int PRIMARY KEY, n int); INSERT INTO beat VALUES (1, 0)")
    run(db, "--heartbeat.interval.ms=50", "--heartbeat.action.query=UPDATE beat SET n = n + 1")
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'UPDATE beat%%' AND pid <> pg_backend_pid()"
    pid = wait_until(lambda: db.value(query))
    db.sql("SELECT pg_terminate_backend(%s)", (pid,))
    n = db.value("SELECT n FROM beat")
    wait_until(lambda: db.value("SELECT n FROM beat") > n + 2)
    assert db.value(query) != pid


def test_its_errors_are_told_once_a_minute_and_harm_nothing(db, run, broker):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    shipper = run(db, "--heartbeat.interval.ms=20", "--heartbeat.action.query=INSERT INTO nowhere VALUES (1)")
    beats(broker, f"__debezium-heartbeat.{db.prefix}", 20)
    db.sql("INSERT INTO t VALUES (1)")
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(1)
    assert shipper.log().count("heartbeat.action.query failed") == 1
    assert 'nowhere\\" does not exist' in shipper.log()
    shipper.stop()


def test_no_connection_without_a_query(db, run, broker):
    run(db, "--heartbeat.interval.ms=50", "--wal.watch.interval.ms=0")
    beats(broker, f"__debezium-heartbeat.{db.prefix}", 3)
    assert db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tuplecast'") == 1


def test_under_a_connectors_json(db, launch, broker, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "database.hostname": "127.0.0.1",
        "database.port": str(db.cluster.port), "database.user": "postgres", "database.dbname": db.name, "topic.prefix": db.prefix,
        "slot.name": db.slot, "plugin.name": "pgoutput", "snapshot.mode": "never", "heartbeat.interval.ms": "100",
        "heartbeat.topics.prefix": "__old"}))
    (tmp_path / "c.json").chmod(0o644)
    tmp_path.chmod(0o755)
    launch("--config", tmp_path / "c.json", "--kafka", broker.address).wait_ready()
    r = beats(broker, f"__old.{db.prefix}", 1)[0]
    assert json.loads(r.k)["payload"] == {"serverName": db.prefix} and list(json.loads(r.v)) == ["schema", "payload"]
    assert r.headers == ()
