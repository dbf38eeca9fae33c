/* mox-mtasts: MTA-STS policies of recipient domains (RFC 8461): shown, fetched, forgotten, refreshed, and -w, which
 * answers mox-nexthop. What is fetched is fetched by -w alone, confined; fetch and refresh ask one of their own. */
#include "base.h"

#include "clock.h"
#include "conf.h"
#include "die.h"
#include "domain.h"
#include "fdio.h"
#include "log.h"
#include "option.h"
#include "rec.h"
#include "stsask.h"
#include "stsdns.h"
#include "stskeep.h"
#include "stswork.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-mtasts [-C file] show [domain ...]\n"                                                           \
	"       mox-mtasts [-C file] fetch domain ...\n"                                                     \
	"       mox-mtasts [-C file] flush -a | domain ...\n"                                                \
	"       mox-mtasts [-C file] refresh\n"                                                              \
	"       mox-mtasts [-C file] -w"

#define AT_ONCE 8 /* domains; each is three runs of mox-nexthop at a time */

struct mtasts {
	const char *conf_file; /* of -C */
	struct conf *conf;
	struct sts_keep keep;
	int keep_error; /* errno: there is no cache */
};

/* The domain in the form it has everywhere; ends the program when it is none. The caller frees. */
static char *
domain_parse(const char *s)
{
	const char *why = "an address literal has no policy";
	char *domain = *s == '[' ? NULL : domain_ascii(s, &why);

	if (domain && strlen(domain) > STS_DOMAIN_MAX) {
		free(domain);
		domain = NULL;
		why = "too long a name for a policy host below it";
	}
	if (!domain)
		die_perm("unable to use \"%s\": %s", s, why);
	return domain;
}

static void
print(struct str *s)
{
	if (fd_write_all(1, str_cstr(s), s->len))
		die_temp("unable to write: %m");
	str_free(s);
}

static void
time_add(struct str *out, const char *key, int64_t at)
{
	char text[CLOCK_ISO_SIZE];

	if (!at)
		return;
	clock_iso(text, at, 0);
	rec_add(out, key, text);
}

static void
policy_add(struct str *out, const struct sts_policy *p, const char *id)
{
	rec_add(out, "mode", sts_mode_word(p->mode));
	if (*id)
		rec_add(out, "id", id);
	rec_addi(out, "max-age", (int64_t)p->max_age);
	for (size_t i = 0; i < p->mx.n; i++)
		rec_add(out, "mx", p->mx.v[i]);
}

/* ---- show, flush ---- */

static void
cache_need(const struct mtasts *m)
{
	if (m->keep_error) {
		errno = m->keep_error;
		die_temp("unable to open %s/sts: %m", m->conf->spool);
	}
}

static void
cache_list(const struct mtasts *m, struct plan_list *l)
{
	if (sts_keep_list(&m->keep, l))
		die_temp("unable to read %s/sts: %m", m->conf->spool);
}

static bool
entry_show(const struct mtasts *m, const char *domain)
{
	struct sts_entry e;
	struct str out = {0};
	bool found;

	sts_keep_load(&m->keep, domain, &e);
	found = e.has_policy || e.failed;
	if (found) {
		rec_add(&out, "domain", domain);
		if (e.has_policy) {
			policy_add(&out, &e.policy, e.id);
			time_add(&out, "fetched", e.fetched);
			time_add(&out, "expires", e.fetched + (int64_t)e.policy.max_age * SECOND);
			rec_add(&out, "state", sts_entry_alive(&e, clock_now()) ? "valid" : "expired");
			time_add(&out, "used", e.used);
		}
		if (e.failed) {
			time_add(&out, "failed", e.failed);
			rec_add(&out, "result", e.result ? e.result : STS_FETCH_ERROR);
			rec_add(&out, "why", e.why ? e.why : "");
		}
		rec_end(&out);
		print(&out);
	}
	sts_entry_free(&e);
	return found;
}

static int
show(struct mtasts *m, char **argv)
{
	struct plan_list all = {0};
	int code = 0;

	cache_need(m);
	if (!*argv) {
		cache_list(m, &all);
		for (size_t i = 0; i < all.n; i++)
			(void)entry_show(m, all.v[i]);
	}
	for (; *argv; argv++) {
		char *domain = domain_parse(*argv);

		if (!entry_show(m, domain)) {
			warn("unable to show %s: nothing is kept of it", domain);
			code = EXIT_PERM;
		}
		free(domain);
	}
	plan_list_free(&all);
	return code;
}

