"""delivery=exactly-once: whatever dies, a read_committed consumer sees each change once, and sees transactions that are not torn."""
import signal

import pytest

from harness import ledger
from harness.kafka import KafkaCluster
from harness.proxy import ADD_PARTITIONS_TO_TXN, END_TXN, INIT_PRODUCER_ID, Proxy
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


# each with how often it is passed before it acts; in both modes unless told
FAILPOINTS = {
    "after_read": 3,
    "before_produce": 20,
    "after_produce": 20,
    "before_position": 3,
    "in_position_read": 1,
    "after_confirm": 3,
}
OF_TRANSACTIONS = {
    "before_init_transactions": 1,
    "after_init_transactions": 1,
    "before_commit": 3,
    "after_commit": 3,
    "after_commit_before_confirm": 3,
}


def failpoints(mode):
    return FAILPOINTS | (OF_TRANSACTIONS if mode == "exactly-once" else {})


@pytest.mark.parametrize("mode", MODES)
def test_killed_at_each_failpoint(loaded, run, broker, mode):
    shipper = start(run, loaded, mode)
    first_versions(loaded)
    with ledger.Load(loaded) as load:
        records_flow(shipper)
        for name, nth in failpoints(mode).items():
            shipper.kill()
            load.wait_commits(5)
            doomed = start(run, loaded, mode, wait=False, env={"TUPLECAST_FAILPOINT": f"{name}:kill:{nth}"})
            assert doomed.wait_exit(60) == -signal.SIGKILL, name
            shipper = start(run, loaded, mode)
            records_flow(shipper, 50)
    check(loaded, broker, mode)


@pytest.mark.parametrize("mode", MODES)
def test_an_error_at_each_failpoint_heals(loaded, run, broker, mode):
    shipper = start(run, loaded, mode)
    first_versions(loaded)
    with ledger.Load(loaded):
        for name, nth in failpoints(mode).items():
            shipper.kill()
            shipper = start(run, loaded, mode, wait=False, env={"TUPLECAST_FAILPOINT": f"{name}:error:{nth}"})
            shipper.wait_log(f"failpoint {name}")
            shipper.wait_ready()
            records_flow(shipper, 50)
            assert shipper.metric("sink_restarts_total") >= 1, name
    check(loaded, broker, mode)


def test_sigterm_commits_what_is_whole(loaded, run, broker):
    shipper = start(run, loaded, "exactly-once", "--commit.interval.ms=5000")
    first_versions(loaded)
    with ledger.Load(loaded) as load:
        load.wait_commits(50)
        # far below the interval: the stop commits
        shipper.stop()
        for _ in range(3):
            shipper = start(run, loaded, "exactly-once")
            load.wait_commits(20)
            shipper.stop()
    start(run, loaded, "exactly-once")
    check(loaded, broker, "exactly-once")


@pytest.mark.parametrize("mode", MODES)
def test_killed_in_a_large_transaction_it_goes_on_inside(loaded, run, broker, mode):
    shipper = start(run, loaded, mode, "--commit.max.records=2000")
    first_versions(loaded)
    loaded.wait_confirmed()
    acked = shipper.metric("records_acked_total")
    loaded.sql("INSERT INTO ledger (txn, n, pad) SELECT 1, i, repeat('x', 100) FROM generate_series(1, 100000) i")
    wait_until(lambda: shipper.metric("records_acked_total") > acked + 10000, interval=0.01)
    parts = shipper.metric("positions_total")
    wait_until(lambda: shipper.metric("positions_total") > parts + 1, interval=0.01)
    shipper.kill()
    again = start(run, loaded, mode, "--commit.max.records=2000")
    assert "inside=0/0" not in again.wait_log("going on from the stored position.*")[0]
    again.wait_metric("records_skipped_total", lambda n: n > 0)
    records = check(loaded, broker, mode)
    # of 100,000 at most what was under way comes twice
    assert ledger.duplicates(records) < 40000


def test_transactions_are_split_only_if_that_is_allowed(loaded, run, broker):
    insert = "INSERT INTO ledger (txn, n, pad) SELECT 1, i, 'x' FROM generate_series(1, 5000) i"
    shipper = start(run, loaded, "exactly-once", "--commit.max.records=500")
    first_versions(loaded)
    loaded.sql(insert)
    loaded.wait_confirmed()
    assert shipper.metric("split_transactions_total") == 1
    shipper.stop()
    shipper = start(run, loaded, "exactly-once", "--commit.max.records=500", "--delivery.align=transaction")
    loaded.sql(insert)
    loaded.wait_confirmed()
    assert shipper.metric("split_transactions_total") == 0
    check(loaded, broker, "exactly-once")


