"""Named combinations of properties, each a connector's JSON as people write it."""
import random
from dataclasses import dataclass, field

JSON = "org.apache.kafka.connect.json.JsonConverter"
CLOUDEVENTS = "io.debezium.converters.CloudEventsConverter"
STRING = "org.apache.kafka.connect.storage.StringConverter"
UNWRAP = {"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState"}
PLAIN = {"key.converter": JSON, "key.converter.schemas.enable": "false", "value.converter": JSON, "value.converter.schemas.enable": "false"}
SCHEMAS = {"key.converter": JSON, "key.converter.schemas.enable": "true", "value.converter": JSON, "value.converter.schemas.enable": "true"}
# tables without names and types that older releases write otherwise
PLAIN_TABLES = r"id\.(customers|full_t|nopk.*|idx|uq|comp|part.*|k_uuid)"
ALL = {"skipped.operations": "none"}
CLOCKS = ("ts_ms", "ts_us", "ts_ns")
META = "op,table,lsn,source.ts_ms,ts_ms,txId,snapshot,db,schema,source.name,source.connector,source.version,source.origin,nothing,op:OPERATION"


@dataclass
class Combination:
    name: str
    workload: str
    properties: dict
    # a part of every `make test`
    quick: bool = False
    version: str = "3.6.1.Final"
    # both tools to real brokers, topic by topic; else Debezium through the funnel and tuplecast to a file
    kafka: bool = False
    # ours alone
    options: dict = field(default_factory=dict)

    def unwrap_name(self):
        return next((k.split(".")[1] for k, v in self.properties.items() if k.startswith("transforms.") and v.endswith("ExtractNewRecordState")), None)

    @property
    def added_prefix(self):
        name = self.unwrap_name()
        return self.properties.get(f"transforms.{name}.add.fields.prefix", "__") if name else "__"

    @property
    def added_clocks(self):
        """Fields and headers that hold the time at which a record was made."""
        name = self.unwrap_name()
        found = set()
        for what in ("fields", "headers") if name else ():
            prefix = self.properties.get(f"transforms.{name}.add.{what}.prefix", "__")
            for entry in self.properties.get(f"transforms.{name}.add.{what}", "").split(","):
                source, _, target = entry.strip().partition(":")
                if source in CLOCKS:
                    found.add(prefix + (target or source))
        return found


def unwrap(**settings):
    """ExtractNewRecordState; in names _ stands for a dot."""
    return {**UNWRAP, **{f"transforms.unwrap.{k.replace('_', '.')}": v for k, v in settings.items()}}


def insert_header(name, literal, alias="h"):
    return {f"transforms.{alias}.type": "org.apache.kafka.connect.transforms.InsertHeader", f"transforms.{alias}.header": name, f"transforms.{alias}.value.literal": literal}


# a header for each kind of literal that Connect knows
LITERALS = ["db1", "", " a ", "true", "007", "-129", "1.50", "1e3", "3000000000", "2024-01-02", "03:04:05.678Z", "2024-01-02T03:04:05.678Z", 'say \"x\"', '["a", "b"]', "[1, 300]", "[1.5,2]",
            '{"a":1, "b":2}', '{"a": {"b": "c\\d"}}', "{1:2}", '[1,"x"]', "[a]", "null", "localhost:9092", "é😀", '["2024-01-02"]']
LITERAL_HEADERS = {"transforms": ",".join(f"l{i}" for i in range(len(LITERALS))), **{k: v for i, text in enumerate(LITERALS) for k, v in insert_header(f"literal-{i}", text, f"l{i}").items()}}


def header_converters():
    """Each source of headers under each converter."""
    converters = {"simple": {}, "string": {"header.converter": STRING}, "json": {"header.converter": JSON, "header.converter.schemas.enable": "false"},
                  "json-schemas": {"header.converter": JSON}}
    rewrite = unwrap(delete_tombstone_handling_mode="rewrite-with-tombstone", add_headers="op,lsn,db,source.ts_ms,txId,snapshot,xmin,sequence,nothing,source.version,source.origin,ts_ms,op:again")
    # of bytes that converter writes the name of a Java object
    readable = {"table.exclude.list": r"id\.k_bytea"}
    for name, converter in converters.items():
        def made(what, *settings, quick=False, **kwargs):
            properties = {**PLAIN, **converter}
            for s in settings:
                properties.update(s)
            return Combination(f"headers-{what}-{name}", kwargs.pop("workload", "identity"), properties, quick=quick, **kwargs)
        yield made("unwrap", rewrite, readable, quick=name in ("string", "json-schemas"))
        yield made("envelope", readable, quick=name == "json-schemas")
        yield made("transactions", {"provide.transaction.metadata": "true"}, unwrap(add_headers="transaction.id,transaction.total_order,id,data_collection_order"), readable)
        yield made("literals", LITERAL_HEADERS, {"table.include.list": r"id\.(customers|k_text)", "provide.transaction.metadata": "true"}, quick=name == "simple")
        for mode in ("connect", "isostring", "nanoseconds"):
            yield made(f"key-{mode}", {"time.precision.mode": mode, "table.exclude.list": r"id\.k_(bytea|ts)" if mode == "isostring" else r"id\.k_bytea"}, quick=mode == "connect" and name != "json")
        yield made("key-double", {"decimal.handling.mode": "double", "table.include.list": r"id\.k_(num|date)"})
        yield made("key-numeric", {"key.converter.decimal.format": "NUMERIC", "table.include.list": r"id\.k_num"})
        placement = "type:header:eventType,p:header,tenant:header,ts:header,tsmicro:header,created:header,payload:header,aggregateid:header:key"
        router = {"transforms": "outbox", "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter", "transforms.outbox.table.fields.additional.placement": placement, "table.include.list": r"ob\.(outbox|scalar)"}
        yield made("outbox", router, workload="outbox", quick=name == "json-schemas")
        yield made("outbox-connect", router, {"time.precision.mode": "connect"}, workload="outbox")
        # of names that are not ASCII that line makes others
        ascii = {"table.exclude.list": r"id\.We.*,Sch ema\..*,id\.k_bytea"}
        yield made("2.7", *([] if name == "simple" else [rewrite]), ascii, version="2.7.4.Final")


