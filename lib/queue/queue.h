/* The running queue: what mox-runq holds in memory, and the parts that work on it. Used by bin/mox-runq.c and
 * lib/queue alone.
 *
 *   intake.c  new/ -> index and cur/                       ask.c     plans from mox-nexthop
 *   load.c    index <-> memory, bounded                    work.c    workers of mox-deliver, jobs out
 *   job.c     one message for one site                     settle.c  reports -> files, then index
 *   complaint.c what sites say of themselves
 *   serve.c   spool/ctl; serve_*.c what is asked there     change.c  what operators change
 *   sweep.c   rebuild, comparison                          janitor.c tmp/, reserve, sync
 *   amend.c   cur/HH/ID.amend                              table.c   the things below, found by name
 *   tlsrpt.c  TLS results, summed                          refresh.c mox-mtasts refresh, daily
 *   dnsbl.c   mox-doctor dnsbl                         reporting.c mox-tlsrpt-send
 *   reportmail.c  mail that it sends                   offers.c  what is known of hosts (keep.c)
 *   known.c   spool/support                            notice.c  what senders are told
 *   compose.c one notice                               tell.c    to whom
 *   told.c    what follows from it                     doubles.c those that nobody can have
 *   dates.c   what a wrong clock left                  dialogue.c what was said in sessions that failed
 *   local.c   children of mox-local                    routing.c by which transport
 *   suppress.c whom an account does not write to           limit.c   how much an account may send
 *   letter.c  word to the postmaster of that               expire.c  what grows old in the index
 *   retire.c  attempts, and the history                failed.c  giving a message up
 *   finish.c  failed or dropped by an operator         holdrule.c what is held as it comes in
 *   co.c      the three co-processes
 *   metrics.c spool/metrics.prom (series.c)            sign.c    signatures from mox-dkim
 *
 * A recipient that is not finished is in exactly one place: loaded (a struct item, or in a struct notice when
 * it has failed and its sender is still to be told), in the index's due and domain tables, or held (in neither). A row in the index exists for each of them; a file in cur/ outranks
 * its rows.
 *
 * A round: wait; take in; load; hand out jobs (attempts registered and written before they go); apply the
 * reports that came; serve; commit. Times are wall microseconds, q->now is the round's. */
#ifndef QUEUE_H
#define QUEUE_H

#include "base.h"
#include "co.h"
#include "conf.h"
#include "envelope.h"
#include "expire.h"
#include "hash.h"
#include "index.h"
#include "keep.h"
#include "loop.h"
#include "offers.h"
#include "row.h"
#include "sign.h"
#include "site.h"
#include "spool.h"
#include "support.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Failed for good, but no notice can be made, or the mark cannot: kept for a person (mox-queue-release tries it
 * again). */
#define HOLD_FAILED 'f'

struct job;
struct domain;
struct dest;
struct site;
struct client;
struct runq;
struct limits;

/* One loaded recipient. */
struct item {
	TAILQ_ENTRY(item) in_dest; /* in dest->ready while job is NULL */
	struct item *of_msg;       /* next item of the same message */
	struct msg *msg;
	struct domain *domain;
	struct dest *dest;
	struct job *job; /* it is being delivered */
	uint32_t n;
	unsigned attempts;
	int64_t next;           /* what its row says */
	bool held;              /* an operator held or cancelled it while its job was out: do not try again */
	bool named;             /* its row names a transport */
	bool told;              /* as in its row; or a notice of its delay is under way */
	int64_t tell_at;        /* monotonic: of its delay, not before */
	bool report;            /* on TLS (reporting.h) */
	bool waits;             /* for its message's signature: not in dest->ready */
	unsigned char returned; /* how often it went back into the line: its site had too much of us */
};
TAILQ_HEAD(item_list, item);

struct msg {
	struct hnode node; /* by id */
	uint64_t id;
	int64_t queued;
	int64_t loaded_at; /* monotonic */
	struct item *items;
	unsigned todo; /* recipients in state T, as of the last job built */

	struct sign_place sign;
	char *prepend; /* signed: lines for jobs; NULL: it goes unsigned, or that is not known yet */
};

/* A recipient domain that has something loaded or due. */
struct domain {
	struct hnode node;
	TAILQ_ENTRY(domain) in_refill;
	bool refilling;
	bool backlog; /* the index may have due recipients of it */
	unsigned loaded;
	char name[];
};
TAILQ_HEAD(domain_list, domain);

