/* mox-tlsrpt-send: what is due of the days that are over.
 *
 * One run at a time. A day's recipient domains come before its mail hosts, which are left out of what all their
 * addresses were told already (T52). Each step is in the day's ledger before it is made, so that it can be killed
 * anywhere. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "log.h"
#include "owner.h"
#include "stsdns.h"
#include "tlsrpt.h"
#include "tlsrpt_key.h"
#include "tlsrpt_ledger.h"
#include "tlsrpt_mail.h"
#include "tlsrpt_post.h"
#include "tlsrpt_queue.h"
#include "tlsrpt_record.h"
#include "tlsrpt_spread.h"
#include "tlsrpt_submitter.h"
#include "tlsrpt_suppress.h"
#include "tlsrpt_verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#define DAYS 2                    /* whose results are not 48 hours old */
#define SETTLE (5 * MINUTE)       /* until mox-runq has written the last of a day */
#define NAME_MAX_ASKED (253 - 11) /* _smtp._tls. goes in front */

struct sending {
	const struct tlsrpt_run *t;
	int dir;
	struct tlsrpt_signer signer;
	struct tlsrpt_poster *poster; /* made when it is first needed */
	struct tlsrpt_day day;
	struct ledger ledger;
	struct tlsrpt_suppress suppressed;
	bool key_looked_at, met; /* met: of --domain there is something */
	size_t later;            /* what is left for another run */
};

/* ---- what is told of it ---- */

static void
tell(const struct sending *s, enum ledger_state state, const char *domain, const char *to, const char *why)
{
	static const char *const words[] = {
	    [LEDGER_SENT] = "sent", [LEDGER_LATER] = "later", [LEDGER_NEVER] = "never"};
	struct str line = {0};

	switch (state) {
	case LEDGER_SENT: log_open(LOG_INFO, "tlsrpt-sent"); break;
	case LEDGER_LATER: log_open(LOG_INFO, "tlsrpt-later"); break;
	default: log_open(LOG_WARN, "tlsrpt-never"); break;
	}
	log_s("day", s->day.day);
	log_s("domain", domain);
	log_s("to", to);
	log_s(state == LEDGER_SENT ? "as" : "error", why);
	log_close();
	str_addf(&line, "%s\t%s\t%s\t%s\t%s\n", s->day.day, domain, to, words[state], why);
	if (fd_write_all(1, line.s, line.len))
		die_temp("unable to write: %m");
	str_free(&line);
}

static void
settle(struct sending *s, enum ledger_state state, const char *domain, const char *to, const char *why)
{
	ledger_note(&s->ledger, state, domain, to, why);
	tell(s, state, domain, to, why);
}

/* ---- one report ---- */

struct report {
	struct sending *s;
	const struct tlsrpt_name *name;
	struct tlsrpt_record record;
	struct tlsrpt_report r;
	struct str gzip;
};

static bool
is_told(void *arg, const struct tlsrpt_row *row)
{
	const struct report *p = arg;

	for (size_t i = 0; row->rcpt && i < p->record.n; i++)
		if (!ledger_has(&p->s->ledger, row->rcpt, p->record.rua[i].uri))
			return false;
	return row->rcpt && p->record.n;
}

/* What asks us to stop waits until it is known what became of a report. */
static void
hold_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(how, &set, NULL);
}

/* One message to all addresses that are due. */
static void
mail(struct report *p)
{
	struct sending *s = p->s;
	const char *to[TLSRPT_RUA_MAX + 1] = {NULL}, *uri[TLSRPT_RUA_MAX];
	struct str message = {0}, said = {0};
	size_t n = 0;
	int code;

	for (size_t i = 0; i < p->record.n; i++) {
		const struct tlsrpt_rua *u = &p->record.rua[i];

		if (u->https || !ledger_due(&s->ledger, p->name->name, u->uri, clock_now()))
			continue;
		uri[n] = u->uri;
		to[n++] = u->to;
	}
	if (!n)
		return;
	if (!s->key_looked_at)
		tlsrpt_key_check(&s->signer, s->t->conf_file);
	s->key_looked_at = true;
	hold_signals(SIG_BLOCK);
	for (size_t i = 0; i < n; i++)
		ledger_note(&s->ledger, LEDGER_TRY, p->name->name, uri[i], NULL);
	tlsrpt_mail(&message, &p->r, &s->signer.who, to, &p->gzip, clock_now());
	code = tlsrpt_queue(s->t->conf_file, &message, s->signer.who.contact, to, &said);
	for (size_t i = 0; i < n; i++)
		settle(s,
		    !code               ? LEDGER_SENT
		    : code == EXIT_PERM ? LEDGER_NEVER
					: LEDGER_LATER,
		    p->name->name, uri[i], said.s);
	hold_signals(SIG_UNBLOCK);
	str_free(&message);
	str_free(&said);
}

