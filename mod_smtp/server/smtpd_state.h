/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_state.h
 * SMTPStateCache: small values that all children share, and all machines that
 * name the same Redis or memcached, in a cache of httpd's (ap_socache.h).
 * What is in it may vanish at any time, and is no secret.
 *
 * What is in the default cache outlives a graceful restart: the parent takes
 * it over. What children of the old generation still write meanwhile is lost.
 */
#ifndef SMTPD_STATE_H
#define SMTPD_STATE_H

#include <httpd.h>
#include <http_config.h>

/** Octets of a key: a digest, so that nothing that a peer sent is seen by a
 *  back end. */
#define SMTPD_STATE_KEY_OCTETS 20
/** A value is no longer than this. */
#define SMTPD_STATE_VALUE_MAX_OCTETS 64

/** @name Configuration
 * @{ */

/** Carries out SMTPStateCache provider[:argument]. */
const char *smtpd_state_cache_set(cmd_parms *cmd, void *dir, const char *arg);

/** pre_config: forgets the configuration of before; the mutex "smtp-state"
 *  becomes known to the Mutex directive. */
apr_status_t smtpd_state_register(apr_pool_t *pconf);

/**
 * check_config, when some limit wants to be shared: makes the default cache
 * if no SMTPStateCache was given.
 * @return NULL, or what is missing: the remedy, for a message
 */
const char *smtpd_state_want(apr_pool_t *pconf, apr_pool_t *ptemp);

/** post_config: starts the cache, if it is wanted. @return OK or an HTTP
 *  error, which was logged */
int smtpd_state_init(apr_pool_t *pconf, server_rec *s);

/** child_init. */
void smtpd_state_child_init(apr_pool_t *pchild, server_rec *s);
/** @} */

/** @name Values
 * Any thread of a child. APR_ENOTIMPL: there is no cache. Other errors but
 * APR_NOTFOUND are logged here, once a minute.
 * @{ */

/**
 * Begins to read values, or to change them (@a is_change): from here to
 * smtpd_state_unlock() no other child of this machine changes one. Be quick.
 * @param is_locked  out: for smtpd_state_unlock(), which is called unless
 *                   there was an error
 */
apr_status_t smtpd_state_lock(server_rec *s, int is_change, int *is_locked);
void smtpd_state_unlock(server_rec *s, int is_locked);

/**
 * The value of @a key.
 * @param len  in: room in @a octets, SMTPD_STATE_VALUE_MAX_OCTETS at most;
 *             out: octets of the value, 0 on errors
 * @return APR_NOTFOUND: there is none, or the cache cannot be asked
 */
apr_status_t smtpd_state_get(server_rec *s, apr_pool_t *p,
                             const unsigned char *key, unsigned char *octets,
                             apr_size_t *len);

/** Keeps a value until @a expiry. */
apr_status_t smtpd_state_put(server_rec *s, apr_pool_t *p,
                             const unsigned char *key,
                             const unsigned char *octets, apr_size_t len,
                             apr_time_t expiry);
/** @} */

#endif
