#include "base.h"

#include "handed.h"
#include "reinject.h"
#include "resolve.h"
#include "unit.h"

#include <errno.h>
#include <unistd.h>

static char host[] = "host.example", here[] = "here.example", *local_domains[] = {here, NULL},
	    aliases_file[] = "/tmp/moxq-unit-aliases.XXXXXX";

/* Users: ann and bob have Maildirs, new has none yet, down cannot be looked up. */
static enum mailbox_is
look(struct mailbox *m, const struct conf *c, const char *user)
{
	(void)c;
	*m = (struct mailbox){0};
	if (!strcmp(user, "down")) {
		errno = ENOTCONN;
		return MAILBOX_UNKNOWN;
	}
	if (strcmp(user, "ann") && strcmp(user, "bob") && strcmp(user, "new") && strcmp(user, "joe user"))
		return MAILBOX_NOBODY;
	m->user = mem_dup(user);
	return strcmp(user, "new") ? MAILBOX_THERE : MAILBOX_MISSING;
}

/* got: who it is sent on to (! not looked up again, behind a list its owner), [whose Maildir], 5.1.1, or later. */
static const struct row {
	const char *what, *file, *destination, *name, *got;
	bool exact;
} rows[] = {
    {"a mailbox", "", NULL, "ann", "[ann]", false},
    {"capitals, a detail", "", NULL, "Ann+lists", "[ann]", false},
    {"a quoted name", "", NULL, "\"joe user\"", "[joe user]", false},
    {"nobody", "", NULL, "nobody", "5.1.1", false},
    {"only a detail", "", NULL, "+ann", "5.1.1", false},
    {"no Maildir yet", "", NULL, "new", "[new]", false},
    {"the user database is in trouble", "", NULL, "down", "later", false},
    {"an address", "root: a@x.example", NULL, "root", "a@x.example", false},
    {"one mailbox: there at once", "root: ann", NULL, "root", "[ann]", false},
    {"by way of others", "postmaster: root\nroot: ops\nops: ann", NULL, "Postmaster", "[ann]", false},
    {"one mailbox that is nobody's", "root: nobody", NULL, "root", "5.1.1", false},
    {"one name that cannot be looked up", "root: down", NULL, "root", "later", false},
    {"several", "root: ann, a@x.example, bob", NULL, "root",
	"a@x.example ann@here.example! bob@here.example!", false},
    {"himself and another", "ann: a@x.example, ann", NULL, "ann", "a@x.example [ann]", false},
    {"\\name", "ann: a@x.example, \\ann", NULL, "ann+l", "a@x.example [ann]", false},
    {"himself by his address", "ann: a@x.example, ann@here.example", NULL, "ann", "a@x.example [ann]", false},
    {"himself alone", "ann: ann", NULL, "ann", "[ann]", false},
    {"a loop: the name stays", "ann: bob\nbob: ann", NULL, "ann", "[ann]", false},
    {"a loop of nobody", "a: b\nb: a", NULL, "a", "5.1.1", false},
    {"himself, who is nobody, and others", "root: root, a@x.example", NULL, "root", "a@x.example 5.1.1",
	false},
    {"exact: no aliases", "ann: a@x.example", NULL, "ann", "[ann]", true},
    {"twice the same", "root: a@x.example, b\nb: a@x.example", NULL, "root", "a@x.example", false},
    {"*", "*: ann", NULL, "whoever", "[ann]", false},
    {"an included file that is not there", "root: ann, :include:/nowhere/x", NULL, "root", "later", false},
    {"a list", "l: a@x.example, bob\nowner-l: ann", NULL, "l",
	"a@x.example<owner-l@here.example bob@here.example!<owner-l@here.example", false},
    {"a list of one", "l: bob\nowner-l: ann", NULL, "l", "bob@here.example!<owner-l@here.example", false},
    {"lists apart", "a: l, m, c@x.example\nl: b@x.example\nm: a@x.example\nowner-l: ann\nowner-m: ann", NULL,
	"a", "c@x.example b@x.example<owner-l@here.example a@x.example<owner-m@here.example", false},

    {"default-destination", "", "a@x.example", "nobody", "a@x.example", false},
    {"not for a mailbox", "", "a@x.example", "ann", "[ann]", false},
    {"but for who has no Maildir", "", "a@x.example", "new", "a@x.example", false},
    {"not for who cannot be looked up", "", "a@x.example", "down", "later", false},
    {"for an exact one", "nobody: bob", "a@x.example", "nobody", "a@x.example", true},
    {"here", "", "ann@here.example", "nobody", "[ann]", false},
    {"is itself looked up", "root: ann", "root@here.example", "nobody", "[ann]", false},
    {"is several", "root: ann, a@x.example", "root@here.example", "nobody", "a@x.example ann@here.example!",
	false},
    {"makes his own Maildir", "", "new@here.example", "new", "[new]", false},
    {"makes it for others' mail", "", "new@here.example", "nobody", "[new]", false},
    {"makes it for who is behind it", "root: new", "root@here.example", "new", "[new]", false},
    {"is nobody", "", "none@here.example", "nobody", "5.1.1", false},
    {"is nobody himself", "", "none@here.example", "none", "5.1.1", false},
    {"leads back", "root: nobody", "root@here.example", "nobody", "5.1.1", false},
    {"leads back by what was gone through", "root: nobody", "root@here.example", "root", "5.1.1", false},
    {"leads back, and to another", "root: nobody, a@x.example", "root@here.example", "nobody", "a@x.example",
	false},
    {"cannot be looked up", "root: down", "root@here.example", "nobody", "later", false},
    {"for one part of an alias", "root: root, b@x.example", "a@x.example", "root", "a@x.example b@x.example",
	false},
    {"who is there already", "root: root, a@x.example", "a@x.example", "root", "a@x.example", false},
};

