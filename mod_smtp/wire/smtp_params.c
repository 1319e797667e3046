/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_params.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "smtp_address.h"
#include "smtp_chars.h"
#include "smtp_xtext.h"

/* RFC 1870 4 */
#define SIZE_MAX_DIGITS 20
/* RFC 3461 4.4 and 4.2 */
#define ENVID_MAX_OCTETS 100
#define ORCPT_MAX_OCTETS 500
/* Enough of a parameter at fault to find it in a log. */
#define BAD_MAX_OCTETS 64

#define ORCPT_UTF8 "utf-8"
#define ORCPT_ASCII "rfc822"

typedef struct span_t {
    const char *s;
    apr_size_t len;
} span_t;

/** esmtp-param: keyword ["=" value]. */
typedef struct param_t {
    span_t whole;
    span_t keyword;
    span_t value;                /**< s is NULL if there is no "=" */
} param_t;

/** What the parsers of single parameters work on. */
typedef struct parse_t {
    apr_pool_t *pool;
    smtp_extension_set_t offered;
    int utf8;                    /**< raw UTF-8 may stand in a value */
    smtp_mail_params_t *mail;    /**< NULL for RCPT */
    smtp_rcpt_params_t *rcpt;    /**< NULL for MAIL */
} parse_t;

typedef smtp_params_status_e (*value_parse_fn)(const parse_t *parse,
                                               const span_t *value);

/** What is known of one keyword. */
typedef struct keyword_t {
    const char *name;
    smtp_extension_set_t extensions; /**< one of them was offered */
    int has_value;               /**< RFC 5321 leaves it to the extension */
    value_parse_fn parse;
} keyword_t;

static int span_is(const span_t *span, const char *word)
{
    return span->len == strlen(word)
        && apr_cstr_casecmpn(span->s, word, span->len) == 0;
}

static char *span_copy(apr_pool_t *p, const span_t *span)
{
    return apr_pstrmemdup(p, span->s, span->len);
}

/* Parameters of MAIL */

static smtp_params_status_e size_parse(const parse_t *parse,
                                       const span_t *value)
{
    apr_off_t size;

    if (value->len > SIZE_MAX_DIGITS
        || !smtp_chars_number_parse(value->s, value->len, &size)) {
        return SMTP_PARAMS_SYNTAX;
    }
    parse->mail->has_size = 1;
    parse->mail->size_octets = size;
    return SMTP_PARAMS_OK;
}

static const struct body_t {
    const char *name;
    smtp_body_e body;
    smtp_extension_set_t needs;  /**< one of them */
} bodies[] = {
    { "7BIT", SMTP_BODY_7BIT,
      SMTP_EXTENSION_8BITMIME | SMTP_EXTENSION_BINARYMIME },
    { "8BITMIME", SMTP_BODY_8BITMIME, SMTP_EXTENSION_8BITMIME },
    { "BINARYMIME", SMTP_BODY_BINARYMIME, SMTP_EXTENSION_BINARYMIME }
};
#define BODIES (sizeof(bodies) / sizeof(bodies[0]))

static smtp_params_status_e body_parse(const parse_t *parse,
                                       const span_t *value)
{
    apr_size_t i;

    for (i = 0; i < BODIES; i++) {
        if (!span_is(value, bodies[i].name)) {
            continue;
        }
        if (!(parse->offered & bodies[i].needs)) {
            return SMTP_PARAMS_UNKNOWN;
        }
        parse->mail->has_body = 1;
        parse->mail->body = bodies[i].body;
        return SMTP_PARAMS_OK;
    }
    return SMTP_PARAMS_SYNTAX;
}

static smtp_params_status_e smtputf8_parse(const parse_t *parse,
                                           const span_t *value)
{
    (void)value;
    parse->mail->smtputf8 = 1;
    return SMTP_PARAMS_OK;
}

static smtp_params_status_e ret_parse(const parse_t *parse,
                                      const span_t *value)
{
    if (span_is(value, "FULL")) {
        parse->mail->ret = SMTP_RET_FULL;
    }
    else if (span_is(value, "HDRS")) {
        parse->mail->ret = SMTP_RET_HDRS;
    }
    else {
        return SMTP_PARAMS_SYNTAX;
    }
    return SMTP_PARAMS_OK;
}

/** Whether @a xtext says printable US-ASCII, since it is to stand in a field
 *  of a DSN (RFC 3461 4.2, 4.4). */
static int is_printable_xtext(apr_pool_t *p, const span_t *xtext)
{
    const char *s;

    if (smtp_xtext_parse(p, xtext->s, xtext->len, &s) != APR_SUCCESS) {
        return 0;
    }
    while (smtp_chars_is(*s, SMTP_CHARS_PRINT)) {
        s++;
    }
    return *s == '\0';
}

