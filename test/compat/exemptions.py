"""What may differ from Debezium, each by name and with its reason. One that a full run never needs is an error."""
import json
import re
from dataclasses import dataclass
from typing import Callable

from compare import ABSENT, Number, Obj

REQUIRED = "defect"  # must apply in a full run
ALLOWED = "nature"   # what cannot be equal: clocks, random identities, spelling of equal numbers


@dataclass(frozen=True)
class Exemption:
    name: str
    kind: str
    reason: str
    test: Callable


EXEMPTIONS = []


def exemption(name, kind, reason):
    def add(test):
        EXEMPTIONS.append(Exemption(name, kind, reason, test))
        return test
    return add


def same_type(a, b):
    return type(a) is type(b) or None in (a, b)


# ---- nature ---------------------------------------------------------------

CLOCK = {"ts_ms", "ts_us", "ts_ns"}


@exemption("clock", ALLOWED, "time at which a record was made: ts_ms, ts_us, ts_ns at top level, of heartbeats and of transaction records")
def clock(path, theirs, ours, context):
    if path[0] == "value" and len(path) == 2 and path[1] in CLOCK:
        meta = isinstance(context.their_value, Obj) and ("op" in context.their_value or "status" in context.their_value or len(context.their_value) == 1)
        return meta and isinstance(theirs, Number) and isinstance(ours, Number) and len(theirs.text) == len(ours.text)
    if path == ("timestamp",):
        # the event router's, if no column gives it; those of the workload lie before 2025
        return theirs is not None and ours is not None and min(theirs, ours) > 1735689600000 and abs(theirs - ours) < 3600000
    # as fields or headers of a flattened record
    name = path[-1].removeprefix(context.combination.added_prefix)
    if path[0] in ("value", "headers") and len(path) == 2 and path[1] in context.combination.added_clocks:
        return theirs is not ABSENT and ours is not ABSENT and len(str(theirs)) == len(str(ours)) and name != path[1]
    return False


PLACE = {"lsn", "txId", "source_lsn", "source_txId", *(f"source_{c}" for c in CLOCK)}


def is_snapshot(context):
    return context.combination.workload.startswith("snap_")


def is_event(context):
    return "CloudEvents" in context.combination.properties.get("value.converter", "")


@exemption("place of a snapshot", ALLOWED, "each tool takes its own, at its own moment: source.lsn, txId, ts_* of its rows")
def snapshot_place(path, theirs, ours, context):
    if not is_snapshot(context) or type(theirs) is not type(ours) or len(str(theirs)) != len(str(ours)):
        return False
    if len(path) == 3 and path[:2] == ("value", "source"):
        return path[2] in {"lsn", "txId", *CLOCK} and context.their_value["source"].get("snapshot") != "false"
    if is_event(context):
        return len(path) == 2 and path[0] == "value" and path[1] in ("id", "time", "iodebeziumlsn", "iodebeziumtxId", "iodebeziumtsms", "iodebeziumtsus", "iodebeziumtsns")
    return len(path) == 2 and path[0] in ("value", "headers") and path[1].removeprefix(context.combination.added_prefix) in PLACE


@exemption("sequence", ALLOWED, "what the connector remembers of its own position: source.sequence")
def sequence(path, theirs, ours, context):
    # a string in each; null as a field's value would be another type
    return path[-1] in ("sequence", "__sequence", "__source_sequence") and path[0] in ("value", "headers") and isinstance(theirs, str) and isinstance(ours, str)


@exemption("attributes of a CloudEvent", ALLOWED, "what of sequence and version stands in its attributes: id, iodebeziumsequence, iodebeziumversion")
def event_attributes(path, theirs, ours, context):
    if path[0] != "value" or len(path) != 2 or not isinstance(theirs, str) or not isinstance(ours, str):
        return False
    if path[1] == "id":
        head, sep, _ = theirs.partition(";sequence:[")
        return bool(sep) and ours.startswith(head + sep)
    return path[1] in ("iodebeziumsequence", "iodebeziumversion")


