/* mox-nexthop: where mail for a domain goes (DESIGN 8). The rules are in lib/trust/planner.c; here is the
 * command. */
#include "base.h"

#include "clock.h"
#include "conf.h"
#include "die.h"
#include "domain.h"
#include "fdio.h"
#include "known.h"
#include "log.h"
#include "nexthop.h"
#include "option.h"
#include "rec.h"
#include "remarks.h"
#include "request.h"
#include "stsask.h"
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-nexthop [-46LlRrv] [-C file] [-p port] domain ...\n"                                            \
	"       mox-nexthop [-C file] -q type name\n"                                                        \
	"       mox-nexthop [-C file] -t\n"                                                                  \
	"       mox-nexthop [-C file] -w"

#define REQUEST_MAX REC_LINE_MAX /* bytes of one request */
#define UNDER_WAY_MAX 2000       /* beyond, requests are left unread */
#define UNREAD_MAX (1 << 20)     /* as many bytes of answers not taken, too */

struct options {
	const char *conf, *query;
	bool ipv4, ipv6, loopback, relay, test, worker, verbose;
	enum plan_need need;
	uint16_t port; /* 0: not given */
};

static struct plan_request
request_default(const struct conf *c)
{
	return (struct plan_request){.ipv4 = true, .ipv6 = true, .self = c->hostname};
}

static uint16_t
port_default(const struct conf *c, const struct plan_request *r)
{
	return r->port ? r->port : r->host ? 25 : c->smtp_port;
}

/* ---- one-shot ---- */

struct answers {
	struct str *text;
	bool later, never;
	bool verbose;
	int support; /* the file of known support; -1: none */
};

struct slot {
	struct answers *all;
	size_t index;
	const char *name;
};

static void
keep_plan(void *arg, struct plan *p)
{
	struct slot *s = arg;
	struct answers *all = s->all;

	p->ask = 0;
	if (!all->verbose)
		plan_list_free(&p->note);
	plan_write(&all->text[s->index], p);
	if (all->verbose)
		remarks_add(&all->text[s->index], p, s->name, all->support);
	all->later = all->later || p->kind == PLAN_LATER;
	all->never = all->never || p->kind == PLAN_NEVER;
}

static void
print(const struct str *s)
{
	if (fd_write_all(1, str_cstr(s), s->len))
		die_temp("unable to write: %m");
}

static void
wait_dns(struct dns *d)
{
	struct pollfd pfd = {.fd = dns_fd(d), .events = POLLIN};

	if (poll(&pfd, 1, clock_timeout(dns_deadline(d))) < 0 && errno != EINTR)
		die_temp("unable to wait for answers: %m");
	dns_process(d);
}

static void
wait_both(struct dns *d, struct sts_ask *s)
{
	struct pollfd pfd[] = {
	    {.fd = dns_fd(d), .events = POLLIN}, {.fd = sts_ask_fd(s), .events = sts_ask_events(s)}};
	int64_t deadline = dns_deadline(d), other = sts_ask_deadline(s);

	if (poll(pfd, ARRAY_LEN(pfd), clock_timeout(other < deadline ? other : deadline)) < 0 &&
	    errno != EINTR)
		die_temp("unable to wait for answers: %m");
	dns_process(d);
	sts_ask_process(s);
}

struct sources {
	struct dns *dns;
	struct sts_ask *sts;
};

