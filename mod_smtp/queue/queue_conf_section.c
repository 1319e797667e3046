/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * <SMTPDestination>: a container with a per-directory configuration of its
 * own, as mod_smtp's <SMTPDomain> is.
 */
#include <string.h>

#include <apr_strings.h>

#include "queue_conf_directive.h"

extern module AP_MODULE_DECLARE_DATA smtp_queue_module;

/** Takes the closing ">" away. NULL and a message when it is not there. */
static const char *args_take(cmd_parms *cmd, const char *arg,
                             const char **args)
{
    const char *end = strrchr(arg, '>');

    *args = NULL;
    if (end == NULL) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           "> directive missing closing '>'", NULL);
    }
    *args = apr_pstrmemdup(cmd->pool, arg, end - arg);
    return NULL;
}

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

/** Reads what stands in the section into a per-directory configuration. */
static const char *section_walk(cmd_parms *cmd, queue_section_t *section)
{
    const cmd_parms saved = *cmd;
    ap_conf_vector_t *dir_conf = ap_create_per_dir_config(cmd->pool);
    const ap_directive_t *wrong;
    const char *fault;

    cmd->override = ACCESS_CONF;
    /* No path of a file; what checks for "within a section" sees it. */
    cmd->path = apr_pstrdup(cmd->pool, cmd->cmd->name + 1);
    ap_set_config_vectors(cmd->server, dir_conf, cmd->path,
                          &smtp_queue_module, cmd->pool);
    fault = ap_walk_config(cmd->directive->first_child, cmd, dir_conf);
    /* Which now is what the last of those directives left, but for the line
     * that a fault is told of. */
    wrong = cmd->err_directive;
    *cmd = saved;
    cmd->err_directive = wrong;
    section->conf = ap_get_module_config(dir_conf, &smtp_queue_module);
    return fault;
}

const char *queue_conf_section(cmd_parms *cmd, void *dir, const char *arg)
{
    queue_section_t *section = apr_pcalloc(cmd->pool, sizeof(*section));
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_VHOST);
    const char *args;

    if (fault == NULL) {
        fault = args_take(cmd, arg, &args);
    }
    if (fault == NULL) {
        fault = names_read(cmd, args, section);
    }
    if (fault == NULL) {
        fault = section_walk(cmd, section);
    }
    if (fault == NULL) {
        APR_ARRAY_PUSH(queue_conf_of_server(cmd->server)->sections,
                       queue_section_t *) = section;
    }
    return fault;
}
