"""A lost slot that is repaired: made anew, a snapshot in every topic, its first record marked."""
import json

import pytest

from harness.postgres import PostgresCluster
from harness.wait import wait_until
from test_wal import FAST, QUIET, SMALL, insert, lose_slot, write_wal

HEADER = "__tuplecast.gap"
MODES = ["at-least-once", "exactly-once"]


@pytest.fixture(scope="module")
def small(pg_bindir):
    """A server that gives slots up soon."""
    server = PostgresCluster(pg_bindir, **SMALL).start()
    yield server
    server.destroy()


@pytest.fixture
def lost(small, make_db):
    db = make_db(small)
    db.sql("CREATE EXTENSION tuplecast")
    db.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)")
    return db


def gap(record):
    found = [v for n, v in record.headers if n == HEADER]
    assert len(found) < 2
    return json.loads(found[0]) if found else None


def read(broker, topic, count):
    with broker.reader(topic) as reader:
        reader.read_count(count)
        return sorted(reader.read_all(), key=lambda r: (r.partition, r.offset))


def value(record):
    return json.loads(record.value)


def number(lsn):
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


@pytest.mark.parametrize("mode, option", [(MODES[0], "--slot.lost=resnapshot"), (MODES[1], "--snapshot.mode=when_needed")])
def test_lost_before_the_start(lost, run, broker, mode, option):
    db, options = lost, [QUIET, f"--delivery={mode}"]
    db.sql("CREATE TABLE emptied (id int PRIMARY KEY)")
    shipper = run(db, *options)
    insert(db, 5)
    db.sql("INSERT INTO emptied VALUES (1)")
    db.wait_confirmed()
    shipper.stop()
    delivered = db.confirmed()
    insert(db, 5, "missed")
    db.sql("UPDATE t SET v = 'moved' WHERE id = 1; DELETE FROM emptied")
    lose_slot(db)

    shipper = run(db, *options, option)
    shipper.wait_log("the snapshot is complete")
    log = shipper.log()
    assert "slot_lost" in log and "dropped the lost replication slot" in log and "changes are missing" in log
    insert(db, 1, "after")
    db.sql("INSERT INTO emptied VALUES (2)")
    db.sql("INSERT INTO emptied VALUES (3)")
    # five, ten by the snapshot, one
    records = read(broker, db.topic("t"), 16)
    assert len(records) == 16
    marks = [gap(r) for r in records]
    assert [m is not None for m in marks] == [False] * 5 + [True] + [False] * 10
    assert marks[5]["slot"] == db.slot and number(marks[5]["after"]) >= delivered < number(marks[5]["until"])
    state = {value(r)["id"]: value(r)["v"] for r in records}
    assert state == dict(db.sql("SELECT id, v FROM t")) and state[1] == "moved"
    # nothing was left to read there: its next change is marked
    assert "table is empty behind the gap" in log
    assert [gap(r) is not None for r in read(broker, db.topic("emptied"), 3)] == [False, True, False]
    assert shipper.metric("gaps_total") == 1 and shipper.metric("slot_lost") == 0

    # that was that
    db.wait_confirmed()
    shipper.kill()
    run(db, *options, option)
    insert(db, 1, "last")
    db.sql("INSERT INTO emptied VALUES (4)")
    assert [gap(r) for r in read(broker, db.topic("t"), 17)[16:]] == [None]
    assert [gap(r) for r in read(broker, db.topic("emptied"), 4)[3:]] == [None]


@pytest.mark.parametrize("mode", MODES)
def test_killed_while_it_is_repaired(lost, run, broker, mode):
    db, options = lost, [QUIET, f"--delivery={mode}", "--slot.lost=resnapshot"]
    shipper = run(db, *options)
    insert(db, 5)
    db.wait_confirmed()
    shipper.stop()
    insert(db, 5, "missed")
    lose_slot(db)
    # the slot is another one by then, and no position tells of it yet
    shipper = run(db, *options, wait=False, env={"TUPLECAST_FAILPOINT": "before_position:kill:1"})
    assert shipper.wait_exit(60) == -9
    shipper = run(db, *options)
    shipper.wait_log("the snapshot is complete")
    records = read(broker, db.topic("t"), 15)
    assert {value(r)["id"] for r in records} == set(range(1, 11))
    assert gap(records[5]) is not None


def test_lost_while_it_is_streamed(lost, run, make_broker):
    db, broker = lost, make_broker()
    shipper = run(db, FAST, QUIET, "--delivery=exactly-once", "--slot.lost=resnapshot", kafka=broker)
    insert(db)
    db.wait_confirmed()
    broker.pause()
    insert(db, 3)
    write_wal(db, 25)
    lose_slot(db)
    shipper.wait_log("invalidated the replication slot")
    broker.resume()
    shipper.wait_log("the snapshot is complete")
    insert(db, 1, "after")
    with broker.reader(db.topic("t")) as reader:
        records = reader.read_until(lambda records: any(value(r)["v"] == "after" for r in records))
    assert {value(r)["id"] for r in records} == {1, 2, 3, 4, 5}
    assert sum(gap(r) is not None for r in records) == 1
    wait_until(lambda: db.value("SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", (db.slot,)) == "reserved")


def test_a_slot_that_went_ahead(lost, run, broker):
    """As after a restart from a backup of the brokers, or pg_replication_slot_advance() by hand."""
    db = lost
    shipper = run(db)
    insert(db)
    db.wait_confirmed()
    shipper.stop()
    insert(db)
    db.sql("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (db.slot,))
    shipper = run(db, wait=False)
    assert shipper.wait_exit(60) == 3 and "slot.lost=resnapshot" in shipper.log()
    run(db, "--slot.lost=resnapshot").wait_log("the snapshot is complete")
    records = read(broker, db.topic("t"), 3)
    assert [gap(r) is not None for r in records] == [False, True, False]
