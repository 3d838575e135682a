"""The figures of doc/performance.md. Runs are interleaved, so that a machine that is not quiet disturbs all of them alike: trust the ratios."""
import argparse
import itertools
import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "test/e2e"), str(TOP / "test/compat")]

from harness.jvm import SERVER  # noqa: E402
from harness.kafka import KafkaBroker  # noqa: E402

import beside  # noqa: E402
import databases  # noqa: E402
import incremental  # noqa: E402
import latency  # noqa: E402
import measure  # noqa: E402
import ship  # noqa: E402
import snapshot  # noqa: E402
import tables  # noqa: E402
from programs import PROGRAMS  # noqa: E402
from report import Results, burst_default, column, interleave, machine  # noqa: E402
from source import PUBLICATION, Source  # noqa: E402

# what must hold; a change that breaks one is a regression
DECODE_RATIO = 0.35
DECODE_TO_NOTHING = 1.3
RSS_MB = 64
EXACTLY_ONCE_RATIO = 0.85
SNAPSHOT_TO_DEBEZIUM = 15
INCREMENTAL_P99_MS = 100
CASES = ("decode", "ship", "size", "start", "memory", "latency", "delivery", "peers", "snapshot", "incremental", "slots", "databases", "shapes", "growth", "large")
ON_REQUEST = ("delivery", "peers", "snapshot", "incremental", "slots", "databases", "shapes", "growth", "large")


def arguments():
    p = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    p.add_argument("cases", nargs="*", metavar="CASE", help=f"which to run: {', '.join(CASES)} (default: all but {' and '.join(ON_REQUEST)})")
    p.add_argument("--quick", action="store_true", help="a tenth of the rows, fewer rounds, nothing asserted but memory and completeness")
    p.add_argument("--rounds", type=int, help="rounds of decode and ship (default 5)")
    p.add_argument("--large-rows", type=int, default=5_000_000, help="rows of the case large, one transaction to a slow broker")
    p.add_argument("--snapshot-rows", type=int, default=1_000_000, help="rows of the table of the cases snapshot and incremental")
    p.add_argument("--without-debezium", action="store_true", help="leave it out of the cases snapshot and latency")
    p.add_argument("--seconds", type=int, default=10, help="of each latency run")
    p.add_argument("--setting", action="append", metavar="OPTIONS", help="settings to compare in ship beside the defaults, as \"--linger.ms=5 --queue.max.bytes=1MB\"")
    p.add_argument("--shipper", action="append", metavar="NAME=PATH", help="shippers to compare in ship, instead of the one built here")
    p.add_argument("--peer", action="append", default=[], metavar="NAME=PROGRAM", help=f"one more in the case peers, built by you: {' or '.join(PROGRAMS)}")
    a = p.parse_args()
    a.peers = dict(s.partition("=")[::2] for s in a.peer)
    for name, path in a.peers.items():
        if name not in PROGRAMS or not os.access(path, os.X_OK):
            p.error(f"--peer {name}={path}: NAME is {' or '.join(PROGRAMS)}, PROGRAM an executable")
    unknown = set(a.cases) - set(CASES)
    if unknown:
        p.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    a.cases = a.cases or [c for c in CASES if c not in ON_REQUEST]
    a.rounds = a.rounds or (2 if a.quick else 5)
    return a


def run_decode(source, options, results):
    burst = burst_default(options.binary)
    ours = {"wire": 1, "topic.prefix": "bench", "decoding.burst": burst}
    other = {**ours, "decoding.burst": "false" if burst == "true" else "true"}
    excluded = {"table.exclude.list": r"public\..*"}
    plugins = {
        "tuplecast": ("tuplecast", ours),
        f"tuplecast, decoding.burst={other['decoding.burst']}": ("tuplecast", other),
        # what the server's own walsender costs
        "tuplecast, all excluded": ("tuplecast", {**ours, **excluded, "decoding.burst": "false"}),
        "tuplecast, all excluded, decoding.burst=true": ("tuplecast", {**ours, **excluded, "decoding.burst": "true"}),
        "pgoutput": ("pgoutput", {"proto_version": 1, "publication_names": PUBLICATION}),
    }
    others = {"test_decoding": {}, "wal2json": {"format-version": 2}, "decoderbufs": {}}
    plugins |= {name: (name, others[name]) for name in source.plugins}

    def run(plugin, plugin_options, host):
        seconds, cpu = source.decode(plugin, plugin_options, host)
        return {"seconds": seconds, "walsender_cpu_s": cpu, "rows": source.rows}
    runs = {f"{name} ({way})": lambda _, p=p, o=o, host=host: run(p, o, host)
            for way, host in (("TCP", "127.0.0.1"), ("unix socket", str(source.cluster.dir))) for name, (p, o) in plugins.items()
            # one connection is enough to compare with them
            if way == "TCP" or name not in others}
    figures = interleave(options.rounds, runs, results, "decode")
    print(f"\nDecoding {source.rows:,} rows through the walsender, pg_recvlogical to /dev/null, medians of {options.rounds}\n")
    results.show("decode")
    if options.quick:
        return
    ratio = tables.ratio(figures["tuplecast (TCP)"], figures["pgoutput (TCP)"], "seconds")
    results.check(ratio <= DECODE_RATIO, f"decoding takes {ratio:.3f} of pgoutput's time over TCP, at most {DECODE_RATIO}")
    for name in list(plugins)[:2]:
        if burst == "true" and "=false" in name:
            continue
        ratio = tables.ratio(figures[f"{name} (TCP)"], figures[f"{tables.NOTHING} (TCP)"], "seconds")
        results.check(ratio <= DECODE_TO_NOTHING, f"{name}: {ratio:.2f} of the time of a plugin that does nothing, over TCP, at most {DECODE_TO_NOTHING}")


