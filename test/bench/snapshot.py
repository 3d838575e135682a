"""A table of many rows into the broker: by us, by Debezium, and as JSON to nowhere."""
import subprocess
from pathlib import Path

from confluent_kafka import TopicPartition
from harness.jvm import SERVER
from harness.postgres import as_postgres
from harness.wait import wait_until

import measure
from measure import MB
from oracle import Debezium
from ship import POLL, acked, high_water, launch
from source import COLUMNS, ROWS, TABLE

NAME = "snap"
# what takes Debezium's place for its clients: flat, no schemas, as ours
CONNECTOR = {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "plugin.name": "pgoutput", "publication.autocreate.mode": "disabled", "snapshot.mode": "initial",
    "transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
}
CONVERTERS = {"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}


def fill(source, count):
    source.sql("CREATE EXTENSION IF NOT EXISTS tuplecast")
    source.sql(f"DROP TABLE IF EXISTS {NAME}; DROP PUBLICATION IF EXISTS {NAME}")
    source.sql(TABLE.replace("wide", NAME, 1))
    source.sql(f"INSERT INTO {COLUMNS.replace('wide', NAME, 1)} {ROWS} FROM generate_series(1, {count}) i")
    source.sql(f"CREATE PUBLICATION {NAME} FOR TABLE {NAME}")
    source.sql(f"VACUUM (FREEZE, ANALYZE) {NAME}")
    source.sql("CHECKPOINT")


class ServerCpu:
    """CPU seconds of the sessions that have ended since; they end a moment after their clients."""

    def __init__(self, source):
        self.source = source
        self.sessions, self.processes = self.count(), self.children()
        self.before = measure.reaped_cpu_seconds(source.cluster.postmaster_pid())

    def count(self):
        return self.source.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('client backend', 'walsender')")[0][0]

    def children(self):
        pid = self.source.cluster.postmaster_pid()
        return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    def seconds(self):
        # the postmaster knows what a session took when it has waited for its process
        wait_until(lambda: self.count() <= self.sessions and self.children() <= self.processes, what="the sessions end")
        return measure.reaped_cpu_seconds(self.source.cluster.postmaster_pid()) - self.before


def ours(binary, source, broker, number, count, *options):
    """From the start of the process until all is acknowledged."""
    prefix, slot = f"snap{number}", f"snap_{number}"
    broker.create_topic(f"{prefix}.public.{NAME}")
    server, watch = ServerCpu(source), measure.Stopwatch()
    shipper = launch(binary, source.db, broker, slot, prefix, "--snapshot.mode=initial", *options, tables=rf"public\.{NAME}")
    try:
        wait_until(lambda: acked(shipper) >= count, 600, interval=POLL, what=lambda: f"{count} rows:\n{shipper.log()[-4000:]}")
        seconds = watch.seconds()
        cpu, peak = measure.cpu_seconds(shipper.pid), shipper.peak_rss()
        shipper.stop()
        on_server = server.seconds()
    finally:
        shipper.destroy()
    written = high_water(broker, f"{prefix}.public.{NAME}")
    # marks of transactions have offsets, too
    assert written == count or "--delivery=exactly-once" in options and written > count, f"{written} records of {count} rows"
    source.drop_slot(slot)
    broker.delete_topics([f"{prefix}.public.{NAME}"])
    return {"seconds": seconds, "rows_per_second": count / seconds, "client_us": cpu / count * 1e6, "server_us": on_server / count * 1e6, "peak_rss_mb": peak / MB}


def copy(source, count):
    server, watch = ServerCpu(source), measure.Stopwatch()
    done = subprocess.run(as_postgres([str(source.cluster.bindir / "psql"), "-X", "-h", "127.0.0.1", "-p", str(source.cluster.port), "-U", "postgres", "-d", source.db.name,
                                       "-c", f"COPY (SELECT row_to_json(t) FROM {NAME} t) TO STDOUT", "-o", "/dev/null"]),
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    seconds = watch.seconds()
    return {"seconds": seconds, "rows_per_second": count / seconds, "server_us": server.seconds() / count * 1e6}


def debezium(source, broker, number, count):
    """From the first record in the topic to the last: the start of the JVM and of Connect does not count."""
    prefix, slot = f"dbz{number}", f"dbz_{number}"
    topic = f"{prefix}.public.{NAME}"
    broker.create_topic(topic)
    server = ServerCpu(source)
    connect = Debezium(broker, worker=CONVERTERS, heap="2g", jvm=SERVER)
    with broker.reader(topic) as reader:
        def there():
            return reader.consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=60)[1]
        try:
            connect.start({prefix: {**CONNECTOR, "database.hostname": "127.0.0.1", "database.port": str(source.cluster.port), "database.user": "postgres",
                                    "database.password": "x", "database.dbname": source.db.name, "topic.prefix": prefix, "slot.name": slot,
                                    "publication.name": NAME, "table.include.list": f"public.{NAME}"}})
            before = wait_until(there, 400, interval=POLL, what=connect.tail)
            watch, cpu = measure.Stopwatch(), measure.cpu_seconds(connect.process.pid)

            def finished():
                connect.check()
                return there() >= count
            wait_until(finished, 900, interval=POLL, what=connect.tail)
            seconds = watch.seconds()
            cpu = measure.cpu_seconds(connect.process.pid) - cpu
            connect.stop()
            on_server = server.seconds()
        finally:
            connect.destroy()
    source.drop_slot(slot)
    broker.delete_topics([topic])
    return {"seconds": seconds, "rows_per_second": (count - before) / seconds,
            "client_us": cpu / (count - before) * 1e6, "server_us": on_server / count * 1e6}
