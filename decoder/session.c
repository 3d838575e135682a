/*
 * session.c
 *		What the encoder takes from the session it runs in, walsender or backend.
 */
#include "compat.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/xml.h"

#include "json.h"
#include "session.h"

const char *
session_database_name(void)
{
	MemoryContext cxt = CurrentMemoryContext;
	bool own = !IsTransactionState();
	const char *name;
	char *copy;
	int len;

	/* a walsender starts outside of a transaction */
	if (own)
		StartTransactionCommand();
	/* messages may come outside of one */
	json_init_encoding();
	name = get_database_name(MyDatabaseId);
	len = strlen(name);
	name = json_to_utf8(name, &len);
	copy = MemoryContextAllocZero(cxt, len + 1);
	memcpy(copy, name, len);
	if (own)
		CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	return copy;
}

/*
 * Forms of text that depend on a session's settings are made with fixed ones.
 * The variables are set directly: this runs for each change.
 */
typedef struct TextSettings
{
	int date_style;
	int interval_style;
	int float_digits;
	int bytea;
	int xml_binary;
	pg_tz *timezone;
} TextSettings;

static void
text_settings_fix(TextSettings *saved)
{
	*saved = (TextSettings){DateStyle,	  IntervalStyle, extra_float_digits,
							bytea_output, xmlbinary,	 session_timezone};
	DateStyle = USE_ISO_DATES;
	IntervalStyle = INTSTYLE_POSTGRES;
	extra_float_digits = 1;
	bytea_output = BYTEA_OUTPUT_HEX;
	xmlbinary = XMLBINARY_BASE64;
	session_timezone = pg_tzset("UTC");
}

static void
text_settings_restore(const TextSettings *saved)
{
	DateStyle = saved->date_style;
	IntervalStyle = saved->interval_style;
	extra_float_digits = saved->float_digits;
	bytea_output = saved->bytea;
	xmlbinary = saved->xml_binary;
	session_timezone = saved->timezone;
}

void
session_encode(Encoder *enc, Change *change)
{
	TextSettings saved;

	if (!change->plan->text_settings)
	{
		encode_change(enc, change);
		return;
	}
	text_settings_fix(&saved);
	PG_TRY();
	{
		encode_change(enc, change);
	}
	PG_FINALLY();
	{
		text_settings_restore(&saved);
	}
	PG_END_TRY();
}
