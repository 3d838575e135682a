"""Debezium and tuplecast on one database, from the same connector JSON: every record compared.

One workload for each database; slots made before it are copied for each combination, so that every run of either tool reads the
same changes from the WAL. Debezium's connectors run in one Kafka Connect, a batch at a time.
"""
import argparse
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(TOP / "test/e2e")]

import compare  # noqa: E402
import matrix  # noqa: E402
import mutate  # noqa: E402
import randomrows  # noqa: E402
from exemptions import EXEMPTIONS, REQUIRED  # noqa: E402
from harness.kafka import KafkaBroker, TopicReader, java_partition  # noqa: E402
from harness.postgres import PostgresCluster  # noqa: E402
from harness.shipper import Shipper  # noqa: E402
from harness.wait import TimedOut, wait_until  # noqa: E402
from oracle import FUNNEL_PREFIX, Debezium, with_funnel  # noqa: E402

# the last record of each workload
MARKER = "compat-end"
# a ceiling for what has stopped: a busy machine is slow, and not stuck
PATIENCE = 900
PARTITIONS = 3
PUBLICATIONS = {
    "dbz_publication": "FOR ALL TABLES",
    "compat_root": "FOR ALL TABLES WITH (publish_via_partition_root)",
}


def say(text):
    print(text, flush=True)


SNAPSHOT = "snap_"