def pipelines():
    a = {**UNWRAP, "transforms.unwrap.drop.tombstones": "false", "transforms.unwrap.delete.handling.mode": "rewrite",
         "database.server.name": "customers", "table.include.list": "public.users,public.orders", "topic.prefix": "customers",
         "topic.creation.enable": "true", "topic.creation.default.replication.factor": "-1", "topic.creation.default.partitions": "-1",
         "skipped.operations": "none"}
    b = {"tasks.max": "1", "slot.drop.on.stop": "false", "snapshot.fetch.size": "1000", "schema.include.list": "public", **SCHEMAS,
         "time.precision.mode": "adaptive_time_microseconds", "decimal.handling.mode": "double", "heartbeat.interval.ms": "10000",
         "database.server.name": "crm", "include.schema.changes": "false", "topic.prefix": "crm"}
    c = {"topic.prefix": "postgres", "max.batch.size": "13312", "max.queue.size": "26312", "decimal.handling.mode": "double",
         "time.precision.mode": "adaptive", "snapshot.lock.timeout.ms": "10000"}
    d = {"topic.prefix": "dbserver1", "tasks.max": "1"}
    e = {"topic.prefix": "clients.cdc", "table.include.list": ".*users", "column.include.list": ".*id, .*address"}
    # 3.x does not know the delete mode that stands there, and ignores it; so this is for the older line, and a newer spelling
    modern = {**{k: v for k, v in a.items() if "unwrap.d" not in k}, "transforms.unwrap.delete.tombstone.handling.mode": "rewrite-with-tombstone"}
    yield Combination("pipeline-a", "pipeline_a", {**modern, **PLAIN}, quick=True)
    yield Combination("pipeline-a-2.7", "pipeline_a", {**a, **PLAIN}, version="2.7.4.Final")
    yield Combination("pipeline-a-2.7-worker-default", "pipeline_a", a, version="2.7.4.Final")
    yield Combination("pipeline-b", "pipeline_b", b, quick=True)
    yield Combination("pipeline-b-2.7", "pipeline_b", b, version="2.7.4.Final")
    yield Combination("pipeline-c", "pipeline_c", {**c, **PLAIN}, quick=True)
    yield Combination("pipeline-c-string-keys", "pipeline_c", {**c, "key.converter": STRING, "value.converter": JSON, "value.converter.schemas.enable": "false"}, kafka=True)
    yield Combination("pipeline-c-2.0", "pipeline_c", {**c, **PLAIN}, version="2.0.0.Final")
    yield Combination("pipeline-d", "pipeline_d", {**d, **PLAIN}, quick=True)
    yield Combination("pipeline-d-default", "pipeline_d", d, kafka=True, quick=True)
    yield Combination("pipeline-d-2.7", "pipeline_d", d, version="2.7.4.Final")
    yield Combination("pipeline-e", "pipeline_e", {**e, **PLAIN}, quick=True)


def types():
    """Every type under every mode that changes a form."""
    for schemas, word in ((PLAIN, ""), (SCHEMAS, "-schemas")):
        quick = not word
        yield Combination(f"types{word}", "types", {**schemas, **ALL}, quick=True)
        yield Combination(f"types-unwrap{word}", "types", {**schemas, **unwrap(delete_tombstone_handling_mode="rewrite-with-tombstone")}, quick=True)
        for mode in ("string", "double"):
            yield Combination(f"types-decimal-{mode}{word}", "types", {**schemas, "decimal.handling.mode": mode}, quick=quick)
        for mode in ("adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds"):
            near = {"table.exclude.list": r"ty\.far,ty\.nn"} if mode == "nanoseconds" else {}
            # Debezium fails at timestamps beyond the reach of nanoseconds that may not be null, and at those that it invents
            yield Combination(f"types-time-{mode}{word}", "types", {**schemas, **near, "time.precision.mode": mode}, quick=quick)
        for mode in ("base64", "base64-url-safe", "hex"):
            yield Combination(f"types-binary-{mode}{word}", "types", {**schemas, "binary.handling.mode": mode}, quick=quick)
        yield Combination(f"types-interval-string{word}", "types", {**schemas, "interval.handling.mode": "string"}, quick=quick)
        yield Combination(f"types-hstore-map{word}", "types", {**schemas, "hstore.handling.mode": "map"}, quick=quick)
        yield Combination(f"types-unknown{word}", "types", {**schemas, "include.unknown.datatypes": "true"})
        yield Combination(f"types-money-digits{word}", "types", {**schemas, "money.fraction.digits": "3"})
        yield Combination(f"types-decimal-numeric{word}", "types", {**schemas, "value.converter.decimal.format": "NUMERIC", "key.converter.decimal.format": "NUMERIC"})
        yield Combination(f"types-no-defaults{word}", "types", {**schemas, "value.converter.replace.null.with.default": "false"})
        yield Combination(f"types-unwrap-no-defaults{word}", "types", {
            **schemas, "value.converter.replace.null.with.default": "false", **unwrap(delete_tombstone_handling_mode="rewrite", replace_null_with_default="false")})
        yield Combination(f"types-source-type{word}", "types", {**schemas, "column.propagate.source.type": ".*"})
        yield Combination(f"types-source-datatype{word}", "types", {**schemas, "datatype.propagate.source.type": r".+\.varchar,.+\.numeric"})
    yield Combination("types-unwrap-string-iso", "types", {**PLAIN, "decimal.handling.mode": "string", "time.precision.mode": "isostring", "interval.handling.mode": "string",
                                                           "binary.handling.mode": "hex", "hstore.handling.mode": "map", **unwrap(delete_tombstone_handling_mode="rewrite")})
    yield Combination("types-2.7", "types", PLAIN, version="2.7.4.Final")
    yield Combination("types-2.7-schemas", "types", SCHEMAS, version="2.7.4.Final")
    for mode in ("precise", "string", "double"):
        yield Combination(f"big-decimal-{mode}", "big", {**PLAIN, "decimal.handling.mode": mode, "table.include.list": "big.*"})
    yield Combination("big-unwrap", "big", {**PLAIN, **UNWRAP})
    yield Combination("big-hex", "big", {**SCHEMAS, "binary.handling.mode": "hex"})


