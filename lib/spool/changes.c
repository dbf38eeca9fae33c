#include "base.h"

#include "changes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define NOTED_MAX (1U << 20) /* 8 MB */
#define WHAT (IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_CREATE | IN_ONLYDIR)

static int
watch(const struct changes *c, const struct spool *s, const char *name)
{
	struct str path = {0};
	int wd;

	str_addf(&path, "%s/%s", s->path, name);
	wd = inotify_add_watch(c->fd, path.s, WHAT);
	str_free(&path);
	return wd;
}

int
changes_begin(struct changes *c, const struct spool *s)
{
	char bucket[16];
	int err;

	*c = (struct changes){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
	if (c->fd < 0)
		return -1;
	if ((c->new_dir = watch(c, s, "new")) < 0)
		goto fail;
	for (unsigned i = 0; i < 256; i++) {
		snprintf(bucket, sizeof bucket, "cur/%02x", i);
		if (watch(c, s, bucket) < 0 && errno != ENOENT)
			goto fail;
	}
	return 0;
fail:
	err = errno;
	changes_end(c);
	errno = err;
	return -1;
}

static void
note(struct changes *c, enum changes_place place, const char *name)
{
	char text[ID_SIZE];
	uint64_t id;
	size_t *n = &c->set[place].n;

	/* A message, or its amendment; half written ones begin with a dot and count when they have their name. */
	snprintf(text, sizeof text, "%.13s", name);
	if (!id_parse(text, &id) || (*n && c->set[place].id[*n - 1] == id))
		return;
	if (*n == NOTED_MAX) {
		c->lost = true;
		return;
	}
	if (*n == c->set[place].room) {
		c->set[place].room = *n ? *n * 2 : 1024;
		c->set[place].id = mem_grow(c->set[place].id, c->set[place].room, sizeof *c->set[place].id);
	}
	c->set[place].id[(*n)++] = id;
}

void
changes_note(struct changes *c)
{
	union {
		struct inotify_event event;
		char bytes[32768];
	} buf;
	ssize_t got;

	while ((got = read(c->fd, &buf, sizeof buf)) > 0)
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *e = (const void *)(buf.bytes + at);

			at += (ssize_t)(sizeof *e + e->len);
			if (e->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT))
				c->lost = true;
			else if (e->len)
				note(c, e->wd == c->new_dir ? CHANGES_NEW : CHANGES_CUR, e->name);
		}
	if (got < 0 && errno != EAGAIN && errno != EINTR)
		c->lost = true;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

size_t
changes_take(struct changes *c, enum changes_place place, uint64_t **ids)
{
	size_t n, kept = 0;
	uint64_t *id;

	changes_note(c);
	n = c->set[place].n;
	*ids = id = c->set[place].id;
	c->set[place].id = NULL;
	c->set[place].n = c->set[place].room = 0;
	if (n)
		qsort(id, n, sizeof *id, by_number);
	for (size_t i = 0; i < n; i++)
		if (!kept || id[i] != id[kept - 1])
			id[kept++] = id[i];
	return kept;
}

void
changes_end(struct changes *c)
{
	if (c->fd >= 0)
		close(c->fd);
	for (size_t i = 0; i < ARRAY_LEN(c->set); i++)
		free(c->set[i].id);
	*c = (struct changes){.fd = -1};
}
