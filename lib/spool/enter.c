#include "base.h"

#include "clock.h"
#include "date.h"
#include "die.h"
#include "enter.h"
#include "fdio.h"
#include "file.h"
#include "header.h"
#include "rec.h"
#include "rights.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#define SUBJECT_MAX 200
#define MESSAGE_ID_MAX 900
#define LIVE_MAX (ENTER_BATCH + 1)
#define FEW 4 /* up to so many messages an fsync each is cheaper than a sync of the whole file system */

#define BEGIN_EVERY (4 << 20) /* bytes of a message; most are smaller, and cost no call more */

/* The message being written. There is one at a time, and its buffer is the only large one. */
static struct {
	struct wire wire;
	size_t received; /* bytes of our own header line, which no limit counts */
	uint64_t limit;
	off_t written, begun; /* bytes in the file; of these the disk has been told to write */
	size_t n;             /* in buf, not yet written */
	char buf[65536];
} now;

/* Messages with a file in tmp/: what a signal has to clear away. */
static struct enter *live[LIVE_MAX];
static size_t nlive;
static int live_dir = -1;

void
enter_refuse(struct enter *m, enum enter_fate fate, const char *fmt, ...)
{
	va_list ap;

	if (m->fate != ENTER_GOOD)
		return;
	m->fate = fate;
	va_start(ap, fmt);
	vsnprintf(m->why, sizeof m->why, fmt, ap);
	va_end(ap);
}

/* ---- signals ---- */

static void
on_signal(int sig)
{
	static const char asked[] = ": ended by a signal, nothing queued\n",
			  late[] = ": gave up after 24 hours, nothing queued\n";

	for (size_t i = 0; i < nlive; i++)
		unlinkat(live_dir, live[i]->name, 0);
	/* Nobody is asked whether the words arrived: the exit code tells. */
	if (write(2, prog, strlen(prog)) < 0 ||
	    (sig == SIGALRM ? write(2, late, sizeof late - 1) : write(2, asked, sizeof asked - 1)) < 0)
		_exit(die_code_temp());
	_exit(die_code_temp());
}

static sigset_t waiting; /* the mask while we wait for input: none of ours */

static void
signals_block(void)
{
	static const int ours[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM};
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t block;

	sigemptyset(&block);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		sigaddset(&block, ours[i]);
	sigprocmask(SIG_SETMASK, &block, NULL);
	sigemptyset(&waiting);
	sa.sa_mask = block;
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		sigaction(ours[i], &sa, NULL);
	alarm(ENTER_TIME);
}

ssize_t
enter_read(int fd, void *p, size_t n)
{
	sigset_t block;
	ssize_t r;

	sigprocmask(SIG_SETMASK, &waiting, &block);
	r = fd_read(fd, p, n);
	sigprocmask(SIG_SETMASK, &block, NULL);
	return r;
}

int
enter_wait(int first, int second)
{
	struct pollfd p[2] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
	int r;

	do
		r = ppoll(p, 2, NULL, &waiting);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -1;
	return p[0].revents ? first : second;
}

/* ---- the door ---- */

static bool
is_shut(int err)
{
	return err == EACCES || err == EPERM || err == EROFS;
}

bool
door_open(struct door *d, const struct conf *conf, bool make)
{
	const char *what;
	struct stat st;

	d->conf = conf;
	d->uid = (uint32_t)getuid();
	signals_block();
	if (spool_open(&d->spool, conf->spool, SPOOL_DOOR, &what)) {
		if (is_shut(errno))
			return false;
		if (errno != ENOENT || !make)
			die_temp("unable to open %s/%s: %m", conf->spool, what);
		if (spool_make(conf->spool))
			die_temp("unable to make the spool %s: %m", conf->spool);
		if (spool_open(&d->spool, conf->spool, SPOOL_DOOR, &what))
			die_temp("unable to open %s/%s: %m", conf->spool, what);
	}
	if (fstat(d->spool.tmp, &st))
		die_temp("unable to look at %s/tmp: %m", conf->spool);
	if (faccessat(d->spool.new, ".", W_OK | X_OK, AT_EACCESS) && is_shut(errno))
		return false;
	d->owner = st.st_uid;
	d->group = st.st_gid;
	d->trusted = !d->uid || d->uid == st.st_uid;
	d->kept = rights_matter(conf);
	live_dir = d->spool.tmp;
	return true;
}

