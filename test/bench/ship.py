"""The shipper to a real broker: throughput, memory, latency."""
import signal
import threading
import time

from confluent_kafka import TopicPartition
from harness.shipper import Shipper, parse_metrics
from harness.wait import wait_until

import measure
from measure import MB

POLL = 0.02


def launch(binary, db, broker, slot, prefix, *options, tables=r"public\.wide"):
    """As the image of deploy/ would start it. tables: table.include.list"""
    return Shipper(binary, "--source", db.url, "--kafka", broker.address, "--prefix", prefix, f"--slot.name={slot}",
                   f"--table.include.list={tables}", *options, env=measure.IMAGE).start()


def acked(shipper):
    assert shipper.running(), f"the shipper ended:\n{shipper.log()[-4000:]}"
    status, body = shipper.get("/metrics")
    return parse_metrics(body)["tuplecast_records_acked_total"] if status == 200 else 0


def wait_acked(shipper, count, timeout=600, interval=0.2):
    wait_until(lambda: acked(shipper) >= count, timeout, interval=interval, what=lambda: f"{count} records acknowledged:\n{shipper.log()[-4000:]}")


def high_water(broker, topic):
    with broker.reader(topic) as reader:
        return reader.consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=60)[1]


def throughput(binary, source, broker, prefix, *options, base="base", tables=r"public\.wide", rows=None):
    """All changes behind a slot: a dict of figures. The topics are the caller's."""
    rows = rows or source.rows
    slot = source.new_slot("tuplecast", base)
    before = [measure.machine_cpu_seconds(), measure.cpu_seconds(broker.process.pid), time.process_time()]
    watch = measure.Stopwatch()
    shipper = launch(binary, source.db, broker, slot, prefix, *options, tables=tables)
    try:
        wait_acked(shipper, rows, interval=POLL)
        seconds = watch.seconds()
        main_thread, whole = measure.thread_cpu_seconds(shipper.pid), measure.cpu_seconds(shipper.pid)
        walsender = measure.cpu_seconds(source.walsender(slot))
        machine, of_broker, bench = (now - then for now, then in zip(
            [measure.machine_cpu_seconds(), measure.cpu_seconds(broker.process.pid), time.process_time()], before))
        figures = {
            "rows": rows,
            "seconds": seconds,
            "rows_per_second": rows / seconds,
            "mb_per_second": shipper.metric("record_bytes_total") / MB / seconds,
            "main_thread_us": main_thread / rows * 1e6,
            "shipper_us": whole / rows * 1e6,
            "walsender_us": walsender / rows * 1e6,
            "broker_us": of_broker / rows * 1e6,
            "peak_rss_mb": shipper.peak_rss() / MB,
            # cores that processes of others had in the meantime
            "bench_cores": bench / seconds,
            "others_cores": max(0.0, machine - whole - walsender - of_broker - bench) / seconds,
        }
        shipper.stop()
    finally:
        shipper.destroy()
    source.drop_slot(slot)
    return figures


def wide(binary, source, broker, number, *options):
    """The eight columns' rows, into a topic that held nothing before."""
    prefix = f"ship{number}"
    topic = f"{prefix}.public.wide"
    broker.create_topic(topic)
    figures = throughput(binary, source, broker, prefix, *options)
    written = high_water(broker, topic)
    # marks of transactions have offsets, too
    marked = "--delivery=exactly-once" in options
    assert written == source.rows or marked and written > source.rows, f"{written} records in the topic, {source.rows} rows"
    broker.delete_topics([topic])
    return figures


# ---- memory -----------------------------------------------------------------


class RssSeries(threading.Thread):
    """Resident memory of a process, once a second."""

    def __init__(self, pid, every=1.0):
        super().__init__(daemon=True)
        self.pid, self.every, self.series, self.ended = pid, every, [], threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(self.every):
            try:
                self.series.append(measure.rss(self.pid))
            except (FileNotFoundError, ProcessLookupError, StopIteration):
                # the process is gone; whoever waits for it says so
                return

    def stop(self):
        self.ended.set()
        self.join()
        return [round(n / MB, 1) for n in self.series]


def paused_broker(binary, source, broker, number, *options):
    """The broker stops in the middle of the large transaction, and goes on: nothing lost, memory flat."""
    slot = source.new_slot("tuplecast")
    prefix = f"paused{number}"
    broker.create_topic(f"{prefix}.public.wide")
    shipper = launch(binary, source.db, broker, slot, prefix, *options)
    paused = False
    try:
        # the last rows are the large transaction's
        wait_acked(shipper, source.rows * 0.65, interval=0.005)
        broker.pause()
        paused = True
        before = shipper.metric("backpressure_microseconds_total")
        shipper.wait_metric("backpressure_microseconds_total", lambda n: n > before + 5_000_000, 60)
        waiting = shipper.rss()
        held = shipper.metric("queue_records")
        broker.resume()
        paused = False
        wait_acked(shipper, source.rows)
        peak = shipper.peak_rss()
        shipper.stop()
    finally:
        if paused:
            broker.resume()
        shipper.destroy()
    written = high_water(broker, f"{prefix}.public.wide")
    source.drop_slot(slot)
    broker.delete_topics([f"{prefix}.public.wide"])
    return {"rows": source.rows, "written": written, "held_records": held, "waiting_rss_mb": waiting / MB, "peak_rss_mb": peak / MB}


class SlowBroker(threading.Thread):
    """Stops and continues the broker: it works a part of the time."""

    def __init__(self, broker, work=0.05, pause=0.20):
        super().__init__(daemon=True)
        self.broker, self.work, self.pause, self.ended = broker, work, pause, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(self.work):
            self.broker.process.send_signal(signal.SIGSTOP)
            self.ended.wait(self.pause)
            self.broker.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.ended.set()
        self.join()
        self.broker.resume()


def large_transaction(binary, source, broker, number, rows, *options):
    """One transaction of narrow rows to a slow broker: the series of resident memory."""
    source.sql("CREATE TABLE tall (id bigint PRIMARY KEY, n int)")
    slot = f"tall_{number}"
    prefix = f"tall{number}"
    broker.create_topic(f"{prefix}.public.tall")
    source.sql("SELECT pg_create_logical_replication_slot(%s, 'tuplecast')", (slot,))
    source.sql(f"INSERT INTO tall SELECT i, i FROM generate_series(1, {rows}) i")
    shipper = launch(binary, source.db, broker, slot, prefix, *options, tables=r"public\.tall")
    slow = SlowBroker(broker)
    series = RssSeries(shipper.pid)
    watch = measure.Stopwatch()
    try:
        wait_acked(shipper, rows, 1800)
        seconds = watch.seconds()
        peak = shipper.peak_rss()
        reconnects = shipper.metric("source_reconnects_total")
        slow.stop()
        mb = series.stop()
        shipper.stop()
    finally:
        slow.stop()
        shipper.destroy()
    written = high_water(broker, f"{prefix}.public.tall")
    source.drop_slot(slot)
    source.sql("DROP TABLE tall")
    broker.delete_topics([f"{prefix}.public.tall"])
    return {"rows": rows, "written": written, "seconds": seconds, "reconnects": reconnects, "peak_rss_mb": peak / MB, "rss_mb": mb}
