"""Many databases into one broker, each with its slot and its shipper: what one more costs, at rest and under load."""
import itertools
import time

from harness.postgres import Database
from harness.wait import wait_until

import latency
import measure
import ship
from measure import MB

COUNTS = (1, 4, 12)
# rows a second of each, in transactions of one
RATE = 100


class Many:
    def __init__(self, binary, source, broker, count):
        self.source, self.broker, self.databases, self.shippers, self.connections = source, broker, [], [], []
        for n in range(count):
            db = Database(source.cluster, f"many{count}x{n}")
            db.sql("CREATE TABLE narrow (id bigserial PRIMARY KEY, a text)")
            broker.create_topic(db.topic("narrow"))
            self.databases.append(db)
            self.connections.append(db.connect())
            self.shippers.append(ship.launch(binary, db, broker, db.slot, db.prefix, tables=r"public\.narrow"))
        for shipper in self.shippers:
            shipper.wait_ready(120)
        self.walsenders = [source.walsender(db.slot) for db in self.databases]

    def cpu(self):
        """Seconds of the walsenders, the shippers and the broker."""
        return (sum(map(measure.cpu_seconds, self.walsenders)), sum(measure.cpu_seconds(s.pid) for s in self.shippers), measure.cpu_seconds(self.broker.process.pid))

    def spent(self, act, prefix=""):
        """What act() took, in % of a core; and its seconds."""
        before, watch = self.cpu(), measure.Stopwatch()
        act()
        seconds = watch.seconds()
        return {f"{prefix}{name}_percent": 100 * (now - then) / seconds for name, now, then in zip(("walsender", "shipper", "broker"), self.cpu(), before)}, seconds

    def load(self, seconds):
        turn = itertools.cycle(self.connections)
        count = RATE * len(self.databases)
        latency.evenly(count, 1, count * seconds, lambda: next(turn).execute("INSERT INTO narrow (a) VALUES ('x')", prepare=True))
        wait_until(lambda: all(ship.acked(s) >= RATE * seconds for s in self.shippers), 120, what="every record is acknowledged")

    def destroy(self):
        for shipper in self.shippers:
            shipper.destroy()
        for connection in self.connections:
            connection.close()
        for db in self.databases:
            self.source.drop_slot(db.slot)
            self.source.sql(f"DROP DATABASE {db.name}")
            self.broker.delete_topics([db.topic("narrow")])


def run(source, broker, options, results):
    seconds = 3 if options.quick else options.seconds
    for count in COUNTS[:2] if options.quick else COUNTS:
        many = Many(options.binary, source, broker, count)
        try:
            # nothing is waited for: this is what rest costs
            rest, _ = many.spent(lambda: time.sleep(seconds), "idle_")
            busy, took = many.spent(lambda: many.load(seconds))
            rss = sum(s.rss() for s in many.shippers) / MB / count
        finally:
            many.destroy()
        results.add("databases", "tuplecast", count, {"databases": count, "rate": RATE * count * seconds / took, **rest, **busy, "shipper_rss_mb": rss})
    print(f"\nDatabases that have a slot and a shipper each, one broker; CPU in % of a core, of all together, at rest and with {RATE} rows/s each\n")
    results.show("databases")
