/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "store_control_reply.h"

static void write_again(store_control_out_t *out,
                        const store_control_reply_t *reply)
{
    switch (reply->kind) {
    case STORE_CONTROL_MESSAGE:
        store_control_message_write(out, &reply->message);
        break;
    case STORE_CONTROL_RECIPIENT:
        store_control_recipient_write(out, &reply->recipient);
        break;
    case STORE_CONTROL_DESTINATION:
        store_control_destination_write(out, &reply->destination);
        break;
    case STORE_CONTROL_ENVELOPE:
    case STORE_CONTROL_COUNT:
        store_control_pair_write(out, reply->kind, reply->pair.name,
                                 reply->pair.value);
        break;
    case STORE_CONTROL_REFUSED:
    case STORE_CONTROL_ERROR:
        store_control_refusal_write(out, reply->kind, reply->refusal.why,
                                    reply->refusal.id, reply->refusal.text);
        break;
    case STORE_CONTROL_PROGRESS:
    case STORE_CONTROL_END:
        store_control_end_write(out, reply->kind, &reply->end);
        break;
    case STORE_CONTROL_CONTENT:
        store_control_content_write(out, reply->content.s,
                                    reply->content.len);
        break;
    default:
        break;
    }
}

/** What is understood can be written, and is understood the same then. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);
    store_control_out_t once = { 0 }, twice = { 0 };
    store_control_reply_t reply, again;
    char *copy;

    memcpy(line, data, size);
    if (store_control_reply_parse(line, size, &reply)
        && reply.kind != STORE_CONTROL_UNKNOWN) {
        write_again(&once, &reply);
        copy = malloc(once.len);
        memcpy(copy, once.octets, once.len);
        FUZZ_CHECK(store_control_reply_parse(copy, once.len - 1, &again));
        FUZZ_CHECK(again.kind == reply.kind);
        write_again(&twice, &again);
        FUZZ_CHECK(once.len == twice.len
                   && !memcmp(once.octets, twice.octets, once.len));
        free(copy);
    }
    store_control_out_destroy(&once);
    store_control_out_destroy(&twice);
    free(line);
    return 0;
}
