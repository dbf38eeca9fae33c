#include "base.h"

#include "aliases.h"
#include "unit.h"

static char host[] = "host.example", *local_domains[] = {host, NULL}, master[] = "ann@far.example",
	    local_master[] = "root@host.example";

static void
gather(void *arg, const struct alias_target *t)
{
	str_addf(arg, "%s%s|", t->local ? "" : ">", t->path);
}

struct row {
	const char *what, *file, *names, *got;
};

/* got: recipients (> : not of this machine), then ! and each remark's end. mailname: host.example, local. */
static const struct row rows[] = {
    {"no alias", "", "bob", "bob@host.example|"},
    {"one target", "bob: a@x.example\n", "bob", ">a@x.example|"},
    {"several, no line end", "bob: a@x.example,b@y.example , carol", "bob",
	">a@x.example|>b@y.example|carol@host.example|"},
    {"blanks around the colon", "bob \t:\ta@x.example \r\n", "bob", ">a@x.example|"},
    {"names without case", "BOB: a@x.example\n", "bOb", ">a@x.example|"},
    {"targets without case", "bob: CAROL\ncarol: a@x.example", "bob", ">a@x.example|"},
    {"comments and empty lines", "# c\n\n  # c\nbob: a@x.example,\n# c\n\n \n\tb@x.example\n#", "bob",
	">a@x.example|>b@x.example|"},
    {"aliases of aliases", "a: b\nb: c\nc: d@x.example", "a", ">d@x.example|"},
    {"quoted name", "\"joe user\": a@x.example", "\"joe user\"", ">a@x.example|"},
    {"quoted name with a colon", "\"a:b\" : a@x.example", "\"A:b\"", ">a@x.example|"},
    {"quotes that need not be", "\"bob\": a@x.example", "bob", ">a@x.example|"},
    {"quoted target", "bob: \"joe user\", \"a, b\"@x.example", "bob",
	"\"joe user\"@host.example|>\"a, b\"@x.example|"},
    {"display names and comments", "bob: Ann <a@x.example>, (me, too) b@x.example (work)", "bob",
	">a@x.example|>b@x.example|"},
    {"a name in its own line", "root: root, a@x.example", "root", "root@host.example|>a@x.example|"},
    {"\\name", "root: \\root, \\bob\nbob: c", "root", "root@host.example|bob@host.example|"},
    {"\\name with a domain", "root: \\root@host.example", "root", "root@host.example|"},
    {"local-domains are looked up", "root: bob@HOST.example\nbob: a@x.example", "root", ">a@x.example|"},
    {"each line once", "a: c, d\nb: d, c\nc: x@x.example\nd: y@x.example", "a b",
	">x@x.example|>y@x.example|"},
    {"two names share one line", "a: x@x.example", "a a", ">x@x.example|"},
    {"a loop", "a: b\nb: a", "a", "a@host.example|!:1: unable to use a: the alias leads back to itself"},
    {"a loop with a way out", "a: b\nb: a, c@x.example", "a",
	">c@x.example|!:1: unable to use a: the alias leads back to itself"},
    {"a loop, twice", "a: b, b\nb: a", "a b",
	"a@host.example|b@host.example|!:1: unable to use a: the alias leads back to itself"},
    {"nothing is left of what another name leads to", "a: |x\nb: a", "a b",
	"a@host.example|b@host.example|!:1: unable to use |x: mail is not given to commands"},
    {"a loop is left by \\", "a: b\nb: \\a", "a", "a@host.example|"},
    {"commands", "a: |prog, b@x.example", "a",
	">b@x.example|!:1: unable to use |prog: mail is not given to commands"},
    {"quoted commands, comma in it", "a: \"|prog -x a,b\", \"/var/x\"", "a",
	"a@host.example|!:1: unable to use |prog -x a,b: mail is not given to commands!:1: unable to use "
	"/var/x: mail is not written to files"},
    {"a file alone: the name stays", "\n\nnobody: /dev/null", "nobody",
	"nobody@host.example|!:3: unable to use /dev/null: mail is not written to files"},
    {"other specials", "a: :fail: no, b@x.example", "a",
	">b@x.example|!:1: unable to use :fail: no: expected an address, a name or :include:/file"},
    {"include without /", "a: :include:list, b@x.example", "a",
	">b@x.example|!:1: unable to use list: expected :include: and a path that begins with /"},
    {"include of what is not there", "a: :include:/nowhere/list, b@x.example", "a",
	">b@x.example|!:1: unable to use /nowhere/list: No such file or directory"},
    {"include of a device", "a: :include:/dev/null", "a",
	"a@host.example|!:1: unable to use /dev/null: it is no file"},
    {"a target that is no address", "a: b@, c d, <x@x.example", "a",
	"a@host.example|!:1: unable to use b@: no domain behind @!:1: unable to use c d: several words where "
	"an address should be!:1: unable to use <x@x.example: a < is not closed"},
    {"an empty line of targets", "a:\n", "a", "a@host.example|"},
    {"*", "a: b@x.example\n*: c@x.example", "bob a carol", ">c@x.example|>b@x.example|"},
    {"* and names of no line", "*: bob", "ann", "bob@host.example|"},
    {"mailer-daemon is postmaster", "postmaster: a@x.example", "MAILER-DAEMON", ">a@x.example|"},
    {"postmaster is root", "root: a@x.example", "Postmaster mailer-daemon", ">a@x.example|"},
    {"but not without need", "bob: a@x.example", "postmaster", "postmaster@host.example|"},
    {"postmaster: root, root: postmaster", "postmaster: root\nroot: postmaster", "root",
	"root@host.example|!:2: unable to use root: the alias leads back to itself"},
    {"root is postmaster, who has no line", "root: postmaster", "root", "postmaster@host.example|"},
    {"conf's postmaster", "~root: a@x.example", "postmaster root", ">ann@far.example|>a@x.example|"},
    {"conf's postmaster and *", "~*: a@x.example", "mailer-daemon", ">ann@far.example|"},
    {"conf's postmaster is second to a line", "~postmaster: a@x.example", "postmaster", ">a@x.example|"},
    {"conf's postmaster is local", "^root: a@x.example", "postmaster", ">a@x.example|"},
    {"and leads back", "^root: postmaster, a@x.example", "root", "root@host.example|>a@x.example|"},
    {"UTF-8", "j\xc3\xbcrg: a@x.example", "j\xc3\xbcrg", ">a@x.example|"},
};

