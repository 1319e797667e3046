/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"
#include "smtp_mailboxes.h"

/** What every mailbox is: one that stands in a list again. */
static void check_mailbox(apr_pool_t *p, const smtp_address_t *a)
{
    apr_array_header_t *again;
    const smtp_address_t *b;
    size_t len = strlen(a->text), i;
    const char *body = apr_pstrcat(p, "x <", a->text, ">", NULL);

    FUZZ_CHECK(strlen(a->local) <= SMTP_ADDRESS_LOCAL_MAX_OCTETS);
    FUZZ_CHECK(a->domain != NULL && *a->domain != '\0');
    FUZZ_CHECK(strlen(a->domain) <= SMTP_DOMAIN_MAX_OCTETS);
    FUZZ_CHECK(!a->is_null);
    FUZZ_CHECK(smtp_chars_is_utf8(a->text, len));
    for (i = 0; i < len; i++) {
        FUZZ_CHECK((unsigned char)a->text[i] >= 32 && a->text[i] != 127);
    }
    FUZZ_CHECK(smtp_mailboxes_parse(p, body, strlen(body), 0, &again)
               == SMTP_MAILBOXES_OK);
    FUZZ_CHECK(again->nelts == 1);
    b = APR_ARRAY_IDX(again, 0, const smtp_address_t *);
    FUZZ_CHECK(fuzz_same(a->local, b->local));
    FUZZ_CHECK(fuzz_same(a->domain, b->domain));
    FUZZ_CHECK(fuzz_same(a->text, b->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    apr_array_header_t *strict, *loose;
    smtp_mailboxes_status_e rv, wide;
    int i;

    rv = smtp_mailboxes_parse(p, (const char *)data, size, 0, &strict);
    wide = smtp_mailboxes_parse(p, (const char *)data, size,
                                SMTP_MAILBOXES_ALLOW_GROUP, &loose);
    FUZZ_CHECK(loose->nelts <= SMTP_MAILBOXES_MAX);
    FUZZ_CHECK(wide == SMTP_MAILBOXES_OK || loose->nelts == 0);
    /* A mailbox-list is an address-list, and says the same as one. */
    if (rv == SMTP_MAILBOXES_OK) {
        FUZZ_CHECK(wide == SMTP_MAILBOXES_OK);
        FUZZ_CHECK(strict->nelts > 0 && strict->nelts == loose->nelts);
    }
    else {
        FUZZ_CHECK(strict->nelts == 0);
    }
    for (i = 0; i < loose->nelts; i++) {
        check_mailbox(p, APR_ARRAY_IDX(loose, i, const smtp_address_t *));
    }
    return 0;
}
