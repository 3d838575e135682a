"""Input of which the worst is to be expected, through the whole pipe: odd bytes, odd names, sizes at the limits of the server."""
import json
import struct
from pathlib import Path

import pytest

from harness.proxy import Proxy
from harness.wait import wait_until

MB = 1024 * 1024


def values(broker, topic, count, timeout=90):
    with broker.reader(topic) as reader:
        reader.read_until(lambda records: len(records) >= count, timeout)
        return [json.loads(r.value) for r in reader.records if r.value]


# ---- bytes -----------------------------------------------------------------

def test_bytes_that_are_no_text_of_any_encoding(cluster, make_db, run, broker):
    db = make_db(cluster, encoding="SQL_ASCII")
    run(db)
    with db.connect(client_encoding="SQL_ASCII") as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, pad text)")
        connection.execute(rb"INSERT INTO t VALUES (1, E'a\xffb'), (2, E'\xc3\xa4\xc3'), (3, E'\xed\xa0\x80'), (4, E'\xf0\x9f\x98\x80'), (5, 'good')")
    rows = {v["id"]: v["pad"] for v in values(broker, db.topic("t"), 5)}
    assert rows[1] == "a\ufffdb" and rows[2] == "ä\ufffd" and set(rows[3]) == {"\ufffd"} and rows[4] == "😀" and rows[5] == "good"
    db.wait_confirmed()


def test_a_latin1_database_is_utf8_in_the_topic(cluster, make_db, run, broker):
    db = make_db(cluster, encoding="LATIN1")
    run(db)
    db.sql('CREATE TABLE "größe" (id int PRIMARY KEY, "ß" text)')
    db.sql("INSERT INTO \"größe\" VALUES (1, 'éÿ½')")
    topic = db.topic("gr__e")
    assert values(broker, topic, 1)[0]["ß"] == "éÿ½"


def test_names_and_text_that_would_break_json_or_a_log(db, run, broker):
    shipper = run(db, "--log.format=json")
    table = 'a"b\\c.d/e\n\'{}\u2028x'
    column = 'q"\\\n\t\x01\u2029é'
    quoted = '"' + table.replace('"', '""') + '"'
    db.sql(f'CREATE TABLE {quoted} (id int PRIMARY KEY, "{column.replace(chr(34), chr(34) * 2)}" text)')
    text = "".join(map(chr, range(1, 0x30))) + "\"\\\u2028\u2029\ufeff\U0001f600"
    db.sql(f"INSERT INTO {quoted} VALUES (1, %s)", (text,))
    db.wait_confirmed()
    with broker.reader(prefix=db.prefix + ".") as reader:
        reader.read_count(1)
        assert json.loads(reader.records[0].value)[column] == text
    for line in shipper.log().splitlines():
        json.loads(line)


def spoil(marker):
    """Of PostgreSQL's messages the one of the stream that holds the marker: its first frame is none any more."""
    def alter(data):
        out, at = bytearray(data), 0
        while at + 5 <= len(data):
            end = at + 1 + struct.unpack_from(">i", data, at + 1)[0]
            # CopyData, XLogData and its three numbers; then frames
            if data[at:at + 1] == b"d" and data[at + 5:at + 6] == b"w" and marker in data[at:end]:
                out[at + 30:at + 34] = b"\xff\xff\xff\xff"
            at = end
        return bytes(out)
    return alter


def test_frames_that_cannot_be_read_stop_it_and_come_again(db, run, broker):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, pad text)")
    proxy = Proxy()
    try:
        link = proxy.link(db.cluster.port)
        shipper = run(db, f"--source=postgres://postgres@{link.address}/{db.name}?sslmode=disable")
        db.sql("INSERT INTO t VALUES (1, 'whole')")
        db.wait_confirmed()
        confirmed = db.confirmed()
        link.alter = spoil(b"marked-row")
        db.sql("INSERT INTO t VALUES (2, 'marked-row')")
        assert shipper.wait_exit(60) == 3
        assert "frame_corrupt" in shipper.log() and "marked-row" not in shipper.log()
        # it may have been told of WAL before the row, not of the row
        position = db.value("SELECT pg_current_wal_lsn() - '0/0'")
        assert confirmed <= db.confirmed() < position
        assert [v["id"] for v in values(broker, db.topic("t"), 1)] == [1]
    finally:
        proxy.close()
    run(db)
    assert [v["id"] for v in values(broker, db.topic("t"), 2)] == [1, 2]


# ---- names that meet -------------------------------------------------------

# a blank becomes "_"; and Kafka itself takes "." and "_" for the same
@pytest.mark.parametrize("one,other", [("a_b", "a b"), ("x_y", "x.y")])
def test_two_tables_that_come_to_one_topic_are_refused_by_name(db, run, broker, one, other):
    shipper = run(db)
    for name in (one, other):
        db.sql(f'CREATE TABLE "{name}" (id int PRIMARY KEY); INSERT INTO "{name}" VALUES (1)')
    assert shipper.wait_exit(60) == 3
    assert f"public.{one}" in shipper.log() and f"public.{other}" in shipper.log()
    # the first one's row is there, the second one's is not, and comes again
    assert len(values(broker, db.topic("a_b" if one == "a_b" else one), 1)) == 1


