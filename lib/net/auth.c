#include "base.h"

#include "auth.h"
#include "base64.h"

/* A server that repeats what it was told would have it stand in logs and in notices. */
static void
withhold(struct reply *r, const char *secret, size_t n)
{
	static const char instead[] = "[withheld]";
	size_t at = tap_echo(r->text, r->len, secret, n);

	if (at == r->len)
		return;
	explicit_bzero(r->text + at, r->len - at);
	if (at > sizeof r->text - sizeof instead)
		at = sizeof r->text - sizeof instead;
	memcpy(r->text + at, instead, sizeof instead);
	r->len = at + sizeof instead - 1;
}

/* One line, and the reply to it. What may be the secret is wiped from the buffer it went out of. */
static enum smtp_got
say(struct smtp *c, const char *command, const struct str *raw, bool always, int64_t timeout)
{
	struct str line = {0};
	enum smtp_got got;
	size_t secret = 0;

	str_adds(&line, command);
	if (raw->len) {
		if (*command)
			str_addc(&line, ' ');
		secret = line.len;
		str_reserve(&line, raw->len / 3 * 4 + 8);
		base64_add(&line, raw->s, raw->len);
	} else if (always) {
		str_adds(&line, " =");
	}
	got = smtp_command(c, str_cstr(&line), timeout);
	if (got == SMTP_REPLY && raw->len)
		withhold(&c->reply, line.s + secret, line.len - secret);
	explicit_bzero(c->io.out, line.len + 2 < sizeof c->io.out ? line.len + 2 : sizeof c->io.out);
	secret_str_free(&line);
	return got;
}

/* The server's 334 is answered with a `*`, and it says 501 (RFC 4954 4). */
static enum login
give_up(struct smtp *c, int64_t timeout, struct login_end *end, const char *why)
{
	end->why = why;
	end->got = smtp_command(c, "*", timeout);
	return end->got == SMTP_GONE ? LOGIN_BROKEN : LOGIN_WRONG;
}

static bool
challenge_read(const struct smtp *c, struct str *out)
{
	return c->reply.len < REPLY_TEXT && base64_read(out, c->reply.text, c->reply.len);
}

static enum login
ended(const struct smtp *c, const struct sasl *s, struct login_end *end)
{
	if (c->reply.code != 235) {
		if (c->reply.code / 100 != 2 && c->reply.code / 100 != 3)
			return LOGIN_REFUSED;
		end->why = "the server answers AUTH with what is no answer to it";
		return LOGIN_WRONG;
	}
	if (sasl_is_complete(s))
		return LOGIN_DONE;
	/* T115: anybody can say 235. */
	end->why = "the server says yes before it has proved that it knows the password";
	return LOGIN_WRONG;
}

/* Challenges and answers, from the reply that is there. held: a first message that was too long for the command. */
static enum login
dialogue(struct smtp *c, struct sasl *s, struct str *held, int64_t timeout, struct login_end *end)
{
	struct str in = {0}, out = {0};
	enum login how = LOGIN_DONE;

	while (c->reply.code == 334 && how == LOGIN_DONE) {
		const char *why = NULL;
		bool good;

		str_reset(&in);
		secret_str_free(&out);
		str_reserve(&out, held->len + strlen(s->who->secret ? s->who->secret : "") + 1024);
		good = challenge_read(c, &in);
		if (!good)
			why = "the server's challenge is no base64";
		else if (held->len && in.len)
			why = "the server asks something before anything was said";
		else if (held->len)
			str_add(&out, held->s, held->len);
		else
			why = sasl_step(s, str_cstr(&in), in.len, &out);
		secret_str_free(held);
		if (!why && out.len / 3 * 4 + 8 > LOGIN_LINE_MAX)
			why = "what would be said is longer than a line of AUTH may be";
		if (why) {
			how = give_up(c, timeout, end, why);
			break;
		}
		end->got = say(c, "", &out, false, timeout);
		if (end->got != SMTP_REPLY)
			how = LOGIN_BROKEN;
	}
	str_free(&in);
	secret_str_free(&out);
	return how == LOGIN_DONE ? ended(c, s, end) : how;
}

enum login
login(struct smtp *c, const struct sasl_who *who, const struct sasl_binding *b, int64_t timeout,
    struct login_end *end)
{
	const struct sasl_peer peer = {c->ehlo.auth, *b};
	struct sasl s = {0};
	struct str first = {0};
	char command[64];
	enum login how;
	bool has_first;

	*end = (struct login_end){.mechanism = sasl_choose(who, &peer), .got = SMTP_REPLY};
	if (end->mechanism == SASL_MECHANISMS) {
		end->why = sasl_lacks(who, &peer);
		return LOGIN_WRONG;
	}
	tap_kind(c->io.tap, TAP_AUTH);
	/* In one piece, so that growing leaves no copy behind. */
	str_reserve(&first, 2 * strlen(who->secret ? who->secret : "") + 1024);
	end->why = sasl_start(&s, end->mechanism, who, &peer, &first, &has_first);
	if (!end->why && first.len / 3 * 4 + 8 > LOGIN_LINE_MAX)
		end->why = "what would be said is longer than a line of AUTH may be";
	if (end->why) {
		how = LOGIN_WRONG;
		goto done;
	}
	snprintf(command, sizeof command, "AUTH %s", sasl_name(end->mechanism));
	if (has_first && strlen(command) + first.len / 3 * 4 + 8 <= LOGIN_COMMAND_MAX) {
		end->got = say(c, command, &first, true, timeout);
		secret_str_free(&first);
	} else {
		end->got = smtp_command(c, command, timeout);
	}
	how = end->got == SMTP_REPLY ? dialogue(c, &s, &first, timeout, end) : LOGIN_BROKEN;
done:
	tap_kind(c->io.tap, TAP_PLAIN);
	secret_str_free(&first);
	sasl_free(&s);
	return how;
}
