/* mox-tlsrpt-send parse: a report that came to us, as rows, or kept to be counted. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "owner.h"
#include "sandbox.h"
#include "table.h"
#include "tlsrpt_keep.h"
#include "tlsrpt_read.h"
#include "tlsrpt_verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { DOMAIN, TYPE, RESULT, SESSIONS, MX, TO, FROM, HELO, ORGANIZATION, BEGIN, END, ID, REASON, COLUMNS };

static struct table_column columns[COLUMNS] = {[DOMAIN] = {"domain", 20, false},
    [TYPE] = {"type", 5, false},
    [RESULT] = {"result", 8, false},
    [SESSIONS] = {"sessions", 8, true},
    [MX] = {"mx", 20, false},
    [TO] = {"to", 15, false},
    [FROM] = {"from", 15, false},
    [HELO] = {"helo", 10, false},
    [ORGANIZATION] = {"organization", 12, false},
    [BEGIN] = {"begin", 20, false},
    [END] = {"end", 20, false},
    [ID] = {"id", 10, false},
    [REASON] = {"reason", 10, false}};

static void
put(struct str *value, const char *s)
{
	str_reset(value);
	str_adds(value, s);
}

static void
put_time(struct str *value, int64_t t)
{
	char iso[CLOCK_ISO_SIZE];

	str_reset(value);
	if (!t)
		return;
	clock_iso(iso, t, 0);
	str_adds(value, iso);
}

static void
print(const struct table *t, const struct tlsrpt_read *r)
{
	struct str value[COLUMNS] = {0};

	for (size_t i = 0; i < r->nrow; i++) {
		const struct tlsrpt_read_row *row = &r->row[i];

		put(&value[DOMAIN], row->domain);
		put(&value[TYPE], row->type);
		put(&value[RESULT], row->result);
		str_reset(&value[SESSIONS]);
		str_addf(&value[SESSIONS], "%ju", (uintmax_t)row->sessions);
		put(&value[MX], row->mx);
		put(&value[TO], row->to);
		put(&value[FROM], row->from);
		put(&value[HELO], row->helo);
		put(&value[ORGANIZATION], r->organization);
		put_time(&value[BEGIN], r->begin);
		put_time(&value[END], r->end);
		put(&value[ID], r->id);
		put(&value[REASON], row->reason);
		table_row(t, value);
	}
	for (size_t i = 0; i < COLUMNS; i++)
		str_free(&value[i]);
}

/* At most one byte more than is read of a report, so that a longer one shows. */
static void
input_read(const char *name, struct str *bytes)
{
	int fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) : dup(0);
	ssize_t n = 1;

	if (fd < 0)
		die_perm("unable to open %s: %m", name);
	while (n > 0 && bytes->len <= TLSRPT_READ_MAX) {
		str_reserve(bytes, 65536);
		n = fd_read(fd, bytes->s + bytes->len, 65536);
		bytes->len += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		die_temp("unable to read %s: %m", name);
	str_reserve(bytes, 1);
	bytes->s[bytes->len] = 0;
	close(fd);
}

/* ---- kept ---- */

struct keeping {
	int dir;
	int64_t now;
};

static int
keep(const struct keeping *k, const char *name, const struct tlsrpt_read *r)
{
	const char *why = NULL;

	switch (tlsrpt_keep(k->dir, r, k->now, &why)) {
	case TLSRPT_KEPT:
	case TLSRPT_KEPT_BEFORE: return 0;
	case TLSRPT_KEPT_NEVER: warn("unable to keep the report from %s: %s", name, why); return EXIT_PERM;
	case TLSRPT_KEPT_FAILED: warn("unable to keep the report from %s: %m", name); return EXIT_TEMP;
	}
	return EXIT_TEMP;
}

/* Root becomes who owns the spool before anything is read, and whoever reads can then write nowhere but in tlsrpt-in. */
static struct keeping
keep_open(const struct conf *c, char **names)
{
	static const char *const all[] = {"/", NULL};
	struct str path = {0};
	struct keeping k = {-1, clock_now()};
	bool files = false;

	for (char **n = names; *n; n++)
		files = files || strcmp(*n, "-") != 0;
	owner_become(c->spool);
	if ((k.dir = tlsrpt_keep_open(c->spool)) < 0)
		die_temp("unable to open %s/tlsrpt-in: %m", c->spool);
	str_addf(&path, "%s/tlsrpt-in", c->spool);
	sandbox_files_below(files ? all : NULL, path.s);
	str_free(&path);
	return k;
}

/* ---- each ---- */

/* Rows are printed; or, without t, kept. */
static int
parse(const char *name, const struct table *t, const struct keeping *k)
{
	struct str bytes = {0};
	struct tlsrpt_read r;
	const char *why;
	int code = 0;

	input_read(name, &bytes);
	if ((why = tlsrpt_read(&r, str_cstr(&bytes), bytes.len))) {
		warn("unable to read a report from %s: %s", name, why);
		code = EXIT_PERM;
	} else if (t) {
		print(t, &r);
	} else {
		code = keep(k, name, &r);
	}
	if (r.ncut)
		warn("%s has %zu rows more than are read", name, r.ncut);
	tlsrpt_read_free(&r);
	str_free(&bytes);
	return code;
}

int
tlsrpt_verb_parse(const struct tlsrpt_run *run, char **argv)
{
	struct table t = {.column = columns, .n = COLUMNS};
	bool json = *argv && !strcmp(*argv, "-j"), kept = *argv && !strcmp(*argv, "-k");
	struct keeping k = {-1, 0};
	int code = 0;

	argv += json || kept;
	if (!*argv)
		return -1;
	if (kept) {
		k = keep_open(run->conf, argv);
	} else {
		t.form = json ? TABLE_JSON : table_form_of(1, &t.width);
		table_head(&t);
	}
	for (; *argv; argv++) {
		int one = parse(*argv, kept ? NULL : &t, &k);

		code = one > code ? one : code;
	}
	if (fflush(stdout) || ferror(stdout))
		die_temp("unable to write: %m");
	return code;
}