static void
write_aliases(const char *text)
{
	FILE *f = fopen(aliases_file, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static void
try(const struct row *r)
{
	struct str got = {0}, path = {0};
	char destination[64];
	struct conf c = {.mailname = host, .local_domains = {local_domains, 1}, .aliases = aliases_file};
	struct resolved x = {.look = look};

	if (r->destination) {
		snprintf(destination, sizeof destination, "%s", r->destination);
		c.default_destination = destination;
	}
	write_aliases(r->file);
	str_addf(&path, "%s@here.example", r->name);
	resolve(&x, &c, path.s, r->exact);
	for (size_t i = 0; i < x.n; i++)
		str_addf(&got, " %s%s%s%s", x.to[i].path, x.to[i].exact ? "!" : "", x.to[i].owner ? "<" : "",
		    x.to[i].owner ? x.to[i].owner : "");
	if (x.box.user)
		str_addf(&got, " [%s]", x.box.user);
	if (x.nobody)
		str_adds(&got, " 5.1.1");
	if (x.why.len) {
		str_reset(&got);
		str_adds(&got, " later");
	}
	STR_EQ(str_cstr(&got) + (got.len > 0), r->got, r->what);
	resolved_free(&x);
	str_free(&got);
	str_free(&path);
}

/* ---- the file ---- */

static void
try_file(const char *what, const char *file, const char *want)
{
	char name[64];
	struct conf c = {.mailname = host, .local_domains = {local_domains, 1}, .aliases = name};
	struct resolved x = {.look = look};

	snprintf(name, sizeof name, "%s", file);
	resolve(&x, &c, "ann@here.example", false);
	STR_EQ(x.why.len ? x.why.s : x.box.user ? x.box.user : "", want, what);
	resolved_free(&x);
}

/* ---- the envelope ---- */

#define ENVELOPE                                                                                             \
	"sender s@x.example\nsize 5\norigin local\naccount ann\nret hdrs\nenvid e+2B\nrequiretls "           \
	"yes\nextra k v\\x20w\n"

static const struct {
	const char *what, *rcpt, *got;
	size_t n;
	bool many, list, nobody;
} envelopes[] = {
    {"one for another: all goes along",
	"rcpt r@here.example notify=success,failure orcpt=rfc822;o@x.example\n",
	"sender s@x.example\norigin local\naccount ann\nret hdrs\nenvid e+2B\nrequiretls yes\nextra k "
	"v\\x20w\n"
	"rcpt a@x.example notify=success,failure orcpt=rfc822;o@x.example\nend\n",
	1, false, false, false},
    {"who was asked for is remembered", "rcpt r+1@here.example exact=yes\n",
	"sender s@x.example\norigin local\naccount ann\nret hdrs\nenvid e+2B\nrequiretls yes\nextra k "
	"v\\x20w\n"
	"rcpt a@x.example orcpt=rfc822;r+2B1@here.example\nend\n",
	1, false, false, false},
    {"for several success is told here", "rcpt r@here.example notify=failure,SUCCESS,delay orcpt=rfc822;o\n",
	"sender s@x.example\norigin local\naccount ann\nret hdrs\nenvid e+2B\nrequiretls yes\nextra k "
	"v\\x20w\n"
	"rcpt a@x.example notify=failure,delay orcpt=rfc822;o\n"
	"rcpt b@here.example notify=failure,delay orcpt=rfc822;o exact=yes\nend\n",
	2, true, false, false},
    {"and nothing else is told", "rcpt r@here.example notify=success\n",
	"sender s@x.example\norigin local\naccount ann\nret hdrs\nenvid e+2B\nrequiretls yes\nextra k "
	"v\\x20w\n"
	"rcpt a@x.example notify=never orcpt=rfc822;r@here.example\nend\n",
	1, true, false, false},
    {"never stays never", "rcpt r@here.example notify=never\n",
	"sender s@x.example\norigin local\naccount ann\nret hdrs\nenvid e+2B\nrequiretls yes\nextra k "
	"v\\x20w\n"
	"rcpt a@x.example notify=never orcpt=rfc822;r@here.example\nend\n",
	1, true, false, false},
    {"a list: its owner, and nothing that was asked for",
	"rcpt r@here.example notify=success orcpt=rfc822;o\n",
	"sender owner-r@here.example\norigin local\naccount ann\nrequiretls yes\nextra k v\\x20w\n"
	"rcpt a@x.example\nend\n",
	1, true, true, false},
    {"but nobody stays nobody", "rcpt r@here.example notify=failure\nsender \n",
	"sender \norigin local\naccount ann\nret hdrs\nenvid e+2B\nrequiretls yes\nextra k v\\x20w\n"
	"rcpt a@x.example notify=failure orcpt=rfc822;r@here.example\nend\n",
	1, true, true, true},
};

static void
try_envelope(size_t i)
{
	char a[] = "a@x.example", b[] = "b@here.example", owner[] = "owner-r@here.example";
	struct onward to[] = {{a, envelopes[i].list ? owner : NULL, false}, {b, NULL, true}};
	struct str rec = {0}, got = {0};
	struct handed h;
	struct reinjection x = {.as = &h, .to = to, .n = envelopes[i].n, .many = envelopes[i].many};

	str_addf(&rec, "%s%send\n", ENVELOPE, envelopes[i].rcpt);
	STR_EQ(handed_parse(&h, rec.s, rec.len), NULL, "the record is read");
	INT_EQ(h.size, 5, "with its size");
	reinject_envelope(&got, &x);
	STR_EQ(str_cstr(&got), envelopes[i].got, envelopes[i].what);
	handed_free(&h);
	str_free(&rec);
	str_free(&got);
}

static const char *const malformed[] = {
    "size 5\nrcpt a@b\nend\n",
    "sender \nrcpt a@b\nend\n",
    "sender \nsize 5\nend\n",
    "sender \nsize 5\nrcpt a@b\nrcpt c@d\nend\n",
    "sender \nsize 5\nrcpt a\nend\n",
    "sender \nsize 5\nrcpt \nend\n",
    "sender \nsize -5\nrcpt a@b\nend\n",
    "sender a\\x0ab@c\nsize 5\nrcpt a@b\nend\n",
    "sender \nsize 5\nrcpt a\\x0a@b\nend\n",
    "sender \nsize 5\nrcpt a@b \\x\nend\n",
    "sender \nsize 5\nextra k\nrcpt a@b\nend\n",
    "sender \nsize 5\nenvid \\x0\nrcpt a@b\nend\n",
    "sender \nsize 5\nrcpt a@b\n",
    "sender \nsize 5\nrcpt a@b\nnonsense\n",
};

int
main(void)
{
	int fd = mkstemp(aliases_file);

	if (fd < 0)
		abort();
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		try(&rows[i]);
	unlink(aliases_file);
	try_file("a file that was named and is not there", "/nowhere/aliases",
	    "unable to read the aliases in /nowhere/aliases: No such file or directory");
	try_file("a pipe is no file", "/dev/null", "unable to read the aliases in /dev/null: it is no file");
	try_file("none", "none", "ann");
	for (size_t i = 0; i < ARRAY_LEN(envelopes); i++)
		try_envelope(i);
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
		char *text = mem_dup(malformed[i]), what[32];
		struct handed h;

		snprintf(what, sizeof what, "malformed %zu", i);
		OK(handed_parse(&h, text, strlen(text)) != NULL, what);
		handed_free(&h);
		free(text);
	}
	DONE();
}
