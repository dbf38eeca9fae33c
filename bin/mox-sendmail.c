/* mox-sendmail: the face that cron, mail readers and scripts know. It reads the message, completes its
 * header, and becomes mox-queue-add, whose promise and exit code are then ours: there is nobody between the
 * caller and the durable message. */
#include "base.h"

#include "addr.h"
#include "child.h"
#include "clock.h"
#include "conf.h"
#include "die.h"
#include "draft.h"
#include "encoded_field.h"
#include "expand.h"
#include "extra.h"
#include "fdio.h"
#include "handover.h"
#include "login.h"
#include "path.h"
#include "rec.h"
#include "recipients.h"
#include "rewrite.h"
#include "sendmail_args.h"
#include "sendmail_modes.h"
#include "sendmail_wait.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-sendmail [-Gitv] [-B type] [-C file] [-F name] [-f sender] [-N notify]\n"                       \
	"           [-O name=value] [-o option] [-R full|hdrs] [-V envid] [recipient ...]\n"                 \
	"       mox-sendmail -bp | -bs | -bi\n"                                                              \
	"       mox-sendmail -q[what]\n"                                                                     \
	"       mox-sendmail -bv recipient ..."

/* Up to so much is handed over in memory; more streams through a pipe. The header section must fit into half
 * of it. */
#define IN_PLACE_MAX (2u << 20)
#define HEADER_MAX (IN_PLACE_MAX / 2)

static struct sendmail_args args;

/* ---- the caller's end ---- */

