/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <apr_errno.h>
#include <apr_lib.h>

#include "smtp_dns_name.h"
#include "smtp_dns_record.h"
#include "smtp_mx.h"
#include "smtp_tlsa.h"

/* The first octet of an input chooses. */
static const int types[] = {
    SMTP_DNS_RECORD_A, SMTP_DNS_RECORD_AAAA, SMTP_DNS_RECORD_CNAME,
    SMTP_DNS_RECORD_MX, SMTP_DNS_RECORD_PTR, SMTP_DNS_RECORD_TLSA,
    SMTP_DNS_RECORD_TXT, 0
};
#define TYPES (sizeof(types) / sizeof(types[0]))

/** A name that was taken is a host's or the root, can be asked for, and says
 *  what was on the wire. */
static void check_name(const char *name, const uint8_t *wire, size_t len)
{
    size_t name_len = strlen(name);
    size_t i;

    FUZZ_CHECK(len == (name_len ? name_len + 2 : 1));
    FUZZ_CHECK(name_len == 0 || (smtp_dns_name_is_host(name)
                                 && smtp_dns_name_is_askable(name)));
    for (i = 0; i < name_len; i++) {
        FUZZ_CHECK(name[i] == '.' ? wire[i + 1] < 64
                                  : name[i] == apr_tolower(wire[i + 1]));
    }
}

static void check_txt(const smtp_dns_record_t *record, size_t len)
{
    FUZZ_CHECK(record->u.txt.len < len);
    FUZZ_CHECK(strlen(record->u.txt.text) == record->u.txt.len);
}

static void check_tlsa(const smtp_dns_record_t *record, const uint8_t *rdata,
                       size_t len)
{
    const smtp_dns_tlsa_t *tlsa = &record->u.tlsa;

    FUZZ_CHECK(tlsa->data_len > 0 && tlsa->data_len + 3 == len);
    FUZZ_CHECK(memcmp(tlsa->data, rdata + 3, tlsa->data_len) == 0);
    FUZZ_CHECK(!smtp_tlsa_is_usable(tlsa)
               || tlsa->usage == 2 || tlsa->usage == 3);
}

static void check_address(apr_pool_t *p, const smtp_dns_record_t *record)
{
    const char *text = smtp_dns_address_write(p, &record->u.address);
    smtp_dns_address_t again;

    FUZZ_CHECK(smtp_dns_name_reverse(p, text) != NULL);
    FUZZ_CHECK(smtp_dns_address_parse(text, &again) == APR_SUCCESS);
    FUZZ_CHECK(smtp_dns_address_is_equal(&again, &record->u.address));
}

static void check_record(apr_pool_t *p, const smtp_dns_record_t *record,
                         const uint8_t *rdata, size_t len)
{
    switch (record->type) {
    case SMTP_DNS_RECORD_A:
    case SMTP_DNS_RECORD_AAAA:
        check_address(p, record);
        break;
    case SMTP_DNS_RECORD_CNAME:
    case SMTP_DNS_RECORD_PTR:
        FUZZ_CHECK(*record->u.name != '\0');
        check_name(record->u.name, rdata, len);
        break;
    case SMTP_DNS_RECORD_MX:
        FUZZ_CHECK(record->u.mx.preference == rdata[0] * 256 + rdata[1]);
        check_name(record->u.mx.host, rdata + 2, len - 2);
        break;
    case SMTP_DNS_RECORD_TLSA:
        check_tlsa(record, rdata, len);
        break;
    case SMTP_DNS_RECORD_TXT:
        check_txt(record, len);
        break;
    }
}

/** Hosts in order, each once, none that cannot be one. */
static void check_mx(apr_pool_t *p, const smtp_dns_answer_t *answer,
                     apr_uint64_t seed)
{
    const smtp_mx_self_t self = { NULL, NULL, 0 };
    smtp_mx_t *mx = smtp_mx_create(p, "example.com", &self);
    int i;

    smtp_mx_answer(mx, answer, &self, seed);
    FUZZ_CHECK((mx->status == SMTP_MX_OK) == (mx->hosts->nelts > 0));
    FUZZ_CHECK(mx->hosts->nelts <= SMTP_MX_HOSTS_MAX);
    for (i = 0; i < mx->hosts->nelts; i++) {
        const smtp_mx_host_t *host = &APR_ARRAY_IDX(mx->hosts, i,
                                                    smtp_mx_host_t);

        FUZZ_CHECK(smtp_dns_name_is_host(host->name));
        FUZZ_CHECK(i == 0 || host[-1].preference <= host->preference);
        FUZZ_CHECK(i == 0 || strcmp(host[-1].name, host->name) != 0);
    }
}

/** An answer of MX records: the second octet of an input is a seed, then
 *  each record has its length before it. */
static void check_answer(apr_pool_t *p, const uint8_t *data, size_t size)
{
    smtp_dns_answer_t answer = { SMTP_DNS_OK, NULL, 0, 0, 0, 0, 0, 0, NULL,
                                 NULL };
    smtp_dns_record_t record;
    size_t at = 1;

    answer.records = apr_array_make(p, 4, sizeof(record));
    while (at < size && data[at] <= size - at - 1) {
        if (smtp_dns_record_parse(p, SMTP_DNS_RECORD_MX, data + at + 1,
                                  data[at], &record) == APR_SUCCESS) {
            APR_ARRAY_PUSH(answer.records, smtp_dns_record_t) = record;
        }
        else {
            answer.refused++;
        }
        at += 1 + data[at];
    }
    check_mx(p, &answer, size > 0 ? data[0] : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const smtp_dns_record_t zero;
    apr_pool_t *p = fuzz_pool();
    smtp_dns_record_t record;
    int type;

    if (size == 0) {
        return 0;
    }
    type = types[data[0] % TYPES];
    if (smtp_dns_record_parse(p, type, data + 1, size - 1, &record)
        == APR_SUCCESS) {
        FUZZ_CHECK((int)record.type == type);
        check_record(p, &record, data + 1, size - 1);
    }
    else {
        FUZZ_CHECK(memcmp(&record, &zero, sizeof(zero)) == 0);
    }
    check_answer(p, data + 1, size - 1);
    return 0;
}