@exemption("version", ALLOWED, "of the software: source.version")
def version(path, theirs, ours, context):
    return path[-1] in ("version", "__version", "__source_version") and path[0] in ("value", "headers") and (len(path) == 2 or path[-2] == "source") \
        and isinstance(theirs, str) and isinstance(ours, str)


@exemption("runId", ALLOWED, "one for each run of a task: header __debezium.context.runId")
def run_id(path, theirs, ours, context):
    return path == ("headers", "__debezium.context.runId") and isinstance(theirs, str) and isinstance(ours, str)


@exemption("time of a message outside of transactions", ALLOWED, "source.ts_* of such a message is the time of the transaction before it, or now")
def message_time(path, theirs, ours, context):
    return len(path) == 3 and path[:2] == ("value", "source") and path[2] in CLOCK and isinstance(context.their_value, Obj) \
        and context.their_value.get("op") == "m" and context.their_value["source"].get("txId") is None \
        and isinstance(theirs, Number) and isinstance(ours, Number)


@exemption("clocks of messages that transforms have changed", ALLOWED, "the same clocks, in records that have lost what they are known by")
def changed_message_time(path, theirs, ours, context):
    messages = context.combination.name.startswith("steps-messages") and context.topic.endswith(("message", "other"))
    return messages and path[0] == "value" and path[-1] in CLOCK and len(path) <= 3 and type(theirs) is type(ours) and len(str(theirs)) == len(str(ours))


@exemption("order within hstore", ALLOWED, "Debezium writes the pairs in the order of a hash table")
def hstore_order(path, theirs, ours, context):
    if not in_column(path, ("hst", "ahst")):
        return False
    if isinstance(theirs, str) and isinstance(ours, str):
        try:
            return json.loads(theirs) == json.loads(ours)
        except ValueError:
            return False
    return path[-1] == "(order)"


def column(path):
    """The column a path leads to, or ''."""
    if path[0] in ("key", "value"):
        for part in path[1:]:
            if part not in ("before", "after", "payload") and not part.isdigit():
                return part
    elif path[0] in ("key.schema", "value.schema"):
        names = [p for i, p in enumerate(path) if i and path[i - 1] == "fields" and p not in ("before", "after")]
        return names[0] if names else ""
    return ""


def in_column(path, prefixes):
    return column(path).startswith(tuple(prefixes))


def is_schema(path):
    return path[0].endswith(".schema")


# ---- Debezium's defects ----------------------------------------------------

@exemption("columns of unknown types", REQUIRED, "Debezium leaves them out; here they are text")
def unknown_type(path, theirs, ours, context):
    old = column(path) == "tsv" and context.combination.version < "3"
    return (old or in_column(path, ("u_",))) and theirs is ABSENT and (is_schema(path) or ours is None or isinstance(ours, (str, list)))


@exemption("generated columns", REQUIRED, "Debezium leaves them out while streaming")
def generated(path, theirs, ours, context):
    return in_column(path, ("gen_",)) and theirs is ABSENT


@exemption("name as null", REQUIRED, "Debezium writes null for the type name while streaming")
def name_null(path, theirs, ours, context):
    return in_column(path, ("nm_",)) and not is_schema(path) and theirs is None and isinstance(ours, str)


@exemption("nested arrays", REQUIRED, "Debezium writes [null,null], or the address of a Java object")
def nested(path, theirs, ours, context):
    java = isinstance(theirs, str) and theirs.startswith("[L")
    return in_column(path, ("nest_",)) and (is_schema(path) or (theirs is None or java) and isinstance(ours, list))


@exemption("bit arrays", REQUIRED, "Debezium writes null for an array of bit(n)")
def bit_array(path, theirs, ours, context):
    return column(path) == "bit3" and context.table == "arr2" and (is_schema(path) or theirs is None and isinstance(ours, list))


@exemption("numeric with a negative scale", REQUIRED, "Debezium takes numeric(5,-2) for one with 2046 digits after the point")
def negative_scale(path, theirs, ours, context):
    return in_column(path, ("neg_",)) and theirs is not ABSENT and ours is not ABSENT


