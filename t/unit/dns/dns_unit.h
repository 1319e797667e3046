/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file dns_unit.h
 * Answers and records written as text, for the tests of dns/.
 */
#ifndef DNS_UNIT_H
#define DNS_UNIT_H

#include <stdio.h>

#include <apr_strings.h>

#include "../unit.h"

#include "smtp_dns_answer.h"

/** An answer without records. */
static inline smtp_dns_answer_t *dns_unit_answer(apr_pool_t *p,
                                                 smtp_dns_status_e status)
{
    smtp_dns_answer_t *answer = apr_pcalloc(p, sizeof(*answer));

    answer->status = status;
    answer->records = apr_array_make(p, 4, sizeof(smtp_dns_record_t));
    return answer;
}

/** Adds "10 mx.example.com", "10 ." too. */
static inline void dns_unit_add_mx(smtp_dns_answer_t *answer,
                                   const char *text)
{
    smtp_dns_record_t *record = apr_array_push(answer->records);
    int host_at = 0;

    memset(record, 0, sizeof(*record));
    record->type = SMTP_DNS_RECORD_MX;
    sscanf(text, "%d %n", &record->u.mx.preference, &host_at);
    assert_int_not_equal(host_at, 0);
    record->u.mx.host = strcmp(text + host_at, ".") == 0
        ? "" : apr_pstrdup(answer->records->pool, text + host_at);
}

/** Adds an A or AAAA record. */
static inline void dns_unit_add_address(smtp_dns_answer_t *answer,
                                        const char *text)
{
    smtp_dns_record_t *record = apr_array_push(answer->records);

    memset(record, 0, sizeof(*record));
    assert_int_equal(smtp_dns_address_parse(text, &record->u.address),
                     APR_SUCCESS);
    record->type = record->u.address.family == AF_INET
        ? SMTP_DNS_RECORD_A : SMTP_DNS_RECORD_AAAA;
}

/** An answer with the MX records, or the addresses, of "a, b, c". */
static inline smtp_dns_answer_t *dns_unit_records(
    apr_pool_t *p, const char *list,
    void (*add)(smtp_dns_answer_t *answer, const char *text))
{
    smtp_dns_answer_t *answer = dns_unit_answer(p, SMTP_DNS_OK);
    char *rest;
    char *text = apr_strtok(apr_pstrdup(p, list), ",", &rest);

    for (; text != NULL; text = apr_strtok(NULL, ",", &rest)) {
        add(answer, text + strspn(text, " "));
    }
    return answer;
}

#endif
