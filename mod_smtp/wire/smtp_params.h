/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_params.h
 * Parameters of MAIL and RCPT (RFC 5321 4.1.1.11, 4.1.2; 1870, 6152, 3030,
 * 6531, 3461, 4954, 8689, 6710). Pure: any thread.
 */
#ifndef SMTP_PARAMS_H
#define SMTP_PARAMS_H

#include <apr_pools.h>

#include "smtp_extension.h"

typedef enum {
    SMTP_PARAMS_OK = 0,
    SMTP_PARAMS_SYNTAX,     /**< 501 5.5.4 */
    SMTP_PARAMS_DUPLICATE,  /**< 501 5.5.4: the same keyword twice */
    SMTP_PARAMS_UNKNOWN,    /**< 555 5.5.4: not known or not offered */
    SMTP_PARAMS_TOO_LONG    /**< 501 5.5.4: ENVID over 100, ORCPT over 500 */
} smtp_params_status_e;

typedef enum {
    SMTP_BODY_7BIT = 0, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME
} smtp_body_e;

typedef enum {
    SMTP_RET_NONE = 0, SMTP_RET_FULL, SMTP_RET_HDRS
} smtp_ret_e;

/** The parameters of MAIL. All zero: none was given. */
typedef struct smtp_mail_params_t {
    unsigned int has_size : 1;
    unsigned int has_body : 1;
    unsigned int smtputf8 : 1;
    unsigned int requiretls : 1;
    unsigned int has_priority : 1;
    apr_off_t size_octets;       /**< SIZE=; capped at the maximum of the
                                      type when its 20 digits say more */
    smtp_body_e body;
    smtp_ret_e ret;
    const char *envid;           /**< xtext as it came, checked; or NULL */
    const char *auth;            /**< AUTH= decoded: a mailbox or "<>"; NULL
                                      when not given */
    int priority;                /**< MT-PRIORITY, -9 to 9 */
} smtp_mail_params_t;

#define SMTP_NOTIFY_NEVER    0x1u  /**< stands alone */
#define SMTP_NOTIFY_SUCCESS  0x2u
#define SMTP_NOTIFY_FAILURE  0x4u
#define SMTP_NOTIFY_DELAY    0x8u

/** The parameters of RCPT. All zero: none was given. */
typedef struct smtp_rcpt_params_t {
    unsigned int notify;         /**< SMTP_NOTIFY_*; 0: not given */
    /** addr-type;xtext as it came, checked; of UTF-8 in xtext of type rfc822,
     *  as Postfix writes it, what RFC 6533 3 has for it */
    const char *orcpt;
} smtp_rcpt_params_t;

/**
 * Reads what stands behind the reverse-path: blanks and parameters.
 * @param offered  extensions that were announced: the parameters of others
 *                 are unknown
 * @param bad      when not OK: a copy in @a p, escaped, of the parameter at
 *                 fault
 */
smtp_params_status_e smtp_params_parse_mail(apr_pool_t *p, const char *s,
                                            apr_size_t len,
                                            smtp_extension_set_t offered,
                                            smtp_mail_params_t *params,
                                            const char **bad);

/** The same behind a forward-path.
 *  @param smtputf8  whether MAIL had SMTPUTF8 (RFC 6533: raw UTF-8 in ORCPT) */
smtp_params_status_e smtp_params_parse_rcpt(apr_pool_t *p, const char *s,
                                            apr_size_t len,
                                            smtp_extension_set_t offered,
                                            int smtputf8,
                                            smtp_rcpt_params_t *params,
                                            const char **bad);

/** The value of ORCPT for an address (without brackets) that a message came
 *  with and leaves without: rfc822, or utf-8 in ASCII (RFC 6533 3). NULL when
 *  it is longer than a server need take, or not UTF-8. In @a p. */
const char *smtp_params_orcpt_create(apr_pool_t *p, const char *address);

/** Writes parameters for a next hop that announced @a offered; "" or a
 *  string that begins with a space. */
char *smtp_params_write_mail(apr_pool_t *p, const smtp_mail_params_t *params,
                             smtp_extension_set_t offered);
char *smtp_params_write_rcpt(apr_pool_t *p, const smtp_rcpt_params_t *params,
                             smtp_extension_set_t offered);

#endif
