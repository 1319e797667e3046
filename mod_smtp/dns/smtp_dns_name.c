/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_dns_name.h"

#include <string.h>

#include <arpa/inet.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "smtp_domain.h"

#define LABEL_MAX_OCTETS 63
#define NIBBLES 32

int smtp_dns_name_is_host(const char *name)
{
    apr_size_t len = strlen(name);
    const char *dot = strrchr(name, '.');
    const char *last = dot != NULL ? dot + 1 : name;

    return len <= SMTP_DNS_NAME_TEXT_OCTETS
        && smtp_domain_parse(name, len, 0) == SMTP_DOMAIN_NAME
        && strspn(last, "0123456789") < strlen(last);
}

int smtp_dns_name_is_askable(const char *name)
{
    apr_size_t label = 0;
    const char *s;

    for (s = name; *s != '\0'; s++) {
        if (*s == '.') {
            if (label == 0) {
                return 0;
            }
            label = 0;
        }
        else if (!apr_isgraph(*s) || *s == '\\'
                 || ++label > LABEL_MAX_OCTETS) {
            return 0;
        }
    }
    return label > 0 && s - name <= SMTP_DNS_NAME_TEXT_OCTETS;
}

/** Labels to text with dots. @return octets of text, or -1. A label is not
 *  looked into: an octet that is no letter is found out afterwards, but for
 *  NUL, which would end the text, and a dot, which would make two labels. */
static int labels_parse(const unsigned char *octets, apr_size_t len,
                        char text[SMTP_DNS_NAME_WIRE_OCTETS])
{
    apr_size_t at = 0;

    if (len == 0 || len > SMTP_DNS_NAME_WIRE_OCTETS) {
        return -1;
    }
    while (octets[at] != 0) {
        apr_size_t label = octets[at];

        /* 64 and more is a pointer (RFC 1035 4.1.4) or undefined; and the
         * root's octet must follow. */
        if (label > LABEL_MAX_OCTETS || at + label + 1 >= len
            || memchr(octets + at + 1, '\0', label) != NULL
            || memchr(octets + at + 1, '.', label) != NULL) {
            return -1;
        }
        memcpy(text + at, octets + at + 1, label);
        text[at + label] = '.';
        at += label + 1;
    }
    return at + 1 == len ? (int)at : -1;
}

const char *smtp_dns_name_parse(apr_pool_t *p, const unsigned char *octets,
                                apr_size_t len)
{
    char text[SMTP_DNS_NAME_WIRE_OCTETS];
    int text_len = labels_parse(octets, len, text);

    if (text_len < 0) {
        return NULL;
    }
    if (text_len == 0) {
        return "";
    }
    text[text_len - 1] = '\0';
    return smtp_dns_name_is_host(text)
        ? smtp_domain_fold(p, text, text_len - 1) : NULL;
}

static const char *reverse_ipv4(apr_pool_t *p, const unsigned char *octets)
{
    return apr_psprintf(p, "%d.%d.%d.%d.in-addr.arpa",
                        octets[3], octets[2], octets[1], octets[0]);
}

static const char *reverse_ipv6(apr_pool_t *p, const unsigned char *octets)
{
    static const char hex[] = "0123456789abcdef";
    char nibbles[2 * NIBBLES + 1];
    int i;

    for (i = 0; i < NIBBLES; i++) {
        int octet = octets[15 - i / 2];

        nibbles[2 * i] = hex[i % 2 ? octet >> 4 : octet & 0x0F];
        nibbles[2 * i + 1] = '.';
    }
    nibbles[2 * NIBBLES] = '\0';
    return apr_pstrcat(p, nibbles, "ip6.arpa", NULL);
}

const char *smtp_dns_name_reverse(apr_pool_t *p, const char *address)
{
    struct in6_addr ipv6;
    struct in_addr ipv4;

    if (inet_pton(AF_INET, address, &ipv4) == 1) {
        return reverse_ipv4(p, (const unsigned char *)&ipv4);
    }
    if (inet_pton(AF_INET6, address, &ipv6) != 1) {
        return NULL;
    }
    /* How a listener for both families sees an IPv4 client. */
    return IN6_IS_ADDR_V4MAPPED(&ipv6) ? reverse_ipv4(p, ipv6.s6_addr + 12)
                                       : reverse_ipv6(p, ipv6.s6_addr);
}
