/* fake-sink: an SMTP server that takes everything, as fast as one process can.
 *
 *   fake-sink [OPTION...]
 * -a 127.0.1.1-127.0.1.100 listens on a range of IPv4 addresses. -k is what EHLO is answered, parted by commas (default
 * PIPELINING,8BITMIME,SMTPUTF8,CHUNKING,SIZE 0,DSN,ENHANCEDSTATUSCODES); STARTTLS among them is meant. -d stores each message as DIR/SEQ: MAIL
 * and RCPT lines, an empty line, the message without dot-stuffing. -o FILE gets a line for each recipient that was accepted: SEQ MICROSECONDS
 * SENDER RCPT. -c: the certificate BASE.pem and BASE.key, as t/world/certs writes them. -r, -m: 452 and 421 beyond so many in a transaction and
 * a connection. -l: ms before each answer.
 *
 * An address whose local part begins with a code obeys: 550-x is refused at its command (sender: MAIL, recipient: RCPT), dot-451-x after the
 * message; 421- closes, too; drop-x closes instead of answering the final dot, which counts as accepted.
 * Prints "listening PORT", "done STATS" when N recipients are in, and STATS at SIGTERM; SIGUSR1 prints STATS, too. Times of STATS are
 * microseconds since 1970. */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "clock.h"
#include "fake.h"
#include "str.h"

#define USAGE                                                                                                \
	"fake-sink [-a ADDR[-ADDR]] [-p PORT] [-k KEYWORDS] [-n N] [-d DIR] [-o FILE] [-r RCPTS] [-m "       \
	"MESSAGES] [-l MS] [-c CERTIFICATE]"

enum state { COMMAND, DATA, CHUNK };

struct conn {
	int fd;
	gnutls_session_t tls;
	bool shaking, closing, start_tls, want_write, last_chunk, delayed;
	enum state state;
	struct str in, out, sender, rcpts; /* rcpts: addresses parted by LF */
	struct str body;                   /* kept for -d only */
	size_t out_at, rcpt_n, chunk_left;
	long messages;
	char dot[4]; /* reply code owed after the message, or empty; "drop" closes */
	bool mail, drop, line_start;
	int64_t due; /* of a delayed answer */
	struct conn *next_due;
};

static struct {
	long messages, recipients, connections, open, peak, tls, resumed;
	unsigned long long bytes;
	int64_t first, last;
} count;

static const char *keywords = "PIPELINING,8BITMIME,SMTPUTF8,CHUNKING,SIZE 0,DSN,ENHANCEDSTATUSCODES", *dir;
static FILE *record;
static long done_at, rcpt_max, message_max, latency;
static gnutls_certificate_credentials_t cred;
static gnutls_datum_t ticket_key;
static int poller;
static struct conn *due_head, **due_tail = &due_head;
static volatile sig_atomic_t told;

static void
on_signal(int sig)
{
	told = sig;
}

static void
print_stats(const char *lead)
{
	double s = (double)(count.last - count.first) / 1e6;

	printf("%smessages=%ld recipients=%ld connections=%ld peak=%ld tls=%ld resumed=%ld bytes=%llu "
	       "first=%lld last=%lld seconds=%.3f "
	       "rate=%.1f\n",
	    lead, count.messages, count.recipients, count.connections, count.peak, count.tls, count.resumed,
	    count.bytes, (long long)count.first, (long long)count.last, s,
	    s > 0 ? (double)(count.recipients - 1) / s : 0);
	fflush(stdout);
}

static void
conn_free(struct conn *c)
{
	for (struct conn **p = &due_head; c->delayed && *p; p = &(*p)->next_due) {
		if (*p != c)
			continue;
		if (due_tail == &c->next_due)
			due_tail = p;
		*p = c->next_due;
		break;
	}
	if (c->tls)
		gnutls_deinit(c->tls);
	close(c->fd);
	str_free(&c->in);
	str_free(&c->out);
	str_free(&c->sender);
	str_free(&c->rcpts);
	str_free(&c->body);
	free(c);
	count.open--;
}

