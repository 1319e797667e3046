/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_verb.h"

#include <string.h>

#include <apr_cstr.h>

static const char *const verb_names[SMTP_VERB_COUNT] = {
    [SMTP_VERB_UNKNOWN] = "unknown",
    [SMTP_VERB_HELO] = "HELO",
    [SMTP_VERB_EHLO] = "EHLO",
    [SMTP_VERB_LHLO] = "LHLO",
    [SMTP_VERB_MAIL] = "MAIL",
    [SMTP_VERB_RCPT] = "RCPT",
    [SMTP_VERB_DATA] = "DATA",
    [SMTP_VERB_BDAT] = "BDAT",
    [SMTP_VERB_RSET] = "RSET",
    [SMTP_VERB_NOOP] = "NOOP",
    [SMTP_VERB_VRFY] = "VRFY",
    [SMTP_VERB_EXPN] = "EXPN",
    [SMTP_VERB_HELP] = "HELP",
    [SMTP_VERB_QUIT] = "QUIT",
    [SMTP_VERB_AUTH] = "AUTH",
    [SMTP_VERB_STARTTLS] = "STARTTLS",
    [SMTP_VERB_TURN] = "TURN",
    [SMTP_VERB_ETRN] = "ETRN",
    [SMTP_VERB_ATRN] = "ATRN",
    [SMTP_VERB_SEND] = "SEND",
    [SMTP_VERB_SOML] = "SOML",
    [SMTP_VERB_SAML] = "SAML",
    [SMTP_VERB_FOREIGN] = "FOREIGN"
};

/* Methods of HTTP (RFC 9110 9, RFC 5789) and of WebDAV that a page can make
 * a browser send, and the first word of HTTP/2's preface. */
static const char *const foreign_methods[] = {
    "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT", "TRACE",
    "PATCH", "PRI", "PROPFIND", "PROPPATCH", "MKCOL", "REPORT", "SEARCH",
    NULL
};

/* Header fields that follow a request line: should the request line itself
 * have looked like a command, one of these will not. */
static const char *const foreign_fields[] = {
    "Host", "User-Agent", "Content-Type", "Content-Length",
    "Transfer-Encoding", "Accept", "Accept-Encoding", "Accept-Language",
    "Connection", "Cache-Control", "Pragma", "Upgrade",
    "Upgrade-Insecure-Requests", "Origin", "Referer", "Cookie",
    "Authorization", "X-Requested-With", "Sec-Fetch-Dest", "Sec-Fetch-Mode",
    "Sec-Fetch-Site", "Sec-Fetch-User", NULL
};

static int word_is(const char *s, apr_size_t len, const char *word)
{
    return strlen(word) == len && apr_cstr_casecmpn(s, word, len) == 0;
}

static int word_is_among(const char *s, apr_size_t len,
                         const char *const *words)
{
    for (; *words != NULL; words++) {
        if (word_is(s, len, *words)) {
            return 1;
        }
    }
    return 0;
}

static int is_foreign(const char *s, apr_size_t len)
{
    const char *colon = memchr(s, ':', len);

    if (colon != NULL) {
        return word_is_among(s, colon - s, foreign_fields);
    }
    return word_is_among(s, len, foreign_methods)
        || (len >= 5 && apr_cstr_casecmpn(s, "HTTP/", 5) == 0);
}

smtp_verb_e smtp_verb_find(const char *s, apr_size_t len)
{
    int verb;

    for (verb = SMTP_VERB_UNKNOWN + 1; verb < SMTP_VERB_FOREIGN; verb++) {
        if (word_is(s, len, verb_names[verb])) {
            return (smtp_verb_e)verb;
        }
    }
    return is_foreign(s, len) ? SMTP_VERB_FOREIGN : SMTP_VERB_UNKNOWN;
}

const char *smtp_verb_name(smtp_verb_e verb)
{
    if ((unsigned int)verb >= SMTP_VERB_COUNT) {
        verb = SMTP_VERB_UNKNOWN;
    }
    return verb_names[verb];
}
