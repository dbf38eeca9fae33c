/* clang-format off */
/* fake-mx: an SMTP server that plays a script, one section a connection.
 *
 *   fake-mx [-a ADDR] [-p PORT] [-b SOCKETBUFFER] [-d DIR] [-n CERTNAME] [-t SECONDS] SCRIPT
 *
 * Prints "listening PORT". Exits 0 when every section was played to its end as written, 1 when a client said
 * something else (the sentence names the line of the script), or a section's connection did not come within
 * SECONDS (20). Each connection is a process of its own, so that several may be open at once. DIR keeps
 * transcripts (fake/conn.h).
 *
 *   ==                  the next connection's section; "== repeat": one that serves all further connections (SIGTERM ends)
 *   S: TEXT             say a line; S+ TEXT without CRLF; fill N: N times x. Escapes \r \n \t \\ \xHH. Lines in a row: one write
 *   C: PATTERN          the client's next line must match; * is anything. C? PATTERN: it may come, else the S: behind it are skipped
 *   D: | D: N | D: bdat take a message up to its final dot, N bytes, or what the last BDAT line said
 *   greet [A, B 10, C]  220, EHLO, and these keywords; keywords A, B: what EHLO is answered from now on
 *   on PATTERN => TEXT  a reply (or "close") for accept; "." is the end of a message by DATA or BDAT LAST
 *   accept [HOW]        serve whatever comes until the client goes; HOW as of starttls
 *   repeat N ... end    the steps between, N times
 *   starttls [HOW]      handshake; HOW: broken (no TLS), alert (no common cipher) or a GnuTLS priority string
 *   cert BASE           from now on with BASE.pem and BASE.key (t/world/certs)
 *   tickets KEY         of TLS sessions are given, and those given under the same KEY (a letter) taken
 *   ask-cert            the next handshake asks for the client's certificate; the log names it
 *   auth MECHANISM USER SECRET [FLAG]   a login (fake/auth_server.h)
 *   hello-max N         reset the connection when the ClientHello is larger; close-notify, alert: TLS ends so
 *   warnings N          so many warning alerts; renegotiate: asks for it
 *   drip N MS           from now on N bytes each MS; nothing MS: nothing may come in for so long
 *   stall               silent until the client closes; close: say no more, read on; reset: RST; eof: the client must close
 *   wait FILE, touch FILE
 *
 * A section that ends otherwise takes QUIT or a close, nothing else. */
/* clang-format on */
#include "base.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "auth_server.h"
#include "clock.h"
#include "conn.h"
#include "fdio.h"
#include "str.h"

#define USAGE "fake-mx [-a ADDR] [-p PORT] [-b SOCKETBUFFER] [-d DIR] [-n CERTNAME] [-t SECONDS] SCRIPT"

struct step {
	char op[12], *arg;
	int line;
};

struct section {
	struct step *v;
	size_t n;
	bool repeat;
};

static struct section *sections;
static size_t section_n;
static gnutls_certificate_credentials_t cred;
static const char *script, *dir;

/* '*' stands for anything, everything else for itself. */
static bool
matches(const char *pattern, const char *s)
{
	for (; *pattern && *pattern != '*'; pattern++, s++)
		if (*pattern != *s)
			return false;
	if (!*pattern)
		return !*s;
	for (;; s++) {
		if (matches(pattern + 1, s))
			return true;
		if (!*s)
			return false;
	}
}

static void
set_keywords(struct conn *c, const char *list)
{
	str_reset(&c->keywords);
	str_adds(&c->keywords, list);
}

static void
say_keywords(struct conn *c)
{
	char *list = mem_dup(str_cstr(&c->keywords)), *p = list, *word;

	if (!*list)
		conn_say(c, "250 mx.test");
	else
		conn_say(c, "250-mx.test");
	while (*list && (word = strsep(&p, ","))) {
		char *line = NULL;

		word += strspn(word, " ");
		if (asprintf(&line, "250%c%s", p ? '-' : ' ', word) < 0)
			die_temp("unable to answer EHLO: %m");
		conn_say(c, line);
		free(line);
	}
	free(list);
}

