"""`tuplecast init` and `drop`: the slot before run needs it, and at the place of another program's."""
import importlib.util
import json
import re
import subprocess
from pathlib import Path

import pytest

from harness.postgres import as_postgres
from harness.wait import wait_until

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def init(db, command):
    def make(*args, code=0, slot=None):
        got, out, err = command("init", "--source", db.url, "--prefix", db.prefix, f"--slot.name={slot or db.slot}", *args)
        assert got == code, out + err
        return out + err
    return make


def make_old(db, plugin="pgoutput", name="old"):
    db.sql("SELECT pg_create_logical_replication_slot(%s, %s)", (name, plugin))
    return name


def position(db, name):
    rows = db.sql("SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = %s", (name,))
    return rows[0][0] if rows else None


def ids(broker, db, table="t"):
    db.wait_confirmed()
    with broker.reader(db.topic(table)) as reader:
        return [json.loads(r.k)["id"] for r in reader.read_all()]


def test_makes_the_slot_and_keeps_it(db, init, run, broker):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    assert "is made" in init()
    db.sql("INSERT INTO t VALUES (1)")
    assert "existed already" in init()
    run(db)
    assert ids(broker, db) == [1]


def test_dry_run_prints_the_statements(db, init):
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE t (id int PRIMARY KEY)")
    args = ("--dry-run", "--publication.name=pub", "--publication.autocreate.mode=filtered", "--replica.identity.autoset.values=public.t:FULL")
    out = init(*args)
    assert out.splitlines() == ['CREATE PUBLICATION "pub" FOR TABLE public.t;', "ALTER TABLE public.t REPLICA IDENTITY FULL;",
                                f"SELECT lsn FROM pg_create_logical_replication_slot('{db.slot}', 'tuplecast');"]
    assert db.slot_row() is None and db.value("SELECT count(*) FROM pg_publication") == 0
    got = json.loads(init("--json", *args))
    assert got["statements"] == [line.rstrip(";") for line in out.splitlines()]
    assert (got["slot"], got["lsn"], got["created"], got["dry_run"]) == (db.slot, None, False, True)
    # they do what init does
    for statement in got["statements"]:
        db.sql(statement)
    assert "nothing is to be done" in init(*args)


def test_publication_identity_and_slot(db, init):
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE t (id int PRIMARY KEY)")
    out = init("--json", "--publication.name=pub", "--publication.autocreate.mode=filtered", "--replica.identity.autoset.values=public.t:FULL")
    got = json.loads(out.splitlines()[0])
    assert got["created"] and got["lsn"] == position(db, db.slot)
    assert db.sql("SELECT tablename FROM pg_publication_tables") == [("t",)]
    assert db.value("SELECT relreplident FROM pg_class WHERE oid = 't'::regclass") == "f"


def test_what_it_refuses(db, init, cluster, make_db):
    old = make_old(db)
    take = ("--from-slot", old)
    assert "does not exist" in init("--from-slot", "nowhere", code=3)
    assert "--slot.name NEW" in init(*take, slot=old, code=2)
    assert "existing" not in init(*take, "--dry-run")
    # the new one is there already
    make_old(db, "test_decoding", "there")
    assert '"there" exists already' in init(*take, slot="there", code=3)
    assert '"there" exists already' in init(slot="there", code=3)
    # of another database, or physical
    other = make_db(cluster)
    make_old(other, name="elsewhere")
    assert f'belongs to the database "{other.name}"' in init("--from-slot=elsewhere", code=3)
    db.sql("SELECT pg_create_physical_replication_slot('standby')")
    try:
        assert "physical" in init("--from-slot=standby", code=3)
    finally:
        db.sql("SELECT pg_drop_replication_slot('standby')")
    # positions
    assert "no position" in init(*take, "--from-lsn=x", code=2)
    assert "WAL ends at" in init(*take, "--from-lsn=FF/0", code=3)
    assert "--from-slot" in init("--from-lsn=1", code=2)
    assert db.slot_row() is None


def test_no_source_no_prefix(command):
    code, _, err = command("init")
    assert code == 2 and "source.url" in err
    code, _, err = command("init", "--source", "postgres://x/y", "--publication.name=p")
    assert code == 2 and "topic.prefix" in err


def test_a_slot_in_use_is_not_copied(db, init, run):
    shipper = run(db)
    out = init("--from-slot", db.slot, slot="new", code=3)
    assert "in use" in out and "Stop the connector first" in out
    shipper.stop()


def test_a_role_that_may_not(db, command, cluster):
    cluster.sql(f"CREATE ROLE plain_{db.name} LOGIN")
    try:
        code, _, err = command("init", "--source", cluster.url(db.name, f"plain_{db.name}"), f"--slot.name={db.slot}")
        assert code == 3 and "ALTER ROLE" in err and "REPLICATION" in err
    finally:
        cluster.sql(f"DROP ROLE plain_{db.name}")


