"""What the topics must hold, and what is wrong with what they hold.

The reference is what test_decoding, through a slot of its own, says was committed: nothing of the program under test
takes part in it. The checker is pure: records, reference and tables in, a list of faults out.
"""
import functools
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field

from harness.kafka import java_partition

place_of = functools.lru_cache(1 << 20)(java_partition)

PLACEHOLDER = "__debezium_unavailable_value"
CHANGE = re.compile(r"table public\.(\w+): (INSERT|UPDATE|DELETE): (.*)", re.S)
OLD_KEY = re.compile(r"old-key: id\[bigint\]:(-?\d+) new-tuple: ")
NEW = re.compile(r"id\[bigint\]:(-?\d+)(?: (?:ver|n)\[integer\]:(\d+))?")


@dataclass
class Reference:
    """expected: identity → (table, key, kind, ver); kind is c (a row as it is now), d (the old row) or t (tombstone)"""
    expected: dict = field(default_factory=dict)
    transactions: dict = field(default_factory=dict)  # end LSN → number of changes
    announced: dict = field(default_factory=dict)     # end LSN → what txlog says of it

    def only(self, keep):
        """The transactions whose end LSN passes the test."""
        return Reference({i: e for i, e in self.expected.items() if keep(i[0])},
                         {t: n for t, n in self.transactions.items() if keep(t)},
                         {t: n for t, n in self.announced.items() if keep(t)})

    def until(self, lsn):
        return self.only(lambda end: end <= lsn)

    def without(self, lsn):
        return self.only(lambda end: end != lsn)


def read_reference(rows, tables):
    """rows: (LSN, text) as pg_logical_slot_peek_changes gives them; the LSN of a COMMIT line is the transaction's end."""
    reference = Reference()
    changes = []
    for lsn, text in rows:
        if text.startswith("BEGIN"):
            changes = []
        elif text.startswith("COMMIT"):
            if changes:
                reference.transactions[lsn] = len(changes)
            for ordinal, (table, kind, rest) in enumerate(changes, 1):
                if table not in tables:
                    continue
                moved = OLD_KEY.match(rest)
                found = NEW.match(rest, moved.end() if moved else 0)
                key, ver = int(found[1]), int(found[2] or 0)
                if table == "txlog" and kind == "INSERT":
                    reference.announced[lsn] = ver
                if kind == "DELETE":
                    parts = [("d", key, None), ("t", key, None)]
                elif moved and int(moved[1]) != key:
                    parts = [("d", int(moved[1]), None), ("t", int(moved[1]), None), ("c", key, ver)]
                else:
                    parts = [("c", key, ver)]
                for part, (what, k, v) in enumerate(parts):
                    reference.expected[lsn, ordinal, part] = (table, k, what, v)
        else:
            change = CHANGE.match(text)
            if change:
                changes.append(change.groups())
    return reference


def parsed(record):
    """(table, key, kind, ver, value) of a record"""
    table = record.topic.rsplit(".", 1)[1]
    key = json.loads(record.key)["id"]
    if record.value is None:
        return table, key, "t", None, None
    value = json.loads(record.value)
    if value["id"] != key:
        raise ValueError(f"key {key} with value {value['id']}")
    if value["__deleted"] == "true":
        return table, key, "d", None, value
    return table, key, "c", value["n"] if table == "txlog" else value["ver"], value


class Verdict:
    def __init__(self):
        self.wrong = []
        self.repeats = 0  # records that had been there already
        self.rewinds = 0  # runs of them
        self.records = 0

    def fault(self, text):
        self.wrong.append(text)


def check(records, reference, tables=None, repeats=False, complete=True, stale=False, gaps=False, partitions=0):
    """repeats: records may come again, as runs that begin anywhere behind and go on in order. complete: all of the
    reference must be there. gaps: it may come late the first time. stale: a run may end before it has caught up (two writers without fencing).
    tables: name → {key: row}, as the database has them; None if not to be compared. partitions: of each topic, 0 if keys may move."""
    verdict = Verdict()
    by_identity = {}
    places = defaultdict(list)
    for r in records:
        places[r.topic, r.partition].append(r)
    for (topic, partition), rows in places.items():
        rows.sort(key=lambda r: r.offset)
        _check_order(verdict, f"{topic}[{partition}]", rows, by_identity, repeats, stale or gaps, gaps)
    verdict.records = len(records)

    contents = {}
    for identity, r in by_identity.items():
        try:
            contents[identity] = parsed(r)
        except (ValueError, KeyError, TypeError) as e:
            verdict.fault(f"{r.topic}[{r.partition}]@{r.offset}: {e!r}: {r.key!r} {str(r.value)[:200]}")
            continue
        if partitions and r.partition != place_of(r.key, partitions):
            verdict.fault(f"{r.topic}[{r.partition}]@{r.offset}: {r.key!r} belongs on partition {place_of(r.key, partitions)}")
    for identity, content in contents.items():
        wanted = reference.expected.get(identity)
        if wanted is None:
            verdict.fault(f"{identity}: {content[:4]} was never committed")
        elif wanted != content[:4]:
            verdict.fault(f"{identity}: {content[:4]}, test_decoding has {wanted}")
    if not complete:
        return verdict
    missing = sorted(set(reference.expected) - set(by_identity))
    for identity in missing[:20]:
        verdict.fault(f"{identity}: {reference.expected[identity]} is missing")
    if len(missing) > 20:
        verdict.fault(f"{len(missing)} records are missing in all")
    for lsn, n in reference.announced.items():
        if n != reference.transactions[lsn]:
            verdict.fault(f"transaction {lsn}: txlog says {n} changes, test_decoding {reference.transactions[lsn]}")
    _check_last_of_key(verdict, places, stale)
    _check_states(verdict, contents, tables)
    return verdict


