/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * txt: maps. The file is read when httpd starts, where a fault refuses the
 * start, and again when it changes, where a fault keeps what was read before:
 * a slip of the editor must not turn all recipients away.
 *
 * The mutex guards the fields below it in the struct. Searching under it is
 * shorter than counting who searches. Reading the file is not done under it.
 */
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <apr_time.h>

#include <httpd.h>
#include <http_config.h>

#include "smtpd_lookup.h"
#include "smtpd_lookup_table.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

/** How often a file is looked at; and how long one that is overwritten in
 *  place must have rested, lest its first half be taken for the whole. */
#define REST apr_time_from_sec(1)

/** Beyond this a DBM file or a database is the better map. */
#define MAX_OCTETS (64 * 1024 * 1024)

#define WANTED_INFO \
    (APR_FINFO_MTIME | APR_FINFO_CTIME | APR_FINFO_SIZE | APR_FINFO_INODE)

/** What tells one state of a file from another. All zero: no file. */
typedef struct txt_state_t {
    apr_time_t mtime;
    apr_time_t ctime;            /**< says that permissions were mended */
    apr_off_t size_octets;
    apr_ino_t inode;
} txt_state_t;

typedef struct txt_map_t {
    server_rec *s;               /**< for the log */
    smtp_lookup_content_e content;
    const char *path;
#if APR_HAS_THREADS
    apr_thread_mutex_t *mutex;
#endif
    apr_pool_t *pool;            /**< of the table */
    apr_hash_t *table;
    txt_state_t state;           /**< of the file when last read or refused */
    apr_time_t looked;           /**< when its state was last asked for */
    int is_reading;              /**< a thread reads it at this moment */
} txt_map_t;

static void txt_lock(txt_map_t *txt)
{
#if APR_HAS_THREADS
    apr_thread_mutex_lock(txt->mutex);
#endif
}

static void txt_unlock(txt_map_t *txt)
{
#if APR_HAS_THREADS
    apr_thread_mutex_unlock(txt->mutex);
#endif
}

static void state_set(txt_state_t *state, const apr_finfo_t *info)
{
    state->mtime = info->mtime;
    state->ctime = info->ctime;
    state->size_octets = info->size;
    state->inode = info->inode;
}

static int state_is_equal(const txt_state_t *a, const txt_state_t *b)
{
    return a->mtime == b->mtime && a->ctime == b->ctime
           && a->size_octets == b->size_octets && a->inode == b->inode;
}

/** The octets of the open file. APR_EAGAIN when it changed meanwhile. */
static apr_status_t octets_read(apr_pool_t *p, apr_file_t *file,
                                char **octets, txt_state_t *state)
{
    apr_finfo_t info;
    txt_state_t after;
    apr_size_t len;
    apr_status_t rv = apr_file_info_get(&info, WANTED_INFO, file);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    state_set(state, &info);
    if (info.size > MAX_OCTETS) {
        return APR_ENOSPC;
    }
    len = (apr_size_t)info.size;
    *octets = apr_palloc(p, len + 1);
    rv = apr_file_read_full(file, *octets, len, NULL);
    if (rv == APR_SUCCESS || APR_STATUS_IS_EOF(rv)) {
        rv = apr_file_info_get(&info, WANTED_INFO, file);
    }
    state_set(&after, &info);
    if (rv == APR_SUCCESS && !state_is_equal(state, &after)) {
        return APR_EAGAIN;
    }
    return rv;
}

/**
 * Reads the file into a table in @a p.
 * @param txt    whose file; but path and content nothing of it is used
 * @param state  out: of what was read; unchanged when it cannot be opened
 * @param fault  out: in @a p, when the status is not APR_SUCCESS
 * @return APR_EAGAIN when somebody writes to it, APR_EGENERAL when its
 *         content is wrong
 */
static apr_status_t table_read(apr_pool_t *p, const txt_map_t *txt,
                               apr_hash_t **table, txt_state_t *state,
                               const char **fault)
{
    const char *path = txt->path;
    apr_file_t *file;
    char *octets = NULL;
    char reason[120];
    apr_pool_t *scratch;
    apr_status_t rv;

    *table = NULL;
    *fault = NULL;
    apr_pool_create(&scratch, p);
    rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY,
                       APR_FPROT_OS_DEFAULT, scratch);
    if (rv == APR_SUCCESS) {
        rv = octets_read(scratch, file, &octets, state);
    }
    if (rv == APR_ENOSPC) {
        *fault = apr_psprintf(p, "%s is larger than %d MB; use dbm: or dbd:",
                              path, MAX_OCTETS / (1024 * 1024));
    }
    else if (rv != APR_SUCCESS) {
        *fault = apr_psprintf(p, "cannot read %s: %s", path,
                              apr_strerror(rv, reason, sizeof(reason)));
    }
    else {
        *fault = smtpd_lookup_table_parse(p, octets,
                                          (apr_size_t)state->size_octets,
                                          txt->content, table);
        if (*fault != NULL) {
            *fault = apr_psprintf(p, "%s, %s", path, *fault);
            rv = APR_EGENERAL;
        }
    }
    apr_pool_destroy(scratch);
    return rv;
}

