"""Changes of other kinds than the eight columns, and how the cost grows."""
import subprocess
from dataclasses import dataclass

from harness.postgres import as_postgres

import ship
from source import ROWS, TABLE

EMPTY = {"table.exclude.list": r".*\..*"}


@dataclass
class Shape:
    """ddl: statements; change: a statement for the rows of a transaction, {lo} to {hi}; rows in all, and of a transaction.
    clients: so many connections commit at the same time."""
    name: str
    ddl: tuple
    change: str
    rows: int
    batch: int = 10
    before: str = ""
    clients: int = 0

    def scaled(self, divisor):
        return Shape(**{**self.__dict__, "rows": max(self.batch, self.rows // divisor // self.batch * self.batch)})


def _table(columns, identity=""):
    return (f"CREATE TABLE s ({columns})", *([f"ALTER TABLE s REPLICA IDENTITY {identity}"] if identity else []))


def _ints(n):
    return ", ".join(f"c{i} int" for i in range(n)), ", ".join("i" for _ in range(n))


EIGHT = TABLE.replace("TABLE wide", "TABLE s")
FIFTY, FIFTY_VALUES = _ints(49)
HEAVY = "id bigserial PRIMARY KEY, a numeric(20,6), b numeric, c numeric(38,10), d jsonb, e jsonb, f timestamptz, g timestamptz, h timestamptz"
HEAVY_VALUES = """i * 1.000001, i::numeric ^ 3 / 7, -i * 12345.6789, jsonb_build_object('a', i, 'b', jsonb_build_array(i, i * 0.5, 'text')),
    jsonb_build_object('name', 'user-' || i, 'tags', jsonb_build_array('x', 'y', 'z'), 'deep', jsonb_build_object('k', md5(i::text))),
    timestamptz '2025-01-01 00:00+00' + i * interval '1.5 second', timestamptz '1999-12-31 23:59:59.999999+00' - i * interval '1 minute',
    now()"""
SERIES = "generate_series({lo}, {hi}) i"


def shapes():
    thousand = tuple(f"CREATE TABLE s{n} (id bigint PRIMARY KEY, a text, n int)" for n in range(1000))
    return [
        Shape("narrow rows (bigint, int)", _table("id bigint PRIMARY KEY, n int"), f"INSERT INTO s SELECT i, i FROM {SERIES}", 500_000),
        Shape("eight columns", (EIGHT,), f"INSERT INTO s SELECT i, {ROWS.replace('SELECT', '', 1)} FROM {SERIES}", 300_000),
        Shape("rows of 1.6 kB", _table("id bigint PRIMARY KEY, v text"), f"INSERT INTO s SELECT i, repeat(md5(i::text), 50) FROM {SERIES}", 100_000),
        Shape("50 columns", _table(f"id bigint PRIMARY KEY, {FIFTY}"), f"INSERT INTO s SELECT i, {FIFTY_VALUES} FROM {SERIES}", 100_000),
        Shape("numeric, jsonb, timestamptz", _table(HEAVY), f"INSERT INTO s (a, b, c, d, e, f, g, h) SELECT {HEAVY_VALUES} FROM {SERIES}", 150_000),
        Shape("transactions of one row", _table("id bigint PRIMARY KEY, n int"), f"INSERT INTO s SELECT i, i FROM {SERIES}", 150_000, 1),
        Shape("one huge transaction", (EIGHT,), f"INSERT INTO s SELECT i, {ROWS.replace('SELECT', '', 1)} FROM {SERIES}", 500_000, 500_000),
        Shape("updates, REPLICA IDENTITY FULL", (EIGHT, "ALTER TABLE s REPLICA IDENTITY FULL"),
              "UPDATE s SET ratio = ratio + 1, active = NOT active WHERE id BETWEEN {lo} AND {hi}", 200_000,
              before=f"INSERT INTO s SELECT i, {ROWS.replace('SELECT', '', 1)} FROM generate_series(1, {{rows}}) i"),
        Shape("1,000 tables", thousand,
              "EXECUTE format('INSERT INTO s%s SELECT i, ''x'', 1 FROM generate_series($1, $2) i', t % 1000) USING {lo}, {hi}", 200_000),
    ]


def growth():
    """title → (what x is, [(x, Shape)])"""
    def narrow(name, **more):
        return Shape(name, _table("id bigint PRIMARY KEY, v text"), f"INSERT INTO s SELECT i, repeat('x', 20) FROM {SERIES}", **{"rows": 100_000, **more})
    size = [(n, Shape(f"{n} B", _table("id bigint PRIMARY KEY, v text"), f"INSERT INTO s SELECT i, repeat('x', {n}) FROM {SERIES}", min(100_000, 100_000_000 // n)))
            for n in (20, 100, 500, 1_500)]
    size += [(n, Shape(f"{n} B", (*_table("id bigint PRIMARY KEY, v text"), "ALTER TABLE s ALTER v SET STORAGE external"),
                       f"INSERT INTO s SELECT i, repeat('x', {n}) FROM {SERIES}", 100_000_000 // n)) for n in (10_000, 100_000)]
    columns = []
    for n in (1, 5, 20, 50, 200):
        names, values = _ints(n)
        columns.append((n, Shape(f"{n} columns", _table(f"id bigint PRIMARY KEY, {names}"), f"INSERT INTO s SELECT i, {values} FROM {SERIES}",
                                 min(100_000, 2_000_000 // n))))
    tables = [(n, Shape(f"{n} tables", tuple(f"CREATE TABLE s{i} (id bigint PRIMARY KEY, v text)" for i in range(n)),
                        f"EXECUTE format('INSERT INTO s%s SELECT i, ''x'' FROM generate_series($1, $2) i', t % {n}) USING {{lo}}, {{hi}}", 100_000))
              for n in (1, 10, 100, 1_000)]
    batches = [(n, narrow(f"{n} rows", batch=n)) for n in (1, 10, 100, 1_000, 100_000)]
    backlog = [(n, narrow(f"{n} rows", rows=n)) for n in (10_000, 100_000, 500_000, 2_000_000)]
    clients = [(n, Shape(f"{n} connections", _table("id bigserial PRIMARY KEY, v text"), "INSERT INTO s (v) SELECT repeat('x', 20) FROM generate_series(1, 10)",
                         100_000, clients=n)) for n in (1, 4, 16, 64)]
    return {"row size": ("bytes of the row", size), "columns": ("columns", columns), "tables": ("tables", tables),
            "transaction size": ("rows of a transaction", batches), "backlog": ("rows behind", backlog), "connections": ("connections that write", clients)}


class Made:
    """A shape's changes in the WAL, behind a slot of its own; decoded from copies of it."""

    def __init__(self, source, shape, burst):
        """burst: the default of decoding.burst"""
        self.source, self.shape, self.burst = source, shape, burst
        source.sql("DROP SCHEMA IF EXISTS shape CASCADE")
        source.sql("CREATE SCHEMA shape")
        source.sql("SET search_path = shape")
        for statement in shape.ddl:
            source.sql(statement)
        if shape.before:
            source.sql(shape.before.format(rows=shape.rows))
        source.sql("DROP PUBLICATION IF EXISTS shape")
        source.sql("CREATE PUBLICATION shape FOR TABLES IN SCHEMA shape")
        source.sql("SELECT pg_create_logical_replication_slot('shape', 'tuplecast')")
        if shape.clients:
            self._by_clients()
        elif shape.batch >= shape.rows:
            source.sql(shape.change.format(lo=1, hi=shape.rows))
        else:
            source.sql(f"""DO $$ DECLARE lo int; hi int; BEGIN FOR t IN 0..{shape.rows // shape.batch - 1} LOOP
                lo := t * {shape.batch} + 1; hi := (t + 1) * {shape.batch}; {shape.change.format(lo="lo", hi="hi")}; COMMIT; END LOOP; END $$""")
        source.sql("RESET search_path")
        source.sql("CHECKPOINT")
        self.end = source.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]

    def _by_clients(self):
        shape, cluster = self.shape, self.source.cluster
        script = cluster.dir / "shape.sql"
        script.write_text(shape.change.replace("INTO s", "INTO shape.s") + ";\n")
        script.chmod(0o644)
        done = subprocess.run(as_postgres(["pgbench", "-n", "-M", "prepared", "-c", str(shape.clients), "-j", "2", "-t", str(shape.rows // 10 // shape.clients),
                                           "-f", str(script), "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", self.source.db.name]),
                              cwd="/", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def plugins(self):
        other = "false" if self.burst == "true" else "true"
        ours = {"wire": 1, "topic.prefix": "bench", "decoding.burst": self.burst}
        return {"tuplecast": ("tuplecast", ours), f"tuplecast, decoding.burst={other}": ("tuplecast", {**ours, "decoding.burst": other}),
                "all excluded": ("tuplecast", {**ours, **EMPTY, "decoding.burst": "false"}), "pgoutput": ("pgoutput", {"proto_version": 1, "publication_names": "shape"})}

    def decode(self, name):
        plugin, options = self.plugins()[name]
        seconds, cpu = self.source.decode(plugin, options, "127.0.0.1", base="shape", end=self.end)
        return {"seconds": seconds, "walsender_cpu_s": cpu}

    def ship(self, binary, broker, prefix, *options):
        """To the broker; the topics stay, so that only the first run makes them."""
        return ship.throughput(binary, self.source, broker, prefix, *options, base="shape", tables=r"shape\..*", rows=self.shape.rows)

    def destroy(self):
        self.source.sql("SELECT pg_drop_replication_slot('shape')")