enum dest_state { DEST_NEW, DEST_ASKED, DEST_PLAN, DEST_LATER, DEST_NEVER };

/* What a recipient's mail asks of TLS on its way (RFC 8689): REQUIRETLS, TLS-Required: No. Each has plans of
 * its own. */
enum tls_class { CLASS_ORDINARY, CLASS_SECURE, CLASS_LENIENT };

/* A recipient domain by one transport (a relay: all domains) for one class: one plan. */
struct dest {
	struct hnode node;
	TAILQ_ENTRY(dest) in_site;              /* in site->dests while it has ready items and a plan */
	TAILQ_ENTRY(dest) in_queue;             /* to be asked for, or blocked */
	const struct conf_transport *transport; /* NULL: direct */
	unsigned generation;                    /* of the configuration */
	enum tls_class class;
	enum dest_state state;
	bool listed, queued, blocked;
	unsigned items;   /* loaded, in jobs or not */
	unsigned reports; /* of them, those that are reports on TLS */
	struct item_list ready;
	struct site *site;
	int64_t asked_at; /* monotonic */
	unsigned deaths;  /* of mox-nexthop while it was asked, in a row */
	uint64_t ask;     /* number of the question under way */
	struct hnode by_ask;
	int64_t expires;        /* of the plan or the answer */
	int64_t try_at;         /* blocked: no resolver, ask again then */
	char *hops;             /* lines for jobs: partial, sts, hop, names, tlsa, addr */
	char *ascii;            /* the name in A-labels, as the plan has it */
	char *fit;              /* plans of one site with the same word may share a job; NULL: with none */
	struct support support; /* as last written; seen 0: not yet */
	bool pkix;              /* a policy judges by authorities: for workers that know them */
	char *code, *text;      /* LATER, NEVER */
	char name[];            /* domain; "" for a relay */
};
TAILQ_HEAD(dest_list, dest);

struct worker {
	struct watch watch;
	TAILQ_ENTRY(worker) in_site, in_idle;
	struct site *site;
	TAILQ_HEAD(, job) jobs; /* in the order they went out */
	unsigned njobs, served;
	bool proved;  /* it has reached its site: may have a second job ahead */
	bool closing; /* gets no more jobs */
	bool pkix;    /* it knows the authorities */
	bool probe;   /* opened to see whether its site is back */
	bool idle, dead;
	int64_t idle_since; /* monotonic */
};
TAILQ_HEAD(worker_list, worker);

struct site {
	struct hnode node;
	TAILQ_ENTRY(site) in_list; /* q->active or q->sleeping */
	enum { SITE_QUIET, SITE_ACTIVE, SITE_SLEEPING, SITE_STARVING } where;
	const struct conf_transport *transport;
	unsigned generation;
	struct site_state state;
	struct dest_list dests; /* with ready items, served in turn */
	unsigned ready;         /* items in them */
	unsigned known;         /* dests that name it */
	unsigned pkix; /* of them, those whose jobs need authorities: all its workers know them then */
	struct worker_list workers;
	unsigned nworkers;
	int64_t expired_at;    /* when its waiting mail was last looked through for what is too old */
	int64_t careful_until; /* monotonic: it stumbled over transactions behind one another (T133) */
	int code;              /* of its failure as a whole */
	char *error;
	char name[];
};
TAILQ_HEAD(site_list, site);

enum outcome { OUTCOME_NONE, OUTCOME_SENT, OUTCOME_LATER, OUTCOME_NEVER };

struct job_rcpt {
	struct item *item;
	enum outcome outcome;
	int code;
	char *status, *host, *text; /* NULL until reported */
	bool local;                 /* the code and the text are our own */
	bool no_dsn;                /* sent to a server that will not tell of success */
	bool tried;                 /* it counts as an attempt */
	bool given_up;              /* later, but it was the last attempt */
	bool expanded;              /* sent to all whom an alias of this machine names */
	bool passed_on;             /* what its sender wants to be told went along: others tell it */
};