class Workload:
    """A database whose changes lie in the WAL, and two slots at their beginning; or, for snapshots, whose rows lie in its tables."""

    def __init__(self, world, name):
        self.world = world
        self.name = f"w_{name}"
        self.snapshot = name.startswith(SNAPSHOT)
        name = name.removeprefix(SNAPSHOT)
        world.cluster.sql(f"CREATE DATABASE {self.name} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
        ddl, dml = self.script(name)
        self.psql(ddl)
        for publication, what in PUBLICATIONS.items():
            self.sql(f"CREATE PUBLICATION {publication} {what}")
        if name == "identity":
            self.sql("CREATE PUBLICATION compat_part FOR TABLE id.customers (id, first_name, age), id.k_only WHERE (id > 1), id.comp WITH (publish = 'insert, update')")
        if self.snapshot:
            # a snapshot begins when its slot is made, and needs our functions
            self.live, self.end = False, None
            self.psql("CREATE EXTENSION tuplecast;" + rows_that_stay(dml))
            return
        for tool, plugin in (("dbz", "pgoutput"), ("tc", "tuplecast")):
            self.sql(f"SELECT pg_create_logical_replication_slot('{tool}_{self.name}', '{plugin}')")
        self.steps = dml.split("-- STEP\n")
        self.live = len(self.steps) > 1
        self.end = None
        if not self.live:
            self.psql(dml)
            self.mark(MARKER)

    def mark(self, marker):
        self.sql(f"SELECT pg_logical_emit_message(false, '{marker}', 'x')")
        # a message outside of a transaction is not flushed by itself
        self.sql("CHECKPOINT")
        self.end = int(self.sql("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn")[0][0])

    def play(self, reached):
        """The changes that are made while Debezium reads; reached(marker) waits for it."""
        for i, step in enumerate(self.steps):
            self.psql(step)
            last = i == len(self.steps) - 1
            marker = MARKER if last else f"compat-step-{i}"
            self.mark(marker)
            if not reached(marker):
                break

    def script(self, name):
        if name == "random":
            return randomrows.ddl(), "\n".join(randomrows.dml(self.world.seed, self.world.rows))
        return (HERE / f"workload/{name}.sql").read_text().split("-- DML\n")

    def sql(self, statement):
        return self.world.cluster.sql(statement, dbname=self.name)

    def psql(self, script):
        done = subprocess.run([self.world.cluster.bindir / "psql", "-X", "-q", "-h", self.world.cluster.dir, "-p", str(self.world.cluster.port), "-U", "postgres",
                               "-d", self.name, "-v", "ON_ERROR_STOP=1", "-f", "-"], input=script, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, env={**os.environ, "PGCLIENTENCODING": "UTF8"})
        if done.returncode != 0:
            raise AssertionError(f"workload {self.name}: {done.stderr}")

    def copy_slot(self, tool, name):
        self.sql(f"SELECT pg_copy_logical_replication_slot('{tool}_{self.name}', '{name}')")
        return name


def rows_that_stay(dml):
    """Without what changes or removes them at the end of a workload."""
    return re.sub(r"^(UPDATE|DELETE|TRUNCATE|ALTER) .*?;$", "", dml, flags=re.M | re.S)


class World:
    def __init__(self, args):
        self.seed, self.rows = args.seed, args.rows
        self.binary = str(Path(os.environ.get("TUPLECAST_TEST_SHIPPER", TOP / "shipper/build/tuplecast")))
        self.cluster = PostgresCluster(os.environ["TUPLECAST_TEST_PG_BINDIR"], max_replication_slots=1500, max_wal_senders=120, max_connections=500,
                                       shared_buffers="256MB", max_wal_size="8GB", log_min_messages="warning").start()
        limits = {"num__partitions": PARTITIONS, "message__max__bytes": 67108864, "replica__fetch__max__bytes": 67108864, "log__index__size__max__bytes": 65536}
        self.broker = KafkaBroker(heap="768m", **limits).start()
        self.limits = limits
        self.second = None
        self.workloads = {}
        self.dir = tempfile.TemporaryDirectory(prefix="tuplecast-compat-")
        self.numbers = iter(range(1, 100000))

    def workload(self, name):
        if name not in self.workloads:
            self.workloads[name] = Workload(self, name)
        return self.workloads[name]

    def second_broker(self):
        """Where tuplecast writes, when topics are compared as they are."""
        if not self.second:
            self.second = KafkaBroker(heap="512m", **self.limits).start()
        return self.second

    def destroy(self):
        for broker in (self.broker, self.second):
            if broker:
                broker.destroy()
        self.cluster.destroy()
        self.dir.cleanup()


class Run:
    """One combination on its way through both."""

    def __init__(self, world, combination):
        self.world = world
        self.combination = combination
        self.workload = world.workload(combination.workload)
        n = next(world.numbers)
        self.dbz_slot, self.tc_slot = f"dbz_{n}", f"tc_{n}"
        if not self.workload.snapshot:
            self.workload.copy_slot("dbz", self.dbz_slot)
            self.workload.copy_slot("tc", self.tc_slot)
        given = dict(combination.properties)
        self.prefix = given.setdefault("topic.prefix", f"c{n}")
        self.connector = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": "127.0.0.1", "database.port": str(world.cluster.port), "database.user": "postgres",
            "database.password": "unused", "database.dbname": self.workload.name,
            "plugin.name": "pgoutput", "slot.name": self.dbz_slot,
            "snapshot.mode": "initial" if self.workload.snapshot else "never" if combination.version.startswith("2.0") else "no_data",
            **given,
        }
        if self.workload.snapshot and "schema.include.list" not in given:
            # our own tables, which only Debezium would read
            self.connector.setdefault("schema.exclude.list", "tuplecast")
        self.path = Path(world.dir.name) / f"{n}.json"
        self.path.write_text(json.dumps({"name": combination.name, "config": self.connector}, ensure_ascii=False, indent=1))
        self.theirs, self.ours = [], []
        self.problems = []

    # ---- tuplecast -------------------------------------------------------

    def tuplecast_arguments(self):
        args = ["--config", str(self.path), f"--slot.name={self.tc_slot}", "--log.level=warn"]
        if self.combination.kafka:
            args += ["--kafka", self.world.second_broker().address, "--kafka.message.max.bytes=33554432"]
        else:
            self.lines = Path(self.world.dir.name) / f"{self.tc_slot}.jsonl"
            args += ["--sink=file", f"--sink.file.path={self.lines}"]
        version = self.combination.version
        if version < "3":
            args.append(f"--compat.version={version[:3]}")
        return args + [f"--{k}={v}" for k, v in self.combination.options.items()]

    def start_tuplecast(self):
        self.shipper = Shipper(self.world.binary, *self.tuplecast_arguments(), http=False).start()

    def confirmed(self):
        return int(self.world.cluster.value("SELECT confirmed_flush_lsn - '0/0'::pg_lsn FROM pg_replication_slots WHERE slot_name = %s", (self.tc_slot,)))

    def finish_tuplecast(self, timeout=PATIENCE):
        try:
            def done():
                if not self.shipper.running():
                    raise AssertionError(f"ended with {self.shipper.process.returncode}")
                return self.confirmed() >= self.workload.end
            wait_until(done, timeout, what="tuplecast has confirmed everything")
            self.shipper.terminate()
            self.shipper.wait_exit(300)
        except AssertionError as e:
            self.problems.append(f"tuplecast: {e}\n{self.shipper.log()[-1500:]}")
        finally:
            self.shipper.destroy()
        if self.combination.kafka:
            self.ours = self.read_topics(self.world.second_broker())
        elif self.lines.exists():
            for line in self.lines.read_text(errors="backslashreplace").split("\n"):
                if line:
                    try:
                        self.ours.append(compare.from_line(line))
                    except (ValueError, KeyError) as e:
                        self.problems.append(f"tuplecast: a line of the file is no JSON ({e}): {line[:300]}")
                        break
            for r in self.ours:
                if r.key is not None and r.partition is None:
                    r.partition = java_partition(r.key.encode(), PARTITIONS)
            self.lines.unlink()
        if not self.combination.kafka:
            self.ours = cut(self.ours)

    def await_marker(self, broker, timeout=PATIENCE):
        with TopicReader(broker.address, prefix=self.prefix + ".") as reader:
            try:
                reader.read_until(lambda records: any(is_marker(r.k) for r in records), timeout)
            except TimedOut as e:
                self.problems.append(f"topics: {str(e)[:300]}")

    def read_topics(self, broker):
        """The connector's topics as they are, when nothing writes to them any more."""
        with TopicReader(broker.address, prefix=self.prefix + ".") as reader:
            reader.read_all()
            records = [compare.from_kafka(r)[1] for r in reader.records]
        broker.delete_topics([t for t in broker.topics() if t.startswith(self.prefix + ".")])
        # the time at which each was sent
        return [replace(r, timestamp=None) for r in records]

    # ---- comparison ------------------------------------------------------

    def compare(self, mutation=None):
        comparer = compare.Comparer(self.combination, EXEMPTIONS, file_sink=not self.combination.kafka)
        ours = mutation(self.ours) if mutation else self.ours
        comparer.run(self.theirs, ours, ordered=not self.combination.kafka)
        return comparer


