/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "store_control_request.h"
#include "store_queued.h"

static void check_ids(const store_control_select_t *select)
{
    int i;

    FUZZ_CHECK(select->id_count >= 0
               && select->id_count <= STORE_CONTROL_IDS_MAX);
    for (i = 0; i < select->id_count; i++) {
        FUZZ_CHECK(store_queued_is_id(select->ids[i]));
    }
}

/* Who changes something knows what. */
static void check_choice(const store_control_request_t *request)
{
    const store_control_select_t *select = &request->select;

    if (request->verb >= STORE_CONTROL_RETRY
        && request->verb <= STORE_CONTROL_FLUSH) {
        FUZZ_CHECK(select->id_count || select->is_all || select->domain
                   || select->sender || select->recipient || select->status
                   || select->older_sec || select->younger_sec);
    }
}

static char *written(const store_control_request_t *request, size_t *len)
{
    store_control_out_t out = { 0 };

    store_control_request_write(&out, request);
    FUZZ_CHECK(out.len > 0 && out.octets[out.len - 1] == '\n');
    FUZZ_CHECK(!memchr(out.octets, '\n', out.len - 1));
    *len = out.len - 1;
    return out.octets;
}

/** What is understood is clear, and written it is understood the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    char *line = malloc(size + 1);
    store_control_request_t request, again;
    size_t len, again_len;
    char *once, *twice, *copy;

    memcpy(line, data, size);
    if (store_control_request_parse(p, line, size, &request) == NULL) {
        check_ids(&request.select);
        check_choice(&request);
        store_control_select_recipient(&request.select, p, "a@\xC3\xBC.b");
        once = written(&request, &len);
        copy = malloc(len + 1);
        memcpy(copy, once, len);
        FUZZ_CHECK(!store_control_request_parse(p, copy, len, &again));
        twice = written(&again, &again_len);
        FUZZ_CHECK(len == again_len && !memcmp(once, twice, len));
        free(once);
        free(twice);
        free(copy);
    }
    free(line);
    return 0;
}
