#include "base.h"

#include "clock.h"
#include "support.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW (INT64_C(1795228260) * SECOND)

static bool
put(int fd, const char *domain, bool starttls, bool requiretls, int64_t seen)
{
	return support_put(fd, domain, &(struct support){starttls, requiretls, seen});
}

/* "yn 3": STARTTLS, REQUIRETLS, minutes since NOW; "-": not known */
static const char *
get(int fd, const char *domain)
{
	static char buf[64];
	struct support s;

	if (!support_get(fd, domain, &s))
		return "-";
	snprintf(buf, sizeof buf, "%c%c %lld", s.starttls ? 'y' : 'n', s.requiretls ? 'y' : 'n',
	    (long long)((s.seen - NOW) / MINUTE));
	return buf;
}

static void
keeps(const char *dir)
{
	int fd = support_open(dir, false), again;
	struct stat st;

	OK(fd < 0 && errno == ENOENT, "a reader makes no file");
	fd = support_open(dir, true);
	OK(fd >= 0, "the writer does");
	STR_EQ(get(fd, "a.example"), "-", "nothing is known of an empty file");
	OK(put(fd, "a.example", true, false, NOW + 59 * SECOND), "put");
	OK(put(fd, "b.example", true, true, NOW + 2 * MINUTE), "put another");
	STR_EQ(get(fd, "a.example"), "yn 0", "STARTTLS alone, to the minute");
	STR_EQ(get(fd, "b.example"), "yy 2", "both");
	STR_EQ(get(fd, "c.example"), "-", "another domain is not known");
	put(fd, "a.example", false, false, NOW + 5 * MINUTE);
	STR_EQ(get(fd, "a.example"), "nn 5", "what was seen last counts");
	fstat(fd, &st);
	OK(st.st_size <= 1 << 20 && (st.st_mode & 0777) == 0600, "the file is small, and nobody else's");
	again = support_open(dir, false);
	STR_EQ(get(again, "b.example"), "yy 2", "a reader beside the writer");
	OK(!put(again, "b.example", false, false, NOW), "a reader cannot write");
	close(again);
	close(fd);
	STR_EQ(get(fd, "b.example"), "-", "a closed descriptor knows nothing");
}

/* Many more domains than there are places: the last ones are known, the first are gone, and the file does not grow. */
static void
bounded(const char *dir)
{
	int fd = support_open(dir, true), known = 0, wrong = 0;
	char name[32];
	struct support s;
	struct stat st;

	for (int i = 0; i < 200000; i++) {
		snprintf(name, sizeof name, "d%d.example", i);
		put(fd, name, i & 1, i & 2, NOW + i * MINUTE);
	}
	for (int i = 199000; i < 200000; i++) {
		snprintf(name, sizeof name, "d%d.example", i);
		known += support_get(fd, name, &s) && s.starttls == (i & 1) && s.requiretls == !!(i & 2);
	}
	OK(known > 990, "the last ones are known");
	STR_EQ(get(fd, "d0.example"), "-", "the oldest made room");
	for (int i = 200000; i < 300000; i++) {
		snprintf(name, sizeof name, "d%d.example", i);
		wrong += support_get(fd, name, &s);
	}
	INT_EQ(wrong, 0, "none is taken for another");
	fstat(fd, &st);
	INT_EQ(st.st_size, 1 << 20, "the file is as large as it gets");
	close(fd);
}

static void
damaged(const char *dir)
{
	int fd = support_open(dir, true), wrong = 0, right = 0;
	unsigned char all[1 << 20];
	struct support s;
	size_t n;

	(void)!ftruncate(fd, 0);
	put(fd, "a.example", true, true, NOW);
	n = (size_t)lseek(fd, 0, SEEK_END);
	if (pread(fd, all, n, 0) != (ssize_t)n)
		abort();
	for (size_t i = n - 64; i < n; i++) {
		unsigned char x = all[i] ^ 3;

		(void)!pwrite(fd, &x, 1, (off_t)i);
		if (support_get(fd, "a.example", &s)) {
			right += s.starttls && s.requiretls && s.seen == NOW;
			wrong += !(s.starttls && s.requiretls && s.seen == NOW);
		}
		(void)!pwrite(fd, &all[i], 1, (off_t)i);
	}
	INT_EQ(wrong, 0, "a byte changed anywhere is never believed");
	OK(right > 0, "and one beside it does no harm");
	(void)!ftruncate(fd, (off_t)n - 3);
	STR_EQ(get(fd, "a.example"), "-", "a file cut short");
	OK(put(fd, "a.example", false, true, NOW), "is written again");
	STR_EQ(get(fd, "a.example"), "ny 0", "and read");
	memset(all, 0xa5, sizeof all);
	(void)!pwrite(fd, all, sizeof all, 0);
	STR_EQ(get(fd, "a.example"), "-", "a file full of anything");
	OK(put(fd, "a.example", true, true, NOW), "is written over");
	STR_EQ(get(fd, "a.example"), "yy 0", "and read");
	close(fd);
}

int
main(void)
{
	char dir[] = "/tmp/moxq-support.XXXXXX", file[64];

	if (!mkdtemp(dir))
		return 1;
	snprintf(file, sizeof file, "%s/" SUPPORT_FILE, dir);
	keeps(dir);
	bounded(dir);
	damaged(dir);
	unlink(file);
	OK(!symlink("/dev/null", file), "a symbolic link");
	OK(support_open(dir, true) < 0, "is not followed");
	unlink(file);
	rmdir(dir);
	DONE();
}
