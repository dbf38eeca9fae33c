/* mox-local: delivers one message to a Maildir, or to whomever a recipient of this machine stands for
 * (mox-local(8)).
 *
 * The message is durable in new/, of the Maildir or of the spool, before `sent` is reported. Killed at any
 * point before, it leaves nothing a reader would show. For several it goes back into the spool first and into
 * the Maildir last: a death between the two gives the others a second copy, and loses nobody's. */
#include "base.h"

#include "addr.h"
#include "conf.h"
#include "die.h"
#include "fdio.h"
#include "handed.h"
#include "header.h"
#include "mailbox.h"
#include "maildir.h"
#include "option.h"
#include "rec.h"
#include "reinject.h"
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-local [-C file] [-e fd] [-f sender] [-r rcpt ...] [-s size] maildir\n"                          \
	"       mox-local [-C file] [-e fd] [-f sender] [-r rcpt ...] [-s size] -u user\n"                   \
	"       mox-local [-C file] -R fd"

#define BLOCK 65536
#define CIRCLE "message was delivered to %s before, mail is going in a circle"

static struct {
	char *conf_file;
	const char *user;
	const char *sender; /* NULL: not given */
	const char **rcpt;
	size_t nrcpt;
	uint64_t size;      /* of the message; UINT64_MAX: all there is */
	int token;          /* descriptor of -e; -1: none */
	int handed;         /* descriptor of -R; -1: none */
	const char *option; /* of the report; NULL: none */
} opt = {.token = -1, .handed = -1, .size = UINT64_MAX};

/* Writes the report, says the same on fd 2 unless it is good, and exits. A maildir, hence one fate for all
 * recipients. */
NORETURN static void report(int code, const char *status, const char *fmt, ...) PRINTF(3, 4);

static void
report(int code, const char *status, const char *fmt, ...)
{
	char text[1024];
	struct str out = {0};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (size_t n = 1; n <= (opt.nrcpt ? opt.nrcpt : 1); n++) {
		rec_open(&out, "rcpt");
		rec_putf(&out, "%zu", n);
		rec_put(&out, !code ? "sent" : code == EXIT_TEMP ? "later" : "never");
		rec_put(&out, "0");
		rec_put(&out, status);
		rec_put(&out, "-");
		rec_put(&out, text);
		if (!code && opt.option)
			rec_put(&out, opt.option);
		rec_close(&out);
	}
	rec_end(&out);
	if (fd_write_all(1, out.s, out.len))
		warn("unable to write the report: %m");
	str_free(&out);
	if (code)
		die_exit(code, "%s", text);
	exit(0);
}

/* ---- whose Maildir ---- */

/* Answers the path, as him who may write there. */
static const char *
enter(const struct mailbox *box)
{
	if (mailbox_become(box))
		report(EXIT_TEMP, "4.3.0", "unable to become %s: %s", box->user, strerror(errno));
	return box->path;
}

static struct conf *
conf_start(void)
{
	struct conf *c = conf_load(opt.conf_file);
	const char *why = mailbox_pattern_check(c->local_maildir);

	if (why)
		die_perm("%s: local-maildir = \"%s\": %s", c->file, c->local_maildir, why);
	return c;
}

static const char *
user_maildir(const char *user)
{
	static struct mailbox box;
	struct conf *c = conf_start();

	switch (mailbox_look(&box, c, user)) {
	case MAILBOX_UNKNOWN:
		report(EXIT_TEMP, "4.3.0", "unable to look up the user %s: %s", user, strerror(errno));
	case MAILBOX_NOBODY: report(EXIT_PERM, "5.1.1", "no user %s here", user);
	case MAILBOX_MISSING:
	case MAILBOX_THERE: break;
	}
	conf_free(c);
	return enter(&box);
}

/* ---- the message ---- */

/* Delivered-To: in the message with an address it is to be delivered to now: it has been here (the field was
 * ours or another MTA's). */
static const char *
find_loop(const char *p, size_t n)
{
	const char *end = p + n;
	struct header_field f;
	struct str value = {0};
	const char *loop = NULL;

	while (!loop && header_next(&p, end, &f)) {
		if (!header_is(&f, "Delivered-To"))
			continue;
		str_reset(&value);
		header_unfold(&value, &f);
		for (size_t i = 0; i < opt.nrcpt; i++)
			if (str_ieq(str_cstr(&value), opt.rcpt[i]))
				loop = opt.rcpt[i];
	}
	str_free(&value);
	return loop;
}

static void
write_trace(struct maildir_message *msg)
{
	struct str h = {0};

	if (opt.sender)
		str_addf(&h, "Return-Path: <%s>\n", opt.sender);
	for (size_t i = 0; i < opt.nrcpt; i++)
		str_addf(&h, "Delivered-To: %s\n", opt.rcpt[i]);
	maildir_write(msg, str_cstr(&h), h.len);
	str_free(&h);
}