/* ---- the file ---- */

static void
flush(struct enter *m, const char *p, size_t n)
{
	if (n && m->fate == ENTER_GOOD && fd_write_all(m->fd, p, n))
		enter_refuse(m, ENTER_LATER, "unable to write spool/tmp/%s: %s", m->name, strerror(errno));
}

static void
flush_text(struct enter *m)
{
	m->env.crc = (uint32_t)crc32_z(m->env.crc, (const unsigned char *)now.buf, now.n);
	flush(m, now.buf, now.n);
	now.written += (off_t)now.n;
	now.n = 0;
	/* A large message goes to the disk while the rest of it is read: less is left for fsync, which alone counts. */
	if (now.written - now.begun >= BEGIN_EVERY && m->fate == ENTER_GOOD) {
		sync_file_range(m->fd, now.begun, now.written - now.begun, SYNC_FILE_RANGE_WRITE);
		now.begun = now.written;
	}
}

static void
refuse_large(struct enter *m, uint64_t max)
{
	m->large |= m->fate == ENTER_GOOD;
	enter_refuse(m, ENTER_NEVER, "unable to take the message: it is larger than %" PRIu64 " bytes", max);
}

/* Where the message text ends up, CRLF lines all. */
static void
put_text(void *arg, const char *p, size_t n)
{
	struct enter *m = arg;

	m->env.size += n;
	if (m->env.size > now.limit)
		refuse_large(m, now.limit - now.received);
	while (n && m->fate == ENTER_GOOD) {
		size_t part = n < sizeof now.buf - now.n ? n : sizeof now.buf - now.n;

		memcpy(now.buf + now.n, p, part);
		now.n += part;
		p += part;
		n -= part;
		if (now.n == sizeof now.buf)
			flush_text(m);
	}
}

static void
check_room(struct enter *m, const struct door *d, uint64_t size)
{
	/* Our own notices may use the half of the reserve that strangers may not: what we took, we must be
	 * able to give back. */
	bool half = d->trusted && m->env.sender && !*m->env.sender;

	switch (spool_room(&d->spool, d->conf, size, half)) {
	case 0: break;
	case 1:
		enter_refuse(m, ENTER_LATER,
		    "unable to take the message: free space in %s is below the mark (min-free, "
		    "min-free-inodes)",
		    d->conf->spool);
		break;
	default:
		enter_refuse(m, ENTER_LATER, "unable to see the free space of %s: %s", d->conf->spool,
		    strerror(errno));
	}
}

