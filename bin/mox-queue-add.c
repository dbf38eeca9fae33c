/* mox-queue-add: the only door into the spool. Setgid moxdrop when installed: see guard_start. */
#include "base.h"

#include "addr.h"
#include "batch.h"
#include "clock.h"
#include "die.h"
#include "enter.h"
#include "fdio.h"
#include "inject.h"
#include "option.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-queue-add [-q] [-C file] [-f sender] [--notify list] [--orcpt type;text]\n"                     \
	"           [--ret full|hdrs] [--envid text] [--requiretls yes|no]\n"                                \
	"           [--transport name] [--hold-until time] [--extra key=value]\n"                            \
	"           [--origin local|elsewhere] [--account name] recipient ...\n"                             \
	"       mox-queue-add [-q] [-C file] [--sysexits] [--peer fd] -e fd\n"                               \
	"       mox-queue-add [-C file] [--peer fd] -B"

struct asked {
	char *conf_file, *spool;
	bool secure; /* we hold the group, or did when we began */
	bool quiet, batch, sysexits;
	int envelope_fd;
	int peer;            /* -1: none */
	struct envelope env; /* of the argv form */
	const char *notify, *orcpt, *hold;
};

static char input[65536];

/* ---- options ---- */

enum {
	OPT_NOTIFY = 256,
	OPT_ORCPT,
	OPT_RET,
	OPT_ENVID,
	OPT_REQUIRETLS,
	OPT_TRANSPORT,
	OPT_HOLD_UNTIL,
	OPT_EXTRA,
	OPT_ORIGIN,
	OPT_ACCOUNT,
	OPT_SYSEXITS,
	OPT_PEER
};

static const struct option options[] = {
    {"notify", required_argument, NULL, OPT_NOTIFY},
    {"orcpt", required_argument, NULL, OPT_ORCPT},
    {"ret", required_argument, NULL, OPT_RET},
    {"envid", required_argument, NULL, OPT_ENVID},
    {"requiretls", required_argument, NULL, OPT_REQUIRETLS},
    {"transport", required_argument, NULL, OPT_TRANSPORT},
    {"hold-until", required_argument, NULL, OPT_HOLD_UNTIL},
    {"extra", required_argument, NULL, OPT_EXTRA},
    {"origin", required_argument, NULL, OPT_ORIGIN},
    {"account", required_argument, NULL, OPT_ACCOUNT},
    {"sysexits", no_argument, NULL, OPT_SYSEXITS},
    {"peer", required_argument, NULL, OPT_PEER},
    {NULL, 0, NULL, 0},
};

/* The last one given wins. */
static void
set_text(char **to, const char *value)
{
	char *v = mem_dup(value);

	free(*to);
	*to = v;
}

static void
set_one_of(char **to, const char *option, const char *a, const char *b)
{
	if (strcmp(optarg, a) && strcmp(optarg, b))
		die_perm("unable to use --%s %s: expected %s%s%s", option, optarg, a, *b ? " or " : "", b);
	set_text(to, optarg);
}

static void
add_extra(struct envelope *e, const char *pair)
{
	const char *eq = strchr(pair, '=');
	char *key;

	if (!eq || eq == pair)
		die_perm("unable to use --extra %s: expected KEY=VALUE", pair);
	key = mem_dupn(pair, (size_t)(eq - pair));
	envelope_add_extra(e, key, eq + 1);
	free(key);
}

static int
descriptor_from(const char *option, const char *s, int least)
{
	uint64_t v;

	if (!str_number(s, 1 << 20, &v) || (int)v < least || fcntl((int)v, F_GETFD) < 0)
		die_perm(
		    "unable to use %s %s: expected an open descriptor%s", option, s, least ? " above 0" : "");
	return (int)v;
}