def in_pgoutput(results, name, seconds, cpu):
    """The limits of rows a second and of CPU a row, in what pgoutput takes for the same rows in the same run."""
    whole = beside.PGOUTPUT_SECONDS
    most = beside.PGOUTPUT_ROWS / beside.ROWS_PER_SECOND / whole
    results.check(seconds <= most, f"{name}: {seconds:.2f} of pgoutput's time, at most {most:.2f}: {beside.ROWS_PER_SECOND:,} rows/s where pgoutput takes {whole} s")
    most = beside.CPU_US * beside.PGOUTPUT_ROWS / 1e6 / whole
    results.check(cpu <= most, f"{name}: walsender and shipper take {cpu:.2f} of pgoutput's CPU time, at most {most:.2f}: {beside.CPU_US} µs a row where pgoutput takes {whole} s")


def run_ship(source, broker, options, results):
    shippers = dict(s.split("=", 1) for s in options.shipper) if options.shipper else {"": options.binary}
    numbers = iter(range(1, 1000))
    burst = "false" if burst_default(options.binary) == "true" else "true"
    ways = {"defaults": ()} | {o.replace("--", ""): tuple(o.split()) for o in options.setting or
                               ["--headers.identity=false", f"--headers.identity=false --decoding.burst={burst}"]}
    runs = {f"{name} {way}".strip(): lambda _, path=path, o=o: ship.wide(path, source, broker, next(numbers), *o)
            for way, o in ways.items() for name, path in shippers.items()}

    def pgoutput(_):
        seconds, cpu = source.decode("pgoutput", {"proto_version": 1, "publication_names": PUBLICATION}, "127.0.0.1")
        return {"seconds": seconds, "rows_per_second": source.rows / seconds, "walsender_us": cpu / source.rows * 1e6, "rows": source.rows}
    ours = list(runs)
    figures = interleave(options.rounds, {**runs, tables.PGOUTPUT: pgoutput}, results, "ship")
    print(f"\n{source.rows:,} rows to a Kafka broker on the same cores, acks=all, idempotent, lz4, medians of {options.rounds}; CPU in µs a row\n")
    results.show("ship")
    results.show("cpu-seconds")
    peak = max(max(column(figures[name], "peak_rss_mb")) for name in ours)
    results.check(peak < beside.RSS_MB, f"peak RSS {peak:.1f} MB, less than {beside.RSS_MB}")
    if options.quick:
        return
    for name in ours:
        f = figures[name]
        ratio = tables.ratio(f, figures[tables.PGOUTPUT], "seconds")
        results.check(ratio < 1, f"{name}: {ratio:.2f} of the time that pg_recvlogical takes to write pgoutput to /dev/null, less than 1")
        # so the records have what the others' have
        if "headers.identity=false" not in name or "decoding.burst=false" in name:
            continue
        rate, cpu = (measure.median([line[key] for line in f]) for key in ("rows_per_second", "shipper_us"))
        cpu += measure.median(column(f, "walsender_us"))
        others = measure.median(column(f, "others_cores"))
        busy = f" (other processes had {others:.1f} of {os.cpu_count()} cores: repeat it on a quiet machine)" if others > 0.2 else ""
        results.check(rate >= beside.ROWS_PER_SECOND, f"{name}: {rate:,.0f} rows/s, at least {beside.ROWS_PER_SECOND:,}{busy}")
        results.check(cpu <= beside.CPU_US, f"{name}: {cpu:.2f} µs of CPU a row in walsender and shipper, at most {beside.CPU_US}")
        in_pgoutput(results, name, ratio, cpu / measure.median(column(figures[tables.PGOUTPUT], "walsender_us")))


