/* mox-deliver: mail to the next hop by SMTP, by hand or (-w) for mox-runq. */
#include "base.h"

#include "addr.h"
#include "conf.h"
#include "die.h"
#include "domain.h"
#include "fdio.h"
#include "hand.h"
#include "job.h"
#include "log.h"
#include "option.h"
#include "tls.h"
#include "worker.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-deliver [-nR] [-C file] [-f sender] [-s may | must | never] [-t host[:port] | -T transport]\n"  \
	"                   rcpt ... <message\n"                                                             \
	"       mox-deliver -c [-R] [-C file] [-s may | must | never] [-t host[:port] | -T transport]\n"     \
	"                   domain ...\n"                                                                    \
	"       mox-deliver [-C file] -w"

struct options {
	const char *conf, *sender, *starttls, *transport;
	char *to;
	bool plan_only, worker, probe, secure;
};

static int
options_read(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = option_next(argc, argv, "+hVcnRwC:f:s:t:T:", NULL)) >= 0) {
		switch (c) {
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		case 'c': o->probe = true; break;
		case 'R': o->secure = true; break;
		case 'n': o->plan_only = true; break;
		case 'w': o->worker = true; break;
		case 'C': o->conf = optarg; break;
		case 'f': o->sender = optarg; break;
		case 's': o->starttls = optarg; break;
		case 't': o->to = optarg; break;
		case 'T': o->transport = optarg; break;
		default: die_usage(USAGE);
		}
	}
	if (o->worker ? optind != argc || o->sender || o->to || o->transport || o->plan_only || o->starttls ||
			    o->secure
		      : optind == argc || (o->to && o->transport))
		die_usage(USAGE);
	if (o->probe && (o->worker || o->plan_only || o->sender))
		die_usage(USAGE);
	return optind;
}

/* HOST, HOST:PORT, [ADDRESS]:PORT; a bare IPv6 address has no port. In place. */
static void
to_parse(char *to, struct conf_transport *way)
{
	static char *host[1];
	char *colon = strrchr(to, ':'), *close = strchr(to, ']');
	uint64_t port;

	way->type = TRANSPORT_SMTP;
	way->loopback = true;
	way->host = (struct conf_list){host, 1};
	host[0] = to;
	if (*to == '[') {
		if (!close || (close[1] && close[1] != ':'))
			die_perm("unable to use %s as a host: no ] where one should be", to);
		host[0] = to + 1;
		colon = close[1] ? close + 1 : NULL;
		*close = 0;
	} else if (colon && strchr(to, ':') != colon) {
		colon = NULL;
	}
	if (!colon)
		return;
	*colon = 0;
	if (!str_number(colon + 1, 65535, &port) || !port)
		die_perm("unable to use %s as a port: a number from 1 to 65535 was expected", colon + 1);
	way->port = (uint16_t)port;
}

static void
transport_use(const struct conf_transport *t, const char *name, struct conf_transport *way)
{
	if (!t)
		die_perm("unable to use transport %s: the configuration has none of that name", name);
	if (t->type == TRANSPORT_FAIL)
		die_perm(
		    "unable to use transport %s: it refuses all mail (%d %s)", name, t->code, t->message);
	if (t->type == TRANSPORT_LOCAL || t->type == TRANSPORT_DISCARD)
		die_perm("unable to use transport %s: its mail goes over no network", name);
	*way = *t;
}

static void
starttls_use(const char *word, struct conf_transport *way)
{
	if (way->type == TRANSPORT_SUBMISSIONS)
		die_perm("unable to use -s: transport %s speaks TLS from the first byte", way->name);
	if (!strcmp(word, "may"))
		way->starttls = STARTTLS_MAY;
	else if (!strcmp(word, "must"))
		way->starttls = STARTTLS_MUST;
	else if (!strcmp(word, "never"))
		way->starttls = STARTTLS_NEVER;
	else
		die_usage(USAGE);
	way->verify = VERIFY_AUTO;
}

/* What the options come to: a transport of the configuration, or one that is made up. */
static struct conf_transport
way_choose(const struct conf *conf, const struct options *o)
{
	static char name[] = "by-hand";
	struct conf_transport way = {
	    .name = name, .type = TRANSPORT_DIRECT, .port = conf->smtp_port, .ipv4 = true, .ipv6 = true};

	if (o->transport)
		transport_use(conf_transport(conf, o->transport), o->transport, &way);
	if (o->to)
		to_parse(o->to, &way);
	if (o->starttls)
		starttls_use(o->starttls, &way);
	return way;
}

