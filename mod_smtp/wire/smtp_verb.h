/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_verb.h
 * The verbs of SMTP, its extensions, and those of other protocols that only
 * an attacker sends here. Pure: any thread.
 */
#ifndef SMTP_VERB_H
#define SMTP_VERB_H

#include <apr.h>

typedef enum {
    SMTP_VERB_UNKNOWN = 0,
    SMTP_VERB_HELO, SMTP_VERB_EHLO, SMTP_VERB_LHLO,
    SMTP_VERB_MAIL, SMTP_VERB_RCPT, SMTP_VERB_DATA, SMTP_VERB_BDAT,
    SMTP_VERB_RSET, SMTP_VERB_NOOP, SMTP_VERB_VRFY, SMTP_VERB_EXPN,
    SMTP_VERB_HELP, SMTP_VERB_QUIT, SMTP_VERB_AUTH, SMTP_VERB_STARTTLS,
    SMTP_VERB_TURN, SMTP_VERB_ETRN, SMTP_VERB_ATRN,
    SMTP_VERB_SEND, SMTP_VERB_SOML, SMTP_VERB_SAML, /**< RFC 821, obsolete */
    /** A request line of HTTP or the like (GET, POST, CONNECT, ...): a
     *  browser was made to talk to us (ALPACA); cut the connection. */
    SMTP_VERB_FOREIGN,
    SMTP_VERB_COUNT
} smtp_verb_e;

/** The verb @a s, in any case (RFC 5321 2.4); SMTP_VERB_UNKNOWN if none. */
smtp_verb_e smtp_verb_find(const char *s, apr_size_t len);

/** Its name in upper case; "unknown" for SMTP_VERB_UNKNOWN. */
const char *smtp_verb_name(smtp_verb_e verb);

#endif
