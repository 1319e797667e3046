/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_dot.h"

/** Mail as it came out of a pass. */
typedef struct mail_t {
    char *s;
    size_t len;
    size_t size;
    size_t consumed;
    int done;
    smtp_dot_t dot;
} mail_t;

static apr_status_t keep(void *ctx, const char *octets, apr_size_t len)
{
    mail_t *mail = ctx;

    FUZZ_CHECK(len > 0 && mail->len + len <= mail->size);
    memcpy(mail->s + mail->len, octets, len);
    mail->len += len;
    return APR_SUCCESS;
}

/** Room for any pass: a bare LF becomes two octets, and a dot three. */
static mail_t mail_make(apr_pool_t *p, size_t len, int normalise)
{
    mail_t mail;

    memset(&mail, 0, sizeof(mail));
    mail.size = len * 3 + 5;
    mail.s = apr_palloc(p, mail.size);
    smtp_dot_init(&mail.dot, 20, normalise);
    return mail;
}

/** Reads mail data in pieces of @a piece octets. */
static mail_t read_data(apr_pool_t *p, const char *s, size_t len,
                        size_t piece, int normalise)
{
    mail_t mail = mail_make(p, len, normalise);

    while (!mail.done && mail.consumed < len) {
        size_t left = len - mail.consumed;
        apr_size_t consumed;

        FUZZ_CHECK(smtp_dot_push(&mail.dot, s + mail.consumed,
                                 left < piece ? left : piece, &consumed,
                                 &mail.done, keep, &mail) == APR_SUCCESS);
        FUZZ_CHECK(consumed > 0 && consumed <= left);
        mail.consumed += consumed;
    }
    return mail;
}

static mail_t read_chunks(apr_pool_t *p, const char *s, size_t len,
                          size_t piece, int normalise)
{
    mail_t mail = mail_make(p, len, normalise);

    while (mail.consumed < len) {
        size_t left = len - mail.consumed;

        left = left < piece ? left : piece;
        smtp_dot_push_chunk(&mail.dot, s + mail.consumed, left, keep, &mail);
        mail.consumed += left;
    }
    smtp_dot_finish_chunks(&mail.dot, keep, &mail);
    return mail;
}

static mail_t write_mail(apr_pool_t *p, const char *s, size_t len,
                         size_t piece)
{
    mail_t mail = mail_make(p, len, 1);
    smtp_dot_writer_t writer;

    smtp_dot_writer_init(&writer);
    while (mail.consumed < len) {
        size_t left = len - mail.consumed;

        left = left < piece ? left : piece;
        smtp_dot_write(&writer, s + mail.consumed, left, keep, &mail);
        mail.consumed += left;
    }
    smtp_dot_write_end(&writer, keep, &mail);
    return mail;
}

static void check_same(const mail_t *a, const mail_t *b)
{
    FUZZ_CHECK(a->len == b->len && memcmp(a->s, b->s, a->len) == 0);
    FUZZ_CHECK(a->done == b->done && a->consumed == b->consumed);
    FUZZ_CHECK(a->dot.faults == b->dot.faults);
    FUZZ_CHECK(a->dot.has_8bit == b->dot.has_8bit);
}

/** No CR without its LF, no LF without its CR. */
static void check_clean(const mail_t *mail)
{
    size_t i;

    for (i = 0; i < mail->len; i++) {
        if (mail->s[i] == '\r') {
            FUZZ_CHECK(i + 1 < mail->len && mail->s[i + 1] == '\n');
        }
        if (mail->s[i] == '\n') {
            FUZZ_CHECK(i > 0 && mail->s[i - 1] == '\r');
        }
    }
}

/** The first CRLF "." CRLF ends the data, and nothing else does. */
static void check_end(const char *s, size_t len, const mail_t *mail)
{
    const char *end = len >= 3 && memcmp(s, ".\r\n", 3) == 0
                      ? s : memmem(s, len, "\r\n.\r\n", 5);

    FUZZ_CHECK(mail->done == (end != NULL));
    if (end) {
        FUZZ_CHECK(mail->consumed == (size_t)(end - s)
                                     + (end == s && *s == '.' ? 3 : 5));
        FUZZ_CHECK(mail->len == 0 || mail->s[mail->len - 1] == '\n');
    }
}

static void check_modes(apr_pool_t *p, const char *s, size_t len,
                        size_t piece, int normalise)
{
    mail_t data = read_data(p, s, len, len, normalise);
    mail_t data_pieces = read_data(p, s, len, piece, normalise);
    mail_t chunks = read_chunks(p, s, len, len, normalise);
    mail_t chunk_pieces = read_chunks(p, s, len, piece, normalise);

    check_same(&data, &data_pieces);
    check_same(&chunks, &chunk_pieces);
    check_end(s, len, &data);
    if (normalise) {
        FUZZ_CHECK(!((data.dot.faults | chunks.dot.faults)
                     & (SMTP_DOT_BARE_CR | SMTP_DOT_BARE_LF)));
        check_clean(&data);
        check_clean(&chunks);
    }
    else if (!(data.dot.faults & (SMTP_DOT_BARE_CR | SMTP_DOT_BARE_LF))) {
        check_clean(&data);
    }
    if (!normalise) {
        FUZZ_CHECK(chunks.len == len && memcmp(chunks.s, s, len) == 0);
    }
}

/** What a client writes has one end, its last, and comes back the same. */
static void check_writer(apr_pool_t *p, const char *s, size_t len,
                         size_t piece)
{
    mail_t sent = write_mail(p, s, len, len);
    mail_t sent_pieces = write_mail(p, s, len, piece);
    mail_t want = read_chunks(p, s, len, len, 1);
    mail_t got = read_data(p, sent.s, sent.len, sent.len, 0);

    check_same(&sent, &sent_pieces);
    check_clean(&sent);
    FUZZ_CHECK(got.done && got.consumed == sent.len);
    FUZZ_CHECK(got.len == want.len || got.len == want.len + 2);
    FUZZ_CHECK(memcmp(got.s, want.s, want.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = (const char *)data + 1;
    size_t piece;

    if (size < 2) {
        return 0;
    }
    piece = data[0] % 32 + 1;
    check_modes(p, s, size - 1, piece, 0);
    check_modes(p, s, size - 1, piece, 1);
    check_writer(p, s, size - 1, piece);
    return 0;
}
