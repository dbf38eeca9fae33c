#include "base.h"

#include "cert.h"
#include "die.h"
#include "log.h"
#include "stsfetch.h"
#include "target.h"
#include "version.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdarg.h>
#include <sys/queue.h>

#define EXTRA_MAX 8
#define NETWORK_MAX 2 /* fetches at once from one /24 (IPv4) or /48 (IPv6) */
#define NETWORK_SIZE 7
#define HEADERS_MAX 65536

struct fetch {
	TAILQ_ENTRY(fetch) link;
	struct sts_fetches *all;
	char *host;
	unsigned char network[NETWORK_SIZE]; /* of its first address */
	struct curl_slist *resolve;
	CURL *curl; /* NULL: it waits for its turn */
	struct str body;
	size_t headers;
	const char *result; /* found while it went on, before libcurl's own verdict */
	char why[CURL_ERROR_SIZE + 64];
	char error[CURL_ERROR_SIZE];
	bool proved; /* the server is the policy host */
	sts_fetched *done;
	void *arg;
};
TAILQ_HEAD(fetch_list, fetch);

struct sts_fetches {
	const struct conf_sts *conf;
	gnutls_x509_trust_list_t trusted;
	CURLM *multi;
	struct fetch_list waiting, active;
	size_t nactive;
};

static void PRINTF(3, 4) fetch_fail(struct fetch *f, const char *result, const char *fmt, ...)
{
	va_list ap;

	f->result = result;
	va_start(ap, fmt);
	vsnprintf(f->why, sizeof f->why, fmt, ap);
	va_end(ap);
}

/* Without any nobody is trusted. */
static void
authorities_read(struct sts_fetches *f)
{
	int n = gnutls_x509_trust_list_add_trust_file(
	    f->trusted, f->conf->ca_file, NULL, GNUTLS_X509_FMT_PEM, 0, 0);

	if (n > 0)
		return;
	log_open(LOG_WARN, "no-authorities");
	log_s("file", f->conf->ca_file);
	log_s("error", n < 0 ? gnutls_strerror(n) : "no certificate in it");
	log_close();
}

struct sts_fetches *
sts_fetches_open(const struct conf_sts *c)
{
	struct sts_fetches *f = mem_zalloc(sizeof *f);

	f->conf = c;
	TAILQ_INIT(&f->waiting);
	TAILQ_INIT(&f->active);
	if (gnutls_x509_trust_list_init(&f->trusted, 0) < 0)
		die_temp("out of memory");
	authorities_read(f);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(f->multi = curl_multi_init()))
		die_temp("unable to set up libcurl");
	return f;
}

static void
fetch_free(struct fetch *f)
{
	if (f->curl) {
		curl_multi_remove_handle(f->all->multi, f->curl);
		curl_easy_cleanup(f->curl);
	}
	curl_slist_free_all(f->resolve);
	str_free(&f->body);
	free(f->host);
	free(f);
}

void
sts_fetches_close(struct sts_fetches *f)
{
	struct fetch *one;

	while ((one = TAILQ_FIRST(&f->active)) || (one = TAILQ_FIRST(&f->waiting))) {
		TAILQ_REMOVE(one->curl ? &f->active : &f->waiting, one, link);
		fetch_free(one);
	}
	curl_multi_cleanup(f->multi);
	curl_global_cleanup();
	gnutls_x509_trust_list_deinit(f->trusted, 1);
	free(f);
}

/* ---- while it goes on ---- */

/* Behind the handshake and before anything is said. libcurl's own check would read the file of authorities for each
 * fetch, 4 MB and 8 ms, and take a common name for a DNS-ID. */
static int
server_judge(void *arg, char *from, char *to, int from_port, int to_port)
{
	struct fetch *f = arg;
	struct curl_tlssessioninfo *tls = NULL;
	struct cert_fault fault = {NULL, "the connection has no TLS"};
	const gnutls_datum_t *chain;
	unsigned n = 0;

	(void)from, (void)to, (void)from_port, (void)to_port;
	if (!curl_easy_getinfo(f->curl, CURLINFO_TLS_SSL_PTR, &tls) && tls &&
	    tls->backend == CURLSSLBACKEND_GNUTLS && tls->internals) {
		chain = gnutls_certificate_get_peers(tls->internals, &n);
		f->proved = cert_check(f->all->trusted, chain, chain ? n : 0, f->host, &fault);
	}
	if (f->proved)
		return CURL_PREREQFUNC_OK;
	fetch_fail(f, STS_WEBPKI_INVALID, "%s", fault.why);
	return CURL_PREREQFUNC_ABORT;
}

