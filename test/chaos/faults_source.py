"""The server is killed, restarted, starved of disk, replaced; the slot, the publication, the role and the plugin change under it."""
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from faults_base import Fault, Named
from harness.postgres import as_postgres
from harness.wait import wait_until


class SourceFault(Fault):
    group = "server"


class WalsenderTerminate(SourceFault):
    name = "walsender-terminate"
    what = "pg_terminate_backend of the walsender, four times"
    repeats = False  # one process knows what it has sent

    def run(self, row):
        for _ in range(4):
            row.moment()
            row.db.terminate_walsender()
            row.recovered()


class WalsenderKill(SourceFault):
    name, quick = "walsender-kill", ("at-least-once",)
    what = "kill -9 of the walsender: the server restarts all its sessions, twice"

    def run(self, row):
        for _ in range(2):
            row.moment()
            os.kill(row.db.walsender_pid(), signal.SIGKILL)
            row.recovered()


class WalsenderPause(SourceFault):
    name = "walsender-pause"
    what = "SIGSTOP of the walsender for 6 to 9 s: the server is silent, its connection stays"

    def run(self, row):
        row.moment()
        pid = row.db.walsender_pid()
        os.kill(pid, signal.SIGSTOP)
        row.hold(6, 9)
        os.kill(pid, signal.SIGCONT)
        row.recovered()


class PostmasterPause(SourceFault):
    name = "postgres-pause"
    what = "SIGSTOP of every process of the server for 6 to 9 s"

    def run(self, row):
        row.moment()
        postmaster = row.pg.postmaster_pid()
        pids = [postmaster, *map(int, Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split())]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        row.hold(6, 9)
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        row.recovered()


class PostgresRestart(SourceFault):
    name, mode = "postgres-restart", "fast"
    what = "pg_ctl restart -m fast, twice"

    def run(self, row):
        for _ in range(2):
            row.moment()
            row.pg.stop(self.mode)
            row.hold(0, 1)
            row.pg.start()
            row.recovered()


class PostgresImmediate(PostgresRestart):
    name, mode = "postgres-immediate", "immediate"
    what = "pg_ctl restart -m immediate, twice"


class PostmasterKill(SourceFault):
    name, quick = "postgres-kill", ("exactly-once",)
    what = "kill -9 of the postmaster: confirmed_flush goes back; twice"

    def run(self, row):
        for _ in range(2):
            row.moment()
            row.pg.kill()
            row.hold(0, 1)
            row.pg.start()
            row.recovered()


class PostmasterKillBoth(SourceFault):
    name = "postgres-and-shipper-kill"
    what = "kill -9 of the postmaster and of the program together: only Kafka knows how far it was; twice"

    def run(self, row):
        for _ in range(2):
            row.moment()
            row.kill()
            row.pg.kill()
            row.pg.start()
            row.restart()
            row.recovered()


class RestartInLarge(SourceFault):
    name = "postgres-kill-in-large"
    what = "kill -9 of the postmaster while a transaction of 60,000 rows is being sent"

    def run(self, row):
        row.moment()
        low = 7_000_000_000
        row.db.sql(f"""WITH i AS (INSERT INTO item (id, ver, txn, body) SELECT i, 1, 7, repeat('z', 80)
            FROM generate_series({low}, {low + 59999}) i RETURNING 1) INSERT INTO txlog SELECT 7000000, count(*) + 1 FROM i""")
        row.hold(0, 0.6)
        row.pg.kill()
        row.pg.start()
        row.recovered()


class StopWhileKafkaAway(SourceFault):
    name = "stop-server-without-kafka"
    what = "pg_ctl stop -m fast while the brokers are away"
    outcome = "the server is let go within 25 s; goes on when both are back"

    def run(self, row):
        row.moment()
        for link in row.kafka.links:
            link.stall()
        row.hold(1)
        row.pg.stop("fast", timeout=25)
        row.pg.start()
        for link in row.kafka.links:
            link.open()
        row.recovered()


