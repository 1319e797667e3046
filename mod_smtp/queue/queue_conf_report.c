/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What senders are told, and VERP.
 */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include <httpd.h>

#include "queue_conf_directive.h"
#include "queue_conf_file.h"
#include "queue_dsn_text.h"
#include "smtp_address.h"
#include "smtp_chars.h"
#include "smtp_config.h"
#include "smtp_report.h"

/** Behind the last. */
#define ACTIONS (SMTP_REPORT_EXPANDED + 1)

static queue_vhost_t *vhost_of(const cmd_parms *cmd)
{
    return &queue_conf_of_server(cmd->server)->vhost;
}

/** Whether @a arg is a whole mailbox. */
static int is_mailbox(apr_pool_t *p, const char *arg)
{
    smtp_address_t address;

    return smtp_address_parse(p, arg, strlen(arg), SMTP_ADDRESS_ALLOW_UTF8,
                              &address) == SMTP_ADDRESS_OK;
}

const char *queue_conf_dsn_from_set(cmd_parms *cmd, void *dir,
                                    const char *arg)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_VHOST);

    if (fault != NULL) {
        return fault;
    }
    if (!is_mailbox(cmd->temp_pool, arg)) {
        return smtp_config_fault(cmd, arg, "give a mailbox that people may "
                                 "write to, as in postmaster@example.com");
    }
    vhost_of(cmd)->postmaster = arg;
    return NULL;
}

/* "": none, which is not the same as nothing said. */
const char *queue_conf_dsn_copy_set(cmd_parms *cmd, void *dir,
                                    const char *arg)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_VHOST);

    if (fault != NULL) {
        return fault;
    }
    if (strcasecmp(arg, "none") == 0) {
        vhost_of(cmd)->dsn_copy = "";
        return NULL;
    }
    if (!is_mailbox(cmd->temp_pool, arg)) {
        return smtp_config_fault(cmd, arg, "give a mailbox, as in "
                                 "postmaster@example.com, or none");
    }
    vhost_of(cmd)->dsn_copy = arg;
    return NULL;
}

const char *queue_conf_dsn_size_set(cmd_parms *cmd, void *dir,
                                    const char *arg)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_VHOST);

    if (fault == NULL
        && !smtp_config_size_parse(arg, 0, SMTP_CHARS_NUMBER_MAX,
                                   &vhost_of(cmd)->dsn_max_octets)) {
        fault = smtp_config_fault(cmd, arg, "give a number of octets, also "
                                  "with K, M or G as in 50K; 0: the header "
                                  "section alone");
    }
    return fault;
}

static const char *action_name(int i)
{
    return smtp_report_action_name((smtp_report_action_e)i);
}

static const char *actions_write(apr_pool_t *p)
{
    const char *known = "";
    int i;

    for (i = 0; i < ACTIONS; i++) {
        known = apr_pstrcat(p, known, i > 0 ? ", " : "", action_name(i),
                            NULL);
    }
    return known;
}

/** The word as action_name() has it, or NULL. */
static const char *action_find(const char *word)
{
    int i;

    for (i = 0; i < ACTIONS; i++) {
        if (strcasecmp(action_name(i), word) == 0) {
            return action_name(i);
        }
    }
    return NULL;
}

const char *queue_conf_dsn_template_set(cmd_parms *cmd, void *dir,
                                        const char *word, const char *path)
{
    queue_vhost_t *conf = vhost_of(cmd);
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_VHOST);
    const char *action = action_find(word);
    const char *text;

    if (fault != NULL) {
        return fault;
    }
    if (action == NULL) {
        return smtp_config_fault(cmd, word, apr_pstrcat(cmd->pool,
                                 "is no action of a DSN; known are ",
                                 actions_write(cmd->temp_pool), NULL));
    }
    fault = queue_conf_text_read(cmd->pool, path, &text);
    if (fault == NULL) {
        fault = queue_dsn_text_check(cmd->pool, text);
    }
    if (fault != NULL) {
        return smtp_config_fault(cmd, path, fault);
    }
    if (conf->dsn_templates == NULL) {
        conf->dsn_templates = apr_hash_make(cmd->pool);
    }
    apr_hash_set(conf->dsn_templates, action, APR_HASH_KEY_STRING, text);
    return NULL;
}

/* Characters that a local-part may have without quotes, so that whoever gets
 * the DSN can take them apart again. "": off. */
const char *queue_conf_verp_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_VHOST);

    if (fault != NULL) {
        return fault;
    }
    if (strcasecmp(arg, "off") == 0) {
        vhost_of(cmd)->verp = "";
        return NULL;
    }
    if (strlen(arg) != 2 || arg[0] == arg[1]
        || strspn(arg, "+-=_~") != 2) {
        return smtp_config_fault(cmd, arg, "give two different characters of "
                                 "+-=_~: one in front of the recipient, one "
                                 "for its @, as in +=; or off");
    }
    vhost_of(cmd)->verp = arg;
    return NULL;
}
