/* Signatures: questions to the co-process mox-dkim -w, once a message of local origin before its first attempt.
 *
 * Until the answer is there its recipients are in no destination's list, so that no job can find them; then it stands in
 * the index before the job goes out, and every later attempt sends the same lines. A message that cannot be signed now is
 * put off like one that cannot be delivered now: it never goes without. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "id.h"
#include "local.h"
#include "log.h"
#include "queue.h"
#include "rec.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASK_MAX 64         /* questions under way, each with a descriptor */
#define ASK_A_ROUND 64     /* each opens a file */
#define PACKETS_A_ROUND 64 /* answers */
#define PUT_OFF_A_ROUND 500
#define ANSWER_WAIT (10 * MINUTE) /* a message of 1 GB takes seconds, and many may stand before it */
#define DEATHS_MAX 3              /* of mox-dkim at one message */
#define KEYS_WAIT MINUTE          /* keys that could not be used are read anew, at most so often */
#define BULK 20                   /* recipients of one domain that are loaded: more is no mail to hurry for */

static struct sign_list *
list_of(struct runq *q, const struct msg *m)
{
	return m->sign.state == SIGN_ASKED ? &q->sign.asked : &q->sign.wanted[m->sign.bulk];
}

static void
enlist(struct runq *q, struct msg *m, enum sign_state state, bool first)
{
	m->sign.state = state;
	if (first)
		TAILQ_INSERT_HEAD(list_of(q, m), m, sign.in_list);
	else
		TAILQ_INSERT_TAIL(list_of(q, m), m, sign.in_list);
}

static void
unlist(struct runq *q, struct msg *m)
{
	if (m->sign.state == SIGN_WANTED || m->sign.state == SIGN_ASKED)
		TAILQ_REMOVE(list_of(q, m), m, sign.in_list);
	m->sign.state = SIGN_UNKNOWN;
}

void
sign_forget(struct runq *q, struct msg *m)
{
	unlist(q, m);
	free(m->prepend);
}

static bool
some_wanted(const struct runq *q)
{
	return !TAILQ_EMPTY(&q->sign.wanted[0]) || !TAILQ_EMPTY(&q->sign.wanted[1]);
}

/* ---- what is kept ---- */

static struct index_key
key_of(uint64_t id, uint64_t *room)
{
	*room = htobe64(id);
	return (struct index_key){room, sizeof *room};
}

static void
keep(struct runq *q, const struct msg *m)
{
	static struct str value;
	uint64_t room;

	str_reset(&value);
	str_adds(&value, m->prepend);
	rec_end(&value);
	index_set(q->index, INDEX_MSG, key_of(m->id, &room), &value);
	q->sign.kept = true;
}

/* The lines of earlier attempts. */
static bool
recall(struct runq *q, struct msg *m)
{
	static struct str value;
	struct str lines = {0};
	struct rec_in in;
	char *key, *text;
	enum rec_got got;
	uint64_t room;

	if (!q->sign.kept || !index_look(q->index, INDEX_MSG, key_of(m->id, &room), &value))
		return false;
	in = (struct rec_in){value.s, value.s + value.len};
	while ((got = rec_next(&in, &key, &text)) == REC_LINE)
		if (!strcmp(key, "prepend"))
			str_addf(&lines, "prepend %s\n", text);
	if (got == REC_END && lines.len) {
		m->prepend = str_take(&lines);
		m->sign.state = SIGN_DONE;
	}
	str_free(&lines);
	return m->sign.state == SIGN_DONE;
}

void
sign_drop(struct runq *q, uint64_t id)
{
	uint64_t room;

	if (q->sign.kept)
		index_unset(q->index, INDEX_MSG, key_of(id, &room));
}

static bool
see_one(struct index_key key, char *value, size_t len, void *arg)
{
	(void)key;
	(void)value;
	(void)len;
	*(bool *)arg = true;
	return false;
}

