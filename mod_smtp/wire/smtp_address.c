/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_address.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"

#define POSTMASTER "postmaster"
/* The brackets belong to a path, and to its 256 octets. */
#define BRACKETS_OCTETS 2

/** What is left to read. */
typedef struct cursor_t {
    const char *s;
    const char *end;
} cursor_t;

typedef struct span_t {
    const char *s;               /**< into the input; NULL: not there */
    apr_size_t len;
} span_t;

/** A mailbox as it came. */
typedef struct mailbox_t {
    span_t local;                /**< with its quotes */
    span_t domain;
} mailbox_t;

static int cursor_is(const cursor_t *in, char c)
{
    return in->s < in->end && *in->s == c;
}

static int cursor_take(cursor_t *in, char c)
{
    if (!cursor_is(in, c)) {
        return 0;
    }
    in->s++;
    return 1;
}

/** Takes one UTF8-non-ascii (RFC 6531 3.3). */
static smtp_address_status_e utf8_take(cursor_t *in, unsigned int allow)
{
    apr_size_t n = smtp_chars_utf8_len(in->s, in->end - in->s);

    if (!(allow & SMTP_ADDRESS_ALLOW_UTF8)) {
        return SMTP_ADDRESS_NOT_ASCII;
    }
    if (n == 0) {
        return SMTP_ADDRESS_BAD_UTF8;
    }
    in->s += n;
    return SMTP_ADDRESS_OK;
}

/** Takes a character that is of one of @a classes or is UTF8-non-ascii. */
static smtp_address_status_e char_take(cursor_t *in, unsigned int classes,
                                       unsigned int allow)
{
    if (in->s == in->end) {
        return SMTP_ADDRESS_SYNTAX;
    }
    if ((unsigned char)*in->s > 127) {
        return utf8_take(in, allow);
    }
    if (!smtp_chars_is(*in->s, classes)) {
        return SMTP_ADDRESS_SYNTAX;
    }
    in->s++;
    return SMTP_ADDRESS_OK;
}

/** Dot-string: Atom *("." Atom). It ends at the first character that is in
 *  none; whether that one may stand there is the caller's to judge. */
static smtp_address_status_e dot_string_take(cursor_t *in,
                                             unsigned int allow)
{
    do {
        const char *atom = in->s;
        smtp_address_status_e status;

        do {
            status = char_take(in, SMTP_CHARS_ATEXT, allow);
        } while (status == SMTP_ADDRESS_OK);
        if (status != SMTP_ADDRESS_SYNTAX) {
            return status;
        }
        if (in->s == atom) {
            return SMTP_ADDRESS_SYNTAX;
        }
    } while (cursor_take(in, '.'));
    return SMTP_ADDRESS_OK;
}

/** QcontentSMTP. RFC 6531 3.3 lets UTF-8 into qtextSMTP, not behind the
 *  backslash of a quoted-pairSMTP. */
static smtp_address_status_e qcontent_take(cursor_t *in, unsigned int allow)
{
    if (!cursor_take(in, '\\')) {
        return char_take(in, SMTP_CHARS_QTEXT, allow);
    }
    if (in->s == in->end || !smtp_chars_is(*in->s, SMTP_CHARS_PRINT)) {
        return SMTP_ADDRESS_SYNTAX;
    }
    in->s++;
    return SMTP_ADDRESS_OK;
}

/** Quoted-string: DQUOTE *QcontentSMTP DQUOTE. */
static smtp_address_status_e quoted_string_take(cursor_t *in,
                                                unsigned int allow)
{
    in->s++;
    while (!cursor_take(in, '"')) {
        smtp_address_status_e status = qcontent_take(in, allow);

        if (status != SMTP_ADDRESS_OK) {
            return status;
        }
    }
    return SMTP_ADDRESS_OK;
}

static smtp_address_status_e local_take(cursor_t *in, unsigned int allow,
                                        span_t *local)
{
    smtp_address_status_e status;

    local->s = in->s;
    status = cursor_is(in, '"') ? quoted_string_take(in, allow)
                                : dot_string_take(in, allow);
    if (status != SMTP_ADDRESS_OK) {
        return status;
    }
    local->len = in->s - local->s;
    return local->len > SMTP_ADDRESS_LOCAL_MAX_OCTETS
           ? SMTP_ADDRESS_LOCAL_TOO_LONG : SMTP_ADDRESS_OK;
}

/** Goes to where a domain has to end. In an address literal all that ends
 *  names, ">" too, is content. */
static void domain_skip(cursor_t *in)
{
    const char *ends = cursor_is(in, '[') ? "]" : ">,:";

    while (in->s < in->end && (*in->s == '\0' || !strchr(ends, *in->s))) {
        in->s++;
    }
    if (*ends == ']') {
        cursor_take(in, ']');
    }
}