def outbox_values():
    """The event router before other converters and other transforms."""
    transforms = "org.apache.kafka.connect.transforms."

    def outbox(name, more=None, steps=None, **router):
        topic = f"ob-{name}"
        properties = {**PLAIN, "topic.prefix": topic, "table.include.list": r"ob\.outbox", "transforms": ",".join(["outbox", *(steps or {})]),
                      "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter", "transforms.outbox.route.topic.replacement": topic + ".${routedByValue}"}
        properties.update({f"transforms.outbox.{k.replace('_', '.')}": v for k, v in router.items()})
        for alias, step in (steps or {}).items():
            properties.update({f"transforms.{alias}.{k}": transforms + v if k == "type" else v for k, v in step.items()})
        return {**properties, **(more or {})}

    def made(name, *args, schemas=True, kafka=False, **kwargs):
        yield Combination(f"outbox-{name}", "outbox", outbox(name, *args, **kwargs), kafka=kafka)
        if schemas:
            properties = outbox(name + "-schemas", *args, **kwargs)
            yield Combination(f"outbox-{name}-schemas", "outbox", {**properties, "key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true"}, kafka=kafka)

    text = {"value.converter": STRING, "key.converter": STRING}
    beside = "type:envelope,p:envelope:number,created:envelope,tenant:header"
    yield from made("string", text, schemas=False, kafka=True)
    yield from made("string-expand", text, schemas=False, kafka=True, table_expand_json_payload="true")
    yield from made("string-envelope", text, schemas=False, kafka=True, table_fields_additional_placement=beside)
    yield from made("string-tombstone", text, schemas=False, kafka=True, route_tombstone_on_empty_payload="true")
    raw = {"table.include.list": r"ob\.raw"}
    for name, converter in (("bytes", "org.apache.kafka.connect.converters.ByteArrayConverter"), ("binary", "io.debezium.converters.BinaryDataConverter")):
        # what is no bytes has no form without a delegate; it is the marker, too
        delegate = {"value.converter.delegate.converter.type": JSON, "value.converter.delegate.converter.type.schemas.enable": "false"} if name == "binary" else {}
        if delegate:
            yield from made(name, {**raw, "value.converter": converter, **delegate}, schemas=False, kafka=True)
    # a message's key and value are structs, which Connect cannot cast
    events = {"predicates": "message", "predicates.message.type": transforms + "predicates.TopicNameMatches", "predicates.message.pattern": ".*message"}
    rows = {"predicate": "message", "negate": "true"}
    yield from made("cast-key", events, {"cast": {"type": "Cast$Key", "spec": "string", **rows}})
    yield from made("cast-value", events, {"cast": {"type": "Cast$Value", "spec": "string", **rows}})
    yield from made("steps", None, {
        "ins": {"type": "InsertField$Value", "static.field": "static", "static.value": "x", "topic.field": "topic"},
        "ren": {"type": "ReplaceField$Value", "renames": "number:n", "exclude": "created"}, "mask": {"type": "MaskField$Value", "fields": "type"},
        "cast": {"type": "Cast$Value", "spec": "n:string"}, "head": {"type": "InsertHeader", "header": "h", "value.literal": "v"},
        "route": {"type": "RegexRouter", "regex": "(.*)order", "replacement": "$1orders"}}, table_fields_additional_placement=beside)
    yield from made("value-to-key", events, {"vk": {"type": "ValueToKey", "fields": "type,number", **rows}, "ek": {"type": "ExtractField$Key", "field": "type", **rows}}, table_fields_additional_placement=beside)
    predicates = {"predicates": "order,tenant,null", "predicates.order.type": transforms + "predicates.TopicNameMatches", "predicates.order.pattern": ".*order",
                  "predicates.tenant.type": transforms + "predicates.HasHeaderKey", "predicates.tenant.name": "tenant",
                  "predicates.null.type": transforms + "predicates.RecordIsTombstone"}
    yield from made("predicates", predicates, {
        "a": {"type": "InsertField$Value", "static.field": "a", "static.value": "x", "predicate": "order"},
        "b": {"type": "InsertHeader", "header": "b", "value.literal": "x", "predicate": "tenant"},
        "c": {"type": "InsertHeader", "header": "c", "value.literal": "x", "predicate": "null", "negate": "true"},
        "d": {"type": "RegexRouter", "regex": ".*", "replacement": "ob-predicates.nulls", "predicate": "null"}},
        table_fields_additional_placement=beside, route_tombstone_on_empty_payload="true", schemas=False)
    yield from made("expand-steps", None, {"ins": {"type": "InsertField$Value", "static.field": "static", "static.value": "x"}, "ren": {"type": "ReplaceField$Value", "exclude": "created"}},
                    table_fields_additional_placement=beside, table_expand_json_payload="true")


def extensions():
    for schemas, word in ((PLAIN, ""), (SCHEMAS, "-schemas")):
        yield Combination(f"ext{word}", "ext", schemas, quick=not word)
        yield Combination(f"ext-unwrap{word}", "ext", {**schemas, **unwrap(delete_tombstone_handling_mode="rewrite-with-tombstone")})
    yield Combination("ext-hex", "ext", {**PLAIN, "binary.handling.mode": "hex"})