static void
want(struct conn *c, bool write)
{
	struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};

	if (c->want_write != write)
		epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
	c->want_write = write;
}

/* False when the connection is over. */
static bool
conn_flush(struct conn *c)
{
	while (c->out_at < c->out.len) {
		const char *p = c->out.s + c->out_at;
		size_t n = c->out.len - c->out_at;
		ssize_t did = c->tls ? gnutls_record_send(c->tls, p, n) : send(c->fd, p, n, MSG_NOSIGNAL);

		if (c->tls ? did == GNUTLS_E_AGAIN || did == GNUTLS_E_INTERRUPTED
			   : did < 0 && (errno == EAGAIN || errno == EINTR)) {
			want(c, true);
			return true;
		}
		if (did <= 0)
			return false;
		c->out_at += (size_t)did;
	}
	str_reset(&c->out);
	c->out_at = 0;
	want(c, false);
	if (c->closing) {
		if (c->tls)
			gnutls_bye(c->tls, GNUTLS_SHUT_WR);
		return false;
	}
	if (c->start_tls) {
		c->start_tls = false;
		c->shaking = true;
		str_reset(&c->in);
		c->tls = fake_tls(cred, NULL, c->fd, GNUTLS_NONBLOCK);
		gnutls_session_ticket_enable_server(c->tls, &ticket_key);
	}
	return true;
}

/* The code an address asks for at its command, or NULL. "dot-451-x" and "drop-x" are noted for the end of the
 * message. */
static const char *
asked_code(struct conn *c, const char *addr, char code[4])
{
	const char *p = addr;

	if (!strncmp(p, "drop-", 5))
		c->drop = true;
	if (!strncmp(p, "dot-", 4))
		p += 4;
	if (strspn(p, "0123456789") != 3 || p[3] != '-')
		return NULL;
	memcpy(p == addr ? code : c->dot, p, 3);
	code[3] = c->dot[3] = 0;
	return p == addr ? code : NULL;
}

static void
transaction_reset(struct conn *c)
{
	str_reset(&c->sender);
	str_reset(&c->rcpts);
	str_reset(&c->body);
	c->rcpt_n = 0;
	c->dot[0] = 0;
	c->mail = c->drop = false;
}

static void
store(struct conn *c)
{
	char *name = NULL, *part = NULL, *list = mem_dup(str_cstr(&c->rcpts)), *p = list, *rcpt;
	FILE *f = NULL;

	/* Beside the directory until it is whole: who waits for a file in there reads it at once. */
	if (dir && (asprintf(&name, "%s/%06ld", dir, count.messages) < 0 ||
		       asprintf(&part, "%s.part.%ld", dir, (long)getpid()) < 0 || !(f = fopen(part, "we"))))
		die_temp("unable to store in %s: %m", dir);
	if (f)
		fprintf(f, "MAIL %s\n", str_cstr(&c->sender));
	while (c->rcpt_n && (rcpt = strsep(&p, "\n")) && *rcpt) {
		if (f)
			fprintf(f, "RCPT %s\n", rcpt);
		if (record)
			fprintf(record, "%ld %lld <%s> %s\n", count.messages, (long long)count.last,
			    str_cstr(&c->sender), rcpt);
	}
	if (f) {
		fputc('\n', f);
		fwrite(str_cstr(&c->body), 1, c->body.len, f);
		if (fclose(f) || rename(part, name))
			die_temp("unable to write %s: %m", name);
	}
	free(part);
	free(name);
	free(list);
}

