"""Two sequences of records, Debezium's and tuplecast's, field by field.

Everything a consumer can see must be equal: topic, key, value, headers, tombstones, order, partition. What may differ stands
in exemptions.py, by name.
"""
import difflib
import json
import re
import struct
import sys
from collections import Counter
from dataclasses import dataclass, field

sys.set_int_max_str_digits(0)


class Absent:
    """A field that one of the two does not have."""

    def __repr__(self):
        return "(absent)"


ABSENT = Absent()
HEARTBEATS = "__debezium-heartbeat"


class Number:
    """A JSON number as it was written."""
    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text

    def __eq__(self, other):
        return isinstance(other, Number) and self.text == other.text

    def __hash__(self):
        return hash(self.text)

    @property
    def is_float(self):
        return not self.text.lstrip("-").isdigit()


class Obj(dict):
    """A JSON object; what it has twice is an error. Its order is that of the text."""


def _pairs(pairs):
    made = Obj(pairs)
    if len(made) != len(pairs):
        raise ValueError(f"a field twice: {[k for k, n in Counter(k for k, _ in pairs).items() if n > 1]}")
    return made


DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=Number, parse_float=Number, parse_constant=lambda name: 1 / 0)


@dataclass(slots=True)
class Record:
    topic: str
    key: str | None
    value: str | None
    headers: list
    partition: int | None = None
    timestamp: int | None = None


class Schemas:
    """Parsed texts before a payload; there are few of them, and each is long."""

    def __init__(self):
        self.heads = {}
        self.last = None

    def parse(self, text):
        """(schema or ABSENT, payload); a text that is no JSON is itself."""
        if text is None:
            return ABSENT, None
        if text.startswith('{"schema":'):
            head = self.last if self.last and text.startswith(self.last) else next((h for h in self.heads if text.startswith(h)), None)
            if head is None:
                schema, end = DECODER.raw_decode(text, 10)
                tail = ',"payload":'
                if not text.startswith(tail, end):
                    return ABSENT, DECODER.decode(text)
                head = text[:end + len(tail)]
                self.heads[head] = schema
            self.last = head
            payload, end = DECODER.raw_decode(text, len(head))
            if text[end:] != "}":
                return ABSENT, DECODER.decode(text)
            return self.heads[head], payload
        try:
            return ABSENT, DECODER.decode(text)
        except json.JSONDecodeError:
            return ABSENT, text


def is_event(value):
    return isinstance(value, Obj) and "specversion" in value and "data" in value


def split_event(event):
    """A CloudEvent: attributes, schema of its data or ABSENT, data."""
    data = event["data"]
    attributes = Obj((k, v if k != "data" else Obj()) for k, v in event.items())
    if isinstance(data, Obj) and list(data) == ["schema", "payload"]:
        return attributes, data["schema"], data["payload"]
    return attributes, ABSENT, data


@dataclass
class Difference:
    combination: str
    topic: str
    path: tuple
    theirs: object
    ours: object
    record: tuple = None

    @property
    def group(self):
        """Where, without names of topics and numbers of elements."""
        return "/".join(p for p in self.path if not p.isdigit())


@dataclass
class Context:
    """What an exemption may look at."""
    combination: object
    topic: str
    theirs: Record
    ours: Record
    their_value: object = None
    our_value: object = None

    @property
    def table(self):
        """However topics are routed, theirs ends in the table's name."""
        return re.split(r"[._-]", self.topic)[-1]


