"""The database whose changes are measured: one base slot, copied for each run, so that all decode the same WAL."""
import itertools
import shutil
import subprocess
import time

from harness.postgres import Database, PostgresCluster, as_postgres
from harness.wait import TimedOut, wait_until

import measure

ROWS = """SELECT 'user-' || i, md5(i::text), timestamp '2025-01-01' + i * interval '1 second', (i % 1000000) * 1.01, i % 2 = 0,
    jsonb_build_object('n', i, 'tag', 'row', 'list', jsonb_build_array(1, 2, 3)), i * 0.5::float8 + 0.25"""
TABLE = """CREATE TABLE wide (id bigserial PRIMARY KEY, name text, digest text, made_at timestamp, amount numeric(12,2), active boolean,
    extra jsonb, ratio float8)"""
COLUMNS = "wide (name, digest, made_at, amount, active, extra, ratio)"
PUBLICATION = "bench"
_numbers = itertools.count(1)


class Source:
    def __init__(self, bindir):
        self.cluster = PostgresCluster(bindir, shared_buffers="512MB", max_wal_size="16GB", checkpoint_timeout="1h", autovacuum="off",
                                       max_replication_slots=60, max_wal_senders=40, max_connections=200, log_min_messages="warning")
        # links of the private installation, if the machine has them
        self.plugins = [name for name in ("test_decoding", "wal2json", "decoderbufs") if (self.pkglibdir() / f"{name}.so").exists()]
        if self.cluster.knows_output_plugin_libraries():
            self.cluster.configure(output_plugin_libraries=", ".join(["pgoutput", "tuplecast", *self.plugins]))
        self.connection = None

    def start(self, small_transactions, large_rows):
        self.cluster.start()
        self.db = Database(self.cluster, "bench")
        # kept: a connection that ends would count as a reaped child
        self.connection = self.db.connect()
        self.fill(small_transactions, large_rows)

    def pkglibdir(self):
        config = shutil.which("pg_config") or "pg_config"
        installed = subprocess.run([config, "--pkglibdir"], capture_output=True, text=True, check=True).stdout.strip()
        root = str(self.cluster.bindir)[:-len(subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip())]
        return type(self.cluster.bindir)(root + installed)

    def sql(self, statement, params=None):
        cursor = self.connection.execute(statement, params)
        return cursor.fetchall() if cursor.description else []

    def fill(self, small_transactions, large_rows):
        self.sql(TABLE)
        self.sql(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE wide")
        self.sql("SELECT pg_create_logical_replication_slot('base', 'tuplecast')")
        self.sql(f"""DO $$ BEGIN FOR t IN 0..{small_transactions - 1} LOOP
            INSERT INTO {COLUMNS} {ROWS} FROM generate_series(t * 10 + 1, t * 10 + 10) i; COMMIT; END LOOP; END $$""")
        self.sql(f"INSERT INTO {COLUMNS} {ROWS} FROM generate_series(1, {large_rows}) i")
        self.sql("CHECKPOINT")
        self.rows = small_transactions * 10 + large_rows
        self.end = self.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]

    def new_slot(self, plugin, base="base"):
        name = f"run_{next(_numbers)}"
        self.sql("SELECT pg_copy_logical_replication_slot(%s, %s, false, %s)", (base, name, plugin))
        return name

    def drop_slot(self, name):
        wait_until(lambda: not self.sql("SELECT active FROM pg_replication_slots WHERE slot_name = %s", (name,))[0][0], what=f"{name} is free")
        self.sql("SELECT pg_drop_replication_slot(%s)", (name,))

    def walsender(self, slot):
        return self.sql("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", (slot,))[0][0]

    def decode(self, plugin, options, host, base="base", end=None):
        """pg_recvlogical to /dev/null: (seconds, the walsender's CPU seconds)"""
        slot = self.new_slot(plugin, base)
        command = [self.cluster.bindir / "pg_recvlogical", "-h", host, "-p", self.cluster.port, "-U", "postgres", "-d", self.db.name,
                   "-S", slot, "--start", "--no-loop", f"--endpos={end or self.end}", "-f", "/dev/null", "-F", "0"]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        postmaster = self.cluster.postmaster_pid()
        before = measure.reaped_cpu_seconds(postmaster)
        watch = measure.Stopwatch()
        done = subprocess.run(as_postgres(map(str, command)), cwd="/", capture_output=True, text=True)
        seconds = watch.seconds()
        assert done.returncode == 0, done.stderr
        # the walsender has ended and the postmaster knows what it took; of very few rows that may be less than can be measured
        try:
            cpu = wait_until(lambda: measure.reaped_cpu_seconds(postmaster) - before, 5, what="the walsender's CPU time")
        except TimedOut:
            cpu = 0.0
        self.drop_slot(slot)
        return seconds, cpu

    def destroy(self):
        if self.connection:
            self.connection.close()
        self.cluster.destroy()


def unix_us():
    return time.time_ns() // 1000
