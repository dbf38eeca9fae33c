#include "base.h"

#include "auth.h"
#include "child.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "rec.h"
#include "smtp.h"
#include "submit.h"
#include "tls.h"
#include "trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- where ---- */

static bool
is_address(const char *s)
{
	unsigned char bin[16];

	return inet_pton(AF_INET, s, bin) == 1 || inet_pton(AF_INET6, s, bin) == 1;
}

static void
ask_nexthop(char *conf_file, const struct str *request, struct str *answer)
{
	char name[] = "mox-nexthop", worker[] = "-w", flag[] = "-C";
	char *argv[] = {name, worker, conf_file ? flag : NULL, conf_file, NULL};
	int in[2], out[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ssize_t n = 0;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	/* What it would say in a log, the answer says too. */
	pid = child_spawn(argv, (struct child_fd[]){{in[0], 0}, {out[1], 1}, {null, 2}}, null < 0 ? 2 : 3);
	if (null >= 0)
		close(null);
	close(in[0]);
	close(out[1]);
	if (pid >= 0 && !fd_write_all(in[1], request->s, request->len))
		do {
			str_reserve(answer, 4097);
			n = fd_read(out[0], answer->s + answer->len, 4096);
			answer->len += n > 0 ? (size_t)n : 0;
			answer->s[answer->len] = 0;
		} while (n > 0 && !rec_whole(answer->s, answer->len) && answer->len < REC_MAX);
	close(in[1]);
	close(out[0]);
	if (pid >= 0)
		child_wait(pid);
}

bool
submit_resolve(struct submit *s, char *conf_file, struct str *why)
{
	struct str request = {0}, answer = {0};
	struct plan p = {0};
	const char *bad;

	if (is_address(s->to->host)) {
		plan_list_add(&s->addr, s->to->host);
		return true;
	}
	rec_add(&request, "ask", "1");
	rec_add(&request, "host", s->to->host);
	rec_addi(&request, "port", (unsigned)s->to->port);
	rec_add(&request, "loopback", "yes");
	rec_add(&request, "starttls", s->to->tls || s->to->starttls ? "must" : "never");
	rec_end(&request);
	ask_nexthop(conf_file, &request, &answer);
	str_reserve(&answer, 1);
	if ((bad = plan_parse(&p, answer.s, answer.len)))
		str_addf(why, "mox-nexthop gave no answer for %s: %s", s->to->host, bad);
	else if (p.kind != PLAN_HOPS)
		str_adds(why, p.text);
	for (size_t i = 0; !why->len && i < p.nhop; i++)
		for (size_t k = 0; k < p.hop[i].addr.n; k++)
			plan_list_add(&s->addr, p.hop[i].addr.v[k]);
	plan_free(&p);
	str_free(&request);
	str_free(&answer);
	return !why->len;
}

/* ---- what came of it ---- */

static void
end_with(struct submit_result *r, enum submit_end end, const char *text)
{
	r->end = end;
	str_reset(&r->text);
	str_adds(&r->text, text);
}

static void
end_with_reply(struct submit_result *r, const struct smtp *c, const char *what)
{
	const struct reply *a = &c->reply;

	r->end = a->code >= 500 ? SUBMIT_NEVER : SUBMIT_LATER;
	str_reset(&r->text);
	str_addf(&r->text, "%s answered %s with %d %s%s%.*s", c->host, what, a->code, a->enhanced,
	    *a->enhanced ? " " : "", (int)strcspn(a->text, "\n"), a->text);
}

/* true: a 2xx (or 3xx) reply to `what`. */
static bool
good(struct submit_result *r, const struct smtp *c, enum smtp_got got, const char *what)
{
	char why[300];

	if (got != SMTP_REPLY) {
		smtp_why(c, got, why, sizeof why);
		r->end = SUBMIT_LATER;
		str_reset(&r->text);
		str_addf(&r->text, "%s, at %s: %s", c->host, what, why);
		return false;
	}
	if (c->reply.code >= 400)
		end_with_reply(r, c, what);
	return c->reply.code < 400;
}

/* ---- the connection ---- */

static bool
start_tls(const struct submit *s, struct smtp *c, struct submit_result *r)
{
	struct cert_fault fault;

	if (!good(r, c,
		smtp_tls(c, &(struct tls_how){.name = is_address(s->to->host) ? NULL : s->to->host},
		    s->conf->timeouts.starttls),
		"TLS"))
		return false;
	if (s->to->insecure || tls_is_for(c->io.tls, s->to->host, &fault))
		return true;
	end_with(r, SUBMIT_LATER, "");
	str_addf(&r->text, "the certificate of %s is not to be trusted: %s", c->host, fault.why);
	return false;
}

static bool
hello(const struct submit *s, struct smtp *c, struct submit_result *r)
{
	return good(r, c, smtp_hello(c, s->to->hostname, s->conf->timeouts.ehlo), "EHLO");
}

/* A password as it is goes over TLS, to this machine, or where somebody has named the mechanism. */
static void
hide_plaintext(const struct submit *s, struct smtp *c)
{
	if (!c->io.tls && strncmp(c->ip, "127.", 4) && strcmp(c->ip, "::1") && !*s->to->mechanism)
		c->ehlo.auth &= ~(SASL_BIT(SASL_PLAIN) | SASL_BIT(SASL_LOGIN));
}

static bool
log_in(const struct submit *s, struct smtp *c, struct submit_result *r)
{
	const struct submitconf *to = s->to;
	struct sasl_who who = {.username = *to->username ? to->username : NULL,
	    .secret = *to->username && *to->password ? to->password : NULL,
	    .certificate = *to->client_key || *to->client_file,
	    .named = *to->mechanism ? sasl_bit(to->mechanism, strlen(to->mechanism)) : 0,
	    .plain = true, /* as mox does with this configuration */
	    .host = to->host,
	    .port = (uint16_t)to->port};
	struct sasl_binding binding = {0};
	struct login_end end = {0};

	if (!who.username && !who.certificate)
		return true;
	hide_plaintext(s, c);
	if (c->io.tls)
		tls_binding(c->io.tls, &binding);
	switch (login(c, &who, &binding, s->conf->timeouts.mail, &end)) {
	case LOGIN_DONE: return true;
	case LOGIN_REFUSED:
		end_with_reply(r, c, "AUTH");
		r->end = SUBMIT_LATER; /* the message is not to blame */
		return false;
	case LOGIN_WRONG:
		end_with(r, SUBMIT_LATER, "");
		str_addf(&r->text, "unable to log in at %s: %s", c->host, end.why);
		return false;
	case LOGIN_BROKEN: return good(r, c, end.got, "AUTH");
	}
	return false;
}

/* Up to where MAIL may be said. */
static bool
open_session(const struct submit *s, struct smtp *c, const char *ip, struct submit_result *r)
{
	if (smtp_dial(c, s->to->host, ip, (uint16_t)s->to->port, clock_mono() + s->conf->timeouts.connect)) {
		end_with(r, SUBMIT_LATER, "");
		str_addf(&r->text, "unable to connect to %s [%s] port %u: %s", s->to->host, ip,
		    (unsigned)s->to->port, strerror(errno));
		return false;
	}
	if (s->to->tls && !start_tls(s, c, r))
		return false;
	if (!good(r, c, smtp_reply(c, s->conf->timeouts.greeting), "the connection") || !hello(s, c, r))
		return false;
	if (s->to->starttls) {
		if (!c->ehlo.starttls) {
			end_with(r, SUBMIT_LATER, "");
			str_addf(&r->text, "%s offers no STARTTLS", c->host);
			return false;
		}
		if (!good(r, c, smtp_command(c, "STARTTLS", s->conf->timeouts.starttls), "STARTTLS") ||
		    !start_tls(s, c, r) || !hello(s, c, r))
			return false;
	}
	return log_in(s, c, r);
}

/* ---- the transaction ---- */

static bool
can_carry(const struct submit *s, const struct smtp *c, struct submit_result *r)
{
	const char *lacks = NULL;

	if (!strcmp(s->to->requiretls, "yes") && !c->ehlo.requiretls)
		lacks = "REQUIRETLS, which the configuration demands";
	else if (s->smtputf8 && !c->ehlo.smtputf8)
		lacks = "SMTPUTF8, which this message needs";
	else if (s->eightbit && !c->ehlo.eightbit)
		lacks = "8BITMIME, which this message needs";
	else if (c->ehlo.size && c->ehlo.size_max && s->size > c->ehlo.size_max)
		lacks = "room for a message of this size";
	if (!lacks)
		return true;
	end_with(r, SUBMIT_NEVER, "");
	str_addf(&r->text, "%s does not offer %s", c->host, lacks);
	return false;
}

static bool
say_mail(const struct submit *s, struct smtp *c, struct submit_result *r)
{
	struct str line = {0};
	bool ok;

	str_addf(&line, "MAIL FROM:<%s>", s->to->from);
	if (c->ehlo.size)
		str_addf(&line, " SIZE=%llu", (unsigned long long)s->size);
	if (s->eightbit)
		str_adds(&line, " BODY=8BITMIME");
	if (s->smtputf8)
		str_adds(&line, " SMTPUTF8");
	if (!strcmp(s->to->requiretls, "yes"))
		str_adds(&line, " REQUIRETLS");
	ok = good(r, c, smtp_command(c, line.s, s->conf->timeouts.mail), "MAIL");
	str_free(&line);
	return ok;
}

/* false: nobody is left. Who is refused is noted; the last refusal is the end when it is everybody's. */
static bool
say_recipients(const struct submit *s, struct smtp *c, struct submit_result *r)
{
	size_t taken = 0;
	bool later = false;

	for (size_t i = 0; i < s->nrcpt; i++) {
		struct str line = {0};
		enum smtp_got got;

		str_addf(&line, "RCPT TO:<%s>", s->rcpt[i]);
		got = smtp_command(c, line.s, s->conf->timeouts.rcpt);
		str_free(&line);
		if (good(r, c, got, "RCPT")) {
			taken++;
			continue;
		}
		if (got != SMTP_REPLY)
			return false;
		later |= r->end == SUBMIT_LATER;
		str_addf(&r->refused, "%s: %d %.*s\n", s->rcpt[i], c->reply.code,
		    (int)strcspn(c->reply.text, "\n"), c->reply.text);
	}
	if (!taken && later)
		r->end = SUBMIT_LATER;
	return taken;
}

static void
transact(const struct submit *s, struct smtp *c, struct submit_result *r)
{
	enum io io;

	if (!can_carry(s, c, r) || !say_mail(s, c, r) || !say_recipients(s, c, r) ||
	    !good(r, c, smtp_command(c, "DATA", s->conf->timeouts.data), "DATA"))
		return;
	io = stream_dotted(&c->io, s->fd, s->size, s->dot);
	if (io == IO_OK)
		io = stream_flush(&c->io);
	if (!good(r, c, io == IO_OK ? smtp_reply(c, s->conf->timeouts.dot) : smtp_from_io(io), "the message"))
		return;
	r->end = SUBMIT_SENT;
	str_reset(&r->text);
	str_addf(&r->text, "%s: %d %.*s", c->host, c->reply.code, (int)strcspn(c->reply.text, "\n"),
	    c->reply.text);
}

void
submit_run(const struct submit *s, struct submit_result *r)
{
	struct smtp *c = mem_zalloc(sizeof *c);
	struct tap tap = {0};
	bool open = false;

	c->io.fd = c->io.watch = c->watch = -1;
	c->io.tap = &tap;
	trace_listen(&tap, c->host);
	c->io.cap = clock_mono() + s->conf->timeouts.session;
	c->io.block = s->conf->timeouts.block;
	end_with(r, SUBMIT_LATER, "the server has no address");
	/* What one address answers another may not; but no password goes to a second one behind a refusal. */
	for (size_t i = 0; i < s->addr.n && !open; i++) {
		open = open_session(s, c, s->addr.v[i], r);
		if (!open && (r->end == SUBMIT_NEVER || c->ehlo.auth)) {
			smtp_quit(c, SECOND);
			break;
		}
		if (!open)
			smtp_close(c);
	}
	if (open)
		transact(s, c, r);
	smtp_quit(c, s->conf->timeouts.quit);
	free(c);
}
