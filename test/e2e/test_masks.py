"""Disguised columns from both kinds of files, and salts that nobody sees."""
import hashlib
import json
from pathlib import Path

import pytest

SALT = "CzQMA0cB5K"
OTHER = "pöpper, =#1"
TABLE = """
CREATE TABLE people (id int PRIMARY KEY, name text, email varchar(20), phone text, note text);
"""


def v2(algorithm, salt, value):
    return hashlib.new(algorithm, salt.encode() + value.encode()).hexdigest()


def v1(algorithm, salt, value):
    """Debezium's first form: of a java.lang.String, serialised."""
    data = value.encode()
    return hashlib.new(algorithm, salt.encode() + b"\xac\xed\x00\x05\x74" + len(data).to_bytes(2, "big") + data).hexdigest()


MASKS = {
    f"column.mask.hash.v2.SHA-256.with.salt.{SALT}": "public.people.name",
    f"column.mask.hash.MD5.with.salt.{OTHER}": r"public\.people\.(email|nothing)",
    "column.mask.with.4.chars": "public.people.phone",
    "column.truncate.to.3.chars": "public.people.note",
}
EXPECTED = {"id": 1, "name": v2("sha256", SALT, "Ann"), "email": v1("md5", OTHER, "ann@example.org")[:20], "phone": "****", "note": "som"}


def connector(db):
    return {
        "name": "people", "config": {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "topic.prefix": db.prefix, "slot.name": db.slot,
            "database.hostname": str(db.cluster.dir), "database.port": db.cluster.port, "database.user": "postgres", "database.dbname": db.name,
            "key.converter": "org.apache.kafka.connect.json.JsonConverter", "key.converter.schemas.enable": False,
            "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": False,
            "snapshot.mode": "no_data", **MASKS,
        },
    }


def native(db):
    def escape(text):
        return "".join(f"\\{c}" if c in " :=#!\\" else c for c in text)
    return "".join(f"{escape(k)}={v}\n" for k, v in {
        "source.url": db.url, "topic.prefix": db.prefix, "slot.name": db.slot, **{k: v.replace("\\", "\\\\") for k, v in MASKS.items()}}.items())


@pytest.fixture(scope="module")
def loud(pg_bindir):
    """A server that logs whatever it can."""
    from harness.postgres import PostgresCluster
    server = PostgresCluster(pg_bindir, log_min_messages="debug3", log_statement="all", log_connections="on", log_disconnections="on",
                             log_replication_commands="on", log_min_duration_statement="0", debug_print_parse="on", track_activity_query_size="64kB")
    yield server.start()
    server.destroy()


def secrets():
    for salt in (SALT, OTHER):
        yield salt
        yield salt.encode().hex()


def assert_shown_nowhere(db, shipper):
    """Neither in a log, nor where others can look: processes and their activity, metrics, catalogues."""
    seen = {
        "the log of the program": shipper.log(),
        "its metrics": shipper.get("/metrics")[1],
        "the server's log": db.cluster.log_text(),
        "pg_stat_activity": str(db.sql("SELECT a::text FROM pg_stat_activity AS a")),
        "pg_stat_replication": str(db.sql("SELECT a::text FROM pg_stat_replication AS a")),
        "pg_replication_slots": str(db.sql("SELECT a::text FROM pg_replication_slots AS a")),
        "pg_settings": str(db.sql("SELECT a::text FROM pg_settings AS a WHERE name LIKE 'tuplecast%'")),
    }
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            seen[f"{directory}/cmdline"] = (directory / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
    # it looks where something is to be seen
    assert "START_REPLICATION" in seen["the server's log"] and "with.salt.#1" in seen["the server's log"]
    assert "walsender" in seen["pg_stat_activity"]
    assert any("walsender" in text for name, text in seen.items() if name.startswith("/proc"))
    for name, text in seen.items():
        for secret in secrets():
            assert secret not in text, f"{name} shows {secret}"


@pytest.mark.parametrize("kind", ["connector", "native"])
def test_values_are_disguised_and_salts_are_not_shown(kind, loud, make_db, launch, broker, command, tmp_path):
    db = make_db(loud)
    db.sql(TABLE)
    config = tmp_path / ("people.json" if kind == "connector" else "people.properties")
    config.write_text(json.dumps(connector(db)) if kind == "connector" else native(db))
    shipper = launch("--config", config, "--kafka", broker.address, "--log.level=debug").wait_ready()
    db.sql("INSERT INTO people VALUES (1, 'Ann', 'ann@example.org', '0123456', 'something'); DELETE FROM people")
    with broker.reader(db.topic("people")) as reader:
        records = reader.read_count(3)
    first = json.loads(records[0].v)
    first = first["after"] if kind == "connector" else {k: v for k, v in first.items() if k != "__deleted"}
    assert first == EXPECTED
    assert records[0].k == '{"id":1}'
    assert_shown_nowhere(db, shipper)

    # check asks the same questions in a session of its own
    code, out, err = command("check", "--config", config, "--kafka", broker.address)
    assert "people" in out and code != 2, out + err
    for arguments in (["config", "--config", config], ["config", "--json", "--config", config],
                      ["check", "--json", "--config", config, "--kafka", broker.address],
                      *([["config", "--explain", config], ["config", "--json", "--explain", config]] if kind == "connector" else [])):
        code, shown, complaints = command(*arguments)
        assert "people" in shown
        for secret in secrets():
            assert secret not in shown + complaints, arguments
    assert_shown_nowhere(db, shipper)


def test_a_wrong_expression_does_not_show_the_salt(loud, make_db, command, broker, tmp_path):
    """The plugin itself refuses the expression, so its error comes from the server."""
    db = make_db(loud)
    db.sql(TABLE)
    config = tmp_path / "people.properties"
    config.write_text(f"source.url={db.url}\ntopic.prefix={db.prefix}\nslot.name={db.slot}\ncolumn.mask.hash.v2.MD5.with.salt.{SALT}=people(\n")
    code, out, err = command("run", "--config", config, "--kafka", broker.address)
    assert code == 2, out + err
    assert "people(" in err and "column.mask.hash" in err
    for text in (out, err, db.cluster.log_text()):
        for secret in secrets():
            assert secret not in text


def test_more_secrets_than_a_connection_can_carry(db, command, broker, tmp_path):
    config = tmp_path / "people.properties"
    config.write_text(f"source.url={db.url}\ntopic.prefix={db.prefix}\nslot.name={db.slot}\ncolumn.mask.hash.v2.MD5.with.salt.{'s' * 5000}=a.b.c\n")
    code, _, err = command("run", "--config", config, "--kafka", broker.address)
    assert code == 2 and "longer than" in err and "ssss" not in err and "7373" not in err
