#include "base.h"

#include "clock.h"
#include "fdio.h"
#include "file.h"
#include "maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 65536

/* Answers a descriptor of dir/name, made when it is not there. */
static int
open_part(int dir, const char *name)
{
	if (mkdirat(dir, name, 0700) && errno != EEXIST)
		return -1;
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

char *
maildir_path(const char *pattern, const char *user, const char *home)
{
	struct str path = {0};

	for (const char *p = pattern; *p; p++) {
		if (*p != '%' || !p[1]) {
			str_addc(&path, *p);
			continue;
		}
		p++;
		if (*p == 'u')
			str_adds(&path, user);
		else if (*p == 'h')
			str_adds(&path, home);
		else
			str_addc(&path, *p);
	}
	return str_take(&path);
}

int
maildir_open(struct maildir *m, const char *path, const char **what)
{
	int dir, cur, err;

	m->tmp = m->new = -1;
	*what = "";
	if ((dir = open_part(AT_FDCWD, path)) < 0)
		return -1;
	*what = "tmp";
	if ((m->tmp = open_part(dir, "tmp")) < 0)
		goto fail;
	*what = "new";
	if ((m->new = open_part(dir, "new")) < 0)
		goto fail;
	*what = "cur";
	if ((cur = open_part(dir, "cur")) < 0)
		goto fail;
	close(cur);
	close(dir);
	return 0;
fail:
	err = errno;
	close(dir);
	maildir_close(m);
	errno = err;
	return -1;
}

void
maildir_close(struct maildir *m)
{
	if (m->tmp >= 0)
		close(m->tmp);
	if (m->new >= 0)
		close(m->new);
	m->tmp = m->new = -1;
}

/* SECONDS.M<microseconds>P<pid>Q<count>R<random>.<host>: no two deliveries on any host that shares the
 * directory get the same one. */
static void
make_name(char out[MAILDIR_NAME_SIZE])
{
	static unsigned count;
	char host[65] = "", safe[4 * sizeof host];
	uint32_t rnd = 0;
	int64_t now = clock_now();
	size_t n = 0;

	if (getrandom(&rnd, sizeof rnd, GRND_NONBLOCK) < 0)
		rnd = (uint32_t)clock_mono();
	if (gethostname(host, sizeof host - 1) || !*host)
		memcpy(host, "localhost", 10);
	/* maildir(5): slash and colon, which mean something in the name, as \057 and \072. */
	for (const char *p = host; *p; p++) {
		if (*p == '/' || *p == ':')
			n += (size_t)snprintf(safe + n, sizeof safe - n, *p == '/' ? "\\057" : "\\072");
		else
			safe[n++] = *p > ' ' && *p < 127 ? *p : '_';
	}
	safe[n] = 0;
	snprintf(out, MAILDIR_NAME_SIZE, "%" PRId64 ".M%06" PRId64 "P%ldQ%uR%08" PRIx32 ".%.100s",
	    now / SECOND, now % SECOND, (long)getpid(), ++count, rnd, safe);
}

int
maildir_begin(struct maildir_message *msg, const struct maildir *dir)
{
	*msg = (struct maildir_message){.dir = dir, .fd = -1};
	for (int tries = 0; msg->fd < 0 && tries < 10; tries++) {
		make_name(msg->name);
		msg->fd =
		    openat(dir->tmp, msg->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (msg->fd < 0 && errno != EEXIST)
			break;
	}
	return msg->fd < 0 ? -1 : 0;
}

static void
flush(struct maildir_message *msg)
{
	if (msg->buf.len && !msg->error && fd_write_all(msg->fd, msg->buf.s, msg->buf.len))
		msg->error = errno;
	str_reset(&msg->buf);
}

static void
put(struct maildir_message *msg, const void *p, size_t n)
{
	str_add(&msg->buf, p, n);
	msg->size += n;
	if (msg->buf.len >= BLOCK)
		flush(msg);
}

void
maildir_write(struct maildir_message *msg, const void *p, size_t n)
{
	const char *s = p, *end = s + n;

	while (s < end) {
		const char *cr;

		if (msg->cr && *s != '\n')
			put(msg, "\r", 1);
		msg->cr = false;
		cr = memchr(s, '\r', (size_t)(end - s));
		put(msg, s, (size_t)((cr ? cr : end) - s));
		msg->cr = cr != NULL;
		s = cr ? cr + 1 : end;
	}
}

int
maildir_commit(struct maildir_message *msg, bool durable, bool *may_stand)
{
	char tmp[MAILDIR_NAME_SIZE];
	size_t len = strlen(msg->name);
	int r;

	*may_stand = false;
	if (msg->cr)
		put(msg, "\r", 1);
	flush(msg);
	if (msg->error) {
		r = msg->error;
		maildir_abort(msg);
		errno = r;
		return -1;
	}
	memcpy(tmp, msg->name, len + 1);
	snprintf(msg->name + len, sizeof msg->name - len, ",S=%" PRIu64, msg->size);
	if (durable)
		r = file_commit(msg->fd, msg->dir->tmp, tmp, msg->dir->new, msg->name, may_stand);
	else
		r = close(msg->fd) || file_move(msg->dir->tmp, tmp, msg->dir->new, msg->name) ? -1 : 0;
	msg->fd = -1;
	str_free(&msg->buf);
	if (r && !*may_stand) {
		int err = errno;
		unlinkat(msg->dir->tmp, tmp, 0);
		errno = err;
	}
	return r;
}

void
maildir_abort(struct maildir_message *msg)
{
	if (msg->fd >= 0) {
		close(msg->fd);
		unlinkat(msg->dir->tmp, msg->name, 0);
	}
	msg->fd = -1;
	str_free(&msg->buf);
}
