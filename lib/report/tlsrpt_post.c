#include "base.h"

#include "cert.h"
#include "child.h"
#include "die.h"
#include "domain.h"
#include "fdio.h"
#include "rdata.h"
#include "sandbox.h"
#include "stsdns.h"
#include "target.h"
#include "tlsrpt_post.h"
#include "version.h"

#include <curl/curl.h>

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <unistd.h>

#define TIME_MAX 60 /* seconds */
#define ANSWER_MAX 65536
#define SAID_MAX 500
#define URL_MAX 2048

struct tlsrpt_poster {
	const struct conf *conf;
	const char *conf_file;
	gnutls_x509_trust_list_t trusted;
};

/* One POST, in the child. */
struct posting {
	const struct tlsrpt_poster *poster;
	char host[254];
	CURL *curl;
	size_t answered; /* bytes */
	bool proved;
	const char *why; /* static */
	char error[CURL_ERROR_SIZE];
};

struct tlsrpt_poster *
tlsrpt_poster_open(const struct conf *c, const char *conf_file)
{
	struct tlsrpt_poster *p = mem_zalloc(sizeof *p);

	p->conf = c;
	p->conf_file = conf_file;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || gnutls_x509_trust_list_init(&p->trusted, 0) < 0)
		die_temp("unable to set up libcurl");
	if (gnutls_x509_trust_list_add_trust_file(p->trusted, c->ca_file, NULL, GNUTLS_X509_FMT_PEM, 0, 0) <=
	    0)
		warn("unable to trust anybody over HTTPS: no certificate in %s", c->ca_file);
	return p;
}

void
tlsrpt_poster_close(struct tlsrpt_poster *p)
{
	gnutls_x509_trust_list_deinit(p->trusted, 1);
	curl_global_cleanup();
	free(p);
}

/* ---- where to ---- */

/* Host and port of the URL. false: it has none that could be looked up. */
static bool
host_of(const char *url, char host[254], unsigned *port)
{
	const char *s = url + strlen("https://"), *colon;
	size_t n = strcspn(s, "/?#");
	char text[300], *name;
	uint64_t number = 443;

	if (strlen(url) > URL_MAX || n >= sizeof text || *s == '[')
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	if ((colon = strchr(text, ':'))) {
		if (!str_number(colon + 1, 65535, &number) || !number)
			return false;
		text[colon - text] = 0;
	}
	*port = (unsigned)number;
	name = domain_ascii(text, &(const char *){NULL});
	n = name ? strlen(name) : 0;
	if (n && n < 254 && *name != '[')
		memcpy(host, name, n + 1);
	else
		n = 0;
	free(name);
	return n;
}

/* "+host:port:address,address" for libcurl, or NULL: there is none, or none that may be used. */
static struct curl_slist *
addresses_of(const struct tlsrpt_poster *p, const char *host, unsigned port, struct str *said)
{
	static const unsigned types[] = {DNS_AAAA, DNS_A};
	struct sts_dns asked[ARRAY_LEN(types)];
	struct curl_slist *list = NULL;
	struct str s = {0};
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		sts_dns_start(&asked[i], p->conf_file, types[i], host);
	str_addf(&s, "+%s:%u:", host, port);
	str_addf(said, "%s has no address", host);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct dns_answer *a = sts_dns_finish(&asked[i]);
		char text[INET6_ADDRSTRLEN];

		if (dns_answer_failed(a)) {
			str_reset(said);
			str_addf(said, "unable to look up %s: %s", host, a->why ? a->why : "no answer");
		}
		for (size_t j = 0; a->status == DNS_DATA && j < a->n; j++) {
			if (!rdata_addr(text, types[i], a->data[j].p, a->data[j].n))
				continue;
			if (!target_text_allowed(text, p->conf->tlsrpt_private) ||
			    (!p->conf->tlsrpt_private && target_text_private(text))) {
				str_reset(said);
				str_addf(said, "%s is in a private network", host);
				continue;
			}
			str_addf(&s, types[i] == DNS_AAAA ? "%s[%s]" : "%s%s", used++ ? "," : "", text);
		}
		dns_answer_free(a);
	}
	if (used && !(list = curl_slist_append(NULL, s.s)))
		die_temp("out of memory");
	str_free(&s);
	return list;
}

/* ---- the child ---- */