/** @param literals  SMTP_DOMAIN_ALLOW_LITERAL, or 0 */
static smtp_address_status_e domain_take(cursor_t *in, unsigned int allow,
                                         unsigned int literals,
                                         span_t *domain)
{
    domain->s = in->s;
    domain_skip(in);
    domain->len = in->s - domain->s;
    if (smtp_chars_has_8bit(domain->s, domain->len)) {
        if (!(allow & SMTP_ADDRESS_ALLOW_UTF8)) {
            return SMTP_ADDRESS_NOT_ASCII;
        }
        if (!smtp_chars_is_utf8(domain->s, domain->len)) {
            return SMTP_ADDRESS_BAD_UTF8;
        }
    }
    if (domain->len > SMTP_DOMAIN_MAX_OCTETS) {
        return SMTP_ADDRESS_DOMAIN_TOO_LONG;
    }
    return smtp_domain_parse(domain->s, domain->len,
                             SMTP_DOMAIN_ALLOW_UTF8 | literals)
           == SMTP_DOMAIN_INVALID ? SMTP_ADDRESS_SYNTAX : SMTP_ADDRESS_OK;
}

/** A-d-l ":", which SHOULD be ignored (RFC 5321 3.3, appendix C). */
static smtp_address_status_e route_take(cursor_t *in, unsigned int allow)
{
    do {
        span_t hop;
        smtp_address_status_e status;

        if (!cursor_take(in, '@')) {
            return SMTP_ADDRESS_SYNTAX;
        }
        status = domain_take(in, allow, 0, &hop);
        if (status != SMTP_ADDRESS_OK) {
            return status;
        }
    } while (cursor_take(in, ','));
    return cursor_take(in, ':') ? SMTP_ADDRESS_OK : SMTP_ADDRESS_SYNTAX;
}

/** RFC 5321 4.1.1.3 spells the word as an atom: not in quotes. */
static int is_postmaster(const span_t *local)
{
    return local->len == sizeof(POSTMASTER) - 1
        && apr_cstr_casecmpn(local->s, POSTMASTER, local->len) == 0;
}

static int may_be_bare(const span_t *local, unsigned int allow)
{
    return (allow & SMTP_ADDRESS_ALLOW_BARE)
        || ((allow & SMTP_ADDRESS_ALLOW_POSTMASTER) && is_postmaster(local));
}

static smtp_address_status_e mailbox_take(cursor_t *in, unsigned int allow,
                                          mailbox_t *mailbox)
{
    smtp_address_status_e status = local_take(in, allow, &mailbox->local);

    if (status != SMTP_ADDRESS_OK) {
        return status;
    }
    if (cursor_take(in, '@')) {
        return domain_take(in, allow, SMTP_DOMAIN_ALLOW_LITERAL,
                           &mailbox->domain);
    }
    return may_be_bare(&mailbox->local, allow) ? SMTP_ADDRESS_OK
                                               : SMTP_ADDRESS_SYNTAX;
}

/** What stands between the brackets, which is not nothing. */
static smtp_address_status_e routed_mailbox_take(cursor_t *in,
                                                 unsigned int allow,
                                                 mailbox_t *mailbox)
{
    if (cursor_is(in, '@')) {
        smtp_address_status_e status = route_take(in, allow);

        if (status != SMTP_ADDRESS_OK) {
            return status;
        }
        allow &= ~(SMTP_ADDRESS_ALLOW_POSTMASTER | SMTP_ADDRESS_ALLOW_BARE);
    }
    return mailbox_take(in, allow, mailbox);
}

static char *local_unquote(apr_pool_t *p, const span_t *local)
{
    const char *s = local->s;
    const char *end = local->s + local->len;
    char *value = apr_palloc(p, local->len + 1);
    char *v = value;

    if (*s == '"') {
        s++;
        end--;
    }
    while (s < end) {
        if (*s == '\\') {
            s++;
        }
        *v++ = *s++;
    }
    *v = '\0';
    return value;
}

static int is_dot_string(const char *local, apr_size_t len)
{
    cursor_t in = { local, local + len };

    return dot_string_take(&in, SMTP_ADDRESS_ALLOW_UTF8) == SMTP_ADDRESS_OK
        && in.s == in.end;
}

/** The local-part as RFC 5321 4.1.2 wants a host to write it: not quoted if
 *  it need not be, and no more backslashes than it takes. */
static const char *local_write(apr_pool_t *p, const char *local)
{
    apr_size_t len = strlen(local);
    char *quoted;
    char *q;

    if (is_dot_string(local, len)) {
        return local;
    }
    q = quoted = apr_palloc(p, 2 * len + sizeof("\"\""));
    *q++ = '"';
    while (*local != '\0') {
        if (*local == '"' || *local == '\\') {
            *q++ = '\\';
        }
        *q++ = *local++;
    }
    *q++ = '"';
    *q = '\0';
    return quoted;
}

