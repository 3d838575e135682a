"""PREPARE TRANSACTION: records come at COMMIT PREPARED, never before, never of what is rolled back."""
import json

import pytest

from harness.wait import wait_until

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v text)"


@pytest.fixture
def prepared_db(make_cluster, make_db):
    db = make_db(make_cluster(max_prepared_transactions=10))
    db.sql(TABLE)
    return db


def prepare(db, gid, *statements):
    with db.connect() as connection:
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PREPARE TRANSACTION '{gid}'")


def values(records):
    return [(v["id"], v["v"]) for v in (json.loads(r.value) for r in records)]


def test_at_commit_prepared_and_in_the_order_of_commits(prepared_db, run, broker):
    db = prepared_db
    run(db)
    prepare(db, "a", "INSERT INTO t VALUES (1, 'prepared'), (2, 'prepared')", "UPDATE t SET v = 'changed' WHERE id = 2")
    prepare(db, "b", "INSERT INTO t VALUES (3, 'never')")
    db.sql("INSERT INTO t VALUES (10, 'before')")
    # the prepared ones are behind us in the WAL: the slot is confirmed beyond them
    db.wait_confirmed()
    with broker.reader(db.topic("t")) as reader:
        assert values(reader.read_count(1)) == [(10, "before")]
        db.sql("ROLLBACK PREPARED 'b'")
        db.sql("INSERT INTO t VALUES (11, 'between')")
        db.sql("COMMIT PREPARED 'a'")
        db.sql("INSERT INTO t VALUES (12, 'after')")
        records = reader.read_count(6)
    assert values(records) == [(10, "before"), (11, "between"), (1, "prepared"), (2, "prepared"), (2, "changed"), (12, "after")]
    lsns = [r.identity[0] for r in records]
    assert lsns == sorted(lsns) and len(set(lsns[2:5])) == 1, "one transaction, at its commit"


@pytest.mark.parametrize("what", ["shipper", "server", "both killed"])
def test_across_restarts(prepared_db, run, broker, what):
    db, server = prepared_db, prepared_db.cluster
    shipper = run(db)
    prepare(db, "a", "INSERT INTO t SELECT i, 'prepared' FROM generate_series(1, 1000) i")
    prepare(db, "b", "INSERT INTO t VALUES (2000, 'never')")
    db.sql("INSERT INTO t VALUES (3000, 'before')")
    db.wait_confirmed()
    if what == "shipper":
        shipper.stop()
    elif what == "server":
        server.restart()
    else:
        shipper.kill()
        server.kill()
        server.start()
    if what != "server":
        shipper = run(db)
    shipper.wait_ready()
    assert db.value("SELECT count(*) FROM pg_prepared_xacts") == 2
    db.sql("ROLLBACK PREPARED 'b'")
    db.sql("COMMIT PREPARED 'a'")
    db.sql("INSERT INTO t VALUES (3001, 'after')")
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.k == '{"id":3001}' for r in records))
        db.wait_confirmed()
        records = reader.read_all()
    ids = [i for i, _ in values(records)]
    assert 2000 not in ids
    # a server that is killed may forget what it was told last, so that row comes again
    if what == "both killed" and ids[:2] == [3000, 3000]:
        del ids[0]
    assert ids == [3000, *range(1, 1001), 3001]


def test_a_huge_one_that_is_prepared_while_the_shipper_is_away(prepared_db, run, broker):
    db = prepared_db
    run(db).stop()
    db.set("logical_decoding_work_mem", "1MB")
    prepare(db, "huge", "INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 100000) i")
    db.sql("CHECKPOINT")
    db.sql("COMMIT PREPARED 'huge'")
    run(db)
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(100000)
        assert [int(r.key[6:-1]) for r in reader.records] == list(range(1, 100001))
    db.wait_confirmed()


def test_check_names_prepared_transactions_that_hold_the_slot_up(prepared_db, run, command):
    db = prepared_db
    prepare(db, "forgotten", "INSERT INTO t VALUES (1, 'x')")
    code, out, err = command("check", "--json", "--source", db.url, "--sink=stdout", "--prefix", db.prefix, f"--slot.name={db.slot}")
    found = {f["id"]: f for f in json.loads(out)}
    assert found["prepared_transactions"]["status"] == "warn" and "forgotten" in found["prepared_transactions"]["text"], (code, err)
    assert "ROLLBACK PREPARED" in found["prepared_transactions"]["repair"]
    db.sql("ROLLBACK PREPARED 'forgotten'")
    wait_until(lambda: db.value("SELECT count(*) FROM pg_prepared_xacts") == 0)
