/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_chars.h"
#include "smtp_reply.h"

enum { MAX_OCTETS = 2048 };

typedef struct result_t {
    smtp_reply_status_e status;
    smtp_reply_t reply;
    apr_size_t consumed;
} result_t;

/** Reads in pieces of @a piece octets. */
static result_t read_reply(apr_pool_t *p, const char *s, size_t len,
                           size_t piece)
{
    smtp_reply_parser_t parser;
    result_t result = { SMTP_REPLY_MORE, { 0, { 0, 0, 0 }, NULL }, 0 };

    smtp_reply_parser_init(&parser, p, MAX_OCTETS);
    while (result.status == SMTP_REPLY_MORE && result.consumed < len) {
        size_t left = len - result.consumed;
        apr_size_t consumed;

        result.status = smtp_reply_push(&parser, s + result.consumed,
                                        left < piece ? left : piece,
                                        &consumed, &result.reply);
        FUZZ_CHECK(consumed > 0 && consumed <= left);
        FUZZ_CHECK(parser.text_size <= MAX_OCTETS);
        result.consumed += consumed;
    }
    return result;
}

static int is_same(const smtp_reply_t *a, const smtp_reply_t *b)
{
    return a->code == b->code && a->status.klass == b->status.klass
           && a->status.subject == b->status.subject
           && a->status.detail == b->status.detail
           && fuzz_same(a->text, b->text);
}

/**
 * Replies of any text and code are lines of a reply, nothing else; they keep
 * to the length of RFC 5321 4.5.3.1.5, except challenges (RFC 4954 4).
 */
static void check_octets(const char *s, size_t len, int utf8)
{
    int is_challenge = strncmp(s, "334", 3) == 0;
    const char *line = s, *lf, *c;

    FUZZ_CHECK(len == strlen(s) && len > 5 && s[len - 1] == '\n');
    while ((lf = strchr(line, '\n')) != NULL) {
        FUZZ_CHECK(lf > line && lf[-1] == '\r');
        FUZZ_CHECK(is_challenge
                   || lf + 1 - line <= SMTP_REPLY_LINE_MAX_OCTETS);
        FUZZ_CHECK(memcmp(line, s, 3) == 0);
        FUZZ_CHECK(line[3] == (lf[1] ? '-' : ' '));
        for (c = line; c < lf - 1; c++) {
            FUZZ_CHECK(smtp_chars_is(*c, SMTP_CHARS_PRINT)
                       || (utf8 && (unsigned char)*c > 127));
        }
        FUZZ_CHECK(smtp_chars_is_utf8(line, (size_t)(lf - line)));
        line = lf + 1;
    }
}

/** What is written can be read. */
static void check_write(apr_pool_t *p, const smtp_reply_t *reply,
                        int with_status, int utf8)
{
    apr_size_t len;
    char *s = smtp_reply_write(p, reply, with_status, utf8, &len);
    smtp_reply_parser_t parser;
    smtp_reply_t again;
    apr_size_t consumed;

    check_octets(s, len, utf8);
    smtp_reply_parser_init(&parser, p, len);
    FUZZ_CHECK(smtp_reply_push(&parser, s, len, &consumed, &again)
               == SMTP_REPLY_DONE);
    FUZZ_CHECK(consumed == len);
    if (reply->code >= 200 && reply->code <= 599) {
        FUZZ_CHECK(again.code == reply->code);
    }
}

static void check_any_reply(apr_pool_t *p, const uint8_t *data, size_t size)
{
    smtp_reply_t reply;
    uint8_t flags = data[0];

    reply.code = data[1] * 256 + data[2];
    reply.status.klass = data[3];
    reply.status.subject = data[4];
    reply.status.detail = (unsigned short)(data[5] * 256 + data[6]);
    reply.text = apr_pcalloc(p, size - 7 + 1);
    memcpy((char *)reply.text, data + 7, size - 7);
    check_write(p, &reply, flags & 1, flags & 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = (const char *)data;
    result_t whole = read_reply(p, s, size, size);
    result_t pieces = read_reply(p, s, size, 1);

    FUZZ_CHECK(whole.status == pieces.status);
    FUZZ_CHECK(is_same(&whole.reply, &pieces.reply));
    if (whole.status == SMTP_REPLY_DONE) {
        FUZZ_CHECK(whole.consumed == pieces.consumed);
        check_write(p, &whole.reply, 1, 0);
    }
    if (size >= 7) {
        check_any_reply(p, data, size);
    }
    return 0;
}
