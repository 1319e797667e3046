/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_chars.h"
#include "smtp_params.h"

/* Four octets say what was announced and whether it is MAIL or RCPT, the
 * rest is read. */
#define PREFIX_OCTETS 4
#define IS_RCPT  0x80000000u
#define IS_UTF8  0x40000000u

static void check_bad(smtp_params_status_e status, const char *bad)
{
    const char *c;

    FUZZ_CHECK((status == SMTP_PARAMS_OK) == (bad == NULL));
    for (c = bad; c != NULL && *c != '\0'; c++) {
        FUZZ_CHECK(smtp_chars_is(*c, SMTP_CHARS_PRINT));
    }
}

static void check_same_mail(const smtp_mail_params_t *a,
                            const smtp_mail_params_t *b)
{
    FUZZ_CHECK(a->has_size == b->has_size);
    FUZZ_CHECK(a->size_octets == b->size_octets);
    FUZZ_CHECK(a->has_body == b->has_body && a->body == b->body);
    FUZZ_CHECK(a->smtputf8 == b->smtputf8);
    FUZZ_CHECK(a->requiretls == b->requiretls);
    FUZZ_CHECK(a->has_priority == b->has_priority);
    FUZZ_CHECK(a->priority == b->priority && a->ret == b->ret);
    FUZZ_CHECK(fuzz_same(a->envid, b->envid));
    FUZZ_CHECK(fuzz_same(a->auth, b->auth));
}

/** What is written for a server that announced @a offered, it takes. */
static void check_mail(apr_pool_t *p, const char *s, size_t len,
                       smtp_extension_set_t offered)
{
    smtp_mail_params_t params;
    smtp_mail_params_t again;
    smtp_params_status_e status;
    const char *bad;
    char *text;

    status = smtp_params_parse_mail(p, s, len, offered, &params, &bad);
    check_bad(status, bad);
    if (status != SMTP_PARAMS_OK) {
        const smtp_mail_params_t none = { 0 };

        check_same_mail(&params, &none);
        return;
    }
    text = smtp_params_write_mail(p, &params, offered);
    FUZZ_CHECK(smtp_params_parse_mail(p, text, strlen(text), offered, &again,
                                      &bad) == SMTP_PARAMS_OK);
    check_same_mail(&params, &again);
    text = smtp_params_write_mail(p, &params, offered >> 1);
    FUZZ_CHECK(smtp_params_parse_mail(p, text, strlen(text), offered >> 1,
                                      &again, &bad) == SMTP_PARAMS_OK);
}

static void check_rcpt(apr_pool_t *p, const char *s, size_t len,
                       smtp_extension_set_t offered, int smtputf8)
{
    smtp_rcpt_params_t params;
    smtp_rcpt_params_t again;
    smtp_params_status_e status;
    const char *bad;
    char *text;

    status = smtp_params_parse_rcpt(p, s, len, offered, smtputf8, &params,
                                    &bad);
    check_bad(status, bad);
    if (status != SMTP_PARAMS_OK) {
        FUZZ_CHECK(params.notify == 0 && params.orcpt == NULL);
        return;
    }
    text = smtp_params_write_rcpt(p, &params, offered | SMTP_EXTENSION_8BITMIME
                                              | SMTP_EXTENSION_SMTPUTF8);
    FUZZ_CHECK(smtp_params_parse_rcpt(p, text, strlen(text), offered, 1,
                                      &again, &bad) == SMTP_PARAMS_OK);
    FUZZ_CHECK(params.notify == again.notify);
    FUZZ_CHECK(fuzz_same(params.orcpt, again.orcpt));
    text = smtp_params_write_rcpt(p, &params, SMTP_EXTENSION_DSN);
    FUZZ_CHECK(smtp_params_parse_rcpt(p, text, strlen(text),
                                      SMTP_EXTENSION_DSN, 0, &again, &bad)
               == SMTP_PARAMS_OK);
    FUZZ_CHECK(params.notify == again.notify);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = (const char *)data + PREFIX_OCTETS;
    uint32_t prefix;

    if (size < PREFIX_OCTETS) {
        return 0;
    }
    prefix = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16
           | (uint32_t)data[2] << 8 | data[3];
    if (prefix & IS_RCPT) {
        check_rcpt(p, s, size - PREFIX_OCTETS, prefix & 0xFFFFFF,
                   (prefix & IS_UTF8) != 0);
    }
    else {
        check_mail(p, s, size - PREFIX_OCTETS, prefix & 0xFFFFFF);
    }
    return 0;
}
