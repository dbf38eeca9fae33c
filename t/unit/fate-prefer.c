#include "base.h"

#include "prefer.h"
#include "unit.h"

/* Hosts as "PREF ADDRESS...", parted by |; addresses dialed; then all addresses as they are tried. */
static const struct {
	const char *hosts, *dialed, *want, *what;
} rows[] = {
    {"10 2001:db8::1 192.0.2.1", "", "2001:db8::1 192.0.2.1", "the first attempt: as the plan has it"},
    {"10 2001:db8::1 192.0.2.1", "192.0.2.1", "192.0.2.1 2001:db8::1", "the second: what was dialed first"},
    {"10 2001:db8::1 192.0.2.1", "2001:db8::1", "2001:db8::1 192.0.2.1", "whatever its family"},
    {"10 192.0.2.1 192.0.2.2 192.0.2.3", "192.0.2.3", "192.0.2.3 192.0.2.1 192.0.2.2", "one of several"},
    {"10 192.0.2.1 192.0.2.2", "192.0.2.9", "192.0.2.1 192.0.2.2", "one that is gone"},
    {"10 192.0.2.1 | 10 192.0.2.2 | 20 192.0.2.3", "192.0.2.2", "192.0.2.2 192.0.2.1 192.0.2.3",
	"its host first"},
    {"10 192.0.2.1 | 20 192.0.2.2", "192.0.2.2", "192.0.2.1 192.0.2.2", "but never before a better one"},
    {"10 2001:db8::1 192.0.2.1", "192.0.2.1 192.0.2.1", "2001:db8::1 192.0.2.1",
	"the third: the other family"},
    {"10 2001:db8::1 192.0.2.1", "192.0.2.1 192.0.2.1 2001:db8::1", "192.0.2.1 2001:db8::1", "and back"},
    {"10 192.0.2.1 192.0.2.2", "192.0.2.1 192.0.2.1", "192.0.2.2 192.0.2.1", "one family: another address"},
    {"10 192.0.2.1 192.0.2.2 192.0.2.3", "192.0.2.1 192.0.2.1 192.0.2.2", "192.0.2.3 192.0.2.2 192.0.2.1",
	"what was dialed least"},
    {"10 2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2", "2001:db8::1 2001:db8::1",
	"192.0.2.1 192.0.2.2 2001:db8::2 2001:db8::1", "the other family, then what is left"},
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct plan p = {0};
		struct plan_list dialed = {0};
		struct str got = {0};
		char *hosts = mem_dup(rows[i].hosts), *d = mem_dup(rows[i].dialed), *save, *part, *more, *w;

		for (part = strtok_r(hosts, "|", &save); part; part = strtok_r(NULL, "|", &save)) {
			struct plan_hop *h = plan_hop_add(&p, "h");

			h->pref = (unsigned)strtoul(strtok_r(part, " ", &more), NULL, 10);
			while ((w = strtok_r(NULL, " ", &more)))
				plan_list_add(&h->addr, w);
		}
		for (w = strtok_r(d, " ", &save); w; w = strtok_r(NULL, " ", &save))
			plan_list_add(&dialed, w);
		prefer_addresses(&p, &dialed);
		for (size_t h = 0; h < p.nhop; h++)
			for (size_t a = 0; a < p.hop[h].addr.n; a++)
				str_addf(&got, "%s%s", got.len ? " " : "", p.hop[h].addr.v[a]);
		STR_EQ(str_cstr(&got), rows[i].want, rows[i].what);
		plan_free(&p);
		plan_list_free(&dialed);
		str_free(&got);
		free(hosts);
		free(d);
	}
	DONE();
}
