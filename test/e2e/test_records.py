"""Changes of rows become exactly these records."""
import json

import pytest

from harness.kafka import java_partition

pytestmark = pytest.mark.sanitize
ITEMS = "CREATE TABLE items (id serial PRIMARY KEY, name varchar(20) NOT NULL, amount numeric(8,2), at timestamp, ok boolean, tags text[])"


def pairs(records):
    return [(r.k, r.v) for r in records]


def test_insert_update_delete_and_changed_key(db, run, broker):
    db.sql(ITEMS)
    run(db)
    db.sql("INSERT INTO items (name, amount, at, ok, tags) VALUES ('tea', 12.5, '2025-05-24 03:06:24.907638', true, '{a,NULL,\"b c\"}')")
    db.sql("UPDATE items SET amount = NULL WHERE id = 1")
    db.sql("UPDATE items SET id = 100 WHERE id = 1")
    db.sql("DELETE FROM items WHERE id = 100")
    with broker.reader(db.topic("items")) as reader:
        reader.read_count(7)
    assert pairs(reader.records) == [
        ('{"id":1}', '{"id":1,"name":"tea","amount":"12.50","at":1748055984907638,"ok":true,"tags":["a",null,"b c"],"__deleted":"false"}'),
        ('{"id":1}', '{"id":1,"name":"tea","amount":null,"at":1748055984907638,"ok":true,"tags":["a",null,"b c"],"__deleted":"false"}'),
        ('{"id":1}', '{"id":1,"name":null,"amount":null,"at":null,"ok":null,"tags":null,"__deleted":"true"}'),
        ('{"id":1}', None),
        ('{"id":100}', '{"id":100,"name":"tea","amount":null,"at":1748055984907638,"ok":true,"tags":["a",null,"b c"],"__deleted":"false"}'),
        ('{"id":100}', '{"id":100,"name":null,"amount":null,"at":null,"ok":null,"tags":null,"__deleted":"true"}'),
        ('{"id":100}', None),
    ]


def test_replica_identity_full_publishes_the_whole_deleted_row(db, run, broker):
    db.sql(ITEMS + "; ALTER TABLE items REPLICA IDENTITY FULL")
    run(db)
    db.sql("INSERT INTO items (name, amount) VALUES ('tea', 1)")
    db.sql("DELETE FROM items")
    with broker.reader(db.topic("items")) as reader:
        reader.read_count(3)
    assert pairs(reader.records)[1:] == [
        ('{"id":1}', '{"id":1,"name":"tea","amount":"1.00","at":null,"ok":null,"tags":null,"__deleted":"true"}'),
        ('{"id":1}', None),
    ]


def test_truncate_is_skipped_by_default(db, run, broker):
    db.sql(ITEMS)
    run(db)
    db.sql("INSERT INTO items (name) VALUES ('before')")
    db.sql("TRUNCATE items")
    db.sql("INSERT INTO items (name) VALUES ('after')")
    with broker.reader(db.topic("items")) as reader:
        reader.read_count(2)
    assert [json.loads(r.v)["name"] for r in reader.records] == ["before", "after"]


def test_tombstones_can_be_turned_off(db, run, broker):
    db.sql(ITEMS)
    run(db, "--delete.tombstone.handling.mode=rewrite")
    db.sql("INSERT INTO items (name) VALUES ('x')")
    db.sql("DELETE FROM items")
    db.sql("INSERT INTO items (name) VALUES ('last')")
    with broker.reader(db.topic("items")) as reader:
        reader.read_count(3)
    assert None not in [r.v for r in reader.records]


def test_aborted_and_rolled_back_work_is_not_published(db, run, broker):
    db.sql(ITEMS)
    run(db)
    with db.connect() as connection:
        connection.execute("BEGIN; INSERT INTO items (name) VALUES ('aborted'); ROLLBACK")
        connection.execute("BEGIN; INSERT INTO items (name) VALUES ('kept'); SAVEPOINT s; INSERT INTO items (name) VALUES ('undone');"
                           " ROLLBACK TO s; INSERT INTO items (name) VALUES ('kept too'); COMMIT")
    with broker.reader(db.topic("items")) as reader:
        reader.read_count(2)
    assert [json.loads(r.v)["name"] for r in reader.records] == ["kept", "kept too"]


def test_identity_headers_are_unique_and_ascend(db, run, broker):
    db.sql(ITEMS)
    run(db)
    db.sql("INSERT INTO items (name) SELECT 'n' || i FROM generate_series(1, 50) i")
    db.sql("UPDATE items SET id = -id")
    with broker.reader(db.topic("items")) as reader:
        reader.read_count(200)
    identities = [r.identity for r in reader.records]
    assert identities == sorted(set(identities))
    assert {int(r.header("__part")) for r in reader.records} == {0, 1, 2}
    for r in reader.records:
        # commit time: in µs, within the last hour of the record's own time
        assert 0 <= r.timestamp - int(r.header("__ts_us")) / 1000 < 3600_000


def test_added_headers(db, run, broker):
    db.sql(ITEMS)
    run(db, "--add.headers=op,table", "--headers.identity=false")
    db.sql("INSERT INTO items (name) VALUES ('x')")
    db.sql("DELETE FROM items")
    with broker.reader(db.topic("items")) as reader:
        reader.read_count(3)
    assert reader.records[0].headers == (("__op", b"c"), ("__table", b"items"))
    assert reader.records[1].headers == (("__op", b"d"), ("__table", b"items"))