/* ---- before a recipient waits for its turn ---- */

bool
sign_before(struct runq *q, struct item *it, const struct row *row)
{
	struct msg *m = it->msg;

	if (!row->local || local_stays(it->dest->transport) || m->sign.state == SIGN_DONE)
		return false;
	if (m->sign.state == SIGN_UNKNOWN) {
		if (recall(q, m) || !q->sign.on)
			return false;
		m->sign.bulk = it->domain->loaded > BULK;
		m->sign.deaths = 0;
		enlist(q, m, SIGN_WANTED, false);
	}
	it->waits = true;
	return true;
}

/* It is decided: all that waited for it goes on its way. m may be gone then. */
static void
settle(struct runq *q, struct msg *m)
{
	struct item *it, *next;

	unlist(q, m);
	m->sign.state = SIGN_DONE;
	for (it = m->items; it; it = next) {
		next = it->of_msg;
		/* The plan may have come meanwhile, and with it another way. */
		if (it->waits && !route_item_anew(q, it))
			item_ready(q, it);
	}
}

/* Not now: to its recipients' next attempts, in which they grow old. m may be gone with the last of them. */
static void
put_off(struct runq *q, struct msg *m, const char *code, const char *why)
{
	struct str text = {0};
	struct item *it, *next;
	char id[ID_SIZE];

	id_format(id, m->id);
	log_open(LOG_ALERT, "unsignable");
	log_s("id", id);
	log_s("why", why);
	log_close();
	str_addf(&text, "%s the message cannot be signed: %s", code, why);
	unlist(q, m);
	for (it = m->items; it; it = next) {
		next = it->of_msg;
		if (it->waits)
			settle_without_job(q, it, false, 0, text.s);
	}
	str_free(&text);
}

/* ---- the co-process ---- */

/* It is gone, or to go: what it was asked is asked anew, and first. */
static void
ask_again(struct runq *q)
{
	struct msg *m;

	while ((m = TAILQ_LAST(&q->sign.asked, sign_list))) {
		unlist(q, m);
		enlist(q, m, SIGN_WANTED, true);
	}
	q->sign.out = 0;
	q->sign.full = q->sign.stale = false;
}

static void
died(struct runq *q)
{
	struct msg *m = TAILQ_FIRST(&q->sign.asked);

	co_kill(&q->sign.co);
	co_died(q, &q->sign.co, "mox-dkim");
	ask_again(q);
	/* It answers in the order of the questions: this one it was at. One that it cannot bear must not hold up the others. */
	if (m && ++m->sign.deaths >= DEATHS_MAX && !q->stopping)
		put_off(q, m, "4.3.0", "mox-dkim ends when it is asked to");
}

void
sign_init(struct runq *q)
{
	TAILQ_INIT(&q->sign.wanted[0]);
	TAILQ_INIT(&q->sign.wanted[1]);
	TAILQ_INIT(&q->sign.asked);
	q->sign.co.in.fd = q->sign.co.out.fd = -1;
}

void
sign_stop(struct runq *q)
{
	co_close(&q->sign.co);
	q->sign.co.pid = 0;
	q->sign.co.start_at = 0;
	ask_again(q);
}

void
sign_start(struct runq *q)
{
	sign_stop(q);
	q->sign.on = false;
	for (size_t i = 0; i < q->conf->ndomain; i++)
		q->sign.on = q->sign.on || q->conf->domain[i].ndkim;
	if (!q->sign.kept)
		index_walk(q->index, INDEX_MSG, (struct index_key){NULL, 0}, 1, see_one, &q->sign.kept);
}

static void answer(struct runq *q, char *rec, size_t n);
static struct msg *next_wanted(struct runq *q);