static smtp_params_status_e envid_parse(const parse_t *parse,
                                        const span_t *value)
{
    if (value->len > ENVID_MAX_OCTETS) {
        return SMTP_PARAMS_TOO_LONG;
    }
    if (!is_printable_xtext(parse->pool, value)) {
        return SMTP_PARAMS_SYNTAX;
    }
    parse->mail->envid = span_copy(parse->pool, value);
    return SMTP_PARAMS_OK;
}

/** RFC 4954 5: a mailbox as xtext, or "<>". */
static smtp_params_status_e auth_parse(const parse_t *parse,
                                       const span_t *value)
{
    smtp_address_t mailbox;
    const char *auth;

    if (smtp_xtext_parse(parse->pool, value->s, value->len, &auth)
        != APR_SUCCESS) {
        return SMTP_PARAMS_SYNTAX;
    }
    if (strcmp(auth, "<>") != 0
        && smtp_address_parse(parse->pool, auth, strlen(auth),
                              SMTP_ADDRESS_ALLOW_UTF8, &mailbox)
           != SMTP_ADDRESS_OK) {
        return SMTP_PARAMS_SYNTAX;
    }
    parse->mail->auth = auth;
    return SMTP_PARAMS_OK;
}

static smtp_params_status_e requiretls_parse(const parse_t *parse,
                                             const span_t *value)
{
    (void)value;
    parse->mail->requiretls = 1;
    return SMTP_PARAMS_OK;
}

/** priority-value (RFC 6710 6): ["-"] %x31-39, or "0". */
static smtp_params_status_e priority_parse(const parse_t *parse,
                                           const span_t *value)
{
    int is_negative = *value->s == '-';
    int digit = value->s[value->len - 1] - '0';

    if (value->len != (is_negative ? 2u : 1u) || digit < is_negative
        || digit > 9) {
        return SMTP_PARAMS_SYNTAX;
    }
    parse->mail->has_priority = 1;
    parse->mail->priority = is_negative ? -digit : digit;
    return SMTP_PARAMS_OK;
}

static const keyword_t mail_keywords[] = {
    { "SIZE", SMTP_EXTENSION_SIZE, 1, size_parse },
    { "BODY", SMTP_EXTENSION_8BITMIME | SMTP_EXTENSION_BINARYMIME, 1,
      body_parse },
    { "SMTPUTF8", SMTP_EXTENSION_SMTPUTF8, 0, smtputf8_parse },
    { "RET", SMTP_EXTENSION_DSN, 1, ret_parse },
    { "ENVID", SMTP_EXTENSION_DSN, 1, envid_parse },
    { "AUTH", SMTP_EXTENSION_AUTH, 1, auth_parse },
    { "REQUIRETLS", SMTP_EXTENSION_REQUIRETLS, 0, requiretls_parse },
    { "MT-PRIORITY", SMTP_EXTENSION_MT_PRIORITY, 1, priority_parse },
    { NULL, 0, 0, NULL }
};

/* Parameters of RCPT */

static const struct notify_t {
    const char *name;
    unsigned int bit;
} notifies[] = {
    { "NEVER", SMTP_NOTIFY_NEVER },
    { "SUCCESS", SMTP_NOTIFY_SUCCESS },
    { "FAILURE", SMTP_NOTIFY_FAILURE },
    { "DELAY", SMTP_NOTIFY_DELAY }
};
#define NOTIFIES (sizeof(notifies) / sizeof(notifies[0]))

static unsigned int notify_find(const span_t *word)
{
    apr_size_t i;

    for (i = 0; i < NOTIFIES; i++) {
        if (span_is(word, notifies[i].name)) {
            return notifies[i].bit;
        }
    }
    return 0;
}

/** RFC 3461 4.1: NEVER, or a list without it. */
static smtp_params_status_e notify_parse(const parse_t *parse,
                                         const span_t *value)
{
    const char *s = value->s;
    const char *end = s + value->len;
    unsigned int notify = 0;

    for (;;) {
        const char *comma = memchr(s, ',', end - s);
        span_t word = { s, (comma ? comma : end) - s };
        unsigned int bit = notify_find(&word);

        if (bit == 0 || (notify & bit)) {
            return SMTP_PARAMS_SYNTAX;
        }
        notify |= bit;
        if (comma == NULL) {
            break;
        }
        s = comma + 1;
    }
    if ((notify & SMTP_NOTIFY_NEVER) && notify != SMTP_NOTIFY_NEVER) {
        return SMTP_PARAMS_SYNTAX;
    }
    parse->rcpt->notify = notify;
    return SMTP_PARAMS_OK;
}

