#include "base.h"

#include "spool.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name;
	mode_t mode;
} places[] = {
    {".", S_IFDIR | 0711},
    {"tmp", S_IFDIR | 0730},
    {"new", S_IFDIR | 0770},
    {"cur", S_IFDIR | 0700},
    {"cur/00", S_IFDIR | 0700},
    {"cur/ff", S_IFDIR | 0700},
    {"corrupt", S_IFDIR | 0700},
    {"index", S_IFDIR | 0700},
    {"tlsrpt", S_IFDIR | 0700},
    {"sts", S_IFDIR | 0700},
    {"trigger", S_IFIFO | 0620},
};

static int
drop(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

int
main(void)
{
	char base[] = "/tmp/moxq-unit-XXXXXX", path[64], name[SPOOL_NAME_SIZE], byte[8];
	struct spool s;
	const char *what = NULL;
	struct conf c = {.min_free = 0, .min_free_inodes = 0};
	struct stat st;
	uint64_t id = id_make(1790000000123456);
	int fd;

	if (!mkdtemp(base))
		return 1;
	snprintf(path, sizeof path, "%s/spool", base);
	OK(spool_open(&s, path, SPOOL_DOOR, &what) && errno == ENOENT, "no spool: ENOENT");
	umask(0);
	OK(!spool_make(path), "made");
	OK(!spool_make(path), "made again: nothing to do");
	OK(!spool_open(&s, path, SPOOL_OWNER, &what), "opened");
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		OK(!fstatat(s.dir, places[i].name, &st, AT_SYMLINK_NOFOLLOW) && st.st_mode == places[i].mode,
		    places[i].name);

	OK(spool_open_message(&s, id, O_RDONLY) < 0 && errno == ENOENT, "no such message");
	spool_name(name, id);
	OK((fd = openat(s.cur, name, O_CREAT | O_WRONLY, 0600)) >= 0, "cur/HH/ID can be made");
	close(fd);
	OK((fd = spool_open_message(&s, id, O_RDWR)) >= 0, "and is opened by its id");
	close(fd);

	spool_trigger(&s);
	OK((fd = openat(s.dir, "trigger", O_RDONLY | O_NONBLOCK)) >= 0, "the trigger is a fifo");
	spool_trigger(&s);
	INT_EQ(read(fd, byte, sizeof byte), 1, "one byte for one pull, none for the pull that nobody heard");
	for (int i = 0; i < 70000; i++)
		spool_trigger(&s);
	OK(true, "a full fifo does not block the door");
	close(fd);

	INT_EQ(spool_room(&s, &c, 0, false), 0, "room");
	c.min_free = UINT64_MAX / 2;
	OK(spool_room(&s, &c, 0, false) == 1 && errno == ENOSPC, "below the mark of space");
	OK(spool_room(&s, &c, 0, true) == 1, "and below half of it");
	c.min_free = 0;
	INT_EQ(spool_room(&s, &c, UINT64_MAX / 2, false), 1, "the message itself counts");
	c.min_free_inodes = UINT64_MAX;
	INT_EQ(spool_room(&s, &c, 0, false), 1, "below the mark of inodes");
	spool_close(&s);

	OK(!spool_open(&s, path, SPOOL_DOOR, &what) && s.cur < 0, "the door opens no more than it needs");
	spool_close(&s);
	snprintf(path, sizeof path, "%s/spool/new", base);
	OK(!rmdir(path), "new/ removed");
	snprintf(path, sizeof path, "%s/spool", base);
	OK(spool_open(&s, path, SPOOL_DOOR, &what) && errno == ENOENT && s.dir < 0, "a part is missing");
	STR_EQ(what, "new", "and is named");
	nftw(base, drop, 16, FTW_DEPTH | FTW_PHYS);
	DONE();
}
