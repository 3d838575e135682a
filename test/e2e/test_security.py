"""TLS and SASL against real servers with real certificates; secrets; what the SQL functions and the plugin may be made to do."""
import base64
import json
import os
import shutil
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from harness.kafka import KafkaBroker
from harness.tls import Authority
from harness.wait import free_port, wait_until

PASSWORD = "sesame-open-4711"
CREATE = "CREATE TABLE t (id int PRIMARY KEY, v text)"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    # the server reads its key as postgres
    for place in (directory, *directory.parents[:2]):
        place.chmod(0o755)
    return Authority(directory)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls2"), "stranger")


def row_arrives(db, broker, text="x"):
    db.sql("INSERT INTO t SELECT coalesce(max(id), 0) + 1, %s FROM t", [text])
    with broker.reader(db.topic("t")) as reader:
        reader.read_until(lambda records: any(text in (r.v or "") for r in records))


# ---- the source ----

@pytest.fixture(scope="module")
def tls_cluster(pg_bindir, authority):
    from harness.postgres import PostgresCluster
    server = PostgresCluster(pg_bindir)
    for kind, end in zip(authority.sign("db.example", ["localhost"]), ("crt", "key")):
        shutil.copy(kind, server.data / f"server.{end}")
        shutil.chown(server.data / f"server.{end}", "postgres")
        (server.data / f"server.{end}").chmod(0o600)
    shutil.copy(authority.ca, server.data / "root.crt")
    (server.data / "root.crt").chmod(0o644)
    server.configure(ssl="on", ssl_ca_file="root.crt", listen_addresses="127.0.0.1,::1")
    (server.data / "pg_hba.conf").write_text(
        "local all all trust\nhostssl all carded all cert\nhostssl all secretive all scram-sha-256\nhostssl all all all reject\n"
        "host all postgres 127.0.0.1/32 trust\n")
    # the harness itself connects without TLS
    os.environ.setdefault("PGSSLMODE", "disable")
    server.start()
    server.sql(f"CREATE ROLE secretive LOGIN REPLICATION PASSWORD '{PASSWORD}'; CREATE ROLE carded LOGIN REPLICATION")
    yield server
    os.environ.pop("PGSSLMODE", None)
    server.destroy()


@pytest.fixture
def over_tls(tls_cluster, make_db, launch, broker):
    db = make_db(tls_cluster)
    db.sql(CREATE)

    def start(*args, user="secretive", host="localhost", wait=True):
        shipper = launch("--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}", f"--database.hostname={host}",
                         f"--database.port={tls_cluster.port}", f"--database.dbname={db.name}", f"--database.user={user}", *args,
                         env={"TUPLECAST_DATABASE_PASSWORD": PASSWORD} if user == "secretive" else {})
        return (db, shipper.wait_ready()) if wait else (db, shipper)
    return start


def test_source_with_verify_full(over_tls, authority, broker):
    db, shipper = over_tls("--database.sslmode=verify-full", f"--database.sslrootcert={authority.ca}")
    row_arrives(db, broker)
    ssl = db.value("SELECT bool_and(ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename = 'secretive'")
    assert ssl is True


def test_source_with_a_client_certificate(over_tls, authority, broker):
    cert, key = authority.sign("carded")
    db, shipper = over_tls("--database.sslmode=verify-full", f"--database.sslrootcert={authority.ca}", f"--database.sslcert={cert}",
                           f"--database.sslkey={key}", user="carded")
    row_arrives(db, broker)


def test_source_signed_by_a_stranger_is_not_talked_to(over_tls, stranger):
    db, shipper = over_tls("--database.sslmode=verify-full", f"--database.sslrootcert={stranger.ca}", wait=False)
    shipper.wait_log("certificate verify failed")
    assert not db.slot_row()


def test_source_of_another_name_is_not_talked_to(over_tls, authority):
    db, shipper = over_tls("--database.sslmode=verify-full", f"--database.sslrootcert={authority.ca}", host="127.0.0.1", wait=False)
    shipper.wait_log(r'for "localhost".* does not match host name "127.0.0.1"')
    assert not db.slot_row()


