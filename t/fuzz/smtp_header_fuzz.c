/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_chars.h"
#include "smtp_header.h"

static smtp_header_t read_header(apr_pool_t *p, const char *s, size_t len,
                                 size_t piece)
{
    smtp_header_t header;
    size_t at, n;

    smtp_header_init(&header, p);
    for (at = 0; at < len; at += n) {
        n = len - at < piece ? len - at : piece;
        smtp_header_push(&header, s + at, n);
        FUZZ_CHECK(header.value_len <= SMTP_HEADER_ADDRESS_MAX_OCTETS);
    }
    smtp_header_finish(&header);
    return header;
}

static void check_same(const smtp_header_t *a, const smtp_header_t *b)
{
    int i;

    FUZZ_CHECK(a->fields == b->fields && a->received == b->received);
    FUZZ_CHECK(a->has_8bit == b->has_8bit && a->has_bare == b->has_bare);
    FUZZ_CHECK(a->is_malformed == b->is_malformed);
    FUZZ_CHECK(a->header_octets == b->header_octets);
    FUZZ_CHECK(fuzz_same(a->from, b->from));
    FUZZ_CHECK(fuzz_same(a->sender, b->sender));
    FUZZ_CHECK(a->repeated == b->repeated && a->is_cut == b->is_cut);
    FUZZ_CHECK(fuzz_same(a->subject, b->subject));
    FUZZ_CHECK(fuzz_same(a->message_id, b->message_id));
    FUZZ_CHECK(a->delivered_to->nelts == b->delivered_to->nelts);
    for (i = 0; i < a->delivered_to->nelts; i++) {
        FUZZ_CHECK(fuzz_same(APR_ARRAY_IDX(a->delivered_to, i, const char *),
                             APR_ARRAY_IDX(b->delivered_to, i,
                                           const char *)));
    }
}

static int is_short(const char *s, size_t max)
{
    return s == NULL || strlen(s) <= max;
}

/** What is true of every header. */
static void check_sane(const smtp_header_t *header, const char *s, size_t len)
{
    size_t octets = (size_t)header->header_octets;
    const char *c;

    FUZZ_CHECK(header->is_done && octets <= len);
    FUZZ_CHECK(header->delivered_to->nelts <= SMTP_HEADER_DELIVERED_TO_MAX);
    FUZZ_CHECK(is_short(header->from, SMTP_HEADER_ADDRESS_MAX_OCTETS));
    FUZZ_CHECK(is_short(header->sender, SMTP_HEADER_ADDRESS_MAX_OCTETS));
    FUZZ_CHECK(is_short(header->subject, SMTP_HEADER_VALUE_MAX_OCTETS));
    FUZZ_CHECK(!(header->repeated & ~header->fields));
    FUZZ_CHECK(!(header->is_cut & ~header->fields));
    FUZZ_CHECK(!header->from || (header->fields & SMTP_HEADER_FROM));
    for (c = header->message_id; c && *c; c++) {
        FUZZ_CHECK(smtp_chars_is(*c, SMTP_CHARS_PRINT));
    }
    FUZZ_CHECK(header->has_8bit == smtp_chars_has_8bit(s, octets));
    /* the header section is whole lines, unless it is all there is */
    if (octets > 0 && octets < len && s[octets - 1] != '\n') {
        FUZZ_CHECK(0);
    }
    if (!header->is_malformed && octets < len) {
        FUZZ_CHECK(len >= octets + 2
                   && memcmp(s + octets, "\r\n", 2) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = (const char *)data;
    smtp_header_t whole = read_header(p, s, size, size);
    smtp_header_t octets = read_header(p, s, size, 1);
    smtp_header_t pieces = read_header(p, s, size,
                                       size ? data[size - 1] % 64 + 1 : 1);

    check_same(&whole, &octets);
    check_same(&whole, &pieces);
    check_sane(&whole, s, size);
    return 0;
}
