#include "base.h"

#include "addr.h"
#include "suppress.h"

/* ---- the address ---- */

static bool
is_separator(char c)
{
	return c == '+' || c == '-';
}

void
suppress_base(struct str *out, const char *address)
{
	const char *domain = addr_domain(address);
	size_t n = domain ? (size_t)(domain - 1 - address) : strlen(address), from = out->len;
	struct str local = {0};
	bool quoted = n && *address == '"';
	size_t cut = 0;

	for (size_t i = quoted; i < n - quoted; i++) {
		if (quoted && address[i] == '\\' && i + 1 < n - quoted)
			i++;
		str_addc(&local, address[i]);
	}
	while (cut < local.len && !is_separator(local.s[cut]))
		cut++;
	for (size_t i = 0; i < cut; i++)
		if (local.s[i] != '.')
			str_addc(out, local.s[i]);
	if (out->len == from)
		str_add(out, str_cstr(&local), local.len);
	if (domain) {
		str_addc(out, '@');
		str_adds(out, domain);
	}
	if (out->len > from)
		str_lower(out->s + from);
	str_free(&local);
}

bool
suppress_is_postmaster(const char *address)
{
	static const char who[] = "postmaster";

	return str_istarts(address, who) && (!address[sizeof who - 1] || address[sizeof who - 1] == '@');
}

/* ---- the failure ---- */

/* Behind the class: what the mailbox or its domain is said to be. */
static bool
is_about_address(const char *detail)
{
	static const char *const codes[] = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (!strcmp(detail, codes[i]))
			return true;
	return false;
}

/* The sender (1.7 to 1.9), the size (2.3, 3.4), the dialogue (5.x), the content (6.x), policy (7.x). */
static bool
is_about_us(const char *detail)
{
	static const char *const codes[] = {"1.7", "1.8", "1.9", "2.3", "3.4"};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (!strcmp(detail, codes[i]))
			return true;
	return *detail >= '5' && *detail <= '7' && detail[1] == '.';
}

static bool
is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* Servers that know no enhanced codes, or one for everything, name their policy in words. A word counts where one
 * begins. */
static bool
speaks_of_policy(const char *text)
{
	static const char *const words[] = {"spam", "unsolicited", "bulk", "junk", "virus", "malware",
	    "phish", "content", "policy", "reputation", "blacklist", "blocklist", "block list", "block-list",
	    "blocked", "denylist", "rbl", "dnsbl", "listed", "spf", "dkim", "dmarc", "authenticat", "relay",
	    "denied", "sender", "greylist", "graylist", "rate limit", "too many", "too much", "reverse dns",
	    "rdns", "ptr", "helo", "ehlo", "your ip", "ip address", "your server", "your host",
	    "your network", "client host", "abuse", "message reject", "message refuse", "message size",
	    "too large", "too big"};

	for (const char *s = text; *s; s++) {
		if (s > text && is_letter(s[-1]))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (str_istarts(s, words[i]))
				return true;
	}
	return false;
}

static bool
code_lists(int code)
{
	return code == 521 || code == 550 || code == 551 || code == 553 || code == 556;
}

/* Not a reply: what DNS says of the domain, or that nobody answers there. */
static enum suppress_verdict
judge_own(const struct suppress_failure *f, const char *detail)
{
	bool dns = !strcmp(detail, "1.2") || !strcmp(detail, "1.10");
	bool silent = !strcmp(detail, "4.1") || !strcmp(detail, "4.2");

	return !f->code && !f->relay && (dns || silent) ? SUPPRESS_COUNT : SUPPRESS_PASS;
}

enum suppress_verdict
suppress_judge(const struct suppress_failure *f)
{
	const char *status = f->status ? f->status : "";
	const char *detail = *status && status[1] == '.' ? status + 2 : "";
	bool vague = !*detail || !strcmp(detail, "0.0") || !strcmp(detail, "3.0");

	if (f->local || !f->code)
		return judge_own(f, detail);
	if (is_about_us(detail))
		return SUPPRESS_PASS;
	if (f->code / 100 == 5 && is_about_address(detail))
		return SUPPRESS_LIST;
	if (vague && f->text && speaks_of_policy(f->text))
		return SUPPRESS_PASS;
	/* Class 4: what was refused is not the recipient but us, at the greeting. And a full mailbox may be emptied. */
	return code_lists(f->code) && *status != '4' && strcmp(detail, "2.2") ? SUPPRESS_LIST
	                                                                      : SUPPRESS_COUNT;
}
