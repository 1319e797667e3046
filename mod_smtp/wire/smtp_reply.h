/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_reply.h
 * Replies (RFC 5321 4.2, RFC 2034). Pure: any thread.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <apr_pools.h>

#include "smtp_status.h"

/** RFC 5321 4.5.3.1.5: reply line, CRLF included. */
#define SMTP_REPLY_LINE_MAX_OCTETS 512

/**
 * A reply. All zero: none given. A module that refuses fills it in:
 * `*reply = (smtp_reply_t){ 550, { 5, 7, 1 }, "not today" };`
 */
typedef struct smtp_reply_t {
    int code;                    /**< 200 to 599 */
    /** klass 0: none is written (greeting, EHLO, 354: RFC 2034 4) */
    smtp_status_t status;
    /** Lines separated by LF. NULL or "": a text of our own stands in. */
    const char *text;
} smtp_reply_t;

/**
 * The octets of @a reply, CRLF included, NUL at the end, in @a p. The
 * enhanced status code is repeated in each line (RFC 2034 4). Never emits
 * what is not %d32-126 or, with @a utf8, well-formed UTF-8: other octets, CR
 * included, are escaped as \\xHH. Lines over 512 octets are continued in a
 * next line, but 334 is always one line, of 12288 octets (RFC 4954 4) at most
 * if the caller sees to it; LFs at the end of the text are dropped. A class
 * that contradicts the reply code's first digit is replaced by
 * smtp_status_of_reply(); a code that is none (all zero: nobody filled it in)
 * becomes 451: we fail closed.
 * Without a text, 334 has none (RFC 4954 4: it would be a challenge).
 * @param with_status  0: enhanced codes are switched off
 * @param len          octets written; may be NULL
 */
char *smtp_reply_write(apr_pool_t *p, const smtp_reply_t *reply,
                       int with_status, int utf8, apr_size_t *len);

typedef enum {
    SMTP_REPLY_MORE = 0,         /**< not complete yet */
    SMTP_REPLY_DONE,
    SMTP_REPLY_MALFORMED,        /**< no reply of SMTP; close */
    SMTP_REPLY_TOO_LONG          /**< over the limit given; close */
} smtp_reply_status_e;

/** Reads a peer's reply, fed as it arrives. Opaque use:
 *  smtp_reply_parser_init(), then smtp_reply_push() until it does not say
 *  MORE; then init again for the next. */
typedef struct smtp_reply_parser_t {
    apr_pool_t *pool;            /**< the text is collected here */
    apr_size_t max_octets;       /**< whole reply, all lines */
    /* private to smtp_reply.c */
    apr_size_t seen_octets;
    char *text;                  /**< lines so far, each with its LF, then
                                      the line that is being read */
    apr_size_t text_len;
    apr_size_t text_size;
    apr_size_t line_at;          /**< where in text that line begins */
    int code;                    /**< 0 before the first line has ended */
    smtp_status_t status;
    smtp_reply_status_e state;
} smtp_reply_parser_t;

/** Begins a reply. @a max_octets bounds memory. */
void smtp_reply_parser_init(smtp_reply_parser_t *parser, apr_pool_t *p,
                            apr_size_t max_octets);

/**
 * Takes octets up to the end of the reply. A bare LF at the end of a line is
 * forgiven; codes that differ between lines are MALFORMED; an enhanced code
 * of the reply code's class is taken from the first line and off the text of
 * every line. A NUL becomes "?", so that it cannot cut the text short. Once
 * the result is not MORE it stays and nothing is taken any more.
 * @param consumed  octets taken; on DONE what follows is the next reply
 * @param reply     set on DONE; its text is raw: escape it wherever it goes
 */
smtp_reply_status_e smtp_reply_push(smtp_reply_parser_t *parser,
                                    const char *data, apr_size_t len,
                                    apr_size_t *consumed,
                                    smtp_reply_t *reply);

#endif