@dataclass
class Comparer:
    combination: object
    exemptions: list
    used: Counter = field(default_factory=Counter)
    differences: list = field(default_factory=list)
    compared: int = 0
    file_sink: bool = True

    def __post_init__(self):
        self.schemas = Schemas()
        self.seen_schemas = {}

    # ---- values ----------------------------------------------------------

    def differ(self, path, theirs, ours, context):
        for exemption in self.exemptions:
            if exemption.test(path, theirs, ours, context):
                self.used[exemption.name] += 1
                return
        self.differences.append(Difference(self.combination.name, context.topic, path, theirs, ours, (context.theirs, context.ours)))

    def value(self, path, theirs, ours, context):
        if type(theirs) is not type(ours):
            self.differ(path, theirs, ours, context)
        elif isinstance(theirs, Obj):
            self.object(path, theirs, ours, context)
        elif isinstance(theirs, list):
            self.list(path, theirs, ours, context)
        elif theirs != ours:
            if isinstance(theirs, Number) and theirs.is_float and ours.is_float and same_float(theirs.text, ours.text):
                self.used["digits of a float"] += 1
            else:
                self.differ(path, theirs, ours, context)

    def object(self, path, theirs, ours, context):
        if theirs == ours and list(theirs) == list(ours):
            return
        for name, value in theirs.items():
            if name not in ours:
                self.differ((*path, name), value, ABSENT, context)
            else:
                self.value((*path, name), value, ours[name], context)
        for name, value in ours.items():
            if name not in theirs:
                self.differ((*path, name), ABSENT, value, context)
        common = [n for n in theirs if n in ours]
        if common != [n for n in ours if n in theirs]:
            self.differ((*path, "(order)"), common, [n for n in ours if n in theirs], context)

    def list(self, path, theirs, ours, context):
        named = path and path[-1] == "fields" and all(isinstance(x, Obj) and "field" in x for x in theirs + ours)
        if named:
            self.object(path, Obj((x["field"], x) for x in theirs), Obj((x["field"], x) for x in ours), context)
        elif len(theirs) != len(ours):
            self.differ(path, theirs, ours, context)
        else:
            if path[-1] == "data_collections":
                # Debezium's order is that of a hash table; messages stand among the tables by names without a meaning
                theirs, ours = (sorted(x, key=lambda c: (not c["data_collection"].startswith(known_schemas()), repr(c))) for x in (theirs, ours))
            for i, (a, b) in enumerate(zip(theirs, ours)):
                self.value((*path, str(i)), a, b, context)

    # ---- records ---------------------------------------------------------

    def text(self, part, theirs, ours, context):
        """Key or value as bytes."""
        if theirs == ours:
            return
        if self.file_sink and part == "value" and theirs == "null" and ours is None:
            self.used["the file sink writes null for the text null"] += 1
            return
        try:
            their_schema, their_payload = self.schemas.parse(theirs)
            our_schema, our_payload = self.schemas.parse(ours)
        except ValueError as e:
            self.differ((part, f"(not JSON: {e})"), theirs, ours, context)
            return
        if part == "value" and is_event(their_payload) and is_event(our_payload):
            # the attributes, and then the data as if it were the value
            (theirs, their_schema, their_payload), (ours, our_schema, our_payload) = split_event(their_payload), split_event(our_payload)
            self.value((part,), theirs, ours, context)
        context.their_value, context.our_value = their_payload, our_payload
        if their_schema is not our_schema:
            self.schema(part, their_schema, our_schema, context)
        self.value((part,), their_payload, our_payload, context)

    def schema(self, part, theirs, ours, context):
        """Each pair of schemas is compared once, and counts once."""
        known = (part, context.topic, id(theirs), id(ours))
        if known in self.seen_schemas:
            return
        # kept, so that no other object gets its number
        self.seen_schemas[known] = theirs, ours
        self.value((f"{part}.schema",), theirs, ours, context)

    def record(self, theirs, ours):
        self.compared += 1
        context = Context(self.combination, theirs.topic, theirs, ours)
        self.text("key", theirs.key, ours.key, context)
        self.text("value", theirs.value, ours.value, context)
        self.headers(theirs.headers, ours.headers, context)
        if theirs.partition is not None and ours.partition is not None and theirs.key is not None and theirs.partition != ours.partition:
            self.differ(("partition",), theirs.partition, ours.partition, context)
        given = "table.field.event.timestamp" in str(self.combination.properties) and theirs.topic.startswith("outbox.")
        if (ours.timestamp is not None or given) and theirs.timestamp != ours.timestamp:
            self.differ(("timestamp",), theirs.timestamp, ours.timestamp, context)

    def headers(self, theirs, ours, context):
        if theirs == ours:
            return
        a, b = [n for n, _ in theirs], [n for n, _ in ours]
        if sorted(a) == sorted(b):
            if a != b:
                self.differ(("headers", "(order)"), a, b, context)
                theirs, ours = sorted(theirs, key=lambda h: h[0]), sorted(ours, key=lambda h: h[0])
            for (name, x), (_, y) in zip(theirs, ours):
                if x != y:
                    self.differ(("headers", name), x, y, context)
            return
        rest = list(ours)
        for name, x in theirs:
            match = next((h for h in rest if h[0] == name), None)
            if match is None:
                self.differ(("headers", name), x, ABSENT, context)
                continue
            rest.remove(match)
            if match[1] != x:
                self.differ(("headers", name), x, match[1], context)
        for name, y in rest:
            self.differ(("headers", name), ABSENT, y, context)

    # ---- sequences -------------------------------------------------------

    def run(self, theirs, ours, ordered=True):
        """ordered: both in the order in which they were made; else only the order within a key is known."""
        topics = list(dict.fromkeys(r.topic for r in [*theirs, *ours]))
        for topic in [t for t in topics if t.startswith(HEARTBEATS)]:
            topics.remove(topic)
            self.heartbeats(topic, [r for r in theirs if r.topic == topic], [r for r in ours if r.topic == topic])
        for topic in topics:
            a, b = [r for r in theirs if r.topic == topic], [r for r in ours if r.topic == topic]
            if not ordered:
                keyless = [r for r in a + b if r.key is None]
                a, b = by_key(a), by_key(b)
                if keyless:
                    # no order among them
                    a.sort(key=lambda r: (r.key is None, r.value or "" if r.key is None else ""))
                    b.sort(key=lambda r: (r.key is None, r.value or "" if r.key is None else ""))
            self.sequence(topic, a, b)

    def heartbeats(self, topic, theirs, ours):
        """How many there are depends on the time that a run takes; one of each is compared."""
        often = int(self.combination.properties.get("heartbeat.interval.ms", "0")) <= 1000
        self.sequence(topic, theirs[:1], ours[:1]) if often or theirs and ours else None

    def sequence(self, topic, theirs, ours):
        x, y = [token(r) for r in theirs], [token(r) for r in ours]
        if len(x) == len(y) and (x == y or [t[1] for t in x] == [t[1] for t in y]):
            for a, b in zip(theirs, ours):
                self.record(a, b)
            return
        if not set(x) & set(y):
            # nothing in common but their kinds
            x, y = [t[1] for t in x], [t[1] for t in y]
        for what, i1, i2, j1, j2 in difflib.SequenceMatcher(None, x, y, autojunk=False).get_opcodes():
            if what == "equal" or what == "replace" and i2 - i1 == j2 - j1:
                for a, b in zip(theirs[i1:i2], ours[j1:j2]):
                    self.record(a, b)
                continue
            nothing = Record(topic, None, None, [])
            for r in theirs[i1:i2]:
                self.compared += 1
                self.differ(("record", "missing"), brief(r), ABSENT, Context(self.combination, topic, r, nothing))
            for r in ours[j1:j2]:
                self.compared += 1
                self.differ(("record", "surplus"), ABSENT, brief(r), Context(self.combination, topic, nothing, r))


