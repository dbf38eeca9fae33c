#include "base.h"

#include "status.h"

#include <stdbool.h>

#define ADDRESS                                                                                              \
	"Check the address for mistakes and send the message again, or ask the recipient another way for "   \
	"the right one."
#define AWAY "Send the message again later, or reach the recipient another way."
#define SMALLER "Send it in smaller parts, or share what is attached another way."
#define POLICY                                                                                               \
	"The reply may tell more; the postmaster of the recipient's domain can say why, and the postmaster " \
	"of "                                                                                                \
	"this system can help."
#define POSTMASTER "The postmaster of this system can help."
#define CHANGE "Change what is objected to and send the message again."
#define OTHER "If the reply does not tell what to do, ask the postmaster of the recipient's domain."

static const struct {
	const char *code; /* behind the class */
	struct status_words words;
} known[] = {
    {"1.0", {"Other address status", "something is wrong with the address", ADDRESS}},
    {"1.1", {"Bad destination mailbox address", "there is no such mailbox", ADDRESS}},
    {"1.2", {"Bad destination system address", "the domain of the address does not exist or takes no mail",
		ADDRESS}},
    {"1.3", {"Bad destination mailbox address syntax", "the address is not well formed", ADDRESS}},
    {"1.4", {"Destination mailbox address ambiguous", "the address may be that of several people", ADDRESS}},
    {"1.6",
	{"Destination mailbox has moved, No forwarding address", "the mailbox has moved to an unknown place",
	    "Ask the recipient another way for the new address."}},
    {"1.7", {"Bad sender's mailbox address syntax", "your own address is not well formed", POSTMASTER}},
    {"1.8", {"Bad sender's system address", "the domain of your own address is not accepted", POSTMASTER}},
    {"1.10", {"Recipient address has null MX", "the domain of the address takes no mail", ADDRESS}},
    {"2.0", {"Other or undefined mailbox status", "something is wrong with the mailbox", AWAY}},
    {"2.1", {"Mailbox disabled, not accepting messages", "the mailbox is disabled",
		"Reach the recipient another way."}},
    {"2.2", {"Mailbox full", "the mailbox is full", AWAY}},
    {"2.3",
	{"Message length exceeds administrative limit", "the message is too large for the mailbox", SMALLER}},
    {"2.4", {"Mailing list expansion problem", "the mailing list could not be resolved", OTHER}},
    {"3.0", {"Other or undefined mail system status", "the mail system has a trouble of its own", AWAY}},
    {"3.1", {"Mail system full", "the mail system is full", AWAY}},
    {"3.2", {"System not accepting network messages", "the mail system takes no messages now", AWAY}},
    {"3.3", {"System not capable of selected features", "the mail system cannot do what the message needs",
		OTHER}},
    {"3.4", {"Message too big for system", "the message is too large", SMALLER}},
    {"3.5", {"System incorrectly configured", "a mail system is set up wrongly", POSTMASTER}},
    {"4.0", {"Other or undefined network or routing status", "the way to the recipient is disturbed", AWAY}},
    {"4.1", {"No answer from host", "the mail server does not answer", AWAY}},
    {"4.2", {"Bad connection", "the connection broke", AWAY}},
    {"4.3",
	{"Directory server failure", "the name servers of the domain do not answer as they should", AWAY}},
    {"4.4", {"Unable to route", "there is no way to a mail server of the domain", ADDRESS}},
    {"4.5", {"Mail system congestion", "the mail system is overloaded", AWAY}},
    {"4.6", {"Routing loop detected", "the message went in a circle", POSTMASTER}},
    {"4.7", {"Delivery time expired", "the time for its delivery ran out", AWAY}},
    {"5.0",
	{"Other or undefined protocol status", "the two mail systems did not understand each other", OTHER}},
    {"5.1", {"Invalid command", "the two mail systems did not understand each other", OTHER}},
    {"5.2", {"Syntax error", "the two mail systems did not understand each other", OTHER}},
    {"5.3",
	{"Too many recipients", "the message has too many recipients", "Send it to fewer people at a time."}},
    {"5.4", {"Invalid command arguments", "the two mail systems did not understand each other", OTHER}},
    {"6.0", {"Other or undefined media error", "the content of the message is not accepted", CHANGE}},
    {"6.1", {"Media not supported", "the kind of content is not accepted", CHANGE}},
    {"6.2", {"Conversion required and prohibited",
		"the content must not be converted, and cannot pass as it is", CHANGE}},
    {"6.3", {"Conversion required but not supported", "the content would have to be converted", CHANGE}},
    {"6.7", {"Non-ASCII addresses not permitted for that sender/recipient",
		"addresses in other scripts than ASCII are not understood",
		"Use an address in ASCII, if there is one."}},
    {"7.0", {"Other or undefined security status", "it is against a rule", POLICY}},
    {"7.1", {"Delivery not authorized, message refused", "the message is not allowed by a rule", POLICY}},
    {"7.2", {"Mailing list expansion prohibited", "you may not send to the list",
		"Ask those who run the list, or join it first."}},
    {"7.4", {"Security features not supported", "the security asked for is not supported", POLICY}},
    {"7.5", {"Cryptographic failure", "a cryptographic check failed", POLICY}},
    {"7.8", {"Authentication credentials invalid", "this system could not prove who it is", POSTMASTER}},
    {"7.10", {"Encryption Needed", "the connection could not be encrypted as it must be", POSTMASTER}},
    {"7.20", {"No passing DKIM signature found", "the message has no valid DKIM signature", POSTMASTER}},
    {"7.23", {"SPF validation failed", "this system may not send for the sender's domain (SPF)", POSTMASTER}},
    {"7.25",
	{"Reverse DNS validation failed", "the address of this system has no matching name", POSTMASTER}},
    {"7.26", {"Multiple authentication checks failed",
		 "the sender's domain could not be verified (SPF, DKIM)", POSTMASTER}},
    {"7.27", {"Sender address has null MX", "the sender's domain takes no mail", POSTMASTER}},
    {"7.28", {"Mail flood detected", "too much mail came from here", POSTMASTER}},
    {"7.30", {"REQUIRETLS support required",
		 "the message may travel by protected connections only (REQUIRETLS), and there "
		 "is none to the recipient",
		 "If it may travel less protected, send it again without that demand; else reach the "
		 "recipient another "
		 "way."}},
};

struct status_words
status_words(const char *code)
{
	static const struct status_words other = {
	    "Other undefined status", "the code of its reply tells no reason", OTHER};
	static const struct status_words success = {"Success", "it was accepted", ""};
	static const struct status_words valid = {"Destination address valid", "it was accepted", ""};
	const char *behind = strchr(code, '.');
	const char *subject = behind ? behind + 1 : "";

	if (*code == '2')
		return strcmp(subject, "1.5") ? success : valid;
	for (int general = 0; general < 2; general++)
		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			if (general ? !strncmp(known[i].code, subject, 2) : !strcmp(known[i].code, subject))
				return known[i].words;
	return other;
}
