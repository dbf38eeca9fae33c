#include "base.h"

#include "clock.h"
#include "die.h"
#include "dns.h"
#include "file.h"
#include "hosts.h"
#include "log.h"
#include "sandbox.h"
#include "upstream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unbound.h>
#include <unistd.h>

/* Questions libunbound has at once. The most bounds its memory and sockets. As many from the start would drown a name server that
 * begins with an empty cache: what it drops, or answers too late, libunbound tells as SERVFAIL. */
#define WINDOW 1024
#define WINDOW_LEAST 64
#define PROMPT (SECOND * 3 / 10) /* libunbound asks a server it does not know again after 376 ms */
#define LATE SECOND
#define CROWD 32           /* questions at once that may be the reason why one fails: it is asked again */
#define AGAIN (6 * SECOND) /* libunbound keeps a failure for 5 s */
#define QUESTION_TIME (20 * SECOND)
#define PROBE_AFTER (1 * SECOND) /* that a question is without answer */
#define PROBE_EACH (1 * SECOND)
#define PROBE_TIMES 3
#define PROBE_VALID (5 * SECOND)
#define ROUTE_VALID (1 * SECOND)
#define SYSTEM_ANCHOR "/usr/share/dns/root.key"

/* The root's keys of 2017 and 2024 (data.iana.org/root-anchors), for a machine without the package
 * dns-root-data. */