static void
message_end(struct conn *c)
{
	c->state = COMMAND;
	if (c->dot[0]) {
		str_addf(&c->out, "%s %c.0.0 as asked\r\n", c->dot, c->dot[0]);
		c->closing = !strcmp(c->dot, "421");
	} else if (!c->rcpt_n)
		str_adds(&c->out, "554 5.5.1 no recipients\r\n");
	else {
		long before = count.recipients;

		count.last = clock_now();
		if (!count.messages++)
			count.first = count.last;
		count.recipients += (long)c->rcpt_n;
		if (dir || record)
			store(c);
		if (c->drop) {
			str_reset(&c->out);
			c->closing = true;
		} else
			str_adds(&c->out, "250 2.0.0 taken\r\n");
		c->messages++;
		if (done_at && before < done_at && count.recipients >= done_at) {
			if (record)
				fflush(record);
			print_stats("done ");
		}
	}
	transaction_reset(c);
}

static void
keep(struct conn *c, const char *p, size_t n)
{
	count.bytes += n;
	for (const char *end = p + n; dir && p < end;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p)), *to = lf ? lf + 1 : end;
		bool stuffed = c->state == DATA && c->line_start && *p == '.';

		str_add(&c->body, p + stuffed, (size_t)(to - p) - stuffed);
		c->line_start = lf;
		p = to;
	}
}

/* Bytes of the message taken from the front of the input; the last four stay while they may begin the final
 * dot. */
static size_t
take_data(struct conn *c, const char *p, size_t n)
{
	const char *end;

	if (c->line_start && n >= 3 && !memcmp(p, ".\r\n", 3) && !c->body.len && c->chunk_left == 0) {
		message_end(c);
		return 3;
	}
	if ((end = memmem(p, n, "\r\n.\r\n", 5))) {
		keep(c, p, (size_t)(end - p) + 2);
		message_end(c);
		return (size_t)(end - p) + 5;
	}
	if (n <= 4)
		return 0;
	c->chunk_left = 1; /* no longer at the very beginning */
	keep(c, p, n - 4);
	return n - 4;
}

static size_t
take_chunk(struct conn *c, const char *p, size_t n)
{
	if (n > c->chunk_left)
		n = c->chunk_left;
	keep(c, p, n);
	c->chunk_left -= n;
	if (c->chunk_left)
		return n;
	c->state = COMMAND;
	if (c->last_chunk)
		message_end(c);
	else
		str_adds(&c->out, "250 2.0.0 more\r\n");
	return n;
}

static void
say_hello(struct conn *c, bool extended)
{
	const char *p = keywords, *end;
	struct str list = {0};

	transaction_reset(c);
	str_adds(&list, "mx.test");
	for (; extended && *p; p = end + (*end == ',')) {
		end = p + strcspn(p, ",");
		if (end - p == 8 && !memcmp(p, "STARTTLS", 8) && c->tls)
			continue;
		str_addf(&c->out, "250-%s\r\n", list.s);
		str_reset(&list);
		str_add(&list, p, (size_t)(end - p));
	}
	str_addf(&c->out, "250 %s\r\n", list.s);
	str_free(&list);
}

static void
say_envelope(struct conn *c, bool is_rcpt, char *path)
{
	char code[4], *end = strchr(path, '>');
	const char *asked;

	if (!end) {
		str_adds(&c->out, "501 5.1.3 no path\r\n");
		return;
	}
	*end = 0;
	if (is_rcpt && !c->mail)
		str_adds(&c->out, "503 5.5.1 no sender yet\r\n");
	else if (is_rcpt && rcpt_max && c->rcpt_n >= (size_t)rcpt_max)
		str_adds(&c->out, "452 4.5.3 too many recipients\r\n");
	else if ((asked = asked_code(c, path, code))) {
		str_addf(&c->out, "%s %c.1.0 as asked\r\n", asked, *asked);
		c->closing = !strcmp(asked, "421");
	} else if (is_rcpt) {
		str_addf(&c->rcpts, "%s\n", path);
		c->rcpt_n++;
		str_adds(&c->out, "250 2.1.5 fine\r\n");
	} else if (message_max && c->messages >= message_max) {
		str_adds(&c->out, "421 4.7.0 enough for one connection\r\n");
		c->closing = true;
	} else {
		c->mail = true;
		str_reset(&c->sender);
		str_adds(&c->sender, path);
		str_adds(&c->out, "250 2.1.0 fine\r\n");
	}
}

