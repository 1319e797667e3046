/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The directives of <SMTPDomain>.
 */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include <httpd.h>

#include "smtp_chars.h"
#include "smtp_config.h"
#include "smtp_queue.h"
#include "smtpd_conf_directive.h"
#include "smtpd_lookup.h"
#include "smtpd_lookup_table.h"

/** What is delivered here, and not sent on. */
#define METHOD_MAILDIR "maildir"

/** NULL, or that the directive stands outside <SMTPDomain>. */
static const char *context_fault(const cmd_parms *cmd)
{
    const ap_directive_t *at = cmd->directive;

    while (at != NULL && strcasecmp(at->directive, "<SMTPDomain") != 0) {
        at = at->parent;
    }
    return at != NULL ? NULL
           : apr_psprintf(cmd->pool, "%s: stands only within <SMTPDomain>; "
                          "<SMTPDomain *> is for ServerName and ServerAlias",
                          cmd->cmd->name);
}

/** How messages that come later call the directive. */
static const char *where_write(const cmd_parms *cmd, const char *arg)
{
    return apr_psprintf(cmd->pool, "%s %s (%s:%d)", cmd->cmd->name, arg,
                        cmd->directive->filename, cmd->directive->line_num);
}

/** Opens a map and adds it to @a maps, which is made when it is NULL. */
static const char *map_add(cmd_parms *cmd, apr_array_header_t **maps,
                           const char *arg)
{
    smtpd_map_t *map;
    const char *fault = smtpd_lookup_open(cmd->pool, cmd->server, arg,
                                          SMTP_LOOKUP_TARGETS, &map);

    if (fault != NULL) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " ", fault, NULL);
    }
    map->where = where_write(cmd, arg);
    if (*maps == NULL) {
        *maps = apr_array_make(cmd->pool, 1, sizeof(smtpd_map_t *));
    }
    APR_ARRAY_PUSH(*maps, smtpd_map_t *) = map;
    return NULL;
}

const char *smtpd_conf_recipients_add(cmd_parms *cmd, void *dir,
                                      const char *arg)
{
    smtpd_domain_conf_t *conf = dir;
    const char *fault = context_fault(cmd);

    if (fault != NULL) {
        return fault;
    }
    if (conf->recipients_any == SMTPD_CONF_UNSET) {
        conf->recipients_any = 0;
    }
    if (strcasecmp(arg, "any") == 0) {
        conf->recipients_any = 1;
        return NULL;
    }
    return map_add(cmd, &conf->recipients, arg);
}

const char *smtpd_conf_aliases_add(cmd_parms *cmd, void *dir, const char *arg)
{
    smtpd_domain_conf_t *conf = dir;
    const char *fault = context_fault(cmd);

    return fault != NULL ? fault : map_add(cmd, &conf->aliases, arg);
}

/** The map of the SMTPAlias lines of this section, made with the first. */
static smtpd_map_t *inline_aliases_get(cmd_parms *cmd,
                                       smtpd_domain_conf_t *conf)
{
    smtpd_map_t *map = conf->inline_aliases;

    if (map == NULL) {
        map = apr_pcalloc(cmd->pool, sizeof(*map));
        map->spec = "";
        map->where = apr_psprintf(cmd->pool, "SMTPAlias (%s:%d and after)",
                                  cmd->directive->filename,
                                  cmd->directive->line_num);
        map->lookup = &smtpd_lookup_list;
        map->map = apr_hash_make(cmd->pool);
        conf->inline_aliases = map;
        if (conf->aliases == NULL) {
            conf->aliases = apr_array_make(cmd->pool, 1,
                                           sizeof(smtpd_map_t *));
        }
        APR_ARRAY_PUSH(conf->aliases, smtpd_map_t *) = map;
    }
    return map;
}

const char *smtpd_conf_alias_add(cmd_parms *cmd, void *dir, const char *name,
                                 const char *target)
{
    const char *fault = context_fault(cmd);
    smtpd_map_t *map;

    if (fault != NULL) {
        return fault;
    }
    map = inline_aliases_get(cmd, dir);
    fault = smtpd_lookup_table_extend(cmd->pool, map->map, name, target);
    return fault == NULL ? NULL : apr_pstrcat(cmd->pool, cmd->cmd->name, " ",
                                              fault, NULL);
}

