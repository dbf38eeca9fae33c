/* Double bounces beyond those that the postmaster gets one by one: gathered in spool/doubles, and told in one
 * message an hour after the first of them.
 *
 * The file is lines of the record grammar, without an `end`, as it only grows until a digest is queued:
 *   told TIME                     a double bounce that has a notice of its own
 *   over TIME ID.N ADDRESS FATE   one that has none; the fate as in its row
 *   more COUNT TIME               so many older ones than those above, the first of them then
 * A line stands there before its message is given up. A power failure may take the last second's: the log has
 * them. Who dies between the digest and the next writing sends it again. */
#include "base.h"

#include "clock.h"
#include "fdio.h"
#include "file.h"
#include "log.h"
#include "notice.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "doubles"
#define FILE_MAX (256 * 1024) /* then it is written anew with the newest */
#define READ_MAX (4 * FILE_MAX)
#define NEWEST 100 /* lines that are kept at least */
#define SHOWN 50   /* in a digest */

/* ---- reading ---- */

struct line {
	enum { LINE_NONE, LINE_TOLD, LINE_OVER, LINE_MORE } kind;
	int64_t time;
	uint64_t count;
	char *id, *address, *fate; /* of LINE_OVER; fate still encoded */
	size_t at, len;            /* in the file */
};

struct lines {
	struct str file, text; /* as it is; taken apart */
	struct line *v;
	size_t n, over; /* over: of that kind */
};

static bool
read_time(const char *field, int64_t *time)
{
	uint64_t v;

	if (!field || !str_number(field, INT64_MAX / 4, &v))
		return false;
	*time = (int64_t)v;
	return true;
}

/* What is not whole, as a crash may leave the last one, is no line. */
static struct line
line_read(char *p, size_t n)
{
	struct rec_in in = {p, p + n};
	struct line l = {.kind = LINE_NONE};
	char *key, *value;

	if (rec_next(&in, &key, &value) != REC_LINE)
		return l;
	if (!strcmp(key, "told")) {
		l.kind = read_time(rec_field(&value), &l.time) ? LINE_TOLD : LINE_NONE;
	} else if (!strcmp(key, "more")) {
		const char *count = rec_field(&value);

		if (count && str_number(count, INT64_MAX, &l.count) && read_time(rec_field(&value), &l.time))
			l.kind = LINE_MORE;
	} else if (!strcmp(key, "over") && read_time(rec_field(&value), &l.time)) {
		l.id = rec_field(&value);
		l.address = l.id ? rec_field(&value) : NULL;
		l.fate = value;
		l.count = 1;
		if (l.address && l.fate)
			l.kind = LINE_OVER;
	}
	return l;
}

static void
lines_read(struct runq *q, struct lines *all)
{
	*all = (struct lines){.n = 0};
	if (file_read(q->spool.dir, FILE_NAME, &all->file, READ_MAX) && errno == EFBIG)
		unlinkat(q->spool.dir, FILE_NAME, 0); /* none of ours is that long */
	str_add(&all->text, str_cstr(&all->file), all->file.len);
	for (size_t at = 0; at < all->text.len;) {
		char *p = all->text.s + at, *lf = memchr(p, '\n', all->text.len - at);
		size_t len = lf ? (size_t)(lf + 1 - p) : all->text.len - at;
		struct line l = line_read(p, len);

		l.at = at;
		l.len = len;
		at += len;
		if (l.kind == LINE_NONE)
			continue;
		all->over += l.kind == LINE_OVER;
		all->v = mem_grow(all->v, all->n + 1, sizeof *all->v);
		all->v[all->n++] = l;
	}
}

static void
lines_free(struct lines *all)
{
	str_free(&all->file);
	str_free(&all->text);
	free(all->v);
}

static void
count(struct doubles *d, const struct line *l)
{
	if (l->kind == LINE_TOLD)
		d->told[d->at++ % DOUBLES_MAX] = l->time;
	if (l->kind != LINE_OVER && l->kind != LINE_MORE)
		return;
	if (!d->over || l->time < d->first)
		d->first = l->time;
	d->over += l->count;
}

static struct doubles *
doubles_of(struct runq *q)
{
	struct doubles *d = &q->notices.doubles;
	struct lines all;

	if (d->known)
		return d;
	d->known = true;
	lines_read(q, &all);
	d->bytes = all.file.len;
	for (size_t i = 0; i < all.n; i++)
		count(d, &all.v[i]);
	lines_free(&all);
	return d;
}

/* ---- writing ---- */

