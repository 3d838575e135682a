"""tables.py RESULTS.jsonl... [--doc FILE] [--print]: the tables of doc/performance.md, of the lines that runs have left. Between the comments
"<!-- table: NAME -->" and "<!-- end of table -->" it rewrites the document; --print prints instead. Nothing is typed by hand.

Of the same case the file that is named last counts. A table whose case was not measured stays as it is."""
import argparse
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import measure
from measure import median

DOC = Path(__file__).resolve().parents[2] / "doc/performance.md"
MARK = re.compile(r"(<!-- table: ([a-z-]+) -->\n)(.*?)(<!-- end of table -->)", re.S)
# lines of older runs do not tell
ROWS = 500_000
PGOUTPUT = "pg_recvlogical, pgoutput, to /dev/null"
NOTHING = "tuplecast, all excluded"


def load(paths):
    """The lines; of a case that several files have, those of the last."""
    of = {}
    for path in paths:
        found = defaultdict(list)
        for text in Path(path).read_text().splitlines():
            line = json.loads(text)
            # checks belong to the case that they are of
            found[line["case"], line["name"] if line["case"] == "check" else ""].append(line)
        if set(found) - {("machine", "")}:
            for case, _ in found:
                of.pop(("check", case), None)
            of.update(found)
    return [line for lines in of.values() for line in lines]


def runs(lines, case):
    """name → its lines, in the order of the first round"""
    found = defaultdict(list)
    for line in lines:
        if line["case"] == case:
            found[line["name"]].append(line)
    # the order turns from round to round: sorted, so that a table does not depend on it
    return {name: found[name] for name in sorted(found, key=rank)}


def rank(name):
    order = ("bare", "tuplecast", "defaults", "at-least-once", "exactly-once", "one slot", "two slots", "pgoutput", "Debezium")
    first = next((i for i, start in enumerate(order) if name.startswith(start)), len(order))
    return "(unix" in name, first, "excluded" in name, [int(n) if n.isdigit() else n for n in re.split(r"(\d+)", name)]


def column(of, key):
    return [line[key] for line in of if key in line]


def middle(of, key, digits=2):
    values = column(of, key)
    return f"{median(values):,.{digits}f}" if values else ""


def peak(of, key="peak_rss_mb"):
    values = column(of, key)
    return f"{max(values):,.1f}" if values else ""


def spread(of, key):
    values = column(of, key)
    return f"±{measure.spread(values) * 50:.0f} %" if values else ""


def ratio(of, base, key):
    """Of each round, then the median: what disturbs a round disturbs both. None if there is no such round."""
    bases = {line["round"]: line[key] for line in base if key in line}
    found = [line[key] / bases[line["round"]] for line in of if key in line and bases.get(line["round"])]
    return median(found) if found else None


def text_of(number, digits=2):
    return "" if number is None else f"{number:,.{digits}f}"


def per_row(line):
    return line["walsender_cpu_s"] / line.get("rows", ROWS) * 1e6


def decode_us(of):
    return median([per_row(line) for line in of])


def machine(lines):
    found = [line for line in lines if line["case"] == "machine"]
    if not found:
        return None
    m = found[-1]
    return (f"The machine of these tables: {m['cores']} cores of {m['cpu']}, {m['memory_gb']} GB, Linux {m['kernel'].split('-')[0]}; PostgreSQL {m['postgres'].split()[0]}, "
            f"Kafka {m['kafka']}, {m['tuplecast']}." + (" A quick run: a tenth of the rows." if m.get("quick") else ""))


def speed(lines):
    """How fast the machine was: by what nobody changes."""
    of = runs(lines, "decode").get("pgoutput (TCP)")
    return of and (f"How fast the machine was: pgoutput, which does not change, took {median(column(of, 'seconds')):.2f} s for the rows "
                   f"({decode_us(of):.2f} µs of CPU a row).")


def decode(lines):
    of = runs(lines, "decode")
    if not of:
        return None
    rows = []
    for name, figures in of.items():
        way = name[name.rindex(" ("):]
        rows.append([name, middle(figures, "seconds"), spread(figures, "seconds"), text_of(ratio(figures, of.get("pgoutput" + way, []), "seconds"), 3),
                     text_of(ratio(figures, of.get(NOTHING + way, []), "seconds")), middle(figures, "walsender_cpu_s"), f"{decode_us(figures):.2f}",
                     f"{median([f.get('rows', ROWS) / f['seconds'] for f in figures]):,.0f}"])
    return measure.table(["plugin", "wall s", "spread", "to pgoutput", "to doing nothing", "walsender CPU s", "µs a row", "rows/s"], rows)


