#include "base.h"

#include "conf_value.h"
#include "passage.h"

bool
passage_is_direct(const struct conf_transport *t)
{
	return !t || t->type == TRANSPORT_DIRECT || t->type == TRANSPORT_SOCKS;
}

void
passage_init(struct passage *p, const struct conf_transport *t, int keeper)
{
	*p = (struct passage){.transport = t, .keeper = keeper};
	if (!t)
		return;
	p->way =
	    (struct smtp_way){.source4 = t->source_ipv4, .source6 = t->source_ipv6, .remote = &t->remote_ips};
	if (t->proxy && conf_socket_parse(t->proxy, p->proxy, &p->way.proxy_port))
		p->way.proxy = p->proxy;
}

const char *
passage_hostname(const struct passage *p, const struct conf *conf)
{
	const struct conf_transport *t = p->transport;

	return t && t->hostname ? t->hostname : conf->hostname;
}

bool
passage_logs_in(const struct passage *p)
{
	const struct conf_transport *t = p->transport;

	return t && conf_is_relay(t) && (conf_logs_in(t) || t->client_certificate);
}