def known_schemas():
    """What the names of this workload's tables begin with."""
    return ("id.", "r.", "ty.", "ext.", "m.", "public.", "Sch ema.")


def by_key(records):
    keys = {k: i for i, k in enumerate(sorted({r.key or "" for r in records}))}
    return sorted(records, key=lambda r: keys[r.key or ""])


PAYLOAD = re.compile(r'"payload":(.*)\}$', re.S)
OP = re.compile(r'"op":"(.)","ts_ms"')


def token(record):
    """What aligns two sequences: the key without its schema, and the kind of value."""
    key, value = record.key, record.value
    if key and key.startswith('{"schema":'):
        found = PAYLOAD.search(key)
        key = found[1] if found else key
    if value is None or value == "null":
        kind = "null"
    else:
        found = OP.search(value[-300:])
        kind = found[1] if found else "deleted" if '"__deleted":"true"' in value[-300:] else "value"
    return key, kind


def brief(record):
    return f"key {record.key} value {record.value if record.value is None else record.value[:300]}"


def same_float(a, b):
    if float(a) == float(b):
        return a.startswith("-") == b.startswith("-")
    # digits of a float4
    try:
        return struct.pack("f", float(a)) == struct.pack("f", float(b)) and max(digits(a), digits(b)) <= 9
    except OverflowError:
        return False


def digits(text):
    return len(re.sub(r"[eE].*$", "", text).replace(".", "").strip("-0"))


# ---- where records come from ---------------------------------------------

def from_line(line):
    """A line of tuplecast's file sink. Key and value are the texts as they stand in it."""
    at = 0
    found = {}
    assert line.startswith("{"), line[:200]
    at = 1
    while line[at] != "}":
        if line[at] == ",":
            at += 1
        name, at = DECODER.raw_decode(line, at)
        assert line[at] == ":", line[at - 50:at + 50]
        start = at + 1
        if name in ("key", "value"):
            at = scan(line, start)
            found[name] = line[start:at]
        elif name == "headers":
            # one name may come twice
            found[name], at = PAIRS.raw_decode(line, start)
        else:
            found[name], at = DECODER.raw_decode(line, start)
    text = {n: None if found.get(n) == "null" else found.get(n) for n in ("key", "value")}
    number = {n: int(found[n].text) if n in found else None for n in ("partition", "timestamp")}
    return Record(found["topic"], text["key"], text["value"], found.get("headers", []), **number)


_heads = []


def scan(line, start):
    """Where the JSON value that begins at start ends; a known schema is not read again."""
    if line.startswith('{"schema":', start):
        for head in _heads:
            if line.startswith(head, start):
                break
        else:
            _, end = SCANNER.raw_decode(line, start + 10)
            head = line[start:end]
            _heads.insert(0, head)
            del _heads[400:]
        at = start + len(head)
        if line.startswith(',"payload":', at):
            _, end = SCANNER.raw_decode(line, at + 11)
            assert line[end] == "}", line[end - 50:end + 50]
            return end + 1
    return SCANNER.raw_decode(line, start)[1]


PAIRS = json.JSONDecoder(object_pairs_hook=list)
SCANNER = json.JSONDecoder(parse_int=str, parse_float=str)


def from_kafka(message):
    """A record of the e2e harness; of the funnel's headers the topic is taken. Returns (number, record)."""
    headers, topic, number = [], message.topic, 0

    def plain(text):
        # as header.converter has written it
        return json.loads(text)["payload"] if text.startswith('{"schema":') else text.strip('"')
    for name, value in message.headers:
        text = None if value is None else value.decode()
        if name == "funnel.topic":
            topic = plain(text)
        elif name == "funnel.number":
            number = int(plain(text))
        else:
            headers.append((name, text))
    value = None if message.value is None else message.value.decode(errors="surrogateescape")
    return number, Record(topic, message.k, value, headers, message.partition, message.timestamp)
