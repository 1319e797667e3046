/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The module: sends mail on.
 */
#include <httpd.h>
#include <http_config.h>

#include "mod_smtp.h"
#include "queue_conf.h"
#include "queue_takes.h"

extern SMTP_DECLARE(module) smtp_queue_module;

static void register_hooks(apr_pool_t *p)
{
    queue_takes_register();
    ap_hook_check_config(queue_conf_complete, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(smtp_queue) = {
    STANDARD20_MODULE_STUFF,
    queue_conf_create_dir,
    queue_conf_merge_dir,
    queue_conf_create_server,
    queue_conf_merge_server,
    queue_conf_directives,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