def test_an_aligned_transaction_that_takes_too_long_is_split_and_said(loaded, run, broker):
    options = ["--delivery.align=transaction", "--log.level=debug"]
    # it stands still in the middle for longer than half of what the brokers give a transaction
    shipper = start(run, loaded, "exactly-once", *options, "--kafka.transaction.timeout.ms=8000",
                    env={"TUPLECAST_FAILPOINT": "before_produce:sleep=5000:300"})
    first_versions(loaded)
    loaded.sql("INSERT INTO ledger (txn, n, pad) SELECT 1, i, 'x' FROM generate_series(1, 20000) i")
    loaded.wait_confirmed()
    assert shipper.metric("split_transactions_total") >= 1
    shipper.wait_log("WARN.*goes into more than one of Kafka.*transaction.timeout.ms")
    check(loaded, broker, "exactly-once")


def test_the_walsender_is_killed_and_paused(loaded, run, broker):
    shipper = start(run, loaded, "exactly-once")
    first_versions(loaded)
    with ledger.Load(loaded) as load:
        for i in range(5):
            records_flow(shipper)
            if i % 2:
                shipper.process.send_signal(signal.SIGSTOP)
                loaded.terminate_walsender()
                load.wait_commits(20)
                shipper.process.send_signal(signal.SIGCONT)
            else:
                loaded.terminate_walsender()
            shipper.wait_metric("source_reconnects_total", lambda n, i=i: n >= i + 1)
            shipper.wait_ready()
        records_flow(shipper)
    check(loaded, broker, "exactly-once")


@pytest.mark.parametrize("how", ["stop", "kill", "pause"])
def test_the_broker_goes_and_comes(loaded, run, make_broker, how):
    broker = make_broker()
    for table in ("account", "ledger"):
        broker.create_topic(loaded.topic(table), 3)
    shipper = start(run, loaded, "exactly-once", kafka=broker)
    first_versions(loaded)
    pid = shipper.pid
    with ledger.Load(loaded) as load:
        for _ in range(3):
            records_flow(shipper)
            getattr(broker, how)()
            load.wait_commits(100)
            broker.resume() if how == "pause" else broker.start()
            records_flow(shipper)
    check(loaded, broker, "exactly-once", timeout=180)
    assert shipper.running() and shipper.pid == pid


# https://kafka.apache.org/protocol: to be tried again, abortable, and fatal for the client
ANSWERS = {
    END_TXN: {15: "COORDINATOR_NOT_AVAILABLE", 51: "CONCURRENT_TRANSACTIONS", 49: "INVALID_PRODUCER_ID_MAPPING", 48: "INVALID_TXN_STATE",
              47: "INVALID_PRODUCER_EPOCH", 90: "PRODUCER_FENCED"},
    ADD_PARTITIONS_TO_TXN: {51: "CONCURRENT_TRANSACTIONS", 55: "OPERATION_NOT_ATTEMPTED", 49: "INVALID_PRODUCER_ID_MAPPING", 90: "PRODUCER_FENCED"},
    INIT_PRODUCER_ID: {16: "NOT_COORDINATOR", 51: "CONCURRENT_TRANSACTIONS", 90: "PRODUCER_FENCED"},
}


@pytest.fixture
def doubtful():
    """A broker whose answers can be made errors, although it did what it was asked for."""
    proxy = Proxy()
    kafka = None
    try:
        kafka = KafkaCluster(nodes=1, proxy=proxy)
        yield kafka.start()
    finally:
        if kafka:
            kafka.destroy()
        proxy.close()


@pytest.mark.slow
def test_errors_about_transactions_whatever_became_of_them(loaded, run, doubtful):
    broker, link = doubtful.nodes[0], doubtful.links[0]
    for table in ("account", "ledger"):
        broker.create_topic(loaded.topic(table), 3)
    shipper = start(run, loaded, "exactly-once", kafka=doubtful)
    first_versions(loaded)
    with ledger.Load(loaded, paced=0.02) as load:
        for key, codes in ANSWERS.items():
            for code, name in codes.items():
                records_flow(shipper, 20)
                link.answer(key, "error", code)
                if key == INIT_PRODUCER_ID:
                    # both ends begin anew then
                    loaded.terminate_walsender()
                wait_until(lambda: link.matched or not shipper.running(), what=f"an answer {name} to a request {key}")
                commits = shipper.metric("commits_total")
                shipper.wait_metric("commits_total", lambda n: n > commits + 1)
        # of this one a person must know
        link.answer(END_TXN, "error", 53)
        assert shipper.wait_exit() == 3
        assert "--transactional-id" in shipper.log()
        load.wait_commits(10)
        start(run, loaded, "exactly-once", kafka=doubtful)
    check(loaded, broker, "exactly-once")