def steps():
    """Transforms on records that are no rows, and on the source block."""
    transforms = "org.apache.kafka.connect.transforms."
    only = {"predicates": "message", "predicates.message.type": transforms + "predicates.TopicNameMatches", "predicates.message.pattern": ".*message"}

    def made(name, chain, **more):
        properties = {"table.include.list": r"id\.(customers|k_only)", **only, **more, "transforms": ",".join(chain)}
        for alias, step in chain.items():
            kind = step["type"] if "debezium" in step["type"] else transforms + step["type"]
            given = {"predicate": "message"} if "debezium" not in step["type"] else {}
            properties.update({f"transforms.{alias}.{k}": v for k, v in {**step, "type": kind, **given}.items()})
        for schemas, word in ((PLAIN, ""), (SCHEMAS, "-schemas")):
            yield Combination(f"steps-{name}{word}", "identity", {**schemas, **properties})
    yield from made("messages-replace", {"r": {"type": "ReplaceField$Value", "exclude": "transaction", "renames": "op:kind,message:body"}})
    yield from made("messages-include", {"r": {"type": "ReplaceField$Value", "include": "message"}, "k": {"type": "ReplaceField$Key", "renames": "prefix:p"}})
    yield from made("messages-mask", {"m": {"type": "MaskField$Value", "fields": "op"}, "k": {"type": "MaskField$Key", "fields": "prefix", "replacement": "compat-end"}})
    yield from made("messages-cast", {"c": {"type": "Cast$Value", "spec": "ts_ms:string,op:string"}, "i": {"type": "InsertField$Value", "static.field": "s", "static.value": "x", "topic.field": "t"}})
    yield from made("messages-key", {"e": {"type": "ExtractField$Key", "field": "prefix"}, "c": {"type": "Cast$Key", "spec": "string"}})
    yield from made("messages-value-to-key", {"m": {"type": "MaskField$Value", "fields": "op", "replacement": "x"}, "r": {"type": "ReplaceField$Value", "renames": "message:m"},
                                              "v": {"type": "ValueToKey", "fields": "m,op"}})
    yield from made("messages-value-to-key-bare", {"v": {"type": "ValueToKey", "fields": "op,message"}, "e": {"type": "ExtractField$Key", "field": "message"}})
    yield from made("transactions-value-to-key", {"v": {"type": "ValueToKey", "fields": "id,status,event_count"}},
                    **{"provide.transaction.metadata": "true", "predicates.message.pattern": ".*transaction"})
    yield from made("messages-logical", {"l": {"type": "io.debezium.transforms.ByLogicalTableRouter", "topic.regex": r"(.*)\.(message|k_only)", "topic.replacement": "$1.other"}})
    zone = {"type": "io.debezium.transforms.TimezoneConverter", "converted.timezone": "America/New_York"}
    yield from made("timezone-source", {"z": {**zone, "include.list": "source:customers:source.ts_ms,customers:ts,customers:source.ts_ns"}})
    yield from made("timezone-exclude", {"z": {**zone, "converted.timezone": "+05:30", "exclude.list": "source:customers:source.ts_ms"}})
    # one image of the row, or the other
    images = {"table.include.list": r"id\.(customers|zoned)"}
    for what, rule in (("before", "include.list"), ("after", "include.list"), ("before", "exclude.list"), ("after", "exclude.list")):
        rules = f"source:customers:{what}.ts,zoned:{what}.ts,zoned:{what}.ttz,zoned:{what}.t"
        yield from made(f"timezone-{what}-{rule[:7]}", {"z": {**zone, rule: rules}}, **images)
        yield from made(f"timezone-{what}-{rule[:7]}-unwrap", {"z": {**zone, rule: rules}, "unwrap": {"type": UNWRAP["transforms.unwrap.type"], "delete.tombstone.handling.mode": "rewrite"}}, **images)
    yield from made("timezone-mixed", {"z": {**zone, "include.list": "zoned:before.ts,zoned:after.t,zoned:ttz,zoned:source.ts_ms"}}, **images)
    yield from made("timezone-unwrap", {"z": {**zone, "include.list": "source:customers:source.ts_us,k_only:source.ts_us"}, "unwrap": {
        "type": UNWRAP["transforms.unwrap.type"], "delete.tombstone.handling.mode": "rewrite", "add.fields": "source.ts_us,source.ts_ms,op"}})
    yield Combination("steps-comments", "identity", {**SCHEMAS, "table.include.list": r"id\.customers", "include.schema.comments": "true"})


