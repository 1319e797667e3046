/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_verp.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_address.h"

static int address_parse(apr_pool_t *p, const char *text,
                         smtp_address_t *address)
{
    return smtp_address_parse(p, text, strlen(text),
                              SMTP_ADDRESS_ALLOW_UTF8, address)
           == SMTP_ADDRESS_OK;
}

/* The address of these parts, if it keeps to the limits, or NULL. */
static const char *address_make(apr_pool_t *p, const char *local,
                                const char *domain)
{
    const smtp_address_t *made = smtp_address_create(p, local, domain);
    smtp_address_t address;

    return made && *local && address_parse(p, made->text, &address)
           ? made->text : NULL;
}

const char *queue_verp_write(apr_pool_t *p, const char *delimiters,
                             const char *reverse_path,
                             const char *recipient)
{
    smtp_address_t from, to;
    const char *local, *written;

    if (!address_parse(p, reverse_path, &from)
        || !address_parse(p, recipient, &to)
        || strchr(from.local, delimiters[0])
        || strchr(to.domain, delimiters[1])) {
        return reverse_path;
    }
    local = apr_psprintf(p, "%s%c%s%c%s", from.local, delimiters[0],
                         to.local, delimiters[1], to.domain);
    written = address_make(p, local, from.domain);
    return written ? written : reverse_path;
}

int queue_verp_parse(apr_pool_t *p, const char *delimiters,
                     const char *address, const char **reverse_path,
                     const char **recipient)
{
    smtp_address_t whole;
    char *first, *last;

    *reverse_path = *recipient = NULL;
    if (!address_parse(p, address, &whole)) {
        return 0;
    }
    /* Only the recipient's local-part may have more of them. */
    first = strchr(whole.local, delimiters[0]);
    last = strrchr(whole.local, delimiters[1]);
    if (!first || !last || last < first) {
        return 0;
    }
    *first = *last = '\0';
    *reverse_path = address_make(p, whole.local, whole.domain);
    *recipient = address_make(p, first + 1, last + 1);
    if (!*reverse_path || !*recipient) {
        *reverse_path = *recipient = NULL;
        return 0;
    }
    return 1;
}
