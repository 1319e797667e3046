/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_config.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "smtp_chars.h"

const char *smtp_config_fault(const cmd_parms *cmd, const char *value,
                              const char *fault)
{
    return apr_psprintf(cmd->pool, "%s \"%s\": %s", cmd->cmd->name, value,
                        fault);
}

/* ---- Values ---- */

const char *smtp_config_number_read(const cmd_parms *cmd, const char *arg,
                                    int min, int max, const char *zero,
                                    int *number)
{
    apr_off_t value;

    if (smtp_chars_number_parse(arg, strlen(arg), &value) == 1
        && value <= max && (value >= min || (value == 0 && zero != NULL))) {
        *number = (int)value;
        return NULL;
    }
    return smtp_config_fault(cmd, arg,
                             apr_psprintf(cmd->pool, "give a whole number "
                                          "from %d to %d%s%s", min, max,
                                          zero != NULL ? ", or 0 for " : "",
                                          zero != NULL ? zero : ""));
}

const char *smtp_config_word_read(const cmd_parms *cmd,
                                  const smtp_config_word_t *words,
                                  const char *arg, int *value)
{
    const char *known = "";

    for (; words->directive != NULL; words++) {
        if (strcasecmp(words->directive, cmd->cmd->name) != 0) {
            continue;
        }
        if (strcasecmp(words->word, arg) == 0) {
            *value = words->value;
            return NULL;
        }
        known = apr_pstrcat(cmd->pool, known, *known != '\0' ? ", " : "",
                            words->word, NULL);
    }
    return smtp_config_fault(cmd, arg, apr_pstrcat(cmd->pool, "give one of ",
                                                   known, NULL));
}

int smtp_config_size_parse(const char *arg, apr_off_t min, apr_off_t max,
                           apr_off_t *octets)
{
    static const char units[] = "kmg";
    apr_size_t len = strlen(arg);
    const char *unit = len == 0 ? NULL
                       : strchr(units, apr_tolower(arg[len - 1]));
    int shift = 0;
    apr_off_t value;

    if (unit != NULL) {
        shift = 10 * (int)(unit - units + 1);
        len--;
    }
    if (smtp_chars_number_parse(arg, len, &value) != 1
        || value > (max >> shift) || (value << shift) < min) {
        return 0;
    }
    *octets = value << shift;
    return 1;
}

/* ---- Sections ---- */

const char *smtp_config_section_args(const cmd_parms *cmd, const char *arg,
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

const char *smtp_config_section_walk(cmd_parms *cmd, ap_directive_t *first,
                                     int allowed, module *module,
                                     ap_conf_vector_t **dir_conf)
{
    const cmd_parms saved = *cmd;
    const ap_directive_t *wrong;
    const char *fault;

    *dir_conf = ap_create_per_dir_config(cmd->pool);
    cmd->override = allowed;
    /* No path of a file; what checks for "within a section" sees it. */
    cmd->path = apr_pstrdup(cmd->pool, cmd->cmd->name + 1);
    ap_set_config_vectors(cmd->server, *dir_conf, cmd->path, module,
                          cmd->pool);
    fault = ap_walk_config(first, cmd, *dir_conf);
    /* Which now is what the last of those directives left, but for the line
     * that a fault is told of. */
    wrong = cmd->err_directive;
    *cmd = saved;
    cmd->err_directive = wrong;
    return fault;
}