static void
post(struct report *p, const struct tlsrpt_rua *u)
{
	struct sending *s = p->s;
	struct str said = {0};
	bool sent;

	if (!ledger_due(&s->ledger, p->name->name, u->uri, clock_now()))
		return;
	if (!s->poster)
		s->poster = tlsrpt_poster_open(s->t->conf, s->t->conf_file);
	hold_signals(SIG_BLOCK);
	ledger_note(&s->ledger, LEDGER_TRY, p->name->name, u->uri, NULL);
	sent = tlsrpt_post(s->poster, u->to, &p->gzip, &said);
	settle(s, sent ? LEDGER_SENT : LEDGER_LATER, p->name->name, u->uri, str_cstr(&said));
	hold_signals(SIG_UNBLOCK);
	str_free(&said);
}

/* Why nothing more goes there; NULL: something may. What is known already is no news. */
static const char *
refusal(struct report *p, const struct tlsrpt_rua *u)
{
	struct sending *s = p->s;
	bool may = ledger_open_ended(&s->ledger, p->name->name, u->uri, clock_now());
	const char *why = tlsrpt_suppress_has(&s->suppressed, u->uri) ? "suppressed"
	                  : !u->https && !s->signer.signs             ? "no DKIM key to sign with"
	                                                              : NULL;

	if (ledger_is_unknown(&s->ledger, p->name->name, u->uri))
		settle(s, LEDGER_SENT, p->name->name, u->uri, "perhaps: a run was killed meanwhile");
	else if (!may && ledger_next(&s->ledger, p->name->name, u->uri))
		settle(s, LEDGER_NEVER, p->name->name, u->uri, "not within 24 hours");
	else if (may && why)
		settle(s, LEDGER_NEVER, p->name->name, u->uri, why);
	return why;
}

/* Addresses that get nothing go before anything is made. */
static void
record_thin(struct report *p)
{
	struct tlsrpt_record *r = &p->record;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct tlsrpt_rua u = r->rua[i];

		if (!refusal(p, &u)) {
			r->rua[n++] = u;
			continue;
		}
		free(u.to);
		free(u.uri);
	}
	r->n = n;
}

/* Nothing of it waits for another time. */
static bool
is_settled(const struct report *p)
{
	for (size_t i = 0; i < p->record.n; i++)
		if (ledger_open_ended(&p->s->ledger, p->name->name, p->record.rua[i].uri, clock_now()))
			return false;
	return true;
}

static bool
is_wanted(const struct tlsrpt_report *r, const struct conf *c)
{
	return r->failed || (c->tlsrpt_all_success && r->ok);
}

static void
report_send(struct report *p)
{
	struct sending *s = p->s;
	struct str json = {0};

	tlsrpt_build(&p->r, &s->day, p->name, is_told, p);
	if (!is_wanted(&p->r, s->t->conf)) {
		ledger_done(&s->ledger, p->name->name, "its recipient domains have it");
		tlsrpt_report_free(&p->r);
		return;
	}
	tlsrpt_json(&json, &p->r, &s->signer.who);
	tlsrpt_gzip(&p->gzip, &json);
	mail(p);
	for (size_t i = 0; i < p->record.n; i++)
		if (p->record.rua[i].https)
			post(p, &p->record.rua[i]);
	if (is_settled(p))
		ledger_done(&s->ledger, p->name->name, NULL);
	else
		s->later++;
	tlsrpt_report_free(&p->r);
	str_free(&p->gzip);
	str_free(&json);
}

static enum tlsrpt_found
record_find(struct tlsrpt_record *r, const struct sending *s, const char *domain, struct str *said)
{
	struct sts_dns asked;
	struct dns_answer *a;
	enum tlsrpt_found found;
	struct str name = {0};
	const char *why;

	*r = (struct tlsrpt_record){0};
	if (strlen(domain) > NAME_MAX_ASKED) {
		str_adds(said, "too long a name for a record below it");
		return TLSRPT_NONE;
	}
	str_addf(&name, "_smtp._tls.%s", domain);
	sts_dns_start(&asked, s->t->conf_file, DNS_TXT, name.s);
	a = sts_dns_finish(&asked);
	found = tlsrpt_record_read(r, a, &why);
	str_adds(said, why ? why : "");
	dns_answer_free(a);
	str_free(&name);
	return found;
}

static void
name_send(struct sending *s, const struct tlsrpt_name *name)
{
	struct report p = {.s = s, .name = name};
	struct str said = {0};

	switch (record_find(&p.record, s, name->name, &said)) {
	case TLSRPT_UNKNOWN:
		s->later++;
		tell(s, LEDGER_LATER, name->name, "-", str_cstr(&said));
		break;
	case TLSRPT_NONE: ledger_done(&s->ledger, name->name, said.s); break;
	case TLSRPT_WANTED:
		tlsrpt_suppress_free(&s->suppressed);
		tlsrpt_suppress_read(&s->suppressed, s->dir, clock_now());
		record_thin(&p);
		if (p.record.n)
			report_send(&p);
		else
			ledger_done(&s->ledger, name->name, "nobody to send it to");
	}
	tlsrpt_record_free(&p.record);
	str_free(&said);
}

