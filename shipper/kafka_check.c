/*
 * kafka_check.c
 *		What `tuplecast check` asks the brokers.  It creates no topic and writes no
 *		record.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kafka_check.h"

/* the first look tells a refused log-in from a broker that is slow */
#define FIRST_MS	3000
#define REST_MS		7000
#define NAMES_SHOWN 10
/* commands in a repair */
#define COMMANDS_SHOWN 20
/* topics that are looked at one by one, because the list lacks them */
#define LOOKED_AT 200

static bool start(KafkaCheck *k);
static bool look(KafkaCheck *k);
static void judge_topics(KafkaCheck *k);
static void judge_existing(KafkaCheck *k);
static void stop(KafkaCheck *k);


void
kafka_check(Check *c)
{
	KafkaCheck k = {.check = c, .findings = c->findings, .cfg = c->cfg};

	if (strcmp(c->cfg->kafka_bootstrap, "embedded") == 0)
	{
		findings_ok(c->findings, FIND_kafka_connection,
					"embedded: a broker inside of run, for trying things out; "
					"nothing is kept");
		return;
	}
	if (start(&k) && look(&k))
	{
		kafka_check_position(&k);
		if (!c->tables_known)
			findings_skip_rest(c->findings, FIND_kafka_topics,
							   FIND_kafka_cleanup,
							   "the captured tables are not known");
		else
		{
			kafka_check_describe(&k);
			judge_topics(&k);
			judge_existing(&k);
		}
	}
	findings_skip_rest(c->findings, FIND_kafka_connection,
					   FIND_kafka_transactions,
					   "there is no connection to Kafka");
	stop(&k);
}

/* ---- the client ------------------------------------------------------------ */

static bool
start(KafkaCheck *k)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	char size[32];
	size_t n = sizeof(size);
	Error err;
	/* nobody is to be fenced */
	Config plain = *k->cfg;
	rd_kafka_conf_t *conf;

	plain.delivery = DELIVERY_AT_LEAST_ONCE;
	conf = kafka_conf_make(&plain, k->cfg->kafka_bootstrap, &err);

	if (conf == NULL)
	{
		findings_error(k->findings, FIND_kafka_connection, &err);
		return false;
	}
	if (rd_kafka_conf_get(conf, "batch.size", size, &n) == RD_KAFKA_CONF_OK)
		k->batch_size = strtoll(size, NULL, 10);
	/* looking must not make what it looks for */
	if (rd_kafka_conf_set(conf, "allow.auto.create.topics", "false", errstr,
						  sizeof(errstr)) == RD_KAFKA_CONF_OK)
		k->rk =
			kafka_client_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	if (k->rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		err_set(&err, ERR_CONFIG, "kafka_client",
				"librdkafka does not take the configuration: %s", errstr);
		err_hint(&err, "Correct kafka.*; tuplecast config shows where each "
					   "setting comes from.");
		findings_error(k->findings, FIND_kafka_connection, &err);
		return false;
	}
	k->events = rd_kafka_queue_get_main(k->rk);
	rd_kafka_set_log_queue(k->rk, k->events);
	return true;
}

static void
stop(KafkaCheck *k)
{
	free(k->topics);
	if (k->events != NULL)
		rd_kafka_queue_destroy(k->events);
	if (k->rk != NULL)
		rd_kafka_destroy(k->rk);
}

/* ---- are they there? ------------------------------------------------------- */

static bool
is_refusal(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
		   code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
		   code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM ||
		   code == RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE ||
		   code == RD_KAFKA_RESP_ERR__SSL;
}

/* The gravest of the errors that came by themselves; its words in text. */
static rd_kafka_resp_err_t
drain_errors(KafkaCheck *k, rd_kafka_resp_err_t worst, char *text, size_t size)
{
	rd_kafka_event_t *ev;

	while ((ev = rd_kafka_queue_poll(k->events, 0)) != NULL)
	{
		rd_kafka_resp_err_t code = rd_kafka_event_error(ev);

		if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_ERROR &&
			code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !is_refusal(worst))
		{
			worst = code;
			snprintf(text, size, "%s", rd_kafka_event_error_string(ev));
		}
		rd_kafka_event_destroy(ev);
	}
	return worst;
}

static const char *
advice_for(rd_kafka_resp_err_t code)
{
	switch (code)
	{
		case RD_KAFKA_RESP_ERR__RESOLVE:
			return "Check the names in kafka.bootstrap.servers and the "
				   "brokers' advertised.listeners.";
		case RD_KAFKA_RESP_ERR__SSL:
			return "Check kafka.security.protocol, kafka.ssl.ca.location and "
				   "the certificates on both sides.";
		default:
			if (is_refusal(code))
				return "Check kafka.security.protocol, kafka.sasl.mechanism, "
					   "kafka.sasl.username and kafka.sasl.password.";
			return "Check kafka.bootstrap.servers (--kafka HOST:PORT), that "
				   "the brokers run, and that nothing in between refuses the "
				   "connection; brokers that want TLS or a log-in need "
				   "kafka.security.protocol.";
	}
}

