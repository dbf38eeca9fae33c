#include "base.h"

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "file.h"
#include "rec.h"
#include "tlsrpt_ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (64 * 1024 * 1024)
#define WAIT_MOST 8 /* hours */
#define OUTCOMES_MAX                                                                                         \
	131072 /* bytes, of the lines of as many tries as one message has addresses, encoded, and what was said */

static const char *const words[] = {[LEDGER_TRY] = "try",
    [LEDGER_SENT] = "sent",
    [LEDGER_LATER] = "later",
    [LEDGER_NEVER] = "never",
    [LEDGER_DONE] = "done",
    [LEDGER_WHOLE] = "whole"};

/* ---- in memory ---- */

static unsigned
slot_of(const char *domain)
{
	uint32_t h = 2166136261;

	for (; *domain; domain++)
		h = (h ^ (unsigned char)*domain) * 16777619;
	return (h ^ h >> 16) % LEDGER_BUCKETS;
}

static struct ledger_entry *
entry_find(const struct ledger *l, const char *domain, const char *uri)
{
	struct ledger_entry *e;

	for (e = l->bucket[slot_of(domain)]; e; e = e->next)
		if (!strcmp(e->domain, domain) && !strcmp(e->uri, uri))
			return e;
	return NULL;
}

static void
entry_set(struct ledger *l, enum ledger_state state, const char *domain, const char *uri, int64_t when)
{
	struct ledger_entry *e = entry_find(l, domain, uri);
	size_t n = strlen(domain) + 1;

	if (!e) {
		unsigned slot = slot_of(domain);

		e = mem_zalloc(sizeof *e + n);
		memcpy(e->domain, domain, n);
		e->uri = mem_dup(uri);
		e->first = when;
		e->next = l->bucket[slot];
		l->bucket[slot] = e;
	}
	e->state = state;
	e->last = when;
	e->later += state == LEDGER_LATER;
}

/* ---- the file ---- */

/* WORD TIME DOMAIN URI WHY; a line that is not ours is passed over. */
static void
line_read(struct ledger *l, const char *word, char *value)
{
	const char *domain, *uri, *when = rec_field(&value);
	uint64_t at;
	size_t i = 0;

	while (i < ARRAY_LEN(words) && strcmp(words[i], word) != 0)
		i++;
	if (i == ARRAY_LEN(words) || !when || !str_number(when, INT64_MAX, &at))
		return;
	if (i == LEDGER_WHOLE) {
		l->whole = true;
		return;
	}
	domain = rec_field(&value);
	uri = rec_field(&value);
	if (domain && uri)
		entry_set(l, (enum ledger_state)i, domain, uri, (int64_t)at);
}

static void
lines_read(struct ledger *l, struct str *text)
{
	char *nl, *p = text->s, *end = p + text->len;

	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		char *value;

		*nl = 0;
		/* What a power failure left has no space, or bytes of nothing. */
		if (strlen(p) != (size_t)(nl - p) || !(value = strchr(p, ' ')))
			continue;
		*value++ = 0;
		line_read(l, p, value);
	}
	str_free(text);
}

int
ledger_file(int dir, const char *name, int flags)
{
	return openat(dir, name, flags | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

int
ledger_open(struct ledger *l, int dir, const char *day)
{
	struct str text = {0};
	char name[32], last = '\n';

	*l = (struct ledger){.fd = -1};
	snprintf(name, sizeof name, "%s.sent", day);
	if (file_read(dir, name, &text, FILE_MAX) && errno != ENOENT)
		return -1;
	if (text.len)
		last = text.s[text.len - 1];
	lines_read(l, &text);
	l->fd = ledger_file(dir, name, O_WRONLY | O_APPEND);
	if (l->fd >= 0 && last != '\n' && fd_write_all(l->fd, "\n", 1)) {
		close(l->fd);
		l->fd = -1;
	}
	return l->fd < 0 ? -1 : 0;
}

void
ledger_close(struct ledger *l)
{
	for (size_t i = 0; i < LEDGER_BUCKETS; i++) {
		struct ledger_entry *e, *next;

		for (e = l->bucket[i]; e; e = next) {
			next = e->next;
			free(e->uri);
			free(e);
		}
	}
	close(l->fd);
	*l = (struct ledger){.fd = -1};
}

/* Room for what becomes of a try: a disk that is full must not make it one that nobody knows of. A file system that cannot
 * set any aside has to do without. */
static void
outcome_reserve(const struct ledger *l)
{
	struct stat st;

	if (fstat(l->fd, &st) || (fallocate(l->fd, FALLOC_FL_KEEP_SIZE, st.st_size, OUTCOMES_MAX) &&
				     (errno == ENOSPC || errno == EDQUOT)))
		die_temp("unable to write what was sent: %m");
}

static void
append(struct ledger *l, enum ledger_state state, const char *domain, const char *uri, const char *why)
{
	int64_t now = clock_now();
	struct str line = {0};

	rec_open(&line, words[state]);
	rec_putf(&line, "%" PRId64, now);
	rec_put(&line, domain);
	rec_put(&line, uri);
	if (why)
		rec_put(&line, why);
	rec_close(&line);
	if (state == LEDGER_TRY)
		outcome_reserve(l);
	if (fd_write_all(l->fd, line.s, line.len) || file_sync_data(l->fd))
		die_temp("unable to write what was sent: %m");
	str_free(&line);
	if (state == LEDGER_WHOLE)
		l->whole = true;
	else
		entry_set(l, state, domain, uri, now);
}

/* ---- questions ---- */

bool
ledger_is_done(const struct ledger *l, const char *domain)
{
	return l->whole || entry_find(l, domain, "");
}

bool
ledger_has(const struct ledger *l, const char *domain, const char *uri)
{
	return entry_find(l, domain, uri) != NULL;
}

bool
ledger_is_unknown(const struct ledger *l, const char *domain, const char *uri)
{
	const struct ledger_entry *e = entry_find(l, domain, uri);

	return e && e->state == LEDGER_TRY;
}

int64_t
ledger_next(const struct ledger *l, const char *domain, const char *uri)
{
	const struct ledger_entry *e = entry_find(l, domain, uri);
	int64_t wait = 1;

	if (!e || e->state != LEDGER_LATER)
		return 0;
	for (unsigned i = 1; i < e->later && wait < WAIT_MOST; i++)
		wait *= 2;
	return e->last + wait * HOUR;
}

bool
ledger_open_ended(const struct ledger *l, const char *domain, const char *uri, int64_t now)
{
	const struct ledger_entry *e = entry_find(l, domain, uri);

	return !e || (e->state == LEDGER_LATER && now < e->first + LEDGER_GIVE_UP);
}

bool
ledger_due(const struct ledger *l, const char *domain, const char *uri, int64_t now)
{
	return ledger_open_ended(l, domain, uri, now) && ledger_next(l, domain, uri) <= now;
}

/* ---- changes ---- */

void
ledger_note(struct ledger *l, enum ledger_state state, const char *domain, const char *uri, const char *why)
{
	append(l, state, domain, uri, why);
}

void
ledger_done(struct ledger *l, const char *domain, const char *why)
{
	append(l, LEDGER_DONE, domain, "", why);
}

void
ledger_whole(struct ledger *l)
{
	append(l, LEDGER_WHOLE, "-", "-", NULL);
}