/* The rules "on PATTERN => REPLY" of this section: first match wins. */
static const char *
rule_find(struct conn *c, const char *line)
{
	for (size_t i = 0; i < c->section->n; i++) {
		const struct step *s = &c->section->v[i];
		const char *arrow;
		char *pattern;
		bool hit;

		if (strcmp(s->op, "on"))
			continue;
		if (!(arrow = strstr(s->arg, " => ")))
			die_perm("unable to read %s:%d: no ' => '", script, s->line);
		pattern = mem_dupn(s->arg, (size_t)(arrow - s->arg));
		hit = matches(pattern, line);
		free(pattern);
		if (hit)
			return arrow + 4;
	}
	return NULL;
}

static void
answer(struct conn *c, const char *key, const char *otherwise)
{
	const char *rule = rule_find(c, key);

	if (rule && !strcmp(rule, "close")) {
		conn_flush(c);
		conn_close(c);
	}
	conn_say(c, rule ? rule : otherwise);
}

/* Takes whatever a client may say in any order, and 2xx it unless a rule says otherwise. "." is the end of a
 * message. */
NORETURN static void
serve(struct conn *c, const char *how)
{
	char *line;

	for (; (line = conn_line(c)); free(line)) {
		const char *rule = rule_find(c, line);
		long n;

		if (!strncasecmp(line, "EHLO ", 5) && !rule)
			say_keywords(c);
		else if (!strcasecmp(line, "DATA") && !rule) {
			conn_say(c, "354 go on");
			conn_flush(c);
			conn_read_dotted(c);
			answer(c, ".", "250 2.0.0 taken");
		} else if (sscanf(line, "BDAT %ld", &n) == 1 && n >= 0) {
			conn_read_counted(c, (size_t)n);
			answer(c, strstr(line, " LAST") && !rule ? "." : line, "250 2.0.0 taken");
		} else if (!strcasecmp(line, "QUIT") && !rule) {
			conn_say(c, "221 2.0.0 bye");
			conn_flush(c);
			conn_close(c);
		} else if (!strcasecmp(line, "STARTTLS") && !rule) {
			conn_say(c, "220 2.0.0 go on");
			conn_flush(c);
			conn_starttls(c, how);
			if (!c->tls)
				conn_close(c);
		} else
			answer(c, line, "250 2.0.0 fine");
		conn_flush(c);
	}
	exit(0);
}

static void
expect(struct conn *c, const char *pattern)
{
	char *line = conn_line(c);
	struct str why = {0};

	if (!line || !matches(pattern, line)) {
		str_addf(&why, "expected \"%s\", got %s%s%s", pattern, line ? "\"" : "the end of input",
		    line ? line : "", line ? "\"" : "");
		conn_fail(c, "out of step", why.s);
	}
	if (sscanf(line, "BDAT %ld", &c->bdat) != 1)
		c->bdat = -1;
	free(line);
}

/* At the end of a section the client may say QUIT, and must close. */
NORETURN static void
say_bye(struct conn *c)
{
	char *line = conn_line(c);

	if (line && strcmp(line, "QUIT"))
		conn_fail(c, "the client goes on", line);
	if (line) {
		free(line);
		conn_say(c, "221 2.0.0 bye");
		conn_flush(c);
		if ((line = conn_line(c)))
			conn_fail(c, "the client goes on after QUIT", line);
	}
	exit(0);
}

static bool
input_ends(struct conn *c)
{
	int got;

	while ((got = conn_fill(c, clock_mono() + c->patience)) > 0)
		;
	return got != -2 && !c->in.len;
}

