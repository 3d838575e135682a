/*
 * kafka_sasl.c
 *		SASL: OAUTHBEARER with a token from a file, and what a refusal means.
 *
 * The token's setting is Kafka's own: sasl.oauthbearer.token.endpoint.url with a file:
 * URL (KIP-768).  librdkafka asks for a token when a client starts and at 80 %
 * of a token's life; the file is read anew each time, so whoever writes it may
 * renew it at will.  The callback runs in librdkafka's background thread.
 */
#include "kafka_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URL_SETTING	 "sasl.oauthbearer.token.endpoint.url"
#define SCRAM_MENDED 0x020601ff
#define TOKEN_MAX	 65536
/* a token that says nothing of its life is read again after this */
#define OPAQUE_LIFE_MS 300000

/* the one file of the process; what a client needs outlives every Config */
static char token_path[4096];


/* The path of a file: URL, or NULL. */
static const char *
path_of(const char *url)
{
	if (strncasecmp(url, "file:", 5) != 0)
		return NULL;
	url += 5;
	if (strncmp(url, "//", 2) == 0)
		url += 2;
	return strncmp(url, "localhost/", 10) == 0 ? url + 9 : url;
}

bool
kafka_oauth_takes(const ConfigPair *p)
{
	return strcmp(p->name, URL_SETTING) == 0 && path_of(p->value) != NULL;
}

/* base64url without padding; the number of bytes, or -1. */
static ssize_t
decode_base64url(const char *in, size_t len, char *out)
{
	uint32_t bits = 0;
	int nbits = 0;
	ssize_t n = 0;

	while (len > 0 && in[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++)
	{
		char c = in[i];
		uint32_t v;

		if (c >= 'A' && c <= 'Z')
			v = (uint32_t) (c - 'A');
		else if (c >= 'a' && c <= 'z')
			v = (uint32_t) (c - 'a' + 26);
		else if (c >= '0' && c <= '9')
			v = (uint32_t) (c - '0' + 52);
		else if (c == '-' || c == '+')
			v = 62;
		else if (c == '_' || c == '/')
			v = 63;
		else
			return -1;
		bits = bits << 6 | v;
		nbits += 6;
		if (nbits >= 8)
		{
			nbits -= 8;
			out[n++] = (char) (bits >> nbits & 0xff);
		}
	}
	return n;
}

/* The claims of a token that is a JWT, else NULL.  The caller drops them. */
static json_t *
claims_of(const char *token)
{
	const char *from = strchr(token, '.');
	const char *to = from != NULL ? strchr(from + 1, '.') : NULL;
	char *text;
	ssize_t n;
	json_t *claims = NULL;

	if (to == NULL)
		return NULL;
	text = sink_alloc((size_t) (to - from));
	n = decode_base64url(from + 1, (size_t) (to - from - 1), text);
	if (n > 0)
		claims = json_loadb(text, (size_t) n, 0, NULL);
	free(text);
	if (claims != NULL && !json_is_object(claims))
	{
		json_decref(claims);
		return NULL;
	}
	return claims;
}

bool
kafka_oauth_claims(const char *token, int64_t now_ms, int64_t *expires_ms,
				   char *principal, size_t size, Error *err)
{
	json_t *claims = claims_of(token);
	json_t *exp = json_object_get(claims, "exp");
	const char *sub = json_string_value(json_object_get(claims, "sub"));

	*expires_ms = now_ms + OPAQUE_LIFE_MS;
	if (json_is_number(exp))
	{
		double seconds = json_number_value(exp);

		*expires_ms = seconds > 0 && seconds < 1e12 ? (int64_t) (seconds * 1000)
													: INT64_MAX / 2;
	}
	snprintf(principal, size, "%s", sub != NULL ? sub : "tuplecast");
	json_decref(claims);
	if (*expires_ms > now_ms)
		return true;
	err_set(err, ERR_RETRY, "oauth_expired",
			"the token of %s has expired %lld s ago", URL_SETTING,
			(long long) ((now_ms - *expires_ms) / 1000));
	err_hint(err, "Whoever writes the file has to renew it; it is read again "
				  "every few seconds.");
	return false;
}

/* The file's text without white space around it; the caller frees it. */
static char *
read_token(const char *path, char *why, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = sink_alloc(TOKEN_MAX + 1);
	size_t n = 0;
	ssize_t got = 0;

	while (fd >= 0 && n < TOKEN_MAX &&
		   (got = read(fd, text + n, TOKEN_MAX - n)) > 0)
		n += (size_t) got;
	if (fd < 0 || got < 0)
		snprintf(why, size, "could not read the token's file \"%.300s\": %s",
				 path, strerror(errno));
	if (fd >= 0)
		close(fd);
	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
		n--;
	text[n] = '\0';
	if (fd >= 0 && got >= 0 && n > 0 && n < TOKEN_MAX)
		return text;
	if (fd >= 0 && got >= 0)
		snprintf(why, size, "the token's file \"%.300s\" is %s", path,
				 n == 0 ? "empty" : "too long");
	free(text);
	return NULL;
}

static void
refresh(rd_kafka_t *rk, const char *config, void *opaque)
{
	char why[KAFKA_ERRSTR_SIZE] = "";
	char principal[256];
	int64_t expires_ms;
	struct timespec now;
	char *token = read_token(token_path, why, sizeof(why));
	Error err;

	(void) config;
	(void) opaque;
	clock_gettime(CLOCK_REALTIME, &now);
	if (token != NULL &&
		!kafka_oauth_claims(token, (int64_t) now.tv_sec * 1000, &expires_ms,
							principal, sizeof(principal), &err))
		snprintf(why, sizeof(why), "%.*s", 400, err.text);
	if (token != NULL && why[0] == '\0')
		(void) rd_kafka_oauthbearer_set_token(rk, token, expires_ms, principal,
											  NULL, 0, why, sizeof(why));
	if (why[0] != '\0')
		(void) rd_kafka_oauthbearer_set_token_failure(rk, why);
	free(token);
}

static bool
has_feature(rd_kafka_conf_t *conf, const char *feature)
{
	char text[1024];
	size_t n = sizeof(text);

	return rd_kafka_conf_get(conf, "builtin.features", text, &n) ==
			   RD_KAFKA_CONF_OK &&
		   strstr(text, feature) != NULL;
}

static bool
is_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];
	size_t n = sizeof(text);

	return rd_kafka_conf_get(conf, name, text, &n) == RD_KAFKA_CONF_OK &&
		   strcasecmp(text, value) == 0;
}

