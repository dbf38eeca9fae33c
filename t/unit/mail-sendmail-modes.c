#include "base.h"

#include "extra.h"
#include "sendmail_modes.h"
#include "sendmail_wait.h"
#include "unit.h"

static const struct {
	const char *what, *option, *row;
	bool meant;
} flushes[] = {
    {"S30 -qI part of an id", "I0d3k", "0d3k9v2x7m4qa.1\ta@x\tb@y", true},
    {"S30 -qI another id", "I0d3z", "0d3k9v2x7m4qa.1\ta@x\tb@y", false},
    {"S30 -qS sender", "Sa@x", "0d3k.1\ta@x\tb@y", true},
    {"S30 -qS does not look at recipients", "Sb@y", "0d3k.1\ta@x\tb@y", false},
    {"S30 -qR recipient", "Rb@y", "0d3k.1\ta@x\tb@y", true},
    {"S30 -qR the domain, case ignored", "R@Y.Example", "0d3k.1\ta@x\tb@y.eXample", true},
    {"S30 -qR does not look at senders", "Ra@x", "0d3k.1\ta@x\tb@y", false},
    {"S30 -qR! without", "R!b@y", "0d3k.1\ta@x\tb@y", false},
    {"S30 -qR! without, another", "R!c@y", "0d3k.1\ta@x\tb@y", true},
    {"S30 -qR alone means all", "R", "0d3k.1\ta@x\tb@y", true},
    {"S30 a row cut short", "Rb", "0d3k.1", false},
};

static const struct {
	const char *what, *rows;
	enum wait_state state;
} waits[] = {
    {"S22 gone", "", WAIT_GONE},
    {"S22 not tried yet", "due\t0\ta@x\t\n", WAIT_TURN},
    {"S22 under way", "delivering\t1\ta@x\t\n", WAIT_ATTEMPT},
    {"S22 tried once", "waiting\t1\ta@x\tno answer\n", WAIT_OVER},
    {"S22 waits without a try", "waiting\t0\ta@x\t\n", WAIT_TURN},
    {"S22 tried and due again", "due\t1\ta@x\tno answer\n", WAIT_OVER},
    {"S22 held", "held\t0\ta@x\t\n", WAIT_OVER},
    {"S22 failed", "noticing\t1\ta@x\tno such user\n", WAIT_OVER},
    {"S22 one of two", "waiting\t1\ta@x\tno\ndue\t0\tb@x\t\n", WAIT_TURN},
    {"S22 both", "waiting\t1\ta@x\tno\nnoticing\t1\tb@x\tno\n", WAIT_OVER},
};

static const struct {
	const char *what, *header, *lines;
} extras[] = {
    {"an extra", "To: a\nX-Mox-Extra-Invoice: 12 34\n\n", "extra Invoice 12\\x2034\n"},
    {"the key is canonical", "x-mox-extra-INVOICE-nO:x\n", "extra Invoice-No x\n"},
    {"several, in order, unfolded", "X-Mox-Extra-B: 1\n 2\nX-Mox-Extra-A:\n\n",
	"extra B 1\\x202\nextra A \n"},
    {"CRLF", "X-Mox-Extra-B: 1\r\n\r\n", "extra B 1\n"},
    {"not in the body", "To: a\n\nX-Mox-Extra-B: 1\n", ""},
    {"twice", "X-Mox-Extra-a-b: 1\nX-Mox-Extra-A-B: 1\n",
	"!unable to take the field X-Mox-Extra-A-B: it stands there twice"},
    {"no key", "X-Mox-Extra-: 1\n", "!unable to take the field X-Mox-Extra-: a key is to follow the last -"},
    {"another field", "X-Mox-Extra: 1\n", ""},
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(flushes); i++)
		INT_EQ(sendmail_flush_means(flushes[i].option, flushes[i].row), flushes[i].meant,
		    flushes[i].what);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++)
		INT_EQ(wait_judge(waits[i].rows), waits[i].state, waits[i].what);
	for (size_t i = 0; i < ARRAY_LEN(extras); i++) {
		struct str out = {0}, why = {0};

		if (!extra_add(&out, extras[i].header, strlen(extras[i].header), &why))
			str_reset(&out), str_addf(&out, "!%s", why.s);
		STR_EQ(str_cstr(&out), extras[i].lines, extras[i].what);
		str_free(&out);
		str_free(&why);
	}
	DONE();
}