static void
say_answer(struct conn *c, char *line)
{
	if (str_istarts(line, "MAIL FROM:<"))
		say_envelope(c, false, line + 11);
	else if (str_istarts(line, "RCPT TO:<"))
		say_envelope(c, true, line + 9);
	else if (str_ieq(line, "DATA") && c->rcpt_n) {
		c->state = DATA;
		c->line_start = true;
		c->chunk_left = 0;
		str_adds(&c->out, "354 go on\r\n");
	} else if (str_istarts(line, "BDAT ")) {
		char *end;

		c->chunk_left = strtoul(line + 5, &end, 10);
		c->last_chunk = str_ieq(end, " LAST");
		c->state = CHUNK;
	} else if (str_istarts(line, "EHLO ") || str_istarts(line, "HELO "))
		say_hello(c, *line == 'E' || *line == 'e');
	else if (str_ieq(line, "STARTTLS") && !c->tls) {
		str_adds(&c->out, "220 2.0.0 go on\r\n");
		c->start_tls = true;
	} else if (str_ieq(line, "RSET")) {
		transaction_reset(c);
		str_adds(&c->out, "250 2.0.0 forgotten\r\n");
	} else if (str_ieq(line, "QUIT")) {
		str_adds(&c->out, "221 2.0.0 bye\r\n");
		c->closing = true;
	} else
		str_adds(&c->out, str_ieq(line, "NOOP") ? "250 2.0.0 fine\r\n" : "503 5.5.1 not now\r\n");
}

/* Answers all that can be answered of the input. */
static void
conn_work(struct conn *c)
{
	size_t at = 0;

	while (!c->closing && !c->start_tls) {
		char *p = c->in.s + at, *lf;
		size_t n = c->in.len - at, took;

		if (c->state == COMMAND) {
			if (!n || !(lf = memchr(p, '\n', n)))
				break;
			lf[lf > p && lf[-1] == '\r' ? -1 : 0] = 0;
			say_answer(c, p);
			at += (size_t)(lf - p) + 1;
			continue;
		}
		took = c->state == DATA ? take_data(c, p, n) : take_chunk(c, p, n);
		at += took;
		if (!took && (c->state != COMMAND || !n))
			break;
	}
	str_shift(&c->in, at);
}

static bool
conn_shake(struct conn *c)
{
	int rc = gnutls_handshake(c->tls);

	if (rc < 0 && gnutls_error_is_fatal(rc))
		return false;
	want(c, rc < 0 && gnutls_record_get_direction(c->tls));
	if (rc < 0)
		return true;
	c->shaking = false;
	count.tls++;
	count.resumed += gnutls_session_is_resumed(c->tls) != 0;
	return true;
}

static bool
conn_answer(struct conn *c)
{
	if (!latency || !c->out.len)
		return conn_flush(c);
	if (c->delayed)
		return true;
	c->delayed = true;
	c->due = clock_mono() + latency * 1000;
	c->next_due = NULL;
	*due_tail = c;
	due_tail = &c->next_due;
	return true;
}

/* False when the connection is over. */
static bool
conn_input(struct conn *c)
{
	static char buf[262144];

	if (c->shaking && (!conn_shake(c) || c->shaking))
		return c->shaking;
	for (;;) {
		ssize_t n = c->tls ? gnutls_record_recv(c->tls, buf, sizeof buf)
		                   : recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);

		if (c->tls ? n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED
			   : n < 0 && (errno == EAGAIN || errno == EINTR))
			return conn_answer(c);
		if (n <= 0)
			return false;
		str_add(&c->in, buf, (size_t)n);
		conn_work(c);
		if (!c->tls && (size_t)n < sizeof buf)
			return conn_answer(c);
	}
}

static void
conn_accept(int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct conn *c = mem_zalloc(sizeof *c);
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c->fd = fd;
		count.connections++;
		if (++count.open > count.peak)
			count.peak = count.open;
		if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e))
			die_temp("unable to watch a connection: %m");
		str_adds(&c->out, "220 mx.test ESMTP\r\n");
		if (!conn_answer(c))
			conn_free(c);
	}
}

