"""What may happen to the position topic."""
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from faults_base import Fault, Named
from harness.wait import wait_until


def position_topic(row):
    return f"__tuplecast-position.{row.prefix}.{row.db.slot}"


def positions(row):
    """The records of the position topic, all that are still there."""
    topic = position_topic(row)
    if topic not in row.kafka.topics():
        return []
    from stand import read_everything
    return read_everything(row.kafka.direct, [topic])


def put(row, key, value, transactional_id=None):
    config = {"bootstrap.servers": row.kafka.direct, "log_level": 0}
    if transactional_id:
        config["transactional.id"] = transactional_id
    producer = Producer(config)
    if transactional_id:
        producer.init_transactions(30)
        producer.begin_transaction()
    producer.produce(position_topic(row), key=key, value=value)
    producer.flush(30)
    return producer


def configure(row, settings):
    resource = ConfigResource(ResourceType.TOPIC, position_topic(row), incremental_configs=[
        ConfigEntry(n, v, incremental_operation=AlterConfigOpType.SET) for n, v in settings.items()])
    for future in row.kafka.admin.incremental_alter_configs([resource]).values():
        future.result(30)


class PositionFault(Fault):
    group = "position"
    positions = False

    def stop(self, row):
        row.moment()
        row.recovered()
        row.kill()
        wait_until(lambda: not row.db.slot_active(), what="the slot is free")
        assert positions(row), f"{position_topic(row)} holds nothing"


class PositionCompacted(PositionFault):
    name = "position-compacted"
    what = "the position topic is compacted while the program runs, then it is killed"

    def run(self, row):
        row.recovered()
        settings = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "100", "delete.retention.ms": "100"}
        configure(row, settings)
        row.moment()
        row.wait(lambda: len(row.mark()) and positions(row)[0].offset > 0, 120, what="the log is compacted")
        row.kill()
        row.restart()
        row.recovered()


class PositionOpenTransaction(PositionFault):
    name = "position-open-transaction"
    what = "another producer has a transaction open in the position topic for 3 to 5 s while the program starts"
    outcome = "waits for its end, goes on"

    def run(self, row):
        self.stop(row)
        other = put(row, "somebody", "else", f"other-{row.prefix}")
        row.restart()
        row.hold(3, 5)
        other.abort_transaction(30)
        row.recovered()


class PositionOfOthers(PositionFault):
    name = "position-of-others"
    what = "records of other keys are in the position topic"
    outcome = "they are passed over"

    def run(self, row):
        self.stop(row)
        put(row, '{"prefix":"x","slot":"y"}', '{"version":99}')
        put(row, None, b"\xff\x00")
        row.restart()
        row.recovered()


class PositionGarbage(PositionFault, Named):
    name = "position-garbage"
    what = "the last record of our key in the position topic is no position"
    outcome = "ends with 3, names the topic; never begins from anywhere else"
    pattern = r"position"

    def run(self, row):
        self.stop(row)
        key = positions(row)[-1].key
        put(row, key, b'{"version":1,"end_lsn":"nonsense')
        row.restart()


class PositionEmptied(PositionFault, Named):
    name = "position-emptied"
    what = "all records of the position topic are deleted while the program is stopped"
    outcome = "exactly-once: ends with 3; at-least-once: begins at the slot and says so"
    pattern = r"position"

    def run(self, row):
        self.stop(row)
        topic = position_topic(row)
        consumer = Consumer({"bootstrap.servers": row.kafka.direct, "group.id": "x", "log_level": 0})
        end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)[1]
        consumer.close()
        # a compacted topic refuses it
        configure(row, {"cleanup.policy": "delete"})
        for future in row.kafka.admin.delete_records([TopicPartition(topic, 0, end)]).values():
            future.result(30)
        configure(row, {"cleanup.policy": "compact"})
        row.restart()

    def ends(self, row, code):
        return row.exactly_once and Named.ends(self, row, code)

    def finish(self, row):
        (Named if row.exactly_once else Fault).finish(self, row)


class PositionDeleted(PositionEmptied):
    name = "position-deleted"
    what = "the position topic is deleted while the program is stopped"
    outcome = "begins at the slot and says so; exactly-once may repeat what was delivered after the slot's last confirmation, or ends with 3"

    def run(self, row):
        self.stop(row)
        row.kafka.delete_topics([position_topic(row)])
        wait_until(lambda: position_topic(row) not in row.kafka.topics(), what="it is gone")
        row.restart()
        if row.exactly_once:
            row.wait(lambda: self.ended or row.db.slot_active(), 60)

    def finish(self, row):
        if self.ended:
            Named.finish(self, row)
            return
        row.mode_allows_repeats = True
        Fault.finish(self, row)


class PositionDeletedRunning(PositionFault):
    name = "position-deleted-running"
    what = "the position topic is deleted while the program runs"
    outcome = "makes it again and goes on, or ends with 1 or 3 and goes on when started again; nothing is lost"
    restartable = (1, 3)

    def run(self, row):
        row.moment()
        row.recovered()
        row.kafka.delete_topics([position_topic(row)])
        row.mode_allows_repeats = True
        row.moment()
        row.recovered()


class PositionPartitions(PositionFault, Named):
    name = "position-partitions"
    what = "the position topic gets a second partition while the program is stopped"
    outcome = "ends with 3: it must have one"
    pattern = r"partition"

    def run(self, row):
        from confluent_kafka.admin import NewPartitions
        self.stop(row)
        for future in row.kafka.admin.create_partitions([NewPartitions(position_topic(row), 2)]).values():
            future.result(30)
        row.hold(1)
        row.restart()