static void
judge_unreachable(KafkaCheck *k, rd_kafka_resp_err_t code,
				  rd_kafka_resp_err_t worst, const char *text)
{
	Error err;

	err_set(&err, is_refusal(worst) ? ERR_ENVIRONMENT : ERR_RETRY,
			"kafka_unreachable", "no broker of %s answers: %s",
			k->cfg->kafka_bootstrap,
			text[0] != '\0' ? text : rd_kafka_err2str(code));
	err_hint(&err, "%s", kafka_sasl_advice(text, advice_for(worst)));
	findings_error(k->findings, FIND_kafka_connection, &err);
}

static const struct rd_kafka_metadata_topic *
find_topic(const struct rd_kafka_metadata *md, const char *name)
{
	for (int i = 0; i < md->topic_cnt; i++)
		if (strcmp(md->topics[i].topic, name) == 0)
			return &md->topics[i];
	return NULL;
}

static void
take_topics(KafkaCheck *k, const struct rd_kafka_metadata *md)
{
	k->ntopics = k->check->ntables;
	k->topics = sink_alloc((k->ntopics + 1) * sizeof(TopicState));
	for (size_t i = 0; i < k->ntopics; i++)
	{
		TopicState *t = &k->topics[i];
		const struct rd_kafka_metadata_topic *m;

		t->table = &k->check->tables[i];
		m = find_topic(md, t->table->topic);
		t->exists = m != NULL && m->partition_cnt > 0;
		t->replicas = t->exists ? m->partitions[0].replica_cnt : 0;
		k->nmissing += !t->exists;
	}
}

static bool
look(KafkaCheck *k)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t worst = RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_resp_err_t code;
	char text[KAFKA_ERRSTR_SIZE] = "";

	code = rd_kafka_metadata(k->rk, 1, NULL, &md, FIRST_MS);
	worst = drain_errors(k, worst, text, sizeof(text));
	if (code != 0 && !is_refusal(worst))
	{
		code = rd_kafka_metadata(k->rk, 1, NULL, &md, REST_MS);
		worst = drain_errors(k, worst, text, sizeof(text));
	}
	if (code != 0)
	{
		judge_unreachable(k, code, worst, text);
		return false;
	}
	k->brokers = md->broker_cnt;
	k->broker_id = md->broker_cnt > 0 ? md->brokers[0].id : 0;
	findings_ok(k->findings, FIND_kafka_connection, "%d %s at %s", k->brokers,
				k->brokers == 1 ? "broker" : "brokers",
				k->cfg->kafka_bootstrap);
	take_topics(k, md);
	rd_kafka_metadata_destroy(md);
	return true;
}

/* ---- topics that are missing ----------------------------------------------- */

/* false: at least one of the missing topics is refused; told. */
static bool
may_see_missing(KafkaCheck *k)
{
	size_t looked = 0;
	Error err;

	for (size_t i = 0; i < k->ntopics && looked < LOOKED_AT; i++)
	{
		const TopicState *t = &k->topics[i];
		rd_kafka_resp_err_t code;

		if (t->exists)
			continue;
		looked++;
		code = kafka_check_look(k, t->table->topic, REST_MS);
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR || !kafka_error_is_final(code))
			continue;
		kafka_error_set(&err, code, t->table->topic, 0, NULL);
		findings_error(k->findings, FIND_kafka_topics, &err);
		return false;
	}
	return true;
}

static void
judge_creation(KafkaCheck *k)
{
	KafkaCreation creation;
	Error err;

	if (kafka_creation_init(&creation, k->cfg, &err) &&
		kafka_check_validate(k, &creation, &err))
		findings_ok(k->findings, FIND_kafka_topics,
					"%zu of %zu exist; the brokers let tuplecast make the rest "
					"(topic.creation.*)",
					k->ntopics - k->nmissing, k->ntopics);
	else
		findings_error(k->findings, FIND_kafka_topics, &err);
	kafka_creation_free(&creation);
}

