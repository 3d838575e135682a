"""Debezium itself: Kafka Connect standalone with any number of connectors, for the comparison with tuplecast."""
import json
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from harness.jvm import SMALL
from harness.wait import free_port, wait_until

HERE = Path(__file__).resolve().parent
FUNNEL_PREFIX = "funnel-"
JAVA = ["java", "-Duser.timezone=UTC", "-Djava.awt.headless=true",
        # older releases read names in the default encoding
        "-Dfile.encoding=UTF-8",
        f"-Dlog4j2.configurationFile={HERE.parent}/kafka/log4j2.properties"]


def jars(version):
    done = subprocess.run([HERE / "fetch.sh", version], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def property_line(name, value):
    """As java.util.Properties reads it."""
    def escape(text, special):
        out = []
        for c in text:
            if c in special or c == "\\":
                out.append("\\" + c)
            elif c == "\n":
                out.append("\\n")
            elif ord(c) > 126:
                out += [f"\\u{int.from_bytes(u, 'big'):04x}" for u in _units(c)]
            else:
                out.append(c)
        return "".join(out)
    value = escape(value, "")
    if value[:1] == " ":
        value = "\\" + value
    return f"{escape(name, ' :=#!')}={value}\n"


def _units(char):
    data = char.encode("utf-16-be")
    return [data[i:i + 2] for i in range(0, len(data), 2)]


def with_funnel(name, config):
    """The same connector, whose records all end in one topic (see Funnel.java)."""
    chain = [t for t in config.get("transforms", "").split(",") if t]
    return {**config, "transforms": ",".join([*chain, "oraclefunnel"]),
            "transforms.oraclefunnel.type": "tuplecast.compat.Funnel",
            "transforms.oraclefunnel.topic": FUNNEL_PREFIX + name}


class Debezium:
    """connectors: name → properties as in a connector's JSON. worker: properties that add to the worker's. jvm: options of the JVM."""

    def __init__(self, broker, version="3.6.1.Final", heap="1g", worker=None, jvm=SMALL):
        self.version = version
        self.dir = Path(tempfile.mkdtemp(prefix="tuplecast-debezium-"))
        self.rest = free_port()
        self.jvm = (f"-Xmx{heap}", *jvm)
        self.log = self.dir / "connect.log"
        self.jars = jars(version)
        self.process = None
        self.names = []
        self.worker = {
            "bootstrap.servers": broker.address,
            "listeners": f"http://127.0.0.1:{self.rest}",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "offset.storage.file.filename": str(self.dir / "offsets"),
            "offset.flush.interval.ms": "1000",
            "producer.max.request.size": "33554432",
            "task.shutdown.graceful.timeout.ms": "20000",
            **({"plugin.discovery": "service_load"} if version >= "3" else {}),
            **(worker or {}),
        }

    def start(self, connectors):
        (self.dir / "worker.properties").write_text("".join(property_line(k, v) for k, v in self.worker.items()))
        files = []
        for name, config in connectors.items():
            path = self.dir / f"{name}.properties"
            path.write_text("".join(property_line(k, v) for k, v in {"name": name, **config}.items()))
            files.append(str(path))
        self.names = list(connectors)
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [*JAVA, *self.jvm, "-cp", f"{self.jars}/classes:{self.jars}/*", "org.apache.kafka.connect.cli.ConnectStandalone",
                 str(self.dir / "worker.properties"), *files],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir)
        return self

    def check(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Kafka Connect ended\n{self.tail()}")

    def tail(self, size=4000):
        return self.log.read_text(errors="replace")[-size:]

    def _get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}{path}", timeout=20) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}

    def failed(self):
        """name of a connector → its stack trace"""
        self.check()
        found = {}
        for name, state in self._get("/connectors?expand=status").items():
            for part in [state["status"]["connector"], *state["status"]["tasks"]]:
                if part["state"] == "FAILED":
                    found[name] = part.get("trace", "")
        return found

    def running(self):
        """Names of the connectors whose task runs."""
        self.check()
        return {name for name, state in self._get("/connectors?expand=status").items()
                if any(task["state"] == "RUNNING" for task in state["status"]["tasks"])}

    def wait_streaming(self, cluster, slots, timeout=900):
        """Until all these slots are being read from."""
        def active():
            broken = self.failed()
            assert not broken, broken
            return cluster.value("SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name = ANY(%s)", (list(slots),)) == len(slots)
        wait_until(active, timeout, what=lambda: f"slots {slots} are active\n{self.tail()}", interval=0.2)

    def stop(self, timeout=60):
        """Gracefully, so that offsets are flushed."""
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"Kafka Connect did not end\n{self.tail()}") from None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def destroy(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