/* A caller that writes into a pipe must not die of SIGPIPE because we found a fault early (S36). */
static void
drain_input(void)
{
	char buf[65536];
	struct stat st;

	if (fstat(0, &st) || (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return;
	while (fd_read_wait(0, buf, sizeof buf) > 0)
		;
}

static void
drain_at_exit(void)
{
	if (atexit(drain_input))
		die_temp("out of memory");
}

/* Read only when needed: most mail says everything itself, and mox-queue-add reads it anyway. */
static const struct conf *
conf(void)
{
	static struct conf *c;
	struct str why = {0};

	if (!c && !(c = conf_try(args.conf, &why)))
		die_exit(EX_CONFIG, "%s", why.s);
	return c;
}

static const char *
mailname(void)
{
	return conf()->mailname;
}

/* libconfuse knows ~ and would draw all of NSS, its files and its plug-ins, into this program, which is linked statically.
 * Here ~ is nobody's home. */
struct passwd *
getpwnam(const char *name)
{
	(void)name;
	return NULL;
}

struct passwd *
getpwuid(uid_t uid)
{
	(void)uid;
	return NULL;
}

/* ---- the message ---- */

/* On a terminal a lone dot ends the message, unless -i; mail from a pipe is never cut short (S15). */
static bool
dot_ends(const struct str *in)
{
	return in->len >= 2 && !memcmp(in->s + in->len - 2, ".\n", 2) &&
	       (in->len == 2 || in->s[in->len - 3] == '\n');
}

/* Reads fd 0 to its end, or until what is too much to be kept. true: that was all. */
static bool
input_read(struct str *in)
{
	bool terminal = !args.dots && isatty(0);
	struct stat st;

	if (!fstat(0, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size < IN_PLACE_MAX)
		str_reserve(in, (size_t)st.st_size + 4096);
	while (in->len < IN_PLACE_MAX || terminal) {
		ssize_t r;

		if (in->cap < in->len + 4096)
			str_reserve(in, in->len < 65536 ? 65536 : in->len);
		r = fd_read_wait(0, in->s + in->len, in->cap - in->len - 1);
		if (r < 0)
			die_exit(EX_IOERR, "unable to read the message: %m");
		in->len += (size_t)r;
		in->s[in->len] = 0;
		if (!r)
			return true;
		if (terminal && dot_ends(in)) {
			str_cut(in, in->len - 2);
			return true;
		}
	}
	return false;
}

static void
header_check(const struct draft *d, const struct str *in)
{
	if (d->body - in->s > (ptrdiff_t)HEADER_MAX)
		die_perm("unable to take the message: its header is larger than %u bytes", HEADER_MAX);
}

static char *
author_name(void)
{
	const char *name = args.name ? args.name : getenv("NAME");

	if (name && (*name || args.name))
		return mem_dup(name);
	return login_full_name(login_user());
}

static void
author_add(const struct draft *d, const char *sender, struct str *added)
{
	char *login = *sender ? NULL : path_quote_local(login_user()->name), *name = author_name();
	struct str address = {0};

	str_adds(&address, *sender ? sender : login);
	if (!addr_domain(address.s))
		str_addf(&address, "@%s", mailname());
	draft_add_from(d, added, name, address.s);
	str_free(&address);
	free(login);
	free(name);
}

static struct rewrite
me(void)
{
	bool named = rewrite_needs_account(conf());

	return (struct rewrite){.conf = conf(), .account = named ? login_user()->name : ""};
}

/* sender: as it was given. */
static void
header_complete(const struct draft *d, const char *sender, struct str *out)
{
	const struct rewrite w = me();
	struct str added = {0};

	if (args.gateway) {
		draft_write_plain(d, out);
		return;
	}
	if (!d->from)
		author_add(d, sender, &added);
	if (!d->date)
		draft_add_date(d, &added, clock_now());
	if (!d->message_id)
		draft_add_message_id(d, &added, clock_now(), conf()->hostname);
	draft_write(d, &added, mailname, out);
	rewrite_header(&w, out); /* an added From: too */
	str_free(&added);
}

/* ---- the envelope ---- */

static void
operands_take(struct recipients *to)
{
	for (int i = 0; i < args.noperand; i++)
		recipients_add_list(to, args.operand[i]);
	if (to->why.len)
		die_perm("%s", to->why.s);
}

static void
warn_lines(const struct str *lines)
{
	for (const char *p = str_cstr(lines); *p; p = strchr(p, '\n') + 1)
		warn("%.*s", (int)strcspn(p, "\n"), p);
}

/* Behind the check of all that the caller named: what the aliases of others get wrong costs him no mail. */
static void
aliases_apply(struct recipients *to)
{
	struct str remarks = {0};
	bool good = recipients_expand(to, conf(), &remarks);

	warn_lines(&remarks);
	str_free(&remarks);
	if (!good)
		die_temp("%s", to->why.s);
	recipients_unique(to);
}

static void
recipients_take(struct recipients *to, const struct draft *d)
{
	struct str why = {0};

	operands_take(to);
	if (args.extract && !draft_recipients(d, recipients_add, to, &why))
		die_perm("unable to read %s", why.s);
	if (to->why.len)
		die_perm("%s", to->why.s);
	if (!to->n)
		die_exit(EX_NOINPUT, "unable to send: the message names no recipient in To, Cc or Bcc");
	aliases_apply(to);
}

/* "" is the null sender. */
static char *
sender_make(void)
{
	const char *why;
	char *path, *s;

	if (!args.sender)
		return path_quote_local(login_user()->name);
	s = addr_unwrap(args.sender);
	if (!*s)
		return mem_dup("");
	if (!addr_domain(s) && !(why = addr_check(s, strlen(s), true)))
		return mem_dup(s);
	path = path_make(s, NULL, &why);
	if (!path)
		die_perm("unable to use the sender %s: %s", s, why);
	return path;
}

static void
extras_write(struct str *out, const struct draft *d)
{
	struct str why = {0};

	if (!args.gateway && !extra_add(out, d->fields, (size_t)(d->fields_end - d->fields), &why))
		die_perm("%s", why.s);
}

static void
envelope_write(struct str *out, const char *sender, const struct recipients *to, const struct draft *d)
{
	struct str original = {0};

	rec_add(out, "sender", sender);
	rec_add(out, "origin", "local");
	if (args.ret)
		rec_add(out, "ret", args.ret);
	if (args.envid.len)
		rec_add(out, "envid", args.envid.s);
	if (args.requiretls)
		rec_add(out, "requiretls", args.requiretls);
	if (args.hold)
		rec_addf(out, "hold-until", "%" PRId64,
		    args.hold_until ? args.hold_until : clock_now() + args.hold_for);
	extras_write(out, d);
	for (size_t i = 0; i < to->n; i++) {
		rec_open(out, "rcpt");
		rec_put(out, to->v[i].path);
		if (args.notify.len)
			rec_putf(out, "notify=%s", args.notify.s);
		str_reset(&original);
		if (to->v[i].asked && recipient_original(&original, to->v[i].asked))
			rec_putf(out, "orcpt=%s", original.s);
		if (to->v[i].exact)
			rec_put(out, "exact=yes");
		rec_close(out);
	}
	rec_end(out);
	str_free(&original);
}

/* Whether UTF-8 may stay in the header: it must where an address is not ASCII, and is let be where the caller says so. */
static bool
utf8_allowed(const char *sender, const struct recipients *to, const struct str *header)
{
	bool ascii = text_is_ascii(sender, strlen(sender));

	for (size_t i = 0; i < to->n; i++)
		ascii &= text_is_ascii(to->v[i].path, strlen(to->v[i].path));
	if (!args.smtputf8)
		return !ascii;
	if (!strcmp(args.smtputf8, "no") && (!ascii || encoded_field_smtputf8(header->s, header->len)))
		die_perm("unable to send without SMTPUTF8: an address is not ASCII");
	return !strcmp(args.smtputf8, "yes");
}

/* A bare name of the sender is left for mox-queue-add to qualify, which has the configuration at hand. */
NORETURN static void
submit(void)
{
	struct parcel p = {.say_id = args.verbose || args.wait, .conf_file = args.conf};
	struct recipients to = {.mailname = mailname};
	const struct rewrite w = me();
	struct str in = {0};
	struct draft d;
	bool utf8;
	char *given, *sender;

	p.whole = input_read(&in);
	draft_scan(&d, str_cstr(&in), in.len);
	header_check(&d, &in);
	given = sender_make();
	sender = args.gateway ? given : rewrite_sender(&w, given);
	recipients_take(&to, &d);
	envelope_write(&p.envelope, sender, &to, &d);
	header_complete(&d, given, &p.header);
	p.body = d.body;
	p.end = d.end;
	utf8 = utf8_allowed(sender, &to, &p.header);
	if (!args.gateway)
		parcel_repair(&p, conf()->convert_8bit, utf8);
	free(sender);
	handover(&p);
}

/* -odi. Mail that is to wait has no attempt that could be waited for. */
NORETURN static void
submit_and_wait(void)
{
	char id[WAIT_ID_SIZE];
	int code = wait_for_id(submit, id);

	if (code)
		exit(code);
	if (args.verbose)
		printf("id %s\n", id);
	fflush(stdout);
	exit(args.hold ? 0 : wait_for_attempt(conf(), args.conf, id, args.verbose));
}

/* ---- the other things sendmail is called for ---- */

/* One line for each alias' recipient, as sendmail's -bv has it, then the plans of the domains. */
NORETURN static void
verify(void)
{
	struct recipients to = {.mailname = mailname};

	operands_take(&to);
	aliases_apply(&to);
	sendmail_verify(&to, args.conf);
}

/* There is no table to build: the file is read as it is, and looked over here. */
static int
aliases_look_over(void)
{
	struct str faults = {0};
	long n = aliases_count_checked(conf(), &faults);
	bool good = !faults.len;

	warn_lines(&faults);
	str_free(&faults);
	if (n >= 0)
		printf("%s: %ld alias%s\n", conf()->aliases, n, n == 1 ? "" : "es");
	return good ? 0 : n < 0 ? EX_NOINPUT : EX_DATAERR;
}

int
main(int argc, char **argv)
{
	struct str why = {0};
	int code;

	prog_start("mox-sendmail");
	fd_sanitise();
	die_codes(EX_DATAERR, EX_TEMPFAIL);
	code = sendmail_args(&args, argc, argv, &why);
	if (args.mode == SENDMAIL_SUBMIT)
		drain_at_exit();
	if (code)
		die_exit(code, "%s", why.s);
	switch (args.mode) {
	case SENDMAIL_SUBMIT:
		if (args.wait)
			submit_and_wait();
		submit();
	case SENDMAIL_SMTP: sendmail_become("mox-smtpd", args.conf, "--sysexits");
	case SENDMAIL_LIST: sendmail_become("mox-queue-list", args.conf, "--mailq");
	case SENDMAIL_VERIFY: verify();
	case SENDMAIL_FLUSH: sendmail_flush(conf(), args.conf, args.flush);
	case SENDMAIL_DAEMON:
		die_exit(EX_USAGE,
		    "unable to serve: mox-runq -w is the daemon that delivers, mox-smtpd the SMTP server");
	case SENDMAIL_VERSION: print_version();
	case SENDMAIL_HELP: print_usage(USAGE);
	case SENDMAIL_ALIASES: return aliases_look_over();
	case SENDMAIL_NOTHING: break;
	}
	return 0;
}