/* ---- one day ---- */

static bool
some_failed(const struct tlsrpt_name *name)
{
	for (size_t i = 0; i < name->n; i++)
		if (!name->row[i]->ok)
			return true;
	return false;
}

static bool
is_due(const struct sending *s, const struct tlsrpt_name *name)
{
	if (s->t->domain && strcmp(s->t->domain, name->name) != 0)
		return false;
	return !ledger_is_done(&s->ledger, name->name) &&
	       (s->t->conf->tlsrpt_all_success || some_failed(name));
}

static void
names_send(struct sending *s)
{
	const int64_t until = clock_mono() + s->t->conf->tlsrpt_spread;
	bool hurry = s->t->day || s->t->domain;
	size_t left = 0;

	for (size_t i = 0; i < s->day.nname; i++)
		left += is_due(s, &s->day.name[i]);
	for (size_t i = 0; i < s->day.nname; i++) {
		if (!is_due(s, &s->day.name[i]))
			continue;
		name_send(s, &s->day.name[i]);
		if (--left && !hurry)
			spread_wait(until, left);
	}
}

/* A day may be looked at whose results are whole, and were whole less than 48 hours ago. */
static void
day_send(struct sending *s, const char *day)
{
	size_t before = s->later;

	if (ledger_open(&s->ledger, s->dir, day))
		die_temp("unable to open %s/tlsrpt/%s.sent: %m", s->t->conf->spool, day);
	if (!s->ledger.whole || s->t->domain) {
		if (tlsrpt_day_read(&s->day, s->dir, day))
			die_temp("unable to read %s/tlsrpt/%s: %m", s->t->conf->spool, day);
		s->met |= s->t->domain && tlsrpt_day_name(&s->day, s->t->domain);
		names_send(s);
		if (s->later == before && !s->t->domain)
			ledger_whole(&s->ledger);
	}
	tlsrpt_day_free(&s->day);
	ledger_close(&s->ledger);
}

static bool
has_results(const struct sending *s, const char *day)
{
	if (!faccessat(s->dir, day, R_OK, AT_EACCESS))
		return true;
	if (errno != ENOENT)
		die_temp("unable to read %s/tlsrpt/%s: %m", s->t->conf->spool, day);
	return false;
}

static bool
is_over(const char *day, int64_t now)
{
	int64_t end = tlsrpt_day_begin(day) + DAY;

	return now >= end + SETTLE && now < end + DAYS * DAY;
}

/* false: another run is under way. It ends with this process. */
static bool
run_alone(const struct sending *s)
{
	int fd = ledger_file(s->dir, "sending", O_WRONLY);

	if (fd < 0)
		die_temp("unable to open %s/tlsrpt/sending: %m", s->t->conf->spool);
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return true;
	if (errno != EWOULDBLOCK)
		die_temp("unable to lock %s/tlsrpt/sending: %m", s->t->conf->spool);
	return false;
}

static void
days_send(struct sending *s)
{
	int64_t now = clock_now();
	char day[CLOCK_DAY_SIZE];

	for (int i = DAYS; i > 0; i--) {
		clock_day(day, now - i * DAY);
		if (is_over(day, now) && has_results(s, day))
			day_send(s, day);
	}
}

int
tlsrpt_verb_send(const struct tlsrpt_run *t, char **argv)
{
	struct sending s = {.t = t, .day.fd = -1};

	(void)argv;
	if (t->conf->no_outgoing_tlsrpt)
		return 0;
	if (t->day && !is_over(t->day, clock_now()))
		die_perm("unable to report on %s: reports go out from 5 minutes until 48 hours after a day",
		    t->day);
	/* Mail of root's is signed for those domains alone whose accounts have him. */
	owner_become(t->conf->spool);
	s.dir = tlsrpt_dir(t->conf);
	if (t->day && !has_results(&s, t->day))
		die_perm("unable to report on %s: there are no results of that day", t->day);
	if (!run_alone(&s)) {
		warn("another run is under way");
		return 0;
	}
	tlsrpt_signer_find(&s.signer, t->conf);
	if (!s.signer.signs) {
		log_open(LOG_ALERT, "tlsrpt-unsigned");
		log_s("hostname", t->conf->hostname);
		log_close();
	}
	tlsrpt_suppress_learn(s.dir, clock_now());
	if (t->day)
		day_send(&s, t->day);
	else
		days_send(&s);
	if (t->domain && !s.met)
		die_perm("unable to report on %s: there are no results of it that may go out", t->domain);
	if (s.poster)
		tlsrpt_poster_close(s.poster);
	tlsrpt_suppress_free(&s.suppressed);
	tlsrpt_signer_free(&s.signer);
	close(s.dir);
	return s.later ? EXIT_TEMP : 0;
}