static int is_atom(const span_t *word)
{
    apr_size_t i;

    for (i = 0; i < word->len; i++) {
        if (!smtp_chars_is(word->s[i], SMTP_CHARS_ATEXT)) {
            return 0;
        }
    }
    return word->len > 0;
}

/** RFC 6533 3: what an address of type utf-8 says is a mailbox. */
static int is_utf8_mailbox(apr_pool_t *p, const span_t *encoded)
{
    smtp_address_t mailbox;
    const char *s;

    return smtp_xtext_parse_utf8(p, encoded->s, encoded->len, &s)
           == APR_SUCCESS
        && smtp_address_parse(p, s, strlen(s), SMTP_ADDRESS_ALLOW_UTF8
                                               | SMTP_ADDRESS_ALLOW_POSTMASTER,
                              &mailbox) == SMTP_ADDRESS_OK;
}

/** addr-type ";" address. */
static int orcpt_split(const span_t *orcpt, span_t *type, span_t *address)
{
    const char *semicolon = memchr(orcpt->s, ';', orcpt->len);

    if (semicolon == NULL) {
        return 0;
    }
    type->s = orcpt->s;
    type->len = semicolon - orcpt->s;
    address->s = semicolon + 1;
    address->len = orcpt->len - type->len - 1;
    return is_atom(type) && address->len > 0;
}

/** Postfix writes a mailbox in UTF-8 as xtext of type rfc822, which holds only
 *  ASCII (RFC 3461 4.2): no mail from it to such a mailbox would get through.
 *  It becomes what RFC 6533 3 has for it.
 *  @return NULL if it is no such mailbox, or too long then */
static const char *orcpt_to_utf8(apr_pool_t *p, const span_t *type,
                                 const span_t *address)
{
    const char *decoded;
    const char *encoded;
    span_t mailbox;

    if (!span_is(type, ORCPT_ASCII)
        || smtp_xtext_parse(p, address->s, address->len, &decoded)
           != APR_SUCCESS
        || (encoded = smtp_xtext_write_utf8(p, decoded, strlen(decoded)))
           == NULL) {
        return NULL;
    }
    mailbox.s = encoded;
    mailbox.len = strlen(encoded);
    encoded = apr_pstrcat(p, ORCPT_UTF8 ";", encoded, NULL);
    return is_utf8_mailbox(p, &mailbox)
           && strlen(encoded) <= ORCPT_MAX_OCTETS ? encoded : NULL;
}

/** RFC 3461 4.2. An address of another type need not be one of that type;
 *  only its encoding is checked. */
static smtp_params_status_e orcpt_parse(const parse_t *parse,
                                        const span_t *value)
{
    span_t type;
    span_t address;

    if (value->len > ORCPT_MAX_OCTETS) {
        return SMTP_PARAMS_TOO_LONG;
    }
    if (!orcpt_split(value, &type, &address)) {
        return SMTP_PARAMS_SYNTAX;
    }
    parse->rcpt->orcpt =
        (span_is(&type, ORCPT_UTF8)
         ? is_utf8_mailbox(parse->pool, &address)
         : is_printable_xtext(parse->pool, &address))
        ? span_copy(parse->pool, value)
        : orcpt_to_utf8(parse->pool, &type, &address);
    return parse->rcpt->orcpt ? SMTP_PARAMS_OK : SMTP_PARAMS_SYNTAX;
}

static const keyword_t rcpt_keywords[] = {
    { "NOTIFY", SMTP_EXTENSION_DSN, 1, notify_parse },
    { "ORCPT", SMTP_EXTENSION_DSN, 1, orcpt_parse },
    { NULL, 0, 0, NULL }
};

/* All parameters */

/** esmtp-keyword: a letter or digit, then those and hyphens. */
static int is_keyword(const span_t *keyword)
{
    apr_size_t i;

    for (i = 0; i < keyword->len; i++) {
        if (!smtp_chars_is(keyword->s[i], SMTP_CHARS_LDH)) {
            return 0;
        }
    }
    return keyword->len > 0 && *keyword->s != '-';
}

/** esmtp-value (RFC 5321 4.1.2), with UTF8-non-ascii if that may be
 *  (RFC 6531 3.3). */
static int is_value(const span_t *value, int utf8)
{
    apr_size_t i;

    for (i = 0; i < value->len; i++) {
        if (!smtp_chars_is(value->s[i], SMTP_CHARS_ESMTP)
            && !(utf8 && (unsigned char)value->s[i] > 127)) {
            return 0;
        }
    }
    return value->len > 0 && smtp_chars_is_utf8(value->s, value->len);
}

