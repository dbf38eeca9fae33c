/* One connection of fake-mx: its bytes, its lines, its messages and what is kept of them.
 *
 * With dir set, connection N leaves dir/N.in (every byte that came in, after decryption), dir/N.log (the
 * dialogue), and for its M-th message dir/N.M.wire (as it came) and dir/N.M.msg (without dot-stuffing).
 * Whatever a client does against the script ends the process with 1 and a sentence that names the script's
 * line. */
#ifndef CONN_H
#define CONN_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#include "fake.h"
#include "str.h"

struct conn {
	int fd, number, messages;
	int line; /* of the script, for sentences */
	gnutls_session_t tls;
	gnutls_certificate_credentials_t cred;
	struct str in, out;
	gnutls_datum_t ticket_key; /* none: no tickets */
	bool ask_certificate;      /* of the client, in the next handshake; the log gets "CLIENT SUBJECT" */
	long drip, drip_ms;        /* drip bytes, then drip_ms of rest; 0: all at once */
	const char *script, *dir;
	int64_t patience; /* how long a client may stay silent */
	FILE *raw, *log;
	/* The player's: */
	struct section *section;
	struct str keywords;
	long bdat; /* count of the last BDAT line, or -1 */
};

void conn_open(struct conn *c); /* opens the transcript */
NORETURN void conn_fail(struct conn *c, const char *why, const char *detail);
/* Queues one reply line (escapes \r \n \t \\ \xHH) for the next flush: lines that follow one another leave in
 * one write. */
void conn_say(struct conn *c, const char *line);
void conn_say_raw(struct conn *c, const char *bytes);
void conn_flush(struct conn *c);
void conn_write(struct conn *c, const char *p, size_t n);
/* More input: 1, or 0 at its end, -1 on an error (a reset), -2 when the deadline is past. */
int conn_fill(struct conn *c, int64_t deadline);
/* The next line without its CRLF, the caller's; NULL at the end of input or after a reset. */
char *conn_line(struct conn *c);
void conn_unread(struct conn *c, const char *line);
void conn_read_dotted(struct conn *c);
void conn_read_counted(struct conn *c, size_t n);
/* Says no more, keeps what the client still sends, exits 0. */
NORETURN void conn_close(struct conn *c);
NORETURN void conn_reset(struct conn *c);
/* With c->cred; the log gets "TLS VERSION SNI", and " resumed". `how`: empty, a GnuTLS priority string, "broken" (no TLS at all), or "alert" (no common cipher). */
void conn_starttls(struct conn *c, const char *how);
/* From the next handshake on tickets are given and taken: those of connections with the same key. */
void conn_tickets(struct conn *c, const char *key);
long conn_hello_size(struct conn *c); /* the ClientHello's record length; it stays unread */

#endif