static const char *const root_keys[] = {
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

struct question {
	TAILQ_ENTRY(question) link;
	struct dns *dns;
	struct question_list *in;
	char *name;
	unsigned type;
	dns_done *done;
	void *arg;
	bool crowded, again; /* others may be why it fails; it has been asked before */
	int id;              /* libunbound's */
	int64_t since;       /* asked */
	struct dns_answer *answer;
};
TAILQ_HEAD(question_list, question);

struct dns {
	struct ub_ctx *ub;
	int epoll;
	struct upstreams up;
	struct hosts hosts;
	char *anchor; /* file; NULL: built in, or none */
	/* A question goes from waiting to asked to ready; one that failed passes through doubt while a probe
	 * finds out why, and may rest for a while before it waits again. */
	struct question_list waiting, asked, doubt, resting, ready;
	size_t nasked, n, window;
	int64_t narrowed;       /* when the window last was */
	unsigned probes;        /* sent; 0: no probe under way */
	int64_t probe_deadline; /* of the last one sent */
	int64_t probed, routed; /* when each was last found out */
	bool dead, no_route;
	bool resolv_conf;
	struct stat resolv_stat;
	int64_t stale_looked, slept;
};

static void
option(struct dns *d, const char *key, const char *value)
{
	int err = ub_ctx_set_option(d->ub, key, value);

	if (err)
		bug("libunbound refuses %s %s: %s", key, value, ub_strerror(err));
}

static void
options_set(struct dns *d)
{
	static const char *const t[][2] = {
	    {"msg-cache-size:", "16m"},
	    {"rrset-cache-size:", "32m"},
	    {"key-cache-size:", "4m"},
	    {"neg-cache-size:", "1m"},
	    /* A mail host that was just entered in DNS must not be missing for hours. */
	    {"cache-max-negative-ttl:", "60"},
	    {"cache-max-ttl:", "86400"},
	    /* A name server is given another chance a minute after the network came back. */
	    {"infra-host-ttl:", "60"},
	    {"outgoing-range:", "512"},
	    {"outgoing-num-tcp:", "16"},
	    {"edns-buffer-size:", "1232"},
	    {"do-not-query-localhost:", "no"},
	    {"rrset-roundrobin:", "no"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		option(d, t[i][0], t[i][1]);
}

static void
forward_set(struct dns *d)
{
	size_t used = 0;

	for (size_t i = 0; i < d->up.n && !d->up.root; i++) {
		int err = ub_ctx_set_fwd(d->ub, d->up.v[i].text);

		used += !err;
		if (err)
			warn("unable to use name server %s: %s", d->up.v[i].text, ub_strerror(err));
	}
	/* With none of them libunbound would ask the root servers. */
	if (!used && !d->up.root)
		die_temp("unable to use any name server");
}

static void
anchor_file(struct dns *d, const char *file)
{
	struct str text = {0};
	int err;

	if (file_read(AT_FDCWD, file, &text, 1 << 20))
		die_perm("unable to read trust anchor %s: %m", file);
	if (!strstr(str_cstr(&text), "DS") && !strstr(str_cstr(&text), "DNSKEY"))
		die_perm("unable to use trust anchor %s: expected DS or DNSKEY records", file);
	str_free(&text);
	if ((err = ub_ctx_add_ta_file(d->ub, file)))
		die_perm("unable to use trust anchor %s: %s", file, ub_strerror(err));
	d->anchor = mem_dup(file);
}

static void
anchor_set(struct dns *d, const struct conf_dns *c)
{
	if (c->trust_anchor && !strcmp(c->trust_anchor, "none")) {
		log_open(LOG_WARN, "dnssec-off");
		log_s("why", "dns trust-anchor is none");
		log_close();
		return;
	}
	if (c->trust_anchor) {
		anchor_file(d, c->trust_anchor);
		return;
	}
	if (!access(SYSTEM_ANCHOR, R_OK)) {
		anchor_file(d, SYSTEM_ANCHOR);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(root_keys); i++)
		if (ub_ctx_add_ta(d->ub, root_keys[i]))
			bug("root key %zu", i);
}

static int64_t
slept_now(void)
{
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	return boot.tv_sec * SECOND + boot.tv_nsec / 1000 - clock_mono();
}

struct dns *
dns_open(const struct conf *c)
{
	struct dns *d = mem_zalloc(sizeof *d);
	struct epoll_event ev = {.events = EPOLLIN};

	TAILQ_INIT(&d->waiting);
	TAILQ_INIT(&d->asked);
	TAILQ_INIT(&d->doubt);
	TAILQ_INIT(&d->resting);
	d->window = WINDOW_LEAST;
	TAILQ_INIT(&d->ready);
	if (!(d->ub = ub_ctx_create()))
		die_temp("unable to make a resolver: %m");
	ub_ctx_debugout(d->ub, NULL); /* our log has its own grammar */
	options_set(d);
	d->resolv_conf = !c->dns.root_hints && !c->dns.forward.n;
	if (d->resolv_conf)
		stat(RESOLV_CONF, &d->resolv_stat);
	d->slept = slept_now();
	upstream_load(&d->up, &c->dns);
	forward_set(d);
	anchor_set(d, &c->dns);
	hosts_load(&d->hosts);
	ub_ctx_async(d->ub, 1);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->epoll < 0 || epoll_ctl(d->epoll, EPOLL_CTL_ADD, ub_fd(d->ub), &ev))
		die_temp("unable to watch the resolver: %m");
	return d;
}

void
dns_confine(const struct dns *d)
{
	const char *keep[4], *clock = secure_getenv("MOX_TEST_CLOCK");
	size_t n = 0;

	/* libunbound reads the anchor at the first question, and nothing after it. */
	if (d->anchor)
		keep[n++] = d->anchor;
	if (clock)
		keep[n++] = clock;
	keep[n] = NULL;
	sandbox_files(keep);
}

/* ---- questions ---- */

static void
question_put(struct question *q, struct question_list *in)
{
	struct dns *d = q->dns;

	if (q->in) {
		TAILQ_REMOVE(q->in, q, link);
		d->nasked -= q->in == &d->asked;
	}
	TAILQ_INSERT_TAIL(in, q, link);
	d->nasked += in == &d->asked;
	q->in = in;
}

static void
question_free(struct question *q)
{
	TAILQ_REMOVE(q->in, q, link);
	dns_answer_free(q->answer);
	free(q->name);
	free(q);
}

static bool
probed_lately(const struct dns *d)
{
	return d->probed && clock_mono() - d->probed < PROBE_VALID;
}

static void
probe_end(struct dns *d, bool dead)
{
	upstream_probe_stop(&d->up);
	d->probes = 0;
	d->probed = clock_mono();
	d->dead = dead;
}

/* Finds out whether any name server is there at all, unless that is known or being found out. */
static void
probe_begin(struct dns *d)
{
	enum upstream_state s;

	if (d->probes || probed_lately(d))
		return;
	s = upstream_probe(&d->up);
	if (s != UPSTREAM_WAIT) {
		probe_end(d, s == UPSTREAM_DEAD);
		return;
	}
	d->probes = 1;
	d->probe_deadline = clock_mono() + PROBE_EACH;
	for (size_t i = 0; i < d->up.n; i++) {
		struct epoll_event ev = {.events = EPOLLIN};

		if (d->up.v[i].fd >= 0 && epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->up.v[i].fd, &ev))
			die_temp("unable to watch a name server: %m");
	}
}

/* By how long an answer took. */
static void
window_learn(struct dns *d, int64_t took)
{
	if (took < PROMPT && d->window < WINDOW)
		d->window++;
	else if (took > LATE && d->window > WINDOW_LEAST)
		d->window--;
}

static void
window_narrow(struct dns *d)
{
	int64_t now = clock_mono();

	if (d->narrowed && now - d->narrowed < SECOND)
		return;
	d->narrowed = now;
	d->window = d->window / 2 > WINDOW_LEAST ? d->window / 2 : WINDOW_LEAST;
}

static void
answered(void *arg, int err, struct ub_result *r)
{
	struct question *q = arg;

	q->crowded |= q->dns->nasked >= CROWD;
	window_learn(q->dns, clock_mono() - q->since);
	q->answer = err ? dns_answer_fail(ub_strerror(err)) : dns_answer_from(r, q->name);
	ub_resolve_free(r);
	/* Keys that could not be fetched make an answer bogus too. */
	if (q->answer->status == DNS_FAIL || q->answer->status == DNS_BOGUS) {
		question_put(q, &q->dns->doubt);
		probe_begin(q->dns);
	} else {
		question_put(q, &q->dns->ready);
	}
}

static void
question_submit(struct question *q)
{
	struct dns *d = q->dns;
	int err;

	q->since = clock_mono();
	question_put(q, &d->asked);
	q->crowded = d->nasked >= CROWD;
	err = ub_resolve_async(d->ub, *q->name ? q->name : ".", (int)q->type, 1, q, answered, &q->id);
	if (err) {
		q->answer = dns_answer_fail(ub_strerror(err));
		question_put(q, &d->ready);
	}
}

/* What needs no DNS: NULL when the question does. */
static struct dns_answer *
answer_local(const struct dns *d, const char *name, unsigned type, bool hosts)
{
	static const unsigned char four[4] = {127, 0, 0, 1}, six[16] = {[15] = 1};
	struct dns_answer *a;

	if (host_is_localhost(name)) {
		a = dns_answer_new(type == DNS_A || type == DNS_AAAA ? DNS_DATA : DNS_NODATA, false, 3600);
		if (a->status == DNS_DATA)
			dns_answer_add(a, type == DNS_A ? four : six, type == DNS_A ? 4 : 16);
		return a;
	}
	/* What this machine alone knows has no MTA-STS policy. */
	if (hosts && type == DNS_TXT && str_istarts(name, "_mta-sts.") && hosts_has(&d->hosts, name + 9))
		return dns_answer_new(DNS_NODATA, false, 300);
	if (!hosts || (type != DNS_A && type != DNS_AAAA) || !hosts_has(&d->hosts, name))
		return NULL;
	a = dns_answer_new(DNS_NODATA, false, 300);
	for (size_t i = 0; i < d->hosts.n; i++) {
		const struct host_entry *e = &d->hosts.v[i];

		if (e->len == (type == DNS_A ? 4 : 16) && !strcmp(e->name, name)) {
			dns_answer_add(a, e->addr, e->len);
			a->status = DNS_DATA;
		}
	}
	return a;
}

/* Nobody to ask: no route, or nobody answered a moment ago. */
static bool
nobody_there(struct dns *d)
{
	int64_t now = clock_mono();

	if (!d->routed || now - d->routed > ROUTE_VALID) {
		d->no_route = !upstream_routed(&d->up);
		d->routed = now;
	}
	return d->no_route || (d->dead && probed_lately(d));
}

void
dns_ask(struct dns *d, const char *name, unsigned type, bool hosts, dns_done *done, void *arg)
{
	struct question *q = mem_zalloc(sizeof *q);

	q->dns = d;
	q->name = mem_dup(name);
	q->type = type;
	q->done = done;
	q->arg = arg;
	d->n++;
	if ((q->answer = answer_local(d, name, type, hosts))) {
		question_put(q, &d->ready);
	} else if (nobody_there(d)) {
		q->answer =
		    dns_answer_fail(d->no_route ? "no route to any name server" : "no name server answers");
		q->answer->unreachable = true;
		question_put(q, &d->ready);
	} else if (d->nasked < d->window) {
		question_submit(q);
	} else {
		question_put(q, &d->waiting);
	}
}

size_t
dns_outstanding(const struct dns *d)
{
	return d->n;
}

int
dns_fd(const struct dns *d)
{
	return d->epoll;
}

int64_t
dns_deadline(const struct dns *d)
{
	const struct question *q = TAILQ_FIRST(&d->asked), *rests = TAILQ_FIRST(&d->resting);
	int64_t when = INT64_MAX, doubt;

	if (!TAILQ_EMPTY(&d->ready))
		return 0;
	if (rests)
		when = rests->since + AGAIN;
	if (d->probes && d->probe_deadline < when)
		when = d->probe_deadline;
	if (q) {
		doubt = q->since + PROBE_AFTER;
		if (d->probed && d->probed + PROBE_VALID > doubt)
			doubt = d->probed + PROBE_VALID;
		if (!d->probes && doubt < when)
			when = doubt;
		if (q->since + QUESTION_TIME < when)
			when = q->since + QUESTION_TIME;
	}
	return when;
}

static void
probe_look(struct dns *d)
{
	enum upstream_state s;

	if (!d->probes)
		return;
	s = upstream_probe_read(&d->up);
	if (s == UPSTREAM_WAIT && clock_mono() < d->probe_deadline)
		return;
	if (s == UPSTREAM_WAIT && d->probes < PROBE_TIMES) {
		upstream_probe_again(&d->up);
		d->probes++;
		d->probe_deadline += PROBE_EACH;
		return;
	}
	probe_end(d, s != UPSTREAM_ALIVE);
}

static void
question_give_up(struct question *q, const char *why)
{
	ub_cancel(q->dns->ub, q->id);
	q->answer = dns_answer_fail(why);
	question_put(q, &q->dns->doubt);
}

/* What waits too long, or, once it is known that nobody is there, waits at all. */
static void
asked_end(struct dns *d)
{
	struct question *q;

	if ((q = TAILQ_FIRST(&d->asked)) && clock_mono() - q->since >= PROBE_AFTER)
		probe_begin(d);
	while ((q = TAILQ_FIRST(&d->asked)) &&
	       ((d->dead && probed_lately(d)) || clock_mono() - q->since >= QUESTION_TIME))
		question_give_up(q, "no answer in time");
	if (!TAILQ_EMPTY(&d->doubt))
		probe_begin(d);
}

static void
doubt_end(struct dns *d)
{
	struct question *q;

	while (!d->probes && (q = TAILQ_FIRST(&d->doubt))) {
		if (d->dead) {
			dns_answer_free(q->answer);
			q->answer = dns_answer_fail("no name server answers");
			q->answer->unreachable = true;
		} else if (q->crowded && !q->again) {
			window_narrow(d);
			dns_answer_free(q->answer);
			q->answer = NULL;
			q->again = true;
			q->since = clock_mono();
			question_put(q, &d->resting);
			continue;
		}
		question_put(q, &d->ready);
	}
}

static void
rest_end(struct dns *d)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&d->resting)) && clock_mono() - q->since >= AGAIN)
		question_put(q, &d->waiting);
}

