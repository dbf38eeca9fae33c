#include "base.h"

#include "clock.h"
#include "str.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SETS 16384
#define WAYS 4

#define HAS_STARTTLS 1
#define HAS_REQUIRETLS 2

/* 16 bytes of the file, little-endian: hash, minutes, flags, check. All zero: free. */
struct slot {
	uint64_t hash; /* of the domain; never 0 */
	uint32_t minutes;
	uint8_t flags;
	/* 24 bits of check follow */
};
#define SLOT_SIZE 16

/* The upper bits depend on all of the name too: they tell apart what shares a set. */
static uint64_t
hash_of(const char *s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	h ^= h >> 31;
	return h ? h : 1;
}

static off_t
set_at(uint64_t hash)
{
	return (off_t)(hash % SETS) * WAYS * SLOT_SIZE;
}

static void
put_le(unsigned char *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t
get_le(const unsigned char *p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static uint32_t
check_of(const unsigned char *p)
{
	uint32_t h = 2166136261;

	for (int i = 0; i < 13; i++)
		h = (h ^ p[i]) * 16777619;
	return (h ^ h >> 24) & 0xffffff;
}

static void
slot_encode(unsigned char *p, const struct slot *s)
{
	put_le(p, s->hash, 8);
	put_le(p + 8, s->minutes, 4);
	p[12] = s->flags;
	put_le(p + 13, check_of(p), 3);
}

/* Damaged ones are free ones. */
static struct slot
slot_decode(const unsigned char *p)
{
	struct slot s = {get_le(p, 8), (uint32_t)get_le(p + 8, 4), p[12]};

	return get_le(p + 13, 3) == check_of(p) ? s : (struct slot){0};
}

static bool
set_read(int fd, uint64_t hash, struct slot set[WAYS])
{
	unsigned char buf[WAYS * SLOT_SIZE] = {0};
	ssize_t n;

	do
		n = pread(fd, buf, sizeof buf, set_at(hash));
	while (n < 0 && errno == EINTR);
	for (int i = 0; i < WAYS; i++)
		set[i] = slot_decode(buf + i * SLOT_SIZE);
	return n >= 0;
}

int
support_open(const char *spool, bool write)
{
	struct str path = {0};
	int fd;

	str_addf(&path, "%s/" SUPPORT_FILE, spool);
	fd = open(str_cstr(&path),
	    (write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	str_free(&path);
	return fd;
}

/* The domain's own slot, else a free one, else the oldest. */
static int
slot_choose(const struct slot set[WAYS], uint64_t hash)
{
	int best = 0;

	for (int i = 0; i < WAYS; i++)
		if (set[i].hash == hash)
			return i;
	for (int i = 1; i < WAYS; i++)
		if (set[best].hash && (!set[i].hash || set[i].minutes < set[best].minutes))
			best = i;
	return best;
}

bool
support_put(int fd, const char *domain, const struct support *s)
{
	struct slot set[WAYS], slot = {.hash = hash_of(domain)};
	unsigned char buf[SLOT_SIZE];
	int64_t minutes = s->seen / MINUTE;
	ssize_t n;
	int i;

	slot.minutes = minutes < 0 ? 0 : minutes > UINT32_MAX ? UINT32_MAX : (uint32_t)minutes;
	slot.flags = (s->starttls ? HAS_STARTTLS : 0) | (s->requiretls ? HAS_REQUIRETLS : 0);
	if (!set_read(fd, slot.hash, set))
		return false;
	i = slot_choose(set, slot.hash);
	if (set[i].hash == slot.hash && set[i].minutes == slot.minutes && set[i].flags == slot.flags)
		return true;
	slot_encode(buf, &slot);
	do
		n = pwrite(fd, buf, sizeof buf, set_at(slot.hash) + i * SLOT_SIZE);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && n < SLOT_SIZE)
		errno = ENOSPC;
	return n == SLOT_SIZE;
}

bool
support_get(int fd, const char *domain, struct support *s)
{
	struct slot set[WAYS];
	uint64_t hash = hash_of(domain);

	if (!set_read(fd, hash, set))
		return false;
	for (int i = 0; i < WAYS; i++)
		if (set[i].hash == hash) {
			s->starttls = set[i].flags & HAS_STARTTLS;
			s->requiretls = set[i].flags & HAS_REQUIRETLS;
			s->seen = set[i].minutes * MINUTE;
			return true;
		}
	return false;
}
