"""`check`: each precondition that does not hold is found, and what is printed as its repair makes it hold."""
import json
import re
import shlex

import pytest
from confluent_kafka.admin import ConfigResource, ResourceType

from harness.wait import free_port, wait_until

STATUSES = {"ok", "warn", "fail", "skipped"}


class Report:
    def __init__(self, code, out):
        self.code = code
        self.findings = json.loads(out)
        for finding in self.findings:
            assert set(finding) == {"id", "status", "text", "why", "repair"}
            assert finding["status"] in STATUSES and finding["text"] and finding["why"]

    def __getitem__(self, name):
        found = [f for f in self.findings if f["id"] == name]
        assert len(found) == 1, f"{name}: {self}"
        return found[0]

    def status(self, name):
        return self[name]["status"]

    def bad(self):
        return [f["id"] for f in self.findings if f["status"] in ("warn", "fail")]

    def __str__(self):
        return f"exit code {self.code}\n{json.dumps(self.findings, indent=1)}"


@pytest.fixture
def check(command, broker):
    """check(db) as JSON; sink="stdout" leaves Kafka out"""
    def make(db, *args, kafka=None, user="postgres", password=None, slot=None, server=None, sink="stdout"):
        url = (server or db.cluster).url(db.name, user, password)
        code, out, err = command("check", "--json", "--source", url, "--kafka", kafka or broker.address, "--prefix", db.prefix,
                                 f"--slot.name={slot or db.slot}", f"--sink={sink}", *args)
        assert err == "", err
        return Report(code, out)
    return make


def apply(db, repair):
    """Runs the printed SQL as it is: a statement a line, as psql would take it."""
    statements = [line for line in repair.splitlines() if line and not line.startswith("--")]
    assert statements, repair
    for statement in statements:
        db.sql(statement)


@pytest.fixture
def repaired(check):
    """The finding is there, with this status and exit code; after its printed SQL it is not."""
    def make(db, name, status, *args, code=None, restart=False, **kwargs):
        before = check(db, *args, **kwargs)
        assert before.status(name) == status, before
        assert before.code == (code if code is not None else 3 if status == "fail" else 0), before
        apply(db, before[name]["repair"])
        if restart:
            assert "restart" in before[name]["repair"]
            db.cluster.restart()
        after = check(db, *args, **kwargs)
        assert after.status(name) == "ok", after
        return before[name]
    return make


def plain_role(db, name, attributes="REPLICATION"):
    role = f"{name}_{db.name}"
    db.cluster.sql(f"CREATE ROLE {role} LOGIN {attributes}")
    return role


def test_all_is_well(make_cluster, make_db, check, command, broker):
    db = make_db(make_cluster(max_slot_wal_keep_size="1GB"))
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE t (id int PRIMARY KEY, x text); ALTER TABLE t REPLICA IDENTITY FULL")
    report = check(db, sink="kafka")
    assert report.code == 0 and report.bad() == [], report
    assert {f["status"] for f in report.findings} == {"ok"}, report
    assert db.topic("t") in report["captured_tables"]["text"]
    code, out, err = command("check", "--source", db.url, "--kafka", broker.address, "--prefix", db.prefix)
    assert code == 0 and err == ""
    assert out.splitlines()[-1] == f"{len(report.findings)} ok, 0 warnings, 0 failures"
    # nothing was made
    assert db.sql("SELECT slot_name FROM pg_replication_slots") == []
    assert not [t for t in broker.topics() if t.startswith(db.prefix)]


def test_wal_level(make_cluster, make_db, repaired):
    db = make_db(make_cluster(wal_level="replica"))
    repaired(db, "wal_level", "fail", restart=True)


