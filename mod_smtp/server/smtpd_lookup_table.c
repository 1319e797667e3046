/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_lookup_table.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_address.h"
#include "smtp_chars.h"
#include "smtp_domain.h"

/** How much of a wrong name or target a message quotes. */
#define QUOTE_MAX_OCTETS 80

#define BLANKS " \t\r"

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

const char *smtpd_lookup_key(apr_pool_t *p, const char *local,
                             const char *domain)
{
    const char *folded = smtp_domain_fold(p, local, strlen(local));
    smtp_address_t *address = smtp_address_create(p, folded, NULL);

    /* A local-part that no path can hold meets no entry: "" is no key. */
    if (address == NULL || address->is_null) {
        return "";
    }
    return domain == NULL ? address->text
                          : apr_pstrcat(p, address->text, "@", domain, NULL);
}

/** Reads a name or a target. NULL or what is wrong with it. */
static const char *mailbox_parse(apr_pool_t *p, const char *s, apr_size_t len,
                                 smtp_address_t *address)
{
    static const char *const faults[] = {
        [SMTP_ADDRESS_SYNTAX] = "is no mailbox; write name or name@domain",
        [SMTP_ADDRESS_LOCAL_TOO_LONG] = "has a name of more than 64 octets",
        [SMTP_ADDRESS_DOMAIN_TOO_LONG] = "has a domain of more than 255 "
                                         "octets",
        [SMTP_ADDRESS_PATH_TOO_LONG] = "has more than 254 octets",
        [SMTP_ADDRESS_NOT_ASCII] = "is not ASCII",
        [SMTP_ADDRESS_BAD_UTF8] = "is not UTF-8"
    };
    smtp_address_status_e status;
    const char *fault;

    status = smtp_address_parse(p, s, len, SMTP_ADDRESS_ALLOW_BARE
                                           | SMTP_ADDRESS_ALLOW_UTF8,
                                address);
    if (status != SMTP_ADDRESS_OK) {
        fault = faults[status];
    }
    else if (*address->local == '\0') {
        fault = "has an empty name";
    }
    else if (address->domain != NULL
             && smtp_domain_normalise(p, address->domain) == NULL) {
        fault = "has a domain that is no valid name";
    }
    else {
        return NULL;
    }
    return apr_psprintf(p, "\"%s\" %s",
                        smtp_chars_escape(p, s, len, QUOTE_MAX_OCTETS), fault);
}

/** The end of the quoted string at @a s, or @a end if it has none. */
static const char *quoted_end(const char *s, const char *end)
{
    for (s++; s < end && *s != '"'; s++) {
        if (*s == '\\' && s + 1 < end) {
            s++;
        }
    }
    return s < end ? s + 1 : end;
}

/** The end of the word at @a s. A quoted string, which may hold separators,
 *  can only begin it (RFC 5321 4.1.2: Mailbox). */
static const char *word_end(const char *s, const char *end,
                            const char *separators)
{
    if (s < end && *s == '"') {
        s = quoted_end(s, end);
    }
    while (s < end && strchr(separators, *s) == NULL) {
        s++;
    }
    return s;
}

const char *smtpd_lookup_targets(apr_pool_t *p, const char *value,
                                 apr_array_header_t **targets)
{
    const char *end = value + strlen(value);
    const char *s = value;

    *targets = apr_array_make(p, 2, sizeof(smtp_address_t *));
    for (;;) {
        const char *word = s += strspn(s, "," BLANKS "\n");
        smtp_address_t *target;
        const char *fault;

        if (s == end) {
            return NULL;
        }
        s = word_end(word, end, "," BLANKS "\n");
        target = apr_palloc(p, sizeof(*target));
        fault = mailbox_parse(p, word, s - word, target);
        if (fault != NULL) {
            return fault;
        }
        APR_ARRAY_PUSH(*targets, const smtp_address_t *) = target;
    }
}

/** The key of a name as text. NULL and a message when it is none. */
static const char *name_key(apr_pool_t *p, const char *name,
                            const char **fault)
{
    smtp_address_t address;

    *fault = mailbox_parse(p, name, strlen(name), &address);
    if (*fault != NULL) {
        return NULL;
    }
    return smtpd_lookup_key(p, address.local,
                            address.domain == NULL ? NULL
                            : smtp_domain_normalise(p, address.domain));
}

/** Sets @a key, which came from @a name. The message is in @a scratch. */
static const char *key_set(apr_pool_t *scratch, apr_hash_t *table,
                           const char *name, const char *key,
                           const char *value, int may_extend)
{
    apr_pool_t *p = apr_hash_pool_get(table);
    const char *present = apr_hash_get(table, key, APR_HASH_KEY_STRING);

    if (present != NULL && !may_extend) {
        return apr_psprintf(scratch, "\"%s\" is named twice",
                            smtp_chars_escape(scratch, name, strlen(name),
                                              QUOTE_MAX_OCTETS));
    }
    apr_hash_set(table, apr_pstrdup(p, key), APR_HASH_KEY_STRING,
                 present == NULL ? apr_pstrdup(p, value)
                                 : apr_pstrcat(p, present, ",", value, NULL));
    return NULL;
}

