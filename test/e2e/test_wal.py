"""The WAL that the slot keeps: watched, warned of, and what happens when the server has thrown it away."""
import json
import re

import psycopg
import pytest

from harness.wait import wait_until

TABLE = "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)"
MB = 1 << 20
SMALL = {"max_slot_wal_keep_size": "32MB", "min_wal_size": "32MB", "max_wal_size": "48MB", "wal_keep_size": "0"}
FAST = "--wal.watch.interval.ms=100"
QUIET = "--message.prefix.exclude.list=filler"


def insert(db, n=1, v="x"):
    db.sql("INSERT INTO t (v) SELECT %s FROM generate_series(1, %s)", (v, n))


def write_wal(db, mb):
    """Not published by the shippers here: only the WAL counts."""
    for _ in range(mb):
        db.sql("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1048576))")


def lose_slot(db):
    """More WAL than max_slot_wal_keep_size, then checkpoints."""
    def lost():
        write_wal(db, 8)
        db.sql("CHECKPOINT")
        return db.value("SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", (db.slot,)) == "lost"
    wait_until(lost, 60, what="the slot is lost")


def test_retained_wal_is_measured_and_warned_of(db, run, make_broker):
    broker = make_broker()
    db.sql(TABLE)
    shipper = run(db, FAST, QUIET, f"--wal.budget.bytes={40 * MB}", "--wal.budget.warn.percent=25,75", kafka=broker)
    insert(db)
    db.wait_confirmed()
    broker.pause()
    insert(db)
    write_wal(db, 12)
    shipper.wait_log(r"comes near wal\.budget\.bytes.*percent=(2[5-9]|[34]\d)\b.*budget=\"40\.0 MB\".*full_in=")
    retained = db.value("SELECT (pg_current_wal_lsn() - restart_lsn)::int8 FROM pg_replication_slots WHERE slot_name = %s", (db.slot,))
    shipper.wait_metric("retained_wal_bytes", lambda n: abs(n - retained) < 2 * MB)
    assert shipper.metric("wal_budget_bytes") == 40 * MB
    assert shipper.metric("slot_lost") == 0
    write_wal(db, 20)
    shipper.wait_metric("wal_budget_used_percent", lambda n: n >= 75)
    shipper.wait_log(r"comes near wal\.budget\.bytes.*percent=(7[5-9]|[89]\d)\b")
    assert shipper.metric("wal_budget_full_seconds") < float("inf"), "it has grown, so it will be full one day"
    # two thresholds, two lines; and full or not: it works
    assert len(re.findall("comes near", shipper.log())) == 2
    assert shipper.get("/readyz")[0] == 200 and shipper.get("/livez")[0] == 200
    broker.resume()
    db.wait_confirmed()

    def moved():
        # restart_lsn follows with the next list of running transactions
        db.sql("CHECKPOINT")
        return "keeps less WAL again" in shipper.log()
    wait_until(moved, 60, what="the slot keeps less WAL again", interval=0.5)


@pytest.mark.parametrize("state", ["read", "held"])
def test_a_slot_that_is_lost_while_it_is_streamed(make_cluster, make_db, run, make_broker, state):
    """held: the stream is not read because the queue is full, so the walsender's last word, and a checkpoint behind it, would wait."""
    server = make_cluster(**SMALL)
    broker = make_broker()
    db = make_db(server)
    db.sql(TABLE)
    options = [QUIET] if state == "read" else ["--queue.max.bytes=100000"]
    shipper = run(db, FAST, "--shutdown.timeout.ms=1000", *options, kafka=broker)
    insert(db)
    db.wait_confirmed()
    shipper.wait_metric("wal_budget_bytes", lambda n: n > 0)
    broker.pause()
    # its acknowledgement is missing, so the slot stays where it is
    insert(db)
    write_wal(db, 25)
    shipper.wait_log("comes near max_slot_wal_keep_size: beyond it the server invalidates the slot")
    if state == "held":
        shipper.wait_metric("backpressure_microseconds_total", lambda n: n > 0)
    lose_slot(db)
    assert shipper.wait_exit(60) == 3
    log = shipper.log()
    assert "slot_lost" in log and "invalidated the replication slot" in log and db.slot in log
    assert "max_slot_wal_keep_size" in log and f"pg_drop_replication_slot('{db.slot}')" in log


def test_pg_terminate_backend_works_while_the_broker_is_away(db, run, make_broker):
    broker = make_broker()
    db.sql(TABLE)
    shipper = run(db, FAST, "--queue.max.bytes=100000", kafka=broker)
    insert(db)
    db.wait_confirmed()
    broker.pause()
    insert(db, 50000, "y" * 200)
    shipper.wait_metric("backpressure_microseconds_total", lambda n: n > 0)
    pid = db.walsender_pid()
    wait_until(lambda: db.value("SELECT wait_event FROM pg_stat_activity WHERE pid = %s", (pid,)) == "WalSenderWriteData")
    # not before it has nothing left to do but to wait for us
    db.terminate_walsender()
    wait_until(lambda: db.walsender_pid() not in (None, pid), 30, what="another walsender")
    broker.resume()
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(50001)
    db.wait_confirmed()


