/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_line.h"

enum { MAX_OCTETS = 32 };

/** All that came out: for each line its length, faults and octets. */
typedef struct output_t {
    char *s;
    size_t len;
} output_t;

static void put(output_t *out, const void *octets, size_t len)
{
    memcpy(out->s + out->len, octets, len);
    out->len += len;
}

/** Reads in pieces of @a piece octets. */
static output_t read_lines(apr_pool_t *p, const char *s, size_t len,
                           size_t piece, int lf_ends)
{
    output_t out = { apr_palloc(p, len * 13 + 1), 0 };
    smtp_line_t parser;
    const char *line;
    apr_size_t consumed, line_len;
    unsigned int faults;

    smtp_line_init(&parser, p, MAX_OCTETS, lf_ends);
    while (len > 0) {
        if (smtp_line_push(&parser, s, len < piece ? len : piece, &consumed,
                           &line, &line_len, &faults) == SMTP_LINE_DONE) {
            FUZZ_CHECK(s[consumed - 1] == '\n');
            FUZZ_CHECK(line_len <= MAX_OCTETS);
            FUZZ_CHECK(!smtp_line_is_partial(&parser));
            if (faults == 0) {
                FUZZ_CHECK(!memchr(line, '\0', line_len)
                           && !memchr(line, '\r', line_len)
                           && !memchr(line, '\n', line_len));
            }
            put(&out, &line_len, sizeof(line_len));
            put(&out, &faults, sizeof(faults));
            put(&out, line, line_len);
        }
        FUZZ_CHECK(consumed > 0 && consumed <= len);
        FUZZ_CHECK(parser.buffer_size <= MAX_OCTETS);
        s += consumed;
        len -= consumed;
    }
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = (const char *)data;
    size_t piece = size > 0 ? data[0] % 32 + 1 : 1;
    int lf_ends;

    for (lf_ends = 0; lf_ends < 2; lf_ends++) {
        output_t whole = read_lines(p, s, size, size, lf_ends);
        output_t pieces = read_lines(p, s, size, piece, lf_ends);
        output_t octets = read_lines(p, s, size, 1, lf_ends);

        FUZZ_CHECK(whole.len == pieces.len && whole.len == octets.len);
        FUZZ_CHECK(memcmp(whole.s, pieces.s, whole.len) == 0);
        FUZZ_CHECK(memcmp(whole.s, octets.s, whole.len) == 0);
    }
    return 0;
}
