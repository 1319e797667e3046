/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_line.h"

#include <string.h>

/** What a buffer begins with: most lines that come in pieces are commands,
 *  and an idle session should not hold room for the longest. */
#define BUFFER_MIN_OCTETS 128

void smtp_line_init(smtp_line_t *parser, apr_pool_t *p, apr_size_t max_octets,
                    int lf_ends)
{
    memset(parser, 0, sizeof(*parser));
    parser->pool = p;
    parser->max_octets = max_octets;
    parser->lf_ends = lf_ends != 0;
}

void smtp_line_max_set(smtp_line_t *parser, apr_size_t max_octets)
{
    parser->max_octets = max_octets;
}

int smtp_line_is_partial(const smtp_line_t *parser)
{
    return parser->len > 0;
}

/**
 * Octets up to and with the LF that ends the line; 0 if it is not in the
 * input. A bare LF is noted and belongs to the line (RFC 5321 2.3.8), unless
 * it ends lines too.
 */
static apr_size_t end_find(smtp_line_t *parser, const char *data,
                           apr_size_t len)
{
    const char *from = data;
    const char *lf;

    while ((lf = memchr(from, '\n', data + len - from)) != NULL) {
        int after_cr = lf > data ? lf[-1] == '\r' : parser->has_cr;

        if (after_cr || parser->lf_ends) {
            return lf - data + 1;
        }
        parser->faults |= SMTP_LINE_BARE_LF;
        from = lf + 1;
    }
    return 0;
}

/** Notes CRs that no LF follows, and NULs. A CR that is the last octet waits
 *  for the next piece. */
static void faults_note(smtp_line_t *parser, const char *piece,
                        apr_size_t len)
{
    const char *end = piece + len;
    const char *cr = piece;

    if (parser->has_cr && *piece != '\n') {
        parser->faults |= SMTP_LINE_BARE_CR;
    }
    while ((cr = memchr(cr, '\r', end - cr)) != NULL) {
        if (++cr < end && *cr != '\n') {
            parser->faults |= SMTP_LINE_BARE_CR;
        }
    }
    if (memchr(piece, '\0', len)) {
        parser->faults |= SMTP_LINE_NUL;
    }
}

/** Makes room for @a needed octets, at most the maximum of a line. */
static void buffer_grow(smtp_line_t *parser, apr_size_t needed)
{
    apr_size_t size = parser->buffer_size * 2;
    char *buffer;

    if (needed <= parser->buffer_size) {
        return;
    }
    if (size < BUFFER_MIN_OCTETS) {
        size = BUFFER_MIN_OCTETS;
    }
    if (size > parser->max_octets) {
        size = parser->max_octets;
    }
    if (size < needed) {
        size = needed;
    }
    buffer = apr_palloc(parser->pool, size);
    if (parser->len > 0) {
        memcpy(buffer, parser->buffer, parser->len);
        /* It may be the beginning of a password. */
        explicit_bzero(parser->buffer, parser->len);
    }
    parser->buffer = buffer;
    parser->buffer_size = size;
}

/** Keeps a piece of a line; what goes beyond the maximum is let go. */
static void piece_keep(smtp_line_t *parser, const char *piece, apr_size_t len)
{
    apr_size_t room;

    if (parser->len >= parser->max_octets) {
        return;
    }
    room = parser->max_octets - parser->len;
    if (len > room) {
        len = room;
    }
    buffer_grow(parser, parser->len + len);
    memcpy(parser->buffer + parser->len, piece, len);
}

/** Takes the last octets, LF among them, and gives the line out. */
static void line_give(smtp_line_t *parser, const char *piece, apr_size_t len,
                      const char **line, apr_size_t *line_len,
                      unsigned int *faults)
{
    int has_cr = len > 1 ? piece[len - 2] == '\r' : parser->has_cr;
    apr_size_t whole = parser->len + len;

    if (whole > parser->max_octets) {
        parser->faults |= SMTP_LINE_TOO_LONG;
    }
    *line = piece;
    if (parser->len > 0) {
        piece_keep(parser, piece, len);
        *line = parser->buffer;
    }
    *line_len = whole - (has_cr ? 2 : 1);
    if (*line_len > parser->max_octets) {
        *line_len = parser->max_octets;
    }
    *faults = parser->faults;
    parser->len = 0;
    parser->has_cr = 0;
    parser->faults = 0;
}

smtp_line_status_e smtp_line_push(smtp_line_t *parser, const char *data,
                                  apr_size_t len, apr_size_t *consumed,
                                  const char **line, apr_size_t *line_len,
                                  unsigned int *faults)
{
    apr_size_t end;

    *consumed = 0;
    *line = NULL;
    *line_len = 0;
    *faults = 0;
    if (len == 0) {
        return SMTP_LINE_MORE;
    }
    end = end_find(parser, data, len);
    *consumed = end ? end : len;
    faults_note(parser, data, *consumed);
    if (end) {
        line_give(parser, data, end, line, line_len, faults);
        return SMTP_LINE_DONE;
    }
    piece_keep(parser, data, len);
    parser->len += len;
    parser->has_cr = data[len - 1] == '\r';
    return SMTP_LINE_MORE;
}
