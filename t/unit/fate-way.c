/* What mox-nexthop is asked for a transport. */
#include "base.h"

#include "conf.h"
#include "unit.h"
#include "way.h"

#include <unistd.h>

static char path[] = "/tmp/moxq-way.XXXXXX";

static const struct {
	const char *keys, *want, *what;
} t[] = {
    {"type = direct", "domain d.example\nport 25\nstarttls may\n", "direct"},
    {"type = direct ipv4 = false starttls = must loopback = true",
	"domain d.example\nport 25\nloopback yes\nipv4 no\nstarttls must\n", "direct, with all it may have"},
    {"type = socks address = \"192.0.2.9:1080\" ipv6 = false starttls = never",
	"domain d.example\nport 25\nipv6 no\nstarttls never\n", "a proxy goes to the domain's servers"},
    {"type = smtp host = \"a.example\"", "host a.example\nport 25\nloopback yes\nstarttls may\n",
	"a relay, whatever the domain"},
    {"type = smtp host = { \"a.example\", \"192.0.2.1\" } port = 2525 loopback = false starttls = must",
	"host a.example 192.0.2.1\nport 2525\nstarttls must\n", "two, in their order"},
    {"type = submission host = \"a.example\"", "host a.example\nport 587\nloopback yes\nstarttls pkix\n",
	"submission proves itself"},
    {"type = submissions host = \"a.example\" tls-verify = dane",
	"host a.example\nport 465\nloopback yes\nstarttls dane\n", "by DANE, if asked to"},
    {"type = submissions host = \"a.example\" tls-verify = none",
	"host a.example\nport 465\nloopback yes\nstarttls must\nneed lenient\n", "or not at all"},
    {"type = smtp host = \"a.example\" tls-verify = none",
	"host a.example\nport 25\nloopback yes\nstarttls may\nneed lenient\n",
	"what its owner published does not count then"},
    {"type = submission srv = \"s.example\"", "srv _submission._tcp.s.example\nloopback yes\nstarttls pkix\n",
	"SRV"},
    {"type = submissions srv = \"s.example\"",
	"srv _submissions._tcp.s.example\nloopback yes\nstarttls pkix\n", "SRV, TLS from the first byte"},
};

static struct conf *
conf_of(const char *keys)
{
	struct str why = {0};
	struct conf *c;
	FILE *f = fopen(path, "w");

	if (!f || fprintf(f, "transport \"t\" { %s }\n", keys) < 0 || fclose(f))
		abort();
	c = conf_try(path, &why);
	STR_EQ(str_cstr(&why), "", keys);
	str_free(&why);
	return c;
}

int
main(void)
{
	struct str out = {0};
	int fd = mkstemp(path);

	if (fd < 0 || close(fd))
		abort();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct conf *c = conf_of(t[i].keys);

		if (!c)
			continue;
		str_reset(&out);
		way_write(&out, c, conf_transport(c, "t"), "d.example");
		STR_EQ(str_cstr(&out), t[i].want, t[i].what);
		if (!i) {
			str_reset(&out);
			way_write(&out, c, NULL, "d.example");
			STR_EQ(str_cstr(&out), t[i].want, "no transport is a direct one without any key");
		}
		conf_free(c);
	}
	unlink(path);
	str_free(&out);
	DONE();
}
