"""Transactions that fit in nobody's memory, and other large shapes. TUPLECAST_HUGE_ROWS (test/huge.sh): a real one."""
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from harness.wait import wait_until

ROWS = int(os.environ.get("TUPLECAST_HUGE_ROWS", 1_000_000))
PARTITIONS = 3
TABLE = "CREATE TABLE t (id bigint PRIMARY KEY, v text)"
MB = 1 << 20


def memory(pid, name="RssAnon"):
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


class Samples(threading.Thread):
    """Private memory of shipper and walsender, five times a second."""

    def __init__(self, db, shipper):
        super().__init__(daemon=True)
        self.db = db
        self.shipper = shipper
        self.end = threading.Event()
        self.rows = []

    def run(self):
        start = time.monotonic()
        while not self.end.wait(0.2):
            try:
                walsender = self.db.walsender_pid()
            except Exception:
                walsender = None  # the server restarts
            self.rows.append((time.monotonic() - start, memory(self.shipper.pid), memory(walsender) if walsender else 0))

    def stop(self):
        self.end.set()
        self.join()
        return self.rows

    def peak(self, column):
        return max(r[column] for r in self.rows)


def count_ids(broker, topic, rows):
    """(ids of 1..rows that are missing, records in all); a record of any other id, and another order than theirs in a first copy, fail."""
    seen = bytearray(rows + 1)
    total = 0
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "count", "enable.auto.commit": False, "log_level": 0,
                         "isolation.level": "read_committed", "queued.max.messages.kbytes": 65536})
    partitions = [TopicPartition(topic, p, 0) for p in range(PARTITIONS)]
    left = {p.partition: consumer.get_watermark_offsets(p, timeout=30)[1] for p in partitions}
    left = {p: n for p, n in left.items() if n}
    consumer.assign(partitions)
    highest = dict.fromkeys(range(PARTITIONS), 0)
    while left:
        for m in consumer.consume(10000, 10):
            assert not m.error(), m.error()
            key = int(m.key()[6:-1])
            partition = m.partition()
            if not seen[key]:
                assert key > highest[partition], f"{key} for the first time after {highest[partition]}"
                highest[partition] = key
            seen[key] = 1
            total += 1
            if m.offset() + 1 >= left.get(partition, 1 << 62):
                del left[partition]
    consumer.close()
    return rows - sum(seen), total


def answers(server):
    try:
        return server.value("SELECT 1") == 1
    except Exception:
        return False


@pytest.mark.timeout(3600)
def test_one_huge_transaction(make_cluster, make_db, run, make_broker):
    """Shipper and walsender are killed in the middle of it; memory stays flat, every keepalive is answered, nothing is lost."""
    server = make_cluster(wal_sender_timeout="3s", max_wal_size="8GB", shared_buffers="128MB", restart_after_crash="on")
    broker = make_broker(log__retention__ms=-1)
    db = make_db(server)
    db.sql(TABLE)
    broker.create_topic(db.topic("t"), PARTITIONS)
    option = "--logical.decoding.work.mem=16MB"
    shipper = run(db, option, kafka=broker)
    samples = Samples(db, shipper)
    samples.start()
    begin = time.monotonic()
    db.sql(f"INSERT INTO t SELECT i, repeat('x', 80) FROM generate_series(1, {ROWS}) i")
    inserted = time.monotonic() - begin

    shipper.wait_metric("records_acked_total", lambda n: n >= ROWS * 0.15, timeout=3000)
    first = time.monotonic() - begin
    shipper.kill()
    shipper = samples.shipper = run(db, option, kafka=broker)
    shipper.wait_metric("records_acked_total", lambda n: n >= ROWS * 0.15, timeout=3000)
    os.kill(db.walsender_pid(), signal.SIGKILL)
    wait_until(lambda: shipper.metric("source_reconnects_total") >= 1, 120)
    wait_until(lambda: answers(server), 600, what="the server is back")
    resumed = time.monotonic()
    db.wait_confirmed(timeout=3000)
    done = time.monotonic() - resumed
    rows = samples.stop()

    # the kill, and what the server's restart refused; no time-out among them
    assert "due to replication timeout" not in server.log_text()
    spilled = db.value("SELECT pg_size_pretty(spill_bytes) FROM pg_stat_replication_slots WHERE slot_name = %s", (db.slot,))
    missing, total = count_ids(broker, db.topic("t"), ROWS)
    print(f"\n{ROWS} rows: inserted in {inserted:.0f} s, a part of them acknowledged after {first:.0f} s; after the second kill {done:.0f} s to the end; {total} records"
          f" ({total - ROWS} twice); spilled since the restart {spilled}")
    third = len(rows) // 3
    for name, column in (("shipper", 1), ("walsender", 2)):
        peaks = [max(r[column] for r in rows[i * third:(i + 1) * third]) / MB for i in range(3)]
        print(f"{name}: private memory, peaks of the run's thirds: {', '.join(f'{p:.1f} MB' for p in peaks)}")
    assert missing == 0
    assert shipper.metric("source_reconnects_total") == 1
    assert samples.peak(1) < 80 * MB, samples.peak(1)
    assert samples.peak(2) < 80 * MB, samples.peak(2)


