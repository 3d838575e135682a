"""A physical standby of a PostgresCluster."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from .postgres import PostgresCluster
from .wait import free_port, wait_until


class Standby(PostgresCluster):
    """Made from a copy of the primary, which is stopped for that moment and started again."""

    def __init__(self, primary, **settings):
        self.bindir = primary.bindir
        self.primary = primary
        self.dir = Path(tempfile.mkdtemp(prefix="tuplecast-pg-"))
        self.dir.chmod(0o755)
        self.data = self.dir / "data"
        self.port = free_port()
        self.log = self.data / "server.log"
        primary.stop()
        subprocess.run(["cp", "-a", primary.data, self.data], check=True)
        shutil.copymode(primary.dir, self.dir)
        shutil.chown(self.dir, primary.data.owner())
        self.log.unlink(missing_ok=True)
        for slot in (self.data / "pg_replslot").iterdir():
            shutil.rmtree(slot)
        (self.data / "standby.signal").touch()
        self.configure(
            port=self.port,
            unix_socket_directories=str(self.dir),
            primary_conninfo=f"host=127.0.0.1 port={primary.port} user=postgres dbname=postgres application_name=standby",
            primary_slot_name="standby",
            hot_standby_feedback="on",
            **settings,
        )
        primary.start()
        primary.sql("SELECT pg_create_physical_replication_slot('standby', true)")

    def wait_caught_up(self, timeout=60):
        target = self.primary.value("SELECT pg_current_wal_flush_lsn()::text")
        wait_until(lambda: self.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (target,)), timeout,
                   what=f"the standby has {target}")

    def promote(self):
        self._run("pg_ctl", "-D", self.data, "-w", "promote")
