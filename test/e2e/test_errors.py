"""What brokers refuse: each class of error has its reaction, and no record is lost in any."""
import json

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, ResourceType

from harness.kafka import KafkaBroker
from harness.wait import free_port, wait_until


def table(db, rows=0):
    db.sql("CREATE TABLE t (id serial PRIMARY KEY, pad text)")
    if rows:
        insert(db, rows)
    return db


def insert(db, rows, pad="x"):
    db.sql("INSERT INTO t (pad) SELECT %s FROM generate_series(1, %s)", (pad, rows))


def ids(records):
    return {json.loads(r.key)["id"] for r in records}


def read_ids(broker, topic, wanted, timeout=90):
    with broker.reader(topic) as reader:
        reader.read_until(lambda records: ids(records) >= wanted, timeout)
        return reader.records


def letters(broker, db, count):
    with broker.reader(f"__tuplecast-dead-letter.{db.prefix}") as reader:
        reader.read_until(lambda records: len(records) >= count)
        return [json.loads(r.value) for r in reader.records]


def set_config(broker, topic, **config):
    entries = [ConfigEntry(k.replace("__", "."), str(v), incremental_operation=AlterConfigOpType.SET) for k, v in config.items()]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    broker.admin.incremental_alter_configs([resource])[resource].result(30)


# ---- topics ----------------------------------------------------------------

def test_a_topic_that_is_deleted_under_load_is_made_anew_or_missed(db, run, broker):
    table(db)
    shipper = run(db)
    insert(db, 100)
    db.wait_confirmed()
    broker.delete_topics([db.topic("t")])
    insert(db, 100)
    db.wait_confirmed(timeout=120)
    read_ids(broker, db.topic("t"), set(range(101, 201)))
    assert shipper.running()


def test_partitions_that_are_added_are_used_and_nothing_is_lost(db, run, broker):
    table(db)
    broker.create_topic(db.topic("t"), 1)
    shipper = run(db, "--kafka.topic.metadata.refresh.interval.ms=1000")
    insert(db, 50)
    db.wait_confirmed()
    broker.admin.create_partitions([NewPartitions(db.topic("t"), 4)])[db.topic("t")].result(30)
    total = 50

    def spread():
        nonlocal total
        insert(db, 50)
        total += 50
        db.wait_confirmed()
        with broker.reader(db.topic("t")) as reader:
            return len({r.partition for r in reader.read_all()}) == 4
    wait_until(spread, 60, interval=0.5, what="records in the new partitions")
    read_ids(broker, db.topic("t"), set(range(1, total + 1)))
    assert shipper.running()


# ---- size ------------------------------------------------------------------

@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_what_the_topic_refuses_for_its_size_goes_to_the_dead_letters(db, run, broker, delivery):
    table(db)
    topic = db.topic("t")
    broker.create_topic(topic, max__message__bytes=20000)
    shipper = run(db, f"--delivery={delivery}", "--oversize=dead-letter", "--kafka.compression.codec=none")
    pads = {1: "a", 2: "b" * 30000, 3: "c" * 19000, 4: "d" * 40000, 5: "e"}
    with db.connect() as connection, connection.transaction():
        for i, pad in pads.items():
            connection.execute("INSERT INTO t VALUES (%s, %s)", (i, pad))
    db.wait_confirmed(timeout=120)
    records = read_ids(broker, topic, {1, 3, 5})
    assert ids(records) == {1, 3, 5}
    if delivery == "exactly-once":
        assert len(records) == 3
    told = letters(broker, db, 2)
    assert {json.loads(letter["key"])["id"] for letter in told} == {2, 4}
    assert all(letter["reason"] == "record_too_large" and letter["value_bytes_exact"] for letter in told)
    # a limit that is lowered while small records flow in large batches
    set_config(broker, topic, max__message__bytes=3000)
    db.sql("INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(11, 1000) i")
    db.wait_confirmed(timeout=120)
    assert ids(read_ids(broker, topic, set(range(11, 1001)))) == {1, 3, 5, *range(11, 1001)}
    assert shipper.running()


