/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_conf_directive.h
 * What carries out the directives of mod_smtp_queue: functions of the command
 * table, each in the form that httpd's http_config.h asks for. They return
 * NULL or a message that names directive, value and remedy. And the tables of
 * numbers and times, which merging and defaults share with them.
 */
#ifndef QUEUE_CONF_DIRECTIVE_H
#define QUEUE_CONF_DIRECTIVE_H

#include <stddef.h>

#include <httpd.h>
#include <http_config.h>

#include "queue_conf.h"

/** In limits.rate_interval, until the configuration is complete: SMTPRate
 *  off, which is not the same as nothing. */
#define QUEUE_CONF_RATE_OFF ((apr_interval_time_t)-1)

/** What directives of one server or virtual host have said. */
typedef struct queue_server_conf_t {
    queue_conf_t whole;          /**< of the main server alone */
    queue_vhost_t vhost;         /**< after queue_conf_complete() whole */
    /** <SMTPDestination> in order of appearance: queue_section_t *. */
    apr_array_header_t *sections;
} queue_server_conf_t;

/** A <SMTPDestination> section as written. */
typedef struct queue_section_t {
    apr_array_header_t *names;   /**< const char *: keys, see
                                      queue_conf_section_key() */
    const queue_destination_conf_t *conf;
} queue_section_t;

queue_server_conf_t *queue_conf_of_server(const server_rec *s);

/** Which struct a field is in. */
typedef enum {
    QUEUE_CONF_WHOLE = 0,        /**< queue_conf_t */
    QUEUE_CONF_VHOST,            /**< queue_vhost_t */
    QUEUE_CONF_DESTINATION       /**< queue_destination_conf_t */
} queue_conf_part_e;

/** A field of type int. */
typedef struct queue_conf_number_t {
    const char *directive;       /**< that sets it */
    queue_conf_part_e part;
    size_t offset;
    int fallback;                /**< when no directive sets it */
    int min;                     /**< least number, beside 0 if that is ok */
    int max;                     /**< 0: it is set by a word */
    const char *zero;            /**< what 0 means; NULL: 0 is wrong */
} queue_conf_number_t;

/** All of them; ends with a row without directive. */
extern const queue_conf_number_t queue_conf_numbers[];

/** A field of type apr_interval_time_t. */
typedef struct queue_conf_time_t {
    const char *directive;
    const char *key;             /**< in front of "="; NULL: none */
    queue_conf_part_e part;
    size_t offset;
    apr_interval_time_t fallback; /**< when no directive sets it */
    apr_interval_time_t min;
    apr_interval_time_t max;
    int can_be_off;              /**< "off" is 0 */
} queue_conf_time_t;

/** All of them; ends with a row without directive. */
extern const queue_conf_time_t queue_conf_times[];

/** The field at @a offset of @a part; @a base is the struct. */
int *queue_conf_number_at(void *base, const queue_conf_number_t *number);
apr_interval_time_t *queue_conf_time_at(void *base,
                                        const queue_conf_time_t *time);

/** @name Defaults into what is unset
 * @{ */
void queue_conf_complete_destination(queue_destination_conf_t *conf);
void queue_conf_complete_vhost(apr_pool_t *p, queue_vhost_t *vhost);
void queue_conf_complete_whole(apr_pool_t *p, queue_conf_t *conf);
/** @} */

/** How a name of a section is looked up: "*", ".parent" or a domain, as
 *  smtp_domain_normalise() has it; NULL when it is none of them. */
const char *queue_conf_section_key(apr_pool_t *p, const char *name);

/**
 * Makes vhost->all and vhost->destinations of @a all, what is in no section,
 * and of @a sections. Of the sections that name a domain the least specific
 * counts first: "*", then ".parent" from the shortest, then the name itself;
 * equals in order of appearance.
 */
void queue_conf_build(apr_pool_t *p, queue_vhost_t *vhost,
                      const queue_destination_conf_t *all,
                      const apr_array_header_t *sections);

/** Sets the tags of all of @a vhosts (queue_vhost_t *), which are built:
 *  destinations that are treated alike have the same.
 *  @param is_used  whether the virtual host sends mail; when all that do are
 *                  treated alike, they need no tag */
void queue_conf_tags_set(apr_pool_t *p, const apr_array_header_t *vhosts,
                         int (*is_used)(const queue_vhost_t *vhost));