def test_a_broker_away_longer_than_the_transaction_lives(loaded, run, make_broker):
    broker = make_broker()
    for table in ("account", "ledger"):
        broker.create_topic(loaded.topic(table), 3)
    shipper = start(run, loaded, "exactly-once", "--kafka.transaction.timeout.ms=3000", kafka=broker)
    first_versions(loaded)
    loaded.wait_confirmed()
    with ledger.Load(loaded) as load:
        records_flow(shipper)
        broker.pause()
        asked = loaded.value("SELECT now()")
        load.wait_commits(100)
        wait_until(lambda: loaded.value("SELECT now() - %s > '8s'", (asked,)), 60)
        assert shipper.get("/livez")[0] == 200
        broker.resume()
        records_flow(shipper)
    check(loaded, broker, "exactly-once", timeout=180)


def test_keepalives_are_answered_while_a_commit_hangs(loaded, run, make_broker):
    broker = make_broker()
    for table in ("account", "ledger"):
        broker.create_topic(loaded.topic(table), 3)
    loaded.set("wal_sender_timeout", "2s")
    shipper = start(run, loaded, "exactly-once", "--status.update.interval.ms=500", kafka=broker)
    first_versions(loaded)
    loaded.wait_confirmed()
    with ledger.Load(loaded):
        records_flow(shipper)
        broker.pause()
        asked = loaded.value("SELECT now()")
        wait_until(lambda: loaded.value("SELECT now() - %s > '7s'", (asked,)), 60)
        assert loaded.slot_active() and shipper.metric("source_reconnects_total") == 0
        broker.resume()
        records_flow(shipper)
    check(loaded, broker, "exactly-once", timeout=180)


@pytest.mark.parametrize("mode", MODES)
def test_a_standby_takes_over(loaded, run, broker, mode):
    active = start(run, loaded, mode)
    first_versions(loaded)
    with ledger.Load(loaded) as load:
        for _ in range(3):
            standby = start(run, loaded, mode, wait=False)
            standby.wait_log("waiting to take over")
            records_flow(active, 100)
            active.kill()
            standby.wait_ready()
            load.wait_commits(10)
            active = standby
        records_flow(active)
    check(loaded, broker, mode)


def test_a_zombie_is_fenced(make_cluster, make_db, run, broker):
    """Stopped for so long that the server gave its slot to the other, it wakes with records under way."""
    db = make_db(make_cluster())
    db.sql(ledger.DDL)
    db.set("wal_sender_timeout", "2s")
    zombie = start(run, db, "exactly-once", "--status.update.interval.ms=500")
    first_versions(db)
    with ledger.Load(db) as load:
        for _ in range(2):
            standby = start(run, db, "exactly-once", "--status.update.interval.ms=500", wait=False)
            standby.wait_log("waiting to take over")
            records_flow(zombie)
            zombie.process.send_signal(signal.SIGSTOP)
            standby.wait_ready()
            records_flow(standby)
            zombie.process.send_signal(signal.SIGCONT)
            zombie.wait_log("waiting to take over")
            records_flow(standby)
            zombie.kill()
            zombie = standby
        load.wait_commits(10)
    check(db, broker, "exactly-once")


def test_an_idle_database_and_its_heartbeats(loaded, run, broker):
    topic = f"__debezium-heartbeat.{loaded.prefix}"
    broker.create_topic(topic)
    shipper = start(run, loaded, "exactly-once", "--heartbeat.interval.ms=200")
    with broker.reader(topic) as reader:
        reader.read_until(lambda records: len(records) >= 5)
    loaded.wait_confirmed()
    assert shipper.metric("sink_restarts_total") == 0


def test_it_is_refused_where_there_is_no_kafka(command, db):
    for sink in ("stdout", "file"):
        code, _, err = command("run", "--source", db.url, "--prefix", "p", EXACTLY, f"--sink={sink}", "--sink.file.path=/tmp/x")
        assert code == 2 and "needs Kafka" in err


def test_the_embedded_broker_takes_transactions(loaded, launch):
    shipper = launch("--source", loaded.url, "--kafka", "embedded", "--prefix", loaded.prefix, f"--slot.name={loaded.slot}", TABLES, EXACTLY,
                     "--position.interval.ms=500")
    shipper.wait_ready()
    first_versions(loaded)
    shipper.wait_metric("commits_total", lambda n: n > 0)
    loaded.wait_confirmed()
    shipper.stop()
