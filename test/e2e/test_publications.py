"""publication.name and how the publication comes into being; replica identities set at the start; options of the slot."""
import json

import pytest

from harness.wait import wait_until

ALL = "--publication.autocreate.mode=all_tables"
FILTERED = "--publication.autocreate.mode=filtered"


@pytest.fixture
def pubdb(db):
    db.sql("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text)")
    yield db


@pytest.fixture
def extended(pubdb):
    pubdb.sql("CREATE EXTENSION tuplecast")
    return pubdb


def tables(db, name="pub"):
    return [t for t, in db.sql("SELECT tablename FROM pg_publication_tables WHERE pubname = %s ORDER BY 1", (name,))]


def insert(db):
    db.sql("INSERT INTO a VALUES (1, 'one'), (2, 'two'); INSERT INTO b VALUES (1, 'one')")


def published(db, broker, count):
    """(table, key) of each record, as long as there are no more"""
    db.wait_confirmed()
    with broker.reader(prefix=f"{db.prefix}.") as reader:
        wait_until(lambda: reader.poll() or reader.assigned or count == 0)
        return [(r.topic.split(".")[-1], json.loads(r.k)["id"]) for r in (reader.read_all() if count else ())]


def test_tables_rows_and_columns(pubdb, run, broker):
    pubdb.sql("CREATE PUBLICATION pub FOR TABLE a (id) WHERE (id > 1)")
    run(pubdb, "--publication.name=pub")
    insert(pubdb)
    pubdb.sql("UPDATE a SET id = -id WHERE id = 2")
    assert published(pubdb, broker, 3) == [("a", 2), ("a", 2), ("a", 2)]
    with broker.reader(pubdb.topic("a")) as reader:
        assert [r.v and json.loads(r.v)["__deleted"] for r in reader.read_count(3)] == ["false", "true", None]
        assert "v" not in json.loads(reader.records[0].v)


def test_a_change_of_the_publication_is_seen(pubdb, run, broker):
    pubdb.sql("CREATE PUBLICATION pub FOR TABLE a")
    run(pubdb, "--publication.name=pub")
    insert(pubdb)
    pubdb.sql("ALTER PUBLICATION pub ADD TABLE b; INSERT INTO b VALUES (2, 'two')")
    pubdb.sql("ALTER PUBLICATION pub DROP TABLE a")
    pubdb.sql("INSERT INTO a VALUES (3, 'three'); INSERT INTO b VALUES (3, 'three')")
    assert sorted(published(pubdb, broker, 4)) == [("a", 1), ("a", 2), ("b", 2), ("b", 3)]


def test_without_a_name_none_is_used_or_made(pubdb, run, broker):
    pubdb.sql("CREATE PUBLICATION dbz_publication")
    run(pubdb, ALL)
    insert(pubdb)
    assert len(published(pubdb, broker, 3)) == 3
    assert pubdb.value("SELECT count(*) FROM pg_publication") == 1


def test_missing_and_not_to_be_made(pubdb, run):
    shipper = run(pubdb, "--publication.name=Pub", wait=False)
    assert shipper.wait_exit() == 3
    # as SQL reads it, it is in lower case
    assert 'publication "pub" does not exist' in shipper.log() and "CREATE PUBLICATION" in shipper.log()
    assert pubdb.slot_row() is None


def test_one_of_several_is_missing(pubdb, run):
    pubdb.sql("CREATE PUBLICATION pub")
    shipper = run(pubdb, '--publication.name=pub,"Other, one"', ALL, wait=False)
    assert shipper.wait_exit() == 3
    assert "Other, one" in shipper.log()


def test_all_tables(pubdb, run, broker):
    shipper = run(pubdb, '--publication.name="My ""pub"""', ALL)
    assert pubdb.sql("SELECT pubname, puballtables, pubviaroot FROM pg_publication") == [('My "pub"', True, False)]
    assert 'CREATE PUBLICATION' in shipper.log() and "FOR ALL TABLES" in shipper.log()
    insert(pubdb)
    assert len(published(pubdb, broker, 3)) == 3
    shipper.stop()
    # and is left alone by the next
    oid = pubdb.value("SELECT oid FROM pg_publication")
    run(pubdb, '--publication.name="My ""pub"""', ALL)
    assert pubdb.value("SELECT oid FROM pg_publication") == oid


def test_the_root_of_partitions_as_the_option_says(db, run, broker):
    db.sql("CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)")
    run(db, "--publication.name=pub", ALL, "--publish.via.partition.root=true")
    assert db.value("SELECT pubviaroot FROM pg_publication")
    db.sql("INSERT INTO p VALUES (1)")
    assert published(db, broker, 1) == [("p", 1)]


