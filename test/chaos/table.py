"""The table of doc/reliability.md, from the lines of JSON that runs have left. Only what was measured gets into it."""
import json
from collections import defaultdict

BEGIN, END = "<!-- matrix: made by test/chaos/run.sh table -->", "<!-- end of matrix -->"
MODES = ("at-least-once", "exactly-once")


def void(result):
    """The test's own brokers did not come back in time: that says nothing about the program."""
    return not result["ok"] and any(t in result["wrong"][0] for t in ("all replicas in step", "broker answers"))


def cell(results):
    results = [r for r in results if not void(r)]
    if not results:
        return "not run"
    good = [r for r in results if r["ok"]]
    seeds = len({r["seed"] for r in results})
    text = f"{seeds} seed{'s' if seeds > 1 else ''}" + ("" if len(results) == seeds else f", {len(results)} runs")
    if len(good) < len(results):
        return f"**{len(results) - len(good)} of {len(results)} failed** ({', '.join(str(r['seed']) for r in results if not r['ok'])})"
    repeats = [r["repeats"] for r in good if r.get("repeats") is not None]
    times = [r["recovery"] for r in good if r.get("recovery") is not None]
    records = sum(r["records"] for r in good)
    if repeats:
        low, high = min(repeats), max(repeats)
        text += f"; {low if low == high else f'{low}–{high}'} repeats"
        text += f" in {records:,} records"
    if times:
        text += f"; {max(times):.1f} s"
    if all(r.get("brokers") == 1 for r in good):
        text += "; one broker"
    return text


def rewrite(path, files, faults):
    results = defaultdict(dict)
    for file in files:
        with open(file) as lines:
            for line in lines:
                r = json.loads(line)
                # of the same row and seed the last run counts
                results[r["fault"], r["mode"]][r["seed"]] = r
    rows, groups = [], []
    for fault in faults.values():
        if not fault.hidden and fault.group not in groups:
            groups.append(fault.group)
    for group in groups:
        for fault in faults.values():
            if fault.hidden or fault.group != group:
                continue
            cells = [cell(list(results[fault.name, m].values())) if m in fault.modes else "does not apply" for m in MODES]
            rows.append(f"| {group} | `{fault.name}` | {fault.what} | {fault.outcome} | {cells[0]} | {cells[1]} |")
    known = [r for by_seed in results.values() for r in by_seed.values() if r["fault"] in faults and not faults[r["fault"]].hidden
             and r["mode"] in faults[r["fault"]].modes and not void(r)]
    head = [f"{len(rows)} kinds of fault; {len(known)} runs, {sum(r['ok'] for r in known)} of them as they must be; "
            f"{sum(r.get('records', 0) for r in known):,} records checked, {sum(r.get('seconds', 0) for r in known) / 3600:.1f} hours.", "",
            "| | fault | what is done | what must come of it | at-least-once | exactly-once |", "| --- | --- | --- | --- | --- | --- |"]
    text = path.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    path.write_text(before + BEGIN + "\n\n" + "\n".join(head + rows) + "\n\n" + END + after)
    return 0
