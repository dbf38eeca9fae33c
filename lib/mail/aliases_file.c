#include "base.h"

#include "aliases.h"
#include "aliases_file.h"
#include "fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMARKS_MAX 65536 /* bytes */

bool
alias_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

void
alias_remark(struct str *out, const struct alias_place *at, const char *what, const char *why)
{
	if (out->len > REMARKS_MAX)
		return;
	str_addf(out, "%s:%u: ", at->file, at->line);
	if (what)
		str_addf(out, "unable to use %.200s: ", what);
	str_addf(out, "%s\n", why);
}

const char *
alias_quoted_end(const char *p, const char *end)
{
	for (p++; p < end; p++)
		if (*p == '\\')
			p++;
		else if (*p == '"')
			return p + 1;
	return NULL;
}

/* ---- names ---- */

char *
alias_key(const char *s, size_t n)
{
	struct str out = {0};

	if (n >= 2 && s[0] == '"' && s[n - 1] == '"')
		for (s++, n -= 2; n; s++, n--) {
			if (*s == '\\' && n > 1) {
				s++;
				n--;
			}
			str_addc(&out, *s);
		}
	else
		str_add(&out, s, n);
	str_lower(out.len ? out.s : (char[]){0});
	return str_take(&out);
}

static uint32_t
hash_of(const char *name)
{
	uint32_t h = 2166136261;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619;
	return h ^ h >> 15;
}

/* Where the name stands or would stand. */
static uint32_t *
slot_of(const struct aliases *a, const char *name)
{
	size_t i = hash_of(name) & (a->nslot - 1);

	while (a->slot[i] && strcmp(a->v[a->slot[i] - 1].name, name) != 0)
		i = (i + 1) & (a->nslot - 1);
	return &a->slot[i];
}

struct alias_entry *
aliases_find(const struct aliases *a, const char *key)
{
	uint32_t at = *slot_of(a, key);

	return at ? &a->v[at - 1] : NULL;
}

/* ---- the file ---- */

bool
aliases_read(const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), error = 0;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return false;
	if (fstat(fd, &st))
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = EINVAL;
	else if (st.st_size > (off_t)ALIASES_MAX)
		error = EFBIG;
	else {
		str_reserve(out, (size_t)st.st_size + 1);
		if ((n = fd_read_all(fd, out->s, (size_t)st.st_size)) < 0)
			error = errno;
		else
			out->len = (size_t)n;
	}
	close(fd);
	errno = error;
	return !error;
}

/* Lines are taken apart in the copy of the file: large ones are read anew for each message. */
struct parser {
	struct aliases *a;
	struct str *faults;
	char *begin, *end;     /* a line with those that continue it; NULL: none is open */
	struct alias_place at; /* where it began */
	unsigned line;
};

/* Behind the name at p. NULL: *why. */
static char *
name_end(char *p, const char *end, const char **why)
{
	char *s = p;

	if (*p == '"') {
		const char *quoted = alias_quoted_end(p, end);

		*why = quoted ? NULL : "a quoted name is not closed";
		return quoted ? p + (quoted - p) : NULL;
	}
	while (s < end && *s != ':' && !alias_is_blank(*s))
		s++;
	*why = s == p                            ? "expected a name"
	       : memchr(p, '@', (size_t)(s - p)) ? "only names without a domain have aliases"
	                                         : NULL;
	return *why ? NULL : s;
}

/* Of a name that stands twice the first line counts. */
static void
entry_put(struct parser *p, char *name, char *value)
{
	struct aliases *a = p->a;
	uint32_t *slot;

	slot = slot_of(a, name);
	if (*slot) {
		alias_remark(p->faults, &p->at, name, "the name has a line before this one, which counts");
		return;
	}
	a->v[a->n++] = (struct alias_entry){name, value, p->at.line, ALIAS_UNSEEN, false};
	*slot = (uint32_t)a->n;
}

/* end can be written to. */
static void
entry_add(struct parser *p)
{
	char *s = p->begin, *stop, *colon, *key;
	const char *why;

	*p->end = 0;
	if (memchr(s, 0, (size_t)(p->end - s))) {
		alias_remark(p->faults, &p->at, NULL, "NUL byte in the line");
		return;
	}
	if (!(stop = name_end(s, p->end, &why))) {
		alias_remark(p->faults, &p->at, NULL, why);
		return;
	}
	for (colon = stop; alias_is_blank(*colon); colon++)
		;
	if (*colon != ':') {
		alias_remark(p->faults, &p->at, NULL, "expected : behind the name");
		return;
	}
	*colon = *stop = 0;
	str_lower(s);
	if (*s == '"') { /* without its quotes it is shorter */
		key = alias_key(s, (size_t)(stop - s));
		memcpy(s, key, strlen(key) + 1);
		free(key);
	}
	entry_put(p, s, colon + 1);
}

static void
logical_end(struct parser *p)
{
	if (p->begin)
		entry_add(p);
	p->begin = NULL;
}

/* Comments and empty lines end nothing. */
static void
line_add(struct parser *p, char *s, char *end)
{
	char *text = s;

	p->line++;
	while (text < end && alias_is_blank(*text))
		text++;
	if (text < end && *text != '#' && text == s) {
		logical_end(p);
		p->begin = s;
		p->end = end;
		p->at.line = p->line;
		return;
	}
	if (text == end || *text == '#') {
		memset(s, ' ', (size_t)(end - s));
	} else if (p->begin) {
		/* With what stood between them, which is blank by now. */
		for (char *nl = p->end; nl < s && (nl = memchr(nl, '\n', (size_t)(s - nl))); nl++)
			*nl = ' ';
		p->end = end;
	} else {
		struct alias_place at = {p->at.file, p->line};

		alias_remark(p->faults, &at, NULL, "the line continues none: it begins with a blank");
	}
}

/* Room for an entry a line. */
static void
room_make(struct aliases *a, const char *text, size_t n)
{
	size_t lines = 1;

	for (const char *p = text, *end = text + n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	for (a->nslot = 64; a->nslot < 2 * lines;)
		a->nslot *= 2;
	a->slot = mem_zalloc(a->nslot * sizeof *a->slot);
	a->v = mem_grow(NULL, lines, sizeof *a->v);
}

struct aliases *
aliases_take(const char *file, struct str *text, struct str *faults)
{
	struct aliases *a = mem_zalloc(sizeof *a);
	struct parser p = {.a = a, .faults = faults};
	size_t n = text->len;
	char *s = a->text = str_take(text), *end = s + n;

	p.at.file = a->file = mem_dup(file);
	room_make(a, s, n);
	while (s < end) {
		char *nl = memchr(s, '\n', (size_t)(end - s)), *stop = nl ? nl : end;

		line_add(&p, s, stop);
		s = nl ? nl + 1 : end;
	}
	logical_end(&p);
	return a;
}

struct aliases *
aliases_parse(const char *file, const char *text, size_t n, struct str *faults)
{
	struct str copy = {0};

	str_add(&copy, text, n);
	return aliases_take(file, &copy, faults);
}

size_t
aliases_count(const struct aliases *a)
{
	return a->n;
}

void
aliases_free(struct aliases *a)
{
	free(a->v);
	free(a->slot);
	free(a->text);
	free(a->file);
	free(a);
}
