"""Others beside tuplecast: streams of the same changes into one broker."""
import functools
import itertools
import re
import sys

from confluent_kafka import KafkaException, TopicPartition
from harness.jvm import SERVER
from harness.wait import TimedOut, wait_until
from oracle import Debezium

import measure
import ship
from measure import MB
from programs import PROGRAMS
from report import burst_default
from source import COLUMNS, ROWS, TABLE

NAME = "peer"
# the same batches and compression for both; what tuning adds is what its documentation names
WORKER = {"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false", "producer.compression.type": "lz4",
          "producer.acks": "all"}
TUNED_WORKER = {"producer.linger.ms": "5", "producer.batch.size": "524288"}
TUNED = {"max.batch.size": "16384", "max.queue.size": "65536", "poll.interval.ms": "10"}
CONNECTOR = {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "plugin.name": "pgoutput",
    "publication.autocreate.mode": "filtered", "snapshot.mode": "initial",
    "transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
}
# of a peer that failed, so much of what it said is told
LINES = 12


class Peer:
    """A connector of one table, with its own Kafka Connect, which may stop and start again."""

    def __init__(self, source, broker, name, table, tuned, **more):
        self.source, self.broker, self.name, self.slot = source, broker, name, name
        self.topic = f"{name}.public.{table}"
        self.config = {**CONNECTOR, "database.hostname": "127.0.0.1", "database.port": str(source.cluster.port), "database.user": "postgres",
                       "database.password": "x", "database.dbname": source.db.name, "topic.prefix": name, "slot.name": name,
                       "publication.name": name, "table.include.list": f"public.{table}", **(TUNED if tuned else {}), **more}
        self.connect = Debezium(broker, worker={**WORKER, **(TUNED_WORKER if tuned else {})}, heap="2g", jvm=SERVER)

    def launch(self):
        self.connect.start({self.name: self.config})

    def start(self):
        self.launch()
        self.connect.wait_streaming(self.source.cluster, [self.slot])

    @property
    def pid(self):
        return self.connect.process.pid

    def check(self):
        self.connect.check()

    def tail(self):
        return self.connect.tail()

    def stop(self):
        self.connect.stop()

    def destroy(self):
        self.connect.destroy()
        try:
            self.source.drop_slot(self.slot)
        except IndexError:
            pass  # it never came so far
        self.source.sql(f"DROP PUBLICATION IF EXISTS {self.name}")


def kinds(programs):
    """programs: name → path, of programs.PROGRAMS. What it is called → what its slot and its topic are called, and what makes it of (source, broker,
    name, table)."""
    found = {
        "Debezium, defaults": ("dbzdefault", lambda *args, **more: Peer(*args, False, **more)),
        "Debezium, tuned": ("dbztuned", lambda *args, **more: Peer(*args, True, **more)),
    }
    for name, path in programs.items():
        found[name] = (re.sub("[^a-z]", "", name), functools.partial(PROGRAMS[name], path))
    return found


def insert(source, count):
    """count rows in transactions of ten; the id of the last"""
    source.sql(f"""DO $$ BEGIN FOR t IN 1..{count // 10} LOOP
        INSERT INTO {COLUMNS.replace('wide', NAME, 1)} {ROWS} FROM generate_series(t * 10 + 1, t * 10 + 10) i; COMMIT; END LOOP; END $$""")
    return source.sql(f"SELECT max(id) FROM {NAME}")[0][0]


def peak_rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM:"))


class Arrived:
    """What a topic of one partition holds, whoever wrote it."""

    def __init__(self, broker, topic):
        self.reader, self.topic = broker.reader(topic), topic
        # bytes of the last record that was read, key and value
        self.size = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()

    def end(self):
        """On a busy machine a broker may have no leader for a moment: it is asked again."""
        def ask():
            try:
                return self.reader.consumer.get_watermark_offsets(TopicPartition(self.topic, 0), timeout=60)
            except KafkaException:
                return None
        return wait_until(ask, 60, interval=ship.POLL, what=f"the end of {self.topic}")[1]

    def last(self):
        """The value of the last record; the topic is not read on after it."""
        consumer = self.reader.consumer
        consumer.assign([TopicPartition(self.topic, 0, self.end() - 1)])
        try:
            message = wait_until(lambda: next((m for m in consumer.consume(1, 1) if not m.error()), None), 60, interval=0, what="the last record")
            self.size = len(message.key() or b"") + len(message.value())
            return message.value()
        finally:
            consumer.unassign()

    def is_last(self, number):
        return re.search(rb"(?<!\d)%d(?!\d)" % number, self.last()) is not None


