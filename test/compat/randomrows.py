"""Rows of random values and random changes of them, from a seed."""
import random

DDL = """
CREATE EXTENSION hstore;
CREATE SCHEMA r;
CREATE TYPE r.colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE r.a (id int PRIMARY KEY, {columns});
CREATE TABLE r.b (k1 text, k2 int8, {columns}, PRIMARY KEY (k2, k1));
ALTER TABLE r.b REPLICA IDENTITY FULL;
CREATE TABLE r.c (at_ int, {columns});
ALTER TABLE r.c REPLICA IDENTITY FULL;
CREATE TABLE r.d (id int PRIMARY KEY, {strict});
"""
CHARS = ["a", "Z", "0", " ", '"', "\\", "\n", "\t", "\x01", "\x7f", "é", "日", "😀", "\u2028", "/", "'", "{", ",", "\ufeff"]


def text(rng, most=12):
    return "".join(rng.choice(CHARS) for _ in range(rng.randint(0, most)))


def quote(value):
    return "'" + value.replace("'", "''") + "'"


def number(rng, whole, scale):
    digits = str(rng.randrange(10 ** rng.randint(1, whole)))
    return rng.choice(["", "-"]) + digits + ("." + "".join(rng.choice("0123456789") for _ in range(scale)) if scale else "")


def moment(rng, low=1700, high=2250):
    # within the reach of nanoseconds
    return f"{rng.randint(low, high):04d}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d} {rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}" + \
        rng.choice(["", f".{rng.randrange(10):d}", f".{rng.randrange(1000):03d}", f".{rng.randrange(1000000):06d}"])


def double(rng):
    return quote(rng.choice([repr(rng.uniform(-1, 1)), repr(rng.uniform(-1, 1) * 10 ** rng.randint(-300, 300)), str(rng.randint(-10**9, 10**9)), "NaN", "-Infinity", "-0"]))


def document(rng, depth=0):
    import json
    kind = rng.randrange(7 if depth < 3 else 5)
    value = [None, True, rng.randint(-10**12, 10**12), rng.choice([0.5, 1e-7, 1.25e30]), text(rng).replace("\x00", "")][kind] if kind < 5 else None
    if kind < 5:
        return json.dumps(value, ensure_ascii=rng.random() < 0.5)
    if kind == 5:
        return "[" + ", ".join(document(rng, depth + 1) for _ in range(rng.randint(0, 3))) + "]"
    return "{" + ", ".join(f"{json.dumps(text(rng))}: {document(rng, depth + 1)}" for _ in range(rng.randint(0, 3))) + "}"


def array(rng, element, kind):
    return "ARRAY[" + ", ".join("NULL" if rng.random() < 0.1 else element(rng) for _ in range(rng.randint(0, 4))) + f"]::{kind}[]"


