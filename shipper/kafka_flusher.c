/*
 * kafka_flusher.c
 *		Sends what waits for its batch to be full, when no more comes.
 *
 * linger.ms is how long a record waits for others, and one value has to serve
 * two ends.  A short one costs a core while much is sent: an idempotent
 * producer has one batch of a partition in flight, and while the next one is
 * ready librdkafka looks for the answer without sleeping (2.0.2 to 2.13,
 * rd_kafka_toppar_producer_serve()).  A long one is added to every record's
 * latency.  So it is long, and rd_kafka_flush(), which makes it nothing for as
 * long as it runs, is called when the source has no more to give.  It blocks,
 * so it has a thread.
 */
#include "kafka_sink.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* for librdkafka's threads to notice that flush() runs */
#define FLUSH_MS 5

struct KafkaFlusher
{
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	rd_kafka_t *rk; /* borrowed */
	/* under the lock */
	bool wanted;
	bool stop;
};

static void *
flusher_main(void *arg)
{
	KafkaFlusher *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->stop)
	{
		if (!f->wanted)
		{
			pthread_cond_wait(&f->changed, &f->lock);
			continue;
		}
		f->wanted = false;
		pthread_mutex_unlock(&f->lock);
		/* that it ends before all is acknowledged is no failure */
		rd_kafka_flush(f->rk, FLUSH_MS);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

KafkaFlusher *
kafka_flusher_start(rd_kafka_t *rk, Error *err)
{
	KafkaFlusher *f = sink_alloc(sizeof(*f));
	sigset_t all;
	sigset_t before;
	int rc;

	f->rk = rk;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&f->thread, NULL, flusher_main, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return f;
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
	err_set(err, ERR_RESTART, "thread", "could not start a thread: %s",
			strerror(rc));
	return NULL;
}

void
kafka_flusher_ask(KafkaFlusher *f)
{
	pthread_mutex_lock(&f->lock);
	f->wanted = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void
kafka_flusher_stop(KafkaFlusher *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