/** Checks the form of a single mailbox; whether it exists is checked when all
 *  is read. */
static const char *mailbox_set(cmd_parms *cmd, const char *arg,
                               const char **mailbox)
{
    apr_array_header_t *targets;
    const char *fault = context_fault(cmd);

    if (fault != NULL) {
        return fault;
    }
    fault = smtpd_lookup_targets(cmd->pool, arg, &targets);
    if (fault == NULL && targets->nelts != 1) {
        fault = apr_psprintf(cmd->pool, "\"%s\" is not one mailbox; for more "
                             "make an alias", arg);
    }
    *mailbox = arg;
    return fault == NULL ? NULL : apr_pstrcat(cmd->pool, cmd->cmd->name, " ",
                                              fault, NULL);
}

const char *smtpd_conf_catch_all_set(cmd_parms *cmd, void *dir,
                                     const char *arg)
{
    return mailbox_set(cmd, arg, &((smtpd_domain_conf_t *)dir)->catch_all);
}

const char *smtpd_conf_postmaster_set(cmd_parms *cmd, void *dir,
                                      const char *arg)
{
    return mailbox_set(cmd, arg, &((smtpd_domain_conf_t *)dir)->postmaster);
}

const char *smtpd_conf_delimiter_set(cmd_parms *cmd, void *dir,
                                     const char *arg)
{
    smtpd_domain_conf_t *conf = dir;
    const char *fault = context_fault(cmd);
    const char *s;

    if (fault != NULL) {
        return fault;
    }
    if (strcasecmp(arg, "none") == 0) {
        conf->delimiter = "";
        return NULL;
    }
    for (s = arg; *s != '\0'; s++) {
        if (!smtp_chars_is(*s, SMTP_CHARS_ATEXT) || apr_isalnum(*s)) {
            break;
        }
    }
    if (s == arg || *s != '\0') {
        return smtp_config_fault(cmd, arg, "give none, or characters that may "
                                 "stand in a local-part and are neither "
                                 "letters nor digits, as + or +-");
    }
    conf->delimiter = arg;
    return NULL;
}

/** Reads METHOD:ARGUMENT of a mailbox that mail is sent on to. */
static const char *sent_set(cmd_parms *cmd, smtpd_domain_conf_t *conf,
                            const char *arg)
{
    APR_OPTIONAL_FN_TYPE(smtp_queue_target_fault) *target_fault =
        APR_RETRIEVE_OPTIONAL_FN(smtp_queue_target_fault);
    const char *colon = strchr(arg, ':');
    const char *fault;

    if (target_fault == NULL) {
        return smtp_config_fault(cmd, arg, "needs mod_smtp_queue, which sends "
                                 "mail on; add LoadModule smtp_queue_module "
                                 "modules/mod_smtp_queue.so");
    }
    fault = target_fault(cmd->pool, arg);
    if (fault != NULL) {
        return smtp_config_fault(cmd, arg, fault);
    }
    conf->method = colon == NULL ? apr_pstrdup(cmd->pool, arg)
                                 : apr_pstrmemdup(cmd->pool, arg, colon - arg);
    ap_str_tolower((char *)conf->method);
    conf->argument = colon == NULL ? NULL : colon + 1;
    return NULL;
}

const char *smtpd_conf_deliver_set(cmd_parms *cmd, void *dir, const char *arg)
{
    smtpd_domain_conf_t *conf = dir;
    const char *fault = context_fault(cmd);

    if (fault != NULL) {
        return fault;
    }
    if (strncasecmp(arg, "lmtp:", 5) == 0
        || strncasecmp(arg, "smtp:", 5) == 0
        || strcasecmp(arg, "on-demand") == 0) {
        return sent_set(cmd, conf, arg);
    }
    if (strcasecmp(arg, METHOD_MAILDIR) != 0) {
        return smtp_config_fault(cmd, arg, "is no delivery method; known are "
                                 METHOD_MAILDIR ", which takes no argument, "
                                 "lmtp:unix:PATH, lmtp:HOST:PORT, "
                                 "smtp:HOST:PORT and on-demand");
    }
    conf->method = METHOD_MAILDIR;
    conf->argument = NULL;
    return NULL;
}
