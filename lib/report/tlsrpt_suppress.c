#include "base.h"

#include "clock.h"
#include "die.h"
#include "file.h"
#include "log.h"
#include "rec.h"
#include "tlsrpt_day.h"
#include "tlsrpt_suppress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "suppress"
#define FILE_MAX (16 * 1024 * 1024)
#define LOOK_BACK 7 /* days */

const char *const tlsrpt_how_words[] = {
    [SUPPRESS_MANUAL] = "manual", [SUPPRESS_AUTOMATIC] = "automatic", [SUPPRESS_OFF] = "off"};

/* ---- the list ---- */

/* suppress URI UNTIL HOW */
static void
line_read(struct tlsrpt_suppress *s, char *value, int64_t now)
{
	const char *uri = rec_field(&value), *until = rec_field(&value), *how = rec_field(&value);
	uint64_t at;
	size_t i = 0;

	while (how && i < ARRAY_LEN(tlsrpt_how_words) && strcmp(tlsrpt_how_words[i], how) != 0)
		i++;
	if (!uri || !until || !how || i == ARRAY_LEN(tlsrpt_how_words) ||
	    !str_number(until, INT64_MAX, &at) || (int64_t)at <= now)
		return;
	s->v = mem_grow(s->v, s->n + 1, sizeof *s->v);
	s->v[s->n++] = (struct tlsrpt_suppressed){mem_dup(uri), (int64_t)at, (enum tlsrpt_how)i};
}

void
tlsrpt_suppress_read(struct tlsrpt_suppress *s, int dir, int64_t now)
{
	struct str text = {0};
	struct rec_in in;
	char *key, *value;

	*s = (struct tlsrpt_suppress){0};
	if (file_read(dir, NAME, &text, FILE_MAX) && errno != ENOENT)
		die_temp("unable to read tlsrpt/" NAME ": %m");
	in = (struct rec_in){text.s, text.s + text.len};
	while (text.len && rec_next(&in, &key, &value) == REC_LINE)
		if (!strcmp(key, "suppress"))
			line_read(s, value, now);
	str_free(&text);
}

void
tlsrpt_suppress_free(struct tlsrpt_suppress *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].uri);
	free(s->v);
	*s = (struct tlsrpt_suppress){0};
}

static struct tlsrpt_suppressed *
entry_find(const struct tlsrpt_suppress *s, const char *uri)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].uri, uri))
			return &s->v[i];
	return NULL;
}

bool
tlsrpt_suppress_has(const struct tlsrpt_suppress *s, const char *uri)
{
	const struct tlsrpt_suppressed *one = entry_find(s, uri);

	return one && one->how != SUPPRESS_OFF;
}

static void
list_write(int dir, const struct tlsrpt_suppress *s)
{
	struct str out = {0};

	for (size_t i = 0; i < s->n; i++) {
		rec_open(&out, "suppress");
		rec_put(&out, s->v[i].uri);
		rec_putf(&out, "%" PRId64, s->v[i].until);
		rec_put(&out, tlsrpt_how_words[s->v[i].how]);
		rec_close(&out);
	}
	rec_end(&out);
	if (file_replace(dir, NAME, out.s, out.len, 0600))
		die_temp("unable to write tlsrpt/" NAME ": %m");
	str_free(&out);
}

bool
tlsrpt_suppress_set(int dir, const char *uri, int64_t until, enum tlsrpt_how how)
{
	int64_t now = clock_now();
	struct tlsrpt_suppress s;
	struct tlsrpt_suppressed *one;
	bool found;

	while (flock(dir, LOCK_EX))
		if (errno != EINTR)
			die_temp("unable to lock tlsrpt: %m");
	tlsrpt_suppress_read(&s, dir, now);
	found = tlsrpt_suppress_has(&s, uri);
	if (!(one = entry_find(&s, uri))) {
		s.v = mem_grow(s.v, s.n + 1, sizeof *s.v);
		one = &s.v[s.n++];
		*one = (struct tlsrpt_suppressed){.uri = mem_dup(uri)};
	}
	one->until = until > now ? until : now + LOOK_BACK * DAY;
	one->how = until > now ? how : SUPPRESS_OFF;
	if (found || until > now)
		list_write(dir, &s);
	tlsrpt_suppress_free(&s);
	flock(dir, LOCK_UN);
	return found || until > now;
}

/* ---- what failed ---- */

struct failure {
	char *address;
	unsigned days, last; /* how many, and which of the days looked at was the last */
};

struct failures {
	struct failure *v;
	size_t n;
};

static void
failure_add(struct failures *f, const char *address, unsigned day)
{
	size_t i = 0;

	while (i < f->n && strcmp(f->v[i].address, address) != 0)
		i++;
	if (i == f->n) {
		f->v = mem_grow(f->v, f->n + 1, sizeof *f->v);
		f->v[f->n++] = (struct failure){mem_dup(address), 0, 0};
	}
	if (f->v[i].last != day)
		f->v[i].days++;
	f->v[i].last = day;
}

/* failed TIME ADDRESS */
static void
day_read(struct failures *f, int dir, int64_t when, unsigned day)
{
	char name[32], of[CLOCK_DAY_SIZE], *p, *nl;
	struct str text = {0};

	clock_day(of, when);
	snprintf(name, sizeof name, "%s.failed", of);
	if (file_read(dir, name, &text, FILE_MAX) && errno != ENOENT)
		die_temp("unable to read tlsrpt/%s: %m", name);
	for (p = text.s; p && (nl = strchr(p, '\n')); p = nl + 1) {
		char *value = p + strlen("failed ");
		const char *address;

		*nl = 0;
		if (strncmp(p, "failed ", strlen("failed ")) != 0 || !rec_field(&value))
			continue;
		if ((address = rec_field(&value)) && *address)
			failure_add(f, address, day);
	}
	str_free(&text);
}

void
tlsrpt_suppress_learn(int dir, int64_t now)
{
	struct tlsrpt_suppress have;
	struct failures f = {0};

	for (unsigned i = 0; i < LOOK_BACK; i++)
		day_read(&f, dir, now - (int64_t)i * DAY, i + 1);
	tlsrpt_suppress_read(&have, dir, now);
	for (size_t i = 0; i < f.n; i++) {
		struct str uri = {0};

		str_addf(&uri, "mailto:%s", f.v[i].address);
		if (f.v[i].days >= TLSRPT_FAILED_DAYS && !entry_find(&have, uri.s)) {
			(void)tlsrpt_suppress_set(dir, uri.s, now + TLSRPT_SUPPRESS_FOR, SUPPRESS_AUTOMATIC);
			log_open(LOG_WARN, "tlsrpt-suppressed");
			log_s("address", f.v[i].address);
			log_i("days", f.v[i].days);
			log_close();
		}
		str_free(&uri);
		free(f.v[i].address);
	}
	free(f.v);
	tlsrpt_suppress_free(&have);
}
