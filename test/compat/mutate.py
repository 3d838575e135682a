"""Ways to spoil tuplecast's records, each of which the comparison must notice."""
import re
from dataclasses import replace


def _change(records, choose, change):
    """Changes the record in the middle of those that qualify."""
    found = [i for i, r in enumerate(records) if choose(r)]
    if not found:
        return records[1:]
    at = found[len(found) // 2]
    return [change(r) if i == at else r for i, r in enumerate(records)]


def digit(records):
    """One digit of one value."""
    pattern = re.compile(r'("(?:before|after)":\{[^{}]*?|\{)("\w+":)(\d)')
    return _change(records, lambda r: r.value and pattern.search(r.value),
                   lambda r: replace(r, value=pattern.sub(lambda m: m[1] + m[2] + str((int(m[3]) + 1) % 10), r.value, count=1)))


def letter(records):
    """One letter within a string of a row."""
    pattern = re.compile(r'("(?:before|after)":\{.*?":"[^"\\]*?)([a-z])', re.S)
    plain = re.compile(r'(\{"\w+":[^,]*,.*?":"[^"\\]*?)([a-z])', re.S)

    def change(r):
        p = pattern if pattern.search(r.value) else plain
        return replace(r, value=p.sub(lambda m: m[1] + ("x" if m[2] != "x" else "y"), r.value, count=1))
    return _change(records, lambda r: r.value and (pattern.search(r.value) or plain.search(r.value)), change)


def drop(records):
    """One record."""
    middle = len(records) // 2
    return records[:middle] + records[middle + 1:]


def double(records):
    middle = len(records) // 2
    return records[:middle + 1] + records[middle:]


def swap(records):
    """Two neighbours of one topic that differ."""
    for i in range(len(records) // 3, len(records) - 1):
        a, b = records[i], records[i + 1]
        if a.topic == b.topic and (a.key, a.value) != (b.key, b.value):
            return records[:i] + [b, a] + records[i + 2:]
    return drop(records)


def key(records):
    return _change(records, lambda r: r.key and re.search(r"\d", r.key), lambda r: replace(r, key=re.sub(r"(\d)", lambda m: str((int(m[1]) + 1) % 10), r.key)))


def space(records):
    """A key of the same meaning, whose bytes, and so its partition, are others."""
    return _change(records, lambda r: r.key and ":" in r.key and r.partition is not None, lambda r: replace(r, key=r.key.replace(":", ": ", 1), partition=(r.partition + 1) % 3))


def order(records):
    """The fields of a row in another order."""
    pattern = re.compile(r'(\{)("\w+":(?:null|\d+|"[^"\\]*")),("\w+":(?:null|\d+|"[^"\\]*"))(,|\})')
    return _change(records, lambda r: r.value and pattern.search(r.value), lambda r: replace(r, value=pattern.sub(r"\1\3,\2\4", r.value, count=1)))


def tombstone(records):
    """A null value that is none."""
    return _change(records, lambda r: r.value is None and r.key, lambda r: replace(r, value="{}"))


def partition(records):
    return _change(records, lambda r: r.key is not None and r.partition is not None, lambda r: replace(r, partition=(r.partition + 1) % 3))


def topic(records):
    return _change(records, lambda r: True, lambda r: replace(r, topic=r.topic + "x"))


def header(records):
    return _change(records, lambda r: True, lambda r: replace(r, headers=[*r.headers, ("surplus", "x")]))


def null(records):
    """A string for a null."""
    return _change(records, lambda r: r.value and re.search(r'":null,"\w+":', r.value), lambda r: replace(r, value=re.sub(r'":null,("\w+":)', r'":"null",\1', r.value, count=1)))


MUTATIONS = {f.__name__: f for f in (digit, letter, drop, double, swap, key, space, order, tombstone, partition, topic, header, null)}
