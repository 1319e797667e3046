/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_counter.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_sha1.h>

#include "smtpd_state.h"
#include "smtpd_window.h"

const char *smtpd_counter_fold(apr_pool_t *p, const char *login,
                               apr_size_t *len)
{
    char *folded = apr_palloc(p, strlen(login) + 1), *end = folded;

    for (; *login != '\0'; login++) {
        if (!apr_isspace(*login)) {
            *end++ = (char)apr_tolower(*login);
        }
    }
    *end = '\0';
    *len = (apr_size_t)(end - folded);
    return folded;
}

/* Of the key, a digest: nothing that a peer made up (quotes, CR LF, megabytes)
 * reaches a back end, whatever its protocol. */
static void digest(unsigned char key[APR_SHA1_DIGESTSIZE],
                   const smtpd_counter_t *counter)
{
    apr_sha1_ctx_t sha1;
    apr_int64_t msec = apr_time_as_msec(counter->interval);
    unsigned char octets[8];
    int i;

    for (i = 0; i < 8; i++) {
        octets[i] = (unsigned char)(msec >> (8 * (7 - i)));
    }
    apr_sha1_init(&sha1);
    /* Its NUL included: where the kind ends is no matter of the client's. */
    apr_sha1_update_binary(&sha1, (const unsigned char *)counter->kind,
                           (unsigned int)strlen(counter->kind) + 1);
    apr_sha1_update_binary(&sha1, octets, sizeof(octets));
    if (counter->host) {
        apr_sha1_update_binary(&sha1, (const unsigned char *)counter->host,
                               (unsigned int)strlen(counter->host) + 1);
    }
    apr_sha1_update_binary(&sha1, counter->who,
                           (unsigned int)counter->who_len);
    apr_sha1_final(key, &sha1);
}

/* Nothing, and octets that are not ours, are a window without events. */
static apr_status_t read_window(server_rec *s, apr_pool_t *p,
                                const unsigned char *key,
                                smtpd_window_t *window)
{
    unsigned char octets[SMTPD_WINDOW_OCTETS];
    apr_size_t len = sizeof(octets);
    apr_status_t rv = smtpd_state_get(s, p, key, octets, &len);

    smtpd_window_parse(window, octets, len);
    return APR_STATUS_IS_NOTFOUND(rv) ? APR_SUCCESS : rv;
}

static apr_status_t write_window(server_rec *s, apr_pool_t *p,
                                 const unsigned char *key,
                                 const smtpd_window_t *window,
                                 apr_interval_time_t interval)
{
    unsigned char octets[SMTPD_WINDOW_OCTETS];

    smtpd_window_write(octets, window);
    return smtpd_state_put(s, p, key, octets, sizeof(octets),
                           smtpd_window_expiry(window, interval));
}

apr_status_t smtpd_counter_get(server_rec *s, apr_pool_t *p,
                               const smtpd_counter_t *counter,
                               apr_uint32_t *count)
{
    unsigned char key[SMTPD_STATE_KEY_OCTETS];
    smtpd_window_t window = { 0, 0, 0 };
    int is_locked;
    apr_status_t rv;

    *count = 0;
    digest(key, counter);
    if ((rv = smtpd_state_lock(s, 0, &is_locked)) != APR_SUCCESS) {
        return rv;
    }
    rv = read_window(s, p, key, &window);
    smtpd_state_unlock(s, is_locked);
    if (rv == APR_SUCCESS) {
        *count = smtpd_window_count(&window, apr_time_now(),
                                    counter->interval);
    }
    return rv;
}

/* Between lock and unlock. */
static apr_status_t change(server_rec *s, apr_pool_t *p,
                           const smtpd_counter_t *counter, int amount,
                           apr_uint32_t max, apr_uint32_t *count)
{
    unsigned char key[SMTPD_STATE_KEY_OCTETS];
    apr_interval_time_t interval = counter->interval;
    apr_time_t now = apr_time_now();
    smtpd_window_t window;
    apr_status_t rv;

    digest(key, counter);
    if ((rv = read_window(s, p, key, &window)) != APR_SUCCESS) {
        return rv;
    }
    if (max && smtpd_window_count(&window, now, interval) >= max) {
        return APR_EGENERAL;
    }
    smtpd_window_add(&window, now, interval, amount);
    *count = smtpd_window_count(&window, now, interval);
    return write_window(s, p, key, &window, interval);
}

static apr_status_t change_locked(server_rec *s, apr_pool_t *p,
                                  const smtpd_counter_t *counter, int amount,
                                  apr_uint32_t max, apr_uint32_t *count)
{
    int is_locked;
    apr_status_t rv = smtpd_state_lock(s, 1, &is_locked);

    *count = 0;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = change(s, p, counter, amount, max, count);
    smtpd_state_unlock(s, is_locked);
    if (rv != APR_SUCCESS) {
        *count = 0;
    }
    return rv;
}

apr_status_t smtpd_counter_add(server_rec *s, apr_pool_t *p,
                               const smtpd_counter_t *counter, int amount,
                               apr_uint32_t *count)
{
    return change_locked(s, p, counter, amount, 0, count);
}

apr_status_t smtpd_counter_take(server_rec *s, apr_pool_t *p,
                                const smtpd_counter_t *counter,
                                apr_uint32_t max)
{
    apr_uint32_t count;

    return change_locked(s, p, counter, 1, max, &count);
}