def ship(lines):
    of = runs(lines, "ship")
    if not of:
        return None
    rows = []
    for name, f in of.items():
        rows.append([name, middle(f, "rows_per_second", 0), spread(f, "rows_per_second"), middle(f, "mb_per_second", 0),
                     text_of(ratio(f, of.get(PGOUTPUT, []), "seconds")), *(middle(f, key) for key in ("main_thread_us", "shipper_us", "walsender_us", "broker_us")),
                     peak(f), middle(f, "others_cores")])
    return measure.table(["", "rows/s", "spread", "MB/s", "time to pgoutput's", "main thread", "shipper", "walsender", "broker", "peak RSS MB",
                          "cores of others"], rows)


def cpu_seconds(lines):
    of = runs(lines, "ship")
    rows = [[name, *(f"{median([line[key] * line.get('rows', ROWS) / 1e6 for line in f]):.2f}" for key in ("walsender_us", "shipper_us", "broker_us"))]
            for name, f in of.items() if "shipper_us" in f[0]]
    return measure.table(["CPU seconds of the whole run", "walsender", "shipper", "broker"], rows) if rows else None


def start(lines):
    times = column([line for line in lines if line["case"] == "start"], "ms")
    sizes = [line for line in lines if line["case"] == "size"]
    found = []
    if times:
        found.append(f"From the start of the process to the first record at a consumer: median {median(times):.0f} ms, {min(times):.0f} to {max(times):.0f} ms of {len(times)}.")
    if sizes:
        found.append(f"Stripped, the program has {sizes[-1]['program_kb']:.0f} KB and the extension {sizes[-1]['extension_kb']:.0f} KB.")
    return "\n".join(found) or None


def memory(lines):
    rows = [[name, f"{f[-1]['held_records']:,.0f}", f"{f[-1]['waiting_rss_mb']:.1f}", f"{f[-1]['peak_rss_mb']:.1f}", f"{f[-1]['written']:,}"]
            for name, f in runs(lines, "memory").items()]
    return measure.table(["shipper", "records held", "RSS MB waiting", "peak RSS MB", "records written"], rows) if rows else None


def large(lines):
    f = next((line for line in lines if line["case"] == "large"), None)
    return f and (f"One transaction of {f['rows']:,} narrow rows to a broker that works 50 ms of each 250: {f['seconds']:.0f} s, {f['rows'] / f['seconds']:,.0f} rows/s, "
                  f"peak RSS {f['peak_rss_mb']:.1f} MB.")


SHARES = ("walsender_percent", "shipper_percent", "broker_percent")
LATE = ("p50_ms", "p95_ms", "p99_ms", "p99.9_ms", "max_ms")
LATE_TITLES = ["p50", "p95", "p99", "p99.9", "max", "walsender", "client", "broker"]


def late(f, keys=LATE, shares=SHARES, digits=2):
    """Milliseconds and shares of a core; empty where a line has none."""
    return [*(f"{f[key]:.{digits}f}" if key in f else "" for key in keys), *(f"{f[key]:.0f} %" if key in f else "" for key in shares)]


def late_table(titles, rows):
    return measure.table([*titles, *LATE_TITLES], rows) if rows else None


def latency(lines):
    found = sorted((line for line in lines if line["case"] == "latency"), key=lambda line: (line["wanted"], rank(line["name"])))
    return late_table(["", "rows/s", "measured"], [[line["name"], f"{line['wanted']:,}", f"{line['rate']:,.0f}", *late(line)] for line in found])


def delivery(lines):
    of, slow = runs(lines, "delivery"), runs(lines, "delivery latency")
    rows = []
    for name, f in of.items():
        rows.append([name, middle(f, "rows_per_second", 0), spread(f, "rows_per_second"), text_of(ratio(f, of.get("at-least-once", []), "rows_per_second")),
                     middle(f, "shipper_us"), middle(f, "broker_us"), *late(slow.get(name, [{}])[-1], ("p50_ms", "p99_ms"), ("shipper_percent", "broker_percent"), 1)])
    return measure.table(["delivery", "rows/s", "spread", "ratio", "shipper µs", "broker µs", "p50 ms", "p99 ms", "shipper", "broker"], rows) if rows else None


