/*
 * config_signal.c
 *		Ways of signals and notifications.
 */
#include "config_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The next word of a list with commas, without spaces around it; NULL: none. */
static const char *
next_word(const char **list, size_t *len)
{
	const char *start;

	while (**list == ',' || isspace((unsigned char) **list))
		(*list)++;
	start = *list;
	*list += strcspn(*list, ",");
	*len = (size_t) (*list - start);
	while (*len > 0 && isspace((unsigned char) start[*len - 1]))
		(*len)--;
	return *len > 0 ? start : NULL;
}

bool
config_has_word(const char *list, const char *word)
{
	const char *w;
	size_t len;

	while ((w = next_word(&list, &len)) != NULL)
		if (len == strlen(word) && strncasecmp(w, word, len) == 0)
			return true;
	return false;
}

/* Debezium ignores a channel that it does not know, and so may a file of its. */
static bool
check_channels(Config *cfg, const char *option, const char *list,
			   const char *known, Error *err)
{
	const char *w;
	size_t len;

	while ((w = next_word(&list, &len)) != NULL)
	{
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int) len, w);
		if (config_has_word(known, word))
			continue;
		if (strcasecmp(word, "jmx") == 0)
			config_warn(cfg, "%s: jmx is of no effect, there is no JVM",
						option);
		else if (cfg->connector_json)
			config_warn(cfg, "%s: \"%s\" is not known and of no effect", option,
						word);
		else
		{
			err_set(err, ERR_CONFIG, "config_value",
					"%s names \"%s\", which is not known", option, word);
			err_hint(err, "There are: %s.", known);
			return false;
		}
	}
	return true;
}

bool
config_check_signals(Config *cfg, Error *err)
{
	if (!check_channels(cfg, "signal.enabled.channels", cfg->signal_channels,
						"source, kafka, file", err) ||
		!check_channels(cfg, "notification.enabled.channels",
						cfg->notification_channels, "sink, log", err))
		return false;
	if (config_has_word(cfg->notification_channels, "sink") &&
		cfg->notification_topic[0] == '\0')
	{
		err_set(err, ERR_CONFIG, "config_missing",
				"notification.enabled.channels names sink, but there is no "
				"notification.sink.topic.name");
		err_hint(err, "Name the topic, or leave sink out.");
		return false;
	}
	return true;
}
