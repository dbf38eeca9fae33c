/* The hooks of mox-smtpd's sessions. Each message goes to a child as it comes in, and its envelope only when all of it has
 * come: the envelope's `end` line is what commits, so a session that breaks off at any point queues nothing, and a
 * message is answered 250 after the child's promise. */
#include "base.h"

#include "addr.h"
#include "child.h"
#include "clock.h"
#include "die.h"
#include "draft.h"
#include "expand.h"
#include "extra.h"
#include "fdio.h"
#include "login.h"
#include "rec.h"
#include "repair.h"
#include "rewrite.h"
#include "rights.h"
#include "taker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>

#define ENVELOPE_FD 3
#define PEER_FD 4

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- the child ---- */

/* argv of mox-queue-add, or of mox-local with sender and recipients, NULL-terminated; the caller frees the
 * array. */
static char **
taker_argv(const struct taker *t, const struct smtpd *s)
{
	static char queue_add[] = "mox-queue-add", local[] = "mox-local", e[] = "-e", fd[] = "3", f[] = "-f",
		    r[] = "-r", c[] = "-C", dashes[] = "--", peer[] = "--peer", peer_fd[] = "4",
		    sysexits[] = "--sysexits";
	char **argv = mem_zalloc((13 + 2 * s->nrcpt) * sizeof *argv);
	size_t n = 0;

	argv[n++] = t->maildir ? local : queue_add;
	if (!t->maildir)
		argv[n++] = sysexits;
	argv[n++] = e;
	argv[n++] = fd;
	if (t->conf_file) {
		argv[n++] = c;
		argv[n++] = t->conf_file;
	}
	if (!t->maildir && t->peer >= 0) {
		argv[n++] = peer;
		argv[n++] = peer_fd;
	}
	if (!t->maildir)
		return argv;
	argv[n++] = f;
	argv[n++] = s->sender;
	for (size_t i = 0; i < s->nrcpt; i++) {
		argv[n++] = r;
		argv[n++] = s->rcpt[i].address;
	}
	argv[n++] = dashes;
	argv[n] = t->maildir;
	return argv;
}

/* false: they cannot be known now; answered. */
static bool
expand(struct taker *t, struct smtpd *s)
{
	struct str remarks = {0};
	bool good;

	recipients_free(&t->to);
	t->to = (struct recipients){0};
	for (size_t i = 0; i < s->nrcpt; i++) {
		recipients_add_path(&t->to, s->rcpt[i].address, NULL);
		t->to.v[i].bare = s->rcpt[i].bare;
		t->to.v[i].from = i;
	}
	good = t->maildir || recipients_expand(&t->to, t->conf, &remarks);
	if (!good)
		smtpd_answer(s, "451 4.3.5 %s", t->to.why.s);
	for (const char *p = str_cstr(&remarks); *p; p = strchr(p, '\n') + 1)
		warn("%.*s", (int)strcspn(p, "\n"), p);
	str_free(&remarks);
	return good;
}

static void
recipient_write(struct str *e, const struct recipient *r, const struct smtpd_rcpt *given)
{
	struct str original = {0};

	rec_open(e, "rcpt");
	rec_put(e, r->path);
	if (given->notify)
		rec_putf(e, "notify=%s", given->notify);
	if (given->orcpt)
		rec_putf(e, "orcpt=%s", given->orcpt);
	else if (r->asked && recipient_original(&original, r->asked))
		rec_putf(e, "orcpt=%s", original.s);
	if (r->exact)
		rec_put(e, "exact=yes");
	rec_close(e);
	str_free(&original);
}

/* Who sends, for rules of the configuration. */
static struct rewrite
author(struct taker *t)
{
	struct ucred who;
	socklen_t len = sizeof who;

	if (!t->account && !rewrite_needs_account(t->conf))
		t->account = mem_dup("");
	else if (!t->account)
		t->account = t->peer >= 0 && !getsockopt(t->peer, SOL_SOCKET, SO_PEERCRED, &who, &len)
		                 ? login_name(who.uid)
		                 : mem_dup(login_user()->name);
	return (struct rewrite){.conf = t->conf, .account = t->account};
}

