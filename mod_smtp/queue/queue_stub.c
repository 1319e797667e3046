/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Stands in until queue_dsn.c and queue_verp.c are there: whoever lands them
 * removes this file (and replaces queue_verp.h). */
#include "queue_dsn.h"
#include "queue_verp.h"

const char *queue_verp_write(apr_pool_t *p, const char *delimiters,
                             const char *reverse_path,
                             const char *recipient)
{
    return reverse_path;
}

int queue_dsn_is_wanted(const store_envelope_t *envelope,
                        const store_queued_recipient_t *recipient,
                        smtp_report_action_e action)
{
    return 0;
}

apr_status_t queue_dsn_send(apr_pool_t *p, const queue_vhost_t *vhost,
                            queue_mail_t *mail,
                            const queue_dsn_recipient_t *recipients,
                            int count)
{
    return APR_SUCCESS;
}