/* Copies fd 0 into the message. */
static void
write_message(struct maildir_message *msg)
{
	char *buf = mem_alloc(BLOCK);
	uint64_t left = opt.size;
	bool first = true;
	ssize_t n;

	/* The first block whole, so that a header that comes in small pieces is looked at all the same. */
	while ((n = fd_read_all(0, buf, left < BLOCK ? (size_t)left : BLOCK)) > 0) {
		const char *loop = first ? find_loop(buf, (size_t)n) : NULL;

		if (loop) {
			maildir_abort(msg);
			report(EXIT_PERM, "5.4.6", CIRCLE, loop);
		}
		first = false;
		maildir_write(msg, buf, (size_t)n);
		left -= opt.size == UINT64_MAX ? 0 : (uint64_t)n;
		if (n < BLOCK)
			break;
	}
	free(buf);
	if (n >= 0 && left && opt.size != UINT64_MAX) {
		maildir_abort(msg);
		report(EXIT_TEMP, "4.3.0", "the message is shorter than %" PRIu64 " bytes", opt.size);
	}
	if (n < 0) {
		int err = errno;
		maildir_abort(msg);
		report(EXIT_TEMP, "4.3.0", "unable to read the message: %s", strerror(err));
	}
}

/* Answers the length of the record on fd; 0: it has no `end`. */
static size_t
record_read(struct str *rec, int fd)
{
	ssize_t n;

	do {
		str_reserve(rec, BLOCK);
		n = fd_read(fd, rec->s + rec->len, BLOCK);
		if (n > 0)
			rec->len += (size_t)n;
	} while (n > 0 && rec->len < REC_MAX && !rec_whole(rec->s, rec->len));
	return rec_whole(str_cstr(rec), rec->len);
}

/* -e: the message counts only when a record closed by `end` stands on the descriptor behind it. */
static void
await_token(struct maildir_message *msg)
{
	struct str rec = {0};

	if (!record_read(&rec, opt.token)) {
		maildir_abort(msg);
		report(
		    EXIT_TEMP, "4.3.0", "the envelope on fd %d did not end: nothing is delivered", opt.token);
	}
	str_free(&rec);
}

NORETURN static void
deliver(const char *path, const char *others)
{
	struct maildir dir;
	struct maildir_message msg;
	const char *what;
	bool may_stand;

	if (maildir_open(&dir, path, &what))
		report(EXIT_TEMP, "4.2.0", "unable to open %s%s%s: %s", path, *what ? "/" : "", what,
		    strerror(errno));
	if (maildir_begin(&msg, &dir))
		report(EXIT_TEMP, "4.3.1", "unable to make a file in %s/tmp: %s", path, strerror(errno));
	write_trace(&msg);
	write_message(&msg);
	if (opt.token >= 0)
		await_token(&msg);
	if (maildir_commit(&msg, true, &may_stand)) {
		int err = errno;
		bool full = err == ENOSPC || err == EDQUOT;

		report(EXIT_TEMP, full ? "4.2.2" : "4.3.0", "unable to store the message in %s%s: %s", path,
		    may_stand ? ", where it may stand already" : "", strerror(err));
	}
	report(0, "2.0.0", "delivered to %s/new/%s%s", path, msg.name, others);
}

/* ---- a recipient of this machine ---- */

static void
circle_check(void)
{
	char *buf = mem_alloc(BLOCK);
	ssize_t n = pread(0, buf, opt.size < BLOCK ? (size_t)opt.size : BLOCK, 0);
	const char *loop;

	if (n < 0)
		report(EXIT_TEMP, "4.3.0", "unable to read the message: %s", strerror(errno));
	if ((loop = find_loop(buf, (size_t)n)))
		report(EXIT_PERM, "5.4.6", CIRCLE, loop);
	free(buf);
}

static void
handed_read(struct handed *h)
{
	static struct str rec;
	size_t n = record_read(&rec, opt.handed);
	const char *why = n ? handed_parse(h, rec.s, n) : "it did not end";

	if (why)
		die_perm("unable to read the envelope on fd %d: %s", opt.handed, why);
	close(opt.handed);
	opt.sender = h->sender;
	opt.size = h->size;
	opt.rcpt = mem_grow(NULL, 1, sizeof *opt.rcpt);
	opt.rcpt[opt.nrcpt++] = h->address;
}

