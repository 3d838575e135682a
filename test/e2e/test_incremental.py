"""Rows of tables that are read while the stream goes on: each is what the stream made of it, or newer."""
import json
import random

import pytest

from harness.wait import wait_until
from test_snapshot import Replay, Writer, big_tables, read_until_mark, rows_of, value


@pytest.fixture
def sdb(db):
    db.sql("CREATE EXTENSION tuplecast")
    return db


def start(db, *patterns, **more):
    db.sql("SELECT tuplecast.signal('execute-snapshot', %s)", (json.dumps({"data-collections": list(patterns), **more}),))


def wait_complete(shipper, timeout=120):
    wait_until(lambda: "an incremental snapshot is complete" in shipper.log(), timeout, what=shipper.log)


def test_rows_of_a_table_while_streaming(sdb, run, broker):
    sdb.sql("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT i, 'v' || i FROM generate_series(1, 50) i")
    shipper = run(sdb, "--format=envelope", "--incremental.snapshot.chunk.size=7")
    start(sdb, "public.a")
    wait_complete(shipper)
    with broker.reader(sdb.topic("a")) as reader:
        records = [value(r) for r in reader.read_count(50)]
    assert [(r["op"], r["after"]["id"], r["source"]["snapshot"], r["source"]["lsn"], r["source"]["txId"]) for r in records] == \
        [("r", i, "incremental", None, None) for i in range(1, 51)]


# keys of several columns, in the order of the database's collation, with what must be quoted
TABLES = """
CREATE TABLE c (a int, s text, n int NOT NULL DEFAULT 0, PRIMARY KEY (s, a));
INSERT INTO c SELECT i % 7, (ARRAY['ä', 'Z', 'a', 'é', '_', 'B', ' b', '''', '\\', 'ß'])[1 + i % 10] || i, 0 FROM generate_series(1, 900) i;
CREATE TABLE d (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, n int NOT NULL DEFAULT 0);
INSERT INTO d (n) SELECT 0 FROM generate_series(1, 400);
"""


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_killed_again_and_again_under_load(sdb, run, broker, delivery):
    """A writer goes on, the process is killed at moments by chance: what a consumer makes of the topics is the tables."""
    chance = random.Random(7 if delivery == "exactly-once" else 8)
    big_tables(sdb, 600)
    sdb.sql(TABLES)
    args = ["--snapshot.mode=no_data", f"--delivery={delivery}", "--incremental.snapshot.chunk.size=20", "--commit.interval.ms=50"]
    shipper = run(sdb, *args)
    with Writer(sdb, ["a", "b", "p"], 1, 600):
        start(sdb, "public.a", "public.b", "public.p", "public.c", "public.d")
        shipper.wait_log("an incremental snapshot begins")
        for i in range(5):
            chunks = chance.randint(1, 30)
            shipper.wait_metric("incremental_snapshot_chunks_total", lambda n: n >= chunks or "snapshot is complete" in shipper.log())
            shipper.kill()
            shipper = run(sdb, *args)
        shipper.wait_metric("incremental_snapshot_running", lambda n: n == 0 and shipper.ready(), 120)
    topics = [sdb.topic(t) for t in ("a", "b", "p1", "p2", "c", "d")]
    replay = Replay(read_until_mark(sdb, broker, topics))
    for table in ("a", "b", "c", "d", "p1", "p2"):
        assert replay.table(sdb.topic(table)) == rows_of(sdb, table), table