class Streams:
    """Each stops before the rows are made, and starts to catch up with them. A peer that fails is left out from then on, and `failed` tells why."""

    def __init__(self, binary, source, broker, peer_kinds):
        self.binary, self.source, self.broker, self.kinds = binary, source, broker, peer_kinds
        source.sql(TABLE.replace("wide", NAME, 1))
        burst = "false" if burst_default(binary) == "true" else "true"
        self.ours = {"tuplecast": ("ours", ()), f"tuplecast, decoding.burst={burst}": ("oursburst", (f"--decoding.burst={burst}",)),
                     "tuplecast, exactly-once": ("oursonce", ("--delivery=exactly-once",))}
        self.peers, self.failed, self.last_id = {}, {}, {}
        for name in self.kinds:
            self.guarded(name, self.set_up, name)
        for prefix, options in self.ours.values():
            broker.create_topic(f"{prefix}.public.{NAME}")
            shipper = self.shipper(prefix, options)
            try:
                shipper.wait_ready()
                shipper.stop()
            finally:
                shipper.destroy()

    def set_up(self, name):
        own_name, make = self.kinds[name]
        peer = self.peers[name] = make(self.source, self.broker, own_name, NAME)
        self.broker.create_topic(peer.topic)
        peer.start()
        # Debezium remembers where it is with what it sends: without a record it would begin again with a snapshot
        last_id = insert(self.source, 10)
        with Arrived(self.broker, peer.topic) as topic:
            def there():
                peer.check()
                return topic.end() and topic.is_last(last_id)
            wait_until(there, 120, what=lambda: f"its first records\n{peer.tail()}")
        self.let_confirm(peer)
        peer.stop()

    def guarded(self, name, act, *args):
        """What act gives; None if it fails, or this peer has failed before."""
        if name in self.failed:
            return None
        try:
            return act(*args)
        except Exception as e:  # whatever is wrong with a peer, the others are measured
            self.failed[name] = f"{type(e).__name__}: {e}"
            said = self.failed[name].strip().splitlines()
            print(f"  peers: {name} FAILED and is left out: {said[0]}", *(f"    {line}" for line in said[1:][-LINES:]), sep="\n", file=sys.stderr, flush=True)
            self.discard(name)
            return None

    def discard(self, name):
        """Its slot, too: it would hold the WAL."""
        peer = self.peers.pop(name, None)
        if peer:
            try:
                peer.destroy()
            except Exception as e:
                print(f"  peers: {name} is not cleaned up: {e}", file=sys.stderr, flush=True)

    def shipper(self, prefix, options):
        return ship.launch(self.binary, self.source.db, self.broker, prefix, prefix, "--format=flat", "--headers.identity=false", *options, tables=rf"public\.{NAME}")

    def taking(self, pid):
        """From now on: a function that says, of so many rows of so many bytes since, what a client and the broker took for them."""
        cpu, of_broker, watch = measure.cpu_seconds(pid), measure.cpu_seconds(self.broker.process.pid), measure.Stopwatch()

        def taken(rows, size):
            seconds = watch.seconds()
            # of very few rows all may have come at once
            rows = max(1, rows)
            return {"seconds": seconds, "rows_per_second": rows / seconds, "mb_per_second": rows * size / MB / seconds,
                    "client_us": (measure.cpu_seconds(pid) - cpu) / rows * 1e6, "broker_us": (measure.cpu_seconds(self.broker.process.pid) - of_broker) / rows * 1e6}
        return taken

    def catch_up_ours(self, name, count):
        """Timed as a peer is: from the first record on."""
        prefix, options = self.ours[name]
        whole = measure.Stopwatch()
        shipper = self.shipper(prefix, options)
        try:
            before = wait_until(lambda: ship.acked(shipper), 60, interval=ship.POLL, what=lambda: f"the first record:\n{shipper.log()[-3000:]}")
            starting = whole.seconds()
            taken = self.taking(shipper.pid)
            ship.wait_acked(shipper, count, interval=ship.POLL)
            found = {**taken(count - before, shipper.metric("record_bytes_total") / count),
                     "walsender_us": measure.cpu_seconds(self.source.walsender(prefix)) / count * 1e6, "peak_rss_mb": shipper.peak_rss() / MB, "first_record_s": starting}
            shipper.stop()
        finally:
            shipper.destroy()
        return found

    def catch_up_peer(self, name, count, last_id):
        """From its first record in the topic to its last: how long it takes to start does not count. What it sends once more after a restart is work, too:
        it is counted, and told."""
        peer = self.peers[name]
        with Arrived(self.broker, peer.topic) as topic:
            begin = topic.end()

            def came():
                peer.check()
                return topic.end() - begin
            whole = measure.Stopwatch()
            peer.launch()
            before = wait_until(came, 400, interval=ship.POLL, what=lambda: f"the first record\n{peer.tail()}")
            starting = whole.seconds()
            taken = self.taking(peer.pid)
            wait_until(lambda: came() >= count and topic.is_last(last_id), 900, interval=ship.POLL,
                       what=lambda: f"all of {count} records, there are {topic.end() - begin}\n{peer.tail()}")
            sent = came()
            # all rows are alike
            found = {**taken(sent - before, topic.size), "walsender_us": measure.cpu_seconds(self.source.walsender(peer.slot)) / sent * 1e6,
                     "peak_rss_mb": peak_rss(peer.pid) / MB, "first_record_s": starting, "sent_again": sent - count}
            self.let_confirm(peer)
            peer.stop()
        return found

    def let_confirm(self, peer):
        """Some confirm a while after the last record. Who never does sends it all again in the next round."""
        try:
            wait_until(lambda: self.source.sql("SELECT pg_current_wal_lsn() - confirmed_flush_lsn < 65536 FROM pg_replication_slots WHERE slot_name = %s",
                                               (peer.slot,))[0][0], 15, what="the slot is at the end")
        except TimedOut:
            print(f"  peers: {peer.slot} has not confirmed what it sent", file=sys.stderr, flush=True)

    def runs(self, count):
        """name → function of the round's number, which gives None for a peer that failed; the rows are made before the first of a round."""
        def run(name, number):
            if number not in self.last_id:
                self.last_id[number] = insert(self.source, count)
            if name in self.ours:
                return self.catch_up_ours(name, count)
            return self.guarded(name, self.catch_up_peer, name, count, self.last_id[number])
        return {name: lambda number, name=name: run(name, number) for name in [*self.ours, *self.kinds]}

    def destroy(self):
        for name in list(self.peers):
            self.discard(name)


_numbers = itertools.count(1)


def start_to_first_record(binary, source, broker):
    """Milliseconds from the start of the process to a waiting change's arrival at a consumer that listens already."""
    source.sql("CREATE TABLE IF NOT EXISTS starting (id bigserial PRIMARY KEY)")
    name = f"start{next(_numbers)}"
    topic = f"{name}.public.starting"
    broker.create_topic(topic)
    source.sql("SELECT pg_create_logical_replication_slot(%s, 'tuplecast')", (name,))
    source.sql("INSERT INTO starting DEFAULT VALUES")
    with broker.reader(topic) as reader:
        reader.poll()
        watch = measure.Stopwatch()
        shipper = ship.launch(binary, source.db, broker, name, name, tables=r"public\.starting")
        try:
            wait_until(lambda: reader.poll() or reader.records, 60, interval=0)
            seconds = watch.seconds()
            shipper.stop()
        finally:
            shipper.destroy()
    source.drop_slot(name)
    broker.delete_topics([topic])
    return {"ms": seconds * 1000}
