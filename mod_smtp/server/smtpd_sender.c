/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_sender.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"
#include "smtpd_domain.h"
#include "smtpd_log.h"
#include "smtpd_lookup_table.h"

APLOG_USE_MODULE(smtp);

/** How much of a login or of an entry is told. */
#define QUOTE_MAX_OCTETS 120

#define SEPARATORS ", \t\r\n"

struct smtpd_sender_t {
    const char *own;             /**< key of the login's address, or NULL */
    /** const char *: keys of addresses, "@domain", "*"; or NULL. */
    apr_array_header_t *entries;
};

/** As maps of recipients have it: one form for each mailbox; NULL if its
 *  domain is none. */
static const char *key_of(apr_pool_t *p, const char *local,
                          const char *domain)
{
    const char *name = smtp_domain_normalise(p, domain);

    return name == NULL ? NULL : smtpd_lookup_key(p, local, name);
}

const smtp_address_t *smtpd_sender_login(const smtpd_session_t *ss,
                                         apr_pool_t *p)
{
    const char *login = ss->pub.login;
    smtp_address_t *address;

    if (login == NULL) {
        return NULL;
    }
    if (strchr(login, '@') == NULL) {
        address = smtp_address_create(p, login,
                                      ss->conf->submission.origin_domain);
        return address == NULL || strlen(address->text) + 2
                                  > SMTP_ADDRESS_PATH_MAX_OCTETS
               ? NULL : address;
    }
    address = apr_palloc(p, sizeof(*address));
    return smtp_address_parse(p, login, strlen(login),
                              SMTP_ADDRESS_ALLOW_UTF8, address)
           == SMTP_ADDRESS_OK ? address : NULL;
}

/** The end of the entry at @a s: separators may stand in quotes. */
static const char *entry_end(const char *s)
{
    int is_quoted = 0;

    for (; *s != '\0' && (is_quoted || strchr(SEPARATORS, *s) == NULL); s++) {
        if (is_quoted && *s == '\\' && s[1] != '\0') {
            s++;
        }
        else if (*s == '"') {
            is_quoted = !is_quoted;
        }
    }
    return s;
}

/** An entry as it is compared; NULL when it is none. */
static const char *entry_normalise(const smtpd_session_t *ss, apr_pool_t *p,
                                   const char *entry)
{
    smtp_address_t address;
    const char *domain;

    if (strcmp(entry, "*") == 0) {
        return entry;
    }
    if (*entry == '@') {
        domain = smtp_domain_normalise(p, entry + 1);
        return domain == NULL ? NULL : apr_pstrcat(p, "@", domain, NULL);
    }
    if (smtp_address_parse(p, entry, strlen(entry), SMTP_ADDRESS_ALLOW_BARE
                                                    | SMTP_ADDRESS_ALLOW_UTF8,
                           &address) != SMTP_ADDRESS_OK) {
        return NULL;
    }
    return key_of(p, address.local, address.domain != NULL
                  ? address.domain : ss->conf->submission.origin_domain);
}

/** Adds what a map says of the login. What is no entry gives nothing away. */
static void value_add(smtpd_session_t *ss, smtpd_transaction_t *tx,
                      const smtpd_map_t *map, const char *value,
                      apr_array_header_t *entries)
{
    apr_pool_t *p = tx->pub.r->pool;

    for (;;) {
        const char *begin = value += strspn(value, SEPARATORS);
        const char *entry, *text;

        if (*begin == '\0') {
            return;
        }
        value = entry_end(begin);
        text = apr_pstrmemdup(p, begin, value - begin);
        entry = entry_normalise(ss, p, text);
        if (entry != NULL) {
            APR_ARRAY_PUSH(entries, const char *) = entry;
            continue;
        }
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, tx->pub.r, SMTPD_LOGNO(1166)
                      "%s: \"%s\" is neither an address, nor @domain, nor *; "
                      "mend it", map->where,
                      smtp_chars_escape(p, text, strlen(text),
                                        QUOTE_MAX_OCTETS));
    }
}

