/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_client_need.h
 * What a message needs and a peer lacks: said before any octet is sent, so
 * that nothing is downgraded and nothing wasted. Pure: any thread.
 */
#ifndef SMTP_CLIENT_NEED_H
#define SMTP_CLIENT_NEED_H

#include "smtp_client.h"

/** What is known of the session. */
typedef struct smtp_client_peer_t {
    const smtp_extension_offer_t *offer;
    unsigned int is_tls : 1;
    unsigned int is_verified : 1;
    unsigned int send_8bit : 1;  /**< as in smtp_client_conf_t */
} smtp_client_peer_t;

/**
 * Gives each recipient that cannot go to @a peer its outcome, in the order
 * of the table in smtp_client_need.c: REQUIRETLS 5.7.30 (RFC 8689), SIZE
 * 5.3.4 (RFC 1870), BINARYMIME and 8BITMIME 5.6.3 (RFC 3030, 6152), SMTPUTF8
 * 5.6.7 (RFC 6531), an address or parameter that no command can hold 5.1.7,
 * 5.1.3 or 5.5.4, then LIMITS (RFC 9422; deferred, retry_now). All others
 * become pending.
 * @return how many are pending
 */
apr_size_t smtp_client_need_check(smtp_client_message_t *message,
                                  const smtp_client_peer_t *peer);

/** Whether MAIL must say SMTPUTF8 (RFC 6531 3.4), for those who are pending. */
int smtp_client_need_utf8(const smtp_client_message_t *message);

#endif
