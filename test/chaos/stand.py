"""One server, three brokers, links between them and the program; and one run of a fault on it."""
import itertools
import json
import os
import random
import re
import subprocess
import threading
import time

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

import load as load_module
import model
from harness.kafka import KafkaCluster, Record
from harness.postgres import Database, PostgresCluster
from harness.proxy import Proxy
from harness.shipper import Shipper
from harness.wait import TimedOut, wait_until

# the row's own server settings, much shorter than anybody's in production
SENDER_TIMEOUT = "4s"
SHIPPER_OPTIONS = [
    "--status.update.interval.ms=500",
    "--shutdown.timeout.ms=15000",
    "--kafka.socket.timeout.ms=6000",
    "--kafka.topic.metadata.refresh.interval.ms=1000",
    "--kafka.reconnect.backoff.max.ms=500",
]
MODES = {
    "at-least-once": ["--delivery=at-least-once"],
    "exactly-once": ["--delivery=exactly-once", "--kafka.transaction.timeout.ms=10000"],
}
# several may run at once
NAMESPACE = f"tuplecast-chaos-{os.getpid()}"
HOST_END, GUEST_END = f"tch{os.getpid()}", f"tcg{os.getpid()}"
HOST_IP, GUEST_IP = (f"10.213.{os.getpid() // 63 % 250}.{os.getpid() % 63 * 4 + n}" for n in (1, 2))
BROKER = {"replica__lag__time__max__ms": 4000, "transaction__state__log__num__partitions": 3,
          "transaction__abort__timed__out__transaction__cleanup__interval__ms": 1000,
          "controlled__shutdown__max__retries": 1, "controller__quorum__election__timeout__ms": 1000,
          "controller__quorum__fetch__timeout__ms": 2000}


def ip(*args, check=True):
    return subprocess.run(["ip", *args], check=check, capture_output=True, text=True)


class Namespace:
    """A network namespace joined to this one by two virtual interfaces; None if the machine does not let us."""

    name = NAMESPACE

    def __init__(self):
        self.remove()
        ip("netns", "add", NAMESPACE)
        ip("link", "add", HOST_END, "type", "veth", "peer", "name", GUEST_END)
        ip("link", "set", GUEST_END, "netns", NAMESPACE)
        ip("addr", "add", f"{HOST_IP}/30", "dev", HOST_END)
        ip("link", "set", HOST_END, "up")
        ip("-n", NAMESPACE, "addr", "add", f"{GUEST_IP}/30", "dev", GUEST_END)
        ip("-n", NAMESPACE, "link", "set", GUEST_END, "up")
        ip("-n", NAMESPACE, "link", "set", "lo", "up")

    def set(self, state):
        ip("-n", NAMESPACE, "link", "set", GUEST_END, state)

    @staticmethod
    def remove():
        ip("netns", "del", NAMESPACE, check=False)
        ip("link", "del", HOST_END, check=False)

    @classmethod
    def make(cls):
        try:
            return cls()
        except (OSError, subprocess.CalledProcessError):
            cls.remove()
            return None


class Tail:
    """Reads topics to their ends, again and again; past the links."""

    def __init__(self, address, topics, isolation="read_committed"):
        self.topics = set(topics)
        self.assigned = set()
        self.at_end = set()
        self.records = []
        self.consumer = Consumer({
            "bootstrap.servers": address, "group.id": "tail", "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "isolation.level": isolation, "enable.partition.eof": True, "allow.auto.create.topics": False,
            "topic.metadata.refresh.interval.ms": 1000, "fetch.wait.max.ms": 50, "reconnect.backoff.max.ms": 500, "log_level": 0})

    def poll(self, timeout=0.05):
        if len({t for t, _ in self.assigned}) < len(self.topics):
            self.discover()
        new = []
        for m in self.consumer.consume(5000, timeout) if self.assigned else ():
            if m.error():
                if m.error().code() == KafkaError._PARTITION_EOF:
                    self.at_end.add((m.topic(), m.partition()))
                continue
            self.at_end.discard((m.topic(), m.partition()))
            new.append(Record(m.topic(), m.partition(), m.offset(), m.key(), m.value(), tuple(m.headers() or ()), m.timestamp()[1]))
        self.records += new
        return new

    def discover(self):
        try:
            known = self.consumer.list_topics(timeout=5).topics
        except KafkaException:
            return
        for name in self.topics & set(known):
            new = [TopicPartition(name, p, 0) for p in known[name].partitions if (name, p) not in self.assigned]
            if new and known[name].error is None:
                self.consumer.incremental_assign(new)
                self.assigned.update((p.topic, p.partition) for p in new)

    def close(self):
        self.consumer.close()