def peers(lines):
    """Who failed in all rounds is named."""
    of = runs(lines, "peers")
    rows = [[name, middle(f, "rows_per_second", 0), spread(f, "rows_per_second"), middle(f, "mb_per_second", 0),
             text_of(ratio(f, of.get("Debezium, tuned", []), "rows_per_second"), 1),
             *(middle(f, key) for key in ("client_us", "walsender_us", "broker_us")), peak(f)] for name, f in of.items()]
    rows += [[line["name"], "failed", *[""] * 7] for line in lines if line["case"] == "peers failed" and line["name"] not in of]
    return measure.table(["", "rows/s", "spread", "MB/s", "to tuned Debezium", "client", "walsender", "broker", "peak RSS MB"], rows) if rows else None


def peers_latency(lines):
    return late_table([""], [[name, *late(f[-1])] for name, f in runs(lines, "peers latency").items()])


def snapshot(lines):
    of = runs(lines, "snapshot")
    copy, debezium = (next((f for name, f in of.items() if name.startswith(start)), []) for start in ("COPY", "Debezium"))
    rows = [[f"`{name}`" if name.startswith("COPY") else name, middle(f, "seconds"), middle(f, "rows_per_second", 0), spread(f, "rows_per_second"),
             text_of(ratio(f, copy, "rows_per_second")), text_of(ratio(f, debezium, "rows_per_second"), 1),
             middle(f, "client_us"), middle(f, "server_us"), peak(f)] for name, f in of.items()]
    return measure.table(["", "s", "rows/s", "spread", "to COPY", "to Debezium", "client", "server", "peak RSS MB"], rows) if rows else None


def incremental(lines):
    rows = [[name, f"{f['rate']:,.0f}", *(f"{f[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms", "max_ms")),
             f"{f['snapshot_rows_per_second']:,.0f}" if "snapshot_rows_per_second" in f else "", *(f"{f[key]:.0f} %" for key in SHARES[:2]), f"{f['rss_mb']:.1f}"]
            for name, (*_, f) in runs(lines, "incremental").items()]
    return measure.table(["", "transactions/s", "p50", "p95", "p99", "max", "snapshot rows/s", "walsender", "shipper", "RSS MB"], rows) if rows else None


def slots(lines):
    of = runs(lines, "slots")
    rows = [[name, middle(f, "rows_per_second", 0), spread(f, "rows_per_second"), text_of(ratio(f, of.get("one slot", []), "rows_per_second")),
             middle(f, "walsender_us"), middle(f, "shipper_us")] for name, f in of.items()]
    return measure.table(["", "rows/s", "spread", "gain", "walsender µs a row sent", "shipper µs a row"], rows) if rows else None


def databases(lines):
    rows = [[f"{f['databases']}", *(f"{f[key]:.1f} %" for key in ("idle_walsender_percent", "idle_shipper_percent", "idle_broker_percent")), f"{f['rate']:,.0f}",
             *(f"{f[key]:.1f} %" for key in SHARES), f"{f['shipper_rss_mb']:.1f}"] for f in lines if f["case"] == "databases"]
    return measure.table(["databases", "at rest: walsenders", "shippers", "broker", "rows/s in all", "under load: walsenders", "shippers", "broker",
                          "RSS MB of a shipper"], rows) if rows else None


def other_burst(of):
    """The run of the other way of decoding.burst"""
    return next((name for name in of if "burst" in name), None)


def by_shape(lines):
    """(the shape, its runs) of each, in the order in which they were run"""
    for case in dict.fromkeys(line["case"] for line in lines if line["case"].startswith("shapes: ")):
        yield case.partition(": ")[2], runs(lines, case)


def shapes(lines):
    rows = []
    for shape, of in by_shape(lines):
        base, broker = of.get("pgoutput", []), of.get("to the broker", [])
        count = broker[0]["seconds"] * broker[0]["rows_per_second"] if broker else None
        if not base or not count or "all excluded" not in of or not other_burst(of):
            continue  # it was not finished
        title = other_burst(of).removeprefix("tuplecast, ")
        ours = [name for name in ("tuplecast", other_burst(of), "all excluded") if name in of]

        def us(name, of=of, count=count):
            return text_of(median(column(of[name], "walsender_cpu_s")) / count * 1e6) if name in of and count else ""
        rows.append([shape, *(text_of(ratio(of[name], base, "seconds")) for name in ours), us("tuplecast"), us("pgoutput"),
                     middle(broker, "rows_per_second", 0), middle(broker, "mb_per_second", 0), middle(broker, "shipper_us"), peak(broker)])
    if not rows:
        return None
    return measure.table(["", "tuplecast", title, "all excluded", "tuplecast µs", "pgoutput µs",
                          "rows/s", "MB/s", "shipper µs", "peak RSS MB"], rows)