static apr_status_t maps_ask(smtpd_session_t *ss, smtpd_transaction_t *tx,
                             smtpd_sender_t *sender)
{
    const apr_array_header_t *maps = ss->conf->submission.sender_maps;
    apr_pool_t *p = tx->pub.r->pool;
    int i;

    sender->entries = apr_array_make(p, 4, sizeof(const char *));
    for (i = 0; maps != NULL && i < maps->nelts; i++) {
        const smtpd_map_t *map = APR_ARRAY_IDX(maps, i, const smtpd_map_t *);
        const char *value = NULL;
        apr_status_t rv = map->lookup->find(p, tx->pub.r, map->map,
                                            ss->pub.login, &value);

        if (rv != APR_SUCCESS) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, tx->pub.r,
                          SMTPD_LOGNO(1165) "%s: could not be asked",
                          map->where);
            return rv;
        }
        if (value != NULL) {
            value_add(ss, tx, map, value, sender->entries);
        }
    }
    return APR_SUCCESS;
}

apr_status_t smtpd_sender_find(smtpd_session_t *ss, smtpd_transaction_t *tx,
                               const smtpd_sender_t **sender)
{
    apr_pool_t *p = tx->pub.r->pool;
    const smtp_address_t *own;
    smtpd_sender_t *found;
    apr_status_t rv;

    *sender = NULL;
    if (ss->pub.login == NULL || ss->conf->submission.sender_any) {
        return APR_SUCCESS;
    }
    if (tx->sender == NULL) {
        found = apr_pcalloc(p, sizeof(*found));
        own = ss->conf->submission.sender_own ? smtpd_sender_login(ss, p)
                                              : NULL;
        found->own = own == NULL ? NULL : key_of(p, own->local, own->domain);
        rv = maps_ask(ss, tx, found);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        tx->sender = found;
    }
    *sender = tx->sender;
    return APR_SUCCESS;
}

/** Whether @a address is the login's own with an extension (bob+news), where
 *  the domain is local and has a delimiter. */
static int is_own_extended(smtpd_session_t *ss, apr_pool_t *p,
                           const char *own, const smtp_address_t *address)
{
    const char *name = smtp_domain_normalise(p, address->domain);
    const smtpd_domain_t *domain = name == NULL
                                   ? NULL : smtpd_domain_find(ss->conf, name);
    const char *at;

    if (domain == NULL || *domain->conf->delimiter == '\0'
        || *address->local == '\0') {
        return 0;
    }
    at = strpbrk(address->local + 1, domain->conf->delimiter);
    return at != NULL
           && strcmp(own, smtpd_lookup_key(p, apr_pstrmemdup(p, address->local,
                                                             at
                                                             - address->local),
                                           name)) == 0;
}

static int entries_have(const apr_array_header_t *entries, const char *key)
{
    /* Of a quoted local-part with "@" the last one is the domain's. */
    const char *domain = strrchr(key, '@');
    int i;

    for (i = 0; i < entries->nelts; i++) {
        const char *entry = APR_ARRAY_IDX(entries, i, const char *);

        if (strcmp(entry, "*") == 0
            || strcmp(entry, *entry == '@' ? domain : key) == 0) {
            return 1;
        }
    }
    return 0;
}

int smtpd_sender_owns(smtpd_session_t *ss, smtpd_transaction_t *tx,
                      const smtpd_sender_t *sender,
                      const smtp_address_t *address)
{
    apr_pool_t *p = tx->pub.r->pool;
    const char *key = address->domain == NULL
                      ? NULL : key_of(p, address->local, address->domain);

    if (key == NULL || *key == '\0') {
        return 0;
    }
    return (sender->own != NULL
            && (strcmp(sender->own, key) == 0
                || is_own_extended(ss, p, sender->own, address)))
           || entries_have(sender->entries, key);
}

int smtpd_sender_allows(smtpd_session_t *ss, smtpd_transaction_t *tx,
                        smtp_reply_t *reply)
{
    const smtp_address_t *address = tx->pub.reverse_path;
    const char *login = ss->pub.login;
    const smtpd_sender_t *sender;

    if (address->is_null) {
        return 1;
    }
    if (smtpd_sender_find(ss, tx, &sender) != APR_SUCCESS) {
        *reply = (smtp_reply_t){ 451, { 4, 3, 0 }, "Try again later" };
        return 0;
    }
    if (sender == NULL || smtpd_sender_owns(ss, tx, sender, address)) {
        return 1;
    }
    *reply = (smtp_reply_t){ 553, { 5, 7, 1 },
                             apr_pstrcat(tx->pub.r->pool, "Sender address "
                                         "rejected: not owned by ",
                                         smtp_chars_escape(tx->pub.r->pool,
                                                           login,
                                                           strlen(login),
                                                           QUOTE_MAX_OCTETS),
                                         NULL) };
    return 0;
}