def is_marker(key):
    return key is not None and MARKER in key


def cut(records):
    """Up to the record that marks the end."""
    for i, r in enumerate(records):
        if is_marker(r.key):
            return records[:i + 1]
    return records


def batches(combinations, size):
    """Two connectors of one topic prefix cannot be in one process: their metrics have one name. Live workloads and snapshots go by themselves."""
    made = []
    for c in combinations:
        prefix = c.properties.get("topic.prefix", c.name)
        live = "live" if c.workload == "live" else "snapshot" if c.workload.startswith(SNAPSHOT) else ""
        for kind, batch in made:
            if kind == live and len(batch) < size and prefix not in batch:
                batch[prefix] = c
                break
        else:
            made.append((live, {prefix: c}))
    return [list(b.values()) for _, b in made]


def run_batch(world, runs, version):
    """All of one version, in one Kafka Connect."""
    start = time.monotonic()
    live = {r.workload for r in runs if r.workload.live}
    connectors = {}
    for r in runs:
        connectors[r.dbz_slot] = r.connector if r.combination.kafka else with_funnel(r.dbz_slot, r.connector)
    debezium = Debezium(world.broker, version, heap="1500m").start(connectors)
    try:
        with Collector(world, debezium, [r for r in runs if not r.combination.kafka]) as collector:
            if live:
                debezium.wait_streaming(world.cluster, [r.dbz_slot for r in runs])
                for workload in live:
                    workload.play(collector.reached)
            if runs[0].workload.snapshot:
                take_snapshots(world, runs, debezium)
            else:
                for pair in zip(runs[::2], [*runs[1::2], None]):
                    pair = [r for r in pair if r]
                    for r in pair:
                        r.start_tuplecast()
                    for r in pair:
                        r.finish_tuplecast()
            middle = time.monotonic()
            if not live:
                collector.reached(MARKER)
            collector.finish()
        direct = [r for r in runs if r.combination.kafka]
        for r in direct:
            r.await_marker(world.broker)
        try:
            debezium.stop(30)
        except AssertionError:
            # a connector that starts again and again
            pass
        for r in direct:
            r.theirs = r.read_topics(world.broker)
    finally:
        debezium.destroy()
    world.broker.delete_topics([t for t in world.broker.topics() if t.startswith((FUNNEL_PREFIX, compare.HEARTBEATS))])
    for r in runs:
        for slot in (r.dbz_slot, r.tc_slot):
            try:
                wait_until(lambda: not world.cluster.value("SELECT active FROM pg_replication_slots WHERE slot_name = %s", (slot,)), 20)
                world.cluster.sql("SELECT pg_drop_replication_slot(%s)", (slot,))
            except AssertionError:
                pass
    say(f"  {len(runs)} combinations of {version}: {middle - start:.0f} s tuplecast, {time.monotonic() - middle:.0f} s more for Debezium")


