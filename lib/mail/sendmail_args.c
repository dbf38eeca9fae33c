#include "base.h"

#include "clock.h"
#include "sendmail_args.h"

#include <getopt.h>
#include <strings.h>
#include <sysexits.h>

#define ENVID_MAX 100 /* RFC 3461 4.4 */

static int
refuse(struct str *why, int code, const char *fmt, const char *what)
{
	str_addf(why, fmt, what);
	return code;
}

/* ---- by what name we were called (S1) ---- */

static enum sendmail_mode
mode_by_name(const char *argv0)
{
	static const struct {
		const char *name;
		enum sendmail_mode mode;
	} names[] = {{"mailq", SENDMAIL_LIST}, {"newaliases", SENDMAIL_ALIASES},
	    {"hoststat", SENDMAIL_NOTHING}, {"purgestat", SENDMAIL_NOTHING}, {"smtpd", SENDMAIL_DAEMON}};
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL, *base = slash ? slash + 1 : argv0;

	for (size_t i = 0; base && i < ARRAY_LEN(names); i++)
		if (!strcmp(base, names[i].name))
			return names[i].mode;
	return SENDMAIL_SUBMIT;
}

/* ---- one option each ---- */

static int
take_mode(struct sendmail_args *a, const char *v, struct str *why)
{
	static const char letters[] = "mspdDlvihHVP";
	static const enum sendmail_mode modes[] = {SENDMAIL_SUBMIT, SENDMAIL_SMTP, SENDMAIL_LIST,
	    SENDMAIL_DAEMON, SENDMAIL_DAEMON, SENDMAIL_DAEMON, SENDMAIL_VERIFY, SENDMAIL_ALIASES,
	    SENDMAIL_NOTHING, SENDMAIL_NOTHING, SENDMAIL_VERSION, SENDMAIL_VERSION};
	const char *at = *v && !v[1] ? strchr(letters, *v) : NULL;

	if (!at)
		return refuse(why, EX_USAGE, "unable to run in mode -b%s: not known here", v);
	a->mode = modes[at - letters];
	return 0;
}