/** Sets @a a; its parts are in @a p already. */
static void address_set(apr_pool_t *p, smtp_address_t *a, const char *local,
                        const char *domain)
{
    memset(a, 0, sizeof(*a));
    a->local = local;
    a->domain = domain;
    a->text = local_write(p, local);
    if (domain != NULL) {
        a->text = apr_pstrcat(p, a->text, "@", domain, NULL);
        a->is_literal = *domain == '[';
    }
    a->is_utf8 = smtp_chars_has_8bit(a->text, strlen(a->text));
}

static void address_set_null(smtp_address_t *a)
{
    memset(a, 0, sizeof(*a));
    a->local = "";
    a->text = "";
    a->is_null = 1;
}

static void address_set_mailbox(apr_pool_t *p, smtp_address_t *a,
                                const mailbox_t *mailbox)
{
    const char *domain = NULL;

    if (mailbox->domain.s != NULL) {
        domain = apr_pstrmemdup(p, mailbox->domain.s, mailbox->domain.len);
    }
    address_set(p, a, local_unquote(p, &mailbox->local), domain);
}

smtp_address_status_e smtp_address_parse_path(apr_pool_t *p, const char *s,
                                              apr_size_t len,
                                              unsigned int allow,
                                              smtp_address_t *a,
                                              apr_size_t *consumed)
{
    cursor_t in = { s, s + len };
    mailbox_t mailbox = { { NULL, 0 }, { NULL, 0 } };
    smtp_address_status_e status = SMTP_ADDRESS_OK;

    memset(a, 0, sizeof(*a));
    *consumed = 0;
    if (!cursor_take(&in, '<')) {
        return SMTP_ADDRESS_SYNTAX;
    }
    if (!cursor_is(&in, '>') || !(allow & SMTP_ADDRESS_ALLOW_NULL)) {
        status = routed_mailbox_take(&in, allow, &mailbox);
    }
    if (status != SMTP_ADDRESS_OK) {
        return status;
    }
    if (!cursor_take(&in, '>')) {
        return SMTP_ADDRESS_SYNTAX;
    }
    if (in.s - s > SMTP_ADDRESS_PATH_MAX_OCTETS) {
        return SMTP_ADDRESS_PATH_TOO_LONG;
    }
    *consumed = in.s - s;
    if (mailbox.local.s == NULL) {
        address_set_null(a);
    }
    else {
        address_set_mailbox(p, a, &mailbox);
    }
    return SMTP_ADDRESS_OK;
}

smtp_address_status_e smtp_address_parse(apr_pool_t *p, const char *s,
                                         apr_size_t len, unsigned int allow,
                                         smtp_address_t *a)
{
    cursor_t in = { s, s + len };
    mailbox_t mailbox = { { NULL, 0 }, { NULL, 0 } };
    smtp_address_status_e status;

    memset(a, 0, sizeof(*a));
    if (len == 0 && (allow & SMTP_ADDRESS_ALLOW_NULL)) {
        address_set_null(a);
        return SMTP_ADDRESS_OK;
    }
    status = mailbox_take(&in, allow, &mailbox);
    if (status != SMTP_ADDRESS_OK) {
        return status;
    }
    if (in.s != in.end) {
        return SMTP_ADDRESS_SYNTAX;
    }
    if (len > SMTP_ADDRESS_PATH_MAX_OCTETS - BRACKETS_OCTETS) {
        return SMTP_ADDRESS_PATH_TOO_LONG;
    }
    address_set_mailbox(p, a, &mailbox);
    return SMTP_ADDRESS_OK;
}

/** Whether a Quoted-string can hold @a local: no controls, only UTF-8. */
static int is_quotable(const char *local)
{
    cursor_t in = { local, local + strlen(local) };

    while (in.s < in.end) {
        if (char_take(&in, SMTP_CHARS_PRINT, SMTP_ADDRESS_ALLOW_UTF8)
            != SMTP_ADDRESS_OK) {
            return 0;
        }
    }
    return 1;
}

smtp_address_t *smtp_address_create(apr_pool_t *p, const char *local,
                                    const char *domain)
{
    smtp_address_t *a;

    if (!is_quotable(local)
        || (domain != NULL
            && smtp_domain_parse_helo(domain, strlen(domain),
                                      SMTP_DOMAIN_ALLOW_UTF8)
               == SMTP_DOMAIN_INVALID)) {
        return NULL;
    }
    a = apr_palloc(p, sizeof(*a));
    if (*local == '\0' && domain == NULL) {
        address_set_null(a);
    }
    else {
        address_set(p, a, apr_pstrdup(p, local), apr_pstrdup(p, domain));
    }
    return a;
}

smtp_address_t *smtp_address_copy(apr_pool_t *p, const smtp_address_t *a)
{
    smtp_address_t *copy = apr_pmemdup(p, a, sizeof(*a));

    copy->local = apr_pstrdup(p, a->local);
    copy->domain = apr_pstrdup(p, a->domain);
    copy->text = apr_pstrdup(p, a->text);
    return copy;
}
