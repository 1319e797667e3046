/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A name is looked up, its alias followed target by target, depth first.
 */
#include "smtpd_resolve.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"
#include "smtp_queue.h"
#include "smtpd_lookup_table.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

/** Aliases of aliases of ..., and targets in all, beyond which somebody made
 *  a mistake (or a map is under attack). */
#define MAX_DEPTH   10
#define MAX_TARGETS 1000

/** How much of a name is quoted in a message. */
#define QUOTE_MAX_OCTETS 120

/** State of a name that has an alias. */
static const char on_path[] = "on path", done[] = "done";

void smtpd_resolve_begin(smtpd_resolve_t *resolve, apr_pool_t *p,
                         request_rec *r, const smtpd_conf_t *conf)
{
    memset(resolve, 0, sizeof(*resolve));
    resolve->p = p;
    resolve->r = r;
    resolve->conf = conf;
    resolve->mailboxes = apr_array_make(p, 1, sizeof(smtp_mailbox_t *));
    resolve->added = apr_hash_make(p);
    resolve->met = apr_hash_make(p);
}

void smtpd_resolve_name_set(const smtpd_resolve_t *resolve,
                            smtpd_name_t *name, const smtpd_domain_t *domain,
                            const char *domain_name, const char *local)
{
    memset(name, 0, sizeof(*name));
    name->domain = domain;
    name->domain_name = domain_name;
    name->local = local;
    name->key = smtpd_lookup_key(resolve->p, local, domain_name);
}

/** Splits the extension off ("news" of bob+news). A name never begins with
 *  its delimiter. */
static int name_split(const smtpd_resolve_t *resolve, smtpd_name_t *name)
{
    const char *delimiter = name->domain->conf->delimiter;
    const char *at;

    if (*delimiter == '\0' || *name->local == '\0') {
        return 0;
    }
    at = strpbrk(name->local + 1, delimiter);
    if (at == NULL) {
        return 0;
    }
    name->extension = at + 1;
    name->local = apr_pstrmemdup(resolve->p, name->local, at - name->local);
    name->key = smtpd_lookup_key(resolve->p, name->local, name->domain_name);
    return 1;
}

static const char *quote(const smtpd_resolve_t *resolve, const char *s)
{
    return smtp_chars_escape(resolve->p, s, strlen(s), QUOTE_MAX_OCTETS);
}

/** Ends in SMTPD_ROUTE_AMBIGUOUS: what @a entry says of @a name is wrong. */
static smtpd_route_e fault_set(smtpd_resolve_t *resolve,
                               const smtpd_name_t *name,
                               const smtpd_entry_t *entry, const char *fault)
{
    resolve->fault = apr_psprintf(resolve->p, "%s: \"%s\" %s", entry->where,
                                  quote(resolve, name->key), fault);
    return SMTPD_ROUTE_AMBIGUOUS;
}

static smtpd_route_e map_ask(const smtpd_resolve_t *resolve,
                             const smtpd_map_t *map, const char *key,
                             smtpd_entry_t *entry)
{
    apr_status_t rv = map->lookup->find(resolve->p, resolve->r, map->map, key,
                                        &entry->value);

    if (rv == APR_SUCCESS) {
        entry->where = map->where;
        return SMTPD_ROUTE_OK;
    }
    if (resolve->r != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, resolve->r,
                      SMTPD_LOGNO(1130) "%s: looking up \"%s\" failed",
                      map->where, quote(resolve, key));
    }
    entry->value = NULL;
    return SMTPD_ROUTE_FAILED;
}

/** Asks @a maps in turn, name@domain before name. */
static smtpd_route_e maps_ask(const smtpd_resolve_t *resolve,
                              const smtpd_name_t *name,
                              const apr_array_header_t *maps,
                              smtpd_entry_t *entry)
{
    const char *keys[2];
    smtpd_route_e rv = SMTPD_ROUTE_OK;
    int i;

    if (maps == NULL || *name->local == '\0') {
        return SMTPD_ROUTE_OK;
    }
    keys[0] = name->key;
    keys[1] = smtpd_lookup_key(resolve->p, name->local, NULL);
    for (i = 0; rv == SMTPD_ROUTE_OK && entry->value == NULL
                && i < 2 * maps->nelts; i++) {
        rv = map_ask(resolve, APR_ARRAY_IDX(maps, i / 2,
                                            const smtpd_map_t *),
                     keys[i % 2], entry);
    }
    return rv;
}

/** What maps say of @a name. */
static smtpd_route_e named_find(const smtpd_resolve_t *resolve,
                                const smtpd_name_t *name,
                                smtpd_entry_t *entry)
{
    const smtpd_domain_conf_t *conf = name->domain->conf;
    smtpd_route_e rv = maps_ask(resolve, name, conf->aliases, entry);

    if (rv == SMTPD_ROUTE_OK && entry->value == NULL) {
        rv = maps_ask(resolve, name, conf->recipients, entry);
    }
    return rv;
}

