/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "queue_tls_count.h"

static void lines_read(queue_tls_day_t *day, char *octets, size_t len)
{
    char *end = octets + len, *lf;

    while ((lf = memchr(octets, '\n', end - octets)) != NULL) {
        queue_tls_day_parse(day, octets, lf - octets);
        octets = lf + 1;
    }
}

static int strings_count(const char *const *strings)
{
    int count = 0;

    while (strings[count]) {
        count++;
    }
    return count;
}

static void check_domain(const queue_tls_domain_t *domain)
{
    const queue_tls_policy_t *policy;
    int policies = 0;

    for (policy = domain->policies; policy; policy = policy->next) {
        FUZZ_CHECK(policy->index == policies++);
        FUZZ_CHECK(policy->failure_count <= QUEUE_TLS_COUNT_FAILURES);
        FUZZ_CHECK(strings_count(policy->strings)
                   <= QUEUE_TLS_COUNT_STRINGS);
        FUZZ_CHECK(strings_count(policy->mx) <= QUEUE_TLS_COUNT_STRINGS);
    }
    FUZZ_CHECK(policies <= QUEUE_TLS_COUNT_POLICIES);
}

/** What is read can be counted on, within its limits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    queue_tls_day_t *day = queue_tls_day_create(p, 1);
    store_control_out_t out = { 0 };
    apr_hash_index_t *i;
    char *copy = malloc(size + 1);

    memcpy(copy, data, size);
    lines_read(day, copy, size);
    for (i = apr_hash_first(p, day->domains); i; i = apr_hash_next(i)) {
        const queue_tls_domain_t *domain = apr_hash_this_val(i);
        queue_tls_session_t session = {
            domain->domain, QUEUE_TLS_STS, NULL, NULL, NULL,
            SMTP_TLS_RESULT_EXPIRED, "h", "s", "a", "d"
        };

        check_domain(domain);
        queue_tls_count(day, &session);
        check_domain(domain);
    }
    queue_tls_day_write(day, &out);
    store_control_out_destroy(&out);
    free(copy);
    return 0;
}
