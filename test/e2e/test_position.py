"""The position topic: how it is made, what it spares, and what is refused when it does not fit the server."""
import json

import pytest
from confluent_kafka import Producer

from harness.wait import wait_until

TABLE = "CREATE TABLE t (id serial PRIMARY KEY, v text)"
MODES = ["exactly-once", "at-least-once"]


def topic_of(db):
    return f"__tuplecast-position.{db.prefix}.{db.slot}"


def insert(db, n=1):
    db.sql("INSERT INTO t (v) SELECT 'x' FROM generate_series(1, %s)", (n,))


def start(run, db, *args, **kwargs):
    return run(db, "--position.interval.ms=500", *args, **kwargs)


def stored(db, broker):
    """The last position, as an object."""
    with broker.reader(topic_of(db)) as reader:
        records = reader.read_all()
    assert len({r.key for r in records}) == 1
    return json.loads(records[-1].value)


def forge(db, broker, gone=False, **changes):
    """Puts a position as another would: the last one with changes, or a tombstone."""
    with broker.reader(topic_of(db)) as reader:
        last = reader.read_all()[-1]
    value = None if gone else json.dumps(json.loads(last.value) | changes)
    producer = Producer({"bootstrap.servers": broker.address})
    producer.produce(topic_of(db), value, last.key, 0)
    assert producer.flush(60) == 0


def lsn(number):
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"


def stop_with_position(run, db, *args, **kwargs):
    db.sql(TABLE)
    shipper = start(run, db, *args, **kwargs)
    insert(db, 10)
    db.wait_confirmed()
    shipper.stop()


def refused(run, db, mode, code, exit_code=3, **kwargs):
    shipper = start(run, db, f"--delivery={mode}", wait=False, **kwargs)
    assert shipper.wait_exit(60) == exit_code, shipper.log()
    assert f"code={code}" in shipper.log(), shipper.log()
    return shipper.log()


@pytest.mark.parametrize("mode", MODES)
def test_the_topic_is_made_and_holds_the_position(db, run, broker, mode):
    stop_with_position(run, db, f"--delivery={mode}")
    topic = topic_of(db)
    assert broker.topics()[topic] == 1
    assert broker.topic_config(topic)["cleanup.policy"] == "compact"
    position = stored(db, broker)
    assert position["v"] == 1 and position["generation"] == 1 and position["open"] is None and position["snapshot"] is None
    assert position["system"] == str(db.value("SELECT system_identifier FROM pg_control_system()"))
    assert position["timeline"] == 1
    assert position["lsn"] == lsn(db.confirmed())
    # the next start is the next generation
    start(run, db, f"--delivery={mode}")
    insert(db)
    db.wait_confirmed()
    assert stored(db, broker)["generation"] == 2


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_confirmed_beyond_the_position(db, run, broker, mode):
    db.sql(TABLE)
    start(run, db, f"--delivery={mode}")
    first = db.confirmed()
    for _ in range(20):
        insert(db, 5)
        confirmed = db.confirmed()
        if confirmed > first:
            high, low = stored(db, broker)["lsn"].split("/")
            assert confirmed <= (int(high, 16) << 32) + int(low, 16)
    db.wait_confirmed()
    assert db.confirmed() > first


def test_a_server_that_crashed_sends_again_and_it_is_skipped(make_cluster, make_db, run, broker):
    """Its slot goes back to the last checkpoint; the position does not."""
    server = make_cluster(fsync="on")
    db = make_db(server)
    db.sql(TABLE)
    shipper = start(run, db)
    db.cluster.sql("CHECKPOINT")
    insert(db, 500)
    db.wait_confirmed()
    confirmed = db.confirmed()
    shipper.kill()
    server.kill()
    server.start()
    assert db.confirmed() < confirmed
    start(run, db)
    # a sequence jumps in a crash
    key = db.value("INSERT INTO t (v) VALUES ('last') RETURNING id")
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.k == f'{{"id":{key}}}' for r in records))
        assert len(reader.records) == 501


