#include "base.h"

#include "draft.h"
#include "phrase.h"
#include "unit.h"

static const char *
mailname(void)
{
	return "host.example";
}

static void
gather(void *arg, const char *address)
{
	str_addf(arg, "%s|", address);
}

struct row {
	const char *what, *text, *missing, *rcpts, *header, *body;
};

static const struct row rows[] = {
    {"S33 nothing is missing", "From: a@x\nDate: d\nMessage-ID: <m>\nTo: b@y\n\nhello\n", "", "b@y|",
	"From: a@x\nDate: d\nMessage-ID: <m>\nTo: b@y\n\n", "hello\n"},
    {"S33 all is missing", "To: b@y\n\nhello\n", "FDM", "b@y|", "To: b@y\n\n", "hello\n"},
    {"S33 names without case, CRLF", "FROM: a@x\r\ndate: d\r\nmessage-id: <m>\r\n\r\nx\r\n", "", "",
	"FROM: a@x\r\ndate: d\r\nmessage-id: <m>\r\n\n", "x\r\n"},
    {"S34 no header at all", "hello world\nmore\n", "FDM", "", "\n", "hello world\nmore\n"},
    {"S34 header without blank line", "To: b@y\nhello world\n", "FDM", "b@y|", "To: b@y\n\n",
	"hello world\n"},
    {"S34 mbox line", "From me Mon Jan 1\nFrom: a@x\n\nFrom here\n", "DM", "", "From: a@x\n\n",
	"From here\n"},
    {"S34 only a mbox line", "From me", "FDM", "", "\n", ""},
    {"T107 leading blank line", "\nTo: b@y\n", "FDM", "", "\n", "To: b@y\n"},
    {"T107 header only, no line end", "To: b@y", "FDM", "b@y|", "To: b@y\n\n", ""},
    {"T107 empty", "", "FDM", "", "\n", ""},
    {"S11 Bcc counts and goes", "To: a@x\nBcc: b@y,\n c@z\nCc: d@w\nBCC:\n\n", "FDM", "a@x|b@y|c@z|d@w|",
	"To: a@x\nCc: d@w\n\n", ""},
    {"S11 groups and comments", "To: G: a@x, B <b@y>;\n (c@z) , \"d, e@f\" <g@h>\n\n", "FDM", "a@x|b@y|g@h|",
	"To: G: a@x, B <b@y>;\n (c@z) , \"d, e@f\" <g@h>\n\n", ""},
    {"Return-Path goes", "Return-Path: <x@y>\nTo: a@x\n\n", "FDM", "a@x|", "To: a@x\n\n", ""},
    {"S40 bare names are qualified", "From: root (Cron Daemon)\nTo: admin, B <bob>, c@z\nX-To: root\n\n",
	"DM", "admin|bob|c@z|",
	"From: root@host.example (Cron Daemon)\nTo: admin@host.example, B <bob@host.example>, c@z\nX-To: "
	"root\n\n",
	""},
    {"what cannot be read stays", "From: John Doe\n\n", "DM", "", "From: John Doe\n\n", ""},
    {"bad recipients are told", "To: a@x, \"b\n\n", "FDM", "a@x|!To: a quoted string is not closed",
	"To: a@x, \"b\n\n", ""},
    {"S13 resent",
	"Resent-From: r@x\nResent-To: n@y\nResent-Bcc: h@y\nFrom: a@x\nTo: old@z\nBcc: old2@z\n\nb", "DM",
	"n@y|h@y|", "Resent-From: r@x\nResent-To: n@y\nFrom: a@x\nTo: old@z\n\n", "b"},
    {"S13 resent twice: the newest block",
	"Resent-To: new@x\nResent-To: old@x\nResent-Cc: old2@x\nTo: o@z\n\n", "FDM", "new@x|",
	"Resent-To: new@x\nResent-To: old@x\nResent-Cc: old2@x\nTo: o@z\n\n", ""},
    {"S13 an old block further down", "Resent-To: new@x\nReceived: r\nResent-Cc: old@x\n\n", "FDM", "new@x|",
	"Resent-To: new@x\nReceived: r\nResent-Cc: old@x\n\n", ""},
};

