/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_line.h
 * Splits a stream into lines. Only CRLF ends a line (RFC 5321 2.3.8).
 * A push parser: same result for every split of the input. Pure: any thread,
 * one at a time for each object.
 */
#ifndef SMTP_LINE_H
#define SMTP_LINE_H

#include <apr_pools.h>

/** What was wrong with a line: an or of these. The line was consumed to its
 *  CRLF all the same, so the stream stays in step. */
#define SMTP_LINE_BARE_CR   0x1u
#define SMTP_LINE_BARE_LF   0x2u
#define SMTP_LINE_NUL       0x4u
#define SMTP_LINE_TOO_LONG  0x8u

typedef enum {
    SMTP_LINE_MORE = 0,          /**< all input taken, no whole line yet */
    SMTP_LINE_DONE
} smtp_line_status_e;

typedef struct smtp_line_t {
    apr_pool_t *pool;
    char *buffer;                /**< NULL until a line came in pieces */
    apr_size_t buffer_size;
    apr_size_t len;              /**< octets of the current line so far */
    apr_size_t max_octets;       /**< of a line, CRLF included */
    unsigned int faults;
    unsigned int lf_ends : 1;    /**< a bare LF ends a line too */
    unsigned int has_cr : 1;     /**< the last octet was CR */
} smtp_line_t;

/** @param max_octets  line with its CRLF
 *  @param lf_ends     a bare LF ends a line as well (SMTPBareLF normalise) */
void smtp_line_init(smtp_line_t *parser, apr_pool_t *p,
                    apr_size_t max_octets, int lf_ends);

/** Lets the next lines be of @a max_octets. Not within a line. */
void smtp_line_max_set(smtp_line_t *parser, apr_size_t max_octets);

/** Whether part of a line has been taken. */
int smtp_line_is_partial(const smtp_line_t *parser);

/**
 * Takes octets up to the end of a line.
 * @param consumed  octets taken from @a data
 * @param line      on DONE the line without CRLF, in @a data or in the
 *                  parser's buffer: valid until the next call and while
 *                  @a data is. Of a line that was too long, its beginning.
 * @param faults    on DONE an or of SMTP_LINE_*; 0 if the line is good
 */
smtp_line_status_e smtp_line_push(smtp_line_t *parser, const char *data,
                                  apr_size_t len, apr_size_t *consumed,
                                  const char **line, apr_size_t *line_len,
                                  unsigned int *faults);

#endif
