/*
 * cloudevents.h
 *		format=cloudevents: CloudEvents 1.0 in JSON, structured mode.
 */
#ifndef TUPLECAST_CLOUDEVENTS_H
#define TUPLECAST_CLOUDEVENTS_H

#include "encode.h"

/*
 * The event up to the payload of its data: attributes of the context and, if
 * they are wanted, what the source block says.  "source" is that block as JSON,
 * "transaction" the transaction's block or null.  Then follow
 * {"before":…,"after":…} and cloudevent_end().
 */
extern void cloudevent_begin(StringInfo out, const Encoder *enc,
							 const StreamInfo *stream, char op,
							 const char *source, const char *transaction);
extern void cloudevent_end(StringInfo out, const StreamInfo *stream);

/* {"schema":…,"payload": around data of the stream's events; before and after
 * are JSON schemas */
extern const char *cloudevent_data_head(const Encoder *enc,
										const StreamInfo *stream,
										const char *before, const char *after);

/* The one of metadata.headers that the stream's events do not have, or have in
 * a form that is no string; NULL: none. */
extern const char *cloudevent_missing_header(const Encoder *enc,
											 const StreamInfo *stream);

#endif /* TUPLECAST_CLOUDEVENTS_H */
