/*
 * http_client.c
 *		One page of the running process, for commands.
 */
#include "http_client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMEOUT_S	3
#define ANSWER_MAX	(1024 * 1024)
#define ADDRESS_MAX 256

static char *
nobody(Error *err, const char *listen_on, const char *why)
{
	err_set(err, ERR_RESTART, "http_client",
			"no shipper answers at http.listen=%.200s: %s", listen_on, why);
	err_hint(err, "Is it running, with this http.listen, on this machine? Give "
				  "the command the same --http.listen.");
	return NULL;
}

/* HOST:PORT, [HOST]:PORT or :PORT; an address for all is this machine's. */
static bool
split(const char *listen_on, char *host, const char **port)
{
	const char *colon = strrchr(listen_on, ':');
	size_t n;

	if (colon == NULL)
		return false;
	n = (size_t) (colon - listen_on);
	*port = colon + 1;
	if (n >= 2 && listen_on[0] == '[' && listen_on[n - 1] == ']')
	{
		listen_on++;
		n -= 2;
	}
	if (n >= ADDRESS_MAX)
		return false;
	memcpy(host, listen_on, n);
	host[n] = '\0';
	if (n == 0 || strcmp(host, "0.0.0.0") == 0)
		snprintf(host, ADDRESS_MAX, "127.0.0.1");
	else if (strcmp(host, "::") == 0)
		snprintf(host, ADDRESS_MAX, "::1");
	return true;
}

static int
connect_to(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct timeval limit = {.tv_sec = TIMEOUT_S};
	struct addrinfo *list = NULL;
	int fd = -1;

	if (getaddrinfo(host, port, &hints, &list) != 0)
	{
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
	{
		fd =
			socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
		{
			int error = errno;

			close(fd);
			errno = error;
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd;
}

static char *
read_answer(int fd)
{
	char *text = malloc(ANSWER_MAX + 1);
	size_t len = 0;
	ssize_t n;

	if (text == NULL)
		abort();
	while (len < ANSWER_MAX && (n = recv(fd, text + len, ANSWER_MAX - len, 0)))
	{
		if (n < 0)
		{
			free(text);
			return NULL;
		}
		len += (size_t) n;
	}
	text[len] = '\0';
	return text;
}

char *
http_client_get(const char *listen_on, const char *path, Error *err)
{
	char host[ADDRESS_MAX];
	char request[1024];
	const char *port;
	char *answer = NULL;
	char *body;
	int fd;
	int n;

	if (strcmp(listen_on, "off") == 0 || !split(listen_on, host, &port))
		return nobody(err, listen_on, "it is no address to ask at");
	fd = connect_to(host, port);
	if (fd < 0)
		return nobody(err, listen_on, strerror(errno));
	n = snprintf(request, sizeof(request),
				 "GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n"
				 "\r\n",
				 path);
	if (send(fd, request, (size_t) n, MSG_NOSIGNAL) == n)
		answer = read_answer(fd);
	if (answer == NULL)
		nobody(err, listen_on, strerror(errno));
	close(fd);
	if (answer == NULL)
		return NULL;
	body = strstr(answer, "\r\n\r\n");
	if (body == NULL || strncmp(answer, "HTTP/1.", 7) != 0 ||
		strncmp(answer + 8, " 200", 4) != 0)
	{
		free(answer);
		return nobody(err, listen_on, "what answers there is no tuplecast");
	}
	memmove(answer, body + 4, strlen(body + 4) + 1);
	return answer;
}
