/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <apr_strings.h>

#include "smtp_address.h"
#include "smtp_chars.h"
#include "smtp_domain.h"
#include "smtpd_lookup_table.h"

#define ALLOW (SMTP_ADDRESS_ALLOW_BARE | SMTP_ADDRESS_ALLOW_UTF8)

static void check_fault(const char *fault)
{
    for (; *fault != '\0'; fault++) {
        FUZZ_CHECK(smtp_chars_is(*fault, SMTP_CHARS_PRINT));
    }
}

/** A key is found under itself: it is the key of the mailbox that it reads
 *  as. */
static void check_key(apr_pool_t *p, const char *key)
{
    smtp_address_t address;
    const char *domain = NULL;

    FUZZ_CHECK(smtp_address_parse(p, key, strlen(key), ALLOW, &address)
               == SMTP_ADDRESS_OK);
    if (address.domain != NULL) {
        domain = smtp_domain_normalise(p, address.domain);
        FUZZ_CHECK(domain != NULL && strcmp(domain, address.domain) == 0);
    }
    FUZZ_CHECK(strcmp(smtpd_lookup_key(p, address.local, domain), key) == 0);
}

/** Each target can be written and read again. */
static void check_value(apr_pool_t *p, const char *value)
{
    apr_array_header_t *targets, *again;
    const char *text = "";
    int i;

    FUZZ_CHECK(smtpd_lookup_targets(p, value, &targets) == NULL);
    for (i = 0; i < targets->nelts; i++) {
        const smtp_address_t *target = APR_ARRAY_IDX(targets, i,
                                                     const smtp_address_t *);

        FUZZ_CHECK(*target->local != '\0');
        text = apr_pstrcat(p, text, target->text, ", ", NULL);
    }
    FUZZ_CHECK(smtpd_lookup_targets(p, text, &again) == NULL);
    FUZZ_CHECK(again->nelts == targets->nelts);
}

/** The table as a file; but for names that begin with "#", which only quotes
 *  keep from being a comment. */
static const char *table_write(apr_pool_t *p, apr_hash_t *table)
{
    apr_hash_index_t *hi;
    const char *text = "";

    for (hi = apr_hash_first(p, table); hi != NULL; hi = apr_hash_next(hi)) {
        const char *key = apr_hash_this_key(hi);
        const char *value = apr_hash_this_val(hi);

        check_key(p, key);
        check_value(p, value);
        if (*key == '#') {
            apr_hash_set(table, key, APR_HASH_KEY_STRING, NULL);
            continue;
        }
        text = apr_pstrcat(p, text, key, "\t", value, "\n", NULL);
    }
    return text;
}

/* No key is empty, no value has blanks or an end of line at its ends. */
static void check_values(apr_pool_t *p, const char *data, apr_size_t size)
{
    apr_hash_t *table;
    apr_hash_index_t *hi;
    const char *fault = smtpd_lookup_table_parse(p, data, size,
                                                 SMTP_LOOKUP_VALUES, &table);

    FUZZ_CHECK((fault == NULL) == (table != NULL));
    if (fault != NULL) {
        check_fault(fault);
        return;
    }
    for (hi = apr_hash_first(p, table); hi != NULL; hi = apr_hash_next(hi)) {
        const char *value = apr_hash_this_val(hi);
        apr_size_t len = strlen(value);

        FUZZ_CHECK(*(const char *)apr_hash_this_key(hi) != '\0');
        FUZZ_CHECK(strchr(value, '\n') == NULL);
        FUZZ_CHECK(len == 0 || (strchr(" \t\r", value[0]) == NULL
                                && strchr(" \t\r", value[len - 1])
                                   == NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    apr_hash_t *table, *again;
    const char *fault, *text;

    if (size > 4096) {
        return 0;
    }
    check_values(p, (const char *)data, size);
    fault = smtpd_lookup_table_parse(p, (const char *)data, size,
                                     SMTP_LOOKUP_TARGETS, &table);
    FUZZ_CHECK((fault == NULL) == (table != NULL));
    if (fault != NULL) {
        check_fault(fault);
        return 0;
    }
    text = table_write(p, table);
    FUZZ_CHECK(smtpd_lookup_table_parse(p, text, strlen(text),
                                        SMTP_LOOKUP_TARGETS, &again)
               == NULL);
    FUZZ_CHECK(apr_hash_count(again) == apr_hash_count(table));
    return 0;
}