static bool
wants_oidc(const Config *cfg)
{
	const char *method =
		config_pair_value(&cfg->kafka, "sasl.oauthbearer.method");

	return method != NULL && strcasecmp(method, "oidc") == 0;
}

bool
kafka_oauth_check(rd_kafka_conf_t *conf, const Config *cfg, Error *err)
{
	if (!wants_oidc(cfg) || has_feature(conf, "oidc"))
		return true;
	err_set(err, ERR_ENVIRONMENT, "oauth_oidc",
			"librdkafka %s of this machine was built without OpenID Connect",
			rd_kafka_version_str());
	err_detail(err, "It needs libcurl, which Debian's package leaves out.");
	err_hint(err,
			 "Let another program fetch the token and name its file: "
			 "kafka.%s=file:///run/secrets/token, without "
			 "kafka.sasl.oauthbearer.method; or install a librdkafka that was "
			 "built with it.",
			 URL_SETTING);
	return false;
}

bool
kafka_oauth_prepare(rd_kafka_conf_t *conf, const Config *cfg, Error *err)
{
	const char *url = config_pair_value(&cfg->kafka, URL_SETTING);
	const char *path;

	if (wants_oidc(cfg) || is_set(conf, "sasl.oauthbearer.method", "oidc") ||
		!is_set(conf, "sasl.mechanisms", "OAUTHBEARER") ||
		is_set(conf, "enable.sasl.oauthbearer.unsecure.jwt", "true"))
		return true;
	path = url != NULL ? path_of(url) : NULL;
	if (path == NULL || path[0] == '\0' || strlen(path) >= sizeof(token_path))
	{
		err_set(err, ERR_CONFIG, "oauth_token",
				"kafka.sasl.mechanism is OAUTHBEARER, and no token is named");
		err_hint(err,
				 "Set kafka.%s=file:///run/secrets/token; the file is read "
				 "again before the token expires.",
				 URL_SETTING);
		return false;
	}
	memcpy(token_path, path, strlen(path) + 1);
	rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, refresh);
	rd_kafka_conf_enable_sasl_queue(conf, 1);
	return true;
}

/*
 * Up to 2.6.0 librdkafka sends a nonce twice, which brokers took until Kafka 4
 * (CVE-2024-56128; librdkafka #4895): it looks like a wrong password.
 */
const char *
kafka_sasl_advice(const char *text, const char *advice)
{
	return rd_kafka_version() < SCRAM_MENDED && strstr(text, "SCRAM") != NULL
			   ? "if user and password are right: this librdkafka cannot log in "
				 "by SCRAM at Kafka 4 or later; install 2.6.1 or later, or use "
				 "another mechanism"
			   : advice;
}

rd_kafka_t *
kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *errstr,
				 size_t size)
{
	rd_kafka_t *rk = rd_kafka_new(type, conf, errstr, size);

	/* without SASL this does nothing, and says so */
	if (rk != NULL)
		rd_kafka_error_destroy(rd_kafka_sasl_background_callbacks_enable(rk));
	return rk;
}
