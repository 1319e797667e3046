/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * <SMTPDestination>: a container with a per-directory configuration of its
 * own, as mod_smtp's <SMTPDomain> is.
 */
#include <string.h>

#include <apr_strings.h>

#include "queue_conf_directive.h"
#include "smtp_config.h"

extern module AP_MODULE_DECLARE_DATA smtp_queue_module;

/** Reads names into @a section. */
static const char *names_read(cmd_parms *cmd, const char *args,
                              queue_section_t *section)
{
    section->names = apr_array_make(cmd->pool, 1, sizeof(const char *));
    while (*args != '\0') {
        const char *name = ap_getword_conf(cmd->pool, &args);
        const char *key = queue_conf_section_key(cmd->pool, name);

        if (*name == '\0') {
            continue;
        }
        if (key == NULL) {
            return apr_psprintf(cmd->pool, "<SMTPDestination> \"%s\": is "
                                "neither a domain, nor .domain for its "
                                "subdomains, nor * for every domain, nor an "
                                "address literal", name);
        }
        APR_ARRAY_PUSH(section->names, const char *) = key;
    }
    return section->names->nelts > 0 ? NULL
           : "<SMTPDestination>: names no domain; write <SMTPDestination "
             "example.com>, or * for every domain";
}

const char *queue_conf_section(cmd_parms *cmd, void *dir, const char *arg)
{
    queue_section_t *section = apr_pcalloc(cmd->pool, sizeof(*section));
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_VHOST);
    ap_conf_vector_t *dir_conf;
    const char *args;

    if (fault == NULL) {
        fault = smtp_config_section_args(cmd, arg, &args);
    }
    if (fault == NULL) {
        fault = names_read(cmd, args, section);
    }
    if (fault == NULL) {
        fault = smtp_config_section_walk(cmd, cmd->directive->first_child,
                                         ACCESS_CONF, &smtp_queue_module,
                                         &dir_conf);
    }
    if (fault == NULL) {
        section->conf = ap_get_module_config(dir_conf, &smtp_queue_module);
        APR_ARRAY_PUSH(queue_conf_of_server(cmd->server)->sections,
                       queue_section_t *) = section;
    }
    return fault;
}