/* All of r->to, those of one list and so many at a time as one message may have. said: " and sent on as ID ..." */
static void
send_on(const struct resolved *r, const struct handed *h, size_t most, struct str *said)
{
	struct str id = {0};
	size_t end;

	for (size_t i = 0; i < r->n; i = end) {
		const char *owner = r->to[i].owner;
		struct reinjection x = {.as = h, .to = &r->to[i], .conf_file = opt.conf_file};

		for (end = i; end < r->n && end - i < most; end++)
			if (!owner != !r->to[end].owner || (owner && strcmp(owner, r->to[end].owner)))
				break;
		x.n = end - i;
		x.many = r->n > 1 || r->box.user || r->nobody;
		switch (reinject(&x, &id)) {
		case REINJECT_LATER: report(EXIT_TEMP, "4.3.0", "%s", str_cstr(&id));
		case REINJECT_NEVER: report(EXIT_PERM, "5.3.0", "%s", str_cstr(&id));
		case REINJECT_DONE: break;
		}
		str_addf(said, "%s %s", said->len ? "," : " and sent on as", str_cstr(&id));
	}
	str_free(&id);
}

/* What the report says of NOTIFY (mox-rec.5): of a list it is delivered, of an alias of several expanded, and
 * where one address took another's place the others tell. */
static const char *
option_for(const struct resolved *r, const struct handed *h)
{
	bool list = *h->sender, others = r->box.user || r->nobody;

	for (size_t i = 0; i < r->n; i++)
		list = list && r->to[i].owner;
	if (!r->n || (list && !others))
		return NULL;
	return r->n == 1 && !others ? "dsn=yes" : "expanded=yes";
}

static void
warn_lines(const struct str *lines)
{
	for (const char *p = str_cstr(lines); *p; p = strchr(p, '\n') + 1)
		warn("%.*s", (int)strcspn(p, "\n"), p);
}

/* -R. Who is sent on to is so before we become anybody: the spool's door knows us as who started us. */
NORETURN static void
deliver_handed(void)
{
	struct resolved r = {.look = mailbox_look};
	struct str said = {0};
	struct conf *c;
	struct handed h;

	handed_read(&h);
	circle_check();
	c = conf_start();
	resolve(&r, c, h.address, h.exact);
	warn_lines(&r.remarks);
	if (r.why.len)
		report(EXIT_TEMP, "4.3.0", "%s", r.why.s);
	send_on(&r, &h, c->max_recipients, &said);
	conf_free(c);
	handed_free(&h);
	if (r.nobody)
		report(EXIT_PERM, "5.1.1", "nobody of the name %s here%s", h.address, str_cstr(&said));
	opt.option = option_for(&r, &h);
	if (r.box.user)
		deliver(enter(&r.box), str_cstr(&said));
	report(0, "2.0.0", "%s", str_cstr(&said) + strlen(" and "));
}

/* ---- */

/* Addresses go into header lines: nothing may break one. */
static char *
read_address(char *arg, const char *what)
{
	char *address = addr_unwrap(arg);
	const char *why = *address ? addr_check(address, strlen(address), true) : NULL;

	if (why)
		die_perm("unable to use the %s %s: %s", what, address, why);
	return address;
}

static void
add_rcpt(char *arg)
{
	const char *address = read_address(arg, "recipient");

	if (!*address)
		die_perm("unable to use an empty recipient");
	opt.rcpt = mem_grow(opt.rcpt, opt.nrcpt + 1, sizeof *opt.rcpt);
	opt.rcpt[opt.nrcpt++] = address;
}

static int
descriptor_from(const char *arg)
{
	uint64_t fd;

	if (!str_number(arg, 1023, &fd) || fd < 3 || fcntl((int)fd, F_SETFD, FD_CLOEXEC))
		die_perm("unable to read the envelope on fd %s: expected an open descriptor above 2", arg);
	return (int)fd;
}

static void
option_take(int o)
{
	switch (o) {
	case 'C': opt.conf_file = optarg; break;
	case 'e': opt.token = descriptor_from(optarg); break;
	case 'f': opt.sender = read_address(optarg, "sender"); break;
	case 'r': add_rcpt(optarg); break;
	case 'R': opt.handed = descriptor_from(optarg); break;
	case 's':
		if (!str_number(optarg, INT64_MAX, &opt.size))
			die_perm("unable to use the size %s: it is no number", optarg);
		break;
	case 'u': opt.user = optarg; break;
	case 'h': print_usage(USAGE);
	case 'V': print_version();
	default: die_usage(USAGE);
	}
}

int
main(int argc, char **argv)
{
	int o;

	prog_start("mox-local");
	fd_sanitise();
	while ((o = option_next(argc, argv, "C:e:f:r:R:s:u:hV", NULL)) != -1)
		option_take(o);
	if (argc - optind != (opt.user || opt.handed >= 0 ? 0 : 1) || (optind < argc && !*argv[optind]))
		die_usage(USAGE);
	if (opt.handed >= 0 &&
	    (opt.user || opt.token >= 0 || opt.sender || opt.nrcpt || opt.size != UINT64_MAX))
		die_usage(USAGE);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error of write */
	if (opt.handed >= 0)
		deliver_handed();
	deliver(opt.user ? user_maildir(opt.user) : argv[optind], "");
}
