/* mox-submit: sendmail's face for machines that keep no queue: one message to one submission server, at once. What cannot be sent
 * is kept in ~/moxsubmit.failures.
 *
 * Installed setgid, so that only it reads the password of the machine: the group is given up before a file is opened that the
 * caller has named. */
#include "base.h"

#include "addr.h"
#include "clock.h"
#include "die.h"
#include "draft.h"
#include "fdio.h"
#include "file.h"
#include "handover.h"
#include "header.h"
#include "log.h"
#include "quoted.h"
#include "rec.h"
#include "recipients.h"
#include "sandbox.h"
#include "sendmail_args.h"
#include "submit.h"
#include "submitconf.h"
#include "submitkey.h"
#include "tls.h"
#include "unsent.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-submit [-itv] [-C file] [-F name] [-f sender] [recipient ...]\n"                                \
	"       mox-submit --describe"

#define ENVELOPE_TO "X-Envelope-To"
#define CONF "/etc/moxsubmit.conf"
#define CONF_MAX 65536
#define MESSAGE_MAX (256u << 20)

static struct sendmail_args args;
static struct submitconf conf;
static struct conf *common; /* mox.conf, for its ca-file */
static struct str given;    /* the message as it came */

/* ---- the group ---- */

static void
group_drop(void)
{
	if (setresgid(getgid(), getgid(), getgid()) || getegid() != getgid())
		die_temp("unable to give up the group: %m");
}

/* ---- what came in ---- */

static void
message_read(void)
{
	struct str *in = &given;
	ssize_t n;

	do {
		str_reserve(in, 65537);
		n = fd_read_wait(0, in->s + in->len, 65536);
		if (n < 0)
			die_exit(EX_IOERR, "unable to read the message: %m");
		in->len += (size_t)n;
		in->s[in->len] = 0;
		if (in->len > MESSAGE_MAX)
			die_exit(EX_UNAVAILABLE, "unable to take the message: it is larger than %u bytes",
			    MESSAGE_MAX);
	} while (n);
}

/* Says what went wrong, keeps the text, and ends with the code. */
NORETURN static void
give_up(int code, const char *why, const struct str *text)
{
	struct str name = {0};

	group_drop();
	if (!text->len)
		die_exit(code, "%s", why);
	warn("%s", why);
	if (unsent_keep(str_cstr(text), text->len, &name))
		die_exit(code, "%s; the message is lost", name.s);
	die_exit(code, "the message was not sent and is kept as %s", name.s);
}

/* What cannot even be tried is kept as it came: whoever called may have no other copy. */
NORETURN static void refuse(int code, const char *fmt, ...) PRINTF(2, 3);