class WalDiskFull(SourceFault):
    name = "wal-disk-full"
    what = "the server's pg_wal (a tmpfs of 96 MB) is full: PANIC; started again with free space"

    def make_pg(self, row):
        self.mount = Path(tempfile.mkdtemp(prefix="tuplecast-wal-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs", self.mount], check=True)
        from harness.postgres import PostgresCluster
        pg = PostgresCluster(row.stand.bindir, restart_after_crash="on", wal_sender_timeout="4s", max_wal_size="64MB", min_wal_size="32MB")
        wal = pg.data / "pg_wal"
        subprocess.run(["cp", "-a", f"{wal}/.", self.mount], check=True)
        shutil.rmtree(wal)
        wal.symlink_to(self.mount)
        if os.getuid() == 0:
            shutil.chown(self.mount, "postgres", "postgres")
        pg.link = row.stand.proxy.link(pg.port)
        return pg.start()

    def run(self, row):
        row.moment()
        ballast = self.mount / "ballast"
        with open(ballast, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(bytes(65536))
            except OSError:
                pass

        def down():
            try:
                # a segment has 16 MB
                row.pg.sql("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000)) FROM generate_series(1, 40)")
                return False
            except psycopg.Error:
                return True
        row.wait(down, 60, what="the server has no room")
        row.hold(1, 2)
        ballast.unlink()
        if not row.pg.running():
            row.pg.start()
        row.recovered()

    def clean(self, row):
        row.pg.destroy()
        subprocess.run(["umount", self.mount], check=False)
        self.mount.rmdir()


# ---- what a person must repair: named errors ----

class SlotDropped(Named):
    name, group, quick = "slot-dropped", "slot", ("exactly-once",)
    what = "the slot is dropped while the program is connected (its walsender is terminated first)"
    outcome = "ends with 3: the slot is gone"
    pattern = r"slot"

    def run(self, row):
        row.moment()
        row.wait_position()
        self.seen = row.db.confirmed()
        for _ in range(100):
            row.db.terminate_walsender()
            try:
                row.db.sql("SELECT pg_drop_replication_slot(%s)", (row.db.slot,))
                break
            except psycopg.errors.ObjectInUse:
                pass

    def confirmed(self, row):
        return self.seen


class SlotDroppedStopped(Named):
    name, group = "slot-dropped-while-stopped", "slot"
    what = "the slot is dropped while the program is stopped; then it is started"
    outcome = "ends with 3: the position is known and the slot is gone"
    pattern = r"slot"

    def run(self, row):
        row.moment()
        row.wait_position()
        row.kill()
        wait_until(lambda: not row.db.slot_active(), what="the slot is free")
        self.seen = row.db.confirmed()
        row.db.sql("SELECT pg_drop_replication_slot(%s)", (row.db.slot,))
        row.hold(0.5)
        row.restart()

    def confirmed(self, row):
        return self.seen


class SlotRecreated(SlotDroppedStopped):
    name = "slot-recreated"
    what = "the slot is dropped and made anew, later in the WAL, while the program is stopped"
    outcome = "ends with 3: the slot is ahead of the position, changes in between are lost"
    pattern = r"ahead|beyond|gap|missing|lost|skipped"

    def run(self, row):
        row.moment()
        row.wait_position()
        row.kill()
        wait_until(lambda: not row.db.slot_active(), what="the slot is free")
        self.seen = row.db.confirmed()
        row.db.sql("SELECT pg_drop_replication_slot(%s)", (row.db.slot,))
        row.load.wait_commits(20)
        row.db.sql("SELECT pg_create_logical_replication_slot(%s, 'tuplecast')", (row.db.slot,))
        row.load.wait_commits(20)
        row.restart()


class SlotAdvanced(SlotRecreated):
    name = "slot-advanced"
    what = "pg_replication_slot_advance to the end of the WAL while the program is stopped"

    def run(self, row):
        row.moment()
        row.wait_position()
        row.kill()
        wait_until(lambda: not row.db.slot_active(), what="the slot is free")
        self.seen = row.db.confirmed()
        row.load.wait_commits(50)
        row.db.sql("SELECT pg_replication_slot_advance(%s, pg_current_wal_flush_lsn())", (row.db.slot,))
        row.load.wait_commits(20)
        row.restart()


class SlotInvalidated(Named):
    name, group = "slot-invalidated", "slot"
    what = "max_slot_wal_keep_size is passed while the brokers are away: the server invalidates the slot"
    outcome = "ends with 3: the slot is lost"
    pattern = r"invalidat|lost|WAL"

    def make_pg(self, row):
        return row.stand.make_pg(max_slot_wal_keep_size="32MB", max_wal_size="64MB", min_wal_size="32MB", checkpoint_timeout="30s")

    def run(self, row):
        row.moment()
        row.flow(50)
        self.seen = row.db.confirmed()
        # the reference would be lost with it
        self.kept = row.reference()
        row.kill()
        row.load.paused.clear()

        def lost():
            row.db.sql("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000)) FROM generate_series(1, 40)")
            row.db.sql("SELECT pg_switch_wal()")
            row.db.sql("CHECKPOINT")
            return row.db.value("SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", (row.db.slot,)) == "lost"
        row.wait(lost, 90, what="the slot is lost")
        row.load.paused.set()
        row.restart()

    def check_what_is_there(self, row):
        there = {r.identity for r in row.read()}
        missing = [i for i in self.kept.until(self.seen).expected if i not in there]
        if missing:
            row.wrong.append(f"{len(missing)} records up to the confirmed {self.seen} are missing, as {missing[:3]}")


class WrongCluster(Named):
    name, group = "another-cluster", "server"
    what = "the address leads to another cluster (another initdb) with a slot of that name"
    outcome = "ends with 3: another system identifier"
    pattern = r"system identifier|another|cluster"

    def make_pg(self, row):
        self.other = None
        return row.stand.make_pg()

    def run(self, row):
        row.moment()
        row.wait_position()
        self.seen = row.db.confirmed()
        self.other = row.stand.make_pg()
        self.other.sql(f"CREATE DATABASE {row.db.name} TEMPLATE template0")
        self.other.sql("CREATE TABLE item (id bigint PRIMARY KEY)", dbname=row.db.name)
        self.other.sql("SELECT pg_create_logical_replication_slot(%s, 'tuplecast')", (row.db.slot,), dbname=row.db.name)
        row.pg.link.target = self.other.port
        row.pg.link.reset()

    def confirmed(self, row):
        return self.seen

    def clean(self, row):
        if self.other:
            self.other.destroy()


class Restored(Named):
    name, group = "server-restored", "server"
    what = "the server comes back as a copy of its files from before: Kafka is ahead of it"
    outcome = "does not stream from beyond the server's end: waits and says so, or ends with 3"
    pattern = r"behind|ahead|beyond"

    def make_pg(self, row):
        return row.stand.make_pg()

    def run(self, row):
        row.moment()
        row.load.paused.clear()
        row.hold(0.3)
        row.pg.stop("fast")
        self.copy = row.pg.dir / "copy"
        subprocess.run(["cp", "-a", row.pg.data, self.copy], check=True)
        row.pg.start()
        row.load.paused.set()
        row.recovered()
        row.flow(300)
        row.load.stop()
        row.recovered()
        self.records = len(row.read())
        row.pg.stop("fast")
        shutil.rmtree(row.pg.data)
        os.rename(self.copy, row.pg.data)
        row.pg.start()
        row.wait(lambda: self.ended or any(w in row.shippers[-1].log() for w in ("behind", "ahead", "beyond")), 60,
                 what="it says that the server is behind")

    def finish(self, row):
        if self.ended:
            row.finish_ended(self.code, self.pattern)
        after = len(row.read())
        if after != self.records:
            row.wrong.append(f"{after - self.records} records were sent from the older server")


class Promoted(Named):
    name, group = "standby-promoted", "server"
    what = "the primary is gone, its standby is promoted; before 17 the slot is not on it"
    outcome = "ends with 3: no slot there, the position is known"
    pattern = r"slot|timeline|promoted"

    def make_pg(self, row):
        self.standby = None
        return row.stand.make_pg()

    def prepare(self, row):
        from harness.postgres import PostgresCluster
        pg = row.pg
        pg.sql("SELECT pg_create_physical_replication_slot('standby')")
        standby = PostgresCluster.__new__(PostgresCluster)
        standby.bindir, standby.dir = pg.bindir, Path(tempfile.mkdtemp(prefix="tuplecast-pg-"))
        standby.dir.chmod(0o755)
        standby.data, standby.port = standby.dir / "data", __import__("harness.wait").wait.free_port()
        standby.log = standby.data / "server.log"
        if os.getuid() == 0:
            shutil.chown(standby.dir, "postgres")
        pg.sql("CHECKPOINT")
        basebackup = pg.bindir / "pg_basebackup"
        if not basebackup.exists():
            found = subprocess.run([os.environ.get("PG_CONFIG", "pg_config"), "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
            basebackup = Path(found) / "pg_basebackup"
        subprocess.run(as_postgres([str(basebackup), "-D", str(standby.data), "-h", "127.0.0.1", "-p", str(pg.port), "-U", "postgres",
                                    "-R", "-S", "standby", "-X", "stream", "-c", "fast"]), check=True, cwd="/", capture_output=True)
        standby.log.unlink(missing_ok=True)
        standby.configure(port=standby.port, unix_socket_directories=str(standby.dir))
        self.standby = standby.start()

    def run(self, row):
        row.moment()
        row.flow(100)
        row.load.stop()
        row.recovered()
        target = row.db.wal_position()
        row.wait(lambda: row.db.confirmed() >= target, what="confirmed")
        # the reference is not on the standby either
        self.kept, self.there = row.reference(), row.tables()
        wait_until(lambda: self.standby.value("SELECT pg_last_wal_replay_lsn() - '0/0'::pg_lsn") >= target, what="the standby has it all")
        row.pg.stop("immediate")
        self.standby._run("pg_ctl", "-D", self.standby.data, "-w", "promote")
        row.pg.link.target = self.standby.port
        row.pg.link.reset()

    def check_what_is_there(self, row):
        row.judge(row.read(), self.kept, self.there)

    def clean(self, row):
        if self.standby:
            self.standby.destroy()


class PublicationDropped(Named):
    name, group = "publication-dropped", "settings"
    what = "the publication is dropped under load"
    outcome = "ends with 3, names the publication"
    pattern = r"publication"

    def prepare(self, row):
        row.db.sql(f"CREATE PUBLICATION pub_{row.db.name} FOR TABLE account, item, txlog")

    def options(self, row):
        return [f"--publication.name=pub_{row.db.name}"]

    def run(self, row):
        row.moment()
        row.flow(100)
        row.db.sql(f"DROP PUBLICATION pub_{row.db.name}")


class PublicationChanged(Fault):
    name, group = "publication-changed", "settings"
    what = "a table leaves the publication under load, and comes back"
    outcome = "exactly the changes while it was in the publication are there"

    prepare = PublicationDropped.prepare
    options = PublicationDropped.options

    def run(self, row):
        row.moment()
        # the load rests, so that the borders are exact
        row.load.paused.clear()
        row.hold(0.5)
        row.db.sql(f"ALTER PUBLICATION pub_{row.db.name} DROP TABLE account")
        self.low = row.db.wal_position()
        row.load.paused.set()
        row.moment()
        row.load.paused.clear()
        row.hold(0.5)
        self.high = row.db.wal_position()
        row.db.sql(f"ALTER PUBLICATION pub_{row.db.name} ADD TABLE account")
        row.load.paused.set()
        row.recovered()

    def finish(self, row):
        row.recovered()
        row.load.stop()
        row.recovered()
        reference, records = row.reference(), row.read()
        there = {r.identity for r in records}
        reference.expected = {i: e for i, e in reference.expected.items() if e[0] != "account" or not self.low < i[0] <= self.high}
        for identity in sorted(set(reference.expected) ^ there)[:10]:
            row.wrong.append(f"{identity}: {'missing' if identity in reference.expected else 'was not in the publication'}")
        if row.exactly_once and len(records) != len(there):
            row.wrong.append(f"{len(records) - len(there)} records come again")


class PluginWithdrawn(Named):
    name, group = "plugin-withdrawn", "settings"
    what = "output_plugin_libraries no longer names the plugin; then the connection is lost"
    outcome = "ends with 3, names the setting; after the repair it goes on"
    pattern = r"output_plugin_libraries"

    def run(self, row):
        if not row.pg.knows_output_plugin_libraries():
            raise AssertionError("this server does not know the setting")
        row.moment()
        row.pg.sql("ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding")
        row.pg.reload()
        wait_until(lambda: "tuplecast" not in row.pg.value("SHOW output_plugin_libraries"), what="the setting is known")
        row.db.terminate_walsender()

    def repair(self, row):
        row.pg.sql("ALTER SYSTEM RESET output_plugin_libraries")
        row.pg.reload()
        wait_until(lambda: "tuplecast" in row.pg.value("SHOW output_plugin_libraries"), what="the setting is known")

    def finish(self, row):
        self.wait_end(row)
        row.finish_ended(self.code, self.pattern)
        self.repair(row)
        self.ended = False
        self.repaired = True
        row.restart()
        row.finish()

    repaired = False

    def ends(self, row, code):
        if self.repaired:
            return False
        return super().ends(row, code)

    def clean(self, row):
        self.repair(row)


class RoleLosesReplication(PluginWithdrawn):
    name = "role-loses-replication"
    what = "the role is no longer allowed REPLICATION; then the connection is lost"
    outcome = "ends with 3, names the right; after the repair it goes on"
    pattern = r"REPLICATION|replication"
    role = "chaos_cdc"

    def prepare(self, row):
        row.pg.sql("DO $$ BEGIN CREATE ROLE chaos_cdc LOGIN REPLICATION; EXCEPTION WHEN duplicate_object THEN ALTER ROLE chaos_cdc REPLICATION; END $$")

    def run(self, row):
        row.moment()
        row.pg.sql("ALTER ROLE chaos_cdc NOREPLICATION")
        row.db.terminate_walsender()

    def repair(self, row):
        row.pg.sql("ALTER ROLE chaos_cdc REPLICATION")


class RoleLosesLogin(Fault):
    name, group = "role-loses-login", "settings"
    what = "the role may not log in for 3 to 5 s, and its connection is ended"
    outcome = "waits, or ends with 3 and goes on when started again"
    role = "chaos_cdc"
    restartable = (1, 3)
    prepare = RoleLosesReplication.prepare

    def run(self, row):
        row.moment()
        row.pg.sql("ALTER ROLE chaos_cdc NOLOGIN")
        row.db.terminate_walsender()
        row.hold(3, 5)
        row.pg.sql("ALTER ROLE chaos_cdc LOGIN")
        row.recovered()

    def clean(self, row):
        row.pg.sql("ALTER ROLE chaos_cdc LOGIN")


class TooManySenders(Fault):
    name, group = "no-walsender-free", "settings"
    what = "all max_wal_senders are taken when the connection is lost, for 3 to 5 s"
    outcome = "waits for a free one, goes on"

    def run(self, row):
        row.moment()
        taken = []
        try:
            row.db.terminate_walsender()
            for _ in range(25):
                try:
                    taken.append(subprocess.Popen(
                        [row.pg.bindir / "psql", "-X", "-q", f"host={row.pg.dir} port={row.pg.port} user=postgres dbname=postgres replication=database",
                         "-c", "IDENTIFY_SYSTEM", "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
                except OSError:
                    break
            row.hold(3, 5)
        finally:
            for child in taken:
                child.stdin.close()
                child.wait(20)
        row.recovered()