def test_added_fields(db, run, broker):
    db.sql(ITEMS)
    run(db, "--add.fields=op,table,lsn")
    db.sql("INSERT INTO items (name) VALUES ('x')")
    with broker.reader(db.topic("items")) as reader:
        reader.read_count(1)
    value = json.loads(reader.records[0].v)
    assert list(value)[-4:] == ["__deleted", "__op", "__table", "__lsn"]
    assert (value["__op"], value["__table"]) == ("c", "items") and isinstance(value["__lsn"], int)


def test_keys_go_to_the_partition_of_the_java_producer(db, run, broker):
    db.sql(ITEMS + "; CREATE TABLE named (name text PRIMARY KEY, n int)")
    for table in ("items", "named"):
        broker.create_topic(db.topic(table), 7)
    run(db)
    db.sql("INSERT INTO items (name) SELECT 'x' FROM generate_series(1, 300)")
    db.sql("INSERT INTO named SELECT repeat('é', i % 9) || i, i FROM generate_series(1, 300) i")
    with broker.reader(db.topic("items"), db.topic("named")) as reader:
        reader.read_count(600)
    assert {r.partition for r in reader.records} == set(range(7))
    assert all(r.partition == java_partition(r.key, 7) for r in reader.records)


def test_a_table_without_key_has_null_keys(db, run, broker):
    db.sql("CREATE TABLE keyless (n int); ALTER TABLE keyless REPLICA IDENTITY FULL")
    run(db)
    db.sql("INSERT INTO keyless VALUES (1), (2)")
    with broker.reader(db.topic("keyless")) as reader:
        reader.read_count(2)
    assert pairs(reader.records) == [(None, '{"n":1,"__deleted":"false"}'), (None, '{"n":2,"__deleted":"false"}')]


def test_only_the_listed_tables_and_columns(db, run, broker):
    db.sql(ITEMS + "; CREATE TABLE other (id int PRIMARY KEY); CREATE SCHEMA hidden; CREATE TABLE hidden.items (id int PRIMARY KEY)")
    run(db, "--table.include.list=public.items", "--column.exclude.list=public.items.(at|ok|tags)")
    db.sql("INSERT INTO other VALUES (1); INSERT INTO hidden.items VALUES (1); INSERT INTO items (name) VALUES ('x')")
    with broker.reader(prefix=db.prefix + ".") as reader:
        reader.read_count(1)
    assert pairs(reader.records) == [('{"id":1}', '{"id":1,"name":"x","amount":null,"__deleted":"false"}')]


def test_tables_altered_between_transactions_of_one_backlog(db, run, broker):
    db.sql(ITEMS)
    run(db).stop()
    db.sql("INSERT INTO items (name) VALUES ('one')")
    db.sql("ALTER TABLE items ADD note text DEFAULT 'n', DROP tags")
    db.sql("INSERT INTO items (name) VALUES ('two')")
    db.sql("ALTER TABLE items RENAME TO things")
    db.sql("INSERT INTO things (name) VALUES ('three')")
    run(db)
    with broker.reader(db.topic("items"), db.topic("things")) as reader:
        reader.read_count(3)
    assert sorted((r.topic, r.v) for r in reader.records) == [
        (db.topic("items"), '{"id":1,"name":"one","amount":null,"at":null,"ok":null,"tags":null,"__deleted":"false"}'),
        (db.topic("items"), '{"id":2,"name":"two","amount":null,"at":null,"ok":null,"note":"n","__deleted":"false"}'),
        (db.topic("things"), '{"id":3,"name":"three","amount":null,"at":null,"ok":null,"note":"n","__deleted":"false"}'),
    ]


def test_unchanged_toast_is_the_placeholder(db, run, broker):
    db.sql("CREATE TABLE doc (id int PRIMARY KEY, body text, n int); ALTER TABLE doc ALTER body SET STORAGE EXTERNAL")
    run(db)
    db.sql("INSERT INTO doc VALUES (1, repeat('x', 100000), 1)")
    db.sql("UPDATE doc SET n = 2")
    with broker.reader(db.topic("doc")) as reader:
        reader.read_count(2)
    assert json.loads(reader.records[0].v)["body"] == "x" * 100000
    assert reader.records[1].v == '{"id":1,"body":"__debezium_unavailable_value","n":2,"__deleted":"false"}'


def test_a_latin1_database_gives_utf8(make_db, cluster, run, broker):
    db = make_db(cluster, encoding="LATIN1")
    with db.connect(client_encoding="utf-8") as connection:
        connection.execute("CREATE TABLE café (id int PRIMARY KEY, größe text)")
        run(db)
        connection.execute("INSERT INTO café VALUES (1, 'naïve ¿ÿ')")
    # a topic's name holds no such letters
    with broker.reader(prefix=db.prefix + ".") as reader:
        reader.read_count(1)
    assert pairs(reader.records) == [('{"id":1}', '{"id":1,"größe":"naïve ¿ÿ","__deleted":"false"}')]
    assert reader.records[0].topic == db.topic("caf_")


def test_odd_text_stays_valid_json(db, run, broker):
    db.sql("CREATE TABLE odd (id serial PRIMARY KEY, t text)")
    run(db)
    texts = ['"', "\\", "\n\r\t\b\f", "\x01\x1f\x7f", "\u2028\u2029", "🐘", "</script>", "ÿ", ""]
    with db.connect() as connection:
        for text in texts:
            connection.execute("INSERT INTO odd (t) VALUES (%s)", (text,))
    with broker.reader(db.topic("odd")) as reader:
        reader.read_count(len(texts))
    assert [json.loads(r.value)["t"] for r in reader.records] == texts