static bool
append(struct runq *q, const struct str *lines)
{
	struct doubles *d = &q->notices.doubles;
	int fd =
	    openat(q->spool.dir, FILE_NAME, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	bool good;

	if (fd < 0)
		return false;
	good = !fstat(fd, &st) && !fd_write_all(fd, lines->s, lines->len);
	if (!good && ftruncate(fd, st.st_size)) /* half a line would spoil the next */
		unlinkat(q->spool.dir, FILE_NAME, 0);
	close(fd);
	d->bytes = good ? (size_t)st.st_size + lines->len : d->bytes;
	q->dirty = true;
	return good;
}

/* Without the gathered ones that stand before `from`; of the others the newest, and how many there were. */
static void
rewrite(struct runq *q, size_t from)
{
	struct doubles *d = &q->notices.doubles;
	struct line older = {.kind = LINE_MORE, .time = INT64_MAX};
	struct str out = {0};
	struct lines all;
	size_t seen = 0;

	lines_read(q, &all);
	*d = (struct doubles){.known = true, .not_before = d->not_before};
	for (size_t i = 0; i < all.n; i++) {
		const struct line *l = &all.v[i];
		bool newest = l->kind == LINE_OVER && all.over - seen++ <= NEWEST;

		if (l->kind == LINE_TOLD ? l->time > q->now - HOUR : newest && l->at >= from) {
			str_add(&out, all.file.s + l->at, l->len);
			count(d, l);
		} else if (l->kind != LINE_TOLD && l->at >= from) {
			older.count += l->count;
			older.time = l->time < older.time ? l->time : older.time;
		}
	}
	if (older.count) {
		rec_addf(&out, "more", "%" PRIu64 " %" PRId64, older.count, older.time);
		count(d, &older);
	}
	d->bytes = out.len;
	if (out.len ? file_replace_unsynced(q->spool.dir, FILE_NAME, out.s, out.len, 0600)
		    : unlinkat(q->spool.dir, FILE_NAME, 0)) {
		log_open(LOG_ALERT, "unwritten");
		log_s("file", FILE_NAME);
		log_s("error", strerror(errno));
		log_close();
	}
	q->dirty = true;
	lines_free(&all);
	str_free(&out);
}

/* ---- for tell.c ---- */

bool
doubles_may_tell(struct runq *q)
{
	const struct doubles *d = doubles_of(q);
	int64_t oldest = d->told[d->at % DOUBLES_MAX];

	return !oldest || oldest > q->now || q->now - oldest >= HOUR;
}

void
doubles_note_told(struct runq *q)
{
	struct doubles *d = doubles_of(q);
	struct str line = {0};

	d->told[d->at++ % DOUBLES_MAX] = q->now;
	rec_addi(&line, "told", q->now);
	if (!append(q, &line)) {
		log_open(LOG_WARN, "unwritten");
		log_s("file", FILE_NAME);
		log_s("error", strerror(errno));
		log_close();
	}
	str_free(&line);
}

bool
doubles_add(struct runq *q, const struct envelope *e, uint32_t n)
{
	static struct str buf, line;
	struct doubles *d = doubles_of(q);
	char id[ROW_ID_SIZE];
	struct row row;
	uint32_t uid;

	if (!row_load(q, &buf, &row, &uid, e->id, n))
		return false;
	row_id(id, &row);
	str_reset(&line);
	rec_open(&line, "over");
	rec_putf(&line, "%" PRId64, q->now);
	rec_put(&line, id);
	rec_put(&line, e->rcpt[n - 1].address);
	str_addf(&line, " %s", row.fate ? row.fate : "failed 0 - - -");
	rec_close(&line);
	if (!append(q, &line))
		return false;
	count(d, &(struct line){.kind = LINE_OVER, .time = q->now, .count = 1});
	if (d->bytes > FILE_MAX && !d->telling)
		rewrite(q, 0);
	return true;
}

/* ---- the digest ---- */

void
doubles_round(struct runq *q)
{
	struct doubles *d = doubles_of(q);

	if (!d->over || d->telling || d->not_before > q->mono ||
	    (d->first <= q->now && q->now - d->first < HOUR))
		return;
	d->telling = true;
	notice_get(q, 0, NOTICE_DIGEST);
}

static void
add_fate(struct str *out, const struct line *l)
{
	rec_open(out, "rcpt");
	rec_put(out, l->address);
	str_addf(out, " %s", l->fate);
	rec_putf(out, "log=%s", l->id);
	if (!strstr(l->fate, " last="))
		rec_putf(out, "last=%" PRId64, l->time);
	rec_close(out);
}

bool
doubles_fates(struct runq *q, struct str *out)
{
	struct doubles *d = doubles_of(q);
	struct lines all;
	size_t seen = 0;

	lines_read(q, &all);
	d->upto = all.file.len;
	rec_addi(out, "queued", d->first);
	rec_addi(out, "count", d->over);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].kind == LINE_OVER && all.over - seen++ <= SHOWN)
			add_fate(out, &all.v[i]);
	lines_free(&all);
	return seen > 0;
}

void
doubles_told(struct runq *q)
{
	rewrite(q, q->notices.doubles.upto);
}

void
doubles_later(struct runq *q, int64_t wait)
{
	q->notices.doubles.telling = false;
	q->notices.doubles.not_before = q->mono + wait;
}