def identities():
    for schemas, word in ((PLAIN, ""), (SCHEMAS, "-schemas")):
        def made(name, *settings, quick=False, **kwargs):
            properties = dict(schemas)
            for s in settings:
                properties.update(s)
            return Combination(f"identity-{name}{word}", "identity", properties, quick=quick, **kwargs)
        quick = not word
        yield made("envelope", ALL, quick=True)
        yield made("default", quick=quick)
        yield made("unwrap", UNWRAP, quick=quick)
        yield made("no-tombstones", {"tombstones.on.delete": "false"}, quick=quick)
        for mode in ("drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"):
            yield made(f"unwrap-{mode}", unwrap(delete_tombstone_handling_mode=mode), quick=quick)
            yield made(f"unwrap-{mode}-no-tombstones", unwrap(delete_tombstone_handling_mode=mode), {"tombstones.on.delete": "false"})
            yield made(f"unwrap-{mode}-added", unwrap(delete_tombstone_handling_mode=mode, add_fields=META, add_headers="op,db,lsn,source.ts_ms,txId,snapshot,nothing"), quick=quick)
        yield made("unwrap-added-ts", unwrap(add_fields="ts_ms,ts_us,source.ts_us,source.ts_ns,source.lsn,transaction.id,id", add_headers="ts_ms"))
        yield made("unwrap-prefixes", unwrap(delete_tombstone_handling_mode="rewrite", add_fields="op,lsn", add_fields_prefix="meta.", add_headers="op,table", add_headers_prefix="h-"))
        yield made("unwrap-empty-prefix", unwrap(add_fields="op:_op", add_fields_prefix="", add_headers="db", add_headers_prefix=""))
        # the header is not there; there; and there for the key, too
        yield made("unwrap-key-drop", unwrap(drop_fields_from_key="true", drop_fields_header_name="dropme"))
        for keep in ("true", "false"):
            yield made(f"unwrap-drop-{keep}", insert_header("dropme", '["b","note","__op","__deleted","v"]'), unwrap(
                delete_tombstone_handling_mode="rewrite-with-tombstone", add_fields="op,lsn", drop_fields_header_name="dropme", drop_fields_keep_schema_compatible=keep),
                {"transforms": "h,unwrap"}, quick=quick)
            yield made(f"unwrap-drop-key-{keep}", insert_header("dropme", '["b","c","k2","a"]'), unwrap(
                delete_tombstone_handling_mode="rewrite-with-tombstone", drop_fields_header_name="dropme", drop_fields_from_key="true", drop_fields_keep_schema_compatible=keep),
                {"transforms": "h,unwrap", "table.exclude.list": r"id\.(pi|nopk.*|idx|uqnull|uq2?)"})
        for op in ("c", "u", "d", "t", "none", "c,u", "u,d,t"):
            yield made(f"skip-{op.replace(',', '')}", {"skipped.operations": op})
        yield made("no-extended-headers", {"extended.headers.enabled": "false"}, quick=quick)
        yield made("transactions", {"provide.transaction.metadata": "true"}, ALL, quick=quick)
        yield made("transactions-unwrap", {"provide.transaction.metadata": "true"}, unwrap(add_fields="transaction.id,transaction.total_order,id,total_order,data_collection_order"))
        yield made("transactions-topic", {"provide.transaction.metadata": "true", "topic.transaction": "tx"})
        yield made("placeholder", {"unavailable.value.placeholder": "not here"}, quick=quick)
        yield made("placeholder-hex", {"unavailable.value.placeholder": "hex:00ff41", "table.include.list": r"id\.toast"})
        yield made("toast-hex", {"binary.handling.mode": "hex", "hstore.handling.mode": "map", "table.include.list": r"id\.toast.*"})
        yield made("toast-modes", {"binary.handling.mode": "base64", "time.precision.mode": "isostring", "decimal.handling.mode": "string", "table.include.list": "id.toast.*"})
        yield made("table-include", {"table.include.list": r"id\.full_t, ID\.cust.*"}, quick=quick)
        yield made("table-exclude", {"table.exclude.list": r"id\.k_.*,id\.toast"})
        yield made("schema-include", {"schema.include.list": "Sch ema"})
        yield made("schema-exclude", {"schema.exclude.list": "id"})
        yield made("column-include", {"column.include.list": r"id\.customers\.(id|first_name|note), id\.full_t\.(id|b),.*\.v"}, quick=quick)
        yield made("column-exclude", {"column.exclude.list": r"id\.customers\.(amt|b),.*\.c,id\.nopk\.b"}, quick=quick)
        yield made("column-exclude-key", {"column.exclude.list": r".*\.id"})
        yield made("key-columns", {"message.key.columns": r"id\.customers:first_name;id\.full_t:b,a;id\.(nopk.*|uqnull):a"}, quick=quick)
        yield made("key-columns-regex", {"message.key.columns": "(.*).full_t:b;(.*)\\.skip:c,id"})
        yield made("mask", {"column.mask.with.5.chars": r"id\.mask\.secret", "column.mask.with.0.chars": r"id\.mask\.phone"}, quick=quick)
        yield made("mask-hash", {"column.mask.hash.SHA-256.with.salt.CzQMA0cB5K": r"id\.mask\.secret,id\.mask\.secret2", "column.mask.hash.v2.SHA-512.with.salt.abc": r"id\.mask\.(phone|secret3)"})
        yield made("mask-md5", {"column.mask.hash.v2.MD5.with.salt.s": r"id\.mask\.long, id.mask.id"})
        yield made("truncate-columns", {"column.truncate.to.6.chars": r"id\.mask\.long,id\.mask\.secret"}, quick=quick)
        yield made("skip-unchanged", {"skip.messages.without.change": "true"}, quick=quick)
        yield made("skip-unchanged-columns", {"skip.messages.without.change": "true", "column.include.list": r"id\.skip\.(id|a)"})
        yield made("messages-include", {"message.prefix.include.list": "foo,compat-end"}, quick=quick)
        yield made("messages-exclude", {"message.prefix.exclude.list": "foo,bin"})
        yield made("messages-hex", {"binary.handling.mode": "hex"})
        yield made("delimiter", {"topic.delimiter": "_"})
        yield made("field-avro", {"field.name.adjustment.mode": "avro"})
        yield made("field-avro-unicode", {"field.name.adjustment.mode": "avro_unicode"})
        yield made("schema-avro", {"schema.name.adjustment.mode": "avro"})
        yield made("partition-root", {"publication.name": "compat_root", "publication.autocreate.mode": "disabled"})
        yield made("publication-part", {"publication.name": "compat_part", "publication.autocreate.mode": "disabled"})
        yield made("route", {"transforms": "route", "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
                             "transforms.route.regex": r"([^.]+)\.([^.]+)\.([^.]+)", "transforms.route.replacement": "$3"}, quick=quick)
        yield made("unwrap-route", {"transforms": "unwrap, route", "transforms.unwrap.type": UNWRAP["transforms.unwrap.type"], "transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
                                    "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter", "transforms.route.regex": r"(.*)\.(.*)", "transforms.route.replacement": "cdc-$2"}, quick=quick)
        yield made("logical-table", {"transforms": "r", "transforms.r.type": "io.debezium.transforms.ByLogicalTableRouter", "transforms.r.topic.regex": r"(.*)\.k_.*", "transforms.r.topic.replacement": "$1.keys"})
        yield made("logical-table-plain", {"transforms": "r", "transforms.r.type": "io.debezium.transforms.ByLogicalTableRouter", "transforms.r.topic.regex": r"(.*)part_.*",
                                           "transforms.r.topic.replacement": "$1part", "transforms.r.key.enforce.uniqueness": "false"})
        yield made("timezone", {"transforms": "tz", "transforms.tz.type": "io.debezium.transforms.TimezoneConverter", "transforms.tz.converted.timezone": "Pacific/Easter",
                                "table.exclude.list": r"id\.k_ts"})
        yield made("insert-field", {"transforms": "unwrap,ins", "transforms.unwrap.type": UNWRAP["transforms.unwrap.type"], "transforms.unwrap.delete.tombstone.handling.mode": "delete-to-tombstone",
                                    "transforms.ins.type": "org.apache.kafka.connect.transforms.InsertField$Value", "transforms.ins.static.field": "static", "transforms.ins.static.value": "x \"y\"",
                                    "transforms.ins.topic.field": "topic"})
        yield made("insert-header", {"transforms": "h", "transforms.h.type": "org.apache.kafka.connect.transforms.InsertHeader", "transforms.h.header": "origin", "transforms.h.value.literal": "db1"})
        only_full = {"predicates": "full", "predicates.full.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches", "predicates.full.pattern": r".*\.full_t"}
        yield made("replace-field", {"transforms": "unwrap,rf", "transforms.unwrap.type": UNWRAP["transforms.unwrap.type"], "transforms.unwrap.delete.tombstone.handling.mode": "delete-to-tombstone",
                                     "transforms.rf.type": "org.apache.kafka.connect.transforms.ReplaceField$Value", "transforms.rf.exclude": "b", "transforms.rf.renames": "a:alpha,v:vau"})
        yield made("replace-field-include", {"transforms": "unwrap,rf", "transforms.unwrap.type": UNWRAP["transforms.unwrap.type"], "transforms.unwrap.delete.tombstone.handling.mode": "delete-to-tombstone",
                                             "transforms.rf.type": "org.apache.kafka.connect.transforms.ReplaceField$Value", "transforms.rf.include": "id,a", "transforms.rf.predicate": "full"}, only_full)
        yield made("mask-field", {"transforms": "unwrap,mf", "transforms.unwrap.type": UNWRAP["transforms.unwrap.type"], "transforms.unwrap.delete.tombstone.handling.mode": "drop",
                                  "transforms.mf.type": "org.apache.kafka.connect.transforms.MaskField$Value", "transforms.mf.fields": "a,id", "transforms.mf.predicate": "full"}, only_full)
        yield made("cast", {"transforms": "unwrap,cast", "transforms.unwrap.type": UNWRAP["transforms.unwrap.type"], "transforms.unwrap.delete.tombstone.handling.mode": "delete-to-tombstone",
                            "transforms.cast.type": "org.apache.kafka.connect.transforms.Cast$Value", "transforms.cast.spec": "id:string", "transforms.cast.predicate": "full"}, only_full)
        yield made("value-to-key", {"transforms": "unwrap,vk,ek", "transforms.unwrap.type": UNWRAP["transforms.unwrap.type"], "transforms.unwrap.delete.tombstone.handling.mode": "drop",
                                    "transforms.vk.type": "org.apache.kafka.connect.transforms.ValueToKey", "transforms.vk.fields": "b,id", "transforms.vk.predicate": "full",
                                    "transforms.ek.type": "org.apache.kafka.connect.transforms.ExtractField$Key", "transforms.ek.field": "id", "transforms.ek.predicate": "full"}, only_full)
        yield made("negated", {"transforms": "unwrap", "transforms.unwrap.type": UNWRAP["transforms.unwrap.type"], "transforms.unwrap.predicate": "full", "transforms.unwrap.negate": "true"}, only_full)
    for name, settings in {
            "default": {}, "expand": {"table.expand.json.payload": "true"},
            "placement": {"table.fields.additional.placement": "type:header:eventType,p:envelope,tenant:header,created:envelope:at"},
            "placement-expand": {"table.expand.json.payload": "true", "table.fields.additional.placement": "type:envelope:eventType,id:header:event"},
            "route": {"route.by.field": "type", "route.topic.replacement": "events.${routedByValue}", "table.field.event.key": "tenant", "table.field.event.id": "aggregateid"},
            "partition": {"table.fields.additional.placement": "p:partition", "table.field.event.timestamp": "ts"},
            "timestamp": {"table.field.event.timestamp": "tsmicro"},
            "tombstone": {"route.tombstone.on.empty.payload": "true"},
            "expand-nulls": {"table.expand.json.payload": "true", "table.json.payload.null.behavior": "optional_bytes"}}.items():
        for schemas, word in ((PLAIN, ""), (SCHEMAS, "-schemas")):
            router = {"transforms": "outbox", "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter", "table.include.list": r"ob\.outbox" if "expand" in name else r"ob\.(outbox|scalar)"}
            yield Combination(f"outbox-{name}{word}", "outbox", {**schemas, **router, **{f"transforms.outbox.{k}": v for k, v in settings.items()}}, quick=not word and name in ("default", "expand"))
    yield from outbox_values()
    for schemas, word in ((PLAIN, ""), (SCHEMAS, "-schemas")):
        yield Combination(f"live{word}", "live", {**schemas, **ALL}, quick=not word)
        yield Combination(f"live-unwrap{word}", "live", {**schemas, **unwrap(delete_tombstone_handling_mode="rewrite-with-tombstone")})
        yield Combination(f"identity-heartbeat{word}", "identity", {**schemas, "heartbeat.interval.ms": "1", "table.include.list": r"id\.full_t"}, quick=not word)
        tombstone = {"predicates": "t", "predicates.t.type": "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone"}
        yield Combination(f"identity-no-tombstone-header{word}", "identity", {
            **schemas, **tombstone, "transforms": "h", "transforms.h.type": "org.apache.kafka.connect.transforms.InsertHeader", "transforms.h.header": "kind",
            "transforms.h.value.literal": "row", "transforms.h.predicate": "t", "transforms.h.negate": "true"})
        header = {"predicates": "n", "predicates.n.type": "org.apache.kafka.connect.transforms.predicates.HasHeaderKey", "predicates.n.name": "__debezium.newkey"}
        yield Combination(f"identity-moved-route{word}", "identity", {
            **schemas, **header, "transforms": "r", "transforms.r.type": "org.apache.kafka.connect.transforms.RegexRouter", "transforms.r.regex": "(.*)", "transforms.r.replacement": "moved-$1", "transforms.r.predicate": "n"})
        drop = {"transforms.unwrap.type": UNWRAP["transforms.unwrap.type"], "transforms.unwrap.delete.tombstone.handling.mode": "drop"}
        customers = {"predicates": "c", "predicates.c.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches", "predicates.c.pattern": r".*\.k_ts"}
        for target in ("string", "unix", "Date", "Timestamp"):
            yield Combination(f"identity-timestamp-converter-{target.lower()}{word}", "identity", {
                **schemas, **drop, **customers, "time.precision.mode": "connect", "transforms": "unwrap,tc", "transforms.tc.type": "org.apache.kafka.connect.transforms.TimestampConverter$Value",
                "transforms.tc.field": "k", "transforms.tc.target.type": target, "transforms.tc.format": "yyyy-MM-dd'T'HH:mm:ss.SSS", "transforms.tc.predicate": "c"})
        yield Combination(f"identity-insert-timestamp{word}", "identity", {
            **schemas, **drop, "transforms": "unwrap,i", "transforms.i.type": "org.apache.kafka.connect.transforms.InsertField$Value", "transforms.i.partition.field": "part",
            "transforms.i.topic.field": "topic!", "transforms.i.timestamp.field": "at"})
    event = "value.converter."
    for name, settings in {
            "cloudevents": {},
            "cloudevents-plain": {event + "json.schemas.enable": "false"},
            "cloudevents-bare": {event + "json.schemas.enable": "false", event + "extension.attributes.enable": "false", "skipped.operations": "none"},
            "cloudevents-named": {event + "schema.cloudevents.name": "com.example.Event", event + "serializer.type": "json", event + "data.serializer.type": "json",
                                  event + "metadata.source": "value,id:generate,type:generate,traceparent:header,dataSchemaName:generate"},
            "cloudevents-headers": {"transforms": "t,n", **insert_header("type", "com.example.Changed", "t"), **insert_header("dataSchemaName", "com.example.Row", "n"),
                                    "header.converter": JSON, event + "schema.data.name.source.header.enable": "true",
                                    event + "metadata.source": "value,id:generate,type:header,traceparent:header,dataSchemaName:header"},
            "cloudevents-headers-plain": {"transforms": "i", **insert_header("id", "one", "i"), "header.converter": JSON, event + "json.schemas.enable": "false",
                                          event + "metadata.source": "value, id:header,type:generate,dataSchemaName:header"},
            "cloudevents-transactions": {"provide.transaction.metadata": "true", event + "json.schemas.enable": "false"},
            "cloudevents-converter": {event + "json.decimal.format": "NUMERIC", event + "json.replace.null.with.default": "false", "tombstones.on.delete": "false"},
            "cloudevents-heartbeat": {"heartbeat.interval.ms": "1", "table.include.list": r"id\.full_t"},
            "cloudevents-route": {"transforms": "r", "transforms.r.type": "io.debezium.transforms.ByLogicalTableRouter", "transforms.r.topic.regex": r"(.*)\.k_.*", "transforms.r.topic.replacement": "$1.keys"},
            "cloudevents-timezone": {"transforms": "tz", "transforms.tz.type": "io.debezium.transforms.TimezoneConverter", "transforms.tz.converted.timezone": "+02:00", "table.exclude.list": r"id\.k_ts"}}.items():
        events = {"key.converter": JSON, "key.converter.schemas.enable": "false", "value.converter": CLOUDEVENTS, **settings}
        yield Combination(f"identity-{name}", "identity", events, quick=name in ("cloudevents", "cloudevents-plain"))
    yield Combination("types-cloudevents", "types", {**PLAIN, "value.converter": CLOUDEVENTS})
    yield Combination("types-cloudevents-plain", "types", {**PLAIN, "value.converter": CLOUDEVENTS, event + "json.schemas.enable": "false"})
    yield Combination("identity-cloudevents-2.7", "identity", {**PLAIN, "value.converter": CLOUDEVENTS, "table.include.list": PLAIN_TABLES}, version="2.7.4.Final")
    yield Combination("identity-cloudevents-2.0", "identity", {**PLAIN, "value.converter": CLOUDEVENTS, "table.include.list": PLAIN_TABLES}, version="2.0.0.Final")
    yield Combination("identity-key-schemas", "identity", {**PLAIN, "key.converter.schemas.enable": "true"}, quick=True)
    yield Combination("identity-value-schemas", "identity", {**PLAIN, "value.converter.schemas.enable": "true"})
    yield Combination("identity-worker-converters", "identity", {})
    # topic by topic there is no order between keys, and id.pi's are exempt
    direct = {"table.exclude.list": r"id\.pi"}
    yield Combination("identity-kafka", "identity", {**PLAIN, **ALL, **direct}, kafka=True, quick=True)
    # of bytes in a key that converter writes the name of a Java object
    yield Combination("identity-string-keys", "identity", {**PLAIN, "table.exclude.list": r"id\.pi,id\.k_bytea", "key.converter": STRING}, kafka=True)
    yield Combination("identity-kafka-unwrap", "identity", {**PLAIN, **UNWRAP, **direct}, kafka=True)
    # of names that are not ASCII this line makes others
    ascii = {"table.exclude.list": r"id\.We.*,Sch ema\..*"}
    for old, drop in (("drop", "true"), ("drop", "false"), ("rewrite", "true"), ("rewrite", "false"), ("none", "true"), ("none", "false")):
        yield Combination(f"identity-2.7-{old}-{drop}", "identity", {**PLAIN, **unwrap(delete_handling_mode=old, drop_tombstones=drop, add_fields="op,lsn", add_headers="op"), **ascii}, version="2.7.4.Final")
    yield Combination("identity-2.7", "identity", {**PLAIN, **ascii}, version="2.7.4.Final")
    yield Combination("identity-2.7-schemas", "identity", {**SCHEMAS, **ascii}, version="2.7.4.Final")
    yield Combination("identity-2.7-transactions", "identity", {**PLAIN, "provide.transaction.metadata": "true", **ascii}, version="2.7.4.Final")
    # of this line the envelope, not each type
    plain = {"table.include.list": PLAIN_TABLES}
    yield Combination("identity-2.0", "identity", {**PLAIN, **plain}, version="2.0.0.Final")
    yield Combination("identity-2.0-schemas", "identity", {**SCHEMAS, **plain}, version="2.0.0.Final")
    yield Combination("identity-2.0-rewrite", "identity", {**PLAIN, **plain, **unwrap(delete_handling_mode="rewrite", drop_tombstones="false")}, version="2.0.0.Final")


