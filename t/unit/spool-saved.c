/* Tables of a backup: there and back, in pieces, and what is refused. */
#include "base.h"

#include "entry.h"
#include "fdio.h"
#include "rec.h"
#include "saved.h"
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

struct got {
	unsigned n;
	char table[SAVED_NAME_MAX];
	struct str key, value;
};

static void
take(const char *table, const struct str *key, struct str *value, void *arg)
{
	struct got *g = arg;

	g->n++;
	snprintf(g->table, sizeof g->table, "%s", table);
	str_reset(&g->key);
	str_add(&g->key, str_cstr(key), key->len);
	str_reset(&g->value);
	str_add(&g->value, str_cstr(value), value->len);
}

static int
file_of(const void *p, size_t n)
{
	int fd = memfd_create("saved", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, p, n) || lseek(fd, 0, SEEK_SET))
		exit(111);
	return fd;
}

/* Reads all of a file; answers saved_read's sentence, "" for none. */
static const char *
read_all(const void *p, size_t n, struct got *g)
{
	struct saved s = {.each = take, .arg = g};
	const char *why;
	int fd = file_of(p, n);

	*g = (struct got){0};
	(void)!saved_read(fd, &s, &why);
	close(fd);
	saved_free(&s);
	return why ? why : "";
}

static void
got_free(struct got *g)
{
	str_free(&g->key);
	str_free(&g->value);
}

static void
there_and_back(size_t length, const char *what)
{
	static const char key[] = "s\0x\x01\xff";
	struct str value = {0}, file = {0};
	struct got g;

	for (size_t i = 0; i < length; i++)
		str_addc(&value, (char)(i * 7));
	saved_write(&file, "suppress", key, sizeof key, &value);
	saved_write_end(&file, 1);
	STR_EQ(read_all(str_cstr(&file), file.len, &g), "", what);
	OK(g.n == 1 && !strcmp(g.table, "suppress") && g.key.len == sizeof key &&
		!memcmp(g.key.s, key, sizeof key),
	    "its key");
	OK(g.value.len == length && (!length || !memcmp(g.value.s, value.s, length)), "its value");
	got_free(&g);
	str_free(&value);
	str_free(&file);
}

static void
sizes(void)
{
	struct str value = {0}, file = {0};

	there_and_back(0, "an empty value");
	there_and_back(1, "a value of one byte");
	there_and_back(3500, "a value that just fits a record");
	there_and_back(3501, "one byte more");
	there_and_back(300000, "a large one");
	for (size_t i = 0; i < 20000; i++)
		str_addc(&value, 1);
	saved_write(&file, "limit", "a", 1, &value);
	for (size_t off = 0, n, worst = 0; off < file.len; off += n) {
		n = rec_whole(file.s + off, file.len - off);
		worst = n > worst ? n : worst;
		if (off + n == file.len)
			OK(worst <= PKT_MAX, "no record is larger than a packet, whatever the bytes");
	}
	str_free(&value);
	str_free(&file);
}

static void
damage(void)
{
	static const struct {
		const char *text, *why;
		unsigned n; /* entries that are handed on */
		const char *name;
	} rows[] = {
	    {"", "it is cut", 0, "an empty file"},
	    {"entries 0\nend\n", "", 0, "no entries"},
	    {"table retired\nkey a\nvalue x\nend\nentries 1\nend\n", "", 1, "one entry"},
	    {"table retired\nkey a\nvalue x\nend\ntable limit\nkey a\nvalue y\nend\nentries 2\nend\n", "", 2,
		"the same key in two tables"},
	    {"table retired\nkey a\nvalue x\nend\ntable retired\nkey a\nvalue y\nend\nentries 1\nend\n", "",
		1, "two parts"},
	    {"table retired\nkey a\nvalue x\nend\n", "it is cut", 1, "no end"},
	    {"table retired\nkey a\nvalue x\n", "it is damaged", 0, "half a record"},
	    {"table retired\nkey a\nvalue x\nend\nentries 2\nend\n", "it is damaged", 1, "one is missing"},
	    {"table retired\nkey a\nvalue x\nend\nentries 1\nend\ntable retired\nkey b\nvalue x\nend\n",
		"it is damaged", 1, "something behind the end"},
	    {"table retired\nkey \nvalue x\nend\nentries 1\nend\n", "it is damaged", 0, "no key"},
	    {"key a\nvalue x\nend\nentries 1\nend\n", "it is damaged", 0, "no table"},
	    {"table retired\nkey a\nend\nentries 1\nend\n", "it is damaged", 0, "no value"},
	    {"table retired\nkey a\nvalue \\xzz\nend\nentries 1\nend\n", "it is damaged", 0,
		"a broken escape"},
	    {"table 0123456789012345678901234567890123456789\nkey a\nvalue x\nend\nentries 1\nend\n",
		"it is damaged", 0, "a table with a long name"},
	    {"table retired\nkey a\nvalue x\nnew 1\nend\nentries 1\nnew 2\nend\n", "", 1,
		"lines of a later release"},
	};
	struct got g;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		STR_EQ(read_all(rows[i].text, strlen(rows[i].text), &g), rows[i].why, rows[i].name);
		INT_EQ(g.n, rows[i].n, "and so many entries");
		got_free(&g);
	}
}