/** What stands for a name that no map has. */
static smtpd_route_e unnamed_find(const smtpd_name_t *name,
                                  smtpd_entry_t *entry)
{
    const smtpd_domain_conf_t *conf = name->domain->conf;

    if (strcasecmp(name->local, SMTPD_RESOLVE_POSTMASTER) == 0) {
        entry->where = "SMTPPostmaster";
        entry->value = conf->postmaster != NULL ? conf->postmaster : "";
    }
    else if (*name->local == '\0') {
        return SMTPD_ROUTE_UNKNOWN;  /* <""@example.com> is nobody's name */
    }
    else if (conf->recipients_any == 1) {
        entry->value = "";
    }
    else if (conf->catch_all != NULL && !name->no_catch_all) {
        entry->where = "SMTPCatchAll";
        entry->value = conf->catch_all;
    }
    return entry->value != NULL ? SMTPD_ROUTE_OK : SMTPD_ROUTE_UNKNOWN;
}

/**
 * Whether a local-part asks to be sent on: user%elsewhere, elsewhere!user,
 * "user@elsewhere" (RFC 1123 5.2.16). We don't, but a server
 * behind us to which a name is handed on may. So no rule for all names takes
 * one; who has such a name says so in a map.
 */
static int is_routing(const char *local)
{
    return strpbrk(local, "%!@") != NULL;
}

smtpd_route_e smtpd_resolve_find(const smtpd_resolve_t *resolve,
                                 smtpd_name_t *name, smtpd_entry_t *entry)
{
    smtpd_route_e rv;

    memset(entry, 0, sizeof(*entry));
    rv = named_find(resolve, name, entry);
    if (rv == SMTPD_ROUTE_OK && entry->value == NULL
        && is_routing(name->local)) {
        return SMTPD_ROUTE_ROUTING;
    }
    if (rv == SMTPD_ROUTE_OK && entry->value == NULL
        && name_split(resolve, name)) {
        rv = named_find(resolve, name, entry);
    }
    if (rv == SMTPD_ROUTE_OK && entry->value == NULL) {
        rv = unnamed_find(name, entry);
    }
    return rv;
}

static void mailbox_add(smtpd_resolve_t *resolve, const smtpd_name_t *name)
{
    smtp_mailbox_t *mailbox;

    if (apr_hash_get(resolve->added, name->key, APR_HASH_KEY_STRING)
        != NULL) {
        return;
    }
    mailbox = apr_pcalloc(resolve->p, sizeof(*mailbox));
    mailbox->domain = name->domain_name;
    mailbox->name = smtp_domain_fold(resolve->p, name->local,
                                     strlen(name->local));
    mailbox->extension = name->extension;
    mailbox->method = name->domain->conf->method;
    mailbox->argument = name->domain->conf->argument;
    mailbox->delivered_to = name->key;
    APR_ARRAY_PUSH(resolve->mailboxes, smtp_mailbox_t *) = mailbox;
    apr_hash_set(resolve->added, name->key, APR_HASH_KEY_STRING, mailbox);
}

/** Sets @a next to a target of @a name. Its domain is NULL when that is not
 *  local, and so is domain_name when it is no domain at all. */
static void target_get(const smtpd_resolve_t *resolve,
                       const smtpd_name_t *name, const smtp_address_t *target,
                       smtpd_name_t *next)
{
    const smtpd_domain_t *domain = name->domain;
    const char *domain_name = name->domain_name;

    if (target->domain != NULL) {
        domain_name = smtp_domain_normalise(resolve->p, target->domain);
        domain = domain_name == NULL
                 ? NULL : smtpd_domain_find(resolve->conf, domain_name);
    }
    smtpd_resolve_name_set(resolve, next, domain, domain_name, target->local);
    next->extension = name->extension;
    next->no_catch_all = name->no_catch_all;
}

/** An address elsewhere, once. What case its local-part is in matters there
 *  (RFC 5321 2.4). */
static void forward_add(smtpd_resolve_t *resolve, const smtpd_name_t *next,
                        const smtp_address_t *address)
{
    smtp_mailbox_t *mailbox;

    if (apr_hash_get(resolve->added, address->text, APR_HASH_KEY_STRING)
        != NULL) {
        return;
    }
    mailbox = apr_pcalloc(resolve->p, sizeof(*mailbox));
    mailbox->domain = next->domain_name;
    mailbox->name = next->local;
    mailbox->method = SMTP_MAILBOX_FORWARD;
    mailbox->delivered_to = address->text;
    APR_ARRAY_PUSH(resolve->mailboxes, smtp_mailbox_t *) = mailbox;
    apr_hash_set(resolve->added, address->text, APR_HASH_KEY_STRING, mailbox);
}

/** A target at a domain that is not local: mail for it is sent on, if there is
 *  who does that. Nobody needs leave of <SMTPRelay>: the administrator names
 *  the target, not the client. */
