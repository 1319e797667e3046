/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A value in the cache begins with its expiry, which caches do not tell: a
 * value that is taken over a restart keeps it.
 */
#include "smtpd_state.h"

#include <string.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_global_mutex.h>
#include <apr_strings.h>

#include <ap_provider.h>
#include <ap_socache.h>
#include <http_core.h>
#include <util_mutex.h>

#include "smtpd_errand.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

#define MUTEX_TYPE "smtp-state"
#define CACHE_NAME "smtp-state"
#define KEPT_NAME "mod_smtp:state"

/* The default cache. A value takes some 100 octets in it, so that 40,000 of
 * them fit before the oldest go: those who guess from many addresses, under
 * many logins, cannot make it forget those of a few minutes ago. */
#define DEFAULT_PROVIDER "shmcb"
#define DEFAULT_ARGUMENT "smtp-state(4194304)"

#define EXPIRY_OCTETS 8
#define STORED_MAX_OCTETS (EXPIRY_OCTETS + SMTPD_STATE_VALUE_MAX_OCTETS)

/* A cache that several may change at once is another machine's, which may
 * hang: others wait so long for who asks it, then do without exactness. */
#define PATIENCE_MSEC 100

static struct {
    const char *name;                     /* SMTPStateCache's, or NULL */
    const ap_socache_provider_t *provider;
    ap_socache_instance_t *instance;
    apr_global_mutex_t *mutex;
    int is_wanted;
    int is_started;
    pid_t parent;
    volatile apr_uint32_t complained;     /* minute of the last complaint */
} state;

/* ------------------------------------------------------- configuration */

apr_status_t smtpd_state_register(apr_pool_t *pconf)
{
    memset(&state, 0, sizeof(state));
    return ap_mutex_register(pconf, MUTEX_TYPE, NULL, APR_LOCK_DEFAULT, 0);
}

static const char *create(apr_pool_t *p, apr_pool_t *ptemp, const char *name,
                          const char *argument)
{
    state.provider = ap_lookup_provider(AP_SOCACHE_PROVIDER_GROUP, name,
                                        AP_SOCACHE_PROVIDER_VERSION);
    if (state.provider == NULL) {
        return apr_psprintf(p, "there is no such cache yet; add, before it, "
                            "LoadModule socache_%s_module "
                            "modules/mod_socache_%s.so", name, name);
    }
    return state.provider->create(&state.instance, argument, ptemp, p);
}

const char *smtpd_state_cache_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const char *colon = strchr(arg, ':');

    if (fault != NULL) {
        return fault;
    }
    state.name = colon == NULL ? arg
                 : apr_pstrmemdup(cmd->pool, arg, (apr_size_t)(colon - arg));
    fault = create(cmd->pool, cmd->temp_pool, state.name,
                   colon == NULL ? NULL : colon + 1);
    return fault == NULL ? NULL
           : apr_psprintf(cmd->pool, "%s \"%s\": %s", cmd->cmd->name, arg,
                          fault);
}

const char *smtpd_state_want(apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *fault = NULL;

    state.is_wanted = 1;
    if (state.instance == NULL) {
        fault = create(pconf, ptemp, DEFAULT_PROVIDER,
                       ap_runtime_dir_relative(pconf, DEFAULT_ARGUMENT));
    }
    if (state.provider == NULL) {
        fault = "add LoadModule socache_" DEFAULT_PROVIDER "_module modules/"
                "mod_socache_" DEFAULT_PROVIDER ".so, or name another cache "
                "by SMTPStateCache";
    }
    return fault;
}

/* ----------------------------------------------------- what is kept when */

typedef struct kept_value_t {
    unsigned char key[SMTPD_STATE_KEY_OCTETS];
    unsigned char octets[STORED_MAX_OCTETS];
    unsigned int len;
} kept_value_t;

/* In httpd's own memory, which outlives configurations. */
typedef struct kept_t {
    apr_pool_t *pool;             /* of what follows; NULL: nothing */
    const char *provider;         /* whose values they are */
    apr_array_header_t *values;   /* kept_value_t */
} kept_t;

static apr_time_t expiry_of(const unsigned char *octets)
{
    apr_int64_t expiry;

    memcpy(&expiry, octets, EXPIRY_OCTETS);
    return expiry;
}

