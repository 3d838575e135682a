/*
 * log.c
 *		Lines of the log: whatever a field holds, a line stays one line, and in
 *		JSON another parser reads it.
 */
#include "fuzz.h"

#include <jansson.h>
#include <unistd.h>

#include "log.h"

static char *captured;
static size_t captured_len;

/* log.c writes a line with one call */
extern ssize_t __wrap_write(int fd, const void *p, size_t n);

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	FUZZ_CHECK(fd == STDERR_FILENO && captured == NULL, "two writes");
	captured = malloc(n);
	if (captured == NULL)
		abort();
	memcpy(captured, p, n);
	captured_len = n;
	return (ssize_t) n;
}

static void
check_line(bool json)
{
	json_error_t err;

	FUZZ_CHECK(captured_len > 0 && captured[captured_len - 1] == '\n' &&
				   memchr(captured, '\n', captured_len) ==
					   captured + captured_len - 1,
			   "not one line");
	for (size_t i = 0; i + 1 < captured_len; i++)
		FUZZ_CHECK((unsigned char) captured[i] >= 0x20 && captured[i] != 0x7f,
				   "a control character");
	if (json)
	{
		json_t *root = json_loadb(captured, captured_len, 0, &err);

		FUZZ_CHECK(root != NULL, "%s: %.*s", err.text, (int) captured_len,
				   captured);
		json_decref(root);
	}
	free(captured);
	captured = NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput in = {data, size};
	int64_t number = (int64_t) fuzz_bits(&in, 8);
	char *message = fuzz_text(&in, 0);
	char *value = fuzz_text(&in, 0);
	char *more = fuzz_text(&in, -1);
	Error err = {0};

	for (int json = 0; json < 2; json++)
	{
		log_init(json ? LOG_JSON : LOG_TEXT, LOG_DEBUG);
		log_event(LOG_WARN, message, F_STR("a", value), F_INT("n", number),
				  F_LSN("lsn", number), F_STR("null", NULL), F_STR("b", more));
		check_line(json);
		err_set(&err, ERR_CONFIG, "code", "%s", message);
		err_detail(&err, "%s", value);
		err_hint(&err, "%s", more);
		log_error(LOG_ERROR, &err);
		check_line(json);
	}
	free(message);
	free(value);
	free(more);
	return 0;
}
