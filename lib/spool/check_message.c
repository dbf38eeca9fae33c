/* Message files and amendments, one at a time. */
#include "base.h"

#include "check_part.h"
#include "envelope.h"
#include "file.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MESSAGE_MODE 0660
#define AMEND_MODE 0600
#define NOTE_AGE 60 /* seconds: what is younger may be under way */

static const char lost[] = "mox-runq moves it to corrupt/: it is not delivered, and nobody is told",
		  unseen[] = "mox-runq does not look for it there: it is not delivered",
		  changed[] = "when it is tried and is older than an hour and no larger than 256 kB, "
			      "mox-runq moves it to corrupt/; else what is there now is delivered",
		  kept[] = "it is kept for people alone, as long as keep-failed-messages says";

struct verdict {
	const char *what, *then; /* what NULL: nothing is wrong */
	bool unread;             /* it could not be read, and nobody knows */
};

static struct verdict
judge(int fd, uint64_t id, enum check_place place)
{
	struct verdict v = {.then = place == CHECK_FAILED ? kept : lost};
	struct envelope e;
	int r;

	if (envelope_read(fd, &e, &v.what)) {
		v.unread = errno != 0;
		return v;
	}
	if (e.id != id) {
		v.what = "its envelope has the id of another";
	} else if ((r = envelope_check_message(fd, &e)) > 0) {
		v.what = "its message does not match its checksum";
		v.then = place == CHECK_FAILED ? kept : changed;
	} else if (r < 0) {
		v.unread = true;
		v.what = strerror(errno);
	}
	envelope_free(&e);
	return v;
}

/* ---- its bucket ---- */

static void
to_its_bucket(struct check *c, const struct check_at *at, uint64_t id, struct finding *f)
{
	char bucket[3], done[32];
	int to, r;

	id_bucket(bucket, id);
	to = openat(c->spool->cur, bucket, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = to < 0 ? -1 : file_move(at->fd, at->name, to, at->name);
	if (r && errno == EEXIST) {
		check_broken(c, at, "it stands in the wrong bucket, and in its own as well", unseen);
	} else if (r || file_sync(to) || file_sync(at->fd)) {
		check_errno(c, at->path);
	} else {
		snprintf(done, sizeof done, "it was moved to cur/%s", bucket);
		f->done = done;
		check_say(c, f);
	}
	if (to >= 0)
		close(to);
}

static bool
is_in_its_bucket(const struct check_at *at, uint64_t id)
{
	const char *is = strrchr(at->dir, '/');
	char bucket[3];

	id_bucket(bucket, id);
	return !is || !strcmp(is + 1, bucket); /* new/ has none */
}

static void
check_bucket(struct check *c, const struct check_at *at, uint64_t id, enum check_place place)
{
	struct finding f = {.path = at->path,
	    .what = "it stands in the wrong bucket",
	    .then = place == CHECK_FAILED ? kept : unseen};

	if (is_in_its_bucket(at, id) || !check_exists(at->fd, at->name))
		return;
	if (c->repair && place == CHECK_CUR)
		to_its_bucket(c, at, id, &f);
	else
		check_say(c, &f);
}

/* ---- messages ---- */

static void
check_open(struct check *c, const struct check_at *at, int fd, enum check_place place)
{
	struct verdict v;
	struct stat st;
	uint64_t id;

	if (!id_parse(at->name, &id) || fstat(fd, &st))
		return;
	if (!S_ISREG(st.st_mode)) {
		check_broken(c, at, "it is no regular file", lost);
		return;
	}
	c->messages++;
	check_rights(c, fd, at->path, MESSAGE_MODE);
	v = judge(fd, id, place);
	if (!v.what) {
		check_bucket(c, at, id, place);
	} else if (v.unread) {
		c->unable = true;
		check_say(c, &(struct finding){.path = at->path, .what = v.what, .then = v.then});
	} else {
		check_broken(c, at, v.what, v.then);
	}
}

void
check_message(struct check *c, const struct check_at *at, enum check_place place)
{
	int fd = openat(at->fd, at->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		check_open(c, at, fd, place);
		close(fd);
	} else if (errno == ELOOP || errno == ENXIO) {
		check_broken(c, at, "it is no regular file", lost);
	} else if (errno != ENOENT) {
		check_errno(c, at->path);
	}
}

/* ---- amendments ---- */

bool
check_is_unfinished(const char *name)
{
	char message[ID_SIZE];
	uint64_t id;
	size_t n;

	snprintf(message, sizeof message, "%.13s", *name ? name + 1 : name);
	if (*name != '.' || !id_parse(message, &id) || strncmp(name + 1 + ID_LEN, ".amend.", 7) != 0)
		return false;
	n = strspn(name + ID_LEN + 8, "0123456789");
	return n && !name[ID_LEN + 8 + n];
}

/* NULL, or what is wrong with the record; it is destroyed. */
static const char *
amend_fault(struct str *rec, const char *id)
{
	struct rec_in in;
	char *key, *value;
	enum rec_got got;

	str_reserve(rec, 1);
	in = (struct rec_in){rec->s, rec->s + rec->len};
	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		uint64_t number;
		char *who;

		if (!strcmp(key, "id")) {
			if (!(value = rec_text(value)) || strcmp(value, id) != 0)
				return "it is that of another message";
		} else if (!strcmp(key, "next") || !strcmp(key, "transport") || !strcmp(key, "fail")) {
			if (!(who = rec_field(&value)) || !str_number(who, UINT32_MAX, &number) ||
			    !(who = rec_field(&value)) ||
			    (*key == 'n' && !str_number(who, INT64_MAX, &number)))
				return "one of its lines says nothing";
		} else if (!rec_text(value)) {
			got = REC_BAD;
			break;
		}
	}
	return got == REC_END && in.p == in.end ? NULL : "it is no whole record";
}

