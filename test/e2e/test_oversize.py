"""Records beyond record.max.bytes: the process stops, a dead letter tells of them, or their columns are cut; nothing is lost in silence."""
import hashlib
import json

import pytest

MB = 1024 * 1024
# of a row (id, pad) in the native format, beside pad, with its key
AROUND = len('{"id":1}') + len('{"id":1,"pad":"","__deleted":"false"}')


@pytest.fixture
def table(db):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, pad text)")
    return db


def dead_letters(db, broker, count):
    with broker.reader(f"__tuplecast-dead-letter.{db.prefix}") as reader:
        reader.read_count(count)
        return [(r, json.loads(r.value)) for r in reader.records]


def value_of(i, pad):
    return f'{{"id":{i},"pad":"{pad}","__deleted":"false"}}'


def test_stop_is_the_default_and_confirms_nothing(table, run, broker):
    db = table
    shipper = run(db, "--record.max.bytes=1000")
    db.sql("INSERT INTO t VALUES (1, 'small')")
    db.wait_confirmed()
    before = db.wal_position()
    db.sql("INSERT INTO t VALUES (2, repeat('x', 5000))")
    assert shipper.wait_exit(60) == 3
    assert db.confirmed() <= before
    assert "public.t has 5045 bytes" in shipper.log() and "oversize=dead-letter" in shipper.log() and "xxxx" not in shipper.log()
    # with a larger limit it comes
    run(db, "--record.max.bytes=6000")
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(r.k == '{"id":2}' for r in records))


@pytest.mark.sanitize
def test_a_dead_letter_tells_of_each_record_beyond_the_limit(table, run, broker):
    db = table
    shipper = run(db, "--record.max.bytes=1000", "--oversize=dead-letter")
    pads = {1: "a" * (1000 - AROUND), 2: "b" * (1001 - AROUND), 3: "c", 4: "d" * 100000}
    with db.connect() as connection, connection.transaction():
        for i, pad in pads.items():
            connection.execute("INSERT INTO t VALUES (%s, %s)", (i, pad))
    db.wait_confirmed()
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(2)
        assert [r.k for r in reader.records] == ['{"id":1}', '{"id":3}']
    for (record, letter), i in zip(dead_letters(db, broker, 2), (2, 4), strict=True):
        value = value_of(i, pads[i])
        assert record.k == letter["key"] == f'{{"id":{i}}}' and letter["key_bytes"] == 8
        assert record.identity == (letter["lsn"], letter["ordinal"], letter["part"])
        assert letter["ordinal"] == i and letter["op"] == "c" and letter["reason"] == "record_too_large"
        assert (letter["topic"], letter["table"]) == (db.topic("t"), "public.t")
        assert letter["value"] == value[:4096]
        assert letter["value_bytes"] == len(value) and letter["value_bytes_exact"]
        assert letter["value_sha256"] == hashlib.sha256(value.encode()).hexdigest()
    assert shipper.metric("dead_letters_total") == 2
    shipper.stop()


def test_schemas_count_and_their_hash_is_that_of_the_message(table, run, broker):
    db = table
    options = ["--value.schemas.enable=true", "--key.schemas.enable=true", "--table.include.list=public.t"]
    shipper = run(db, *options)
    db.sql("INSERT INTO t VALUES (1, repeat('x', 3000))")
    with broker.reader(db.topic("t")) as reader:
        record = reader.read_count(1)[0]
    db.wait_confirmed()
    shipper.stop()
    size = len(record.key) + len(record.value)
    shipper = run(db, *options, f"--record.max.bytes={size - 1}", "--oversize=dead-letter")
    db.sql("UPDATE t SET pad = pad WHERE id = 1; INSERT INTO t VALUES (2, repeat('x', 2999))")
    (dead, letter), = dead_letters(db, broker, 1)
    assert letter["value_bytes"] == len(record.value) and dead.key == record.key
    assert letter["value_sha256"] == hashlib.sha256(record.value).hexdigest()
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any('"id":2' in (r.k or "") for r in records))


