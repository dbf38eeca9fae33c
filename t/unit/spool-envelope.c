#include "base.h"

#include "envelope.h"
#include "fdio.h"
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char message[] = "Subject: x\r\n\r\nbody\r\n";
#define MESSAGE_CRC 0xa95adbcaU

static int
make(struct envelope *e, unsigned nrcpt)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	*e = (struct envelope){.id = 0x1234567890abcdef,
	    .queued = 1790000000123456,
	    .uid = 1000,
	    .size = sizeof message - 1,
	    .flags = FLAG_DOT | FLAG_8BIT};
	e->crc = MESSAGE_CRC;
	e->sender = mem_dup("");
	e->subject = mem_dup("a\r\nrcpt D-.- forged@example.com \xff");
	e->envid = mem_dup("X+2B");
	envelope_add_extra(e, "trace id", "a=b c");
	envelope_add_rcpt(e, "\"a b\"@example.com")->notify = mem_dup("success,delay");
	e->rcpt[0].orcpt = mem_dup("rfc822;a+20b@example.com");
	for (unsigned i = 1; i < nrcpt; i++) {
		char a[64];
		snprintf(a, sizeof a, "user%u@example.com", i);
		envelope_add_rcpt(e, a);
	}
	if (fd_write_all(fd, message, sizeof message - 1) || envelope_finish(fd, e))
		perror("memfd");
	return fd;
}

static void
round_trip(unsigned nrcpt)
{
	struct envelope e, g;
	const char *why = NULL;
	int fd = make(&e, nrcpt), r = envelope_read(fd, &g, &why);

	OK(!r, "reads back");
	if (r)
		printf("# %s\n", why);
	OK(g.id == e.id && g.queued == e.queued && g.uid == 1000 && g.size == e.size && g.crc == e.crc,
	    "numbers");
	INT_EQ(g.flags, FLAG_DOT | FLAG_8BIT, "flags");
	STR_EQ(g.sender, "", "the null sender is there");
	STR_EQ(g.subject, e.subject, "a subject cannot forge a line");
	STR_EQ(g.envid, "X+2B", "envid");
	OK(!g.message_id && !g.account && !g.ret && !g.requiretls && !g.transport && !g.hold_until,
	    "what was not given is not there");
	OK(g.nextra == 1 && !strcmp(g.extra[0].key, "trace id") && !strcmp(g.extra[0].value, "a=b c"),
	    "extra");
	INT_EQ(g.nrcpt, nrcpt, "as many recipients");
	STR_EQ(g.rcpt[0].address, "\"a b\"@example.com", "an address with a space");
	STR_EQ(g.rcpt[0].notify, "success,delay", "notify");
	STR_EQ(g.rcpt[0].orcpt, "rfc822;a+20b@example.com", "orcpt");
	STR_EQ(g.rcpt[nrcpt - 1].address, e.rcpt[nrcpt - 1].address, "the last recipient");
	OK(g.rcpt[nrcpt - 1].at == e.rcpt[nrcpt - 1].at, "parse and finish agree where its marks stand");
	INT_EQ(envelope_check_message(fd, &g), 0, "the message matches its checksum");

	INT_EQ(envelope_mark(fd, &e, nrcpt, MARK_STATE, STATE_DELIVERED), 0, "marked");
	INT_EQ(envelope_mark(fd, &e, 1, MARK_NOTICE, 'd'), 0, "marked");
	OK(envelope_mark(fd, &e, 1, MARK_HOLD, 'x') && errno == EINVAL, "a mark that is none is refused");
	OK(envelope_mark(fd, &e, nrcpt + 1, MARK_STATE, 'D') && errno == EINVAL,
	    "a recipient that is none is refused");
	INT_EQ(g.rcpt[nrcpt - 1].mark[MARK_STATE], 'T', "remembered");
	INT_EQ(envelope_read_marks(fd, &g), 0, "marks read anew");
	INT_EQ(g.rcpt[nrcpt - 1].mark[MARK_STATE], 'D', "the file wins");
	envelope_free(&g);
	INT_EQ(envelope_read(fd, &g, &why), 0, "marks do not break the checksum");
	OK(!memcmp(g.rcpt[nrcpt - 1].mark, nrcpt == 1 ? "D-.d" : "D-.-", 4) &&
		g.rcpt[0].mark[MARK_NOTICE] == 'd',
	    "and are read");
	envelope_free(&g);
	envelope_free(&e);
	close(fd);
}

/* Every single byte of the file changed, and every length shorter: damage is always seen, and no read
 * crashes. */
static void
damage(void)
{
	struct envelope e, g;
	const char *why;
	int fd = make(&e, 3), seen = 0, want = 0, quiet = 0;
	struct stat st;
	char c;

	if (fstat(fd, &st))
		perror("fstat");
	for (off_t at = 0; at < st.st_size; at++) {
		if (pread(fd, &c, 1, at) != 1)
			perror("pread");
		want++;
		c ^= 0x15;
		if (pwrite(fd, &c, 1, at) != 1)
			perror("pwrite");
		errno = 1;
		if (envelope_read(fd, &g, &why)) {
			seen += errno == 0 && why;
		} else {
			seen += envelope_check_message(fd, &g) == 1;
			envelope_free(&g);
		}
		c ^= 0x15;
		if (pwrite(fd, &c, 1, at) != 1)
			perror("pwrite");
	}
	INT_EQ(seen, want, "T123 each byte damaged: seen");
	while (st.st_size-- > 0) {
		if (ftruncate(fd, st.st_size))
			perror("ftruncate");
		if (!envelope_read(fd, &g, &why)) {
			quiet++;
			envelope_free(&g);
		}
	}
	INT_EQ(quiet, 0, "T123 each shorter length: seen");
	envelope_free(&e);
	close(fd);
}

static void
records(void)
{
	static const struct {
		const char *text;
		bool good;
	} t[] = {
	    {"sender a@b\nrcpt c@d\nend\n", true},
	    {"sender \nrcpt c@d notify=never orcpt=rfc822;c@d future=1\nunknown x\nend\n", true},
	    {"sender a@b\nrcpt c@d\n", false},
	    {"sender a@b\nrcpt c@d\nend\nrcpt e@f\n", false},
	    {"sender a@b\nsender a@b\nend\n", false},
	    {"sender a\\x00b\nend\n", false},
	    {"rcpt c@d notify=often\nend\n", false},
	    {"rcpt c@d notify=delay,delay\nend\n", false},
	    {"rcpt c@d notify=never,delay\nend\n", false},
	    {"rcpt c@d orcpt=c@d\nend\n", false},
	    {"ret some\nend\n", false},
	    {"envid a+2\nend\n", false},
	    {"requiretls maybe\nend\n", false},
	    {"hold-until tomorrow\nend\n", false},
	    {"extra k v w\nend\n", false},
	    {"extra k\nend\n", false},
	    {"Sender a@b\nend\n", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct envelope e;
		char *s = mem_dup(t[i].text);
		const char *bad = envelope_parse(&e, s, strlen(s), -1);

		OK(!bad == t[i].good, t[i].text[0] ? t[i].text + strlen(t[i].text) : "");
		if (!bad == !t[i].good)
			printf("# %zu: %s: %s\n", i, t[i].text, bad ? bad : "taken");
		if (!bad && e.nrcpt)
			OK(!memcmp(e.rcpt[0].mark, "T-.-", 4), "new marks");
		envelope_free(&e);
		free(s);
	}
}

int
main(void)
{
	round_trip(1);
	round_trip(3);
	round_trip(5000);
	damage();
	records();
	DONE();
}