def test_a_start_without_a_position_begins_at_the_slot(db, run, broker):
    stop_with_position(run, db)
    broker.delete_topics([topic_of(db)])
    wait_until(lambda: topic_of(db) not in broker.topics())
    insert(db, 5)
    shipper = start(run, db)
    shipper.wait_log("no position is stored yet")
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.k == '{"id":15}' for r in records))
        assert len(reader.records) == 15
    # a topic that never held a record is as good for exactly-once
    shipper.stop()
    broker.delete_topics([topic_of(db)])
    wait_until(lambda: topic_of(db) not in broker.topics())
    start(run, db, "--delivery=exactly-once")


def test_exactly_once_wants_the_position_that_there_was(db, run, broker):
    stop_with_position(run, db, "--delivery=exactly-once")
    forge(db, broker, gone=True)
    assert "at-least-once" in refused(run, db, "exactly-once", "position_lost")
    start(run, db).wait_log("no position is stored yet")


@pytest.mark.parametrize("mode", MODES)
def test_a_position_that_a_broker_forgot_for_a_moment_is_asked_for_again(db, run, broker, mode):
    """Within a process that had one: as of brokers that have just started."""
    db.sql(TABLE)
    shipper = run(db, f"--delivery={mode}", "--position.interval.ms=600000")
    insert(db, 10)
    db.wait_confirmed()
    with broker.reader(topic_of(db)) as reader:
        last = reader.read_all()[-1]
    forge(db, broker, gone=True)
    db.terminate_walsender()
    shipper.wait_log("the position is missing")
    producer = Producer({"bootstrap.servers": broker.address})
    producer.produce(topic_of(db), last.value, last.key, 0)
    assert producer.flush(60) == 0
    insert(db)
    db.wait_confirmed()
    assert shipper.running()
    with broker.reader(db.topic("t")) as reader:
        assert len(reader.read_all()) == 11


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("changes,code", [
    ({"system": "1234"}, "wrong_cluster"),
    ({"lsn": "0/10"}, "position_gap"),
    ({"lsn": "F0/10"}, "position_ahead"),
    ({"timeline": 9}, "timeline_unknown"),
    ({"lsn": "nonsense"}, "position_garbage"),
    ({"v": 99}, "position_version"),
])
def test_a_position_that_does_not_fit_is_refused_by_name(db, run, broker, mode, changes, code):
    stop_with_position(run, db, f"--delivery={mode}")
    confirmed = db.confirmed()
    forge(db, broker, **changes)
    insert(db, 3)
    log = refused(run, db, mode, code)
    assert "hint=" in log
    assert db.confirmed() == confirmed
    with broker.reader(db.topic("t")) as reader:
        assert len(reader.read_all()) == 10


def test_a_slot_that_was_advanced_is_a_gap(db, run, broker):
    stop_with_position(run, db)
    insert(db, 3)
    db.sql("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (db.slot,))
    refused(run, db, "at-least-once", "position_gap")


def test_a_slot_made_anew_is_a_gap(db, run, broker):
    stop_with_position(run, db)
    db.sql("SELECT pg_drop_replication_slot(%s)", (db.slot,))
    insert(db, 3)
    assert "just been made" in refused(run, db, "at-least-once", "position_gap")


def test_timelines_are_followed_and_ghosts_told(make_cluster, make_db, run, broker):
    server = make_cluster()
    db = make_db(server)
    stop_with_position(run, db, "--delivery=exactly-once")
    server.stop()
    (server.data / "standby.signal").touch()
    server.start()
    before = stored(db, broker)
    server.sql("SELECT pg_promote()")
    wait_until(lambda: not server.value("SELECT pg_is_in_recovery()"))
    insert(db, 5)
    shipper = start(run, db, "--delivery=exactly-once")
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.k == '{"id":15}' for r in records))
        assert len(reader.records) == 15
    db.wait_confirmed()
    shipper.stop()
    assert stored(db, broker)["timeline"] == 2
    # as if more of the first timeline had been delivered than this server has of it
    assert before["timeline"] == 1
    forge(db, broker, timeline=1)
    assert "never had" in refused(run, db, "exactly-once", "ghost_transactions")


