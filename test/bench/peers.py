"""Debezium beside tuplecast: streams of the same changes into one broker."""
import itertools

from confluent_kafka import TopicPartition
from harness.wait import wait_until
from oracle import Debezium

import measure
import ship
from measure import MB
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
LIMITS = {"rows_per_second": 300_000, "to_tuned": 10, "cpu_us": 4.0, "start_ms": 300}


class Peer:
    """A connector of one table, with its own Kafka Connect, which may stop and start again."""

    def __init__(self, source, broker, name, table, tuned, **more):
        self.source, self.broker, self.name, self.slot = source, broker, name, name
        self.topic = f"{name}.public.{table}"
        self.config = {**CONNECTOR, "database.hostname": "127.0.0.1", "database.port": str(source.cluster.port), "database.user": "postgres",
                       "database.password": "x", "database.dbname": source.db.name, "topic.prefix": name, "slot.name": name,
                       "publication.name": name, "table.include.list": f"public.{table}", **(TUNED if tuned else {}), **more}
        self.connect = Debezium(broker, worker={**WORKER, **(TUNED_WORKER if tuned else {})})

    def launch(self):
        self.connect.start({self.name: self.config})

    def start(self):
        self.launch()
        self.connect.wait_streaming(self.source.cluster, [self.slot])

    def stop(self):
        self.connect.stop()

    def destroy(self):
        self.connect.destroy()
        try:
            self.source.drop_slot(self.slot)
        except IndexError:
            pass  # it never came so far
        self.source.sql(f"DROP PUBLICATION IF EXISTS {self.name}")


def insert(source, count):
    source.sql(f"""DO $$ BEGIN FOR t IN 1..{count // 10} LOOP
        INSERT INTO {COLUMNS.replace('wide', NAME, 1)} {ROWS} FROM generate_series(t * 10 + 1, t * 10 + 10) i; COMMIT; END LOOP; END $$""")


def peak_rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM:"))


class Streams:
    """Each stops before the rows are made, and starts to catch up with them."""

    def __init__(self, binary, source, broker):
        self.binary, self.source, self.broker = binary, source, broker
        source.sql(TABLE.replace("wide", NAME, 1))
        self.peers = {"Debezium, defaults": Peer(source, broker, "dbzdefault", NAME, False), "Debezium, tuned": Peer(source, broker, "dbztuned", NAME, True)}
        self.ours = {"tuplecast": ("ours", ()), "tuplecast, decoding.burst=true": ("oursburst", ("--decoding.burst=true",)),
                     "tuplecast, exactly-once": ("oursonce", ("--delivery=exactly-once",))}
        self.done = {name: 0 for name in [*self.peers, *self.ours]}
        for peer in self.peers.values():
            broker.create_topic(peer.topic)
            peer.start()
            peer.stop()
        for prefix, options in self.ours.values():
            broker.create_topic(f"{prefix}.public.{NAME}")
            shipper = self.shipper(prefix, options)
            try:
                shipper.wait_ready()
                shipper.stop()
            finally:
                shipper.destroy()

    def shipper(self, prefix, options):
        return ship.launch(self.binary, self.source, self.broker, prefix, prefix, "--format=flat", "--headers.identity=false", *options, table=NAME)

    def catch_up_ours(self, name, count):
        prefix, options = self.ours[name]
        watch = measure.Stopwatch()
        shipper = self.shipper(prefix, options)
        try:
            ship.wait_acked(shipper, count, interval=ship.POLL)
            seconds = watch.seconds()
            found = {"seconds": seconds, "rows_per_second": count / seconds, "client_us": measure.cpu_seconds(shipper.pid) / count * 1e6,
                     "walsender_us": measure.cpu_seconds(self.source.walsender(prefix)) / count * 1e6, "peak_rss_mb": shipper.peak_rss() / MB}
            shipper.stop()
        finally:
            shipper.destroy()
        return found

    def catch_up_debezium(self, name, count):
        """From the first record in the topic to the last: the start of the JVM and of Connect does not count."""
        peer = self.peers[name]
        target = self.done[name] + count
        with self.broker.reader(peer.topic) as reader:
            def there():
                peer.connect.check()
                return reader.consumer.get_watermark_offsets(TopicPartition(peer.topic, 0), timeout=60)[1]
            whole = measure.Stopwatch()
            peer.launch()
            before = wait_until(lambda: there() if there() > self.done[name] else None, 400, interval=ship.POLL, what=peer.connect.tail)
            starting = whole.seconds()
            cpu = measure.cpu_seconds(peer.connect.process.pid)
            watch = measure.Stopwatch()
            wait_until(lambda: there() >= target, 900, interval=ship.POLL, what=peer.connect.tail)
            seconds = watch.seconds()
            rows = target - before
            found = {"seconds": seconds, "rows_per_second": rows / seconds, "client_us": (measure.cpu_seconds(peer.connect.process.pid) - cpu) / rows * 1e6,
                     "walsender_us": measure.cpu_seconds(self.source.walsender(peer.slot)) / count * 1e6,
                     "peak_rss_mb": peak_rss(peer.connect.process.pid) / MB, "first_record_s": starting}
            peer.stop()
        self.done[name] = target
        return found

    def runs(self, count):
        """name → function of the round's number; the rows are made before the first of a round."""
        filled = set()

        def run(name, number):
            if number not in filled:
                insert(self.source, count)
                filled.add(number)
            return self.catch_up_ours(name, count) if name in self.ours else self.catch_up_debezium(name, count)
        return {name: lambda number, name=name: run(name, number) for name in [*self.ours, *self.peers]}

    def destroy(self):
        for peer in self.peers.values():
            peer.destroy()


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
        shipper = ship.launch(binary, source, broker, name, name, table="starting")
        try:
            wait_until(lambda: reader.poll() or reader.records, 60, interval=0)
            seconds = watch.seconds()
            shipper.stop()
        finally:
            shipper.destroy()
    source.drop_slot(name)
    broker.delete_topics([topic])
    return {"ms": seconds * 1000}
