#include "base.h"

#include "child.h"
#include "clock.h"
#include "die.h"
#include "dkim_check.h"
#include "dkim_message.h"
#include "fdio.h"
#include "header.h"
#include "rec.h"

#include <fcntl.h>
#include <unistd.h>

#define SIGS_MAX DKIM_BODIES_MAX /* of one message; more are left out */

struct checking {
	struct dkim_sig sig[SIGS_MAX];
	const char *why[SIGS_MAX]; /* it cannot be read */
	size_t n, body[SIGS_MAX];  /* whose body */
};

static void
checking_header(struct dkim_message *r)
{
	struct checking *c = r->arg;
	const char *p = r->header.s, *end = p + r->header.len;
	struct header_field f;

	while (p && c->n < SIGS_MAX && header_next(&p, end, &f)) {
		struct dkim_sig *s = &c->sig[c->n];

		if (!header_is(&f, "DKIM-Signature"))
			continue;
		c->why[c->n] = dkim_sig_parse(s, f.start, (size_t)(f.end - f.start));
		c->body[c->n] = r->nbody;
		if (!c->why[c->n])
			dkim_message_hash(r, s->body, s->has_length ? s->length : UINT64_MAX);
		c->n++;
	}
}

/* The strings of a TXT record from the form that mox-nexthop prints, "..." "...", joined. */
static void
txt_join(struct str *out, const char *s)
{
	bool in = false;

	for (; *s; s++) {
		if (*s == '"') {
			in = !in;
		} else if (in && *s == '\\' && s[1] >= '0' && s[1] <= '9' && s[2] && s[3]) {
			str_addc(out, (char)((s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0')));
			s += 3;
		} else if (in) {
			s += *s == '\\' && s[1];
			str_addc(out, *s);
		}
	}
}

/* DNS's answer: 1 a record in out, 0 there is none, -1 no answer. */
static int
key_ask(struct str *out, const struct dkim_sig *s)
{
	char arg0[] = "mox-nexthop", q[] = "-q", type[] = "TXT";
	struct str name = {0}, text = {0};
	struct rec_in in;
	char *key, *value;
	int to[2], code;
	ssize_t n;
	pid_t pid;

	str_addf(&name, "%s._domainkey.%s", s->selector, s->domain);
	if (pipe2(to, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	pid = child_spawn((char *[]){arg0, q, type, name.s, NULL}, &(struct child_fd){to[1], 1}, 1);
	if (pid < 0)
		die_temp("unable to start mox-nexthop: %m");
	close(to[1]);
	do {
		str_reserve(&text, 4096);
		n = fd_read(to[0], text.s + text.len, 4096);
		text.len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && text.len < REC_MAX);
	close(to[0]);
	code = child_wait(pid);
	in = (struct rec_in){text.s, text.s + text.len};
	while (!code && rec_next(&in, &key, &value) == REC_LINE)
		if (!strcmp(key, "data") && (value = rec_text(value)) && !out->len)
			txt_join(out, value);
	str_free(&name);
	str_free(&text);
	return code == EXIT_TEMP ? -1 : code || !out->len ? 0 : code < 0 || code > EXIT_TEMP ? -1 : 1;
}

/* One row: RESULT, domain, selector, algorithm, why not. */
static void
result_print(const char *result, const struct dkim_sig *s, const char *why)
{
	struct str out = {0};

	str_addf(&out, "%s d=%s s=%s a=%s%s%s\n", result, s->domain ? s->domain : "-",
	    s->selector ? s->selector : "-", s->algo == DKIM_RSA ? "rsa-sha256" : "ed25519-sha256",
	    why ? " " : "", why ? why : "");
	if (fd_write_all(1, out.s, out.len))
		die_temp("unable to write: %m");
	str_free(&out);
}

/* 0 passed, EXIT_PERM not, EXIT_TEMP not known. */
static int
signature_check(struct dkim_message *r, struct checking *c, size_t i, const char *given)
{
	static const char *const words[] = {
	    [DKIM_PASS] = "pass", [DKIM_FAIL] = "fail", [DKIM_PERMERROR] = "permerror"};
	unsigned char digest[DKIM_HASH_SIZE];
	struct dkim_sig *s = &c->sig[i];
	struct dkim_body *b = &r->body[c->body[i]];
	struct str record = {0};
	enum dkim_result got;
	const char *why = c->why[i];
	int asked;

	if (why) {
		result_print("permerror", s, why);
		return EXIT_PERM;
	}
	dkim_body_end(b, digest);
	if (s->has_length && s->length > b->total) {
		result_print("permerror", s, "l= is longer than the body");
		return EXIT_PERM;
	}
	if (given)
		str_adds(&record, given);
	asked = given ? 1 : key_ask(&record, s);
	if (asked <= 0) {
		result_print(asked ? "temperror" : "permerror", s,
		    asked ? "the key could not be looked up" : "there is no key in DNS");
		str_free(&record);
		return asked ? EXIT_TEMP : EXIT_PERM;
	}
	got = dkim_verify(s, &r->header, digest, str_cstr(&record), clock_now() / SECOND, &why);
	result_print(words[got], s, why);
	str_free(&record);
	return got == DKIM_PASS ? 0 : EXIT_PERM;
}

int
dkim_check(const char *record)
{
	static struct dkim_message r;
	static struct checking c;
	bool passed = false, unknown = false;

	r.header_done = checking_header;
	r.arg = &c;
	dkim_message_read(&r, 0);
	for (size_t i = 0; i < c.n; i++) {
		int code = signature_check(&r, &c, i, record);

		passed = passed || !code;
		unknown = unknown || code == EXIT_TEMP;
		dkim_sig_free(&c.sig[i]);
	}
	str_free(&r.header);
	if (!c.n && fd_write_all(1, "none\n", 5))
		die_temp("unable to write: %m");
	return passed ? 0 : unknown ? EXIT_TEMP : EXIT_PERM;
}
