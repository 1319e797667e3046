/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_trace.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_address.h"
#include "smtp_chars.h"
#include "smtp_date.h"
#include "smtp_domain.h"
#include "smtp_escape.h"
#include "smtp_field.h"

/** Octets of a peer's string that a comment shows at most. */
#define COMMENT_MAX_OCTETS 255

/** Units of a Received field: what is kept together when it is folded. */
#define UNITS_MAX 12

typedef struct units_t {
    apr_pool_t *pool;
    const char *unit[UNITS_MAX];
    int count;
} units_t;

static void unit_add(units_t *units, const char *unit)
{
    if (unit) {
        units->unit[units->count++] = unit;
    }
}

/**
 * What a peer sent, as words of a comment: parentheses and backslashes too
 * become \\xHH, so that it can neither end the comment (RFC 5322 3.2.2) nor
 * look like a clause of the field.
 */
static const char *comment_escape(apr_pool_t *p, const char *s)
{
    apr_size_t len = strlen(s);
    apr_size_t taken = len < COMMENT_MAX_OCTETS ? len : COMMENT_MAX_OCTETS;
    char *out = apr_palloc(p, taken * SMTP_ESCAPE_TOKEN_OCTETS
                              + sizeof("..."));
    char *o = out;
    apr_size_t i, token_len;

    for (i = 0; i < taken; i++) {
        if (strchr("()\\ ", s[i])) {
            o += apr_snprintf(o, 5, "\\x%02X", (unsigned char)s[i]);
        }
        else {
            smtp_escape_next(s + i, 1, 0, o, &token_len);
            o += token_len;
        }
    }
    strcpy(o, taken < len ? "..." : "");
    return out;
}

/** "(label value)"; NULL if @a value is. */
static const char *comment(apr_pool_t *p, const char *label,
                           const char *value)
{
    return value ? apr_pstrcat(p, "(", label, " ", comment_escape(p, value),
                               ")", NULL)
                 : NULL;
}

/** Whether @a s may stand as a Domain. '_' is let pass in a label, as it is
 *  in EHLO; a U-label is not (RFC 6531 3.7.3). */
static int is_domain(const char *s)
{
    return s && smtp_domain_parse_helo(s, strlen(s), 0) == SMTP_DOMAIN_NAME;
}

static int is_literal(const char *s)
{
    return s && *s == '['
           && smtp_domain_parse(s, strlen(s), SMTP_DOMAIN_ALLOW_LITERAL)
              != SMTP_DOMAIN_INVALID;
}

/** The address literal of an IP address, without the zone that a link-local
 *  one may have; NULL if it is none. */
static const char *ip_literal(apr_pool_t *p, const char *ip)
{
    const char *literal;

    if (ip == NULL) {
        return NULL;
    }
    literal = apr_pstrcat(p, "[", strchr(ip, ':') ? "IPv6:" : "",
                          apr_pstrmemdup(p, ip, strcspn(ip, "%")), "]",
                          NULL);
    return is_literal(literal) ? literal : NULL;
}

/**
 * From-domain (RFC 5321 4.4): what the client called itself, if it has the
 * form of a domain or of an address literal (which needs TCP-info behind it);
 * else the address. Any other claim is told in a comment.
 */
static void from_add(units_t *units, const smtp_trace_t *trace)
{
    apr_pool_t *p = units->pool;
    const char *ip = ip_literal(p, trace->client_ip);
    const char *from = ip ? ip : "unknown";
    int has_helo = is_domain(trace->helo) || (ip && is_literal(trace->helo));
    int has_name = is_domain(trace->client_name);

    unit_add(units, apr_pstrcat(p, "from ", has_helo ? trace->helo : from,
                                NULL));
    if (ip) {
        unit_add(units, apr_pstrcat(p, "(",
                                    has_name ? trace->client_name : "",
                                    has_name ? " " : "", ip, ")", NULL));
    }
    if (!has_helo) {
        unit_add(units, comment(p, "HELO", trace->helo));
    }
    if (!has_name) {
        unit_add(units, comment(p, "PTR", trace->client_name));
    }
}

