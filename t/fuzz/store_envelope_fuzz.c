/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "store_envelope.h"

static void check_mailbox(const store_mailbox_t *mailbox)
{
    FUZZ_CHECK(mailbox->domain && store_envelope_is_clean(mailbox->domain));
    FUZZ_CHECK(mailbox->name && store_envelope_is_clean(mailbox->name));
    FUZZ_CHECK(mailbox->delivered_to
               && store_envelope_is_clean(mailbox->delivered_to));
    FUZZ_CHECK(!mailbox->extension
               || store_envelope_is_clean(mailbox->extension));
    FUZZ_CHECK(!mailbox->method || store_envelope_is_clean(mailbox->method));
    FUZZ_CHECK(!mailbox->argument
               || store_envelope_is_clean(mailbox->argument));
}

/* What delivery relies on. */
static void check_complete(const store_envelope_t *envelope)
{
    int i, j;

    FUZZ_CHECK(envelope->id && store_envelope_is_clean(envelope->id));
    FUZZ_CHECK(envelope->reverse_path
               && store_envelope_is_clean(envelope->reverse_path));
    for (i = 0; i < envelope->recipients->nelts; i++) {
        const store_recipient_t *recipient =
            &APR_ARRAY_IDX(envelope->recipients, i, store_recipient_t);

        FUZZ_CHECK(recipient->forward_path
                   && store_envelope_is_clean(recipient->forward_path));
        for (j = 0; j < recipient->mailboxes->nelts; j++) {
            check_mailbox(&APR_ARRAY_IDX(recipient->mailboxes, j,
                                         store_mailbox_t));
        }
    }
}

/** What is read is complete, and written again it is what was read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    store_envelope_t *envelope =
        store_envelope_parse(p, (const char *)data, size);
    const char *again;
    apr_size_t len;

    if (!envelope) {
        return 0;
    }
    check_complete(envelope);
    FUZZ_CHECK(store_envelope_size(envelope) == size);
    again = store_envelope_write(p, envelope, &len);
    FUZZ_CHECK(len == size && !memcmp(again, data, size));
    return 0;
}
