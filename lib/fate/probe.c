#include "base.h"

#include "cert.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "probe.h"
#include "reach.h"
#include "rec.h"
#include "trace.h"

/* The line comes first: reach.c gives it back to see(). */
struct probe {
	struct line line;
	const struct plan_hop *hop;
	struct str out;
	bool in_tls;
};

/* ---- what is seen on the way ---- */

static void
reply_put(struct probe *p, const char *key, bool behind_first)
{
	const struct reply *r = &p->line.c.reply;
	const char *end = r->text + r->len, *s = r->text;

	rec_open(&p->out, key);
	while (behind_first && s && s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t n = (size_t)((nl ? nl : end) - s);

		if (s != r->text)
			rec_putn(&p->out, s, n);
		s = nl ? nl + 1 : NULL;
	}
	if (!behind_first)
		rec_putn(&p->out, r->text, r->len);
	rec_close(&p->out);
}

static void
opinion_put(struct str *out, const char *key, const struct opinion *o)
{
	if (!o->result)
		return;
	rec_open(out, key);
	rec_put(out, o->result);
	if (o->why)
		rec_put(out, o->why);
	rec_close(out);
}

static void
tls_put(struct probe *p)
{
	struct tls *t = p->line.c.io.tls;
	struct cert_fault f;
	struct opinion pkix = {.result = "ok"};
	unsigned n;
	const gnutls_datum_t *chain = tls_chain(t, &n);

	rec_open(&p->out, "tls");
	rec_put(&p->out, p->line.version);
	rec_put(&p->out, p->line.cipher);
	rec_close(&p->out);
	if (!tls_is_for(t, p->hop->host, &f))
		pkix = (struct opinion){f.result, f.why};
	opinion_put(&p->out, "pkix", &pkix);
	for (unsigned i = 0; i < n && i < CERT_CHAIN_MAX; i++)
		cert_write(&p->out, &chain[i]);
}

static void
record_open(struct probe *p)
{
	str_reset(&p->out);
	p->in_tls = false;
	rec_open(&p->out, "probe");
	rec_put(&p->out, p->hop->host);
	rec_put(&p->out, p->line.c.ip);
	rec_putf(&p->out, "%u", p->hop->port);
	rec_close(&p->out);
}

static void
see(struct line *l, enum sight what)
{
	struct probe *p = (struct probe *)l;

	switch (what) {
	case SIGHT_GREETING:
		if (!p->in_tls)
			record_open(p);
		reply_put(p, "greeting", false);
		return;
	case SIGHT_HELLO: reply_put(p, p->in_tls ? "offers-in-tls" : "offers", true); return;
	case SIGHT_TLS:
		if (!p->out.len) /* before any greeting (submissions) */
			record_open(p);
		tls_put(p);
		p->in_tls = true;
		return;
	case SIGHT_LOGIN: rec_add(&p->out, "login", l->mechanism);
	}
}

/* ---- one hop ---- */

/* false: nobody waits for it any more. */
static bool
visit(struct probe *p, const struct conf *conf, struct job *j, bool *good)
{
	enum reach got = REACH_NONE;
	bool open;

	j->miss.rank = 0;
	j->greeted = false;
	str_reset(&p->out);
	p->in_tls = false;
	for (size_t i = 0; i < p->hop->addr.n && got == REACH_NONE && !j->greeted; i++) {
		p->line.c.io.cap = clock_mono() + conf->timeouts.session;
		got = reach_address(&p->line, conf, j, p->hop, p->hop->addr.v[i]);
	}
	if (got == REACH_GONE)
		return false;
	open = got == REACH_OPEN;
	if (!p->out.len)
		record_open(p);
	opinion_put(&p->out, "starttls", &p->line.judged.tls);
	opinion_put(&p->out, "sts", &p->line.judged.sts);
	opinion_put(&p->out, "tlsa", &p->line.judged.tlsa);
	if (p->line.judged.tls.result)
		rec_add(&p->out, "verified", p->line.judged.verified);
	if (open && p->line.version)
		rec_add(&p->out, "requiretls", p->line.requiretls ? "yes" : "no");
	if (!open)
		rec_add(&p->out, "error", j->miss.text);
	else if (j->demand == JOB_SECURE && !p->line.requiretls)
		rec_add(&p->out, "error", "REQUIRETLS was asked for, and the server does not offer it");
	else
		*good = true;
	rec_end(&p->out);
	smtp_quit(&p->line.c, conf->timeouts.quit);
	if (fd_write_all(1, p->out.s, p->out.len))
		die_temp("unable to print: %m");
	return true;
}

int
probe_serve(int sock, const struct confined *how)
{
	static struct probe p;
	static struct tap tap;
	static struct passage passage;
	struct job j = {.fd = -1, .plan = *how->plan, .demand = how->secure ? JOB_SECURE : JOB_USUAL};
	bool good = false;

	p.line.c.watch = sock;
	p.line.c.io.fd = -1;
	p.line.c.io.tap = &tap;
	trace_listen(&tap, p.line.c.host);
	p.line.c.io.block = how->conf->timeouts.block;
	p.line.see = see;
	passage_init(&passage, how->transport, how->keeper);
	passage.unfit = how->unfit;
	p.line.passage = &passage;
	for (size_t h = 0; h < j.plan.nhop; h++) {
		p.hop = &j.plan.hop[h];
		if (!visit(&p, how->conf, &j, &good))
			return EXIT_TEMP;
	}
	return good ? 0 : EXIT_TEMP;
}
