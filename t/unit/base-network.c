#include "base.h"

#include "network.h"
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct sockaddr_storage
address(const char *s)
{
	struct sockaddr_storage ss = {0};

	if (inet_pton(AF_INET, s, &((struct sockaddr_in *)(void *)&ss)->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, s, &((struct sockaddr_in6 *)(void *)&ss)->sin6_addr) == 1)
		ss.ss_family = AF_INET6;
	else
		ss.ss_family = AF_UNIX;
	return ss;
}

int
main(void)
{
	static const char *const good[] = {
	    "127.0.0.0/8", "0.0.0.0/0", "::/0", "192.0.2.1", "192.0.2.1/32", "::1", "2001:db8::/32"};
	static const char *const bad[] = {"", "/8", "127.0.0.1/8", "127.0.0.0/33", "::1/129", "localhost",
	    "10.0.0.0/", "10.0.0.0/x", "10/8", "10.0.0.0/8 ",
	    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
	static const struct {
		const char *network, *address;
		bool has;
	} t[] = {
	    {"127.0.0.0/8", "127.255.1.2", true},
	    {"127.0.0.0/8", "128.0.0.1", false},
	    {"127.0.0.0/8", "::ffff:127.0.0.1", true},
	    {"127.0.0.0/8", "::1", false},
	    {"127.0.0.0/8", "socket", false},
	    {"::1", "::1", true},
	    {"::1", "::2", false},
	    {"::/0", "2001:db8::1", true},
	    {"::/0", "192.0.2.1", false},
	    {"0.0.0.0/0", "192.0.2.1", true},
	    {"0.0.0.0/0", "::ffff:192.0.2.1", true},
	    {"192.0.2.128/25", "192.0.2.129", true},
	    {"192.0.2.128/25", "192.0.2.127", false},
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"2001:db8::/33", "2001:db8:7fff::", true},
	    {"2001:db8::/33", "2001:db8:8000::", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		OK(network_ok(good[i]), good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		OK(!network_ok(bad[i]), bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct sockaddr_storage ss = address(t[i].address);

		INT_EQ(network_has(t[i].network, &ss), t[i].has, t[i].network);
	}
	DONE();
}
