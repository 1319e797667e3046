/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_field.h
 * Writes header fields, and the lines of a text beneath them: folded (RFC
 * 5322 2.2.3), escaped, ended by CRLF. What is given to it may hold anything:
 * no octet of it can end a line. Pure: any thread, one at a time for each
 * object.
 */
#ifndef SMTP_FIELD_H
#define SMTP_FIELD_H

#include <apr_pools.h>

/** RFC 5322 2.1.1, CRLF not included: where lines are folded. */
#define SMTP_FIELD_LINE_OCTETS 78

/** What has been written. Read octets and len; they stay valid, in the pool,
 *  until more is written. */
typedef struct smtp_field_t {
    apr_pool_t *pool;
    char *octets;                /**< NUL at the end; NULL: nothing yet */
    apr_size_t len;
    apr_size_t size;
    apr_size_t column;           /**< octets on the current line */
    int utf8;                    /**< UTF-8 stands for itself */
} smtp_field_t;

/** Begins with nothing written. @a utf8: well-formed UTF-8 is written as it
 *  is (RFC 6532), otherwise as \\xHH. */
void smtp_field_init(smtp_field_t *field, apr_pool_t *p, int utf8);

/** "Name:" of a field; @a name is ours. */
void smtp_field_begin(smtp_field_t *field, const char *name);

/**
 * A space and @a text, or @a text on a folded line. It is kept on one line if
 * it can be, else it is folded where its spaces stand; a word is torn only
 * where the line would pass 998 octets (RFC 5322 2.1.1).
 */
void smtp_field_unit(smtp_field_t *field, const char *text);

/** The CRLF of a field. */
void smtp_field_end(smtp_field_t *field);

/** A field of one unit: "Name: text" CRLF. */
void smtp_field_write(smtp_field_t *field, const char *name,
                      const char *text);

/** Octets of our own, as they are; they end in CRLF. */
void smtp_field_lines(smtp_field_t *field, const char *octets);

/** A line of text, in as many lines as it takes, each behind @a indent. */
void smtp_field_paragraph(smtp_field_t *field, const char *indent,
                          const char *text);

#endif
