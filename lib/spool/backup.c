#include "base.h"

#include "backup.h"
#include "clock.h"
#include "ctl.h"
#include "die.h"
#include "rec.h"
#include "row.h"
#include "select.h"

#include <endian.h>
#include <fcntl.h>
#include <unistd.h>

#define PAUSE_AGAIN (8 * SECOND) /* mox-runq waits for 30 */
#define TRIES 5
#define ROUNDS 20
#define FEW 100
#define IDS_AT_ONCE 1000 /* a request is a packet */
#define SAVED_AGAIN "again"

/* ---- what mox-runq is asked ---- */

/* The request is freed. Not by admin_ask: within the answer to one question another is put. */
static uint64_t
ask_record(struct backup *b, struct str *request, ctl_row *row)
{
	struct str why = {0};
	uint64_t count;
	int code;

	code = ctl_ask(b->conf, request, row, b, &count, &why);
	if (code == EXIT_PERM)
		die_perm("unable to back up %s: %s", b->replica.from->path, why.s);
	if (code)
		die_temp("unable to back up %s: %s", b->replica.from->path, why.s);
	str_free(request);
	str_free(&why);
	return count;
}

static uint64_t
ask(struct backup *b, const char *op)
{
	struct str request = {0};

	rec_add(&request, "op", op);
	rec_end(&request);
	return ask_record(b, &request, NULL);
}

/* Intake stands still, or has all the time since the last call. */
static void
pause_intake(struct backup *b)
{
	bool was = ask(b, "pause");

	b->lost = b->lost || (b->paused && !was);
	if (!b->paused)
		b->paused_at = clock_mono();
	b->paused = true;
	b->pause_again = clock_mono() + PAUSE_AGAIN;
}

void
backup_step(void *arg)
{
	struct backup *b = arg;

	if (*b->stopped)
		die_temp("unable to go on: stopped by signal %d", (int)*b->stopped);
	if (b->changes.fd >= 0)
		changes_note(&b->changes);
	if (b->paused && clock_mono() >= b->pause_again)
		pause_intake(b);
}

void
backup_must(struct backup *b, int failed)
{
	if (failed < 0)
		die_temp("%s", str_cstr(&b->replica.why));
}

/* ---- the tables ---- */

static void
saved_entry(const char *table, const struct str *key, struct str *value, void *arg)
{
	struct backup *b = arg;
	struct row row;
	uint64_t id;
	uint32_t n;
	char state;
	int done;

	if (strcmp(table, "retired") || key->len != sizeof id + sizeof n ||
	    row_parse(&row, value->s, value->len))
		return;
	memcpy(&id, key->s, sizeof id);
	memcpy(&n, key->s + sizeof id, sizeof n);
	if (!(state = replica_state(row.result)))
		return;
	backup_must(b, done = replica_mark(&b->replica, be64toh(id), be32toh(n), state));
	b->done += (uint64_t)done;
}

/* The end of an answer is not that of the file. */
static void
saved_record(char *rec, size_t n, void *arg)
{
	struct backup *b = arg;
	bool end = n > 8 && !memcmp(rec, "entries ", 8);

	if (!end && fwrite(rec, 1, n, b->out) != n)
		die_temp("unable to write %s/%s: %m", b->name, SAVED_FILE);
	if (!saved_take(&b->saved, rec, n))
		die_temp("unable to read the answer of mox-runq: it is none of a table");
	backup_step(b);
}

/* All tables, or the history of at most IDS_AT_ONCE messages. */
static void
save_some(struct backup *b, const uint64_t *ids, size_t n)
{
	struct str request = {0};
	char text[ID_SIZE];

	rec_add(&request, "op", "save");
	for (size_t i = 0; i < n; i++) {
		id_format(text, ids[i]);
		select_put(&request, "id", text);
	}
	rec_end(&request);
	b->saved = (struct saved){.each = saved_entry, .arg = b};
	(void)ask_record(b, &request, saved_record);
	if (!b->saved.ended)
		die_temp("unable to read the answer of mox-runq: the tables have no end");
	b->entries += b->saved.entries;
	saved_free(&b->saved);
}

/* What stands in the file already and changed meanwhile: its last entry counts. One that means nothing parts them, for
 * records of one key behind one another are one entry. */
