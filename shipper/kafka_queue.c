/*
 * kafka_queue.c
 *		What librdkafka has and has not acknowledged: how much of it there may
 *		be, and whether it is to be sent now (kafka_flusher.c).
 */
#include "kafka_sink.h"

#include <string.h>

/* however small the batches are */
#define MIN_PAYLOAD ((uint64_t) 256 << 10)

/*
 * A batch of each partition in flight and most of a next one: more would be
 * ready and wait without sleep, and would not be sent earlier.
 */
static void
limit(KafkaQueue *q)
{
	uint64_t enough = q->batch_bytes / 4 * 7;

	if (enough < MIN_PAYLOAD)
		enough = MIN_PAYLOAD;
	q->max_payload = UINT64_MAX;
	if (q->prompt)
		q->max_payload = enough * (q->partitions > 0 ? q->partitions : 1);
}

void
kafka_queue_init(KafkaQueue *q, int64_t max_bytes, int64_t batch_bytes,
				 bool prompt)
{
	memset(q, 0, sizeof(*q));
	q->prompt = prompt;
	q->batch_bytes = (uint64_t) batch_bytes;
	q->max_bytes = max_bytes > 0 ? (uint64_t) max_bytes : 1;
	limit(q);
}

void
kafka_queue_partitions(KafkaQueue *q, int32_t more)
{
	q->partitions += (uint64_t) (int64_t) more;
	limit(q);
}

void
kafka_queue_put(KafkaQueue *q, size_t payload, size_t cost)
{
	q->bytes += cost;
	q->payload += payload;
	q->records++;
	q->waiting_payload += payload;
	q->waiting_records++;
	/* a full batch goes by itself */
	if (q->waiting_payload >= q->batch_bytes)
		kafka_queue_sent(q);
}

void
kafka_queue_done(KafkaQueue *q, size_t payload, size_t cost)
{
	q->bytes -= cost;
	q->payload -= payload;
	q->records--;
	if (q->waiting_records > q->records)
		q->waiting_records = q->records;
	if (q->waiting_payload > q->payload)
		q->waiting_payload = q->payload;
}

bool
kafka_queue_sent(KafkaQueue *q)
{
	bool any = q->waiting_records > 0;

	q->waiting_payload = 0;
	q->waiting_records = 0;
	return any;
}
