#include "base.h"

#include "sendmail_args.h"
#include "unit.h"

#include <sysexits.h>

/* The arguments as one word list parted by "|"; the outcome as text. */
static char *
outcome(const char *words)
{
	static const char *const modes[] = {
	    "submit", "smtp", "list", "flush", "verify", "aliases", "nothing", "daemon", "version", "help"};
	char *copy = mem_dup(words), *argv[32], *p = copy;
	struct str out = {0}, why = {0};
	struct sendmail_args a;
	int argc = 0, code;

	while (p && argc < 31) {
		argv[argc++] = p;
		if ((p = strchr(p, '|')))
			*p++ = 0;
	}
	argv[argc] = NULL;
	code = sendmail_args(&a, argc, argv, &why);
	if (code)
		str_addf(&out, "%d%s", code, why.len ? "" : " silent");
	else {
		str_adds(&out, modes[a.mode]);
		str_addf(&out, "%s%s%s%s%s", a.extract ? " t" : "", a.dots ? " i" : "", a.verbose ? " v" : "",
		    a.gateway ? " G" : "", a.wait ? " wait" : "");
		if (a.flush)
			str_addf(&out, " q=%s", a.flush);
		if (a.smtputf8)
			str_addf(&out, " utf8=%s", a.smtputf8);
		if (a.hold && a.hold_until)
			str_addf(&out, " until=%lld", (long long)a.hold_until);
		else if (a.hold)
			str_addf(&out, " for=%lld", (long long)a.hold_for);
		if (a.sender)
			str_addf(&out, " f=%s", a.sender);
		if (a.name)
			str_addf(&out, " F=%s", a.name);
		if (a.conf)
			str_addf(&out, " C=%s", a.conf);
		if (a.requiretls)
			str_addf(&out, " tls=%s", a.requiretls);
		if (a.ret)
			str_addf(&out, " R=%s", a.ret);
		if (a.notify.len)
			str_addf(&out, " N=%s", a.notify.s);
		if (a.envid.len)
			str_addf(&out, " V=%s", a.envid.s);
		for (int i = 0; i < a.noperand; i++)
			str_addf(&out, " %s", a.operand[i]);
	}
	sendmail_args_free(&a);
	str_free(&why);
	free(copy);
	return str_take(&out);
}