static bool
begin(struct smtpd *s)
{
	struct taker *t = s->arg;
	int message[2] = {-1, -1}, envelope[2] = {-1, -1}, said[2] = {-1, -1}, sorry[2] = {-1, -1};
	char **argv;

	if (!expand(t, s))
		return false;
	if (pipe2(message, O_CLOEXEC) || pipe2(envelope, O_CLOEXEC) || pipe2(said, O_CLOEXEC) ||
	    pipe2(sorry, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	argv = taker_argv(t, s);
	/* The envelope last: its number in the child may be one of the pipes' here. */
	t->pid = child_spawn(argv,
	    (const struct child_fd[]){
		{message[0], 0}, {said[1], 1}, {sorry[1], 2}, {envelope[0], ENVELOPE_FD}, {t->peer, PEER_FD}},
	    t->peer < 0 ? 4 : 5);
	if (t->pid < 0)
		smtpd_answer(s, "451 4.3.0 unable to start %s: %s", argv[0], strerror(errno));
	free(argv);
	close(message[0]);
	close(envelope[0]);
	close(said[1]);
	close(sorry[1]);
	t->message = message[1];
	t->envelope = envelope[1];
	t->said = said[0];
	t->sorry = sorry[0];
	return t->pid >= 0;
}

static void
text_write(struct taker *t, const char *p, size_t n)
{
	/* A child that will not have it has gone; why, its exit code tells when the message is whole. */
	if (t->message >= 0 && fd_write_all(t->message, p, n))
		close_fd(&t->message);
}

/* S33, RFC 6409 8: a program of this machine may leave Date, Message-ID and From to us, and RFC 6376 5.4 signs nothing without a
 * From. Other machines' mail stays as it came, and so does what is signed. */
static void
complete(const struct taker *t, const struct smtpd *s, struct str *text)
{
	const char *p = str_cstr(text), *host = t->conf->mailname;
	struct str added = {0}, out = {0}, from = {0};
	struct draft d;

	if (!t->local || text->len > HEAD_MAX || repair_is_signed(p, text->len))
		return;
	draft_scan(&d, p, text->len);
	str_adds(&from, *s->sender ? s->sender : "MAILER-DAEMON");
	if (!addr_domain(from.s))
		str_addf(&from, "@%s", host);
	if (!d.from)
		draft_add_from(&d, &added, NULL, from.s);
	if (!d.date)
		draft_add_date(&d, &added, clock_now());
	if (!d.message_id)
		draft_add_message_id(&d, &added, clock_now(), t->conf->hostname);
	for (const char *q = str_cstr(&added); *q; q++)
		str_adds(&out, *q == '\n' ? "\r\n" : (char[]){*q, 0});
	/* A text without any field is no header: it begins behind ours. */
	if (out.len && d.fields == d.fields_end && d.fields < d.end && !strchr("\r\n", *d.fields))
		str_adds(&out, "\r\n");
	if (out.len) { /* an mbox's "From " line would stand between the fields */
		str_add(&out, d.fields, (size_t)(d.end - d.fields));
		str_free(text);
		*text = out;
	}
	str_free(&added);
	str_free(&from);
}

/* What the header asks for goes into the envelope; what the configuration asks for, into the header. */
static void
head_write(struct taker *t, const struct smtpd *s)
{
	const struct rewrite w = author(t);
	struct str *text = &t->head.text, why = {0}, reply = {0};

	if (!t->maildir) {
		if (!extra_add(&t->extras, str_cstr(text), text->len, &why))
			str_addf(&reply, "554 5.6.0 %s", why.s);
		complete(t, s, text);
		rewrite_header(&w, text);
		t->refusal = reply.len ? str_take(&reply) : NULL;
	}
	text_write(t, str_cstr(text), text->len);
	str_free(&why);
}

static void
body(struct smtpd *s, const char *p, size_t n)
{
	struct taker *t = s->arg;
	size_t used = t->head.whole ? 0 : head_take(&t->head, p, n);

	if (used && t->head.whole)
		head_write(t, s);
	if (n > used)
		text_write(t, p + used, n - used);
}

static void
write_envelope(struct taker *t, const struct smtpd *s)
{
	const struct rewrite w = author(t);
	char *sender = rewrite_sender(&w, s->sender);
	struct str e = {0};

	rec_add(&e, "sender", t->maildir ? s->sender : sender);
	if (!t->maildir && t->local)
		rec_add(&e, "origin", "local");
	if (!t->maildir && t->strangers && rights_matter(t->conf))
		rec_add(&e, "account", login_user()->name);
	free(sender);
	if (s->ret)
		rec_add(&e, "ret", s->ret);
	if (s->envid)
		rec_add(&e, "envid", s->envid);
	if (s->requiretls)
		rec_add(&e, "requiretls", "yes");
	if (s->hold_until)
		rec_addi(&e, "hold-until", s->hold_until);
	str_add(&e, str_cstr(&t->extras), t->extras.len);
	for (size_t i = 0; i < t->to.n; i++)
		recipient_write(&e, &t->to.v[i], &s->rcpt[t->to.v[i].from]);
	rec_end(&e);
	if (fd_write_all(t->envelope, e.s, e.len))
		close_fd(&t->envelope); /* gone: its exit code tells why */
	str_free(&e);
}

/* The first line of what the child wrote. */
static void
read_line(int fd, char *out, size_t cap)
{
	char rest[512];
	ssize_t n = fd_read_all(fd, out, cap - 1);

	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\n")] = 0;
	while (fd_read(fd, rest, sizeof rest) > 0)
		;
}

static int
end_taker(struct taker *t)
{
	int code;

	close_fd(&t->message);
	close_fd(&t->envelope);
	close_fd(&t->said);
	close_fd(&t->sorry);
	code = child_wait(t->pid);
	t->pid = -1;
	head_reset(&t->head);
	str_free(&t->extras);
	free(t->refusal);
	t->refusal = NULL;
	return code;
}

/* Why the door says `later`: the spool has less room than it wants to keep (RFC 3463 4.3.1 is of the system, not of the message). */
static bool
is_full(const struct conf *c)
{
	struct statvfs v;

	return !statvfs(c->spool, &v) && ((uint64_t)v.f_bavail * v.f_frsize < c->min_free ||
					     (v.f_files && (uint64_t)v.f_favail < c->min_free_inodes));
}

/* By the exit code of the door, or of mox-local. */
static void
refuse(struct smtpd *s, int code, const char *sorry)
{
	const struct taker *t = s->arg;
	const char *reply = !t->maildir && is_full(t->conf) ? "452 4.3.1" : "451 4.3.0";

	switch (code) {
	case EX_NOPERM: reply = "550 5.7.1"; break;
	case EX_UNAVAILABLE: reply = "552 5.3.4"; break;
	case EX_DATAERR:
	case EXIT_PERM: reply = "554 5.6.0"; break;
	case EX_CONFIG: reply = "451 4.3.5"; break;
	default: break;
	}
	if (!*sorry)
		sorry = *reply == '5' ? "message refused" : "unable to take the message now";
	smtpd_answer(s, "%s %s", reply, sorry);
}

static void
done(struct smtpd *s)
{
	struct taker *t = s->arg;
	char said[256], sorry[400];
	int code;

	if (!t->head.whole)
		head_write(t, s);
	if (t->refusal) {
		smtpd_answer(s, "%s", t->refusal);
		end_taker(t); /* without `end` on the envelope the child keeps nothing */
		return;
	}
	/* The message first and whole: the child need not read both at once. */
	close_fd(&t->message);
	write_envelope(t, s);
	close_fd(&t->envelope);
	read_line(t->said, said, sizeof said);
	read_line(t->sorry, sorry, sizeof sorry);
	code = end_taker(t);
	if (!code && t->maildir)
		smtpd_answer(s, "250 2.0.0 delivered");
	else if (!code)
		smtpd_answer(s, "250 2.0.0 queued as %s", !strncmp(said, "id ", 3) ? said + 3 : said);
	else
		refuse(s, code, sorry);
}

static void
drop(struct smtpd *s)
{
	/* Without `end` on the envelope the child keeps nothing. */
	end_taker(s->arg);
}

const struct smtpd_hooks taker_hooks = {.begin = begin, .body = body, .done = done, .drop = drop};

void
taker_start(struct taker *t, const struct conf *conf, char *conf_file, char *maildir)
{
	*t = (struct taker){.conf = conf,
	    .conf_file = conf_file,
	    .maildir = maildir,
	    .pid = -1,
	    .message = -1,
	    .envelope = -1,
	    .said = -1,
	    .sorry = -1,
	    .peer = -1};
}

void
taker_free(struct taker *t)
{
	recipients_free(&t->to);
	free(t->account);
}
