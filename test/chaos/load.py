"""The load of the fault matrix: everything that rows can go through, seeded, from several connections at once.

account: a fixed set of rows whose balances always sum to 0, each change counts ver up by one
item:    rows that come, change, change their key and go; large values out of line; columns that come, go and change type
txlog:   one row a transaction with the number of its changes
"""
import itertools
import random
import threading

import psycopg

from harness.wait import wait_until

TABLES = ("account", "item", "txlog")
ACCOUNTS = 24
DDL = """
CREATE TABLE account (id bigint PRIMARY KEY, ver int NOT NULL, bal bigint NOT NULL, pad text);
CREATE TABLE item (id bigint PRIMARY KEY, ver int NOT NULL, txn bigint NOT NULL, amount int, body text);
ALTER TABLE item ALTER body SET STORAGE EXTERNAL;
CREATE TABLE txlog (id bigint PRIMARY KEY, n int NOT NULL);
"""
# what the server says when it is going away, or came back, or our transaction met another's
TRANSIENT = ("57P01", "57P02", "57P03", "40P01", "40001", "53100", "53300", "58P01", "25006")


class Writer(threading.Thread):
    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load = load
        self.number = number
        self.random = random.Random(f"{load.seed}/{number}")
        # ids of this writer alone, so that only accounts are shared
        self.ids = itertools.count((number + 1) * 10_000_000)
        self.txns = itertools.count((number + 1) * 100_000_000)
        self.items = []
        self.columns = []
        self.columns_made = 0
        self.amount = "int"

    def run(self):
        while not self.load.stopping.is_set():
            try:
                with self.load.connect() as connection:
                    self.remember(connection)
                    while not self.load.stopping.is_set():
                        self.load.paused.wait()
                        self.transaction(connection)
                        self.load.stopping.wait(self.load.pace * self.random.random() * 2)
            except (psycopg.OperationalError, psycopg.Rollback):
                self.load.stopping.wait(0.1)  # the server is away; a rollback that it did not hear is none of ours
            except psycopg.Error as e:
                if e.sqlstate in TRANSIENT:
                    self.load.stopping.wait(0.1)
                    continue
                self.load.error = e
                return

    def remember(self, connection):
        """After a lost connection nobody knows whether the last transaction was committed."""
        low, high = (self.number + 1) * 10_000_000, (self.number + 2) * 10_000_000
        rows = connection.execute("SELECT id FROM item WHERE id >= %s AND id < %s ORDER BY id", (low, high)).fetchall()
        self.items = [i for (i,) in rows]
        if self.number == 0:
            rows = connection.execute("SELECT attname::text FROM pg_attribute WHERE attrelid = 'item'::regclass AND attname ~ '^x\\d+$'"
                                      " AND NOT attisdropped ORDER BY attnum").fetchall()
            self.columns = [c for (c,) in rows]
            self.columns_made = max([self.columns_made, *(int(c[1:]) for c in self.columns)])

    def transaction(self, connection):
        dice = self.random.random()
        if self.number == 0 and dice < self.load.ddl:
            self.change_table(connection)
            return
        before = list(self.items)
        try:
            with connection.transaction():
                cursor = connection.cursor()
                self.changes, self.txn = 0, next(self.txns)
                if self.random.random() < 0.7:
                    self.transfer(cursor)
                if dice > 1 - self.load.large:
                    self.fill(cursor, self.random.randint(500, 3000))
                for _ in range(self.random.randint(0, 5)):
                    self.random.choice((self.insert, self.insert, self.update, self.update, self.delete, self.move, self.retract))(cursor)
                self.record(cursor)
                if self.random.random() < 0.1:
                    raise psycopg.Rollback()
                committed = list(self.items)
            # a rollback gets here, too: then what it did to our list is undone
            self.items = committed if connection.execute("SELECT 1 FROM txlog WHERE id = %s", (self.txn,)).fetchone() else before
        except BaseException:
            self.items = before
            raise
        self.load.commits += 1

    def execute(self, cursor, statement, *params):
        cursor.execute(statement, params, prepare=False)
        self.changes += cursor.rowcount

    def transfer(self, cursor):
        a, b = sorted(self.random.sample(range(1, ACCOUNTS + 1), 2))
        amount = self.random.randint(1, 100)
        for account, change in ((a, amount), (b, -amount)):
            self.execute(cursor, "UPDATE account SET ver = ver + 1, bal = bal + %s, pad = %s WHERE id = %s",
                         change, "x" * self.random.randint(0, 60), account)

    def body(self):
        # a third of the values is kept out of line
        size = self.random.choice((0, 40, 200, 200, 2500, 6000))
        return "".join(self.random.choices("abcdefghijklmnop\u00e9\"\\\n", k=8)) * (size // 8)

    def insert(self, cursor):
        new = next(self.ids)
        self.execute(cursor, "INSERT INTO item (id, ver, txn, amount, body) VALUES (%s, 1, %s, %s, %s)", new, self.txn,
                     str(self.random.randint(0, 1000)), self.body())
        self.items.append(new)

    def fill(self, cursor, count):
        first = next(self.ids)
        self.ids = itertools.count(first + count)
        self.execute(cursor, "INSERT INTO item (id, ver, txn, body) SELECT i, 1, %s, repeat('y', 60) FROM generate_series(%s::bigint, %s::bigint) i",
                     self.txn, first, first + count - 1)
        # most of them rest from now on
        self.items += range(first, first + 5)

    def update(self, cursor):
        if self.items:
            old = self.random.choice(self.items)
            if self.random.random() < 0.5:  # the body as it is: out of line it is not in the WAL
                self.execute(cursor, "UPDATE item SET ver = ver + 1, txn = %s WHERE id = %s", self.txn, old)
            else:
                column = f", {self.columns[-1]} = ver" if self.columns else ""
                self.execute(cursor, f"UPDATE item SET ver = ver + 1, txn = %s, body = %s{column} WHERE id = %s", self.txn, self.body(), old)

    def delete(self, cursor):
        if len(self.items) > 10:
            old = self.items.pop(self.random.randrange(len(self.items)))
            self.execute(cursor, "DELETE FROM item WHERE id = %s", old)

    def move(self, cursor):
        if self.items:
            place, new = self.random.randrange(len(self.items)), next(self.ids)
            self.execute(cursor, "UPDATE item SET id = %s, ver = ver + 1 WHERE id = %s", new, self.items[place])
            self.items[place] = new

    def retract(self, cursor):
        """A savepoint, and back to it."""
        items, changes = list(self.items), self.changes
        cursor.execute("SAVEPOINT s")
        self.insert(cursor)
        self.update(cursor)
        if self.random.random() < 0.7:
            cursor.execute("ROLLBACK TO SAVEPOINT s")
            self.items, self.changes = items, changes
        else:
            cursor.execute("RELEASE SAVEPOINT s")

    def record(self, cursor):
        self.changes += 1
        cursor.execute("INSERT INTO txlog (id, n) VALUES (%s, %s)", (self.txn, self.changes), prepare=False)

    def change_table(self, connection):
        columns, amount = list(self.columns), self.amount
        choice = self.random.random()
        with connection.transaction():
            cursor = connection.cursor()
            # before anything else is locked
            cursor.execute("LOCK TABLE item IN ACCESS EXCLUSIVE MODE")
            self.changes, self.txn = 0, next(self.txns)
            if choice < 0.4 or choice < 0.7 and not columns:
                self.columns_made += 1
                cursor.execute(f"ALTER TABLE item ADD COLUMN x{self.columns_made} int")
                columns.append(f"x{self.columns_made}")
            elif choice < 0.7:
                cursor.execute(f"ALTER TABLE item DROP COLUMN {columns.pop(0)}")
            else:
                amount = self.random.choice([t for t in ("int", "bigint", "text") if t != amount])
                cursor.execute(f"ALTER TABLE item ALTER COLUMN amount TYPE {amount} USING amount::{amount}")
            self.insert(cursor)
            self.record(cursor)
        self.columns, self.amount = columns, amount
        self.load.commits += 1
        self.load.ddls += 1


class Load:
    """ddl, large: the share of transactions that change the table, that insert some thousand rows; pace: mean pause, in seconds."""

    def __init__(self, connect, seed, writers=2, pace=0.015, ddl=0.02, large=0.01):
        self.connect = connect
        self.seed = seed
        self.pace, self.ddl, self.large = pace, ddl, large
        self.commits = self.ddls = 0
        self.error = None
        self.stopping = threading.Event()
        self.paused = threading.Event()  # set: not paused
        self.paused.set()
        self.writers = [Writer(self, n) for n in range(writers)]

    def prepare(self):
        with self.connect() as connection, connection.transaction():
            connection.execute("INSERT INTO account SELECT i, 1, 0, 'first' FROM generate_series(1, %s::int) i", (ACCOUNTS,))
            connection.execute("INSERT INTO txlog VALUES (0, %s)", (ACCOUNTS + 1,))

    def start(self):
        for writer in self.writers:
            writer.start()
        return self

    def stop(self):
        self.stopping.set()
        self.paused.set()
        for writer in self.writers:
            if writer.is_alive():
                writer.join(90)
                assert not writer.is_alive(), "the load does not end"
        if self.error:
            raise AssertionError(f"the load failed: {self.error}")

    def wait_commits(self, more, timeout=90):
        target = self.commits + more
        wait_until(lambda: self.commits >= target or self.error, timeout, what=lambda: f"{target} commits; there are {self.commits}")
