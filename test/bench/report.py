"""Runs that are interleaved, their figures as JSON lines, and what did not hold."""
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import tables

TOP = Path(__file__).resolve().parents[2]


class Results:
    """JSON lines in results/, tables on standard output, and what did not hold."""

    def __init__(self):
        directory = Path(__file__).parent / "results"
        directory.mkdir(exist_ok=True)
        self.path = directory / time.strftime("%Y%m%d-%H%M%S.jsonl", time.gmtime())
        self.lines, self.failures = [], []
        # the one that is running
        self.case = None

    def add(self, case, name, number, figures):
        line = {"case": case, "name": name, "round": number, **figures}
        self.lines.append(line)
        with open(self.path, "a") as f:
            f.write(json.dumps(line) + "\n")

    def show(self, table):
        print(tables.TABLES[table](self.lines), "\n", flush=True)

    def check(self, holds, text):
        self.add("check", self.case, 0, {"holds": bool(holds), "text": text})
        print(f"{'ok' if holds else 'FAILED'}: {text}", flush=True)
        if not holds:
            self.failures.append(text)


def burst_default(binary):
    """of decoding.burst, as the shipper has it: "true" or "false" """
    listed = subprocess.run([binary, "config", "--markdown"], capture_output=True, text=True, check=True).stdout
    row = next(line for line in listed.splitlines() if line.startswith("| `decoding.burst` |"))
    return "true" if "`true`" in row else "false"


def machine(source, binary, quick):
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
                 platform.machine())
    versions = subprocess.run([binary, "version"], capture_output=True, text=True, check=True).stdout.strip().replace("\n", ", ")
    server = source.sql("SHOW server_version")[0][0]
    kafka = next((p.name for p in (TOP / ".cache/kafka").iterdir() if p.is_dir()), "?").split("-")[0]
    return {"cpu": model, "cores": os.cpu_count(), "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
            "kernel": platform.release(), "postgres": server, "kafka": kafka, "tuplecast": versions, "decoding.burst": burst_default(binary), "quick": quick}


def interleave(rounds, runs, results, case):
    """runs: name → function of the round's number; name → list of figures. A first round warms up and is not counted. A run that gives None has none."""
    figures = {name: [] for name in runs}
    for number in range(rounds + 1):
        # the order turns, so that none always follows the same
        names = list(runs)
        names = names[number % len(names):] + names[:number % len(names)]
        for name in names:
            one = runs[name](number)
            if one is None:
                continue
            print(f"  {case} {number if number else 'warm-up'}: {name}: " + ", ".join(f"{k} {v:.3g}" for k, v in one.items()),
                  file=sys.stderr, flush=True)
            if number:
                figures[name].append({"round": number, **one})
                results.add(case, name, number, one)
    return figures


def column(figures, name):
    return [f[name] for f in figures]
