/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "queue_tls_record.h"
#include "smtp_address.h"

/** Whoever is told can be: nothing that ends a line or a command. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    apr_array_header_t *all = queue_tls_record_parse(p, (const char *)data,
                                                     size);
    int i;

    FUZZ_CHECK(!all || all->nelts <= QUEUE_TLS_RECORD_MAX);
    for (i = 0; all && i < all->nelts; i++) {
        const queue_tls_rua_t *rua = &APR_ARRAY_IDX(all, i, queue_tls_rua_t);
        const char *who = rua->mailbox ? rua->mailbox : rua->url;
        smtp_address_t address;

        FUZZ_CHECK(who && !strpbrk(who, "\r\n"));
        FUZZ_CHECK(rua->url || smtp_address_parse(p, who, strlen(who), 0,
                                                  &address)
                               == SMTP_ADDRESS_OK);
    }
    return 0;
}
