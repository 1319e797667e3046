/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_client_need.h"

#include <string.h>

#include <apr_hash.h>

#include "smtp_address.h"
#include "smtp_chars.h"
#include "smtp_domain.h"

#define HAS(peer, extension) (((peer)->offer->set & (extension)) != 0)

#define VALUE_MAX_OCTETS 500

static int is_8bit(const char *s)
{
    return s != NULL && smtp_chars_has_8bit(s, strlen(s));
}

/* Needs of the whole message. */

/** RFC 8689 4.2.1: TLS, an authenticated server, and the keyword. */
static int lacks_requiretls(const smtp_client_message_t *message,
                            const smtp_client_peer_t *peer)
{
    return message->params.requiretls
           && !(peer->is_tls && peer->is_verified
                && HAS(peer, SMTP_EXTENSION_REQUIRETLS));
}

/** RFC 1870 6.1: 0 is no limit. */
static int lacks_size(const smtp_client_message_t *message,
                      const smtp_client_peer_t *peer)
{
    return HAS(peer, SMTP_EXTENSION_SIZE) && peer->offer->max_size_octets > 0
           && message->size_octets > peer->offer->max_size_octets;
}

/** RFC 3030 3: BINARYMIME goes by BDAT only. */
static int lacks_binarymime(const smtp_client_message_t *message,
                            const smtp_client_peer_t *peer)
{
    return message->params.body == SMTP_BODY_BINARYMIME
           && !(HAS(peer, SMTP_EXTENSION_BINARYMIME)
                && HAS(peer, SMTP_EXTENSION_CHUNKING));
}

/** RFC 6152 3: to label it is not enough, there must be 8-bit octets. */
static int lacks_8bitmime(const smtp_client_message_t *message,
                          const smtp_client_peer_t *peer)
{
    return message->has_8bit && !peer->send_8bit
           && message->params.body != SMTP_BODY_BINARYMIME
           && !HAS(peer, SMTP_EXTENSION_8BITMIME);
}

/** RFC 6531 3.4, 3.7: no downgrade. SMTPUTF8 rests on 8BITMIME. */
static int is_without_utf8(const smtp_client_peer_t *peer)
{
    return !(smtp_extension_complete(peer->offer->set)
             & SMTP_EXTENSION_SMTPUTF8);
}

static int lacks_smtputf8(const smtp_client_message_t *message,
                          const smtp_client_peer_t *peer)
{
    return is_without_utf8(peer)
           && (message->has_utf8_header || is_8bit(message->reverse_path));
}

/** Parsed anew, so that whatever was stored, nothing but one address reaches
 *  the command line. */
static int is_address(const smtp_client_message_t *message, const char *s,
                      unsigned int allow)
{
    smtp_address_t address;

    return s != NULL
           && smtp_address_parse(message->pool, s, strlen(s),
                                 allow | SMTP_ADDRESS_ALLOW_UTF8, &address)
              == SMTP_ADDRESS_OK;
}

static int lacks_reverse_path(const smtp_client_message_t *message,
                              const smtp_client_peer_t *peer)
{
    (void)peer;
    return !is_address(message, message->reverse_path,
                       SMTP_ADDRESS_ALLOW_NULL);
}

/** Whether no octet of a parameter ends it or its line, and it is not longer
 *  than any may be (RFC 3461 4, RFC 4954 5). */
static int is_value(const char *s)
{
    if (s != NULL && strlen(s) > VALUE_MAX_OCTETS) {
        return 0;
    }
    for (; s != NULL && *s != '\0'; s++) {
        if ((unsigned char)*s <= ' ' || *s == '\x7F') {
            return 0;
        }
    }
    return 1;
}

static int lacks_params(const smtp_client_message_t *message,
                        const smtp_client_peer_t *peer)
{
    (void)peer;
    /* AUTH= is written as xtext: only its length matters. */
    return !is_value(message->params.envid) || is_8bit(message->params.envid)
           || (message->params.auth != NULL
               && strlen(message->params.auth) > VALUE_MAX_OCTETS);
}

static const struct need_t {
    int (*lacks)(const smtp_client_message_t *message,
                 const smtp_client_peer_t *peer);
    smtp_status_t status;
    const char *text;
} needs[] = {
    { lacks_requiretls, { 5, 7, 30 },
      "REQUIRETLS is demanded, the next hop does not assure it" },
    { lacks_size, { 5, 3, 4 },
      "message is larger than the next hop takes" },
    { lacks_binarymime, { 5, 6, 3 },
      "message is BINARYMIME, the next hop does not take it" },
    { lacks_8bitmime, { 5, 6, 3 },
      "message is 8BITMIME, the next hop does not take it" },
    { lacks_smtputf8, { 5, 6, 7 },
      "message needs SMTPUTF8, the next hop does not take it" },
    { lacks_reverse_path, { 5, 1, 7 }, "malformed reverse-path" },
    { lacks_params, { 5, 5, 4 }, "malformed parameter of MAIL" }
};

