/* new/ -> index -> cur/. Rows first and durable, then the move: a crash between the two leaves the file in
 * new/, and taking it in again writes the same rows. */
#include "base.h"

#include "clock.h"
#include "corrupt.h"
#include "die.h"
#include "file.h"
#include "holdrule.h"
#include "id.h"
#include "limit.h"
#include "log.h"
#include "metrics.h"
#include "queue.h"
#include "retire.h"
#include "suppression.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <unistd.h>

#define CORRUPT_PATH 320 /* "new/" and any name */
#define BATCH 256
#define BATCH_ROWS 2000 /* recipients: else a round of large messages would hold up deliveries */
#define SCAN_EVERY (15 * SECOND)

/* Login name of a uid, remembered: the door does not know it (no NSS there). Who has none is uidN, as login_name says (mail/login.h). */
const char *
intake_login(uint32_t uid)
{
	static struct {
		uint32_t uid;
		char name[64];
	} seen[64];
	size_t i = uid % ARRAY_LEN(seen);
	struct passwd *p;

	if (!seen[i].name[0] || seen[i].uid != uid) {
		p = getpwuid(uid);
		seen[i].uid = uid;
		if (p)
			snprintf(seen[i].name, sizeof seen[i].name, "%s", p->pw_name);
		else
			snprintf(seen[i].name, sizeof seen[i].name, "uid%u", uid);
	}
	return seen[i].name;
}

const char *
intake_account(const struct envelope *e)
{
	return e->account ? e->account : intake_login(e->uid);
}

/* The text of the last message that had any. */
static const char *
extra_of(const struct envelope *e)
{
	static struct str text;
	static uint64_t id;

	if (!e->nextra)
		return NULL;
	if (id != e->id) {
		id = e->id;
		str_reset(&text);
		envelope_extra_text(&text, e);
	}
	return text.s;
}

void
intake_row(
    struct runq *q, struct row *row, const struct envelope *e, unsigned n, char domain[DOMAIN_NAME_MAX])
{
	const struct envelope_rcpt *r = &e->rcpt[n - 1];

	domain_of(domain, r->address);
	*row = (struct row){
	    .id = e->id,
	    .n = n,
	    .sender = e->sender,
	    .rcpt = r->address,
	    .domain = domain,
	    .account = intake_account(e),
	    .hold = r->mark[MARK_HOLD],
	    .queued = e->queued,
	    .size = e->size,
	    .transport = e->transport,
	    .requiretls = class_word(class_of_mark(r->mark)),
	    .messageid = e->message_id,
	    .subject = e->subject,
	    .extra = extra_of(e),
	    .told = r->mark[MARK_NOTICE] == DELAY_TOLD,
	    .local = e->origin && !strcmp(e->origin, "local"),
	};
	if (row->hold == HOLD_NONE)
		row->next = e->hold_until > q->now ? e->hold_until : q->now;
	else if (row->hold == HOLD_LIMIT)
		row->error = "over a limit of its account when it was queued";
	else if (row->hold == HOLD_RULE)
		row->error = "held by a rule when it was queued";
}

/* Away with a file that fails its check, kept for a person. */
static void
quarantine(struct runq *q, int dir, const char *place, const char *name, const char *why)
{
	char path[CORRUPT_PATH];
	const char *slash = strrchr(name, '/');
	int r;

	snprintf(path, sizeof path, "%s/%s", place, name);
	r = corrupt_move(&q->spool, dir, name, path, why);
	q->count.corrupt++;
	log_open(LOG_ALERT, "corrupt");
	log_s("id", slash ? slash + 1 : name);
	log_s("moved", r ? strerror(errno) : "corrupt/");
	log_s("why", why);
	log_close();
}

void
spool_corrupt(struct runq *q, uint64_t id, const char *why)
{
	char name[SPOOL_NAME_SIZE];

	spool_name(name, id);
	quarantine(q, q->spool.cur, "cur", name, why);
}