/* Plans in the order of the arguments, each as soon as those before it are printed. */
static int
plans_print(const struct sources *from, const struct plan_request *like, const struct answers *how,
    char **name, size_t n)
{
	struct answers all = *how;
	struct slot *slot = mem_zalloc(n * sizeof *slot);
	struct nexthop *nh = nexthop_open(from->dns, from->sts);

	all.text = mem_zalloc(n * sizeof *all.text);
	for (size_t i = 0; i < n; i++) {
		struct plan_request r = *like;

		r.name = name[i];
		slot[i] = (struct slot){&all, i, name[i]};
		nexthop_ask(nh, &r, keep_plan, &slot[i]);
	}
	for (size_t printed = 0; printed < n;) {
		for (; printed < n && all.text[printed].len; printed++) {
			print(&all.text[printed]);
			str_free(&all.text[printed]);
		}
		if (printed < n)
			wait_both(from->dns, from->sts);
	}
	nexthop_close(nh);
	free(all.text);
	free(slot);
	return all.later ? EXIT_TEMP : all.never ? EXIT_PERM : 0;
}

/* ---- -q ---- */

static void
keep_answer(void *arg, struct dns_answer *a)
{
	*(struct dns_answer **)arg = a;
}

static void
answer_write(struct str *out, const char *name, unsigned type, const struct dns_answer *a)
{
	static const char *const words[] = {"data", "nodata", "nxdomain", "bogus", "fail"};
	struct str text = {0};

	rec_add(out, "name", *name ? name : ".");
	rec_add(out, "type", dns_type_name(type));
	rec_add(out, "answer", words[a->status]);
	rec_add(out, "dnssec", a->status == DNS_BOGUS ? "bogus" : a->secure ? "secure" : "insecure");
	if (a->canon)
		rec_add(out, "canon", a->canon);
	if (a->why)
		rec_add(out, "why", a->why);
	if (a->unreachable)
		rec_add(out, "network", "no");
	for (size_t i = 0; i < a->n; i++) {
		str_reset(&text);
		rdata_text(&text, type, a->data[i].p, a->data[i].n);
		rec_add(out, "data", str_cstr(&text));
	}
	rec_addi(out, "ttl", a->ttl);
	rec_end(out);
	str_free(&text);
}

static int
answer_print(struct dns *d, const char *type_name, const char *name)
{
	static const int codes[] = {0, EXIT_PERM, EXIT_PERM, EXIT_TEMP, EXIT_TEMP};
	unsigned type = dns_type_parse(type_name);
	struct dns_answer *a = NULL;
	struct str out = {0};
	const char *why = "an address has no records";
	char *ascii = strcmp(name, ".") ? domain_ascii(name, &why) : mem_dup("");
	int code;

	if (!type)
		die_perm(
		    "unable to ask for type %s: expected a name such as MX, or TYPE and a number", type_name);
	if (!ascii || *ascii == '[')
		die_perm("unable to ask for %s: %s", name, why);
	dns_ask(d, ascii, type, false, keep_answer, &a);
	while (!a)
		wait_dns(d);
	answer_write(&out, ascii, type, a);
	print(&out);
	code = codes[a->status];
	dns_answer_free(a);
	str_free(&out);
	free(ascii);
	return code;
}

/* ---- -t ---- */

struct test {
	const struct conf_dns *conf;
	struct str out;
	int code;
};

static void
test_write(void *arg, const struct known *k)
{
	static const int codes[] = {0, EXIT_PERM, EXIT_TEMP, 0};
	struct test *t = arg;

	known_write(&t->out, k, t->conf);
	t->code = codes[k->verdict];
}

static int
test_print(struct dns *d, const struct conf_dns *c)
{
	struct test t = {.conf = c};
	struct asking *q = known_ask(d, c, test_write, &t);

	while (!t.out.len)
		wait_dns(d);
	print(&t.out);
	str_free(&t.out);
	known_free(q);
	return t.code;
}

/* ---- -w ---- */

struct worker {
	struct dns *dns;
	struct sts_ask *sts;
	struct nexthop *nexthop;
	const struct conf *conf;
	struct asking *known; /* NULL: no domain was asked for yet */
	struct str in, out;
	size_t under_way;
	bool eof, draining;
};

struct ticket {
	struct worker *worker;
	uint64_t ask;
	char *name; /* what was asked for: a plan that is none does not say */
};