def newer():
    """The release after the one that all is compared with."""
    for schemas, word in ((PLAIN, ""), (SCHEMAS, "-schemas")):
        def made(name, workload, *settings):
            properties = dict(schemas)
            for s in settings:
                properties.update(s)
            return Combination(f"newest-{name}{word}", workload, properties, version="3.7.0.Final")
        yield made("identity", "identity", ALL)
        yield made("identity-unwrap", "identity", unwrap(delete_tombstone_handling_mode="rewrite-with-tombstone", add_fields=META, add_headers="op,db,lsn,source.ts_ms,txId"))
        yield made("transactions", "identity", {"provide.transaction.metadata": "true"}, ALL)
        yield made("types", "types")
        yield made("types-unwrap", "types", unwrap(delete_tombstone_handling_mode="rewrite"), {"decimal.handling.mode": "string", "time.precision.mode": "microseconds", "binary.handling.mode": "hex"})
        yield made("types-connect", "types", {"time.precision.mode": "connect", "decimal.handling.mode": "double", "hstore.handling.mode": "map", "interval.handling.mode": "string"})
        yield made("outbox", "outbox", {"transforms": "outbox", "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter", "table.include.list": r"ob\.outbox"})
        yield made("random", "random")


def snapshots():
    """The rows that are in the tables already."""
    for schemas, word in ((PLAIN, ""), (SCHEMAS, "-schemas")):
        def made(name, workload, *settings, quick=False, **kwargs):
            # Debezium fails at the snapshot of a table without columns
            properties = {**schemas, **({"table.exclude.list": r"id\.empty"} if workload == "identity" else {})}
            for s in settings:
                properties.update(s)
            if "table.include.list" in properties:
                properties.pop("table.exclude.list", None)
            return Combination(f"snapshot-{name}{word}", f"snap_{workload}", properties, quick=quick, **kwargs)
        quick = not word
        yield made("types", "types", quick=True)
        yield made("types-unwrap", "types", unwrap(delete_tombstone_handling_mode="rewrite", add_fields="op,snapshot,table", add_headers="op,table"), quick=quick)
        for mode in ("string", "double"):
            yield made(f"types-decimal-{mode}", "types", {"decimal.handling.mode": mode})
        for mode in ("adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds"):
            near = {"table.exclude.list": r"ty\.far,ty\.nn"} if mode == "nanoseconds" else {}
            yield made(f"types-time-{mode}", "types", near, {"time.precision.mode": mode})
        for mode in ("base64", "base64-url-safe", "hex"):
            yield made(f"types-binary-{mode}", "types", {"binary.handling.mode": mode})
        yield made("types-interval-string", "types", {"interval.handling.mode": "string"})
        yield made("types-hstore-map", "types", {"hstore.handling.mode": "map"})
        yield made("types-unknown", "types", {"include.unknown.datatypes": "true"})
        yield made("types-no-defaults", "types", {"value.converter.replace.null.with.default": "false"})
        yield made("types-source-type", "types", {"column.propagate.source.type": ".*"})
        yield made("ext", "ext", quick=quick)
        yield made("ext-unwrap", "ext", unwrap(delete_tombstone_handling_mode="rewrite"))
        yield made("big", "big")
        yield made("random", "random", quick=quick)
        yield made("random-unwrap", "random", unwrap(add_fields="op,lsn,source.ts_ms,txId,source.snapshot,db"), {"decimal.handling.mode": "double"})
        yield made("identity", "identity", quick=True)
        yield made("identity-unwrap", "identity", unwrap(delete_tombstone_handling_mode="rewrite-with-tombstone", add_fields=META, add_headers="op,db,lsn,source.ts_ms,txId,snapshot,nothing"), quick=quick)
        yield made("transactions", "identity", {"provide.transaction.metadata": "true"})
        yield made("skipped-none", "identity", ALL)
        yield made("key-columns", "identity", {"message.key.columns": r"id\.customers:first_name;id\.full_t:b,a;id\.(nopk.*|uqnull):a"})
        yield made("mask", "identity", {"column.mask.with.5.chars": r"id\.mask\.secret", "column.mask.hash.SHA-256.with.salt.CzQMA0cB5K": r"id\.mask\.secret2", "column.truncate.to.6.chars": r"id\.mask\.long"})
        yield made("column-include", "identity", {"column.include.list": r"id\.customers\.(id|first_name|note), id\.full_t\.(id|b),.*\.v"})
        yield made("table-include", "identity", {"table.include.list": r"id\.full_t, ID\.cust.*,id\.k_text"}, quick=quick)
        yield made("collections", "identity", {"snapshot.include.collection.list": r"id\.full_t,id\.k_.*"})
        yield made("override", "identity", {"snapshot.select.statement.overrides": "id.full_t", "snapshot.select.statement.overrides.id.full_t": "SELECT * FROM id.full_t WHERE id > 110 ORDER BY id"})
        yield made("partition-root", "identity", {"publication.name": "compat_root", "publication.autocreate.mode": "disabled"})
        yield made("delimiter", "identity", {"topic.delimiter": "_", "field.name.adjustment.mode": "avro"})
        yield made("route", "identity", {"transforms": "route", "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
                                         "transforms.route.regex": r"([^.]+)\.([^.]+)\.([^.]+)", "transforms.route.replacement": "$3"})
        yield made("cloudevents", "identity", {"value.converter": CLOUDEVENTS})
        yield made("outbox", "outbox", {"transforms": "outbox", "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter", "table.include.list": r"ob\.outbox"})
    for name, converter in (("string", {"header.converter": STRING}), ("json", {"header.converter": JSON, "header.converter.schemas.enable": "false"}), ("json-schemas", {"header.converter": JSON})):
        yield Combination(f"snapshot-headers-{name}", "snap_identity", {**PLAIN, **converter, "table.exclude.list": r"id\.(empty|k_bytea)",
                                                                         **unwrap(add_fields="snapshot,op,source.snapshot", add_headers="snapshot,op,source.snapshot,snapshot:row")}, quick=name == "json-schemas")
    older = {**PLAIN, "table.exclude.list": r"id\.(We.*|empty),Sch ema\..*"}
    yield Combination("snapshot-identity-2.7", "snap_identity", older, version="2.7.4.Final")
    yield Combination("snapshot-types-2.7", "snap_types", {**SCHEMAS, **unwrap(add_fields="op,snapshot,ts_us,source.origin")}, version="2.7.4.Final")
    yield Combination("snapshot-identity-2.0", "snap_identity", {**PLAIN, "table.include.list": PLAIN_TABLES}, version="2.0.0.Final")
    yield Combination("snapshot-identity-3.7", "snap_identity", {**SCHEMAS, "table.exclude.list": r"id\.empty"}, version="3.7.0.Final")
    yield Combination("snapshot-types-3.7", "snap_types", PLAIN, version="3.7.0.Final")
    yield Combination("snapshot-identity-kafka", "snap_identity", {**PLAIN, "table.exclude.list": r"id\.(pi|empty)"}, kafka=True)


