#include "base.h"

#include "die.h"
#include "dkim_message.h"
#include "fdio.h"

static void
body_put(struct dkim_message *m, const char *p, size_t n)
{
	for (size_t i = 0; i < m->nbody; i++)
		dkim_body_add(&m->body[i], p, n);
}

void
dkim_message_add(struct dkim_message *m, const char *p, size_t n)
{
	const char *blank;
	size_t from = m->header.len > 3 ? m->header.len - 3 : 0, head;
	struct str rest = {0};

	if (m->in_body) {
		body_put(m, p, n);
		return;
	}
	str_add(&m->header, p, n);
	if (m->header.len >= 2 && !memcmp(m->header.s, "\r\n", 2)) {
		head = 0;
	} else {
		if (!(blank = memmem(m->header.s + from, m->header.len - from, "\r\n\r\n", 4)))
			return;
		head = (size_t)(blank + 2 - m->header.s);
	}
	str_add(&rest, m->header.s + head + 2, m->header.len - head - 2);
	str_cut(&m->header, head);
	m->in_body = true;
	m->header_done(m);
	body_put(m, str_cstr(&rest), rest.len);
	str_free(&rest);
}

void
dkim_message_end(struct dkim_message *m)
{
	if (m->in_body)
		return;
	m->in_body = true;
	m->header_done(m);
}

static void
put(void *arg, const char *p, size_t n)
{
	dkim_message_add(arg, p, n);
}

void
dkim_message_hash(struct dkim_message *m, enum dkim_canon c, uint64_t limit)
{
	if (!dkim_body_start(&m->body[m->nbody++], c, limit))
		die_temp("unable to hash the message: out of memory");
}

void
dkim_message_read(struct dkim_message *m, int fd)
{
	static char buf[65536];
	ssize_t n;

	wire_start(&m->wire, put, m);
	while ((n = fd_read(fd, buf, sizeof buf)) > 0)
		wire_add(&m->wire, buf, (size_t)n);
	if (n < 0)
		die_temp("unable to read the message: %m");
	wire_end(&m->wire);
	if (m->wire.bad)
		die_perm("unable to use the message: %s", m->wire.bad);
	wire_free(&m->wire);
}
