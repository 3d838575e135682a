"""Fixtures: one PostgreSQL and one Kafka for the session; a database, a slot and a topic prefix for each test."""
import itertools
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.kafka import KafkaBroker
from harness.postgres import Database, PostgresCluster
from harness.shipper import Shipper, run_command

TOP = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the logs of its shippers."""
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for shipper in getattr(item, "shippers", []):
            report.sections.append((f"log of {' '.join(shipper.args)}", shipper.log()[-6000:]))


@pytest.fixture(scope="session")
def pg_bindir():
    """Programs of an installation with the extension (private-postgres.sh), so that the machine's own is left alone."""
    given = os.environ.get("TUPLECAST_TEST_PG_BINDIR")
    if given:
        yield Path(given)
        return
    with tempfile.TemporaryDirectory(prefix="tuplecast-pgtree-") as tree:
        os.chmod(tree, 0o755)
        done = subprocess.run([TOP / "test/private-postgres.sh", tree], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        yield Path(done.stdout.strip())


@pytest.fixture(scope="session")
def binary():
    path = Path(os.environ.get("TUPLECAST_TEST_SHIPPER", TOP / "shipper/build/tuplecast"))
    assert path.is_file(), f"{path} is missing: run make"
    return str(path)


@pytest.fixture(scope="session")
def cluster(pg_bindir):
    server = PostgresCluster(pg_bindir).start()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def broker():
    broker = KafkaBroker()
    try:
        broker.start()
        yield broker
    finally:
        broker.destroy()


@pytest.fixture
def make_cluster(pg_bindir):
    """A server of the test's own: make_cluster(wal_level="replica")"""
    made = []

    def make(**settings):
        server = PostgresCluster(pg_bindir, **settings)
        made.append(server)
        return server.start()
    yield make
    for server in made:
        server.destroy()


@pytest.fixture
def make_broker():
    made = []

    def make(**settings):
        broker = KafkaBroker(**settings)
        made.append(broker)
        return broker.start()
    yield make
    for broker in made:
        broker.destroy()


@pytest.fixture
def make_db(request):
    made = []

    def make(server, **kwargs):
        word = re.sub(r"[^a-z0-9]", "", request.node.name.lower().removeprefix("test_"))[:20]
        db = Database(server, f"t{next(_numbers)}_{word}", **kwargs)
        made.append(db)
        return db
    yield make
    for db in made:
        # a server of the test's own may be gone already
        if db.cluster.running():
            db.drop()


@pytest.fixture
def db(make_db, cluster):
    return make_db(cluster)


@pytest.fixture
def launch(request, binary):
    """launch("--config", path, env={…}): a shipper that ends with the test. Torn down before the databases."""
    request.node.shippers = []

    def make(*args, **kwargs):
        shipper = Shipper(binary, *map(str, args), **kwargs)
        request.node.shippers.append(shipper)
        return shipper.start()
    yield make
    for shipper in request.node.shippers:
        shipper.destroy()


@pytest.fixture
def run(launch, broker):
    """run(db, "--option=…"): a shipper of that database to the session's broker, streaming when this returns."""
    def make(db, *args, kafka=None, wait=True, **kwargs):
        shipper = launch("--source", db.url, "--kafka", (kafka or broker).address, "--prefix", db.prefix,
                         # tests wait for the slot of databases that idle
                         f"--slot.name={db.slot}", "--position.interval.ms=500", *args, **kwargs)
        return shipper.wait_ready() if wait else shipper
    return make


@pytest.fixture
def command(binary):
    """command("check", …) → (exit code, stdout, stderr)"""
    return lambda *args, **kwargs: run_command(binary, *map(str, args), **kwargs)
