"""The program itself is killed, stopped, doubled, starved, or its clock jumps."""
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer

import model
from faults_base import Fault


class ShipperKill(Fault):
    name, group, quick = "shipper-kill", "program", True
    what = "kill -9, three times"
    outcome = "started again, goes on"

    def run(self, row):
        for _ in range(3):
            row.moment()
            row.kill()
            row.hold(0, 0.5)
            row.restart()
            row.recovered()


class ShipperKillAligned(Fault):
    name, group = "shipper-kill-aligned", "program"
    what = "delivery.align=transaction; kill -9, five times: what can be read then has no half transaction"
    outcome = "started again, goes on; each transaction is there whole or not at all"
    modes = ("exactly-once",)

    def options(self, row):
        return ["--delivery.align=transaction"]

    def run(self, row):
        for _ in range(5):
            row.moment()
            row.kill()
            # as the next start does: what is open is ended
            Producer({"bootstrap.servers": row.kafka.direct, "log_level": 0,
                      "transactional.id": f"tuplecast-{row.prefix}-{row.db.slot}"}).init_transactions(30)
            torn = model.torn(row.read(), row.reference())
            row.wrong += torn[:3]
            row.restart()
            row.recovered()


class ShipperKillFirst(Fault):
    name, group = "shipper-kill-first-commit", "program"
    what = "SIGKILL of itself before its very first commit: records and a position that nobody will ever see"
    outcome = "started again, goes on: a position that was never committed is none"
    modes = ("exactly-once",)
    restartable = (1, -9)

    def prepare(self, row):
        row.extra_env["TUPLECAST_FAILPOINT"] = "before_commit:kill:1"

    def ends(self, row, code):
        row.extra_env.pop("TUPLECAST_FAILPOINT", None)
        return False

    def run(self, row):
        row.recovered()
        if row.exits != [-9]:
            row.wrong.append(f"it was to be killed once: {row.exits}")


class ShipperKillEarly(Fault):
    name, group = "shipper-kill-at-start", "program"
    what = "kill -9 again and again, 0 to 1.5 s after it was started"
    outcome = "started again, goes on"

    def run(self, row):
        row.moment()
        for _ in range(6):
            row.kill()
            row.restart()
            row.hold(0, 1.5)
        row.recovered()


class ShipperKillInLarge(Fault):
    name, group = "shipper-kill-in-large", "program"
    what = "kill -9 in the middle of transactions of 20,000 rows"
    outcome = "started again, goes on"

    def run(self, row):
        for i in range(2):
            before = len(row.tail.records)
            low = 5_000_000_000 + i * 1_000_000
            row.db.sql(f"""WITH i AS (INSERT INTO item (id, ver, txn, body) SELECT i, 1, {i}, repeat('z', 80)
                FROM generate_series({low}, {low + 19999}) i RETURNING 1) INSERT INTO txlog SELECT {5_000_000 + i}, count(*) + 1 FROM i""")
            if row.exactly_once:
                row.hold(0.05, 0.8)
            else:
                row.wait(lambda: len(row.tail.records) > before + row.random.randint(100, 10000))
            row.kill()
            row.restart()
            row.recovered()


class SigTerm(Fault):
    name, group, quick = "sigterm", "program", ("at-least-once",)
    what = "SIGTERM under load, three times"
    outcome = "drains, ends with 0; nothing comes again"
    repeats = False

    def run(self, row):
        for _ in range(3):
            row.moment()
            shipper = row.let_go()
            shipper.terminate()
            code = shipper.wait_exit(30)
            if code != 0:
                row.wrong.append(f"SIGTERM: ended with {code}: {shipper.log()[-800:]}")
            row.hold(0, 0.5)
            row.restart()
            row.recovered()


class SigTermTwice(Fault):
    name, group = "sigterm-twice", "program"
    what = "SIGTERM, and a second one while the brokers are away"
    outcome = "the second stops it at once, with 0 or 1; goes on when started again"

    def run(self, row):
        for _ in range(2):
            row.moment()
            for link in row.kafka.links:
                link.stall()
            row.hold(0.3, 1)
            shipper = row.let_go()
            shipper.terminate()
            shipper.wait_log("asked to stop")
            shipper.terminate()
            code = shipper.wait_exit(10)
            if code not in (0, 1):
                row.wrong.append(f"SIGTERM twice: ended with {code}")
            for link in row.kafka.links:
                link.open()
            row.restart()
            row.recovered()


class StopShort(Fault):
    name, group = "shipper-pause-short", "program"
    what = "SIGSTOP for 1 to 2 s, three times"
    repeats = False

    def run(self, row):
        for _ in range(3):
            row.moment()
            row.current.process.send_signal(signal.SIGSTOP)
            row.hold(1, 2)
            row.current.process.send_signal(signal.SIGCONT)
            row.recovered()


class StopLong(Fault):
    name, group, quick = "shipper-pause-long", "program", ("exactly-once",)
    what = "SIGSTOP for 14 s: longer than wal_sender_timeout (4 s) and the transaction's timeout (10 s)"
    outcome = "reconnects, under exactly-once with a new producer; goes on"

    def run(self, row):
        row.moment()
        row.current.process.send_signal(signal.SIGSTOP)
        row.hold(14)
        row.current.process.send_signal(signal.SIGCONT)
        row.recovered()