static void
answer_due(void)
{
	int64_t now = clock_mono();

	while (due_head && due_head->due <= now) {
		struct conn *c = due_head;

		due_head = c->next_due;
		if (!due_head)
			due_tail = &due_head;
		c->delayed = false;
		if (!conn_flush(c))
			conn_free(c);
	}
}

static void
serve(void)
{
	struct epoll_event e[256];

	while (told != SIGTERM && told != SIGINT) {
		int n;

		if (told == SIGUSR1) {
			told = 0;
			print_stats("");
		}
		if (record && (n = epoll_wait(poller, e, ARRAY_LEN(e), 0)) == 0)
			fflush(record);
		n = epoll_wait(poller, e, ARRAY_LEN(e), due_head ? clock_timeout(due_head->due) : -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = e[i].data.ptr;

			if (e[i].data.u64 < 65536)
				conn_accept((int)e[i].data.u64);
			else if ((e[i].events & EPOLLOUT && !c->shaking && !conn_flush(c)) ||
				 (e[i].events & ~(unsigned)EPOLLOUT || c->shaking ? !conn_input(c) : false))
				conn_free(c);
		}
		answer_due();
	}
}

static void
listen_on(const char *addr, int *port)
{
	const char *dash = strchr(addr, '-');
	struct in_addr from, to;
	char *first = dash ? mem_dupn(addr, (size_t)(dash - addr)) : mem_dup(addr);

	if (dash && (inet_pton(AF_INET, first, &from) != 1 || inet_pton(AF_INET, dash + 1, &to) != 1))
		die_perm("unable to listen on %s: not a range of IPv4 addresses", addr);
	for (uint32_t a = dash ? ntohl(from.s_addr) : 0, last = dash ? ntohl(to.s_addr) : 0; a <= last; a++) {
		struct epoll_event e = {.events = EPOLLIN};
		char name[INET_ADDRSTRLEN];
		int fd;

		from.s_addr = htonl(a);
		fd = fake_listen(dash ? inet_ntop(AF_INET, &from, name, sizeof name) : first, port, 0);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		e.data.u64 = (uint64_t)fd;
		epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
	}
	free(first);
}

int
main(int argc, char **argv)
{
	const char *addr = "127.0.0.1", *file = NULL, *base = NULL;
	struct sigaction note = {.sa_handler = on_signal}; /* no SA_RESTART: it interrupts epoll_wait */
	int opt, port = 0;

	prog_start("fake-sink");
	while ((opt = getopt(argc, argv, "a:p:k:n:d:o:r:m:l:c:")) != -1) {
		switch (opt) {
		case 'a': addr = optarg; break;
		case 'p': port = (int)atol(optarg); break;
		case 'k': keywords = optarg; break;
		case 'n': done_at = atol(optarg); break;
		case 'd': dir = optarg; break;
		case 'o': file = optarg; break;
		case 'r': rcpt_max = atol(optarg); break;
		case 'm': message_max = atol(optarg); break;
		case 'l': latency = atol(optarg); break;
		case 'c': base = optarg; break;
		default: die_usage(USAGE);
		}
	}
	if (argc != optind)
		die_usage(USAGE);
	if (dir && mkdir(dir, 0755) && errno != EEXIST)
		die_temp("unable to make %s: %m", dir);
	if (file && !(record = fopen(file, "ae")))
		die_temp("unable to open %s: %m", file);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &note, NULL);
	sigaction(SIGINT, &note, NULL);
	sigaction(SIGUSR1, &note, NULL);
	if (gnutls_session_ticket_key_generate(&ticket_key) || (poller = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die_temp("unable to set up: %m");
	cred = base ? fake_certificate_file(base) : fake_certificate("mx.test");
	listen_on(addr, &port);
	printf("listening %d\n", port);
	fflush(stdout);
	serve();
	if (record)
		fclose(record);
	print_stats("");
	return 0;
}
