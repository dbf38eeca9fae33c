#include "base.h"

#include "admin.h"
#include "clock.h"
#include "columns.h"
#include "die.h"
#include "envelope.h"
#include "fdio.h"
#include "history.h"
#include "id.h"
#include "said.h"
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

static const char usage[] = "mox-queue-show [-C file] [-j | -m] [-n count] [-filter value ...] [id ... | -]";

enum { OPT_JSON = ADMIN_OWN, OPT_MESSAGE };

static const struct opt options[] = {
    {"j", OPT_JSON, false},
    {"m", OPT_MESSAGE, false},
    {"message", OPT_MESSAGE, false},
};

struct show {
	struct admin admin;
	struct columns columns; /* of -j */
	bool json, message, screen;
	struct spool spool;
	bool has_spool;
	struct select wanted; /* the ids that must be found */
	bool *found;
	uint64_t id; /* of the message being shown; 0: none yet */
	struct envelope envelope;
	bool has_file;
	struct history history; /* of the ids that were asked for */
	bool *shown;            /* recipients of the file that had a row */
	bool untaken;           /* none has one yet */
	struct said said;
};

static void
line(const struct show *s, const char *key, const char *value)
{
	struct str text = {0};

	if (!value || !*value)
		return;
	if (s->screen)
		table_visible(&text, value, strlen(value));
	else
		table_escape(&text, value, strlen(value));
	printf("%-11s %s\n", key, str_cstr(&text));
	str_free(&text);
}

static void
field_line(const struct show *s, const struct row *r, enum row_field f)
{
	struct str text = {0};

	row_shown(&text, r, f, 0);
	line(s, row_field_names[f], str_cstr(&text));
	str_free(&text);
}

/* ---- the message file, as far as the caller may read it ---- */

static int
file_open(struct show *s, uint64_t id)
{
	char name[ID_SIZE];
	int fd;

	if (!s->has_spool)
		return -1;
	if ((fd = spool_open_message(&s->spool, id, O_RDONLY)) >= 0)
		return fd;
	id_format(name, id);
	if ((fd = openat(s->spool.new, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) >= 0 || errno != ENOENT)
		return fd;
	return spool_open_failed(&s->spool, id);
}

static void
file_load(struct show *s, uint64_t id)
{
	const char *why;
	int fd = file_open(s, id);

	s->has_file = false;
	if (fd < 0)
		return;
	if (envelope_read(fd, &s->envelope, &why)) {
		char name[ID_SIZE];

		id_format(name, id);
		warn("unable to read the file of %s: %s", name, why);
	} else {
		s->has_file = true;
		s->shown = mem_zalloc(s->envelope.nrcpt * sizeof *s->shown);
	}
	close(fd);
}

static void
file_lines(const struct show *s)
{
	static const struct {
		unsigned flag;
		const char *name;
	} flags[] = {{FLAG_8BIT, "8bit "}, {FLAG_SMTPUTF8, "smtputf8 "}, {FLAG_LONGLINE, "longline "},
	    {FLAG_DOT, "dot "}};
	const struct envelope *e = &s->envelope;
	char iso[CLOCK_ISO_SIZE], uid[16];
	struct str set = {0};

	snprintf(uid, sizeof uid, "%" PRIu32, e->uid);
	line(s, "uid", uid);
	line(s, "origin", e->origin);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (e->flags & flags[i].flag)
			str_adds(&set, flags[i].name);
	if (set.len)
		str_cut(&set, set.len - 1);
	line(s, "flags", str_cstr(&set));
	str_free(&set);
	line(s, "ret", e->ret);
	line(s, "envid", e->envid);
	if (e->hold_until) {
		clock_iso(iso, e->hold_until, 0);
		line(s, "hold-until", iso);
	}
	for (size_t i = 0; i < e->nextra; i++) {
		struct str both = {0};

		str_addf(&both, "%s %s", e->extra[i].key, e->extra[i].value);
		line(s, "extra", str_cstr(&both));
		str_free(&both);
	}
}

static void
rcpt_line(const struct show *s, unsigned n, const char *address)
{
	struct str text = {0};

	putchar('\n');
	str_addf(&text, "%u %s", n, address ? address : "");
	line(s, "rcpt", str_cstr(&text));
	str_free(&text);
	if (s->has_file && n && n <= s->envelope.nrcpt) {
		line(s, "notify", s->envelope.rcpt[n - 1].notify);
		line(s, "orcpt", s->envelope.rcpt[n - 1].orcpt);
	}
}

static void
attempt_line(const struct show *s, char *value)
{
	struct str text = {0};

	if (attempt_shown(&text, value))
		line(s, "attempt", str_cstr(&text));
	str_free(&text);
}

static void
row_lines(struct show *s, struct row *r)
{
	static const enum row_field fields[] = {ROW_STATE, ROW_RESULT, ROW_RETIRED, ROW_HOLD, ROW_ATTEMPTS,
	    ROW_LAST, ROW_NEXT, ROW_DOMAIN, ROW_SITE, ROW_TRANSPORT, ROW_REQUIRETLS, ROW_CODE, ROW_ERROR};

	rcpt_line(s, r->n, r->rcpt);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i] != ROW_STATE || !r->result)
			field_line(s, r, fields[i]);
	for (unsigned i = 0; i < r->nattempt; i++)
		attempt_line(s, r->attempt[i]);
	if (s->has_file && r->n && r->n <= s->envelope.nrcpt)
		s->shown[r->n - 1] = true;
}

