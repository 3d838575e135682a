"""Rows that are in the tables already: read once, joined to the stream without a gap, whatever happens meanwhile."""
import random

import pytest

from harness.snapshots import BIG_TABLES, Hold, Killer, Replay, Writer, big_tables, read_until_mark, rows_of, twice, value


@pytest.fixture
def sdb(db):
    db.sql("CREATE EXTENSION tuplecast")
    return db


def markers(records):
    return [value(r)["source"]["snapshot"] for r in records]


@pytest.mark.parametrize("threads", [1, 4])
def test_rows_once_with_their_markers_and_then_changes(sdb, run, broker, threads):
    sdb.sql("CREATE TABLE a_one (id int PRIMARY KEY); INSERT INTO a_one VALUES (1);"
            "CREATE TABLE b_many (id int PRIMARY KEY, v text); INSERT INTO b_many SELECT i, 'v' || i FROM generate_series(1, 5) i;"
            "CREATE TABLE c_empty (id int PRIMARY KEY); CREATE TABLE d_nokey (v text); INSERT INTO d_nokey VALUES ('x'), ('x'), (NULL);"
            "CREATE TABLE e_root (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE e_leaf PARTITION OF e_root FOR VALUES FROM (0) TO (10);"
            "INSERT INTO e_root VALUES (5); CREATE TABLE f_parent (id int PRIMARY KEY); CREATE TABLE f_child () INHERITS (f_parent);"
            "INSERT INTO f_parent VALUES (1); INSERT INTO f_child VALUES (2); CREATE UNLOGGED TABLE g_unlogged (id int); INSERT INTO g_unlogged VALUES (1)")
    shipper = run(sdb, "--snapshot.mode=initial", "--format=envelope", f"--snapshot.max.threads={threads}", "--add.headers=op,snapshot,source.snapshot")
    sdb.sql("UPDATE b_many SET v = 'new' WHERE id = 3; INSERT INTO c_empty VALUES (9)")
    names = ["a_one", "b_many", "c_empty", "d_nokey", "e_leaf", "f_parent", "f_child", "g_unlogged"]
    with broker.reader(*[sdb.topic(n) for n in names]) as reader:
        reader.read_until(lambda records: any(r.topic == sdb.topic("c_empty") for r in records))
        found = {n: [r for r in reader.read_all() if r.topic == sdb.topic(n)] for n in names}
    read = {n: [r for r in records if value(r)["op"] == "r"] for n, records in found.items()}
    assert {n: len(r) for n, r in read.items()} == {"a_one": 1, "b_many": 5, "c_empty": 0, "d_nokey": 3, "e_leaf": 1, "f_parent": 1, "f_child": 1, "g_unlogged": 0}
    assert [value(r)["after"]["v"] for r in sorted(read["d_nokey"], key=lambda r: r.value) if r.key is None].count("x") == 2
    [changed] = [r for r in found["b_many"] if value(r)["op"] != "r"]
    assert value(changed)["after"] == {"id": 3, "v": "new"} and value(changed)["source"]["snapshot"] == "false"
    assert len({(value(r)["source"]["lsn"], value(r)["source"]["ts_us"]) for records in read.values() for r in records}) == 1
    assert all(dict(r.headers)[name].decode() == value(r)["source"]["snapshot"] for records in found.values() for r in records for name in ("__snapshot", "__source_snapshot"))
    every = [m for records in read.values() for m in markers(records)]
    assert every.count("last") == 1
    if threads == 1:
        assert markers(read["a_one"]) == ["first"] and markers(read["f_parent"]) == ["last"]
        assert sorted(markers(read["b_many"])) == ["first_in_data_collection", "last_in_data_collection", "true", "true", "true"]
    assert shipper.metric("reads_total") == 12 and shipper.metric("snapshot_running") == 0
    # and never again
    shipper.stop()
    shipper = run(sdb, "--snapshot.mode=initial", "--format=envelope")
    assert shipper.metric("reads_total") == 0


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_killed_at_random_moments_nothing_is_missing_or_stale(sdb, run, broker, delivery):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rows = 3000
    big_tables(sdb, rows)
    options = ("--snapshot.mode=initial", f"--delivery={delivery}", "--snapshot.max.threads=3", "--publish.via.partition.root=true", "--commit.max.records=500",
               "--position.topic=" + sdb.prefix + "-position", "--add.headers=op")
    killer = Killer(lambda env: run(sdb, *options, wait=False, env=env), seed, rows)
    with Writer(sdb, BIG_TABLES, seed, rows):
        killer.kill(5)
        run(sdb, *options)
    assert killer.resumed > 0
    records = read_until_mark(sdb, broker.address, [sdb.topic(t) for t in BIG_TABLES])
    replay = Replay(records)
    for table in BIG_TABLES:
        assert replay.table(sdb.topic(table)) == rows_of(sdb, table), table
    if delivery == "exactly-once":
        assert twice(sdb, records) == 0


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_killed_when_a_position_is_stored_and_no_row_read(sdb, run, broker, delivery):
    """A transaction that does not end holds the snapshot up; what is stored meanwhile must say that it is wanted."""
    sdb.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 20)")
    options = ("--snapshot.mode=initial", f"--delivery={delivery}", "--position.topic=" + sdb.prefix + "-position")
    # the slot of the stream first, which waits for such a transaction, too
    run(sdb, "--snapshot.mode=no_data", "--sink=stdout").stop()
    with sdb.connect() as open_transaction, open_transaction.transaction():
        open_transaction.execute("SELECT pg_current_xact_id()")
        shipper = run(sdb, *options, wait=False)
        shipper.wait_log("a snapshot is taken of what is in the tables")
        with broker.reader(sdb.prefix + "-position") as reader:
            reader.read_count(1)
        shipper.kill()
    shipper = run(sdb, *options)
    assert shipper.metric("reads_total") == 20, shipper.log()


