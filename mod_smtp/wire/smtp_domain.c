/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_domain.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "smtp_chars.h"

/* RFC 1035 2.3.4 */
#define LABEL_MAX_OCTETS 63
/* An A-label is "xn--" and at least one octet for each character of the
 * U-label (RFC 5890 4.2): more of them cannot be a label of DNS. */
#define U_LABEL_MAX_CHARACTERS 59

/* Private: not the caller's to set. */
#define ALLOW_UNDERSCORE 0x100u

/** What is left to read. */
typedef struct cursor_t {
    const char *s;
    const char *end;
} cursor_t;

static int cursor_take(cursor_t *in, char c)
{
    if (in->s == in->end || *in->s != c) {
        return 0;
    }
    in->s++;
    return 1;
}

/* A U-label has neither controls nor those full stops that IDNA mappings
 * (UTS 46) turn into dots: they would give the name other labels than those
 * that were checked here. */
static int is_u_label_char(const char *s, apr_size_t len)
{
    static const char *const stops[] = {
        "\xE3\x80\x82", "\xEF\xBC\x8E", "\xEF\xBD\xA1"
    };
    apr_size_t i;

    if (len == 2) {
        return !(s[0] == '\xC2' && (unsigned char)s[1] < 0xA0);
    }
    for (i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        if (len == 3 && memcmp(s, stops[i], 3) == 0) {
            return 0;
        }
    }
    return 1;
}

/** Octets of the character of a label at @a s; 0 if none may stand there. */
static apr_size_t label_char_len(const char *s, apr_size_t len,
                                 unsigned int allow)
{
    apr_size_t n;

    if (smtp_chars_is(*s, SMTP_CHARS_LDH)
        || (*s == '_' && (allow & ALLOW_UNDERSCORE))) {
        return 1;
    }
    n = smtp_chars_utf8_len(s, len);
    if (n < 2 || !(allow & SMTP_DOMAIN_ALLOW_UTF8)
        || !is_u_label_char(s, n)) {
        return 0;
    }
    return n;
}

/** sub-domain (RFC 5321 4.1.2, RFC 6531 3.3): takes one label. */
static smtp_domain_e label_take(cursor_t *in, unsigned int allow)
{
    const char *start = in->s;
    apr_size_t characters = 0;
    apr_size_t octets;

    while (in->s < in->end && *in->s != '.') {
        apr_size_t n = label_char_len(in->s, in->end - in->s, allow);

        if (n == 0) {
            return SMTP_DOMAIN_INVALID;
        }
        in->s += n;
        characters++;
    }
    octets = in->s - start;
    if (octets == 0 || *start == '-' || in->s[-1] == '-') {
        return SMTP_DOMAIN_INVALID;
    }
    if (characters == octets) {
        return octets <= LABEL_MAX_OCTETS ? SMTP_DOMAIN_NAME
                                          : SMTP_DOMAIN_INVALID;
    }
    return characters <= U_LABEL_MAX_CHARACTERS ? SMTP_DOMAIN_UNAME
                                                : SMTP_DOMAIN_INVALID;
}

static smtp_domain_e name_parse(const char *s, apr_size_t len,
                                unsigned int allow)
{
    cursor_t in = { s, s + len };
    smtp_domain_e kind = SMTP_DOMAIN_NAME;

    do {
        smtp_domain_e label = label_take(&in, allow);

        if (label == SMTP_DOMAIN_INVALID) {
            return SMTP_DOMAIN_INVALID;
        }
        if (label == SMTP_DOMAIN_UNAME) {
            kind = SMTP_DOMAIN_UNAME;
        }
    } while (cursor_take(&in, '.'));
    return kind;
}

/** Snum: 1*3DIGIT, 0 to 255 (RFC 5321 4.1.3). */
static int snum_take(cursor_t *in)
{
    int value = 0;
    int digits = 0;

    while (in->s < in->end && apr_isdigit(*in->s) && digits < 3) {
        value = value * 10 + (*in->s++ - '0');
        digits++;
    }
    return digits > 0 && value <= 255;
}

static int is_ipv4(const char *s, const char *end)
{
    cursor_t in = { s, end };

    return snum_take(&in) && cursor_take(&in, '.')
        && snum_take(&in) && cursor_take(&in, '.')
        && snum_take(&in) && cursor_take(&in, '.')
        && snum_take(&in) && in.s == in.end;
}