static apr_status_t keep_value(ap_socache_instance_t *instance,
                               server_rec *s, void *ctx,
                               const unsigned char *id, unsigned int id_len,
                               const unsigned char *octets, unsigned int len,
                               apr_pool_t *p)
{
    apr_array_header_t *values = ctx;

    if (id_len == SMTPD_STATE_KEY_OCTETS && len >= EXPIRY_OCTETS
        && len <= STORED_MAX_OCTETS) {
        kept_value_t *value = apr_array_push(values);

        memcpy(value->key, id, id_len);
        memcpy(value->octets, octets, len);
        value->len = len;
    }
    return APR_SUCCESS;
}

/* A child that was killed may have had the mutex. */
static int lock_patiently(void)
{
    int msec;

    for (msec = 0; msec < PATIENCE_MSEC; msec++) {
        if (apr_global_mutex_trylock(state.mutex) == APR_SUCCESS) {
            return 1;
        }
        apr_sleep(apr_time_from_msec(1));
    }
    return 0;
}

static void keep_values(server_rec *s)
{
    kept_t *kept = ap_retained_data_get(KEPT_NAME);

    if (kept == NULL) {
        kept = ap_retained_data_create(KEPT_NAME, sizeof(*kept));
    }
    if (state.provider->iterate == NULL || kept->pool != NULL
        || !lock_patiently()) {
        return;
    }
    apr_pool_create(&kept->pool, s->process->pool);
    kept->provider = apr_pstrdup(kept->pool, state.provider->name);
    kept->values = apr_array_make(kept->pool, 64, sizeof(kept_value_t));
    state.provider->iterate(state.instance, s, kept->values, keep_value,
                            kept->pool);
    apr_global_mutex_unlock(state.mutex);
}

/* Nobody else has the new cache yet. */
static void restore_values(server_rec *s)
{
    kept_t *kept = ap_retained_data_get(KEPT_NAME);
    int i;

    if (kept == NULL || kept->pool == NULL) {
        return;
    }
    for (i = 0; i < kept->values->nelts
                && !strcmp(kept->provider, state.provider->name); i++) {
        kept_value_t *value = &APR_ARRAY_IDX(kept->values, i, kept_value_t);
        apr_time_t expiry = expiry_of(value->octets);

        if (expiry > apr_time_now()) {
            state.provider->store(state.instance, s, value->key,
                                  SMTPD_STATE_KEY_OCTETS, expiry,
                                  value->octets, value->len, kept->pool);
        }
    }
    apr_pool_destroy(kept->pool);
    memset(kept, 0, sizeof(*kept));
}

/* The configuration goes: httpd ends or starts anew. */
static apr_status_t end(void *data)
{
    if (state.is_started && state.parent == getpid()) {
        keep_values(data);
        state.provider->destroy(state.instance, data);
    }
    state.is_started = 0;
    return APR_SUCCESS;
}

int smtpd_state_init(apr_pool_t *pconf, server_rec *s)
{
    static const struct ap_socache_hints hints =
        { SMTPD_STATE_KEY_OCTETS, STORED_MAX_OCTETS / 2,
          APR_USEC_PER_SEC * 600 };
    apr_status_t rv;

    if (!state.is_wanted || state.instance == NULL) {
        return OK;
    }
    /* Logs by itself what is wrong. */
    if (ap_global_mutex_create(&state.mutex, NULL, MUTEX_TYPE, NULL, s,
                               pconf, 0) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    rv = state.provider->init(state.instance, CACHE_NAME, &hints, s, pconf);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, SMTPD_LOGNO(1007)
                     "SMTPStateCache %s: the cache does not start",
                     state.provider->name);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    state.parent = getpid();
    state.is_started = 1;
    restore_values(s);
    apr_pool_cleanup_register(pconf, s, end, apr_pool_cleanup_null);
    return OK;
}

/* Whether only this machine uses the cache. */
static int is_local(void)
{
    return (state.provider->flags & AP_SOCACHE_FLAG_NOTMPSAFE) != 0;
}

void smtpd_state_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv;

    if (!state.is_started) {
        return;
    }
    rv = apr_global_mutex_child_init(&state.mutex,
                                     apr_global_mutex_lockfile(state.mutex),
                                     pchild);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, SMTPD_LOGNO(1004)
                     "Mutex " MUTEX_TYPE ": cannot be used: limits are not "
                     "shared");
        state.is_started = 0;
    }
    else if (!is_local()
             && (rv = smtpd_errand_child_init()) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, SMTPD_LOGNO(1009)
                     "SMTPStateCache: no thread to ask it");
        state.is_started = 0;
    }
}

/* -------------------------------------------------------------- values */

