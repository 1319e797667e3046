/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "spool_envelope.h"

static void check_mailbox(const spool_mailbox_t *mailbox)
{
    FUZZ_CHECK(mailbox->domain && spool_envelope_is_clean(mailbox->domain));
    FUZZ_CHECK(mailbox->name && spool_envelope_is_clean(mailbox->name));
    FUZZ_CHECK(mailbox->delivered_to
               && spool_envelope_is_clean(mailbox->delivered_to));
    FUZZ_CHECK(!mailbox->extension
               || spool_envelope_is_clean(mailbox->extension));
}

/* What delivery relies on. */
static void check_complete(const spool_envelope_t *envelope)
{
    int i, j;

    FUZZ_CHECK(envelope->id && spool_envelope_is_clean(envelope->id));
    FUZZ_CHECK(envelope->reverse_path
               && spool_envelope_is_clean(envelope->reverse_path));
    for (i = 0; i < envelope->recipients->nelts; i++) {
        const spool_recipient_t *recipient =
            &APR_ARRAY_IDX(envelope->recipients, i, spool_recipient_t);

        FUZZ_CHECK(recipient->forward_path
                   && spool_envelope_is_clean(recipient->forward_path));
        for (j = 0; j < recipient->mailboxes->nelts; j++) {
            check_mailbox(&APR_ARRAY_IDX(recipient->mailboxes, j,
                                         spool_mailbox_t));
        }
    }
}

/** What is read is complete, and written again it is what was read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    spool_envelope_t *envelope =
        spool_envelope_parse(p, (const char *)data, size);
    const char *again;
    apr_size_t len;

    if (!envelope) {
        return 0;
    }
    check_complete(envelope);
    FUZZ_CHECK(spool_envelope_size(envelope) == size);
    again = spool_envelope_write(p, envelope, &len);
    FUZZ_CHECK(len == size && !memcmp(again, data, size));
    return 0;
}
