"""librdkafka's mock brokers, in this process: they answer with any error that they are told to."""
import ctypes
import ctypes.util

from confluent_kafka.admin import AdminClient

ERRSTR = 512


class MockCluster:
    """As much of KafkaCluster as a row needs. Records are kept in memory, some 5 MB a partition; nothing is ever aborted in it."""
    links = []
    nodes = []

    def __init__(self, brokers=3):
        lib = ctypes.CDLL("librdkafka.so.1")
        for name, result, arguments in (
                ("rd_kafka_conf_new", ctypes.c_void_p, []),
                ("rd_kafka_conf_set", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]),
                ("rd_kafka_new", ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
                ("rd_kafka_mock_cluster_new", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
                ("rd_kafka_mock_cluster_bootstraps", ctypes.c_char_p, [ctypes.c_void_p]),
                ("rd_kafka_mock_topic_create", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]),
                ("rd_kafka_mock_push_request_errors_array", None, [ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int)]),
                ("rd_kafka_mock_partition_set_leader", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32]),
                ("rd_kafka_mock_broker_set_rtt", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int]),
                ("rd_kafka_mock_cluster_destroy", None, [ctypes.c_void_p]),
                ("rd_kafka_destroy", None, [ctypes.c_void_p])):
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        self.lib = lib
        text = ctypes.create_string_buffer(ERRSTR)
        conf = lib.rd_kafka_conf_new()
        lib.rd_kafka_conf_set(conf, b"log_level", b"2", text, ERRSTR)
        self.host = lib.rd_kafka_new(0, conf, text, ERRSTR)
        self.cluster = lib.rd_kafka_mock_cluster_new(self.host, brokers)
        self.address = self.direct = lib.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        self.admin = AdminClient({"bootstrap.servers": self.direct, "log_level": 0})

    def create_topic(self, name, partitions=1, **_):
        assert self.lib.rd_kafka_mock_topic_create(self.cluster, name.encode(), partitions, 1) == 0

    def push(self, api_key, *codes):
        """The next answers to requests of that ApiKey."""
        self.lib.rd_kafka_mock_push_request_errors_array(self.cluster, api_key, len(codes), (ctypes.c_int * len(codes))(*codes))

    def move_leader(self, topic, partition, broker):
        self.lib.rd_kafka_mock_partition_set_leader(self.cluster, topic.encode(), partition, broker)

    def slow(self, broker, ms):
        self.lib.rd_kafka_mock_broker_set_rtt(self.cluster, broker, ms)

    def whole(self):
        return True

    def topics(self):
        known = self.admin.list_topics(timeout=30).topics
        return {t.topic: len(t.partitions) for t in known.values()}

    def destroy(self):
        self.lib.rd_kafka_mock_cluster_destroy(self.cluster)
        self.lib.rd_kafka_destroy(self.host)