@exemption("unchanged TOAST as null", REQUIRED, "where Debezium finds no placeholder of a column's type it writes null")
def toast_null(path, theirs, ours, context):
    if context.table != "toast" or is_schema(path) or theirs is not None:
        return False
    return isinstance(ours, list) or isinstance(ours, str) and ours != "null"


@exemption("key of an identity other than the primary key", REQUIRED, "Debezium keys by the primary key, and invents it in deletes; here the identity's index is the key")
def zeroed_key(path, theirs, ours, context):
    return context.table == "pi" and (path[0] in ("key", "key.schema", "partition", "record") or path[:2] == ("headers", "__debezium.newkey") or path[:2] == ("headers", "__debezium.oldkey"))


@exemption("infinite dates within arrays", REQUIRED, "Debezium has one number for an infinite date, and another one for it in an array; here there is one")
def infinite_date(path, theirs, ours, context):
    return context.table == "arr" and column(path) == "d" and isinstance(theirs, Number) and isinstance(ours, Number) \
        and (theirs.text, ours.text) in (("-622191234", "-2147472692"), ("-625821272", "-2147472691"))


@exemption("infinity as isostring", REQUIRED, "Debezium writes the day on which a number overflows")
def infinite_iso(path, theirs, ours, context):
    return context.combination.properties.get("time.precision.mode") == "isostring" and isinstance(theirs, str) and ours in ("infinity", "-infinity")


@exemption("intervals off by a microsecond", REQUIRED, "Debezium computes them in floating point and cuts off what is left")
def interval(path, theirs, ours, context):
    if column(path) not in ("iv", "iv3", "aiv") or is_schema(path):
        return False
    if isinstance(theirs, Number) and isinstance(ours, Number):
        return abs(int(theirs.text) - int(ours.text)) <= 1
    if isinstance(theirs, str) and isinstance(ours, str) and "T" in theirs and "T" in ours:
        seconds = [re.fullmatch(r"(.*M)(-?[0-9.]+)S", t) for t in (theirs, ours)]
        return all(seconds) and seconds[0][1] == seconds[1][1] and 0 < abs(float(seconds[0][2]) - float(seconds[1][2])) < 2e-6
    return False


@exemption("infinite timestamps within arrays", REQUIRED, "Debezium writes the last day that Java's long can hold")
def infinite_in_array(path, theirs, ours, context):
    return context.table == "arr" and column(path) in ("tstz", "ts", "ts3") and isinstance(theirs, str) and "29226" in theirs and ours in ("infinity", "-infinity")


@exemption("BC within arrays", REQUIRED, "Debezium loses the era")
def era_in_array(path, theirs, ours, context):
    if context.table == "arr" and column(path) == "d" and isinstance(theirs, Number) and isinstance(ours, Number):
        return (theirs.text, ours.text) == ("-703383", "-735160")
    return context.table == "arr" and column(path) in ("tstz", "d") and isinstance(theirs, str) and isinstance(ours, str) \
        and theirs.startswith("0044-03-15") and ours.startswith("-0043-03-15")


@exemption("NULL within arrays of ltree", REQUIRED, "Debezium writes null for the whole array")
def ltree_null(path, theirs, ours, context):
    return context.table == "arr" and column(path) == "lt" and theirs is None and isinstance(ours, list) and None in ours


@exemption("defaults with a quote", REQUIRED, "Debezium ends them there")
def quoted_default(path, theirs, ours, context):
    return context.table == "df" and column(path) == "vc" and theirs == "it" and ours == "it's"


@exemption("24:00 as isostring", REQUIRED, "Debezium writes midnight, the beginning of the day")
def midnight_iso(path, theirs, ours, context):
    return context.combination.properties.get("time.precision.mode") == "isostring" and (theirs, ours) == ("00:00:00Z", "24:00:00Z")


@exemption("24:00 within arrays", REQUIRED, "Debezium writes midnight, the beginning of the day")
def midnight_in_array(path, theirs, ours, context):
    return context.table == "arr" and column(path) == "tm" and str(theirs) in ("0", "00:00:00Z") and ours is not ABSENT and ours is not None


