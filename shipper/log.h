/*
 * log.h
 *		One line an event, as text or as JSON, to standard error.
 *
 * No row data and no secrets are ever passed in.  A field value may hold any
 * bytes: it is quoted and escaped.
 */
#ifndef TUPLECAST_LOG_H
#define TUPLECAST_LOG_H

#include <stddef.h>

#include "err.h"

typedef enum LogLevel
{
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR
} LogLevel;

typedef enum LogFormat
{
	LOG_TEXT,
	LOG_JSON
} LogFormat;

extern void log_init(LogFormat format, LogLevel threshold);
extern bool log_enabled(LogLevel level);

/* A line of a terminal that the next one, or the next event, takes the place
 * of; NULL: none. */
extern void log_bar(const char *text, size_t len);

/* "message" is a plain sentence; fields follow as LOG_S/LOG_U/LOG_LSN pairs, ended by NULL. */
typedef struct LogField
{
	const char *name;
	enum
	{
		LOG_FIELD_STRING,
		LOG_FIELD_INT,
		LOG_FIELD_LSN
	} type;
	const char *s;
	int64_t i;
	uint64_t lsn;
} LogField;

#define F_STR(n, v)                                                            \
	((LogField){.name = (n), .type = LOG_FIELD_STRING, .s = (v)})
#define F_INT(n, v)                                                            \
	((LogField){.name = (n), .type = LOG_FIELD_INT, .i = (int64_t) (v)})
#define F_LSN(n, v) ((LogField){.name = (n), .type = LOG_FIELD_LSN, .lsn = (v)})
#define F_END		((LogField){.name = NULL})

/* log_event(LOG_INFO, "streaming", F_STR("slot", s), F_LSN("lsn", x)) */
#define log_event(level, ...)                                                  \
	log_fields((level), LOG_FIRST(__VA_ARGS__, F_END),                         \
			   (LogField[]){LOG_REST(__VA_ARGS__, F_END) F_END})
#define LOG_FIRST(a, ...) (a)
#define LOG_REST(a, ...)  __VA_ARGS__,

extern void log_fields(LogLevel level, const char *message,
					   const LogField *fields);
/* Logs what, detail and hint of an error as one event. */
extern void log_error(LogLevel level, const Error *err);

#endif /* TUPLECAST_LOG_H */
