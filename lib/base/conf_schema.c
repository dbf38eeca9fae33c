#include "base.h"

#include "clock.h"
#include "conf.h"
#include "conf_schema.h"
#include "log.h"

#define YEAR (365 * DAY)

#define AT(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)
#define TEXT {VALUE_TEXT, 0, 0, NULL}, false
#define PATH {VALUE_PATH, 0, 0, NULL}, false
#define PATH_OR(words) {VALUE_PATH, 0, 0, words}, false
#define NAME {VALUE_NAME, 0, 0, NULL}, false
#define NAME_OR_NONE {VALUE_NAME, 0, 0, ""}, false
#define ADDRESS {VALUE_ADDRESS, 0, 0, NULL}, false
#define BOOL {VALUE_BOOL, 0, 0, NULL}, false
#define NAMES {VALUE_NAMES, 0, 0, NULL}, false
#define PATTERNS {VALUE_PATTERNS, 0, 0, NULL}, false
#define HOSTS {VALUE_HOST_PATTERNS, 0, 0, NULL}, false
#define FIELD {VALUE_FIELD, 0, 0, NULL}, false
#define SERVERS {VALUE_SERVERS, 0, 0, NULL}, false
#define NETWORKS {VALUE_NETWORKS, 0, 0, NULL}, false
#define NUMBER(min, max) {VALUE_NUMBER, min, max, NULL}, false
#define SIZE(min, max) {VALUE_SIZE, min, max, NULL}, false
#define SPAN(min, max) {VALUE_DURATION, min, max, NULL}, false
#define SPANS(min, max) {VALUE_DURATIONS, min, max, NULL}, false
#define WORD(words) {VALUE_WORD, 0, 0, words}, false
#define REQUIRED_WORD(words) {VALUE_WORD, 0, 0, words}, true
#define REQUIRED_TEXT {VALUE_TEXT, 0, 0, NULL}, true
#define REQUIRED_MASK {VALUE_MASK, 0, 0, NULL}, true
#define REQUIRED_PATH {VALUE_PATH, 0, 0, NULL}, true
#define TEXTS {VALUE_TEXTS, 0, 0, NULL}, false
#define WORDS(words) {VALUE_WORDS, 0, 0, words}, false
#define HOSTNAMES {VALUE_HOSTS, 0, 0, NULL}, false
#define ADDRESS4 {VALUE_IP, 4, 4, NULL}, false
#define ADDRESS6 {VALUE_IP, 6, 6, NULL}, false
#define ADDRESSES {VALUE_IPS, 4, 6, NULL}, false
#define SOCKET_ADDRESS {VALUE_SOCKET, 0, 0, NULL}, false
#define MECHANISMS                                                                                           \
	"SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN EXTERNAL "       \
	"OAUTHBEARER XOAUTH2"

