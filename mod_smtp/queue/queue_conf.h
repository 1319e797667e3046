/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_conf.h
 * Configuration of mod_smtp_queue as directives left it. After post_config it
 * is read-only: any thread, any process.
 */
#ifndef QUEUE_CONF_H
#define QUEUE_CONF_H

#include <apr_hash.h>
#include <apr_tables.h>
#include <apr_time.h>

#include <httpd.h>
#include <http_config.h>
#include <ap_expr.h>

#include "queue_message.h"
#include "queue_retry.h"
#include "queue_schedule.h"
#include "smtp_dns.h"
#include "smtp_mx.h"
#include "smtp_outcome.h"
#include "smtp_tls.h"

#define QUEUE_CONF_UNSET (-1)

/** Where mail goes. */
typedef enum {
    QUEUE_ROUTE_MX = 0,          /**< hosts that DNS names for the domain */
    QUEUE_ROUTE_SMTP,            /**< one host, smarthost or back end */
    QUEUE_ROUTE_LMTP,            /**< LMTP by TCP */
    QUEUE_ROUTE_LMTP_UNIX,       /**< LMTP by a unix socket */
    QUEUE_ROUTE_DISCARD,         /**< taken and dropped */
    QUEUE_ROUTE_ERROR,           /**< refused */
    QUEUE_ROUTE_LOCAL,           /**< never sent on: <SMTPDomain> or nobody */
    /** Kept until somebody fetches it, by ATRN or TURN (queue_turn.h). */
    QUEUE_ROUTE_ON_DEMAND
} queue_route_e;

/** A login at a next hop. */
typedef struct queue_auth_t {
    const char *login;
    const char *password;        /**< read from a file when httpd starts */
    unsigned int without_tls : 1;
} queue_auth_t;

/** One SMTPRoute, or an SMTPDeliver that is the queue's. */
typedef struct queue_route_t {
    queue_route_e kind;
    const char *spec;            /**< as written; for logs and keys */
    /** SMTP, LMTP: a name or an address literal. MX: another domain whose
     *  hosts are meant, or NULL: the recipient's. */
    const char *host;
    apr_port_t port;             /**< 25; LMTP: 24 */
    const char *path;            /**< LMTP_UNIX */
    unsigned int is_implicit_tls : 1; /**< smtps: */
    smtp_status_t status;        /**< ERROR */
    const char *text;            /**< ERROR */
    /** Only for this domain of the reverse-path (A-labels; ".parent": those
     *  below it); "": the null one; NULL: any. */
    const char *sender_domain;
    const ap_expr_info_t *condition; /**< NULL: none */
    const queue_auth_t *auth;    /**< NULL: none */
    /** Of this route; counts before that of the destination, see
     *  queue_found_route_t.conf. QUEUE_CONF_UNSET: none. */
    int tls;
} queue_route_t;

/** An address to send from. */
typedef struct queue_source_t {
    smtp_dns_address_t address;
    unsigned int weight;         /**< 1 and up */
    const char *helo;            /**< NULL: the virtual host's ServerName */
} queue_source_t;

/** What holds for a destination: of <SMTPDestination>, else of the virtual
 *  host. UNSET and NULL: not set by a directive; after queue_conf_complete()
 *  nothing is UNSET. */
typedef struct queue_destination_conf_t {
    /** Tells apart, in keys, destinations of one next hop that are treated
     *  differently: "", or "#" and who asks for it. Not NULL after
     *  queue_conf_complete(). */
    const char *tag;
    const apr_array_header_t *routes;  /**< queue_route_t, first match; none
                                            matches, or NULL: MX */
    queue_limits_t limits;             /**< of them 0: not set */
    int messages_per_connection;       /**< 0: no limit; default 100 */
    int recipients_per_message;        /**< default 100 */
    apr_interval_time_t idle;          /**< a connection is kept; 2 s */
    int tls;                           /**< smtp_tls_level_e */
    int tls_auth;                      /**< the same for routes that log in:
                                            as tls if that is said, else
                                            VERIFY */
    /** The same, but with this level: for routes that say so. */
    const struct queue_destination_conf_t *by_tls[SMTP_TLS_DANE + 1];
    const apr_array_header_t *tls_names; /**< const char *: of certificates */
    int dane;                          /**< TLSA is looked up; default 1 */
    int mta_sts;                       /**< default 1 */
    const apr_array_header_t *sources; /**< queue_source_t, or NULL */
    int family;                        /**< smtp_mx_family_e */
    apr_interval_time_t timeout_connect; /**< of each address; 30 s */
    apr_interval_time_t timeout[SMTP_STAGE_COUNT]; /**< 0: RFC 5321 */
} queue_destination_conf_t;

/** One SMTPPriority. */
typedef struct queue_priority_rule_t {
    queue_priority_e priority;
    const ap_expr_info_t *condition; /**< never NULL */
} queue_priority_rule_t;

