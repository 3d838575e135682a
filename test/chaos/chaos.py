"""The fault matrix: each kind of fault by both delivery modes, from one printed seed.

SEED=n            the first seed (default: at random, printed)         SEEDS=n  how many (1)
CHAOS_ONLY=regex  faults whose names match                             CHAOS_MODE=at-least-once|exactly-once
CHAOS_RESULTS=f   lines of JSON are appended to this file              CHAOS_QUICK=1  the part that `make test` runs
CHAOS_KILLS=n     of the rows snapshot-kill and incremental-kill (50)
CHAOS_BROKERS=n   instead of three, for machines that are too busy; the rows about brokers then say so by failing
chaos.py table FILE...  rewrites the table of doc/reliability.md from such files; chaos.py list  names the faults
"""
import json
import os
import random
import re
import signal
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(HERE), str(TOP / "test/e2e")]

import faults_answers  # noqa: E402, F401
import faults_base  # noqa: E402
import faults_kafka  # noqa: E402, F401
import faults_link  # noqa: E402, F401
import faults_position  # noqa: E402, F401
import faults_process  # noqa: E402, F401
import faults_snapshot  # noqa: E402, F401
import faults_source  # noqa: E402, F401
import selftest  # noqa: E402
import stand as stand_module  # noqa: E402
import table  # noqa: E402


def say(text):
    print(text, flush=True)


# those that the program has
MODES = ["at-least-once", "exactly-once"]


def modes():
    return [os.environ["CHAOS_MODE"]] if os.environ.get("CHAOS_MODE") else MODES


def chosen():
    only = re.compile(os.environ.get("CHAOS_ONLY", ""))
    for fault in faults_base.ALL.values():
        if fault.hidden or os.environ.get("CHAOS_QUICK") and not fault.quick or not only.search(fault.name):
            continue
        for m in fault.modes:
            if m in modes() and (not os.environ.get("CHAOS_QUICK") or fault.quick is True or m in fault.quick):
                yield fault, m


def run_row(stand, fault, mode, seed):
    if fault.needs_namespace and not stand.namespace:
        return {"fault": fault.name, "mode": mode, "seed": seed, "ok": False, "wrong": ["this machine allows no network namespaces"]}
    row = None
    try:
        if hasattr(fault, "alone"):
            return fault.alone(stand, mode, seed)
        row = stand_module.Row(stand, fault(), mode, seed)
        return row.run()
    except Exception as e:  # a broken row must not end the matrix
        return {"fault": fault.name, "mode": mode, "seed": seed, "ok": False, "wrong": [f"{e!r}", traceback.format_exc()[-1500:]]}
    finally:
        if row is not None:
            try:
                row.clean()
            except Exception as e:
                say(f"  cleaning up after {fault.name}: {e!r}")


def describe(result):
    if not result["ok"]:
        return "WRONG\n      " + "\n      ".join(str(w).replace("\n", "\n      ") for w in result["wrong"])
    return (f"ok   {result['records']:6d} records, {result['repeats'] or 0:5d} repeats, recovered in {result['recovery'] or 0:5.1f} s, "
            f"{result['commits']} commits, {result['seconds']:.0f} s{', ' + result['note'] if result.get('note') else ''}")


def matrix(bindir, binary):
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1, 1_000_000))
    seeds = range(seed, seed + int(os.environ.get("SEEDS") or 1))
    rows = list(chosen())
    if not rows:
        say("no fault has such a name")
        return 2
    say(f"chaos: {len({f.name for f, _ in rows})} faults, {len(rows)} rows, SEED={seed} SEEDS={len(seeds)}")
    results = os.environ.get("CHAOS_RESULTS")
    stand = stand_module.Stand(bindir, binary, say)
    bad = []
    start = time.monotonic()
    try:
        for seed in seeds:
            for fault, mode in rows:
                result = run_row(stand, fault, mode, seed)
                say(f"{fault.name:28} {mode:13} seed {seed}: {describe(result)}")
                if not result["ok"]:
                    bad.append(result)
                if results:
                    with open(results, "a") as out:
                        out.write(json.dumps(result) + "\n")
    finally:
        stand.destroy()
    total = len(rows) * len(seeds)
    say(f"chaos: {total - len(bad)} passed, {len(bad)} failed, {time.monotonic() - start:.0f} s")
    for result in bad:
        say(f"  SEED={result['seed']} CHAOS_ONLY='^{result['fault']}$' CHAOS_MODE={result['mode']} make chaos")
    return 1 if bad else 0


def main(args):
    # what it started ends with it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if args[:1] == ["list"]:
        for fault in (f for f in faults_base.ALL.values() if not f.hidden):
            print(f"{fault.name:28} {fault.what}")
        return 0
    if args[:1] == ["selftest"]:
        seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1, 1_000_000))
        say(f"chaos selftest: SEED={seed}")
        caught, missed = selftest.run(os.environ["TUPLECAST_TEST_PG_BINDIR"], os.environ["TUPLECAST_MUTANT_SHIPPER"], seed, say, modes())
        say(f"chaos selftest: {caught} passed, {len(missed)} failed")
        return 1 if missed else 0
    if args[:1] == ["table"]:
        return table.rewrite(TOP / "doc/reliability.md", args[1:], faults_base.ALL)
    binary = os.environ.get("TUPLECAST_TEST_SHIPPER") or str(TOP / "shipper/build/tuplecast")
    return matrix(os.environ["TUPLECAST_TEST_PG_BINDIR"], binary)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
