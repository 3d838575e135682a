"""The program under test as a child process."""
import json
import os
import re
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from .wait import free_port, wait_until

METRIC = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? (-?[0-9.eE+-]+|NaN|[+-]Inf)$")


class Shipper:
    def __init__(self, binary, *args, env=None, command="run", http=True, cwd=None, wrapper=()):
        self.binary = binary
        self.wrapper = wrapper  # a program that becomes this one: faketime, prlimit, ip netns exec
        self.http_port = free_port() if http else None
        self.args = [command, *args]
        if command == "run":
            self.args.append(f"--http.listen=127.0.0.1:{self.http_port}" if http else "--http.listen=off")
        # nothing of the caller's environment configures it
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("TUPLECAST_", "PG", "CONNECT_"))}
        self.env.update(env or {})
        self.cwd = cwd or "/"
        self.dir = tempfile.TemporaryDirectory(prefix="tuplecast-run-")
        self.stdout = Path(self.dir.name) / "stdout"
        self.stderr = Path(self.dir.name) / "stderr"
        self.process = None

    def start(self):
        with open(self.stdout, "ab") as out, open(self.stderr, "ab") as err:
            self.process = subprocess.Popen([*self.wrapper, self.binary, *self.args], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env=self.env, cwd=self.cwd)
        return self

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def log(self):
        return self.stderr.read_text(errors="replace")

    def output(self):
        return self.stdout.read_bytes()

    def _check_alive(self):
        if not self.running():
            raise AssertionError(f"ended with {self.process.returncode}:\n{self.log()[-4000:]}")

    def get(self, path, timeout=10):
        """(status, body)"""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError) as e:
            return 0, str(e)

    def ready(self):
        self._check_alive()
        return self.get("/readyz")[0] == 200

    def wait_ready(self, timeout=60):
        wait_until(self.ready, timeout, what=lambda: f"/readyz: {self.get('/readyz')}\n{self.log()[-4000:]}")
        return self

    def wait_log(self, pattern, timeout=60):
        """Until a line of the log matches; returns the match."""
        def found():
            match = re.search(pattern, self.log())
            if not match:
                self._check_alive()
            return match
        return wait_until(found, timeout, what=lambda: f"log matches {pattern!r}:\n{self.log()[-4000:]}")

    def metrics(self):
        """name (with labels) → value; anything that is no exposition format is an error"""
        status, body = self.get("/metrics")
        assert status == 200, (status, body)
        return parse_metrics(body)

    def progress(self):
        """Something else as long as records are put or acknowledged."""
        return re.findall(r"^tuplecast_records(?:_acked)?_total \d+", self.get("/metrics")[1], re.M)

    def metric(self, name):
        return self.metrics()[f"tuplecast_{name}"]

    def wait_metric(self, name, condition, timeout=60):
        def reached():
            self._check_alive()
            return condition(self.metric(name))
        wait_until(reached, timeout, what=lambda: f"metric {name}; it is {self.metric(name)}\n{self.log()[-2000:]}")

    def status_field(self, name):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {name} in /proc/PID/status")

    def rss(self):
        return self.status_field("VmRSS")

    def peak_rss(self):
        return self.status_field("VmHWM")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_exit(self, timeout=60):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{self.log()[-4000:]}") from None

    def stop(self, timeout=60):
        """SIGTERM; it must drain and end well."""
        self.terminate()
        code = self.wait_exit(timeout)
        assert code == 0, f"ended with {code}:\n{self.log()[-4000:]}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def destroy(self):
        if self.process and self.running():
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        self.dir.cleanup()


def parse_metrics(body):
    values, types = {}, {}
    for line in body.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"two TYPE lines for {name}"
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped"), line
            types[name] = kind
        elif line and not line.startswith("#"):
            match = METRIC.match(line)
            assert match, f"not a metric: {line!r}"
            base = re.sub(r"_(bucket|sum|count)$", "", match[1])
            assert match[1] in types or base in types, f"{match[1]} has no TYPE line"
            key = match[1] + (match[2] or "")
            assert key not in values, f"{key} twice"
            values[key] = float(match[3])
    assert body.endswith("\n")
    return values


def run_command(binary, *args, env=None, timeout=60):
    """A command that ends by itself: (exit code, stdout, stderr)."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TUPLECAST_", "PG", "CONNECT_"))}
    clean.update(env or {})
    done = subprocess.run([binary, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, env=clean, cwd="/")
    return done.returncode, done.stdout, done.stderr


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]
