/*
 * http.c
 *		/metrics, /livez and /readyz for whoever watches.
 *
 * libmicrohttpd's own thread answers; all it reads is the published copy of
 * the statistics.  Limits are small, because the port is for one scraper and
 * one prober, and may still be in reach of others.
 */
#include "http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "stats.h"

#define HTTP_CONNECTIONS	 16
#define HTTP_TIMEOUT_S		 5
#define HTTP_CONNECTION_SIZE 8192

static struct MHD_Daemon *daemon_handle;
static int listen_port;

/* ---- pages --------------------------------------------------------------- */

typedef struct Page
{
	unsigned int status;
	char *body; /* malloc'd */
	size_t len;
} Page;

static void
page_metrics(FILE *out, const Stats *s, Page *page)
{
	(void) page;
	stats_print(s, out);
}

static void
print_health(FILE *out, Health h, Page *page)
{
	if (!h.ok)
		page->status = MHD_HTTP_SERVICE_UNAVAILABLE;
	fprintf(out, "%s\n", h.ok ? "ok" : h.why);
}

static void
page_livez(FILE *out, const Stats *s, Page *page)
{
	print_health(out, stats_livez(s, clock_ms()), page);
}

static void
page_readyz(FILE *out, const Stats *s, Page *page)
{
	print_health(out, stats_readyz(s, clock_ms()), page);
}

static void
page_status(FILE *out, const Stats *s, Page *page)
{
	(void) page;
	stats_print_status(s, out);
}

static const struct HttpPath
{
	const char *path;
	const char *type;
	void (*print)(FILE *out, const Stats *s, Page *page);
} paths[] = {
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", page_metrics},
	{"/livez", "text/plain; charset=utf-8", page_livez},
	{"/readyz", "text/plain; charset=utf-8", page_readyz},
	{"/status", "application/json", page_status},
};

#define NPATHS (sizeof(paths) / sizeof(paths[0]))