/* Behind the handshake and before anything is said, as for policies (stsfetch.c). */
static int
server_judge(void *arg, char *from, char *to, int from_port, int to_port)
{
	struct posting *g = arg;
	struct curl_tlssessioninfo *tls = NULL;
	struct cert_fault fault = {NULL, "the connection has no TLS"};
	const gnutls_datum_t *chain;
	unsigned n = 0;

	(void)from, (void)to, (void)from_port, (void)to_port;
	if (!curl_easy_getinfo(g->curl, CURLINFO_TLS_SSL_PTR, &tls) && tls &&
	    tls->backend == CURLSSLBACKEND_GNUTLS && tls->internals) {
		chain = gnutls_certificate_get_peers(tls->internals, &n);
		g->proved = cert_check(g->poster->trusted, chain, chain ? n : 0, g->host, &fault);
	}
	g->why = g->proved ? NULL : fault.why;
	return g->proved ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* What it answers is of no use to us. */
static size_t
answer_take(char *p, size_t size, size_t n, void *arg)
{
	struct posting *g = arg;

	(void)p;
	g->answered += n * size;
	if (g->answered <= ANSWER_MAX)
		return n * size;
	g->why = "its answer has no end";
	return 0;
}

#define SET(option, value) (good = good && !curl_easy_setopt(g->curl, option, value))

static bool
curl_prepare(struct posting *g, const char *url, const struct str *gzip, struct curl_slist *resolve)
{
	struct curl_slist *header = curl_slist_append(NULL, "Content-Type: application/tlsrpt+gzip");
	bool good = (g->curl = curl_easy_init()) && header && curl_slist_append(header, "Expect:");

	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDS, str_cstr(gzip));
	SET(CURLOPT_POSTFIELDSIZE, (long)gzip->len);
	SET(CURLOPT_HTTPHEADER, header);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_RESOLVE, resolve);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 0L); /* server_judge does */
	SET(CURLOPT_SSL_VERIFYHOST, 0L);
	SET(CURLOPT_PREREQFUNCTION, server_judge);
	SET(CURLOPT_PREREQDATA, g);
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, "moxq/" MOXQ_VERSION);
	SET(CURLOPT_TIMEOUT, (long)TIME_MAX);
	SET(CURLOPT_ERRORBUFFER, g->error);
	SET(CURLOPT_HEADERFUNCTION, answer_take);
	SET(CURLOPT_HEADERDATA, g);
	SET(CURLOPT_WRITEFUNCTION, answer_take);
	SET(CURLOPT_WRITEDATA, g);
	return good;
}

/* "STATUS WHY" to the parent: the status is 0 when there was none. */
static NORETURN void
child_run(struct posting *g, const char *url, const struct str *gzip, struct curl_slist *resolve)
{
	struct str s = {0};
	long status = 0;
	CURLcode code;

	sandbox_enter(false);
	if (!curl_prepare(g, url, gzip, resolve))
		_exit(1);
	code = curl_easy_perform(g->curl);
	if (g->proved)
		curl_easy_getinfo(g->curl, CURLINFO_RESPONSE_CODE, &status);
	str_addf(&s, "%ld %s", status,
	    g->why ? g->why
	    : code ? (*g->error ? g->error : curl_easy_strerror(code))
		   : "");
	_exit(fd_write_all(1, s.s, s.len) != 0);
}

/* ---- the parent ---- */

static bool
answer_judge(const struct str *got, struct str *said)
{
	char text[SAID_MAX], *end;
	long status = got->len ? strtol(got->s, &end, 10) : 0;
	size_t n;

	str_reset(said);
	if (!got->len || *end != ' ') {
		str_adds(said, "the process that talks to it died");
		return false;
	}
	n = text_visible(text, sizeof text, end + 1, strlen(end + 1));
	if (status)
		str_addf(said, "HTTP status %ld", status);
	if (n && status / 100 != 2)
		str_addf(said, "%s%.*s", status ? ": " : "", (int)n, text);
	return status / 100 == 2;
}

bool
tlsrpt_post(struct tlsrpt_poster *p, const char *url, const struct str *gzip, struct str *said)
{
	struct posting g = {.poster = p};
	struct str got = {0};
	struct curl_slist *resolve;
	unsigned port;
	pid_t pid;
	int fd[2];
	bool good = false;
	ssize_t n;

	str_reset(said);
	if (!host_of(url, g.host, &port)) {
		str_adds(said, "there is no host in it that could be looked up");
		return false;
	}
	if (!(resolve = addresses_of(p, g.host, port, said)))
		return false;
	str_reset(said);
	pid = pipe2(fd, O_CLOEXEC) ? -1 : fork();
	if (pid < 0) {
		str_addf(said, "unable to fork: %s", strerror(errno));
		goto done;
	}
	if (!pid) {
		if (dup2(fd[1], 1) < 0 || close_range(3, ~0U, 0))
			_exit(1);
		child_run(&g, url, gzip, resolve);
	}
	close(fd[1]);
	str_reserve(&got, SAID_MAX + 1);
	n = fd_read_all(fd[0], got.s, SAID_MAX);
	got.len = n > 0 ? (size_t)n : 0;
	got.s[got.len] = 0;
	close(fd[0]);
	child_wait(pid);
	good = answer_judge(&got, said);
	str_free(&got);
done:
	curl_slist_free_all(resolve);
	return good;
}
