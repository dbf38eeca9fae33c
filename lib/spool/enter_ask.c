/* What a submitter asks for, and whether he may. */
#include "base.h"

#include "addr.h"
#include "die.h"
#include "enter.h"
#include "login.h"
#include "rights.h"

#include <sys/socket.h>

#define EXTRA_MAX 100

void
enter_ask(struct enter *m, struct envelope *asked)
{
	struct envelope *e = &m->env;

	e->sender = asked->sender;
	e->ret = asked->ret;
	e->envid = asked->envid;
	e->requiretls = asked->requiretls;
	e->transport = asked->transport;
	e->hold_until = asked->hold_until;
	e->origin = asked->origin;
	e->account = asked->account;
	e->extra = asked->extra;
	e->nextra = asked->nextra;
	e->rcpt = asked->rcpt;
	e->nrcpt = asked->nrcpt;
	free(asked->message_id);
	free(asked->subject);
	*asked = (struct envelope){0};
}

static void
check_address(struct enter *m, const struct door *d, char **address, const char *role)
{
	const char *bad = addr_check(*address, strlen(*address), true);
	struct str full = {0};

	if (bad) {
		enter_refuse(m, ENTER_NEVER, "unable to take the %s %.200s: %s", role, *address, bad);
		return;
	}
	if (!addr_domain(*address)) {
		str_addf(&full, "%s@%s", *address, d->conf->mailname);
		free(*address);
		*address = str_take(&full);
	}
	if (!text_is_ascii(*address, strlen(*address)))
		m->env.flags |= FLAG_SMTPUTF8;
}

void
door_peer(struct door *d, int fd)
{
	socklen_t len = sizeof(struct ucred), size = sizeof(int);
	struct ucred peer;
	int domain;

	if (!d->trusted)
		die_perm("unable to take mail for another: only root and the spool's owner may");
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || domain != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || peer.uid == (uid_t)-1)
		die_perm("unable to tell who submits: descriptor %d is no connected Unix socket", fd);
	d->uid = peer.uid;
	d->trusted = !d->uid || d->uid == d->owner;
}

static void
check_options(struct enter *m, const struct door *d)
{
	struct envelope *e = &m->env;

	if (e->transport && !*e->transport) {
		free(e->transport);
		e->transport = NULL;
	}
	if (e->transport && !conf_transport(d->conf, e->transport))
		enter_refuse(m, ENTER_NEVER,
		    "unable to use the transport %.100s: the configuration has none of that name",
		    e->transport);
	if (e->envid && !envelope_xtext_valid(e->envid, 100))
		enter_refuse(m, ENTER_NEVER,
		    "unable to take the envelope id: expected at most 100 bytes of xtext (RFC 3461)");
	if (e->account && !d->trusted)
		enter_refuse(
		    m, ENTER_NEVER, "unable to set the account: only root and the spool's owner may");
	if (e->account && !envelope_account_valid(e->account))
		enter_refuse(m, ENTER_NEVER, "unable to set the account: this is no login name");
	if (e->nextra > EXTRA_MAX)
		enter_refuse(
		    m, ENTER_NEVER, "unable to take the message: more than %d extra values", EXTRA_MAX);
	for (size_t i = 0; i < e->nextra; i++)
		if (!*e->extra[i].key || strlen(e->extra[i].key) + strlen(e->extra[i].value) > 2000)
			enter_refuse(m, ENTER_NEVER,
			    "unable to take an extra value: empty key, or longer than 2000 bytes");
}

/* ---- S16: who may send as which domain ---- */

/* The databases of users may be slow. NULL: the toolkit itself. */
static const char *
submitter(const struct enter *m, const struct door *d)
{
	static struct {
		uint32_t uid;
		char *name;
	} known;

	if (m && m->env.account)
		return m->env.account;
	if (d->trusted)
		return NULL;
	if (!known.name || known.uid != d->uid) {
		free(known.name);
		known.name = login_name((uid_t)d->uid);
		known.uid = d->uid;
	}
	return known.name;
}

void
door_know_submitter(const struct door *d)
{
	if (d->kept)
		(void)submitter(NULL, d);
}

static void
refuse_domain(struct enter *m, const char *what, const char *address, const char *account)
{
	const char *domain = addr_domain(address);
	bool ascii = !domain || text_is_ascii(domain, strlen(domain));

	m->forbidden |= m->fate == ENTER_GOOD;
	enter_refuse(m, ENTER_NEVER, "unable to send %s %.200s: its domain is not open to %.100s%s", what,
	    address, account, ascii ? "" : ", or has to be written with xn--");
}

/* "" stands for anybody: the name of who submits is looked up only where the answer hangs on it. */
static void
check_sender(struct enter *m, const struct door *d)
{
	const char *sender = m->env.sender, *account;

	if (!d->kept || !sender || rights_allow(d->conf, "", sender))
		return;
	account = submitter(m, d);
	if (account && !rights_allow(d->conf, account, sender))
		refuse_domain(m, "as", sender, account);
}

void
enter_check_author(struct enter *m, const struct door *d, const char *header, size_t n)
{
	char *author = d->kept ? rights_forbidden_author(d->conf, "", header, n) : NULL;
	const char *account = author ? submitter(m, d) : NULL;

	free(author);
	author = account ? rights_forbidden_author(d->conf, account, header, n) : NULL;
	if (author)
		refuse_domain(m, "with From:", author, account);
	free(author);
}

void
enter_check(struct enter *m, const struct door *d)
{
	struct envelope *e = &m->env;

	if (m->fate != ENTER_GOOD)
		return;
	if (!e->sender)
		enter_refuse(m, ENTER_NEVER, "unable to take the message: no sender");
	else if (*e->sender)
		check_address(m, d, &e->sender, "sender");
	if (!e->nrcpt)
		enter_refuse(m, ENTER_NEVER, "unable to take the message: no recipient");
	if (e->nrcpt > d->conf->max_recipients)
		enter_refuse(m, ENTER_NEVER,
		    "unable to take the message: %zu recipients, at most %u are allowed", e->nrcpt,
		    d->conf->max_recipients);
	for (size_t i = 0; i < e->nrcpt && m->fate == ENTER_GOOD; i++)
		check_address(m, d, &e->rcpt[i].address, "recipient");
	check_options(m, d);
	if (m->fate == ENTER_GOOD)
		check_sender(m, d);
}
