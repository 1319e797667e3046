/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Targets of SMTPRoute and SMTPDeliver.
 */
#include "queue_route.h"

#include <string.h>
#include <sys/un.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_dns_record.h"
#include "smtp_domain.h"

#define PORT_MAX  65535
#define PORT_SMTP 25
#define UNIX_PREFIX "unix:"
#define PATH_MAX_OCTETS (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static const char host_remedy[] =
    "give a host name or an address, as in smtp:mail.example.com:587 or "
    "smtp:[2001:db8::1]:25";

/** What a word in front of ":" means. */
typedef struct target_t {
    const char *word;
    queue_route_e kind;
    apr_port_t port;             /**< when none is written */
    unsigned int is_implicit_tls : 1;
    /** Reads what follows the colon; NULL: nothing may.
     *  @param rest  NULL: there is no colon
     *  @return NULL, or what is wrong */
    const char *(*read)(apr_pool_t *p, const struct target_t *target,
                        const char *rest, queue_route_t *route);
} target_t;

/** The form that smtp_domain_normalise() knows, of what administrators
 *  write. NULL: neither a name nor an address. */
static const char *host_normalise(apr_pool_t *p, const char *host)
{
    smtp_dns_address_t address;
    const char *bare = host;
    apr_size_t len = strlen(host);

    if (len > 2 && *host == '[' && host[len - 1] == ']') {
        bare = apr_pstrmemdup(p, host + 1, len - 2);
    }
    if (smtp_dns_address_parse(bare, &address) == APR_SUCCESS) {
        host = apr_pstrcat(p, strchr(bare, ':') ? "[IPv6:" : "[", bare, "]",
                           NULL);
    }
    len = strlen(host);
    return smtp_domain_parse(host, len, SMTP_DOMAIN_ALLOW_LITERAL
                                        | SMTP_DOMAIN_ALLOW_UTF8)
           == SMTP_DOMAIN_GENERAL ? NULL : smtp_domain_normalise(p, host);
}

/** Takes ":PORT" off the end of @a host. @return whether it is one, or there
 *  is none */
static int port_take(char *host, apr_port_t *port)
{
    char *end = strrchr(host, ']');
    char *colon = strchr(end != NULL ? end : host, ':');
    apr_off_t value;

    if (colon == NULL) {
        return 1;
    }
    *colon++ = '\0';
    if (smtp_chars_number_parse(colon, strlen(colon), &value) != 1
        || value < 1 || value > PORT_MAX) {
        return 0;
    }
    *port = (apr_port_t)value;
    return 1;
}

static const char *host_read(apr_pool_t *p, const target_t *target,
                             const char *rest, queue_route_t *route)
{
    char *host = apr_pstrdup(p, rest == NULL ? "" : rest);

    route->port = target->port;
    if (!port_take(host, &route->port)) {
        return "a port is a number from 1 to 65535; an IPv6 address stands "
               "in brackets";
    }
    route->host = host_normalise(p, host);
    if (route->host == NULL) {
        return host_remedy;
    }
    route->spec = apr_psprintf(p, "%s:%s:%u", target->word, route->host,
                               (unsigned int)route->port);
    return NULL;
}

static const char *mx_read(apr_pool_t *p, const target_t *target,
                           const char *rest, queue_route_t *route)
{
    const char *fault;

    if (rest == NULL) {
        route->port = target->port;
        return NULL;
    }
    fault = host_read(p, target, rest, route);
    if (fault == NULL && *route->host == '[') {
        fault = "an address has no MX; write smtp: instead of mx:";
    }
    return fault == host_remedy ? "give a domain, as in mx:example.com, or "
                                  "mx alone for that of the recipient"
                                : fault;
}

static const char *path_read(apr_pool_t *p, const char *path,
                             queue_route_t *route)
{
    if (*path != '/') {
        return "the path of a socket is absolute, as in "
               "lmtp:unix:/run/dovecot/lmtp";
    }
    if (strlen(path) > PATH_MAX_OCTETS) {
        return "the system knows no path of a socket that is so long";
    }
    route->kind = QUEUE_ROUTE_LMTP_UNIX;
    route->path = apr_pstrdup(p, path);
    route->spec = apr_pstrcat(p, "lmtp:" UNIX_PREFIX, path, NULL);
    return NULL;
}

