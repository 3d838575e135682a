/*
 * kafka_worker.c
 *		The one thread for librdkafka's calls that block: looking for topics,
 *		making them, and the end of the client.
 */
#include "kafka_sink.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* how long the end of a client may hold up the main thread */
#define FINISH_WAIT_MS 1000
#define SETTLE_MS	   500

struct KafkaWorker
{
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	/* under the lock */
	KafkaJob *submitted;
	KafkaJob *done;
	bool stop;
	bool finished;
	bool abandoned; /* nobody waits: the thread frees this */
	/* the thread's own; after "stop" it also owns the last three */
	KafkaJob *active;
	KafkaCreation creation;
	KafkaPlace *place;
	rd_kafka_t *rk;
	int eventfd;
	rd_kafka_queue_t *queue;
	rd_kafka_topic_t **handles;
	size_t nhandles;
};

void
kafka_job_free(KafkaJob *job)
{
	free(job->name);
	free(job->table);
	free(job->position);
	free(job->tables);
	free(job);
}

static void
free_jobs(KafkaJob *list)
{
	while (list != NULL)
	{
		KafkaJob *next = list->next;

		kafka_job_free(list);
		list = next;
	}
}

static void
deadline_after(struct timespec *t, int64_t ms)
{
	clock_gettime(CLOCK_MONOTONIC, t);
	t->tv_sec += ms / 1000;
	t->tv_nsec += (ms % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000)
	{
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

/* ---- the thread ------------------------------------------------------------ */

static void
report(KafkaWorker *w, KafkaJob *job)
{
	uint64_t one = 1;

	pthread_mutex_lock(&w->lock);
	job->next = w->done;
	w->done = job;
	pthread_mutex_unlock(&w->lock);
	/* the counter cannot overflow, so this cannot fail */
	if (write(w->eventfd, &one, sizeof(one)) != (ssize_t) sizeof(one))
		return;
}

static bool
stopped(KafkaWorker *w)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return stop;
}

static bool
work(KafkaWorker *w, KafkaJob *job)
{
	switch (job->kind)
	{
		case KAFKA_JOB_RECOVER:
			return kafka_position_recover(w->rk, w->place, job);
		case KAFKA_JOB_COMMIT:
			return kafka_txn_commit(w->rk, job);
		default:
			return kafka_topic_look(w->rk, &w->creation, job);
	}
}

/* One look at each job that is due; those that are done leave the list. */
static void
look_at_jobs(KafkaWorker *w)
{
	KafkaJob **link = &w->active;

	while (*link != NULL && !stopped(w))
	{
		KafkaJob *job = *link;

		if (job->due_ms <= clock_ms() && work(w, job))
		{
			*link = job->next;
			report(w, job);
		}
		else
			link = &job->next;
	}
}

static int64_t
next_due_ms(const KafkaWorker *w)
{
	int64_t due = INT64_MAX;

	for (const KafkaJob *job = w->active; job != NULL; job = job->next)
		if (job->due_ms < due)
			due = job->due_ms;
	return due;
}

/* Waits for jobs, the time of one, or the end; false: the end. */
static bool
wait_for_work(KafkaWorker *w)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	while (!w->stop && w->submitted == NULL)
	{
		int64_t due = next_due_ms(w);
		int64_t now = clock_ms();
		struct timespec t;

		if (due <= now)
			break;
		deadline_after(&t, due == INT64_MAX ? 60000 : due - now);
		pthread_cond_timedwait(&w->changed, &w->lock, &t);
	}
	while (w->submitted != NULL)
	{
		KafkaJob *job = w->submitted;

		w->submitted = job->next;
		job->next = w->active;
		w->active = job;
	}
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return !stop;
}