static void
option_take(struct asked *a, int c)
{
	struct envelope *e = &a->env;

	switch (c) {
	case 'C': set_text(&a->conf_file, optarg); break;
	case 'f': set_text(&e->sender, optarg); break;
	case 'q': a->quiet = true; break;
	case 'B': a->batch = true; break;
	case 'e': a->envelope_fd = descriptor_from("-e", optarg, 1); break;
	case OPT_PEER: a->peer = descriptor_from("--peer", optarg, 0); break;
	case OPT_NOTIFY:
		if (!envelope_notify_valid(optarg))
			die_perm(
			    "unable to use --notify %s: expected never, or some of success,failure,delay",
			    optarg);
		a->notify = optarg;
		break;
	case OPT_ORCPT:
		if (!envelope_orcpt_valid(optarg))
			die_perm("unable to use --orcpt %s: expected TYPE;TEXT (RFC 3461)", optarg);
		a->orcpt = optarg;
		break;
	case OPT_RET: set_one_of(&e->ret, "ret", "full", "hdrs"); break;
	case OPT_ENVID: set_text(&e->envid, optarg); break;
	case OPT_REQUIRETLS: set_one_of(&e->requiretls, "requiretls", "yes", "no"); break;
	case OPT_TRANSPORT: set_text(&e->transport, optarg); break;
	case OPT_HOLD_UNTIL: a->hold = optarg; break;
	case OPT_EXTRA: add_extra(e, optarg); break;
	case OPT_ORIGIN: set_one_of(&e->origin, "origin", "local", "elsewhere"); break;
	case OPT_ACCOUNT: set_text(&e->account, optarg); break;
	case OPT_SYSEXITS: a->sysexits = true; break;
	case 'h': print_usage(USAGE);
	case 'V': print_version();
	default: die_usage(USAGE);
	}
}

static void
recipients_take(struct asked *a, char **argv, int n)
{
	if (a->orcpt && n != 1)
		die_perm("unable to use --orcpt: it belongs to exactly one recipient");
	for (int i = 0; i < n; i++) {
		struct envelope_rcpt *r = envelope_add_rcpt(&a->env, addr_unwrap(argv[i]));

		if (a->notify)
			r->notify = mem_dup(a->notify);
		if (a->orcpt)
			r->orcpt = mem_dup(a->orcpt);
	}
	if (!a->env.sender)
		a->env.sender = mem_dup("");
	set_text(&a->env.sender, addr_unwrap(a->env.sender));
	if (!a->env.origin)
		set_text(&a->env.origin, "local");
	else if (strcmp(a->env.origin, "local"))
		set_text(&a->env.origin, "");
}

static void
options_take(struct asked *a, int argc, char **argv)
{
	bool envelope = false;
	int c;

	while ((c = option_next(argc, argv, "+C:f:qe:BhV", options)) != -1) {
		option_take(a, c);
		envelope = envelope || c == 'f' || (c > 255 && c != OPT_SYSEXITS && c != OPT_PEER);
	}
	if (a->batch || a->envelope_fd) {
		if (argc > optind || envelope || (a->batch && (a->envelope_fd || a->quiet)))
			die_usage(USAGE);
		return;
	}
	if (argc == optind || a->peer >= 0)
		die_usage(USAGE);
	recipients_take(a, argv + optind, argc - optind);
}

/* +2h, or microseconds since 1970 as in records. Behind the guard: it asks the clock. */
static void
hold_take(struct asked *a)
{
	int64_t us;
	uint64_t v;

	if (!a->hold)
		return;
	if (*a->hold == '+' && str_duration(a->hold + 1, &us))
		a->env.hold_until = clock_now() + us;
	else if (str_number(a->hold, INT64_MAX / 2, &v))
		a->env.hold_until = (int64_t)v;
	else
		die_perm(
		    "unable to use --hold-until %s: expected +DURATION or microseconds since 1970", a->hold);
}

/* ---- the guard ---- */

/* libconfuse knows ~ and would draw all of NSS, its files and its plug-ins, into this program. Here ~ is
 * nobody's home. */
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

/* Limits and signals are the caller's gift: a file size limit must fail a write, not kill us over a file half
 * written. */
