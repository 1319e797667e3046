/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_status.h"

#include <apr_strings.h>

/** A number of a code, at most: three digits (RFC 3463 2). */
#define NUMBER_MAX 999

/** Reads one to three digits without leading zeros. Returns their count, or
 *  0. */
static apr_size_t number_parse(const char *s, apr_size_t len,
                               unsigned short *number)
{
    apr_size_t i;

    *number = 0;
    for (i = 0; i < len && s[i] >= '0' && s[i] <= '9'; i++) {
        if (i == 3 || (i == 1 && s[0] == '0')) {
            return 0;
        }
        *number = (unsigned short)(*number * 10 + (s[i] - '0'));
    }
    return i;
}

static int is_class(unsigned short klass)
{
    return klass == 2 || klass == 4 || klass == 5;
}

apr_size_t smtp_status_parse(const char *s, apr_size_t len,
                             smtp_status_t *status)
{
    static const smtp_status_t none = { 0, 0, 0 };
    unsigned short numbers[3];
    apr_size_t at = 0;
    int i;

    *status = none;
    for (i = 0; i < 3; i++) {
        apr_size_t octets = number_parse(s + at, len - at, &numbers[i]);

        at += octets;
        if (octets == 0
            || (i < 2 && (at == len || s[at++] != '.'))) {
            return 0;
        }
    }
    /* What follows may be nothing at all: a peer that sends "550 5.7.2" and
     * no text has felled others (CVE-2026-43964). */
    if (!is_class(numbers[0]) || (at < len && s[at] != ' ')) {
        return 0;
    }
    status->klass = numbers[0];
    status->subject = numbers[1];
    status->detail = numbers[2];
    return at;
}

apr_size_t smtp_status_write(char buffer[SMTP_STATUS_BUFFER_OCTETS],
                             smtp_status_t status)
{
    buffer[0] = '\0';
    if (!is_class(status.klass)) {
        return 0;
    }
    if (status.subject > NUMBER_MAX || status.detail > NUMBER_MAX) {
        status.subject = status.detail = 0;
    }
    return (apr_size_t)apr_snprintf(buffer, SMTP_STATUS_BUFFER_OCTETS,
                                    "%hu.%hu.%hu", status.klass,
                                    status.subject, status.detail);
}

/** Reply codes that say more than their class. The pairs are those of the
 *  registry (RFC 5248) or of the RFC that defines the code. */
typedef struct reply_row_t {
    int code;
    smtp_status_t status;
} reply_row_t;

static const reply_row_t reply_rows[] = {
    { 235, { 2, 7, 0 } },   /* RFC 4954 6 */
    { 251, { 2, 1, 5 } },
    { 252, { 2, 5, 0 } },   /* VRFY, RFC 5321 3.5.3: neither yes nor no */
    { 421, { 4, 3, 2 } },
    { 422, { 4, 7, 12 } },
    { 432, { 4, 7, 12 } },  /* RFC 4954 6 */
    { 450, { 4, 2, 0 } },
    { 451, { 4, 3, 0 } },
    { 452, { 4, 3, 1 } },
    { 453, { 4, 3, 2 } },   /* RFC 2645 */
    { 454, { 4, 7, 0 } },   /* RFC 3207 4, RFC 4954 6 */
    { 455, { 4, 5, 4 } },   /* RFC 5321 4.1.1.11 */
    { 458, { 4, 3, 0 } },   /* RFC 1985 5.3 */
    { 459, { 4, 7, 1 } },   /* RFC 1985 5.3 */
    { 500, { 5, 5, 2 } },
    { 501, { 5, 5, 4 } },
    { 502, { 5, 5, 1 } },
    { 503, { 5, 5, 1 } },
    { 504, { 5, 5, 4 } },
    { 521, { 5, 3, 2 } },   /* RFC 7504 */
    { 523, { 5, 7, 10 } },
    { 524, { 5, 7, 11 } },
    { 525, { 5, 7, 13 } },
    { 530, { 5, 7, 0 } },   /* RFC 3207 4, RFC 4954 6 */
    { 534, { 5, 7, 9 } },   /* RFC 4954 6 */
    { 535, { 5, 7, 8 } },   /* RFC 4954 6 */
    { 538, { 5, 7, 11 } },  /* RFC 4954 6 */
    { 551, { 5, 1, 6 } },
    { 552, { 5, 2, 2 } },
    { 553, { 5, 1, 3 } },
    { 555, { 5, 5, 4 } },
    { 556, { 5, 1, 10 } }   /* RFC 7505 4.1 */
};

smtp_status_t smtp_status_of_reply(int reply_code)
{
    smtp_status_t status = { 0, 0, 0 };
    apr_size_t i;

    for (i = 0; i < sizeof(reply_rows) / sizeof(reply_rows[0]); i++) {
        if (reply_rows[i].code == reply_code) {
            return reply_rows[i].status;
        }
    }
    if (reply_code >= 200 && reply_code <= 599 && reply_code / 100 != 3) {
        status.klass = (unsigned short)(reply_code / 100);
    }
    return status;
}