const struct conf_key conf_top_keys[] = {
    {"hostname", NULL, AT(conf, hostname), NAME},
    {"mailname", NULL, AT(conf, mailname), NAME},
    {"postmaster", NULL, AT(conf, postmaster), ADDRESS},
    {"spool", SPOOL_DEFAULT, AT(conf, spool), PATH},
    {"local-domains", "{}", AT(conf, local_domains), NAMES},
    {"aliases", "/etc/aliases", AT(conf, aliases), PATH_OR("none")},
    {"default-destination", NULL, AT(conf, default_destination), ADDRESS},
    {"local-maildir", "%h/Maildir", AT(conf, local_maildir), TEXT},
    {"convert-8bit", "false", AT(conf, convert_8bit), BOOL},
    {"inject", "true", AT(conf, inject), BOOL},
    {"received", "true", AT(conf, received), BOOL},
    {"tlsrpt-results", "true", AT(conf, tlsrpt_results), BOOL},
    {"no-outgoing-tlsrpt", "false", AT(conf, no_outgoing_tlsrpt), BOOL},
    {"tlsrpt-private", "false", AT(conf, tlsrpt_private), BOOL},
    {"tlsrpt-spread", "4h", AT(conf, tlsrpt_spread), SPAN(0, 12 * HOUR)},
    {"tlsrpt-all-success", "false", AT(conf, tlsrpt_all_success), BOOL},
    {"max-message-size", "100M", AT(conf, max_message_size), SIZE(1024, INT64_C(1) << 40)},
    {"max-recipients", "10000", AT(conf, max_recipients), NUMBER(1, 10000)},
    {"min-free", "32M", AT(conf, min_free), SIZE(0, INT64_C(1) << 50)},
    {"min-free-inodes", "500", AT(conf, min_free_inodes), NUMBER(0, 1000000000)},
    {"reserve", "24M", AT(conf, reserve), SIZE(0, INT64_C(1) << 40)},
    {"max-loaded", "20000", AT(conf, max_loaded), NUMBER(10, 10000000)},
    {"workers", "100", AT(conf, workers), NUMBER(1, 10000)},
    {"idle", "5s", AT(conf, idle), SPAN(0, DAY)},
    {"stop-wait", "30s", AT(conf, stop_wait), SPAN(0, DAY)},
    {"max-messages-per-day", "1000", AT(conf, max_messages), NUMBER(0, 1000000000)},
    {"max-first-recipients-per-day", "200", AT(conf, max_first_recipients), NUMBER(0, 1000000000)},
    {"keep-retired", "7d", AT(conf, keep_retired), SPAN(0, 10 * YEAR)},
    {"keep-failed-messages", "0s", AT(conf, keep_failed), SPAN(0, YEAR)},
    {"keep-transcripts", "16k", AT(conf, keep_transcripts), SIZE(0, 16384)},
    {"smtp-port", "25", AT(conf, smtp_port), NUMBER(1, 65535)},
    {"ca-file", "/etc/ssl/certs/ca-certificates.crt", AT(conf, ca_file), PATH},
    {"tls-resumption", "true", AT(conf, tls_resumption), BOOL},
    {"tls-minimum", "1.2", AT(conf, tls_minimum), WORD("1.0 1.1 1.2 1.3")},
    {"log-level", "info", AT(conf, log_level), WORD(LOG_LEVELS)},
    {0},
};
static const struct conf_key retry_keys[] = {
    {"intervals", "{7m30s, 15m, 30m, 1h, 2h, 4h, 8h, 16h}", AT(conf_retry, interval), SPANS(SECOND, YEAR)},
    {"give-up", "5d", AT(conf_retry, give_up), SPAN(0, YEAR)},
    {"delay-notice", "2h", AT(conf_retry, delay_notice), SPAN(0, YEAR)},
    {"max-attempts", "0", AT(conf_retry, max_attempts), NUMBER(0, 1000000)},
    {"jitter", "true", AT(conf_retry, jitter), BOOL},
    {0},
};
static const struct conf_key timeouts_keys[] = {
    {"connect", "30s", AT(conf_timeouts, connect), SPAN(SECOND, DAY)},
    {"greeting", "5m", AT(conf_timeouts, greeting), SPAN(SECOND, DAY)},
    {"ehlo", "5m", AT(conf_timeouts, ehlo), SPAN(SECOND, DAY)},
    {"starttls", "2m", AT(conf_timeouts, starttls), SPAN(SECOND, DAY)},
    {"mail", "5m", AT(conf_timeouts, mail), SPAN(SECOND, DAY)},
    {"rcpt", "5m", AT(conf_timeouts, rcpt), SPAN(SECOND, DAY)},
    {"data", "2m", AT(conf_timeouts, data), SPAN(SECOND, DAY)},
    {"block", "3m", AT(conf_timeouts, block), SPAN(SECOND, DAY)},
    {"dot", "10m", AT(conf_timeouts, dot), SPAN(SECOND, DAY)},
    {"quit", "5s", AT(conf_timeouts, quit), SPAN(SECOND, DAY)},
    {"session", "2h", AT(conf_timeouts, session), SPAN(SECOND, 7 * DAY)},
    {0},
};
static const struct conf_key dns_keys[] = {
    {"forward", "{}", AT(conf_dns, forward), SERVERS},
    {"trust-anchor", NULL, AT(conf_dns, trust_anchor), PATH_OR("none")},
    {"root-hints", "false", AT(conf_dns, root_hints), BOOL},
    {"known-good", "ietf.org", AT(conf_dns, known_good), NAME_OR_NONE},
    {"known-bad", "dnssec-failed.org", AT(conf_dns, known_bad), NAME_OR_NONE},
    {0},
};
static const struct conf_key sts_keys[] = {
    {"port", "443", AT(conf_sts, port), NUMBER(1, 65535)},
    {"ca-file", NULL, AT(conf_sts, ca_file), PATH},
    {"timeout", "60s", AT(conf_sts, timeout), SPAN(SECOND, 60 * SECOND)},
    {"loopback", "false", AT(conf_sts, loopback), BOOL},
    {0},
};
static const struct conf_key dsn_keys[] = {
    {"return-size", "64k", AT(conf_dsn, return_size), SIZE(0, 10 << 20)},
    {"template-dir", NULL, AT(conf_dsn, template_dir), PATH},
    {0},
};
static const struct conf_key smtpd_keys[] = {
    {"trusted-networks", "{127.0.0.0/8, ::1}", AT(conf_smtpd, trusted_networks), NETWORKS},
    {"max-messages", "0", AT(conf_smtpd, max_messages), NUMBER(0, 1000000)},
    {"future-release", "30d", AT(conf_smtpd, future_release), SPAN(0, 10 * YEAR)},
    {"timeout", "5m", AT(conf_smtpd, timeout), SPAN(SECOND, DAY)},
    {0},
};
static const struct conf_key site_keys[] = {
    {"connections", "0", AT(conf_site, connections), NUMBER(0, 10000)},
    {"messages-per-connection", "0", AT(conf_site, messages_per_connection), NUMBER(0, 1000000)},
    {"recipients-per-transaction", "0", AT(conf_site, recipients_per_transaction), NUMBER(0, 100)},
    {"messages-per-minute", "0", AT(conf_site, messages_per_minute), NUMBER(0, 1000000)},
    {0},
};
static const struct conf_key transport_keys[] = {
    {"type", NULL, AT(conf_transport, type),
	REQUIRED_WORD("direct smtp submission submissions socks local discard fail")},
    {"host", "{}", AT(conf_transport, host), HOSTNAMES},
    {"srv", NULL, AT(conf_transport, srv), NAME},
    {"port", NULL, AT(conf_transport, port), NUMBER(1, 65535)},
    {"starttls", "may", AT(conf_transport, starttls), WORD("may never must")},
    {"tls-verify", "auto", AT(conf_transport, verify), WORD("auto pkix dane none")},
    {"loopback", NULL, AT(conf_transport, loopback), BOOL},
    {"ipv4", "true", AT(conf_transport, ipv4), BOOL},
    {"ipv6", "true", AT(conf_transport, ipv6), BOOL},
    {"source-ipv4", NULL, AT(conf_transport, source_ipv4), ADDRESS4},
    {"source-ipv6", NULL, AT(conf_transport, source_ipv6), ADDRESS6},
    {"hostname", NULL, AT(conf_transport, hostname), NAME},
    {"username", NULL, AT(conf_transport, username), TEXT},
    {"password-file", NULL, AT(conf_transport, password_file), PATH},
    {"password-command", NULL, AT(conf_transport, password_command), TEXT},
    {"token-command", NULL, AT(conf_transport, token_command), TEXT},
    {"mechanisms", "{}", AT(conf_transport, mechanisms), WORDS(MECHANISMS)},
    {"allow-plaintext-auth", "false", AT(conf_transport, allow_plaintext_auth), BOOL},
    {"client-certificate", NULL, AT(conf_transport, client_certificate), PATH},
    {"client-key", NULL, AT(conf_transport, client_key), PATH},
    {"address", NULL, AT(conf_transport, proxy), SOCKET_ADDRESS},
    {"remote-ips", "{}", AT(conf_transport, remote_ips), ADDRESSES},
    {"users", "{}", AT(conf_transport, users), TEXTS},
    {"code", "554", AT(conf_transport, code), NUMBER(400, 599)},
    {"message", "mail to this destination is not accepted here", AT(conf_transport, message), TEXT},
    {0},
};
static const struct conf_key route_keys[] = {
    {"from", "{}", AT(conf_route, from), PATTERNS},
    {"to", "{}", AT(conf_route, to), PATTERNS},
    {"to-mx", "{}", AT(conf_route, to_mx), HOSTS},
    {"header", NULL, AT(conf_route, header), FIELD},
    {"minimum-attempts", "0", AT(conf_route, minimum_attempts), NUMBER(0, 1000)},
    {"transport", NULL, AT(conf_route, transport), REQUIRED_TEXT},
    {0},
};