static void
list_missing(KafkaCheck *k, CheckList *names, PgText *repair)
{
	size_t n = 0;

	for (size_t i = 0; i < k->ntopics; i++)
	{
		const char *topic = k->topics[i].table->topic;

		if (k->topics[i].exists)
			continue;
		check_list_add(names, topic);
		if (n++ < COMMANDS_SHOWN)
			pg_text_add(repair,
						"kafka-topics.sh --bootstrap-server %s --create "
						"--topic %s\n",
						k->cfg->kafka_bootstrap, topic);
	}
	if (n > COMMANDS_SHOWN)
		pg_text_add(repair, "and %zu more\n", n - COMMANDS_SHOWN);
	pg_text_add(repair,
				"or let tuplecast make topics: topic.creation.enable=true, "
				"topic.creation.default.partitions=-1 and "
				"topic.creation.default.replication.factor=-1 (-1: the "
				"brokers' default)\n"
				"or let the brokers: auto.create.topics.enable=true");
}

static void
judge_topics(KafkaCheck *k)
{
	CheckList names = {.limit = NAMES_SHOWN};
	PgText repair = {0};

	if (k->nmissing > 0 && !may_see_missing(k))
		return;
	list_missing(k, &names, &repair);
	if (k->ntopics == 0)
		findings_ok(k->findings, FIND_kafka_topics, "none is needed yet");
	else if (k->nmissing == 0)
		findings_ok(k->findings, FIND_kafka_topics, "all %zu exist",
					k->ntopics);
	else if (k->cfg->topic_creation.count > 0)
		judge_creation(k);
	else if (strcasecmp(k->auto_create, "true") == 0)
		findings_ok(k->findings, FIND_kafka_topics,
					"%zu of %zu exist; the brokers make the rest by themselves "
					"(partitions: %s, replication: %s)",
					k->ntopics - k->nmissing, k->ntopics, k->partitions,
					k->replication);
	else if (k->auto_create[0] == '\0')
		findings_add(k->findings, FIND_kafka_topics, FINDING_WARN, repair.data,
					 "%zu of %zu do not exist, and the brokers do not tell "
					 "whether they make them (%s): %s",
					 k->nmissing, k->ntopics,
					 k->config_error[0] != '\0' ? k->config_error
												: "they leave it out",
					 check_list_text(&names));
	else
		findings_bad(k->findings, FIND_kafka_topics, repair.data,
					 "%zu of %zu do not exist, and the brokers do not create "
					 "them: %s",
					 k->nmissing, k->ntopics, check_list_text(&names));
	check_list_free(&names);
	free(repair.data);
}

/* ---- topics that exist ----------------------------------------------------- */

static void
add_alter(const KafkaCheck *k, PgText *repair, size_t n, const char *topic,
		  const char *config)
{
	if (n < COMMANDS_SHOWN)
		pg_text_add(repair,
					"%skafka-configs.sh --bootstrap-server %s --alter "
					"--entity-type topics --entity-name %s --add-config %s",
					n > 0 ? "\n" : "", k->cfg->kafka_bootstrap, topic, config);
	else if (n == COMMANDS_SHOWN)
		pg_text_add(repair, "\nand more");
}

/* acks=all can never be had */
static bool
judge_impossible(KafkaCheck *k)
{
	CheckList names = {.limit = NAMES_SHOWN};
	PgText repair = {0};
	bool found;

	for (size_t i = 0; i < k->ntopics; i++)
	{
		const TopicState *t = &k->topics[i];
		char config[64];

		if (!t->exists || t->min_insync <= t->replicas)
			continue;
		snprintf(config, sizeof(config), "min.insync.replicas=%d",
				 t->replicas > 2 ? t->replicas - 1 : t->replicas);
		add_alter(k, &repair, names.count, t->table->topic, config);
		check_list_add(&names, t->table->topic);
	}
	found = names.count > 0;
	if (found)
		findings_add(k->findings, FIND_kafka_replication, FINDING_FAIL,
					 repair.data,
					 "min.insync.replicas is more than there are replicas, so "
					 "that no record can ever be acknowledged: %s",
					 check_list_text(&names));
	check_list_free(&names);
	free(repair.data);
	return found;
}