def _check_order(verdict, name, rows, by_identity, repeats, stale, gaps):
    """First occurrences ascend; repeats are the same bytes, in runs that go on in order."""
    order, index = [], {}
    place = None  # in a run of repeats: the index of its last record
    for r in rows:
        try:
            identity = r.identity
        except (TypeError, ValueError):
            verdict.fault(f"{name}@{r.offset}: no identity in {r.headers}")
            continue
        seen = index.get(identity)
        if seen is None:
            if order and identity < order[-1] and not gaps:
                verdict.fault(f"{name}@{r.offset}: {identity} comes after {order[-1]}")
            if place is not None and place != len(order) - 1 and not stale:
                verdict.fault(f"{name}@{r.offset}: {identity} follows a repeat of {order[place]}, {len(order) - 1 - place} records are left out")
            if identity in by_identity:
                verdict.fault(f"{name}@{r.offset}: {identity} is in {by_identity[identity].topic}[{by_identity[identity].partition}], too")
            place = None
            index[identity] = len(order)
            order.append(identity)
            by_identity[identity] = r
            continue
        verdict.repeats += 1
        if not repeats:
            verdict.fault(f"{name}@{r.offset}: {identity} comes again")
        first = by_identity[identity]
        if (first.key, first.value) != (r.key, r.value):
            verdict.fault(f"{name}@{r.offset}: {identity} comes again with another content")
        if place is None or seen != place + 1:
            verdict.rewinds += 1
        place = seen


def _check_last_of_key(verdict, places, stale):
    """Compaction, and whoever reads the topic as a table, keeps the last record of a key: it must be the newest."""
    for (topic, partition), rows in places.items():
        newest, last = {}, {}
        for r in rows:
            newest[r.key] = max(newest.get(r.key, (0,)), r.identity)
            last[r.key] = r.identity
        for key in newest:
            if last[key] != newest[key] and not stale:
                verdict.fault(f"{topic}[{partition}] {key!r}: the last record is {last[key]}, the newest {newest[key]}")


def _check_states(verdict, contents, tables):
    """Replays in the order of the source: versions without gap, balances that sum to 0, and the tables at the end."""
    state = defaultdict(dict)
    moved = None
    lsn = None
    for identity in sorted(contents):
        if lsn is not None and identity[0] != lsn:
            _check_sum(verdict, state, lsn)
        lsn = identity[0]
        table, key, kind, ver, value = contents[identity]
        rows = state[table]
        if kind == "d":
            moved = (identity[:2], rows.pop(key, None))
            continue
        if kind == "t":
            continue
        # a moved row's old image has what the new one leaves out
        before = moved[1] if moved and moved[0] == identity[:2] else rows.get(key)
        value = {f: before.get(f) if v == PLACEHOLDER and before else v for f, v in value.items() if f != "__deleted"}
        if table != "txlog" and ver != (before["ver"] + 1 if before else 1):
            verdict.fault(f"{identity}: {table} {key} has version {ver} after {before and before['ver']}")
        rows[key] = value
    _check_sum(verdict, state, lsn)
    for table, wanted in (tables or {}).items():
        have = state[table]
        for key in sorted(set(wanted) ^ set(have))[:10]:
            verdict.fault(f"{table} {key}: {'only in the topic' if key in have else 'only in the table'}")
        for key in set(wanted) & set(have):
            for name, value in wanted[key].items():
                # a column that is younger than the record is null; a changed type changes the form
                if have[key].get(name) != value and str(have[key].get(name)) != str(value):
                    verdict.fault(f"{table} {key}: {name} is {str(have[key].get(name))[:80]!r} in the topic, {str(value)[:80]!r} in the table")


def _check_sum(verdict, state, lsn):
    total = sum(row["bal"] for row in state["account"].values())
    if total != 0:
        verdict.fault(f"after transaction {lsn} the balances sum to {total}")


def torn(records, reference):
    """Transactions of which a reader sees some records and not all, as lines."""
    seen, wanted = defaultdict(set), defaultdict(int)
    for r in records:
        seen[r.identity[0]].add(r.identity)
    for identity in reference.expected:
        wanted[identity[0]] += 1
    return [f"transaction {lsn}: {len(seen[lsn])} of {wanted[lsn]} records are visible" for lsn in sorted(seen) if len(seen[lsn]) != wanted[lsn]]