/** IPv6-hex: 1*4HEXDIG. */
static int ipv6_hex_take(cursor_t *in)
{
    int digits = 0;

    while (in->s < in->end && apr_isxdigit(*in->s) && digits < 4) {
        in->s++;
        digits++;
    }
    return digits > 0;
}

/** One group, or an IPv4 address, which stands for two and ends all.
 *  Returns the groups; 0 if there is none. */
static int ipv6_groups_take(cursor_t *in)
{
    if (is_ipv4(in->s, in->end)) {
        in->s = in->end;
        return 2;
    }
    return ipv6_hex_take(in);
}

/** ":" before another group or, once, "::". */
static int ipv6_colons_take(cursor_t *in, int *compressed)
{
    if (!cursor_take(in, ':')) {
        return 0;
    }
    if (!cursor_take(in, ':')) {
        return in->s < in->end;
    }
    return (*compressed)++ == 0;
}

/** IPv6-addr (RFC 5321 4.1.3). There "::" stands for at least two groups,
 *  so that six others are the most. */
static int is_ipv6(const char *s, const char *end)
{
    cursor_t in = { s, end };
    int groups = 0;
    int compressed = 0;

    if (s < end && *s == ':'
        && (!ipv6_colons_take(&in, &compressed) || !compressed)) {
        return 0;
    }
    while (in.s < in.end) {
        int n = ipv6_groups_take(&in);

        if (n == 0
            || (in.s < in.end && !ipv6_colons_take(&in, &compressed))) {
            return 0;
        }
        groups += n;
    }
    return compressed ? groups <= 6 : groups == 8;
}

/** General-address-literal: Standardized-tag ":" 1*dcontent. */
static int is_general(const char *tag, apr_size_t tag_len,
                      const char *content, const char *end)
{
    apr_size_t i;

    for (i = 0; i < tag_len; i++) {
        if (!smtp_chars_is(tag[i], SMTP_CHARS_LDH)) {
            return 0;
        }
    }
    if (tag_len == 0 || tag[tag_len - 1] == '-' || content == end) {
        return 0;
    }
    while (content < end && smtp_chars_is(*content, SMTP_CHARS_DCONTENT)) {
        content++;
    }
    return content == end;
}

static smtp_domain_e literal_parse(const char *s, apr_size_t len)
{
    const char *end = s + len - 1;
    const char *colon;

    if (len < 2 || *end != ']') {
        return SMTP_DOMAIN_INVALID;
    }
    s++;
    colon = memchr(s, ':', end - s);
    if (colon == NULL) {
        return is_ipv4(s, end) ? SMTP_DOMAIN_IPV4 : SMTP_DOMAIN_INVALID;
    }
    if (colon - s == 4 && apr_cstr_casecmpn(s, "IPv6", 4) == 0) {
        return is_ipv6(colon + 1, end) ? SMTP_DOMAIN_IPV6
                                       : SMTP_DOMAIN_INVALID;
    }
    return is_general(s, colon - s, colon + 1, end) ? SMTP_DOMAIN_GENERAL
                                                    : SMTP_DOMAIN_INVALID;
}

smtp_domain_e smtp_domain_parse(const char *s, apr_size_t len,
                                unsigned int allow)
{
    if (len == 0 || len > SMTP_DOMAIN_MAX_OCTETS) {
        return SMTP_DOMAIN_INVALID;
    }
    if (*s != '[') {
        return name_parse(s, len, allow);
    }
    return (allow & SMTP_DOMAIN_ALLOW_LITERAL) ? literal_parse(s, len)
                                               : SMTP_DOMAIN_INVALID;
}

smtp_domain_e smtp_domain_parse_helo(const char *s, apr_size_t len,
                                     unsigned int allow)
{
    return smtp_domain_parse(s, len, allow | SMTP_DOMAIN_ALLOW_LITERAL
                                     | ALLOW_UNDERSCORE);
}

char *smtp_domain_fold(apr_pool_t *p, const char *s, apr_size_t len)
{
    char *folded = apr_pstrmemdup(p, s, len);
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (folded[i] >= 'A' && folded[i] <= 'Z') {
            folded[i] = (char)(folded[i] - 'A' + 'a');
        }
    }
    return folded;
}
