/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_reply.h"

#include <string.h>

#include "smtp_escape.h"

/* Writing. */

/** What stands in when a reply has no text. 334 has none on purpose: its
 *  text is a challenge, and an empty one is meant (RFC 4954 4). */
static const struct {
    int code;
    const char *text;
} texts[] = {
    { 214, "See RFC 5321" },
    { 220, "Service ready" },
    { 221, "Closing connection" },
    { 235, "Authentication succeeded" },
    { 250, "OK" },
    { 251, "User not local; will forward" },
    { 252, "Cannot verify user, but will accept message" },
    { 334, "" },
    { 354, "Start mail input; end with <CRLF>.<CRLF>" },
    { 421, "Service not available, closing connection" },
    { 450, "Mailbox unavailable" },
    { 451, "Local error in processing" },
    { 452, "Insufficient system storage" },
    { 455, "Unable to accommodate parameters" },
    { 500, "Command unrecognized" },
    { 501, "Syntax error in parameters or arguments" },
    { 502, "Command not implemented" },
    { 503, "Bad sequence of commands" },
    { 504, "Command parameter not implemented" },
    { 550, "Mailbox unavailable" },
    { 551, "User not local" },
    { 552, "Exceeded storage allocation" },
    { 553, "Mailbox name not allowed" },
    { 554, "Transaction failed" },
    { 555, "Parameters not recognized or not implemented" },
    { 556, "Domain does not accept mail" }
};

static const char *const class_texts[] = {
    NULL, NULL, "OK", "Continue", "Try again later", "Refused"
};

/** Where a reply goes. It is written twice: with s NULL it is measured. */
typedef struct output_t {
    char *s;
    apr_size_t len;
    apr_size_t separator_at;     /* the "-" of the last line so far */
} output_t;

/** What each line begins with: code, "-", enhanced code. */
typedef struct head_t {
    char s[4 + SMTP_STATUS_BUFFER_OCTETS];
    apr_size_t len;
    apr_size_t line_max;         /* of such a line, without CRLF */
} head_t;

static void put(output_t *out, const char *s, apr_size_t len)
{
    if (out->s) {
        memcpy(out->s + out->len, s, len);
    }
    out->len += len;
}

static void head_put(output_t *out, const head_t *head)
{
    out->separator_at = out->len + 3;
    put(out, head->s, head->len);
}

/** One line of the text, in as many lines as 512 octets make necessary. */
static void line_put(output_t *out, const head_t *head, const char *line,
                     apr_size_t len, int utf8)
{
    apr_size_t begin = out->len;
    apr_size_t token_len;
    char token[SMTP_ESCAPE_TOKEN_OCTETS];

    head_put(out, head);
    while (len > 0) {
        apr_size_t taken = smtp_escape_next(line, len, utf8, token,
                                            &token_len);

        if (out->len - begin + token_len > head->line_max) {
            put(out, "\r\n", 2);
            begin = out->len;
            head_put(out, head);
        }
        put(out, token, token_len);
        line += taken;
        len -= taken;
    }
    put(out, "\r\n", 2);
}

static void text_put(output_t *out, const head_t *head, const char *text,
                     apr_size_t len, int utf8)
{
    const char *end = text + len;
    const char *lf;

    while ((lf = memchr(text, '\n', end - text)) != NULL) {
        line_put(out, head, text, lf - text, utf8);
        text = lf + 1;
    }
    line_put(out, head, text, end - text, utf8);
    if (out->s) {
        out->s[out->separator_at] = ' ';
    }
}

static head_t head_make(int code, smtp_status_t status)
{
    head_t head;

    head.s[0] = (char)('0' + code / 100);
    head.s[1] = (char)('0' + code / 10 % 10);
    head.s[2] = (char)('0' + code % 10);
    head.s[3] = '-';
    /* RFC 4954 4: a challenge in pieces would be another one. */
    head.line_max = code == 334 ? APR_SIZE_MAX
                                : SMTP_REPLY_LINE_MAX_OCTETS - 2;
    head.len = 4 + smtp_status_write(head.s + 4, status);
    if (head.len > 4) {
        head.s[head.len++] = ' ';
    }
    return head;
}

static const char *text_find(int code, smtp_status_t status)
{
    apr_size_t i;

    if (status.subject != 0) {
        return smtp_status_text(status);
    }
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].code == code) {
            return texts[i].text;
        }
    }
    return class_texts[code / 100];
}

