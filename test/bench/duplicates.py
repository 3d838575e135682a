"""Records that come twice when tuplecast is killed (-9) under load: at-least-once with its position, without (as if the slot were all there is), and exactly-once.

    test/bench/run.sh duplicates [KILLS]
"""
import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "test/e2e"))

from harness import ledger  # noqa: E402
from harness.kafka import KafkaBroker  # noqa: E402
from harness.postgres import Database, PostgresCluster  # noqa: E402
from harness.wait import wait_until  # noqa: E402

import ship  # noqa: E402

BINARY = os.environ.get("TUPLECAST_TEST_SHIPPER", str(TOP / "shipper/build/tuplecast"))


def launch(db, broker, mode):
    return ship.launch(BINARY, db, broker, db.slot, db.prefix, f"--delivery={mode}", "--position.interval.ms=500",
                       tables=r"public\.account,public\.ledger").wait_ready(180)


def measure(server, broker, number, mode, keep_position, kills):
    db = Database(server, f"dup{number}")
    db.sql(ledger.DDL)
    for table in ("account", "ledger"):
        broker.create_topic(db.topic(table), 3)
    shipper = launch(db, broker, mode)
    db.sql("UPDATE account SET pad = 'first'")
    with ledger.Load(db, paced=0, seed=number) as load:
        for _ in range(kills):
            target = shipper.metric("records_acked_total") + 500
            wait_until(lambda s=shipper, n=target: s.metric("records_acked_total") >= n, 180, interval=0.01)
            shipper.kill()
            if not keep_position:
                topic = f"__tuplecast-position.{db.prefix}.{db.slot}"
                broker.delete_topics([topic])
                wait_until(lambda t=topic: t not in broker.topics())
            shipper = launch(db, broker, mode)
    records = ledger.check(db, broker, timeout=300)
    shipper.destroy()
    db.drop()
    return ledger.duplicates(records), len(records), load.commits


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    server = PostgresCluster(os.environ["TUPLECAST_TEST_PG_BINDIR"]).start()
    broker = KafkaBroker()
    try:
        broker.start()
        for number, (name, mode, keep) in enumerate([("at-least-once", "at-least-once", True), ("at-least-once, position deleted", "at-least-once", False),
                                                     ("exactly-once", "exactly-once", True)]):
            twice, records, commits = measure(server, broker, number, mode, keep, kills)
            print(f"{name}: {twice} of {records} records came twice after {kills} kills ({twice / kills:.1f} each), {commits} transactions", flush=True)
    finally:
        broker.destroy()
        server.destroy()


if __name__ == "__main__":
    main()
