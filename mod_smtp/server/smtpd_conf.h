/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_conf.h
 * Configuration of mod_smtp as directives left it: per virtual host, and per
 * <SMTPDomain>. After post_config it is read-only: any thread.
 */
#ifndef SMTPD_CONF_H
#define SMTPD_CONF_H

#include <apr_hash.h>
#include <apr_tables.h>
#include <apr_time.h>

#include <httpd.h>
#include <http_config.h>

#include "smtp_extension.h"
#include "smtp_lookup.h"

/** Of every field: not set by a directive. */
#define SMTPD_CONF_UNSET (-1)

typedef enum { SMTPD_BARE_LF_REJECT = 0, SMTPD_BARE_LF_NORMALISE }
    smtpd_bare_lf_e;

/** SMTPService: a set of defaults. */
typedef enum { SMTPD_SERVICE_MX = 0, SMTPD_SERVICE_SUBMISSION }
    smtpd_service_e;

/** SMTPTLS. Ordered: whoever asks for one also gets what is below it. */
typedef enum {
    SMTPD_TLS_OFF = 0,
    SMTPD_TLS_OPTIONAL,                  /**< STARTTLS is offered */
    SMTPD_TLS_REQUIRED,                  /**< STARTTLS comes first */
    SMTPD_TLS_IMPLICIT                   /**< TLS from the first octet */
} smtpd_tls_mode_e;

/** So many within a time, as "20/10min" says; count 0: no limit. */
typedef struct smtpd_rate_t {
    int count;                           /**< SMTPD_CONF_UNSET: not set */
    apr_interval_time_t interval;
} smtpd_rate_t;

/** What concerns AUTH in a virtual host (smtpd_conf_auth.c). */
typedef struct smtpd_auth_conf_t {
    ap_conf_vector_t *section;           /**< <SMTPAuth>, or NULL: no AUTH */
    const ap_directive_t *directive;     /**< where it stands */
    unsigned int mechanisms;             /**< or of 1u << smtp_sasl_mechanism_e;
                                              0: not set */
    int without_tls;                     /**< SMTPAuthWithoutTLS */
    struct smtpd_map_t *credentials;     /**< SMTPAuthCredentials, or NULL */
    const char *certificate_name;        /**< SMTPAuthCertificateName: the
                                              variable of mod_ssl, or NULL */
    const struct smtp_token_t *token;    /**< SMTPAuthToken's provider, NULL */
    void *token_checker;                 /**< the provider's own */
    int max_failures;                    /**< SMTPAuthLimit connection= */
    smtpd_rate_t address_failures;       /**< address= */
    smtpd_rate_t login_failures;         /**< login= */
    apr_interval_time_t delay;           /**< delay=, of each failure; -1:
                                              not set */
    int is_limited;                      /**< SMTPAuthLimit was given */
} smtpd_auth_conf_t;

/** What concerns relaying and submission (smtpd_conf_relay.c,
 *  smtpd_conf_submission.c). */
typedef struct smtpd_submission_conf_t {
    ap_conf_vector_t *relay_section;     /**< <SMTPRelay>, NULL: nobody */
    ap_conf_vector_t *relay_strangers;   /**< the same as strangers meet it;
                                              for the check at start */
    const ap_directive_t *relay_directive; /**< where it stands */
    int sender_any;                      /**< SMTPSenderLogin any */
    int sender_own;                      /**< SMTPSenderLogin own */
    apr_array_header_t *sender_maps;     /**< smtpd_map_t *, or NULL */
    const char *origin_domain;           /**< SMTPOriginDomain, or NULL */
    int trace_client;                    /**< SMTPTraceClient */
    smtpd_rate_t login_messages;         /**< SMTPLoginLimit messages= */
    smtpd_rate_t login_recipients;       /**< recipients= */
} smtpd_submission_conf_t;

/** An <SMTPOnDemand> section, for one of its names. */
typedef struct smtpd_on_demand_t {
    const char *name;                    /**< A-label, lower case; ".name":
                                              what is below it */
    ap_conf_vector_t *dir_conf;          /**< per-dir configuration, with
                                              Require */
} smtpd_on_demand_t;

/** What concerns mail that others fetch or have sent at their wish
 *  (smtpd_conf_on_demand.c). */
typedef struct smtpd_on_demand_conf_t {
    int etrn;                            /**< SMTPETRN */
    int atrn;                            /**< SMTPATRN */
    int turn;                            /**< SMTPTURN */
    apr_array_header_t *sections;        /**< smtpd_on_demand_t, in order of
                                              appearance */
} smtpd_on_demand_conf_t;

#define SMTPD_DISCLOSE_VRFY 0x1
#define SMTPD_DISCLOSE_EXPN 0x2

