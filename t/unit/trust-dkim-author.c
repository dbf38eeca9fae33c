#include "base.h"

#include "dkim_author.h"
#include "unit.h"

int
main(void)
{
	static const struct {
		const char *header, *want; /* a domain, or "!" and why there is none */
	} t[] = {
	    {"From: a@example.org\r\n", "example.org"},
	    {"To: x@y.example\r\nfrom : Alice <a@EXAMPLE.Org.>\r\nSender: s@z.example\r\n", "example.org"},
	    {"From: \"a@other.example\" (b@third.example)\r\n\t<a@example.org>\r\n", "example.org"},
	    {"From: =?utf-8?q?a=40other=2Eexample?= <a@example.org>\r\n", "example.org"},
	    {"From: a@b\xc3\xbc"
	     "cher.example\r\n",
		"xn--bcher-kva.example"},
	    {"From: a@xn--bcher-kva.example, c@B\xc3\x9c"
	     "CHER.example\r\n",
		"xn--bcher-kva.example"},
	    {"From: a@example.org, b@EXAMPLE.org\r\n", "example.org"},
	    {"From: team: a@example.org, b@example.org;\r\n", "example.org"},
	    {"From: <@relay.example:a@example.org>\r\n", "example.org"},
	    {"From: a @ example . org\r\n", "example.org"},
	    {"From: \"a@b\"@example.org\r\n", "example.org"},
	    {"From: a@_x.example.org\r\n", "_x.example.org"},
	    {"", "!there is no From: field"},
	    {"Resent-From: a@example.org\r\n", "!there is no From: field"},
	    {"To: a@example.org\r\n\r\nFrom: a@example.org\r\n", "!there is no From: field"},
	    {"From: a@example.org\r\nFROM: a@example.org\r\n", "!there are several From: fields"},
	    {"From: a@example.org, b@other.example\r\n", "!the addresses in From: are of several domains"},
	    {"From: a@example.org, b@sub.example.org\r\n", "!the addresses in From: are of several domains"},
	    {"From: team: a@example.org;, b@other.example\r\n",
		"!the addresses in From: are of several domains"},
	    {"From:\r\n", "!there is no address in From:"},
	    {"From: undisclosed:;\r\n", "!there is no address in From:"},
	    {"From: (a@example.org)\r\n", "!there is no address in From:"},
	    {"From: root\r\n", "!an address in From: has no domain"},
	    {"From: <>\r\n", "!an address in From: has no domain"},
	    {"From: a@example.org, root\r\n", "!an address in From: has no domain"},
	    {"From: a@[192.0.2.1]\r\n", "!an address in From: has no domain that could have a key"},
	    {"From: a@exa$mple.org\r\n", "!an address in From: has a domain that is none"},
	    {"From: a@=?utf-8?q?example=2Eorg?=\r\n", "!an address in From: has a domain that is none"},
	    {"From: a@..\r\n", "!an address in From: has a domain that is none"},
	    {"From: <a@example.org\r\n", "!From: cannot be read"},
	    {"From: \"a@example.org\r\n", "!From: cannot be read"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const char *why;
		char *got = dkim_author(t[i].header, strlen(t[i].header), &why), name[60];

		snprintf(name, sizeof name, "%.50s", t[i].header);
		name[strcspn(name, "\r\n")] = 0;
		if (*t[i].want == '!')
			STR_EQ(got ? got : why, t[i].want + 1, name);
		else
			STR_EQ(got ? got : why, t[i].want, name);
		free(got);
	}
	DONE();
}