static const char *tls_comment(apr_pool_t *p, const smtp_trace_t *trace)
{
    const char *version = trace->tls_version;
    const char *cipher = trace->tls_cipher;

    if (version == NULL) {
        return NULL;
    }
    return apr_pstrcat(p, "(", comment_escape(p, version),
                       cipher ? " " : "",
                       cipher ? comment_escape(p, cipher) : "", ")", NULL);
}

/** ID (RFC 5321 4.4) is an atom. */
static const char *id_unit(apr_pool_t *p, const char *id)
{
    const char *s = id;

    if (id == NULL) {
        return NULL;
    }
    while (smtp_chars_is(*s, SMTP_CHARS_ATEXT)) {
        s++;
    }
    return *s || s == id ? comment(p, "id", id)
                         : apr_pstrcat(p, "id ", id, NULL);
}

/** For (RFC 5321 4.4; uFor, RFC 6531 3.7.3): left out where it is no
 *  path. */
static const char *for_unit(apr_pool_t *p, const smtp_trace_t *trace)
{
    unsigned int allow = SMTP_ADDRESS_ALLOW_POSTMASTER
                         | SMTP_ADDRESS_ALLOW_BARE
                         | (trace->smtputf8 ? SMTP_ADDRESS_ALLOW_UTF8 : 0);
    const char *s = trace->recipient;
    smtp_address_t a;

    if (s == NULL
        || smtp_address_parse(p, s, strlen(s), allow, &a)
           != SMTP_ADDRESS_OK) {
        return NULL;
    }
    return apr_pstrcat(p, "for <", a.text, ">", NULL);
}

const char *smtp_trace_with(const smtp_trace_t *trace)
{
    /* By smtputf8, lmtp, TLS, AUTH. RFC 3848; RFC 6531 4.3. */
    static const char *const types[2][2][2][2] = {
        { { { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
          { { "LMTP", "LMTPA" }, { "LMTPS", "LMTPSA" } } },
        { { { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } },
          { { "UTF8LMTP", "UTF8LMTPA" }, { "UTF8LMTPS", "UTF8LMTPSA" } } }
    };

    if (!trace->esmtp && !trace->lmtp) {
        return "SMTP";
    }
    return types[trace->smtputf8][trace->lmtp][trace->tls_version != NULL]
                [trace->auth];
}

char *smtp_trace_write_received(apr_pool_t *p, const smtp_trace_t *trace)
{
    units_t units = { p, { NULL }, 0 };
    char date[SMTP_DATE_BUFFER_OCTETS];
    smtp_field_t field;
    int i;

    from_add(&units, trace);
    unit_add(&units, apr_pstrcat(p, "by ", is_domain(trace->server_name)
                                           ? trace->server_name : "unknown",
                                 NULL));
    unit_add(&units, apr_pstrcat(p, "with ", smtp_trace_with(trace), NULL));
    unit_add(&units, tls_comment(p, trace));
    unit_add(&units, id_unit(p, trace->id));
    unit_add(&units, for_unit(p, trace));
    units.unit[units.count - 1] =
        apr_pstrcat(p, units.unit[units.count - 1], ";", NULL);
    smtp_date_write(date, trace->time, trace->offset_sec);
    unit_add(&units, date);

    smtp_field_init(&field, p, trace->smtputf8);
    smtp_field_begin(&field, "Received");
    for (i = 0; i < units.count; i++) {
        smtp_field_unit(&field, units.unit[i]);
    }
    smtp_field_end(&field);
    return field.octets;
}

/** A field that is never folded: some readers take only its first line. UTF-8
 *  is in an address only if its mail may have it. */
static char *address_field(apr_pool_t *p, const char *begin,
                           const char *address, const char *end)
{
    return apr_pstrcat(p, begin,
                       smtp_escape_write(p, address, strlen(address), 1),
                       end, "\r\n", NULL);
}

char *smtp_trace_write_return_path(apr_pool_t *p, const char *reverse_path)
{
    return address_field(p, "Return-Path: <", reverse_path, ">");
}

char *smtp_trace_write_delivered_to(apr_pool_t *p, const char *mailbox)
{
    return address_field(p, "Delivered-To: ", mailbox, "");
}
