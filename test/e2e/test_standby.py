"""A second process waits for the slot and takes over; several hosts; a server that is to shut down."""
import signal
import socket
import threading
import time

import pytest

from harness import ledger
from harness.wait import free_port, wait_until

TABLE = "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)"


def insert(db, n=1, v="x"):
    db.sql("INSERT INTO t (v) SELECT %s FROM generate_series(1, %s)", (v, n))


def test_a_standby_takes_over_within_two_seconds(db, run, broker):
    db.sql(ledger.DDL)
    for table in ("account", "ledger"):
        broker.create_topic(db.topic(table), 3)
    tables = "--table.include.list=public.account,public.ledger"
    active = run(db, tables)
    db.sql("UPDATE account SET pad = 'first'")
    server_log = len(db.cluster.log_text())
    seconds = []
    with ledger.Load(db) as load:
        for _ in range(5):
            standby = run(db, tables, wait=False)
            standby.wait_log("waiting to take over")
            assert standby.get("/readyz")[0] == 503 and standby.get("/livez")[0] == 200
            assert "waiting for the slot" in standby.get("/metrics")[1]
            load.wait_commits(20)
            active.kill()
            died = time.monotonic()
            # the slot's new walsender streams
            standby.wait_metric("source_connected", lambda n: n == 1, timeout=20)
            seconds.append(time.monotonic() - died)
            standby.wait_log("taking over")
            standby.wait_ready()
            active = standby
    assert max(seconds) < 2, seconds
    # waiting does not fill the server's log with refusals
    assert db.cluster.log_text()[server_log:].count("is active for PID") <= 5
    ledger.check(db, broker)


def test_a_standby_whose_server_restarts_waits_on(make_cluster, make_db, run, broker):
    server = make_cluster()
    db = make_db(server)
    db.sql(TABLE)
    first = run(db)
    second = run(db, wait=False)
    second.wait_log("waiting to take over")
    server.restart()
    # one of them has it again, the other waits
    wait_until(lambda: first.metric("ready") + second.metric("ready") == 1, 60)
    insert(db, 10)
    db.wait_confirmed()
    active, other = (first, second) if first.metric("ready") else (second, first)
    active.stop()
    other.wait_ready()
    insert(db, 10)
    db.wait_confirmed()


class Silent:
    """A host that takes connections and never says a word, as a machine that hangs."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.socket.getsockname()[1]
        self.taken = []
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()
        return self

    def _take(self):
        while True:
            try:
                self.taken.append(self.socket.accept()[0])
            except OSError:
                return

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for s in self.taken:
            s.close()


def test_a_host_that_is_silent_does_not_hide_the_next(db, run):
    db.sql(TABLE)
    with Silent() as silent:
        hosts = f"127.0.0.1:{silent.port},127.0.0.1:{db.cluster.port}"
        shipper = run(db, f"--source=postgres://postgres@{hosts}/{db.name}?connect_timeout=2", wait=False)
        shipper.wait_ready(30)
        assert silent.taken, "the first host was tried first"
        insert(db, 10)
        db.wait_confirmed()


def test_of_several_hosts_one_that_refuses_is_passed_over(db, run):
    db.sql(TABLE)
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{db.cluster.port}"
    run(db, f"--source=postgres://postgres@{hosts}/{db.name}")
    insert(db, 10)
    db.wait_confirmed()


@pytest.mark.parametrize("state", ["held", "pressed"])
def test_a_server_that_shuts_down_while_the_broker_is_away_is_let_go(make_cluster, make_db, run, make_broker, state):
    """held: the queue is full and the stream is not read; pressed: all is read, and the server asks for what is not acknowledged."""
    server, broker = make_cluster(), make_broker()
    db = make_db(server)
    db.sql(TABLE)
    shipper = run(db, "--queue.max.bytes=100000", kafka=broker)
    insert(db, 10)
    db.wait_confirmed()
    broker.process.send_signal(signal.SIGSTOP)
    if state == "held":
        insert(db, 20000, "y" * 200)
        shipper.wait_metric("backpressure_microseconds_total", lambda n: n > 0)
    else:
        insert(db, 20)
        shipper.wait_metric("queue_records", lambda n: n == 20)
    start = time.monotonic()
    server.stop("fast", timeout=60)
    seconds = time.monotonic() - start
    assert seconds < 25, seconds
    shipper.wait_log("source_shutdown")
    assert shipper.running()
    server.start()
    broker.resume()
    n = 20010 if state == "held" else 30
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: len({r.key for r in records}) == n, 120)
    db.wait_confirmed()