def test_the_server_restarts_meanwhile(make_db, make_cluster, run, broker):
    cluster = make_cluster()
    db = make_db(cluster)
    db.sql("CREATE EXTENSION tuplecast")
    big_tables(db, 4000)
    with Writer(db, BIG_TABLES, 1, 4000):
        shipper = run(db, "--snapshot.mode=initial", "--publish.via.partition.root=true", wait=False)
        shipper.wait_log("the snapshot begins")
        cluster.restart("immediate")
        shipper.wait_log("the snapshot is complete", 180)
        shipper.wait_ready(180)
    replay = Replay(read_until_mark(db, broker.address, [db.topic(t) for t in BIG_TABLES]))
    for table in BIG_TABLES:
        assert replay.table(db.topic(table)) == rows_of(db, table), table


@pytest.mark.slow
def test_the_broker_restarts_meanwhile(sdb, run, make_broker, tmp_path):
    """It is killed in the middle of the first snapshot, and between the rows of a chunk and its message."""
    broker = make_broker()
    big_tables(sdb, 800)
    row, chunk = Hold(tmp_path, 500, "snapshot_row"), Hold(tmp_path, 3, "before_watermark")
    with Writer(sdb, BIG_TABLES, 3, 800):
        shipper = run(sdb, "--snapshot.mode=initial", "--delivery=exactly-once", "--publish.via.partition.root=true", "--incremental.snapshot.chunk.size=100", "--add.headers=op",
                      kafka=broker, wait=False, env={"TUPLECAST_FAILPOINT": f"{row.failpoint},{chunk.failpoint}"})

        def restart_at(hold):
            hold.wait(shipper)
            broker.kill()
            hold.release()
            broker.start()
        restart_at(row)
        shipper.wait_log("the snapshot is complete", 180)
        sdb.sql("SELECT tuplecast.signal('execute-snapshot', '{\"data-collections\": [\"public.a\", \"public.w\"]}')")
        restart_at(chunk)
        shipper.wait_log("an incremental snapshot is complete", 180)
    records = read_until_mark(sdb, broker.address, [sdb.topic(t) for t in BIG_TABLES])
    replay = Replay(records)
    for table in BIG_TABLES:
        assert replay.table(sdb.topic(table)) == rows_of(sdb, table), table
    assert twice(sdb, records, 2) == 0


def test_no_walsender_and_no_slot_to_spare(make_db, make_cluster, run, broker):
    db = make_db(make_cluster(max_wal_senders=1, max_replication_slots=1))
    db.sql("CREATE EXTENSION tuplecast")
    big_tables(db, 1000)
    with Writer(db, BIG_TABLES, 2, 1000):
        shipper = run(db, "--snapshot.mode=initial", "--publish.via.partition.root=true")
        assert "max_wal_senders" in shipper.log()
    replay = Replay(read_until_mark(db, broker.address, [db.topic(t) for t in BIG_TABLES]))
    for table in BIG_TABLES:
        assert replay.table(db.topic(table)) == rows_of(db, table), table


def test_modes(sdb, run, launch, broker, command):
    sdb.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
    args = ("--source", sdb.url, "--kafka", broker.address, "--prefix", sdb.prefix, f"--slot.name={sdb.slot}")
    only = launch(*args, "--snapshot.mode=initial_only")
    assert only.wait_exit(120) == 0, only.log()
    assert "rows=2" in only.log()
    sdb.sql("INSERT INTO t VALUES (3)")
    again = launch(*args, "--snapshot.mode=initial_only")
    assert again.wait_exit(120) == 0 and "the snapshot begins" not in again.log(), again.log()
    # what came after it is streamed
    shipper = run(sdb, "--snapshot.mode=initial")
    with broker.reader(sdb.topic("t")) as reader:
        reader.read_until(lambda records: len(records) >= 3)
        assert sorted(r.k for r in reader.records) == ['{"id":1}', '{"id":2}', '{"id":3}']
    assert shipper.metric("reads_total") == 0
    shipper.stop()
    for _ in range(2):
        shipper = run(sdb, "--snapshot.mode=always")
        assert shipper.metric("reads_total") == 3
        shipper.stop()
    code, _, err = command("run", *args, "--snapshot.mode=custom")
    assert code == 2 and "configuration_based" in err
    code, _, err = command("run", *args, "--snapshot.mode=configuration_based")
    assert code == 2 and "start.stream" in err
    # by its two properties it is one of the others
    based = "--snapshot.mode.configuration.based."
    for data, stream, rows in ((False, True, 0), (True, True, 3), (True, False, 3)):
        sdb.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", (sdb.slot,))
        broker.delete_topics([t for t in broker.topics() if sdb.slot in t])
        shipper = launch(*args, "--snapshot.mode=configuration_based", *([f"{based}snapshot.data=true"] if data else []), *([f"{based}start.stream=true"] if stream else []))
        if stream:
            assert shipper.wait_ready().metric("reads_total") == rows
            shipper.stop()
        else:
            assert shipper.wait_exit() == 0 and f"rows={rows}" in shipper.log(), shipper.log()