static const char *lmtp_read(apr_pool_t *p, const target_t *target,
                             const char *rest, queue_route_t *route)
{
    static const apr_size_t len = sizeof(UNIX_PREFIX) - 1;
    const char *fault;

    if (rest != NULL && strncasecmp(rest, UNIX_PREFIX, len) == 0) {
        return path_read(p, rest + len, route);
    }
    fault = host_read(p, target, rest, route);
    /* RFC 2033 5: its replies would be taken for those of SMTP. */
    return fault == NULL && route->port == PORT_SMTP
           ? "LMTP is not spoken on port 25 (RFC 2033 5); give its own port, "
             "or smtp:"
           : fault;
}

/* It becomes a reply, a line of the log and a part of a key. */
static int is_printable(const char *s)
{
    while (smtp_chars_is(*s, SMTP_CHARS_PRINT)) {
        s++;
    }
    return *s == '\0';
}

static const char *error_read(apr_pool_t *p, const target_t *target,
                              const char *rest, queue_route_t *route)
{
    const char *colon = rest == NULL ? NULL : strchr(rest, ':');
    apr_size_t len = rest == NULL ? 0
                     : colon != NULL ? (apr_size_t)(colon - rest)
                     : strlen(rest);
    const char *code = apr_pstrmemdup(p, rest == NULL ? "" : rest, len);

    if (smtp_status_parse(code, len, &route->status) != len
        || (route->status.klass != 4 && route->status.klass != 5)) {
        return "give an enhanced status code of class 4 or 5 (RFC 3463), as "
               "in error:5.1.2 or \"error:5.7.1:No mail goes there\"";
    }
    route->text = colon != NULL ? apr_pstrdup(p, colon + 1)
                                : smtp_status_text(route->status);
    if (*route->text == '\0' || !is_printable(route->text)) {
        return "the text is one line of ASCII";
    }
    route->spec = apr_pstrcat(p, "error:", rest, NULL);
    return NULL;
}

/* What is never sent on is refused, be it met in the queue only. */
static const char *local_read(apr_pool_t *p, const target_t *target,
                              const char *rest, queue_route_t *route)
{
    (void)p;
    (void)target;
    route->status = (smtp_status_t){ 5, 7, 1 };
    route->text = "Mail to this domain is not sent on";
    return rest == NULL ? NULL : "local takes nothing behind it";
}

static const target_t targets[] = {
    { "mx",      QUEUE_ROUTE_MX,   PORT_SMTP, 0, mx_read },
    { "smtp",    QUEUE_ROUTE_SMTP, PORT_SMTP, 0, host_read },
    { "smtps",   QUEUE_ROUTE_SMTP, 465, 1, host_read },
    { "lmtp",    QUEUE_ROUTE_LMTP, 24, 0, lmtp_read },
    { "discard", QUEUE_ROUTE_DISCARD, 0, 0, NULL },
    { "error",   QUEUE_ROUTE_ERROR, 0, 0, error_read },
    { "local",   QUEUE_ROUTE_LOCAL, 0, 0, local_read },
    { "on-demand", QUEUE_ROUTE_ON_DEMAND, 0, 0, NULL }
};

static const target_t *target_find(const char *text, apr_size_t len)
{
    size_t i;

    for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        if (strlen(targets[i].word) == len
            && strncasecmp(targets[i].word, text, len) == 0) {
            return &targets[i];
        }
    }
    return NULL;
}

const char *queue_route_parse(apr_pool_t *p, const char *text,
                              queue_route_t *route)
{
    const char *colon = strchr(text, ':');
    const target_t *target =
        target_find(text, colon != NULL ? (apr_size_t)(colon - text)
                                        : strlen(text));
    const char *fault = NULL;

    memset(route, 0, sizeof(*route));
    if (target == NULL) {
        return "give mx, mx:DOMAIN, smtp:HOST:PORT, smtps:HOST:PORT, "
               "lmtp:HOST:PORT, lmtp:unix:PATH, discard, error:STATUS:TEXT, "
               "local or on-demand";
    }
    route->kind = target->kind;
    route->spec = target->word;
    route->is_implicit_tls = target->is_implicit_tls;
    route->tls = QUEUE_CONF_UNSET;
    if (target->read != NULL) {
        fault = target->read(p, target, colon ? colon + 1 : NULL, route);
    }
    else if (colon != NULL) {
        fault = apr_psprintf(p, "%s takes nothing behind it", target->word);
    }
    if (fault != NULL) {
        memset(route, 0, sizeof(*route));
    }
    return fault;
}