def take_snapshots(world, runs, debezium):
    """All slots are made, so that what marks the end is behind each snapshot, in the stream."""
    for r in runs:
        r.start_tuplecast()

    def made():
        slots = {name for name, in world.cluster.sql("SELECT slot_name FROM pg_replication_slots WHERE confirmed_flush_lsn IS NOT NULL")}
        ours = all(r.tc_slot in slots or not r.shipper.running() for r in runs)
        missing = {r.dbz_slot for r in runs} - slots
        return ours and (not missing or missing <= set(debezium.failed()))
    wait_until(made, PATIENCE, what="all snapshots have begun", interval=0.5)
    for workload in dict.fromkeys(r.workload for r in runs):
        workload.mark(MARKER)
    for r in runs:
        r.finish_tuplecast()


class Collector:
    """Reads the funnels."""

    def __init__(self, world, debezium, runs, timeout=PATIENCE):
        self.debezium = debezium
        self.by_topic = {FUNNEL_PREFIX + r.dbz_slot: r for r in runs}
        self.numbered = defaultdict(dict)
        self.markers = defaultdict(dict)
        self.failed = {}
        self.timeout = timeout
        self.reader = TopicReader(world.broker.address, self.by_topic)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()

    def reached(self, marker):
        """Waits until each that has not failed has come to the marker; false if nothing comes any more."""
        end = time.monotonic() + self.timeout
        checked = time.monotonic()
        while True:
            waiting = [t for t in self.by_topic if t not in self.failed and not self.complete(t, marker)]
            if not waiting:
                return True
            for message in self.reader.poll(0.3):
                number, record = compare.from_kafka(message)
                self.numbered[message.topic][number] = record
                found = re.search(rf"{MARKER}|compat-step-\d+", message.k or "")
                if found:
                    self.markers[message.topic][found[0]] = number
                # a busy machine is slow, and not stuck
                end = time.monotonic() + self.timeout
            self.reader.records.clear()
            now = time.monotonic()
            if now - checked > 3:
                checked = now
                for name, trace in self.debezium.failed().items():
                    self.failed[FUNNEL_PREFIX + name] = trace
            if now > end:
                return False

    def complete(self, topic, marker):
        """Partitions are written independently: what was made before the marker may come after it."""
        number = self.markers[topic].get(marker)
        return number is not None and all(i in self.numbered[topic] for i in range(number))

    def finish(self):
        for topic, r in self.by_topic.items():
            r.theirs = cut([record for _, record in sorted(self.numbered[topic].items())])
            if topic in self.failed:
                causes = re.findall(r"^Caused by: .*|^\S*Exception.*", self.failed[topic], re.M)
                r.problems.append(f"Debezium: the task failed after {len(r.theirs)} records: {' | '.join(c[:300] for c in causes)}")
            elif not self.complete(topic, MARKER):
                r.problems.append(f"Debezium: no end within {self.timeout} s, {len(r.theirs)} records\n{self.debezium.tail(1500)}")