def test_the_largest_columns_are_cut_and_a_header_says_which(table, run, broker):
    db = table
    db.sql("CREATE TABLE wide (id int PRIMARY KEY, a text, b text, j jsonb, n int)")
    run(db, "--oversize=truncate-columns", "--record.max.bytes=10000")
    db.sql("INSERT INTO wide VALUES (1, repeat('a', 50000000), 'kept', jsonb_build_object('k', repeat('j', 30000)), 7), (2, 'x', 'y', '{}', 8)")
    db.wait_confirmed()
    with broker.reader(db.topic("wide")) as reader:
        cut, whole = reader.read_count(2)
    row = json.loads(cut.value)
    assert len(cut.value) <= 10000 and row["b"] == "kept" and row["n"] == 7
    assert row["a"].startswith("aaaa") and row["a"].endswith("a[truncated: 50000000 bytes]")
    assert json.loads(row["j"]).startswith("[truncated: ")
    told = json.loads(cut.header("__truncated"))
    assert told["a"] == 50000000 and set(told) == {"a", "j"}
    assert whole.header("__truncated") is None


def test_what_cannot_be_cut_follows_on_error(table, run, broker):
    db = table
    db.sql("CREATE TABLE numbers (id int PRIMARY KEY, n int[])")
    run(db, "--oversize=truncate-columns", "--record.max.bytes=10000", "--on.error=dead-letter")
    db.sql("INSERT INTO numbers SELECT 1, array_agg(i) FROM generate_series(1, 10000) i")
    (_, letter), = dead_letters(db, broker, 1)
    assert letter["value"].startswith('{"id":1,"n":[1,2,3') and letter["value_bytes"] > 10000
    db.wait_confirmed()


@pytest.mark.parametrize("kind", ["initial", "incremental"])
def test_a_row_of_a_snapshot(table, run, broker, kind):
    """It stops the process; the snapshot goes on under another policy with a dead letter, and another one cuts the columns."""
    db = table
    db.sql("CREATE EXTENSION tuplecast; INSERT INTO t VALUES (1, 'small'), (2, repeat('x', 5000)), (3, 'small')")

    def read(mode, *args, ask):
        incremental = kind == "incremental"
        shipper = run(db, "--record.max.bytes=1000", f"--snapshot.mode={'no_data' if incremental else mode}", *args, wait=incremental and ask)
        if incremental and ask:
            db.sql("""SELECT tuplecast.signal('execute-snapshot', '{"data-collections":["public.t"]}')""")
        return shipper

    shipper = read("initial", ask=True)
    assert shipper.wait_exit(60) == 3
    assert "public.t has 5045 bytes" in shipper.log() and "oversize=dead-letter" in shipper.log() and "xxxx" not in shipper.log()
    # what was asked for is not forgotten
    shipper = read("initial", "--oversize=dead-letter", ask=False)
    shipper.wait_log("snapshot is complete")
    (dead, letter), = dead_letters(db, broker, 1)
    value = value_of(2, "x" * 5000)
    assert dead.k == letter["key"] == '{"id":2}' and letter["op"] == "r" and letter["table"] == "public.t" and letter["reason"] == "record_too_large"
    assert letter["value"] == value[:4096] and letter["value_bytes"] == len(value)
    assert letter["value_sha256"] == hashlib.sha256(value.encode()).hexdigest()
    assert shipper.metric("dead_letters_total") == 1
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: {r.k for r in records} == {'{"id":1}', '{"id":3}'})
        shipper.stop()
        shipper = read("always", "--oversize=truncate-columns", ask=True)
        shipper.wait_log("snapshot is complete")
        cut = next(r for r in reader.read_until(lambda records: any(r.k == '{"id":2}' for r in records)) if r.k == '{"id":2}')
    assert json.loads(cut.value)["pad"].endswith("x[truncated: 5000 bytes]") and len(cut.value) <= 1000
    assert json.loads(cut.header("__truncated")) == {"pad": 5000}
    assert shipper.metric("dead_letters_total") == 0
