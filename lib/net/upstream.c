#include "base.h"

#include "die.h"
#include "fdio.h"
#include "file.h"
#include "upstream.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <unistd.h>

static const char *const root_servers[] = {
    "198.41.0.4", "193.0.14.129", "202.12.27.33", "2001:503:ba3e::2:30"};

/* A question for the NS of the root, id 0x6d78: the socket is connected and its port random, and all that is
 * believed of the answer is that there was one. */
static const unsigned char question[17] = {0x6d, 0x78, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};

bool
upstream_add(struct upstreams *u, const char *text)
{
	struct addrinfo hint = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *ai;
	struct upstream *up = &u->v[u->n];
	const char *at = strchr(text, '@');
	char host[64];
	size_t n = at ? (size_t)(at - text) : strlen(text);

	if (u->n == UPSTREAM_MAX || !n || n >= sizeof host || (at && !at[1]))
		return false;
	memcpy(host, text, n);
	host[n] = 0;
	if (getaddrinfo(host, at ? at + 1 : "53", &hint, &ai))
		return false;
	memcpy(&up->addr, ai->ai_addr, ai->ai_addrlen);
	up->len = ai->ai_addrlen;
	up->fd = -1;
	freeaddrinfo(ai);
	snprintf(up->text, sizeof up->text, "%s@%.5s", host, at ? at + 1 : "53");
	u->n++;
	return true;
}

void
upstream_parse(struct upstreams *u, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n"), k = 10;
		char addr[64];

		if (n > k && !strncmp(text, "nameserver", k) && (text[k] == ' ' || text[k] == '\t')) {
			size_t l;

			k += strspn(text + k, " \t");
			l = strcspn(text + k, " \t\r\n");
			if (l && l < sizeof addr && !memchr(text + k, '@', l)) {
				memcpy(addr, text + k, l);
				addr[l] = 0;
				if (!upstream_add(u, addr))
					warn("unable to use name server %s of " RESOLV_CONF, addr);
			}
		}
		text += n;
		text += *text == '\n';
	}
}

void
upstream_load(struct upstreams *u, const struct conf_dns *c)
{
	struct str text = {0};

	*u = (struct upstreams){.root = c->root_hints};
	if (u->root) {
		for (size_t i = 0; i < ARRAY_LEN(root_servers); i++)
			if (!upstream_add(u, root_servers[i]))
				bug("root server %s", root_servers[i]);
		return;
	}
	for (size_t i = 0; i < c->forward.n; i++)
		if (!upstream_add(u, c->forward.v[i]))
			die_perm("unable to use dns forward \"%s\": expected at most %d of address or "
				 "address@port",
			    c->forward.v[i], UPSTREAM_MAX);
	if (c->forward.n)
		return;
	if (file_read(AT_FDCWD, RESOLV_CONF, &text, 65536))
		warn("unable to read " RESOLV_CONF ": %m; asking 127.0.0.1");
	upstream_parse(u, str_cstr(&text));
	str_free(&text);
	if (!u->n && !upstream_add(u, "127.0.0.1"))
		bug("127.0.0.1");
}

/* Connecting a datagram socket sends nothing and fails at once when there is no route. */
static int
open_connected(const struct upstream *up)
{
	int fd = socket(up->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&up->addr, up->len)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool
upstream_routed(const struct upstreams *u)
{
	for (size_t i = 0; i < u->n; i++) {
		int fd = open_connected(&u->v[i]);

		if (fd >= 0) {
			close(fd);
			return true;
		}
	}
	return false;
}

static void
probe_close(struct upstream *up)
{
	if (up->fd >= 0)
		close(up->fd);
	up->fd = -1;
}

void
upstream_probe_stop(struct upstreams *u)
{
	for (size_t i = 0; i < u->n; i++)
		probe_close(&u->v[i]);
}

void
upstream_probe_again(struct upstreams *u)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].fd >= 0 && send(u->v[i].fd, question, sizeof question, MSG_NOSIGNAL) < 0)
			probe_close(&u->v[i]);
}

enum upstream_state
upstream_probe(struct upstreams *u)
{
	upstream_probe_stop(u);
	for (size_t i = 0; i < u->n; i++)
		u->v[i].fd = open_connected(&u->v[i]);
	upstream_probe_again(u);
	/* On this machine a refusal is there already. */
	return upstream_probe_read(u);
}

enum upstream_state
upstream_probe_read(struct upstreams *u)
{
	bool waiting = false;

	for (size_t i = 0; i < u->n; i++) {
		struct upstream *up = &u->v[i];
		unsigned char buf[512];
		ssize_t n;

		if (up->fd < 0)
			continue;
		n = recv(up->fd, buf, sizeof buf, MSG_DONTWAIT);
		if (n >= 12 && !memcmp(buf, question, 2) && (buf[2] & 0x80)) {
			upstream_probe_stop(u);
			return UPSTREAM_ALIVE;
		}
		if (n >= 0 || errno == EAGAIN || errno == EINTR)
			waiting = true;
		else
			probe_close(up);
	}
	return waiting ? UPSTREAM_WAIT : UPSTREAM_DEAD;
}