class TwoShippers(Fault):
    name, group = "two-shippers", "program"
    what = "a second process on the slot; then the first is killed"
    outcome = "the second waits for the slot, then takes over"

    def run(self, row):
        row.moment()
        second = row.launch()
        row.moment()
        if not second.running():
            row.wrong.append(f"the second ended with {second.process.returncode}: {second.log()[-800:]}")
            return
        if row.db.sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s AND active", (row.db.slot,))[0][0] != 1:
            row.wrong.append("the slot is not in use")
        row.kill()
        row.current = second
        row.restarts += 1
        row.recovered()


class Zombie(Fault):
    name, group = "zombie", "program"
    what = "SIGSTOP A until the server drops it; start B; SIGCONT A"
    outcome = "exactly-once: A is fenced; at-least-once: what A had under way may come late (documented)"
    stale = True

    def run(self, row):
        for _ in range(2):
            row.moment()
            a = row.let_go()
            a.process.send_signal(signal.SIGSTOP)
            row.db.terminate_walsender()
            row.start()
            row.restarts += 1
            row.wait_streaming()
            row.flow(100)
            a.process.send_signal(signal.SIGCONT)
            row.hold(2, 4)
            row.recovered()
            # A waits for the slot like any second process, or has ended
            if a.running():
                a.kill()


class OutOfMemory(Fault):
    name, group = "out-of-memory", "program"
    what = "the address space is limited to what is in use (prlimit), then large rows come"
    outcome = "aborts or is refused memory; started again without the limit, goes on"
    restartable = (1, -6, -11, -5)

    def run(self, row):
        row.moment()
        pid = row.current.pid
        size = row.current.status_field("VmSize") + 2_000_000
        os.system(f"prlimit --pid {pid} --as={size}:{size}")
        row.db.sql("INSERT INTO item (id, ver, txn, body) SELECT 6000000000 + i, 1, 0, repeat('m', 6000000) FROM generate_series(1, 3) i")
        row.hold(4)
        if row.current is not None and row.current.running():
            row.kill()
            row.restart()
        row.recovered()

    # large rows are allowed: it is the memory that is short
    topic_config = {"max__message__bytes": 20000000}


class ClockJump(Fault):
    name, group = "clock-jump", "program"
    positions = False  # their times are the clock's
    what = "its clock jumps by an hour forward, then two back (the monotonic clock stays), also in the middle of waits"
    repeats = False

    def prepare(self, row):
        self.dir = Path(tempfile.mkdtemp(prefix="tuplecast-clock-"))
        self.file = self.dir / "ahead"
        self.set(0)
        shim = self.dir / "clock.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", shim, Path(__file__).with_name("clock.c"), "-ldl"], check=True)
        row.extra_env.update(LD_PRELOAD=str(shim), TEST_CLOCK=str(self.file))

    def set(self, seconds):
        """In place: it is mapped."""
        with open(self.file, "r+b" if self.file.exists() else "wb") as out:
            out.write(struct.pack("=q", seconds * 1_000_000_000))

    def run(self, row):
        for seconds in (3600, -3600, 0):
            row.moment()
            self.set(seconds)
            row.hold(1, 2)
            row.recovered()
            # what librdkafka writes into records is the jumped clock's
            if not any(abs(r.timestamp / 1000 - time.time() - seconds) < 300 for r in row.tail.records[-100:]):
                row.wrong.append(f"its clock was not {seconds} s ahead")

    def clean(self, row):
        shutil.rmtree(self.dir)


class AllAtOnce(Fault):
    name, group = "all-at-once", "program"
    what = "kill -9 of the program, the server and a broker together"
    outcome = "each is started again; goes on"

    def run(self, row):
        row.moment()
        node = row.random.choice(row.kafka.nodes)
        node.kill()
        row.kill()
        row.pg.kill()
        row.hold(0, 1)
        row.pg.start()
        row.restart()
        row.hold(0, 1)
        node.launch()
        row.recovered()


def make_failpoint(point, modes_of_it, most):
    class Point(Fault):
        name, group = f"failpoint-{point.replace('_', '-')}", "failpoints"
        what = f"SIGKILL of itself at the point {point}" + (f", when it passes there the first to {most}th time" if most > 1 else "") + "; twice"
        outcome = "started again, goes on"
        modes = modes_of_it

        def run(self, row):
            for _ in range(2):
                row.moment()
                row.kill()
                nth = row.random.randint(1, most)
                row.restart(env={"TUPLECAST_FAILPOINT": f"{point}:kill:{nth}"})
                # the supervisor starts it again, without the point
                row.wait(lambda: -9 in row.exits, 60, what=f"{point} is passed {nth} times")
                row.exits.remove(-9)
                row.recovered()

        restartable = (1, -9)


BOTH, EXACTLY = ("at-least-once", "exactly-once"), ("exactly-once",)
# name, modes, at which of its passings at most
for _point, _modes, _most in (
        ("after_read", BOTH, 200), ("before_produce", BOTH, 200), ("after_produce", BOTH, 200), ("before_position", BOTH, 8),
        ("before_commit", EXACTLY, 8), ("after_commit", EXACTLY, 8), ("after_commit_before_confirm", EXACTLY, 8), ("after_confirm", BOTH, 8),
        ("before_init_transactions", EXACTLY, 1), ("after_init_transactions", EXACTLY, 1), ("in_position_read", BOTH, 1)):
    make_failpoint(_point, _modes, _most)