static void
guard_process(void)
{
	struct rlimit size;
	int how = fcntl(0, F_GETFL);

	fd_sanitise();
	/* A closed one, which libc may have opened for writing under setgid, is not an empty message. */
	if (how < 0 || (how & O_ACCMODE) == O_WRONLY)
		die_perm("unable to read the message: standard input is closed");
	/* Message files are 0660, and nothing else is made here. */
	umask(007);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!getrlimit(RLIMIT_FSIZE, &size) && size.rlim_cur != size.rlim_max) {
		size.rlim_cur = size.rlim_max;
		if (setrlimit(RLIMIT_FSIZE, &size))
			warn("unable to raise the file size limit: %m");
	}
}

static char *
environment_take(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? mem_dup(v) : NULL;
}

/* Setgid (AT_SECURE), we use compiled-in paths only. Who names other files gets them with his own rights: the
 * group is given up for good before the first of them is looked at. Nothing of the environment survives. */
static void
guard_start(struct asked *a)
{
	char *conf, *clock;

	a->secure = getauxval(AT_SECURE);
	if (!a->secure)
		return;
	conf = environment_take("MOX_CONF");
	clock = environment_take("MOX_TEST_CLOCK");
	a->spool = environment_take("MOX_SPOOL");
	if (clearenv())
		die_temp("unable to clear the environment");
	if (!a->conf_file && !conf && !clock && !a->spool)
		return;
	if (setresgid(getgid(), getgid(), getgid()) || setresuid(getuid(), getuid(), getuid()) ||
	    getegid() != getgid())
		die_temp("unable to give up the group: %m");
	if (!a->conf_file)
		a->conf_file = conf;
	clock_use(clock);
}

static struct conf *
conf_start(struct asked *a)
{
	struct conf *conf;

	if (a->sysexits)
		die_codes(EX_CONFIG, EX_TEMPFAIL);
	conf = conf_load(a->conf_file);
	if (a->sysexits)
		die_codes(EX_DATAERR, EX_TEMPFAIL);
	free(a->conf_file);
	if (a->spool) {
		free(conf->spool);
		conf->spool = a->spool;
	}
	return conf;
}

/* ---- one message ---- */

static void
print_id(const char *word, uint64_t id)
{
	char text[ID_SIZE], line[6 + ID_SIZE + 2];

	id_format(text, id);
	/* The message is ours whether or not the caller hears of it. */
	if (fd_write_all(1, line, (size_t)snprintf(line, sizeof line, "%s %s\n", word, text)))
		warn("unable to write the id (the message is queued): %m");
}

NORETURN static void
end_refused(struct enter *m, struct door *d, bool quiet)
{
	char why[sizeof m->why];
	int code = m->fate == ENTER_NEVER ? die_code_perm() : die_code_temp();

	memcpy(why, m->why, sizeof why);
	if (m->committed && !quiet)
		print_id("maybe", m->env.id);
	if (m->large && code == EX_DATAERR)
		code = EX_UNAVAILABLE;
	if (m->forbidden && code == EX_DATAERR)
		code = EX_NOPERM;
	enter_free(m, d);
	die_exit(code, "%s", why);
}

static uint64_t
input_size(void)
{
	struct stat st;
	off_t at;

	if (fstat(0, &st) || !S_ISREG(st.st_mode) || (at = lseek(0, 0, SEEK_CUR)) < 0 || at > st.st_size)
		return 0;
	return (uint64_t)(st.st_size - at);
}

/* Takes the record of -e apart once it is whole. */
static bool
envelope_take(struct enter *m, struct door *d, struct str *rec)
{
	struct envelope e;
	size_t n = rec_whole(str_cstr(rec), rec->len);
	const char *bad = NULL;

	if (!n && rec->len <= REC_MAX)
		return false;
	if (!n)
		enter_refuse(m, ENTER_NEVER, "unable to read the envelope: it is too long");
	else if (n != rec->len)
		enter_refuse(m, ENTER_NEVER, "unable to read the envelope: something follows its end");
	else if ((bad = envelope_parse(&e, rec->s, n, -1)))
		enter_refuse(m, ENTER_NEVER, "unable to read the envelope: %s", bad);
	else {
		enter_ask(m, &e);
		enter_check(m, d);
	}
	return true;
}