struct job {
	TAILQ_ENTRY(job) in_list; /* worker->jobs, then q->done; q->outbox by out */
	STAILQ_ENTRY(job) in_outbox;
	uint64_t no;
	struct worker *worker; /* NULL once it is done */
	struct site *site;
	struct msg *msg;
	struct envelope env;
	struct job_rcpt *rcpt;
	size_t nrcpt;
	int fd; /* until it is sent */
	struct str text;
	bool maybe, ended, no_network;
	int back; /* who met this code met nothing but too much of us at a time; 0: nobody */
	enum { SITE_OK, SITE_BUSY, SITE_UNREACHABLE } site_said;
	int64_t wait;                            /* the peer's hint */
	unsigned tls;                            /* results it reported */
	bool says_support, starttls, requiretls; /* what the session said of its server */
	char *session;
	char *tickets_key; /* under which its tickets are kept; NULL: they are not */
	char *transcript;  /* NULL: none was told */
	int64_t started;   /* monotonic */
	int64_t tried;     /* wall: when its attempts were registered */
	pid_t pid;         /* local: of mox-local; 0: not, or no more */
	int answer;        /* local: a file in memory with its report */
};

enum runq_mode { RUNQ_PASS, RUNQ_STAY, RUNQ_SERVE };

#define DOUBLES_MAX 20             /* double bounces an hour that have a notice of their own */
struct doubles {                   /* doubles.c */
	bool known;                /* the file was read */
	bool telling;              /* a digest is under way */
	int64_t told[DOUBLES_MAX]; /* when the newest were told */
	unsigned at;               /* behind the newest of them */
	uint64_t over;             /* recipients gathered, */
	int64_t first;             /* since then */
	size_t bytes;              /* of the file */
	size_t upto;               /* of them: what the digest under way tells of */
	int64_t not_before;        /* monotonic: the next digest */
};

struct runq {
	enum runq_mode mode;
	const char *conf_flag;
	struct conf *conf;
	unsigned generation;
	struct conf **old_conf; /* one a generation: sites and jobs may point into them */
	struct spool spool;
	struct index *index;
	int64_t now, mono;
	int64_t leapt;          /* monotonic time until which a leap of the clock is remembered */
	int64_t started;        /* monotonic */
	int64_t broken_at;      /* monotonic: when the index was first seen broken, or to be rebuilt */
	bool leaving;           /* RUNQ_SERVE: somebody who delivers wants the spool */
	bool rebuilding;        /* the index is new and does not know all of the spool yet */
	int64_t stop_at;        /* stopping: monotonic, when what is under way is dropped */
	bool stopping, rebuild; /* rebuild: throw the index away and start anew */

	struct hash msgs, domains, dests, sites;
	struct hash asks;  /* dests whose question is under way */
	size_t plan_bytes; /* of all dests' hops */
	unsigned loaded;
	struct domain_list refill;
	struct dest_list to_ask, blocked;
	struct site_list active;   /* may have something to hand out */
	struct site_list sleeping; /* until wake_at at the earliest */
	struct site_list starving; /* all places are taken */
	unsigned nstarving, nclosing;
	int64_t wake_at;
	struct worker_list graves; /* dead, freed at the end of the round */
	struct worker_list idle;
	STAILQ_HEAD(, job) outbox;
	TAILQ_HEAD(, job) done, local_jobs;
	unsigned nlocal;
	unsigned nworkers, probing, njobs;
	unsigned nseconds; /* workers beyond the first of their site: they make room before any first one */
	uint64_t job_no, ask_no;

	struct index_due due_at; /* due has been read up to here */
	int64_t due_next;        /* least `next` behind it */
	bool due_more;

	struct watch trigger, signals, listener;
	void *new_dir; /* DIR of new/, in the middle of a scan; NULL: none under way */
	bool intake_wanted, intake_more;
	int64_t paused_until; /* monotonic: a backup is being made, nothing is taken in */
	int64_t intake_at;    /* monotonic: scan in any case */

	struct co_process nexthop, deliver;
	struct sign_desk sign;
	TAILQ_HEAD(, client) clients;
	int64_t quiet_since; /* monotonic: last time that any client did anything */
	bool answers_wait;   /* some client's answers want a durable commit first */

