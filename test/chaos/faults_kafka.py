"""Brokers are killed, paused, restarted, starved of disk; topics are deleted, changed; and what the brokers answer."""
import subprocess
import tempfile
from pathlib import Path

from confluent_kafka.admin import NewPartitions

from faults_base import Fault
from harness.kafka import KafkaCluster

BROKER_KILLS_REPEAT = False  # the producer is idempotent: a broker's death alone repeats nothing (but see Row.lost_sequence)


class BrokerFault(Fault):
    group = "brokers"
    repeats = BROKER_KILLS_REPEAT


class BrokerKill(BrokerFault):
    name, quick = "broker-kill", ("exactly-once",)
    what = "kill -9 of one broker of three, back after 2 to 4 s"

    def victim(self, row):
        return row.random.choice(row.kafka.nodes)

    def run(self, row):
        row.moment()
        node = self.victim(row)
        node.kill()
        row.hold(2, 4)
        # two of three are enough
        row.recovered()
        node.launch()
        row.wait_whole()
        row.recovered()


class LeaderKill(BrokerKill):
    name, quick = "leader-kill", False
    what = "kill -9 of the broker that leads a partition of ours"

    def victim(self, row):
        return row.kafka.leader(row.topics[1], row.random.randrange(3))


class ControllerKill(BrokerKill):
    name, quick = "controller-kill", False
    what = "kill -9 of the broker that is the active controller"

    def victim(self, row):
        return row.kafka.controller()


class CoordinatorKill(BrokerKill):
    name, quick = "coordinator-kill", False
    what = "kill -9 of the broker that coordinates our transactional id"
    modes = ("exactly-once",)

    def victim(self, row):
        return row.kafka.coordinator(f"tuplecast-{row.prefix}-{row.db.slot}")


class TwoBrokersKill(BrokerFault):
    name = "two-brokers-kill"
    what = "kill -9 of two brokers of three at once: no quorum; both back after 3 to 6 s"

    def run(self, row):
        row.moment()
        two = row.random.sample(row.kafka.nodes, 2)
        for node in two:
            node.kill()
        row.mark()
        written = row.db.wal_position()
        row.hold(3, 6)
        if row.db.confirmed() >= written:
            row.wrong.append("confirmed without a quorum")
        for node in two:
            node.launch()
        row.wait_whole()
        row.recovered()


class AllBrokersKill(BrokerFault):
    name = "all-brokers-kill"
    what = "kill -9 of all three brokers; back after 2 to 4 s"
    count = 3

    def run(self, row):
        row.moment()
        for node in row.kafka.nodes:
            node.kill()
        row.hold(2, 4)
        for node in row.kafka.nodes:
            node.launch()
        row.wait_whole()
        row.recovered()


class RollingRestart(BrokerFault):
    name = "rolling-restart"
    what = "each broker in turn is stopped in order (SIGTERM) and started again"

    def run(self, row):
        row.moment()
        for node in row.kafka.nodes:
            node.stop()
            row.hold(0.2, 1)
            node.launch()
            row.wait_whole()
        row.recovered()


class BrokerPause(BrokerFault):
    name, quick = "broker-pause", ("at-least-once",)
    what = "SIGSTOP of one broker for 5 to 8 s: longer than its session (3 s) and the client's timeout (6 s)"

    def run(self, row):
        row.moment()
        node = row.random.choice(row.kafka.nodes)
        node.pause()
        row.hold(5, 8)
        node.resume()
        row.wait_whole()
        row.recovered()


class AllBrokersPause(BrokerFault):
    name = "all-brokers-pause"
    what = "SIGSTOP of all three brokers for 12 s: longer than the transaction's timeout (10 s)"
    repeats = True

    def run(self, row):
        row.moment()
        for node in row.kafka.nodes:
            node.pause()
        row.hold(12)
        for node in row.kafka.nodes:
            node.resume()
        row.wait_whole()
        row.recovered()


class NotEnoughReplicas(BrokerFault):
    name = "not-enough-replicas"
    what = "min.insync.replicas of our topics is 3 and a broker is away for 5 to 8 s: NOT_ENOUGH_REPLICAS"
    repeats = True

    topic_config = {"min__insync__replicas": 3}

    def run(self, row):
        row.moment()
        node = row.random.choice(row.kafka.nodes)
        node.kill()
        row.hold(5, 8)
        node.launch()
        row.wait_whole()
        row.recovered()


class BrokerDiskFull(BrokerFault):
    name = "broker-disk-full"
    repeats = True
    what = "the only broker's disk (a tmpfs of 40 MB) is full: the broker gives up; started again with free space"
    load = {"large": 0.02}

    def make_kafka(self, row):
        self.mount = Path(tempfile.mkdtemp(prefix="tuplecast-full-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", self.mount], check=True)
        kafka = KafkaCluster(nodes=1, proxy=row.stand.proxy, log__dirs=self.mount / "logs", log__segment__bytes=1048576 * 4,
                             log__index__size__max__bytes=65536, transaction__state__log__num__partitions=1,
                             transaction__state__log__segment__bytes=1048576)
        kafka.nodes[0].start()
        return kafka

    def run(self, row):
        row.moment()
        node = row.kafka.nodes[0]
        ballast = self.mount / "ballast"
        with open(ballast, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(bytes(65536))
            except OSError:
                pass
        row.wait(lambda: not node.running(), 90, what="the broker gives up its disk")
        ballast.unlink()
        node.launch()
        row.wait_whole()
        row.recovered()

    def clean(self, row):
        row.kafka.destroy()
        subprocess.run(["umount", self.mount], check=False)
        self.mount.rmdir()


class PartitionsAdded(BrokerFault):
    name, group = "partitions-added", "topics"
    what = "from 3 partitions to 5 under load: keys move (as in Kafka they do), nothing is lost"
    outcome = "goes on; a key's later records may be on another partition"

    def run(self, row):
        row.moment()
        for future in row.kafka.admin.create_partitions([NewPartitions(t, 5) for t in row.topics]).values():
            future.result(30)
        row.moment()
        row.new_tail()
        row.recovered()

    moves = True


class TopicDeleted(Fault):
    name, group = "topic-deleted", "topics"
    what = "the topic of a table is deleted under load; the brokers make it again when asked"
    outcome = "goes on into the new topic; nothing since the last confirmed is missing from it"
    restartable = (1, 3)

    def run(self, row):
        row.moment()
        topic = row.topics[1]
        before = row.db.confirmed()
        row.kafka.delete_topics([topic])
        self.deleted = row.db.wal_position()
        self.before = before
        row.hold(3, 5)
        row.new_tail()
        row.recovered()

    def finish(self, row):
        row.recovered()
        row.load.stop()
        row.recovered()
        target = row.db.wal_position()
        row.wait(lambda: row.db.confirmed() >= target, 60, what="the slot is confirmed")
        records, reference = row.read(), row.reference()
        # what went with the topic cannot be asked for; what was committed after its end must be there
        there = {r.identity for r in records}
        missing = [i for i, e in reference.expected.items() if i not in there and (e[0] != "item" or i[0] > self.deleted)]
        strange = [i for i in there if i not in reference.expected]
        if missing:
            row.wrong.append(f"{len(missing)} records are missing, as {sorted(missing)[:3]}, deleted at {self.deleted}")
        if strange:
            row.wrong.append(f"{len(strange)} records were never committed, as {strange[:3]}")
        repeats = len(records) - len(there)
        if repeats and row.exactly_once:
            row.wrong.append(f"{repeats} records come again")