/* Those of the message that have left the queue. */
static void
history_rest(struct show *s)
{
	struct row *r;

	while ((r = history_next(&s->history, s->id)))
		if (said_take(&s->said, r))
			continue;
		else if (s->json)
			columns_print_tries(&s->columns, r, &s->said);
		else
			row_lines(s, r);
}

/* The recipients without a row: they are done, or mox-runq has not taken the message in yet, or they were not
 * asked for. */
static void
file_rest(struct show *s)
{
	for (size_t i = 0; s->has_file && i < s->envelope.nrcpt; i++) {
		const struct envelope_rcpt *r = &s->envelope.rcpt[i];

		if (s->shown[i] || (r->mark[MARK_STATE] == STATE_TODO && !s->untaken))
			continue;
		rcpt_line(s, (unsigned)i + 1, r->address);
		switch (r->mark[MARK_STATE]) {
		case STATE_DELIVERED: line(s, "state", "delivered"); break;
		case STATE_FAILED: line(s, "state", "failed"); break;
		case STATE_CANCELLED: line(s, "state", "cancelled"); break;
		default: line(s, "state", "not taken in yet"); break;
		}
		if (r->mark[MARK_STATE] == STATE_TODO && r->mark[MARK_REQUIRETLS] != '.')
			line(s, "requiretls", r->mark[MARK_REQUIRETLS] == 'y' ? "yes" : "no");
	}
}

/* ---- what mox-runq knows ---- */

static void
said_lines(const struct show *s)
{
	const char *at = s->said.text, *one;
	struct str text = {0};
	char iso[CLOCK_ISO_SIZE];
	size_t n;

	clock_iso(iso, s->said.at, 0);
	str_addf(&text, "%s recipients %s", iso, s->said.recipients);
	putchar('\n');
	line(s, "session", text.s);
	while ((one = said_line(&at, &n))) {
		str_reset(&text);
		str_add(&text, one, n);
		line(s, "transcript", text.s);
	}
	str_free(&text);
}

static void
message_end(struct show *s)
{
	if (s->id)
		history_rest(s);
	file_rest(s);
	if (!s->json && said_is_of(&s->said, s->id))
		said_lines(s);
	envelope_free(&s->envelope);
	free(s->shown);
	s->shown = NULL;
	s->has_file = s->untaken = false;
}

static void
message_head(struct show *s, const struct row *r)
{
	static const enum row_field fields[] = {
	    ROW_QUEUED, ROW_SENDER, ROW_ACCOUNT, ROW_SIZE, ROW_MESSAGEID, ROW_SUBJECT};
	char id[ID_SIZE];

	if (s->id)
		putchar('\n');
	s->id = r->id;
	id_format(id, r->id);
	line(s, "id", id);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		field_line(s, r, fields[i]);
	if (s->has_file)
		file_lines(s);
}

static void
found(struct show *s, uint64_t id)
{
	for (size_t i = 0; i < s->wanted.nid; i++)
		if (s->wanted.id[i].id == id)
			s->found[i] = true;
}

static void
message_begin(struct show *s, const struct row *r)
{
	message_end(s);
	if (s->json) {
		s->id = r->id;
	} else {
		file_load(s, r->id);
		message_head(s, r);
	}
}

static void
take_row(char *rec, size_t n, void *arg)
{
	struct show *s = arg;
	struct row r;

	admin_row(&r, rec, n);
	if (r.transcript && r.id != s->id)
		message_end(s);
	if (said_take(&s->said, &r))
		return;
	found(s, r.id);
	if (r.id != s->id)
		message_begin(s, &r);
	history_skip(&s->history, r.id, r.n); /* it left the queue in between */
	if (s->json) {
		columns_print_tries(&s->columns, &r, &s->said);
	} else {
		row_lines(s, &r);
	}
}