def test_no_free_slot(make_cluster, make_db, command):
    server = make_cluster(max_replication_slots=1)
    db = make_db(server)
    make_old(db)
    code, _, err = command("init", "--source", db.url, "--from-slot=old", "--slot.name=new")
    assert code == 3 and "max_replication_slots" in err and "ALTER SYSTEM" in err


def test_output_plugin_libraries(make_cluster, make_db, command):
    server = make_cluster()
    if not server.knows_output_plugin_libraries():
        return
    server.configure(output_plugin_libraries="pgoutput, test_decoding")
    server.reload()
    db = make_db(server)
    make_old(db)
    for args in (("--from-slot=old",), ()):
        code, _, err = command("init", "--source", db.url, "--slot.name=new", *args)
        assert code == 3 and "ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding, tuplecast" in err
    assert position(db, "new") is None


def recvlogical(db, *args):
    return subprocess.Popen(as_postgres([str(db.cluster.bindir / "pg_recvlogical"), "-h", str(db.cluster.dir), "-p", str(db.cluster.port),
                                         "-U", "postgres", "-d", db.name, *args]), stdin=subprocess.DEVNULL, cwd="/")


def test_goes_on_exactly_where_the_other_stopped(db, init, run, broker):
    """Half of the changes are taken by a pgoutput consumer; the other half, and not one more, comes from us."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION pub FOR ALL TABLES")
    old = make_old(db)
    for i in range(10):
        db.sql("INSERT INTO t SELECT generate_series(%s::int, %s::int)", (i * 10, i * 10 + 9))
    half = db.value("SELECT pg_current_wal_lsn()::text")
    for i in range(10, 20):
        db.sql("INSERT INTO t SELECT generate_series(%s::int, %s::int)", (i * 10, i * 10 + 9))
    done = recvlogical(db, "-S", old, "--start", "-f", "/dev/null", "-F", "0", "-s", "1", "-E", half, "-o", "proto_version=1",
                       "-o", "publication_names=pub", "-I", "0/0")
    assert done.wait(60) == 0
    wait_until(lambda: not db.value("SELECT active FROM pg_replication_slots WHERE slot_name = 'old'"))
    place = position(db, old)
    out = init("--from-slot", old)
    assert place in out and "the place of" in out
    assert position(db, db.slot) == place
    db.sql("INSERT INTO t SELECT generate_series(200, 209)")
    run(db)
    assert ids(broker, db) == list(range(100, 210))
    # the old one is as it was
    assert position(db, old) == place


def change_lsns(db, slot="old"):
    """LSN of each change, by transaction, as the connector's offsets have it"""
    rows = db.sql("SELECT xid::text, lsn - '0/0'::pg_lsn FROM pg_logical_slot_peek_binary_changes(%s, NULL, NULL,"
                  " 'proto_version', '1', 'publication_names', 'pub') WHERE get_byte(data, 0) IN (73, 85, 68)", (slot,))
    found = {}
    for xid, lsn in rows:
        found.setdefault(xid, []).append(int(lsn))
    return list(found.values())


@pytest.fixture
def backlog(db):
    """Three transactions of three changes, and one of rows that were copied in; none for tables that are not captured"""
    db.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int); CREATE PUBLICATION pub FOR ALL TABLES")
    make_old(db)
    for i in range(3):
        db.sql("BEGIN; INSERT INTO other VALUES (1); INSERT INTO t SELECT generate_series(%d, %d); INSERT INTO other VALUES (2); COMMIT"
               % (i * 3, i * 3 + 2))
    with db.connect() as connection, connection.cursor().copy("COPY t FROM stdin") as copy:
        copy.write("9\n10\n")
    return change_lsns(db)


@pytest.mark.sanitize
@pytest.mark.parametrize("txn,change,first,repeated", [
    (0, 3, 3, 0),  # the last of the first transaction that is captured: all of it was published
    (1, 3, 6, 0), (2, 3, 9, 0),
    (1, 1, 3, 1), (1, 2, 3, 2),  # inside of one: from its beginning
    (3, 0, 9, 2),  # copied rows share an LSN
    (2, 0, 6, 0), (2, 4, 6, 0),  # of a table that is not captured: whole transactions before it
])
def test_from_lsn_goes_on_behind_what_was_published(db, init, run, broker, backlog, txn, change, first, repeated):
    take = ("--from-slot=old", f"--from-lsn={backlog[txn][change]}", r"--table.include.list=public\.t")
    dry = init(*take, "--dry-run")
    assert ("pg_replication_slot_advance" in dry) == (first > 0) and position(db, db.slot) is None
    got = json.loads([line for line in init(*take, "--json").splitlines() if line.startswith("{")][0])
    assert got["lsn"] == position(db, db.slot) and got["repeated"] == repeated
    run(db, take[2])
    assert ids(broker, db) == list(range(first, 11))