def growth(lines):
    blocks = []
    for title in dict.fromkeys(line["name"] for line in lines if line["case"] == "growth"):
        points = sorted((line for line in lines if line["case"] == "growth" and line["name"] == title), key=lambda line: line["round"])
        names = sorted((key for key in points[0] if key not in ("case", "name", "round")), key=rank)
        blocks.append(measure.table([title, *names], [[f"{p['round']:,}", *(f"{p[name]:.2f}" for name in names)] for p in points]))
    return "\n\n".join(blocks) or None


def checks(lines):
    found = [line for line in lines if line["case"] == "check"]
    rows = [[line["name"], line["text"], "yes" if line["holds"] else "**no**"] for line in found]
    if not rows:
        return None
    return "\n".join(["| case | measured, and what it must be | holds |", "| --- | --- | --- |", *("| " + " | ".join(row) + " |" for row in rows)])


def plan(lines):
    """What the figures above say of other machines. Each with its formula."""
    decoded, shipped = runs(lines, "decode"), runs(lines, "ship")
    if not shipped or not decoded:
        return None
    name = "defaults" if "defaults" in shipped else next(n for n in shipped if n != PGOUTPUT)
    walsender, main, shipper, broker = (median(column(shipped[name], key)) for key in ("walsender_us", "main_thread_us", "shipper_us", "broker_us"))
    whole = decode_us(decoded["tuplecast (TCP)"])
    # what is not published is decoded with the same setting
    burst = next((line.get("decoding.burst") for line in lines if line["case"] == "machine"), "false") == "true"
    least = decode_us(decoded.get(f"{NOTHING}, decoding.burst=true (TCP)" if burst else "", decoded[f"{NOTHING} (TCP)"]))
    slowest = max(walsender, main, shipper - main)
    rows = [
        ["walsender, µs a row (w), to the broker", f"{walsender:.2f}"],
        ["shipper, main thread (m) / librdkafka's threads (k)", f"{main:.2f} / {shipper - main:.2f}"],
        ["broker (b), replication factor 1", f"{broker:.2f}"],
        ["one slot, each of these with a core of its own: 1 s / max(w, m, k)", f"{1e6 / slowest:,.0f} rows/s"],
        ["one slot, the walsender alone: 1 s / w", f"{1e6 / walsender:,.0f} rows/s"],
        ["a row that the slot does not publish (e), walsender decoding to nowhere", f"{least:.2f} µs"],
        ["a row that it does (d), walsender decoding to nowhere", f"{whole:.2f} µs"],
    ]
    rows += [[f"{n} slots, tables split evenly, cores enough: d / (e + (d − e) / {n})", f"{whole / (least + (whole - least) / n):.2f} times one slot"] for n in (2, 4)]
    rows += [["any number of slots: d / e", f"{whole / least:.2f} times one slot at most"],
             ["a broker's core, replication factor 1: 1 s / b", f"{1e6 / broker:,.0f} rows/s"],
             ["three brokers of 4 cores, replication factor 3, half busy: 3 × 4 × 0.5 s / 3 b", f"{3 * 4 * 0.5e6 / (3 * broker):,.0f} rows/s"]]
    many = sorted((line for line in lines if line["case"] == "databases"), key=lambda line: line["databases"])
    if len(many) > 1:
        first = many[0]
        # where the load did not come as it was wanted, figures say less
        full = [line for line in many if line["rate"] / line["databases"] > 0.9 * first["rate"] / first["databases"]]

        def each(key):
            last = many[-1] if key.startswith("idle_") else full[-1]
            return max(0.0, (last[key] - first[key]) / max(1, last["databases"] - first["databases"]))
        last = full[-1]
        rate = last["rate"] / last["databases"]
        rows += [["a database more at rest: shipper / walsender / broker, % of a core", " / ".join(f"{each(f'idle_{key}'):.2f}" for key in ("shipper_percent", "walsender_percent", "broker_percent"))],
                 [f"a database more with {rate:,.0f} rows/s in transactions of one: shipper / walsender / broker, % of a core",
                  " / ".join(f"{each(key):.2f}" for key in ("shipper_percent", "walsender_percent", "broker_percent"))]]
        if each("broker_percent") > 0:
            rows.append([f"databases of {rate:,.0f} such rows/s to a broker's core that is half busy: 50 % / its share", f"{50 / each('broker_percent'):,.0f}"])
    return measure.table(["", ""], rows)