static enum MHD_Result
respond(struct MHD_Connection *c, const Page *page, const char *type,
		const char *allow)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		page->len, page->body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (r == NULL)
	{
		free(page->body);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (allow != NULL)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
	result = MHD_queue_response(c, page->status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result
answer(void *arg, struct MHD_Connection *c, const char *url, const char *method,
	   const char *version, const char *upload, size_t *upload_size,
	   void **state)
{
	const struct HttpPath *found = NULL;
	Page page = {.status = MHD_HTTP_OK};
	bool reading = strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
				   strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	FILE *out = open_memstream(&page.body, &page.len);
	Stats stats;

	(void) arg, (void) version, (void) upload, (void) upload_size, (void) state;
	if (out == NULL)
		return MHD_NO;
	for (size_t i = 0; i < NPATHS; i++)
		if (strcmp(url, paths[i].path) == 0)
			found = &paths[i];
	if (!reading)
	{
		page.status = MHD_HTTP_METHOD_NOT_ALLOWED;
		fputs("only GET and HEAD\n", out);
	}
	else if (found == NULL)
	{
		page.status = MHD_HTTP_NOT_FOUND;
		fputs("there is", out);
		for (size_t i = 0; i < NPATHS; i++)
			fprintf(out, " %s", paths[i].path);
		fputs("\n", out);
	}
	else
	{
		stats_read(&stats);
		found->print(out, &stats, &page);
	}
	if (fclose(out) != 0)
	{
		free(page.body);
		return MHD_NO;
	}
	return respond(c, &page,
				   reading && found != NULL ? found->type
											: "text/plain; charset=utf-8",
				   reading ? NULL : "GET, HEAD");
}

/* ---- address ------------------------------------------------------------- */

static bool
bad_address(const char *listen_on, const char *why, Error *err)
{
	err_set(err, ERR_CONFIG, "http_listen", "http.listen=\"%s\": %s", listen_on,
			why);
	err_hint(err, "Give HOST:PORT, as 127.0.0.1:9847 or [::1]:9847; :PORT for "
				  "all addresses; \"off\" for none.");
	return false;
}

/* Splits HOST:PORT, [HOST]:PORT, :PORT; host is "" for all addresses. */
static bool
split_address(const char *listen_on, char *host, size_t size, const char **port,
			  Error *err)
{
	const char *colon = strrchr(listen_on, ':');
	const char *from = listen_on;
	size_t n;
	char *end;
	unsigned long number;

	if (colon == NULL)
		return bad_address(listen_on, "the port is missing", err);
	n = (size_t) (colon - listen_on);
	if (n >= 2 && from[0] == '[' && from[n - 1] == ']')
	{
		from++;
		n -= 2;
	}
	else if (memchr(from, ':', n) != NULL)
		return bad_address(listen_on, "an IPv6 address stands in brackets",
						   err);
	if (n >= size)
		return bad_address(listen_on, "the host is too long", err);
	memcpy(host, from, n);
	host[n] = '\0';
	*port = colon + 1;
	errno = 0;
	number = strtoul(*port, &end, 10);
	if (**port < '0' || **port > '9' || *end != '\0' || errno != 0 ||
		number > 65535)
		return bad_address(listen_on, "the port is no number up to 65535", err);
	return true;
}

static int
listen_at(const struct addrinfo *a)
{
	int on = 1;
	int off = 0;
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
					a->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* ":PORT" means both families; without IPv6 the next address is tried */
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 ||
		listen(fd, HTTP_CONNECTIONS) != 0)
	{
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static bool
cannot_listen(const char *listen_on, int error, Error *err)
{
	err_set(err, ERR_ENVIRONMENT, "http_listen",
			"could not listen on http.listen=\"%s\": %s", listen_on,
			strerror(error));
	err_detail(err, "Metrics and health checks would be missing.");
	if (error == EADDRINUSE)
		err_hint(err, "Another process (another tuplecast?) has this port: set "
					  "http.listen to a free one, or to \"off\".");
	else if (error == EACCES)
		err_hint(err, "A port below 1024 needs a privilege: set http.listen to "
					  "a higher one, or to \"off\".");
	else
		err_hint(err, "Set http.listen to an address of this machine, or to "
					  "\"off\".");
	return false;
}

/* A listening socket, or -1. */
static int
open_socket(const char *listen_on, Error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
							 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char host[256];
	const char *port;
	int fd = -1;
	int error = EADDRNOTAVAIL;
	int rc;

	if (!split_address(listen_on, host, sizeof(host), &port, err))
		return -1;
	/* the socket for all addresses that serves both families comes first */
	if (host[0] == '\0')
	{
		hints.ai_family = AF_INET6;
		if (getaddrinfo(NULL, port, &hints, &list) == 0)
			fd = listen_at(list);
		error = errno;
		if (list != NULL)
			freeaddrinfo(list);
		list = NULL;
		hints.ai_family = AF_INET;
		if (fd >= 0 || error == EADDRINUSE || error == EACCES)
			goto out;
	}
	rc = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list);
	if (rc != 0)
	{
		bad_address(listen_on, gai_strerror(rc), err);
		return -1;
	}
	for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
	{
		fd = listen_at(a);
		error = errno;
	}
	freeaddrinfo(list);
out:
	if (fd < 0)
		cannot_listen(listen_on, error, err);
	return fd;
}

static int
port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *) &a, &len) != 0)
		return 0;
	if (a.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *) &a)->sin6_port);
	return ntohs(((struct sockaddr_in *) &a)->sin_port);
}

/* ---- start and stop ------------------------------------------------------ */

bool
http_start(const Config *cfg, Error *err)
{
	const char *listen_on = cfg->http_listen;
	int fd;

	if (listen_on[0] == '\0' || strcmp(listen_on, "off") == 0)
		return true;
	fd = open_socket(listen_on, err);
	if (fd < 0)
		return false;
	listen_port = port_of(fd);
	daemon_handle = MHD_start_daemon(
		MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer,
		NULL, MHD_OPTION_LISTEN_SOCKET, (MHD_socket) fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int) HTTP_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int) HTTP_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HTTP_CONNECTION_SIZE,
		MHD_OPTION_END);
	if (daemon_handle == NULL)
	{
		close(fd);
		listen_port = 0;
		return err_set(err, ERR_RESTART, "http_start",
					   "could not start the HTTP server on http.listen=\"%s\"",
					   listen_on);
	}
	log_event(LOG_INFO, "metrics and health checks", F_STR("listen", listen_on),
			  F_INT("port", listen_port));
	return true;
}

int
http_port(void)
{
	return listen_port;
}

void
http_stop(void)
{
	if (daemon_handle != NULL)
		MHD_stop_daemon(daemon_handle);
	daemon_handle = NULL;
	listen_port = 0;
}