static void
try(const struct row *r)
{
	struct str got = {0}, faults = {0};
	struct conf c = {.mailname = host, .local_domains = {local_domains, 1}};
	const char *text = r->file, *names = r->names;
	struct alias_walk w = {.conf = &c, .each = gather, .arg = &got};

	if (*text == '~' || *text == '^')
		c.postmaster = *text++ == '~' ? master : local_master;
	w.aliases = aliases_parse("", text, strlen(text), &faults);
	while (*names) {
		size_t n = *names == '"' ? strlen(names) : strcspn(names, " ");
		struct str path = {0};

		str_add(&path, names, n);
		str_adds(&path, "@host.example");
		aliases_expand(&w, path.s);
		str_free(&path);
		names += n + strspn(names + n, " ");
	}
	for (const char *p = str_cstr(&w.remarks); *p; p = strchr(p, '\n') + 1)
		str_addf(&got, "!%.*s", (int)strcspn(p, "\n"), p);
	STR_EQ(str_cstr(&got), r->got, r->what);
	alias_walk_free(&w);
	aliases_free(w.aliases);
	str_free(&got);
	str_free(&faults);
}

/* ---- mailing lists, and what is not looked up again ---- */

static void
gather_all(void *arg, const struct alias_target *t)
{
	str_addf(arg, "%s%s%s%s%s|", t->local ? "" : ">", t->path, t->exact ? "!" : "", t->owner ? " " : "",
	    t->owner ? t->owner : "");
}

/* got: ! behind who is not to be looked up again, then the list's owner. */
static const struct {
	const char *what, *file, *name, *got;
	bool keep;
} lists[] = {
    {"who has no alias may be looked up", "", "bob", "bob@host.example|", false},
    {"a name in its own line is exact", "root: root, a@x.example", "root", "root@host.example!|>a@x.example|",
	false},
    {"so is \\name", "root: \\bob\nbob: c", "root", "bob@host.example!|", false},
    {"and a name without an alias of its own", "a: b\nb: c", "a", "c@host.example!|", false},
    {"an alias of which nothing is left stays open", "a: |x", "a", "a@host.example|", false},
    {"a detail is no part of the name", "bob: a@x.example", "Bob+Lists@host.example", ">a@x.example|", false},
    {"unless it has a line", "bob: a@x.example\nbob+l: b@x.example", "bob+l", ">b@x.example|", false},
    {"a detail of a name in its own line", "bob: bob, a@x.example", "bob+l",
	"bob+l@host.example!|>a@x.example|", false},
    {"a detail of a name that * stands for", "*: a@x.example", "bob+l", ">a@x.example|", false},
    {"mailer-daemon with a detail", "postmaster: a@x.example", "mailer-daemon+l", ">a@x.example|", false},
    {"nothing before the plus", "*: a@x.example\n\"\": b@x.example", "+l", ">a@x.example|", false},
    {"a list", "l: a@x.example, bob\nowner-l: ann", "l", ">a@x.example owner-l|bob@host.example! owner-l|",
	false},
    {"its owner is none", "l: a@x.example\nowner-l: ann\nowner-owner-l: c", "owner-l", "ann@host.example!|",
	false},
    {"a list in a list", "l: m, a@x.example\nm: b@x.example\nOWNER-L: x\nowner-m: y", "l",
	">b@x.example owner-m|>a@x.example owner-l|", false},
    {"an alias in a list", "l: m\nm: b@x.example\nowner-l: x", "l", ">b@x.example owner-l|", false},
    {"kept for later", "l: a@x.example\nowner-l: ann", "l", ">l@host.example|", true},
    {"kept where it is found", "a: l, b@x.example\nl: a@x.example\nowner-l: ann", "a",
	">l@host.example|>b@x.example|", true},
};