@exemption("name of the messages of a transaction", REQUIRED, "Debezium lists them among the tables by the address of a Java object")
def message_collection(path, theirs, ours, context):
    return path[-1] == "data_collection" and isinstance(theirs, str) and "LogicalDecodingMessageId@" in theirs and isinstance(ours, str)


@exemption("keys of columns that the WAL does not hold", REQUIRED, "where message.key.columns names columns outside the identity Debezium invents the old key, and deletes a key that never was")
def invented_key(path, theirs, ours, context):
    return context.combination.name.startswith("identity-key-columns") and path[0] == "record"


@exemption("geometric types as unknown ones", REQUIRED, "Debezium's driver prints 1.0 where the server prints 1")
def geometric_text(path, theirs, ours, context):
    return in_column(path, ("u_line", "u_lseg", "u_box", "u_path", "u_poly", "u_circle")) and isinstance(theirs, str) and isinstance(ours, str)


@exemption("dates before 1970 in headers", REQUIRED, "SimpleHeaderConverter takes them for times of a day, and writes no date")
def early_header(path, theirs, ours, context):
    if path[0] != "headers" or not isinstance(theirs, str) or not isinstance(ours, str):
        return False
    day = r"(?<![\"\d-])(?:19[0-6]\d|00\d\d)-\d\d-\d\d"
    return theirs == re.sub(day, "00:00:00.000Z", re.sub(day + "T", "", ours)) != ours


@exemption("schema name of outbox records", REQUIRED, "Debezium keeps the name that the first table gave it")
def outbox_schema(path, theirs, ours, context):
    return context.combination.name.startswith("outbox") and path == ("value.schema", "name")


@exemption("time zones of the source block twice", REQUIRED, "TimezoneConverter changes the source block in place, and both records of a changed key share it: the second is shifted twice")
def shifted_twice(path, theirs, ours, context):
    if not context.combination.name.startswith("steps-timezone") or not isinstance(theirs, Number) or not isinstance(ours, Number):
        return False
    units = {"ts_ms": 10**3, "ts_us": 10**6, "ts_ns": 10**9}
    unit = units.get(path[-1].removeprefix("__source_"))
    return "source" in "/".join(path) and unit is not None and abs(int(theirs.text) - int(ours.text)) in (18000 * unit, 14400 * unit, 19800 * unit)


@exemption("messages as text", REQUIRED, "of a message's content StringConverter writes the name of a Java object; and the clocks of a text cannot be told apart")
def text_message(path, theirs, ours, context):
    return path == ("value",) and all(str(v).startswith("Struct{op=m,") for v in (theirs, ours)) and "java.nio.HeapByteBuffer" in theirs


@exemption("time of outbox records without one", ALLOWED, "both take the clock where the column is NULL")
def outbox_time(path, theirs, ours, context):
    return context.combination.name.startswith("outbox") and path[0] == "timestamp"


# 44 BC, 4713 BC, 1582-10-10 and infinity
OLD_DATES = {("-703383", "-735160"), ("1001860", "-2440550"), ("-141422", "-141432"), ("0044-03-15Z", "-0043-03-15Z"), ("4713-01-01Z", "-4712-01-01Z"), ("1582-10-20Z", "1582-10-10Z"),
             ("-622191234", "-2147472692"), ("-625821272", "-2147472691")}


@exemption("snapshot: dates before 1582-10-15 and infinite ones", REQUIRED, "Debezium loses the era, and the days between the calendars, of a date that it reads by a query, and has other numbers for infinity; not in the stream")
def snapshot_era(path, theirs, ours, context):
    if path == ("partition",):
        return is_snapshot(context) and context.topic.endswith("k_date") and "-703383" in context.theirs.key
    return is_snapshot(context) and column(path) in ("d", "k") and (str(theirs), str(ours)) in OLD_DATES


