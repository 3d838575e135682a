"""Tables that are dropped, altered or rewritten while a snapshot is taken: said, and no row is lost without a word."""
import psycopg
import pytest

from harness.snapshots import Hold, Replay, read_until_mark, rows_of


@pytest.fixture
def sdb(db):
    db.sql("CREATE EXTENSION tuplecast")
    return db


# (what happens to table b before its turn, what the log says)
REWRITES = {
    "vacuum full": ("VACUUM FULL b", "snapshot_rewritten"),
    # an older snapshot sees no row of it
    "alter type": ("ALTER TABLE b ALTER n TYPE bigint", "snapshot_rewritten"),
    "truncate": ("TRUNCATE b; INSERT INTO b SELECT i, 7 FROM generate_series(1, 5) i", "snapshot_rewritten"),
    "set unlogged": ("ALTER TABLE b SET UNLOGGED", "snapshot_rewritten"),
    "drop": ("DROP TABLE b", "a table was dropped while the snapshot is taken.*public.b"),
    "drop, create": ("DROP TABLE b; CREATE TABLE b (id int PRIMARY KEY, n int); INSERT INTO b VALUES (3, 3)", "a table was dropped"),
    "add, drop columns": ("ALTER TABLE b ADD added int DEFAULT 5, DROP n", None),
    "rename": ("ALTER TABLE b RENAME TO bb", None),
}


def execute(db, statements):
    with db.connect() as connection:
        connection.execute("SET lock_timeout = '20s'")
        for statement in statements.split(";"):
            connection.execute(statement)


def fill(db, rows=50):
    db.sql("CREATE TABLE mark (id serial PRIMARY KEY)")
    for table in ("a", "b", "c"):
        db.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, n int); INSERT INTO {table} SELECT i, i FROM generate_series(1, {rows}) i;"
               f"DELETE FROM {table} WHERE id % 3 = 0")


@pytest.mark.parametrize("what", REWRITES)
def test_before_its_turn(sdb, run, broker, tmp_path, what):
    statements, said = REWRITES[what]
    fill(sdb)
    hold = Hold(tmp_path, 2)
    shipper = run(sdb, "--snapshot.mode=initial", "--snapshot.max.threads=1", wait=False, env=hold.env)
    hold.wait(shipper)
    execute(sdb, statements)
    hold.release()
    shipper.wait_ready()
    shipper.wait_log("the snapshot is complete")
    if said:
        shipper.wait_log(said)
    there = [t for t in ("a", "b", "bb", "c") if sdb.value(f"SELECT count(*) FROM pg_class WHERE oid = to_regclass('{t}') AND relpersistence = 'p'")]
    if "b" in there:
        # the stream goes on with what the table is now
        sdb.sql("UPDATE b SET id = id WHERE id = 1")
    replay = Replay(read_until_mark(sdb, broker.address, [sdb.topic(t) for t in there]))
    for table in there:
        assert replay.table(sdb.topic(table)) == rows_of(sdb, table), table
    assert shipper.metric("snapshot_running") == 0


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_rewritten_between_two_rounds(sdb, run, broker, tmp_path, delivery):
    """A part of the table is put, the process killed, the table rewritten: places of before mean nothing any more."""
    sdb.sql("CREATE TABLE mark (id serial PRIMARY KEY); CREATE TABLE a (id int PRIMARY KEY, pad text); CREATE TABLE b (id int PRIMARY KEY, pad text)")
    sdb.sql("INSERT INTO a SELECT i, 'x' FROM generate_series(1, 100) i; INSERT INTO b SELECT i, repeat('x', 2000) FROM generate_series(1, 6000) i; DELETE FROM b WHERE id < 1000")
    hold = Hold(tmp_path, 3)
    options = ("--snapshot.mode=initial", "--snapshot.max.threads=1", f"--delivery={delivery}", "--position.interval.ms=50", f"--position.topic={sdb.prefix}-position")
    shipper = run(sdb, *options, wait=False, env=hold.env)
    hold.wait(shipper)
    shipper.kill()
    execute(sdb, "VACUUM FULL a; VACUUM FULL b")
    shipper = run(sdb, *options)
    shipper.wait_log("the snapshot is complete")
    replay = Replay(read_until_mark(sdb, broker.address, [sdb.topic("a"), sdb.topic("b")]))
    for table in ("a", "b"):
        assert replay.table(sdb.topic(table)) == rows_of(sdb, table), table


def test_locks_of_all_tables(sdb, run, tmp_path):
    """snapshot.locking.mode=shared: what has not had its turn cannot be rewritten either."""
    fill(sdb)
    hold = Hold(tmp_path, 1)
    shipper = run(sdb, "--snapshot.mode=initial", "--snapshot.locking.mode=shared", wait=False, env=hold.env)
    hold.wait(shipper)
    for table in ("a", "c"):
        with pytest.raises(psycopg.errors.LockNotAvailable):
            sdb.sql(f"SET lock_timeout = '10ms'; ALTER TABLE {table} ADD x int")
    sdb.sql("UPDATE c SET n = 0")
    hold.release()
    shipper.wait_ready()
    execute(sdb, "ALTER TABLE c ADD x int")


def test_names_that_cannot_be_read(sdb, run, broker, launch):
    sdb.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t; CREATE UNLOGGED TABLE u (id int);"
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE f (id int) SERVER s;"
            "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1)")
    args = ("--source", sdb.url, "--kafka", broker.address, "--prefix", sdb.prefix, f"--slot.name={sdb.slot}", "--snapshot.mode=always")
    for name, kind in {"v": "a view", "m": "a materialized view", "f": "a foreign table", "u": "an unlogged table", "p": "a partitioned table"}.items():
        shipper = launch(*args, rf"--snapshot.include.collection.list=public.t,public\.{name}")
        assert shipper.wait_exit() == 3
        assert f"names public.{name}, which is {kind}" in shipper.log(), shipper.log()
    # what an expression happens to match is another matter, and the root stands for its partitions
    shipper = launch(*args, "--snapshot.include.collection.list=public[.].", "--publish.via.partition.root=true").wait_ready()
    assert shipper.metric("reads_total") == 1
    shipper.stop()
    shipper = launch(*args, "--snapshot.include.collection.list=public.p", "--publish.via.partition.root=true").wait_ready()
    assert shipper.metric("reads_total") == 1
    shipper.stop()
