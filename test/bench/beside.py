"""Cases beside other programs, and beside other shapes of changes."""
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import latency
import measure
import peers
import shapes
import ship
import tables
from report import TOP, burst_default, column, interleave

# what must hold, with the eight columns and a broker on the same two cores
ROWS_PER_SECOND = 300_000
TO_TUNED_DEBEZIUM = 10
CPU_US = 4.0
# where these two were set pgoutput took so long for the 500,000 rows; in it they can be told on a machine of any speed
PGOUTPUT_SECONDS, PGOUTPUT_ROWS = 2.3, 500_000
RSS_MB = 32
START_MS = 300
P50_MS, P99_MS = 2, 8
P99_MS_AT_50000 = 50
SIZE_KB = 1024
DEBEZIUM_RATES = (100, 1_000, 10_000)
PEERS_RATE = 1_000


def median_of(runs, key):
    return measure.median(column(runs, key))


def run_peers(source, broker, options, results):
    """Who catches up how fast with the same rows."""
    count = 20_000 if options.quick else 300_000
    streams = peers.Streams(options.binary, source, broker, peers.kinds(options.peers))
    try:
        rounds = 1 if options.quick else min(options.rounds, 3)
        figures = interleave(rounds, streams.runs(count), results, "peers")
    finally:
        streams.destroy()
    failed = list(streams.failed)
    _peers_latency(source, broker, options, results, streams)
    for name, why in streams.failed.items():
        results.add("peers failed", name, 0, {"why": why})
    figures = {name: runs for name, runs in figures.items() if name not in failed}
    tuned = figures.get("Debezium, tuned")
    print(f"\nCatching up with {count:,} rows of eight columns in transactions of ten, JSON, acks=all, lz4 (pgstream: none), medians of {rounds}; "
          "CPU in µs a row\n")
    results.show("peers")
    print(f"\nCommit to consumer in ms, {PEERS_RATE:,} transactions of one row a second; CPU in % of a core\n")
    results.show("peers-latency")
    if options.quick:
        return
    ours = figures["tuplecast"]
    rate, cpu = median_of(ours, "rows_per_second"), median_of(ours, "client_us") + median_of(ours, "walsender_us")
    results.check(rate >= ROWS_PER_SECOND, f"{rate:,.0f} rows/s, at least {ROWS_PER_SECOND:,}")
    if tuned:
        ratio = tables.ratio(ours, tuned, "rows_per_second")
        results.check(ratio >= TO_TUNED_DEBEZIUM, f"{ratio:.1f} times tuned Debezium's rows/s, at least {TO_TUNED_DEBEZIUM}")
    else:
        results.check(False, "tuned Debezium did not run: nothing to compare with")
    results.check(cpu <= CPU_US, f"{cpu:.2f} µs of CPU a row in walsender and shipper, at most {CPU_US}")
    peak = max(column(ours, "peak_rss_mb"))
    results.check(peak < RSS_MB, f"peak RSS {peak:.1f} MB, less than {RSS_MB}")


def _peers_latency(source, broker, options, results, streams):
    """Rows of a table: each alone, one after the other."""
    seconds = 3 if options.quick else options.seconds
    found = {"bare producer and consumer": latency.bare(broker, PEERS_RATE, seconds, 1),
             "tuplecast": latency.tuplecast(options.binary, source, broker, PEERS_RATE, seconds)}
    for kind, (_, make) in streams.kinds.items():
        found[kind] = streams.guarded(kind, latency.of_peer, source, broker, kind, make, PEERS_RATE, seconds)
    for name, late in found.items():
        if late is not None:
            results.add("peers latency", name, 1, late)


def run_start(source, broker, options, results):
    times = [peers.start_to_first_record(options.binary, source, broker)["ms"] for _ in range(3 if options.quick else 11)]
    for number, ms in enumerate(times):
        results.add("start", "tuplecast", number, {"ms": ms})
    middle = measure.median(times)
    print(f"\nFrom the start of the process to the first record at a consumer: median {middle:.0f} ms, {min(times):.0f} to {max(times):.0f} ms of {len(times)}\n")
    if not options.quick:
        results.check(middle < START_MS, f"start to first record {middle:.0f} ms, less than {START_MS}")


def run_size(_source, _broker, options, results):
    with tempfile.TemporaryDirectory() as directory:
        sizes = {}
        for name, path in (("program", Path(options.binary)), ("extension", TOP / "tuplecast.so")):
            copy = shutil.copy(path, Path(directory) / name)
            subprocess.run(["strip", copy], check=True)
            sizes[name] = os.path.getsize(copy) / 1024
    results.add("size", "stripped", 0, {f"{k}_kb": v for k, v in sizes.items()})
    total = sum(sizes.values())
    results.check(total < SIZE_KB, f"program {sizes['program']:.0f} KB and extension {sizes['extension']:.0f} KB, stripped, together less than {SIZE_KB} KB")


