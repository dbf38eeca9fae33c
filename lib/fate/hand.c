#include "base.h"

#include "child.h"
#include "die.h"
#include "fdio.h"
#include "hand.h"
#include "job.h"
#include "probe.h"
#include "rec.h"
#include "way.h"
#include "wire.h"
#include "worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the message ---- */

struct spooler {
	int fd;
	uint64_t size;
};

static void
spool_put(void *arg, const char *p, size_t n)
{
	struct spooler *s = arg;

	if (fd_write_all(s->fd, p, n))
		die_temp("unable to keep the message: %m");
	s->size += n;
}

static int
nameless_file(void)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir && *dir ? dir : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("message", MFD_CLOEXEC);
	if (fd < 0)
		die_temp("unable to make a temporary file: %m");
	return fd;
}

void
hand_spool(struct hand *h)
{
	struct spooler s = {.fd = nameless_file()};
	struct wire w;
	char buf[65536];
	ssize_t n;

	wire_start(&w, spool_put, &s);
	while ((n = fd_read(0, buf, sizeof buf)) > 0)
		wire_add(&w, buf, (size_t)n);
	if (n < 0)
		die_temp("unable to read the message: %m");
	wire_end(&w);
	if (w.bad)
		die_perm("unable to send this message: %s", w.bad);
	h->message = s.fd;
	h->size = s.size;
	h->flags = (w.eightbit ? JOB_8BIT : 0u) | (w.longline ? JOB_LONGLINE : 0u) | (w.dot ? JOB_DOT : 0u) |
	           (w.utf8_header ? JOB_SMTPUTF8 : 0u);
	wire_free(&w);
}

/* ---- the plan ---- */

static bool
is_address(const char *s)
{
	unsigned char bin[16];

	return inet_pton(AF_INET, s, bin) == 1 || inet_pton(AF_INET6, s, bin) == 1;
}

/* As mox-nexthop says it of an address. */
static void
refuse_address(const struct conf_transport *way, struct plan *p, bool secure)
{
	struct str s = {0};

	str_addf(&s, "%s is an address, whose owner nothing proves, and %s", way->host.v[0],
	    secure ? "the message requires TLS that is proved" : "the configuration asks for DANE");
	p->kind = secure ? PLAN_NEVER : PLAN_LATER;
	p->code = mem_dup(secure ? "5.7.30" : "4.7.5");
	p->text = str_take(&s);
}

static void
plan_address(const struct conf_transport *way, struct plan *p)
{
	static const enum plan_tls tls[] = {
	    [STARTTLS_MAY] = PLAN_TLS_MAY, [STARTTLS_NEVER] = PLAN_TLS_NONE, [STARTTLS_MUST] = PLAN_TLS_MUST};
	const char *host = way->host.v[0];
	struct plan_hop *hop = plan_hop_add(p, host);

	p->name = mem_dup(host);
	p->site = mem_dup(host);
	hop->port = way->port;
	hop->tls = way->verify == VERIFY_PKIX ? PLAN_TLS_PKIX : tls[way->starttls];
	plan_list_add(&hop->names, host);
	plan_list_add(&hop->addr, host);
}

static void
request_write(struct str *out, const struct hand *h, const struct conf_transport *way, const char *domain)
{
	rec_add(out, "ask", "1");
	way_write(out, h->conf, way, domain);
	if (h->secure)
		rec_add(out, "need", "secure");
	rec_end(out);
}

/* Asks a mox-nexthop of our own. */
static void
ask(const struct hand *h, const struct str *request, struct str *answer)
{
	char conf[] = "-C", worker[] = "-w", name[] = "mox-nexthop";
	char *argv[] = {name, conf, h->conf->file, worker, NULL}, *bare[] = {name, worker, NULL};
	int in[2], out[2];
	ssize_t n = 0;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	pid = child_spawn(
	    access(h->conf->file, R_OK) ? bare : argv, (struct child_fd[]){{in[0], 0}, {out[1], 1}}, 2);
	if (pid < 0)
		die_temp("unable to start mox-nexthop: %m");
	close(in[0]);
	close(out[1]);
	if (fd_write_all(in[1], request->s, request->len))
		die_temp("unable to ask mox-nexthop: %m");
	do {
		str_reserve(answer, 4096);
		n = fd_read(out[0], answer->s + answer->len, 4096);
		if (n > 0)
			answer->len += (size_t)n;
	} while (n > 0 && !rec_whole(answer->s, answer->len) && answer->len < REC_MAX);
	close(in[1]);
	close(out[0]);
	child_wait(pid);
}

void
hand_plan(const struct hand *h, const struct conf_transport *way, const char *domain, struct plan *p)
{
	struct str request = {0}, answer = {0};
	const char *why;

	if (way->host.n == 1 && is_address(way->host.v[0])) {
		if (way->verify == VERIFY_DANE || (h->secure && way->verify != VERIFY_PKIX))
			refuse_address(way, p, h->secure);
		else
			plan_address(way, p);
		return;
	}
	request_write(&request, h, way, domain);
	ask(h, &request, &answer);
	if ((why = plan_parse(p, answer.s, answer.len)))
		die_temp("unable to learn from mox-nexthop where %s is: %s",
		    conf_is_relay(way) ? way->name : domain, why);
	p->ask = 0;
	str_free(&request);
	str_free(&answer);
}

/* ---- the job ---- */