def test_no_tables(pubdb, run, broker):
    run(pubdb, "--publication.name=pub", "--publication.autocreate.mode=no_tables")
    assert tables(pubdb) == []
    insert(pubdb)
    pubdb.sql("ALTER PUBLICATION pub ADD TABLE b; INSERT INTO b VALUES (7)")
    assert published(pubdb, broker, 1) == [("b", 7)]


def test_filtered(extended, run, broker):
    db = extended
    db.sql('CREATE SCHEMA "S p"; CREATE TABLE "S p"."Tab,le" (id int PRIMARY KEY)')
    shipper = run(db, "--publication.name=pub", FILTERED, r'--table.include.list=public\.a,s p\..*')
    assert tables(db) == ["Tab,le", "a"]
    insert(db)
    db.sql('INSERT INTO "S p"."Tab,le" VALUES (5)')
    assert len(published(db, broker, 3)) == 3
    shipper.stop()
    # the next start keeps it in step, and keeps what else is said of a table
    db.sql("ALTER PUBLICATION pub SET TABLE a WHERE (id > 10)")
    shipper = run(db, "--publication.name=pub", FILTERED, r'--table.include.list=public\..')
    assert tables(db) == ["a", "b"]
    assert db.value("SELECT prqual IS NOT NULL FROM pg_publication_rel WHERE prrelid = 'a'::regclass")
    shipper.stop()
    shipper = run(db, "--publication.name=pub", FILTERED, r'--table.include.list=public\.b')
    assert tables(db) == ["b"]
    assert "ALTER PUBLICATION" in shipper.log()
    shipper.stop()
    assert "ALTER PUBLICATION" not in run(db, "--publication.name=pub", FILTERED, r'--table.include.list=public\.b').log()


def test_filtered_keeps_a_partitioned_table_that_was_put_in(db, run):
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);"
           "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE PUBLICATION pub FOR TABLE p")
    shipper = run(db, "--publication.name=pub", FILTERED)
    assert "ALTER PUBLICATION" not in shipper.log()
    assert db.value("SELECT count(*) FROM pg_publication_rel WHERE prrelid = 'p'::regclass") == 1


def test_filtered_without_the_extension(pubdb, run):
    shipper = run(pubdb, "--publication.name=pub", FILTERED, wait=False)
    assert shipper.wait_exit() == 3
    assert "CREATE EXTENSION tuplecast" in shipper.log()


def test_filtered_without_a_table(extended, run):
    shipper = run(extended, "--publication.name=pub", FILTERED, "--table.include.list=no.such", wait=False)
    assert shipper.wait_exit() == 3
    assert "no table is selected" in shipper.log()


def test_a_role_that_may_not_make_it(extended, cluster, launch, broker):
    db = extended
    role = f"repl_{db.name}"
    cluster.sql(f"CREATE ROLE {role} LOGIN REPLICATION")
    args = ("--source", cluster.url(db.name, role), "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}",
            "--publication.name=pub")
    try:
        for mode, words in ((ALL, "FOR ALL TABLES"), (FILTERED, "FOR TABLE public.a, public.b")):
            shipper = launch(*args, mode)
            assert shipper.wait_exit() == 3
            assert f'CREATE PUBLICATION \\"pub\\" {words}' in shipper.log() or f'CREATE PUBLICATION "pub" {words}' in shipper.log()
            assert "permission denied" in shipper.log()
        assert db.slot_row() is None
        # with what the message says it works
        db.sql("CREATE PUBLICATION pub FOR TABLE public.a, public.b")
        launch(*args, FILTERED).wait_ready().stop()
    finally:
        cluster.sql(f"DROP ROLE {role}")


def test_a_publication_made_after_the_slot(pubdb, run, broker):
    run(pubdb).stop()
    insert(pubdb)
    shipper = run(pubdb, "--publication.name=pub", ALL, wait=False)
    assert shipper.wait_exit() == 3
    assert "changes from before cannot be judged by it" in shipper.log()
    assert 'publication "pub" does not exist' in shipper.log() and "take publication.name out" in shipper.log()
    # what the message says: without it until they are through
    run(pubdb).stop()
    shipper = run(pubdb, "--publication.name=pub", ALL)
    pubdb.sql("INSERT INTO b VALUES (9)")
    assert len(published(pubdb, broker, 4)) == 4


# ---- replica identities ------------------------------------------------------


def identities(db):
    return dict(db.sql("SELECT relname, relreplident FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"))