/** A virtual host, and the main server. */
typedef struct queue_vhost_t {
    server_rec *s;
    /** As the envelope names it: "ServerName:port", where port is that of the
     *  first address of its <VirtualHost>; 0 for the main server. */
    const char *name;
    const char *tag;             /**< as queue_destination_conf_t's */
    queue_destination_conf_t *all; /**< of what is in no section */
    /** <SMTPDestination>: A-label or ".parent" -> queue_destination_conf_t *,
     *  merged. */
    apr_hash_t *destinations;
    queue_retry_t retry;
    int priority;                /**< SMTPPriority without a condition;
                                      queue_priority_e */
    const apr_array_header_t *priorities; /**< queue_priority_rule_t, first
                                      match; NULL: none */
    const char *verp;            /**< SMTPVERP: delimiters, or NULL */
    const char *postmaster;      /**< SMTPDSNFrom, From of DSNs; NULL:
                                      postmaster@ServerName */
    const char *dsn_copy;        /**< SMTPDSNCopy; a mailbox, or NULL */
    apr_off_t dsn_max_octets;    /**< of what comes back */
    apr_hash_t *dsn_templates;   /**< action ("failed") -> text with
                                      variables, in lines that end in LF */
    int tls_report;              /**< TLS-RPT is sent */
} queue_vhost_t;

/** Of the whole server. */
typedef struct queue_conf_t {
    int is_on;                   /**< SMTPQueue; default 1 */
    const char *spool;           /**< SMTPSpool, absolute; NULL: none */
    int connections;             /**< SMTPQueueConnections; 1000 */
    apr_interval_time_t stop;    /**< SMTPQueueStopTimeout: what is amid a
                                      message may go on so long; 10 s */
    const apr_array_header_t *dns_servers; /**< const char * */
    const char *dns_trust_anchors; /**< NULL: none */
    const apr_array_header_t *dns_stubs;   /**< smtp_dns_stub_t */
    int loopback_is_foreign;     /**< SMTPDNSLoopback; see smtp_mx_self_t */
    const apr_array_header_t *own_hosts; /**< SMTPOwnHost: const char *, as
                                      smtp_domain_normalise() writes them */
    const char *tls_ca_file;     /**< a file, or a hashed directory */
    const char *tls_cert_file;   /**< client certificate */
    const char *tls_key_file;
    /** Made by the parent, who may read the key. For any process. */
    smtp_tls_context_t *tls;
    const char *log_file;        /**< SMTPQueueLog; NULL: httpd's error log at
                                      level info */
    const char *log_format;      /**< NULL: queue_log.h's */
    apr_array_header_t *vhosts;  /**< queue_vhost_t *; [0]: the main server */
    apr_hash_t *vhosts_by_name;  /**< name -> queue_vhost_t * */
    apr_hash_t *vhosts_by_server; /**< server_rec * -> queue_vhost_t * */
} queue_conf_t;

extern const command_rec queue_conf_directives[];

void *queue_conf_create_server(apr_pool_t *p, server_rec *s);
void *queue_conf_merge_server(apr_pool_t *p, void *base, void *add);
void *queue_conf_create_dir(apr_pool_t *p, char *path);
void *queue_conf_merge_dir(apr_pool_t *p, void *base, void *add);

/** check_config: defaults, sections merged, all that can be checked; logs
 *  what is wrong. Runs under `httpd -t` too. @return OK or an HTTP error */
int queue_conf_complete(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *s);

/** After queue_conf_complete(). */
const queue_conf_t *queue_conf_get(void);

/** The virtual host that the envelope names; the main server when there is no
 *  such host any more. Never NULL. */
const queue_vhost_t *queue_conf_vhost_find(const queue_conf_t *conf,
                                           const char *name);
const queue_vhost_t *queue_conf_vhost_of(const queue_conf_t *conf,
                                         const server_rec *s);

/** What holds for mail to @a domain (as smtp_domain_normalise() writes it):
 *  the exact name, then ".parent" from the longest, then what is in no
 *  section. Never NULL. */
const queue_destination_conf_t *
queue_conf_destination_find(const queue_vhost_t *vhost, const char *domain);

/**
 * Who we are to a client that connects to @a port: names of the virtual hosts
 * that speak SMTP there (of 25: not only on the ports of submission, since 25
 * may be another port here), addresses at which they listen on that port
 * (those that the machine has now where that is all of them), and SMTPOwnHost.
 * @param self  out; in @a p
 */
void queue_conf_self_get(apr_pool_t *p, const queue_conf_t *conf,
                         apr_port_t port, smtp_mx_self_t *self);

/** What smtp_dns_create() is to be given; as long as the configuration. */
void queue_conf_dns_get(const queue_conf_t *conf,
                        smtp_dns_options_t *options);

#endif
