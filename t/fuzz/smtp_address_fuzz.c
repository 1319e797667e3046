/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_address.h"
#include "smtp_chars.h"

/* The first octet says what is allowed, the rest is read. */
#define ALLOW_MASK (SMTP_ADDRESS_ALLOW_UTF8 | SMTP_ADDRESS_ALLOW_NULL \
                    | SMTP_ADDRESS_ALLOW_POSTMASTER                   \
                    | SMTP_ADDRESS_ALLOW_BARE)

static void check_same(const smtp_address_t *a, const smtp_address_t *b)
{
    FUZZ_CHECK(fuzz_same(a->local, b->local));
    FUZZ_CHECK(fuzz_same(a->domain, b->domain));
    FUZZ_CHECK(fuzz_same(a->text, b->text));
    FUZZ_CHECK(a->is_null == b->is_null);
    FUZZ_CHECK(a->is_literal == b->is_literal);
    FUZZ_CHECK(a->is_utf8 == b->is_utf8);
}

/** What every address is, wherever it came from. */
static void check_address(apr_pool_t *p, const smtp_address_t *a,
                          unsigned int allow)
{
    size_t len = strlen(a->text);
    smtp_address_t again;
    size_t i;

    FUZZ_CHECK(len + 2 <= SMTP_ADDRESS_PATH_MAX_OCTETS);
    FUZZ_CHECK(strlen(a->local) <= SMTP_ADDRESS_LOCAL_MAX_OCTETS);
    FUZZ_CHECK(a->is_null == (len == 0));
    FUZZ_CHECK(!a->is_null || (allow & SMTP_ADDRESS_ALLOW_NULL));
    FUZZ_CHECK(!a->is_utf8 || (allow & SMTP_ADDRESS_ALLOW_UTF8));
    FUZZ_CHECK(smtp_chars_is_utf8(a->text, len));
    FUZZ_CHECK(a->is_utf8 == (smtp_chars_has_8bit(a->text, len) != 0));
    for (i = 0; i < len; i++) {
        FUZZ_CHECK((unsigned char)a->text[i] >= 32 && a->text[i] != 127);
    }
    if (a->domain == NULL) {
        FUZZ_CHECK(allow & ~SMTP_ADDRESS_ALLOW_UTF8);
    }
    /* What is written is read as the same. */
    FUZZ_CHECK(smtp_address_parse(p, a->text, len, allow, &again)
               == SMTP_ADDRESS_OK);
    check_same(a, &again);
    check_same(a, smtp_address_copy(p, a));
    if (*a->local != '\0' || a->domain != NULL || a->is_null) {
        check_same(a, smtp_address_create(p, a->local, a->domain));
    }
}

static void check_path(apr_pool_t *p, const char *s, size_t len,
                       unsigned int allow)
{
    smtp_address_t a;
    apr_size_t consumed;

    if (smtp_address_parse_path(p, s, len, allow, &a, &consumed)
        != SMTP_ADDRESS_OK) {
        FUZZ_CHECK(consumed == 0 && a.text == NULL && a.local == NULL);
        return;
    }
    FUZZ_CHECK(consumed >= 2 && consumed <= len);
    FUZZ_CHECK(consumed <= SMTP_ADDRESS_PATH_MAX_OCTETS);
    FUZZ_CHECK(s[0] == '<' && s[consumed - 1] == '>');
    /* Without its source route and needless quotes it is no longer. */
    FUZZ_CHECK(strlen(a.text) + 2 <= consumed);
    FUZZ_CHECK(memchr(s, '\0', consumed) == NULL);
    check_address(p, &a, allow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = (const char *)data + 1;
    smtp_address_t a;
    unsigned int allow;

    if (size == 0) {
        return 0;
    }
    allow = data[0] & ALLOW_MASK;
    check_path(p, s, size - 1, allow);
    if (smtp_address_parse(p, s, size - 1, allow, &a) == SMTP_ADDRESS_OK) {
        check_address(p, &a, allow);
    }
    return 0;
}