/* What means nothing and goes by itself: a note, unless somebody may be about it. */
static void
check_useless(struct check *c, const struct check_at *at, const struct stat *st, const char *what)
{
	if (time(NULL) - st->st_mtim.tv_sec >= NOTE_AGE && check_exists(at->fd, at->name))
		check_say(
		    c, &(struct finding){.path = at->path,
			   .what = what,
			   .then = "it means nothing, and mox-runq removes it after the next unclean stop",
			   .note = true});
}

static void
check_record(struct check *c, const struct check_at *at, const char *message)
{
	struct str rec = {0};
	const char *why;

	if (file_read(at->fd, at->name, &rec, REC_MAX)) {
		if (errno != ENOENT)
			check_errno(c, at->path);
	} else if ((why = amend_fault(&rec, message))) {
		check_broken(c, at, why,
		    "what was scheduled, rerouted or given up by hand may be forgotten when the index is "
		    "built "
		    "anew");
	}
	str_free(&rec);
}

void
check_amend(struct check *c, const struct check_at *at)
{
	char message[ID_SIZE];
	struct stat st;
	uint64_t id;
	int fd = openat(at->fd, at->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		goto done;
	if (!S_ISREG(st.st_mode)) {
		check_broken(c, at, "it is no regular file", "nobody reads it");
		goto done;
	}
	if (*at->name == '.') {
		check_useless(c, at, &st, "an amendment that was never finished");
		goto done;
	}
	check_rights(c, fd, at->path, AMEND_MODE);
	snprintf(message, sizeof message, "%.13s", at->name);
	if (!id_parse(message, &id))
		goto done;
	if (st.st_size)
		check_record(c, at, message);
	if (!is_in_its_bucket(at, id))
		check_bucket(c, at, id, CHECK_CUR);
	else if (!check_exists(at->fd, message))
		check_useless(c, at, &st, "an amendment without its message");
done:
	if (fd >= 0)
		close(fd);
}