static int
flush(struct mtasts *m, char **argv)
{
	bool everything = *argv && !strcmp(*argv, "-a");
	struct plan_list all = {0};
	int code = 0;

	if (!*argv || (everything && argv[1]))
		die_usage(USAGE);
	cache_need(m);
	if (everything)
		cache_list(m, &all);
	for (; !everything && *argv; argv++) {
		char *domain = domain_parse(*argv);

		plan_list_add(&all, domain);
		free(domain);
	}
	for (size_t i = 0; i < all.n; i++)
		if (sts_keep_drop(&m->keep, all.v[i])) {
			if (errno != ENOENT)
				die_temp("unable to remove %s/sts/%s: %m", m->conf->spool, all.v[i]);
			warn("unable to forget %s: nothing is kept of it", all.v[i]);
			code = everything ? 0 : EXIT_PERM;
		}
	plan_list_free(&all);
	return code;
}

/* ---- fetch, refresh ---- */

/* One domain: its DNS questions, then one to the co-process. */
struct inquiry {
	char *domain;
	struct sts_dns txt, a, aaaa;
	struct sts_question q;
	char *txt_why; /* what is wrong with the record or the lookup; or NULL */
	bool asked, answered;
	struct sts_reply reply;
};

static void
inquiry_start(struct inquiry *i, const struct mtasts *m, const char *domain)
{
	struct str name = {0};

	*i = (struct inquiry){.domain = mem_dup(domain)};
	str_addf(&name, "_mta-sts.%s", domain);
	sts_dns_start(&i->txt, m->conf_file, DNS_TXT, name.s);
	str_reset(&name);
	str_addf(&name, "mta-sts.%s", domain);
	sts_dns_start(&i->aaaa, m->conf_file, DNS_AAAA, name.s);
	sts_dns_start(&i->a, m->conf_file, DNS_A, name.s);
	str_free(&name);
}

static void
inquiry_addresses(struct inquiry *i)
{
	struct dns_answer *a[] = {sts_dns_finish(&i->aaaa), sts_dns_finish(&i->a)};

	sts_question_addresses(&i->q, a[0], a[1]);
	dns_answer_free(a[0]);
	dns_answer_free(a[1]);
}

static void
inquiry_finish(struct inquiry *i)
{
	struct dns_answer *a = sts_dns_finish(&i->txt);
	const char *why;

	i->q.domain = mem_dup(i->domain);
	i->q.refetch = true;
	i->q.txt = sts_txt_read(a, i->q.id, &why);
	i->txt_why = why ? mem_dup(why) : NULL;
	inquiry_addresses(i);
	dns_answer_free(a);
}

static void
inquiry_free(struct inquiry *i)
{
	sts_question_free(&i->q);
	sts_reply_free(&i->reply);
	free(i->txt_why);
	free(i->domain);
}

static void
answered(void *arg, struct sts_reply *r)
{
	struct inquiry *i = arg;

	i->reply = *r;
	*r = (struct sts_reply){0};
	i->answered = true;
}

/* Asks for those that were chosen, and waits for all answers. */
static void
inquiries_ask(struct sts_ask *ask, struct inquiry *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].asked)
			sts_ask(ask, &v[i].q, answered, &v[i]);
	while (sts_ask_open_questions(ask)) {
		struct pollfd pfd = {.fd = sts_ask_fd(ask), .events = sts_ask_events(ask)};

		if (poll(&pfd, 1, clock_timeout(sts_ask_deadline(ask))) < 0 && errno != EINTR)
			die_temp("unable to wait for answers: %m");
		sts_ask_process(ask);
	}
}

static int
inquiry_print(const struct inquiry *i)
{
	static const char *const words[] = {
	    [STS_TXT_NONE] = "none", [STS_TXT_GOOD] = "good", [STS_TXT_UNKNOWN] = "unknown"};
	const struct sts_reply *r = &i->reply;
	struct str out = {0};

	rec_add(&out, "domain", i->domain);
	rec_add(&out, "txt", words[i->q.txt]);
	if (i->txt_why)
		rec_add(&out, "txt-why", i->txt_why);
	if (i->answered && r->kind == STS_REPLY_POLICY) {
		policy_add(&out, &r->policy, r->id);
		time_add(&out, "fetched", r->fetched);
		time_add(&out, "expires", r->fetched + (int64_t)r->policy.max_age * SECOND);
	}
	if (r->result)
		rec_add(&out, "result", r->result);
	if (r->why)
		rec_add(&out, "why", r->why);
	rec_end(&out);
	print(&out);
	if (i->q.txt == STS_TXT_NONE)
		return EXIT_PERM;
	return i->answered && r->kind == STS_REPLY_POLICY && !r->result ? 0 : EXIT_TEMP;
}

