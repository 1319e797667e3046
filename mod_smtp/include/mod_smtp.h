/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_smtp.h
 * What other modules see of mod_smtp: the session, the mail transaction and
 * the hooks. A module that uses a hook is loaded after mod_smtp.
 *
 * Every hook of a session is called in the thread that works on that session,
 * never two at a time for one session. All objects are read-only for other
 * modules but where said. Strings from the peer are raw: escape them wherever
 * they go.
 */
#ifndef MOD_SMTP_H
#define MOD_SMTP_H

#include <apr_buckets.h>
#include <apr_hooks.h>
#include <apr_optional.h>
#include <apr_tables.h>

#include <httpd.h>

#include "smtp_address.h"
#include "smtp_extension.h"
#include "smtp_header.h"
#include "smtp_params.h"
#include "smtp_reply.h"

/** Grows by 1 in the upper half when a struct or hook changes incompatibly,
 *  in the lower half when something is added at an end. */
#define SMTP_ABI_NUMBER 0x00010003

/** Hooks leave the DSO; all else is built hidden. */
#if defined(__GNUC__)
#define SMTP_DECLARE(type) __attribute__((visibility("default"))) type
#else
#define SMTP_DECLARE(type) type
#endif

/** @name Verdicts: what a hook returns
 * OK and DECLINED let the command go on. Whatever else refuses it: with the
 * reply that the hook filled in, and with 451 4.3.0 if it filled in none, or
 * one that is not 4xx or 5xx: a policy that breaks fails closed.
 * @{ */
#define SMTP_REFUSE  403         /**< refuse this command */
#define SMTP_DROP    499         /**< refuse it and close the connection */
/** @} */

/** A session: one connection of an SMTP client. Lives as long as c->pool. */
typedef struct smtp_session_t {
    conn_rec *c;
    server_rec *s;               /**< the virtual host */
    const char *client_ip;       /**< text, IPv4 or IPv6 */
    const char *helo;            /**< argument of HELO or EHLO; NULL before */
    unsigned int is_esmtp : 1;   /**< EHLO was used */
    unsigned int is_tls : 1;
    const char *login;           /**< who authenticated (RFC 4954), or NULL */
    apr_time_t began;
    unsigned int messages;       /**< accepted so far */
    unsigned int errors;         /**< commands refused by 5xx so far */
    /** What announced extensions are on for this session. */
    smtp_extension_set_t extensions;
    /** For modules: a note lives as long as the session. Key: module name
     *  first, as in "mod_example.score". */
    apr_table_t *notes;
    const char *tls_version;     /**< "TLSv1.3"; NULL: no TLS */
    const char *tls_cipher;      /**< OpenSSL's name; NULL: no TLS */
    const char *auth_mechanism;  /**< "PLAIN", ...; NULL: no login */
    /** There is no client: this server sends a message of its own
     *  (smtp_queue.h). Of the hooks only route, deliver, delivered, reset and
     *  log hear of it. */
    unsigned int is_own : 1;
} smtp_session_t;

/** The method of what is no mailbox here: an alias leads to an address of
 *  another domain, to which the mail is sent on (RFC 5321 3.9.1). */
#define SMTP_MAILBOX_FORWARD "forward"

/** A mailbox to which a recipient leads after aliases, or an address
 *  elsewhere. */
typedef struct smtp_mailbox_t {
    /** Domain in A-label form and lower case: one that is local here, unless
     *  the method is SMTP_MAILBOX_FORWARD. */
    const char *domain;
    /** Name of the mailbox: local-part in lower case without extension;
     *  elsewhere the local-part as the alias has it. */
    const char *name;
    /** What the delimiter split off, or NULL ("news" of bob+news). */
    const char *extension;
    /** Delivery method ("maildir") and its argument, from SMTPDeliver, or
     *  SMTP_MAILBOX_FORWARD. */
    const char *method;
    const char *argument;        /**< NULL if none */
    /** For Delivered-To: name@domain. Elsewhere the address, quoted where
     *  that is needed. */
    const char *delivered_to;
} smtp_mailbox_t;

/** One accepted or asked-for recipient of a transaction. */
typedef struct smtp_recipient_t {
    const smtp_address_t *forward_path;
    smtp_rcpt_params_t params;   /**< NOTIFY, ORCPT: for DSNs and next hops */
    /** smtp_mailbox_t *: set by the hook that routes the recipient; at least
     *  one when it was accepted, unless it is relayed. */
    apr_array_header_t *mailboxes;
    /** Whether the reply told the client that the recipient is taken. */
    unsigned int is_accepted : 1;
    /** No route hook took the recipient, and <SMTPRelay> allows the client to
     *  send it on: mailboxes is NULL. Who delivers such mail answers the
     *  deliver hook, all others decline. */
    unsigned int is_relayed : 1;
} smtp_recipient_t;

