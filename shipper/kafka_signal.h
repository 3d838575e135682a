/*
 * kafka_signal.h
 *		The channel "kafka": signals of a topic, with the prefix as their key.
 *
 * Nothing blocks but a moment of the end.  How far the topic was read is kept
 * by the brokers for the consumer group; what was not read before is read from
 * the topic's beginning.
 */
#ifndef TUPLECAST_KAFKA_SIGNAL_H
#define TUPLECAST_KAFKA_SIGNAL_H

#include "config.h"

typedef struct KafkaSignals KafkaSignals;

typedef void (*KafkaSignal)(void *arg, const char *text, size_t len);

/* Whether the settings of its consumer can be had; nothing is connected to. */
extern bool kafka_signals_check(const Config *cfg, Error *err) MUST_CHECK;
/* NULL: err */
extern KafkaSignals *kafka_signals_open(const Config *cfg, Error *err);
extern void kafka_signals_close(KafkaSignals *k);
/* Takes what has come, and commits what was taken a while ago. */
extern void kafka_signals_take(KafkaSignals *k, int64_t now_ms,
							   KafkaSignal take, void *arg);

#endif /* TUPLECAST_KAFKA_SIGNAL_H */
