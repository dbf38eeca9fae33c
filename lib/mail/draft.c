#include "base.h"

#include "addr.h"
#include "addrlist.h"
#include "clock.h"
#include "date.h"
#include "draft.h"
#include "header.h"
#include "phrase.h"

#include <sys/random.h>

static const char *const resent_names[] = {"Resent-From", "Resent-Sender", "Resent-Reply-To", "Resent-To",
    "Resent-Cc", "Resent-Bcc", "Resent-Date", "Resent-Message-ID"};

/* Position in resent_names, -1 for any other field. */
static int
resent_index(const struct header_field *f)
{
	for (size_t i = 0; i < ARRAY_LEN(resent_names); i++)
		if (header_is(f, resent_names[i]))
			return (int)i;
	return -1;
}

/* The newest block stands first: it ends at another field, or where a name comes a second time. */
static void
newest_find(struct draft *d)
{
	const char *p = d->fields;
	struct header_field f;
	unsigned seen = 0;

	while (header_next(&p, d->fields_end, &f)) {
		int i = resent_index(&f);

		if (i < 0 && !d->resent)
			continue;
		if (i < 0 || seen & 1u << i)
			break;
		seen |= 1u << i;
		if (!d->resent)
			d->newest = f.start;
		d->newest_end = f.end;
		d->resent = true;
	}
	if (!d->resent) {
		d->newest = d->fields;
		d->newest_end = d->fields_end;
	}
}

static bool
is_part(const struct draft *d, const struct header_field *f, const char *name)
{
	struct header_field bare = *f;

	if (d->resent) {
		if (f->namelen <= 7)
			return false;
		bare.name += 7;
		bare.namelen -= 7;
	}
	return header_is(&bare, name);
}

void
draft_scan(struct draft *d, const char *text, size_t n)
{
	const char *p = text;
	struct header_field f;

	*d = (struct draft){.end = text + n};
	if (n >= 5 && !memcmp(p, "From ", 5)) {
		const char *nl = memchr(p, '\n', n);
		p = nl ? nl + 1 : d->end;
	}
	d->fields = d->fields_end = p;
	while (header_next(&p, d->end, &f))
		d->fields_end = p;
	d->body = p;
	newest_find(d);
	for (p = d->newest; header_next(&p, d->newest_end, &f);) {
		d->from |= is_part(d, &f, "From");
		d->date |= is_part(d, &f, "Date");
		d->message_id |= is_part(d, &f, "Message-ID");
	}
}

bool
draft_recipients(
    const struct draft *d, void (*each)(void *arg, const char *address), void *arg, struct str *why)
{
	const char *p = d->newest;
	struct header_field f;

	while (header_next(&p, d->newest_end, &f)) {
		struct addrlist l = {.p = f.value, .end = f.value + f.len};
		enum addrlist_got got;

		if (!is_part(d, &f, "To") && !is_part(d, &f, "Cc") && !is_part(d, &f, "Bcc"))
			continue;
		while ((got = addrlist_next(&l)) == ADDRLIST_ITEM) {
			if (memchr(str_cstr(&l.addr), 0, l.addr.len)) {
				l.why = "NUL byte in an address";
				got = ADDRLIST_BAD;
				break;
			}
			each(arg, str_cstr(&l.addr));
		}
		addrlist_free(&l);
		if (got == ADDRLIST_BAD) {
			str_addf(why, "%.*s: %s", (int)f.namelen, f.name, l.why);
			return false;
		}
	}
	return true;
}

static void
add_name(const struct draft *d, struct str *added, const char *name)
{
	str_addf(added, "%s%s: ", d->resent ? "Resent-" : "", name);
}

void
draft_add_from(const struct draft *d, struct str *added, const char *name, const char *address)
{
	add_name(d, added, "From");
	if (name && *name) {
		phrase_add(added, name);
		str_addf(added, " <%s>\n", address);
	} else
		str_addf(added, "%s\n", address);
}

void
draft_add_date(const struct draft *d, struct str *added, int64_t now)
{
	char date[DATE_SIZE];

	date_local(date, now);
	add_name(d, added, "Date");
	str_addf(added, "%s\n", date);
}

/* Unique by the microsecond and 64 random bits; should the kernel have none, by the microsecond and an
 * address of ours. */
void
draft_add_message_id(const struct draft *d, struct str *added, int64_t now, const char *host)
{
	unsigned long long noise = (unsigned long long)(uintptr_t)added;

	if (getrandom(&noise, sizeof noise, GRND_NONBLOCK) != (ssize_t)sizeof noise)
		noise ^= (unsigned long long)clock_mono();
	add_name(d, added, "Message-ID");
	str_addf(added, "<%lld.%016llx@%s>\n", (long long)now, noise, host);
}

/* Fields whose addresses get a domain when they have none. */
static bool
has_addresses(const struct header_field *f)
{
	static const char *const names[] = {"From", "Sender", "Reply-To", "To", "Cc"};
	int i = resent_index(f);

	if (i >= 0)
		return i < 5;
	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		if (header_is(f, names[k]))
			return true;
	return false;
}

/* A field that cannot be read stays as it is from there on. */
static void
write_qualified(const struct header_field *f, const char *(*mailname)(void), struct str *out)
{
	struct addrlist l = {.p = f->value, .end = f->value + f->len};
	const char *done = f->start;

	while (addrlist_next(&l) == ADDRLIST_ITEM) {
		if (addr_check(str_cstr(&l.addr), l.addr.len, true) || addr_domain(l.addr.s))
			continue;
		str_add(out, done, (size_t)(l.behind - done));
		str_addc(out, '@');
		str_adds(out, mailname());
		done = l.behind;
	}
	str_add(out, done, (size_t)(f->end - done));
	addrlist_free(&l);
}

static void
write_blank(struct str *out, size_t from)
{
	if (out->len > from && out->s[out->len - 1] != '\n')
		str_addc(out, '\n');
	str_addc(out, '\n');
}

void
draft_write(const struct draft *d, const struct str *added, const char *(*mailname)(void), struct str *out)
{
	const char *p = d->fields;
	struct header_field f;
	size_t from = out->len;

	str_reserve(out, added->len + (size_t)(d->fields_end - d->fields) + 2);
	str_add(out, str_cstr(added), added->len);
	while (header_next(&p, d->fields_end, &f)) {
		if (header_is(&f, "Bcc") || header_is(&f, "Resent-Bcc") || header_is(&f, "Return-Path"))
			continue;
		if (has_addresses(&f))
			write_qualified(&f, mailname, out);
		else
			str_add(out, f.start, (size_t)(f.end - f.start));
	}
	write_blank(out, from);
}

void
draft_write_plain(const struct draft *d, struct str *out)
{
	size_t from = out->len;

	str_add(out, d->fields, (size_t)(d->fields_end - d->fields));
	write_blank(out, from);
}