static void
drafts(void)
{
	for (const struct row *t = rows; t < rows + ARRAY_LEN(rows); t++) {
		char *copy = mem_dupn(t->text, strlen(t->text));
		struct str out = {0}, added = {0}, rcpts = {0}, why = {0};
		struct draft d;
		char missing[4], *m = missing;

		draft_scan(&d, copy, strlen(t->text));
		if (!d.from)
			*m++ = 'F';
		if (!d.date)
			*m++ = 'D';
		if (!d.message_id)
			*m++ = 'M';
		*m = 0;
		STR_EQ(missing, t->missing, t->what);
		if (!draft_recipients(&d, gather, &rcpts, &why))
			str_addf(&rcpts, "!%s", why.s);
		STR_EQ(str_cstr(&rcpts), t->rcpts, t->what);
		draft_write(&d, &added, mailname, &out);
		STR_EQ(out.s, t->header, t->what);
		INT_EQ(d.end - d.body, strlen(t->body), t->what);
		OK(!memcmp(d.body, t->body, strlen(t->body)), t->what);
		str_free(&out);
		str_free(&rcpts);
		str_free(&why);
		free(copy);
	}
}

static void
additions(void)
{
	static const char text[] = "Subject: x\n\n", again[] = "Resent-To: a@x\n\n";
	struct str added = {0}, out = {0};
	struct draft d;

	draft_scan(&d, text, strlen(text));
	draft_add_from(&d, &added, "R\xc3\xb6t", "a@x");
	draft_add_from(&d, &added, NULL, "a@x");
	setenv("TZ", "UTC0", 1);
	draft_add_date(&d, &added, INT64_C(1795228273000000));
	draft_write(&d, &added, mailname, &out);
	STR_EQ(out.s,
	    "From: =?utf-8?Q?R=C3=B6t?= <a@x>\nFrom: a@x\nDate: Sat, 21 Nov 2026 02:31:13 +0000\nSubject: "
	    "x\n\n",
	    "additions come first");
	str_reset(&added);
	str_reset(&out);
	draft_add_message_id(&d, &added, 123, "h.example");
	OK(!strncmp(added.s, "Message-ID: <123.", 17) && strstr(added.s, "@h.example>\n"), "a Message-ID");
	draft_write_plain(&d, &out);
	STR_EQ(out.s, text, "S25 as it was");
	draft_scan(&d, again, strlen(again));
	str_reset(&added);
	draft_add_from(&d, &added, NULL, "a@x");
	STR_EQ(added.s, "Resent-From: a@x\n", "S13 Resent-From");
	str_free(&added);
	str_free(&out);
}

static void
phrases(void)
{
	static const char *const t[][2] = {
	    {"CronDaemon", "CronDaemon"},
	    {"Cron Daemon", "Cron Daemon"},
	    {"John Q. Public", "\"John Q. Public\""},
	    {"\"Reminder Service\"", "Reminder Service"},
	    {"a \"b\" \\", "\"a \\\"b\\\" \\\\\""},
	    {"a,b <c@d>", "\"a,b <c@d>\""},
	    {" x", "\" x\""},
	    {"", "\"\""},
	    {"a\nBcc: x", "\"a Bcc: x\""},
	    {"J\xc3\xbcrg", "=?utf-8?Q?J=C3=BCrg?="},
	    {"J\xc3\xbcrg \"X\" (y)", "=?utf-8?Q?J=C3=BCrg_=22X=22_=28y=29?="},
	    {"J\xfcrg", "=?iso-8859-1?Q?J=FCrg?="},
	    {"=?x?=", "=?utf-8?Q?=3D=3Fx=3F=3D?="},
	    {"\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe"
	     "\x8b",
		"=?utf-8?Q?=E4=BE=8B=E4=BE=8B=E4=BE=8B=E4=BE=8B=E4=BE=8B=E4=BE=8B=E4=BE=8B?=\n "
		"=?utf-8?Q?=E4=BE=8B?="},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct str out = {0};

		phrase_add(&out, t[i][0]);
		STR_EQ(out.s, t[i][1], "S17 phrase");
		str_free(&out);
	}
}

int
main(void)
{
	drafts();
	additions();
	phrases();
	DONE();
}