#define KEY(s) s, sizeof(s) - 1

static void
entries(void)
{
	static const struct {
		const char *table, *key;
		size_t nkey;
		const char *value, *why;
	} rows[] = {
	    {"retired", KEY("\0\0\0\0\0\0\0\x01\0\0\0\x02"), "id 0000000000001.2\nresult delivered\nend\n",
		""},
	    {"retired", KEY("\0\0\0\0\0\0\0\x01\0\0\0\x02"), "id 0000000000001.2\nend\n",
		"it does not say what became of the recipient"},
	    {"retired", KEY("\0\0\0\0\0\0\0\x01\0\0\0\x02"), "id 0000000000001.3\nresult delivered\nend\n",
		"its value is the row of another"},
	    {"retired", KEY("\0\0\0\0\0\0\0\x01\0\0\0\0"), "id 0000000000001\nresult delivered\nend\n",
		"its value is the row of another"},
	    {"retired", KEY("\0\0\0\0\0\0\0\x01\0\0\0"), "id 0000000000001.2\nresult delivered\nend\n",
		"its key is not that of a recipient"},
	    {"retired", KEY("\0\0\0\0\0\0\0\x01\0\0\0\x02"), "id 0000000000001.2\nresult delivered\n",
		"its value is no row"},
	    {"suppress", KEY("sjoe\0a@b"), "account joe\naddress a@b\nhow manual\nuntil 0\nwhen 5\nend\n",
		""},
	    {"suppress", KEY("fjoe\0a@b"), "failures 2\nwhen 5\nend\n", ""},
	    {"suppress", KEY("fjoe\0a@b"), "failures x\nwhen 5\nend\n", "its value lacks what belongs there"},
	    {"suppress", KEY("sjoe"), "account joe\naddress a@b\nwhen 5\nend\n", "its key names no address"},
	    {"suppress", KEY("s\0a@b"), "account joe\naddress a@b\nwhen 5\nend\n",
		"its key names no account"},
	    {"suppress", KEY("sjoe\0a\0b"), "account joe\naddress a@b\nwhen 5\nend\n",
		"its key has too many parts"},
	    {"suppress", KEY("xjoe\0a@b"), "end\n", "its key is of no known kind"},
	    {"suppress", KEY("sjoe\0a@b"), "account joe\nwhen 5\nend\n",
		"its value lacks what belongs there"},
	    {"limit", KEY("cjoe"), "told 0\nhour 1 2 3\nend\n", ""},
	    {"limit", KEY("ajoe\0a@b"), "sent 500000\nend\n", ""},
	    {"limit", KEY("ajoe"), "sent 500000\nend\n", "its key names no address"},
	    {"limit", KEY("cjoe\0a@b"), "told 0\nend\n", "its key has too many parts"},
	    {"limit", KEY("cjoe"), "hour 1 2 3\nend\n", "its value lacks what belongs there"},
	    {"limit", KEY("ajoe\0a@b"), "sent 500000\nend\nmore\n", "its value is no whole record"},
	    {"holdrule", KEY("\0\0\0\0"), "last 7\nend\n", ""},
	    {"holdrule", KEY("\0\0\0\x07"), "rule 7\nsince 5\nuid 0\nsel from @x.example\nend\n", ""},
	    {"holdrule", KEY("\0\0\0\x07"), "rule 6\nsince 5\nuid 0\nend\n",
		"its value is the rule of another"},
	    {"holdrule", KEY("\0\0\0\x07"), "rule 7\nsel nothing x\nend\n", "its selection is none"},
	    {"holdrule", KEY("\0\0\x07"), "rule 7\nend\n", "its key is not that of a rule"},
	    {"msg", KEY("\0\0\0\0\0\0\0\x01"), "prepend A: b\\x0d\\x0a\\x09c\\x0d\\x0a\nend\n", ""},
	    {"msg", KEY("\0\0\0\0\0\0\0\x01"), "prepend A: b\\x0d\\x0a\\x0d\\x0a\nend\n",
		"its lines are none of a header"},
	    {"msg", KEY("\0\0\0\0\0\0\0\x01"), "prepend A: b\\x0a\nend\n", "its lines are none of a header"},
	    {"msg", KEY("\0\0\0\0\0\0\0\x01"), "prepend .A: b\\x0d\\x0a\nend\n",
		"its lines are none of a header"},
	    {"msg", KEY("\0\0\0\0\0\0\0\x01"), "prepend A: b\\x0dc\\x0d\\x0a\nend\n",
		"its lines are none of a header"},
	    {"msg", KEY("\0\0\0\0\0\0\0\x01"), "prepend A: b\\x0d\\x0a.\\x0d\\x0a\nend\n",
		"its lines are none of a header"},
	    {"msg", KEY("\0\0\0\0\0\0\0\x01"), "prepend A: \xc3\xa4\\x0d\\x0a\nend\n",
		"its lines are none of a header"},
	    {"msg", KEY("\0\0\0\0\0\0\0\x01"), "end\n", "its value lacks what belongs there"},
	    {"msg", KEY("\0\0\0\0\0\0\x01"), "end\n", "its key is not that of a message"},
	    {"transcript", KEY("\0\0\0\0\0\0\0\x01\0\0\0\0"),
		"last 5\nrecipients 1,2\ntranscript 1 S: 451\nend\n", ""},
	    {"transcript", KEY("\0\0\0\0\0\0\0\x01\0\0\0\x01"), "end\n", "its key is not that of a message"},
	    {"transcript", KEY("\0\0\0\0\0\0\0\x01\0\0\0\0"), "last 5\nrecipients 1\nend\n",
		"its value lacks what belongs there"},
	    {"limit", KEY(""), "told 0\nend\n", "it has no key"},
	    {"tomorrow", KEY("x"), "whatever", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str key = {0}, value = {0};
		const char *why;
		char name[80];

		str_add(&key, rows[i].key, rows[i].nkey);
		str_adds(&value, rows[i].value);
		why = entry_fault(rows[i].table, &key, &value);
		snprintf(name, sizeof name, "entry %zu of %s", i, rows[i].table);
		STR_EQ(why ? why : "", rows[i].why, name);
		STR_EQ(value.s, rows[i].value, "the value is as it was");
		str_free(&key);
		str_free(&value);
	}
}

static void
names(void)
{
	static const struct {
		const char *table, *key;
		size_t nkey;
		const char *name;
	} rows[] = {
	    {"retired", KEY("\0\0\0\0\0\0\0\x01\0\0\0\x02"), "0000000000001.2"},
	    {"holdrule", KEY("\0\0\x01\0"), "256"},
	    {"msg", KEY("\0\0\0\0\0\0\0\x01"), "0000000000001"},
	    {"transcript", KEY("\0\0\0\0\0\0\0\x01\0\0\0\0"), "0000000000001"},
	    {"suppress", KEY("sjoe\0a@b"), "sjoe a@b"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str key = {0}, out = {0};

		str_add(&key, rows[i].key, rows[i].nkey);
		entry_name(&out, rows[i].table, &key);
		STR_EQ(str_cstr(&out), rows[i].name, "the name of a key");
		str_free(&key);
		str_free(&out);
	}
}

int
main(void)
{
	sizes();
	damage();
	entries();
	names();
	DONE();
}
