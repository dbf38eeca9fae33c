#include "base.h"

#include "base64.h"
#include "scram.h"
#include "ticket.h"
#include "visit.h"

#define HEAD_MAX 360
#define DEMAND_MAX 2048

/* Of a session that was begun behind the first job's. */
struct own_ticket {
	char head[HEAD_MAX]; /* empty: none */
	size_t ndemand, n;
	char demand[DEMAND_MAX];
	unsigned char data[TICKET_MAX];
};

static struct str text; /* reserved once: nothing here may fail while a report is made */

struct own_ticket *
ticket_own(void)
{
	static struct own_ticket own;

	str_reserve(&text, HEAD_MAX + 2 * TICKET_MAX);
	return &own;
}

/* Who it is for, as lines begin with it. */
static void
head_write(char head[HEAD_MAX], const char *ip, uint16_t port, const char *name)
{
	snprintf(head, HEAD_MAX, "%s %u %s ", ip, (unsigned)port, name);
}

static bool
is_kept(const struct line *l)
{
	return l->own && l->tickets && !passage_logs_in(l->passage);
}

static bool
take_own(struct own_ticket *own, const struct str *demand, const char *head)
{
	bool fits = *own->head && !strcmp(own->head, head) && own->ndemand == demand->len &&
	            !memcmp(own->demand, demand->s, demand->len);

	if (fits)
		*own->head = 0;
	return fits;
}

bool
ticket_take(struct line *l, struct job *j, const struct visit *v, struct tls_how *how)
{
	char head[HEAD_MAX];

	if (!is_kept(l))
		return false;
	head_write(head, v->ip, v->hop->port, how->name);
	for (size_t i = 0; i < j->tickets.n; i++) {
		char *s = j->tickets.v[i];
		size_t n = strlen(head);
		bool good;

		if (strncmp(s, head, n) != 0)
			continue;
		str_reset(&text);
		good = strlen(s) <= HEAD_MAX + 2 * TICKET_MAX && base64_read(&text, s + n, strlen(s + n));
		*s = 0;
		if (!good)
			continue;
		how->ticket = text.s;
		how->nticket = text.len;
		return true;
	}
	if (!take_own(l->own, &l->demand, head))
		return false;
	how->ticket = l->own->data;
	how->nticket = l->own->n;
	return true;
}

static void
keep(struct own_ticket *own, const struct str *demand, const char *head, size_t n)
{
	memcpy(own->demand, demand->s, demand->len);
	own->ndemand = demand->len;
	own->n = n;
	memcpy(own->head, head, HEAD_MAX);
}

void
ticket_tell(struct line *l, struct report *r, struct job *j)
{
	const struct plan_hop *hop = l->c.io.tls ? reach_hop(l, j) : NULL;
	unsigned char *data = l->own ? l->own->data : NULL;
	char head[HEAD_MAX] = "";
	size_t n;

	for (size_t i = 0; i < j->tickets.n; i++)
		if (*j->tickets.v[i])
			report_line(r, j, "ticket", j->tickets.v[i]);
	if (!hop || !is_kept(l) || l->ticket_of == l->session)
		return;
	*l->own->head = 0;
	if (!(n = tls_ticket(l->c.io.tls, data, TICKET_MAX)))
		return;
	l->ticket_of = l->session;
	head_write(head, l->c.ip, l->c.port, visit_name(hop));
	if (j->keeps) {
		str_reset(&text);
		str_adds(&text, head);
		base64_add(&text, data, n);
		report_line(r, j, "ticket", text.s);
	} else if (l->demand.len <= DEMAND_MAX) {
		keep(l->own, &l->demand, head, n);
	}
}
