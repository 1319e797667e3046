/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_conf_directive.h
 * What carries out the directives: functions of the command table, each in
 * the form that httpd's http_config.h asks for. They return NULL or a message
 * that names directive, value and remedy. And the table of numbers, which
 * merging and defaults share with them.
 */
#ifndef SMTPD_CONF_DIRECTIVE_H
#define SMTPD_CONF_DIRECTIVE_H

#include <stddef.h>

#include <httpd.h>
#include <http_config.h>

#include "smtpd_conf.h"

/** A field of type int of smtpd_conf_t. */
typedef struct smtpd_conf_number_t {
    const char *directive;       /**< that sets it */
    size_t offset;
    int fallback;                /**< when no directive sets it */
    int min;                     /**< least number, beside 0 if that is ok */
    int max;                     /**< 0: it is not set as a number */
    const char *zero;            /**< what 0 means; NULL: 0 is wrong */
} smtpd_conf_number_t;

/** All of them but engine; ends with a row without directive. */
extern const smtpd_conf_number_t smtpd_conf_numbers[];

/** The field of @a number in @a conf, a smtpd_conf_t. */
int *smtpd_conf_number_at(void *conf, const smtpd_conf_number_t *number);

/** A field of type apr_interval_time_t, set by SMTPTimeout. */
typedef struct smtpd_conf_timeout_t {
    const char *key;
    size_t offset;
    apr_interval_time_t fallback;
} smtpd_conf_timeout_t;

/** All of them; ends with a row without key. */
extern const smtpd_conf_timeout_t smtpd_conf_timeouts[];

/** The field of @a timeout in @a conf, a smtpd_conf_t. */
apr_interval_time_t *
smtpd_conf_timeout_at(void *conf, const smtpd_conf_timeout_t *timeout);

/** The extensions that SMTPExtensions knows. */
#define SMTPD_CONF_EXTENSIONS \
    (SMTP_EXTENSION_PIPELINING | SMTP_EXTENSION_SIZE \
     | SMTP_EXTENSION_8BITMIME | SMTP_EXTENSION_SMTPUTF8 \
     | SMTP_EXTENSION_CHUNKING | SMTP_EXTENSION_BINARYMIME \
     | SMTP_EXTENSION_STATUSCODES | SMTP_EXTENSION_DSN \
     | SMTP_EXTENSION_LIMITS | SMTP_EXTENSION_HELP \
     | SMTP_EXTENSION_REQUIRETLS)

/**
 * What is wrong with offering @a on: NULL, or a message about one that was
 * @a asked for and rests on one that is off (BINARYMIME without CHUNKING).
 */
const char *smtpd_conf_extensions_fault(apr_pool_t *p,
                                        smtp_extension_set_t on,
                                        smtp_extension_set_t asked);

/** @name Directives of a virtual host
 * @{ */
const char *smtpd_conf_engine_set(cmd_parms *cmd, void *dir, int flag);
const char *smtpd_conf_extensions_set(cmd_parms *cmd, void *dir, int argc,
                                      char *const argv[]);
const char *smtpd_conf_timeout_set(cmd_parms *cmd, void *dir,
                                   const char *arg);
const char *smtpd_conf_size_set(cmd_parms *cmd, void *dir, const char *arg);
/** A number: the row of smtpd_conf_numbers is found by the directive. */
const char *smtpd_conf_number_set(cmd_parms *cmd, void *dir,
                                  const char *arg);
/** SMTPAuthLimit and SMTPLoginLimit (smtpd_conf_limit.c). */
const char *smtpd_conf_auth_limit_set(cmd_parms *cmd, void *dir,
                                      const char *arg);
const char *smtpd_conf_login_limit_set(cmd_parms *cmd, void *dir,
                                       const char *arg);
/** A word that stands for a number: SMTPBareLF, SMTPDisclose. */
const char *smtpd_conf_word_set(cmd_parms *cmd, void *dir, const char *arg);
/** @} */

/** @name What sections are made of
 * @{ */
/** The first line of a section whose directives are httpd's: where it may
 *  stand, and whether each of them is heard. @param args  out: without ">" */
const char *smtpd_conf_section_args(cmd_parms *cmd, const char *arg,
                                    const char **args);

/** The same of one that takes no argument. */
const char *smtpd_conf_section_begin(cmd_parms *cmd, const char *arg);

/** smtp_config_section_walk() for this module. */
const char *smtpd_conf_section_walk(cmd_parms *cmd, ap_directive_t *first,
                                    int allowed, ap_conf_vector_t **dir_conf);

/** Merges @a section into what is @a present of it (NULL: nothing yet), as
 *  httpd merges sections. */
void smtpd_conf_section_join(apr_pool_t *p, ap_conf_vector_t **present,
                             ap_conf_vector_t *section);
/** @} */

/** @name TLS
 * @{ */
/** SMTPTLS of a virtual host, or of <SMTPDomain>. */
const char *smtpd_conf_tls_set(cmd_parms *cmd, void *dir, const char *arg);

/** The directive @a name of mod_ssl that is in force for @a s, or NULL. */
const ap_directive_t *smtpd_conf_ssl_find(const server_rec *s,
                                          const char *name);

/** Whether SSLEngine is on for @a s, by the directives that were read. */
int smtpd_conf_has_ssl(const server_rec *s);

/** Sets has_ssl, smtps_ports and asks_certificates, and tls where no directive
 *  did; once all is read. */
void smtpd_conf_tls_complete(apr_pool_t *p, server_rec *s,
                             smtpd_conf_t *conf);

/** NULL, or what is wrong with TLS in a virtual host. */
const char *smtpd_conf_tls_check(apr_pool_t *p, const smtpd_conf_t *conf);
/** @} */

/** @name Sections
 * @{ */
const char *smtpd_conf_relay_section(cmd_parms *cmd, void *dir,
                                     const char *arg);
const char *smtpd_conf_connect_section(cmd_parms *cmd, void *dir,
                                       const char *arg);
const char *smtpd_conf_on_demand_section(cmd_parms *cmd, void *dir,
                                         const char *arg);
const char *smtpd_conf_domain_section(cmd_parms *cmd, void *dir,
                                      const char *arg);
/** @} */

/** @name Directives of <SMTPDomain>
 * @a dir is the smtpd_domain_conf_t of the section.
 * @{ */
const char *smtpd_conf_recipients_add(cmd_parms *cmd, void *dir,
                                      const char *arg);
const char *smtpd_conf_aliases_add(cmd_parms *cmd, void *dir,
                                   const char *arg);
const char *smtpd_conf_alias_add(cmd_parms *cmd, void *dir, const char *name,
                                 const char *target);
const char *smtpd_conf_catch_all_set(cmd_parms *cmd, void *dir,
                                     const char *arg);
const char *smtpd_conf_postmaster_set(cmd_parms *cmd, void *dir,
                                      const char *arg);
const char *smtpd_conf_delimiter_set(cmd_parms *cmd, void *dir,
                                     const char *arg);
const char *smtpd_conf_deliver_set(cmd_parms *cmd, void *dir,
                                   const char *arg);
/** @} */

#endif
