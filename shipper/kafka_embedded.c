/*
 * kafka_embedded.c
 *		A broker inside this process, for trying things out.
 *
 * It is librdkafka's mock cluster: it listens on the loopback interface, makes
 * topics as they are asked for, and keeps records in memory, some 5 MB a
 * partition.  It lives as long as the process, whatever becomes of the sink.
 */
#include "kafka_sink.h"

#include <librdkafka/rdkafka_mock.h>

#include "log.h"

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;

const char *
kafka_embedded_start(Error *err)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_conf_t *conf;

	if (cluster != NULL)
		return rd_kafka_mock_cluster_bootstraps(cluster);
	if (host == NULL)
	{
		conf = rd_kafka_conf_new();
		/* it has no brokers of its own, and would say so */
		rd_kafka_conf_set(conf, "log_level", "2", errstr, sizeof(errstr));
		host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
		if (host == NULL)
		{
			rd_kafka_conf_destroy(conf);
			err_set(err, ERR_RESTART, "embedded_broker",
					"could not start the embedded broker: %s", errstr);
			return NULL;
		}
	}
	cluster = rd_kafka_mock_cluster_new(host, 1);
	if (cluster == NULL)
	{
		err_set(err, ERR_RESTART, "embedded_broker",
				"could not start the embedded broker");
		err_hint(err, "It needs a free port on 127.0.0.1.");
		return NULL;
	}
	log_event(LOG_INFO,
			  "embedded broker listening (for trying things out: nothing is "
			  "kept)",
			  F_STR("address", rd_kafka_mock_cluster_bootstraps(cluster)));
	return rd_kafka_mock_cluster_bootstraps(cluster);
}

bool
kafka_embedded_create(const char *topic, int partitions, Error *err)
{
	rd_kafka_resp_err_t rc =
		rd_kafka_mock_topic_create(cluster, topic, partitions, 1);

	if (rc == RD_KAFKA_RESP_ERR_NO_ERROR ||
		rc == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return true;
	return err_set(err, ERR_RESTART, "embedded_broker",
				   "the embedded broker could not make topic \"%s\": %s", topic,
				   rd_kafka_err2str(rc));
}