static void
ready(struct watch *w, uint32_t events)
{
	struct runq *q = runq_of();
	static char buf[PKT_MAX + 1];

	if (events & EPOLLOUT) {
		q->sign.full = false;
		loop_want(w, EPOLLIN);
	}
	for (int i = 0; i < PACKETS_A_ROUND && w->fd >= 0; i++) {
		ssize_t n = pkt_recv(w->fd, buf, PKT_MAX, NULL, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			died(q);
			return;
		}
		buf[n] = 0;
		answer(q, buf, (size_t)n);
	}
}

static bool
started(struct runq *q)
{
	struct co_process *c = &q->sign.co;

	if (q->sign.stale && q->mono - c->started > KEYS_WAIT)
		sign_stop(q);
	if (c->out.fd >= 0)
		return true;
	if (!co_may_start(q, c))
		return false;
	if (co_start_pair(q, c, "mox-dkim", ready))
		return true;
	died(q);
	return false;
}

/* ---- questions ---- */

/* Two of the few recipients for one of the many, so that a large mailing holds up nobody else. */
static struct msg *
next_wanted(struct runq *q)
{
	unsigned which = q->sign.turn++ % 3 == 2;

	return TAILQ_FIRST(&q->sign.wanted[TAILQ_EMPTY(&q->sign.wanted[which]) ? !which : which]);
}

/* false: no more can be asked now. */
static bool
ask(struct runq *q, struct msg *m)
{
	static struct str out;
	struct envelope e;
	int fd, r;

	unlist(q, m);
	if ((fd = job_open(q, m, &e)) < 0)
		return true; /* no recipient of it is loaded any more */
	str_reset(&out);
	rec_addi(&out, "sign", ++q->sign.no);
	rec_add(&out, "account", intake_account(&e));
	rec_addi(&out, "size", e.size);
	rec_end(&out);
	envelope_free(&e);
	r = pkt_send(q->sign.co.out.fd, out.s, out.len, fd, MSG_DONTWAIT) ? errno : 0;
	close(fd);
	if (r == EAGAIN || r == ENOBUFS || r == ETOOMANYREFS) {
		enlist(q, m, SIGN_WANTED, true);
		q->sign.full = true;
		loop_want(&q->sign.co.out, EPOLLIN | EPOLLOUT);
		return false;
	}
	m->sign.no = q->sign.no;
	m->sign.asked_at = q->mono;
	enlist(q, m, SIGN_ASKED, false);
	q->sign.out++;
	if (r)
		died(q);
	return !r;
}

/* While it cannot be started at all, mail must grow old as if there were no plans. */
static void
put_off_some(struct runq *q)
{
	for (unsigned i = 0; i < PUT_OFF_A_ROUND && q->sign.co.deaths > DEATHS_MAX && some_wanted(q); i++)
		put_off(q, next_wanted(q), "4.3.0", "mox-dkim does not run");
}

void
sign_round(struct runq *q)
{
	if (q->stopping || q->rebuild || q->mode == RUNQ_SERVE || index_broken(q->index))
		return;
	/* A pass that ends now has no minute for sign_sweep to come. */
	if (q->mode == RUNQ_PASS && q->sign.co.deaths > DEATHS_MAX)
		put_off_some(q);
	for (unsigned i = 0; i < ASK_A_ROUND && sign_waits(q) && started(q); i++)
		if (!ask(q, next_wanted(q)))
			return;
}

/* ---- answers ---- */

struct reading {
	enum { NO_ANSWER, SIGNED, UNSIGNED, LATER } what;
	uint64_t no;
	const char *why, *domain; /* NULL: not said */
	struct str lines;
};