# ---- report --------------------------------------------------------------

class Totals:
    def __init__(self):
        self.compared = 0
        self.combinations = 0
        self.used = Counter()
        self.differences = []
        self.problems = []

    def add(self, run, comparer):
        self.combinations += 1
        self.compared += comparer.compared
        self.used += comparer.used
        # what is missing because one of the two stopped early is no difference of its own
        self.differences += [d for d in comparer.differences if not (run.problems and d.path[0] == "record")]
        self.problems += [(run.combination.name, p) for p in run.problems]

    def groups(self):
        found = defaultdict(list)
        for d in self.differences:
            found[d.group, kind(d.theirs), kind(d.ours)].append(d)
        return sorted(found.items(), key=lambda g: -len(g[1]))


def kind(value):
    return "absent" if value is compare.ABSENT else "null" if value is None else type(value).__name__


def shown(value, most=300):
    text = json.dumps(value, default=repr, ensure_ascii=False) if isinstance(value, (dict, list, str)) else repr(value)
    return text if len(text) <= most else text[:most] + f"… ({len(text)} characters)"


def write_report(path, totals):
    out = [f"# Differences from Debezium: {len(totals.differences)} in {totals.compared} records of {totals.combinations} combinations\n"]
    if totals.problems:
        out.append("## Combinations that did not run to their end\n")
        grouped = defaultdict(list)
        for name, problem in totals.problems:
            grouped[re.sub(r"\b(c|tc_|dbz_)\d+\b|\d{4}-\d\d-\S+", "…", problem)[:700]].append((name, problem))
        for members in sorted(grouped.values(), key=len, reverse=True):
            out.append(f"* {len(members)}: {', '.join(n for n, _ in members[:12])}\n  ```\n  {members[0][1][:1800]}\n  ```\n")
    for (where, *_), members in totals.groups():
        first = members[0]
        combinations = list(dict.fromkeys(d.combination for d in members))
        out.append(f"## {where}\n{len(members)} times in {len(combinations)} combinations: {', '.join(combinations[:6])}{' …' if len(combinations) > 6 else ''}\n")
        tables = list(dict.fromkeys(d.topic.split(".", 1)[-1] for d in members))
        out.append(f"* tables: {', '.join(tables[:10])}\n* Debezium: `{shown(first.theirs)}`\n* ours: `{shown(first.ours)}`")
        for other in members[1:]:
            if other.combination != first.combination and (shown(other.theirs), shown(other.ours)) != (shown(first.theirs), shown(first.ours)):
                out.append(f"* in {other.combination}: Debezium `{shown(other.theirs, 150)}` ours `{shown(other.ours, 150)}`")
                break
        if first.path[0] != "record":
            theirs, ours = first.record
            out.append(f"* record: `{theirs.topic}` key `{(theirs.key or 'null')[:200]}`")
        out.append("")
    Path(path).write_text("\n".join(out))


