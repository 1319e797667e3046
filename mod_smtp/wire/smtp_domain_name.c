/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * One form for each domain, so that domains can be compared octet by octet:
 * A-labels (RFC 5891 4), lower case, addresses of literals as inet_ntop()
 * writes them.
 */
#include "smtp_domain.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <idn2.h>

#include <apr_strings.h>

#define IPV6_TAG "[IPv6:"

/** U-labels to A-labels. IDNA2008 with the mapping of UTS #46, so that a
 *  capital letter that is not ASCII finds its domain too. */
static const char *to_ascii(apr_pool_t *p, const char *name)
{
    char *ascii = NULL;
    const char *result = NULL;

    if (idn2_to_ascii_8z(name, &ascii,
                         IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK) {
        /* The mapping may have made a label empty, or the whole too long. */
        if (smtp_domain_parse(ascii, strlen(ascii), 0) == SMTP_DOMAIN_NAME) {
            result = smtp_domain_fold(p, ascii, strlen(ascii));
        }
        idn2_free(ascii);
    }
    return result;
}

/** [192.000.002.001] is [192.0.2.1]: Snum may have leading zeros (RFC 5321
 *  4.1.3), and they do not mean octal. */
static const char *ipv4_write(apr_pool_t *p, const char *literal)
{
    unsigned long number[4];
    char *s = (char *)literal;
    int i;

    for (i = 0; i < 4; i++) {
        number[i] = strtoul(s + 1, &s, 10);
    }
    return apr_psprintf(p, "[%lu.%lu.%lu.%lu]", number[0], number[1],
                        number[2], number[3]);
}

/** The many spellings of one IPv6 address (RFC 4291 2.2). */
static const char *ipv6_write(apr_pool_t *p, const char *literal)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    const char *inner = literal + sizeof(IPV6_TAG) - 1;

    inner = apr_pstrndup(p, inner, strlen(inner) - 1);
    if (inet_pton(AF_INET6, inner, &address) != 1
        || inet_ntop(AF_INET6, &address, text, sizeof(text)) == NULL) {
        return smtp_domain_fold(p, literal, strlen(literal));
    }
    return apr_pstrcat(p, "[ipv6:", text, "]", NULL);
}

const char *smtp_domain_normalise(apr_pool_t *p, const char *name)
{
    apr_size_t len = strlen(name);

    switch (smtp_domain_parse(name, len, SMTP_DOMAIN_ALLOW_UTF8
                                         | SMTP_DOMAIN_ALLOW_LITERAL)) {
    case SMTP_DOMAIN_INVALID:
        return NULL;
    case SMTP_DOMAIN_UNAME:
        return to_ascii(p, name);
    case SMTP_DOMAIN_IPV4:
        return ipv4_write(p, name);
    case SMTP_DOMAIN_IPV6:
        return ipv6_write(p, name);
    case SMTP_DOMAIN_NAME:
    case SMTP_DOMAIN_GENERAL:
        break;
    }
    return smtp_domain_fold(p, name, len);
}