static size_t
header_take(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	(void)p;
	f->headers += n * size;
	if (f->headers <= HEADERS_MAX)
		return n * size;
	fetch_fail(f, STS_FETCH_ERROR, "more than %d bytes of headers", HEADERS_MAX);
	return 0;
}

static size_t
body_take(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	if (f->body.len + n * size > STS_BODY_MAX) {
		fetch_fail(f, STS_FETCH_ERROR, "longer than 64 kB");
		return 0;
	}
	str_add(&f->body, p, n * size);
	return n * size;
}

/* ---- begin ---- */

#define SET(option, value) (good = good && !curl_easy_setopt(f->curl, option, value))

static void
fetch_start(struct sts_fetches *all, struct fetch *f)
{
	struct str url = {0};
	bool good = (f->curl = curl_easy_init()) != NULL;

	TAILQ_REMOVE(&all->waiting, f, link);
	TAILQ_INSERT_TAIL(&all->active, f, link);
	all->nactive++;
	str_addf(&url, "https://%s:%u/.well-known/mta-sts.txt", f->host, all->conf->port);
	SET(CURLOPT_URL, url.s);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_RESOLVE, f->resolve);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 0L); /* server_judge does */
	SET(CURLOPT_SSL_VERIFYHOST, 0L);
	SET(CURLOPT_PREREQFUNCTION, server_judge);
	SET(CURLOPT_PREREQDATA, f);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, "moxq/" MOXQ_VERSION);
	SET(CURLOPT_TIMEOUT_MS, (long)(all->conf->timeout / 1000));
	SET(CURLOPT_MAXFILESIZE, (long)STS_BODY_MAX);
	SET(CURLOPT_ERRORBUFFER, f->error);
	SET(CURLOPT_HEADERFUNCTION, header_take);
	SET(CURLOPT_HEADERDATA, f);
	SET(CURLOPT_WRITEFUNCTION, body_take);
	SET(CURLOPT_WRITEDATA, f);
	SET(CURLOPT_PRIVATE, f);
	if (!good || curl_multi_add_handle(all->multi, f->curl))
		die_temp("unable to set up libcurl");
	str_free(&url);
}

/* Of the first address that may be used: "4" or "6" and what its neighbours share. false: there is none. */
static bool
network_of(unsigned char out[NETWORK_SIZE], const struct sts_fetches *all, const struct plan_list *addr)
{
	unsigned char b[16];

	memset(out, 0, NETWORK_SIZE);
	for (size_t i = 0; i < addr->n; i++) {
		bool six = strchr(addr->v[i], ':');

		if (!target_text_allowed(addr->v[i], all->conf->loopback) ||
		    inet_pton(six ? AF_INET6 : AF_INET, addr->v[i], b) != 1)
			continue;
		out[0] = six ? '6' : '4';
		memcpy(out + 1, b, six ? 6 : 3);
		return true;
	}
	return false;
}

static unsigned
network_active(const struct sts_fetches *all, const unsigned char network[NETWORK_SIZE])
{
	const struct fetch *f;
	unsigned n = 0;

	TAILQ_FOREACH (f, &all->active, link)
		n += !memcmp(f->network, network, NETWORK_SIZE);
	return n;
}

bool
sts_fetch_waits(const struct sts_fetches *all, const struct plan_list *addr)
{
	unsigned char network[NETWORK_SIZE];
	const struct fetch *f;
	unsigned n;

	if (!network_of(network, all, addr))
		return false;
	n = network_active(all, network);
	TAILQ_FOREACH (f, &all->waiting, link)
		n += !memcmp(f->network, network, NETWORK_SIZE);
	return n >= NETWORK_MAX || all->nactive >= STS_FETCHES_MAX;
}

void
sts_fetch(
    struct sts_fetches *all, const char *domain, const struct plan_list *addr, sts_fetched *done, void *arg)
{
	struct fetch *f = mem_zalloc(sizeof *f);
	struct str s = {0};
	size_t used = 0;