/** What does not go together. @return NULL, or a message, in @a ptemp */
const char *queue_conf_faults_find(apr_pool_t *ptemp,
                                   const queue_conf_t *conf);

/** What the queue process would not find in ChrootDir. @return NULL, or a
 *  message, in @a p */
const char *queue_conf_chroot_check(apr_pool_t *p, const queue_conf_t *conf);

/** Advice for the administrator, once.
 *  @param is_used  whether the virtual host sends mail */
void queue_conf_warn(apr_pool_t *ptemp, const queue_conf_t *conf,
                     int (*is_used)(const queue_vhost_t *vhost));

/** As queue_conf_self_get(), of one virtual host and without SMTPOwnHost. */
void queue_conf_vhost_self_get(apr_pool_t *p, const queue_vhost_t *vhost,
                               apr_port_t port, smtp_mx_self_t *self);

/** NULL, or that a directive which sets a field of @a part stands where it
 *  must not. */
const char *queue_conf_part_fault(cmd_parms *cmd, queue_conf_part_e part);

/** Reads 1*DIGIT from @a min to @a max. @return whether it is that */
int queue_conf_digits_parse(const char *s, int min, int max, int *value);

/** Reads a time: seconds, or a number with a unit. @return whether it is one
 *  from @a min to @a max */
int queue_conf_time_parse(apr_pool_t *p, const char *s,
                          apr_interval_time_t min, apr_interval_time_t max,
                          apr_interval_time_t *value);

/** @name Directives with a row in the tables
 * @{ */
const char *queue_conf_number_set(cmd_parms *cmd, void *dir,
                                  const char *arg);
const char *queue_conf_word_set(cmd_parms *cmd, void *dir, const char *arg);
const char *queue_conf_time_set(cmd_parms *cmd, void *dir, const char *arg);
/** @} */

/** @name Directives of the whole server
 * @{ */
const char *queue_conf_dns_server_add(cmd_parms *cmd, void *dir,
                                      const char *arg);
const char *queue_conf_dns_stub_add(cmd_parms *cmd, void *dir,
                                    const char *zone, const char *server);
const char *queue_conf_trust_anchor_set(cmd_parms *cmd, void *dir,
                                        const char *arg);
const char *queue_conf_own_host_add(cmd_parms *cmd, void *dir,
                                    const char *arg);
const char *queue_conf_ca_set(cmd_parms *cmd, void *dir, const char *arg);
const char *queue_conf_certificate_set(cmd_parms *cmd, void *dir,
                                       const char *certificate,
                                       const char *key);
const char *queue_conf_log_set(cmd_parms *cmd, void *dir, const char *arg);
const char *queue_conf_log_format_set(cmd_parms *cmd, void *dir,
                                      const char *arg);
/** @} */

/** @name Directives of a virtual host
 * @{ */
const char *queue_conf_section(cmd_parms *cmd, void *dir, const char *arg);
const char *queue_conf_retry_set(cmd_parms *cmd, void *dir,
                                 const char *args);
const char *queue_conf_priority_add(cmd_parms *cmd, void *dir,
                                    const char *word, const char *condition);
const char *queue_conf_verp_set(cmd_parms *cmd, void *dir, const char *arg);
const char *queue_conf_dsn_from_set(cmd_parms *cmd, void *dir,
                                    const char *arg);
const char *queue_conf_dsn_copy_set(cmd_parms *cmd, void *dir,
                                    const char *arg);
const char *queue_conf_dsn_size_set(cmd_parms *cmd, void *dir,
                                    const char *arg);
const char *queue_conf_dsn_template_set(cmd_parms *cmd, void *dir,
                                        const char *word, const char *path);
/** @} */

/** @name Directives of destinations
 * @a dir is the queue_destination_conf_t of the section or virtual host.
 * @{ */
const char *queue_conf_route_add(cmd_parms *cmd, void *dir, int argc,
                                 char *const argv[]);
const char *queue_conf_tls_set(cmd_parms *cmd, void *dir, int argc,
                               char *const argv[]);
const char *queue_conf_source_add(cmd_parms *cmd, void *dir, int argc,
                                  char *const argv[]);
const char *queue_conf_concurrency_set(cmd_parms *cmd, void *dir,
                                       const char *arg, const char *first);
const char *queue_conf_rate_set(cmd_parms *cmd, void *dir, const char *arg);
const char *queue_conf_backoff_set(cmd_parms *cmd, void *dir,
                                   const char *arg);
/** @} */

#endif
