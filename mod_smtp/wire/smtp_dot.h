/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_dot.h
 * Mail data under DATA: transparency and its end (RFC 5321 4.5.2, 4.1.1.4).
 * Push parser and writer: same result for every split. Pure: any thread, one
 * at a time for each object.
 */
#ifndef SMTP_DOT_H
#define SMTP_DOT_H

#include <apr_errno.h>

/** Faults seen in mail data: an or of these. They never end it: only
 *  CRLF "." CRLF does (smuggling, 2023). */
#define SMTP_DOT_BARE_CR    0x1u
#define SMTP_DOT_BARE_LF    0x2u
#define SMTP_DOT_NUL        0x4u
#define SMTP_DOT_LONG_LINE  0x8u  /**< a text line over the maximum */

/** Takes octets of the mail. Another result than APR_SUCCESS is given back by
 *  smtp_dot_push() at once. */
typedef apr_status_t (*smtp_dot_sink_fn)(void *ctx, const char *octets,
                                         apr_size_t len);

typedef struct smtp_dot_t {
    int state;                   /**< private to smtp_dot.c */
    unsigned int faults;
    unsigned int normalise : 1;
    unsigned int has_8bit : 1;   /**< an octet above 127 came */
    apr_size_t line_octets;      /**< of the current line so far */
    apr_size_t max_line_octets;  /**< CRLF included; 0: no limit */
} smtp_dot_t;

/**
 * @param max_line_octets  RFC 5321 4.5.3.1.6; 0: none
 * @param normalise        a bare LF is passed on as CRLF, and a bare CR too,
 *                         instead of being noted as a fault. Such a line end
 *                         takes no part in ending the data; the dot behind it
 *                         is taken out all the same, as if it were a CRLF
 */
void smtp_dot_init(smtp_dot_t *dot, apr_size_t max_line_octets,
                   int normalise);

/**
 * Takes mail data up to its end; the dots that were stuffed are taken out,
 * the CRLF before the last dot belongs to the mail.
 * @param consumed  octets taken from @a data
 * @param done      1 when the end was reached; then what follows is a command
 * @return what @a sink returned if that was not APR_SUCCESS. Then too
 *         @a consumed and @a done hold, and the octets taken are lost: a
 *         caller that cannot store any more goes on with a sink that drops,
 *         to the end of the data
 *
 * Octets that need no change are handed on in runs of many lines.
 */
apr_status_t smtp_dot_push(smtp_dot_t *dot, const char *data, apr_size_t len,
                           apr_size_t *consumed, int *done,
                           smtp_dot_sink_fn sink, void *ctx);

/** Under BDAT nothing is stuffed and nothing ends the data, but faults are
 *  noted and bare LF and CR mended alike; binary (BODY=BINARYMIME) data is
 *  not given to this function at all. */
apr_status_t smtp_dot_push_chunk(smtp_dot_t *dot, const char *data,
                                 apr_size_t len, smtp_dot_sink_fn sink,
                                 void *ctx);

/** At the end of the last chunk: a CR that waited is judged. */
apr_status_t smtp_dot_finish_chunks(smtp_dot_t *dot, smtp_dot_sink_fn sink,
                                    void *ctx);

/** The client's side: stuffs dots and turns every bare CR or LF into CRLF
 *  (never emit one: RFC 5321 2.3.8). */
typedef struct smtp_dot_writer_t {
    int state;                   /**< private to smtp_dot.c */
} smtp_dot_writer_t;

void smtp_dot_writer_init(smtp_dot_writer_t *writer);
apr_status_t smtp_dot_write(smtp_dot_writer_t *writer, const char *octets,
                            apr_size_t len, smtp_dot_sink_fn sink, void *ctx);
/** Ends the data: CRLF if the last line lacks it, ".", CRLF. */
apr_status_t smtp_dot_write_end(smtp_dot_writer_t *writer,
                                smtp_dot_sink_fn sink, void *ctx);

#endif
