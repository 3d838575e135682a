"""A snapshot that is killed again and again while all of its tables change."""
import time

from faults_base import Fault
from harness.postgres import Database
from harness.shipper import Shipper
from harness.snapshots import BIG_TABLES, Killer, Replay, Writer, big_tables, read_until_mark, rows_of, twice

KILLS, ROWS = 50, 20000


class SnapshotKill(Fault):
    name, group = "snapshot-kill", "program"
    what = f"SIGKILL of itself {KILLS} times, after so many rows or positions, while it takes a snapshot and all tables change"
    outcome = "started again, goes on; replayed topics equal the tables"

    @staticmethod
    def alone(stand, mode, seed):
        """Its own load and its own checker: the result of the row."""
        start = time.monotonic()
        db = Database(stand.pg, f"snap_{mode.split('-')[0]}_{seed % 100000}")
        db.sql("CREATE EXTENSION tuplecast")
        big_tables(db, ROWS)
        shippers = []

        def launch(env=None):
            shippers.append(Shipper(stand.binary, "--source", db.url, "--kafka", stand.kafka.address, "--prefix", db.prefix, f"--slot.name={db.slot}",
                                    "--snapshot.mode=initial", f"--delivery={mode}", "--publish.via.partition.root=true", "--commit.max.records=500",
                                    "--add.headers=op", env=env))
            return shippers[-1].start()
        # most are to fall into the snapshot
        killer = Killer(launch, seed, 4 * ROWS // KILLS * 2)
        try:
            with Writer(db, BIG_TABLES, seed, ROWS):
                killer.kill(KILLS)
                launch().wait_ready(300)
            records = read_until_mark(db, stand.kafka.direct, [db.topic(t) for t in BIG_TABLES], 300)
            replay = Replay(records)
            wrong = [f"{t}: what the topic replays to is not the table" for t in BIG_TABLES if replay.table(db.topic(t)) != rows_of(db, t)]
            repeats = twice(db, records)
            if mode == "exactly-once" and repeats:
                wrong.append(f"{repeats} records twice")
        finally:
            for shipper in shippers:
                shipper.destroy()
        return {"fault": SnapshotKill.name, "mode": mode, "seed": seed, "ok": not wrong, "wrong": wrong, "records": len(records), "repeats": repeats,
                "recovery": None, "commits": 0, "seconds": time.monotonic() - start,
                "note": f"{killer.inside} kills inside the snapshot, {killer.resumed} resumed"}