static int
fetch(struct mtasts *m, char **argv)
{
	struct sts_ask *ask = sts_ask_open(m->conf_file, m->conf->spool);
	struct inquiry v[AT_ONCE];
	int code = 0;

	if (!*argv)
		die_usage(USAGE);
	while (*argv) {
		size_t n = 0;

		for (; *argv && n < AT_ONCE; argv++) {
			char *domain = domain_parse(*argv);

			inquiry_start(&v[n++], m, domain);
			free(domain);
		}
		for (size_t i = 0; i < n; i++) {
			inquiry_finish(&v[i]);
			v[i].asked = v[i].q.txt == STS_TXT_GOOD;
		}
		inquiries_ask(ask, v, n);
		for (size_t i = 0; i < n; i++) {
			int one = inquiry_print(&v[i]);

			code = one > code ? one : code;
			inquiry_free(&v[i]);
		}
	}
	sts_ask_close(ask);
	return code;
}

static void
entry_drop(const struct mtasts *m, const char *domain)
{
	if (sts_keep_drop(&m->keep, domain) && errno != ENOENT)
		die_temp("unable to remove %s/sts/%s: %m", m->conf->spool, domain);
	log_open(LOG_INFO, "sts-dropped");
	log_s("domain", domain);
	log_close();
}

/* Which of the domains at hand are to be fetched anew; the others are kept or dropped. */
static void
chore_choose(const struct mtasts *m, struct inquiry *i)
{
	enum sts_chore chore;
	struct sts_entry e;

	inquiry_finish(i);
	sts_keep_load(&m->keep, i->domain, &e);
	chore = sts_refresh(&e, i->q.txt, clock_now());
	if (chore == STS_DROP)
		entry_drop(m, i->domain);
	i->asked = chore == STS_REFETCH;
	sts_entry_free(&e);
}

static int
refresh(struct mtasts *m, char **argv)
{
	struct plan_list all = {0};
	struct inquiry v[AT_ONCE];
	struct sts_ask *ask;

	if (*argv)
		die_usage(USAGE);
	cache_need(m);
	ask = sts_ask_open(m->conf_file, m->conf->spool);
	sts_keep_sweep(&m->keep);
	cache_list(m, &all);
	for (size_t done = 0; done < all.n;) {
		size_t n = 0;

		for (; n < AT_ONCE && done < all.n; done++)
			inquiry_start(&v[n++], m, all.v[done]);
		for (size_t i = 0; i < n; i++)
			chore_choose(m, &v[i]);
		inquiries_ask(ask, v, n);
		for (size_t i = 0; i < n; i++)
			inquiry_free(&v[i]);
	}
	sts_ask_close(ask);
	plan_list_free(&all);
	return 0;
}

/* ---- main ---- */

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct mtasts *m, char **argv);
	} verbs[] = {{"show", show}, {"fetch", fetch}, {"flush", flush}, {"refresh", refresh}};
	struct mtasts m = {0};
	bool worker = false;
	int c, code = 0;

	prog_start("mox-mtasts");
	fd_sanitise();
	while ((c = option_next(argc, argv, "+C:hVw", NULL)) != -1)
		switch (c) {
		case 'C': m.conf_file = optarg; break;
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		case 'w': worker = true; break;
		default: die_usage(USAGE);
		}
	if (worker != (optind == argc))
		die_usage(USAGE);
	signal(SIGPIPE, SIG_IGN);
	m.conf = conf_load(m.conf_file);
	log_start((enum log_level)m.conf->log_level, false);
	if (worker) {
		sts_work(m.conf, 0);
	} else {
		size_t i = 0;

		while (i < ARRAY_LEN(verbs) && strcmp(verbs[i].name, argv[optind]))
			i++;
		if (i == ARRAY_LEN(verbs))
			die_usage(USAGE);
		m.keep_error = sts_keep_open(&m.keep, m.conf->spool) ? errno : 0;
		code = verbs[i].run(&m, argv + optind + 1);
		sts_keep_close(&m.keep);
	}
	conf_free(m.conf);
	return code;
}
