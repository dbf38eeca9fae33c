/* mox-local: delivers one message to a Maildir (mox-local(8)).
 *
 * The message is durable in new/ before `sent` is reported. Killed at any point before, it leaves nothing a
 * reader would show. */
#include "base.h"

#include "addr.h"
#include "conf.h"
#include "die.h"
#include "fdio.h"
#include "header.h"
#include "maildir.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-local [-C file] [-e fd] [-f sender] [-r rcpt ...] [-s size] maildir\n"                          \
	"       mox-local [-C file] [-e fd] [-f sender] [-r rcpt ...] [-s size] -u user"

#define BLOCK 65536

static struct {
	const char *sender; /* NULL: not given */
	const char **rcpt;
	size_t nrcpt;
	uint64_t size; /* of the message; UINT64_MAX: all there is */
	int token;     /* descriptor of -e; -1: none */
} opt = {.token = -1, .size = UINT64_MAX};

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

/* Root delivers as the user: in his directory anything else could be led astray by a link of his. */
static void
become(const struct passwd *pw)
{
	if (geteuid() || !pw->pw_uid)
		return;
	if (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		report(EXIT_TEMP, "4.3.0", "unable to become %s: %s", pw->pw_name, strerror(errno));
}

/* The Maildir of local-maildir for the user; the caller frees. */
static char *
user_maildir(const char *conf_file, const char *user)
{
	struct conf *c = conf_load(conf_file);
	const struct passwd *pw;
	struct str path = {0};

	errno = 0;
	if (!(pw = getpwnam(user)) && errno && errno != ENOENT && errno != ESRCH)
		report(EXIT_TEMP, "4.3.0", "unable to look up the user %s: %s", user, strerror(errno));
	if (!pw)
		report(EXIT_PERM, "5.1.1", "no user %s here", user);
	for (const char *p = c->local_maildir; *p; p++) {
		if (*p == '%' && p[1] == 'u')
			str_adds(&path, pw->pw_name);
		else if (*p == '%' && p[1] == 'h')
			str_adds(&path, pw->pw_dir);
		else if (*p == '%' && p[1] == '%')
			str_addc(&path, '%');
		else if (*p == '%')
			die_perm("%s: local-maildir = \"%s\": expected %%u, %%h or %%%% behind a %%", c->file,
			    c->local_maildir);
		else {
			str_addc(&path, *p);
			continue;
		}
		p++;
	}
	become(pw);
	conf_free(c);
	return str_take(&path);
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
			report(EXIT_PERM, "5.4.6",
			    "message was delivered to %s before, mail is going in a circle", loop);
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

/* -e: the message counts only when a record closed by `end` stands on the descriptor behind it. */
static void
await_token(struct maildir_message *msg)
{
	struct str rec = {0};
	ssize_t n;

	do {
		str_reserve(&rec, BLOCK);
		n = fd_read(opt.token, rec.s + rec.len, BLOCK);
		if (n > 0)
			rec.len += (size_t)n;
	} while (n > 0 && rec.len < REC_MAX && !rec_whole(rec.s, rec.len));
	if (!rec_whole(str_cstr(&rec), rec.len)) {
		maildir_abort(msg);
		report(
		    EXIT_TEMP, "4.3.0", "the envelope on fd %d did not end: nothing is delivered", opt.token);
	}
	str_free(&rec);
}

static void
deliver(const char *path)
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
	report(0, "2.0.0", "delivered to %s/new/%s", path, msg.name);
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

int
main(int argc, char **argv)
{
	const char *conf_file = NULL, *user = NULL;
	uint64_t fd;
	int o;

	prog_start("mox-local");
	fd_sanitise();
	while ((o = getopt(argc, argv, "C:e:f:r:s:u:hV")) != -1)
		switch (o) {
		case 'C': conf_file = optarg; break;
		case 'e':
			if (!str_number(optarg, 1023, &fd) || fd < 3 || fcntl((int)fd, F_SETFD, FD_CLOEXEC))
				die_perm("unable to read the envelope on fd %s: expected an open descriptor "
					 "above 2",
				    optarg);
			opt.token = (int)fd;
			break;
		case 'f': opt.sender = read_address(optarg, "sender"); break;
		case 'r': add_rcpt(optarg); break;
		case 's':
			if (!str_number(optarg, INT64_MAX, &opt.size))
				die_perm("unable to use the size %s: it is no number", optarg);
			break;
		case 'u': user = optarg; break;
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		default: die_usage(USAGE);
		}
	if (argc - optind != (user ? 0 : 1) || (!user && !*argv[optind]))
		die_usage(USAGE);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error of write */
	deliver(user ? user_maildir(conf_file, user) : argv[optind]);
}
