"""What is confirmed, when, and what a stop or a wait does. Times are conditions: nothing here waits for a clock but the server's own."""
import json

import pytest

from harness.wait import wait_until

TABLE = "CREATE TABLE t (id serial PRIMARY KEY, pad text)"


def keys(reader):
    return [json.loads(r.key)["id"] for r in reader.records]


def insert(db, count=1, pad="x"):
    db.sql("INSERT INTO t (pad) SELECT %s FROM generate_series(1, %s)", (pad, count))


@pytest.mark.sanitize
def test_sigterm_drains_and_confirms_so_that_nothing_comes_twice(db, run, broker):
    db.sql(TABLE)
    shipper = run(db)
    insert(db, 20000)
    shipper.wait_metric("received_bytes_total", lambda n: n > 0)
    shipper.stop()
    # what was received is confirmed, or nothing of it; either way nothing may come twice
    shipper = run(db)
    insert(db)
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.key == b'{"id":20001}' for r in records[-10001:]))
        assert keys(reader) == list(range(1, 20002))


def test_stopping_again_and_again_repeats_and_loses_nothing(db, run, broker):
    db.sql(TABLE)
    for _ in range(5):
        shipper = run(db)
        for _ in range(20):
            insert(db)
        shipper.stop()
    run(db)
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.key == b'{"id":100}' for r in records))
        assert keys(reader) == list(range(1, 101))


def test_the_slot_of_an_idle_database_advances(db, make_db, cluster, run):
    other = make_db(cluster)
    other.sql(TABLE)
    run(db)
    for _ in range(3):
        insert(other, 2000)
        db.wait_confirmed(timeout=60)


def test_the_slot_advances_over_changes_that_are_filtered_out(db, run):
    db.sql(TABLE)
    run(db, "--table.include.list=public.nothing")
    insert(db, 5000)
    db.wait_confirmed()


def test_nothing_is_confirmed_before_the_broker_has_it(db, run, make_broker):
    broker = make_broker()
    db.sql(TABLE)
    shipper = run(db, kafka=broker)
    insert(db)
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(1)
    db.wait_confirmed()
    broker.pause()
    insert(db, 10)
    unconfirmed = db.wal_position()
    shipper.wait_metric("records_total", lambda n: n >= 11)
    # a keepalive later it still must not be
    seen = shipper.metric("server_lsn_bytes")
    db.cluster.sql("SELECT pg_logical_emit_message(false, 'other', 'x')")
    shipper.wait_metric("server_lsn_bytes", lambda n: n > seen)
    assert db.confirmed() < unconfirmed
    broker.resume()
    db.wait_confirmed(unconfirmed)


def test_a_broker_away_longer_than_wal_sender_timeout(db, run, make_broker):
    broker = make_broker()
    db.sql(TABLE)
    db.set("wal_sender_timeout", "2s")
    shipper = run(db, "--status.update.interval.ms=500", kafka=broker)
    insert(db, 10)
    db.wait_confirmed()
    pid = shipper.pid
    broker.stop()
    insert(db, 5000, "y" * 200)
    # the server asks at 1 s of silence and ends the connection at 2 s: three times that, by its own clock
    start = db.value("SELECT now()")
    wait_until(lambda: db.value("SELECT now() - %s > '6s'", (start,)), 60)
    assert db.slot_active() and shipper.metric("source_reconnects_total") == 0
    assert shipper.get("/livez")[0] == 200
    broker.start()
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: len({r.key for r in records}) == 5010)
        assert keys(reader) == list(range(1, 5011))
    db.wait_confirmed()
    assert shipper.pid == pid and shipper.running()


def test_a_terminated_walsender_is_reconnected(db, run, broker):
    db.sql(TABLE)
    shipper = run(db)
    for i in range(3):
        insert(db, 10)
        db.terminate_walsender()
        shipper.wait_metric("source_reconnects_total", lambda n, i=i: n >= i + 1)
        shipper.wait_ready()
    insert(db, 10)
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.key == b'{"id":40}' for r in records))
        assert keys(reader) == list(range(1, 41)), "one process knows what it has sent: nothing comes twice"


def test_a_slot_in_use_is_waited_for(db, run, broker):
    db.sql(TABLE)
    first = run(db)
    second = run(db, wait=False)
    second.wait_log(db.slot)
    assert second.get("/readyz")[0] == 503 and second.get("/livez")[0] == 200
    insert(db, 10)
    db.wait_confirmed()
    first.kill()
    second.wait_ready()
    insert(db, 10)
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: {r.key for r in records} == {b'{"id":%d}' % i for i in range(1, 21)})


def test_a_fast_shutdown_of_the_server_is_let_go_while_the_broker_is_away(make_cluster, make_db, run, make_broker):
    server, broker = make_cluster(), make_broker()
    db = make_db(server)
    db.sql(TABLE)
    shipper = run(db, kafka=broker)
    insert(db, 10)
    db.wait_confirmed()
    broker.stop()
    insert(db, 1000)
    shipper.wait_metric("queue_records", lambda n: n > 0)
    server.stop("fast", timeout=40)
    assert shipper.running()
    server.start()
    broker.start()
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: len({r.key for r in records}) == 1010, 120)
    db.wait_confirmed()


def test_sigterm_while_the_broker_is_away_ends_in_time_and_confirms_nothing_unsent(db, run, make_broker):
    broker = make_broker()
    db.sql(TABLE)
    shipper = run(db, "--shutdown.timeout.ms=3000", kafka=broker)
    insert(db, 10)
    db.wait_confirmed()
    broker.pause()
    insert(db, 10)
    unsent = db.wal_position()
    shipper.wait_metric("records_total", lambda n: n >= 20)
    shipper.terminate()
    assert shipper.wait_exit(30) in (0, 1)
    assert db.confirmed() < unsent
    broker.resume()
    run(db, kafka=broker)
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: len({r.key for r in records}) == 20)


def test_a_second_sigterm_stops_at_once(db, run, make_broker):
    broker = make_broker()
    db.sql(TABLE)
    shipper = run(db, "--shutdown.timeout.ms=600000", kafka=broker)
    insert(db, 10)
    db.wait_confirmed()
    broker.pause()
    insert(db, 10)
    shipper.wait_metric("records_total", lambda n: n >= 20)
    shipper.terminate()
    shipper.wait_log("asked to stop")  # else the two signals may become one
    assert shipper.running()
    shipper.terminate()
    shipper.wait_exit(30)
    broker.resume()