def run_memory(source, broker, options, results):
    # so few rows fill no larger queue
    queues = (1,) if options.quick else (8, 16)
    for number, size in enumerate(queues):
        name, o = f"queue.max.bytes={size} MB", (f"--queue.max.bytes={size * measure.MB}",)
        f = ship.paused_broker(options.binary, source, broker, number, *o)
        results.add("memory", name, 1, f)
        results.check(f["written"] >= f["rows"] and f["peak_rss_mb"] < RSS_MB,
                      f"{name}: after a pause of the broker {f['written']:,} records of {f['rows']:,} rows, peak RSS {f['peak_rss_mb']:.1f} MB, less than {RSS_MB}")
    print("\nThe broker stops in the middle of the large transaction and goes on\n")
    results.show("memory")


def run_delivery(source, broker, options, results):
    """What exactly-once costs, and what commit.interval.ms trades."""
    numbers = iter(range(1000, 9000))
    ways = {"at-least-once": ()} | {f"exactly-once, commit.interval.ms={ms}": ("--delivery=exactly-once", f"--commit.interval.ms={ms}")
                                    for ms in (5, 20, 100, 500)}
    figures = interleave(options.rounds, {name: lambda _, o=o: ship.wide(options.binary, source, broker, next(numbers), *o)
                                          for name, o in ways.items()}, results, "delivery")
    rate, seconds = 200, 3 if options.quick else options.seconds
    for name in figures:
        results.add("delivery latency", name, 1, latency.tuplecast(options.binary, source, broker, rate, seconds, *ways[name]))
    print(f"\n{source.rows:,} rows, medians of {options.rounds}, CPU in µs a row; then {rate} single-row transactions/s for {seconds} s, "
          "commit to a read_committed consumer, CPU in % of a core\n")
    results.show("delivery")
    if not options.quick:
        ratio = tables.ratio(figures["exactly-once, commit.interval.ms=20"], figures["at-least-once"], "rows_per_second")
        results.check(ratio >= EXACTLY_ONCE_RATIO, f"exactly-once has {ratio:.2f} of the throughput of at-least-once, at least {EXACTLY_ONCE_RATIO}")