/** Per virtual host. Get the merged values by smtpd_conf_get(). */
typedef struct smtpd_conf_t {
    int engine;                          /**< SMTPEngine */
    smtp_extension_set_t extensions_off; /**< SMTPExtensions -KEYWORD */
    smtp_extension_set_t extensions_set; /**< which were named at all */
    apr_interval_time_t timeout_command; /**< SMTPTimeout command= */
    apr_interval_time_t timeout_data;    /**< between octets of mail data */
    apr_interval_time_t timeout_total;   /**< for the data of one mail */
    apr_interval_time_t timeout_handshake; /**< of TLS */
    int bare_lf;                         /**< SMTPBareLF, smtpd_bare_lf_e */
    apr_off_t max_message_octets;        /**< 0: no limit */
    int max_recipients;                  /**< per transaction, >= 1 */
    int max_messages;                    /**< per connection, 0: no limit */
    int max_errors;                      /**< per connection, 0: no limit */
    int max_connections;                 /**< per client, 0: no limit */
    int max_received;                    /**< Received fields, loop */
    int max_command_octets;              /**< command line, >= 2048 */
    int max_text_line_octets;            /**< 0: no limit, else >= 1000 */
    int disclose;                        /**< SMTPD_DISCLOSE_* */
    int service;                         /**< SMTPService, smtpd_service_e */
    int tls;                             /**< SMTPTLS, smtpd_tls_mode_e */
    int has_ssl;                         /**< SSLEngine is on; found after
                                              reading */
    apr_array_header_t *smtps_ports;     /**< apr_port_t: TLS begins at once */
    int asks_certificates;               /**< SSLVerifyClient, but none */
    smtpd_auth_conf_t auth;
    smtpd_submission_conf_t submission;
    smtpd_on_demand_conf_t on_demand;
    /** <SMTPConnect>: per-dir configuration holding Require, or NULL. */
    ap_conf_vector_t *connect_section;
    /** <SMTPDomain> sections in order of appearance: smtpd_section_t *. */
    apr_array_header_t *sections;
    /** Made after reading, by smtpd_domain_build(): A-label in lower case ->
     *  smtpd_domain_t *. Key "." + name stands for ".name" (subdomains). */
    apr_hash_t *domains;
    /** ServerAliases with wildcards, when a section names "*":
     *  const smtpd_domain_t *, in order of appearance. */
    apr_array_header_t *wild_domains;
    /** Whose postmaster <Postmaster> without domain is (RFC 5321 4.5.1): the
     *  ServerName's when it is local, else the first exact name of a
     *  section; NULL when there is neither. */
    const struct smtpd_domain_t *primary;
} smtpd_conf_t;

/** A <SMTPDomain> section as written. */
typedef struct smtpd_section_t {
    apr_array_header_t *names;           /**< const char *, as written */
    ap_conf_vector_t *dir_conf;          /**< per-dir configuration */
    const char *file;                    /**< where it stands, for messages */
    int line;
} smtpd_section_t;

/** A map named by kind:argument. */
typedef struct smtpd_map_t {
    const char *spec;                    /**< as written */
    const char *where;                   /**< directive, spec, file and line:
                                              for messages */
    const smtp_lookup_t *lookup;
    void *map;
} smtpd_map_t;

/**
 * Per <SMTPDomain>: our part of its per-dir configuration. NULL and
 * SMTPD_CONF_UNSET: not set by a directive. After smtpd_domain_build() method
 * and delimiter are never NULL in what it made.
 */
typedef struct smtpd_domain_conf_t {
    int recipients_any;                  /**< SMTPRecipients any */
    apr_array_header_t *recipients;      /**< smtpd_map_t *, or NULL */
    apr_array_header_t *aliases;         /**< smtpd_map_t *, or NULL */
    const char *catch_all;               /**< SMTPCatchAll, or NULL */
    const char *postmaster;              /**< SMTPPostmaster, or NULL */
    const char *delimiter;               /**< octets that split, "" for none */
    const char *method;                  /**< SMTPDeliver */
    const char *argument;                /**< of the method, NULL if none */
    int tls;                             /**< SMTPTLS: smtpd_tls_mode_e,
                                              OPTIONAL or REQUIRED */
    /** SMTPAlias lines of this section: a map that is also in aliases; NULL
     *  when there are none, and in merged configurations. */
    smtpd_map_t *inline_aliases;
} smtpd_domain_conf_t;

/** A local domain of a virtual host. */
typedef struct smtpd_domain_t {
    const char *name;                    /**< A-label, lower case */
    int is_pattern;                      /**< stands for subdomains, or for a
                                              ServerAlias with wildcards */
    const smtpd_domain_conf_t *conf;     /**< all sections merged */
    server_rec *s;
} smtpd_domain_t;

/** The directives of mod_smtp. */
extern const command_rec smtpd_conf_directives[];

void *smtpd_conf_create_server(apr_pool_t *p, server_rec *s);
void *smtpd_conf_merge_server(apr_pool_t *p, void *base, void *add);
void *smtpd_conf_create_dir(apr_pool_t *p, char *path);
void *smtpd_conf_merge_dir(apr_pool_t *p, void *base, void *add);

/** Defaults into what is unset. */
void smtpd_conf_complete_dir(smtpd_domain_conf_t *conf);

/** The configuration of virtual host @a s. After smtpd_conf_complete() no
 *  field is unset. */
smtpd_conf_t *smtpd_conf_get(server_rec *s);

/** Defaults into what is unset, but the domains. */
void smtpd_conf_complete_server(smtpd_conf_t *conf);

/** check_config: defaults into what is unset, domains built, and all that can
 *  be checked is checked: logs what is wrong and returns an HTTP error or OK.
 *  Runs under `httpd -t` too. */
int smtpd_conf_complete(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *s);

/** Whether TLS begins with the first octet (RFC 8314) of a connection to
 *  @a port. */
int smtpd_conf_is_implicit(const smtpd_conf_t *conf, apr_port_t port);

/** What EHLO offers on @a s before TLS and AUTH come into it. */
smtp_extension_set_t smtpd_conf_extensions(const smtpd_conf_t *conf);

#endif