/** A mail transaction (RFC 5321 3.3): from MAIL to the reply to the end of
 *  data, RSET or the like. Lives as long as r->pool. */
typedef struct smtp_transaction_t {
    const smtp_session_t *session;
    /** The request by which httpd's logs, authz and expressions see the
     *  mail. */
    request_rec *r;
    const char *id;              /**< queue id: unique; printable ASCII */
    const smtp_address_t *reverse_path;
    smtp_mail_params_t params;
    apr_array_header_t *recipients; /**< smtp_recipient_t *, accepted ones */
    apr_off_t size_octets;       /**< mail data received so far */
    const smtp_header_t *header; /**< summary of the header section; NULL
                                      before mail data */
    /** Whole header fields, CRLF included, that go on top of the mail below
     *  our Received field; hooks add with smtp_header_field optional
     *  function. */
    const char *added_fields;
    apr_time_t began;
    apr_table_t *notes;          /**< as the session's, for this mail */
} smtp_transaction_t;

/** @name Hooks
 * In order of a session. Those with a reply may refuse (verdicts above).
 * @{ */

/** A client connected, before the greeting. A refusal makes it 554 (or 421),
 *  after which only QUIT is taken (RFC 5321 3.1). */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, int, connect,
                          (smtp_session_t *session, smtp_reply_t *reply))

/** HELO or EHLO with argument @a name. */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, int, helo,
                          (smtp_session_t *session, const char *name,
                           smtp_reply_t *reply))

/** MAIL: reverse-path and parameters are set and valid. */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, int, mail,
                          (smtp_transaction_t *transaction,
                           smtp_reply_t *reply))

/** RCPT: the recipient was routed and would be accepted. */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, int, rcpt,
                          (smtp_transaction_t *transaction,
                           smtp_recipient_t *recipient,
                           smtp_reply_t *reply))

/** DATA, or the first BDAT: before any mail data. */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, int, data,
                          (smtp_transaction_t *transaction,
                           smtp_reply_t *reply))

/** All mail data is here, not yet committed. @a content holds the mail as it
 *  came, without our trace header: memory and file buckets; it may be read
 *  and split, and is destroyed by the caller. */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, int, message,
                          (smtp_transaction_t *transaction,
                           apr_bucket_brigade *content,
                           smtp_reply_t *reply))

/** The message is durable; its 250 is on the way. */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, void, delivered,
                          (smtp_transaction_t *transaction))

/** The transaction ends without a message: RSET, EHLO, an error, or the
 *  connection is gone. */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, void, reset,
                          (smtp_transaction_t *transaction))

/** The session ends: by QUIT or otherwise. */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, void, quit,
                          (smtp_session_t *session))

/** A transaction is over, before its line is logged: notes and
 *  r->subprocess_env may be set for CustomLog. @a reply is the one that ended
 *  it. */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, void, log,
                          (smtp_transaction_t *transaction,
                           const smtp_reply_t *reply))

/**
 * Whose is this forward-path? The first that does not decline decides: OK
 * with recipient->mailboxes filled, or a refusal. mod_smtp itself answers for
 * domains of <SMTPDomain> (APR_HOOK_MIDDLE). When all decline the recipient is
 * relayed if <SMTPRelay> allows the client to send on (recipient->is_relayed),
 * else the client gets 550 5.7.1.
 */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, int, route,
                          (smtp_transaction_t *transaction,
                           smtp_recipient_t *recipient,
                           smtp_reply_t *reply))
/** @} */

/** @name Optional functions (APR_RETRIEVE_OPTIONAL_FN)
 * @{ */

/** Adds a header field on top of the mail, from the message hook or before.
 *  Octets that could break the header are escaped. */
APR_DECLARE_OPTIONAL_FN(void, smtp_transaction_field_add,
                        (smtp_transaction_t *transaction, const char *name,
                         const char *body));

/** The session of a connection, or NULL when it is not SMTP. */
APR_DECLARE_OPTIONAL_FN(const smtp_session_t *, smtp_session_of,
                        (const conn_rec *c));

/** The mail transaction whose synthetic request @a r is, or NULL. */
APR_DECLARE_OPTIONAL_FN(const smtp_transaction_t *, smtp_transaction_of,
                        (const request_rec *r));

/** Whether virtual host @a s speaks SMTP (SMTPEngine On); from check_config
 *  on. */
APR_DECLARE_OPTIONAL_FN(int, smtp_engine_is_on, (const server_rec *s));
/** @} */

#endif
