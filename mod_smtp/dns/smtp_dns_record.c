/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_dns_record.h"

#include <string.h>

#include <arpa/inet.h>

#include <apr_errno.h>
#include <apr_strings.h>

#include "smtp_dns_name.h"

/** What is read and where it goes. */
typedef struct rdata_t {
    apr_pool_t *p;
    const unsigned char *octets;
    apr_size_t len;
    smtp_dns_record_t *record;
} rdata_t;

static int a_parse(const rdata_t *in)
{
    smtp_dns_address_t *address = &in->record->u.address;

    if (in->len != sizeof(address->ip.ipv4)) {
        return 0;
    }
    address->family = AF_INET;
    memcpy(&address->ip.ipv4, in->octets, in->len);
    return 1;
}

static int aaaa_parse(const rdata_t *in)
{
    smtp_dns_address_t *address = &in->record->u.address;

    if (in->len != sizeof(address->ip.ipv6)) {
        return 0;
    }
    address->family = AF_INET6;
    memcpy(&address->ip.ipv6, in->octets, in->len);
    /* ::ffff:127.0.0.1 leads to 127.0.0.1 and does not look like it; in DNS
     * it has no business (RFC 4038 4.2). */
    return !IN6_IS_ADDR_V4MAPPED(&address->ip.ipv6);
}

/** PTR and CNAME. The root is nobody's name. */
static int name_parse(const rdata_t *in)
{
    const char *name = smtp_dns_name_parse(in->p, in->octets, in->len);

    in->record->u.name = name;
    return name != NULL && *name != '\0';
}

/** RFC 1035 3.3.9; the root as host is RFC 7505's null MX. */
static int mx_parse(const rdata_t *in)
{
    if (in->len < 2) {
        return 0;
    }
    in->record->u.mx.preference = in->octets[0] << 8 | in->octets[1];
    in->record->u.mx.host = smtp_dns_name_parse(in->p, in->octets + 2,
                                                in->len - 2);
    return in->record->u.mx.host != NULL;
}

/** RFC 1035 3.3.14: one or more strings, each with its length before it. */
static int txt_parse(const rdata_t *in)
{
    char *text = apr_palloc(in->p, in->len + 1);
    apr_size_t text_len = 0;
    apr_size_t at = 0;

    while (at < in->len) {
        apr_size_t len = in->octets[at++];

        if (len > in->len - at
            || memchr(in->octets + at, '\0', len) != NULL) {
            return 0;
        }
        memcpy(text + text_len, in->octets + at, len);
        text_len += len;
        at += len;
    }
    text[text_len] = '\0';
    in->record->u.txt.text = text;
    in->record->u.txt.len = text_len;
    return in->len > 0;
}

static int tlsa_parse(const rdata_t *in)
{
    smtp_dns_tlsa_t *tlsa = &in->record->u.tlsa;

    if (in->len < 4) {
        return 0;
    }
    tlsa->usage = in->octets[0];
    tlsa->selector = in->octets[1];
    tlsa->matching = in->octets[2];
    tlsa->data_len = in->len - 3;
    tlsa->data = apr_pmemdup(in->p, in->octets + 3, tlsa->data_len);
    return 1;
}

static const struct {
    smtp_dns_record_e type;
    int (*parse)(const rdata_t *in);
} types[] = {
    { SMTP_DNS_RECORD_A,     a_parse },
    { SMTP_DNS_RECORD_AAAA,  aaaa_parse },
    { SMTP_DNS_RECORD_CNAME, name_parse },
    { SMTP_DNS_RECORD_MX,    mx_parse },
    { SMTP_DNS_RECORD_PTR,   name_parse },
    { SMTP_DNS_RECORD_TLSA,  tlsa_parse },
    { SMTP_DNS_RECORD_TXT,   txt_parse }
};

apr_status_t smtp_dns_record_parse(apr_pool_t *p, int type,
                                   const unsigned char *rdata, apr_size_t len,
                                   smtp_dns_record_t *record)
{
    rdata_t in = { p, rdata, len, record };
    apr_size_t i;

    memset(record, 0, sizeof(*record));
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if ((int)types[i].type != type) {
            continue;
        }
        if (!types[i].parse(&in)) {
            memset(record, 0, sizeof(*record));
            return APR_EINVAL;
        }
        record->type = types[i].type;
        return APR_SUCCESS;
    }
    return APR_ENOTIMPL;
}

const char *smtp_dns_address_write(apr_pool_t *p,
                                   const smtp_dns_address_t *address)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(address->family, &address->ip, text, sizeof(text));
    return apr_pstrdup(p, text);
}

apr_status_t smtp_dns_address_parse(const char *text,
                                    smtp_dns_address_t *address)
{
    struct in6_addr ipv6;

    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, text, &address->ip.ipv4) == 1) {
        address->family = AF_INET;
        return APR_SUCCESS;
    }
    if (inet_pton(AF_INET6, text, &ipv6) != 1) {
        return APR_EINVAL;
    }
    if (IN6_IS_ADDR_V4MAPPED(&ipv6)) {
        address->family = AF_INET;
        memcpy(&address->ip.ipv4, ipv6.s6_addr + 12,
               sizeof(address->ip.ipv4));
        return APR_SUCCESS;
    }
    address->family = AF_INET6;
    address->ip.ipv6 = ipv6;
    return APR_SUCCESS;
}

int smtp_dns_address_is_loopback(const smtp_dns_address_t *address)
{
    if (address->family == AF_INET) {
        apr_uint32_t net = ntohl(address->ip.ipv4.s_addr) >> 24;

        return net == 127 || net == 0;
    }
    return IN6_IS_ADDR_LOOPBACK(&address->ip.ipv6)
        || IN6_IS_ADDR_UNSPECIFIED(&address->ip.ipv6);
}

int smtp_dns_address_is_equal(const smtp_dns_address_t *a,
                              const smtp_dns_address_t *b)
{
    if (a->family != b->family) {
        return 0;
    }
    return a->family == AF_INET
        ? a->ip.ipv4.s_addr == b->ip.ipv4.s_addr
        : memcmp(&a->ip.ipv6, &b->ip.ipv6, sizeof(a->ip.ipv6)) == 0;
}