/** Takes blanks and the parameter behind them. @return 0 at the end */
static int param_take(span_t *rest, param_t *param)
{
    const char *end = rest->s + rest->len;
    const char *s = rest->s;
    const char *equals;

    while (s < end && *s == ' ') {
        s++;
    }
    memset(param, 0, sizeof(*param));
    param->whole.s = s;
    while (s < end && *s != ' ') {
        s++;
    }
    param->whole.len = s - param->whole.s;
    param->keyword = param->whole;
    equals = memchr(param->whole.s, '=', param->whole.len);
    if (equals != NULL) {
        param->keyword.len = equals - param->whole.s;
        param->value.s = equals + 1;
        param->value.len = s - param->value.s;
    }
    rest->s = s;
    rest->len = end - s;
    return param->whole.len > 0;
}

static smtp_params_status_e param_parse(const parse_t *parse,
                                        const keyword_t *keywords,
                                        unsigned int *seen,
                                        const param_t *param)
{
    unsigned int i = 0;

    if (!is_keyword(&param->keyword)
        || (param->value.s != NULL && !is_value(&param->value,
                                                parse->utf8))) {
        return SMTP_PARAMS_SYNTAX;
    }
    while (keywords[i].name != NULL
           && !span_is(&param->keyword, keywords[i].name)) {
        i++;
    }
    if (!(keywords[i].extensions & parse->offered)) {
        return SMTP_PARAMS_UNKNOWN;
    }
    if (*seen & 1u << i) {
        return SMTP_PARAMS_DUPLICATE;
    }
    *seen |= 1u << i;
    if ((param->value.s != NULL) != keywords[i].has_value) {
        return SMTP_PARAMS_SYNTAX;
    }
    return keywords[i].parse(parse, &param->value);
}

static smtp_params_status_e params_parse(const parse_t *parse,
                                         const keyword_t *keywords,
                                         const char *s, apr_size_t len,
                                         const char **bad)
{
    span_t rest = { s, len };
    /* A blank parts the path from its first parameter. */
    smtp_params_status_e status = len == 0 || *s == ' '
                                  ? SMTP_PARAMS_OK : SMTP_PARAMS_SYNTAX;
    unsigned int seen = 0;
    param_t param;

    *bad = NULL;
    while (param_take(&rest, &param)) {
        if (status == SMTP_PARAMS_OK) {
            status = param_parse(parse, keywords, &seen, &param);
        }
        if (status != SMTP_PARAMS_OK) {
            *bad = smtp_chars_escape(parse->pool, param.whole.s,
                                     param.whole.len, BAD_MAX_OCTETS);
            return status;
        }
    }
    return status;
}

smtp_params_status_e smtp_params_parse_mail(apr_pool_t *p, const char *s,
                                            apr_size_t len,
                                            smtp_extension_set_t offered,
                                            smtp_mail_params_t *params,
                                            const char **bad)
{
    const parse_t parse = { p, smtp_extension_complete(offered), 0, params,
                            NULL };
    smtp_params_status_e status;

    memset(params, 0, sizeof(*params));
    status = params_parse(&parse, mail_keywords, s, len, bad);
    if (status != SMTP_PARAMS_OK) {
        memset(params, 0, sizeof(*params));
    }
    return status;
}

smtp_params_status_e smtp_params_parse_rcpt(apr_pool_t *p, const char *s,
                                            apr_size_t len,
                                            smtp_extension_set_t offered,
                                            int smtputf8,
                                            smtp_rcpt_params_t *params,
                                            const char **bad)
{
    const parse_t parse = { p, smtp_extension_complete(offered), smtputf8,
                            NULL, params };
    smtp_params_status_e status;

    memset(params, 0, sizeof(*params));
    status = params_parse(&parse, rcpt_keywords, s, len, bad);
    if (status != SMTP_PARAMS_OK) {
        memset(params, 0, sizeof(*params));
    }
    return status;
}

/* Writing */

static const char *size_write(apr_pool_t *p, const smtp_mail_params_t *params)
{
    if (!params->has_size) {
        return "";
    }
    return apr_psprintf(p, " SIZE=%" APR_OFF_T_FMT, params->size_octets);
}

static const char *body_write(apr_pool_t *p, const smtp_mail_params_t *params,
                              smtp_extension_set_t offered)
{
    apr_size_t i;

    for (i = 0; i < BODIES && params->has_body; i++) {
        if (bodies[i].body == params->body && (bodies[i].needs & offered)) {
            return apr_pstrcat(p, " BODY=", bodies[i].name, NULL);
        }
    }
    return "";
}