static void
try_list(size_t i)
{
	struct str got = {0}, path = {0};
	struct conf c = {.mailname = host, .local_domains = {local_domains, 1}};
	struct alias_walk w = {.conf = &c, .keep_lists = lists[i].keep, .each = gather_all, .arg = &got};

	w.aliases = aliases_parse("", lists[i].file, strlen(lists[i].file), &w.remarks);
	str_addf(&path, strchr(lists[i].name, '@') ? "%s" : "%s@host.example", lists[i].name);
	aliases_expand(&w, path.s);
	STR_EQ(str_cstr(&got), lists[i].got, lists[i].what);
	alias_walk_free(&w);
	aliases_free(w.aliases);
	str_free(&got);
	str_free(&path);
}

static void
strict(void)
{
	static const char file[] = "a: :include:/nowhere/list, b@x.example";
	struct str got = {0};
	struct conf c = {.mailname = host};
	struct alias_walk w = {.conf = &c, .strict = true, .each = gather, .arg = &got};

	w.aliases = aliases_parse("", file, strlen(file), &w.remarks);
	aliases_expand(&w, "a@host.example");
	STR_EQ(str_cstr(&w.why), "unable to read the aliases in /nowhere/list: No such file or directory",
	    "strict: without an included file nobody knows whom it names");
	alias_walk_free(&w);
	aliases_free(w.aliases);
	str_free(&got);
}

/* ---- what the check tells ---- */

static const struct {
	const char *what, *file;
	int n;
	const char *faults;
} bad[] = {
    {"good", "a: b\nb: c@x.example\n", 2, ""},
    {"no colon", "a: b\nbob\nc: d\n", 2, "f:2: expected : behind the name\n"},
    {"no name", ": b\n", 0, "f:1: expected a name\n"},
    {"a name with a domain", "a@x.example: b", 0, "f:1: only names without a domain have aliases\n"},
    {"an open quote", "\"a: b", 0, "f:1: a quoted name is not closed\n"},
    {"two words", "a b: c", 0, "f:1: expected : behind the name\n"},
    {"twice", "a: b\nb: c\nA: d", 2,
	"f:3: unable to use a: the name has a line before this one, which counts\n"},
    {"a line that continues nothing", " a: b\n", 0, "f:1: the line continues none: it begins with a blank\n"},
    {"loops, once", "a: b\nb: c\nc: a", 3, "f:1: unable to use a: the alias leads back to itself\n"},
    {"line of what is continued", "x: y\na: b,\n  |c\n", 2,
	"f:2: unable to use |c: mail is not given to commands\n"},
};

static void
check(size_t i)
{
	struct str got = {0}, faults = {0};
	struct conf c = {.mailname = host};
	struct alias_walk w = {.conf = &c, .each = gather, .arg = &got};

	w.aliases = aliases_parse("f", bad[i].file, strlen(bad[i].file), &faults);
	aliases_check(&w);
	str_add(&faults, str_cstr(&w.remarks), w.remarks.len);
	INT_EQ(aliases_count(w.aliases), bad[i].n, bad[i].what);
	STR_EQ(str_cstr(&faults), bad[i].faults, bad[i].what);
	alias_walk_free(&w);
	aliases_free(w.aliases);
	str_free(&got);
	str_free(&faults);
}

/* ---- hostile ones ---- */

static size_t
count(const char *s, char c)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

static void
hostile(void)
{
	struct str text = {0}, got = {0}, faults = {0};
	struct conf c = {.mailname = host};
	struct alias_walk w = {.conf = &c, .each = gather, .arg = &got};

	/* Each names the next ten times over: 10^1000 without a memory of what was seen. */
	for (int i = 0; i < 1000; i++) {
		str_addf(&text, "a%d: x%d@x.example", i, i);
		for (int k = 0; k < 10; k++)
			str_addf(&text, ", a%d", i + 1);
		str_addc(&text, '\n');
	}
	w.aliases = aliases_parse("f", text.s, text.len, &faults);
	aliases_expand(&w, "a0@host.example");
	INT_EQ(count(str_cstr(&got), '|'), ALIASES_DEPTH_MAX, "depth and work are bounded");
	INT_EQ(count(str_cstr(&w.remarks), '\n'), 10, "and that is remarked on");
	alias_walk_free(&w);
	aliases_free(w.aliases);
	str_free(&got);

	str_reset(&text);
	str_add(&text, "a: b\0c\nq: \"\\", 12);
	w = (struct alias_walk){.conf = &c, .each = gather, .arg = &got};
	w.aliases = aliases_parse("f", text.s, text.len, &faults);
	STR_EQ(str_cstr(&faults), "f:1: NUL byte in the line\n", "NUL");
	aliases_expand(&w, "q@host.example");
	STR_EQ(str_cstr(&got), "q@host.example|", "a backslash at the end");
	alias_walk_free(&w);
	aliases_free(w.aliases);
	str_free(&got);
	str_free(&text);
	str_free(&faults);
}

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		try(&rows[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check(i);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		try_list(i);
	strict();
	hostile();
	DONE();
}