@pytest.mark.parametrize("plain", [False, True])
def test_output_plugin_libraries(make_cluster, make_db, repaired, check, plain):
    server = make_cluster()
    if not server.knows_output_plugin_libraries():
        return
    db = make_db(server)
    server.configure(output_plugin_libraries="pgoutput, test_decoding, other")
    server.reload()
    wait_until(lambda: "other" in server.value("SHOW output_plugin_libraries"), what="the setting is seen")
    finding = repaired(db, "output_plugin_libraries", "fail", user=plain_role(db, "r") if plain else "postgres")
    assert server.value("SHOW output_plugin_libraries") == "pgoutput, test_decoding, " + ("" if plain else "other, ") + "tuplecast"
    assert "postgresql.conf" in finding["repair"]


def test_output_plugin_libraries_quoted_by_mistake(make_cluster, make_db, repaired):
    server = make_cluster()
    if not server.knows_output_plugin_libraries():
        return
    db = make_db(server)
    server.sql("ALTER SYSTEM SET output_plugin_libraries = 'pgoutput, tuplecast'")
    server.reload()
    wait_until(lambda: '"' in server.value("SHOW output_plugin_libraries"), what="the setting is seen")
    assert "one name" in repaired(db, "output_plugin_libraries", "fail")["text"]


def test_what_cannot_be_probed_is_no_failure(make_cluster, make_db, check):
    server = make_cluster(max_replication_slots=1)
    if not server.knows_output_plugin_libraries():
        return
    db = make_db(server)
    server.sql("SELECT pg_create_logical_replication_slot('taken', 'test_decoding')")
    report = check(db, user=plain_role(db, "r"))
    assert report.status("output_plugin_libraries") == "ok" and "could not be probed" in report["output_plugin_libraries"]["text"]
    assert report.status("plugin_library") == "ok", report
    server.sql("SELECT pg_drop_replication_slot('taken')")


def test_the_library_is_missing(make_cluster, make_db, check):
    server = make_cluster(dynamic_library_path="/nonexistent")
    report = check(make_db(server))
    assert report.code == 3 and report.status("plugin_library") == "fail", report
    assert "make install" in report["plugin_library"]["repair"]


def test_the_extension_is_missing(db, repaired, check):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    role = plain_role(db, "ext")
    report = check(db, user=role)
    # only who may create it can look through it before
    assert report.code == 0 and report.status("captured_tables") == "skipped", report
    assert check(db).status("captured_tables") == "ok"
    assert db.value("SELECT count(*) FROM pg_extension WHERE extname = 'tuplecast'") == 0
    repaired(db, "extension", "warn", user=role)
    assert check(db, user=role).status("captured_tables") == "ok"
    db.cluster.sql(f"DROP ROLE {role}")


def test_the_functions_may_not_be_called(db, repaired):
    role = plain_role(db, "acl")
    db.sql("CREATE EXTENSION tuplecast; REVOKE USAGE ON SCHEMA tuplecast FROM PUBLIC; CREATE TABLE t (id int PRIMARY KEY)")
    repaired(db, "extension", "warn", user=role)
    db.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_another_version(db, check):
    db.sql("CREATE EXTENSION tuplecast")
    db.sql("CREATE OR REPLACE FUNCTION tuplecast.version() RETURNS text LANGUAGE sql AS $$SELECT '9.9.9'$$")
    report = check(db)
    assert report.code == 0 and report.status("extension_version") == "warn" and "9.9.9" in report["extension_version"]["text"], report
    db.sql("CREATE OR REPLACE FUNCTION tuplecast.wire_version() RETURNS integer LANGUAGE sql AS 'SELECT 99'")
    report = check(db)
    assert report.code == 3 and report.status("extension_version") == "fail" and "99" in report["extension_version"]["text"], report
    assert "ALTER EXTENSION tuplecast UPDATE" in report["extension_version"]["repair"]


def test_a_role_without_replication(db, repaired, check):
    role = plain_role(db, "Quoted".lower(), "")
    finding = repaired(db, "role", "fail", user=role)
    assert "ALTER ROLE" in finding["repair"] and "REPLICATION" in finding["repair"]
    db.cluster.sql(f"DROP ROLE {role}")


