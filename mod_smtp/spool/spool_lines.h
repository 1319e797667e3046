/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_lines.h
 * Mail data on its way into a Maildir, in one pass: CRLF becomes LF, which is
 * what programs that read Maildirs expect, and Return-Path fields that came
 * with the mail are taken away, because final delivery writes the only one
 * (RFC 5321 4.4). A CR or LF alone stays as it is.
 *
 * Of BODY=BINARYMIME (RFC 3030) every octet stays as it came, CRLF included:
 * in binary parts CRLF is no end of line.
 *
 * A push parser; no memory of its own. Pure: any thread.
 */
#ifndef SPOOL_LINES_H
#define SPOOL_LINES_H

#include <apr.h>

#define SPOOL_LINES_BINARY            0x1u  /**< CRLF stays */
#define SPOOL_LINES_DROP_RETURN_PATH  0x2u

/** Octets that may be held back from one push to the next at most; a push
 *  needs room for so many more than it is given. */
#define SPOOL_LINES_HELD_MAX 32

typedef struct spool_lines_t {
    /** LFs written that no CR stands before: a reader that counts CRLF ends
     *  (IMAP's RFC822.SIZE) counts so many octets more. */
    apr_off_t bare_lf;
    /* private to spool_lines.c */
    unsigned int flags;
    int state;
    char held[SPOOL_LINES_HELD_MAX - 1]; /* what may be "Return-Path :" */
    apr_size_t held_len;
    int has_cr;                  /* a CR is held: its LF may follow */
    char last;                   /* octet written before */
} spool_lines_t;

void spool_lines_init(spool_lines_t *lines, unsigned int flags);

/** Takes @a len octets and writes to @a out, which has room for
 *  len + SPOOL_LINES_HELD_MAX. @return octets written */
apr_size_t spool_lines_push(spool_lines_t *lines, const char *octets,
                            apr_size_t len, char *out);

/** The end: writes what was held back, at most SPOOL_LINES_HELD_MAX. */
apr_size_t spool_lines_finish(spool_lines_t *lines, char *out);

#endif