static smtpd_route_e forward_resolve(smtpd_resolve_t *resolve,
                                     const smtpd_name_t *name,
                                     const smtpd_entry_t *entry,
                                     const smtpd_name_t *next,
                                     const char *text)
{
    const smtp_address_t *address =
        next->domain_name == NULL
        ? NULL : smtp_address_create(resolve->p, next->local,
                                     next->domain_name);

    if (address == NULL) {
        return fault_set(resolve, name, entry,
                         apr_psprintf(resolve->p, "leads to \"%s\", whose "
                                      "domain is none; mend it", text));
    }
    if (APR_RETRIEVE_OPTIONAL_FN(smtp_queue_takes) == NULL) {
        return fault_set(resolve, name, entry,
                         apr_psprintf(resolve->p, "leads to \"%s\", whose "
                                      "domain is not local here, and no "
                                      "module sends mail on; add LoadModule "
                                      "smtp_queue_module "
                                      "modules/mod_smtp_queue.so, or name a "
                                      "local mailbox, or its domain in "
                                      "<SMTPDomain>", text));
    }
    forward_add(resolve, next, address);
    return SMTPD_ROUTE_OK;
}

static smtpd_route_e target_resolve(smtpd_resolve_t *resolve,
                                    const smtpd_name_t *name,
                                    const smtpd_entry_t *entry,
                                    const smtp_address_t *target)
{
    const char *text = quote(resolve, target->text);
    smtpd_route_e rv;
    smtpd_name_t next;

    if (++resolve->targets > MAX_TARGETS) {
        return fault_set(resolve, name, entry,
                         apr_psprintf(resolve->p, "leads to more than %d "
                                      "targets; shorten it", MAX_TARGETS));
    }
    target_get(resolve, name, target, &next);
    if (next.domain == NULL) {
        return forward_resolve(resolve, name, entry, &next, text);
    }
    rv = smtpd_resolve_name(resolve, &next);
    if (rv == SMTPD_ROUTE_UNKNOWN || rv == SMTPD_ROUTE_ROUTING) {
        return fault_set(resolve, name, entry,
                         apr_psprintf(resolve->p, "leads to \"%s\", who "
                                      "does not exist; mend the name, or "
                                      "add it to SMTPRecipients", text));
    }
    return rv;
}

smtpd_route_e smtpd_resolve_targets(smtpd_resolve_t *resolve,
                                    const smtpd_name_t *name,
                                    const smtpd_entry_t *entry)
{
    apr_array_header_t *targets;
    const char *fault = smtpd_lookup_targets(resolve->p, entry->value,
                                             &targets);
    smtpd_route_e rv = SMTPD_ROUTE_OK;
    int i;

    if (fault != NULL) {
        return fault_set(resolve, name, entry,
                         apr_pstrcat(resolve->p, "leads to ", fault, NULL));
    }
    if (targets->nelts == 0) {
        mailbox_add(resolve, name);  /* nothing but blanks */
    }
    for (i = 0; rv == SMTPD_ROUTE_OK && i < targets->nelts; i++) {
        resolve->parent = name->key;
        rv = target_resolve(resolve, name, entry,
                            APR_ARRAY_IDX(targets, i,
                                          const smtp_address_t *));
    }
    return rv;
}

/** A name whose alias was met before: two ways to it are no loop, and an
 *  alias that names itself ("bob: bob, carol") means the mailbox. */
static smtpd_route_e met_resolve(smtpd_resolve_t *resolve,
                                 const smtpd_name_t *name,
                                 const smtpd_entry_t *entry,
                                 const char *state)
{
    if (state == done) {
        return SMTPD_ROUTE_OK;
    }
    if (strcmp(name->key, resolve->parent) == 0) {
        mailbox_add(resolve, name);
        return SMTPD_ROUTE_OK;
    }
    return fault_set(resolve, name, entry, "leads back to itself through "
                     "other aliases; break the loop");
}

static smtpd_route_e alias_resolve(smtpd_resolve_t *resolve,
                                   const smtpd_name_t *name,
                                   const smtpd_entry_t *entry)
{
    const char *state = apr_hash_get(resolve->met, name->key,
                                     APR_HASH_KEY_STRING);
    smtpd_route_e rv;

    if (state != NULL) {
        return met_resolve(resolve, name, entry, state);
    }
    if (resolve->depth >= MAX_DEPTH) {
        return fault_set(resolve, name, entry,
                         apr_psprintf(resolve->p, "is reached through more "
                                      "than %d aliases; shorten the chain",
                                      MAX_DEPTH));
    }
    apr_hash_set(resolve->met, name->key, APR_HASH_KEY_STRING, on_path);
    resolve->depth++;
    rv = smtpd_resolve_targets(resolve, name, entry);
    resolve->depth--;
    apr_hash_set(resolve->met, name->key, APR_HASH_KEY_STRING, done);
    return rv;
}

smtpd_route_e smtpd_resolve_name(smtpd_resolve_t *resolve,
                                 smtpd_name_t *name)
{
    smtpd_entry_t entry;
    smtpd_route_e rv = smtpd_resolve_find(resolve, name, &entry);

    if (rv != SMTPD_ROUTE_OK) {
        return rv;
    }
    if (*entry.value == '\0') {
        mailbox_add(resolve, name);
        return SMTPD_ROUTE_OK;
    }
    if (entry.value == name->domain->conf->catch_all) {
        name->no_catch_all = 1;
    }
    return alias_resolve(resolve, name, &entry);
}