def test_a_slot_of_another_plugin(db, check):
    db.sql("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", (db.slot,))
    report = check(db)
    assert report.code == 3 and report.status("slot") == "fail", report
    assert f"tuplecast init --from-slot {db.slot} --slot.name NEW" in report["slot"]["repair"]
    assert "tuplecast run --slot.name NEW" in report["slot"]["repair"]
    assert check(db, slot=f"{db.slot}_new").status("slot") == "ok"
    db.sql(re.search(r"SELECT pg_drop_replication_slot.*;", report["slot"]["repair"])[0])
    assert check(db).status("slot") == "ok"


def test_a_slot_of_another_database(db, make_db, cluster, check):
    other = make_db(cluster)
    other.sql("SELECT pg_create_logical_replication_slot(%s, 'tuplecast')", (db.slot,))
    report = check(db)
    assert report.code == 3 and report.status("slot") == "fail" and other.name in report["slot"]["text"], report


def test_a_slot_that_lost_its_wal(make_cluster, make_db, repaired):
    server = make_cluster(max_slot_wal_keep_size="1MB", max_wal_size="32MB", min_wal_size="32MB")
    db = make_db(server)
    db.sql("SELECT pg_create_logical_replication_slot(%s, 'tuplecast'); ".replace("%s", f"'{db.slot}'"))

    def lost():
        db.sql("CREATE TABLE IF NOT EXISTS filler (x int); SELECT pg_switch_wal()")
        db.sql("INSERT INTO filler VALUES (1)")
        db.sql("CHECKPOINT")
        return db.value("SELECT wal_status FROM pg_replication_slots") == "lost"
    wait_until(lost, what="the slot is invalidated")
    repaired(db, "slot", "fail")


def test_a_slot_that_nobody_reads(make_cluster, make_db, repaired):
    db = make_db(make_cluster())
    db.sql("SELECT pg_create_logical_replication_slot('forgotten', 'test_decoding')")
    assert "forgotten" in repaired(db, "other_slots", "warn")["text"]
    assert db.sql("SELECT slot_name FROM pg_replication_slots") == []


def test_no_free_slot(make_cluster, make_db, repaired):
    db = make_db(make_cluster(max_replication_slots=1))
    db.sql("SELECT pg_create_logical_replication_slot('taken', 'test_decoding')")
    assert "max_replication_slots" in repaired(db, "slot_headroom", "fail", restart=True)["text"]


def test_no_free_walsender(make_cluster, make_db, run, repaired):
    db = make_db(make_cluster(max_wal_senders=1))
    run(db)
    repaired(db, "walsender_headroom", "fail", slot=f"{db.slot}_more", restart=True)


def test_beside_a_running_shipper_nothing_need_be_free(make_cluster, make_db, run, check):
    server = make_cluster(max_wal_senders=1, max_replication_slots=1)
    db = make_db(server)
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE t (id int PRIMARY KEY)")
    shipper = run(db)
    for user in ("postgres", plain_role(db, "r")):
        report = check(db, user=user, sink="kafka")
        assert report.code == 0, report
        assert {f["status"] for f in report.findings} <= {"ok", "warn"}, report
        assert "in use" in report["slot"]["text"]
    assert shipper.running() and db.slot_active()


def test_settings_of_the_server(make_cluster, make_db, repaired):
    db = make_db(make_cluster(wal_sender_timeout=0))
    repaired(db, "wal_sender_timeout", "warn")
    repaired(db, "wal_keep", "warn")


def test_prepared_transactions(make_cluster, make_db, repaired):
    db = make_db(make_cluster(max_prepared_transactions=2))
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    with db.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("PREPARE TRANSACTION 'it''s'")
    repaired(db, "prepared_transactions", "warn")


