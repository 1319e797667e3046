/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "spool_lines.h"

static size_t convert(unsigned int flags, const char *in, size_t len,
                      size_t step, char *out, apr_off_t *bare_lf)
{
    spool_lines_t lines;
    size_t at, written = 0;

    spool_lines_init(&lines, flags);
    for (at = 0; at < len; at += step) {
        size_t n = len - at < step ? len - at : step;
        char *exact = malloc(n + SPOOL_LINES_HELD_MAX);
        size_t got = spool_lines_push(&lines, in + at, n, exact);

        FUZZ_CHECK(got <= n + SPOOL_LINES_HELD_MAX);
        memcpy(out + written, exact, got);
        written += got;
        free(exact);
    }
    written += spool_lines_finish(&lines, out + written);
    *bare_lf = lines.bare_lf;
    return written;
}

/** The same by the simplest means. */
static size_t unix_ends(const char *in, size_t len, char *out)
{
    size_t i, n = 0;

    for (i = 0; i < len; i++) {
        if (!(in[i] == '\r' && i + 1 < len && in[i + 1] == '\n')) {
            out[n++] = in[i];
        }
    }
    return n;
}

static apr_off_t count_bare(const char *s, size_t len)
{
    apr_off_t n = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        n += s[i] == '\n' && (i == 0 || s[i - 1] != '\r');
    }
    return n;
}

/** However it is cut, the result is one; without other flags it is what the
 *  simplest means give. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *in = (const char *)data + 1;
    apr_off_t bare_whole, bare_cut;
    unsigned int flags;
    size_t len, whole_len, cut_len;
    char *whole, *cut, *plain;

    if (size < 2) {
        return 0;
    }
    len = size - 1;
    flags = data[0] & 3u;
    whole = malloc(3 * (len + SPOOL_LINES_HELD_MAX));
    cut = whole + len + SPOOL_LINES_HELD_MAX;
    plain = cut + len + SPOOL_LINES_HELD_MAX;
    whole_len = convert(flags, in, len, len, whole, &bare_whole);
    cut_len = convert(flags, in, len, (data[0] >> 2) + 1u, cut, &bare_cut);
    FUZZ_CHECK(whole_len == cut_len && !memcmp(whole, cut, cut_len));
    FUZZ_CHECK(whole_len <= len);
    FUZZ_CHECK(bare_whole == bare_cut);
    FUZZ_CHECK(bare_whole == count_bare(whole, whole_len));
    if (!flags) {
        FUZZ_CHECK(whole_len == unix_ends(in, len, plain));
        FUZZ_CHECK(!memcmp(whole, plain, whole_len));
    }
    if (flags == SPOOL_LINES_BINARY) {
        FUZZ_CHECK(whole_len == len && !memcmp(whole, in, len));
    }
    free(whole);
    return 0;
}