	struct {
		struct hash open; /* whose round is open, by id and kind */
		TAILQ_HEAD(, notice) waiting, begun;
		size_t rcpts;         /* in all of them */
		unsigned running;     /* of the begun: those with a child */
		unsigned refusals;    /* of the door, in a row */
		int64_t closed_until; /* monotonic: the door refused */
		struct doubles doubles;
		uint64_t dropped; /* double bounces that nobody is told of, since the start */
	} notices;
	struct {
		bool listed, failing; /* the index may have entries; failures in a row */
		struct expiry expiry;
	} suppress;
	struct limits *limit;
	struct holdrules *holdrules;
	struct sweep *sweep; /* rebuild or comparison under way; NULL: none */
	struct {
		int64_t at; /* monotonic: next look */
		struct index_due from;
	} dates;
	struct {
		struct hash sums;
		size_t bytes;
		uint32_t *spent;  /* bytes of lines of this day, by a hash of the policy domain; NULL: none */
		char day[9];      /* of what is summed */
		char full_day[9]; /* whose file has reached its limit */
		char clean_day[9]; /* when old days were last removed */
		int64_t flush_at;  /* monotonic */
		bool failing;      /* the last write failed, and the log says so */
	} tlsrpt;
	struct keep offers, tickets;
	int support_fd;     /* -1: not open yet; -2: cannot be opened */
	pid_t refresh_pid;  /* mox-mtasts refresh; 0: none */
	int64_t refresh_at; /* not to be thought of before */
	struct {
		pid_t pid; /* mox-inject; 0: none */
		int guard; /* its fd 0, whose end ends it; -1: closed */
		int64_t started, start_at;
		unsigned deaths;
	} inject;

	struct {
		unsigned bucket; /* of failed/, in the middle of a sweep; 0: none under way */
		int64_t at;      /* monotonic: the next one */
	} failed;
	bool cramped; /* space is short: the history is not written */
	struct {
		bool walking; /* through the history, for what is too old */
		int64_t at;   /* monotonic: the next walk */
		uint64_t id;  /* behind this */
		uint32_t n;
	} retired;

	int64_t janitor_at, sync_at;
	int sync_pipe;
	bool dirty; /* marks or unlinks that are not durable yet */

	struct {
		uint64_t taken, sent, later, never, maybe, corrupt;
	} count;
};

/* ---- table.c ---- */
struct msg *msg_find(struct runq *q, uint64_t id);
struct item *item_find(struct runq *q, uint64_t id, uint32_t n);
struct domain *domain_find(struct runq *q, const char *name);
struct domain *domain_get(struct runq *q, const char *name);
void domain_maybe_free(struct runq *q, struct domain *d);
enum tls_class class_of(const char *requiretls);  /* by a row's word; NULL: ordinary */
enum tls_class class_of_mark(const char mark[4]); /* by the file's, which alone decides */
const char *class_word(enum tls_class class);     /* for a row; NULL: ordinary */
struct dest *dest_get(
    struct runq *q, const struct conf_transport *t, const char *domain, enum tls_class class);
/* The one of a row; NULL: not known. */
struct dest *dest_look(struct runq *q, const struct row *row);
/* May recipients of both go in one job? Class and demands must be equal: else one domain's would be applied to
 * another's mail. */
bool dest_fits(const struct dest *a, const struct dest *b);
struct site *site_get(struct runq *q, const struct conf_transport *t, const char *name);
/* New in dest->ready, at the end; wakes whoever is next on its way. */
struct item *item_add(struct runq *q, const struct row *row);
void item_free(struct runq *q, struct item *it);
void item_take(struct runq *q, struct item *it);  /* out of dest->ready */
void item_ready(struct runq *q, struct item *it); /* it waits no longer for its signature */
void dest_list_in_site(struct runq *q, struct dest *d);
void dest_unlist(struct runq *q, struct dest *d);
void dest_forget(struct runq *q, struct dest *d); /* its plan */
void site_wake(struct runq *q, struct site *s);
void site_sleep(struct runq *q, struct site *s);  /* until it is up again, or may send again, or a little */
void site_starve(struct runq *q, struct site *s); /* until a worker ends */
void table_sweep(struct runq *q);                 /* frees plans and sites that nobody uses */
struct dest *dest_find(
    struct runq *q, const struct conf_transport *t, const char *name, enum tls_class class); /* NULL: none */

/* ---- routing.c: by which transport ---- */
/* NULL: to the domain's own servers; or *no (else NULL) says why it cannot go: never, by 5.y.z, when the message names a transport
 * that is not there, or not its account's to name; not now, by 4.y.z, when a route wants a header that cannot be read. */
const struct conf_transport *route_find(struct runq *q, const struct row *row, const char **no);
/* The servers of its domain are known now: what a route sends elsewhere because of them goes there. */
void route_anew(struct runq *q, struct dest *d);
bool route_item_anew(struct runq *q, struct item *it); /* true: it did, and the item is gone */