def test_some_tables_and_some_rows(sdb, run, broker):
    sdb.sql("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 9) i;"
            "CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1); CREATE TABLE w (id int PRIMARY KEY); INSERT INTO w VALUES (1)")
    shipper = run(sdb, "--snapshot.mode=initial", "--snapshot.include.collection.list=public.t,public[.]w",
                  "--snapshot.select.statement.overrides=public.t", "--snapshot.select.statement.overrides.public.t=SELECT * FROM t WHERE id % 2 = 0 ORDER BY id DESC")
    assert shipper.metric("reads_total") == 5
    sdb.sql("INSERT INTO u VALUES (2)")
    with broker.reader(sdb.topic("t"), sdb.topic("u"), sdb.topic("w")) as reader:
        reader.read_until(lambda records: any(r.topic == sdb.topic("u") for r in records))
        assert [r.k for r in reader.read_all() if r.topic == sdb.topic("t")] == [f'{{"id":{i}}}' for i in (8, 6, 4, 2)]
        assert [r.k for r in reader.records if r.topic == sdb.topic("u")] == ['{"id":2}']


def test_rows_and_columns_of_a_publication(sdb, run, broker):
    """Of the first snapshot and of an incremental one, whose chunks may lose all of their rows to the filter."""
    sdb.sql("CREATE TABLE t (id int PRIMARY KEY, v text, hidden text); INSERT INTO t SELECT i, 'v' || i, 'h' FROM generate_series(1, 20) i; CREATE TABLE u (id int PRIMARY KEY);"
            "CREATE PUBLICATION p FOR TABLE t (id, v) WHERE (id > 4 AND id % 3 = 0); INSERT INTO u VALUES (1)")
    shipper = run(sdb, "--snapshot.mode=initial", "--publication.name=p", "--incremental.snapshot.chunk.size=2")
    sdb.sql("SELECT tuplecast.signal('execute-snapshot', '{\"data-collections\": [\"public.(t|u)\"]}')")
    shipper.wait_log("an incremental snapshot is complete")
    sdb.sql("INSERT INTO t VALUES (21, 'end', 'h')")
    with broker.reader(sdb.topic("t")) as reader:
        reader.read_until(lambda records: any(r.k == '{"id":21}' for r in records))
        assert [value(r) for r in reader.read_all()] == 2 * [{"id": i, "v": f"v{i}", "__deleted": "false"} for i in range(6, 19, 3)] + [{"id": 21, "v": "end", "__deleted": "false"}]
    assert "public.u" not in shipper.log() and sdb.topic("u") not in broker.topics()


def test_rights_and_row_security(sdb, cluster, run, launch, command, broker):
    role = f"role_{sdb.name}"
    cluster.sql(f"CREATE ROLE {role} LOGIN REPLICATION")
    try:
        sdb.sql(f"CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'x'), (2, 'y'); GRANT SELECT (id) ON t TO {role}")
        args = ("--source", cluster.url(sdb.name, role), "--kafka", broker.address, "--prefix", sdb.prefix, f"--slot.name={sdb.slot}", "--snapshot.mode=initial")
        first = launch(*args)
        assert first.wait_exit(120) == 3
        assert "GRANT EXECUTE ON FUNCTION tuplecast.snapshot TO" in first.log(), first.log()
        code, out, _ = command("check", *args)
        assert "GRANT EXECUTE ON FUNCTION tuplecast.snapshot" in out, out
        sdb.sql(f'GRANT EXECUTE ON FUNCTION tuplecast.snapshot TO "{role}"')
        # a column that is not published is not read
        shipper = launch(*args, "--column.include.list=public.t.id").wait_ready()
        assert shipper.metric("reads_total") == 2
        shipper.stop()
        sdb.sql(f"GRANT SELECT ON t TO {role}; ALTER TABLE t ENABLE ROW LEVEL SECURITY")
        hidden = launch(*args[:-1], "--snapshot.mode=always")
        assert hidden.wait_exit(120) == 3 and "row-level security" in hidden.log(), hidden.log()
        cluster.sql(f"ALTER ROLE {role} BYPASSRLS")
        shipper = launch(*args[:-1], "--snapshot.mode=always").wait_ready()
        assert shipper.metric("reads_total") == 2
        shipper.stop()
    finally:
        sdb.sql(f"DROP OWNED BY {role}")
        cluster.sql(f"DROP ROLE {role}")