static void
job_write(const struct hand *h, struct str *out, const struct plan *p, const size_t *who, size_t n)
{
	static const struct {
		enum job_flag flag;
		const char *word;
	} words[] = {
	    {JOB_8BIT, "8bit"}, {JOB_SMTPUTF8, "smtputf8"}, {JOB_LONGLINE, "longline"}, {JOB_DOT, "dot"}};
	const char *sep = "";
	struct str flags = {0};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (h->flags & words[i].flag) {
			str_addf(&flags, "%s%s", sep, words[i].word);
			sep = " ";
		}
	rec_add(out, "job", "1");
	rec_add(out, "id", "by-hand");
	rec_add(out, "sender", h->sender);
	rec_addi(out, "size", (int64_t)h->size);
	rec_add(out, "flags", str_cstr(&flags));
	str_free(&flags);
	if (h->secure)
		rec_add(out, "requiretls", "yes");
	plan_lines_write(out, p);
	for (size_t i = 0; i < n; i++) {
		rec_open(out, "rcpt");
		rec_putf(out, "%zu", who[i] + 1);
		rec_put(out, h->rcpt[who[i]]);
		rec_close(out);
	}
	rec_end(out);
}

/* In packets of whole lines, the message with the first. */
static void
job_send(const struct hand *h, int sock, const struct str *job)
{
	int pass = h->message;

	for (size_t at = 0; at < job->len;) {
		size_t n = job->len - at;

		if (n > PKT_MAX)
			for (n = PKT_MAX; job->s[at + n - 1] != '\n'; n--)
				;
		if (pkt_send(sock, job->s + at, n, pass, 0))
			die_temp("unable to hand the message to a worker: %m");
		pass = -1;
		at += n;
	}
}

/* Prints what comes, and remembers the worst. Answers how many recipients were told of. */
static size_t
report_read(struct hand *h, int sock)
{
	static char buf[PKT_MAX + 1];
	size_t told = 0;
	ssize_t n;

	while ((n = pkt_recv(sock, buf, PKT_MAX, NULL, 0)) > 0) {
		struct rec_in in = {buf, buf + n};
		enum rec_got got;
		char *key, *value;

		if (fd_write_all(1, buf, (size_t)n))
			die_temp("unable to print the report: %m");
		while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
			const char *word;

			if (strcmp(key, "rcpt") || !rec_field(&value) || !(word = rec_field(&value)))
				continue;
			told++;
			h->later |= !strcmp(word, "later");
			h->never |= !strcmp(word, "never");
		}
		if (got == REC_END)
			break;
	}
	return told;
}

/* What mox-nexthop said in place of a plan, told as a report would. */
static void
report_no_plan(struct hand *h, const struct plan *p, const size_t *who, size_t n)
{
	struct str out = {0};

	rec_add(&out, "job", "1");
	for (size_t i = 0; i < n; i++) {
		rec_open(&out, "rcpt");
		rec_putf(&out, "%zu", who[i] + 1);
		rec_put(&out, p->kind == PLAN_LATER ? "later" : "never");
		rec_put(&out, "0");
		rec_put(&out, p->code);
		rec_put(&out, "-");
		rec_put(&out, p->text);
		rec_close(&out);
	}
	if (p->network_down)
		rec_add(&out, "network", "no");
	rec_end(&out);
	if (fd_write_all(1, out.s, out.len))
		die_temp("unable to print the report: %m");
	str_free(&out);
	h->later |= p->kind == PLAN_LATER;
	h->never |= p->kind == PLAN_NEVER;
}

/* Loads the authorities when somebody is to be judged by them. */
static void
authorities(const struct hand *h, const struct plan *p)
{
	bool wanted = p->sts.mode && strcmp(p->sts.mode, "none") != 0;

	for (size_t i = 0; i < p->nhop; i++)
		wanted |= p->hop[i].tls == PLAN_TLS_PKIX;
	if (wanted)
		authorities_load(h->conf);
}

void
hand_deliver(
    struct hand *h, const struct conf_transport *way, const struct plan *p, const size_t *who, size_t n)
{
	int sock[2];

	if (p->kind != PLAN_HOPS) {
		report_no_plan(h, p, who, n);
		return;
	}
	authorities(h, p);
	while (n) {
		size_t some = n < JOB_RCPT_MAX ? n : JOB_RCPT_MAX;
		struct str job = {0};
		pid_t pid;

		if (pkt_pair(sock))
			die_temp("unable to make a socket: %m");
		pid = worker_fork(h->conf, sock[1], way);
		if (pid < 0)
			die_temp("unable to fork: %m");
		close(sock[1]);
		job_write(h, &job, p, who, some);
		job_send(h, sock[0], &job);
		if (report_read(h, sock[0]) < some) {
			warn("the worker ended without a full report");
			h->later = true;
		}
		close(sock[0]);
		child_wait(pid);
		str_free(&job);
		who += some;
		n -= some;
	}
}

void
hand_probe(struct hand *h, const struct conf_transport *way, const char *domain, const struct plan *p)
{
	struct str out = {0};
	int sock[2], status;
	pid_t pid;

	if (p->kind != PLAN_HOPS) {
		rec_open(&out, "probe");
		rec_put(&out, domain);
		rec_close(&out);
		rec_open(&out, "error");
		rec_put(&out, p->code);
		rec_put(&out, p->text);
		rec_close(&out);
		rec_end(&out);
		if (fd_write_all(1, out.s, out.len))
			die_temp("unable to print: %m");
		str_free(&out);
		h->later |= p->kind == PLAN_LATER;
		h->never |= p->kind == PLAN_NEVER;
		return;
	}
	authorities_load(h->conf);
	if (pkt_pair(sock))
		die_temp("unable to make a socket: %m");
	pid = confined_fork(sock[1],
	    &(struct confined){
		.serve = probe_serve, .conf = h->conf, .transport = way, .plan = p, .secure = h->secure});
	if (pid < 0)
		die_temp("unable to fork: %m");
	close(sock[1]);
	status = child_wait(pid);
	close(sock[0]);
	h->later |= status != 0;
}
