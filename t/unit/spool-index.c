/* The index: rows and further tables, and what is left of them when their files are damaged or gone. */
#include "base.h"

#include "index.h"
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/moxq-index.XXXXXX";

static struct index *
open_it(enum index_found want, const char *what)
{
	struct str why = {0};
	enum index_found found;
	struct index *ix = index_open(dir, &found, &why);

	STR_EQ(str_cstr(&why), "", what);
	if (!ix)
		abort();
	INT_EQ(found, want, what);
	str_free(&why);
	return ix;
}

static struct index_key
key(const char *s)
{
	return (struct index_key){s, strlen(s)};
}

static void
set(struct index *ix, enum index_table t, const char *k, const char *v)
{
	struct str s = {0};

	str_adds(&s, v);
	index_set(ix, t, key(k), &s);
	str_free(&s);
}

static const char *
look(struct index *ix, enum index_table t, const char *k)
{
	static struct str s;

	return index_look(ix, t, key(k), &s) ? str_cstr(&s) : "none";
}

static bool
add_key(struct index_key k, char *value, size_t n, void *arg)
{
	struct str *out = arg;

	str_add(out, k.p, k.n);
	str_adds(out, "=");
	str_add(out, value, n);
	str_adds(out, " ");
	return memcmp(value, "stop", n < 4 ? n : 4) != 0;
}

static const char *
walk(struct index *ix, const char *behind, size_t max)
{
	static struct str s;

	str_reset(&s);
	index_walk(ix, INDEX_SUPPRESS, key(behind), max, add_key, &s);
	return str_cstr(&s);
}

static void
fill(struct index *ix)
{
	struct str row = {0};

	str_adds(&row, "row");
	index_put(ix, 1, 1, &row);
	str_free(&row);
	set(ix, INDEX_SUPPRESS, "b", "2");
	set(ix, INDEX_SUPPRESS, "a", "1");
	set(ix, INDEX_SUPPRESS, "ab", "12");
	set(ix, INDEX_RETIRED, "a", "r");
	set(ix, INDEX_MSG, "a", "m");
}

static bool
has_row(struct index *ix)
{
	struct str row = {0};
	bool has = index_get(ix, 1, 1, &row);

	str_free(&row);
	return has;
}

static void
damage(const char *file, off_t at)
{
	char path[128], junk[512];
	int fd;

	memset(junk, 0xa5, sizeof junk);
	snprintf(path, sizeof path, "%s/%s", dir, file);
	fd = open(path, O_WRONLY);
	if (fd < 0 || pwrite(fd, junk, sizeof junk, at) != sizeof junk || close(fd))
		abort();
}

static void
drop(const char *file)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, file);
	if (unlink(path))
		abort();
}

static void
tables(void)
{
	struct index *ix = open_it(INDEX_NEW, "a new index");

	fill(ix);
	STR_EQ(look(ix, INDEX_SUPPRESS, "a"), "1", "a value before its commit");
	INT_EQ(index_commit(ix, INDEX_LAZY), 0, "the commit");
	STR_EQ(look(ix, INDEX_SUPPRESS, "ab"), "12", "a value");
	STR_EQ(look(ix, INDEX_RETIRED, "ab"), "none", "the same key of another table");
	STR_EQ(walk(ix, "", 10), "a=1 ab=12 b=2 ", "all, in order");
	STR_EQ(walk(ix, "a", 10), "ab=12 b=2 ", "behind a key");
	STR_EQ(walk(ix, "aa", 10), "ab=12 b=2 ", "behind one that is not there");
	STR_EQ(walk(ix, "b", 10), "", "behind the last");
	STR_EQ(walk(ix, "", 1), "a=1 ", "so many");
	set(ix, INDEX_SUPPRESS, "a", "stop");
	STR_EQ(walk(ix, "", 10), "a=stop ", "until somebody says stop");
	index_unset(ix, INDEX_SUPPRESS, key("a"));
	index_unset(ix, INDEX_SUPPRESS, key("nobody"));
	STR_EQ(look(ix, INDEX_SUPPRESS, "a"), "none", "taken off");
	OK(!index_broken(ix), "it works");
	index_close(ix, true);
	ix = open_it(INDEX_CLEAN, "the same again");
	STR_EQ(walk(ix, "", 10), "ab=12 b=2 ", "and what it held");
	STR_EQ(look(ix, INDEX_MSG, "a"), "m", "of a message");
	index_close(ix, false);
	ix = open_it(INDEX_UNCLEAN, "after an unclean end");
	STR_EQ(walk(ix, "", 10), "ab=12 b=2 ", "what was committed");
	index_close(ix, true);
}

static void
losses(void)
{
	struct index *ix = open_it(INDEX_CLEAN, "to write much, far into the log");

	for (int i = 0; i < 4000; i++) {
		char k[16];

		snprintf(k, sizeof k, "x%d", i % 2000);
		if (i < 2000)
			set(ix, INDEX_SUPPRESS, k, "an entry");
		else
			index_unset(ix, INDEX_SUPPRESS, key(k));
	}
	index_close(ix, true);
	drop("rcpt.db");
	ix = open_it(INDEX_NEW, "without its rows");
	OK(!has_row(ix), "there are none");
	STR_EQ(walk(ix, "", 10), "ab=12 b=2 ", "what only the index knows is kept");
	STR_EQ(look(ix, INDEX_RETIRED, "a"), "r", "the history, too");
	STR_EQ(look(ix, INDEX_MSG, "a"), "none", "what belongs to messages is not");
	OK(!index_lost(ix), "nothing is lost");
	fill(ix);
	index_close(ix, false);
	ix = open_it(INDEX_UNCLEAN, "adopted tables recover with the rows");
	OK(has_row(ix), "a row");
	STR_EQ(walk(ix, "", 10), "a=1 ab=12 b=2 ", "and an entry");
	index_close(ix, true);

	damage("rcpt.db", 0);
	ix = open_it(INDEX_NEW, "with damaged rows");
	STR_EQ(walk(ix, "", 10), "a=1 ab=12 b=2 ", "the rest is kept");
	OK(!index_lost(ix), "nothing is lost");
	fill(ix);
	index_close(ix, true);

	drop("rcpt.db");
	damage("retired.db", 8192);
	ix = open_it(INDEX_NEW, "with a damaged table, too");
	STR_EQ(look(ix, INDEX_RETIRED, "a"), "none", "that one is begun anew");
	STR_EQ(look(ix, INDEX_SUPPRESS, "ab"), "12", "the others are kept");
	STR_EQ(index_lost(ix) ? index_lost(ix) : "", "retired.db", "and it says so");
	fill(ix);
	index_close(ix, true);

	damage("suppress.db", 0);
	ix = open_it(INDEX_NEW, "with a table that cannot be opened");
	STR_EQ(look(ix, INDEX_SUPPRESS, "ab"), "none", "it is begun anew");
	STR_EQ(look(ix, INDEX_RETIRED, "a"), "r", "the others are kept");
	STR_EQ(index_lost(ix) ? index_lost(ix) : "", "suppress.db", "and it says so");
	OK(!index_broken(ix), "it works");
	index_close(ix, true);
}

static bool
clean_up(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return false;
	while ((e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return !rmdir(dir);
}

int
main(void)
{
	if (!mkdtemp(dir))
		abort();
	tables();
	losses();
	OK(clean_up(), "nothing but files lay there");
	DONE();
}