struct batch {
	struct envelope env[BATCH];
	char name[BATCH][ID_SIZE];
	size_t n, rows;
};

static void
log_unreadable(const char *name)
{
	log_open(LOG_ALERT, "unreadable");
	log_s("id", name);
	log_s("error", strerror(errno));
	log_close();
}

static void
read_one(struct runq *q, struct batch *b, const char *name)
{
	struct envelope *e = &b->env[b->n];
	const char *why = NULL;
	char in_cur[SPOOL_NAME_SIZE];
	uint64_t id;
	int fd, r;

	if (!id_parse(name, &id)) {
		if (name[0] != '.') {
			log_open(LOG_WARN, "stranger");
			log_s("name", name);
			log_close();
			quarantine(q, q->spool.new, "new", name, "its name is not an id");
		}
		return;
	}
	spool_name(in_cur, id);
	fd = openat(q->spool.new, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		if (errno == ELOOP || errno == ENXIO)
			quarantine(q, q->spool.new, "new", name, "it is no file");
		else if (errno != ENOENT) /* descriptors, memory: the next scan finds it again */
			log_unreadable(name);
		return;
	}
	r = envelope_read(fd, e, &why);
	if (r && errno && errno != EISDIR) {
		log_unreadable(name);
	} else if (r) {
		if (errno)
			why = "it is a directory";
		quarantine(q, q->spool.new, "new", name, why);
	} else if (e->id != id || !faccessat(q->spool.cur, in_cur, F_OK, 0)) {
		quarantine(q, q->spool.new, "new", name,
		    e->id != id ? "it holds another id than its name"
				: "its id is taken by a message in cur/");
		envelope_free(e);
	} else {
		memcpy(b->name[b->n++], name, ID_SIZE);
		b->rows += e->nrcpt;
	}
	close(fd);
}

/* Fills the batch from where the last scan stopped. false: the directory has been read to its end. */
static bool
read_batch(struct runq *q, struct batch *b)
{
	struct dirent *d;

	if (!q->new_dir) {
		int fd = openat(q->spool.dir, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || !(q->new_dir = fdopendir(fd)))
			die_temp("unable to read %s/new: %m", q->conf->spool);
	}
	while (b->n < BATCH && b->rows < BATCH_ROWS) {
		if (!(d = readdir(q->new_dir))) {
			closedir(q->new_dir);
			q->new_dir = NULL;
			return false;
		}
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			read_one(q, b, d->d_name);
	}
	return true;
}

static void
log_taken(const struct envelope *e, const char *id)
{
	log_open(LOG_INFO, "queued");
	log_s("id", id);
	log_s("sender", *e->sender ? e->sender : "<>");
	log_i("rcpts", (int64_t)e->nrcpt);
	log_i("size", (int64_t)e->size);
	log_i("uid", e->uid);
	log_s("messageid", e->message_id);
	log_close();
}

/* The rule that holds it; NULL: none. */
static const struct holdrule *
rule_of(struct runq *q, const struct envelope *e, unsigned n)
{
	char domain[DOMAIN_NAME_MAX];
	struct row row;

	if (!q->holdrules->n || e->rcpt[n - 1].mark[MARK_STATE] != STATE_TODO)
		return NULL;
	intake_row(q, &row, e, n, domain);
	return holdrule_find(q, &row);
}

static void
log_rule_held(const struct envelope *e, unsigned n, const struct holdrule *rule)
{
	char id[ROW_ID_SIZE];

	row_id(id, &(struct row){.id = e->id, .n = n});
	log_open(LOG_INFO, "rule-held");
	log_s("id", id);
	log_s("rcpt", e->rcpt[n - 1].address);
	log_i("rule", rule->number);
	log_close();
}