static apr_status_t txt_close(void *map)
{
    txt_map_t *txt = map;

    apr_pool_destroy(txt->pool);
    return APR_SUCCESS;
}

static const char *txt_open(apr_pool_t *p, server_rec *s,
                            const char *argument,
                            smtp_lookup_content_e content, void **map)
{
    txt_map_t *txt = apr_pcalloc(p, sizeof(*txt));
    const char *fault;

    *map = txt;
    txt->s = s;
    txt->content = content;
    txt->path = *argument == '\0' ? NULL : ap_server_root_relative(p, argument);
    if (txt->path == NULL) {
        return "names no file; write txt:path";
    }
#if APR_HAS_THREADS
    if (apr_thread_mutex_create(&txt->mutex, APR_THREAD_MUTEX_DEFAULT, p)
        != APR_SUCCESS) {
        return "no mutex to be had from the system";
    }
#endif
    /* No child of p: tables come and go in any thread, and p is not made for
     * that. */
    if (apr_pool_create(&txt->pool, NULL) != APR_SUCCESS) {
        return "no memory";
    }
    apr_pool_tag(txt->pool, "smtpd_lookup_txt");
    apr_pool_cleanup_register(p, txt, txt_close, apr_pool_cleanup_null);
    if (table_read(txt->pool, txt, &txt->table, &txt->state, &fault)
        != APR_SUCCESS) {
        return apr_pstrdup(p, fault);
    }
    return NULL;
}

/** Puts a new table in the place of the old one. */
static void table_swap(txt_map_t *txt, apr_pool_t *pool, apr_hash_t *table)
{
    apr_pool_t *old;

    txt_lock(txt);
    old = txt->pool;
    txt->pool = pool;
    txt->table = table;
    txt_unlock(txt);
    apr_pool_destroy(old);
}

/** Reads the file anew. One thread at a time. */
static void txt_reread(txt_map_t *txt, txt_state_t *state)
{
    apr_pool_t *pool;
    apr_hash_t *table;
    const char *fault;
    apr_status_t rv;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return;
    }
    apr_pool_tag(pool, "smtpd_lookup_txt");
    rv = table_read(pool, txt, &table, state, &fault);
    if (rv == APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, txt->s,
                     SMTPD_LOGNO(1110) "%s was read again: %u names", txt->path,
                     apr_hash_count(table));
        table_swap(txt, pool, table);
        return;
    }
    if (rv != APR_EAGAIN) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, txt->s,
                     SMTPD_LOGNO(1111) "%s; what was read before stays in "
                     "force", fault);
    }
    else {
        *state = txt->state;     /* still to be read */
    }
    apr_pool_destroy(pool);
}

/** The state of the file as far as it concerns us: unchanged while it is
 *  being overwritten in place. */
static void state_get(apr_pool_t *p, const txt_map_t *txt, apr_time_t now,
                      txt_state_t *state)
{
    apr_finfo_t info;
    apr_status_t rv = apr_stat(&info, txt->path, WANTED_INFO, p);

    memset(state, 0, sizeof(*state));
    if (rv != APR_SUCCESS) {
        return;
    }
    state_set(state, &info);
    if (state->inode == txt->state.inode && state->mtime <= now
        && now - state->mtime < REST) {
        *state = txt->state;
    }
}

/** Whether it is this thread's turn to look at the file. */
static int turn_take(txt_map_t *txt, apr_time_t now)
{
    int is_mine;

    txt_lock(txt);
    is_mine = !txt->is_reading
              && (now - txt->looked >= REST || now < txt->looked);
    if (is_mine) {
        txt->is_reading = 1;
        txt->looked = now;
    }
    txt_unlock(txt);
    return is_mine;
}

static void txt_refresh(apr_pool_t *p, txt_map_t *txt)
{
    apr_time_t now = apr_time_now();
    txt_state_t state;

    if (!turn_take(txt, now)) {
        return;
    }
    /* Only who has the turn writes txt->state, hence reads it freely. */
    state_get(p, txt, now, &state);
    if (!state_is_equal(&state, &txt->state)) {
        txt_reread(txt, &state);
        txt->state = state;
    }
    txt_lock(txt);
    txt->is_reading = 0;
    txt_unlock(txt);
}

static apr_status_t txt_find(apr_pool_t *p, request_rec *r, void *map,
                             const char *key, const char **value)
{
    txt_map_t *txt = map;

    if (r != NULL) {
        txt_refresh(p, txt);
    }
    txt_lock(txt);
    *value = apr_pstrdup(p, apr_hash_get(txt->table, key,
                                         APR_HASH_KEY_STRING));
    txt_unlock(txt);
    return APR_SUCCESS;
}

/** At start, when there are no other threads; visit may search. */
static apr_status_t txt_each(apr_pool_t *p, void *map,
                             apr_status_t (*visit)(void *ctx, const char *key,
                                                   const char *value),
                             void *ctx)
{
    return smtpd_lookup_list.each(p, ((txt_map_t *)map)->table, visit, ctx);
}

const smtp_lookup_t smtpd_lookup_txt = { txt_open, txt_find, txt_each };
