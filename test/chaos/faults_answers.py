"""What brokers may answer, by librdkafka's mock brokers. They abort nothing, so these rows are for at-least-once."""
from faults_base import Fault, Named
from mock import MockCluster

PRODUCE, METADATA, INIT_PRODUCER_ID = 0, 3, 22
# https://kafka.apache.org/protocol: what a producer is to try again after
RETRIABLE = {
    3: "UNKNOWN_TOPIC_OR_PARTITION", 5: "LEADER_NOT_AVAILABLE", 6: "NOT_LEADER_OR_FOLLOWER", 7: "REQUEST_TIMED_OUT",
    19: "NOT_ENOUGH_REPLICAS", 20: "NOT_ENOUGH_REPLICAS_AFTER_APPEND", 56: "KAFKA_STORAGE_ERROR",
}
# which librdkafka gives up a batch after, or the producer is of no use any more
FATAL = {2: "CORRUPT_MESSAGE", 13: "NETWORK_EXCEPTION", 89: "THROTTLING_QUOTA_EXCEEDED", 45: "OUT_OF_ORDER_SEQUENCE_NUMBER", 47: "INVALID_PRODUCER_EPOCH", 59: "UNKNOWN_PRODUCER_ID", 87: "INVALID_RECORD", 42: "INVALID_REQUEST"}


class MockFault(Fault):
    group = "answers"
    modes = ("at-least-once",)
    positions = False
    load = {"large": 0.002}

    def make_kafka(self, row):
        return MockCluster()

    def prepare(self, row):
        # the mock brokers make four partitions when asked for a topic
        row.kafka.create_topic(row.position_topic())

    def options(self, row):
        # the mock brokers of 2.0.2 take requests that come after a refused one, real ones do not
        return ["--kafka.max.in.flight.requests.per.connection=1"]


class RetriableErrors(MockFault):
    name = "retriable-errors"
    what = "each retriable error of Produce, once and five times in a row: " + ", ".join(RETRIABLE.values())

    def run(self, row):
        for code in RETRIABLE:
            row.flow(20)
            row.kafka.push(PRODUCE, code)
            row.flow(20)
            row.kafka.push(PRODUCE, *[code] * 5)
            row.recovered()


class FatalErrors(MockFault):
    name = "fatal-errors"
    what = "answers after which a batch or the producer is given up: " + ", ".join(FATAL.values())
    outcome = "a new producer, or a named error and a restart; goes on. What was behind the batch may be readable before it, and comes again after it"
    gaps = True
    restartable = (1, 3)

    def run(self, row):
        for code in FATAL:
            row.flow(20)
            row.kafka.push(PRODUCE, code)
            row.recovered()


class StartErrors(MockFault):
    name = "errors-at-start"
    what = "InitProducerId and Metadata answer with errors that pass, while the program starts"

    def run(self, row):
        row.moment()
        for api_key, codes in ((INIT_PRODUCER_ID, (14, 14, 15, 16, 7)), (METADATA, (7, 5, 13))):
            row.kill()
            row.kafka.push(api_key, *codes)
            row.restart()
            row.recovered()


class LeaderMoves(MockFault):
    name = "leader-moves"
    what = "partitions change their leader eight times under load, and one broker answers 300 ms late"
    repeats = False

    def run(self, row):
        row.kafka.slow(2, 300)
        for _ in range(8):
            row.flow(20)
            row.kafka.move_leader(row.random.choice(row.topics), row.random.randrange(3), row.random.randint(1, 3))
        row.recovered()


class NotAuthorized(Named, MockFault):
    name = "not-authorized"
    what = "TOPIC_AUTHORIZATION_FAILED to a Produce request"
    outcome = "ends with 3, names the topic and the right"
    pattern = r"(?i)authori[sz]"

    def run(self, row):
        row.moment()
        row.kafka.push(PRODUCE, *[29] * 5)


class TooLarge(Named, MockFault):
    name = "too-large"
    what = "MESSAGE_TOO_LARGE to each Produce request"
    outcome = "ends with 3, names the topic and its limit; nothing is skipped"
    pattern = r"(?i)large|max\.message\.bytes"

    def run(self, row):
        row.moment()
        # batches that are refused are sent again in smaller ones, down to a single record
        row.kafka.push(PRODUCE, *[10] * 200)