static const char *ret_write(const smtp_mail_params_t *params)
{
    return params->ret == SMTP_RET_FULL ? " RET=FULL"
         : params->ret == SMTP_RET_HDRS ? " RET=HDRS" : "";
}

static const char *auth_write(apr_pool_t *p, const smtp_mail_params_t *params)
{
    const char *auth = params->auth;

    if (auth == NULL) {
        return "";
    }
    if (strcmp(auth, "<>") != 0) {
        auth = smtp_xtext_write(p, auth, strlen(auth));
    }
    return apr_pstrcat(p, " AUTH=", auth, NULL);
}

char *smtp_params_write_mail(apr_pool_t *p, const smtp_mail_params_t *params,
                             smtp_extension_set_t offered)
{
    const int dsn = (offered & SMTP_EXTENSION_DSN) != 0;

    offered = smtp_extension_complete(offered);
    return apr_pstrcat(
        p, offered & SMTP_EXTENSION_SIZE ? size_write(p, params) : "",
        body_write(p, params, offered),
        params->smtputf8 && (offered & SMTP_EXTENSION_SMTPUTF8)
            ? " SMTPUTF8" : "",
        dsn ? ret_write(params) : "",
        dsn && params->envid ? " ENVID=" : "",
        dsn && params->envid ? params->envid : "",
        offered & SMTP_EXTENSION_AUTH ? auth_write(p, params) : "",
        params->requiretls && (offered & SMTP_EXTENSION_REQUIRETLS)
            ? " REQUIRETLS" : "",
        params->has_priority && (offered & SMTP_EXTENSION_MT_PRIORITY)
            ? apr_psprintf(p, " MT-PRIORITY=%d", params->priority) : "",
        NULL);
}

static const char *notify_write(apr_pool_t *p, unsigned int notify)
{
    const char *list = "";
    apr_size_t i;

    for (i = 0; i < NOTIFIES; i++) {
        if (notify & notifies[i].bit) {
            list = apr_pstrcat(p, list, *list ? "," : " NOTIFY=",
                               notifies[i].name, NULL);
        }
    }
    return list;
}

/** The form of an ORCPT in ASCII (RFC 6533 3: utf-8-addr-xtext). NULL if it
 *  is longer than a server need take: a 501 would lose the mail for want of
 *  what only a DSN shows. */
static const char *orcpt_to_ascii(apr_pool_t *p, const char *orcpt)
{
    const span_t whole = { orcpt, strlen(orcpt) };
    span_t type;
    span_t address;
    const char *decoded;
    const char *ascii;

    if (!orcpt_split(&whole, &type, &address)
        || smtp_xtext_parse_utf8(p, address.s, address.len, &decoded)
           != APR_SUCCESS) {
        return NULL;
    }
    ascii = apr_pstrcat(p, ORCPT_UTF8 ";",
                        smtp_xtext_write_utf8(p, decoded, strlen(decoded)),
                        NULL);
    return strlen(ascii) <= ORCPT_MAX_OCTETS ? ascii : NULL;
}

const char *smtp_params_orcpt_create(apr_pool_t *p, const char *address)
{
    apr_size_t len = strlen(address);
    int is_utf8 = smtp_chars_has_8bit(address, len);
    const char *xtext = is_utf8 ? smtp_xtext_write_utf8(p, address, len)
                                : smtp_xtext_write(p, address, len);
    const char *orcpt =
        xtext == NULL ? NULL
        : apr_pstrcat(p, is_utf8 ? ORCPT_UTF8 ";" : "rfc822;", xtext, NULL);

    return orcpt != NULL && strlen(orcpt) <= ORCPT_MAX_OCTETS ? orcpt : NULL;
}

char *smtp_params_write_rcpt(apr_pool_t *p, const smtp_rcpt_params_t *params,
                             smtp_extension_set_t offered)
{
    const char *orcpt = params->orcpt;

    offered = smtp_extension_complete(offered);
    if (!(offered & SMTP_EXTENSION_DSN)) {
        return apr_pstrdup(p, "");
    }
    if (orcpt != NULL && !(offered & SMTP_EXTENSION_SMTPUTF8)
        && smtp_chars_has_8bit(orcpt, strlen(orcpt))) {
        orcpt = orcpt_to_ascii(p, orcpt);
    }
    return apr_pstrcat(p, notify_write(p, params->notify),
                       orcpt ? " ORCPT=" : "", orcpt ? orcpt : "", NULL);
}
