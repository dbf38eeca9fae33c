/* A log line is one event, whatever a peer managed to put into a value. */
#include "base.h"

#include "log.h"
#include "str.h"
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

static int was, out;

static const char *
caught(void)
{
	static char text[40000];
	ssize_t n = pread(out, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = 0;
	if (ftruncate(out, 0) || lseek(out, 0, SEEK_SET))
		abort();
	return text;
}

/* The line behind its time. */
static const char *
line(void)
{
	const char *s = caught(), *level = strstr(s, " level=");

	return level ? level + 1 : s;
}

static void
values(void)
{
	static const struct {
		const char *in, *out;
	} t[] = {
	    {"plain", "k=plain"},
	    {"a@b.example", "k=a@b.example"},
	    {"", "k=\"\""},
	    {"two words", "k=\"two words\""},
	    {"say \"hi\"", "k=\"say \\\"hi\\\"\""},
	    {"a=b", "k=\"a=b\""},
	    {"C:\\path", "k=\"C:\\\\path\""},
	    {"x\ntime=1 level=alert event=forged", "k=\"x\\x0atime=1 level=alert event=forged\""},
	    {"x\r\n", "k=\"x\\x0d\\x0a\""},
	    {"\" event=forged k=\"", "k=\"\\\" event=forged k=\\\"\""},
	    {"\\", "k=\"\\\\\""},
	    {"\\\" event=forged", "k=\"\\\\\\\" event=forged\""},
	    {"\x1b[31m", "k=\"\\x1b[31m\""},
	    {"\xff\xfe", "k=\"\\xff\\xfe\""},
	    {"gr\xc3\xbcn", "k=\"gr\xc3\xbcn\""},
	    {"\xe2\x80\xae"
	     "gnp.exe",
		"k=\"\\xe2\\x80\\xae"
		"gnp.exe\""},
	    {"\xc2\x9b"
	     "2J",
		"k=\"\\xc2\\x9b"
		"2J\""},
	    {"\\x41", "k=\"\\\\x41\""},
	};
	struct str want = {0};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		log_open(LOG_INFO, "test");
		log_s("k", t[i].in);
		log_close();
		str_reset(&want);
		str_addf(&want, "level=info event=test %s\n", t[i].out);
		STR_EQ(line(), want.s, t[i].out);
	}
	str_free(&want);
}

static void
whole(void)
{
	char big[9000];
	const char *s;

	log_open(LOG_WARN, "all");
	log_s("none", NULL);
	log_i("n", -5);
	log_f("f", "%d/%d", 1, 2);
	log_sn("part", "abcdef", 3);
	log_sn("nul", "a\0b", 3);
	log_close();
	STR_EQ(line(), "level=warn event=all n=-5 f=1/2 part=abc nul=\"a\\x00b\"\n", "all kinds of fields");
	log_open(LOG_DEBUG, "quiet");
	log_s("k", "v");
	log_close();
	STR_EQ(caught(), "", "below the level nothing is written");
	memset(big, 1, sizeof big);
	log_open(LOG_ALERT, "big");
	log_sn("k", big, sizeof big);
	log_close();
	s = line();
	OK(strlen(s) > 2000 && strlen(s) < 9000 && s[strlen(s) - 1] == '\n', "a value has an end");
	log_start(LOG_INFO, true);
	log_open(LOG_INFO, "one");
	log_close();
	log_open(LOG_INFO, "two");
	log_close();
	STR_EQ(caught(), "", "buffered: nothing yet");
	log_flush();
	s = caught();
	OK(!strncmp(s, "time=20", 7) && strstr(s, "event=one\n") && strstr(s, "event=two\n"),
	    "then all, in order");
}

int
main(void)
{
	char path[] = "/tmp/moxq-log.XXXXXX";

	was = dup(2);
	out = mkstemp(path);
	if (was < 0 || out < 0 || dup2(out, 2) < 0)
		abort();
	unlink(path);
	values();
	whole();
	dup2(was, 2);
	DONE();
}
