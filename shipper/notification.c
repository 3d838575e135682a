/*
 * notification.c
 *		What becomes of snapshots, as Debezium's notifications.
 */
#include "notification.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "json_text.h"
#include "log.h"
#include "own_record.h"
#include "pg.h"

static const char key_head[] =
	"{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\","
	"\"optional\":false,\"field\":\"id\"}],\"optional\":false,"
	"\"name\":\"io.debezium.connector.common.NotificationKey\",\"version\":1},"
	"\"payload\":";
static const char value_head[] =
	"{\"schema\":{\"type\":\"struct\",\"fields\":["
	"{\"type\":\"string\",\"optional\":false,\"field\":\"id\"},"
	"{\"type\":\"string\",\"optional\":false,\"field\":\"type\"},"
	"{\"type\":\"string\",\"optional\":false,\"field\":\"aggregate_type\"},"
	"{\"type\":\"map\",\"keys\":{\"type\":\"string\",\"optional\":false},"
	"\"values\":{\"type\":\"string\",\"optional\":false},\"optional\":true,"
	"\"field\":\"additional_data\"},"
	"{\"type\":\"int64\",\"optional\":false,\"field\":\"timestamp\"}],"
	"\"optional\":false,"
	"\"name\":\"io.debezium.connector.common.Notification\",\"version\":1},"
	"\"payload\":";


void
notifications_init(Notifications *n, const Config *cfg)
{
	memset(n, 0, sizeof(*n));
	n->cfg = cfg;
	n->to_sink = config_has_word(cfg->notification_channels, "sink");
	n->to_log = config_has_word(cfg->notification_channels, "log");
}

static void
drop_first(Notifications *n)
{
	NotificationText *t = &n->queue[n->first];

	free(t->key);
	free(t->value);
	*t = (NotificationText){NULL, NULL};
	n->first = (n->first + 1) % NOTIFICATION_QUEUE;
	n->count--;
}

void
notifications_free(Notifications *n)
{
	while (n->count > 0)
		drop_first(n);
}

void
notifications_forget_sink(Notifications *n)
{
	n->stream = NULL;
}

void
notification_uuid(char out[37])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t) sizeof(b))
		abort();
	b[6] = (unsigned char) ((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char) ((b[8] & 0x3f) | 0x80);
	snprintf(out, 37,
			 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x"
			 "%02x",
			 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
			 b[11], b[12], b[13], b[14], b[15]);
}

static char *
dump(json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);

	if (text == NULL)
		abort();
	json_decref(o);
	return text;
}

NotificationText
notification_text(const Config *cfg, const Notification *what, int64_t wall_us)
{
	NotificationText t = {NULL, NULL};
	json_t *extra = json_object();
	char made[37];
	const char *id = what->id;
	PgText key = {0};

	if (id == NULL || id[0] == '\0')
	{
		notification_uuid(made);
		id = made;
	}
	for (int i = 0; i < what->count; i++)
	{
		const NotificationPair *p = &what->pairs[i];

		if (p->name == NULL)
			json_object_set_new(extra, "connector_name",
								json_text(cfg->topic_prefix));
		else
			json_object_set_new(extra, p->name,
								json_text(p->value ? p->value : "<null>"));
	}
	if (cfg->key_format == KEY_FORMAT_JSON)
		t.key = dump(json_pack("{s:o}", "id", json_text(id)));
	else
	{
		pg_text_add(&key, "Struct{id=%s}", id);
		t.key = key.data;
	}
	/* no event is made of it */
	if (cfg->format == FORMAT_CLOUDEVENTS)
		json_decref(extra);
	else
		t.value = dump(json_pack(
			"{s:o, s:s, s:s, s:o, s:I}", "id", json_text(id), "type",
			what->type, "aggregate_type", what->aggregate, "additional_data",
			extra, "timestamp", (json_int_t) (wall_us / 1000)));
	return t;
}

void
notifications_add(Notifications *n, const Notification *what, int64_t wall_us)
{
	NotificationText t;

	if (!n->to_sink && !n->to_log)
		return;
	t = notification_text(n->cfg, what, wall_us);
	if (n->to_log)
		log_event(LOG_INFO, "notification", F_STR("aggregate", what->aggregate),
				  F_STR("type", what->type),
				  F_STR("record", t.value ? t.value : t.key));
	if (!n->to_sink)
	{
		free(t.key);
		free(t.value);
		return;
	}
	if (n->count == NOTIFICATION_QUEUE)
	{
		if (n->dropped++ == 0)
			log_event(LOG_WARN, "notifications are dropped, the oldest first: "
								"the sink does not take them");
		drop_first(n);
	}
	n->queue[(n->first + n->count++) % NOTIFICATION_QUEUE] = t;
}

/* ---- records ----------------------------------------------------------------- */

static bool
make_stream(Notifications *n, const SinkOps *ops, Sink *sink, Error *err)
{
	bool key_schema =
		n->cfg->key_schemas && n->cfg->key_format == KEY_FORMAT_JSON;
	OwnTopic t = {.topic = n->cfg->notification_topic,
				  .name = "notification",
				  .key_head = key_schema ? key_head : NULL,
				  .value_head = n->cfg->value_schemas ? value_head : NULL};

	n->stream = own_stream(ops, sink, &t, err);
	return n->stream != NULL;
}

bool
notifications_put(Notifications *n, const SinkOps *ops, Sink *sink,
				  uint64_t lsn, int64_t wall_us, Error *err)
{
	if (n->count > 0 && n->stream == NULL && !make_stream(n, ops, sink, err))
		return false;
	while (n->count > 0)
	{
		OwnRecord r = {.key = n->queue[n->first].key,
					   .value = n->queue[n->first].value,
					   .lsn = lsn,
					   .wall_us = wall_us};

		switch (own_put(ops, sink, n->stream, &r, err))
		{
			case SINK_OK:
				n->sent++;
				drop_first(n);
				break;
			case SINK_FULL:
			case SINK_PENDING:
				return true;
			case SINK_ERROR:
			case SINK_REFUSED:
				return false;
		}
	}
	return true;
}