def test_an_open_transaction_does_not_hold_up_the_check(db, cluster, check):
    """Making a slot waits for it; the check does not, and still knows that the plugin loads."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    with db.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t VALUES (1)")
        report = check(db)
    assert report.code == 0 and report.status("plugin_library") == "ok", report
    assert db.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'tuplecast_check%'") == 0


def test_a_standby(make_cluster, make_db, check, command):
    server = make_cluster()
    db = make_db(server)
    server.stop()
    (server.data / "standby.signal").touch()
    server.start()
    report = check(db)
    assert report.status("standby") == ("fail" if server.version < 16 else "warn"), report
    server.sql("SELECT pg_promote()")
    wait_until(lambda: check(db).status("standby") == "ok", what="the server is a primary")


def test_an_encoding_that_says_nothing(make_db, cluster, check):
    assert check(make_db(cluster, encoding="SQL_ASCII")).status("server_encoding") == "warn"
    assert check(make_db(cluster, encoding="LATIN1")).status("server_encoding") == "ok"


def test_nothing_is_captured(db, check):
    assert check(db).status("captured_tables") == "warn"
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    report = check(db, r"--table.include.list=public\.other")
    assert report.code == 3 and report.status("captured_tables") == "fail" and "public.t" in report["captured_tables"]["text"], report
    assert "table.include.list" in report["captured_tables"]["repair"]
    assert check(db, r"--table.include.list=public\.t").status("captured_tables") == "ok"


def test_an_option_that_the_plugin_refuses(db, check):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    report = check(db, "--table.include.list=public.(t")
    assert report.code == 2 and report.status("captured_tables") == "fail", report
    assert "table.include.list" in report["captured_tables"]["text"], report
    report = check(db, "--message.key.columns=public.t:nothing")
    assert report.code == 2 and "nothing" in report["captured_tables"]["text"], report


def test_a_table_without_a_key(db, check):
    db.sql("CREATE TABLE t (id int, x int)")
    report = check(db)
    assert report.status("table_keys") == "warn" and "public.t" in report["table_keys"]["text"], report
    assert check(db, "--message.key.columns=public.t:id").status("table_keys") == "ok"
    db.sql("ALTER TABLE t ADD PRIMARY KEY (id)")
    assert check(db).status("table_keys") == "ok"


def test_deletes_without_full_identity(db, repaired, check):
    db.sql('CREATE TABLE "Odd name" (id int PRIMARY KEY, x int); CREATE TABLE u (id int PRIMARY KEY, x int)')
    finding = repaired(db, "delete_identity", "warn")
    assert '"Odd name"' in finding["text"] and "REPLICA IDENTITY FULL" in finding["repair"]
    db.sql("CREATE TABLE v (id int PRIMARY KEY, x int)")
    assert check(db, "--delete.tombstone.handling.mode=tombstone").status("delete_identity") == "ok"
    assert check(db, "--format=envelope").status("delete_identity") == "warn"
    assert check(db, "--skipped.operations=d").status("delete_identity") == "ok"


def test_partitions_are_repaired_where_the_rows_are(db, repaired):
    db.sql("""CREATE TABLE p (id int PRIMARY KEY, x text) PARTITION BY RANGE (id);
              CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
              CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)""")
    finding = repaired(db, "delete_identity", "warn", "--publish.via.partition.root=true")
    assert re.search(r"1 table\b", finding["text"]) and "p1" in finding["repair"] and "p2" in finding["repair"]


def test_an_identity_without_the_key(db, repaired):
    db.sql("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY NOTHING")
    assert "DEFAULT" in repaired(db, "key_identity", "warn")["repair"]
    db.sql("CREATE TABLE u (id int NOT NULL UNIQUE, x int); ALTER TABLE u REPLICA IDENTITY NOTHING")
    repaired(db, "key_identity", "warn")


def test_large_values(db, repaired):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, big text); CREATE TABLE u (id int PRIMARY KEY, x varchar(20))")
    finding = repaired(db, "toast_identity", "warn")
    assert "public.t" in finding["text"] and "public.u" not in finding["text"] and "null" not in finding["text"]


def test_large_values_without_a_placeholder(db, repaired):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, big text, f float8[], n numeric, m numeric(10,2))")
    finding = repaired(db, "toast_identity", "warn")
    assert "null: public.t (f)" in finding["text"]


def test_long_lists_are_cut(db, check):
    db.sql(";".join(f"CREATE TABLE t{i:03} (id int PRIMARY KEY)" for i in range(70)))
    finding = check(db)["delete_identity"]
    assert "and 60 more" in finding["text"]
    assert finding["repair"].count("ALTER TABLE") == 50 and "20 more" in finding["repair"]


def test_topics_that_collide(db, check):
    db.sql('CREATE TABLE "a.b" (id int PRIMARY KEY); CREATE TABLE a_b (id int PRIMARY KEY)')
    report = check(db)
    assert report.code == 3 and report.status("topic_names") == "fail", report
    assert db.topic("a.b") in report["topic_names"]["text"] and db.topic("a_b") in report["topic_names"]["text"]
    assert check(db, r"--table.exclude.list=public\.a_b").status("topic_names") == "ok"


def test_the_source_is_away(make_cluster, make_db, check):
    server = make_cluster()
    db = make_db(server)
    server.stop()
    report = check(db, sink="kafka")
    assert report.code == 1 and report.status("source_connection") == "fail", report
    assert report.status("wal_level") == "skipped" and "not checked" in report["wal_level"]["text"]
    assert report.status("kafka_connection") == "ok" and report.status("kafka_topics") == "skipped", report
    server.start()
    assert check(db).status("source_connection") == "ok"


def test_kafka_is_away(db, check):
    report = check(db, kafka=f"127.0.0.1:{free_port()}", sink="kafka")
    assert report.code == 1 and report.status("kafka_connection") == "fail", report
    assert report.status("kafka_topics") == "skipped" and report.status("wal_level") == "ok"


def test_kafka_speaks_no_tls(db, check):
    report = check(db, "--kafka.security.protocol=ssl", sink="kafka")
    assert report.code == 3 and report.status("kafka_connection") == "fail", report
    assert "security.protocol" in report["kafka_connection"]["repair"]


def test_missing_topics(db, check, make_broker):
    broker = make_broker(auto__create__topics__enable="false")
    db.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
    report = check(db, kafka=broker.address, sink="kafka")
    assert report.code == 3 and report.status("kafka_topics") == "fail" and db.topic("t") in report["kafka_topics"]["text"], report
    creation = ["--topic.creation.default.partitions=3", "--topic.creation.default.replication.factor=1"]
    assert check(db, *creation, kafka=broker.address, sink="kafka").code == 0
    creation[1] = "--topic.creation.default.replication.factor=7"
    report = check(db, *creation, kafka=broker.address, sink="kafka")
    assert report.code == 3 and report.status("kafka_topics") == "fail" and "replication" in report["kafka_topics"]["repair"], report
    assert broker.topics() == {}, "the check made topics"
    for line in check(db, kafka=broker.address, sink="kafka")["kafka_topics"]["repair"].splitlines():
        words = shlex.split(line) if line.startswith("kafka-topics.sh") else []
        if words:
            broker.create_topic(words[words.index("--topic") + 1])
    report = check(db, kafka=broker.address, sink="kafka")
    assert report.code == 0 and report.status("kafka_topics") == "ok", report


def test_the_broker_makes_topics(db, check, broker):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    report = check(db, sink="kafka")
    assert report.status("kafka_topics") == "ok" and "make" in report["kafka_topics"]["text"], report
    assert db.topic("t") not in broker.topics()


@pytest.mark.parametrize("name, status, settings", [
    ("kafka_replication", "fail", {"min__insync__replicas": 2}),
    ("kafka_message_size", "warn", {"max__message__bytes": 1000}),
    ("kafka_cleanup", "fail", {"cleanup__policy": "compact"}),
])
def test_settings_of_topics(db, check, broker, name, status, settings):
    db.sql("CREATE TABLE t (x int)")
    broker.create_topic(db.topic("t"), **settings)
    report = check(db, sink="kafka")
    assert report.status(name) == status and report.code == (3 if status == "fail" else 0), report
    words = shlex.split(report[name]["repair"].splitlines()[0])
    assert words[words.index("--entity-name") + 1] == db.topic("t")
    key, value = words[words.index("--add-config") + 1].split("=")
    resource = ConfigResource(ResourceType.TOPIC, db.topic("t"), set_config={key: value})
    broker.admin.alter_configs([resource])[resource].result(30)
    wait_until(lambda: broker.topic_config(db.topic("t"))[key] == value, what="the setting holds")
    assert check(db, sink="kafka").status(name) == "ok"


def test_compaction_without_tombstones(db, check, broker):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    broker.create_topic(db.topic("t"), cleanup__policy="compact")
    assert check(db, "--delete.tombstone.handling.mode=rewrite", sink="kafka").status("kafka_cleanup") == "warn"
    assert check(db, sink="kafka").status("kafka_cleanup") == "ok"


def test_the_file_of_the_sink(db, check, tmp_path):
    path = tmp_path / "missing" / "records"
    report = check(db, f"--sink.file.path={path}", sink="file")
    assert report.code == 3 and report.status("sink_file") == "fail", report
    path.parent.mkdir()
    report = check(db, f"--sink.file.path={path}", sink="file")
    assert report.code == 0 and report.status("sink_file") == "ok" and not path.exists(), report


def test_a_configuration_that_does_not_load(command):
    for args in (["--no.such.option=1"], [], ["--source", "postgres://127.0.0.1:1/x"]):
        code, out, err = command("check", "--json", *args)
        report = Report(code, out)
        assert code == 2 and report.status("configuration") == "fail", report
        code, out, err = command("check", *args)
        assert code == 2 and out.startswith("FAIL  configuration: ") and out.splitlines()[-1] == "0 ok, 0 warnings, 1 failures", out


def test_warnings_of_the_configuration(db, command, broker):
    code, out, err = command("check", "--json", "--source", db.url, "--prefix", db.prefix, "--sink=stdout", "--snapshot.select.statement.overrides.a.b=SELECT 1")
    report = Report(code, out)
    assert code == 0 and report.status("configuration_warning") == "warn" and "snapshot" in report["configuration_warning"]["text"], report


def test_secrets_are_never_printed(db, cluster, command, broker):
    secret = "s3cr3t-w0rd"
    for url in (f"postgres://postgres:{secret}@127.0.0.1:{cluster.port}/{db.name}", f"postgres://pw_nobody:{secret}@127.0.0.1:{cluster.port}/{db.name}",
                f"postgres://postgres:{secret}@127.0.0.1:{free_port()}/{db.name}"):
        for form in ((), ("--json",)):
            code, out, err = command("check", *form, "--source", url, "--kafka", broker.address, "--prefix", db.prefix,
                                     f"--kafka.sasl.password={secret}")
            assert out and secret not in out + err


def test_the_text(db, command):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    code, out, err = command("check", "--source", db.url, "--prefix", db.prefix, "--sink=stdout")
    assert code == 0 and err == ""
    lines = out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("WARN  deletes: "))
    assert lines[at + 1].startswith("      why:    ") and lines[at + 2] == "      repair: ALTER TABLE public.t REPLICA IDENTITY FULL;"
    counts = re.fullmatch(r"(\d+) ok, (\d+) warnings, 0 failures", lines[-1])
    assert counts and int(counts[1]) == sum(line.startswith("ok    ") for line in lines)
    assert int(counts[2]) == sum(line.startswith("WARN  ") for line in lines)


def test_signals(db, check, repaired):
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE two (id text, type text)")
    assert "its owner" in check(db)["signals"]["text"]
    repaired(db, "signals", "warn", "--signal.data.collection=public.sig")
    assert '"public.two"' in check(db, "--signal.data.collection=public.sig,public.two")["signals"]["text"]
    # who may start a snapshot that our role cannot read
    role = plain_role(db, "s")
    other = plain_role(db, "o", "")
    db.sql(f"GRANT EXECUTE ON FUNCTION tuplecast.signal TO {other}")
    found = repaired(db, "signals", "warn", user=role)
    assert f"GRANT EXECUTE ON FUNCTION tuplecast.snapshot TO {role};" == found["repair"]
    assert other in check(db, user=role)["signals"]["text"]
