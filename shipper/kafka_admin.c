/*
 * kafka_admin.c
 *		What is done to topics outside of the stream.  It may block.
 */
#include "kafka_admin.h"

#include "kafka_request.h"
#include "kafka_sink.h"

#define ADMIN_MS 15000

bool
kafka_admin_delete(const Config *cfg, const char *topic, bool *existed,
				   Error *err)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_conf_t *conf = kafka_conf_reader(cfg, cfg->kafka_bootstrap, err);
	rd_kafka_resp_err_t code;
	rd_kafka_t *rk;

	if (conf == NULL)
		return false;
	rk = kafka_client_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	if (rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_CONFIG, "kafka_setting", "kafka.*: %s", errstr);
	}
	code = kafka_request_deletion(rk, topic, ADMIN_MS);
	rd_kafka_destroy(rk);
	*existed = code == 0;
	if (code == 0 || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return true;
	err_set(err, ERR_ENVIRONMENT, "position_topic_kept",
			"the position topic \"%s\" could not be deleted: %s", topic,
			rd_kafka_err2str(code));
	err_hint(err,
			 "kafka-topics.sh --bootstrap-server %.200s --delete --topic "
			 "%.249s",
			 cfg->kafka_bootstrap, topic);
	return false;
}