@pytest.mark.parametrize("kind, delivery", [("initial", "at-least-once"), ("incremental", "exactly-once")])
def test_a_row_of_a_snapshot_that_the_topic_refuses_for_its_size(db, run, broker, kind, delivery):
    table(db)
    db.sql("CREATE EXTENSION tuplecast; INSERT INTO t VALUES (1, 'a'), (2, repeat('b', 30000)), (3, 'c')")
    topic = db.topic("t")
    broker.create_topic(topic, max__message__bytes=20000)
    shipper = run(db, f"--delivery={delivery}", "--oversize=dead-letter", "--kafka.compression.codec=none",
                  f"--snapshot.mode={'initial' if kind == 'initial' else 'no_data'}", wait=kind == "incremental")
    if kind == "incremental":
        db.sql("""SELECT tuplecast.signal('execute-snapshot', '{"data-collections":["public.t"]}')""")
    told = letters(broker, db, 1)
    assert json.loads(told[0]["key"]) == {"id": 2} and told[0]["op"] == "r" and told[0]["reason"] == "record_too_large"
    records = read_ids(broker, topic, {1, 3})
    shipper.wait_log("snapshot is complete")
    assert ids(records) == {1, 3}
    if delivery == "exactly-once":
        assert len(records) == 2


# ---- a record's own fault --------------------------------------------------

def test_a_record_without_a_key_in_a_compacted_topic(db, run, broker):
    db.sql("CREATE TABLE t (id int, pad text); CREATE TABLE keyed (id int PRIMARY KEY)")
    options = ["--table.include.list=public.t,public.keyed", "--transforms=regex-router regex=.* replacement=" + db.prefix + ".one"]
    broker.create_topic(db.prefix + ".one", cleanup__policy="compact")
    shipper = run(db, *options)
    db.sql("INSERT INTO t VALUES (1, 'x')")
    assert shipper.wait_exit(60) == 3
    assert "compact" in shipper.log()
    shipper = run(db, *options, "--on.error=dead-letter")
    with db.connect() as connection, connection.transaction():
        for i in range(20):
            connection.execute("INSERT INTO keyed VALUES (%s)", (i,))
            if i % 10 == 5:
                connection.execute("INSERT INTO t VALUES (%s, 'nokey')", (i,))
    db.wait_confirmed(timeout=120)
    read_ids(broker, db.prefix + ".one", set(range(20)))
    told = letters(broker, db, 3)
    assert {json.loads(letter["value"])["id"] for letter in told} == {1, 5, 15}
    assert all(letter["key"] is None and letter["reason"] == "record_refused" for letter in told)


# ---- brokers ---------------------------------------------------------------

@pytest.fixture(scope="module")
def guarded():
    """A broker that asks for names and rights: root may do all, app what it is given."""
    port = free_port()
    jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_root="r" user_app="a" username="root" password="r";'
    broker = KafkaBroker(listeners={"SASL_PLAINTEXT": f"127.0.0.1:{port}"}, **{
        "listener__name__sasl_plaintext__plain__sasl__jaas__config": jaas,
        "sasl__enabled__mechanisms": "PLAIN",
        "authorizer__class__name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super__users": "User:root;User:ANONYMOUS"})
    broker.guarded = f"127.0.0.1:{port}"
    broker.start()
    yield broker
    broker.destroy()


def allow(broker, resource, name, *operations, prefixed=False):
    from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType
    from confluent_kafka.admin import ResourceType as Kind
    pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
    bindings = [AclBinding(Kind[resource], name, pattern, "User:app", "*", AclOperation[o], AclPermissionType.ALLOW) for o in operations]
    for future in broker.admin.create_acls(bindings).values():
        future.result(30)


SASL = ["--kafka.security.protocol=SASL_PLAINTEXT", "--kafka.sasl.mechanism=PLAIN", "--kafka.sasl.username=app", "--kafka.sasl.password=a"]


class At:
    def __init__(self, address):
        self.address = address