def test_from_lsn_beyond_a_long_backlog(db, init, run, broker):
    """More writes than are looked at first; transactions that overlap."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION pub FOR ALL TABLES")
    make_old(db)
    with db.connect() as connection:
        connection.execute("BEGIN; INSERT INTO t VALUES (-1)")
        db.sql("DO $$ BEGIN FOR i IN 0..1999 LOOP INSERT INTO t VALUES (i); COMMIT; END LOOP; END $$")
        connection.execute("COMMIT")
    db.sql("INSERT INTO t VALUES (2000)")
    lsns = change_lsns(db)
    assert lsns[2000][0] < lsns[0][0], "the early change is committed late"
    got = json.loads(init("--from-slot=old", f"--from-lsn={lsns[2000][0]}", "--json"))
    assert got["repeated"] == 0
    run(db)
    assert ids(broker, db) == [2000]


# ---- taking over from a running Debezium --------------------------------------


@pytest.fixture
def debezium(broker):
    spec = importlib.util.spec_from_file_location("oracle", TOP / "test/compat/oracle.py")
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    made = []

    def make(connector):
        made.append(oracle.Debezium(broker, heap="512m").start({"taken": connector}))
        return made[-1]
    yield make
    for d in made:
        d.destroy()


def test_takes_over_from_debezium(db, command, broker, debezium, launch, tmp_path):
    """Debezium runs, stops, tuplecast goes on: the consumer of the topics sees each change once, in order."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY, n int); INSERT INTO c VALUES (1, 0)")
    connector = {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "plugin.name": "pgoutput", "snapshot.mode": "no_data",
        "database.hostname": "127.0.0.1", "database.port": str(db.cluster.port), "database.user": "postgres", "database.dbname": db.name,
        "topic.prefix": db.prefix, "slot.name": "debezium_" + db.name, "publication.name": "dbz", "publication.autocreate.mode": "all_tables"}
    topics = [db.topic("t"), db.topic("c")]
    for topic in topics:
        broker.create_topic(topic, partitions=3)

    def load(first, last):
        for i in range(first, last):
            db.sql("INSERT INTO t VALUES (%s, 'x'); " % i + "UPDATE c SET n = n + 1")

    other = debezium(connector)
    wait_until(lambda: db.value("SELECT active FROM pg_replication_slots WHERE slot_name = %s", (connector["slot.name"],)), 120,
               what=lambda: other.tail())
    load(0, 100)
    with broker.reader(*topics) as reader:
        reader.read_until(lambda records: len(records) >= 200)
        # what comes while it stops, and while nobody runs
        load(100, 120)
        other.stop()
        load(120, 150)
        path = tmp_path / "connector.json"
        path.write_text(json.dumps({"name": "taken", "config": connector}))
        args = ("--config", path, "--kafka", broker.address)
        tmp_path.chmod(0o755)
        path.chmod(0o644)
        # run itself says how
        code, out, err = command("run", *args)
        assert code == 3 and f"tuplecast init --from-slot {connector['slot.name']} --slot.name NEW" in err
        lsn = int(re.search(rb'"lsn":([0-9]+)', (other.dir / "offsets").read_bytes())[1])
        code, out, err = command("init", *args, "--from-slot", connector["slot.name"], f"--slot.name={db.slot}", f"--from-lsn={lsn}")
        assert code == 0, out + err
        launch(*args, f"--slot.name={db.slot}").wait_ready()
        load(150, 200)
        db.wait_confirmed()
        records = reader.read_all()
    keys = [json.loads(r.key)["payload"]["id"] for r in records if r.topic == db.topic("t")]
    assert sorted(keys) == list(range(200)), "each row once"
    counts = [json.loads(r.value)["payload"]["after"]["n"] for r in records if r.topic == db.topic("c")]
    assert counts == list(range(1, 201)), "each change once, in order"
    # the same key on the same partition
    assert len({r.partition for r in records if r.topic == db.topic("c")}) == 1


# ---- drop ---------------------------------------------------------------------


def test_drop(db, init, command, run):
    args = ("drop", "--source", db.url, f"--slot.name={db.slot}")
    code, _, err = command(*args)
    assert code == 3 and "does not exist" in err
    shipper = run(db)
    code, _, err = command(*args)
    assert code != 0 and "Stop the tuplecast" in err and db.slot_row() is not None
    shipper.stop()
    code, _, err = command(*args)
    assert code == 0, err
    assert db.slot_row() is None
    make_old(db)
    code, _, err = command("drop", "--source", db.url, "--slot.name=old")
    assert code == 3 and "not tuplecast's" in err and position(db, "old")