CHOICES = {
    "decimal.handling.mode": ["precise", "string", "double"],
    "time.precision.mode": ["adaptive", "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds"],
    "binary.handling.mode": ["bytes", "base64", "base64-url-safe", "hex"],
    "interval.handling.mode": ["numeric", "string"],
    "hstore.handling.mode": ["json", "map"],
    "tombstones.on.delete": ["true", "false"],
    "provide.transaction.metadata": ["false", "false", "true"],
    "key.converter.schemas.enable": ["true", "false"],
    "value.converter.schemas.enable": ["true", "false", "false"],
    "value.converter.replace.null.with.default": ["true", "false"],
    "extended.headers.enabled": ["true", "false"],
    "skipped.operations": ["t", "none", "d", "u"],
}
UNWRAP_CHOICES = {
    "delete.tombstone.handling.mode": ["drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"],
    "add.fields": ["", "op,lsn", "table,source.ts_us,txId"],
    "add.headers": ["", "op", "db,lsn"],
    "replace.null.with.default": ["true", "false"],
}


def generated(seed, count):
    """Drawn from the product of what can be chosen; each pair of choices comes many times."""
    rng = random.Random(seed)
    for i in range(count):
        properties = {**PLAIN, **{k: rng.choice(v) for k, v in CHOICES.items()}}
        if rng.random() < 0.6:
            properties.update(UNWRAP)
            properties.update({f"transforms.unwrap.{k}": v for k, v in ((k, rng.choice(v)) for k, v in UNWRAP_CHOICES.items()) if v})
        if properties["time.precision.mode"] == "nanoseconds":
            # Debezium fails at a timestamp that it invents
            properties["table.exclude.list"] = r"r\.d"
        yield Combination(f"random-{i}", "random", properties, quick=i < 12)


def everything(seed, count=90):
    made = [*pipelines(), *types(), *extensions(), *identities(), *header_converters(), *newer(), *steps(), *snapshots(), *generated(seed, count)]
    names = [c.name for c in made]
    assert len(set(names)) == len(names)
    return made
