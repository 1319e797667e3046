/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_control.h"

#include <stdlib.h>
#include <string.h>

#include "smtp_chars.h"

#define ESCAPE_OCTETS 4          /* \xHH */
#define ROOM_MIN      1024
#define NUMBER_DIGITS 20

/** Whether an octet stands for itself. */
static int is_plain(unsigned char c)
{
    return c >= ' ' && c != 0x7f && c != '\\';
}

/* Reading. */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/** The octet that the escape at @a s stands for, or -1. */
static int escape_parse(const char *s, const char *end)
{
    int high, low;

    if (end - s < ESCAPE_OCTETS || s[1] != 'x') {
        return -1;
    }
    high = hex_digit(s[2]);
    low = hex_digit(s[3]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/** Undoes the escapes of a field. @return its new end, or NULL */
static char *field_unescape(char *s, const char *end)
{
    char *to = s;

    while (s < end) {
        int octet = (unsigned char)*s;

        if (is_plain((unsigned char)octet)) {
            *to++ = *s++;
            continue;
        }
        octet = octet == '\\' ? escape_parse(s, end) : -1;
        if (octet < 0) {
            return NULL;
        }
        *to++ = (char)octet;
        s += ESCAPE_OCTETS;
    }
    return to;
}

static int field_parse(char *s, char *end, store_control_field_t *field)
{
    char *last = field_unescape(s, end);

    if (last == NULL) {
        return 0;
    }
    *last = '\0';
    field->s = s;
    field->len = last - s;
    return 1;
}

int store_control_parse(char *line, apr_size_t len,
                        store_control_field_t
                        fields[STORE_CONTROL_FIELDS_MAX])
{
    char *end = line + len;
    int count = 0;

    for (;;) {
        char *tab = memchr(line, '\t', end - line);

        if (count < STORE_CONTROL_FIELDS_MAX
            && !field_parse(line, tab ? tab : end, &fields[count++])) {
            return 0;
        }
        if (tab == NULL) {
            return count;
        }
        line = tab + 1;
    }
}

const char *store_control_string(const store_control_field_t *field)
{
    return strlen(field->s) == field->len ? field->s : NULL;
}

int store_control_number(const store_control_field_t *field,
                         apr_int64_t *number)
{
    apr_off_t value;
    int is_one = smtp_chars_number_parse(field->s, field->len, &value) == 1;

    *number = is_one ? value : 0;
    return is_one;
}

/* Writing. */

/** Room for @a len more octets. */
static char *room_make(store_control_out_t *out, apr_size_t len)
{
    if (out->room - out->len < len) {
        apr_size_t room = out->room < ROOM_MIN ? ROOM_MIN : out->room;

        while (room - out->len < len) {
            room *= 2;
        }
        out->octets = realloc(out->octets, room);
        if (out->octets == NULL) {
            abort();
        }
        out->room = room;
    }
    return out->octets + out->len;
}

static char *escape_write(char *to, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";

    *to++ = '\\';
    *to++ = 'x';
    *to++ = hex[c >> 4];
    *to++ = hex[c & 0xF];
    return to;
}

/** Appends octets to the field at hand. */
static void append(store_control_out_t *out, const char *octets,
                   apr_size_t len)
{
    const char *end = octets + len;
    char *to = room_make(out, len * ESCAPE_OCTETS);

    for (; octets < end; octets++) {
        if (is_plain((unsigned char)*octets)) {
            *to++ = *octets;
        }
        else {
            to = escape_write(to, (unsigned char)*octets);
        }
    }
    out->len = to - out->octets;
}

static void field_begin(store_control_out_t *out)
{
    if (out->in_line) {
        *room_make(out, 1) = '\t';
        out->len++;
    }
    out->in_line = 1;
}

void store_control_write(store_control_out_t *out, const char *octets,
                         apr_size_t len)
{
    field_begin(out);
    append(out, octets, len);
}

void store_control_write_string(store_control_out_t *out, const char *s)
{
    store_control_write(out, s, s ? strlen(s) : 0);
}

/* By hand: of numbers there are many, and printf() is slow. */
void store_control_write_number(store_control_out_t *out, apr_int64_t number)
{
    char digits[NUMBER_DIGITS];
    char *digit = digits + sizeof(digits);

    if (number < 0) {
        number = 0;
    }
    do {
        *--digit = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    store_control_write(out, digit, digits + sizeof(digits) - digit);
}

void store_control_write_pair(store_control_out_t *out, const char *name,
                              const char *value)
{
    field_begin(out);
    append(out, name, strlen(name));
    append(out, "=", 1);
    append(out, value, strlen(value));
}

void store_control_write_end(store_control_out_t *out)
{
    *room_make(out, 1) = '\n';
    out->len++;
    out->in_line = 0;
}

void store_control_out_consume(store_control_out_t *out, apr_size_t len)
{
    out->len -= len;
    memmove(out->octets, out->octets + len, out->len);
}

void store_control_out_destroy(store_control_out_t *out)
{
    free(out->octets);
    memset(out, 0, sizeof(*out));
}