def test_other_options_inside_a_transaction(db, run, broker):
    stop_with_position(run, db)
    insert(db, 10)
    inside = stored(db, broker)
    # the transaction that comes next, delivered up to its third row under other options
    end = db.value("SELECT lsn - '0/0' FROM pg_logical_slot_peek_binary_changes(%s, NULL, NULL, 'wire', '1', 'topic.prefix', 'p') LIMIT 1", (db.slot,))
    assert end
    forge(db, broker, open={"lsn": lsn(db.wal_position()), "ordinal": 3, "part": 0}, options="0123456789abcdef")
    refused(run, db, "exactly-once", "cannot_resume_transaction", exit_code=2)
    # at least once: it comes whole
    start(run, db)
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.k == '{"id":20}' for r in records))
        assert len(reader.records) == 20
    assert inside["open"] is None


def test_a_topic_of_the_wrong_shape_is_refused(db, run, broker):
    db.sql(TABLE)
    broker.create_topic(topic_of(db), 2)
    assert "2 partitions" in refused(run, db, "at-least-once", "position_topic_partitions")


def test_a_topic_of_another_name(db, run, broker):
    db.sql(TABLE)
    start(run, db, f"--position.topic=elsewhere.{db.prefix}")
    insert(db, 3)
    db.wait_confirmed()
    assert f"elsewhere.{db.prefix}" in broker.topics() and topic_of(db) not in broker.topics()


def test_brokers_that_do_not_let_it_make_the_topic_by_themselves_still_get_one_partition(db, run, make_broker):
    broker = make_broker(num__partitions="5")
    db.sql(TABLE)
    start(run, db, kafka=broker)
    insert(db, 3)
    db.wait_confirmed()
    assert broker.topics()[topic_of(db)] == 1 and broker.topics()[db.topic("t")] == 5


def test_an_idle_database_writes_rarely(db, make_db, cluster, run, broker):
    other = make_db(cluster)
    other.sql(TABLE)
    shipper = run(db, "--position.interval.ms=600000")
    shipper.wait_metric("positions_total", lambda n: n >= 1)
    before = shipper.metric("positions_total")
    insert(other, 1000)
    seen = shipper.metric("server_lsn_bytes")
    insert(other, 1)
    shipper.wait_metric("server_lsn_bytes", lambda n: n > seen)
    assert shipper.metric("positions_total") == before
    # 16 MB of others' WAL are a reason
    insert(other, 200000)
    shipper.wait_metric("positions_total", lambda n: n > before)
    wait_until(lambda: db.confirmed() > int(seen))


def test_a_server_that_stops_is_not_kept_waiting(make_cluster, make_db, run):
    server = make_cluster()
    db = make_db(server)
    db.sql(TABLE)
    run(db, "--position.interval.ms=600000")
    insert(db, 3)
    db.sql("SELECT pg_logical_emit_message(false, 'other', 'x')")
    server.stop("fast", timeout=30)


def test_drop_takes_the_position_along(db, run, broker, command):
    stop_with_position(run, db)
    where = ("--source", db.url, "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}")
    assert topic_of(db) in broker.topics()
    code, _, err = command("drop", "--position", *where)
    assert code == 0 and "deleted the position topic" in err and db.slot_row()
    wait_until(lambda: topic_of(db) not in broker.topics())
    start(run, db, "--delivery=exactly-once").stop()
    code, _, err = command("drop", *where)
    assert code == 0 and not db.slot_row()
    wait_until(lambda: topic_of(db) not in broker.topics())


def test_check_looks_at_the_position_and_transactions(db, broker, command):
    where = ("--source", db.url, "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}", "--json")

    def status(*args):
        findings = json.loads(command("check", *where, *args)[1])
        return {f["id"]: f["status"] for f in findings if f["id"] in ("position_topic", "kafka_transactions")}
    fine = {"position_topic": "ok", "kafka_transactions": "ok"}
    assert status() == fine and status("--delivery=exactly-once") == fine
    assert topic_of(db) not in broker.topics()
    assert status("--delivery=exactly-once", "--kafka.transaction.timeout.ms=9999999")["kafka_transactions"] == "fail"
    broker.create_topic(topic_of(db), 1, cleanup__policy="delete")
    assert status()["position_topic"] == "fail"
    broker.create_topic("two" + topic_of(db), 2)
    assert status("--position.topic=two" + topic_of(db))["position_topic"] == "fail"