/* All of its recipients have left the queue. */
static bool
show_retired(struct show *s, uint64_t id)
{
	const struct row *r = history_first(&s->history, id);

	if (r)
		message_begin(s, r);
	return r != NULL;
}

/* A message that stands in new/ has no row; its file tells. */
static bool
show_untaken(struct show *s, uint64_t id)
{
	struct row r = {.id = id};

	if (s->json)
		return false;
	message_end(s);
	file_load(s, id);
	if (!s->has_file)
		return false;
	r.queued = s->envelope.queued;
	r.size = s->envelope.size;
	r.sender = s->envelope.sender;
	r.account = s->envelope.account;
	r.messageid = s->envelope.message_id;
	r.subject = s->envelope.subject;
	message_head(s, &r);
	s->untaken = true;
	return true;
}

/* ---- -m ---- */

static void
message_write(struct show *s, uint64_t id)
{
	char name[ID_SIZE], buf[65536];
	const char *why;
	uint64_t left;
	int fd;

	id_format(name, id);
	if ((fd = file_open(s, id)) < 0)
		die_exit(errno == ENOENT ? EXIT_PERM : EXIT_TEMP, "unable to open the file of %s: %m", name);
	if (envelope_read(fd, &s->envelope, &why))
		die_temp("unable to read the file of %s: %s", name, why);
	for (left = s->envelope.size; left;) {
		ssize_t n = fd_read(fd, buf, left < sizeof buf ? (size_t)left : sizeof buf);

		if (n <= 0)
			die_temp("unable to read the file of %s: %s", name,
			    n ? strerror(errno) : "it is cut short");
		if (fd_write_all(1, buf, (size_t)n))
			die_temp("unable to write: %m");
		left -= (size_t)n;
	}
	envelope_free(&s->envelope);
	close(fd);
}

/* ---- */

static void
parse(struct show *s, char *argv[])
{
	struct admin *a = &s->admin;
	unsigned width;
	const char *what;
	int code;

	admin_start(a, "mox-queue-show", usage, ADMIN_LIST, argv);
	while ((code = admin_option(a, options, ARRAY_LEN(options))))
		*(code == OPT_JSON ? &s->json : &s->message) = true;
	admin_ready(a, 0);
	if (!admin_selects(a))
		die_usage(usage);
	admin_gather(a);
	admin_ids(a, &s->wanted);
	s->found = mem_zalloc((s->wanted.nid + 1) * sizeof *s->found);
	if (s->message && (s->json || a->filter.len || s->wanted.nid != 1))
		die_perm("unable to show a message: -m goes with one id and nothing else");
	s->screen = table_form_of(1, &width) == TABLE_SCREEN;
	s->has_spool = !spool_open(&s->spool, a->conf->spool, SPOOL_OWNER, &what);
	if (s->message && !s->has_spool)
		die_temp("unable to open %s/%s: %m", a->conf->spool, what);
}

static int
missing(struct show *s)
{
	int code = 0;
	bool again = false;

	for (size_t i = 0; i < s->wanted.nid; i++) {
		char id[ID_SIZE];

		if (s->found[i])
			continue;
		/* It may have left the queue after the history was asked. */
		if (!again && !history_first(&s->history, s->wanted.id[i].id)) {
			history_ask(&s->history, &s->admin);
			again = true;
		}
		if (show_retired(s, s->wanted.id[i].id) || show_untaken(s, s->wanted.id[i].id)) {
			found(s, s->wanted.id[i].id);
			continue;
		}
		id_format(id, s->wanted.id[i].id);
		warn("unable to show %s: it is neither in the queue nor in the history", id);
		code = EXIT_PERM;
	}
	message_end(s);
	return code;
}

int
main(int argc, char *argv[])
{
	struct show s = {0};
	int code = 0;

	(void)argc;
	parse(&s, argv);
	if (s.message)
		message_write(&s, s.wanted.id[0].id);
	else {
		columns_start(&s.columns, COLUMNS_ALL, TABLE_JSON, 0, 0);
		if (s.wanted.nid)
			history_ask(&s.history, &s.admin);
		admin_rewind(&s.admin);
		(void)admin_ask(&s.admin, "show", "transcripts yes\n", take_row, &s);
		code = missing(&s);
		admin_flush();
		columns_free(&s.columns);
		history_free(&s.history);
		said_free(&s.said);
	}
	spool_close(&s.spool);
	select_free(&s.wanted);
	admin_free(&s.admin);
	free(s.found);
	return code;
}