/* A name of a dead writer with our pid may still stand: the sequence goes on behind it. */
static void
make_file(struct enter *m, const struct door *d)
{
	static unsigned seq;
	int tries = 1000;

	do {
		snprintf(m->name, sizeof m->name, "%ld.%u", (long)getpid(), seq++ % 1000000);
		m->fd =
		    openat(d->spool.tmp, m->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
	} while (m->fd < 0 && (errno == EINTR || (errno == EEXIST && --tries)));
	if (m->fd < 0) {
		enter_refuse(m, ENTER_LATER, "unable to create spool/tmp/%s: %s", m->name, strerror(errno));
		m->name[0] = 0;
		return;
	}
	if (nlive == LIVE_MAX)
		bug("more than %d messages open", LIVE_MAX);
	live[nlive++] = m;
	/* Root's mail must be in reach of the spool's owner like everybody's. */
	if (!geteuid() && d->owner && fchown(m->fd, d->owner, d->group))
		enter_refuse(m, ENTER_LATER, "unable to give spool/tmp/%s to the spool's owner: %s", m->name,
		    strerror(errno));
}

/* RFC 5321 4.4; in UTC, so that the door needs no time zone data. The recipient is named only when there is
 * just one. */
static void
put_received(struct enter *m, const struct door *d)
{
	const char *only = m->env.nrcpt == 1 ? m->env.rcpt[0].address : "";
	char id[ID_SIZE], date[DATE_SIZE];
	struct str line = {0};

	id_format(id, m->env.id);
	date_utc(date, clock_now());
	str_addf(&line, "Received: by %s (moxq, from uid %" PRIu32 ") id %s", d->conf->hostname, d->uid, id);
	if (*only && strlen(only) < 200 && text_is_ascii(only, strlen(only)))
		str_addf(&line, "\r\n\tfor <%s>", only);
	str_addf(&line, ";\r\n\t%s\r\n", date);
	now.received = line.len;
	now.limit = now.limit > UINT64_MAX - line.len ? UINT64_MAX : now.limit + line.len;
	put_text(m, line.s, line.len);
	str_free(&line);
}

void
enter_init(struct enter *m, const struct door *d)
{
	*m = (struct enter){.fd = -1};
	m->env.id = id_make(clock_now());
	m->env.uid = d->uid;
}

void
enter_open(struct enter *m, const struct door *d, uint64_t size)
{
	uint64_t max = d->conf->max_message_size;

	if (m->fate == ENTER_GOOD && max && size > max)
		refuse_large(m, max);
	if (m->fate == ENTER_GOOD)
		check_room(m, d, size);
	if (m->fate == ENTER_GOOD)
		make_file(m, d);
	if (m->fate != ENTER_GOOD)
		return;
	wire_start(&now.wire, put_text, m);
	now.limit = max ? max : UINT64_MAX;
	now.written = now.begun = 0;
	now.n = now.received = 0;
	m->env.crc = (uint32_t)crc32(0, NULL, 0);
	if (d->conf->received)
		put_received(m, d);
}

static void
check_wire(struct enter *m)
{
	if (now.wire.bad)
		enter_refuse(m, ENTER_NEVER, "unable to take the message: %s", now.wire.bad);
}

void
enter_text(struct enter *m, const char *p, size_t n)
{
	if (m->fate != ENTER_GOOD)
		return;
	wire_add(&now.wire, p, n);
	check_wire(m);
}

/* The value of a header field as the envelope keeps it: unfolded, at most max bytes, not cut inside a
 * character. */
static char *
field_value(const struct header_field *f, size_t max)
{
	struct str s = {0};
	size_t n;

	header_unfold(&s, f);
	for (n = s.len; n > max || (n < s.len && n && ((unsigned char)s.s[n] & 0xc0) == 0x80); n--)
		;
	str_cut(&s, n);
	return str_take(&s);
}

/* The submitter's own word on TLS wins over the message's (RFC 8689 4.1). */
static void
read_header(struct envelope *e)
{
	const char *p = str_cstr(&now.wire.header), *end = p + now.wire.header.len;
	struct header_field f;

	if (!e->requiretls && header_tls_optional(p, now.wire.header.len))
		e->requiretls = mem_dup("no");
	while (header_next(&p, end, &f)) {
		if (!e->message_id && header_is(&f, "message-id") && f.len <= MESSAGE_ID_MAX)
			e->message_id = field_value(&f, MESSAGE_ID_MAX);
		else if (!e->subject && header_is(&f, "subject"))
			e->subject = field_value(&f, SUBJECT_MAX);
	}
}

static void
finish_file(struct enter *m)
{
	struct str record = {0};

	envelope_format(&record, &m->env);
	if (record.len - FOOTER_SIZE > REC_MAX)
		enter_refuse(m, ENTER_NEVER,
		    "unable to take the message: its envelope is larger than %d bytes", REC_MAX);
	/* Most messages are one write. */
	if (now.n + record.len <= sizeof now.buf) {
		memcpy(now.buf + now.n, record.s, record.len);
		flush(m, now.buf, now.n + record.len);
	} else {
		flush(m, now.buf, now.n);
		flush(m, record.s, record.len);
	}
	str_free(&record);
}

void
enter_finish(struct enter *m, const struct door *d)
{
	struct envelope *e = &m->env;

	if (m->fate == ENTER_GOOD) {
		wire_end(&now.wire);
		check_wire(m);
	}
	if (m->fate == ENTER_GOOD)
		enter_check_author(m, d, str_cstr(&now.wire.header), now.wire.header.len);
	/* What we could not know before a large message was here. */
	if (m->fate == ENTER_GOOD && e->size > 1 << 20)
		check_room(m, d, 0);
	if (m->fate == ENTER_GOOD) {
		e->crc = (uint32_t)crc32_z(e->crc, (const unsigned char *)now.buf, now.n);
		e->flags |= (now.wire.eightbit ? FLAG_8BIT : 0) | (now.wire.utf8_header ? FLAG_SMTPUTF8 : 0) |
		            (now.wire.longline ? FLAG_LONGLINE : 0) | (now.wire.dot ? FLAG_DOT : 0);
		e->queued = clock_now();
		free(e->message_id);
		free(e->subject);
		e->message_id = e->subject = NULL;
		read_header(e);
		envelope_mark_requiretls(e);
		finish_file(m);
	}
	wire_free(&now.wire);
}

/* ---- the commit ---- */

static void
forget(const struct enter *m)
{
	for (size_t i = 0; i < nlive; i++)
		if (live[i] == m) {
			live[i] = live[--nlive];
			return;
		}
}

static void
say_late(struct enter *m)
{
	enter_refuse(
	    m, ENTER_LATER, "unable to sync spool/new: %s; the message may be queued", strerror(errno));
}

static void
commit_one(struct enter *m, const struct door *d)
{
	char id[ID_SIZE];

	id_format(id, m->env.id);
	if (file_commit(m->fd, d->spool.tmp, m->name, d->spool.new, id, &m->committed)) {
		if (m->committed)
			say_late(m);
		else
			enter_refuse(m, ENTER_LATER, "unable to queue the message as spool/new/%s: %s", id,
			    strerror(errno));
	}
	m->fd = -1;
}

/* Linux before 5.8 did not report write errors by syncfs. */
static bool
syncfs_reports(void)
{
	static int known = -1;
	struct utsname u;
	unsigned major, minor;

	if (known < 0)
		known = !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
		        (major > 5 || (major == 5 && minor >= 8));
	return known;
}

static void
sync_many(struct enter *const *m, size_t n, const struct door *d)
{
	bool whole = n > FEW && syncfs_reports();
	const char *why = whole && file_sync_fs(d->spool.new) ? strerror(errno) : NULL;

	for (size_t i = 0; i < n; i++) {
		if (m[i]->fate != ENTER_GOOD)
			continue;
		if (!whole && file_sync(m[i]->fd))
			why = strerror(errno);
		if (close(m[i]->fd) && !why)
			why = strerror(errno);
		m[i]->fd = -1;
		if (why)
			enter_refuse(m[i], ENTER_LATER, "unable to sync spool/tmp/%s: %s", m[i]->name, why);
		if (!whole)
			why = NULL;
	}
}

static void
commit_many(struct enter *const *m, size_t n, const struct door *d)
{
	char id[ID_SIZE];

	sync_many(m, n, d);
	for (size_t i = 0; i < n; i++) {
		if (m[i]->fate != ENTER_GOOD)
			continue;
		id_format(id, m[i]->env.id);
		if (file_move(d->spool.tmp, m[i]->name, d->spool.new, id))
			enter_refuse(m[i], ENTER_LATER, "unable to queue the message as spool/new/%s: %s", id,
			    strerror(errno));
		else
			m[i]->committed = true;
	}
	if (!file_sync(d->spool.new))
		return;
	for (size_t i = 0; i < n; i++)
		if (m[i]->committed)
			say_late(m[i]);
}

void
enter_commit(struct enter *const *m, size_t n, const struct door *d)
{
	if (n > 1)
		commit_many(m, n, d);
	else if (n && m[0]->fate == ENTER_GOOD)
		commit_one(m[0], d);
	/* At this instant the messages are ours. */
	for (size_t i = 0; i < n; i++)
		if (m[i]->committed)
			forget(m[i]);
}

void
enter_free(struct enter *m, const struct door *d)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->name[0] && !m->committed) {
		unlinkat(d->spool.tmp, m->name, 0);
		forget(m);
	}
	envelope_free(&m->env);
	*m = (struct enter){.fd = -1};
}
