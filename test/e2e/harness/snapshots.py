"""Tables that change while a snapshot of them is taken, and what a consumer makes of the topics."""
import json
import random
import threading
from collections import Counter
from pathlib import Path

import psycopg

from .kafka import TopicReader
from .wait import wait_until

PLACEHOLDER = "__debezium_unavailable_value"


def value(record):
    return None if record.value is None else json.loads(record.value)


class Replay:
    """What a consumer makes of the topics: a row for each key, an unavailable value keeps what was there."""

    def __init__(self, records):
        self.rows = {}
        for r in sorted(records, key=lambda r: (r.topic, r.partition, r.offset)):
            rows = self.rows.setdefault(r.topic, {})
            new = value(r)
            if new is None or new["__deleted"] == "true":
                rows.pop(r.k, None)
                continue
            old = rows.get(r.k, {})
            rows[r.k] = {k: old.get(k, "?") if v == PLACEHOLDER else v for k, v in new.items() if k != "__deleted"}

    def table(self, topic):
        return sorted(self.rows.get(topic, {}).values(), key=lambda row: json.dumps(row, sort_keys=True))


def rows_of(db, table):
    found = [r for (r,) in db.sql(f"SELECT to_json(t) FROM {table} t")]
    return sorted(found, key=lambda row: json.dumps(row, sort_keys=True))


def read_until_mark(db, address, topics, timeout=180):
    """All records once a row that is made now has come through; the time is that without a record."""
    mark = db.value("INSERT INTO mark DEFAULT VALUES RETURNING id")
    with TopicReader(address, [*topics, db.topic("mark")]) as reader:
        reader.read_until(lambda records: any(r.topic == db.topic("mark") and value(r) and value(r)["id"] == mark for r in records[-50000:]), timeout,
                          f"the mark {mark}", reader.arrived)
        return reader.read_all()


class Writer:
    """Changes of all kinds to rows all over the tables, until it is stopped."""

    def __init__(self, db, tables, seed, keys):
        self.db, self.tables, self.keys = db, tables, keys
        self.random = random.Random(seed)
        self.stopped = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join(60)
        if self.error:
            raise self.error

    def run(self):
        while not self.stopped.is_set():
            try:
                with self.db.connect() as connection:
                    while not self.stopped.is_set():
                        with connection.transaction():
                            for _ in range(self.random.randint(1, 5)):
                                self.change(connection)
                        self.stopped.wait(0.01)
            except psycopg.OperationalError:
                self.stopped.wait(0.1)
            except psycopg.Error as e:
                self.error = e
                return

    def change(self, connection):
        table = self.random.choice(self.tables)
        key = self.random.randint(1, self.keys)
        kind = self.random.random()
        if kind < 0.5:
            connection.execute(f"UPDATE {table} SET n = n + 1 WHERE id = %s", (key,))
        elif kind < 0.6:
            connection.execute(f"UPDATE {table} SET big = repeat(md5(random()::text), 100) WHERE id = %s", (key,))
        elif kind < 0.75:
            connection.execute(f"DELETE FROM {table} WHERE id = %s", (key,))
        else:
            connection.execute(f"INSERT INTO {table} (id, n, pad, big) VALUES (%s, 0, 'new', repeat(md5(random()::text), 100)) ON CONFLICT (id) DO UPDATE SET n = {table}.n + 1",
                               (self.random.randint(1, self.keys * 2),))


BIG_TABLES = ("a", "b", "p", "w")
# big is kept out of line, so that an update that leaves it alone does not have it
BIG = "(id int PRIMARY KEY, n int NOT NULL, pad text, big text)"


def big_tables(db, rows):
    db.sql(f"CREATE TABLE mark (id serial PRIMARY KEY); CREATE TABLE a {BIG}; CREATE TABLE b {BIG};"
           "ALTER TABLE a ALTER big SET STORAGE EXTERNAL; ALTER TABLE b ALTER big SET STORAGE EXTERNAL;"
           f"CREATE TABLE p {BIG.replace(' PRIMARY KEY', '').replace(')', ', PRIMARY KEY (id))')} PARTITION BY RANGE (id);"
           f"CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (MINVALUE) TO ({rows // 2}); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ({rows // 2}) TO (MAXVALUE);")
    # whose changes hold all values of a row
    db.sql(f"CREATE TABLE w {BIG}; ALTER TABLE w ALTER big SET STORAGE EXTERNAL, REPLICA IDENTITY FULL")
    for table in BIG_TABLES:
        db.sql(f"INSERT INTO {table} SELECT i, 0, repeat('x', 400), CASE WHEN i %% 20 = 0 THEN repeat(md5(i::text), 100) END FROM generate_series(1, %s) i", (rows,))


class Hold:
    """The shipper stops before it asks for the nth part, or at the nth time at another point, until it is released."""

    def __init__(self, tmp_path, nth, point="snapshot_part"):
        self.path = Path(tmp_path) / f"go-{point}"
        self.failpoint = f"{point}:hold={self.path}:{nth}"
        self.env = {"TUPLECAST_FAILPOINT": self.failpoint}

    def wait(self, shipper):
        wait_until(lambda: Path(f"{self.path}.held").exists(), 60, what=lambda: f"the turn of {self.failpoint}:\n{shipper.log()[-3000:]}")

    def release(self):
        self.path.touch()


class Killer:
    """Starts the program again and again; it kills itself at moments of a seed: after so many rows, before or after a position is written."""

    def __init__(self, launch, seed, rows):
        self.launch, self.random, self.rows = launch, random.Random(seed), rows
        self.inside = 0   # kills in the middle of the snapshot
        self.resumed = 0  # starts that went on with one

    def failpoint(self):
        after = self.random.randint(1, self.rows)
        # time for progress to be told
        sleeps = ",".join(f"snapshot_row:sleep=210:{n}" for n in range(after // 4 + 1, after, after // 4 + 1))
        point = self.random.choice([f"snapshot_row:kill:{after}", f"before_position:kill:{self.random.randint(1, 6)}", f"snapshot_row:kill:{after}"])
        return f"{point},{sleeps}" if sleeps else point

    def kill(self, times):
        for _ in range(times):
            shipper = self.launch(env={"TUPLECAST_FAILPOINT": self.failpoint()})

            def over(shipper=shipper):
                return not shipper.running() or shipper.get("/readyz")[0] == 200
            wait_until(over, 120, what=shipper.log, progress=shipper.progress)
            self.resumed += "a snapshot was cut off" in shipper.log()
            if shipper.running():
                shipper.kill()
            else:
                assert shipper.process.returncode == -9, shipper.log()[-3000:]
                self.inside += "the snapshot is complete" not in shipper.log()


def twice(db, records, rounds=1):
    """What exactly-once must not give: changes that come twice, and rows of w, which are never read again, more often than in each round."""
    topics = [db.topic(t) for t in BIG_TABLES]
    changes = [(r.topic, *r.identity) for r in records if r.topic in topics and r.header("__op") != b"r"]
    rows = [r.k for r in records if r.topic == db.topic("w") and r.header("__op") == b"r"]
    return len(changes) - len(set(changes)) + sum(max(0, n - rounds) for n in Counter(rows).values())