def test_rights_that_are_missing_are_named_one_by_one(db, run, guarded):
    table(db)
    at = At(guarded.guarded)
    topic = db.topic("t")
    guarded.create_topic(topic)
    shipper = run(db, *SASL, kafka=at, wait=False)
    assert shipper.wait_exit(60) == 3
    assert "position" in shipper.log(), "the position topic may not be written"
    allow(guarded, "TOPIC", f"__tuplecast-position.{db.prefix}", "ALL", prefixed=True)
    shipper = run(db, *SASL, kafka=at)
    insert(db, 1)
    assert shipper.wait_exit(60) == 3
    assert topic in shipper.log() and "topic_not_authorized" in shipper.log()
    allow(guarded, "TOPIC", topic, "WRITE", "DESCRIBE")
    shipper = run(db, *SASL, kafka=at)
    read_ids(guarded, topic, {1})
    db.wait_confirmed()
    shipper.stop()
    # exactly-once asks for the transactional id, too
    shipper = run(db, *SASL, "--delivery=exactly-once", kafka=at, wait=False)
    assert shipper.wait_exit(60) == 3
    assert "transactional" in shipper.log().lower()
    allow(guarded, "TRANSACTIONAL_ID", f"tuplecast-{db.prefix}-", "WRITE", "DESCRIBE", prefixed=True)
    run(db, *SASL, "--delivery=exactly-once", kafka=at)
    insert(db, 1)
    read_ids(guarded, topic, {1, 2})


def test_check_names_the_rights_with_their_commands(db, run, command, guarded):
    """One after the other, each with the line that repairs it; nothing is written on the way."""
    topic, id_ = f"__tuplecast-position.{db.prefix}.{db.slot}", f"tuplecast-{db.prefix}-{db.slot}"
    acl = f"kafka-acls.sh --bootstrap-server {guarded.guarded} --add --allow-principal User:app "
    needs = acl + f"--operation Read --operation Write --operation Describe --operation Create --topic {topic}"

    def check():
        code, out, err = command("check", "--json", "--source", db.url, "--kafka", guarded.guarded, "--prefix", db.prefix, f"--slot.name={db.slot}",
                                 "--delivery=exactly-once", *SASL)
        found = {f["id"]: f for f in json.loads(out)}
        return found["position_topic"], found["kafka_transactions"]

    def becomes(holds, what):
        """A broker learns of new rights a moment after they were given."""
        found = []

        def looked():
            found[:] = check()
            return holds(*found)
        wait_until(looked, what=lambda: f"{what}: {found}", interval=0.5)

    table(db)
    transactional = acl + f"--operation Write --operation Describe --transactional-id {id_}"
    # with the first transaction the broker makes its topic
    becomes(lambda p, t: "no permission to see" in p["text"] and p["repair"] == needs
            and "no permission" in t["text"] and t["repair"] == transactional, "neither is allowed")
    allow(guarded, "TRANSACTIONAL_ID", id_, "WRITE", "DESCRIBE")
    allow(guarded, "TOPIC", topic, "DESCRIBE")
    becomes(lambda p, t: "no permission to make" in p["text"] and p["repair"] == needs and t["status"] == "ok", "it may be seen, not made")
    guarded.create_topic(topic, cleanup__policy="compact")
    becomes(lambda p, _: "no permission to read" in p["text"], "it may not be read")
    allow(guarded, "TOPIC", topic, "READ", "DESCRIBE_CONFIGS")
    becomes(lambda p, _: "no permission to write" in p["text"], "it may not be written")
    allow(guarded, "TOPIC", topic, "WRITE")
    becomes(lambda p, _: p["status"] == "ok", "all is given")
    with guarded.reader(topic) as reader:
        assert reader.read_all() == [], "it was only looked"


def test_a_quota_slows_down_and_loses_nothing(db, run, guarded):
    table(db)
    topic = db.topic("t")
    guarded.create_topic(topic)
    allow(guarded, "TOPIC", db.prefix, "ALL", prefixed=True)
    allow(guarded, "TOPIC", f"__tuplecast-position.{db.prefix}", "ALL", prefixed=True)
    guarded.quota("app", 400_000)
    try:
        shipper = run(db, *SASL, "--kafka.compression.codec=none", "--queue.max.bytes=100000", kafka=At(guarded.guarded))
        insert(db, 400, "q" * 2000)
        records = read_ids(guarded, topic, set(range(1, 401)))
        assert len(records) == 400 and shipper.running()
        assert shipper.metric("backpressure_microseconds_total") > 0
        db.wait_confirmed()
    finally:
        guarded.quota("app", None)
