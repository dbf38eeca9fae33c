/* spool-check SPOOL: looks at every message file with the eyes of mox-runq and of a stranger. One line a file on fd 1:
 *   PLACE ID RECIPIENTS SIZE    whole: name, envelope, checksums, CRLF line ends only
 *   tmp NAME                    a writer's left-over
 *   bad PLACE/NAME: WHY         and exit 1 */
#include "base.h"

#include "die.h"
#include "envelope.h"
#include "id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

static int bad;

static const char *
line_ends(int fd, uint64_t size)
{
	const char *p, *why = NULL;

	if (!size)
		return NULL;
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		die_temp("unable to map a message: %m");
	for (uint64_t i = 0; i < size && !why; i++)
		if ((p[i] == '\r' && (i + 1 == size || p[i + 1] != '\n')) ||
		    (p[i] == '\n' && (!i || p[i - 1] != '\r')))
			why = "a bare CR or LF";
	if (p[size - 1] != '\n')
		why = "no line end at the end";
	munmap((void *)(uintptr_t)p, size);
	return why;
}

static void
check(int dir, const char *place, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct envelope e = {0};
	const char *why = NULL;
	char id[ID_SIZE], bucket[3];

	if (fd < 0)
		die_temp("unable to open %s/%s: %m", place, name);
	if (!envelope_read(fd, &e, &why)) {
		id_format(id, e.id);
		id_bucket(bucket, e.id);
		if (strcmp(id, name))
			why = "the id is not its name";
		else if (!strncmp(place, "cur/", 4) && strcmp(place + 4, bucket))
			why = "the wrong bucket";
		else if (envelope_check_message(fd, &e))
			why = "the message does not match its checksum";
		else
			why = line_ends(fd, e.size);
	}
	if (why) {
		printf("bad %s/%s: %s\n", place, name, why);
		bad = 1;
	} else
		printf("%s %s %zu %" PRIu64 "\n", place, name, e.nrcpt, e.size);
	envelope_free(&e);
	close(fd);
}

static void
walk(const char *spool, const char *place)
{
	struct str path = {0};
	struct dirent *d;
	DIR *dir;

	str_addf(&path, "%s/%s", spool, place);
	if (!(dir = opendir(path.s)))
		die_temp("unable to open %s: %m", path.s);
	while ((d = readdir(dir))) {
		size_t n = strlen(d->d_name);

		if (d->d_name[0] == '.' || (n > 6 && !strcmp(d->d_name + n - 6, ".amend")))
			continue;
		if (!strcmp(place, "tmp"))
			printf("tmp %s\n", d->d_name);
		else
			check(dirfd(dir), place, d->d_name);
	}
	closedir(dir);
	str_free(&path);
}

int
main(int argc, char **argv)
{
	char bucket[] = "cur/00";

	prog_start("spool-check");
	if (argc != 2)
		die_usage("spool-check spool");
	walk(argv[1], "tmp");
	walk(argv[1], "new");
	for (unsigned i = 0; i < 256; i++) {
		snprintf(bucket, sizeof bucket, "cur/%02x", i);
		walk(argv[1], bucket);
	}
	return bad;
}