def run_large(source, broker, options, results):
    rows = options.large_rows // 10 if options.quick else options.large_rows
    f = ship.large_transaction(options.binary, source, broker, 1, rows)
    results.add("large", "defaults", 1, f)
    step = max(1, len(f["rss_mb"]) // 30)
    print(f"\nOne transaction of {rows:,} narrow rows to a slow broker: {f['seconds']:.0f} s, {rows / f['seconds']:,.0f} rows/s")
    print("RSS in MB, second by second" + (f", each {step}th" if step > 1 else "") + ": " + " ".join(str(n) for n in f["rss_mb"][::step]), "\n")
    results.check(f["peak_rss_mb"] < RSS_MB, f"peak RSS {f['peak_rss_mb']:.1f} MB, less than {RSS_MB}")
    results.check(f["written"] == rows and f["reconnects"] == 0, f"{f['written']:,} records of {rows:,} rows, {f['reconnects']:.0f} reconnections")


def run_snapshot(source, broker, options, results):
    """Rows that are there already: into the broker, by Debezium into the same one, and as JSON to nowhere."""
    count = options.snapshot_rows // 10 if options.quick else options.snapshot_rows
    snapshot.fill(source, count)
    numbers = itertools.count(1)
    # Debezium's records have no headers; ours have some by default
    same = "--headers.identity=false"
    ways = {f"tuplecast, snapshot.max.threads={n}": (same, f"--snapshot.max.threads={n}") for n in (1, 4)}
    ways |= {"tuplecast, headers.identity=true": ("--snapshot.max.threads=4",), "tuplecast, exactly-once": (same, "--delivery=exactly-once", "--snapshot.max.threads=4")}
    runs = {name: lambda _, o=o: snapshot.ours(options.binary, source, broker, next(numbers), count, *o) for name, o in ways.items()}
    copy = "COPY (SELECT row_to_json(t) …) > /dev/null"
    runs[copy] = lambda _: snapshot.copy(source, count)
    debezium = "Debezium 3.6.1"
    if not options.without_debezium:
        runs[debezium] = lambda _: snapshot.debezium(source, broker, next(numbers), count)
    figures = interleave(options.rounds, runs, results, "snapshot")
    print(f"\nSnapshot of {count:,} rows of eight columns, medians of {options.rounds}; CPU in µs a row\n")
    results.show("snapshot")
    for name in runs:
        if not name.startswith("tuplecast"):
            continue
        peak = max(column(figures[name], "peak_rss_mb"))
        results.check(peak < RSS_MB, f"{name}: peak RSS {peak:.1f} MB, less than {RSS_MB}")
    if options.quick:
        return
    best = max(list(ways)[:2], key=lambda name: measure.median(column(figures[name], "rows_per_second")))
    ratio = tables.ratio(figures[best], figures[copy], "rows_per_second")
    results.check(ratio >= 1, f"{best}: {ratio:.2f} of the rows/s of COPY to /dev/null, at least 1")
    if debezium in figures:
        ratio = tables.ratio(figures[best], figures[debezium], "rows_per_second")
        results.check(ratio >= SNAPSHOT_TO_DEBEZIUM, f"{best}: {ratio:.1f} of Debezium's rows/s, at least {SNAPSHOT_TO_DEBEZIUM}")


def run_incremental(source, broker, options, results):
    """1,000 transactions of one row a second, and a table that is read meanwhile."""
    count, rate, seconds = (options.snapshot_rows // 10, 1_000, 3) if options.quick else (options.snapshot_rows, 1_000, options.seconds)
    snapshot.fill(source, count)
    ways = {"defaults": (), "incremental.snapshot.chunk.size=8192": ("--incremental.snapshot.chunk.size=8192",), "delivery=exactly-once": ("--delivery=exactly-once",)}
    found = {}
    for number, (name, o) in enumerate(ways.items(), 1):
        found[name] = incremental.run(options.binary, source, broker, number, rate, seconds, count, *o)
        for when, f in zip(("before", "during"), found[name]):
            results.add("incremental", f"{name}, {when}", 1, f)
    print(f"\nCommit to consumer in ms, {rate:,} transactions of one row a second, for {seconds} s before and while {count:,} rows of eight columns of another table are read "
          "by an incremental snapshot; CPU in % of a core, RSS: its peak\n")
    results.show("incremental")
    peak = max(during["rss_mb"] for _, during in found.values())
    results.check(peak < RSS_MB, f"peak RSS {peak:.1f} MB, less than {RSS_MB}")
    if options.quick:
        return
    during = found["defaults"][1]
    results.check(during["rate"] > rate * 0.95, f"the load came at {during['rate']:,.0f} rows/s, of {rate:,}")
    late = during["p99_ms"]
    results.check(late < INCREMENTAL_P99_MS, f"while the table is read p99 is {late:.1f} ms, less than {INCREMENTAL_P99_MS}")


RUNS = {"decode": run_decode, "ship": run_ship, "size": beside.run_size, "start": beside.run_start, "memory": run_memory, "latency": beside.run_latency,
        "delivery": run_delivery, "peers": beside.run_peers, "snapshot": run_snapshot, "incremental": run_incremental, "slots": beside.run_slots,
        "databases": databases.run, "shapes": beside.run_shapes, "growth": beside.run_growth, "large": run_large}


def main():
    options = arguments()
    options.binary = os.environ.get("TUPLECAST_TEST_SHIPPER", str(TOP / "shipper/build/tuplecast"))
    results = Results()
    source, broker = None, None
    try:
        print("preparing the rows", file=sys.stderr, flush=True)
        source = Source(os.environ["TUPLECAST_TEST_PG_BINDIR"])
        small = options.quick or not set(options.cases) - {"snapshot", "incremental"}
        source.start(*((3_000, 20_000) if small else (30_000, 200_000)))
        about = machine(source, options.binary, options.quick)
        results.add("machine", "", 0, about)
        print(", ".join(f"{k} {v}" for k, v in about.items()))
        if "decode" in options.cases:
            results.case = "decode"
            run_decode(source, options, results)
        if set(options.cases) - {"decode"}:
            broker = KafkaBroker(heap="1g", jvm=SERVER)
            broker.start()
        for case in CASES[1:]:
            if case in options.cases:
                results.case = case
                RUNS[case](source, broker, options, results)
    finally:
        if broker:
            broker.destroy()
        if source:
            source.destroy()
    print(f"written to {os.path.relpath(results.path)}")
    if results.failures:
        sys.exit("bench: " + "; ".join(results.failures))


if __name__ == "__main__":
    main()
