"""Rows of tables that are read while the stream goes on: each is what the stream made of it, or newer."""
import json
import random
import threading

import psycopg
import pytest

from harness.postgres import Database
from harness.wait import wait_until
from harness.snapshots import Replay, Writer, big_tables, read_until_mark, rows_of, value


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
    shipper = run(sdb, "--format=envelope", "--incremental.snapshot.chunk.size=7", "--add.headers=snapshot")
    start(sdb, "public.a")
    wait_complete(shipper)
    with broker.reader(sdb.topic("a")) as reader:
        found = reader.read_count(50)
    assert {dict(r.headers)["__snapshot"] for r in found} == {b"incremental"}
    records = [value(r) for r in found]
    assert [(r["op"], r["after"]["id"], r["source"]["snapshot"], r["source"]["lsn"], r["source"]["txId"]) for r in records] == \
        [("r", i, "incremental", None, None) for i in range(1, 51)]


# keys of several columns, in the order of the database's collation, with what must be quoted
TABLES = """
CREATE TABLE c (a int, s text COLLATE "und-x-icu", n int NOT NULL DEFAULT 0, PRIMARY KEY (s, a));
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
    replay = Replay(read_until_mark(sdb, broker.address, topics))
    for table in ("a", "b", "c", "d", "p1", "p2"):
        assert replay.table(sdb.topic(table)) == rows_of(sdb, table), table


def signal(db, kind, data="{}"):
    db.sql("SELECT tuplecast.signal(%s, %s)", (kind, data))


def test_what_is_asked_for(sdb, run, broker):
    """Conditions, a surrogate key, a table without a key; paused, while tables are dropped and altered."""
    sdb.sql("CREATE TABLE part (id int PRIMARY KEY, v text); INSERT INTO part SELECT i, 'v' || i FROM generate_series(1, 30) i; CREATE TABLE nokey (id int);"
            "CREATE TABLE gone (id int PRIMARY KEY); INSERT INTO gone VALUES (1); CREATE TABLE more (id int PRIMARY KEY); INSERT INTO more SELECT generate_series(1, 1000);"
            "CREATE TABLE other (a int NOT NULL, b int PRIMARY KEY); INSERT INTO other SELECT i % 3, i FROM generate_series(1, 10) i")
    shipper = run(sdb, "--incremental.snapshot.chunk.size=2")
    start(sdb, "public.more", "public.gone", "public.no.*", "public.part", "public.nothing",
          **{"additional-conditions": [{"data-collection": "public.part", "filter": "id % 10 = 0 -- every tenth"}]})
    shipper.wait_metric("incremental_snapshot_chunks_total", lambda n: n > 0)
    signal(sdb, "pause-snapshot")
    shipper.wait_metric("incremental_snapshot_paused", lambda n: n == 1)
    sdb.sql("DROP TABLE gone; ALTER TABLE more ADD COLUMN w int DEFAULT 7; UPDATE more SET w = 8 WHERE id = 1000")
    sdb.sql("VACUUM FULL more")
    signal(sdb, "resume-snapshot")
    wait_complete(shipper)
    assert "through with a table" in shipper.log() and "table=public.gone rows=0 last_key=null status=SKIPPED" in shipper.log()
    shipper.wait_log("table=public.nokey .*status=NO_PRIMARY_KEY")
    start(sdb, "public.other", **{"surrogate-key": "a"})
    shipper.wait_log("through with a table .*table=public.other rows=10")
    sdb.sql("INSERT INTO other VALUES (9, 99)")
    with broker.reader(*[sdb.topic(t) for t in ("part", "more", "other")]) as reader:
        reader.read_until(lambda records: any(r.k == b'{"b":99}' or r.k == '{"b":99}' for r in records))
        replay = Replay(reader.read_all())
    assert [r["id"] for r in replay.table(sdb.topic("part"))] == [10, 20, 30]
    rows = {r["id"]: r.get("w") for r in replay.table(sdb.topic("more"))}
    assert sorted(rows) == list(range(1, 1001)) and rows[1000] == 8 and rows[999] == 7
    assert replay.table(sdb.topic("other")) == rows_of(sdb, "other")


def test_stopped(sdb, run, command, broker):
    """One of the tables, and then all that is left; what is asked for behind it is read, and the stream never noticed."""
    for table in "abc":
        sdb.sql(f"CREATE TABLE {table} (id int PRIMARY KEY); INSERT INTO {table} SELECT generate_series(1, 900)")
    # so that it is never through before it is told to pause
    shipper = run(sdb, "--incremental.snapshot.chunk.size=3", env={"TUPLECAST_FAILPOINT": "after_chunk:sleep=100"})

    def order(*words):
        code, out, err = command("snapshot", *words, "--source", sdb.url, "--prefix", sdb.prefix, f"--slot.name={sdb.slot}")
        assert code == 0, (out, err)

    order("start", "public.a", "public.b", "public.c")
    shipper.wait_metric("incremental_snapshot_chunks_total", lambda n: n > 0)
    order("pause")
    shipper.wait_metric("incremental_snapshot_paused", lambda n: n == 1)
    order("stop", "public.b")
    shipper.wait_metric("incremental_snapshot_tables", lambda n: n == 2)
    order("stop")
    shipper.wait_metric("incremental_snapshot_running", lambda n: n == 0)
    shipper.wait_log("an incremental snapshot was given up")
    order("start", "public.c", "--where=id > 890")
    order("resume")
    wait_complete(shipper)
    sdb.sql("INSERT INTO a VALUES (1000); INSERT INTO b VALUES (1000); INSERT INTO c VALUES (1000)")
    with broker.reader(*[sdb.topic(t) for t in "abc"]) as reader:
        found = {t: [] for t in "abc"}
        for r in reader.read_until(lambda records: sum(r.k == '{"id":1000}' for r in records) == 3):
            found[r.topic[-1]].append(json.loads(r.k)["id"])
    assert found["a"][:3] == [1, 2, 3] and len(found["a"]) < 900 and found["b"] == [1000] and found["c"] == [*range(891, 901), 1000]


def test_a_commit_that_waits_for_a_synchronous_standby(make_cluster, run, broker):
    """The stream has a new row that no snapshot sees yet.  Watermarks alone let the old one go out behind it; here the chunk waits."""
    cluster = make_cluster()
    db = Database(cluster, "stalled")
    db.set("synchronous_commit", "local")
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a SELECT i, 10 FROM generate_series(1, 5) i")
    shipper = run(db, "--format=envelope")
    db.sql("SELECT pg_create_logical_replication_slot('usual', 'test_decoding')")
    cluster.configure(synchronous_standby_names="nobody")
    cluster.reload()
    wait_until(lambda: db.value("SHOW synchronous_standby_names") == "nobody")

    def update():
        with db.connect() as connection:
            connection.execute("SET synchronous_commit = on")
            try:
                connection.execute("UPDATE a SET v = 20 WHERE id = 1")
            except psycopg.Error:
                pass
    waiter = threading.Thread(target=update, daemon=True)
    waiter.start()
    try:
        with broker.reader(db.topic("a")) as reader:
            reader.read_count(1)
            assert value(reader.records[0])["after"] == {"id": 1, "v": 20}
            assert db.value("SELECT v FROM a WHERE id = 1") == 10
            pid, xid = db.sql("SELECT pid, backend_xid::text::int FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0]

            # the usual procedure: what is between the watermarks removes rows of the chunk
            db.sql("SELECT pg_logical_emit_message(true, 'low', '')")
            chunk = dict(db.sql("SELECT id, v FROM a ORDER BY id"))
            db.sql("SELECT pg_logical_emit_message(true, 'high', '')")
            changes = [c for (c,) in db.sql("SELECT data FROM pg_logical_slot_peek_changes('usual', NULL, NULL)")]
            low, high = [next(i for i, c in enumerate(changes) if f"prefix: {m}" in c) for m in ("low", "high")]
            assert any("id[integer]:1 v[integer]:20" in c for c in changes[:low])
            assert not any("table public.a" in c for c in changes[low:high])
            assert chunk[1] == 10, "it would be published behind 20, for good"

            start(db, "public.a")
            shipper.wait_metric("incremental_snapshot_waiting_xid", lambda x: x == xid)
            shipper.wait_log(f"waits until a transaction is visible; the stream goes on .*xid={xid}")
            db.sql("INSERT INTO a VALUES (6, 10)")
            reader.read_count(2)
            db.sql("SELECT pg_cancel_backend(%s)", (pid,))
            waiter.join(60)
            wait_complete(shipper)
            records = [value(r) for r in reader.read_count(8)]
            assert [(r["op"], r["after"]["id"], r["after"]["v"]) for r in records] == \
                [("u", 1, 20), ("c", 6, 10), ("r", 1, 20)] + [("r", i, 10) for i in range(2, 7)]
    finally:
        db.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        waiter.join(60)
        cluster.configure(synchronous_standby_names="")
        cluster.reload()