/* The file says so too, for the day when the index is lost. */
static void
hold_new(struct runq *q, struct envelope *e, const char *name, bool over)
{
	int fd = openat(q->spool.new, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	for (unsigned n = 1; n <= e->nrcpt; n++) {
		const struct holdrule *rule = NULL;
		char hold = over && limit_holds(q, e, n) ? HOLD_LIMIT : HOLD_RULE;

		if (e->rcpt[n - 1].mark[MARK_HOLD] != HOLD_NONE ||
		    (hold == HOLD_RULE && !(rule = rule_of(q, e, n))))
			continue;
		if (fd < 0 || envelope_mark(fd, e, n, MARK_HOLD, hold)) {
			log_open(LOG_ALERT, "unmarked");
			log_s("error", strerror(errno));
			log_close();
			e->rcpt[n - 1].mark[MARK_HOLD] = hold;
		}
		if (rule)
			log_rule_held(e, n, rule);
	}
	if (fd >= 0)
		close(fd);
}

static void
put_rows(struct runq *q, struct envelope *e, const char *name)
{
	const char *over = limit_take(q, e);
	char domain[DOMAIN_NAME_MAX];
	const struct holdrule *rule;
	struct row row;

	if (over || q->holdrules->n)
		hold_new(q, e, name, over);
	for (unsigned n = 1; n <= e->nrcpt; n++) {
		if (e->rcpt[n - 1].mark[MARK_STATE] != STATE_TODO)
			continue;
		intake_row(q, &row, e, n, domain);
		if (over && row.hold == HOLD_LIMIT)
			row.error = over;
		else if (row.hold == HOLD_RULE && (rule = rule_of(q, e, n)))
			row.error = holdrule_words(rule);
		row_store(q, &row, e->uid);
	}
}

/* Rows are durable and the file is in cur/: now its recipients may be worked on. */
static void
place(struct runq *q, const struct envelope *e)
{
	char domain[DOMAIN_NAME_MAX], name[SPOOL_NAME_SIZE];
	struct row row;
	unsigned todo = 0;

	for (unsigned n = 1; n <= e->nrcpt; n++) {
		if (e->rcpt[n - 1].mark[MARK_STATE] != STATE_TODO)
			continue;
		todo++;
		intake_row(q, &row, e, n, domain);
		if (row.hold == HOLD_NONE && !item_find(q, e->id, n) && !suppress_fails(q, &row))
			load_place(q, &row);
	}
	if (todo)
		return;
	/* Everybody has it already: a machine died between the last mark and the unlink. */
	spool_name(name, e->id);
	(void)!message_give_up(q, e);
}

static void
take(struct runq *q, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		put_rows(q, &b->env[i], b->name[i]);
	limit_commit(q);
	if (index_commit(q->index, INDEX_DURABLE))
		return;
	for (size_t i = 0; i < b->n; i++) {
		char name[SPOOL_NAME_SIZE];

		spool_name(name, b->env[i].id);
		if (file_move(q->spool.new, b->name[i], q->spool.cur, name) && errno != ENOENT) {
			log_open(LOG_ALERT, "unmoved");
			log_s("id", b->name[i]);
			log_s("error", strerror(errno));
			log_close();
			continue;
		}
		q->count.taken++;
		metrics_taken();
		log_taken(&b->env[i], b->name[i]);
		place(q, &b->env[i]);
	}
	q->dirty = true;
}

bool
intake_paused(const struct runq *q)
{
	return q->mono < q->paused_until && !q->stopping && !q->leaving;
}

void
intake_round(struct runq *q)
{
	static struct batch b;

	if (q->stopping || q->rebuild || intake_paused(q) || index_broken(q->index))
		return;
	if (q->mono >= q->intake_at)
		q->intake_wanted = true;
	if (!q->intake_wanted && !q->intake_more)
		return;
	if (!q->new_dir)
		q->intake_wanted =
		    false; /* what comes from here on may be missed by this scan, and pulls the trigger */
	b.n = b.rows = 0;
	q->intake_more = read_batch(q, &b);
	if (!q->intake_more)
		q->intake_at = q->mono + SCAN_EVERY;
	if (b.n)
		take(q, &b);
	for (size_t i = 0; i < b.n; i++)
		envelope_free(&b.env[i]);
}
