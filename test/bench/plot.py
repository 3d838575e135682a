"""plot.py RESULTS.jsonl DIRECTORY: the figures of doc/performance.md, as SVG."""
import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

OURS, OTHERS = "#1a7f64", "#9aa5b1"
plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none", "svg.hashsalt": "tuplecast",
                     "figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})
PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)


def color(name):
    return OURS if name.startswith("tuplecast") else OTHERS


def save(figure, directory, name):
    figure.savefig(directory / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
    print(directory / f"{name}.svg")


def medians(lines, case, key):
    found = defaultdict(list)
    for line in lines:
        if line["case"] == case and key in line:
            found[line["name"]].append(line[key])
    return {name: statistics.median(values) for name, values in found.items()}


def bars(lines, directory, case, key, title, chosen=lambda name: True):
    values = {name: value for name, value in medians(lines, case, key).items() if chosen(name)}
    if not values:
        return
    figure, axes = plt.subplots(figsize=(7, 0.5 + 0.34 * len(values)))
    names = list(values)[::-1]
    drawn = axes.barh(names, [values[n] for n in names], color=[color(n) for n in names])
    axes.bar_label(drawn, [f"{values[n]:,.2f}" if values[n] < 100 else f"{values[n]:,.0f}" for n in names], padding=3)
    axes.set_xlabel(title)
    axes.margins(x=0.15)
    save(figure, directory, case)


def latencies(lines, directory):
    runs = [line for line in lines if line["case"] == "latency"]
    for rate in sorted({line["wanted"] for line in runs}):
        figure, axes = plt.subplots()
        for line in runs:
            if line["wanted"] != rate:
                continue
            # the last percentiles are what matters: the axis spreads them
            axes.plot([1 / (1 - p / 100) for p in PERCENTILES], [line[f"p{p:g}_ms"] for p in PERCENTILES], label=line["name"],
                      color=OURS if line["name"] == "tuplecast" else None, linewidth=2 if line["name"] == "tuplecast" else 1)
        axes.set(xscale="log", yscale="log", xlabel="percentile", ylabel="commit to consumer, ms", title=f"{rate:,} rows/s")
        shown = (50, 90, 99, 99.9)
        axes.set_xticks([1 / (1 - p / 100) for p in shown], [f"{p:g}" for p in shown])
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=8)
        save(figure, directory, f"latency-{rate}")


def growths(lines, directory):
    for title in dict.fromkeys(line["name"] for line in lines if line["case"] == "growth"):
        points = sorted((line for line in lines if line["case"] == "growth" and line["name"] == title), key=lambda line: line["round"])
        figure, axes = plt.subplots()
        for name in (key for key in points[0] if key not in ("case", "name", "round")):
            axes.plot([p["round"] for p in points], [p[name] for p in points], marker="o", markersize=3, label=name,
                      color={"tuplecast": OURS, "pgoutput": OTHERS}.get(name))
        axes.set(xscale="log", yscale="log", xlabel=title, ylabel="walsender, µs of CPU a row")
        axes.legend(frameon=False, fontsize=8)
        save(figure, directory, "growth-" + title.replace(" ", "-"))


def main():
    lines = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    directory = Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    bars(lines, directory, "decode", "seconds", "s for all rows, pg_recvlogical to /dev/null", lambda name: name.endswith("(TCP)"))
    bars(lines, directory, "peers", "rows_per_second", "rows/s into the broker")
    bars(lines, directory, "snapshot", "rows_per_second", "rows/s of a snapshot")
    latencies(lines, directory)
    growths(lines, directory)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