/* Until the client closes, reads and says nothing. */
static void
stall(struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

static void
wait_for_file(struct conn *c, const char *name)
{
	int64_t deadline = clock_mono() + c->patience;
	struct timespec gap = {.tv_nsec = 2000000};

	while (access(name, F_OK)) {
		if (clock_mono() > deadline)
			conn_fail(c, "the file never appears", name);
		nanosleep(&gap, NULL);
	}
}

/* The steps that concern the connection itself; false when op is none of them. */
static bool
play_socket(struct conn *c, const char *op, const char *arg)
{
	if (!strcmp(op, "close"))
		conn_close(c);
	else if (!strcmp(op, "reset"))
		conn_reset(c);
	else if (!strcmp(op, "stall"))
		stall(c);
	else if (!strcmp(op, "starttls"))
		conn_starttls(c, arg);
	else if (!strcmp(op, "cert"))
		c->cred = fake_certificate_file(arg);
	else if (!strcmp(op, "tickets"))
		conn_tickets(c, arg);
	else if (!strcmp(op, "ask-cert"))
		c->ask_certificate = true;
	else if (!strcmp(op, "auth"))
		fake_auth(c, arg);
	else if (!strcmp(op, "hello-max")) {
		if (conn_hello_size(c) > atol(arg))
			conn_reset(c);
	} else if (!strcmp(op, "close-notify"))
		gnutls_bye(c->tls, GNUTLS_SHUT_WR);
	else if (!strcmp(op, "alert"))
		gnutls_alert_send(c->tls, GNUTLS_AL_FATAL, GNUTLS_A_INTERNAL_ERROR);
	else if (!strcmp(op, "warnings")) {
		for (long n = atol(arg);
		     n && !gnutls_alert_send(c->tls, GNUTLS_AL_WARNING, GNUTLS_A_USER_CANCELED); n--)
			;
	} else if (!strcmp(op, "renegotiate")) {
		gnutls_rehandshake(c->tls);
	} else if (!strcmp(op, "nothing")) {
		if (c->in.len || conn_fill(c, clock_mono() + atol(arg) * 1000) != -2)
			conn_fail(c, "the client does not wait", str_cstr(&c->in));
	} else if (!strcmp(op, "eof")) {
		if (!input_ends(c))
			conn_fail(c, "the client does not close", str_cstr(&c->in));
	} else
		return false;
	return true;
}

static void
play_step(struct conn *c, const char *op, const char *arg)
{
	if (!strcmp(op, "C:"))
		expect(c, arg);
	else if (!strcmp(op, "D:") && !strcmp(arg, "bdat")) {
		if (c->bdat < 0)
			conn_fail(c, "the line before was no BDAT", NULL);
		conn_read_counted(c, (size_t)c->bdat);
	} else if (!strcmp(op, "D:") && *arg)
		conn_read_counted(c, (size_t)atol(arg));
	else if (!strcmp(op, "D:"))
		conn_read_dotted(c);
	else if (!strcmp(op, "drip")) {
		if (sscanf(arg, "%ld %ld", &c->drip, &c->drip_ms) != 2)
			c->drip = 0;
	} else if (!strcmp(op, "greet")) {
		set_keywords(c, arg);
		conn_say(c, "220 mx.test ESMTP");
		conn_flush(c);
		expect(c, "EHLO *");
		say_keywords(c);
		conn_flush(c);
	} else if (!strcmp(op, "accept"))
		serve(c, arg);
	else if (!strcmp(op, "wait"))
		wait_for_file(c, arg);
	else if (!strcmp(op, "touch"))
		close(open(arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	else if (strcmp(op, "on") && strcmp(op, "end") && !play_socket(c, op, arg)) {
		fprintf(stderr, "%s:%d: no such step: %s\n", script, c->line, op);
		exit(1);
	}
}

static bool
is_say(const struct step *s)
{
	return !strcmp(s->op, "S:") || !strcmp(s->op, "S+") || !strcmp(s->op, "fill");
}

static void
play_say(struct conn *c, const struct step *s)
{
	if (*s->op == 'f')
		for (long n = atol(s->arg); n > 0; n--)
			str_addc(&c->out, 'x');
	else if (s->op[1] == '+')
		conn_say_raw(c, s->arg);
	else
		conn_say(c, s->arg);
}

NORETURN static void
play(struct conn *c)
{
	size_t loop = 0, n = c->section->n;
	long left = 0;

	for (size_t i = 0; i < n; i++) {
		const struct step *s = &c->section->v[i];

		c->line = s->line;
		if (is_say(s)) {
			play_say(c, s);
			continue;
		}
		conn_flush(c);
		if (!strcmp(s->op, "C?")) {
			char *line = conn_line(c);

			if (line && matches(s->arg, line)) {
				free(line);
				continue;
			}
			if (line) /* not what may come here: it is put back, the answers meant for it are
				     skipped */
				conn_unread(c, line);
			free(line);
			while (i + 1 < n && is_say(&c->section->v[i + 1]))
				i++;
		} else if (!strcmp(s->op, "repeat")) {
			loop = i;
			left = atol(s->arg);
		} else if (!strcmp(s->op, "end") && --left > 0)
			i = loop;
		else if (!strcmp(s->op, "keywords"))
			set_keywords(c, s->arg);
		else
			play_step(c, s->op, s->arg);
	}
	conn_flush(c);
	say_bye(c);
}

/* Lines: OP ARGUMENT. "==" opens the next connection's section, "== repeat" one that serves all further
 * connections. */
static void
read_script(void)
{
	FILE *f = fopen(script, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int number = 0;

	if (!f)
		die_perm("unable to open %s: %m", script);
	while ((n = getline(&line, &cap, f)) > 0) {
		struct section *s;
		struct step step = {.line = ++number};
		char *p = line + strspn(line, " \t");
		size_t len;

		p[strcspn(p, "\n")] = 0;
		if (!*p || *p == '#')
			continue;
		if (!section_n || !strncmp(p, "==", 2)) {
			sections = mem_grow(sections, section_n + 1, sizeof *sections);
			sections[section_n++] = (struct section){.repeat = !strcmp(p, "== repeat")};
			if (!strncmp(p, "==", 2))
				continue;
		}
		len = strcspn(p, " \t");
		if (len >= sizeof step.op)
			die_perm("unable to read %s:%d: no such step", script, number);
		memcpy(step.op, p, len);
		p += len;
		step.arg = mem_dup(*p ? p + 1 : p);
		s = &sections[section_n - 1];
		s->v = mem_grow(s->v, s->n + 1, sizeof *s->v);
		s->v[s->n++] = step;
	}
	free(line);
	fclose(f);
}

static void
connection(int fd, int number, struct section *section)
{
	struct conn c = {.fd = fd,
	    .number = number,
	    .cred = cred,
	    .section = section,
	    .bdat = -1,
	    .script = script,
	    .dir = dir,
	    .patience = 10 * SECOND};

	signal(SIGTERM, SIG_DFL);
	conn_open(&c);
	play(&c);
}

static volatile sig_atomic_t told_to_stop;

static void
on_stop(int sig)
{
	told_to_stop = sig;
}

/* Accepts a connection for each section in turn and counts those that ended badly. */
static int
run(int listener, int64_t limit)
{
	int number = 0, bad = 0, status, flags = fcntl(listener, F_GETFL);
	size_t next = 0;
	int64_t deadline = clock_mono() + limit;
	struct pollfd p = {.fd = listener, .events = POLLIN};

	fcntl(listener, F_SETFL, flags | O_NONBLOCK);
	while (next < section_n && !told_to_stop) {
		int fd;

		if (!sections[next].repeat && poll(&p, 1, clock_timeout(deadline)) == 0)
			break;
		if (sections[next].repeat && poll(&p, 1, -1) < 0)
			continue;
		if ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
			continue;
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		number++;
		if (fork() == 0) {
			close(listener);
			connection(fd, number, &sections[next]);
		}
		close(fd);
		next += !sections[next].repeat;
	}
	if (next < section_n && !sections[next].repeat) {
		fprintf(stderr, "%s: connection %d never came\n", script, number + 1);
		bad++;
	}
	close(listener);
	while (told_to_stop ? waitpid(-1, &status, WNOHANG) > 0 : wait(&status) > 0 || errno == EINTR)
		bad += status != 0;
	return bad != 0;
}

int
main(int argc, char **argv)
{
	const char *addr = "127.0.0.1", *name = "mx.test";
	int opt, port = 0, buffer = 0, listener;
	int64_t limit = 20 * SECOND;
	struct sigaction stop = {.sa_handler = on_stop}; /* no SA_RESTART: it interrupts poll */

	prog_start("fake-mx");
	while ((opt = getopt(argc, argv, "a:p:b:d:n:t:")) != -1) {
		switch (opt) {
		case 'a': addr = optarg; break;
		case 'p': port = (int)atol(optarg); break;
		case 'b': buffer = (int)atol(optarg); break;
		case 'd': dir = optarg; break;
		case 'n': name = optarg; break;
		case 't': limit = atol(optarg) * SECOND; break;
		default: die_usage(USAGE);
		}
	}
	if (argc - optind != 1)
		die_usage(USAGE);
	script = argv[optind];
	read_script();
	if (dir && mkdir(dir, 0755) && errno != EEXIST)
		die_temp("unable to make %s: %m", dir);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &stop, NULL);
	cred = fake_certificate(name);
	listener = fake_listen(addr, &port, buffer);
	printf("listening %d\n", port);
	fflush(stdout);
	return run(listener, limit);
}
