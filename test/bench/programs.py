"""Peers that are one program each, which may stop and start again. They have the same methods as peers.Peer.

These two are not fetched. Where this was written the mirror of Go modules answered "403 Forbidden: This module version is not available" to the go
command for both, whether it asked for their versions, the latest one or one by its number, though it has all that they are built from. So whoever wants
them in the comparison builds them and names them: --peer NAME=PROGRAM. All else is the same for them as for the others."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.wait import free_port, wait_until

USER = "postgres"
# how long a record waits for others, where one can say so
BATCH_MS = 10


class ProgramPeer:
    """A peer's slot, publication and topic have its name."""
    program = None

    def __init__(self, binary, source, broker, name, table):
        self.source, self.broker, self.name, self.slot, self.topic, self.table = source, broker, name, name, name, table
        self.binary = str(Path(binary).resolve())
        self.dir = Path(tempfile.mkdtemp(prefix=f"tuplecast-{self.program}-"))
        self.log = self.dir / "log"
        self.process = None
        self.prepared = False

    def prepare(self):
        """Before the first launch."""

    def command(self):
        return [self.binary]

    def environment(self):
        return {}

    def launch(self):
        if not self.prepared:
            self.prepare()
            self.prepared = True
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(self.command(), env={**os.environ, **self.environment()}, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=self.dir)

    def start(self):
        self.launch()

        def active():
            self.check()
            return self.source.cluster.value("SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name = %s", (self.slot,)) == 1
        wait_until(active, 120, what=lambda: f"slot {self.slot} is active\n{self.tail()}")

    @property
    def pid(self):
        return self.process.pid

    def check(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.program} ended with {self.process.returncode}\n{self.tail()}")

    def tail(self, size=4000):
        return self.log.read_text(errors="replace")[-size:]

    def stop(self, timeout=60):
        """Gracefully, so that the slot is where it ended."""
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.program} did not end\n{self.tail()}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def clean_up(self):
        """After the last stop."""

    def destroy(self):
        try:
            if self.process and self.process.poll() is None:
                self.kill()
            self.clean_up()
            if self.source.sql("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", (self.slot,)):
                self.source.drop_slot(self.slot)
            self.source.sql(f"DROP PUBLICATION IF EXISTS {self.name}")
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)


class GoPqCdcKafka(ProgramPeer):
    """A library: the program is a main() around it that takes its settings from the environment below and sends each row as the JSON of NewData with the
    key `id`. Measured with requiredAcks=-1 (its default, 1, is the leader alone), compression=3 (lz4), producerBatchSize=10000 as in the project's own
    benchmark, and BATCH_MS as producerBatchTickerDuration; its defaults are 2,000 records or 10 s."""
    program = "go-pq-cdc-kafka"

    def environment(self):
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.source.cluster.port), "PGUSER": USER, "PGPASSWORD": "x", "PGDATABASE": self.source.db.name,
                "SLOT": self.slot, "TABLE": self.table, "TOPIC": self.topic, "BROKER": self.broker.address, "BATCH_MS": str(BATCH_MS),
                "METRICS_PORT": str(free_port())}


class Pgstream(ProgramPeer):
    """It reads wal2json and always waits for all in-sync replicas; it cannot compress. Its batches have 100 records by default; these are as large as a
    broker takes by default."""
    program = "pgstream"

    def __init__(self, binary, source, *args):
        if "wal2json" not in source.plugins:
            raise RuntimeError("pgstream needs wal2json, which this server does not have")
        super().__init__(binary, source, *args)

    def _run(self, *arguments):
        done = subprocess.run([self.binary, *arguments, "-c", self.dir / "pgstream.yaml"], capture_output=True, text=True, cwd=self.dir, timeout=120)
        if done.returncode != 0:
            raise AssertionError(f"pgstream {arguments[0]} ended with {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}")

    def prepare(self):
        (self.dir / "pgstream.yaml").write_text(f"""
source:
  postgres:
    url: "{self.source.db.url}?sslmode=disable"
    mode: replication
    replication:
      replication_slot: "{self.slot}"
target:
  kafka:
    servers: ["{self.broker.address}"]
    topic:
      name: "{self.topic}"
      partitions: 1
      replication_factor: 1
    batch:
      timeout: {BATCH_MS}
      size: 10000
      max_bytes: 1000000
modifiers:
  filter:
    include_tables: ["public.{self.table}"]
""")
        self._run("init")

    def command(self):
        return [self.binary, "run", "--log-level", "warn", "-c", self.dir / "pgstream.yaml"]

    def clean_up(self):
        if self.prepared:
            self._run("destroy")


# as --peer names them
PROGRAMS = {peer.program: peer for peer in (GoPqCdcKafka, Pgstream)}
