/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_lines.h"

#include <ctype.h>
#include <string.h>

/* Where in the mail we are. Without DROP_RETURN_PATH it is all BODY. */
enum {
    BODY = 0,
    LINE_START,                  /* in the header: a line begins */
    NAME,                        /* it may be Return-Path: octets are held */
    FIELD,                       /* within another field */
    DROPPED,                     /* within a field that goes */
    DROPPED_LINE_START           /* whether that field goes on */
};

static const char return_path[] = "return-path";
#define NAME_LEN (sizeof(return_path) - 1)

void spool_lines_init(spool_lines_t *lines, unsigned int flags)
{
    memset(lines, 0, sizeof(*lines));
    lines->flags = flags;
    lines->state = flags & SPOOL_LINES_DROP_RETURN_PATH ? LINE_START : BODY;
}

/* Copies octets and counts the ends of line among them. */
static apr_size_t emit(spool_lines_t *lines, const char *octets,
                       apr_size_t len, char *out)
{
    const char *at = octets, *end = octets + len, *lf;

    if (!len) {
        return 0;
    }
    while ((lf = memchr(at, '\n', (apr_size_t)(end - at))) != NULL) {
        if ((lf == octets ? lines->last : lf[-1]) != '\r') {
            lines->bare_lf++;
        }
        at = lf + 1;
    }
    memcpy(out, octets, len);
    lines->last = end[-1];
    return len;
}

/* CRLF becomes LF: a CR is held until it is known what follows. */
static apr_size_t push_text(spool_lines_t *lines, const char *octets,
                            apr_size_t len, char *out)
{
    const char *end = octets + len;
    char *start = out;

    while (octets < end) {
        const char *cr;

        if (lines->has_cr && *octets != '\n') {
            out += emit(lines, "\r", 1, out);
        }
        cr = memchr(octets, '\r', (apr_size_t)(end - octets));
        out += emit(lines, octets, (apr_size_t)((cr ? cr : end) - octets),
                    out);
        lines->has_cr = cr != NULL;
        octets = cr ? cr + 1 : end;
    }
    return (apr_size_t)(out - start);
}

static apr_size_t push(spool_lines_t *lines, const char *octets,
                       apr_size_t len, char *out)
{
    return lines->flags & SPOOL_LINES_BINARY
        ? emit(lines, octets, len, out)
        : push_text(lines, octets, len, out);
}

/* Up to and with the next LF, or to the end. */
static apr_size_t line_len(const char *octets, apr_size_t len)
{
    const char *lf = memchr(octets, '\n', len);

    return lf ? (apr_size_t)(lf - octets) + 1 : len;
}

/* The octets at hand are of another field. */
static apr_size_t release(spool_lines_t *lines, char *out)
{
    apr_size_t n = push(lines, lines->held, lines->held_len, out);

    lines->held_len = 0;
    return n;
}

/* Whether `c` goes on with what is held: Return-Path, then blanks. */
static int is_return_path(const spool_lines_t *lines, char c)
{
    if (lines->held_len < NAME_LEN) {
        return tolower((unsigned char)c) == return_path[lines->held_len];
    }
    return (c == ' ' || c == '\t') && lines->held_len < sizeof(lines->held);
}

/* One octet of what may be the name of a field. Returns octets written; sets
 * *taken to 0 when the octet is to be looked at in another state. */
static apr_size_t push_name(spool_lines_t *lines, char c, char *out,
                            int *taken)
{
    if (is_return_path(lines, c)) {
        lines->held[lines->held_len++] = c;
        return 0;
    }
    if (c == ':' && lines->held_len >= NAME_LEN) {
        lines->held_len = 0;
        lines->state = DROPPED;
        return 0;
    }
    *taken = 0;
    lines->state = FIELD;
    return release(lines, out);
}

/* The first octet of a line of the header. */
static void begin_line(spool_lines_t *lines, char c)
{
    int is_blank = c == ' ' || c == '\t';

    if (lines->state == DROPPED_LINE_START && is_blank) {
        lines->state = DROPPED;
    }
    else if (c == '\r' || c == '\n') {
        lines->state = BODY;
    }
    else {
        lines->state = is_blank ? FIELD : NAME;
    }
}

/* Takes some octets of the header; returns how many, and in *written what
 * came of them. */
static apr_size_t push_header(spool_lines_t *lines, const char *octets,
                              apr_size_t len, char *out, apr_size_t *written)
{
    apr_size_t n;
    int taken = 1;

    *written = 0;
    switch (lines->state) {
    case NAME:
        *written = push_name(lines, *octets, out, &taken);
        return (apr_size_t)taken;
    case FIELD:
    case DROPPED:
        n = line_len(octets, len);
        if (lines->state == FIELD) {
            *written = push(lines, octets, n, out);
        }
        if (octets[n - 1] == '\n') {
            lines->state = lines->state == FIELD ? LINE_START
                                                 : DROPPED_LINE_START;
        }
        return n;
    default:
        begin_line(lines, *octets);
        return 0;
    }
}

apr_size_t spool_lines_push(spool_lines_t *lines, const char *octets,
                            apr_size_t len, char *out)
{
    char *start = out;

    while (len && lines->state != BODY) {
        apr_size_t written;
        apr_size_t n = push_header(lines, octets, len, out, &written);

        octets += n;
        len -= n;
        out += written;
    }
    return (apr_size_t)(out - start) + push(lines, octets, len, out);
}

apr_size_t spool_lines_finish(spool_lines_t *lines, char *out)
{
    apr_size_t n = release(lines, out);

    if (lines->has_cr) {
        n += emit(lines, "\r", 1, out + n);
        lines->has_cr = 0;
    }
    return n;
}
