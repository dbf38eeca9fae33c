/* The configuration: one file in libconfuse syntax, read by this module alone. Every key, its unit and
 * default: mox.conf.5.
 *
 * conf_load never answers a half-good configuration: it ends the program (die_perm) or, as conf_try, answers
 * NULL and one sentence "FILE:LINE: what is wrong and what was expected". A missing default file is an empty
 * one; a missing file that was asked for by name is an error. The struct owns all it points to; durations are
 * microseconds, sizes bytes. */
#ifndef CONF_H
#define CONF_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define CONF_DEFAULT "/etc/mox/mox.conf"
#define SPOOL_DEFAULT "/var/spool/mox"

struct conf_list {
	char **v;
	size_t n;
};

enum transport_type {
	TRANSPORT_DIRECT,
	TRANSPORT_SMTP,
	TRANSPORT_SUBMISSION,  /* STARTTLS must */
	TRANSPORT_SUBMISSIONS, /* TLS from the first byte */
	TRANSPORT_SOCKS,       /* direct, through a proxy */
	TRANSPORT_LOCAL,       /* mox-local, whatever the domain */
	TRANSPORT_DISCARD,
	TRANSPORT_FAIL
};
enum starttls_use { STARTTLS_MAY, STARTTLS_NEVER, STARTTLS_MUST };
enum tls_verify {
	VERIFY_AUTO, /* as the relay's own TLSA records say, else as starttls says. Only of smtp: the others say which */
	VERIFY_PKIX,
	VERIFY_DANE,
	VERIFY_NONE
};

struct conf_transport {
	char *name;
	enum transport_type type;
	struct conf_list host; /* of a relay, in the order to try; empty: srv */
	char *srv;             /* domain whose SRV records name the hosts; NULL */
	uint16_t port;
	enum starttls_use starttls; /* must for submission(s) */
	enum tls_verify verify;
	bool loopback; /* targets in 127.0.0.0/8 and ::1 are allowed; true for relays when not set */
	bool ipv4, ipv6;
	char *source_ipv4, *source_ipv6; /* NULL: the kernel chooses */
	char *hostname;                  /* in EHLO; NULL: conf->hostname */
	/* Who logs in; for socks at the proxy. At most one of the three ways to the secret is set. */
	char *username, *password_file, *password_command, *token_command;
	struct conf_list mechanisms; /* empty: the strongest offered */
	bool allow_plaintext_auth;
	char *client_certificate, *client_key; /* PEM files; both or neither */
	char *proxy;                           /* socks: "address:port", "[address]:port" */
	struct conf_list remote_ips;           /* socks: where its connections come from */
	struct conf_list users;                /* accounts whose messages may ask for it; empty: all */
	int code;                              /* fail: 400 to 599 */
	char *message;
};

struct conf_route {
	struct conf_list from, to; /* domains; a leading dot: the domain and below; empty: any */
	struct conf_list to_mx;    /* hosts, or *.NAME; empty: any */
	char *header;              /* "Name: pattern"; NULL: any */
	unsigned minimum_attempts;
	char *transport; /* names one of the transports: checked */
};

struct conf_site {
	char *pattern; /* MX host name (or host of a smtp transport); a leading "*." matches one or more
			  labels; "*" the default */
	unsigned connections, messages_per_connection, recipients_per_transaction,
	    messages_per_minute; /* 0: not set here */
};

struct conf_retry {
	int64_t *interval; /* between attempt n and n+1; the last one repeats */
	size_t n;
	int64_t give_up, delay_notice;
	unsigned max_attempts; /* 0: no limit but give_up */
	bool jitter;
};

struct conf_timeouts { /* RFC 5321 4.5.3.2 */
	int64_t connect, greeting, ehlo, starttls, mail, rcpt, data, block, dot, quit, session;
};

struct conf_dns {
	struct conf_list forward;     /* "address" or "address@port"; empty: resolv.conf */
	char *trust_anchor;           /* file; NULL: the system's; "none": no validation */
	bool root_hints;              /* resolve from the root, asking nobody else */
	char *known_good, *known_bad; /* names whose signatures are right and wrong; "": not asked for */
};

struct conf_sts {        /* MTA-STS */
	uint16_t port;   /* of policy hosts */
	char *ca_file;   /* default: ca_file of all */
	int64_t timeout; /* of one fetch, all in all */
	bool loopback;   /* policy hosts may be on this machine */
};

struct conf_dsn {
	uint64_t return_size; /* bytes of a message that a notice gives back whole */
	char *template_dir;   /* NULL: the built-in texts */
};

struct conf_smtpd { /* mox-smtpd */
	struct conf_list trusted_networks;
	unsigned max_messages;  /* in a session; 0: any number */
	int64_t future_release; /* the longest hold a client may ask for; 0: none */
	int64_t timeout;
};

struct conf_suppress {
	bool automatic;
	unsigned failures; /* in a row, after which an address is listed */
	int64_t expire;    /* of what is listed by itself; 0: never */
};

