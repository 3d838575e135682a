"""A load whose records tell by themselves what was lost, doubled or reordered, and the checker of it.

account: every update counts ver up by one, so a gap or a reordering of a key shows in the topic alone.
ledger:  rows are only ever inserted, so the topic must hold exactly the ids that the table holds.
"""
import json
import random
import threading
from collections import defaultdict

import psycopg

from .wait import wait_until

ACCOUNTS = 50
DDL = f"""
CREATE TABLE account (id int PRIMARY KEY, ver int NOT NULL, pad text);
CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, txn bigint NOT NULL, n int NOT NULL, pad text);
INSERT INTO account SELECT i, 1, '' FROM generate_series(1, {ACCOUNTS}) i;
"""


class Load:
    """Transactions from a thread of its own until stopped; goes on when the server comes back."""

    def __init__(self, db, seed=1, pad=50, paced=0.002):
        self.db = db
        self.random = random.Random(seed)
        self.pad = "x" * pad
        self.pace = paced
        self.commits = 0
        self.error = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the load does not end"
        if self.error:
            raise self.error

    def wait_commits(self, more, timeout=60):
        target = self.commits + more
        wait_until(lambda: self.commits >= target or self.error, timeout, what=lambda: f"{target} commits; there are {self.commits}")

    def _run(self):
        while not self._stop.is_set():
            try:
                with self.db.connect(connect_timeout=10) as connection:
                    while not self._stop.is_set():
                        self._transaction(connection)
                        self._stop.wait(self.pace)
            except (psycopg.OperationalError, psycopg.Rollback):
                self._stop.wait(0.1)  # the server is away, or went while a transaction was rolled back
            except psycopg.Error as e:
                if e.sqlstate not in ("57P01", "57P02", "57P03"):
                    self.error = e
                    return
            except Exception as e:
                # a load that ends without a word would be waited for
                self.error = e
                return

    def _transaction(self, connection):
        txn = self.random.getrandbits(62)
        with connection.transaction():
            with connection.cursor() as cursor:
                # in the order of ids, so that two loads do not deadlock
                for account in sorted(self.random.sample(range(1, ACCOUNTS + 1), 3)):
                    cursor.execute("UPDATE account SET ver = ver + 1, pad = %s WHERE id = %s", (self.pad, account))
                for n in range(self.random.randint(1, 4)):
                    cursor.execute("INSERT INTO ledger (txn, n, pad) VALUES (%s, %s, %s)", (txn, n, self.pad))
            if self.random.random() < 0.1:
                raise psycopg.Rollback()
        self.commits += 1


def faults(records, accounts, ledger_ids):
    """What is wrong with the records, as lines; duplicates are allowed only as a repetition of what went before.

    accounts: id → ver, ledger_ids: set, both as the database has them.
    """
    wrong = []
    previous, highest = {}, defaultdict(int)
    places = {}
    identities = {}
    ids = set()
    for r in sorted(records, key=lambda r: (r.topic, r.partition, r.offset)):
        table = r.topic.rsplit(".", 1)[1]
        try:
            value = json.loads(r.value)
        except (TypeError, ValueError):
            wrong.append(f"{r.topic}@{r.offset}: no JSON value: {r.value!r}")
            continue
        if json.loads(r.key or b"null") != {"id": value["id"]}:
            wrong.append(f"{r.topic}@{r.offset}: key {r.key!r} is not that of {r.value!r}")
        if places.setdefault((table, value["id"]), r.partition) != r.partition:
            wrong.append(f"{table} {value['id']}: on partitions {places[table, value['id']]} and {r.partition}")
        if identities.setdefault(r.identity, (r.topic, r.key, r.value)) != (r.topic, r.key, r.value):
            wrong.append(f"identity {r.identity}: two different records")
        if table == "ledger":
            ids.add(value["id"])
        elif table == "account":
            account, ver = value["id"], value["ver"]
            if ver > previous.get(account, 0) + 1:
                wrong.append(f"account {account}: version {ver} after {previous.get(account, 0)} at offset {r.offset}")
            previous[account] = ver
            highest[account] = max(highest[account], ver)
    for account, ver in accounts.items():
        if highest[account] != ver:
            wrong.append(f"account {account}: highest version {highest[account]}, the database has {ver}")
        if previous.get(account) != ver:
            wrong.append(f"account {account}: the last record has version {previous.get(account)}, the database {ver}")
    if ids - ledger_ids:
        wrong.append(f"ledger: {len(ids - ledger_ids)} records of rows that do not exist, as {sorted(ids - ledger_ids)[:5]}")
    if ledger_ids - ids:
        wrong.append(f"ledger: {len(ledger_ids - ids)} rows have no record, as {sorted(ledger_ids - ids)[:5]}")
    return wrong


def duplicates(records):
    return len(records) - len({r.identity for r in records})


def check(db, broker, timeout=120):
    """Reads everything that belongs to the database's load and compares; returns the records.

    A last row of the ledger is the mark: once the slot is confirmed beyond it, all of the load is in the topics.
    """
    mark = db.value("INSERT INTO ledger (txn, n, pad) VALUES (0, 0, 'mark') RETURNING id")
    topics = (db.topic("account"), db.topic("ledger"))
    with broker.reader(*topics) as reader:
        reader.read_until(lambda records: any(b'"pad":"mark"' in r.value for r in records[-20000:]), timeout, f"the mark, ledger row {mark}")
        db.wait_confirmed(timeout=timeout)
        records = reader.read_all()
    accounts = dict(db.sql("SELECT id, ver FROM account"))
    ids = {i for (i,) in db.sql("SELECT id FROM ledger")}
    found = faults(records, accounts, ids)
    assert not found, f"{len(found)} faults:\n" + "\n".join(found[:40])
    return records