static const struct conf_key suppress_keys[] = {
    {"automatic", "true", AT(conf_suppress, automatic), BOOL},
    {"failures", "3", AT(conf_suppress, failures), NUMBER(1, 100)},
    {"expire", "90d", AT(conf_suppress, expire), SPAN(0, 10 * YEAR)},
    {0},
};
static const struct conf_key dnsbl_keys[] = {
    {"zones", "{}", AT(conf_dnsbl, zones), NAMES},
    {"addresses", "{}", AT(conf_dnsbl, addresses), ADDRESSES},
    {0},
};
static const struct conf_key dkim_keys[] = {
    {"key", NULL, AT(conf_dkim, key), REQUIRED_PATH},
    {"canonicalization", "relaxed/relaxed", AT(conf_dkim, canonicalization),
	WORD("relaxed/relaxed relaxed/simple simple/relaxed simple/simple")},
    {"headers", "{}", AT(conf_dkim, headers), TEXTS},
    {0},
};
static const struct conf_key domain_keys[] = {
    {"accounts", "{}", AT(conf_domain, accounts), TEXTS},
    {0},
};
static const struct conf_key account_keys[] = {
    {"max-messages-per-day", NULL, AT(conf_account, max_messages), NUMBER(0, 1000000000)},
    {"max-first-recipients-per-day", NULL, AT(conf_account, max_first_recipients), NUMBER(0, 1000000000)},
    {0},
};