/** Sets @a name to @a targets, which @a may_extend those that are there.
 *  What is not kept is made in @a scratch. */
static const char *table_set(apr_pool_t *scratch, apr_hash_t *table,
                             const char *name, const char *targets,
                             int may_extend)
{
    apr_array_header_t *list;
    const char *fault;
    const char *key = name_key(scratch, name, &fault);

    if (fault == NULL) {
        fault = smtpd_lookup_targets(scratch, targets, &list);
    }
    return fault != NULL ? fault
                         : key_set(scratch, table, name, key, targets,
                                   may_extend);
}

static const char *table_change(apr_pool_t *p, apr_hash_t *table,
                                const char *name, const char *targets,
                                int may_extend)
{
    apr_pool_t *scratch;
    const char *fault;

    apr_pool_create(&scratch, p);
    fault = apr_pstrdup(p, table_set(scratch, table, name, targets,
                                     may_extend));
    apr_pool_destroy(scratch);
    return fault;
}

const char *smtpd_lookup_table_add(apr_pool_t *p, apr_hash_t *table,
                                   const char *name, const char *targets)
{
    return table_change(p, table, name, targets, 0);
}

const char *smtpd_lookup_table_extend(apr_pool_t *p, apr_hash_t *table,
                                      const char *name, const char *targets)
{
    return table_change(p, table, name, targets, 1);
}

static const char *blanks_end(const char *s, const char *end)
{
    while (s < end && is_blank(*s)) {
        s++;
    }
    return s;
}

/** Cuts a comment off: "#" at the start or after a blank, since "#" may stand
 *  within a local-part (RFC 5322 3.2.3). Then blanks at both ends. */
static void line_trim(const char **s, const char **end)
{
    const char *word = *s = blanks_end(*s, *end);

    while (word < *end) {
        if (*word == '#') {
            *end = word;
        }
        else {
            word = blanks_end(word_end(word, *end, BLANKS), *end);
        }
    }
    while (*end > *s && is_blank((*end)[-1])) {
        --*end;
    }
}

/** The text of the name at @a s, without quotes if it has them; NULL when they
 *  don't enclose it. */
static const char *name_unquote(apr_pool_t *p, const char *s, const char *end)
{
    char *name = apr_pstrmemdup(p, s, end - s);
    char *to = name;

    if (*s != '"') {
        return name;
    }
    for (s++; s < end && *s != '"'; s++) {
        if (*s == '\\' && s + 1 < end) {
            s++;
        }
        *to++ = *s;
    }
    *to = '\0';
    return s + 1 == end ? name : NULL;
}

/** Sets a name of a table of values. */
static const char *value_set(apr_pool_t *scratch, apr_hash_t *table,
                             const char *name, const char *end,
                             const char *value)
{
    const char *key = name_unquote(scratch, name, end);

    if (key == NULL || *key == '\0') {
        return apr_psprintf(scratch, "\"%s\" is no name; write name, or "
                            "\"name\" with quotes at both ends",
                            smtp_chars_escape(scratch, name, end - name,
                                              QUOTE_MAX_OCTETS));
    }
    return key_set(scratch, table, key, key, value, 0);
}

/** Reads a line. What is not kept is made in @a scratch, and so is the
 *  message. */
static const char *line_parse(apr_pool_t *scratch, const char *s,
                              const char *end, smtp_lookup_content_e content,
                              apr_hash_t *table)
{
    const char *name_end, *value;

    if (memchr(s, '\0', end - s) != NULL) {
        return "an octet of zero; the file must be text";
    }
    line_trim(&s, &end);
    if (s == end) {
        return NULL;
    }
    name_end = word_end(s, end, BLANKS);
    value = blanks_end(name_end, end);
    value = apr_pstrmemdup(scratch, value, end - value);
    return content == SMTP_LOOKUP_VALUES
           ? value_set(scratch, table, s, name_end, value)
           : table_set(scratch, table,
                       apr_pstrmemdup(scratch, s, name_end - s), value, 0);
}

const char *smtpd_lookup_table_parse(apr_pool_t *p, const char *octets,
                                     apr_size_t len,
                                     smtp_lookup_content_e content,
                                     apr_hash_t **table)
{
    const char *end = octets + len;
    const char *fault = NULL;
    apr_pool_t *scratch;
    int line = 0;

    *table = apr_hash_make(p);
    apr_pool_create(&scratch, p);
    while (octets < end && fault == NULL) {
        const char *eol = memchr(octets, '\n', end - octets);

        if (eol == NULL) {
            eol = end;
        }
        line++;
        fault = line_parse(scratch, octets, eol, content, *table);
        octets = eol < end ? eol + 1 : end;
        if (fault != NULL) {
            *table = NULL;
            fault = apr_psprintf(p, "line %d: %s", line, fault);
        }
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    return fault;
}