def test_source_that_asks_for_tls_refuses_to_talk_without(over_tls):
    db, shipper = over_tls("--database.sslmode=disable", wait=False)
    shipper.wait_log("no encryption|SSL off")


# ---- the brokers ----

JAAS = "org.apache.kafka.common.security"


@pytest.fixture(scope="module")
def secure(authority):
    sasl, ssl = (f"localhost:{free_port()}" for _ in range(2))
    store = authority.keystore("broker.example", ["localhost"])
    broker = KafkaBroker(
        listeners={"SASL_SSL": sasl, "SSL": ssl},
        ssl__keystore__type="PEM", ssl__keystore__location=store, ssl__truststore__type="PEM", ssl__truststore__location=authority.ca,
        listener__name__ssl__ssl__client__auth="required", listener__name__sasl_ssl__ssl__client__auth="none",
        sasl__enabled__mechanisms="PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        listener__name__sasl_ssl__sasl__enabled__mechanisms="PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        **{"listener__name__sasl_ssl__plain__sasl__jaas__config": f'{JAAS}.plain.PlainLoginModule required user_cdc="{PASSWORD}";',
           "listener__name__sasl_ssl__scram-sha-256__sasl__jaas__config": f"{JAAS}.scram.ScramLoginModule required;",
           "listener__name__sasl_ssl__scram-sha-512__sasl__jaas__config": f"{JAAS}.scram.ScramLoginModule required;",
           "listener__name__sasl_ssl__oauthbearer__sasl__jaas__config":
               f'{JAAS}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'})
    broker.start()
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        change = UserScramCredentialUpsertion("cdc", ScramCredentialInfo(mechanism, 4096), PASSWORD.encode())
        for future in broker.admin.alter_user_scram_credentials([change]).values():
            future.result(30)
    broker.sasl, broker.ssl = sasl, ssl
    yield broker
    broker.destroy()


@pytest.fixture
def to_brokers(db, launch, authority):
    db.sql(CREATE)

    def start(address, *args, password=PASSWORD, ca=authority.ca, wait=True, env=None):
        shipper = launch("--source", db.url, "--kafka", address, "--prefix", db.prefix, f"--slot.name={db.slot}",
                         f"--kafka.ssl.ca.location={ca}", "--log.level=debug", *args, env={"TUPLECAST_KAFKA_SASL_PASSWORD": password, **(env or {})})
        return shipper.wait_ready() if wait else shipper
    return start