# ---- sizes -----------------------------------------------------------------

def test_a_table_of_1600_columns(db, run, broker):
    columns = [f"c{i}" for i in range(1600)]
    db.sql(f"CREATE TABLE wide ({', '.join(c + ' int' for c in columns)}); ALTER TABLE wide REPLICA IDENTITY FULL")
    run(db, "--format=envelope", "--value.schemas.enable=true", "--table.include.list=public.wide")
    db.sql(f"INSERT INTO wide VALUES ({', '.join(str(i) for i in range(1600))})")
    after = values(broker, db.topic("wide"), 1)[0]["payload"]["after"]
    assert after == {c: i for i, c in enumerate(columns)}


def test_numerics_at_their_limits(db, run, broker):
    db.sql("CREATE TABLE n (id int PRIMARY KEY, v numeric)")
    run(db)
    numbers = {1: "9" * 131072, 2: "0." + "7" * 16383, 3: "NaN", 4: "Infinity", 5: "-" + "1" * 131072 + "." + "3" * 16383}
    for i, v in numbers.items():
        db.sql("INSERT INTO n VALUES (%s, %s::numeric)", (i, v))
    told = {v["id"]: v["v"] for v in values(broker, db.topic("n"), 5)}
    assert told == {**numbers, 3: "NAN", 4: "POSITIVE_INFINITY"}


def test_messages_from_anybody(db, run, broker):
    db.sql("DROP ROLE IF EXISTS nobody_special; CREATE ROLE nobody_special LOGIN")
    shipper = run(db, "--oversize=dead-letter", "--record.max.bytes=100000", "--message.prefix.exclude.list=secret.*")
    with db.cluster.connect(db.name, user="nobody_special") as connection:
        for transactional in (True, False):
            connection.execute("SELECT pg_logical_emit_message(%s, '', '')", (transactional,))
            connection.execute("SELECT pg_logical_emit_message(%s, E'p\"\\\\\\n\\t', decode('00ff01', 'hex'))", (transactional,))
            connection.execute("SELECT pg_logical_emit_message(%s, repeat('p', 200000), 'x')", (transactional,))
            connection.execute("SELECT pg_logical_emit_message(%s, 'big', repeat('m', 30000000))", (transactional,))
            connection.execute("SELECT pg_logical_emit_message(%s, 'secret', 'x')", (transactional,))
    db.wait_confirmed(timeout=120)
    told = values(broker, f"__tuplecast-dead-letter.{db.prefix}", 4)
    assert len(told) == 4 and all(t["op"] == "m" for t in told)
    assert len(values(broker, f"{db.prefix}.message", 4)) == 4
    assert shipper.running()
    db.sql("DROP ROLE nobody_special")


def peak(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.mark.slow
def test_rows_near_a_gigabyte_neither_wedge_the_slot_nor_take_their_size(db, run, broker):
    db.sql("CREATE TABLE huge (id int PRIMARY KEY, a text, b text, c text, j jsonb)")
    db.sql("ALTER TABLE huge ALTER a SET STORAGE EXTENDED")
    shipper = run(db, "--oversize=dead-letter")
    # compressed they are small: what is expensive is to expand them
    db.sql("INSERT INTO huge VALUES (1, repeat('a', 300000000), repeat('b', 300000000), repeat(E'\\x01', 300000000), NULL)")
    db.sql("INSERT INTO huge VALUES (2, NULL, NULL, NULL, jsonb_build_object('k', repeat('j', 255000000)))")
    db.sql("INSERT INTO huge VALUES (3, 'small', NULL, NULL, NULL)")
    db.wait_confirmed(timeout=240)
    told = values(broker, f"__tuplecast-dead-letter.{db.prefix}", 2)
    assert [t["value_bytes_exact"] for t in told] == [False, False] and told[0]["value_bytes"] >= 900000000
    assert told[1]["value_bytes"] >= 255000000
    assert [v["id"] for v in values(broker, db.topic("huge"), 1)] == [3]
    assert shipper.peak_rss() < 64 * MB
    # the server itself reserves the expanded size of each value it puts together (ReorderBufferToastReplace); we expand none of them
    walsender = peak(db.walsender_pid())
    print(f"walsender: {walsender // MB} MB, shipper: {shipper.peak_rss() // MB} MB")
    assert walsender < 1024 * MB


@pytest.mark.slow
def test_ten_thousand_tables(db, run, broker):
    db.sql("DO $$ BEGIN FOR i IN 1..10000 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY)', i); IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$")
    # one topic: the brokers' time for ten thousand is not ours
    shipper = run(db, "--transforms=regex-router regex=.* replacement=" + db.prefix + ".all")
    db.sql("DO $$ BEGIN FOR i IN 1..10000 LOOP EXECUTE format('INSERT INTO t%s VALUES (%s)', i, i); IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$")
    db.wait_confirmed(timeout=240)
    with broker.reader(db.prefix + ".all") as reader:
        assert len({r.key for r in reader.read_all()}) == 10000
    print(f"walsender: {peak(db.walsender_pid()) // MB} MB, shipper: {shipper.peak_rss() // MB} MB")
    assert shipper.peak_rss() < 128 * MB