def test_replica_identities(extended, run):
    db = extended
    db.sql("CREATE TABLE c (id int, k int NOT NULL); CREATE UNIQUE INDEX \"C k\" ON c (k); CREATE TABLE d (id int)")
    values = r'--replica.identity.autoset.values=public\.a:FULL, public.(a|b):nothing,public.c:INDEX C k,other.*:FULL'
    shipper = run(db, values)
    assert identities(db) == {"a": "f", "b": "n", "c": "i", "d": "d"}
    assert 'ALTER TABLE public.c REPLICA IDENTITY USING INDEX' in shipper.log()
    shipper.stop()
    # only what is not so is changed
    shipper = run(db, values)
    assert "REPLICA IDENTITY" not in shipper.log()
    shipper.stop()
    # only what is captured
    run(db, "--replica.identity.autoset.values=public.*:DEFAULT", r"--table.exclude.list=public\.a")
    assert identities(db) == {"a": "f", "b": "d", "c": "d", "d": "d"}


def test_replica_identity_of_partitions(db, run):
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);"
           "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)")
    run(db, "--replica.identity.autoset.values=public.p:FULL", "--publish.via.partition.root=true")
    assert identities(db) == {"p1": "f"}


def test_a_role_that_may_not_set_it_goes_on(extended, cluster, launch, broker):
    db = extended
    role = f"repl_{db.name}"
    cluster.sql(f"CREATE ROLE {role} LOGIN REPLICATION")
    try:
        shipper = launch("--source", cluster.url(db.name, role), "--kafka", broker.address, "--prefix", db.prefix,
                         f"--slot.name={db.slot}", "--replica.identity.autoset.values=public.a:FULL").wait_ready()
        assert "ALTER TABLE public.a REPLICA IDENTITY FULL" in shipper.log() and "must be owner" in shipper.log()
        shipper.stop()
    finally:
        cluster.sql(f"DROP ROLE {role}")
    assert identities(db)["a"] == "d"


def test_a_table_that_is_locked_is_not_waited_for_long(extended, run):
    db = extended
    with db.connect() as connection:
        connection.execute("BEGIN; LOCK TABLE a")
        shipper = run(db, "--replica.identity.autoset.values=public.a:FULL", wait=False)
        shipper.wait_log("lock timeout")
        connection.execute("COMMIT")
    shipper.wait_ready()
    assert identities(db)["a"] == "f"


def test_a_value_that_is_not_understood(pubdb, run):
    for value in ("public.a", "public.a:SOME", "public.a:INDEX ", ":FULL"):
        shipper = run(pubdb, f"--replica.identity.autoset.values={value}", wait=False)
        assert shipper.wait_exit() == 2
        assert "replica.identity.autoset.values" in shipper.log()


# ---- the slot ----------------------------------------------------------------


def test_slot_drop_on_stop(pubdb, run, broker):
    shipper = run(pubdb, "--slot.drop.on.stop=true")
    insert(pubdb)
    assert len(published(pubdb, broker, 3)) == 3
    shipper.stop()
    assert pubdb.slot_row() is None
    # not after anything but an orderly stop
    shipper = run(pubdb, "--slot.drop.on.stop=true")
    shipper.kill()
    assert pubdb.slot_row() is not None


def test_slot_failover(pubdb, run, cluster):
    shipper = run(pubdb, "--slot.failover=true")
    if cluster.version >= 17:
        assert pubdb.value("SELECT failover FROM pg_replication_slots WHERE slot_name = %s", (pubdb.slot,))
    else:
        assert "PostgreSQL 17" in shipper.log()


def test_check_tells_what_becomes_of_it(extended, command, cluster):
    db = extended

    def check(*args, user="postgres"):
        _, out, err = command("check", "--json", "--source", cluster.url(db.name, user), "--sink=stdout", "--prefix", db.prefix,
                              f"--slot.name={db.slot}", *args)
        found = {f["id"]: f for f in json.loads(out)}
        return found["publication"]["status"], found["publication"]["repair"], found["captured_tables"]["status"]

    assert check() == ("ok", "", "ok")
    status, repair, tables = check("--publication.name=pub")
    assert (status, tables) == ("fail", "ok") and repair.startswith('CREATE PUBLICATION "pub" FOR TABLE')
    assert check("--publication.name=pub", ALL) == ("ok", "", "ok")
    role = f"plain_{db.name}"
    cluster.sql(f"CREATE ROLE {role} LOGIN REPLICATION")
    try:
        status, repair, _ = check("--publication.name=pub", ALL, user=role)
        assert status == "fail" and repair.startswith('CREATE PUBLICATION "pub" FOR ALL TABLES;')
    finally:
        cluster.sql(f"DROP ROLE {role}")
    db.sql("CREATE PUBLICATION pub FOR TABLE a")
    assert check("--publication.name=pub") == ("ok", "", "ok")
    # nothing is captured by one that is empty
    db.sql("ALTER PUBLICATION pub DROP TABLE a")
    assert check("--publication.name=pub")[2] == "fail"