static const struct conf_key rewrite_keys[] = {
    {"to", NULL, AT(conf_rewrite, to), REQUIRED_MASK},
    {0},
};

#define IN(type, list, count)                                                                                \
	offsetof(struct type, list), sizeof(*((struct type *)0)->list), offsetof(struct type, count)
#define ONE(member) offsetof(struct conf, member), 0, 0, 0, CONF_ONCE, NULL

static const struct conf_section domain_sections[] = {
    {"dkim", dkim_keys, IN(conf_domain, dkim, ndkim), offsetof(struct conf_dkim, selector), CONF_TITLED,
	NULL},
    {"route", route_keys, IN(conf_domain, route, nroute), 0, CONF_LIST, NULL},
    {0},
};
static const struct conf_section account_sections[] = {
    {"route", route_keys, IN(conf_account, route, nroute), 0, CONF_LIST, NULL},
    {"rewrite", rewrite_keys, IN(conf_account, rewrite, nrewrite), offsetof(struct conf_rewrite, pattern),
	CONF_TITLED, NULL},
    {0},
};
const struct conf_section conf_sections[] = {
    {"retry", retry_keys, ONE(retry)},
    {"timeouts", timeouts_keys, ONE(timeouts)},
    {"dns", dns_keys, ONE(dns)},
    {"sts", sts_keys, ONE(sts)},
    {"dsn", dsn_keys, ONE(dsn)},
    {"smtpd", smtpd_keys, ONE(smtpd)},
    {"suppress", suppress_keys, ONE(suppress)},
    {"dnsbl", dnsbl_keys, ONE(dnsbl)},
    {"site", site_keys, IN(conf, site, nsite), offsetof(struct conf_site, pattern), CONF_TITLED, NULL},
    {"transport", transport_keys, IN(conf, transport, ntransport), offsetof(struct conf_transport, name),
	CONF_TITLED, NULL},
    {"route", route_keys, IN(conf, route, nroute), 0, CONF_LIST, NULL},
    {"domain", domain_keys, IN(conf, domain, ndomain), offsetof(struct conf_domain, name), CONF_TITLED,
	domain_sections},
    {"account", account_keys, IN(conf, account, naccount), offsetof(struct conf_account, name), CONF_TITLED,
	account_sections},
    {"rewrite", rewrite_keys, IN(conf, rewrite, nrewrite), offsetof(struct conf_rewrite, pattern),
	CONF_TITLED, NULL},
    {0},
};
