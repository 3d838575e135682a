/*
 * kafka_refusal.c
 *		Records that no topic takes.
 */
#include "kafka_sink.h"

bool
kafka_refusal_is_about_record(rd_kafka_resp_err_t code)
{
	switch (code)
	{
		case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_INVALID_RECORD:
		case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
			return true;
		default:
			return false;
	}
}
