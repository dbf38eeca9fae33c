#include "base.h"

#include "die.h"
#include "fdio.h"
#include "log.h"
#include "rec.h"
#include "sandbox.h"
#include "stsdesk.h"
#include "stswork.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define UNDER_WAY_MAX 2000
#define UNREAD_MAX (1 << 20) /* bytes of answers not taken */

struct work {
	const struct conf *conf;
	struct sts_desk *desk;
	int sock;
	struct str out; /* answers not sent yet */
	size_t under_way;
	struct stat authorities; /* the file as this process has read it: it can open it no more */
	bool gone, draining;
};

static void
reply_add(void *arg, const struct sts_reply *r)
{
	struct work *w = arg;

	sts_reply_write(&w->out, r);
	w->under_way--;
}

static void
question_take(struct work *w, char *buf, size_t n)
{
	struct sts_question q;

	if (!sts_question_parse(&q, buf, n))
		die_perm("unable to read a question: it is no whole record of one");
	w->under_way++;
	sts_desk_ask(w->desk, &q, reply_add, w);
}

static bool
is_busy(const struct work *w)
{
	return w->draining || w->under_way >= UNDER_WAY_MAX || w->out.len >= UNREAD_MAX;
}

static void
questions_read(struct work *w)
{
	static char buf[STS_PACKET_MAX];
	ssize_t n = 1;

	while (!is_busy(w) && (n = pkt_recv(w->sock, buf, sizeof buf, NULL, MSG_DONTWAIT)) > 0)
		question_take(w, buf, (size_t)n);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ECONNRESET)
		die_temp("unable to read questions: %m");
	w->gone = !n || (n < 0 && errno == ECONNRESET);
}

static void
answers_write(struct work *w)
{
	size_t n;

	while ((n = rec_whole(str_cstr(&w->out), w->out.len))) {
		if (pkt_send(w->sock, w->out.s, n, -1, MSG_DONTWAIT)) {
			w->gone = errno != EAGAIN && errno != EWOULDBLOCK;
			return;
		}
		str_shift(&w->out, n);
	}
}

static bool
authorities_replaced(const struct work *w)
{
	struct stat st;

	return !stat(w->conf->sts.ca_file, &st) &&
	       (st.st_dev != w->authorities.st_dev || st.st_ino != w->authorities.st_ino);
}

static void
confine(const struct conf *c, bool kept)
{
	const char *keep[2], *clock = secure_getenv("MOX_TEST_CLOCK");
	struct str cache = {0};
	size_t n = 0;

	if (clock)
		keep[n++] = clock;
	keep[n] = NULL;
	str_addf(&cache, "%s/sts", c->spool);
	sandbox_files_below(keep, kept ? cache.s : NULL);
	str_free(&cache);
}

void
sts_work(const struct conf *c, int sock)
{
	struct work w = {.conf = c, .sock = sock};
	bool kept;

	/* Before it is read: what replaces it in between is noticed. */
	if (stat(c->sts.ca_file, &w.authorities))
		w.authorities = (struct stat){0};
	w.desk = sts_desk_open(c, &kept);
	confine(c, kept);
	while (!w.gone && !(w.draining && !w.under_way && !w.out.len)) {
		struct pollfd pfd = {
		    .events = (short)((is_busy(&w) ? 0 : POLLIN) | (w.out.len ? POLLOUT : 0))};

		/* libcurl does not tell of an end that is gone: while nothing is wanted of it, it is looked at. */
		pfd.fd = pfd.events ? sock : -1;
		sts_desk_wait(w.desk, &pfd, 1, pfd.events ? -1 : 1000);
		if (!pfd.events && poll(&(struct pollfd){.fd = sock}, 1, 0) > 0)
			break;
		w.draining = w.draining || authorities_replaced(&w);
		questions_read(&w);
		answers_write(&w);
	}
	sts_desk_close(w.desk);
	str_free(&w.out);
}
