"""A table is read while changes of another one stream: what that does to their way from the commit to a consumer."""
import multiprocessing
import re
import threading
import time

from confluent_kafka import Consumer, TopicPartition
from harness.wait import wait_until

import latency
import measure
import ship
import snapshot
from measure import MB
from source import unix_us

NUMBER = re.compile(rb'"id":([0-9]+)')


def consume(address, topic, out):
    """Child process: microseconds from commit to arrival here of each record, in order, until the pipe has the number of the last one."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "incremental", "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "fetch.error.backoff.ms": 10, "log_level": 0})
    consumer.assign([TopicPartition(topic, 0, 0)])
    consumer.poll(0.5)
    out.send("reads")
    late, last = [], None
    while last is None or len(late) < last:
        message = consumer.poll(0.5)
        now = unix_us()
        if message is None or message.error():
            if out.poll():
                last = out.recv()
            continue
        number = int(NUMBER.search(message.key())[1])
        if number <= len(late):
            continue  # a repeat
        assert number == len(late) + 1, f"{number} behind {len(late)}"
        late.append(now - int(dict(message.headers())["__ts_us"]))
    consumer.close()
    out.send(late)


class Load(threading.Thread):
    """Transactions of one row at an even rate, until it is stopped. committed: how many."""

    def __init__(self, source, rate):
        super().__init__(daemon=True)
        self.connection, self.rate, self.ended, self.committed, self.failed = source.db.connect(), rate, threading.Event(), 0, None
        self.start()

    def run(self):
        start = time.monotonic()
        try:
            while not self.ended.is_set():
                pause = start + self.committed / self.rate - time.monotonic()
                if pause > 0:
                    # the load's clock: an even rate
                    time.sleep(pause)
                self.connection.execute(f"INSERT INTO {latency.TABLE} (a) VALUES ('x')", prepare=True)
                self.committed += 1
        except Exception as e:  # whoever stops it says so
            self.failed = e

    def stop(self):
        self.ended.set()
        self.join()
        self.connection.close()
        assert self.failed is None, self.failed


def run(binary, source, broker, number, rate, seconds, count, *options):
    """Two dicts of figures: before the snapshot, the first second left out, and while it runs."""
    latency.prepare(source)
    prefix, slot = f"incr{number}", f"incr_{number}"
    topic, rows_topic = f"{prefix}.public.{latency.TABLE}", f"{prefix}.public.{snapshot.NAME}"
    for name in (topic, rows_topic):
        broker.create_topic(name)
    shipper = ship.launch(binary, source.db, broker, slot, prefix, "--snapshot.mode=no_data", *options, tables=rf"public\.({latency.TABLE}|{snapshot.NAME})")
    pipe, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=consume, args=(broker.address, topic, theirs))
    load = None
    try:
        shipper.wait_ready()
        child.start()
        assert pipe.poll(60) and pipe.recv() == "reads"
        walsender = source.walsender(slot)

        def state():
            return time.monotonic(), load.committed, measure.cpu_seconds(shipper.pid), measure.cpu_seconds(walsender)

        load = Load(source, rate)
        wait_until(lambda: load.committed >= rate or load.failed, what="the load runs")
        states = [state()]
        wait_until(lambda: load.committed >= rate * (seconds + 1) or load.failed, seconds + 60, interval=ship.POLL, what="the load goes on")
        states.append(state())
        before_mb = shipper.rss() / MB
        source.sql("SELECT tuplecast.signal('execute-snapshot', %s)", ('{"data-collections": ["public.%s"]}' % snapshot.NAME,))
        shipper.wait_log("an incremental snapshot begins")
        wait_until(lambda: shipper.metric("incremental_snapshot_running") == 0, 600, interval=0.1, what=lambda: f"the end of the snapshot:\n{shipper.log()[-4000:]}")
        states.append(state())
        load.stop()
        chunks = shipper.metric("incremental_snapshot_chunks_total")
        peak_mb = shipper.peak_rss() / MB
        pipe.send(load.committed)
        assert pipe.poll(120), "the consumer did not get every record"
        late = pipe.recv()
        shipper.stop()
    finally:
        if load and load.is_alive():
            load.stop()
        shipper.destroy()
        if child.is_alive():
            child.terminate()
            child.join()
    written = ship.high_water(broker, rows_topic)
    source.drop_slot(slot)
    broker.delete_topics([topic, rows_topic])
    # marks of transactions have offsets, too
    assert written == count or "--delivery=exactly-once" in options and written > count, f"{written} records of {count} rows"
    figures = []
    for then, now in zip(states, states[1:]):
        took = now[0] - then[0]
        figures.append(latency.figures(late[then[1]:now[1]], seconds=took, rate=(now[1] - then[1]) / took, shipper_percent=100 * (now[2] - then[2]) / took,
                                       walsender_percent=100 * (now[3] - then[3]) / took))
    figures[0]["rss_mb"] = before_mb
    figures[1] |= {"rss_mb": peak_mb, "snapshot_rows_per_second": count / figures[1]["seconds"], "chunks": chunks}
    return figures