static char *
address(const char *arg, bool may_be_empty)
{
	char *a = addr_unwrap(mem_dup(arg));
	const char *why = *a || !may_be_empty ? addr_check(a, strlen(a), false) : NULL;

	if (why)
		die_perm("unable to use %s as an address: %s", arg, why);
	return a;
}

static char *
default_sender(const struct conf *conf)
{
	const struct passwd *pw = getpwuid(getuid());
	struct str s = {0};

	str_addf(&s, "%s@%s", pw ? pw->pw_name : "postmaster", conf->mailname);
	return str_take(&s);
}

/* Recipients of one domain together, in the order in which the domains first come; with a host of the user's
 * choice all together. */
static void
deliver_all(struct hand *h, const struct conf_transport *way, bool plan_only)
{
	size_t *who = mem_alloc(h->nrcpt * sizeof *who);
	bool *done = mem_zalloc(h->nrcpt);

	for (size_t i = 0; i < h->nrcpt; i++) {
		struct plan p = {0};
		const char *why, *domain = addr_domain(h->rcpt[i]);
		char *ascii;
		size_t n = 0;

		if (done[i])
			continue;
		for (size_t k = i; k < h->nrcpt; k++)
			if (!done[k] && (conf_is_relay(way) || str_ieq(addr_domain(h->rcpt[k]), domain))) {
				done[k] = true;
				who[n++] = k;
			}
		if (!(ascii = domain_ascii(domain, &why)))
			die_perm("unable to use %s as a domain: %s", domain, why);
		hand_plan(h, way, ascii, &p);
		if (plan_only) {
			struct str out = {0};

			plan_write(&out, &p);
			if (fd_write_all(1, out.s, out.len))
				die_temp("unable to print the plan: %m");
			str_free(&out);
			h->later |= p.kind == PLAN_LATER;
			h->never |= p.kind == PLAN_NEVER;
		} else {
			hand_deliver(h, way, &p, who, n);
		}
		plan_free(&p);
		free(ascii);
	}
	free(who);
	free(done);
}

static int
by_hand(const struct conf *conf, const struct options *o, char **rcpt, size_t nrcpt)
{
	static struct hand h;
	static struct conf_transport way;
	const char *why;

	h = (struct hand){.conf = conf, .rcpt = rcpt, .nrcpt = nrcpt, .message = -1, .secure = o->secure};
	way = way_choose(conf, o);
	if (o->secure && conf_is_relay(&way) && way.starttls == STARTTLS_NEVER)
		die_perm("unable to use TLS: this way is configured to go without");
	h.sender = o->sender ? address(o->sender, true) : default_sender(conf);
	for (size_t i = 0; i < nrcpt; i++)
		rcpt[i] = address(rcpt[i], false);
	signal(SIGPIPE, SIG_IGN);
	if (!o->plan_only) {
		if (tls_prepare(conf, false, &why) < 0)
			die_temp("unable to prepare TLS: %s", why);
		hand_spool(&h);
	}
	for (size_t i = 0; i < nrcpt; i++)
		if (!text_is_ascii(rcpt[i], strlen(rcpt[i])))
			h.flags |= JOB_SMTPUTF8;
	deliver_all(&h, &way, o->plan_only);
	return h.later ? EXIT_TEMP : h.never ? EXIT_PERM : 0;
}

/* Exits as one delivery to all of them would. */
static int
probe_all(const struct conf *conf, const struct options *o, char **domain, size_t n)
{
	static struct hand h;
	static struct conf_transport way;
	const char *why;

	h = (struct hand){.conf = conf, .message = -1, .secure = o->secure};
	way = way_choose(conf, o);
	signal(SIGPIPE, SIG_IGN);
	if (tls_prepare(conf, false, &why) < 0)
		die_temp("unable to prepare TLS: %s", why);
	for (size_t i = 0; i < n; i++) {
		struct plan p = {0};
		char *ascii = domain_ascii(domain[i], &why);

		if (!ascii)
			die_perm("unable to use %s as a domain: %s", domain[i], why);
		hand_plan(&h, &way, ascii, &p);
		hand_probe(&h, &way, ascii, &p);
		plan_free(&p);
		free(ascii);
	}
	return h.later ? EXIT_TEMP : h.never ? EXIT_PERM : 0;
}

int
main(int argc, char **argv)
{
	struct options o = {0};
	static struct conf *conf;
	int at;

	prog_start("mox-deliver");
	fd_sanitise();
	at = options_read(argc, argv, &o);
	conf = conf_load(o.conf);
	log_start((enum log_level)conf->log_level, false);
	if (o.worker)
		return worker_parent(conf, argv);
	if (o.probe)
		return probe_all(conf, &o, argv + at, (size_t)(argc - at));
	return by_hand(conf, &o, argv + at, (size_t)(argc - at));
}
