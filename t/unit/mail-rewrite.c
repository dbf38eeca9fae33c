#include "base.h"

#include "rewrite.h"
#include "unit.h"

static struct conf_rewrite all[] = {
    {(char[]){"root"}, (char[]){"ops@example.org"}},
    {(char[]){"backup@nas.internal"}, (char[]){"backups@example.org"}},
    {(char[]){"@nas.internal"}, (char[]){"nas@example.org"}},
    {(char[]){"@.internal"}, (char[]){"@example.org"}},
};
static struct conf_rewrite of_web[] = {
    {(char[]){"shop@host.example"}, (char[]){"shop@example.org"}},
    {(char[]){"*"}, (char[]){"web@example.org"}},
};
static struct conf_account accounts[] = {
    {.name = (char[]){"web"}, .rewrite = of_web, .nrewrite = 2}, {.name = (char[]){"plain"}}};
static char *local[] = {(char[]){"old.example"}};
static const struct conf conf = {
    .hostname = (char[]){"mx.host.example"},
    .mailname = (char[]){"host.example"},
    .local_domains = {local, 1},
    .rewrite = all,
    .nrewrite = ARRAY_LEN(all),
    .account = accounts,
    .naccount = ARRAY_LEN(accounts),
};

static const struct {
	const char *what, *account, *address, *to; /* NULL: stays */
} addresses[] = {
    {"a bare name", "ann", "root", "ops@example.org"},
    {"at mailname", "ann", "root@host.example", "ops@example.org"},
    {"at hostname", "ann", "root@mx.host.example", "ops@example.org"},
    {"in local-domains", "ann", "root@old.example", "ops@example.org"},
    {"case does not matter", "ann", "Root@HOST.example", "ops@example.org"},
    {"the same name elsewhere", "ann", "root@far.example", NULL},
    {"another bare name", "ann", "bob", NULL},
    {"a quoted local part is no bare name", "ann", "\"ro ot\"", NULL},
    {"an address, before its domain", "ann", "backup@nas.internal", "backups@example.org"},
    {"all of a domain", "ann", "disk@nas.internal", "nas@example.org"},
    {"below a domain, the name stays", "ann", "joe@web.internal", "joe@example.org"},
    {"the domain itself", "ann", "joe@internal", "joe@example.org"},
    {"another that ends alike", "ann", "joe@notinternal", NULL},
    {"a quoted name stays quoted", "ann", "\"a b\"@web.internal", "\"a b\"@example.org"},
    {"the account's rules come first", "web", "root", "web@example.org"},
    {"in their order", "web", "shop", "shop@example.org"},
    {"an account without rules has those of all", "plain", "root", "ops@example.org"},
    {"the null sender", "web", "", NULL},
    {"what is no address", "web", "a b@x", NULL},
    {"none is applied to what another made", "ann", "x@example.org", NULL},
};

static const struct {
	const char *what, *account, *header, *out;
} headers[] = {
    {"S40 cron", "ann", "From: root (Cron Daemon)\nTo: root\n\n",
	"From: ops@example.org (Cron Daemon)\nTo: root\n\n"},
    {"a display name", "ann", "From: \"Cron, Daemon\" <root@host.example>\n\n",
	"From: \"Cron, Daemon\" <ops@example.org>\n\n"},
    {"Sender and Reply-To, folded", "ann",
	"Sender: a@internal\r\nReply-To: x@far.example,\r\n\troot\r\nSubject: root\r\n\r\n",
	"Sender: a@example.org\r\nReply-To: x@far.example,\r\n\tops@example.org\r\nSubject: root\r\n\r\n"},
    {"Resent-", "ann", "Resent-From: <root>\nTo: <root>\n", "Resent-From: <ops@example.org>\nTo: <root>\n"},
    {"several", "ann", "From: root, Joe <joe@a.internal>, x@y\n",
	"From: ops@example.org, Joe <joe@example.org>, x@y\n"},
    {"comments inside go", "ann", "From: root (a) @ (b) host.example (c)\n", "From: ops@example.org (c)\n"},
    {"a source route goes with <>", "ann", "From: <@r.example:root@host.example>\n",
	"From: <@r.example:ops@example.org>\n"},
    {"an empty <>", "web", "From: <>\n", "From: <>\n"},
    {"what cannot be read stays", "ann", "From: root, John Doe\n\n", "From: ops@example.org, John Doe\n\n"},
    {"what is signed stays", "ann", "DKIM-Signature: v=1\nFrom: root\n\n",
	"DKIM-Signature: v=1\nFrom: root\n\n"},
    {"no field", "ann", "", ""},
    {"no line end", "ann", "From: root", "From: ops@example.org"},
};

int
main(void)
{
	struct rewrite w = {.conf = &conf};
	struct str out = {0};

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		w.account = addresses[i].account;
		str_reset(&out);
		if (!rewrite_address(&w, addresses[i].address, &out))
			STR_EQ(str_cstr(&out), "", addresses[i].what);
		STR_EQ(out.len ? out.s : "(stays)", addresses[i].to ? addresses[i].to : "(stays)",
		    addresses[i].what);
	}
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		w.account = headers[i].account;
		str_reset(&out);
		str_adds(&out, headers[i].header);
		rewrite_header(&w, &out);
		STR_EQ(str_cstr(&out), headers[i].out, headers[i].what);
	}
	OK(rewrite_needs_account(&conf), "the account matters");
	OK(!rewrite_needs_account(
	       &(struct conf){.rewrite = all, .nrewrite = 1, .account = accounts + 1, .naccount = 1}),
	    "where no rule asks for it, it does not");
	str_free(&out);
	DONE();
}
