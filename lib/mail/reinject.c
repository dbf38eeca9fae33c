#include "base.h"

#include "child.h"
#include "conf.h"
#include "die.h"
#include "fdio.h"
#include "rec.h"
#include "recipients.h"
#include "reinject.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

#define BLOCK 65536

/* ---- the envelope ---- */

/* Without success; who asked for nothing else is told nothing. */
static void
notify_less(struct str *out, const char *notify)
{
	for (const char *p = notify; *p;) {
		size_t n = strcspn(p, ",");

		if (n != 7 || strncasecmp(p, "success", n)) {
			str_adds(out, out->len ? "," : "");
			str_add(out, p, n);
		}
		p += n + (p[n] == ',');
	}
	if (!out->len)
		str_adds(out, "never");
}

static void
rcpt_add(struct str *out, const struct reinjection *x, const struct onward *to, bool list)
{
	const struct handed *as = x->as;
	struct str text = {0};

	rec_open(out, "rcpt");
	rec_put(out, to->path);
	if (as->notify && !list) {
		if (x->many)
			notify_less(&text, as->notify);
		else
			str_adds(&text, as->notify);
		rec_putf(out, "notify=%s", text.s);
	}
	str_reset(&text);
	if (as->orcpt && !list)
		rec_putf(out, "orcpt=%s", as->orcpt);
	else if (!list && recipient_original(&text, as->address))
		rec_putf(out, "orcpt=%s", text.s);
	if (to->exact)
		rec_put(out, "exact=yes");
	rec_close(out);
	str_free(&text);
}

void
reinject_envelope(struct str *out, const struct reinjection *x)
{
	const struct handed *as = x->as;
	bool list = x->to->owner && *as->sender;

	rec_add(out, "sender", list ? x->to->owner : as->sender);
	rec_add_if(out, "origin", as->origin);
	rec_add_if(out, "account", as->account);
	if (!list) {
		rec_add_if(out, "ret", as->ret);
		rec_add_if(out, "envid", as->envid);
	}
	rec_add_if(out, "requiretls", as->requiretls);
	str_adds(out, str_cstr(&as->extra));
	for (size_t i = 0; i < x->n; i++)
		rcpt_add(out, x, &x->to[i], list);
	rec_end(out);
}

/* ---- the message ---- */

/* false: there is nothing to read any more (errno), or nobody who reads (errno EPIPE). */
static bool
message_write(const struct reinjection *x, int to)
{
	struct str buf = {0};
	uint64_t left = x->as->size;
	off_t at = 0;
	bool good;

	str_addf(&buf, "Delivered-To: %s\r\n", x->as->address);
	good = !fd_write_all(to, buf.s, buf.len);
	str_reset(&buf);
	str_reserve(&buf, BLOCK);
	while (good && left) {
		ssize_t n = pread(0, buf.s, left < BLOCK ? (size_t)left : BLOCK, at);

		if (!n)
			errno = ENODATA;
		good = n > 0 && !fd_write_all(to, buf.s, (size_t)n);
		if (good) {
			at += n;
			left -= (uint64_t)n;
		}
	}
	str_free(&buf);
	return good;
}

/* ---- mox-queue-add ---- */

struct door {
	int message, envelope, answer;
	pid_t pid;
};

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool
door_start(struct door *d, const struct reinjection *x)
{
	char name[] = "mox-queue-add", e[] = "-e", three[] = "3", c[] = "-C";
	char *argv[] = {name, e, three, x->conf_file ? c : NULL, x->conf_file, NULL};
	int message[2] = {-1, -1}, envelope[2] = {-1, -1}, answer[2] = {-1, -1};
	int err;

	*d = (struct door){-1, -1, -1, -1};
	if (!pipe2(message, O_CLOEXEC) && !pipe2(envelope, O_CLOEXEC) && !pipe2(answer, O_CLOEXEC)) {
		struct child_fd map[] = {{message[0], 0}, {answer[1], 1}, {envelope[0], 3}};

		d->pid = child_spawn(argv, map, ARRAY_LEN(map));
	}
	err = errno;
	shut(&message[0]);
	shut(&envelope[0]);
	shut(&answer[1]);
	d->message = message[1];
	d->envelope = envelope[1];
	d->answer = answer[0];
	errno = err;
	return d->pid > 0;
}

static void
door_free(struct door *d)
{
	shut(&d->message);
	shut(&d->envelope);
	shut(&d->answer);
}

/* The envelope, whose `end` counts, comes behind the last byte of the message: what is cut short is not taken. */
static bool
door_hand_over(struct door *d, const struct reinjection *x)
{
	struct str rec = {0};
	bool good = message_write(x, d->message);
	int err;

	reinject_envelope(&rec, x);
	if (good) {
		shut(&d->message);
		good = !fd_write_all(d->envelope, rec.s, rec.len);
	}
	err = errno;
	str_free(&rec);
	shut(&d->envelope);
	shut(&d->message);
	errno = err;
	return good;
}

/* By no fault of the message: somebody is at work on the configuration, which we have read before. */
static bool
conf_is_bad(const struct reinjection *x)
{
	struct str why = {0};
	struct conf *c = conf_try(x->conf_file, &why);

	str_free(&why);
	if (c)
		conf_free(c);
	return !c;
}

enum reinjected
reinject(const struct reinjection *x, struct str *said)
{
	struct door d;
	char line[64] = "";
	bool good;
	int code, err;

	str_reset(said);
	if (!door_start(&d, x)) {
		str_addf(said, "unable to run mox-queue-add: %s", strerror(errno));
		door_free(&d);
		return REINJECT_LATER;
	}
	good = door_hand_over(&d, x);
	err = errno;
	if (fd_read_all(d.answer, line, sizeof line - 1) < 0)
		*line = 0;
	code = child_wait(d.pid);
	door_free(&d);
	if (!code && good) {
		line[strcspn(line, "\n")] = 0;
		str_adds(said, strncmp(line, "id ", 3) ? line : line + 3);
		return REINJECT_DONE;
	}
	if (code == EXIT_PERM && !conf_is_bad(x)) {
		str_adds(said, "unable to send it on: mox-queue-add refused it");
		return REINJECT_NEVER;
	}
	if (!good && err != EPIPE)
		str_addf(said, "unable to send it on: %s", strerror(err));
	else
		str_addf(said, "unable to send it on: mox-queue-add ended with %d", code);
	return REINJECT_LATER;
}
