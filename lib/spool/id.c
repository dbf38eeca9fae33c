#include "base.h"

#include "id.h"
#include "str.h"

#include <sys/random.h>
#include <unistd.h>

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

uint64_t
id_make(int64_t now_us)
{
	static uint64_t last;
	uint16_t r;
	uint64_t id;

	/* Before the random pool is ready, the pid is what parts two processes of one microsecond. */
	if (getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r)
		r = (uint16_t)getpid();
	id = (uint64_t)now_us << 12 | (r & 0xfff);
	/* One process never makes the same id twice, whatever its clock does. */
	if (id <= last)
		id = last + 1;
	return last = id;
}

void
id_format(char out[ID_SIZE], uint64_t id)
{
	out[ID_LEN] = 0;
	for (int i = ID_LEN; i--; id >>= 5)
		out[i] = alphabet[id & 31];
}

/* Value of the 13 characters at s, which may be followed by anything. */
static bool
parse(const char *s, uint64_t *id)
{
	uint64_t v = 0;

	for (int i = 0; i < ID_LEN; i++) {
		const char *c = s[i] ? strchr(alphabet, s[i]) : NULL;
		if (!c || v >> 59)
			return false;
		v = v << 5 | (uint64_t)(c - alphabet);
	}
	*id = v;
	return true;
}

bool
id_parse(const char *s, uint64_t *id)
{
	return parse(s, id) && !s[ID_LEN];
}

bool
id_parse_rcpt(const char *s, uint64_t *id, unsigned *n)
{
	uint64_t v;

	*n = 0;
	if (!parse(s, id))
		return false;
	if (!s[ID_LEN])
		return true;
	if (s[ID_LEN] != '.' || s[ID_LEN + 1] == '0' || !str_number(s + ID_LEN + 1, 1000000000, &v))
		return false;
	*n = (unsigned)v;
	return true;
}

int64_t
id_time(uint64_t id)
{
	return (int64_t)(id >> 12);
}

void
id_bucket(char out[3], uint64_t id)
{
	static const char hex[] = "0123456789abcdef";
	unsigned h = (unsigned)(id * UINT64_C(0x9e3779b97f4a7c15) >> 56);

	out[0] = hex[h >> 4];
	out[1] = hex[h & 15];
	out[2] = 0;
}