struct conf_dnsbl {
	struct conf_list zones;     /* lists of bad senders, to be watched for our own addresses */
	struct conf_list addresses; /* ours, as others see them; empty: found out */
};

struct conf_dkim {
	char *selector;
	char *key;                 /* file, PEM */
	unsigned canonicalization; /* as conf_schema.c lists them */
	bool header_simple, body_simple;
	struct conf_list headers; /* empty: the usual ones */
};

struct conf_domain { /* of senders */
	char *name;
	struct conf_list accounts; /* who may use it; empty: all */
	struct conf_dkim *dkim;
	size_t ndkim;
	struct conf_route *route;
	size_t nroute;
};

struct conf_rewrite {
	char *pattern; /* name, name@domain, @domain, @.domain, or * */
	char *to;      /* an address; or @domain, the name in front of it stays */
};

struct conf_account {
	char *name;
	unsigned max_messages, max_first_recipients; /* in a day; 0: no limit */
	struct conf_route *route;
	size_t nroute;
	struct conf_rewrite *rewrite; /* before those of all */
	size_t nrewrite;
};

struct conf {
	char *file;
	char *hostname; /* EHLO name and Received: by; default the machine's */
	char *mailname; /* qualifies bare local addresses; default /etc/mailname, else hostname */
	char *postmaster;
	char *spool;
	struct conf_list local_domains;
	char *aliases;             /* file; "none" */
	char *default_destination; /* NULL: none; for local names with neither alias nor mailbox */
	char *local_maildir;       /* "%u" the user part, "%h" his home; mox-local */
	bool convert_8bit;         /* mox-sendmail makes all 8-bit bodies it may quoted-printable */
	bool inject;               /* mox-runq -w keeps mox-inject running */
	bool received;             /* mox-queue-add writes a Received: line */
	uint64_t max_message_size;
	unsigned max_recipients; /* of one message */
	uint64_t min_free, min_free_inodes;
	uint64_t reserve;
	unsigned max_loaded; /* recipients in mox-runq's memory */
	unsigned workers;    /* connections at once, all sites */
	int64_t stop_wait;   /* mox-runq, told to stop, waits so long for what is under way */
	int64_t idle;        /* a kept connection without work is closed after this */
	uint16_t smtp_port;  /* of direct delivery */
	char *ca_file;
	bool tlsrpt_results;     /* mox-runq writes spool/tlsrpt/DAY */
	bool no_outgoing_tlsrpt; /* nobody gets a report on TLS */
	bool tlsrpt_private;     /* reports may go by HTTPS to this machine and private networks */
	int64_t tlsrpt_spread;   /* reports of a day are sent over this time at most */
	bool tlsrpt_all_success; /* reports go out though nothing failed */
	bool tls_resumption;
	int tls_minimum; /* 0 to 3: TLS 1.0 to 1.3 */
	int log_level;
	unsigned max_messages, max_first_recipients; /* of an account in a day; 0: no limit */
	int64_t keep_retired;                        /* history; 0: none */
	int64_t keep_failed;                         /* messages that failed; 0: none */
	uint64_t keep_transcripts;                   /* bytes of a failed session's; 0: none */
	struct conf_retry retry;
	struct conf_timeouts timeouts;
	struct conf_dns dns;
	struct conf_sts sts;
	struct conf_dsn dsn;
	struct conf_smtpd smtpd;
	struct conf_suppress suppress;
	struct conf_dnsbl dnsbl;
	struct conf_site *site;
	size_t nsite;
	struct conf_transport *transport;
	size_t ntransport;
	struct conf_route *route;
	size_t nroute;
	bool has_to_mx; /* some route has, of any section */
	struct conf_domain *domain;
	size_t ndomain;
	struct conf_account *account;
	size_t naccount;
	struct conf_rewrite *rewrite; /* the first that fits counts */
	size_t nrewrite;
};

/* file: from -C, or NULL: MOX_CONF, else the default. MOX_SPOOL wins over the file's spool. Under AT_SECURE
 * the environment is not looked at. */
struct conf *conf_load(const char *file);
/* NULL and one sentence in *why. */
struct conf *conf_try(const char *file, struct str *why);
void conf_free(struct conf *c);
/* NULL: none of that name. */
const struct conf_transport *conf_transport(const struct conf *c, const char *name);
const struct conf_domain *conf_domain(const struct conf *c, const char *name); /* ASCII case ignored */
const struct conf_account *conf_account(const struct conf *c, const char *name);
bool conf_list_has(const struct conf_list *l, const char *s); /* ASCII case ignored */
/* To configured hosts, whatever the recipient's domain. */
bool conf_is_relay(const struct conf_transport *t);
/* Whether it has a secret to show. */
bool conf_logs_in(const struct conf_transport *t);
/* Whether messages of that account may ask for it (users). */
bool conf_transport_allows(const struct conf_transport *t, const char *account);

#endif
