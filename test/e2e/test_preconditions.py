"""What a person must repair: its exit code, and the repair in the message. `check` finds the same."""
import json

import pytest


@pytest.fixture
def refused(launch, command, broker):
    """Runs into the error and returns its log; `check` must fail alike and name the same repair."""
    def make(server, *words, code=3, dbname="postgres", user="postgres", password=None, slot="refused", check=True):
        args = ("--source", server.url(dbname, user, password), "--kafka", broker.address, "--prefix", "p", f"--slot.name={slot}")
        shipper = launch(*args)
        assert shipper.wait_exit(90) == code, shipper.log()
        for word in words:
            assert word in shipper.log(), f"{word!r} is not in:\n{shipper.log()}"
        if check:
            checked, out, err = command("check", *args)
            assert checked == code, out + err
            for word in words:
                assert word in out + err, f"check does not say {word!r}:\n{out}{err}"
        return shipper.log()
    return make


def test_wal_level(make_cluster, refused):
    refused(make_cluster(wal_level="replica"), "wal_level", "ALTER SYSTEM SET wal_level = logical", "restart")


def test_output_plugin_libraries(make_cluster, refused, cluster):
    if not cluster.knows_output_plugin_libraries():
        # older servers load any plugin: the setting must not be asked for
        return
    server = make_cluster(output_plugin_libraries="pgoutput, test_decoding")
    refused(server, "output_plugin_libraries", "ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding, tuplecast")


def test_the_repair_of_output_plugin_libraries_works(make_cluster, make_db, run, broker):
    server = make_cluster()
    if not server.knows_output_plugin_libraries():
        return
    server.configure(output_plugin_libraries="pgoutput")
    server.reload()
    server.sql("ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding, tuplecast")
    server.reload()
    db = make_db(server)
    run(db)


def test_the_plugin_is_not_installed(make_cluster, refused):
    server = make_cluster()
    server.configure(dynamic_library_path="/nonexistent")
    server.reload()
    log = refused(server, "tuplecast", check=False)
    assert "make install" in log or "install" in log


def test_a_role_without_replication(cluster, refused):
    cluster.sql("CREATE ROLE plain LOGIN")
    try:
        refused(cluster, "REPLICATION", "ALTER ROLE", user="plain")
    finally:
        cluster.sql("DROP ROLE plain")


def test_a_role_with_replication_and_nothing_else_is_enough(db, cluster, launch, broker):
    role = f"repl_{db.name}"
    cluster.sql(f"CREATE ROLE {role} LOGIN REPLICATION")
    try:
        shipper = launch("--source", cluster.url(db.name, role), "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}")
        shipper.wait_ready()
        db.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
        with broker.reader(db.topic("t")) as reader:
            reader.read_count(1)
        shipper.stop()
    finally:
        cluster.sql(f"DROP ROLE {role}")


def test_a_slot_of_another_plugin(db, refused):
    db.sql("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", (db.slot,))
    refused(db.cluster, db.slot, "test_decoding", "--slot.name", dbname=db.name, slot=db.slot)


def test_a_wrong_password(db, cluster, refused):
    role = f"pw_{db.name}"
    if cluster.version < 16:
        cluster.sql("DO $$ BEGIN CREATE ROLE pw_group; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    cluster.sql(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'right'")
    if cluster.version < 16:
        cluster.sql(f"GRANT pw_group TO {role}")
    try:
        log = refused(cluster, role, "password", dbname=db.name, user=role, password="wr0ng")
        assert "wr0ng" not in log
    finally:
        cluster.sql(f"DROP ROLE {role}")


def test_a_database_that_does_not_exist(cluster, refused):
    refused(cluster, "no_such_database", dbname="no_such_database")


def test_no_slot_is_left_behind_by_a_refused_start(cluster, refused, db):
    refused(cluster, "no_such_database", dbname="no_such_database", slot=db.slot)
    assert db.slot_row() is None


def test_a_free_slot_is_waited_for(make_cluster, make_db, run):
    server = make_cluster(max_replication_slots=1)
    db = make_db(server)
    server.sql("SELECT pg_create_logical_replication_slot('taken', 'test_decoding')")
    shipper = run(db, wait=False)
    shipper.wait_log("max_replication_slots")
    server.sql("SELECT pg_drop_replication_slot('taken')")
    shipper.wait_ready()


def test_refused_options_leave_no_slot_behind(db, run):
    shipper = run(db, "--table.include.list=((", wait=False)
    assert shipper.wait_exit(90) == 2, shipper.log()
    assert "table.include.list" in shipper.log()
    assert db.slot_row() is None


def test_a_server_that_is_away_is_waited_for(make_cluster, make_db, run, broker):
    server = make_cluster()
    db = make_db(server)
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    server.stop()
    shipper = run(db, wait=False)
    shipper.wait_log(r"(?i)connect")
    assert shipper.get("/livez")[0] == 200 and shipper.get("/readyz")[0] == 503
    server.start()
    shipper.wait_ready()


def test_a_broker_that_is_away_at_the_start_is_waited_for(db, run, make_broker):
    broker = make_broker()
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    broker.stop()
    shipper = run(db, kafka=broker, wait=False)
    shipper.wait_log(str(broker.port))
    broker.start()
    shipper.wait_ready()
    db.sql("INSERT INTO t VALUES (1)")
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(1)


def test_check_passes_and_leaves_nothing(db, command, broker):
    args = ("--source", db.url, "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}")
    code, out, err = command("check", *args)
    assert code == 0, out + err
    assert db.slot_row() is None
    code, out, err = command("check", "--json", *args)
    assert code == 0, out + err
    json.loads(out)


def test_check_warns_of_deletes_without_full_identity(db, command, broker):
    db.sql("CREATE TABLE thin (id int PRIMARY KEY, name text)")
    args = ("--source", db.url, "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}")
    code, out, err = command("check", *args)
    assert code == 0, out + err
    assert "thin" in out + err and "REPLICA IDENTITY FULL" in out + err


def test_check_needs_no_free_slot(make_cluster, make_db, run, command, broker):
    server = make_cluster(max_wal_senders=1, max_replication_slots=1)
    db = make_db(server)
    args = ("--source", db.url, "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}")
    run(db)
    code, out, err = command("check", *args)
    assert code == 0, out + err