def plan_shapes(lines):
    rows = []
    for shape, of in by_shape(lines):
        broker = of.get("to the broker", [])
        if broker:
            walsender, main, shipper = (median(column(broker, key)) for key in ("walsender_us", "main_thread_us", "shipper_us"))
            rows.append([shape, f"{walsender:.2f}", f"{main:.2f}", f"{shipper - main:.2f}",
                         f"{1e6 / max(walsender, main, shipper - main):,.0f}" if max(walsender, main, shipper - main) else ""])
    return measure.table(["shape", "w", "m", "k", "one slot, rows/s"], rows) if rows else None


TABLES = {"machine": machine, "speed": speed, "decode": decode, "ship": ship, "cpu-seconds": cpu_seconds, "start": start, "memory": memory, "large": large, "latency": latency,
          "delivery": delivery, "peers": peers, "peers-latency": peers_latency, "snapshot": snapshot, "incremental": incremental, "slots": slots, "databases": databases, "shapes": shapes,
          "growth": growth, "checks": checks, "plan": plan, "plan-shapes": plan_shapes}


# beside the table, if they are drawn: the file (or what its name begins with), and what it shows
PLOTS = {"decode": [("decode", "seconds to decode")], "ship": [("ship", "rows a second to the broker")],
         "peers": [("peers", "rows a second, catching up"), ("peers-cpu", "CPU a row, catching up"), ("peers-memory", "memory of the clients")],
         "latency": [("latency", "latency by rate"), ("latency-histogram-*", "histogram of latency")],
         "delivery": [("delivery", "throughput of exactly-once"), ("delivery-latency", "latency of exactly-once")], "snapshot": [("snapshot", "rows a second of a snapshot")],
         "slots": [("slots", "rows a second of one slot and two")], "databases": [("databases", "CPU by databases")],
         "shapes": [("shapes", "decoding in pgoutput's time, by shape")], "growth": [("growth-*", "CPU a row")]}


def images(table, directory):
    found = []
    for pattern, what in PLOTS.get(table, ()):
        for path in sorted((directory / "plots").glob(f"{pattern}.svg"), key=lambda path: rank(path.name)):
            more = path.stem.removeprefix(pattern[:-1]).replace("-", " ") if pattern.endswith("*") else ""
            found.append(f"![{what}{', ' + more if more else ''}](plots/{path.name})")
    return "\n".join(found)


def rewrite(document, lines, directory):
    """(the document with its tables made anew, the names of those that were not measured); directory: the document's"""
    missing = []

    def block(found):
        name, old = found[2], found[3].strip()
        body = TABLES[name](lines)
        if body is None:
            missing.append(name)
            case = {"peers-latency": "peers", "plan-shapes": "shapes"}.get(name, name)
            none = old.startswith("Not measured") or not old
            return f"{found[1]}\n{f'Not measured yet: `make bench BENCH_ARGS={case}`.' if none else old}\n\n{found[4]}"
        drawn = images(name, directory)
        return f"{found[1]}\n{body}\n\n" + (f"{drawn}\n\n" if drawn else "") + found[4]
    return MARK.sub(block, document), missing


def main():
    p = argparse.ArgumentParser(prog="run.sh tables", description=__doc__)
    p.add_argument("results", nargs="+", metavar="RESULTS.jsonl")
    p.add_argument("--doc", type=Path, default=DOC, help="the document, by default doc/performance.md")
    p.add_argument("--print", action="store_true", help="print the tables, leave the document")
    a = p.parse_args()
    lines = load(a.results)
    if a.print:
        for name, table in TABLES.items():
            print(f"## {name}\n\n{table(lines) or 'not measured'}\n")
        return
    document, missing = rewrite(a.doc.read_text(), lines, a.doc.parent)
    a.doc.write_text(document)
    if missing:
        print(f"tables: not measured, and left as they were: {', '.join(missing)}", file=sys.stderr)


if __name__ == "__main__":
    main()
