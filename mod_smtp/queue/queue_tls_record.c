/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_tls_record.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "smtp_address.h"
#include "smtp_chars.h"

#define VERSION "v=TLSRPTv1"
/** No URL of a report is longer. */
#define URL_OCTETS 2000

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Undoes %HH (RFC 3986 2.1). @return NULL: there is none, or NUL */
static const char *decode(apr_pool_t *p, const char *s)
{
    char *copy = apr_pstrdup(p, s), *to = copy;

    while (*s != '\0') {
        if (*s != '%') {
            *to++ = *s++;
            continue;
        }
        if (hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0
            || (s[1] == '0' && s[2] == '0')) {
            return NULL;
        }
        *to++ = (char)(hex_digit(s[1]) << 4 | hex_digit(s[2]));
        s += 3;
    }
    *to = '\0';
    return copy;
}

/** The mailbox of a mailto: URI, one only, whatever it has behind "?". */
static const char *mailbox_parse(apr_pool_t *p, const char *s)
{
    smtp_address_t address;
    const char *mailbox = decode(p, apr_pstrmemdup(p, s, strcspn(s, "?")));

    if (mailbox == NULL
        || smtp_address_parse(p, mailbox, strlen(mailbox), 0, &address)
           != SMTP_ADDRESS_OK) {
        return NULL;
    }
    return mailbox;
}

static int is_url(const char *s)
{
    size_t i;

    for (i = 0; s[i] != '\0'; i++) {
        if (!smtp_chars_is(s[i], SMTP_CHARS_PRINT) || s[i] == ' ') {
            return 0;
        }
    }
    return i <= URL_OCTETS;
}

static void uri_add(apr_pool_t *p, apr_array_header_t *all, const char *uri)
{
    queue_tls_rua_t rua = { NULL, NULL };

    if (apr_cstr_casecmpn(uri, "mailto:", 7) == 0) {
        rua.mailbox = mailbox_parse(p, uri + 7);
    }
    else if (apr_cstr_casecmpn(uri, "https://", 8) == 0 && is_url(uri)) {
        rua.url = uri;
    }
    if ((rua.mailbox || rua.url) && all->nelts < QUEUE_TLS_RECORD_MAX) {
        APR_ARRAY_PUSH(all, queue_tls_rua_t) = rua;
    }
}

/** A part of the text without blanks around it, in @a p. */
static const char *part_copy(apr_pool_t *p, const char *s, apr_size_t len)
{
    while (len > 0 && is_blank(*s)) {
        s++;
        len--;
    }
    while (len > 0 && is_blank(s[len - 1])) {
        len--;
    }
    return apr_pstrmemdup(p, s, len);
}

static void rua_read(apr_pool_t *p, apr_array_header_t *all,
                     const char *value)
{
    while (*value != '\0') {
        size_t len = strcspn(value, ",");

        uri_add(p, all, part_copy(p, value, len));
        value += len + (value[len] == ',');
    }
}

/** Whether it is one of these records at all. */
static int is_ours(const char *text, apr_size_t len)
{
    apr_size_t version = strlen(VERSION);

    return len > version && memcmp(text, VERSION, version) == 0
           && (text[version] == ';' || is_blank(text[version]));
}

apr_array_header_t *queue_tls_record_parse(apr_pool_t *p, const char *text,
                                           apr_size_t len)
{
    apr_array_header_t *all;
    const char *s;

    if (!is_ours(text, len)) {
        return NULL;
    }
    all = apr_array_make(p, 1, sizeof(queue_tls_rua_t));
    s = apr_pstrmemdup(p, text, len);
    while (*s != '\0') {
        size_t field = strcspn(s, ";");
        const char *part = part_copy(p, s, field);

        if (strncmp(part, "rua=", 4) == 0 && all->nelts == 0) {
            rua_read(p, all, part + 4);
        }
        s += field + (s[field] == ';');
    }
    return all;
}

apr_array_header_t *queue_tls_record_find(apr_pool_t *p,
                                          const smtp_dns_answer_t *answer)
{
    apr_array_header_t *found = NULL;
    int i, count = 0;

    for (i = 0; i < answer->records->nelts; i++) {
        const smtp_dns_record_t *record =
            &APR_ARRAY_IDX(answer->records, i, smtp_dns_record_t);

        if (record->type == SMTP_DNS_RECORD_TXT
            && is_ours(record->u.txt.text, record->u.txt.len)) {
            found = queue_tls_record_parse(p, record->u.txt.text,
                                           record->u.txt.len);
            count++;
        }
    }
    return count == 1 ? found
           : apr_array_make(p, 1, sizeof(queue_tls_rua_t));
}
