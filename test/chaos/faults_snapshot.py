"""Snapshots that are killed again and again while all of their tables change."""
import json
import os
import random
import time

from faults_base import Fault
from harness.postgres import Database
from harness.shipper import Shipper
from harness.snapshots import BIG_TABLES, Killer, Replay, Writer, big_tables, read_until_mark, rows_of, twice
from harness.wait import wait_until

KILLS, ROWS = int(os.environ.get("CHAOS_KILLS") or 50), 20000


class Trial:
    """Its own load and its own checker: the result of the row."""

    def __init__(self, stand, fault, mode, seed, *options):
        self.stand, self.fault, self.mode, self.seed, self.options = stand, fault, mode, seed, options
        self.start = time.monotonic()
        self.shippers = []
        self.db = Database(stand.pg, f"{fault.short}_{mode.split('-')[0]}_{seed % 100000}")
        self.db.sql("CREATE EXTENSION tuplecast")
        big_tables(self.db, ROWS)

    def launch(self, env=None):
        self.shippers.append(Shipper(self.stand.binary, "--source", self.db.url, "--kafka", self.stand.kafka.address, "--prefix", self.db.prefix,
                                     f"--slot.name={self.db.slot}", f"--delivery={self.mode}", "--publish.via.partition.root=true", "--add.headers=op",
                                     *self.options, env=env))
        return self.shippers[-1].start()

    def run(self, kill):
        """kill() gives how often each row may come, and a note."""
        try:
            with Writer(self.db, BIG_TABLES, self.seed, ROWS):
                rounds, note = kill()
            records = read_until_mark(self.db, self.stand.kafka.direct, [self.db.topic(t) for t in BIG_TABLES])
        finally:
            for shipper in self.shippers:
                shipper.destroy()
        replay = Replay(records)
        wrong = [f"{t}: what the topic replays to is not the table" for t in BIG_TABLES if replay.table(self.db.topic(t)) != rows_of(self.db, t)]
        repeats = twice(self.db, records, rounds)
        if self.mode == "exactly-once" and repeats:
            wrong.append(f"{repeats} records twice")
        return {"fault": self.fault.name, "mode": self.mode, "seed": self.seed, "ok": not wrong, "wrong": wrong, "records": len(records), "repeats": repeats,
                "recovery": None, "commits": 0, "seconds": time.monotonic() - self.start, "note": note}


class SnapshotKill(Fault):
    name, group, short = "snapshot-kill", "program", "snap"
    what = f"SIGKILL of itself {KILLS} times, after so many rows or positions, while it takes a snapshot and all tables change"
    outcome = "started again, goes on; replayed topics equal the tables"

    @staticmethod
    def alone(stand, mode, seed):
        trial = Trial(stand, SnapshotKill, mode, seed, "--snapshot.mode=initial", "--commit.max.records=500")
        # most are to fall into the snapshot
        killer = Killer(trial.launch, seed, 4 * ROWS // KILLS * 2)

        def kill():
            killer.kill(KILLS)
            trial.launch().wait_ready(300)
            return 1, f"{killer.inside} kills inside the snapshot, {killer.resumed} resumed"
        return trial.run(kill)


class ChunkKiller:
    """Kills the program while it reads chunks: at points of its own, passed so often, or from outside after so many chunks. There is always
    a snapshot under way: when one is complete, the next is asked for."""
    # a chunk has 100 rows
    POINTS = {"chunk_row": 3000, "after_chunk": 30, "before_watermark": 30, "before_position": 8, "before_produce": 100, "outside": 30}
    # rows change between the time when they are read and their place in the stream
    OPEN = "before_watermark:sleep=50"
    OF_TRANSACTIONS = {"before_commit": 8, "after_commit": 8, "after_commit_before_confirm": 8}

    def __init__(self, trial):
        self.trial = trial
        self.random = random.Random(trial.seed)
        self.points = {**self.POINTS, **(self.OF_TRANSACTIONS if trial.mode == "exactly-once" else {})}
        self.asked = 0
        self.inside = 0   # kills while rows were left to read
        self.resumed = 0  # starts that went on with them

    def ask(self):
        self.asked += 1
        self.trial.db.sql("SELECT tuplecast.signal('execute-snapshot', %s)", (json.dumps({"data-collections": [f"public.{t}" for t in BIG_TABLES]}),))

    def kill(self, times):
        self.ask()
        for _ in range(times):
            point = self.random.choice(list(self.points))
            nth = self.random.randint(1, self.points[point])
            self.one(point, nth)

    def one(self, point, nth):
        shipper = self.trial.launch(env={"TUPLECAST_FAILPOINT": self.OPEN if point == "outside" else f"{self.OPEN},{point}:kill:{nth}"})
        complete = 0

        def ask_again():
            nonlocal complete
            count = shipper.log().count("an incremental snapshot is complete")
            if count > complete:
                complete = count
                self.ask()

        def over():
            ask_again()
            return not shipper.running() or point == "outside" and shipper.ready() and shipper.metric("incremental_snapshot_chunks_total") >= nth
        wait_until(over, 120, what=lambda: f"{point} is passed {nth} times:\n{shipper.log()[-3000:]}", progress=shipper.progress)
        if point == "outside" and shipper.running():
            shipper.kill()
        ended = shipper.process.wait()
        assert ended == -9, f"ended with {ended}: {shipper.log()[-3000:]}"
        ask_again()
        self.resumed += "an incremental snapshot was cut off" in shipper.log()
        self.inside += not complete

    def finish(self):
        """The last one is let alone until nothing is left to read."""
        shipper = self.trial.launch(env={"TUPLECAST_FAILPOINT": self.OPEN})
        self.trial.db.sql("SELECT tuplecast.signal('log', '{\"message\":\"the last\"}')")
        shipper.wait_log('a signal says message="the last"', 120)
        shipper.wait_metric("incremental_snapshot_running", lambda n: n == 0, 300)


class IncrementalKill(Fault):
    name, group, short = "incremental-kill", "program", "inc"
    what = (f"SIGKILL {KILLS} times while it takes incremental snapshots and all tables change: in the middle of a chunk's rows, behind a chunk, "
            "before its message, at positions and commits, or from outside")
    outcome = SnapshotKill.outcome

    @staticmethod
    def alone(stand, mode, seed):
        trial = Trial(stand, IncrementalKill, mode, seed, "--snapshot.mode=no_data", "--incremental.snapshot.chunk.size=100", "--commit.interval.ms=50")
        killer = ChunkKiller(trial)

        def kill():
            # changes before the slot is made are nobody's: from here on all are
            trial.launch().wait_ready().stop()
            killer.kill(KILLS)
            killer.finish()
            return killer.asked, f"{killer.inside} kills before a snapshot was complete, {killer.resumed} resumed, {killer.asked} snapshots"
        return trial.run(kill)
