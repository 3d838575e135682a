/*
 * frame_line.c
 *		A record or a signal as a JSON line.
 */
#include "compat.h"

#include "mb/pg_wchar.h"

#include "frame_internal.h"

static void
line_route(FrameWriter *w)
{
	if (w->route.has_partition)
	{
		json_lit(w->out, ",\"partition\":");
		json_int64(w->out, w->route.partition);
	}
	if (w->route.has_timestamp)
	{
		json_lit(w->out, ",\"timestamp\":");
		json_int64(w->out, w->route.timestamp_ms);
	}
	memset(&w->route, 0, sizeof(w->route));
}

/* A textual plugin answers in the database's encoding. */
static void
line_to_server_encoding(FrameWriter *w)
{
	const char *line = w->out->data + w->frame;
	int len = w->out->len - w->frame;
	const char *converted = json_from_utf8(line, &len);

	if (converted == line)
		return;
	w->out->len = w->frame;
	json_raw(w->out, converted, len);
}

static void
line_headers(FrameWriter *w, const RecordHeader *headers, int n, bool *any)
{
	for (int i = 0; i < n; i++)
	{
		if (headers[i].name == NULL)
		{
			line_headers(w, w->stream->headers, w->stream->nheaders, any);
			continue;
		}
		if (*any)
			json_char(w->out, ',');
		else
			json_lit(w->out, ",\"headers\":{");
		*any = true;
		json_utf8(w->out, headers[i].name, strlen(headers[i].name));
		json_char(w->out, ':');
		if (headers[i].value != NULL)
			json_utf8(w->out, headers[i].value, headers[i].len);
		else
			json_lit(w->out, "null");
	}
}

void
frame_line_end(FrameWriter *w, const RecordHeader *headers, int nheaders)
{
	bool any = false;
	bool placed = false;

	for (int i = 0; i < nheaders; i++)
		placed |= headers[i].name == NULL;
	if (!placed)
		line_headers(w, w->stream->headers, w->stream->nheaders, &any);
	line_headers(w, headers, nheaders, &any);
	if (any)
		json_char(w->out, '}');
	line_route(w);
	if (w->closed != NULL)
		json_raw(w->out, w->closed->data, w->closed->len);
	w->closed = NULL;
	json_char(w->out, '}');
	if (GetDatabaseEncoding() != PG_UTF8)
		line_to_server_encoding(w);
	frame_flush(w);
}

void
frame_line_signal(FrameWriter *w, const char *id, const char *type,
				  const char *data)
{
	frame_prepare(w);
	w->frame = w->out->len;
	json_lit(w->out, "{\"signal\":");
	json_utf8(w->out, type, strlen(type));
	json_lit(w->out, ",\"id\":");
	json_utf8(w->out, id, strlen(id));
	json_lit(w->out, ",\"data\":");
	if (data != NULL)
		json_utf8(w->out, data, strlen(data));
	else
		json_lit(w->out, "null");
	json_char(w->out, '}');
	if (GetDatabaseEncoding() != PG_UTF8)
		line_to_server_encoding(w);
	frame_flush(w);
}