static void
send_plan(void *arg, struct plan *p)
{
	struct ticket *t = arg;

	p->ask = t->ask;
	for (size_t i = 0; i < p->note.n; i++) {
		log_open(LOG_INFO, "host-skipped");
		log_s("domain", t->name);
		log_s("why", p->note.v[i]);
		log_close();
	}
	plan_list_free(&p->note);
	plan_write(&t->worker->out, p);
	t->worker->under_way--;
	free(t->name);
	free(t);
}

static void
send_malformed(struct worker *w, uint64_t ask)
{
	char code[] = "4.3.5", text[] = "malformed request";
	struct plan p = {.ask = ask, .kind = PLAN_LATER, .code = code, .text = text, .ttl = 60};

	plan_write(&w->out, &p);
}

static void
known_done_log(void *arg, const struct known *k)
{
	(void)arg;
	known_log(k);
}

static void
request_take(struct worker *w, char *rec, size_t n)
{
	struct plan_request r = request_default(w->conf);
	struct ticket *t;
	uint64_t ask = 0;
	bool good = request_parse(&r, &ask, rec, n);

	if (!ask)
		die_perm("unable to read a request: no record with a number in it");
	if (!good) {
		send_malformed(w, ask);
		return;
	}
	/* Who sends to configured hosts alone may do without any DNS. */
	if (!w->known && !r.host && *r.name != '[')
		w->known = known_ask(w->dns, &w->conf->dns, known_done_log, NULL);
	r.port = port_default(w->conf, &r);
	t = mem_zalloc(sizeof *t);
	*t = (struct ticket){w, ask, mem_dup(r.name)};
	w->under_way++;
	nexthop_ask(w->nexthop, &r, send_plan, t);
}

static void
requests_read(struct worker *w)
{
	char buf[65536];
	ssize_t n = fd_read(0, buf, sizeof buf);
	size_t len, off = 0;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		die_temp("unable to read requests: %m");
	w->eof = !n;
	str_add(&w->in, buf, (size_t)n);
	while (off < w->in.len && (len = rec_whole(w->in.s + off, w->in.len - off))) {
		request_take(w, w->in.s + off, len);
		off += len;
	}
	str_shift(&w->in, off);
	if (w->in.len > REQUEST_MAX)
		die_perm("unable to read a request: longer than %d bytes", REQUEST_MAX);
}

static void
answers_write(struct worker *w)
{
	ssize_t n = write(1, w->out.s, w->out.len);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die_temp("unable to write answers: %m");
	if (n > 0)
		str_shift(&w->out, (size_t)n);
}

/* One round. A reader who takes no answers stops the reading of requests, never the resolving of those that
 * are under way. */
static void
worker_round(struct worker *w)
{
	bool full = w->under_way >= UNDER_WAY_MAX || w->out.len >= UNREAD_MAX;
	int64_t deadline = dns_deadline(w->dns), other = sts_ask_deadline(w->sts);
	struct pollfd pfd[] = {
	    {.fd = w->eof || full ? -1 : 0, .events = POLLIN},
	    {.fd = 1, .events = w->out.len ? POLLOUT : 0},
	    {.fd = dns_fd(w->dns), .events = POLLIN},
	    {.fd = sts_ask_fd(w->sts), .events = sts_ask_events(w->sts)},
	};

	if (poll(pfd, ARRAY_LEN(pfd), clock_timeout(other < deadline ? other : deadline)) < 0 &&
	    errno != EINTR)
		die_temp("unable to wait: %m");
	if (pfd[1].revents & (POLLERR | POLLNVAL)) {
		if (w->under_way || w->out.len)
			die_temp("unable to write answers: the reader is gone");
		w->eof = true;
		return;
	}
	dns_process(w->dns);
	sts_ask_process(w->sts);
	/* Looked at before requests are read: the next process answers them better. */
	if (!w->draining && dns_stale(w->dns)) {
		w->draining = true;
		log_open(LOG_INFO, "dns-stale");
		log_close();
	}
	w->eof = w->eof || (w->draining && !w->in.len);
	if (!w->eof && pfd[0].revents)
		requests_read(w);
	if (w->out.len)
		answers_write(w);
}