def spilled(db):
    return db.value("SELECT spill_bytes FROM pg_stat_replication_slots WHERE slot_name = %s", (db.slot,))


@pytest.mark.parametrize("memory_option, spills", [("1MB", True), ("1GB", False)])
def test_decoding_memory_is_set_by_our_option(db, run, memory_option, spills):
    db.sql(TABLE)
    shipper = run(db, f"--logical.decoding.work.mem={memory_option}")
    db.sql("INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 50000) i")
    db.wait_confirmed()
    shipper.stop()  # statistics are reported at the end, at the latest
    wait_until(lambda: (spilled(db) > 0) == spills and db.value(
        "SELECT total_txns FROM pg_stat_replication_slots WHERE slot_name = %s", (db.slot,)) > 0, 30,
        what=lambda: f"spilled: {spills}; it is {spilled(db)} bytes")


def test_ten_thousand_savepoints(db, run, broker):
    db.sql(TABLE)
    db.set("logical_decoding_work_mem", "64kB")  # each of them through files, too
    run(db)
    db.sql("""DO $$
BEGIN
  FOR i IN 1..10000 LOOP
    BEGIN
      INSERT INTO t VALUES (i, repeat('x', 100));
      UPDATE t SET v = 'y' WHERE id = i AND i % 5 = 0;
      IF i % 3 = 0 THEN RAISE EXCEPTION USING ERRCODE = 'TC001'; END IF;
    EXCEPTION WHEN SQLSTATE 'TC001' THEN NULL;
    END;
  END LOOP;
END $$""")
    expected = []
    for i in range(1, 10001):
        if i % 3:
            expected += [(i, "x" * 100)] + ([(i, "y")] if i % 5 == 0 else [])
    with broker.reader(db.topic("t")) as reader:
        records = reader.read_count(len(expected))
    assert [(v["id"], v["v"]) for v in (json.loads(r.value) for r in records)] == expected, "the order of the source"
    assert len({r.identity[0] for r in records}) == 1, "one transaction"


def test_a_huge_transaction_that_aborts_leaves_nothing(db, run, broker):
    db.sql(TABLE)
    db.set("logical_decoding_work_mem", "1MB")
    db.set("wal_sender_timeout", "2s")
    shipper = run(db)
    with db.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 300000) i")
        connection.execute("ROLLBACK")
    db.sql("INSERT INTO t VALUES (1, 'one')")
    with broker.reader(db.topic("t")) as reader:
        assert [r.k for r in reader.read_count(1)] == ['{"id":1}']
    db.wait_confirmed()
    assert shipper.metric("source_reconnects_total") == 0 and shipper.metric("records_total") == 1


def test_a_huge_transaction_of_which_nothing_is_published(db, run, broker):
    """The server's own silence: nothing is sent for long, and the connection lives."""
    db.sql(TABLE)
    db.sql("CREATE TABLE other (id bigint PRIMARY KEY, v text)")
    db.set("wal_sender_timeout", "2s")
    db.set("logical_decoding_work_mem", "1MB")
    shipper = run(db, "--table.include.list=public.t")
    db.sql("INSERT INTO other SELECT i, repeat('x', 100) FROM generate_series(1, 300000) i")
    db.sql("INSERT INTO t VALUES (1, 'one')")
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(1)
    db.wait_confirmed()
    assert shipper.metric("source_reconnects_total") == 0
