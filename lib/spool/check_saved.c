/* The tables of a backup. */
#include "base.h"

#include "check_part.h"
#include "entry.h"
#include "replica.h"
#include "row.h"
#include "saved.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct tables {
	struct check *check;
	struct replica replica;
};

/* Whom the history calls done is not to be tried again. */
static void
check_done(struct tables *t, const char *id_text, struct str *value)
{
	struct check *c = t->check;
	struct finding f = {.path = id_text,
	    .what = "it is to do, and the history says that it is done",
	    .then = "it is tried again"};
	struct row row;
	uint64_t id;
	unsigned n;
	char state;
	int todo;

	if (!id_parse_rcpt(id_text, &id, &n) || row_parse(&row, value->s, value->len) ||
	    !(state = replica_state(row.result)))
		return;
	todo = replica_mark(&t->replica, id, n, c->repair ? state : 0);
	if (todo < 0)
		check_say(c, &(struct finding){.path = id_text, .what = str_cstr(&t->replica.why)});
	c->unable = c->unable || todo < 0;
	if (todo > 0 && c->repair)
		f.done = "it was marked as done";
	if (todo > 0)
		check_say(c, &f);
}

static void
check_entry(const char *table, const struct str *key, struct str *value, void *arg)
{
	struct tables *t = arg;
	const char *why = entry_fault(table, key, value);
	struct str name = {0}, what = {0};

	entry_name(&name, table, key);
	if (why) {
		str_addf(&what, "its entry \"%s\" of table %s: %s", str_cstr(&name), table, why);
		check_say(t->check, &(struct finding){.path = SAVED_FILE,
					.what = what.s,
					.then = "it is passed over when the tables are read"});
	} else if (!strcmp(table, "retired")) {
		check_done(t, str_cstr(&name), value);
	}
	str_free(&name);
	str_free(&what);
}

bool
check_saved(struct check *c)
{
	int fd = openat(c->spool->dir, SAVED_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct tables t = {.check = c, .replica = {.to = c->spool, .keep = true}};
	struct saved s = {.each = check_entry, .arg = &t};
	const char *why;

	if (fd < 0) {
		if (errno != ENOENT)
			check_errno(c, SAVED_FILE);
		return errno != ENOENT;
	}
	if (saved_read(fd, &s, &why))
		check_say(
		    c, &(struct finding){.path = SAVED_FILE,
			   .what = why,
			   .then = "mox-runq reads what stands before that, and keeps the file in corrupt/"});
	close(fd);
	saved_free(&s);
	str_free(&t.replica.why);
	return true;
}
