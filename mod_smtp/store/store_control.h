/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_control.h
 * How the queue process and the administrator's programs write to each other,
 * by SPOOL/queue/control: in lines that end in LF, of fields with a TAB
 * between them. In a field stand for themselves all octets but controls, DEL
 * and the backslash, which become \\xHH. What the lines say is in
 * store_control_request.h and store_control_reply.h. Pure: any thread.
 *
 * A program connects and sends a request, which is one line. The queue process
 * sends lines, of which the last says how it ended; then there may be another
 * request. Fields that are added to a line of a later version stand at its
 * end, and who does not know them does not look at them.
 */
#ifndef STORE_CONTROL_H
#define STORE_CONTROL_H

#include <apr.h>

/** Fields of a line at most; further ones are not looked at. */
#define STORE_CONTROL_FIELDS_MAX 96

/** A field; in the line that it was read from. */
typedef struct store_control_field_t {
    const char *s;               /**< NUL stands behind it */
    apr_size_t len;
} store_control_field_t;

/**
 * Takes a line apart and undoes its escapes, in place.
 * @param line    @a len octets, without LF; the octet behind them is written
 *                too
 * @param fields  out
 * @return how many there are, 1 at least; 0: an escape is none, or an octet
 *         stands for itself that must not
 */
int store_control_parse(char *line, apr_size_t len,
                        store_control_field_t
                        fields[STORE_CONTROL_FIELDS_MAX]);

/** The field as a string; NULL when NUL is in it. */
const char *store_control_string(const store_control_field_t *field);

/** The field as a number without sign.
 *  @return whether it is one; *number is 0 if not */
int store_control_number(const store_control_field_t *field,
                         apr_int64_t *number);

/** Lines that are being written; all zero at first. */
typedef struct store_control_out_t {
    char *octets;                /**< by malloc() */
    apr_size_t len;
    apr_size_t room;
    int in_line;                 /* private: a field comes after a TAB */
} store_control_out_t;

/** Writes a field. As all that write here it ends the process when there is no
 *  memory, as APR's pools do in httpd. */
void store_control_write(store_control_out_t *out, const char *octets,
                         apr_size_t len);

/** NULL is written as "". */
void store_control_write_string(store_control_out_t *out, const char *s);

/** Negative numbers are written as 0. */
void store_control_write_number(store_control_out_t *out,
                                apr_int64_t number);

/** "name=value". */
void store_control_write_pair(store_control_out_t *out, const char *name,
                              const char *value);

/** Ends the line. */
void store_control_write_end(store_control_out_t *out);

/** Takes away the first @a len octets: they are sent. */
void store_control_out_consume(store_control_out_t *out, apr_size_t len);

/** Frees what it holds; it may be used again. */
void store_control_out_destroy(store_control_out_t *out);

#endif