static void
envelope_read_some(struct enter *m, struct door *d, struct str *rec, int fd, bool *whole)
{
	ssize_t n = enter_read(fd, input, sizeof input);

	if (n < 0)
		enter_refuse(m, ENTER_LATER, "unable to read the envelope: %s", strerror(errno));
	else if (!n)
		enter_refuse(
		    m, ENTER_LATER, "unable to read the envelope: it stopped before its end, nothing queued");
	else {
		str_add(rec, input, (size_t)n);
		*whole = envelope_take(m, d, rec);
	}
}

/* False behind the last piece. */
static bool
text_read_some(struct enter *m)
{
	ssize_t n = enter_read(0, input, sizeof input);

	if (n < 0)
		enter_refuse(m, ENTER_LATER, "unable to read the message: %s", strerror(errno));
	else
		enter_text(m, input, (size_t)n);
	return n > 0;
}

/* -e: message on fd 0 and envelope on its own descriptor, in whatever order the caller writes them. The
 * envelope's `end` line commits: what stops before it is not queued. */
static void
both_read(struct enter *m, struct door *d, int envelope_fd)
{
	struct str rec = {0};
	bool envelope = false, opened = false, text = true;

	while (m->fate == ENTER_GOOD && (!envelope || text)) {
		if (!envelope && (!text || enter_wait(envelope_fd, 0) == envelope_fd)) {
			envelope_read_some(m, d, &rec, envelope_fd, &envelope);
			continue;
		}
		if (!opened)
			enter_open(m, d, input_size());
		opened = true;
		text = text_read_some(m);
	}
	str_free(&rec);
}

static void
message_add(struct door *d, struct asked *a)
{
	struct enter m, *all[] = {&m};

	enter_init(&m, d);
	if (a->envelope_fd)
		both_read(&m, d, a->envelope_fd);
	else {
		enter_ask(&m, &a->env);
		enter_check(&m, d);
		enter_open(&m, d, input_size());
		while (m.fate == ENTER_GOOD && text_read_some(&m))
			;
	}
	enter_finish(&m, d);
	enter_commit(all, 1, d);
	if (m.fate != ENTER_GOOD)
		end_refused(&m, d, a->quiet);
	if (!a->quiet)
		print_id("id", m.env.id);
	spool_trigger(&d->spool);
	enter_free(&m, d);
}

/* Where the group that the door lends has no effect (S50), mox-inject takes the mail, as from us. */
NORETURN static void
go_round(const struct asked *a, const struct conf *conf)
{
	struct inject in = {.conf = conf, .envelope_fd = a->envelope_fd, .env = &a->env, .quiet = a->quiet};
	char shut[100];
	int sock;

	snprintf(shut, sizeof shut, "%s", strerror(errno));
	if (a->peer >= 0)
		die_temp("unable to write to %s/new: %s", conf->spool, shut);
	if ((sock = inject_connect(conf)) < 0)
		die_temp("unable to write to %s/new: %s; nor does mox-inject take it at %s/inject: %m",
		    conf->spool, shut, conf->spool);
	if (a->batch)
		inject_stream(sock);
	else
		inject_message(&in, sock);
	exit(0);
}

int
main(int argc, char **argv)
{
	struct asked a = {.peer = -1};
	struct conf *conf;
	struct door d;

	prog_start("mox-queue-add");
	guard_process();
	options_take(&a, argc, argv);
	guard_start(&a);
	hold_take(&a);
	conf = conf_start(&a);
	if (!door_open(&d, conf, !a.secure))
		go_round(&a, conf);
	if (a.peer >= 0) {
		door_peer(&d, a.peer);
		door_know_submitter(&d); /* while files can be opened */
		door_confine(&d);
	}
	if (a.batch)
		batch_run(&d);
	else
		message_add(&d, &a);
	conf_free(conf);
	return 0;
}
