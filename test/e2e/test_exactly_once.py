"""delivery=exactly-once: whatever dies, a read_committed consumer sees each change once, and sees transactions that are not torn."""
import signal

import pytest

from harness import ledger
from harness.wait import wait_until

TABLES = "--table.include.list=public.account,public.ledger"
EXACTLY = "--delivery=exactly-once"
MODES = ["exactly-once", "at-least-once"]


@pytest.fixture
def loaded(db, broker):
    db.sql(ledger.DDL)
    for table in ("account", "ledger"):
        broker.create_topic(db.topic(table), 3)
    return db


def start(run, db, mode, *args, **kwargs):
    return run(db, TABLES, f"--delivery={mode}", "--position.interval.ms=500", *args, **kwargs)


def first_versions(db):
    db.sql("UPDATE account SET pad = 'first'")


def records_flow(shipper, more=200):
    target = shipper.metric("records_acked_total") + more
    shipper.wait_metric("records_acked_total", lambda n: n >= target)


def check(db, broker, mode, **kwargs):
    records = ledger.check(db, broker, **kwargs)
    if mode == "exactly-once":
        assert ledger.duplicates(records) == 0
    return records


def test_records_arrive_once(loaded, run, broker):
    shipper = start(run, loaded, "exactly-once")
    first_versions(loaded)
    with ledger.Load(loaded):
        records_flow(shipper, 1000)
    check(loaded, broker, "exactly-once")
    assert shipper.metric("commits_total") > 1
    shipper.stop()


@pytest.mark.parametrize("mode", MODES)
def test_kill_9_under_load(loaded, run, broker, mode):
    shipper = start(run, loaded, mode)
    first_versions(loaded)
    with ledger.Load(loaded, paced=0) as load:
        for _ in range(6):
            records_flow(shipper)
            shipper.kill()
            load.wait_commits(20)
            shipper = start(run, loaded, mode)
        records_flow(shipper)
    check(loaded, broker, mode)
