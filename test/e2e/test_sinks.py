"""Destinations other than a cluster: standard output, a file, the broker inside the process."""
import json

import pytest

from harness.kafka import TopicReader
from harness.wait import wait_until

pytestmark = pytest.mark.sanitize
TABLE = "CREATE TABLE t (id serial PRIMARY KEY, name text)"


def change(db):
    db.sql("INSERT INTO t (name) VALUES ('Zoë')")
    db.sql("DELETE FROM t")


def expected(db):
    return [
        {"topic": db.topic("t"), "key": {"id": 1}, "value": {"id": 1, "name": "Zoë", "__deleted": "false"}},
        {"topic": db.topic("t"), "key": {"id": 1}, "value": {"id": 1, "name": None, "__deleted": "true"}},
        {"topic": db.topic("t"), "key": {"id": 1}, "value": None},
    ]


def lines(data):
    return [{k: v for k, v in json.loads(line).items() if k in ("topic", "key", "value")} for line in data.splitlines()]


def test_stdout(db, launch):
    db.sql(TABLE)
    shipper = launch("--source", db.url, "--prefix", db.prefix, f"--slot.name={db.slot}", "--sink=stdout").wait_ready()
    change(db)
    wait_until(lambda: shipper.output().count(b"\n") >= 3)
    assert lines(shipper.output().decode()) == expected(db)
    db.wait_confirmed()
    shipper.stop()


def test_file_is_appended_to_and_complete_after_a_restart(db, launch, tmp_path):
    db.sql(TABLE)
    path = tmp_path / "records.jsonl"
    args = ("--source", db.url, "--prefix", db.prefix, f"--slot.name={db.slot}", "--sink=file", f"--sink.file.path={path}")
    shipper = launch(*args).wait_ready()
    change(db)
    db.wait_confirmed()
    assert lines(path.read_text()) == expected(db), "what is confirmed is in the file"
    shipper.kill()
    shipper = launch(*args).wait_ready()
    db.sql("INSERT INTO t (name) VALUES ('after')")
    db.wait_confirmed()
    records = lines(path.read_text())
    assert records[:3] == expected(db) and records[-1]["value"]["name"] == "after"
    shipper.stop()


def test_a_file_without_a_path_is_a_configuration_error(db, launch):
    shipper = launch("--source", db.url, "--prefix", db.prefix, "--sink=file")
    assert shipper.wait_exit() == 2
    assert "sink.file.path" in shipper.log()


def test_the_embedded_broker(db, launch):
    db.sql(TABLE)
    shipper = launch("--source", db.url, "--prefix", db.prefix, f"--slot.name={db.slot}", "--kafka", "embedded")
    address = shipper.wait_log(r"(?i)embedded broker.*?(127\.0\.0\.1:\d+)")[1]
    shipper.wait_ready()
    change(db)
    with TopicReader(address, [db.topic("t")]) as reader:
        reader.read_count(3)
    assert [(json.loads(r.k), r.v and json.loads(r.v)) for r in reader.records] == [(e["key"], e["value"]) for e in expected(db)]
    shipper.stop()
