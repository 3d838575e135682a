/*
 * shipper_path.c
 *		What the shipper does with each record, without libpq and librdkafka:
 *		frames in, decisions, messages handed over, acknowledgements back.  For
 *		callgrind, which counts what guard_records() does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/frames.h"

#include "core.h"
#include "kafka_sink.h"

#define RECORDS_A_TXN 10

static Core core;
static StreamCopy stream;
static KafkaSender sender;
static uint64_t tickets[RECORDS_A_TXN];

rd_kafka_resp_err_t __wrap_rd_kafka_last_error(void);
int __wrap_rd_kafka_produce(rd_kafka_topic_t *topic, int32_t partition,
							int flags, void *value, size_t len, const void *key,
							size_t keylen, void *opaque);
rd_kafka_error_t *__wrap_rd_kafka_produceva(rd_kafka_t *rk,
											const rd_kafka_vu_t *vu, size_t n);
void guard_records(const uint8_t *payload, size_t len);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

rd_kafka_resp_err_t
__wrap_rd_kafka_last_error(void)
{
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int
__wrap_rd_kafka_produce(rd_kafka_topic_t *topic, int32_t partition, int flags,
						void *value, size_t len, const void *key, size_t keylen,
						void *opaque)
{
	must(topic == NULL && partition == -1 && flags == RD_KAFKA_MSG_F_COPY &&
		 value != NULL && len > 0 && key != NULL && keylen > 0 &&
		 opaque != NULL);
	return 0;
}

rd_kafka_error_t *
__wrap_rd_kafka_produceva(rd_kafka_t *rk, const rd_kafka_vu_t *vu, size_t n)
{
	must(rk == NULL && vu != NULL && n > 0);
	return NULL;
}

/* The payload of one write of the plugin, from frames to acknowledgements. */
__attribute__((noinline)) void
guard_records(const uint8_t *payload, size_t len)
{
	FrameReader reader;
	Frame frame;
	SinkRecord record;
	Error err;
	size_t payload_bytes;
	size_t cost;
	int n = 0;
	FrameResult rc;

	frame_reader_init(&reader, payload, len);
	while ((rc = frame_reader_next(&reader, &frame, &err)) == FRAME_OK)
	{
		switch (core_frame(&core, &frame, &record, &err))
		{
			case CORE_PRODUCE:
				must(core_offer(&core, &record));
				must(kafka_message_send(&sender, &record, &stream, NULL, -1,
										&payload_bytes,
										&cost) == RD_KAFKA_RESP_ERR_NO_ERROR);
				core_taken(&core, &record);
				tickets[n++] = record.ticket;
				break;
			case CORE_STREAM:
				stream_copy_init(&stream, &frame.stream);
				core_set_stream(&core, &frame.stream, NULL);
				break;
			case CORE_NOTHING:
				break;
			default:
				abort();
		}
	}
	must(rc == FRAME_END);
	for (int i = 0; i < n; i++)
		must(core_acked(&core, tickets[i], &err));
	core_advance(&core, 1748096784907638);
}

int
main(int argc, char **argv)
{
	static Stats stats;
	Bytes b = {.len = 0};
	int txns = argc > 1 ? atoi(argv[1]) : 1;

	core_init(&core, &stats);
	core_session_start(&core);
	put_hello(&b, WIRE_VERSION);
	put_stream(&b, 2, "guard.public.users");
	guard_records(b.data, b.len);
	for (int i = 0; i < txns; i++)
	{
		uint64_t lsn = 0x1000000 + (uint64_t) i * 0x100;

		b.len = 0;
		put_begin(&b, lsn);
		for (uint64_t k = 1; k <= RECORDS_A_TXN; k++)
			put_record(&b, 2, k, 0);
		put_commit(&b, lsn, RECORDS_A_TXN);
		guard_records(b.data, b.len);
	}
	must(stats.records == (uint64_t) txns * RECORDS_A_TXN);
	must(core_confirmable(&core) == 0x1000000 + (uint64_t) (txns - 1) * 0x100);
	printf("%d records\n", txns * RECORDS_A_TXN);
	return 0;
}
