/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_config.h"

#include <apr_strings.h>

#include "smtp_config.h"

#define KIB ((apr_off_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define MIN_FREE_DEFAULT     (64 * MIB)
#define MIN_FREE_MAX         (1024 * GIB)
#define SEGMENT_DEFAULT      (16 * MIB)
/* Room for a message that is held in memory and for its envelope. */
#define SEGMENT_MIN          (1 * MIB)
#define SEGMENT_MAX          (1 * GIB)

extern module AP_MODULE_DECLARE_DATA smtp_spool_module;

void *spool_config_create(apr_pool_t *p, server_rec *s)
{
    spool_config_t *config = apr_pcalloc(p, sizeof(*config));

    (void)s;
    config->min_free = MIN_FREE_DEFAULT;
    config->segment_octets = SEGMENT_DEFAULT;
    return config;
}

spool_config_t *spool_config_get(server_rec *s)
{
    return ap_get_module_config(s->module_config, &smtp_spool_module);
}

static const char *path_set(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    spool_config_t *config = spool_config_get(cmd->server);

    (void)dummy;
    if (wrong) {
        return wrong;
    }
    config->path = ap_server_root_relative(cmd->pool, arg);
    return config->path ? NULL
        : apr_psprintf(cmd->pool, "SMTPSpool \"%s\" is not a path: give the "
                       "directory where mail is kept, such as "
                       "/var/spool/mod_smtp", arg);
}

static const char *size_set(const cmd_parms *cmd, const char *arg,
                            apr_off_t least, apr_off_t most,
                            const char *range, apr_off_t *size)
{
    return smtp_config_size_parse(arg, least, most, size) ? NULL
        : smtp_config_fault(cmd, arg,
                            apr_psprintf(cmd->pool, "is not a size from %s: "
                                         "give octets, or a number with K, M "
                                         "or G, such as 64M", range));
}

static const char *min_free_set(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dummy;
    return wrong ? wrong
        : size_set(cmd, arg, 0, MIN_FREE_MAX, "0 to 1024G",
                     &spool_config_get(cmd->server)->min_free);
}

static const char *segment_set(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dummy;
    return wrong ? wrong
        : size_set(cmd, arg, SEGMENT_MIN, SEGMENT_MAX, "1M to 1G",
                     &spool_config_get(cmd->server)->segment_octets);
}

const command_rec spool_config_directives[] = {
    AP_INIT_TAKE1("SMTPSpool", path_set, NULL, RSRC_CONF,
                  "directory in which mail is kept; relative to ServerRoot"),
    AP_INIT_TAKE1("SMTPSpoolMinFree", min_free_set, NULL, RSRC_CONF,
                  "space that stays free: with less, mail is put off (452); "
                  "default 64M"),
    AP_INIT_TAKE1("SMTPSpoolSegmentSize", segment_set, NULL, RSRC_CONF,
                  "size of a file of the journal, 1M to 1G; default 16M"),
    { NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
};