def run_latency(source, broker, options, results):
    """Commit to consumer, at four rates, with settings that trade it for CPU, beside a bare producer and Debezium."""
    seconds = 3 if options.quick else options.seconds

    def add(name, rate, found):
        results.add("latency", name, rate, {"wanted": rate, **found})
        return found
    found, bare = {}, {}
    # a broker that runs for hours is compiled
    latency.bare(broker, 2_000, 2 * seconds, 1)
    for rate, batch in latency.RATES.items():
        bare[rate] = add("bare producer and consumer", rate, latency.bare(broker, rate, seconds, batch))
        found[rate] = add("tuplecast", rate, latency.tuplecast(options.binary, source, broker, rate, seconds, batch=batch))
    for way in ("kafka.linger.ms=0", "kafka.linger.ms=5", "delivery=exactly-once"):
        add(f"tuplecast, {way}", 1_000, latency.tuplecast(options.binary, source, broker, 1_000, seconds, f"--{way}"))
    for kind, (_, make) in peers.kinds({}).items() if not options.without_debezium else ():
        try:
            with latency.streaming(source, broker, kind, make) as run:
                run(1_000, seconds, 1)  # warms the JVM up
                for rate in DEBEZIUM_RATES:
                    add(kind, rate, run(rate, seconds, latency.RATES[rate]))
        except Exception as e:  # whatever is wrong with it, the others have been measured
            print(f"  latency: {kind} FAILED: {type(e).__name__}: {e}", file=sys.stderr, flush=True)
    print(f"\nCommit to consumer in ms, {seconds} s each, rows of transactions: "
          + ", ".join(f"{batch} at {rate:,}/s" for rate, batch in latency.RATES.items()) + "; CPU in % of a core\n")
    results.show("latency")
    if options.quick:
        return
    for rate, f in found.items():
        results.check(f["rate"] > rate * 0.95, f"the load came at {f['rate']:,.0f} rows/s, of {rate:,}")
    f = found[1_000]
    results.check(f["p50_ms"] < P50_MS and f["p99_ms"] < P99_MS, f"at 1,000 rows/s p50 {f['p50_ms']:.2f} and p99 {f['p99_ms']:.2f} ms, less than {P50_MS} and {P99_MS}; "
                  f"without a database {bare[1_000]['p50_ms']:.2f} and {bare[1_000]['p99_ms']:.2f}")
    f = found[50_000]
    results.check(f["p99_ms"] < P99_MS_AT_50000, f"at 50,000 rows/s p99 {f['p99_ms']:.2f} ms, less than {P99_MS_AT_50000}; without a database {bare[50_000]['p99_ms']:.2f}")


def _decoded(source, options, shape, rounds, results, case, more=None):
    """figures of each plugin, and of more runs: name → function of (made, number)"""
    made = shapes.Made(source, shape, burst_default(options.binary))
    try:
        runs = {name: lambda _, name=name: made.decode(name) for name in made.plugins()}
        runs |= {name: lambda number, run=run: run(made, number) for name, run in (more or {}).items()}
        return interleave(rounds, runs, results, f"{case}: {shape.name}")
    finally:
        made.destroy()


def _us(runs, shape):
    return median_of(runs, "walsender_cpu_s") / shape.rows * 1e6


def run_shapes(source, broker, options, results):
    rounds = 1 if options.quick else min(options.rounds, 3)
    for number, shape in enumerate(shapes.shapes()):
        shape = shape.scaled(20) if options.quick else shape
        prefix = f"shape{number}"
        _decoded(source, options, shape, rounds, results, "shapes",
                 {"to the broker": lambda made, _, prefix=prefix: made.ship(options.binary, broker, prefix)})
    print(f"\nOther shapes: decoding in pgoutput's time, the walsender's CPU in µs a row, and to the broker; medians of {rounds}\n")
    results.show("shapes")


def run_growth(source, _broker, options, results):
    for title, (_, points) in shapes.growth().items():
        for value, shape in points:
            shape = shape.scaled(20) if options.quick else shape
            figures = _decoded(source, options, shape, 1, results, f"growth: {title}")
            results.add("growth", title, value, {name: _us(runs, shape) for name, runs in figures.items()})
    print("\nThe walsender's CPU in µs a row, by what grows\n")
    results.show("growth")


def run_slots(source, broker, options, results):
    """Two halves of the tables over two slots, at the same time."""
    shape = shapes.Shape("two tables", tuple(f"CREATE TABLE s{n} (id bigint PRIMARY KEY, v text, n int)" for n in (0, 1)),
                         "EXECUTE format('INSERT INTO s%s SELECT i, md5(i::text), i FROM generate_series($1, $2) i', t % 2) USING {lo}, {hi}",
                         20_000 if options.quick else 600_000)
    made = shapes.Made(source, shape, burst_default(options.binary))

    def together(number):
        figures = []
        watch = measure.Stopwatch()
        threads = [threading.Thread(target=lambda half=half: figures.append(
            ship.throughput(options.binary, source, broker, f"slots{half}", base="shape", tables=rf"shape\.s{half}", rows=shape.rows // 2))) for half in (0, 1)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(figures) == 2, "one of the two failed"
        seconds = max(f["seconds"] for f in figures)
        return {"seconds": seconds, "rows_per_second": shape.rows / seconds, "walsender_us": sum(f["walsender_us"] for f in figures) / 2,
                "shipper_us": sum(f["shipper_us"] for f in figures) / 2, "elapsed": watch.seconds()}
    try:
        rounds = 1 if options.quick else min(options.rounds, 3)
        interleave(rounds, {"one slot": lambda _: made.ship(options.binary, broker, "slots"), "two slots": together}, results, "slots")
    finally:
        made.destroy()
    print(f"\n{shape.rows:,} narrow rows of two tables, medians of {rounds}; with two slots each walsender decodes all of the WAL\n")
    results.show("slots")