/** A registered code, whatever its class. */
typedef struct text_row_t {
    unsigned short subject;
    unsigned short detail;
    const char *text;
} text_row_t;

static const text_row_t text_rows[] = {
    { 1, 0, "Other address status" },
    { 1, 1, "Bad destination mailbox address" },
    { 1, 2, "Bad destination system address" },
    { 1, 3, "Bad destination mailbox address syntax" },
    { 1, 4, "Destination mailbox address ambiguous" },
    { 1, 5, "Destination address valid" },
    { 1, 6, "Destination mailbox has moved, No forwarding address" },
    { 1, 7, "Bad sender's mailbox address syntax" },
    { 1, 8, "Bad sender's system address" },
    { 1, 9, "Message relayed to non-compliant mailer" },
    { 1, 10, "Recipient address has null MX" },
    { 2, 0, "Other or undefined mailbox status" },
    { 2, 1, "Mailbox disabled, not accepting messages" },
    { 2, 2, "Mailbox full" },
    { 2, 3, "Message length exceeds administrative limit" },
    { 2, 4, "Mailing list expansion problem" },
    { 3, 0, "Other or undefined mail system status" },
    { 3, 1, "Mail system full" },
    { 3, 2, "System not accepting network messages" },
    { 3, 3, "System not capable of selected features" },
    { 3, 4, "Message too big for system" },
    { 3, 5, "System incorrectly configured" },
    { 3, 6, "Requested priority was changed" },
    { 4, 0, "Other or undefined network or routing status" },
    { 4, 1, "No answer from host" },
    { 4, 2, "Bad connection" },
    { 4, 3, "Directory server failure" },
    { 4, 4, "Unable to route" },
    { 4, 5, "Mail system congestion" },
    { 4, 6, "Routing loop detected" },
    { 4, 7, "Delivery time expired" },
    { 5, 0, "Other or undefined protocol status" },
    { 5, 1, "Invalid command" },
    { 5, 2, "Syntax error" },
    { 5, 3, "Too many recipients" },
    { 5, 4, "Invalid command arguments" },
    { 5, 5, "Wrong protocol version" },
    { 5, 6, "Authentication Exchange line is too long" },
    { 6, 0, "Other or undefined media error" },
    { 6, 1, "Media not supported" },
    { 6, 2, "Conversion required and prohibited" },
    { 6, 3, "Conversion required but not supported" },
    { 6, 4, "Conversion with loss performed" },
    { 6, 5, "Conversion Failed" },
    { 6, 6, "Message content not available" },
    { 6, 7, "Non-ASCII addresses not permitted for that sender/recipient" },
    { 6, 8, "UTF-8 string reply is required, but not permitted by the SMTP "
            "client" },
    { 6, 9, "UTF-8 header message cannot be transferred to one or more "
            "recipients, so the message must be rejected" },
    { 7, 0, "Other or undefined security status" },
    { 7, 1, "Delivery not authorized, message refused" },
    { 7, 2, "Mailing list expansion prohibited" },
    { 7, 3, "Security conversion required but not possible" },
    { 7, 4, "Security features not supported" },
    { 7, 5, "Cryptographic failure" },
    { 7, 6, "Cryptographic algorithm not supported" },
    { 7, 7, "Message integrity failure" },
    { 7, 8, "Authentication credentials invalid" },
    { 7, 9, "Authentication mechanism is too weak" },
    { 7, 10, "Encryption Needed" },
    { 7, 11, "Encryption required for requested authentication mechanism" },
    { 7, 12, "A password transition is needed" },
    { 7, 13, "User Account Disabled" },
    { 7, 14, "Trust relationship required" },
    { 7, 15, "Priority Level is too low" },
    { 7, 16, "Message is too big for the specified priority" },
    { 7, 17, "Mailbox owner has changed" },
    { 7, 18, "Domain owner has changed" },
    { 7, 19, "RRVS test cannot be completed" },
    { 7, 20, "No passing DKIM signature found" },
    { 7, 21, "No acceptable DKIM signature found" },
    { 7, 22, "No valid author-matched DKIM signature found" },
    { 7, 23, "SPF validation failed" },
    { 7, 24, "SPF validation error" },
    { 7, 25, "Reverse DNS validation failed" },
    { 7, 26, "Multiple authentication checks failed" },
    { 7, 27, "Sender address has null MX" },
    { 7, 28, "Mail flood detected" },
    { 7, 29, "ARC validation failure" },
    { 7, 30, "REQUIRETLS support required" }
};

const char *smtp_status_text(smtp_status_t status)
{
    apr_size_t i;

    for (i = 0; i < sizeof(text_rows) / sizeof(text_rows[0]); i++) {
        if (text_rows[i].subject == status.subject
            && text_rows[i].detail == status.detail) {
            return text_rows[i].text;
        }
    }
    return "Other undefined status";
}