static void
judge_replication(KafkaCheck *k)
{
	CheckList thin = {.limit = NAMES_SHOWN};
	CheckList loose = {.limit = NAMES_SHOWN};
	PgText repair = {0};

	for (size_t i = 0; i < k->ntopics; i++)
	{
		const TopicState *t = &k->topics[i];

		if (t->exists && t->replicas == 1)
			check_list_add(&thin, t->table->topic);
		else if (t->exists && t->min_insync == 1)
		{
			add_alter(k, &repair, loose.count, t->table->topic,
					  "min.insync.replicas=2");
			check_list_add(&loose, t->table->topic);
		}
	}
	if (!judge_impossible(k))
	{
		if (k->brokers == 1)
			findings_ok(k->findings, FIND_kafka_replication,
						"one broker: every record is on one disk");
		else if (thin.count > 0)
			findings_bad(k->findings, FIND_kafka_replication,
						 "Raise the replicas with kafka-reassign-partitions.sh "
						 "(3, say, with min.insync.replicas=2).",
						 "there are %d brokers, but one replica only of: %s",
						 k->brokers, check_list_text(&thin));
		else if (loose.count > 0)
			findings_bad(k->findings, FIND_kafka_replication, repair.data,
						 "min.insync.replicas is 1, so that one broker's word "
						 "is enough: %s",
						 check_list_text(&loose));
		else
			findings_ok(k->findings, FIND_kafka_replication,
						k->ntopics > k->nmissing ? "every record is kept twice "
												   "before it counts"
												 : "no topic exists yet");
	}
	check_list_free(&thin);
	check_list_free(&loose);
	free(repair.data);
}

static void
judge_size(KafkaCheck *k)
{
	CheckList small = {.limit = NAMES_SHOWN};
	PgText repair = {0};
	char size[32];
	char config[64];
	int64_t broker = strtoll(k->message_max, NULL, 10);
	int64_t least = broker;

	snprintf(config, sizeof(config), "max.message.bytes=%lld",
			 (long long) (broker > 1048588 ? broker : 1048588));
	for (size_t i = 0; i < k->ntopics; i++)
	{
		const TopicState *t = &k->topics[i];

		if (t->max_bytes > 0 && (least == 0 || t->max_bytes < least))
			least = t->max_bytes;
		if (t->max_bytes == 0 || t->max_bytes >= k->batch_size)
			continue;
		add_alter(k, &repair, small.count, t->table->topic, config);
		check_list_add(&small, t->table->topic);
	}
	check_size_text(size, least);
	if (small.count > 0)
		findings_bad(k->findings, FIND_kafka_message_size, repair.data,
					 "max.message.bytes is less than kafka.batch.size (%lld), "
					 "so that even batches of small records are refused: %s",
					 (long long) k->batch_size, check_list_text(&small));
	else if (least == 0)
		findings_skip(k->findings, FIND_kafka_message_size,
					  "not checked: the brokers do not tell (%s)",
					  k->config_error);
	else
		findings_ok(k->findings, FIND_kafka_message_size,
					"up to %s (the broker's message.max.bytes: %s)", size,
					k->message_max[0] != '\0' ? k->message_max : "not told");
	check_list_free(&small);
	free(repair.data);
}

static bool
has_tombstones(const Config *cfg)
{
	/* an envelope's delete is followed by one, if asked for */
	if (cfg->format != FORMAT_FLAT)
		return cfg->tombstones_on_delete;
	return cfg->delete_mode != DELETE_DROP &&
		   cfg->delete_mode != DELETE_REWRITE;
}

static void
judge_cleanup(KafkaCheck *k)
{
	CheckList keyless = {.limit = NAMES_SHOWN};
	CheckList compacted = {.limit = NAMES_SHOWN};
	PgText repair = {0};

	for (size_t i = 0; i < k->ntopics; i++)
	{
		const TopicState *t = &k->topics[i];

		if (strstr(t->cleanup, "compact") == NULL)
			continue;
		check_list_add(&compacted, t->table->topic);
		if (t->table->has_key)
			continue;
		add_alter(k, &repair, keyless.count, t->table->topic,
				  "cleanup.policy=delete");
		check_list_add(&keyless, t->table->topic);
	}
	if (keyless.count > 0)
		findings_add(k->findings, FIND_kafka_cleanup, FINDING_FAIL, repair.data,
					 "compacted topics take no records without a key, and "
					 "these tables have none: %s",
					 check_list_text(&keyless));
	else if (compacted.count > 0 && !has_tombstones(k->cfg))
		findings_bad(k->findings, FIND_kafka_cleanup,
					 "delete.tombstone.handling.mode=rewrite-with-tombstone "
					 "(or tombstone), with tombstones.on.delete=true",
					 "compacted topics, but no tombstones: deleted rows stay "
					 "in them for good: %s",
					 check_list_text(&compacted));
	else if (compacted.count > 0)
		findings_ok(k->findings, FIND_kafka_cleanup,
					"compacted, and deletes send tombstones: %s",
					check_list_text(&compacted));
	else
		findings_ok(k->findings, FIND_kafka_cleanup, "no topic is compacted%s",
					k->config_error[0] != '\0' ? ", as far as the brokers tell"
											   : "");
	check_list_free(&keyless);
	check_list_free(&compacted);
	free(repair.data);
}

static void
judge_existing(KafkaCheck *k)
{
	judge_replication(k);
	judge_size(k);
	judge_cleanup(k);
}