def sasl(mechanism):
    return "--kafka.security.protocol=SASL_SSL", f"--kafka.sasl.mechanism={mechanism}", "--kafka.sasl.username=cdc"


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """Environment with the librdkafka of the Python package: one that has OpenID Connect, and the SCRAM that Kafka 4 wants."""
    import confluent_kafka
    directory = tmp_path_factory.mktemp("librdkafka")
    library, = (Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs").glob("librdkafka*.so*")
    (directory / "librdkafka.so.1").symlink_to(library)
    return {"LD_LIBRARY_PATH": str(directory)}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_brokers_with_a_password(db, secure, to_brokers, newer, mechanism):
    shipper = to_brokers(secure.sasl, *sasl(mechanism), env=newer)
    row_arrives(db, secure)
    assert PASSWORD not in shipper.log() + shipper.get("/metrics")[1]
    assert PASSWORD.encode() not in Path(f"/proc/{shipper.pid}/cmdline").read_bytes()


def test_scram_with_the_machines_own_library(db, secure, to_brokers):
    """Before 2.6.1 it cannot log in at Kafka 4: that is said, and the row waits."""
    shipper = to_brokers(secure.sasl, *sasl("SCRAM-SHA-512"), wait=False)
    wait_until(db.slot_active, what="the slot is in use")
    db.sql("INSERT INTO t VALUES (1, 'waits')")
    wait_until(lambda: "install 2.6.1 or later" in shipper.log() or shipper.metric("records_acked_total") > 0, what=shipper.log)
    assert PASSWORD not in shipper.log()


def test_brokers_with_a_password_in_javas_words(db, secure, to_brokers, newer, tmp_path):
    worker = tmp_path / "worker.properties"
    worker.write_text(f"bootstrap.servers={secure.sasl}\nproducer.security.protocol=SASL_SSL\nproducer.sasl.mechanism=SCRAM-SHA-512\n"
                      f"producer.sasl.jaas.config={JAAS}.scram.ScramLoginModule required username=\"cdc\" password=\"{PASSWORD}\";\n"
                      "group.id=connect\noffset.storage.topic=x\n")
    shipper = to_brokers(secure.sasl, "--config", worker, env=newer)
    row_arrives(db, secure)
    assert PASSWORD not in shipper.log()


def test_brokers_with_a_client_certificate(db, secure, to_brokers, authority):
    cert, key = authority.sign("cdc")
    to_brokers(secure.ssl, "--kafka.security.protocol=SSL", f"--kafka.ssl.certificate.location={cert}", f"--kafka.ssl.key.location={key}")
    row_arrives(db, secure)


def test_signals_over_sasl_ssl(db, secure, to_brokers, run, authority):
    """With the settings of the producer; and with its own, from brokers that are not those of the records."""
    topic = f"{db.prefix}-signal"
    secure.create_topic(topic)
    producer = Producer({"bootstrap.servers": secure.address})

    def send(name):
        producer.produce(topic, '{"id":"%s","type":"log","data":{"message":"%s"}}' % (name, name), db.prefix)
        producer.flush()

    shipper = to_brokers(secure.sasl, *sasl("PLAIN"), "--signal.enabled.channels=kafka")
    send("first")
    shipper.wait_log("a signal says message=first")
    shipper.stop()
    own = ("security.protocol=SASL_SSL", "sasl.mechanism=PLAIN", "sasl.username=cdc", f"ssl.ca.location={authority.ca}")
    shipper = run(db, "--signal.enabled.channels=kafka", f"--signal.kafka.bootstrap.servers={secure.sasl}", *(f"--signal.consumer.{s}" for s in own),
                  env={"TUPLECAST_SIGNAL_CONSUMER_SASL_PASSWORD": PASSWORD})
    send("second")
    shipper.wait_log("a signal says message=second")
    assert "message=first" not in shipper.log() and PASSWORD not in shipper.log()


def test_brokers_with_a_wrong_password(db, secure, to_brokers, command):
    shipper = to_brokers(secure.sasl, *sasl("SCRAM-SHA-512"), password="wrong-word", wait=False)
    db.sql("INSERT INTO t VALUES (1, 'kept')")
    shipper.wait_log("(?i)authentication failed")
    assert "wrong-word" not in shipper.log()
    # nothing was delivered, so nothing was confirmed
    assert db.topic("t") not in secure.topics()


def test_brokers_signed_by_a_stranger_get_nothing(db, secure, to_brokers, stranger):
    shipper = to_brokers(secure.sasl, *sasl("PLAIN"), ca=stranger.ca, wait=False)
    shipper.wait_log("(?i)certificate verify failed|ssl handshake failed")
    assert PASSWORD not in shipper.log()


def test_brokers_of_another_name_get_nothing(db, secure, to_brokers):
    shipper = to_brokers(secure.sasl.replace("localhost", "127.0.0.1"), *sasl("PLAIN"), wait=False)
    shipper.wait_log("(?i)certificate verify failed|ssl handshake failed")


def token(seconds, sub="cdc"):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    now = time.time()
    return f"{part({'alg': 'none'})}.{part({'sub': sub, 'iat': now - 10, 'exp': now + seconds})}."


def bearer(path):
    return "--kafka.security.protocol=SASL_SSL", "--kafka.sasl.mechanism=OAUTHBEARER", f"--kafka.sasl.oauthbearer.token.endpoint.url=file://{path}"


def test_brokers_with_a_token_from_a_file(db, secure, to_brokers, tmp_path):
    path = tmp_path / "token"
    path.write_text(token(600) + "\n")
    shipper = to_brokers(secure.sasl, *bearer(path))
    row_arrives(db, secure)
    assert path.read_text().split(".")[1] not in shipper.log()


def test_a_renewed_token_is_taken_from_the_file(db, secure, to_brokers, tmp_path):
    path = tmp_path / "token"
    path.write_text(token(-60))
    shipper = to_brokers(secure.sasl, *bearer(path), wait=False)
    shipper.wait_log("token .*has expired")
    path.write_text(token(600))
    # librdkafka asks again each 10 s
    row_arrives(db, secure)


def test_check_with_a_token_from_a_file(db, secure, authority, command, tmp_path):
    path = tmp_path / "token"
    path.write_text(token(600))
    db.sql(CREATE)
    code, out, err = command("check", "--source", db.url, "--kafka", secure.sasl, "--prefix", db.prefix, f"--slot.name={db.slot}",
                             f"--kafka.ssl.ca.location={authority.ca}", *bearer(path), "--json")
    findings = {f["id"]: f["status"] for f in json.loads(out)}
    assert findings["kafka_connection"] == "ok", out + err


def test_a_bearer_without_a_token_is_a_configuration_error(db, secure, to_brokers):
    shipper = to_brokers(secure.sasl, "--kafka.security.protocol=SASL_SSL", "--kafka.sasl.mechanism=OAUTHBEARER", wait=False)
    assert shipper.wait_exit() == 2
    assert "file:///run/secrets/token" in shipper.log()


def test_openid_connect_only_where_the_library_has_it(db, secure, to_brokers):
    shipper = to_brokers(secure.sasl, "--kafka.security.protocol=SASL_SSL", "--kafka.sasl.mechanism=OAUTHBEARER", "--kafka.sasl.oauthbearer.method=oidc",
                         "--kafka.sasl.oauthbearer.client.id=cdc", "--kafka.sasl.oauthbearer.client.secret=hush-hush",
                         "--kafka.sasl.oauthbearer.token.endpoint.url=http://127.0.0.1:1/token", wait=False)
    wait_until(lambda: "OpenID Connect" in shipper.log() or "127.0.0.1:1" in shipper.log(), what="an answer about OIDC")
    if "OpenID Connect" in shipper.log():
        assert shipper.wait_exit() == 3
    assert "hush-hush" not in shipper.log()


class Issuer(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        body = json.dumps({"access_token": token(600), "token_type": "Bearer", "expires_in": 600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_openid_connect(db, secure, to_brokers, newer):
    issuer = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    issuer.asked = []
    Thread(target=issuer.serve_forever, daemon=True).start()
    try:
        shipper = to_brokers(secure.sasl, "--kafka.security.protocol=SASL_SSL", "--kafka.sasl.mechanism=OAUTHBEARER",
                             f"--kafka.sasl.oauthbearer.token.endpoint.url=http://127.0.0.1:{issuer.server_port}/token",
                             f'--kafka.sasl.jaas.config={JAAS}.oauthbearer.OAuthBearerLoginModule required clientId="cdc" clientSecret="hush-hush";', env=newer)
        row_arrives(db, secure)
        assert issuer.asked and "hush-hush" not in shipper.log()
    finally:
        issuer.shutdown()
        issuer.server_close()


# ---- secrets and the process ----

def test_memory_and_environment_are_closed_to_the_user_it_runs_as(db, launch, broker, binary, tmp_path):
    """Not dumpable: /proc/PID belongs to root, no core file is written and no debugger of the same user gets in."""
    db.sql(CREATE)
    copy = tmp_path / "tuplecast"
    shutil.copy(binary, copy)
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(0o755)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TUPLECAST_", "PG"))}
    log = open(tmp_path / "log", "wb")
    process = subprocess.Popen(["setpriv", "--reuid=65534", "--clear-groups", copy, "run", "--source", db.url, "--kafka", broker.address, "--prefix",
                                db.prefix, f"--slot.name={db.slot}", "--http.listen=off"], env={**env, "TUPLECAST_DATABASE_PASSWORD": PASSWORD},
                               stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    try:
        wait_until(db.slot_active, what=lambda: (tmp_path / "log").read_text())
        assert os.stat(f"/proc/{process.pid}/environ").st_uid == 0
        for name in ("environ", "mem", "maps"):
            read = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "head", "-c1", f"/proc/{process.pid}/{name}"], capture_output=True)
            assert read.returncode != 0, name
    finally:
        process.kill()
        process.wait()
        log.close()


# ---- the role ----

OPERATIONS = Path(__file__).resolve().parents[2] / "doc/operations.md"


def documented_rights(db, role):
    """The statements of doc/operations.md, for this database: (what streaming needs, what snapshots need)."""
    section = OPERATIONS.read_text().split("### The role at the server")[1].split("### ")[0]
    blocks = [block.split("```")[0] for block in section.split("```sql\n")[1:]]
    assert len(blocks) == 2
    return [block.replace("cdc", role).replace("DATABASE shop", f"DATABASE {db.name}").replace("'…'", f"'{PASSWORD}'") for block in blocks]


def test_the_rights_of_the_documentation_are_enough(db, cluster, launch, command, broker):
    """A role with them and nothing else, where PUBLIC has nothing either: it streams, and reads tables in both ways once it may."""
    role = f"cdc_{db.name}"
    streaming, snapshots = documented_rights(db, role)
    db.sql(f"{CREATE}; INSERT INTO t VALUES (1, 'old'); CREATE EXTENSION tuplecast; REVOKE ALL ON SCHEMA public FROM PUBLIC;"
           f"REVOKE ALL ON DATABASE {db.name} FROM PUBLIC")
    args = ("--source", cluster.url(db.name, role), "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}")

    def start(*more):
        return launch(*args, "--position.interval.ms=500", *more)

    def arrives(*wanted):
        with broker.reader(db.topic("t")) as reader:
            reader.read_until(lambda records: {json.loads(r.value)["v"] for r in records} >= set(wanted))

    try:
        db.sql(streaming)
        shipper = start().wait_ready()
        db.sql("INSERT INTO t VALUES (2, 'streamed')")
        arrives("streamed")
        shipper.stop()
        first = start("--snapshot.mode=always")
        assert first.wait_exit(60) == 3 and "tuplecast.snapshot" in first.log()
        db.sql(snapshots)
        code, out, _ = command("check", *args, "--snapshot.mode=always", "--json")
        found = {f["id"]: f for f in json.loads(out)}
        assert code == 0, [f for f in found.values() if f["status"] == "fail"]
        shipper = start("--snapshot.mode=always", "--delivery=exactly-once")
        shipper.wait_log("the snapshot is complete")
        arrives("old", "streamed")
        db.sql("""UPDATE t SET v = 'read again' WHERE id = 1; SELECT tuplecast.signal('execute-snapshot', '{"data-collections":["public.t"]}')""")
        shipper.wait_log("an incremental snapshot is complete")
        db.wait_confirmed()
        arrives("read again")
        # more than it may, it cannot do
        with cluster.connect(db.name, user=role) as connection:
            for statement in ("INSERT INTO t VALUES (9, 'x')", "CREATE TABLE public.x (i int)", "SELECT tuplecast.signal('log', '{}')",
                              "INSERT INTO tuplecast.signals (type) VALUES ('log')", "SELECT pg_read_file('postgresql.conf')"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
        assert PASSWORD not in shipper.log()
        shipper.stop()
    finally:
        db.sql(f"DROP OWNED BY {role}")
        cluster.sql(f"DROP ROLE {role}")


# ---- inside the server ----

def functions(db, condition):
    return [r[0] for r in db.sql(f"""SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_extension e ON e.oid = d.refobjid WHERE e.extname = 'tuplecast' AND {condition} ORDER BY 1""")]


@pytest.fixture
def extended(db):
    db.sql("CREATE EXTENSION tuplecast")
    return db


def test_functions_take_nobodys_rights_and_no_search_path(extended):
    assert functions(extended, "true")
    # but the one that sends signals, which is not for PUBLIC
    assert functions(extended, "p.prosecdef") == ["tuplecast.signal(text,text,text)"]
    # what is written in SQL finds its names in pg_catalog alone
    in_sql = "p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')"
    assert functions(extended, in_sql)
    assert functions(extended, f"{in_sql} AND NOT coalesce(p.proconfig::text LIKE '%search_path=pg_catalog%', false)") == []


def test_what_reads_tables_is_not_for_public(extended):
    open_to_all = functions(extended, "has_function_privilege('public', p.oid, 'EXECUTE')")
    harmless = {"tuplecast.version()", "tuplecast.wire_version()", "tuplecast.plan(oid,text[])", "tuplecast.relations(text[])",
                # catalogues, which all may read
                "tuplecast.chunk(oid,text[],text)"}
    assert set(open_to_all) <= harmless


def test_public_makes_nothing_in_our_schema(extended):
    role = f"nosy_{extended.name}"
    extended.cluster.sql(f"CREATE ROLE {role} LOGIN")
    try:
        with extended.connect(user=role) as connection:
            for statement in ("CREATE TABLE tuplecast.x (i int)", "CREATE FUNCTION tuplecast.version(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
                              "CREATE OR REPLACE FUNCTION tuplecast.version() RETURNS text LANGUAGE sql AS $$SELECT 'x'$$"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
    finally:
        extended.cluster.sql(f"DROP ROLE {role}")


def test_names_put_before_pg_catalog_are_not_called(extended):
    extended.sql(f"""{CREATE}; CREATE SCHEMA trap;
        CREATE FUNCTION trap.sprung(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'sprung'; END$$;
        CREATE FUNCTION trap.sprung2(text, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'sprung'; END$$;
        CREATE AGGREGATE trap.min(text) (sfunc = trap.sprung2, stype = text);
        CREATE FUNCTION trap.eq("char", "char") RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE 'sprung'; END$$;
        CREATE OPERATOR trap.= (leftarg = "char", rightarg = "char", function = trap.eq);
        CREATE TABLE trap.pg_class (oid oid)""")
    with extended.connect() as connection:
        connection.execute("SET search_path = trap, pg_catalog, public")
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute("SELECT min('x'::text)")
        rows = connection.execute("SELECT relation::text FROM tuplecast.relations('topic.prefix', 'p')").fetchall()
    assert ("t",) in rows


def test_the_plugin_calls_types_output_functions_and_nothing_else(db, run, broker):
    """A cast to json, a domain's CHECK, a column's default, a trigger and a rule of the owner's: none runs in the walsender."""
    db.sql("""CREATE TABLE called (what text); CREATE SCHEMA own;
        CREATE FUNCTION own.sprung(what text) RETURNS bool LANGUAGE plpgsql VOLATILE AS $$BEGIN
            IF pg_backend_pid() IN (SELECT pid FROM pg_stat_replication) THEN RAISE 'sprung by %', what; END IF; RETURN true; END$$;
        CREATE TYPE own.mood AS ENUM ('glad');
        CREATE FUNCTION own.to_json(own.mood) RETURNS json LANGUAGE sql AS $$SELECT CASE WHEN own.sprung('cast') THEN '"cast"'::json END$$;
        CREATE CAST (own.mood AS json) WITH FUNCTION own.to_json(own.mood);
        CREATE DOMAIN own.checked AS text CHECK (own.sprung('check') AND VALUE <> '');
        CREATE TYPE own.pair AS (m own.mood, c own.checked);
        CREATE TABLE t (id int PRIMARY KEY, m own.mood, c own.checked, p own.pair, d bool DEFAULT own.sprung('default'),
            g text GENERATED ALWAYS AS ('g' || id::text) STORED, a own.mood[]);
        CREATE FUNCTION own.rowout(t) RETURNS text LANGUAGE sql AS $$SELECT CASE WHEN own.sprung('row') THEN 'row' END$$;
        CREATE CAST (t AS text) WITH FUNCTION own.rowout(t)""")
    shipper = run(db)
    db.sql("INSERT INTO t VALUES (1, 'glad', 'c', ROW('glad', 'cc'), true, DEFAULT, '{glad}')")
    with broker.reader(db.topic("t")) as reader:
        value = json.loads(reader.read_count(1)[0].v)
    assert (value["m"], value["c"], value["p"], value["a"], value["g"]) == ("glad", "c", "(glad,cc)", ["glad"], "g1")
    assert "sprung" not in shipper.log()


