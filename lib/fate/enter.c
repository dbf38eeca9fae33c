#include "base.h"

#include "auth.h"
#include "log.h"
#include "secret.h"
#include "visit.h"

static void
log_failure(const struct line *l, const char *key, const char *text)
{
	log_s("transport", l->passage->transport->name);
	log_f("host", "%s[%s]", l->c.host, l->c.ip);
	log_s(key, text);
	log_close();
}

/* What is wrong is our configuration, or what we were told to log in with: a person must hear of it (T118). */
enum step
enter_unfit(const struct visit *v, const char *why)
{
	log_open(LOG_ALERT, "secret-unreadable");
	log_failure(v->l, "error", why);
	tap_note(v->l->c.io.tap, "%s", why);
	miss_trouble(v->j, v->l, TROUBLE_SECRET, why);
	v->j->login = v->j->stop = true;
	smtp_quit(&v->l->c, v->conf->timeouts.quit);
	return STEP_NEXT;
}

static enum step
no_login(const struct visit *v, const char *why)
{
	log_open(LOG_ALERT, "login-impossible");
	log_failure(v->l, "error", why);
	tap_note(v->l->c.io.tap, "%s", why);
	miss_trouble(v->j, v->l, TROUBLE_LOGIN, why);
	v->j->login = true;
	smtp_quit(&v->l->c, v->conf->timeouts.quit);
	return STEP_NEXT;
}

static enum step
login_refused(const struct visit *v, const char *mechanism)
{
	const struct reply *r = &v->l->c.reply;

	log_open(LOG_ALERT, "login-refused");
	log_s("mechanism", mechanism);
	log_i("code", r->code);
	log_failure(v->l, "text", r->text);
	v->j->login = true;
	v->j->stop = r->code / 100 == 5;
	return visit_refused(v, PHASE_AUTH);
}

static struct sasl_who
who_logs_in(const struct visit *v)
{
	const struct conf_transport *t = v->l->passage->transport;
	struct sasl_who who = {.username = t->username,
	    .token = t->token_command,
	    .certificate = t->client_certificate,
	    .host = v->hop->host,
	    .port = v->hop->port};

	for (size_t i = 0; i < t->mechanisms.n; i++)
		who.named |= sasl_bit(t->mechanisms.v[i], strlen(t->mechanisms.v[i]));
	return who;
}

/* A login by what the keeper has now; when it is refused and the keeper has something else by then, once more (T118, T120). */
static enum login
try_login(const struct visit *v, struct sasl_who *who, struct login_end *end, const char **no)
{
	static char secret[2][SECRET_MAX];
	struct line *l = v->l;
	bool keeps = conf_logs_in(l->passage->transport);
	struct sasl_binding b = {0};
	enum login how = LOGIN_WRONG;

	if (l->c.io.tls)
		tls_binding(l->c.io.tls, &b);
	for (int i = 0; i < 2; i++) {
		if (keeps && (*no = secret_ask(l->passage->keeper, secret[i])))
			break;
		if (i && (!keeps || !strcmp(secret[0], secret[1])))
			break;
		who->secret = keeps ? secret[i] : NULL;
		how = login(&l->c, who, &b, v->conf->timeouts.mail, end);
		if (how != LOGIN_REFUSED || l->c.reply.code / 100 != 5)
			break;
	}
	explicit_bzero(secret, sizeof secret);
	return how;
}

/* Whether the server may have what we log in with: only one that has proved who it is, or any when the configuration says so, but
 * never one that we came to in plaintext since its TLS failed (T100, T117). */
static bool
may_hear_secret(const struct line *l)
{
	bool proved = l->version && l->judged.trusted && strcmp(l->judged.verified, "none") != 0;

	return proved || (l->passage->transport->allow_plaintext_auth && !l->fell_back);
}

enum step
enter(const struct visit *v)
{
	struct line *l = v->l;
	struct sasl_who who;
	struct login_end end = {.mechanism = SASL_MECHANISMS};
	const char *no = NULL;

	if (!passage_logs_in(l->passage))
		return STEP_OPEN;
	who = who_logs_in(v);
	/* Many a relay knows its guests by their certificates without any AUTH. */
	if (!conf_logs_in(l->passage->transport) && !who.named && !(l->c.ehlo.auth & SASL_BIT(SASL_EXTERNAL)))
		return STEP_OPEN;
	if (!may_hear_secret(l))
		return no_login(v, "nothing proves who the server is, so that it is told no secret");
	switch (try_login(v, &who, &end, &no)) {
	case LOGIN_DONE: l->mechanism = sasl_name(end.mechanism); return STEP_OPEN;
	case LOGIN_REFUSED: return login_refused(v, sasl_name(end.mechanism));
	case LOGIN_BROKEN: return visit_broken(v, end.got, "AUTH");
	case LOGIN_WRONG: break;
	}
	return no ? enter_unfit(v, no) : no_login(v, end.why);
}
