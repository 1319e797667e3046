/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The module: what it registers with httpd, and the hooks that it offers to
 * others.
 */
#include <ap_mpm.h>
#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mpm_common.h>

#include "smtpd_auth_scram.h"
#include "smtpd_client_limit.h"
#include "smtpd_connection.h"
#include "smtpd_delay.h"
#include "smtpd_listen.h"
#include "smtpd_log.h"
#include "smtpd_lookup.h"
#include "smtpd_own_mail.h"
#include "smtpd_route.h"
#include "smtpd_state.h"
#include "smtpd_status.h"
#include "smtpd_tls_hook.h"
#include "smtpd_transaction.h"
#include "smtpd_waiting.h"

/* The module record leaves the DSO, whatever else is hidden. */
extern SMTP_DECLARE(module) smtp_module;

APR_HOOK_STRUCT(
    APR_HOOK_LINK(connect)
    APR_HOOK_LINK(helo)
    APR_HOOK_LINK(mail)
    APR_HOOK_LINK(rcpt)
    APR_HOOK_LINK(data)
    APR_HOOK_LINK(message)
    APR_HOOK_LINK(delivered)
    APR_HOOK_LINK(reset)
    APR_HOOK_LINK(quit)
    APR_HOOK_LINK(log)
    APR_HOOK_LINK(route)
    APR_HOOK_LINK(deliver)
)

APR_IMPLEMENT_EXTERNAL_HOOK_RUN_ALL(smtp, SMTP, int, connect,
                                    (smtp_session_t *session,
                                     smtp_reply_t *reply),
                                    (session, reply), OK, DECLINED)
APR_IMPLEMENT_EXTERNAL_HOOK_RUN_ALL(smtp, SMTP, int, helo,
                                    (smtp_session_t *session,
                                     const char *name, smtp_reply_t *reply),
                                    (session, name, reply), OK, DECLINED)
APR_IMPLEMENT_EXTERNAL_HOOK_RUN_ALL(smtp, SMTP, int, mail,
                                    (smtp_transaction_t *transaction,
                                     smtp_reply_t *reply),
                                    (transaction, reply), OK, DECLINED)
APR_IMPLEMENT_EXTERNAL_HOOK_RUN_ALL(smtp, SMTP, int, rcpt,
                                    (smtp_transaction_t *transaction,
                                     smtp_recipient_t *recipient,
                                     smtp_reply_t *reply),
                                    (transaction, recipient, reply),
                                    OK, DECLINED)
APR_IMPLEMENT_EXTERNAL_HOOK_RUN_ALL(smtp, SMTP, int, data,
                                    (smtp_transaction_t *transaction,
                                     smtp_reply_t *reply),
                                    (transaction, reply), OK, DECLINED)
APR_IMPLEMENT_EXTERNAL_HOOK_RUN_ALL(smtp, SMTP, int, message,
                                    (smtp_transaction_t *transaction,
                                     apr_bucket_brigade *content,
                                     smtp_reply_t *reply),
                                    (transaction, content, reply),
                                    OK, DECLINED)
APR_IMPLEMENT_EXTERNAL_HOOK_VOID(smtp, SMTP, delivered,
                                 (smtp_transaction_t *transaction),
                                 (transaction))
APR_IMPLEMENT_EXTERNAL_HOOK_VOID(smtp, SMTP, reset,
                                 (smtp_transaction_t *transaction),
                                 (transaction))
APR_IMPLEMENT_EXTERNAL_HOOK_VOID(smtp, SMTP, quit,
                                 (smtp_session_t *session), (session))
APR_IMPLEMENT_EXTERNAL_HOOK_VOID(smtp, SMTP, log,
                                 (smtp_transaction_t *transaction,
                                  const smtp_reply_t *reply),
                                 (transaction, reply))
APR_IMPLEMENT_EXTERNAL_HOOK_RUN_FIRST(smtp, SMTP, int, route,
                                      (smtp_transaction_t *transaction,
                                       smtp_recipient_t *recipient,
                                       smtp_reply_t *reply),
                                      (transaction, recipient, reply),
                                      DECLINED)
APR_IMPLEMENT_EXTERNAL_HOOK_RUN_FIRST(smtp, SMTP, int, deliver,
                                      (smtp_transaction_t *transaction,
                                       smtp_recipient_t *recipient,
                                       smtp_delivery_t **delivery,
                                       smtp_reply_t *reply),
                                      (transaction, recipient, delivery,
                                       reply), DECLINED)

static int smtp_engine_is_on(const server_rec *s)
{
    return smtpd_conf_get((server_rec *)s)->engine == 1;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    APR_REGISTER_OPTIONAL_FN(smtp_engine_is_on);
    smtpd_log_register(pconf);
    smtpd_transaction_register();
    smtpd_own_mail_register();
    return smtpd_state_register(pconf) == APR_SUCCESS
           ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    apr_status_t rv;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    smtpd_connection_init(pconf, s);
    smtpd_listen_mend(s);
    rv = smtpd_auth_scram_init();
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, SMTPD_LOGNO(1002)
                     "SMTPAuthCredentials: no random octets");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    rv = smtpd_client_limit_init(pconf);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, SMTPD_LOGNO(1001)
                     "SMTPMaxConnections: no shared memory for the table of "
                     "clients");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    rv = smtpd_delay_init(pconf);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, SMTPD_LOGNO(1006)
                     "SMTPAuthLimit: no shared memory for delays");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return smtpd_state_init(pconf, s);
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    smtpd_client_limit_child_init(pchild);
    smtpd_delay_child_init(pchild);
    smtpd_state_child_init(pchild, s);
    smtpd_waiting_init(pchild, s);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    smtpd_waiting_stop();
}

static void register_hooks(apr_pool_t *p)
{
    /* Before mod_ssl (blocking handshake), mod_reqtimeout (cuts sessions) and
     * mod_http2, all of which take the connection for HTTP's. */
    static const char *const successors[] =
        { "mod_ssl.c", "mod_reqtimeout.c", "mod_http2.c", NULL };

    /* Whose check of sections with Require comes before ours, which asks
     * them. */
    static const char *const authz[] = { "mod_authz_core.c", NULL };

    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(smtpd_conf_complete, authz, NULL, APR_HOOK_MIDDLE);
    /* Before the MPM makes its timeout queues (APR_HOOK_MIDDLE). */
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_process_connection(smtpd_connection_process, NULL, successors,
                               APR_HOOK_REALLY_FIRST);
    smtp_hook_route(smtpd_route, NULL, NULL, APR_HOOK_MIDDLE);
    smtpd_tls_hook_register(p);
    smtpd_lookup_register(p);
    smtpd_status_register(p);
}

AP_DECLARE_MODULE(smtp) = {
    STANDARD20_MODULE_STUFF,
    smtpd_conf_create_dir,
    smtpd_conf_merge_dir,
    smtpd_conf_create_server,
    smtpd_conf_merge_server,
    smtpd_conf_directives,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
