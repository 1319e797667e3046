/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_dns_answer.h"

#include <string.h>

#include <unbound.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_dns_name.h"
#include "smtp_domain.h"

/* RFC 1035 4.1.1 */
#define RCODE_NOERROR  0
#define RCODE_NXDOMAIN 3

/* libunbound's words on a bogus answer, which hold names of the zone. */
#define REASON_MAX_OCTETS 300

/* RFC 2181 8: a TTL with its first bit set is none. We keep nothing longer
 * than a day, as resolvers do. */
#define TTL_MAX_SEC 86400

static smtp_dns_status_e status_of(const struct ub_result *result)
{
    if (result == NULL) {
        return SMTP_DNS_TEMPORARY;
    }
    if (result->bogus) {
        return SMTP_DNS_BOGUS;
    }
    if (result->rcode == RCODE_NXDOMAIN) {
        return SMTP_DNS_NXDOMAIN;
    }
    if (result->rcode != RCODE_NOERROR) {
        return SMTP_DNS_TEMPORARY;
    }
    return result->havedata ? SMTP_DNS_OK : SMTP_DNS_NONE;
}

static int is_failure(smtp_dns_status_e status)
{
    return status == SMTP_DNS_BOGUS || status == SMTP_DNS_TEMPORARY;
}

static int ttl_of(const struct ub_result *result)
{
    return result == NULL || result->ttl < 0 ? 0 : result->ttl;
}

static void add_records(smtp_dns_answer_t *answer,
                        const struct ub_result *result)
{
    apr_pool_t *p = answer->records->pool;
    smtp_dns_record_t record;
    int i;

    for (i = 0; result->data[i] != NULL; i++) {
        if (answer->records->nelts == SMTP_DNS_ANSWER_RECORDS_MAX) {
            answer->is_cut = 1;
            return;
        }
        if (result->len[i] >= 0
            && smtp_dns_record_parse(p, result->qtype,
                                     (const unsigned char *)result->data[i],
                                     result->len[i], &record)
               == APR_SUCCESS) {
            APR_ARRAY_PUSH(answer->records, smtp_dns_record_t) = record;
        }
        else {
            answer->refused++;
        }
    }
}

/** libunbound gives the name that the records have: with another spelling or
 *  a dot at its end it may still be the one that was asked for. */
static int is_same_name(const char *a, const char *b)
{
    apr_size_t a_len = strlen(a);
    apr_size_t b_len = strlen(b);

    a_len -= a_len > 0 && a[a_len - 1] == '.';
    b_len -= b_len > 0 && b[b_len - 1] == '.';
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

/** RFC 1034 3.6.2. */
static void add_canonical(smtp_dns_answer_t *answer,
                          const struct ub_result *result)
{
    const char *name = result->canonname;
    char *host;
    apr_size_t len;

    if (name == NULL || result->qtype == SMTP_DNS_RECORD_CNAME
        || is_same_name(name, result->qname)) {
        return;
    }
    len = strlen(name);
    host = smtp_domain_fold(answer->records->pool, name,
                            len - (len > 0 && name[len - 1] == '.'));
    answer->is_alias = 1;
    answer->canonical = smtp_dns_name_is_host(host) ? host : NULL;
}

/** What both look-ups come to: records count before failures, a failure
 *  before the knowledge that there are none. */
static smtp_dns_status_e status_merge(smtp_dns_status_e a,
                                      smtp_dns_status_e b)
{
    static const smtp_dns_status_e order[] = {
        SMTP_DNS_OK, SMTP_DNS_TEMPORARY, SMTP_DNS_BOGUS,
        SMTP_DNS_UNREADABLE, SMTP_DNS_NONE
    };
    apr_size_t i;

    for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return SMTP_DNS_NXDOMAIN;
}

static void add_reason(smtp_dns_answer_t *answer,
                       const struct ub_result *result, const char *reason)
{
    const char *text = reason;

    if (result != NULL && result->bogus && result->why_bogus != NULL) {
        text = result->why_bogus;
    }
    else if (result != NULL) {
        text = apr_psprintf(answer->records->pool,
                            "the servers answer with RCODE %d",
                            result->rcode);
    }
    if (text != NULL && answer->reason == NULL) {
        answer->reason = smtp_chars_escape(answer->records->pool, text,
                                           strlen(text), REASON_MAX_OCTETS);
    }
}

static smtp_dns_status_e result_add(smtp_dns_answer_t *answer,
                                    const struct ub_result *result,
                                    const char *reason)
{
    smtp_dns_status_e status = status_of(result);
    int before = answer->records->nelts;

    if (is_failure(status)) {
        add_reason(answer, result, reason);
        answer->is_partial = 1;
        return status;
    }
    add_canonical(answer, result);
    if (status == SMTP_DNS_OK) {
        add_records(answer, result);
        if (answer->records->nelts == before) {
            status = SMTP_DNS_UNREADABLE;
        }
    }
    return status;
}

const smtp_dns_answer_t *smtp_dns_answer_create(
    apr_pool_t *p, const struct ub_result *const results[], int count,
    const char *reason)
{
    smtp_dns_answer_t *answer = apr_pcalloc(p, sizeof(*answer));
    int i;

    answer->records = apr_array_make(p, 4, sizeof(smtp_dns_record_t));
    answer->status = SMTP_DNS_NXDOMAIN;
    answer->is_secure = 1;
    answer->ttl_sec = TTL_MAX_SEC;
    for (i = 0; i < count; i++) {
        int ttl_sec = ttl_of(results[i]);
        smtp_dns_status_e status = result_add(answer, results[i], reason);

        answer->status = status_merge(answer->status, status);
        /* Not of a failure: who keeps AAAA from us must not be able to make
         * a validated A look as if DANE did not count (RFC 7672 2.1.2). */
        if (!is_failure(status) && !results[i]->secure) {
            answer->is_secure = 0;
        }
        if (ttl_sec < answer->ttl_sec) {
            answer->ttl_sec = ttl_sec;
        }
    }
    if (is_failure(answer->status)) {
        answer->ttl_sec = 0;
        answer->is_partial = 0;
        answer->is_secure = 0;
    }
    return answer;
}

const char *smtp_dns_status_text(smtp_dns_status_e status)
{
    static const char *const texts[] = {
        "OK", "unreadable records", "no such record", "NXDOMAIN",
        "bogus answer", "no answer"
    };

    return texts[status];
}
