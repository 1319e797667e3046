/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * ETRN (RFC 1985): what waits for a domain is sent now, over connections that
 * the queue makes to where the domain's mail goes anyway. So the worst that
 * a stranger can do is to have us try, which takes the queue process some time:
 * each child asks for one client at a time.
 */
#include <apr_atomic.h>
#include <apr_optional.h>
#include <apr_strings.h>

#include "smtp_domain.h"
#include "smtp_queue.h"
#include "smtpd_command.h"
#include "smtpd_log.h"
#include "smtpd_on_demand.h"

APLOG_USE_MODULE(smtp);

/* 1 while a thread of this child asks. */
static volatile apr_uint32_t is_asking;

/* RFC 1985 5.2.1: [option character] node-name. */
int smtpd_cmd_etrn_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                         smtp_reply_t *reply)
{
    const char *node = apr_pstrmemdup(ss->command_pool, asked->command->arg,
                                      asked->command->arg_len);

    if (!ss->pub.is_esmtp) {
        *reply = (smtp_reply_t){ 503, { 5, 5, 1 }, "EHLO first" };
        return 0;
    }
    if (*node == '@' || *node == '#') {
        asked->node_option = *node++;
    }
    asked->name = smtp_domain_normalise(ss->command_pool, node);
    if (asked->node_option != '#' && asked->name == NULL) {
        *reply = (smtp_reply_t){ 501, { 5, 5, 4 },
                                 "Syntax: ETRN [@]domain" };
        return 0;
    }
    return 1;
}

/* What is asked for: the domain, and with "@" what is below it. */
static int names_of(const smtpd_session_t *ss, const smtpd_asked_t *asked,
                    const char *names[2])
{
    names[0] = asked->name;
    if (asked->node_option != '@') {
        return 1;
    }
    names[1] = apr_pstrcat(ss->command_pool, ".", asked->name, NULL);
    return 2;
}

static const char *say(const smtpd_session_t *ss, const char *format,
                       const char *node)
{
    return apr_psprintf(ss->command_pool, format, node);
}

/* Whether the client may ask; else the reply says why not. */
static int is_allowed(smtpd_session_t *ss, const smtpd_asked_t *asked,
                      const char *const *names, int count,
                      smtp_reply_t *reply)
{
    const char *why = NULL;
    int i;

    for (i = 0; i < count && why == NULL; i++) {
        int rv = smtpd_on_demand_judge(ss, names[i]);

        why = rv == OK ? NULL
              : rv == HTTP_UNAUTHORIZED && ss->pub.login == NULL
              ? "authentication required" : "not for you";
    }
    if (why != NULL) {
        ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, ss->pub.c, SMTPD_LOGNO(1175)
                      "ETRN %s refused: %s", asked->name, why);
        *reply = (smtp_reply_t){ 459, { 4, 7, 1 }, apr_psprintf(
                                 ss->command_pool, "Node %s not allowed: %s",
                                 asked->name, why) };
    }
    return why == NULL;
}

/* All of them. @return as smtp_queue_flush() */
static apr_status_t flush(const smtpd_session_t *ss,
                          const char *const *names, int count,
                          apr_int64_t *messages)
{
    APR_OPTIONAL_FN_TYPE(smtp_queue_flush) *queue_flush =
        APR_RETRIEVE_OPTIONAL_FN(smtp_queue_flush);
    apr_status_t rv = queue_flush == NULL ? APR_ENOTIMPL : APR_SUCCESS;
    int i;

    *messages = 0;
    for (i = 0; i < count && rv == APR_SUCCESS; i++) {
        apr_int64_t more;

        rv = queue_flush(ss->command_pool, names[i], &more);
        *messages += more;
    }
    return rv;
}

/* RFC 1985 5.3. */
static void reply_set(const smtpd_session_t *ss, const char *node,
                      apr_status_t rv, apr_int64_t messages,
                      smtp_reply_t *reply)
{
    if (APR_STATUS_IS_TIMEUP(rv)) {
        *reply = (smtp_reply_t){ 250, { 2, 0, 0 }, say(
                                 ss, "OK, queuing for node %s started",
                                 node) };
    }
    else if (rv != APR_SUCCESS) {
        *reply = (smtp_reply_t){ 458, { 4, 3, 0 }, say(
                                 ss, "Unable to queue messages for node %s "
                                 "now", node) };
    }
    else if (messages == 0) {
        *reply = (smtp_reply_t){ 251, { 2, 0, 0 }, say(
                                 ss, "OK, no messages waiting for node %s",
                                 node) };
    }
    else {
        *reply = (smtp_reply_t){ 253, { 2, 0, 0 }, apr_psprintf(
                                 ss->command_pool, "OK, %" APR_INT64_T_FMT
                                 " pending messages for node %s started",
                                 messages, node) };
    }
}

void smtpd_cmd_etrn(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    const char *names[2];
    apr_int64_t messages = 0;
    apr_status_t rv = APR_EBUSY;
    int count;

    if (asked->node_option == '#') {
        *reply = (smtp_reply_t){ 459, { 4, 7, 1 },
                                 "Node not allowed: queues have no names" };
        return;
    }
    count = names_of(ss, asked, names);
    if (!is_allowed(ss, asked, names, count, reply)) {
        return;
    }
    if (apr_atomic_cas32(&is_asking, 1, 0) == 0) {
        rv = flush(ss, names, count, &messages);
        apr_atomic_set32(&is_asking, 0);
    }
    reply_set(ss, asked->name, rv, messages, reply);
    ap_log_cerror(APLOG_MARK, APLOG_INFO,
                  APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : rv, ss->pub.c,
                  SMTPD_LOGNO(1172) "ETRN %s%s: %" APR_INT64_T_FMT
                  " messages", count > 1 ? "@" : "", asked->name, messages);
}