def test_a_slot_that_was_lost_before_the_start(make_cluster, make_db, run):
    server = make_cluster(**SMALL)
    db = make_db(server)
    db.sql(TABLE)
    shipper = run(db)
    shipper.stop()
    lose_slot(db)
    shipper = run(db, wait=False)
    assert shipper.wait_exit(60) == 3
    log = shipper.log()
    assert "slot_lost" in log and "max_slot_wal_keep_size" in log
    # nothing was repaired by guessing
    assert db.slot_row() is not None


def test_the_watch_is_no_condition(make_cluster, make_db, run, broker):
    server = make_cluster(max_connections=6, superuser_reserved_connections=3)
    db = make_db(server)
    db.sql(TABLE)
    server.sql("CREATE ROLE cdc LOGIN REPLICATION")
    db.sql("GRANT ALL ON t TO cdc")
    taken = []
    try:
        with pytest.raises(psycopg.OperationalError):
            for _ in range(10):
                taken.append(server.connect(db.name, user="cdc"))
        shipper = run(db, FAST, f"--source={server.url(db.name, 'cdc')}")
        shipper.wait_log("retained WAL is not watched.*wal.watch.interval.ms=0")
        insert(db, 10)
        db.wait_confirmed()
        assert shipper.log().count("retained WAL is not watched") == 1
        assert shipper.get("/readyz")[0] == 200
    finally:
        for connection in taken:
            connection.close()


def test_the_watch_can_be_turned_off(db, run):
    others = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tuplecast' AND datname = %s AND backend_type = 'client backend'"
    db.sql(TABLE)
    with_watch = run(db, FAST)
    with_watch.wait_metric("retained_wal_bytes", lambda n: n > 0)
    assert db.value(others, (db.name,)) == 1
    with_watch.stop()
    without = run(db, "--wal.watch.interval.ms=0")
    insert(db)
    db.wait_confirmed()
    assert db.value(others, (db.name,)) == 0
    assert without.metric("wal_budget_full_seconds") == float("inf")


def test_a_watch_that_is_cut_goes_on(db, run):
    db.sql(TABLE)
    shipper = run(db, FAST)
    shipper.wait_metric("retained_wal_bytes", lambda n: n > 0)
    kill = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE application_name = 'tuplecast' AND datname = %s AND backend_type = 'client backend'"""
    db.sql(kill, (db.name,))
    shipper.wait_log("retained WAL is not watched")
    insert(db, 10)
    db.wait_confirmed()
    assert shipper.metric("source_reconnects_total") == 0
    # a new stream takes a new watch along, without waiting out the pause
    db.terminate_walsender()
    shipper.wait_log("retained WAL is watched again")


def test_a_slot_that_was_dropped_is_told(db, run):
    db.sql(TABLE)
    shipper = run(db, FAST)
    insert(db)
    db.wait_confirmed()

    def dropped():
        db.terminate_walsender()
        try:
            db.sql("SELECT pg_drop_replication_slot(%s)", (db.slot,))
        except psycopg.errors.ObjectInUse:
            return False
        return True
    wait_until(dropped, 30, interval=0)
    assert shipper.wait_exit(60) == 3
    assert "slot_vanished" in shipper.log()


def findings(command, db, *args):
    _, out, err = command("check", "--json", "--source", db.url, "--sink=stdout", "--prefix", db.prefix, f"--slot.name={db.slot}", *args)
    return {f["id"]: f for f in json.loads(out)}, err


def test_check_knows_the_budget(make_cluster, make_db, run, command):
    server = make_cluster()
    db = make_db(server)
    db.sql(TABLE)
    found, _ = findings(command, db)
    assert found["wal_keep"]["status"] == "warn" and "wal.budget.bytes" in found["wal_keep"]["repair"]
    assert found["slot_idle"]["status"] == "ok"
    found, _ = findings(command, db, f"--wal.budget.bytes={20 * MB}")
    assert found["wal_keep"]["status"] == "ok" and "20.0 MB" in found["wal_keep"]["text"]
    run(db).stop()
    write_wal(db, 15)
    found, _ = findings(command, db, f"--wal.budget.bytes={20 * MB}")
    assert found["slot_wal"]["status"] == "warn" and "more than half of wal.budget.bytes" in found["slot_wal"]["text"]
    if server.version >= 18:
        server.configure(idle_replication_slot_timeout="1d")
        server.reload()
        wait_until(lambda: findings(command, db)[0]["slot_idle"]["status"] == "warn")


@pytest.mark.parametrize("value", ["50,40", "0", "101", "abc"])
def test_thresholds_that_are_none_are_refused(command, value):
    code, _, err = command("config", f"--wal.budget.warn.percent={value}")
    assert code == 2 and "wal.budget.warn.percent" in err