def read_everything(address, topics, isolation="read_committed", timeout=90):
    tail = Tail(address, topics, isolation)
    try:
        tail.discover()

        def done():
            tail.poll(0.2)
            return tail.at_end >= tail.assigned
        wait_until(done, timeout, what=f"the ends of {topics}", interval=0)
        return tail.records
    finally:
        tail.close()


class Sampler(threading.Thread):
    """What the slot is confirmed to, again and again; a server that does not answer is passed over."""

    def __init__(self, db):
        super().__init__(daemon=True)
        self.db = db
        self.samples = []
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            try:
                with self.db.connect(connect_timeout=2) as connection:
                    while not self.ending.wait(0.2):
                        row = connection.execute("SELECT confirmed_flush_lsn - '0/0'::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
                                                 (self.db.slot,)).fetchone()
                        if row and row[0] is not None:
                            self.samples.append((time.time(), int(row[0])))
            except psycopg.Error:
                self.ending.wait(0.2)


class Stand:
    """What rows share: made once, healed after each row."""

    def __init__(self, bindir, binary, log):
        self.bindir, self.binary, self.log = bindir, binary, log
        self.namespace = Namespace.make()
        self.proxy = Proxy(HOST_IP if self.namespace else "127.0.0.1")
        self.numbers = itertools.count(1)
        self._kafka = self._pg = None

    @property
    def kafka(self):
        if self._kafka is None:
            self._kafka = KafkaCluster(nodes=int(os.environ.get("CHAOS_BROKERS") or 3), proxy=self.proxy, **BROKER).start()
        return self._kafka

    def make_pg(self, **settings):
        pg = PostgresCluster(self.bindir, restart_after_crash="on", wal_sender_timeout=SENDER_TIMEOUT, **settings)
        pg.link = self.proxy.link(pg.port)
        return pg.start()

    @property
    def pg(self):
        if self._pg is None:
            self._pg = self.make_pg()
        return self._pg

    def heal(self):
        """Whatever a row left behind."""
        for link in self.proxy.links:
            link.open()
        if self.namespace:
            self.namespace.set("up")
        if self._kafka:
            for node in self._kafka.nodes:
                if node.running():
                    node.resume()
                else:
                    node.launch()
            self._kafka.wait_whole()
        if self._pg and not self._pg.running():
            self._pg.start()

    def destroy(self):
        for thing in (self._kafka, self._pg):
            if thing:
                thing.destroy()
        self.proxy.close()
        if self.namespace:
            self.namespace.remove()