/* ---- load.c ---- */
#define DOMAIN_NAME_MAX 320
/* Lower-case domain an address is queued under; "" for a bare local part. */
void domain_of(char out[DOMAIN_NAME_MAX], const char *address);
unsigned load_quota(const struct runq *q);
/* Puts a recipient whose row stands already where it belongs: into memory when it is due and there is room,
 * else into due. */
void load_place(struct runq *q, const struct row *row);
void load_due(struct runq *q);
void load_refill(struct runq *q);
void load_want(struct runq *q, struct domain *d); /* the index may have due mail for it */
void load_unload(struct runq *q, struct item *it);
void load_unload_all(struct runq *q);
void load_park(struct runq *q, struct item *it, int64_t until); /* not tried, as its site is down */
void load_defer(struct runq *q, struct item *it, int64_t next); /* its row says so already */
/* In due, among those of the domain, until `next`, as its row says. */
void load_wait(struct runq *q, uint64_t id, uint32_t n, int64_t next, const char *domain);
/* Rows: uid is not for everybody's eyes and so no field of struct row. */
void row_store(struct runq *q, const struct row *row, uint32_t uid);
bool row_load(struct runq *q, struct str *buf, struct row *row, uint32_t *uid, uint64_t id, uint32_t n);
bool row_read(struct row *row, uint32_t *uid, char *rec, size_t len);

/* ---- intake.c ---- */
void intake_round(struct runq *q);
bool intake_paused(const struct runq *q);
void intake_row(
    struct runq *q, struct row *row, const struct envelope *e, unsigned n, char domain[DOMAIN_NAME_MAX]);
const char *intake_login(uint32_t uid); /* static, until the next call for another */
/* Who may sign as whom: its account, else the submitter's login name. */
const char *intake_account(const struct envelope *e);
void spool_corrupt(
    struct runq *q, uint64_t id, const char *why); /* a file of cur/ is damaged: it goes, its rows too */

/* ---- ask.c ---- */
void ask_round(struct runq *q);
void ask_want(struct runq *q, struct dest *d);
void ask_stop(struct runq *q);
void ask_sweep(struct runq *q); /* questions that nobody answers */

/* ---- work.c ---- */
void work_dispatch(struct runq *q);
bool work_starves(const struct runq *q);      /* somebody waits for a place, and there is one */
bool work_lacks_places(const struct runq *q); /* more wait than places are free or about to be */
void work_timers(struct runq *q, int64_t *mono_deadline, int64_t *wall_deadline);
void work_close_idle(struct runq *q, bool all);
void work_drop_all(struct runq *q);
void work_restart_parent(struct runq *q);
void work_want_pkix(struct runq *q, struct site *s); /* who does not know the authorities gets no more jobs */
void work_reap(struct runq *q);                      /* frees workers that died in this round */
void worker_end(struct runq *q, struct worker *w);
bool deliver_start(struct runq *q);

/* ---- complaint.c: what a site as a whole did not do ---- */
/* The job, which has ended, met a word of the site about itself: 421 wherever it came, or what the worker says. */
bool site_complains(const struct job *j);
/* What follows of that for the connections and messages it gets. */
void site_failed(struct runq *q, struct worker *w, struct job *j);
void worker_retire(struct runq *q, struct worker *w);      /* gets no more jobs */
void row_error(struct str *out, const struct job_rcpt *r); /* as rows have it */

/* ---- settle.c ---- */
void settle_packet(struct runq *q, struct worker *w, char *text, size_t n);
void settle_done(struct runq *q);
void job_free(struct job *j);
/* Fails of a destination without any job: no plan, transport of type fail. never: the end; else the next
 * attempt. */
void settle_without_job(struct runq *q, struct item *it, bool never, int code, const char *text);
void settle_waiting(struct runq *q, struct site *s);
/* The value of a `rcpt` line, taken apart; false: it is none. */
bool settle_rcpt(struct job *j, char *value) MUST_USE;
/* Writes one mutable byte; -1 with errno. */
int settle_mark(
    struct runq *q, uint64_t id, struct envelope *e, uint32_t n, enum mark which, char value) MUST_USE;

/* ---- notice.c ---- */
enum notice_kind {
	NOTICE_FAILED,
	NOTICE_DELAYED,
	NOTICE_SUCCESS,
	NOTICE_DIGEST
}; /* the last: of no message */
/* Where rows that wait for their notice stand in due: no domain has a space. */
#define NOTICE_DOMAIN " notices"
/* What became of a recipient, as it stands in its row and in the fates behind the address (mox-rec.5). outcome:
 * failed, delayed, relayed; last: time of the last attempt, 0: none. out is emptied first. */
