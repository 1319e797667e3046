/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The module: sends mail on.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>

#include <apr_optional.h>

#include "queue_conf.h"
#include "queue_process.h"
#include "queue_process_main.h"
#include "queue_takes.h"
#include "smtp_queue.h"

extern SMTP_DECLARE(module) smtp_queue_module;

/* httpd reads its configuration twice when it starts; the second counts. */
static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    return queue_process_begin(pconf, queue_conf_get(), s);
}

/* ---- For whoever stores mail ---- */

static void smtp_queue_wake(const smtp_queue_hint_t *hint)
{
    queue_hint_send(&queue_process_hints, hint);
}

static void register_hooks(apr_pool_t *p)
{
    queue_takes_register();
    ap_hook_check_config(queue_conf_complete, NULL, NULL, APR_HOOK_MIDDLE);
    /* Behind all: what is forked knows what they have made. */
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_REALLY_LAST);
    APR_REGISTER_OPTIONAL_FN(smtp_queue_wake);
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