@exemption("snapshot: rows of partitions twice", REQUIRED, "Debezium reads partitions and, once more, their root; the stream knows one of the two topics")
def snapshot_root(path, theirs, ours, context):
    if not is_snapshot(context) or path != ("record", "missing"):
        return False
    return context.topic.endswith((".part_a", ".part_b")) if "publication.name" in context.combination.properties else context.table == "part"


@exemption("snapshot: keys of columns that are not included", REQUIRED, "Debezium does not read them, and invents zeros and empty texts; not in the stream")
def snapshot_key(path, theirs, ours, context):
    return context.combination.name.startswith("snapshot-column-include") and path[0] in ("key", "key.schema", "partition")


@exemption("snapshot: names of source types", REQUIRED, "column.propagate.source.type names them as the driver does (SERIAL, a schema), and otherwise in the stream")
def snapshot_source_type(path, theirs, ours, context):
    return is_snapshot(context) and is_schema(path) and path[-1] in tuple(f"__debezium.source.column.{what}" for what in ("type", "length", "scale"))


@exemption("snapshot: 2.7", REQUIRED, "what 2.7 read by a query it wrote otherwise than from the stream: days before 1582-10-15, the least and the most money, varbit(1)")
def snapshot_old(path, theirs, ours, context):
    if not is_snapshot(context) or context.combination.version >= "3" or is_schema(path):
        return False
    if context.table == "far" or str(ours)[:10] < "1582-10-15" and column(path).startswith("tstz"):
        return column(path).startswith(("ts", "dts")) and type(theirs) is type(ours)
    return column(path) == "vb1" and theirs is None or column(path) == "m" and theirs in ("AIAAAAAAAADA", "/3////////9A")


@exemption("labels of enums in 2.x", REQUIRED, "2.x ordered them by OID and knew no default of an enum")
def old_enum(path, theirs, ours, context):
    old = context.combination.version < "3" and column(path) == "e"
    return old and (path[-1] in ("allowed", "default") or (theirs, ours) == ("", "ok"))


@exemption("a new label of an enum", REQUIRED, "Debezium shows it in the schema after the next change of the table only")
def new_label(path, theirs, ours, context):
    return context.combination.name.startswith("live") and is_schema(path) and path[-1] == "allowed"


# ---- what 3.7 writes otherwise than 3.6: there is no compat.version=3.7 yet ----

NEWER_INFINITIES = {"9223372036854775807", "-9223372036854775808", "9223372036825200000", "-9223372036832400000", "2146033979", "-2147472691", "-2147472692"}
INFINITIES = {"9223372036825200000", "-9223372036832400000", "9223372036825200", "-9223372036832400", "-2147472692", "-2147472691"}


def is_newer(context):
    return context.combination.version >= "3.7"


@exemption("3.7: infinite dates and timestamps", REQUIRED, "3.7 has other numbers for them")
def newer_infinity(path, theirs, ours, context):
    if not is_newer(context):
        return False
    if path == ("partition",):
        return any(n in context.theirs.key for n in NEWER_INFINITIES)
    numbers = isinstance(theirs, Number) and isinstance(ours, Number)
    return numbers and theirs.text in NEWER_INFINITIES and ours.text in INFINITIES


@exemption("3.7: 24:00 of timetz", REQUIRED, "3.6 writes midnight, the beginning of the day, 3.7 its end")
def newer_midnight(path, theirs, ours, context):
    return is_newer(context) and (theirs, ours) == ("24:00:00Z", "00:00:00Z")


@exemption("3.7: geometric types", REQUIRED, "3.7 has structs for line, lseg, box, path, polygon and circle")
def newer_geometry(path, theirs, ours, context):
    shapes = in_column(path, ("u_line", "u_lseg", "u_box", "u_path", "u_poly", "u_circle"))
    return is_newer(context) and shapes and (is_schema(path) or isinstance(theirs, Obj) and isinstance(ours, str))


@exemption("number of heartbeats", ALLOWED, "each program sends them by its own clock")
def heartbeats(path, theirs, ours, context):
    return path[0] == "record" and "heartbeat" in context.topic