static void
save_again(struct backup *b, const uint64_t *ids, size_t n)
{
	struct str text = {0}, none = {0};

	for (size_t at = 0; at < n; at += IDS_AT_ONCE) {
		str_reset(&text);
		saved_write(&text, SAVED_AGAIN, SAVED_AGAIN, strlen(SAVED_AGAIN), &none);
		if (fwrite(text.s, 1, text.len, b->out) != text.len)
			die_temp("unable to write %s/%s: %m", b->name, SAVED_FILE);
		b->entries++;
		save_some(b, ids + at, n - at < IDS_AT_ONCE ? n - at : IDS_AT_ONCE);
	}
	str_free(&text);
}

static void
save_begin(struct backup *b)
{
	int fd;

	if (b->out)
		fclose(b->out);
	fd = openat(
	    b->replica.to->dir, SAVED_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || !(b->out = fdopen(fd, "w")))
		die_temp("unable to make %s/%s: %m", b->name, SAVED_FILE);
	b->entries = b->done = 0;
	save_some(b, NULL, 0);
}

static void
save_end(struct backup *b)
{
	struct str end = {0};

	saved_write_end(&end, b->entries);
	if (fwrite(end.s, 1, end.len, b->out) != end.len)
		die_temp("unable to write %s/%s: %m", b->name, SAVED_FILE);
	if (!geteuid() && fchown(fileno(b->out), b->replica.top.st_uid, b->replica.top.st_gid))
		die_temp("unable to give away %s/%s: %m", b->name, SAVED_FILE);
	if (fclose(b->out))
		die_temp("unable to write %s/%s: %m", b->name, SAVED_FILE);
	b->out = NULL;
	str_free(&end);
}

/* ---- the copy ---- */

static size_t
copy_changed(struct backup *b, enum changes_place place)
{
	uint64_t *ids;
	size_t n = changes_take(&b->changes, place, &ids);

	for (size_t i = 0; i < n; i++) {
		backup_must(b, replica_again(&b->replica, ids[i], place == CHANGES_NEW));
		backup_step(b);
	}
	if (place == CHANGES_CUR)
		save_again(b, ids, n);
	free(ids);
	return n;
}

/* While intake stands still nothing moves to cur/: what a message brings forth (a notice, the mail of an alias) stands in
 * new/ before the message is marked, and stays there. So cur/ is looked at first, then the history, then new/: whatever is
 * seen as done has left in new/ what follows from it. Nothing is lost; what ends between the history and the end of the
 * copy, a moment, is to do there.
 *
 * What changes while all is copied is noted and copied again, until it is little; so the pause is as long as that takes,
 * however much there is. Only where changes cannot be watched is all of it looked at within the pause. */
static void
copy_all(struct backup *b, bool last)
{
	bool watched = !last && !changes_begin(&b->changes, b->replica.from);

	backup_must(b, replica_cur(&b->replica));
	if (!watched) {
		pause_intake(b);
		backup_must(b, replica_cur(&b->replica));
	} else
		backup_must(b, replica_new(&b->replica));
	save_begin(b);
	for (int i = 0; watched && i < ROUNDS; i++)
		if (copy_changed(b, CHANGES_CUR) + copy_changed(b, CHANGES_NEW) < FEW)
			break;
	pause_intake(b);
	if (!watched) {
		backup_must(b, replica_new(&b->replica));
		return;
	}
	(void)copy_changed(b, CHANGES_CUR);
	(void)copy_changed(b, CHANGES_NEW);
	b->lost = b->lost || b->changes.lost;
	changes_end(&b->changes);
}

void
backup_copy(struct backup *b)
{
	b->changes.fd = -1;
	b->replica.step = backup_step;
	b->replica.arg = b;
	for (int i = 0; i < TRIES; i++) {
		b->paused = b->lost = false;
		copy_all(b, i + 1 == TRIES);
		pause_intake(b);
		if (b->lost)
			continue;
		(void)ask(b, "resume");
		b->stood = clock_mono() - b->paused_at;
		b->paused = false;
		save_end(b);
		return;
	}
	die_temp("unable to back up %s: mox-runq went on without waiting for it", b->replica.from->path);
}
