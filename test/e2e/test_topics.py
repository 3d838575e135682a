"""Topics: made by the broker, made by us when asked, or one clear error."""
import pytest


@pytest.fixture
def strict_broker(make_broker):
    return make_broker(auto__create__topics__enable="false", num__partitions=3)


def table(db):
    db.sql("CREATE TABLE t (id serial PRIMARY KEY, pad text)")


def test_topics_are_created_as_asked_where_the_broker_creates_none(db, run, strict_broker):
    table(db)
    run(db, "--topic.creation.default.partitions=5", "--topic.creation.default.replication.factor=1",
        "--topic.creation.default.cleanup.policy=compact", "--topic.creation.default.compression.type=lz4", kafka=strict_broker)
    db.sql("INSERT INTO t (pad) SELECT 'x' FROM generate_series(1, 100)")
    with strict_broker.reader(db.topic("t")) as reader:
        reader.read_count(100)
    assert strict_broker.topics()[db.topic("t")] == 5
    config = strict_broker.topic_config(db.topic("t"))
    assert config["cleanup.policy"] == "compact" and config["compression.type"] == "lz4"


def test_minus_one_means_the_brokers_defaults(db, run, strict_broker):
    table(db)
    run(db, "--topic.creation.default.partitions=-1", "--topic.creation.default.replication.factor=-1", kafka=strict_broker)
    db.sql("INSERT INTO t (pad) VALUES ('x')")
    with strict_broker.reader(db.topic("t")) as reader:
        reader.read_count(1)
    assert strict_broker.topics()[db.topic("t")] == 3


def test_an_existing_topic_is_left_as_it_is(db, run, strict_broker):
    table(db)
    strict_broker.create_topic(db.topic("t"), 2)
    run(db, "--topic.creation.default.partitions=5", "--topic.creation.default.replication.factor=1", kafka=strict_broker)
    db.sql("INSERT INTO t (pad) VALUES ('x')")
    with strict_broker.reader(db.topic("t")) as reader:
        reader.read_count(1)
    assert strict_broker.topics()[db.topic("t")] == 2


def test_a_missing_topic_is_one_error_with_both_remedies_and_nothing_is_confirmed(db, run, strict_broker):
    table(db)
    shipper = run(db, kafka=strict_broker)
    before = db.wal_position()
    db.sql("INSERT INTO t (pad) VALUES ('x')")
    assert shipper.wait_exit(90) == 3
    assert db.topic("t") in shipper.log()
    assert "topic.creation" in shipper.log() and "auto.create.topics.enable" in shipper.log()
    assert db.confirmed() <= db.wal_position() and db.confirmed() <= before + 1000000
    # the remedy works, and the row is there
    strict_broker.create_topic(db.topic("t"))
    run(db, kafka=strict_broker)
    with strict_broker.reader(db.topic("t")) as reader:
        reader.read_count(1)


def test_a_broker_that_creates_topics_itself_needs_no_option(db, run, broker):
    table(db)
    run(db)
    db.sql("INSERT INTO t (pad) VALUES ('x')")
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(1)


def test_a_record_too_large_for_the_broker_stops_and_is_not_skipped(db, run, make_broker):
    small = make_broker(message__max__bytes=100000)
    db.sql("CREATE TABLE t (id serial PRIMARY KEY, pad text)")
    shipper = run(db, kafka=small)
    db.sql("INSERT INTO t (pad) VALUES ('first')")
    db.sql("INSERT INTO t (pad) SELECT string_agg(md5(i::text), '') FROM generate_series(1, 10000) i")
    assert shipper.wait_exit(90) in (1, 2, 3)
    assert db.topic("t") in shipper.log() and "c4ca4238" not in shipper.log()
    # nothing after it has been confirmed: with a larger limit it comes
    small.stop()
    with open(small.config, "a") as config:
        config.write("message.max.bytes=10000000\n")
    small.start()
    run(db, "--kafka.message.max.bytes=10000000", kafka=small)
    with small.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.k == '{"id":2}' for r in records))