static int
take_notify(struct sendmail_args *a, const char *v, struct str *why)
{
	static const char *const words[] = {"success", "failure", "delay"};
	const char *p = v;
	unsigned seen = 0;

	str_reset(&a->notify);
	if (str_ieq(v, "never")) {
		str_adds(&a->notify, "never");
		return 0;
	}
	for (;;) {
		size_t n = strcspn(p, ","), i;

		for (i = 0; i < ARRAY_LEN(words); i++)
			if (strlen(words[i]) == n && !strncasecmp(p, words[i], n))
				break;
		if (i == ARRAY_LEN(words))
			return refuse(why, EX_USAGE,
			    "unable to use -N %s: expected never, or a list of success, failure, delay", v);
		seen |= 1u << i;
		if (!p[n])
			break;
		p += n + 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (seen & 1u << i)
			str_addf(&a->notify, "%s%s", a->notify.len ? "," : "", words[i]);
	return 0;
}

static int
take_envid(struct sendmail_args *a, const char *v, struct str *why)
{
	str_reset(&a->envid);
	for (const char *p = v; *p; p++)
		if (*p > 32 && *p < 127 && *p != '+' && *p != '=')
			str_addc(&a->envid, *p);
		else
			str_addf(&a->envid, "+%02X", (unsigned)(unsigned char)*p);
	if (!a->envid.len || a->envid.len > ENVID_MAX)
		return refuse(why, EX_USAGE, "unable to use -V %s: expected 1 to 100 characters", v);
	return 0;
}

static int
take_ret(struct sendmail_args *a, const char *v, struct str *why)
{
	a->ret = str_ieq(v, "full") ? "full" : str_ieq(v, "hdrs") ? "hdrs" : NULL;
	return a->ret ? 0 : refuse(why, EX_USAGE, "unable to use -R %s: expected full or hdrs", v);
}

static int
take_body(const char *v, struct str *why)
{
	if (str_ieq(v, "7BIT") || str_ieq(v, "8BITMIME"))
		return 0;
	return refuse(why, EX_USAGE, "unable to use -B %s: expected 7BIT or 8BITMIME", v);
}

static int
take_yes_no(const char **to, const char *v, const char *value, struct str *why)
{
	*to = str_ieq(value, "yes") ? "yes" : str_ieq(value, "no") ? "no" : NULL;
	return *to ? 0 : refuse(why, EX_USAGE, "unable to use -O %s: expected yes or no", v);
}

/* RFC 4865: a number of seconds, or a date; the last one given counts. */
static int
take_hold(struct sendmail_args *a, const char *v, const char *value, bool until, struct str *why)
{
	a->hold = true;
	a->hold_until = 0;
	if (until ? clock_parse(value, &a->hold_until) && a->hold_until > 0
		  : str_duration(value, &a->hold_for))
		return 0;
	return refuse(why, EX_USAGE,
	    until ? "unable to use -O %s: expected a time such as 2026-11-21T10:00:00Z"
		  : "unable to use -O %s: expected a number of seconds, or a duration such as 2h",
	    v);
}

/* -od, -O DeliveryMode=: every message is queued, and only `i` waits for what becomes of it (S22). */
static void
take_delivery(struct sendmail_args *a, const char *mode)
{
	a->wait = *mode == 'i';
}

/* -O Name=Value: what is not ours belongs to some other sendmail, and is ignored (S21). */
static int
take_long(struct sendmail_args *a, const char *v, struct str *why)
{
	const char *value = strchr(v, '=');

	if (!value)
		return 0;
	value++;
	if (str_istarts(v, "requiretls="))
		return take_yes_no(&a->requiretls, v, value, why);
	if (str_istarts(v, "smtputf8="))
		return take_yes_no(&a->smtputf8, v, value, why);
	if (str_istarts(v, "holdfor="))
		return take_hold(a, v, value, false, why);
	if (str_istarts(v, "holduntil="))
		return take_hold(a, v, value, true, why);
	if (str_istarts(v, "deliverymode="))
		take_delivery(a, value);
	return 0;
}

/* -o: single letters of old; some callers give the value of -oA and -or as a word of its own (S24). */
static void
take_short(struct sendmail_args *a, const char *v, int argc, char **argv)
{
	const char *next = optind < argc ? argv[optind] : "";

	switch (*v) {
	case 'i': a->dots = !v[1] || !strchr("fFnN0", v[1]); break;
	case 't': a->extract = true; break;
	case 'v': a->verbose = true; break;
	case 'd': take_delivery(a, v + 1); break;
	case 'A': optind += !v[1] && *next == '/'; break;
	case 'r': {
		int64_t us;
		optind += !v[1] && *next && str_duration(next, &us);
		break;
	}
	default: break;
	}
}

/* T111: what ends up in a header or an envelope carries no line end. */
static int
take_text(char **to, char option, char *v, struct str *why)
{
	char name[] = {'-', option, 0};

	if (strpbrk(v, "\r\n"))
		return refuse(why, EX_DATAERR, "unable to use the value of %s: line end in it", name);
	*to = v;
	return 0;
}

static int
take_option(struct sendmail_args *a, int c, int argc, char **argv, struct str *why)
{
	char letter[] = {(char)optopt, 0};

	switch (c) {
	case 'B': return take_body(optarg, why);
	case 'C': a->conf = optarg; return 0;
	case 'F': return take_text(&a->name, 'F', optarg, why);
	case 'G': a->gateway = true; return 0;
	case 'N': return take_notify(a, optarg, why);
	case 'O': return take_long(a, optarg, why);
	case 'R': return take_ret(a, optarg, why);
	case 'V':
		if (strpbrk(optarg, "\r\n"))
			return refuse(why, EX_DATAERR, "unable to use the value of %s: line end in it", "-V");
		return take_envid(a, optarg, why);
	case 'I': a->mode = SENDMAIL_ALIASES; return 0;
	case 'b': return take_mode(a, optarg, why);
	case 'f': return take_text(&a->sender, 'f', optarg, why);
	case 'r': return take_text(&a->sender, 'r', optarg, why);
	case 'i': a->dots = true; return 0;
	case 'q': a->flush = optarg ? optarg : ""; return 0;
	case 'o': take_short(a, optarg, argc, argv); return 0;
	case 't': a->extract = true; return 0;
	case 'v': a->verbose = true; return 0;
	case ':': return refuse(why, EX_USAGE, "unable to use -%s: its value is missing", letter);
	case '?': return refuse(why, EX_USAGE, "unable to use -%s: no such option", letter);
	default: return 0; /* accepted for old callers' sake */
	}
}

/* ---- the whole ---- */

static int
check_operands(const struct sendmail_args *a, struct str *why)
{
	for (int i = 0; i < a->noperand; i++) {
		const char *s = a->operand[i];

		if (!s[strspn(s, " \t")])
			return refuse(why, EX_DATAERR, "unable to use a recipient: it is empty%s", "");
		if (!strcmp(s, "-"))
			return refuse(why, EX_DATAERR, "unable to use the recipient %s: no address", s);
		if (strpbrk(s, "\r\n"))
			return refuse(why, EX_DATAERR, "unable to use a recipient: line end in it%s", "");
	}
	return 0;
}

static int
check_whole(struct sendmail_args *a, struct str *why)
{
	if (a->flush && a->mode == SENDMAIL_SUBMIT) {
		if (a->extract || a->noperand)
			return refuse(why, EX_USAGE, "unable to use -q with recipients%s", "");
		a->mode = SENDMAIL_FLUSH;
	}
	if (a->mode != SENDMAIL_SUBMIT && a->mode != SENDMAIL_VERIFY)
		return 0;
	if (!a->noperand && (!a->extract || a->mode == SENDMAIL_VERIFY))
		return refuse(why, EX_USAGE, "unable to send: recipients must be named, or -t given%s", "");
	return check_operands(a, why);
}

static bool
has_word(int argc, char **argv, const char *word)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], word))
			return true;
	return false;
}

int
sendmail_args(struct sendmail_args *a, int argc, char **argv, struct str *why)
{
	int c, code;

	*a = (struct sendmail_args){.mode = mode_by_name(argc ? argv[0] : NULL)};
	if (argc < 2 && a->mode != SENDMAIL_SUBMIT)
		return 0;
	if (has_word(argc, argv, "--version") || has_word(argc, argv, "--help")) {
		a->mode = has_word(argc, argv, "--help") ? SENDMAIL_HELP : SENDMAIL_VERSION;
		return 0;
	}
	/* glibc's getopt permutes, which S5 wants, unless the environment says otherwise. */
	unsetenv("POSIXLY_CORRECT");
	opterr = 0;
	optind = 0;
	while ((c = getopt(argc, argv, ":A:B:C:EF:GIJL:N:O:R:UV:X:b:d:e:f:h:imno:p:q::r:tvx")) != -1)
		if ((code = take_option(a, c, argc, argv, why)))
			return code;
	a->operand = argv + optind;
	a->noperand = argc - optind;
	return check_whole(a, why);
}

void
sendmail_args_free(struct sendmail_args *a)
{
	str_free(&a->notify);
	str_free(&a->envid);
}
