"""A real Kafka broker (KRaft, one node) and a reader of topics."""
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from .jvm import SMALL
from .wait import TimedOut, free_port, wait_until

TOP = Path(__file__).resolve().parents[3]
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "log.cleaner.dedupe.buffer.size": 16777216,
    "num.partitions": 1,
    # a killed broker may register again only when its old session is over
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
}
JAVA = ["java", "-Djava.awt.headless=true"]
TOOL = [*JAVA, *SMALL, "-Xmx128m"]


def jars():
    """The directory of the broker's jars; fetched if need be."""
    done = subprocess.run([TOP / "test/kafka/fetch.sh"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class KafkaBroker:
    """settings override the broker's properties, dots written as __: auto__create__topics__enable='false'.
    listeners: more of them, name (which is its protocol, too) → address. jvm: its options but for the heap."""

    def __init__(self, heap="384m", listeners=None, port=None, controller_port=None, properties=None, jvm=SMALL, **settings):
        self.dir = Path(tempfile.mkdtemp(prefix="tuplecast-kafka-"))
        self.port = port or free_port()
        self.controller_port = controller_port or free_port()
        self.address = f"127.0.0.1:{self.port}"
        # compression's library is unpacked into the temporary folder, and stays there after kill -9
        self.jvm = [*JAVA, f"-Xmx{heap}", *jvm, f"-Djava.io.tmpdir={self.dir}"]
        # kept: when it goes away, it takes its unfinished requests with it
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0, "reconnect.backoff.max.ms": 500})
        self.log = self.dir / "broker.log"
        self.process = None
        more = "".join(f",{name}://{address}" for name, address in (listeners or {}).items())
        self.properties = {
            **SETTINGS,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller_port}{more}",
            "advertised.listeners": f"PLAINTEXT://{self.address}{more}",
            "listener.security.protocol.map": SETTINGS["listener.security.protocol.map"] + "".join(f",{name}:{name}" for name in listeners or ()),
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "log.dirs": self.dir / "logs",
            **{k.replace("__", "."): v for k, v in settings.items()},
            **(properties or {}),
        }
        self.config = self.dir / "server.properties"
        self.config.write_text("".join(f"{k}={v}\n" for k, v in self.properties.items()))
        self.classpath = f"{jars()}/*"
        done = subprocess.run([*TOOL, *self._log4j(), "-cp", self.classpath, "kafka.tools.StorageTool", "format",
                               "-t", "tuplecastTestBroker00A", "-c", self.config], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def _log4j(self):
        return [f"-Dlog4j2.configurationFile={TOP}/test/kafka/log4j2.properties"]

    def launch(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([*self.jvm, *self._log4j(), "-cp", self.classpath, "kafka.Kafka", self.config],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir)

    def wait_started(self, timeout=120):
        wait_until(self._answers, timeout, what=lambda: f"broker answers\n{self.log.read_text()[-3000:]}")
        return self

    def start(self, timeout=120):
        self.launch()
        return self.wait_started(timeout)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the broker ended\n{self.log.read_text()[-3000:]}")
        try:
            # a broker that still starts lists no brokers
            return bool(self.admin.list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def destroy(self):
        if self.process and self.process.poll() is None:
            self.resume()
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def create_topic(self, name, partitions=1, **config):
        config = {k.replace("__", "."): str(v) for k, v in config.items()}
        self.admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(60)
        wait_until(lambda: name in self.topics(), what=f"topic {name} is known")

    def delete_topics(self, names):
        for future in self.admin.delete_topics(list(names)).values() if names else ():
            future.result(60)

    def topics(self):
        """name → number of partitions, internal topics left out"""
        known = self.admin.list_topics(timeout=30).topics
        return {t.topic: len(t.partitions) for t in known.values() if t.error is None and not t.topic.startswith("__consumer")}

    def topic_config(self, name):
        resource = ConfigResource(ResourceType.TOPIC, name)
        return {k: e.value for k, e in self.admin.describe_configs([resource])[resource].result(30).items()}

    def quota(self, user, bytes_a_second):
        """What the user may produce; None: without a limit."""
        change = ["--delete-config", "producer_byte_rate"] if bytes_a_second is None else ["--add-config", f"producer_byte_rate={bytes_a_second}"]
        done = subprocess.run([*TOOL, *self._log4j(), "-cp", self.classpath, "kafka.admin.ConfigCommand", "--bootstrap-server", self.address,
                               "--alter", *change, "--entity-type", "users", "--entity-name", user], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def reader(self, *topics, prefix=None):
        return TopicReader(self.address, topics, prefix)


class KafkaCluster:
    """Nodes that are broker and controller each. With a proxy, clients at `address` come through one link a node, and
    those at `direct` past it: the links are only for the program under test."""

    def __init__(self, nodes=3, heap="256m", proxy=None, **settings):
        controllers = [free_port() for _ in range(nodes)]
        ports = [free_port() for _ in range(nodes)]
        outside = [free_port() for _ in range(nodes)]
        self.links = [proxy.link(port, kafka=True) for port in outside] if proxy else []
        self.nodes = []
        for i in range(nodes):
            advertised = self.links[i].address if proxy else f"127.0.0.1:{outside[i]}"
            self.nodes.append(KafkaBroker(heap, port=ports[i], controller_port=controllers[i], properties={
                "node.id": i + 1,
                "controller.quorum.voters": ",".join(f"{n + 1}@127.0.0.1:{p}" for n, p in enumerate(controllers)),
                "listeners": f"INSIDE://127.0.0.1:{ports[i]},OUTSIDE://127.0.0.1:{outside[i]},CONTROLLER://127.0.0.1:{controllers[i]}",
                "advertised.listeners": f"INSIDE://127.0.0.1:{ports[i]},OUTSIDE://{advertised}",
                "listener.security.protocol.map": "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name": "INSIDE",
                "offsets.topic.replication.factor": nodes,
                "transaction.state.log.replication.factor": nodes,
                "transaction.state.log.min.isr": 2 if nodes > 1 else 1,
                "default.replication.factor": nodes,
                "min.insync.replicas": 2 if nodes > 1 else 1,
                **{k.replace("__", "."): v for k, v in settings.items()}}))
        self.direct = ",".join(f"127.0.0.1:{p}" for p in ports)
        self.address = ",".join(link.address for link in self.links) or ",".join(f"127.0.0.1:{p}" for p in outside)
        self.admin = AdminClient({"bootstrap.servers": self.direct, "log_level": 0, "reconnect.backoff.max.ms": 500,
                                  "topic.metadata.refresh.interval.ms": 1000})

    def start(self):
        for node in self.nodes:
            node.launch()
        return self.wait_whole()

    def wait_whole(self, timeout=180):
        """Until all nodes are up and each partition has all its replicas in step."""
        for node in self.nodes:
            node.wait_started(timeout)
        wait_until(self.whole, timeout, what="all replicas in step", interval=0.2)
        return self

    def whole(self):
        try:
            known = self.admin.list_topics(timeout=5)
        except KafkaException:
            return False
        return len(known.brokers) == len(self.nodes) and all(
            p.leader > 0 and len(p.isrs) == len(p.replicas) for t in known.topics.values() for p in t.partitions.values())

    def state(self):
        """What is not whole, in words."""
        known = self.admin.list_topics(timeout=5)
        torn = [f"{t.topic}[{p.id}] leader {p.leader} isr {p.isrs} of {p.replicas}" for t in known.topics.values() for p in t.partitions.values()
                if p.leader <= 0 or len(p.isrs) != len(p.replicas)]
        return f"{len(known.brokers)} of {len(self.nodes)} brokers, {torn[:5]}"

    def leader(self, topic, partition=0):
        """The node that leads a partition, or None while nobody does."""
        found = self.admin.list_topics(topic, timeout=10).topics[topic].partitions.get(partition)
        return self.nodes[found.leader - 1] if found and found.leader > 0 else None

    def coordinator(self, transactional_id):
        """The node that coordinates a transactional id."""
        hashed = 0
        for char in transactional_id:
            hashed = (31 * hashed + ord(char)) & 0xFFFFFFFF
        partitions = len(self.admin.list_topics("__transaction_state", timeout=10).topics["__transaction_state"].partitions)
        return self.leader("__transaction_state", (hashed & 0x7FFFFFFF) % partitions) if partitions else None

    def controller(self):
        found = self.admin.list_topics(timeout=10).controller_id
        return self.nodes[found - 1] if found > 0 else self.nodes[0]

    def create_topic(self, name, partitions=1, **config):
        config = {k.replace("__", "."): str(v) for k, v in config.items()}
        self.admin.create_topics([NewTopic(name, partitions, len(self.nodes), config=config)])[name].result(60)
        wait_until(lambda: name in self.topics(), what=f"topic {name} is known")

    delete_topics = KafkaBroker.delete_topics
    topics = KafkaBroker.topics
    topic_config = KafkaBroker.topic_config

    def destroy(self):
        for node in self.nodes:
            node.destroy()


@dataclass(frozen=True)
class Record:
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple
    timestamp: int

    @property
    def k(self):
        return None if self.key is None else self.key.decode()

    @property
    def v(self):
        return None if self.value is None else self.value.decode()

    def header(self, name):
        found = [v for n, v in self.headers if n == name]
        return found[0] if found else None

    @property
    def identity(self):
        """Of native records: (LSN of the transaction's end, ordinal, part)."""
        return tuple(int(self.header(n)) for n in ("__lsn", "__ordinal", "__part"))


class TopicReader:
    """Reads topics, or all that begin with a prefix, from their beginning; new topics and partitions are found as they appear."""

    def __init__(self, address, topics=(), prefix=None):
        self.names = set(topics)
        self.prefix = prefix
        self.records = []
        self.assigned = set()
        self.reached = {}  # where each ended when it was looked at last: behind the last record stand marks of transactions
        self.consumer = Consumer({
            "bootstrap.servers": address,
            "group.id": f"reader-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            "topic.metadata.refresh.interval.ms": 1000,
            "fetch.wait.max.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        })

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.consumer.close()

    def _discover(self):
        try:
            known = self.consumer.list_topics(timeout=5).topics
        except KafkaException:
            return
        for topic in known.values():
            if topic.error is not None or not (topic.topic in self.names or self.prefix and topic.topic.startswith(self.prefix)):
                continue
            new = [TopicPartition(topic.topic, p, 0) for p in topic.partitions if (topic.topic, p) not in self.assigned]
            if new:
                self.consumer.incremental_assign(new)
                self.assigned.update((p.topic, p.partition) for p in new)

    def poll(self, timeout=0.2):
        """Takes what is there; returns the new records."""
        self._discover()
        new = []
        for message in self.consumer.consume(10000, timeout) if self.assigned else ():
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    self.reached[message.topic(), message.partition()] = message.offset()
                if message.error().code() in (KafkaError._PARTITION_EOF, KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT,
                                              KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.NOT_LEADER_FOR_PARTITION):
                    continue
                raise KafkaException(message.error())
            new.append(Record(message.topic(), message.partition(), message.offset(), message.key(), message.value(),
                              tuple(message.headers() or ()), message.timestamp()[1]))
        self.records += new
        return new

    def read_until(self, condition, timeout=60, what=None, progress=None):
        """condition(list of all records so far); progress as wait_until() has it"""
        def attempt():
            self.poll()
            return condition(self.records)
        try:
            wait_until(attempt, timeout, interval=0, progress=progress)
        except TimedOut:
            tail = "\n".join(f"{r.topic}[{r.partition}]@{r.offset} {r.key} {r.value}" for r in self.records[-20:])
            raise TimedOut(f"not within {timeout} s: {what or 'the awaited records'}; {len(self.records)} records, the last:\n{tail}") from None
        return self.records

    def read_count(self, count, timeout=60):
        self.read_until(lambda records: len(records) >= count, timeout, f"{count} records")
        assert len(self.records) == count, [(r.topic, r.key, r.value) for r in self.records]
        return self.records

    def arrived(self):
        return len(self.records)

    def read_all(self, timeout=60):
        """What the topics hold now; the time is that without a record."""
        self._discover()
        ends = {}

        def known():
            """A busy broker may lose the leadership for a moment."""
            try:
                for tp in self.assigned:
                    ends[tp] = self.consumer.get_watermark_offsets(TopicPartition(*tp), timeout=30)[1]
            except KafkaException as e:
                if e.args[0].code() in (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE):
                    return False
                raise
            return True
        wait_until(known, timeout, what="the partitions have leaders")

        seen, looked_at = {}, 0

        def complete(records):
            nonlocal looked_at
            for r in records[looked_at:]:
                seen[r.topic, r.partition] = r.offset + 1
            looked_at = len(records)
            return all(max(seen.get(tp, 0), self.reached.get(tp, 0)) >= end for tp, end in ends.items())
        return self.read_until(complete, timeout, f"offsets {ends}", self.arrived)


def murmur2(data):
    """org.apache.kafka.common.utils.Utils.murmur2"""
    mask, m, length = 0xFFFFFFFF, 0x5BD1E995, len(data)
    h = 0x9747B28C ^ length
    for i in range(0, length - length % 4, 4):
        k = int.from_bytes(data[i:i + 4], "little")
        k = k * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    rest = data[length - length % 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def java_partition(key, partitions):
    return (murmur2(key) & 0x7FFFFFFF) % partitions
