#include "base.h"

#include "socks.h"
#include "unit.h"

#include <ctype.h>
#include <stdlib.h>

static size_t
from_hex(unsigned char *out, const char *s)
{
	size_t n = 0;

	for (; *s; s += 2, s += strspn(s, " "))
		out[n++] = (unsigned char)strtoul((const char[]){s[0], s[1], 0}, NULL, 16);
	return n;
}

static void
add_hex(char *to, size_t cap, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = strlen(to);

		snprintf(to + at, cap - at, "%02x", p[i]);
	}
}

/* What the proxy says, byte after byte as on a slow line; what we say is kept, messages parted by a space. */
static const char *
play(struct socks *s, const char *script, char *said, size_t cap)
{
	unsigned char in[1024], out[SOCKS_MESSAGE_MAX];
	size_t total = from_hex(in, script), at = 0, used, len = socks_start(s, out);
	enum socks_got got = len ? SOCKS_SAY : SOCKS_REFUSED;

	*said = 0;
	add_hex(said, cap, out, len);
	for (size_t n = 1; got == SOCKS_SAY || got == SOCKS_MORE; n++) {
		if (at + n > total)
			return "more";
		got = socks_step(s, in + at, n, &used, out, &len);
		if (got == SOCKS_SAY) {
			snprintf(said + strlen(said), cap - strlen(said), " ");
			add_hex(said, cap, out, len);
			at += used;
			n = 0;
		}
	}
	return got == SOCKS_OPEN ? "open" : s->why;
}

int
main(void)
{
	static char long_name[300];
	static const struct {
		const char *ip, *username, *password, *script, *said, *want, *from;
	} t[] = {
	    {"192.0.2.1", NULL, NULL, "0500 05000001 c0000207 1234", "050100 05010001c00002010019", "open",
		"192.0.2.7"},
	    {"2001:db8::1", NULL, NULL, "0500 05000004 20010db8000000000000000000000007 0000",
		"050100 0501000420010db80000000000000000000000010019", "open", "2001:db8::7"},
	    {"192.0.2.1", NULL, NULL, "0500 05000003 03 612e62 0000", "050100 05010001c00002010019", "open",
		""},
	    {"192.0.2.1", "me", "pw", "0502 0100 05000001 00000000 0000",
		"050102 01026d65027077 05010001c00002010019", "open", "0.0.0.0"},
	    {"192.0.2.1", "me", "pw", "0502 0101", "050102 01026d65027077", "it refused name or password",
		""},
	    {"192.0.2.1", "me", "pw", "0502 0500", "050102 01026d65027077", "its answer to the login is none",
		""},
	    {"192.0.2.1", "me", "pw", "05ff", "050102", "it does not take name and password", ""},
	    {"192.0.2.1", NULL, NULL, "05ff", "050100", "it asks for a login", ""},
	    {"192.0.2.1", NULL, NULL, "0502", "050100", "it chose a way to log in that was not offered", ""},
	    {"192.0.2.1", "me", "pw", "0500", "050102", "it chose a way to log in that was not offered", ""},
	    {"192.0.2.1", NULL, NULL, "0400", "050100", "it does not speak SOCKS5", ""},
	    {"192.0.2.1", NULL, NULL, "4854", "050100", "it does not speak SOCKS5", ""},
	    {"192.0.2.1", NULL, NULL, "0500 0501", "050100 05010001c00002010019",
		"it failed, and does not say why", ""},
	    {"192.0.2.1", NULL, NULL, "0500 0502", "050100 05010001c00002010019",
		"its rules do not allow the connection", ""},
	    {"192.0.2.1", NULL, NULL, "0500 0503", "050100 05010001c00002010019",
		"it has no way to that network", ""},
	    {"192.0.2.1", NULL, NULL, "0500 0504", "050100 05010001c00002010019", "it cannot reach the host",
		""},
	    {"192.0.2.1", NULL, NULL, "0500 0505", "050100 05010001c00002010019",
		"the host refused the connection", ""},
	    {"192.0.2.1", NULL, NULL, "0500 0506", "050100 05010001c00002010019",
		"the connection took too many hops", ""},
	    {"192.0.2.1", NULL, NULL, "0500 0507", "050100 05010001c00002010019",
		"it does not know how to connect", ""},
	    {"192.0.2.1", NULL, NULL, "0500 0508", "050100 05010001c00002010019",
		"it does not know such addresses", ""},
	    {"192.0.2.1", NULL, NULL, "0500 0509", "050100 05010001c00002010019",
		"it gave a reason that nobody knows", ""},
	    {"192.0.2.1", NULL, NULL, "0500 0400", "050100 05010001c00002010019", "its answer is none", ""},
	    {"192.0.2.1", NULL, NULL, "0500 05000002 00", "050100 05010001c00002010019", "its answer is none",
		""},
	    {"192.0.2.1", NULL, NULL, "0500 05000001 c00002", "050100 05010001c00002010019", "more", ""},
	    {"mx.test", NULL, NULL, "", "", "what should be connected to is no address", ""},
	    {"192.0.2.1", "", "pw", "", "", "name and password for it must have 1 to 255 bytes", ""},
	    {"192.0.2.1", long_name, "pw", "", "", "name and password for it must have 1 to 255 bytes", ""},
	};

	memset(long_name, 'x', sizeof long_name - 1);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct socks s = {
		    .ip = t[i].ip, .port = 25, .username = t[i].username, .password = t[i].password};
		char said[2 * SOCKS_MESSAGE_MAX * 3];

		STR_EQ(play(&s, t[i].script, said, sizeof said), t[i].want, t[i].want);
		STR_EQ(said, t[i].said, "what we say");
		STR_EQ(s.from, t[i].from, "where it comes from");
	}
	DONE();
}
