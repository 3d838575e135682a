"""plot.py RESULTS.jsonl... [DIRECTORY]: the figures of doc/performance.md as SVG, of the lines that runs have left; of the same case the file that is named
last counts. The directory is doc/plots unless told."""
import sys
from pathlib import Path

import svg
import tables
from measure import median
from tables import column, runs

DIRECTORY = Path(__file__).resolve().parents[2] / "doc/plots"


def medians(of, *keys):
    """[(name, [(part, median)])]; keys: (key, what it is called)"""
    return [(name, [(part, median(column(f, key))) for key, part in keys if column(f, key)]) for name, f in of.items() if any(column(f, key) for key, _ in keys)]


def bars(drawn, name, title, values):
    if values:
        drawn[name] = svg.bars(title, values)


def color(name, number):
    return svg.OURS if name == "tuplecast" else svg.OTHERS if name in ("pgoutput", "bare producer and consumer") else svg.COLORS[1:4][number % 3]


def decode(lines, drawn):
    of = {name.removesuffix(" (TCP)"): f for name, f in runs(lines, "decode").items() if name.endswith("(TCP)")}
    bars(drawn, "decode", "Seconds to decode 500,000 rows, pg_recvlogical to /dev/null, over TCP", medians(of, ("seconds", "s")))


def throughput(lines, drawn):
    of = runs(lines, "peers")
    bars(drawn, "peers", "Rows a second into one broker, catching up", medians(of, ("rows_per_second", "rows/s")))
    parts = (("walsender_us", "walsender"), ("client_us", "client"), ("broker_us", "broker"))
    bars(drawn, "peers-cpu", "CPU in µs a row, catching up", medians(of, *parts))
    bars(drawn, "peers-memory", "Peak RSS of the client in MB", medians(of, ("peak_rss_mb", "MB")))
    of = runs(lines, "ship")
    bars(drawn, "ship", "Rows a second into the broker, beside pgoutput to /dev/null", medians(of, ("rows_per_second", "rows/s")))


def latency(lines, drawn):
    of = [line for line in lines if line["case"] == "latency"]
    if not of:
        return
    of.sort(key=lambda line: (tables.rank(line["name"]), line["wanted"]))
    rates = sorted({line["wanted"] for line in of})
    names = [name for name in dict.fromkeys(line["name"] for line in of) if len([line for line in of if line["name"] == name]) > 1]
    series = {}
    for i, name in enumerate(names):
        for key, dashed in (("p50", False), ("p99", True)):
            series[f"{name}, {key}"] = ([(line["wanted"], line[f"{key}_ms"]) for line in of if line["name"] == name], color(name, i), dashed)
    if series:
        drawn["latency"] = svg.lines("Latency from commit to consumer, by rate", "rows a second", "ms", series)
    for rate in rates:
        histograms = {line["name"]: line for line in of if line["wanted"] == rate and line.get("histogram") and line["name"] in (names or [line["name"]])}
        if histograms:
            drawn[f"latency-histogram-{rate}"] = svg.lines(
                f"Latency from commit to consumer at {rate:,} rows a second", "ms (each bucket a fifth wider)", "% of the records",
                {name: ([(ms, 100 * n / line["records"]) for ms, n in filled(line["histogram"])], color(name, i), False) for i, (name, line) in enumerate(histograms.items())},
                dots=False, y_log=False)


def filled(histogram):
    """With the buckets between that are empty, and an empty one at each end"""
    bounds = {round(ms, 4): n for ms, n in histogram}
    first, last = min(bounds), max(bounds)
    found, ms = [(first / 1.2, 0)], first
    while ms <= last * 1.01:
        found.append((ms, next((n for bound, n in bounds.items() if abs(bound / ms - 1) < 0.05), 0)))
        ms *= 1.2
    return [*found, (ms, 0)]


def growth(lines, drawn):
    of = [line for line in lines if line["case"] == "growth"]
    for title in dict.fromkeys(line["name"] for line in of):
        points = sorted((line for line in of if line["name"] == title), key=lambda line: line["round"])
        names = sorted((key for key in points[0] if key not in ("case", "name", "round")), key=tables.rank)
        series = {name: ([(p["round"], max(p[name], 0.01)) for p in points], color(name, i), False) for i, name in enumerate(names)}
        drawn["growth-" + title.replace(" ", "-")] = svg.lines(f"The walsender's CPU by {title}", title, "µs of CPU a row", series)


def shapes(lines, drawn):
    values = []
    for case in dict.fromkeys(line["case"] for line in lines if line["case"].startswith("shapes: ")):
        of = runs(lines, case)
        found = tables.ratio(of.get("tuplecast", []), of.get("pgoutput", []), "seconds")
        if found:
            values.append(("tuplecast: " + case.partition(": ")[2], [("ratio", found)]))
    bars(drawn, "shapes", "Time to decode, pgoutput = 1", values)


def delivery(lines, drawn):
    of = runs(lines, "delivery")
    base = of.get("at-least-once", [])
    values = [(name, [("ratio", tables.ratio(f, base, "rows_per_second"))]) for name, f in of.items() if tables.ratio(f, base, "rows_per_second")]
    bars(drawn, "delivery", "Throughput, at-least-once = 1", values)
    bars(drawn, "delivery-latency", "p99 from commit to a read_committed consumer in ms, 200 transactions a second", medians(runs(lines, "delivery latency"), ("p99_ms", "ms")))


def snapshot(lines, drawn):
    bars(drawn, "snapshot", "Rows a second of a snapshot", medians(runs(lines, "snapshot"), ("rows_per_second", "rows/s")))


def slots(lines, drawn):
    bars(drawn, "slots", "Rows a second of two tables on the same cores", [("tuplecast, " + name, of) for name, of in medians(runs(lines, "slots"), ("rows_per_second", "rows/s"))])


def databases(lines, drawn):
    of = sorted((line for line in lines if line["case"] == "databases"), key=lambda line: line["databases"])
    if len(of) > 1:
        parts = (("walsender", svg.COLORS[1]), ("shipper", svg.OURS), ("broker", svg.COLORS[4]))
        drawn["databases"] = svg.lines("CPU of all together by databases", "databases", "% of a core",
                                       {f"{name}{'' if name == 'broker' else 's'}{text}": ([(f["databases"], max(f[f"{key}{name}_percent"], 0.01)) for f in of], shade, bool(key))
                                        for key, text in (("", ", 100 rows/s each"), ("idle_", ", at rest")) for name, shade in parts})


def main():
    files = [a for a in sys.argv[1:] if a.endswith(".jsonl")]
    others = [a for a in sys.argv[1:] if not a.endswith(".jsonl")]
    if not files or len(others) > 1:
        sys.exit(__doc__)
    directory = Path(others[0]) if others else DIRECTORY
    directory.mkdir(parents=True, exist_ok=True)
    lines, drawn = tables.load(files), {}
    for draw in (decode, throughput, latency, growth, shapes, delivery, snapshot, slots, databases):
        draw(lines, drawn)
    for name, text in drawn.items():
        (directory / f"{name}.svg").write_text(text)
        print(directory / f"{name}.svg")


if __name__ == "__main__":
    main()