static void
free_worker(KafkaWorker *w)
{
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/*
 * librdkafka 2.0.2 ends the process (an assertion in AddPartitionsToTxn) if a
 * client is destroyed in the moment in which it announces a partition to its
 * transaction.  Messages that are through announced theirs; brokers that are
 * away are not waited for.
 */
static void
let_partitions_settle(KafkaWorker *w)
{
	int64_t until = clock_ms() + SETTLE_MS;

	while (rd_kafka_outq_len(w->rk) > 0 && clock_ms() < until)
	{
		rd_kafka_event_t *ev = rd_kafka_queue_poll(w->queue, 10);

		if (ev != NULL)
			rd_kafka_event_destroy(ev);
	}
}

static void *
worker_main(void *arg)
{
	KafkaWorker *w = arg;
	bool transactional = w->place->exactly_once;
	bool abandoned;

	while (wait_for_work(w))
		look_at_jobs(w);

	free_jobs(w->active);
	free_jobs(w->submitted);
	free_jobs(w->done);
	kafka_creation_free(&w->creation);
	kafka_place_free(w->place);
	if (transactional)
		let_partitions_settle(w);
	rd_kafka_purge(w->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
							  RD_KAFKA_PURGE_F_NON_BLOCKING);
	for (size_t i = 0; i < w->nhandles; i++)
		rd_kafka_topic_destroy(w->handles[i]);
	free(w->handles);
	rd_kafka_queue_io_event_enable(w->queue, -1, NULL, 0);
	rd_kafka_queue_destroy(w->queue);
	rd_kafka_destroy(w->rk);
	close(w->eventfd);

	pthread_mutex_lock(&w->lock);
	w->finished = true;
	abandoned = w->abandoned;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (abandoned)
		free_worker(w);
	return NULL;
}

/* ---- the main thread's side ------------------------------------------------ */

KafkaWorker *
kafka_worker_start(const Config *cfg, rd_kafka_t *rk, int eventfd,
				   KafkaPlace *place, Error *err)
{
	KafkaWorker *w = sink_alloc(sizeof(*w));
	pthread_condattr_t attr;
	sigset_t all;
	sigset_t before;
	int rc;

	if (!kafka_creation_init(&w->creation, cfg, err))
	{
		kafka_creation_free(&w->creation);
		kafka_place_free(place);
		free(w);
		return NULL;
	}
	w->rk = rk;
	w->place = place;
	w->eventfd = eventfd;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &attr);
	pthread_condattr_destroy(&attr);
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
	{
		err_set(err, ERR_RESTART, "thread", "could not start a thread: %s",
				strerror(rc));
		kafka_creation_free(&w->creation);
		kafka_place_free(place);
		free_worker(w);
		return NULL;
	}
	return w;
}

int
kafka_worker_partitions(const KafkaWorker *w)
{
	return w->creation.partitions > 0 ? w->creation.partitions : 1;
}

void
kafka_worker_submit(KafkaWorker *w, KafkaJob *job)
{
	pthread_mutex_lock(&w->lock);
	job->next = w->submitted;
	w->submitted = job;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

KafkaJob *
kafka_worker_take(KafkaWorker *w)
{
	KafkaJob *job;

	pthread_mutex_lock(&w->lock);
	job = w->done;
	if (job != NULL)
		w->done = job->next;
	pthread_mutex_unlock(&w->lock);
	return job;
}

void
kafka_worker_finish(KafkaWorker *w, rd_kafka_queue_t *queue,
					rd_kafka_topic_t **handles, size_t nhandles)
{
	struct timespec t;
	pthread_t thread = w->thread;
	bool finished;

	deadline_after(&t, FINISH_WAIT_MS);
	pthread_mutex_lock(&w->lock);
	w->queue = queue;
	w->handles = handles;
	w->nhandles = nhandles;
	w->stop = true;
	pthread_cond_broadcast(&w->changed);
	while (!w->finished &&
		   pthread_cond_timedwait(&w->changed, &w->lock, &t) != ETIMEDOUT)
		;
	finished = w->finished;
	w->abandoned = !finished;
	pthread_mutex_unlock(&w->lock);
	if (finished)
	{
		pthread_join(thread, NULL);
		free_worker(w);
		return;
	}
	log_event(LOG_DEBUG, "the Kafka client ends in the background");
	pthread_detach(thread);
}
