"""Things are killed in the middle of a load; then every row is accounted for and each key's order is kept."""
import os
import signal

import pytest

from harness import ledger
from harness.wait import wait_until

PARTITIONS = 3


@pytest.fixture
def loaded(db, broker):
    db.sql(ledger.DDL)
    for table in ("account", "ledger"):
        broker.create_topic(db.topic(table), PARTITIONS)
    return db


def shipper_for(run, db, **kwargs):
    """The account rows exist before the slot: one update brings each into the topic."""
    shipper = run(db, "--table.include.list=public.account,public.ledger", **kwargs)
    return shipper


def first_versions(db):
    # ver 1 of each account, as the topic's first record
    db.sql("UPDATE account SET pad = 'first'")


def records_flow(shipper, more=200):
    target = shipper.metric("records_acked_total") + more
    shipper.wait_metric("records_acked_total", lambda n: n >= target)


@pytest.mark.sanitize
def test_kill_9_of_the_shipper(loaded, run, broker):
    shipper = shipper_for(run, loaded)
    first_versions(loaded)
    with ledger.Load(loaded) as load:
        for _ in range(6):
            records_flow(shipper)
            shipper.kill()
            load.wait_commits(20)
            shipper = shipper_for(run, loaded)
        records_flow(shipper)
    ledger.check(loaded, broker)


@pytest.mark.sanitize
def test_kill_9_of_the_walsender(make_cluster, make_db, run, broker):
    # the postmaster answers by restarting all: a server of its own
    server = make_cluster(restart_after_crash="on")
    db = make_db(server)
    db.sql(ledger.DDL)
    shipper = shipper_for(run, db)
    first_versions(db)
    with ledger.Load(db) as load:
        for i in range(4):
            records_flow(shipper)
            os.kill(db.walsender_pid(), signal.SIGKILL)
            shipper.wait_metric("source_reconnects_total", lambda n, i=i: n >= i + 1)
            load.wait_commits(20)
            shipper.wait_ready()
        records_flow(shipper)
    ledger.check(db, broker)


def test_pg_terminate_backend_and_pauses(loaded, run, broker):
    shipper = shipper_for(run, loaded)
    first_versions(loaded)
    with ledger.Load(loaded) as load:
        for i in range(5):
            records_flow(shipper)
            shipper.process.send_signal(signal.SIGSTOP)
            loaded.terminate_walsender()
            load.wait_commits(50)
            shipper.process.send_signal(signal.SIGCONT)
            shipper.wait_metric("source_reconnects_total", lambda n, i=i: n >= i + 1)
        shipper.wait_ready()
        records_flow(shipper)
    records = ledger.check(loaded, broker)
    assert ledger.duplicates(records) == 0, "one process knows what it has sent: nothing comes twice"


@pytest.mark.parametrize("mode", ["fast", "immediate", "kill -9"])
def test_restart_of_the_server(make_cluster, make_db, run, broker, mode):
    server = make_cluster()
    db = make_db(server)
    db.sql(ledger.DDL)
    shipper = shipper_for(run, db)
    first_versions(db)
    with ledger.Load(db) as load:
        for i in range(3):
            records_flow(shipper)
            if mode == "kill -9":
                server.kill()
            else:
                server.stop(mode)
            server.start()
            shipper.wait_metric("source_reconnects_total", lambda n, i=i: n >= i + 1)
            shipper.wait_ready()
            load.wait_commits(20)
        records_flow(shipper)
    ledger.check(db, broker)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_restart_of_the_broker(loaded, run, make_broker, how):
    broker = make_broker()
    for table in ("account", "ledger"):
        broker.create_topic(loaded.topic(table), PARTITIONS)
    shipper = shipper_for(run, loaded, kafka=broker)
    first_versions(loaded)
    pid = shipper.pid
    with ledger.Load(loaded) as load:
        for _ in range(3):
            records_flow(shipper)
            getattr(broker, how)()
            load.wait_commits(50)
            broker.start()
        records_flow(shipper)
    records = ledger.check(loaded, broker, timeout=180)
    assert shipper.running() and shipper.pid == pid
    assert ledger.duplicates(records) == 0, "the producer is idempotent"


def test_a_broker_that_stops_answering(loaded, run, make_broker):
    broker = make_broker()
    shipper = shipper_for(run, loaded, kafka=broker)
    first_versions(loaded)
    with ledger.Load(loaded) as load:
        for _ in range(3):
            records_flow(shipper)
            broker.pause()
            load.wait_commits(100)
            broker.resume()
        records_flow(shipper)
    ledger.check(loaded, broker)


def test_all_at_once(make_cluster, make_db, run, make_broker):
    server, broker = make_cluster(), make_broker()
    db = make_db(server)
    db.sql(ledger.DDL)
    shipper = shipper_for(run, db, kafka=broker)
    first_versions(db)
    with ledger.Load(db) as load:
        for _ in range(2):
            records_flow(shipper)
            broker.kill()
            load.wait_commits(30)
            shipper.kill()
            server.kill()
            server.start()
            load.wait_commits(30)
            shipper = shipper_for(run, db, kafka=broker, wait=False)
            db.terminate_walsender()
            broker.start()
            shipper.wait_ready()
        records_flow(shipper)
    ledger.check(db, broker, timeout=180)


def test_kill_9_in_the_middle_of_one_large_transaction(loaded, run, broker):
    shipper = shipper_for(run, loaded)
    first_versions(loaded)
    loaded.wait_confirmed()
    before = loaded.confirmed()
    loaded.sql("INSERT INTO ledger (txn, n, pad) SELECT 1, i, repeat('x', 100) FROM generate_series(1, 100000) i")
    acked = shipper.metric("records_acked_total")
    wait_until(lambda: shipper.metric("records_acked_total") > acked, interval=0.01)
    shipper.kill()
    row = loaded.slot_row()
    if row and int(row[2]) != before:
        # it was quicker than the kill: then all of it is there
        loaded.wait_confirmed(before)
    shipper_for(run, loaded)
    ledger.check(loaded, broker)