/** Octets of @a text without the LFs at its end. */
static apr_size_t text_len_get(const char *text)
{
    apr_size_t len = text ? strlen(text) : 0;

    while (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    return len;
}

char *smtp_reply_write(apr_pool_t *p, const smtp_reply_t *reply,
                       int with_status, int utf8, apr_size_t *len)
{
    static const smtp_status_t none = { 0, 0, 0 };
    int is_reply = reply->code >= 200 && reply->code <= 599;
    int code = is_reply ? reply->code : 451;
    smtp_status_t status = reply->status;
    const char *text = reply->text;
    apr_size_t text_len = text_len_get(text);
    output_t out = { NULL, 0, 0 };
    head_t head;

    if (!is_reply || (status.klass != 0 && status.klass != code / 100)) {
        status = smtp_status_of_reply(code);
    }
    if (text_len == 0) {
        text = text_find(code, status);
        text_len = strlen(text);
    }
    head = head_make(code, with_status ? status : none);
    text_put(&out, &head, text, text_len, utf8);
    out.s = apr_palloc(p, out.len + 1);
    out.len = 0;
    text_put(&out, &head, text, text_len, utf8);
    out.s[out.len] = '\0';
    if (len) {
        *len = out.len;
    }
    return out.s;
}

/* Reading. */

#define TEXT_MIN_OCTETS 128

void smtp_reply_parser_init(smtp_reply_parser_t *parser, apr_pool_t *p,
                            apr_size_t max_octets)
{
    memset(parser, 0, sizeof(*parser));
    parser->pool = p;
    parser->max_octets = max_octets;
}

static void text_grow(smtp_reply_parser_t *parser, apr_size_t needed)
{
    apr_size_t size = parser->text_size ? parser->text_size * 2
                                        : TEXT_MIN_OCTETS;
    char *text;

    if (needed <= parser->text_size) {
        return;
    }
    if (size > parser->max_octets) {
        size = parser->max_octets;
    }
    if (size < needed) {
        size = needed;
    }
    text = apr_palloc(parser->pool, size);
    if (parser->text_len > 0) {
        memcpy(text, parser->text, parser->text_len);
    }
    parser->text = text;
    parser->text_size = size;
}

/** The code of a line: three digits, of which the first is 2 to 5 (RFC 5321
 *  4.2.1; servers that use a second digit over 5 exist). 0: no code. */
static int code_parse(const char *line, apr_size_t len)
{
    int i, code = 0;

    if (len < 3 || line[0] < '2' || line[0] > '5') {
        return 0;
    }
    for (i = 0; i < 3; i++) {
        if (line[i] < '0' || line[i] > '9') {
            return 0;
        }
        code = code * 10 + (line[i] - '0');
    }
    return code;
}

/** Octets of the enhanced code, with the space behind it, that a text begins
 *  with. It counts if its class is the reply's. */
static apr_size_t status_skip(const char *text, apr_size_t len, int code,
                              smtp_status_t *status)
{
    apr_size_t octets = smtp_status_parse(text, len, status);

    if (octets == 0 || status->klass != code / 100) {
        memset(status, 0, sizeof(*status));
        return 0;
    }
    return octets < len ? octets + 1 : octets;
}

/** Moves the text of the line to where the line began: it is shorter by
 *  three octets at least, so an LF or a NUL fits behind it. */
static void text_keep(smtp_reply_parser_t *parser, const char *text,
                      apr_size_t len, char last)
{
    char *to = parser->text + parser->line_at;
    char *nul;

    memmove(to, text, len);
    while ((nul = memchr(to, '\0', len)) != NULL) {
        *nul = '?';
    }
    to[len] = last;
    parser->text_len = parser->line_at + len;
}

/** A whole line, CRLF taken off. */
static smtp_reply_status_e line_judge(smtp_reply_parser_t *parser,
                                      const char *line, apr_size_t len)
{
    int code = code_parse(line, len);
    char separator = len > 3 ? line[3] : ' ';
    apr_size_t at = len > 3 ? 4 : 3;
    smtp_status_t status;

    if (code == 0 || (separator != ' ' && separator != '-')
        || (parser->code != 0 && parser->code != code)) {
        return SMTP_REPLY_MALFORMED;
    }
    if (parser->code == 0 || parser->status.klass != 0) {
        at += status_skip(line + at, len - at, code, &status);
        if (parser->code == 0) {
            parser->status = status;
        }
    }
    parser->code = code;
    text_keep(parser, line + at, len - at, separator == '-' ? '\n' : '\0');
    if (separator == ' ') {
        return SMTP_REPLY_DONE;
    }
    parser->line_at = ++parser->text_len;
    return SMTP_REPLY_MORE;
}

/** Keeps octets of the current line; if the last one is its LF, judges it. */
static smtp_reply_status_e piece_take(smtp_reply_parser_t *parser,
                                      const char *piece, apr_size_t len)
{
    const char *line;
    apr_size_t line_len;

    if (len > parser->max_octets - parser->seen_octets) {
        return SMTP_REPLY_TOO_LONG;
    }
    text_grow(parser, parser->text_len + len);
    memcpy(parser->text + parser->text_len, piece, len);
    parser->text_len += len;
    parser->seen_octets += len;
    if (piece[len - 1] != '\n') {
        return SMTP_REPLY_MORE;
    }
    line = parser->text + parser->line_at;
    line_len = parser->text_len - parser->line_at - 1;
    if (line_len > 0 && line[line_len - 1] == '\r') {
        line_len--;
    }
    return line_judge(parser, line, line_len);
}

smtp_reply_status_e smtp_reply_push(smtp_reply_parser_t *parser,
                                    const char *data, apr_size_t len,
                                    apr_size_t *consumed, smtp_reply_t *reply)
{
    memset(reply, 0, sizeof(*reply));
    *consumed = 0;
    while (*consumed < len && parser->state == SMTP_REPLY_MORE) {
        const char *piece = data + *consumed;
        const char *lf = memchr(piece, '\n', len - *consumed);
        apr_size_t octets = lf ? (apr_size_t)(lf + 1 - piece)
                               : len - *consumed;

        parser->state = piece_take(parser, piece, octets);
        *consumed += octets;
    }
    if (parser->state == SMTP_REPLY_DONE) {
        reply->code = parser->code;
        reply->status = parser->status;
        reply->text = parser->text;
    }
    return parser->state;
}