void notice_fate(struct str *out, const char *outcome, const struct job_rcpt *r, int64_t last);
/* Of failure and success the row has the fate already, and is in no other place; fate: of a delay. */
void notice_add(struct runq *q, uint64_t id, uint32_t n, enum notice_kind kind, const char *fate);
void notice_load(struct runq *q, const struct row *row); /* out of due */
/* Whether it waits for its notice here. */
bool notice_has(const struct runq *q, uint64_t id, uint32_t n);
/* Its last recipient may be done, but a notice of success needs the file still. */
bool notice_needs_file(struct runq *q, const struct envelope *e);
void notice_round(struct runq *q);
void notice_child(struct runq *q, pid_t pid, int status); /* some child has ended, maybe one of ours */
bool notice_busy(const struct runq *q);
void notice_timers(const struct runq *q, int64_t *mono_deadline);
void notice_stop(struct runq *q);   /* its children */
void notice_unload(struct runq *q); /* all of them wait in the index */

/* ---- job.c ---- */
/* The next message of the site, with all of its recipients there that wait: one transaction. fresh: it is a worker's first. NULL: that one came to nothing. */
struct job *job_build(struct runq *q, struct site *s, bool fresh);
int job_send(struct job *j) MUST_USE;
/* Opens and reads a loaded message; -1: not now, or it is gone, and so are its items that have no job. */
int job_open(struct runq *q, struct msg *m, struct envelope *e) MUST_USE;

/* ---- serve.c ---- */
void serve_start(struct runq *q);
void serve_round(struct runq *q);
void serve_answer(struct runq *q); /* after the commit */
bool serve_busy(const struct runq *q);
bool serve_quiet(const struct runq *q, int64_t linger); /* nobody has asked anything for so long */
void serve_stop(struct runq *q);

/* ---- own.c ---- */
/* Makes what is missing of the spool, becomes its owner when root, opens it and takes its lock. Ends the
 * program when it cannot; with 0 when somebody else does the work of this pass. */
void own_spool(struct runq *q);
/* For mox-runq -t: becomes the spool's owner and tells of every password-file that he cannot use. An exit code. */
int own_secrets_test(const struct conf *c) MUST_USE;

/* ---- sweep.c: index against files, both ways, in slices ---- */
struct sweep;
typedef void sweep_fault(struct runq *q, void *arg, uint64_t id, uint32_t n, const char *what);
/* found: what index_open said; fault NULL: what differs is mended, else only told. */
struct sweep *sweep_new(enum index_found found, sweep_fault *fault, void *arg);
bool sweep_slice(struct runq *q, struct sweep *s); /* false: done */
void sweep_free(struct sweep *s);

/* ---- dates.c ---- */
void dates_round(struct runq *q); /* brings back what waits longer than anything should */

/* ---- janitor.c ---- */
void janitor_round(struct runq *q);
void reserve_make(struct runq *q);
void reserve_spend(struct runq *q);
void sync_start(struct runq *q);

/* ---- tlsrpt.c: TLS results (RFC 8460), summed in memory of bounded size, appended to spool/tlsrpt/DAY once a
 * minute, at the end and when there is no more room. What a policy domain has beyond its share of a day's file is
 * summed without options: they are partly its servers' words. A kill may lose a minute; no error here ever holds up a
 * delivery. ---- */
/* The value of a `tls` line, still encoded; what is none is ignored. */
void tlsrpt_count(struct runq *q, const char *value);
void tlsrpt_round(struct runq *q); /* writes what is due, removes old days */
void tlsrpt_flush(struct runq *q);

/* ---- known.c: what recipient domains support, for people who ask before they send ---- */
/* The value of a `session` line, still encoded. */
void known_read(struct job *j, const char *session);
void known_note(struct runq *q, const struct job *j);

/* ---- refresh.c: `mox-mtasts refresh` as a child, once a day, when any policy is cached ---- */
void refresh_round(struct runq *q);
void refresh_ended(struct runq *q, int status); /* as waitpid says */
void refresh_stop(struct runq *q);

/* ---- inject.c: mox-inject as a child, so that spool/inject is served while mox-runq -w runs ---- */
void inject_round(struct runq *q);
void inject_ended(struct runq *q, int status); /* as waitpid says */
void inject_stop(struct runq *q);

/* Lives in bin/mox-runq.c: what SIGHUP does to the rest. */
struct runq *runq_of(void);

#endif
