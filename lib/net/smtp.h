/* One SMTP connection, client side (RFC 5321): dialogue up to EHLO, the commands of a transaction, replies.
 *
 * smtp_dial, smtp_greeting, smtp_hello, perhaps smtp_starttls and smtp_hello again; then smtp_put_* gather
 * commands, stream_flush sends them, smtp_reply reads one reply after the other; smtp_quit ends. Whether a
 * reply is good news is not judged here. After any answer but SMTP_REPLY and SMTP_WATCH the connection is of
 * no more use: smtp_close, and smtp_why tells. */
#ifndef SMTP_H
#define SMTP_H

#include "base.h"

#include "conf.h"
#include "ehlo.h"
#include "reply.h"
#include "stream.h"

#include <stdbool.h>
#include <stdint.h>

enum smtp_got {
	SMTP_REPLY, /* c->reply is one */
	SMTP_WATCH, /* a packet waits at the job socket; the reply is still to come: call again */
	SMTP_GONE,  /* nobody waits for the result any more */
	SMTP_LOST,  /* the peer closed or reset the connection */
	SMTP_TIMEOUT,
	SMTP_BAD,  /* what the peer said is no SMTP (T89, T97) */
	SMTP_TLS,  /* handshake, or a broken record later */
	SMTP_FILE, /* the message cannot be read */
};

/* How connections are made, when not straight from any address of ours. All are borrows; the proxy's secret is needed
 * while smtp_dial runs. */
struct smtp_way {
	const char *source4, *source6;
	const char *proxy; /* address; NULL: none */
	uint16_t proxy_port;
	const char *proxy_username, *proxy_password; /* NULL: no login there */
	const struct conf_list *remote; /* where the proxy's connections come from, when it does not say */
};

struct smtp {
	struct stream io;
	const struct smtp_way *way; /* NULL: straight */
	int watch;                  /* the job socket, or -1; set once, before the first smtp_dial */
	struct reply reply;
	struct ehlo ehlo;
	char host[256], ip[64];
	char self[64];  /* our address of it */
	char helo[256]; /* what the server calls itself in its last answer to EHLO or HELO; empty: nothing */
	uint16_t port;
	bool waiting;        /* smtp_reply was called and has not answered SMTP_REPLY yet */
	int64_t deadline;    /* of that reply */
	const char *refused; /* smtp_dial failed for what the proxy said: half a sentence */
	bool proxy_fault;    /* and no other target would fare better */
	unsigned trips;  /* round trips: how often we had said something, and then had to wait for the peer */
	unsigned waits;  /* how often we had to wait for it at all */
	uint64_t asked;  /* io.written at the last trip */
	const char *bad; /* SMTP_BAD: half a sentence */
};

/* io.fd must be -1, io.cap and io.block set. Connects and becomes a connection to host (name for people and
 * SNI). 0, or -1 with errno as dial, and perhaps c->refused. */
int smtp_dial(struct smtp *c, const char *host, const char *ip, uint16_t port, int64_t deadline) MUST_USE;
bool smtp_is_open(const struct smtp *c);
void smtp_close(struct smtp *c);
/* Says QUIT, waits at most `timeout` microseconds for what is answered, which changes nothing (T95), and
 * closes. */
void smtp_quit(struct smtp *c, int64_t timeout);

/* One reply, waited for until `timeout` microseconds from the first call for it. */
enum smtp_got smtp_reply(struct smtp *c, int64_t timeout);
/* Sends one command line (without CRLF) and waits for its reply. */
enum smtp_got smtp_command(struct smtp *c, const char *line, int64_t timeout);
/* The same in two: the line joins what stream_flush will send; the answer is read later. */
enum smtp_got smtp_put(struct smtp *c, const char *line);
/* EHLO name, and HELO where EHLO is not understood (500, 501, 502, 504, 550: T90). On a 2xx c->ehlo holds
 * what is offered; whatever was offered before is forgotten (T98). */
enum smtp_got smtp_hello(struct smtp *c, const char *name, int64_t timeout);
/* In two: EHLO and nothing else; what is offered is known behind smtp_hello_take. */
enum smtp_got smtp_hello_put(struct smtp *c, const char *name);
enum smtp_got smtp_hello_take(struct smtp *c, int64_t timeout);
/* The handshake, at once or behind a 220 to STARTTLS; a name that is none for SNI is left out. SMTP_REPLY: done. SMTP_BAD when the peer's
 * 220 was followed by more (T97). */
enum smtp_got smtp_tls(struct smtp *c, const struct tls_how *how, int64_t timeout);

/* What a failed stream call means. */
enum smtp_got smtp_from_io(enum io io);
/* For people, in half a sentence without a dot: why the last call answered `got`. */
void smtp_why(const struct smtp *c, enum smtp_got got, char *out, size_t cap);

#endif
