/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <arpa/inet.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"

#define ALL (SMTP_DOMAIN_ALLOW_UTF8 | SMTP_DOMAIN_ALLOW_LITERAL)

/** What every domain must be, whatever its kind. */
static void check_octets(const char *s, size_t len, smtp_domain_e kind)
{
    size_t i;

    FUZZ_CHECK(len >= 1 && len <= SMTP_DOMAIN_MAX_OCTETS);
    FUZZ_CHECK(smtp_chars_is_utf8(s, len));
    FUZZ_CHECK((kind == SMTP_DOMAIN_UNAME) == smtp_chars_has_8bit(s, len));
    for (i = 0; i < len; i++) {
        FUZZ_CHECK((unsigned char)s[i] > 32 && s[i] != 127);
        FUZZ_CHECK(kind != SMTP_DOMAIN_NAME || s[i] == '.'
                   || smtp_chars_is(s[i], SMTP_CHARS_LDH));
    }
}

/** A kind is found if, and only if, it is allowed. */
static void check_allow(const char *s, size_t len, smtp_domain_e kind)
{
    const int is_literal = kind >= SMTP_DOMAIN_IPV4;
    smtp_domain_e helo = smtp_domain_parse_helo(s, len,
                                                SMTP_DOMAIN_ALLOW_UTF8);

    FUZZ_CHECK(smtp_domain_parse(s, len, SMTP_DOMAIN_ALLOW_UTF8)
               == (is_literal ? SMTP_DOMAIN_INVALID : kind));
    FUZZ_CHECK(smtp_domain_parse(s, len, SMTP_DOMAIN_ALLOW_LITERAL)
               == (kind == SMTP_DOMAIN_UNAME ? SMTP_DOMAIN_INVALID : kind));
    FUZZ_CHECK(helo == kind
               || (kind == SMTP_DOMAIN_INVALID && memchr(s, '_', len)));
}

/** "::" in place of a single group: RFC 4291 takes it, RFC 5321 does not. */
static int is_seven_groups_and_colons(const char *s)
{
    int colons = 0;
    const char *c;

    for (c = s; *c != '\0'; c++) {
        colons += *c == ':';
    }
    colons -= s[0] == ':';
    colons -= c > s && c[-1] == ':';
    return strstr(s, "::") != NULL && colons == 7;
}

/** libc knows IPv6 addresses as well. */
static void check_ipv6(apr_pool_t *p, const char *s, size_t len)
{
    const char *text = apr_pstrcat(p, "[IPv6:", apr_pstrmemdup(p, s, len),
                                   "]", NULL);
    const char *address = apr_pstrmemdup(p, s, len);
    struct in6_addr in;
    smtp_domain_e kind = smtp_domain_parse(text, strlen(text), ALL);
    int known = inet_pton(AF_INET6, address, &in) == 1;

    if (strchr(address, '.') == NULL) {
        FUZZ_CHECK(known == (kind == SMTP_DOMAIN_IPV6)
                   || (known && is_seven_groups_and_colons(address)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = (const char *)data;
    smtp_domain_e kind = smtp_domain_parse(s, size, ALL);
    const char *folded = smtp_domain_fold(p, s, size);

    check_allow(s, size, kind);
    if (kind != SMTP_DOMAIN_INVALID) {
        check_octets(s, size, kind);
    }
    FUZZ_CHECK(smtp_domain_parse(folded, size, ALL) == kind);
    check_ipv6(p, s, size);
    return 0;
}
