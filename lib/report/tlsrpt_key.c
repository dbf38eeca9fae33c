#include "base.h"

#include "log.h"
#include "stsdns.h"
#include "tlsrpt_key.h"

static bool
is_word(const char *s, size_t n, const char *word)
{
	while (n && strchr(" \t", *s))
		s++, n--;
	while (n && strchr(" \t", s[n - 1]))
		n--;
	return n == strlen(word) && !memcmp(s, word, n);
}

bool
tlsrpt_key_serves(const char *record)
{
	for (const char *s = record; *s; s += *s == ';') {
		size_t n = strcspn(s, ";");
		const char *is = memchr(s, '=', n), *end = s + n;

		if (is && is_word(s, (size_t)(is - s), "s")) {
			for (const char *w = is + 1; w <= end;) {
				const char *colon = memchr(w, ':', (size_t)(end - w)),
					   *stop = colon ? colon : end;

				if (is_word(w, (size_t)(stop - w), "tlsrpt") ||
				    is_word(w, (size_t)(stop - w), "*"))
					return true;
				w = stop + 1;
			}
			return false;
		}
		s = end;
	}
	return true;
}

static void
record_check(const char *name, const struct dns_answer *a)
{
	struct str text = {0};

	for (size_t i = 0; a->status == DNS_DATA && i < a->n; i++) {
		str_reset(&text);
		for (size_t at = 0; at < a->data[i].n;) {
			size_t n = a->data[i].p[at++];

			if (n > a->data[i].n - at)
				n = a->data[i].n - at;
			str_add(&text, a->data[i].p + at, n);
			at += n;
		}
		if (tlsrpt_key_serves(str_cstr(&text)))
			continue;
		log_open(LOG_WARN, "tlsrpt-key");
		log_s("name", name);
		log_s("error", "its record allows services by s=, and tlsrpt is none of them");
		log_close();
	}
	str_free(&text);
}

void
tlsrpt_key_check(const struct tlsrpt_signer *s, const char *conf_file)
{
	for (size_t i = 0; s->conf && i < s->conf->ndkim; i++) {
		struct str name = {0};
		struct sts_dns asked;
		struct dns_answer *a;

		str_addf(&name, "%s._domainkey.%s", s->conf->dkim[i].selector, s->domain);
		sts_dns_start(&asked, conf_file, DNS_TXT, name.s);
		a = sts_dns_finish(&asked);
		record_check(name.s, a);
		dns_answer_free(a);
		str_free(&name);
	}
}
