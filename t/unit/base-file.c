#include "base.h"

#include "fdio.h"
#include "file.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/moxq-file.XXXXXX";
static int dir;

static int
make(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)))
		abort();
	return fd;
}

static const char *
holds(const char *name)
{
	static struct str s;

	str_reset(&s);
	return file_read(dir, name, &s, 100) ? NULL : str_cstr(&s);
}

static void
commit(void)
{
	bool renamed = true;
	int fd = make("a", "one");

	OK(!file_commit(fd, dir, "a", dir, "b", &renamed) && renamed, "committed");
	OK(!holds("a"), "the old name is gone");
	STR_EQ(holds("b"), "one", "the new one stands");
	OK(fcntl(fd, F_GETFD) < 0, "the descriptor is closed");
	fd = make("a", "two");
	INT_EQ(file_commit(fd, dir, "a", dir, "b", &renamed), -1, "never over another file");
	OK(errno == EEXIST && !renamed, "EEXIST, not renamed");
	STR_EQ(holds("b"), "one", "which stands as it was");
	STR_EQ(holds("a"), "two", "and so does ours");
	OK(fcntl(fd, F_GETFD) < 0, "the descriptor is closed");
	INT_EQ(file_move_over(dir, "a", dir, "b"), 0, "over it when asked");
	STR_EQ(holds("b"), "two", "replaced");
	INT_EQ(file_move(dir, "none", dir, "c"), -1, "what is not there");
	INT_EQ(errno, ENOENT, "ENOENT");
}

static void
replace(void)
{
	struct stat st;

	OK(!file_replace(dir, "r", "first", 5, 0640), "written anew");
	STR_EQ(holds("r"), "first", "whole");
	OK(!fstatat(dir, "r", &st, 0) && (st.st_mode & 0777) == 0640, "its mode");
	OK(!file_replace(dir, "r", "2", 1, 0600), "replaced");
	STR_EQ(holds("r"), "2", "by something shorter");
	OK(!mkdirat(dir, "d", 0700), "a directory in the way");
	INT_EQ(file_replace(dir, "d", "x", 1, 0600), -1, "is an error");
	OK(errno == EISDIR || errno == EEXIST, "named");
	unlinkat(dir, "d", AT_REMOVEDIR);
}

static void
whole(void)
{
	struct str s = {0};

	close(make("w", "0123456789"));
	str_adds(&s, "before ");
	OK(!file_read(dir, "w", &s, 10), "as long as allowed");
	STR_EQ(s.s, "before 0123456789", "appended");
	INT_EQ(file_read(dir, "w", &s, 9), -1, "longer");
	INT_EQ(errno, EFBIG, "EFBIG");
	STR_EQ(s.s, "before 0123456789", "and nothing was appended");
	INT_EQ(file_read(dir, "none", &s, 9), -1, "missing");
	INT_EQ(errno, ENOENT, "ENOENT");
	INT_EQ(file_read(dir, ".", &s, 9), -1, "a directory");
	INT_EQ(errno, EISDIR, "EISDIR");
	str_free(&s);
	close(make("e", ""));
	OK(!file_read(dir, "e", &s, 0) && s.s && !s.len, "an empty file");
	str_free(&s);
}

int
main(void)
{
	static const char *const left[] = {"b", "r", "w", "e"};

	if (!mkdtemp(path) || (dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		abort();
	commit();
	replace();
	whole();
	for (size_t i = 0; i < ARRAY_LEN(left); i++)
		INT_EQ(unlinkat(dir, left[i], 0), 0, left[i]);
	INT_EQ(rmdir(path), 0, "no temporary name is left behind");
	DONE();
}
