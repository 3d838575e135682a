"""The checker is tested: records that were tampered with, and shippers built with a deliberate defect, must all be caught."""
import dataclasses
import json
import random

import model
import stand as stand_module
from faults_base import Fault

# of one run, so that each defect strikes once: a record in 100,000
MANY = 120_000


class Quiet(Fault):
    """Nothing happens but the load, and one large transaction."""
    name, hidden = "nothing", True
    what = "no fault"
    repeats = False
    partitions = 1

    def run(self, row):
        row.flow(100)
        row.db.sql(f"""WITH i AS (INSERT INTO item (id, ver, txn, body) SELECT i, 1, 9, 'many' FROM generate_series(9000000001, 9000000000 + {MANY}) i
            RETURNING 1) INSERT INTO txlog SELECT 9000000, count(*) + 1 FROM i""")
        row.recovered()


class LostWithBroker(Fault):
    """Whoever confirms what only some brokers have acknowledged loses the rest when it is killed."""
    name, hidden = "killed-with-brokers-away", True
    what = "the links to all brokers but one stand still, then kill -9"
    load = {"large": 0}

    def run(self, row):
        row.flow(100)
        position = [t for t in row.kafka.topics() if t.startswith("__tuplecast-position") and row.prefix in t]
        spared = row.kafka.leader(position[0]) if position else None
        for node, link in zip(row.kafka.nodes, row.kafka.links):
            if node is not spared:
                link.stall()
        row.load.wait_commits(40)
        row.hold(2)
        row.kill()
        for link in row.kafka.links:
            link.open()
            link.reset()
        row.restart()
        row.recovered()


def tampered(records, seed):
    """(what was done, records) for each way in which a record can be wrong"""
    dice = random.Random(seed)
    by_place = sorted(records, key=lambda r: (r.topic, r.partition, r.offset))
    plain = [i for i, r in enumerate(by_place) if r.topic.endswith(".item") and r.value is not None and 0 < i < len(by_place) - 1
             and by_place[i + 1].topic == r.topic and by_place[i + 1].partition == r.partition and by_place[i + 1].value is not None]
    i = dice.choice(plain)
    a, b = by_place[i], by_place[i + 1]

    def put(record, like):
        return dataclasses.replace(record, offset=like.offset)

    yield "one is dropped", by_place[:i] + by_place[i + 1:]
    last = max(r.identity for r in by_place)
    yield "the last is dropped", [r for r in by_place if r.identity != last]
    yield "one comes twice", by_place + [dataclasses.replace(a, offset=by_place[-1].offset + 10 ** 6)]
    yield "two are swapped", by_place[:i] + [put(b, a), put(a, b)] + by_place[i + 2:]
    yield "one has another value", by_place[:i] + [dataclasses.replace(a, value=b.value, key=b.key)] + by_place[i + 1:]
    yield "one has another body", by_place[:i] + [dataclasses.replace(a, value=a.value.replace(b'"ver":', b'"ver":1'))] + by_place[i + 1:]
    yield "one is on another partition", by_place[:i] + [dataclasses.replace(a, partition=(a.partition + 1) % 3, offset=10 ** 9)] + by_place[i + 1:]
    yield "one was never committed", by_place + [dataclasses.replace(a, offset=10 ** 9, headers=tuple(
        (n, b"1" if n == "__ordinal" else b"99999999999999" if n == "__lsn" else v) for n, v in a.headers))]
    account = next(r for r in reversed(by_place) if r.topic.endswith(".account"))
    row = json.loads(account.value)
    wrong = dataclasses.replace(account, value=json.dumps({**row, "bal": row["bal"] + 1}).encode())
    yield "a balance is wrong", [wrong if r is account else r for r in by_place]


def run(bindir, mutant_binary, seed, say, modes):
    """→ (number of defects caught, lines of what was not)"""
    stand = stand_module.Stand(bindir, mutant_binary, say)
    missed, caught = [], 0

    def one(fault, mode, env, wanted_wrong, label, tries=1):
        nonlocal caught
        row = stand_module.Row(stand, fault(), mode, seed + tries - 1)
        try:
            row.extra_env.update(env)
            result = row.run()
            # an error on the way is no finding of the checker
            found = row.verdict.wrong if hasattr(row, "verdict") else []
            noticed = not result["ok"] and found
            if wanted_wrong and not noticed and tries > 1:
                say(f"{label:28} {mode:13} not struck: once more")
            elif result["ok"] == wanted_wrong or wanted_wrong and not found:
                missed.append(f"{label}, {mode}: {'not noticed' if result['ok'] else result['wrong'][:3]}")
                say(f"{label:28} {mode:13} {'NOT NOTICED' if result['ok'] else result['wrong'][:3]}")
            else:
                caught += 1
                say(f"{label:28} {mode:13} {'caught: ' + found[0][:110] if wanted_wrong else 'ok'}")
        finally:
            row.clean()
        if wanted_wrong and not noticed and tries > 1:
            return one(fault, mode, env, wanted_wrong, label, tries - 1)
        return row

    try:
        for mode in modes:
            row = one(Quiet, mode, {}, False, "no defect")
            if hasattr(row, "judged"):
                records, reference, tables = row.judged
                small = records if len(records) < 20000 else [r for r in records if r.identity[0] != row.largest(reference)]
                reference = reference.without(row.largest(reference)) if len(small) != len(records) else reference
                if model.check(small, reference, partitions=1).wrong:
                    missed.append("the records are wrong before they are tampered with")
                for what, changed in tampered(small, seed):
                    verdict = model.check(changed, reference, partitions=1)
                    if verdict.wrong:
                        caught += 1
                        say(f"tampered: {what:30} caught: {verdict.wrong[0][:100]}")
                    else:
                        missed.append(f"tampered, {what}: not noticed")
                        say(f"tampered: {what:30} NOT NOTICED")
            one(Quiet, mode, {"MUTANT": "drop"}, True, "drops one in 100,000")
            one(Quiet, mode, {"MUTANT": "swap"}, True, "swaps two in 100,000")
        if "at-least-once" in modes:
            one(LostWithBroker, "at-least-once", {}, False, "no defect, killed")
            # it takes a kill at a moment when the position is ahead of the records, which a machine that is busy may miss
            one(LostWithBroker, "at-least-once", {"MUTANT": "confirm-early"}, True, "confirms too early", tries=4)
    finally:
        stand.destroy()
    return caught, missed