static int
worker_run(const struct sources *from, const struct conf *c, struct asking **known)
{
	struct worker w = {
	    .dns = from->dns, .sts = from->sts, .nexthop = nexthop_open(from->dns, from->sts), .conf = c};

	signal(SIGPIPE, SIG_IGN);
	if (fd_nonblock(0, true) || fd_nonblock(1, true))
		die_temp("unable to set up descriptors: %m");
	while (!w.eof || w.under_way || w.out.len)
		worker_round(&w);
	*known = w.known;
	nexthop_close(w.nexthop);
	str_free(&w.in);
	str_free(&w.out);
	return 0;
}

/* ---- main ---- */

static uint16_t
port_parse(const char *s)
{
	uint64_t n;

	if (!str_number(s, 65535, &n) || !n)
		die_perm("unable to use port %s: expected 1 to 65535", s);
	return (uint16_t)n;
}

static void
options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){.ipv4 = true, .ipv6 = true};
	while ((c = option_next(argc, argv, "46C:hLlp:q:RrtVvw", NULL)) != -1)
		switch (c) {
		case '4': o->ipv6 = false; break;
		case '6': o->ipv4 = false; break;
		case 'C': o->conf = optarg; break;
		case 'h': print_usage(USAGE);
		case 'L': o->need = NEED_LENIENT; break;
		case 'l': o->loopback = true; break;
		case 'p': o->port = port_parse(optarg); break;
		case 'q': o->query = optarg; break;
		case 'R': o->need = NEED_SECURE; break;
		case 'r': o->relay = true; break;
		case 't': o->test = true; break;
		case 'V': print_version();
		case 'v': o->verbose = true; break;
		case 'w': o->worker = true; break;
		default: die_usage(USAGE);
		}
	if (o->worker + o->test + !!o->query > 1)
		die_usage(USAGE);
	if (o->worker || o->test ? argc != optind : o->query ? argc != optind + 1 : argc == optind)
		die_usage(USAGE);
	if (!o->ipv4 && !o->ipv6)
		die_usage(USAGE);
}

static struct plan_request
request_of(const struct options *o, const struct conf *c)
{
	struct plan_request r = request_default(c);

	r.host = o->relay;
	r.port = o->port;
	r.port = port_default(c, &r);
	r.loopback = o->loopback;
	r.ipv4 = o->ipv4;
	r.ipv6 = o->ipv6;
	r.need = o->need;
	return r;
}

int
main(int argc, char **argv)
{
	struct answers how = {.support = -1};
	struct asking *known = NULL;
	struct options o;
	struct sources from = {0};
	struct conf *c;
	int code;

	prog_start("mox-nexthop");
	fd_sanitise();
	options_parse(&o, argc, argv);
	c = conf_load(o.conf);
	log_start((enum log_level)c->log_level, false);
	if (!o.query && !o.test) /* before anything confines this process or gives it threads */
		from.sts = sts_ask_open(o.conf, c->spool);
	from.dns = dns_open(c);
	how.verbose = o.verbose;
	if (o.verbose)
		how.support = support_open(c->spool, false);
	dns_confine(from.dns);
	if (o.worker) {
		code = worker_run(&from, c, &known);
	} else if (o.test) {
		code = test_print(from.dns, &c->dns);
	} else if (o.query) {
		code = answer_print(from.dns, o.query, argv[optind]);
	} else {
		struct plan_request r = request_of(&o, c);

		code = plans_print(&from, &r, &how, argv + optind, (size_t)(argc - optind));
	}
	if (from.sts)
		sts_ask_close(from.sts);
	dns_close(from.dns);
	known_free(known);
	conf_free(c);
	return code;
}
