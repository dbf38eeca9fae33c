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

static int
by_name(const void *x, const void *y)
{
	const struct alias_entry *a = x, *b = y;
	int c = strcmp(a->name, b->name);

	return c ? c : a->line < b->line ? -1 : 1;
}

static int
key_cmp(const void *key, const void *entry)
{
	return strcmp(key, ((const struct alias_entry *)entry)->name);
}

struct alias_entry *
aliases_find(const struct aliases *a, const char *key)
{
	return a->n ? bsearch(key, a->v, a->n, sizeof *a->v, key_cmp) : NULL;
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

struct parser {
	struct aliases *a;
	struct str *faults;
	struct str logical;    /* a line with those that continue it */
	struct alias_place at; /* where it began */
	unsigned line;
};

/* Behind the name at p. NULL: *why. */
static const char *
name_end(const char *p, const char *end, const char **why)
{
	const char *s = p;

	if (*p == '"') {
		s = alias_quoted_end(p, end);
		*why = s ? NULL : "a quoted name is not closed";
		return s;
	}
	while (s < end && *s != ':' && !alias_is_blank(*s))
		s++;
	*why = s == p                            ? "expected a name"
	       : memchr(p, '@', (size_t)(s - p)) ? "only names without a domain have aliases"
	                                         : NULL;
	return *why ? NULL : s;
}

static void
entry_add(struct parser *p)
{
	const char *s = p->logical.s, *end = s + p->logical.len, *stop, *why;
	struct aliases *a = p->a;

	if (memchr(s, 0, p->logical.len)) {
		alias_remark(p->faults, &p->at, NULL, "NUL byte in the line");
		return;
	}
	stop = name_end(s, end, &why);
	if (!stop) {
		alias_remark(p->faults, &p->at, NULL, why);
		return;
	}
	for (end = stop; alias_is_blank(*end); end++)
		;
	if (*end != ':') {
		alias_remark(p->faults, &p->at, NULL, "expected : behind the name");
		return;
	}
	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 64;
		a->v = mem_grow(a->v, a->cap, sizeof *a->v);
	}
	a->v[a->n++] = (struct alias_entry){
	    alias_key(s, (size_t)(stop - s)), mem_dup(end + 1), p->at.line, ALIAS_UNSEEN, false};
}

static void
logical_end(struct parser *p)
{
	if (p->logical.len)
		entry_add(p);
	str_reset(&p->logical);
}

/* Comments and empty lines end nothing. */
static void
line_add(struct parser *p, const char *s, const char *end)
{
	const char *text = s;

	p->line++;
	while (text < end && alias_is_blank(*text))
		text++;
	if (text == end || *text == '#')
		return;
	if (text == s)
		logical_end(p);
	else if (!p->logical.len) {
		struct alias_place at = {p->at.file, p->line};

		alias_remark(p->faults, &at, NULL, "the line continues none: it begins with a blank");
		return;
	}
	if (!p->logical.len)
		p->at.line = p->line;
	str_add(&p->logical, s, (size_t)(end - s));
}

static void
entries_sort(struct aliases *a, struct str *faults)
{
	size_t n = 0;

	if (!a->n)
		return;
	qsort(a->v, a->n, sizeof *a->v, by_name);
	for (size_t i = 0; i < a->n; i++) {
		struct alias_place at = {a->file, a->v[i].line};

		if (!n || strcmp(a->v[i].name, a->v[n - 1].name)) {
			a->v[n++] = a->v[i];
			continue;
		}
		alias_remark(faults, &at, a->v[i].name, "the name has a line before this one, which counts");
		free(a->v[i].name);
		free(a->v[i].value);
	}
	a->n = n;
}

struct aliases *
aliases_parse(const char *file, const char *text, size_t n, struct str *faults)
{
	struct aliases *a = mem_zalloc(sizeof *a);
	struct parser p = {.a = a, .faults = faults};
	const char *end = text + n;

	p.at.file = a->file = mem_dup(file);
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text)), *stop = nl ? nl : end;

		line_add(&p, text, stop);
		text = nl ? nl + 1 : end;
	}
	logical_end(&p);
	str_free(&p.logical);
	entries_sort(a, faults);
	return a;
}

size_t
aliases_count(const struct aliases *a)
{
	return a->n;
}

void
aliases_free(struct aliases *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].name);
		free(a->v[i].value);
	}
	free(a->v);
	free(a->file);
	free(a);
}