static bool
read_answer(struct reading *a, char *rec, size_t n)
{
	static const char *const words[] = {[SIGNED] = "signed", [UNSIGNED] = "unsigned", [LATER] = "later"};
	struct rec_in in = {rec, rec + n};
	char *key, *value;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (!strcmp(key, "lines")) {
			str_addf(&a->lines, "prepend %s\n", value);
			continue;
		}
		if (!(value = rec_text(value)))
			return false;
		if (!strcmp(key, "why"))
			a->why = value;
		else if (!strcmp(key, "domain"))
			a->domain = value;
		for (int i = SIGNED; i <= LATER; i++)
			if (!strcmp(key, words[i])) {
				a->what = i;
				if (!str_number(value, UINT64_MAX >> 1, &a->no))
					return false;
			}
	}
	return got == REC_END && a->what && a->no && (a->what != SIGNED || a->lines.len) &&
	       (a->what != LATER || a->why);
}

static void
log_signed(const struct msg *m, const char *domain)
{
	char id[ID_SIZE];

	id_format(id, m->id);
	log_open(LOG_DEBUG, "signed");
	log_s("id", id);
	log_s("domain", domain);
	log_close();
}

static void
log_unsigned(const struct msg *m, const char *why)
{
	char id[ID_SIZE];

	id_format(id, m->id);
	log_open(why ? LOG_INFO : LOG_DEBUG, "unsigned");
	log_s("id", id);
	log_s("why", why);
	log_close();
}

static void
apply(struct runq *q, struct msg *m, struct reading *a)
{
	switch (a->what) {
	case SIGNED:
		log_signed(m, a->domain);
		m->prepend = str_take(&a->lines);
		keep(q, m);
		settle(q, m);
		break;
	case LATER:
		q->sign.stale = true;
		put_off(q, m, "4.3.5", a->why);
		break;
	default:
		log_unsigned(m, a->why);
		settle(q, m);
		break;
	}
}

static void
answer(struct runq *q, char *rec, size_t n)
{
	struct reading a = {0};
	struct msg *m;

	if (!read_answer(&a, rec, n)) {
		log_open(LOG_ALERT, "nonsense");
		log_s("command", "mox-dkim");
		log_close();
		died(q);
		str_free(&a.lines);
		return;
	}
	q->sign.out -= q->sign.out > 0;
	/* Most often the first; what was unloaded meanwhile is asked for again when it is back. */
	TAILQ_FOREACH (m, &q->sign.asked, sign.in_list)
		if (m->sign.no == a.no)
			break;
	if (m)
		apply(q, m, &a);
	str_free(&a.lines);
}

/* ---- time ---- */

bool
sign_waits(const struct runq *q)
{
	return some_wanted(q) && !q->sign.full && q->sign.out < ASK_MAX &&
	       (q->sign.co.out.fd >= 0 || q->sign.co.start_at <= q->mono);
}

bool
sign_busy(const struct runq *q)
{
	return q->sign.out || some_wanted(q);
}

void
sign_timers(const struct runq *q, int64_t *mono_deadline)
{
	if (some_wanted(q) && q->sign.co.out.fd < 0 && q->sign.co.start_at < *mono_deadline)
		*mono_deadline = q->sign.co.start_at;
}

void
sign_sweep(struct runq *q)
{
	const struct msg *m = TAILQ_FIRST(&q->sign.asked);

	if (m && m->sign.asked_at + ANSWER_WAIT < q->mono)
		died(q);
	put_off_some(q);
}

/* ---- mox-runq -t ---- */

int
sign_test(const struct conf *c, const char *conf_flag)
{
	char *argv[] = {(char[]){"mox-dkim"}, (char[]){"-t"}, NULL, NULL, NULL};
	char flag[] = "-C";
	bool any = false;
	pid_t pid;
	int code;

	for (size_t i = 0; i < c->ndomain; i++)
		any = any || c->domain[i].ndkim;
	if (!any)
		return 0;
	if (conf_flag) {
		argv[2] = flag;
		argv[3] = (char *)(uintptr_t)conf_flag;
	}
	pid = child_spawn(argv, NULL, 0);
	if (pid < 0)
		die_temp("unable to start mox-dkim: %m");
	code = child_wait(pid);
	return code == 0 || code == EXIT_PERM ? code : EXIT_TEMP;
}