/* A cache that is gone fails each time: one line a minute. */
static void complain(server_rec *s, apr_status_t rv, const char *what)
{
    apr_uint32_t minute =
        (apr_uint32_t)(apr_time_sec(apr_time_now()) / 60) + 1;
    apr_uint32_t last = apr_atomic_read32(&state.complained);

    if (last != minute
        && apr_atomic_cas32(&state.complained, minute, last) == last) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, SMTPD_LOGNO(1005)
                     "SMTPStateCache %s: %s failed; meanwhile limits that "
                     "are shared do not hold", state.provider->name, what);
    }
}

apr_status_t smtpd_state_lock(server_rec *s, int is_change, int *is_locked)
{
    apr_status_t rv;

    *is_locked = 0;
    if (!state.is_started) {
        return APR_ENOTIMPL;
    }
    if (!is_local()) {
        *is_locked = is_change && lock_patiently();
        return APR_SUCCESS;
    }
    rv = apr_global_mutex_lock(state.mutex);
    if (rv != APR_SUCCESS) {
        complain(s, rv, "locking");
        return rv;
    }
    *is_locked = 1;
    return APR_SUCCESS;
}

void smtpd_state_unlock(server_rec *s, int is_locked)
{
    apr_status_t rv;

    if (is_locked
        && (rv = apr_global_mutex_unlock(state.mutex)) != APR_SUCCESS) {
        complain(s, rv, "unlocking");
    }
}

/* One value, on its way from or to the cache. */
typedef struct call_t {
    server_rec *s;
    unsigned char key[SMTPD_STATE_KEY_OCTETS];
    unsigned char stored[STORED_MAX_OCTETS];
    unsigned int len;
    apr_time_t expiry;
    apr_status_t rv;
} call_t;

static void retrieve(void *baton, apr_pool_t *p)
{
    call_t *call = baton;

    call->len = sizeof(call->stored);
    call->rv = state.provider->retrieve(state.instance, call->s, call->key,
                                        sizeof(call->key), call->stored,
                                        &call->len, p);
}

static void store(void *baton, apr_pool_t *p)
{
    call_t *call = baton;

    call->rv = state.provider->store(state.instance, call->s, call->key,
                                     sizeof(call->key), call->expiry,
                                     call->stored, call->len, p);
}

/* A cache on another machine may hang for ever, whatever time-out it was given
 * (apr_redis waits for a line without end). */
static apr_status_t run(call_t *call, void (*what)(void *, apr_pool_t *),
                        apr_pool_t *p)
{
    apr_status_t rv = APR_SUCCESS;

    if (is_local()) {
        what(call, p);
    }
    else {
        rv = smtpd_errand_run(what, call, sizeof(*call));
    }
    return rv == APR_SUCCESS ? call->rv : rv;
}

apr_status_t smtpd_state_get(server_rec *s, apr_pool_t *p,
                             const unsigned char *key, unsigned char *octets,
                             apr_size_t *len)
{
    call_t call = { s, { 0 }, { 0 }, 0, 0, APR_SUCCESS };
    apr_size_t room = *len;
    apr_status_t rv;

    *len = 0;
    memcpy(call.key, key, sizeof(call.key));
    rv = run(&call, retrieve, p);
    if (APR_STATUS_IS_TIMEUP(rv) || rv == APR_ENOMEM) {
        complain(s, rv, "reading");
        return rv;
    }
    /* Providers do not agree on what they say when there is no such value
     * (dbm: APR_EGENERAL); one that is gone fails to write, too. Nor are short
     * or long values ours. */
    if (rv != APR_SUCCESS || call.len < EXPIRY_OCTETS
        || call.len - EXPIRY_OCTETS > room) {
        return APR_NOTFOUND;
    }
    *len = call.len - EXPIRY_OCTETS;
    memcpy(octets, call.stored + EXPIRY_OCTETS, *len);
    return APR_SUCCESS;
}

apr_status_t smtpd_state_put(server_rec *s, apr_pool_t *p,
                             const unsigned char *key,
                             const unsigned char *octets, apr_size_t len,
                             apr_time_t expiry)
{
    call_t call = { s, { 0 }, { 0 }, 0, expiry, APR_SUCCESS };
    apr_int64_t stored_expiry = expiry;
    apr_status_t rv;

    ap_assert(len <= SMTPD_STATE_VALUE_MAX_OCTETS);
    memcpy(call.key, key, sizeof(call.key));
    memcpy(call.stored, &stored_expiry, EXPIRY_OCTETS);
    memcpy(call.stored + EXPIRY_OCTETS, octets, len);
    call.len = (unsigned int)(EXPIRY_OCTETS + len);
    rv = run(&call, store, p);
    if (rv != APR_SUCCESS) {
        complain(s, rv, "writing");
    }
    return rv;
}
