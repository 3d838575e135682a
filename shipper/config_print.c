/*
 * config_print.c
 *		The options for people: --help, `tuplecast config`, the manual's page.
 */
#include "config_internal.h"

#include <jansson.h>

#define HIDDEN "********"

/* what stands above each group of config.def's rows */
static const struct
{
	const char *first; /* name of the group's first row */
	const char *title;
} groups[] = {
	{"source.url", "Source"},	  {"kafka.bootstrap.servers", "Destination"},
	{"topic.prefix", "Records"},  {"snapshot.mode", "Snapshot"},
	{"http.listen", "Operation"},
};

static const char *
group_of(const ConfigOption *o)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(groups[i].first, o->name) == 0)
			return groups[i].title;
	return NULL;
}

/* A value as it may be shown; control characters as \xHH. */
static void
put_value(FILE *out, const char *value, bool secret)
{
	if (secret && value[0] != '\0')
		value = HIDDEN;
	for (; *value != '\0'; value++)
	{
		unsigned char c = (unsigned char) *value;

		if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

void
config_print_options(FILE *out)
{
	fprintf(out, "  --%-36s %s\n", "config FILE",
			"read a .properties file, a Debezium connector's JSON or a "
			"Connect worker's file; may be repeated");
	for (size_t i = 0; i < config_option_count; i++)
	{
		const ConfigOption *o = &config_options[i];

		if (group_of(o) != NULL)
			fprintf(out, "\n %s\n", group_of(o));
		fprintf(out, "  --%-36s %s", o->name, o->help);
		if (o->native[0] != '\0')
			fprintf(out, " [%s]", o->native);
		fputc('\n', out);
	}
	fprintf(out, "\n  --%-36s %s\n", "kafka.NAME",
			"any producer setting of librdkafka");
	fprintf(out, "  --%-36s %s\n", "topic.creation.default.NAME",
			"make missing topics with these settings");
}

/* Shows one setting: "prefix" and name, value, where it comes from. */
typedef void (*ShowSetting)(void *to, const char *prefix, const char *name,
							const char *value, bool secret, const char *origin);

static void
show_pairs(const ConfigPairs *pairs, const char *prefix, ShowSetting show,
		   void *to)
{
	for (size_t i = 0; i < pairs->count; i++)
	{
		const ConfigPair *p = &pairs->items[i];

		show(to, prefix, p->name, p->value, p->secret, p->origin);
	}
}

static void
show_all(const Config *cfg, ShowSetting show, void *to)
{
	for (size_t i = 0; i < config_option_count; i++)
	{
		const ConfigOption *o = &config_options[i];

		show(to, "", o->name, config_text(cfg, o), (o->flags & CF_SECRET) != 0,
			 config_origin(cfg, o));
	}
	/* as the plugin gets them: without their salts */
	for (size_t i = 0; i < cfg->plugin.count; i++)
	{
		const ConfigPair *p = &cfg->plugin.items[i];

		if (config_is_mask(p->name))
			show(to, "", p->name, p->value, false, p->origin);
	}
	show_pairs(&cfg->kafka, "kafka.", show, to);
	show_pairs(&cfg->signal_consumer, CONFIG_SIGNAL_CONSUMER, show, to);
	show_pairs(&cfg->overrides, "snapshot.select.statement.overrides.", show,
			   to);
	show_pairs(&cfg->topic_creation, "topic.creation.default.", show, to);
}

static void
print_line(void *to, const char *prefix, const char *name, const char *value,
		   bool secret, const char *origin)
{
	FILE *out = to;

	fprintf(out, "%s%s=", prefix, name);
	put_value(out, value, secret);
	fputs("    # ", out);
	put_value(out, origin, false);
	fputc('\n', out);
}

void
config_print_text(const Config *cfg, FILE *out)
{
	show_all(cfg, print_line, out);
}

static void
add_json(void *to, const char *prefix, const char *name, const char *value,
		 bool secret, const char *origin)
{
	char *full = config_printf("%s%s", prefix, name);

	if (secret && value[0] != '\0')
		value = HIDDEN;
	json_object_set_new(
		to, full, json_pack("{s:s, s:s}", "value", value, "origin", origin));
	free(full);
}

void
config_print_json(const Config *cfg, FILE *out)
{
	json_t *options = json_object();
	json_t *warnings = json_array();
	json_t *root;

	show_all(cfg, add_json, options);
	for (const char *const *w = config_warnings(cfg); *w != NULL; w++)
		json_array_append_new(warnings, json_string(*w));
	root = json_pack("{s:o, s:o}", "options", options, "warnings", warnings);
	json_dumpf(root, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(root);
}

/* ---- the manual's page ---- */

static const char intro[] =
	"# Configuration\n"
	"\n"
	"<!-- Made by `tuplecast config --markdown`: change config.def and its neighbours, not this file. -->\n"
	"\n"
	"Enough to begin: `tuplecast run --source postgres://USER@HOST/DATABASE --kafka HOST:PORT --prefix NAME`.\n"
	"`tuplecast config`, with the same arguments as `run`, prints every value that holds and where it came from.\n"
	"\n"
	"## Where settings come from\n"
	"\n"
	"Later wins:\n"
	"\n"
	"1. the built-in default; under a Debezium connector's configuration, Debezium's;\n"
	"2. files: `--config FILE`, as often as needed, or one file named by `TUPLECAST_CONFIG`;\n"
	"3. the environment: `TUPLECAST_` and the option's name in capitals, with `_` for each other character (`TUPLECAST_TOPIC_PREFIX`, `TUPLECAST_KAFKA_BOOTSTRAP_SERVERS`);\n"
	"4. the command line: `--topic.prefix=customers` or `--topic.prefix customers`; `--source`, `--kafka` and `--prefix` are short for `source.url`, `kafka.bootstrap.servers` and `topic.prefix`.\n"
	"\n"
	"A file is one of:\n"
	"\n"
	"* `NAME=VALUE` lines, as Java's `.properties` (`#` begins a comment, a backslash at the end continues a line, so a backslash of a regular expression is written `\\\\`);\n"
	"* a Debezium PostgreSQL connector's JSON as it is, with or without `{\"name\": …, \"config\": …}`, with `//`, `#` and `/* */` comments; or the same as `.properties` (it has a `connector.class`);\n"
	"* a Kafka Connect worker's `.properties`: its `bootstrap.servers`, converters and `producer.*` are taken, the rest is left alone.\n"
	"\n"
	"A name that stands twice in one file is an error. A name that is not known is an error, too, but in a connector's configuration a warning.\n"
	"\n"
	"In every value, `${env:NAME}` stands for a variable of the environment, `${file:PATH}` for the content of a file, and, as in Kafka Connect, `${file:PATH:KEY}` for a value of a `.properties` file and `${dir:PATH:KEY}` for the content of the file KEY in a directory. Keep passwords there: a command line can be read by everyone on the machine.\n"
	"\n"
	"Times are in ms or have a unit (`ms`, `s`, `min`, `h`), sizes in bytes or have one (`kB`, `MB`, `GB`).\n"
	"If `source.url` is set, `database.*` adds what the URL leaves open and, said later or in the same place, replaces what it says; but the user and password of an earlier `database.hostname`, which the URL has replaced, are left out. What neither says, libpq finds as always: `PGPASSWORD`, password file, service file.\n"
	"\n"
	"## Options\n";

static const char mask_text[] =
	"### Disguised columns\n"
	"\n"
	"These have a number or a salt in their names, so that there may be several of each; the value is a list of regular expressions of SCHEMA.TABLE.COLUMN.\n"
	"\n"
	"| option | meaning |\n"
	"| --- | --- |\n"
	"| `column.mask.with.N.chars` | N asterisks instead of each value, NULL too |\n"
	"| `column.mask.hash.v2.ALGORITHM.with.salt.SALT` | the hash of salt and value in hex, cut to the column's length; NULL stays NULL. One of `MD5`, `SHA-1`, `SHA-224`, `SHA-256`, `SHA-384`, `SHA-512` |\n"
	"| `column.mask.hash.ALGORITHM.with.salt.SALT` | the same of the value as Java serialises it, as Debezium first did |\n"
	"| `column.truncate.to.N.chars` | the first N characters (UTF-16 units, as Java counts) of strings, the first N bytes of `bytea` |\n"
	"\n"
	"Masks and hashes are for columns of characters and enums. If several match a column, the first of truncate, mask, hash, hash v2 holds. Keys are not disguised.\n"
	"A salt is a secret: it is not shown and not logged, and it reaches the server as a setting of the session, `tuplecast.secrets`; the output plugin's option says only which one (`column.mask.hash.v2.SHA-256.with.salt.#1`).\n"
	"\n";

static const char kafka_text[] =
	"### Producer\n"
	"\n"
	"`kafka.NAME=VALUE` sets any producer setting of librdkafka, by its name there (`kafka.linger.ms`, `kafka.security.protocol`, `kafka.sasl.username`).\n"
	"Java's names are understood where they differ (`buffer.memory`, `max.request.size`, `sasl.jaas.config` with PlainLoginModule or ScramLoginModule, `ssl.truststore.location` of a PEM file), also as `producer.override.*` of a connector and `producer.*` of a worker.\n"
	"Refused, because records could be lost, doubled or misplaced: `acks` other than `all`, `enable.idempotence=false`, `message.timeout.ms`, `partitioner` other than `murmur2_random` (the one that agrees with Java's), `transactional.id`.\n"
	"\n"
	"### Consumer of the signal topic\n"
	"\n"
	"What `kafka.*` says of the connection (brokers, TLS, SASL) holds for it, too. `signal.consumer.NAME=VALUE`, by librdkafka's name or Java's, says otherwise: `signal.consumer.security.protocol`, `signal.consumer.sasl.jaas.config`, `signal.consumer.isolation.level`, `signal.consumer.auto.offset.reset` (`earliest`).\n"
	"`group.id` means `signal.kafka.groupId`, `bootstrap.servers` means `signal.kafka.bootstrap.servers`. Refused: `enable.auto.commit=true` (a signal counts as read when what it asks for is stored), settings of producers, Java classes, and a token's file of its own (there is one a process, `kafka.sasl.oauthbearer.token.endpoint.url`). What belongs to the membership in a group is of no effect, with a warning: the topic's one partition is assigned.\n"
	"\n"
	"### Topics\n"
	"\n"
	"A topic that is missing is left to the brokers to make, unless there is a `topic.creation.default.*`: then it is made with `topic.creation.default.partitions`, `topic.creation.default.replication.factor` (−1: the brokers' default) and any further topic configuration, such as `topic.creation.default.cleanup.policy=compact`. `topic.creation.enable=false` turns that off.\n"
	"\n"
	"## A Debezium connector's configuration\n"
	"\n"
	"It is read as it is. Every option above has Debezium's default then, and its name there, if Debezium has it, is the same. Brokers are no part of it: name them with `--kafka`, `TUPLECAST_KAFKA_BOOTSTRAP_SERVERS`, the worker's file, or the variables of the Connect images (`BOOTSTRAP_SERVERS`, `CONNECT_BOOTSTRAP_SERVERS`, `CONNECT_VALUE_CONVERTER`, `CONNECT_VALUE_CONVERTER_SCHEMAS_ENABLE`, `CONNECT_PRODUCER_…`), which count as the worker's.\n"
	"\n"
	"* Converters: `org.apache.kafka.connect.json.JsonConverter` with or without schemas. If none is named anywhere, it is JsonConverter with schemas, and a warning says so.\n"
	"* `io.debezium.converters.CloudEventsConverter` for values makes `format=cloudevents` (JSON only): `value.converter.json.schemas.enable`, `.json.decimal.format`, `.json.replace.null.with.default` and `.extension.attributes.enable` hold; of `metadata.source` the first part can only be `value`, as the records have no headers with source and op; `id:header`, `type:header` and `dataSchemaName:header` take what `InsertHeader` has set (with `header.converter` JsonConverter and its schemas, without which Debezium's cannot read it).\n"
	"* With `io.debezium.transforms.outbox.EventRouter`, `org.apache.kafka.connect.storage.StringConverter` for values makes `value.format=string`, `ByteArrayConverter` and `io.debezium.converters.BinaryDataConverter` (its delegate can be JsonConverter) `value.format=bytes`. For keys StringConverter makes `key.format=string`.\n"
	"* Transforms: `io.debezium.transforms.ExtractNewRecordState`, under any alias, makes `format=flat` with its `add.fields`, `add.headers`, prefixes and `delete.tombstone.handling.mode`; without it the format is `envelope`.\n"
	"* Of Kafka Connect's own transforms: `RegexRouter`, `InsertField` (static, topic, timestamp), `InsertHeader`, `ReplaceField`, `MaskField`, `Cast`, `TimestampConverter`, each for `$Key` and `$Value`, `ValueToKey` and `ExtractField$Key`; of Debezium's also `ByLogicalTableRouter`, `outbox.EventRouter` and `TimezoneConverter`. They are applied in the order given, with the predicates `TopicNameMatches`, `RecordIsTombstone` and `HasHeaderKey`, negated or not, and become the option `transforms`. Any other, scripts above all, is an error that says what to use instead.\n"
	"* Before Debezium 3.2 there were `delete.handling.mode` and `drop.tombstones`:\n"
	"\n"
	"| delete.handling.mode | drop.tombstones | is read as |\n"
	"| --- | --- | --- |\n"
	"| `rewrite` | `true` | `rewrite` |\n"
	"| `rewrite` | `false` | `rewrite-with-tombstone` |\n"
	"| `none` | `true` | `tombstone` |\n"
	"| `none` | `false` | `tombstone-with-tombstone` |\n"
	"| `drop`, or not set | `true` | `drop` |\n"
	"| `drop`, or not set | `false` | `delete-to-tombstone` |\n"
	"\n"
	"`tuplecast config --explain FILE` goes through a connector's file and tells of each property what becomes of it (`--json` for programs); it ends with 2 if `run` would refuse the file.\n"
	"\n"
	"All other properties of Debezium 3.6 and of its predecessors:\n"
	"\n"
	"| property | here | |\n"
	"| --- | --- | --- |\n";

/* text in a cell of a table: '|' would end it */
static void
put_cell(FILE *out, const char *s)
{
	for (; *s != '\0'; s++)
	{
		if (*s == '|')
			fputc('\\', out);
		fputc(*s, out);
	}
}

static void
put_code(FILE *out, const char *s)
{
	if (s[0] == '\0')
		return;
	fputc('`', out);
	put_cell(out, s);
	fputc('`', out);
}

/* "one of `a`, `b`", or the range of a number */
static void
put_words(FILE *out, const ConfigOption *o)
{
	const char *p = o->words;

	if (p == NULL)
		return;
	if (o->type != OPT_enum && o->type != OPT_str)
	{
		fputs("; ", out);
		put_code(out, p);
		return;
	}
	fputs(": ", out);
	while (*p != '\0')
	{
		size_t n = strcspn(p, "|");

		fprintf(out, "`%.*s`", (int) n, p);
		p += n;
		if (*p == '|')
		{
			fputs(", ", out);
			p++;
		}
	}
}

static void
print_option_row(FILE *out, const ConfigOption *o)
{
	fputs("| ", out);
	put_code(out, o->name);
	fputs(" | ", out);
	put_cell(out, o->help);
	put_words(out, o);
	if (o->flags & CF_SECRET)
		fputs("; never shown", out);
	fputs(" | ", out);
	put_code(out, o->native);
	fputs(" | ", out);
	if (strcmp(o->native, o->debezium) != 0)
		put_code(out, o->debezium);
	fputs(" |\n", out);
}

static void
print_property_row(FILE *out, const DebeziumProperty *d)
{
	static const char *const verdicts[] = {
		[DBZ_ACCEPTED] = "accepted",
		[DBZ_NO_EFFECT] = "no effect (warning)",
		[DBZ_LATER] = "later (warning)",
		[DBZ_NOT_YET] = "not yet (error)",
		[DBZ_REFUSED] = "refused (error)",
	};

	fputs("| ", out);
	put_code(out, d->name);
	fprintf(out, " | %s | ", verdicts[d->verdict]);
	if (d->option[0] != '\0')
	{
		put_code(out, d->option);
		fputs(": ", out);
	}
	put_cell(out, d->why);
	if (d->silent[0] != '\0' && d->verdict != DBZ_ACCEPTED)
	{
		fputs("; nothing is said of ", out);
		put_code(out, d->silent);
	}
	fputs(" |\n", out);
}

void
config_print_markdown(FILE *out)
{
	fputs(intro, out);
	for (size_t i = 0; i < config_option_count; i++)
	{
		const char *title = group_of(&config_options[i]);

		if (title != NULL)
			fprintf(out,
					"\n### %s\n\n| option | meaning | default | under a "
					"connector's configuration |\n| --- | --- | --- | --- |\n",
					title);
		print_option_row(out, &config_options[i]);
	}
	fputc('\n', out);
	fputs(mask_text, out);
	fputs(kafka_text, out);
	for (size_t i = 0; i < config_debezium_property_count; i++)
		print_property_row(out, &config_debezium_properties[i]);
}
