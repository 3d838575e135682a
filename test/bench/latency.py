"""From a commit to the arrival at a consumer, at an even rate: by tuplecast, by Debezium, and a bare producer and consumer beside them."""
import itertools
import math
import multiprocessing
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer, TopicPartition

import measure
import ship
from source import unix_us

TABLE = "narrow"
PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)
BUCKET = 1.2
# of a row that tells when it was made, in microseconds
STAMP = re.compile(rb'"([0-9]{16})"')
# rows a second → rows of a transaction
RATES = {100: 1, 1_000: 1, 10_000: 10, 50_000: 100}
_numbers = itertools.count(1)


def consume(address, topic, count, header, every, out):
    """Child process: microseconds from the time in the header of each every-th record, without a header from that in its row, to its arrival here."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "latency", "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "fetch.error.backoff.ms": 10, "log_level": 0})
    consumer.assign([TopicPartition(topic, 0, 0)])
    # of an earlier run, if it is one
    first = consumer.poll(0.5)
    out.send("reads")
    late = []
    seen = 1 if first is not None and not first.error() else 0
    while seen < count:
        message = consumer.poll(60)
        now = unix_us()
        if message is None:
            break
        if message.error():
            continue
        seen += 1
        if seen % every == 0:
            late.append(now - int(dict(message.headers())[header] if header else STAMP.search(message.value())[1]))
    consumer.close()
    out.send((seen, late))


def figures(late, **more):
    """Milliseconds; the histogram is [upper bound, records] of buckets that are a fifth wider each."""
    found = {f"p{p:g}_ms": measure.percentile(late, p) / 1000 for p in PERCENTILES}
    buckets = Counter(math.ceil(math.log(max(1, us) / 100, BUCKET)) for us in late)
    histogram = [[round(BUCKET ** n / 10, 4), buckets[n]] for n in sorted(buckets)]
    return {**found, "histogram": histogram, "max_ms": max(late) / 1000, "records": len(late), **more}


class Arrivals:
    """A consumer in a process of its own, which reads before the load begins."""

    def __init__(self, broker, topic, count, header, every):
        self.count = count
        self.receive, send = multiprocessing.Pipe(False)
        self.child = multiprocessing.get_context("spawn").Process(target=consume, args=(broker.address, topic, count, header, every, send), daemon=True)
        self.child.start()
        assert self.receive.poll(60) and self.receive.recv() == "reads"

    def late(self, skip):
        """Microseconds, without the first ones."""
        assert self.receive.poll(180), "the consumer did not get every record"
        seen, late = self.receive.recv()
        assert seen == self.count, f"{seen} of {self.count} records"
        return late[skip:]

    def destroy(self):
        self.child.terminate()
        self.child.join()


def every_of(rate):
    return max(1, rate // 2000)


def evenly(rate, batch, count, act):
    """act() for each of count / batch transactions; seconds it took"""
    start = time.monotonic()
    for i in range(count // batch):
        pause = start + i * batch / rate - time.monotonic()
        if pause > 0:
            # the load's clock: an even rate
            time.sleep(pause)
        act()
    return time.monotonic() - start


def load(source, rate, batch, count, stamped=False):
    value = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text" if stamped else "'x'"
    statement = f"INSERT INTO {TABLE} (a) SELECT {value} FROM generate_series(1, {batch})" if batch > 1 else f"INSERT INTO {TABLE} (a) VALUES ({value})"
    return evenly(rate, batch, count, lambda: source.connection.execute(statement, prepare=True))


def prepare(source):
    source.sql(f"DROP TABLE IF EXISTS {TABLE}")
    source.sql(f"CREATE TABLE {TABLE} (id bigserial PRIMARY KEY, a text)")


def tuplecast(binary, source, broker, rate, seconds, *options, batch=1):
    """dict of milliseconds, the first second left out, and of what the processes took"""
    prepare(source)
    number = next(_numbers)
    slot, prefix = f"latency_{number}", f"latency{number}"
    topic = f"{prefix}.public.{TABLE}"
    broker.create_topic(topic)
    shipper = ship.launch(binary, source.db, broker, slot, prefix, *options, tables=rf"public\.{TABLE}")
    arrivals = None
    try:
        shipper.wait_ready()
        every = every_of(rate)
        arrivals = Arrivals(broker, topic, rate * seconds, "__ts_us", every)
        walsender = source.walsender(slot)
        before = measure.cpu_seconds(walsender), measure.cpu_seconds(shipper.pid), measure.cpu_seconds(broker.process.pid)
        took = load(source, rate, batch, rate * seconds)
        late = arrivals.late(rate // every)
        spent = [now - then for now, then in zip(
            (measure.cpu_seconds(walsender), measure.cpu_seconds(shipper.pid), measure.cpu_seconds(broker.process.pid)), before)]
        found = figures(late, rate=rate * seconds / took, walsender_percent=100 * spent[0] / took, shipper_percent=100 * spent[1] / took,
                        broker_percent=100 * spent[2] / took)
        shipper.stop()
    finally:
        if arrivals:
            arrivals.destroy()
        shipper.destroy()
    source.drop_slot(slot)
    broker.delete_topics([topic])
    return found


@contextmanager
def streaming(source, broker, kind, make):
    """A peer of peers.kinds() that streams the table; gives a function of (rate, seconds, batch). Debezium tells the time of the commit in a header; of the
    others the row tells when it was inserted, which is a few hundredths of a millisecond before."""
    prepare(source)
    header = "__source_ts_us" if kind.startswith("Debezium") else None
    peer = make(source, broker, f"late{next(_numbers)}", TABLE, **({"transforms.unwrap.add.headers": "source.ts_us"} if header else {}))
    sent = 0

    def cpu():
        return measure.cpu_seconds(source.walsender(peer.slot)), measure.cpu_seconds(peer.pid), measure.cpu_seconds(broker.process.pid)

    def run(rate, seconds, batch):
        nonlocal sent
        every = every_of(rate)
        # the topic is read from its beginning: what earlier runs sent is old
        old = sent
        sent += rate * seconds
        arrivals = Arrivals(broker, peer.topic, sent, header, every)
        try:
            before = cpu()
            took = load(source, rate, batch, rate * seconds, stamped=header is None)
            late = arrivals.late((old + rate) // every)
            spent = [now - then for now, then in zip(cpu(), before)]
            return figures(late, rate=rate * seconds / took, walsender_percent=100 * spent[0] / took, shipper_percent=100 * spent[1] / took,
                           broker_percent=100 * spent[2] / took)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{peer.tail()}") from e
        finally:
            arrivals.destroy()

    try:
        broker.create_topic(peer.topic)
        peer.start()
        yield run
        peer.stop()
    finally:
        peer.destroy()
    broker.delete_topics([peer.topic])


def of_peer(source, broker, kind, make, rate, seconds):
    with streaming(source, broker, kind, make) as run:
        run(rate, 3, 1)  # warms the JVM up, and is the same for all
        return run(rate, seconds, 1)


def bare(broker, rate, seconds, batch):
    """A producer with the same settings in this process: what the broker and a consumer cost alone."""
    topic = f"bare{next(_numbers)}"
    broker.create_topic(topic)
    every = every_of(rate)
    producer = Producer({"bootstrap.servers": broker.address, "acks": "all", "enable.idempotence": True, "linger.ms": 1, "compression.type": "lz4"})
    arrivals = Arrivals(broker, topic, rate * seconds, "ts", every)
    ended = threading.Event()

    def poll():
        while not ended.is_set():
            producer.poll(0.1)
    poller = threading.Thread(target=poll, daemon=True)
    poller.start()

    def transaction():
        now = str(unix_us())
        for _ in range(batch):
            producer.produce(topic, '{"id":1,"a":"x","__deleted":"false"}', '{"id":1}', headers=[("ts", now)])
    try:
        before = measure.cpu_seconds(broker.process.pid)
        took = evenly(rate, batch, rate * seconds, transaction)
        assert producer.flush(60) == 0
        late = arrivals.late(rate // every)
        return figures(late, rate=rate * seconds / took, broker_percent=100 * (measure.cpu_seconds(broker.process.pid) - before) / took)
    finally:
        ended.set()
        arrivals.destroy()
        broker.delete_topics([topic])