#define NEEDS (sizeof(needs) / sizeof(needs[0]))

static const struct need_t *need_find(const smtp_client_message_t *message,
                                      const smtp_client_peer_t *peer)
{
    apr_size_t i;

    for (i = 0; i < NEEDS; i++) {
        if (needs[i].lacks(message, peer)) {
            return &needs[i];
        }
    }
    return NULL;
}

/* Needs of one recipient. */

/** The limits of RFC 9422 while recipients are counted. */
typedef struct count_t {
    unsigned int rcpts;
    unsigned int domains;
    apr_hash_t *seen;            /**< domains; NULL: they are not limited */
} count_t;

static int is_in_rcptmax(const smtp_limits_t *limits, const count_t *count)
{
    return limits->rcptmax == 0 || count->rcpts < limits->rcptmax;
}

/** Whether the domain of @a address is, or can be, among those seen. */
static int is_in_domains(apr_pool_t *p, const smtp_limits_t *limits,
                         count_t *count, const char *address)
{
    const char *at = strrchr(address, '@');
    const char *domain;

    if (count->seen == NULL || at == NULL) {
        return 1;
    }
    domain = smtp_domain_fold(p, at + 1, strlen(at + 1));
    if (apr_hash_get(count->seen, domain, APR_HASH_KEY_STRING)) {
        return 1;
    }
    if (count->domains == limits->rcptdomainmax) {
        return 0;
    }
    apr_hash_set(count->seen, domain, APR_HASH_KEY_STRING, domain);
    count->domains++;
    return 1;
}

static void limit_check(smtp_client_message_t *message,
                        const smtp_limits_t *limits, count_t *count,
                        smtp_client_rcpt_t *rcpt)
{
    if (is_in_rcptmax(limits, count)
        && is_in_domains(message->pool, limits, count, rcpt->address)) {
        count->rcpts++;
        return;
    }
    smtp_outcome_of_status(SMTP_STAGE_NEED, (smtp_status_t){ 4, 5, 3 },
                           "more recipients than the next hop takes at once",
                           &rcpt->outcome);
    rcpt->outcome.retry_now = 1;
}

static void rcpt_check(const smtp_client_message_t *message,
                       const smtp_client_peer_t *peer,
                       smtp_client_rcpt_t *rcpt)
{
    const smtp_status_t bad_address = { 5, 1, 3 };
    const smtp_status_t bad_params = { 5, 5, 4 };
    const smtp_status_t no_utf8 = { 5, 6, 7 };

    if (!is_address(message, rcpt->address, SMTP_ADDRESS_ALLOW_POSTMASTER
                                            | SMTP_ADDRESS_ALLOW_BARE)) {
        smtp_outcome_of_status(SMTP_STAGE_NEED, bad_address,
                               "malformed forward-path", &rcpt->outcome);
    }
    else if (!is_value(rcpt->params.orcpt)) {
        smtp_outcome_of_status(SMTP_STAGE_NEED, bad_params,
                               "malformed ORCPT", &rcpt->outcome);
    }
    else if (is_8bit(rcpt->address) && is_without_utf8(peer)) {
        smtp_outcome_of_status(SMTP_STAGE_NEED, no_utf8,
                               "address needs SMTPUTF8, the next hop does "
                               "not take it", &rcpt->outcome);
    }
}

static const smtp_limits_t no_limits;

apr_size_t smtp_client_need_check(smtp_client_message_t *message,
                                  const smtp_client_peer_t *peer)
{
    const struct need_t *need = need_find(message, peer);
    const smtp_limits_t *limits = HAS(peer, SMTP_EXTENSION_LIMITS)
                                  ? &peer->offer->limits : &no_limits;
    count_t count = { 0, 0, NULL };
    apr_size_t i;

    if (limits->rcptdomainmax > 0) {
        count.seen = apr_hash_make(message->pool);
    }
    for (i = 0; i < message->rcpt_count; i++) {
        smtp_client_rcpt_t *rcpt = &message->rcpts[i];

        memset(&rcpt->outcome, 0, sizeof(rcpt->outcome));
        if (need != NULL) {
            smtp_outcome_of_status(SMTP_STAGE_NEED, need->status, need->text,
                                   &rcpt->outcome);
            continue;
        }
        rcpt_check(message, peer, rcpt);
        if (rcpt->outcome.result == SMTP_OUTCOME_PENDING) {
            limit_check(message, limits, &count, rcpt);
        }
    }
    return count.rcpts;
}

int smtp_client_need_utf8(const smtp_client_message_t *message)
{
    apr_size_t i;

    if (message->params.smtputf8 || message->has_utf8_header
        || is_8bit(message->reverse_path)) {
        return 1;
    }
    for (i = 0; i < message->rcpt_count; i++) {
        const smtp_client_rcpt_t *rcpt = &message->rcpts[i];

        if (rcpt->outcome.result == SMTP_OUTCOME_PENDING
            && (is_8bit(rcpt->address) || is_8bit(rcpt->params.orcpt))) {
            return 1;
        }
    }
    return 0;
}
