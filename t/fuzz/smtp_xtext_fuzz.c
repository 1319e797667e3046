/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_chars.h"
#include "smtp_xtext.h"

static int breaks_a_line(const char *s, size_t len)
{
    return memchr(s, '\0', len) || memchr(s, '\r', len)
        || memchr(s, '\n', len);
}

/** What can be decoded is xtext, and is the same when encoded again. */
static void check_parse(apr_pool_t *p, const char *s, size_t len)
{
    const char *text;
    const char *again;
    char *written;

    if (smtp_xtext_parse(p, s, len, &text) != APR_SUCCESS) {
        FUZZ_CHECK(text == NULL);
        return;
    }
    FUZZ_CHECK(smtp_xtext_is(s, len));
    FUZZ_CHECK(strlen(text) <= len && !breaks_a_line(text, strlen(text)));
    written = smtp_xtext_write(p, text, strlen(text));
    FUZZ_CHECK(strlen(written) <= len);
    FUZZ_CHECK(smtp_xtext_parse(p, written, strlen(written), &again)
               == APR_SUCCESS);
    FUZZ_CHECK(fuzz_same(text, again));
}

/** All octets can be encoded; none but NUL, CR and LF fail to come back. */
static void check_write(apr_pool_t *p, const char *s, size_t len)
{
    char *written = smtp_xtext_write(p, s, len);
    const char *text;

    FUZZ_CHECK(smtp_xtext_is(written, strlen(written)));
    if (smtp_xtext_parse(p, written, strlen(written), &text)
        != APR_SUCCESS) {
        FUZZ_CHECK(breaks_a_line(s, len));
        return;
    }
    FUZZ_CHECK(strlen(text) == len && memcmp(text, s, len) == 0);
}

static void check_parse_utf8(apr_pool_t *p, const char *s, size_t len)
{
    const char *text;
    const char *again;
    char *written;

    if (smtp_xtext_parse_utf8(p, s, len, &text) != APR_SUCCESS) {
        FUZZ_CHECK(text == NULL);
        return;
    }
    FUZZ_CHECK(strlen(text) <= len && !breaks_a_line(text, strlen(text)));
    FUZZ_CHECK(smtp_chars_is_utf8(text, strlen(text)));
    written = smtp_xtext_write_utf8(p, text, strlen(text));
    FUZZ_CHECK(written != NULL
               && !smtp_chars_has_8bit(written, strlen(written)));
    FUZZ_CHECK(smtp_xtext_parse_utf8(p, written, strlen(written), &again)
               == APR_SUCCESS);
    FUZZ_CHECK(fuzz_same(text, again));
}

static void check_write_utf8(apr_pool_t *p, const char *s, size_t len)
{
    char *written = smtp_xtext_write_utf8(p, s, len);
    const char *c;

    FUZZ_CHECK((written != NULL) == smtp_chars_is_utf8(s, len));
    for (c = written; c != NULL && *c != '\0'; c++) {
        FUZZ_CHECK(smtp_chars_is(*c, SMTP_CHARS_XCHAR));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = (const char *)data;

    check_parse(p, s, size);
    check_write(p, s, size);
    check_parse_utf8(p, s, size);
    check_write_utf8(p, s, size);
    return 0;
}
