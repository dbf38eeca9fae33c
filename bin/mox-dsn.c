/* mox-dsn: makes the notice of what became of a message (mox-dsn(8)).
 *
 * Nothing is written before the whole notice stands in memory: what its reader gets is whole or nothing. */
#include "base.h"

#include "clock.h"
#include "conf.h"
#include "conf_value.h"
#include "die.h"
#include "dsn.h"
#include "encoded_read.h"
#include "fates.h"
#include "fdio.h"
#include "file.h"
#include "log.h"
#include "option.h"
#include "rec.h"
#include "returned.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#define USAGE "mox-dsn [-C file] [--ascii | --utf8] [--minimal] -e fd"

#define BLOCK 65536
#define TEMPLATE_MAX 65536

static struct {
	const char *conf;
	int fates; /* descriptor of -e; -1: none */
	enum fates_form form;
	bool minimal;
} opt = {.fates = -1};

static void
read_options(int argc, char **argv)
{
	static const struct option names[] = {{"ascii", no_argument, NULL, 'a'},
	    {"utf8", no_argument, NULL, 'u'}, {"minimal", no_argument, NULL, 'm'}, {0}};
	uint64_t fd;
	int o;

	while ((o = option_next(argc, argv, "C:e:hV", names)) != -1)
		switch (o) {
		case 'C': opt.conf = optarg; break;
		case 'e':
			if (!str_number(optarg, 1023, &fd) || fd < 3 || fcntl((int)fd, F_SETFD, FD_CLOEXEC))
				die_perm(
				    "unable to read the fates on fd %s: expected an open descriptor above 2",
				    optarg);
			opt.fates = (int)fd;
			break;
		case 'a': opt.form = FORM_ASCII; break;
		case 'u': opt.form = FORM_UTF8; break;
		case 'm': opt.minimal = true; break;
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		default: die_usage(USAGE);
		}
	if (opt.fates < 0 || optind != argc)
		die_usage(USAGE);
}

/* The record as far as its `end`; what stands behind it is not looked at. */
static void
read_fates(struct fates *f, struct str *text)
{
	const char *why;
	size_t whole;
	ssize_t n;

	do {
		str_reserve(text, BLOCK);
		n = fd_read(opt.fates, text->s + text->len, BLOCK);
		if (n < 0)
			die_temp("unable to read the fates on fd %d: %m", opt.fates);
		text->len += (size_t)n;
		whole = rec_whole(text->s, text->len);
	} while (n && !whole && text->len < REC_MAX);
	/* A writer that was cut short may come again. */
	if (!whole && text->len < REC_MAX)
		die_temp("unable to use the fates on fd %d: the record has no end", opt.fates);
	if ((why = fates_parse(f, text->s, whole ? whole : text->len)))
		die_perm("unable to use the fates on fd %d: %s", opt.fates, why);
	if (!*f->to)
		die_perm("unable to make a notice for the null sender");
	if (opt.form != FORM_AUTO)
		f->form = opt.form;
}

static void
refuse_template(const char *file, const char *why)
{
	log_open(LOG_WARN, "template-refused");
	log_s("file", file);
	log_s("why", why);
	log_close();
	log_flush();
}

/* The site's texts, read before anything hostile is; what is wrong with one is said when it is wanted. */
static struct site_text {
	struct str path, text;
	bool there;
	int error;
} texts[FATES_KINDS];

static void
read_templates(const struct conf *c)
{
	if (opt.minimal || !c->dsn.template_dir)
		return;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct site_text *t = &texts[i];

		str_addf(&t->path, "%s/%s", c->dsn.template_dir, dsn_kind_name((enum fates_kind)i));
		t->there = !file_read(AT_FDCWD, t->path.s, &t->text, TEMPLATE_MAX);
		/* A text that is not there is not wanted, unless the directory is not there either. */
		if (!t->there && (errno != ENOENT || access(c->dsn.template_dir, X_OK)))
			t->error = errno;
	}
}

/* Letters and digits that no other notice has: the time and 80 random bits. */
static void
make_token(char out[48], int64_t now)
{
	unsigned char r[10];
	size_t n;

	if (getrandom(r, sizeof r, 0) != sizeof r)
		die_temp("unable to get random bytes: %m");
	n = (size_t)snprintf(out, 48, "%" PRIx64, (uint64_t)now);
	for (size_t i = 0; i < sizeof r; i++)
		n += (size_t)snprintf(out + n, 48 - n, "%02x", r[i]);
}

/* Landlock: from here on there is nothing to open. */
static void
shut_files(void)
{
	tzset();
	encoded_read_prepare();
	sandbox_files(NULL);
}

static void
write_notice(struct dsn *d)
{
	const struct site_text *t = &texts[d->fates->kind];
	struct str notice = {0}, room = {0};
	const char *why;

	if (t->error)
		refuse_template(t->path.s, strerror(t->error));
	d->template = t->there ? &t->text : NULL;
	if ((why = dsn_compose(&notice, d, &room)))
		refuse_template(t->path.s, why);
	if (fd_write_all(1, notice.s, notice.len))
		die_temp("unable to write the notice: %m");
	str_free(&room);
	str_free(&notice);
}

int
main(int argc, char **argv)
{
	struct fates fates;
	struct returned msg = {0};
	struct str record = {0}, postmaster = {0};
	struct dsn d = {.fates = &fates};
	struct conf *c;
	char token[48];

	prog_start("mox-dsn");
	fd_sanitise();
	read_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	c = conf_load(opt.conf);
	log_start((enum log_level)c->log_level, false);
	read_templates(c);
	d.now = clock_now();
	make_token(token, d.now);
	shut_files();
	read_fates(&fates, &record);
	d.token = token;
	d.hostname = fates.hostname && conf_name_ok(fates.hostname) ? fates.hostname : c->hostname;
	str_addf(&postmaster, "postmaster@%s", d.hostname);
	d.postmaster = c->postmaster ? c->postmaster : postmaster.s;
	if (!opt.minimal) {
		if (returned_read(&msg, 0, fates.size, c->dsn.return_size))
			die_temp("unable to read the message: %m");
		d.msg = &msg;
	}
	write_notice(&d);
	returned_free(&msg);
	fates_free(&fates);
	conf_free(c);
	str_free(&record);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		str_free(&texts[i].path);
		str_free(&texts[i].text);
	}
	str_free(&postmaster);
	return 0;
}
