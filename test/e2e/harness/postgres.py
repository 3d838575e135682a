"""A PostgreSQL cluster in a temporary directory."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from .wait import free_port, wait_until

# Rows of pg_hba.conf; roles named pw_* need their password
HBA = """\
host    all  /^pw_   127.0.0.1/32  scram-sha-256
local   all  all                   trust
host    all  all     127.0.0.1/32  trust
host    replication all 127.0.0.1/32 trust
"""
DEFAULTS = {
    "wal_level": "logical",
    "max_wal_senders": 20,
    "max_replication_slots": 20,
    "max_connections": 60,
    "shared_buffers": "64MB",
    "fsync": "off",
    "log_min_messages": "info",
    "log_line_prefix": "%m [%p] %a ",
    "timezone": "UTC",
    "wal_receiver_status_interval": "1s",
    # slots keep WAL; no test makes enough to need recycling
    "max_wal_size": "2GB",
}


def as_postgres(command):
    """The server refuses to run as root."""
    if os.getuid() == 0:
        return ["runuser", "-u", "postgres", "--", *command]
    return list(command)


class PostgresCluster:
    def __init__(self, bindir, **settings):
        self.bindir = Path(bindir)
        self.dir = Path(tempfile.mkdtemp(prefix="tuplecast-pg-"))
        self.dir.chmod(0o755)
        self.data = self.dir / "data"
        self.data.mkdir()
        if os.getuid() == 0:
            shutil.chown(self.dir, "postgres")
            shutil.chown(self.data, "postgres")
        self.port = free_port()
        self.log = self.data / "server.log"
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        # regular expressions in pg_hba.conf came with 16; before it the roles are listed by a group
        hba = HBA if self.version >= 16 else HBA.replace("/^pw_ ", "+pw_group")
        (self.data / "pg_hba.conf").write_text(hba)
        self.configure(
            **DEFAULTS,
            port=self.port,
            listen_addresses="127.0.0.1",
            unix_socket_directories=str(self.dir),
        )
        if self.knows_output_plugin_libraries():
            self.configure(output_plugin_libraries="pgoutput, test_decoding, tuplecast")
        self.configure(**settings)

    @property
    def version(self):
        out = subprocess.run([self.bindir / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
        return int("".join(c if c.isdigit() else " " for c in out.split()[2]).split()[0])

    def knows_output_plugin_libraries(self):
        out = subprocess.run([self.bindir / "postgres", "--describe-config"], capture_output=True, text=True, check=True)
        return any(line.startswith("output_plugin_libraries\t") for line in out.stdout.splitlines())

    def _run(self, program, *args, check=True, timeout=180):
        command = as_postgres([str(self.bindir / program), *map(str, args)])
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout)
        if check and done.returncode != 0:
            log = self.log.read_text()[-3000:] if self.log.exists() else ""
            raise AssertionError(f"{program} failed: {done.stdout}\n{log}")
        return done

    def configure(self, **settings):
        """Later lines of the file win."""
        with open(self.data / "postgresql.conf", "a") as conf:
            for name, value in settings.items():
                conf.write(f"{name} = '{value}'\n")

    def start(self):
        # not through a pipe: the server would keep it open
        self._run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "120", "start")
        return self

    def stop(self, mode="fast", timeout=60):
        self._run("pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", timeout, "stop", timeout=timeout + 30)

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def reload(self):
        self._run("pg_ctl", "-D", self.data, "reload")

    def running(self):
        return self._run("pg_ctl", "-D", self.data, "status", check=False).returncode == 0

    def postmaster_pid(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def kill(self):
        """kill -9 of the postmaster; its children end themselves."""
        pid = self.postmaster_pid()
        # it makes no more of them while they are counted
        os.kill(pid, signal.SIGSTOP)
        children = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{p}").exists() for p in [pid, *children]), what="children of the server end")

    def destroy(self):
        if self.running():
            self.stop("immediate")
        shutil.rmtree(self.dir, ignore_errors=True)

    def connect(self, dbname="postgres", user="postgres", **kwargs):
        return psycopg.connect(host=str(self.dir), port=self.port, dbname=dbname, user=user, autocommit=True, **kwargs)

    def sql(self, statement, params=None, dbname="postgres"):
        """Runs a statement, or several without parameters, and returns the rows of the last."""
        with self.connect(dbname) as connection:
            cursor = connection.execute(statement, params)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def value(self, statement, params=None, dbname="postgres"):
        rows = self.sql(statement, params, dbname)
        return rows[0][0] if rows else None

    def url(self, dbname, user="postgres", password=None):
        secret = f":{password}" if password else ""
        return f"postgres://{user}{secret}@127.0.0.1:{self.port}/{dbname}"

    def log_text(self):
        return self.log.read_text(errors="replace")


class Database:
    """A database of one test, with names for its slot and its topics."""

    def __init__(self, cluster, name, encoding="UTF8"):
        self.cluster = cluster
        self.name = name
        self.slot = f"slot_{name}"
        self.prefix = name
        cluster.sql(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")

    @property
    def url(self):
        return self.cluster.url(self.name)

    def connect(self, **kwargs):
        return self.cluster.connect(self.name, **kwargs)

    def sql(self, statement, params=None):
        return self.cluster.sql(statement, params, self.name)

    def value(self, statement, params=None):
        return self.cluster.value(statement, params, self.name)

    def set(self, name, value):
        """A setting of all coming connections to this database, the walsender's too."""
        self.sql(f"ALTER DATABASE {self.name} SET {name} = '{value}'")

    def topic(self, table, schema="public"):
        return f"{self.prefix}.{schema}.{table}"

    def slot_row(self):
        rows = self.sql(
            "SELECT active, active_pid, confirmed_flush_lsn - '0/0'::pg_lsn, plugin FROM pg_replication_slots WHERE slot_name = %s",
            (self.slot,))
        return rows[0] if rows else None

    def slot_active(self):
        row = self.slot_row()
        return bool(row and row[0])

    def confirmed(self):
        row = self.slot_row()
        return int(row[2]) if row and row[2] is not None else 0

    def wal_position(self):
        return int(self.value("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn"))

    def wait_confirmed(self, lsn=None, timeout=60):
        """Until the slot is confirmed up to lsn, by default the end of what is in the WAL now."""
        target = self.wal_position() if lsn is None else lsn
        wait_until(lambda: self.confirmed() >= target, timeout,
                   what=lambda: f"slot confirmed to {target}; it is at {self.confirmed()}")

    def walsender_pid(self):
        row = self.slot_row()
        return row[1] if row else None

    def terminate_walsender(self):
        pid = self.walsender_pid()
        if pid:
            self.sql("SELECT pg_terminate_backend(%s)", (pid,))
        return pid

    def drop(self):
        deadline = time.monotonic() + 30
        while True:
            for slot, pid in self.cluster.sql("SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = %s", (self.name,)):
                if pid:
                    self.cluster.sql("SELECT pg_terminate_backend(%s)", (pid,))
                try:
                    self.cluster.sql("SELECT pg_drop_replication_slot(%s)", (slot,))
                except psycopg.errors.ObjectInUse:
                    if time.monotonic() > deadline:
                        raise
                    continue
            if not self.cluster.sql("SELECT 1 FROM pg_replication_slots WHERE database = %s", (self.name,)):
                break
        self.cluster.sql(f"DROP DATABASE {self.name} WITH (FORCE)")
