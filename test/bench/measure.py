"""What processes cost, and how figures are summed up."""
import os
import re
import statistics
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
MB = 1024 * 1024
TOP = Path(__file__).resolve().parents[2]
# what the image of deploy/ gives the shipper in its environment
IMAGE = {"LD_PRELOAD": re.search(r"^ENV LD_PRELOAD=(\S+)$", (TOP / "deploy/Dockerfile").read_text(), re.M)[1]}


def _stat(pid):
    """/proc/PID/stat from the state on; the name before it may hold blanks"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pid):
    """user and system time of a process, its ended threads too"""
    f = _stat(pid)
    return (int(f[11]) + int(f[12])) / TICK


def reaped_cpu_seconds(pid):
    """the same of its children that have ended"""
    f = _stat(pid)
    return (int(f[13]) + int(f[14])) / TICK


def thread_cpu_seconds(pid, tid=None):
    """of one thread, by default the main one, exactly"""
    return int(Path(f"/proc/{pid}/task/{tid or pid}/schedstat").read_text().split()[0]) / 1e9


def machine_cpu_seconds():
    """of all processes: user, nice, system, irq, softirq"""
    f = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (f[0] + f[1] + f[2] + f[5] + f[6]) / TICK


def rss(pid):
    return next(int(line.split()[1]) * 1024 for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))


class Stopwatch:
    def __init__(self):
        self.start = time.monotonic()

    def seconds(self):
        return time.monotonic() - self.start


def median(values):
    return statistics.median(values)


def spread(values):
    """(max − min) / median"""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


def table(headers, rows):
    """Columns wide enough, numbers to the right."""
    cells = [[str(c) for c in row] for row in [headers, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]

    def line(row):
        return "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))) + " |"
    rule = "| " + " | ".join("-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)) + " |"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])
