#include "base.h"

#include "clock.h"
#include "file.h"
#include "testdata.h"
#include "testdata_part.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* splitmix64, which is the same everywhere. */
unsigned
testdata_random(struct testdata *t, unsigned below)
{
	uint64_t z = t->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ z >> 31) >> 33) % below;
}

void
testdata_failed(struct testdata *t, const char *what)
{
	if (t->err)
		return;
	t->err = errno;
	t->what = what;
}

void
testdata_file(struct testdata *t, int dir, const char *name, const struct str *data, unsigned mode)
{
	const struct timespec when = {.tv_sec = t->now / SECOND}, times[] = {when, when};

	if (file_replace_unsynced(dir, name, str_cstr(data), data->len, mode) ||
	    utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW))
		testdata_failed(t, "write a file of");
}

int
testdata_write(const char *path, uint64_t seed, int64_t now, const char **what)
{
	struct testdata t = {.random = seed, .now = now};

	if (spool_open(&t.spool, path, SPOOL_OWNER, what)) {
		*what = "open";
		return -1;
	}
	testdata_mail(&t);
	testdata_tables(&t);
	testdata_caches(&t);
	if (!t.err && file_sync_fs(t.spool.dir))
		testdata_failed(&t, "sync");
	spool_close(&t.spool);
	str_free(&t.text);
	*what = t.what;
	errno = t.err;
	return t.err ? -1 : 0;
}
