/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <apr_strings.h>

#include "queue_sts_policy.h"

static void check_policy(apr_pool_t *p, const queue_sts_policy_t *policy)
{
    queue_sts_policy_t again;
    const char *text;
    int i;

    FUZZ_CHECK(policy->mode == QUEUE_STS_NONE || policy->mx_count > 0);
    FUZZ_CHECK(policy->max_age_sec >= 0
               && policy->max_age_sec <= QUEUE_STS_MAX_AGE_SEC);
    FUZZ_CHECK(!policy->mx[policy->mx_count]);
    text = apr_psprintf(p, "version: STSv1\nmode: %s\nmax_age: %d\n",
                        queue_sts_mode_name(policy->mode),
                        policy->max_age_sec);
    for (i = 0; i < policy->mx_count; i++) {
        text = apr_pstrcat(p, text, "mx: ", policy->mx[i], "\n", NULL);
        queue_sts_policy_has(policy, policy->mx[i]);
    }
    FUZZ_CHECK(!queue_sts_policy_parse(p, text, strlen(text), &again));
    FUZZ_CHECK(again.mode == policy->mode
               && again.mx_count == policy->mx_count);
}

/** What is understood is complete; a record has an id or is none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    char id[QUEUE_STS_ID_OCTETS + 1];
    queue_sts_policy_t policy;

    FUZZ_CHECK(queue_sts_record_parse((const char *)data, size, id)
               == (*id != '\0'));
    if (!queue_sts_policy_parse(p, (const char *)data, size, &policy)) {
        check_policy(p, &policy);
    }
    return 0;
}