static const char *const table[][3] = {
    {"S1 sendmail", "/usr/sbin/sendmail|root", "submit root"},
    {"S1 mailq", "mailq", "list"},
    {"S1 mailq by path", "/usr/bin/mailq", "list"},
    {"S1 mailq with options", "mailq|-v", "list v"},
    {"S1 newaliases", "/usr/bin/newaliases", "aliases"},
    {"S1 hoststat", "hoststat", "nothing"},
    {"S1 purgestat", "purgestat", "nothing"},
    {"S1 smtpd", "smtpd", "daemon"},
    {"S2 glued and separate", "s|-froot|-FX|-B8BITMIME|-oem|-Nnever|a", "submit f=root F=X N=never a"},
    {"S2 glued and separate", "s|-f|root|-F|X|-B|8BITMIME|-o|em|-N|never|a", "submit f=root F=X N=never a"},
    {"S3 combined", "s|-ti", "submit t i"},
    {"S3 combined", "s|-it", "submit t i"},
    {"S3 combined", "s|-tv", "submit t v"},
    {"S3 combined with a value", "s|-tifx@y", "submit t i f=x@y"},
    {"S4 -- ends options", "s|-i|--|-f|a", "submit i -f a"},
    {"S5 options behind operands", "s|a|-i|-fx", "submit i f=x a"},
    {"S5 but not behind --", "s|a|--|-i", "submit a -i"},
    {"S6 unknown letter", "s|-Z|a", "64"},
    {"S6 unknown letter in a bunch", "s|-tZ", "64"},
    {"S6 missing value", "s|a|-f", "64"},
    {"S6 unknown long word", "s|--verbose|a", "64"},
    {"S7 no recipients", "s", "64"},
    {"S7 no recipients", "s|-i", "64"},
    {"S7 a lone -", "s|-|a", "65"},
    {"S8 an empty operand", "s||a", "65"},
    {"S8 a blank operand", "s| |a", "65"},
    {"S10 line end in -f", "s|-fa\nb|c", "65"},
    {"S10 line end in -r", "s|-r|a\rb|c", "65"},
    {"S10 line end in -F", "s|-Fa\nb|c", "65"},
    {"S10 line end in an operand", "s|c\r\nd", "65"},
    {"S10 line end in -V", "s|-V|a\nb|c", "65"},
    {"S12 -t and operands", "s|-t|a", "submit t a"},
    {"S15 -i", "s|-i|a", "submit i a"},
    {"S15 -oi", "s|-oi|a", "submit i a"},
    {"S15 -o i", "s|-o|i|a", "submit i a"},
    {"S15 -oitrue", "s|-oitrue|a", "submit i a"},
    {"S15 -oifalse", "s|-oifalse|a", "submit a"},
    {"S16 last sender wins", "s|-fa|-r|b|c", "submit f=b c"},
    {"S16 empty sender", "s|-f||c", "submit f= c"},
    {"S18 -B 7BIT", "s|-B|7bit|a", "submit a"},
    {"S18 another body", "s|-BBINARYMIME|a", "64"},
    {"S19 a list", "s|-N|Delay,SUCCESS|a", "submit N=success,delay a"},
    {"S19 never with others", "s|-N|never,success|a", "64"},
    {"S19 nonsense", "s|-N|often|a", "64"},
    {"S19 empty", "s|-N||a", "64"},
    {"S20 -R", "s|-RHDRS|a", "submit R=hdrs a"},
    {"S20 -R full", "s|-R|full|a", "submit R=full a"},
    {"S20 -R nonsense", "s|-Rx|a", "64"},
    {"S20 -V", "s|-V|a b+c=\xc3\xbc|x", "submit V=a+20b+2Bc+3D+C3+BC x"},
    {"S20 -V empty", "s|-V||x", "64"},
    {"S20 -V too long",
	"s|-V|"
	"1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
	"+|x",
	"64"},
    {"S21 requiretls", "s|-O|requiretls=Yes|a", "submit tls=yes a"},
    {"S21 requiretls glued", "s|-ORequireTLS=no|a", "submit tls=no a"},
    {"S21 requiretls nonsense", "s|-Orequiretls=x|a", "64"},
    {"S21 smtputf8", "s|-Osmtputf8=YES|a", "submit utf8=yes a"},
    {"S21 smtputf8=no", "s|-O|SMTPUTF8=no|a", "submit utf8=no a"},
    {"S21 smtputf8 nonsense", "s|-Osmtputf8=2|a", "64"},
    {"S21 holdfor seconds", "s|-Oholdfor=90|a", "submit for=90000000 a"},
    {"S21 holdfor duration", "s|-O|HoldFor=2h|a", "submit for=7200000000 a"},
    {"S21 holdfor nonsense", "s|-Oholdfor=-1|a", "64"},
    {"S21 holduntil", "s|-Oholduntil=2026-11-21T02:31:13Z|a", "submit until=1795228273000000 a"},
    {"S21 holduntil nonsense", "s|-Oholduntil=tomorrow|a", "64"},
    {"S21 the last hold counts", "s|-Oholduntil=2026-11-21T02:31:13Z|-Oholdfor=1|a", "submit for=1000000 a"},
    {"S21 others", "s|-ODeliveryMode=b|-OErrorMode=m|a", "submit a"},
    {"S22 delivery modes", "s|-odi|-odb|a", "submit a"},
    {"S22 queue only", "s|-odi|-odq|a", "submit a"},
    {"S22 queue only, deferred", "s|-odi|-odd|a", "submit a"},
    {"S22 interactive", "s|-odi|a", "submit wait a"},
    {"S22 the last mode counts", "s|-odb|-o|di|a", "submit wait a"},
    {"S22 interactive by name", "s|-ODeliveryMode=i|a", "submit wait a"},
    {"S22 interactive by its whole name", "s|-O|deliverymode=interactive|a", "submit wait a"},
    {"S23 error modes", "s|-oem|-oee|-oep|-oeq|-oew|-em|-e|m|-ee|-ep|-eq|-ew|a", "submit a"},
    {"S24 old letters", "s|-om|-o7|-o8|-oo|-os|-ov|-oXlog|-or0s|-oA/etc/aliases|a", "submit v a"},
    {"S24 values apart", "s|-oA|/etc/aliases|-or|15m|a", "submit a"},
    {"S24 no value apart", "s|-or|a@x", "submit a@x"},
    {"S24 no value at all", "s|a|-or", "submit a"},
    {"S25 flags", "s|-G|-U|-m|-n|-x|-E|-J|a", "submit G a"},
    {"S25 with values", "s|-L|tag|-h|5|-d|0.4|-C|/c|-X|log|-p|SMTP:x|-Ac|-A|m|a", "submit C=/c a"},
    {"S26 -bm", "s|-bm|a", "submit a"},
    {"S26 -bs", "s|-bs|-odb|-oem", "smtp"},
    {"S27 -bp", "s|-bp", "list"},
    {"S28 -bi", "s|-bi", "aliases"},
    {"S28 -I", "s|-I", "aliases"},
    {"S29 -bd -q15m", "s|-bd|-q15m", "daemon q=15m"},
    {"S29 -bl", "s|-b|l", "daemon"},
    {"S30 -q", "s|-q", "flush q="},
    {"S30 -q30m", "s|-q30m", "flush q=30m"},
    {"S30 -qf", "s|-qf", "flush q=f"},
    {"S30 -qIid", "s|-qI0abc", "flush q=I0abc"},
    {"S30 -qR!sub", "s|-qR!sub", "flush q=R!sub"},
    {"S30 the last -q counts", "s|-qIid|-qSsub", "flush q=Ssub"},
    {"S30 -q eats nothing", "s|-q|a", "64"},
    {"S30 -q -v", "s|-q|-v", "flush v q="},
    {"S31 -bv", "s|-bv|a@x", "verify a@x"},
    {"S31 -bv nobody", "s|-bv|-t", "64"},
    {"S31 -bt", "s|-bt", "64"},
    {"S31 -bV", "s|-bV", "version"},
    {"S31 -bP", "s|-bP", "version"},
    {"S31 -bh", "s|-bh", "nothing"},
    {"S31 an empty mode", "s|-b|", "64"},
    {"S32 --version", "s|--version", "version"},
    {"S32 --help", "s|--help", "help"},
    {"S32 exact match only", "s|--versio", "64"},
    {"S32 not behind --", "s|--|--help", "submit --help"},
    {"cron", "s|-FCronDaemon|-i|-B8BITMIME|-oem|root", "submit i F=CronDaemon root"},
    {"cronie", "s|-FCronDaemon|-i|-odi|-oem|-oi|-t|-f|root", "submit t i wait f=root F=CronDaemon"},
    {"busybox", "s|-ti", "submit t i"},
    {"mutt", "s|-oem|-oi|-f|a@x|-B8BITMIME|-N|failure,delay|-R|full|--|-b@y",
	"submit i f=a@x R=full N=failure,delay -b@y"},
    {"s-nail", "s|-i|-f|a|-F|N|-m|-v|--|b", "submit i v f=a F=N b"},
    {"calendar", "s|-i|-t|-F|\"Reminder Service\"", "submit t i F=\"Reminder Service\""},
    {"RT", "s|-f|<>|-oi|-ODeliveryMode=b|-OErrorMode=m|-t", "submit t i f=<>"},
};

int
main(void)
{
	struct sendmail_args a;
	struct str why = {0};

	setenv("POSIXLY_CORRECT", "1", 1);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *got = outcome(table[i][1]);

		STR_EQ(got, table[i][2], table[i][0]);
		free(got);
	}
	INT_EQ(sendmail_args(&a, 0, (char *[]){NULL}, &why), EX_USAGE, "no argv at all");
	sendmail_args_free(&a);
	str_free(&why);
	DONE();
}