def self_test(runs):
    """A comparer that finds nothing in records spoilt on purpose proves nothing."""
    # of records that are compared in parts, or left out of account, a change may not count
    chosen = [r for r in runs if not re.search("heartbeat|cloudevents", r.combination.name) and len(r.ours) > 20 and any(x.value is None for x in r.ours)]
    if not chosen:
        return ["no combination has records for the test of the test"]
    # few records may have nothing that a mutation changes
    run = min(chosen, key=lambda r: (not r.combination.unwrap_name(), len(r.ours) < 300, sum(len(x.value or "") for x in r.ours)))
    missed = []

    def differences(ours):
        comparer = compare.Comparer(run.combination, EXEMPTIONS)
        comparer.run(run.ours, ours)
        return comparer.differences
    if differences(list(run.ours)):
        missed.append(f"the records of {run.combination.name} differ from themselves")
    missed += [f"mutation \"{name}\" of {run.combination.name} was not noticed" for name, m in mutate.MUTATIONS.items() if not differences(m(run.ours))]
    say(f"test of the test: {len(mutate.MUTATIONS) - len(missed)} of {len(mutate.MUTATIONS)} mutations of {run.combination.name} noticed")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=["all", "quick"])
    parser.add_argument("--only", help="regular expression of the combinations' names")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("TUPLECAST_COMPAT_SEED", secrets.randbelow(10**6))))
    parser.add_argument("--rows", type=int, default=1500, help="random changes")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--report", help="write the differences, grouped, to this file")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    mutation = os.environ.get("TUPLECAST_COMPAT_MUTATE")
    if mutation and mutation not in mutate.MUTATIONS:
        parser.error(f"TUPLECAST_COMPAT_MUTATE is one of {', '.join(mutate.MUTATIONS)}")

    chosen = [c for c in matrix.everything(args.seed) if (args.part == "all" or c.quick) and (not args.only or re.search(args.only, c.name))]
    if args.list:
        print("\n".join(f"{c.name:45} {c.workload:12} {c.version}" for c in chosen))
        return 0
    say(f"seed {args.seed} (--seed {args.seed} repeats it); {len(chosen)} combinations")
    start = time.monotonic()
    totals = Totals()
    world = World(args)
    missed = []
    tested = False
    try:
        for name in dict.fromkeys(c.workload for c in chosen):
            world.workload(name)
        say(f"  servers and workloads: {time.monotonic() - start:.0f} s")
        for version in dict.fromkeys(c.version for c in chosen):
            of_version = [c for c in chosen if c.version == version]
            for batch in batches(of_version, args.batch):
                runs = [Run(world, c) for c in batch]
                run_batch(world, runs, version)
                began = time.monotonic()
                for r in runs:
                    totals.add(r, r.compare(mutate.MUTATIONS.get(mutation)))
                if not tested:
                    missed, tested = self_test(runs), True
                say(f"  compared in {time.monotonic() - began:.0f} s; so far {totals.compared} records, {len(totals.differences)} differences")
                if args.report:
                    write_report(args.report, totals)
    finally:
        world.destroy()
    return verdict(args, totals, missed, time.monotonic() - start)


def verdict(args, totals, missed, seconds):
    say(f"\nexemptions used:")
    for name, count in totals.used.most_common():
        say(f"  {count:8} {name}")
    unused = []
    if args.part == "all" and not args.only:
        unused = [e.name for e in EXEMPTIONS if e.kind == REQUIRED and not totals.used[e.name]]
    for name in unused:
        say(f"exemption \"{name}\" was never needed: it must go")
    for text in missed:
        say(text)
    for name, problem in totals.problems:
        say(f"{name}: {problem.splitlines()[0][:300]}")
    for (where, *_), members in totals.groups()[:40]:
        say(f"DIFFERENT {len(members):6} {where}: Debezium {shown(members[0].theirs, 100)} ours {shown(members[0].ours, 100)} ({members[0].combination}, {members[0].topic})")
    say(f"\n{totals.compared} records in {totals.combinations} combinations compared in {seconds:.0f} s: {len(totals.differences)} differences"
        f"{f', {len(totals.problems)} combinations with problems' if totals.problems else ''}")
    ok = not (totals.differences or totals.problems or missed or unused) and totals.compared > 0
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