# column → type, random literal
COLUMNS = {
    "i2": ("int2", lambda g: str(g.randint(-2**15, 2**15 - 1))),
    "i4": ("int4", lambda g: str(g.randint(-2**31, 2**31 - 1))),
    "i8": ("int8", lambda g: f"'{g.randint(-2**63, 2**63 - 1)}'"),
    "f4": ("float4", lambda g: quote(repr(g.uniform(-1, 1) * 10 ** g.randint(-37, 37)))),
    "f8": ("float8", double),
    "ok": ("bool", lambda g: g.choice(["true", "false"])),
    "n12_4": ("numeric(12,4)", lambda g: number(g, 8, g.randint(0, 4))),
    "n": ("numeric", lambda g: number(g, g.choice([3, 30]), g.randint(0, 20))),
    "m": ("money", lambda g: f"({number(g, 12, 2)})::numeric::money"),
    "c": ("char(6)", lambda g: quote(text(g, 6))),
    "vc": ("varchar(40)", lambda g: quote(text(g, 40))),
    "t": ("text", lambda g: quote(text(g, 200))),
    "b": ("bytea", lambda g: f"'\\x{g.randbytes(g.randint(0, 20)).hex()}'"),
    "bits": ("bit(11)", lambda g: "B'" + "".join(g.choice("01") for _ in range(11)) + "'"),
    "vb": ("varbit", lambda g: "B'" + "".join(g.choice("01") for _ in range(g.randint(0, 40))) + "'"),
    "d": ("date", lambda g: quote(moment(g)[:10])),
    "tm": ("time", lambda g: quote(moment(g)[11:])),
    "tm3": ("time(3)", lambda g: quote(moment(g)[11:])),
    "tmz": ("timetz", lambda g: quote(moment(g)[11:] + g.choice(["+00", "-07", "+05:30"]))),
    "ts": ("timestamp", lambda g: quote(moment(g))),
    "ts2": ("timestamp(2)", lambda g: quote(moment(g))),
    "tz": ("timestamptz", lambda g: quote(moment(g) + g.choice(["+00", "-07", "+05:30"]))),
    "tz3": ("timestamptz(3)", lambda g: quote(moment(g) + "+00")),
    "iv": ("interval", lambda g: quote(f"{g.randint(-99, 99)} months {g.randint(-99, 99)} days {g.randint(-10**6, 10**6)}.{g.randrange(10**6):06d} seconds")),
    "u": ("uuid", lambda g: quote(g.randbytes(16).hex())),
    "j": ("json", lambda g: quote(document(g))),
    "jb": ("jsonb", lambda g: quote(document(g))),
    "e": ("r.colour", lambda g: quote(g.choice(["red", "green", "blue"]))),
    "inet": ("inet", lambda g: quote(f"{g.randrange(256)}.{g.randrange(256)}.0.1/{g.randint(1, 32)}")),
    "p": ("point", lambda g: quote(f"({g.uniform(-180, 180)},{g.randint(-90, 90)})")),
    "hst": ("hstore", lambda g: "hstore(ARRAY[" + ",".join(quote(text(g, 5)) for _ in range(2 * g.randint(1, 3))) + "]::text[])"),
    "r4": ("int4range", lambda g: f"int4range({g.randint(-9, 0)}, {g.randint(1, 9)})"),
    "ai": ("int[]", lambda g: array(g, lambda g: str(g.randint(-9, 9)), "int")),
    "at": ("text[]", lambda g: array(g, lambda g: quote(text(g)), "text")),
    "an": ("numeric(8,2)[]", lambda g: array(g, lambda g: number(g, 5, 2), "numeric(8,2)")),
    "af": ("float8[]", lambda g: array(g, double, "float8")),
}


def ddl():
    return DDL.format(columns=", ".join(f"{n} {t}" for n, (t, _) in COLUMNS.items()), strict=", ".join(f"{n} {t} NOT NULL" for n, (t, _) in COLUMNS.items()))


def row(rng, nulls):
    return ", ".join("NULL" if rng.random() < nulls else f"({make(rng)})::{kind}" for kind, make in COLUMNS.values())


def assignments(rng, nulls):
    some = rng.sample(list(COLUMNS.items()), rng.randint(1, 4))
    return ", ".join(f"{n} = " + ("NULL" if rng.random() < nulls else f"({make(rng)})::{kind}") for n, (kind, make) in some)


def dml(seed, count):
    """SQL of about count changes, in transactions of random size."""
    rng = random.Random(seed)
    left = 0
    for i in range(count):
        if left == 0:
            left = rng.choice([1, 1, 1, 2, 5, 20])
            yield "BEGIN;"
        table = rng.choice("aaabbcd")
        key = {"a": "id", "b": "k2", "c": "at_", "d": "id"}[table]
        nulls = 0 if table == "d" else 0.15
        at = rng.randint(0, 60)
        kind = rng.random()
        if kind < 0.5:
            keys = {"a": str(at), "b": f"{quote(text(rng, 6))}, {at}", "c": str(at), "d": str(at)}[table]
            yield f"INSERT INTO r.{table} VALUES ({keys}, {row(rng, nulls)})" + (" ON CONFLICT DO NOTHING;" if table != "c" else ";")
        elif kind < 0.8:
            yield f"UPDATE r.{table} SET {assignments(rng, nulls)} WHERE {key} = {at};"
        elif kind < 0.87 and table != "c":
            yield f"UPDATE r.{table} SET {key} = {key} + {rng.randint(1000, 10**6) + i * 10**3} WHERE {key} = {at};"
        else:
            yield f"DELETE FROM r.{table} WHERE {key} = {at};"
        left -= 1
        if left == 0:
            yield rng.choice(["COMMIT;", "COMMIT;", "COMMIT;", "COMMIT;", "ROLLBACK;"])
    if left:
        yield "COMMIT;"
