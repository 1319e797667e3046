/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_report.h
 * Delivery status notifications as octets (RFC 3461 6, RFC 3464, RFC 6522,
 * RFC 6533, RFC 3834). Pure: any thread; time, boundary and Message-ID are
 * passed in.
 */
#ifndef SMTP_REPORT_H
#define SMTP_REPORT_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "smtp_params.h"
#include "smtp_reply.h"

typedef enum {
    SMTP_REPORT_FAILED = 0, SMTP_REPORT_DELAYED, SMTP_REPORT_DELIVERED,
    SMTP_REPORT_RELAYED, SMTP_REPORT_EXPANDED
} smtp_report_action_e;

/** "failed", "delayed", ... (RFC 3464 2.3.3); "failed" for what is none. */
const char *smtp_report_action_name(smtp_report_action_e action);

/** One recipient of a report. Strings may hold anything: they are escaped. */
typedef struct smtp_report_recipient_t {
    const char *final_recipient; /**< mailbox without brackets */
    const char *orcpt;           /**< addr-type;xtext, or NULL */
    smtp_report_action_e action;
    smtp_status_t status;        /**< class made to agree with the action */
    const char *remote_mta;      /**< host name, or NULL */
    const char *diagnostic;      /**< remote's reply, lines by LF, or NULL */
    unsigned int is_local : 1;   /**< the diagnostic is no reply, but words of
                                      our own: "connection refused" */
    apr_time_t last_attempt;     /**< 0: not said */
    apr_time_t will_retry_until; /**< delayed only; 0: not said */
} smtp_report_recipient_t;

typedef struct smtp_report_t {
    const char *reporting_mta;   /**< host name */
    const char *from;            /**< mailbox of From: */
    const char *to;              /**< the reverse-path, not null */
    const char *message_id;      /**< with angle brackets */
    const char *boundary;        /**< must not occur in the mail */
    const char *envid;           /**< xtext, or NULL */
    const char *subject;         /**< UTF-8; NULL: made from the actions */
    const char *text;            /**< human part, UTF-8, lines by LF, of which
                                      blanks at the begin stay; NULL: ours */
    apr_time_t time;             /**< of the report */
    apr_time_t arrival;          /**< of the message; 0: not said */
    int offset_sec;              /**< zone of both */
    int is_utf8;                 /**< message/global-* (RFC 6533) */
    int is_8bit;                 /**< the message that comes back has octets
                                      above 127 */
    smtp_ret_e ret;              /**< NONE: headers only */
    const apr_array_header_t *recipients; /**< smtp_report_recipient_t */
} smtp_report_t;

/**
 * The report, header and all, up to the place where the returned message or
 * its header section follows; its lines end in CRLF. The caller appends the
 * original (all of it or its header section, as *returns_full says), then
 * smtp_report_write_end(). The whole comes back only if that was asked for
 * and a recipient failed (RFC 3461 4.3). @a len may be NULL in both.
 */
char *smtp_report_write_begin(apr_pool_t *p, const smtp_report_t *report,
                              int *returns_full, apr_size_t *len);
char *smtp_report_write_end(apr_pool_t *p, const smtp_report_t *report,
                            apr_size_t *len);

#endif