class Row:
    """One run of one fault."""

    def __init__(self, stand, fault, mode, seed):
        self.stand, self.fault, self.mode, self.seed = stand, fault, mode, seed
        self.exactly_once = mode == "exactly-once"
        self.random = random.Random(f"{fault.name}/{mode}/{seed}")
        self.number = next(stand.numbers)
        self.shippers = []
        self.current = self.sampler = None
        self.restarts = 0        # of the program, by us or by its supervisor
        self.exits = []          # codes with which it ended by itself
        self.recovery = None
        self.marks = itertools.count(1)
        self.notes = []
        self.wrong = []
        self.mode_allows_repeats = False
        self.options = []
        self.extra_env = {}
        self.wrapper = ()
        self.started = time.monotonic()
        self.destroyed = []
        # of a row whose servers are not the shared ones
        self.pg = fault.make_pg(self) or stand.pg
        self.kafka = fault.make_kafka(self) or stand.kafka
        self.db = Database(self.pg, f"c{self.number}_{seed % 100000}")
        self.prefix = self.db.prefix
        self.topics = [self.db.topic(t) for t in load_module.TABLES]
        self.tail = Tail(self.kafka.direct, self.topics)
        self.load = load_module.Load(self.db.connect, f"{fault.name}/{seed}", **fault.load)

    # ---- the program ----
    @property
    def source(self):
        return f"postgres://{self.fault.role}@{self.stand.proxy.host}:{self.pg.link.port}/{self.db.name}?connect_timeout=5"

    def arguments(self):
        args = ["--source", self.source, "--kafka", self.kafka.address, "--prefix", self.prefix, f"--slot.name={self.db.slot}",
                "--table.include.list=" + ",".join(f"public.{t}" for t in load_module.TABLES), *SHIPPER_OPTIONS, *MODES[self.mode]]
        return [*args, *self.fault.options(self), *self.options]

    def launch(self, env=None, wrapper=None, options=()):
        shipper = Shipper(self.stand.binary, *self.arguments(), *options, env={**self.extra_env, **(env or {})},
                          wrapper=self.wrapper if wrapper is None else wrapper)
        self.shippers.append(shipper)
        return shipper.start()

    def start(self, **kwargs):
        """The program that is supervised: restarted when it ends with 1."""
        self.current = self.launch(**kwargs)
        return self.current

    def restart(self, **kwargs):
        self.restarts += 1
        return self.start(**kwargs)

    def kill(self):
        shipper, self.current = self.current, None
        shipper.kill()

    def let_go(self):
        """From now on its end is nobody's surprise."""
        shipper, self.current = self.current, None
        return shipper

    def tick(self):
        """Supervises, and takes what has come; to be called while waiting for anything."""
        self.tail.poll()
        shipper = self.current
        if shipper is not None and not shipper.running():
            code = shipper.process.returncode
            if self.fault.ends(self, code):
                return
            self.exits.append(code)
            if code not in self.fault.restartable:
                raise Ended(code, shipper.log()[-1500:])
            self.restart()

    def wait(self, condition, timeout=120, what=None):
        def attempt():
            self.tick()
            return condition()
        try:
            return wait_until(attempt, timeout, what=what)
        except TimedOut as e:
            raise TimedOut(f"{e}\n{self.program_log()}") from None

    def program_log(self):
        return "\n".join(s.log()[-1500:] for s in self.shippers[-2:])

    def wait_streaming(self, timeout=90):
        self.wait(lambda: self.db.slot_active(), timeout, what="the slot is in use")

    def flow(self, more=60, timeout=120):
        """Until so many more records are readable."""
        target = len(self.tail.records) + more
        self.wait(lambda: len(self.tail.records) >= target, timeout, what=lambda: f"{target} records, there are {len(self.tail.records)}")

    def hold(self, low, high=None):
        """The load goes on for some time, by the seed."""
        end = time.monotonic() + (low if high is None else self.random.uniform(low, high))
        while time.monotonic() < end:
            self.tick()

    def moment(self):
        """A little of the load, so that the fault meets something under way."""
        self.flow(self.random.randint(20, 150))
        self.hold(0, 0.5)

    def mark(self):
        """A transaction of its own; returns its key."""
        key = -next(self.marks)

        def insert():
            try:
                self.db.sql("INSERT INTO txlog VALUES (%s, 1)", (key,))
                return True
            except psycopg.errors.UniqueViolation:
                return True
            except psycopg.OperationalError:
                return False
        self.wait(insert, 120, what="the server takes a row")
        return b'{"id":%d}' % key

    def recovered(self, timeout=240):
        """How long until what is committed now can be read."""
        start = time.monotonic()
        key = self.mark()
        looked_at = 0

        def seen():
            nonlocal looked_at
            new = self.tail.records[looked_at:]
            looked_at = len(self.tail.records)
            return any(r.key == key for r in new)
        self.wait(seen, timeout, what=f"mark {key}")
        took = time.monotonic() - start
        self.recovery = max(self.recovery or 0, took)
        return took

    def wait_whole(self, timeout=400):
        """Until all brokers are up and in step; one that did not come up is started again."""
        def whole():
            for node in self.kafka.nodes:
                if not node.running():
                    self.notes.append(f"broker {node.properties['node.id']} ended, started again")
                    node.launch()
            return self.kafka.whole()
        self.wait(whole, timeout, what=lambda: f"all replicas in step: {self.kafka.state()}")

    def new_tail(self):
        self.tail.close()
        self.tail = Tail(self.kafka.direct, self.topics)

    # ---- the run ----
    def prepare(self):
        self.db.sql(load_module.DDL)
        self.fault.prepare(self)
        for topic in self.topics:
            self.kafka.create_topic(topic, self.fault.partitions, **self.fault.topic_config)
        # the reference is there before anything happens
        self.db.sql("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", (f"ref_{self.db.name}",))
        self.start()
        self.wait_streaming()
        self.sampler = Sampler(self.db)
        self.sampler.start()
        self.load.prepare()
        self.load.start()
        self.flow(20)

    def run(self):
        try:
            self.prepare()
            self.fault.run(self)
            self.fault.finish(self)
        except (AssertionError, KafkaException, psycopg.Error, OSError) as e:
            self.wrong.append(f"{type(e).__name__}: {e}")
        return self.result()

    def finish(self):
        """All is well again: everything committed must be there."""
        self.recovered()
        self.load.stop()
        self.recovered()
        target = self.db.wal_position()
        self.wait(lambda: self.db.confirmed() >= target, 60, what=lambda: f"the slot is confirmed to {target}; it is at {self.db.confirmed()}")
        reference = self.reference()
        self.judge(self.read(), reference, self.tables())
        if self.fault.positions:
            self.judge_positions()

    def position_topic(self):
        return f"__tuplecast-position.{self.prefix}.{self.db.slot}"

    def wait_position(self):
        topic = self.position_topic()
        self.wait(lambda: topic in self.kafka.topics() and read_everything(self.kafka.direct, [topic]), what=f"a record in {topic}")

    def judge_positions(self):
        """Nothing is confirmed beyond a position that is in Kafka already."""
        topic = self.position_topic()
        if topic not in self.kafka.topics():
            self.wrong.append(f"there is no {topic}")
            return
        known = []
        for r in read_everything(self.kafka.direct, [topic]):
            high, low = json.loads(r.value)["lsn"].split("/")
            known.append((r.timestamp / 1000, (int(high, 16) << 32) + int(low, 16)))
        samples = list(self.sampler.samples)
        best, place = samples[0][1] if samples else 0, 0
        for when, confirmed in samples:
            while place < len(known) and known[place][0] <= when + 0.05:
                best = max(best, known[place][1])
                place += 1
            if confirmed > best:
                self.wrong.append(f"confirmed to {confirmed} when the position was {best}")
                break

    def finish_ended(self, code, pattern):
        """It has ended with the documented error; what is confirmed is there, and nothing that is not true."""
        shipper = self.shippers[-1]
        text = shipper.log()
        if shipper.process.returncode != code:
            self.wrong.append(f"ended with {shipper.process.returncode}, not {code}: {text[-800:]}")
        if not re.search(pattern, text):
            self.wrong.append(f"its last words do not match {pattern!r}: {text[-800:]}")

    def judge(self, records, reference, tables, complete=True):
        repeats = self.may_repeat()
        verdict = model.check(records, reference, tables, repeats=repeats, complete=complete, gaps=self.fault.gaps,
                              stale=self.fault.stale and not self.exactly_once, partitions=0 if self.fault.moves else self.fault.partitions)
        self.wrong += verdict.wrong
        self.verdict = verdict
        self.judged = records, reference, tables

    @staticmethod
    def largest(reference):
        """The transaction with the most changes."""
        return max(reference.transactions, key=reference.transactions.get)

    def may_repeat(self):
        return self.mode_allows_repeats or not self.exactly_once and (self.fault.repeats or bool(self.exits) or self.lost_sequence())

    def lost_sequence(self):
        """librdkafka before 2.3 gives an idempotent producer up when a request that timed out was written after all: a new one begins at the position."""
        lost = any("OUT_OF_ORDER_SEQUENCE_NUMBER" in s.log() for s in self.shippers)
        if lost and "new producer: OUT_OF_ORDER_SEQUENCE_NUMBER" not in self.notes:
            self.notes.append("new producer: OUT_OF_ORDER_SEQUENCE_NUMBER")
        return lost

    def read(self, isolation="read_committed"):
        return read_everything(self.kafka.direct, self.topics, isolation)

    def reference(self):
        rows = self.db.sql("SELECT lsn - '0/0'::pg_lsn, left(data, 300) FROM pg_logical_slot_peek_changes(%s, NULL, NULL)", (f"ref_{self.db.name}",))
        return model.read_reference([(int(lsn), text) for lsn, text in rows], load_module.TABLES)

    def tables(self):
        found = {}
        for table in load_module.TABLES:
            rows = self.db.sql(f"SELECT to_jsonb(t) FROM {table} t")
            found[table] = {row["id"]: row for (row,) in rows}
        return found

    def result(self):
        verdict = getattr(self, "verdict", None)
        if self.wrong:
            warnings = [line for s in self.shippers for line in s.log().splitlines() if " WARN " in line or " ERROR " in line or "going on from" in line]
            self.wrong = [*self.wrong[:10], "its log:", *warnings[-30:]]
        return {
            "fault": self.fault.name, "mode": self.mode, "seed": self.seed, "ok": not self.wrong, "wrong": self.wrong[:45],
            "records": verdict.records if verdict else len(self.tail.records), "repeats": verdict.repeats if verdict else None,
            "recovery": None if self.recovery is None else round(self.recovery, 1), "restarts": self.restarts, "exits": self.exits,
            "commits": self.load.commits, "ddl": self.load.ddls, "seconds": round(time.monotonic() - self.started, 1),
            "brokers": len(self.kafka.nodes), "outcome": self.fault.outcome, "notes": self.notes,
        }

    def clean(self):
        if self.sampler:
            self.sampler.ending.set()
            self.sampler.join(10)
        self.load.stopping.set()
        self.load.paused.set()
        self.tail.close()
        for shipper in self.shippers:
            shipper.destroy()
        try:
            for writer in self.load.writers:
                if writer.is_alive():
                    writer.join(30)
            self.fault.clean(self)
        finally:
            self.stand.heal()
        if self.pg is self.stand._pg:
            try:
                self.db.drop()
            except psycopg.Error as e:
                self.stand.log(f"the database could not be dropped: {e}")
        else:
            self.pg.destroy()
        if self.kafka is self.stand._kafka:
            names = [t for t in self.kafka.topics() if self.prefix in t]
            try:
                self.kafka.delete_topics(names)
            except KafkaException:
                pass
        else:
            self.kafka.destroy()


class Ended(AssertionError):
    def __init__(self, code, text):
        super().__init__(f"the program ended with {code}:\n{text}")
        self.code = code
