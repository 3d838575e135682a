/*
 * notification.h
 *		What becomes of snapshots, as Debezium's notifications: records of
 *		notification.sink.topic.name, and lines of the log.
 */
#ifndef TUPLECAST_NOTIFICATION_H
#define TUPLECAST_NOTIFICATION_H

#include "config.h"
#include "sink.h"

/* pairs of one at most, without the connector's name */
#define NOTIFICATION_PAIRS 4
/* kept for a sink that does not take them; the oldest go first */
#define NOTIFICATION_QUEUE 256

typedef struct NotificationPair
{
	const char *name;
	const char *value;
} NotificationPair;

typedef struct Notification
{
	const char *id;		   /* NULL: one is made up */
	const char *aggregate; /* "Initial Snapshot" or "Incremental Snapshot" */
	const char *type;	   /* STARTED … */
	/* in the order in which Debezium writes them; those that have the name
	 * NULL stand for the connector's */
	NotificationPair pairs[NOTIFICATION_PAIRS + 1];
	int count;
} Notification;

typedef struct NotificationText
{
	char *key;
	char *value;
} NotificationText;

typedef struct Notifications
{
	const Config *cfg;
	bool to_sink;
	bool to_log;
	SinkStream *stream; /* of the sink at hand; NULL: to be made */
	NotificationText queue[NOTIFICATION_QUEUE];
	size_t first;
	size_t count;
	uint64_t sent; /* records that the sink took */
	uint64_t dropped;
} Notifications;

extern void notifications_init(Notifications *n, const Config *cfg);
extern void notifications_free(Notifications *n);
/* The sink is closed, or a new one open. */
extern void notifications_forget_sink(Notifications *n);
/* Log at once, record as soon as the sink takes it. */
extern void notifications_add(Notifications *n, const Notification *what,
							  int64_t wall_us);
/* Puts what waits.  lsn, wall_us: for the record's headers.  false: err of the
 * sink. */
extern bool notifications_put(Notifications *n, const SinkOps *ops, Sink *sink,
							  uint64_t lsn, int64_t wall_us,
							  Error *err) MUST_CHECK;
/* Key and value without schemas; free() both. */
extern NotificationText
notification_text(const Config *cfg, const Notification *what, int64_t wall_us);
/* A random UUID, 37 bytes. */
extern void notification_uuid(char out[37]);

#endif /* TUPLECAST_NOTIFICATION_H */