static void
refuse(int code, const char *fmt, ...)
{
	char why[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	give_up(code, why, &given);
}

/* The command line is wrong. A message that stands behind it is not the fault of who wrote it; on a terminal there is none yet. */
NORETURN static void
refuse_call(int code, const char *why)
{
	group_drop();
	if (args.mode == SENDMAIL_SUBMIT && !isatty(0))
		message_read();
	refuse(code, "%s", why);
}

/* A configuration that is wrong must cost no mail. */
static void
conf_take(void)
{
	struct str text = {0}, why = {0};
	const char *file = args.conf ? args.conf : CONF;

	if (args.conf)
		group_drop();
	prctl(PR_SET_DUMPABLE, 0); /* no core with a password in it */
	if (file_read(AT_FDCWD, file, &text, CONF_MAX))
		str_addf(&why, "unable to read %s: %s", file, strerror(errno));
	else if (strlen(str_cstr(&text)) != text.len)
		str_addf(&why, "%s: expected text, found a NUL byte", file);
	else {
		str_reserve(&text, 1);
		text.s[text.len] = 0;
		if (submitconf_parse(&conf, file, text.s, &why))
			explicit_bzero(text.s, text.len);
	}
	if (!why.len)
		common = conf_try(NULL, &why);
	if (why.len) {
		message_read();
		refuse(EX_CONFIG, "%s", why.s);
	}
	str_free(&text);
}

/* ---- what goes out ---- */

static const char *
mailname(void)
{
	return conf.hostname;
}

/* All mail is from the one address that the server lets us use, so what the caller wrote as From goes; and so does what we wrote into a
 * message that was kept. *named: it has a To. */
static void
from_remove(struct str *out, const struct str *in, bool *named)
{
	const char *p = str_cstr(in), *end = p + in->len;
	struct header_field f;

	*named = false;
	if (!strncmp(p, "From ", 5)) { /* an mbox's line */
		const char *nl = memchr(p, '\n', in->len);

		p = nl ? nl + 1 : end;
	}
	for (const char *at = p; header_next(&p, end, &f); at = p) {
		if (!header_is(&f, "from") && !header_is(&f, ENVELOPE_TO))
			str_add(out, at, (size_t)(p - at));
		*named |= header_is(&f, "to") || header_is(&f, "resent-to");
	}
	/* header_next stands behind the blank line, which is wanted. */
	str_adds(out, "\n");
	str_add(out, p, (size_t)(end - p));
}

/* Names without a domain are users of this machine, who have no mailbox here. */
static void
recipients_take(struct recipients *to, const struct draft *d)
{
	struct str why = {0};

	for (int i = 0; i < args.noperand; i++)
		recipients_add_list(to, args.operand[i]);
	if (!to->why.len && args.extract && !draft_recipients(d, recipients_add, to, &why))
		refuse(EX_DATAERR, "unable to read %s", why.s);
	if (to->why.len)
		refuse(EX_DATAERR, "%s", to->why.s);
	if (!to->n)
		refuse(args.extract ? EX_NOINPUT : EX_USAGE, "unable to send: no recipient is named");
	for (size_t i = 0; i < to->n; i++) {
		struct recipient *r = &to->v[i];

		if (!r->bare)
			continue;
		if (!*conf.destination)
			refuse(EX_NOUSER,
			    "unable to send to %s: it has no domain, and DefaultDestination is not set",
			    r->path);
		free(r->path);
		r->path = mem_dup(conf.destination);
	}
	recipients_unique(to);
}

static void
text_put(void *arg, const char *p, size_t n)
{
	str_add(arg, p, n);
}

static bool
is_ascii(const struct recipients *to)
{
	bool ascii = text_is_ascii(conf.from, strlen(conf.from));

	for (size_t i = 0; i < to->n; i++)
		ascii &= text_is_ascii(to->v[i].path, strlen(to->v[i].path));
	return ascii;
}

/* The whole message in wire form. */
static void
compose(struct submit *s, struct recipients *to, struct str *out)
{
	struct str plain = {0}, added = {0}, body = {0};
	struct parcel p = {.whole = true};
	struct draft d;
	struct wire w;
	bool named;

	from_remove(&plain, &given, &named);
	draft_scan(&d, plain.s, plain.len);
	recipients_take(to, &d);
	draft_add_from(&d, &added, args.name, conf.from);
	if (!d.date)
		draft_add_date(&d, &added, clock_now());
	if (!d.message_id)
		draft_add_message_id(&d, &added, clock_now(), conf.hostname);
	if (!named && !args.extract && to->n == 1)
		str_addf(&added, "To: <%s>\n", to->v[0].path);
	if (!strcmp(conf.requiretls, "no"))
		str_adds(&added, "TLS-Required: No\n");
	draft_write(&d, &added, mailname, &p.header);
	p.body = d.body;
	p.end = d.end;
	parcel_repair(&p, false, !is_ascii(to));
	if (p.quoted) {
		struct quoted q;

		quoted_start(&q, text_put, &body);
		quoted_add(&q, p.body, (size_t)(p.end - p.body));
		quoted_end(&q);
	} else {
		str_add(&body, p.body, (size_t)(p.end - p.body));
	}
	wire_start(&w, text_put, out);
	wire_add(&w, p.header.s, p.header.len);
	wire_add(&w, str_cstr(&body), body.len);
	wire_end(&w);
	if (w.bad)
		refuse(EX_DATAERR, "unable to send this message: %s", w.bad);
	s->eightbit = w.eightbit;
	s->smtputf8 = w.utf8_header || !is_ascii(to);
	s->dot = w.dot;
	wire_free(&w);
	str_free(&plain);
	str_free(&added);
	str_free(&body);
	str_free(&p.header);
}

/* ---- sending ---- */

/* The password and strangers' bytes meet in a process that has no files and starts no programs. */
static void
run_confined(const struct submit *s, int report)
{
	struct submit_result r = {0};
	struct str out = {0};

	sandbox_enter(false);
	submit_run(s, &r);
	rec_addf(&out, "outcome", "%d", (int)r.end);
	rec_add(&out, "text", str_cstr(&r.text));
	rec_add(&out, "refused", str_cstr(&r.refused));
	rec_end(&out);
	_exit(fd_write_all(report, out.s, out.len) ? EXIT_TEMP : 0);
}

static void
report_take(struct submit_result *r, struct str *in)
{
	struct rec_in rec = {in->s, in->s + in->len};
	char *key, *value;
	uint64_t n = SUBMIT_LATER;
	enum rec_got got = REC_MORE;

	while (in->len && (got = rec_next(&rec, &key, &value)) == REC_LINE) {
		if (!(value = rec_text(value)))
			break;
		if (!strcmp(key, "outcome") && str_number(value, SUBMIT_NEVER, &n))
			r->end = (enum submit_end)n;
		else if (!strcmp(key, "text"))
			str_adds(&r->text, value);
		else if (!strcmp(key, "refused"))
			str_adds(&r->refused, value);
	}
	if (got == REC_END)
		return;
	r->end = SUBMIT_LATER;
	str_reset(&r->text);
	str_reset(&r->refused);
	str_adds(&r->text, "the sending process ended without a word; the message may have been sent");
}

static void
send_it(const struct submit *s, struct submit_result *r)
{
	struct str in = {0};
	int p[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) || (pid = fork()) < 0) {
		r->end = SUBMIT_LATER;
		str_addf(&r->text, "unable to start a process: %s", strerror(errno));
		return;
	}
	if (!pid) {
		signal(SIGPIPE, SIG_IGN);
		close(p[0]);
		run_confined(s, p[1]);
	}
	close(p[1]);
	do {
		str_reserve(&in, 4097);
		n = fd_read(p[0], in.s + in.len, 4096);
		in.len += n > 0 ? (size_t)n : 0;
		in.s[in.len] = 0;
	} while (n > 0);
	close(p[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	report_take(r, &in);
	str_free(&in);
}

/* All that reads files or starts programs. false: half a sentence in why. */
static bool
prepare(struct submit *s, struct str *why)
{
	const char *bad = NULL;
	bool tls = conf.tls || conf.starttls;

	if (tls && tls_prepare(s->conf, !conf.insecure, &bad) < 0)
		str_addf(why, "unable to prepare TLS: %s", bad);
	else if (tls && (bad = submitkey_use(&conf)))
		str_addf(why, "unable to use the client certificate: %s", bad);
	return !why->len && submit_resolve(s, NULL, why);
}

/* As they were asked for: the header does not tell, and need not. */
static void
keep_and_end(int code, const char *why, const struct recipients *to, const struct str *wire)
{
	struct str text = {0};

	str_adds(&text, ENVELOPE_TO ": ");
	for (size_t i = 0; i < to->n; i++)
		str_addf(&text, "%s%s", i ? ",\r\n\t" : "", to->v[i].path);
	str_adds(&text, "\r\n");
	str_add(&text, wire->s, wire->len);
	give_up(code, why, &text);
}

static int
submit(void)
{
	struct submit s = {.to = &conf, .conf = common, .fd = memfd_create("message", MFD_CLOEXEC)};
	struct recipients to = {.mailname = mailname};
	struct submit_result r = {.end = SUBMIT_LATER};
	struct str wire = {0}, why = {0};

	message_read();
	compose(&s, &to, &wire);
	s.size = wire.len;
	s.nrcpt = to.n;
	s.rcpt = mem_zalloc(to.n * sizeof *s.rcpt);
	for (size_t i = 0; i < to.n; i++)
		s.rcpt[i] = to.v[i].path;
	if (s.fd < 0 || fd_write_all(s.fd, wire.s, wire.len))
		keep_and_end(EX_OSERR, "unable to keep the message in memory", &to, &wire);
	if (!prepare(&s, &why))
		keep_and_end(EX_TEMPFAIL, why.s, &to, &wire);
	send_it(&s, &r);
	if (r.end == SUBMIT_SENT && r.refused.len) {
		str_addf(&why, "unable to send to all, only to some: %.*s", (int)strcspn(r.refused.s, "\n"),
		    r.refused.s);
		keep_and_end(EX_UNAVAILABLE, why.s, &to, &wire);
	}
	if (r.end != SUBMIT_SENT) {
		str_addf(&why, "unable to submit: %s", str_cstr(&r.text));
		keep_and_end(r.end == SUBMIT_NEVER ? EX_UNAVAILABLE : EX_TEMPFAIL, why.s, &to, &wire);
	}
	if (args.verbose)
		printf("sent %s\n", str_cstr(&r.text));
	close(s.fd);
	free(s.rcpt);
	plan_list_free(&s.addr);
	recipients_free(&to);
	str_free(&r.text);
	str_free(&r.refused);
	str_free(&given);
	str_free(&wire);
	conf_free(common);
	submitconf_free(&conf);
	sendmail_args_free(&args);
	return 0;
}

static int
describe(void)
{
	struct str out = {0};
	int failed;

	submitconf_describe(&out);
	failed = fd_write_all(1, out.s, out.len);
	str_free(&out);
	return failed ? EX_IOERR : 0;
}

int
main(int argc, char **argv)
{
	struct str why = {0};
	int code;

	prog_start("mox-submit");
	fd_sanitise();
	die_codes(EX_DATAERR, EX_TEMPFAIL);
	if (getauxval(AT_SECURE) && clearenv())
		die_temp("unable to clear the environment");
	log_start(LOG_INFO, false); /* behind the clearing: no guest reads the password at trace-auth */
	if (argc == 2 && !strcmp(argv[1], "--describe"))
		return describe();
	if ((code = sendmail_args(&args, argc, argv, &why)))
		refuse_call(code, why.s);
	switch (args.mode) {
	case SENDMAIL_SUBMIT: conf_take(); return submit();
	case SENDMAIL_LIST: puts("Mail queue is empty"); return 0;
	case SENDMAIL_VERSION: print_version();
	case SENDMAIL_HELP: print_usage(USAGE);
	case SENDMAIL_FLUSH:
	case SENDMAIL_ALIASES:
	case SENDMAIL_NOTHING: return 0; /* there is no queue, and there are no aliases */
	case SENDMAIL_SMTP:
	case SENDMAIL_VERIFY:
	case SENDMAIL_DAEMON:
		die_exit(EX_USAGE, "unable to do this: there is no queue here, see mox-sendmail(8)");
	}
	return 0;
}
