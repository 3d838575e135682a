"""Every way to configure, and what is refused."""
import json
import os
from pathlib import Path

import pytest


def one_row(db, broker):
    db.sql("CREATE TABLE IF NOT EXISTS t (id serial PRIMARY KEY); INSERT INTO t DEFAULT VALUES")
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(1)


def test_source_kafka_and_prefix_are_enough(db, launch, broker):
    launch("--source", db.url, "--kafka", broker.address, "--prefix", db.prefix).wait_ready()
    assert db.value("SELECT plugin FROM pg_replication_slots WHERE slot_name = 'tuplecast' AND database = %s", (db.name,)) == "tuplecast"
    one_row(db, broker)


def test_a_properties_file(db, launch, broker, tmp_path):
    config = tmp_path / "tuplecast.properties"
    config.write_text(f"""# a comment
source.url = {db.url}
topic.prefix={db.prefix}
slot.name: {db.slot}
kafka.bootstrap.servers={broker.address}
kafka.linger.ms=5
table.include.list=public.t,\\
    public.u
""")
    launch("--config", config).wait_ready()
    one_row(db, broker)


def test_the_environment_alone(db, launch, broker):
    launch(env={
        "TUPLECAST_SOURCE_URL": db.url, "TUPLECAST_KAFKA_BOOTSTRAP_SERVERS": broker.address,
        "TUPLECAST_TOPIC_PREFIX": db.prefix, "TUPLECAST_SLOT_NAME": db.slot,
    }).wait_ready()
    one_row(db, broker)


def test_later_wins(db, launch, broker, tmp_path):
    config = tmp_path / "a.properties"
    config.write_text(f"source.url={db.url}\ntopic.prefix=from_file\nslot.name=from_file\nkafka.bootstrap.servers={broker.address}\n")
    launch("--config", config, f"--slot.name={db.slot}", env={"TUPLECAST_TOPIC_PREFIX": db.prefix, "TUPLECAST_SLOT_NAME": "from_env"}).wait_ready()
    assert db.slot_active()
    one_row(db, broker)


@pytest.fixture
def secretive(db, cluster):
    """A role that needs its password, and what it needs to replicate."""
    role = f"pw_{db.name}"
    group = "" if cluster.version >= 16 else "DO $$ BEGIN CREATE ROLE pw_group; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
    cluster.sql(f"{group} CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'sesame-öpen'")
    if group:
        cluster.sql(f"GRANT pw_group TO {role}")
    yield role
    cluster.sql(f"DROP ROLE {role}")


def assert_hidden(shipper, secret="sesame"):
    assert secret not in shipper.log()
    assert secret.encode() not in Path(f"/proc/{shipper.pid}/cmdline").read_bytes()
    assert secret not in shipper.get("/metrics")[1]


def test_the_password_from_the_environment_is_shown_nowhere(db, secretive, launch, broker):
    shipper = launch("--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}", "--log.level=debug",
                     f"--source={db.cluster.url(db.name, secretive)}", env={"TUPLECAST_DATABASE_PASSWORD": "sesame-öpen"})
    shipper.wait_ready()
    one_row(db, broker)
    assert_hidden(shipper)


def test_the_password_from_a_file_is_shown_nowhere(db, secretive, launch, broker, tmp_path):
    (tmp_path / "password").write_text("sesame-öpen\n")
    config = tmp_path / "a.properties"
    config.write_text(f"database.hostname=127.0.0.1\ndatabase.port={db.cluster.port}\ndatabase.user={secretive}\ndatabase.dbname={db.name}\n"
                      f"database.password=${{file:{tmp_path}/password}}\nslot.name={db.slot}\n")
    shipper = launch("--config", config, "--kafka", broker.address, "--prefix", db.prefix)
    shipper.wait_ready()
    one_row(db, broker)
    assert_hidden(shipper)


def test_a_password_in_the_url_is_not_left_in_the_command_line(db, secretive, launch, broker):
    shipper = launch("--source", db.cluster.url(db.name, secretive, "sesame-%C3%B6pen"), "--kafka", broker.address, "--prefix", db.prefix,
                     f"--slot.name={db.slot}")
    shipper.wait_ready()
    assert "sesame" not in shipper.log()


@pytest.mark.parametrize("args,words", [
    (["--no.such.option=1"], ["no.such.option"]),
    (["--table.inclde.list=x"], ["table.inclde.list", "table.include.list"]),
    (["--sink=carrier-pigeon"], ["sink", "carrier-pigeon", "kafka"]),
    (["--status.update.interval.ms=soon"], ["status.update.interval.ms", "soon"]),
    (["--config", "/nonexistent/file.properties"], ["/nonexistent/file.properties"]),
    (["--topic.prefix=${env:NOT_SET_ANYWHERE}"], ["NOT_SET_ANYWHERE"]),
])
def test_wrong_settings_end_with_2_and_say_what_is_wrong(db, launch, broker, args, words):
    shipper = launch("--source", db.url, "--kafka", broker.address, "--prefix", "p", *args)
    assert shipper.wait_exit() == 2
    for word in words:
        assert word in shipper.log()


@pytest.mark.parametrize("missing", ["--source", "--kafka", "--prefix"])
def test_a_missing_setting_is_named(db, launch, broker, missing):
    given = {"--source": db.url, "--kafka": broker.address, "--prefix": "p"}
    del given[missing]
    shipper = launch(*[word for pair in given.items() for word in pair])
    assert shipper.wait_exit() == 2
    assert missing in shipper.log()


@pytest.mark.parametrize("option,value", [
    ("table.include.list", "public.(t"), ("table.exclude.list", "["), ("column.exclude.list", "public.t.*+*"),
])
def test_a_bad_regular_expression_ends_with_2_and_names_the_option(db, run, option, value):
    shipper = run(db, f"--{option}={value}", wait=False)
    assert shipper.wait_exit() == 2
    assert option in shipper.log()


def test_an_option_the_plugin_refuses_ends_with_2(db, run):
    shipper = run(db, "--skipped.operations=x", wait=False)
    assert shipper.wait_exit() == 2
    assert "skipped.operations" in shipper.log()


def test_config_shows_values_and_origins_and_hides_secrets(command, tmp_path):
    config = tmp_path / "a.properties"
    config.write_text("topic.prefix=from_file\ndatabase.password=sesame\n")
    code, out, err = command("config", "--config", config, "--slot.name=from_flag", env={"TUPLECAST_FORMAT": "flat"})
    assert code == 0, err
    assert "from_file" in out and "a.properties" in out and "from_flag" in out
    assert "sesame" not in out + err


def test_json_logs_are_json(db, run, broker, cluster):
    shipper = run(db, "--log.format=json", "--log.level=debug")
    one_row(db, broker)
    db.terminate_walsender()
    shipper.wait_metric("source_reconnects_total", lambda n: n >= 1)
    shipper.wait_ready()
    shipper.stop()
    lines = [json.loads(line) for line in shipper.log().splitlines()]
    assert lines and all(isinstance(line, dict) and {"level"} <= set(line) for line in lines)
