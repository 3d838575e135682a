"""A standby is promoted under load. From PostgreSQL 17 on the slot goes along; before, its loss is told and nothing is made up."""
import json

import pytest

from harness import ledger
from harness.postgres import Database
from harness.standby import Standby
from harness.wait import wait_until

TABLES = "--table.include.list=public.account,public.ledger"


@pytest.fixture
def pair(make_cluster):
    """(primary, standby); from 17 on the standby keeps failover slots in step, and the primary sends nothing that the standby lacks."""
    primary = make_cluster(wal_sender_timeout="5s")
    settings = {}
    if primary.version >= 17:
        settings["sync_replication_slots"] = "on"
    standby = Standby(primary, **settings)
    standby.start()
    if primary.version >= 17:
        primary.configure(synchronized_standby_slots="standby")
        primary.reload()
    yield primary, standby
    standby.destroy()


def hosts(db, *servers):
    # the list alone: that the primary is wanted need not be said
    return "--source=postgres://postgres@" + ",".join(f"127.0.0.1:{s.port}" for s in servers) + f"/{db.name}?connect_timeout=2"


def synced(standby, db):
    """The standby's copy of the slot is one that survives a promotion."""
    return standby.value("SELECT synced AND NOT temporary AND invalidation_reason IS NULL FROM pg_replication_slots WHERE slot_name = %s",
                         (db.slot,))


class Moving:
    """The load's view of the database: wherever the primary is."""

    def __init__(self, db):
        self.db = db

    def connect(self, **kwargs):
        return self.db.connect(**kwargs)


@pytest.mark.parametrize("how", ["fast", "kill -9"])
def test_promotion_under_load(pair, make_db, run, broker, how):
    primary, standby = pair
    db = make_db(primary)
    db.sql(ledger.DDL)
    for table in ("account", "ledger"):
        broker.create_topic(db.topic(table), 3)
    options = [TABLES, hosts(db, primary, standby), "--slot.failover=true"]
    shipper = run(db, *options)
    db.sql("UPDATE account SET pad = 'first'")
    there = Database.__new__(Database)
    there.__dict__.update(db.__dict__, cluster=standby)
    if primary.version < 17:
        assert "slot.failover has no effect" in shipper.log()
    else:
        wait_until(lambda: synced(standby, db), 90, what="the slot is kept in step")

    moving = Moving(db)
    with ledger.Load(moving) as load:
        load.wait_commits(300)
        if how == "fast":
            primary.stop("fast")
        else:
            primary.kill()
        standby.promote()
        moving.db = there
        if primary.version >= 17:
            load.wait_commits(200)
            shipper.wait_log("timeline_changed")
            shipper.wait_ready()
            load.wait_commits(200)
    if primary.version < 17:
        # a new slot would leave out what came in between: nobody makes one unasked
        assert shipper.wait_exit(90) == 3
        assert "slot_vanished" in shipper.log() and "slot.failover" in shipper.log()
        assert there.slot_row() is None
        return
    if how == "kill -9":
        # commits that the standby never had are gone, from the database and, as the primary waits for it, from the topics
        assert primary.running() is False
    ledger.check(there, broker)
    assert shipper.running()


def test_a_standby_is_not_taken_for_the_primary(pair, make_db, run):
    primary, standby = pair
    db = make_db(primary)
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    # the standby comes first in the list, and answers
    run(db, hosts(db, standby, primary))
    db.sql("INSERT INTO t VALUES (1)")
    db.wait_confirmed()
    assert standby.value("SELECT count(*) FROM pg_replication_slots WHERE NOT pg_is_in_recovery()") == 0


def test_an_existing_slot_becomes_a_failover_slot(pair, make_db, run):
    primary, _ = pair
    db = make_db(primary)
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    run(db).stop()
    shipper = run(db, "--slot.failover=true")
    db.sql("INSERT INTO t VALUES (1)")
    db.wait_confirmed()
    if primary.version >= 17:
        assert db.value("SELECT failover FROM pg_replication_slots WHERE slot_name = %s", (db.slot,))
        shipper.wait_log("standbys keep in step now")
    else:
        shipper.wait_log("slot.failover has no effect")


def findings(command, db, *servers, failover="true"):
    """id → [(status, text, repair)] of check"""
    _, out, err = command("check", "--json", hosts(db, *servers), "--sink=stdout", "--prefix", db.prefix,
                          f"--slot.name={db.slot}", f"--slot.failover={failover}")
    found = {}
    for f in json.loads(out):
        found.setdefault(f["id"], []).append((f["status"], f["text"], f["repair"]))
    assert found["source_connection"][0][0] == "ok", err
    return found


def test_check_looks_at_the_standby(pair, make_db, run, command):
    primary, standby = pair
    db = make_db(primary)
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    assert "not asked for" in findings(command, db, primary, standby, failover="false")["slot_failover"][0][1]
    if primary.version < 17:
        [(status, text, _)] = findings(command, db, primary, standby)["slot_failover"]
        assert status == "warn" and "PostgreSQL 17" in text
        return
    run(db).stop()
    # it exists, but not as one that is kept in step
    [(status, text, repair)] = findings(command, db, primary, standby)["slot_failover"]
    assert status == "warn" and "FAILOVER" in repair
    run(db, "--slot.failover=true", hosts(db, primary, standby))
    wait_until(lambda: synced(standby, db), 90, what="the slot is kept in step")
    found = findings(command, db, primary, standby)["slot_failover"]
    assert [status for status, _, _ in found] == ["ok", "ok"], found
    assert f"{standby.port} has the slot in step" in found[1][1]

    primary.configure(synchronized_standby_slots="")
    primary.reload()
    wait_until(lambda: "is empty" in findings(command, db, primary, standby)["slot_failover"][0][1])
    _, _, repair = findings(command, db, primary, standby)["slot_failover"][0]
    assert "synchronized_standby_slots = standby;" in repair
    # what it says is what helps
    with primary.connect() as connection:
        for statement in repair.splitlines()[:2]:
            connection.execute(statement)
    primary.configure(synchronized_standby_slots="standby")
    primary.reload()
    standby.stop()
    wait_until(lambda: "nobody streams from standby" in findings(command, db, primary, standby)["slot_failover"][0][1])
    assert any("was not asked" in text for _, text, _ in findings(command, db, primary, standby)["slot_failover"])