	*f = (struct fetch){.all = all, .done = done, .arg = arg};
	(void)network_of(f->network, all, addr);
	str_addf(&s, "mta-sts.%s", domain);
	f->host = str_take(&s);
	/* "+": libcurl forgets it again. */
	str_addf(&s, "+%s:%u:", f->host, all->conf->port);
	for (size_t i = 0; i < addr->n; i++)
		if (target_text_allowed(addr->v[i], all->conf->loopback))
			str_addf(
			    &s, strchr(addr->v[i], ':') ? "%s[%s]" : "%s%s", used++ ? "," : "", addr->v[i]);
	if (used)
		f->resolve = curl_slist_append(NULL, s.s);
	else
		fetch_fail(f, STS_FETCH_ERROR,
		    "%s has only addresses where no policy can be, such as this machine's own loopback",
		    f->host);
	if (used && !f->resolve)
		die_temp("out of memory");
	str_free(&s);
	TAILQ_INSERT_TAIL(&all->waiting, f, link);
}

/* ---- end ---- */

/* What became of it, in f->result and f->why, or NULL there: the body is to be read. */
static void
fetch_judge(struct fetch *f, CURLcode code)
{
	const char *type = NULL;
	long status = 0;

	if (f->result)
		return;
	if (code) {
		fetch_fail(f, STS_FETCH_ERROR, "%s", *f->error ? f->error : curl_easy_strerror(code));
		return;
	}
	if (!f->proved) {
		fetch_fail(f, STS_WEBPKI_INVALID, "nobody looked at the certificate");
		return;
	}
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		fetch_fail(
		    f, STS_FETCH_ERROR, "the policy host answers with HTTP status %ld, not 200", status);
		return;
	}
	if (curl_easy_getinfo(f->curl, CURLINFO_CONTENT_TYPE, &type) || !type || !sts_media_type_ok(type))
		fetch_fail(
		    f, STS_FETCH_ERROR, "its media type is %.60s, not text/plain", type ? type : "not told");
}

static void
fetch_done(struct fetch *f)
{
	struct sts_policy p = {0};
	const char *wrong = NULL;

	if (!f->result && (wrong = sts_policy_parse(&p, str_cstr(&f->body), f->body.len)))
		fetch_fail(f, STS_POLICY_INVALID, "%s", wrong);
	if (f->result)
		sts_policy_free(&p);
	f->done(f->arg, &p, f->result, f->result ? f->why : NULL);
	sts_policy_free(&p);
	fetch_free(f);
}

/* In the order in which they came, but for those whose network is busy. true: it called back. */
static bool
waiting_start(struct sts_fetches *f)
{
	struct fetch *one, *next;
	bool called = false;

	for (one = TAILQ_FIRST(&f->waiting); one; one = next) {
		next = TAILQ_NEXT(one, link);
		if (one->result) {
			TAILQ_REMOVE(&f->waiting, one, link);
			fetch_done(one);
			called = true;
		} else if (f->nactive < STS_FETCHES_MAX && network_active(f, one->network) < NETWORK_MAX) {
			fetch_start(f, one);
		}
	}
	return called;
}

/* true: it called back. */
static bool
active_end(struct sts_fetches *f)
{
	bool called = false;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left))) {
		CURLcode code = m->data.result;
		struct fetch *one = NULL;
		char *p = NULL;

		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p) || !p)
			continue;
		one = (struct fetch *)(void *)p;
		TAILQ_REMOVE(&f->active, one, link);
		f->nactive--;
		fetch_judge(one, code);
		fetch_done(one);
		called = true;
	}
	return called;
}

/* Whatever can be done without waiting. true: it called back. */
static bool
fetches_go_on(struct sts_fetches *f)
{
	bool called = waiting_start(f);
	int running;

	if (curl_multi_perform(f->multi, &running))
		die_temp("unable to fetch: libcurl failed");
	return active_end(f) || called;
}

void
sts_fetches_wait(struct sts_fetches *f, struct pollfd *pfd, unsigned n, int ms)
{
	struct curl_waitfd extra[EXTRA_MAX];
	int got;

	if (n > EXTRA_MAX)
		bug("%u descriptors to wait for", n);
	/* What is done by now is seen in no descriptor. */
	if (fetches_go_on(f))
		ms = 0;
	for (unsigned i = 0; i < n; i++)
		extra[i] = (struct curl_waitfd){.fd = pfd[i].fd,
		    .events = (short)((pfd[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
				      (pfd[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0))};
	/* Without a transfer libcurl has no limit of its own. */
	if (curl_multi_poll(f->multi, extra, n, ms < 0 ? INT32_MAX : ms, &got))
		die_temp("unable to wait: libcurl failed");
	for (unsigned i = 0; i < n; i++)
		pfd[i].revents = extra[i].revents;
	fetches_go_on(f);
}
