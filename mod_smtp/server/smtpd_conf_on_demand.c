/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * <SMTPOnDemand>, and what the commands need that it is for.
 */
#include <string.h>

#include <apr_optional.h>
#include <apr_strings.h>

#include <httpd.h>

#include "smtp_config.h"
#include "smtp_domain.h"
#include "smtp_queue.h"
#include "smtpd_conf_directive.h"
#include "smtpd_on_demand.h"

/** "name" and ".name" in the one form in which they are compared. NULL when it
 *  is no domain. */
static const char *name_normalise(apr_pool_t *p, const char *name)
{
    const char *domain = smtp_domain_normalise(p, name + (*name == '.'));

    if (domain == NULL || *domain == '[') {
        return NULL;
    }
    return *name == '.' ? apr_pstrcat(p, ".", domain, NULL) : domain;
}

static const char *names_add(cmd_parms *cmd, const char *args,
                             ap_conf_vector_t *dir_conf)
{
    apr_array_header_t *sections =
        smtpd_conf_get(cmd->server)->on_demand.sections;
    int before = sections->nelts;

    while (*args != '\0') {
        const char *word = ap_getword_conf(cmd->pool, &args);
        const char *name = name_normalise(cmd->pool, word);

        if (*word == '\0') {
            continue;
        }
        if (name == NULL) {
            return smtp_config_fault(cmd, word, "is neither a domain, nor "
                                     ".domain for what is below it");
        }
        APR_ARRAY_PUSH(sections, smtpd_on_demand_t) =
            (smtpd_on_demand_t){ name, dir_conf };
    }
    return sections->nelts > before ? NULL
           : "<SMTPOnDemand>: names no domain; write <SMTPOnDemand "
             "example.net>";
}

const char *smtpd_conf_on_demand_section(cmd_parms *cmd, void *dir,
                                         const char *arg)
{
    ap_conf_vector_t *section;
    const char *args;
    const char *fault = smtpd_conf_section_args(cmd, arg, &args);

    if (fault == NULL) {
        fault = smtpd_conf_section_walk(cmd, cmd->directive->first_child,
                                        OR_AUTHCFG | ACCESS_CONF, &section);
    }
    return fault != NULL ? fault : names_add(cmd, args, section);
}

/** The commands that are on, as messages name them; NULL: none. */
static const char *directives_on(const smtpd_on_demand_conf_t *conf)
{
    return conf->atrn ? "SMTPATRN" : conf->turn ? "SMTPTURN"
           : conf->etrn ? "SMTPETRN" : NULL;
}

const char *smtpd_conf_on_demand_check(apr_pool_t *p,
                                       const smtpd_conf_t *conf)
{
    const smtpd_on_demand_conf_t *on_demand = &conf->on_demand;
    const char *directive = directives_on(on_demand);
    const char *fault = NULL;

    if (directive == NULL) {
        return NULL;
    }
    if (APR_RETRIEVE_OPTIONAL_FN(smtp_queue_flush) == NULL) {
        fault = ": no module sends mail on; add LoadModule smtp_queue_module "
                "modules/mod_smtp_queue.so";
    }
    else if (on_demand->sections->nelts == 0) {
        fault = " without <SMTPOnDemand>: it would be for no domain; add "
                "<SMTPOnDemand example.net> with a Require of who may ask";
    }
    else if ((on_demand->atrn || on_demand->turn)
             && conf->auth.section == NULL) {
        fault = " without <SMTPAuth>: only who has logged in may fetch mail; "
                "add it";
    }
    return fault == NULL ? NULL
                         : apr_pstrcat(p, directive, " On", fault, NULL);
}
