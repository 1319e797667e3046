/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The module: sends mail on.
 */
#include <httpd.h>
#include <http_config.h>

#include "mod_smtp.h"

extern SMTP_DECLARE(module) smtp_queue_module;

AP_DECLARE_MODULE(smtp_queue) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    AP_MODULE_FLAG_NONE
};