void
dns_process(struct dns *d)
{
	struct question_list now = TAILQ_HEAD_INITIALIZER(now);
	struct question *q;

	if (ub_poll(d->ub) && ub_process(d->ub))
		die_temp("unable to hear from the resolver");
	probe_look(d);
	asked_end(d);
	doubt_end(d);
	rest_end(d);
	/* Those that are ready now, not those their callbacks add: the caller has other things to look after.
	 */
	TAILQ_CONCAT(&now, &d->ready, link);
	while ((q = TAILQ_FIRST(&now))) {
		struct dns_answer *a = q->answer;
		dns_done *done = q->done;
		void *arg = q->arg;

		q->answer = NULL;
		q->in = &now;
		question_free(q);
		d->n--;
		done(arg, a);
	}
	while (d->nasked < d->window && (q = TAILQ_FIRST(&d->waiting)))
		question_submit(q);
}

static void
questions_drop(struct question_list *l)
{
	struct question *q;

	while ((q = TAILQ_FIRST(l)))
		question_free(q);
}

void
dns_close(struct dns *d)
{
	ub_ctx_delete(d->ub);
	questions_drop(&d->waiting);
	questions_drop(&d->asked);
	questions_drop(&d->doubt);
	questions_drop(&d->resting);
	questions_drop(&d->ready);
	upstream_probe_stop(&d->up);
	hosts_free(&d->hosts);
	close(d->epoll);
	free(d->anchor);
	free(d);
}

bool
dns_stale(struct dns *d)
{
	int64_t now = clock_mono();
	struct stat st;

	if (now - d->stale_looked < SECOND)
		return false;
	d->stale_looked = now;
	if (slept_now() - d->slept > MINUTE)
		return true;
	return d->resolv_conf && !stat(RESOLV_CONF, &st) &&
	       (st.st_mtim.tv_sec != d->resolv_stat.st_mtim.tv_sec ||
		   st.st_mtim.tv_nsec != d->resolv_stat.st_mtim.tv_nsec ||
		   st.st_ino != d->resolv_stat.st_ino || st.st_size != d->resolv_stat.st_size);
}
