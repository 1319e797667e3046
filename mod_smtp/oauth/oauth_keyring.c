/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The keys in force are a generation: a set in a pool of its own, with a count
 * of those who use it. The mutex guards that count, which generation is in
 * force, and whose turn it is to look at files; neither files are read nor
 * signatures checked under it.
 */
#include "oauth_keyring.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <openssl/crypto.h>

#define WANTED_INFO (APR_FINFO_MTIME | APR_FINFO_CTIME | APR_FINFO_SIZE \
                     | APR_FINFO_INODE | APR_FINFO_PROT | APR_FINFO_TYPE)

/** What tells one state of a file from another. All zero: no file. */
typedef struct state_t {
    apr_time_t mtime;
    apr_time_t ctime;            /**< says that permissions were mended */
    apr_off_t size_octets;
    apr_ino_t inode;
} state_t;

/** What a file held when it was last good: kept, since another file may change
 *  when this one is broken, or not readable to the children. */
typedef struct content_t {
    apr_pool_t *pool;            /**< its own */
    char *octets;
    apr_size_t len;
} content_t;

/** A file with keys. */
typedef struct source_t {
    const char *path;
    const oauth_algorithm_t *algorithm;  /**< NULL: not said */
    oauth_keys_add_t *add;
    int is_secret;
    state_t state;               /**< when last read or refused */
    content_t *content;
} source_t;

typedef struct generation_t {
    oauth_keys_t keys;           /**< first: by it the generation is found */
    int users;                   /**< the keyring is one while in force */
} generation_t;

struct oauth_keyring_t {
    apr_array_header_t *sources; /**< of source_t */
#if APR_HAS_THREADS
    apr_thread_mutex_t *mutex;
#endif
    generation_t *current;       /**< empty while no file was added */
    apr_time_t looked;           /**< when files were last looked at */
    int is_reading;              /**< a thread looks at this moment */
};

static void ring_lock(oauth_keyring_t *ring)
{
#if APR_HAS_THREADS
    apr_thread_mutex_lock(ring->mutex);
#endif
}

static void ring_unlock(oauth_keyring_t *ring)
{
#if APR_HAS_THREADS
    apr_thread_mutex_unlock(ring->mutex);
#endif
}

/* ---- Generations ---- */

/** An empty one. No pool of the configuration's above it: it comes and goes
 *  in any thread. */
static generation_t *generation_create(void)
{
    apr_pool_t *pool;
    generation_t *generation;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_tag(pool, "oauth_keyring");
    generation = apr_pcalloc(pool, sizeof(*generation));
    oauth_keys_init(&generation->keys, pool);
    generation->users = 1;
    return generation;
}

static void generation_release(oauth_keyring_t *ring,
                               generation_t *generation)
{
    int is_last;

    ring_lock(ring);
    is_last = --generation->users == 0;
    ring_unlock(ring);
    if (is_last) {
        apr_pool_destroy(generation->keys.pool);
    }
}

/** Puts @a generation in force. */
static void generation_swap(oauth_keyring_t *ring, generation_t *generation)
{
    generation_t *old;

    ring_lock(ring);
    old = ring->current;
    ring->current = generation;
    ring_unlock(ring);
    generation_release(ring, old);
}

/* ---- Files ---- */

static void state_set(state_t *state, const apr_finfo_t *info)
{
    state->mtime = info->mtime;
    state->ctime = info->ctime;
    state->size_octets = info->size;
    state->inode = info->inode;
}

static int state_is_equal(const state_t *a, const state_t *b)
{
    return a->mtime == b->mtime && a->ctime == b->ctime
           && a->size_octets == b->size_octets && a->inode == b->inode;
}

/** Why a file of this kind is not read, or NULL. */
static const char *info_fault(const source_t *source, const apr_finfo_t *info)
{
    if (info->filetype != APR_REG) {
        return "is no regular file";
    }
    if (info->size > OAUTH_KEYRING_FILE_MAX) {
        return "is larger than 1 MB";
    }
    if (source->is_secret
        && (info->protection & (APR_FPROT_WREAD | APR_FPROT_WWRITE)) != 0) {
        return "holds a secret that all users of this machine can read or "
               "write; chmod o-rw";
    }
    return NULL;
}

static apr_status_t content_wipe(void *data)
{
    content_t *content = data;

    OPENSSL_cleanse(content->octets, content->len);
    return APR_SUCCESS;
}

/** Reads the open file. @return NULL, or what is wrong, in @a p */
static const char *content_read(apr_pool_t *p, const source_t *source,
                                apr_file_t *file, content_t *content)
{
    apr_finfo_t info;
    apr_status_t rv = apr_file_info_get(&info, WANTED_INFO, file);
    const char *fault = rv == APR_SUCCESS ? info_fault(source, &info) : NULL;
    char reason[120];

    if (rv == APR_SUCCESS && fault == NULL) {
        content->len = (apr_size_t)info.size;
        content->octets = apr_pcalloc(content->pool, content->len + 1);
        apr_pool_cleanup_register(content->pool, content, content_wipe,
                                  apr_pool_cleanup_null);
        rv = apr_file_read_full(file, content->octets, content->len, NULL);
    }
    return rv == APR_SUCCESS ? fault
        : apr_pstrdup(p, apr_strerror(rv, reason, sizeof(reason)));
}

/** Reads the file into a content of its own pool, and looks whether it has
 *  keys. @return NULL, or what is wrong, in @a p */
static const char *content_open(apr_pool_t *p, const source_t *source,
                                content_t *content)
{
    apr_file_t *file;
    oauth_keys_t keys;
    const char *fault;
    char reason[120];
    apr_status_t rv = apr_file_open(&file, source->path, APR_FOPEN_READ
                                    | APR_FOPEN_BINARY, APR_FPROT_OS_DEFAULT,
                                    p);

    if (rv != APR_SUCCESS) {
        return apr_psprintf(p, "cannot be opened: %s",
                            apr_strerror(rv, reason, sizeof(reason)));
    }
    fault = content_read(p, source, file, content);
    apr_file_close(file);
    if (fault == NULL) {
        oauth_keys_init(&keys, p);
        fault = source->add(&keys, source->algorithm, content->octets,
                            content->len);
    }
    return fault;
}

/** Puts what the file holds now in the place of what it held. On a fault
 *  nothing changes. @return NULL, or a message in @a p */
static const char *source_read(apr_pool_t *p, source_t *source)
{
    apr_pool_t *pool;
    content_t *content;
    const char *fault;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return "no memory";
    }
    apr_pool_tag(pool, "oauth_keyring");
    content = apr_pcalloc(pool, sizeof(*content));
    content->pool = pool;
    fault = content_open(p, source, content);
    if (fault != NULL) {
        apr_pool_destroy(pool);
        return apr_psprintf(p, "%s: %s", source->path, fault);
    }
    if (source->content != NULL) {
        apr_pool_destroy(source->content->pool);
    }
    source->content = content;
    return NULL;
}

/** Whether the file is another than that which was last looked at, whose state
 *  is kept then. One that is being overwritten in place counts as unchanged
 *  until it has rested. */
static int source_has_changed(apr_pool_t *p, source_t *source, apr_time_t now)
{
    apr_finfo_t info;
    state_t state;

    memset(&state, 0, sizeof(state));
    if (apr_stat(&info, source->path, WANTED_INFO, p) == APR_SUCCESS) {
        state_set(&state, &info);
    }
    if ((state.inode == source->state.inode && state.mtime <= now
         && now - state.mtime < OAUTH_KEYRING_REST)
        || state_is_equal(&state, &source->state)) {
        return 0;
    }
    source->state = state;
    return 1;
}

/** Makes keys of what files hold and puts them in force. @return NULL, or a
 *  message in @a p */
static const char *keys_make(apr_pool_t *p, oauth_keyring_t *ring)
{
    generation_t *generation = generation_create();
    const char *fault = NULL;
    int i;

    if (generation == NULL) {
        return "no memory";
    }
    for (i = 0; i < ring->sources->nelts && fault == NULL; i++) {
        const source_t *source = &APR_ARRAY_IDX(ring->sources, i, source_t);

        fault = source->add(&generation->keys, source->algorithm,
                            source->content->octets, source->content->len);
    }
    if (fault != NULL) {
        fault = apr_pstrdup(p, fault);
        generation_release(ring, generation);
        return fault;
    }
    generation_swap(ring, generation);
    return NULL;
}

/* ---- While the configuration is read ---- */

static apr_status_t ring_close(void *data)
{
    oauth_keyring_t *ring = data;

    int i;

    generation_release(ring, ring->current);
    for (i = 0; i < ring->sources->nelts; i++) {
        apr_pool_destroy(APR_ARRAY_IDX(ring->sources, i, source_t)
                         .content->pool);
    }
    return APR_SUCCESS;
}

oauth_keyring_t *oauth_keyring_create(apr_pool_t *p)
{
    oauth_keyring_t *ring = apr_pcalloc(p, sizeof(*ring));

    ring->sources = apr_array_make(p, 2, sizeof(source_t));
#if APR_HAS_THREADS
    if (apr_thread_mutex_create(&ring->mutex, APR_THREAD_MUTEX_DEFAULT, p)
        != APR_SUCCESS) {
        return NULL;
    }
#endif
    ring->current = generation_create();
    if (ring->current == NULL) {
        return NULL;
    }
    apr_pool_cleanup_register(p, ring, ring_close, apr_pool_cleanup_null);
    return ring;
}

/** Takes "kind:[algorithm:]" off the front of @a spec. @return what is left:
 *  the path; NULL when there is no such kind */
static const char *kind_take(apr_pool_t *p, const char *spec,
                             source_t *source)
{
    static const struct {
        const char *name;
        oauth_keys_add_t *add;
        int is_secret;
    } kinds[] = {
        { "jwks:",   oauth_keys_add_jwks,   0 },
        { "pem:",    oauth_keys_add_pem,    0 },
        { "secret:", oauth_keys_add_secret, 1 }
    };
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].name);
        const char *colon;

        if (strncmp(kinds[i].name, spec, len) != 0) {
            continue;
        }
        source->add = kinds[i].add;
        source->is_secret = kinds[i].is_secret;
        spec += len;
        colon = strchr(spec, ':');
        source->algorithm = colon == NULL ? NULL
            : oauth_algorithm_find(apr_pstrmemdup(p, spec, colon - spec));
        return source->algorithm == NULL ? spec : colon + 1;
    }
    return NULL;
}

const char *oauth_keyring_add(oauth_keyring_t *ring, apr_pool_t *p,
                              const char *spec,
                              char *(*root)(apr_pool_t *p, const char *path))
{
    source_t source = { 0 };
    const char *path = kind_take(p, spec, &source), *fault;

    if (path == NULL || *path == '\0') {
        return "names no file with keys; write jwks:path for a JWK Set, "
               "pem:path for public keys or certificates, secret:path for a "
               "secret, with an algorithm before the path if need be, as in "
               "pem:PS256:path";
    }
    source.path = root(p, path);
    if (source.path == NULL) {
        return "is no path; write it from ServerRoot on, or absolute";
    }
    source_has_changed(p, &source, 0);
    fault = source_read(p, &source);
    if (fault != NULL) {
        return fault;
    }
    APR_ARRAY_PUSH(ring->sources, source_t) = source;
    return keys_make(p, ring);
}

/* ---- While tokens are checked ---- */

/** Whether it is this thread's turn to look at the files. */
static int turn_take(oauth_keyring_t *ring, apr_time_t now)
{
    int is_mine;

    ring_lock(ring);
    is_mine = !ring->is_reading && (now - ring->looked >= OAUTH_KEYRING_REST
                                    || now < ring->looked);
    if (is_mine) {
        ring->is_reading = 1;
        ring->looked = now;
    }
    ring_unlock(ring);
    return is_mine;
}

/** Reads the files that have changed. Whoever has the turn: only he reads and
 *  writes states and contents. */
static void sources_look(oauth_keyring_t *ring, apr_pool_t *p,
                         apr_time_t now, oauth_keyring_news_t *news)
{
    int is_new = 0, i;

    for (i = 0; i < ring->sources->nelts; i++) {
        source_t *source = &APR_ARRAY_IDX(ring->sources, i, source_t);
        const char *fault;

        if (!source_has_changed(p, source, now)) {
            continue;
        }
        fault = source_read(p, source);
        is_new |= fault == NULL;
        news->fault = news->fault == NULL ? fault : news->fault;
    }
    if (is_new) {
        const char *fault = keys_make(p, ring);

        news->is_read = fault == NULL;
        news->fault = news->fault == NULL ? fault : news->fault;
    }
}

static void ring_refresh(oauth_keyring_t *ring, apr_pool_t *p, apr_time_t now,
                         oauth_keyring_news_t *news)
{
    if (!turn_take(ring, now)) {
        return;
    }
    sources_look(ring, p, now, news);
    ring_lock(ring);
    ring->is_reading = 0;
    ring_unlock(ring);
}

const oauth_keys_t *oauth_keyring_acquire(oauth_keyring_t *ring,
                                          apr_pool_t *p, apr_time_t now,
                                          oauth_keyring_news_t *news)
{
    generation_t *generation;

    memset(news, 0, sizeof(*news));
    ring_refresh(ring, p, now, news);
    ring_lock(ring);
    generation = ring->current;
    generation->users++;
    ring_unlock(ring);
    return &generation->keys;
}

void oauth_keyring_release(oauth_keyring_t *ring, const oauth_keys_t *keys)
{
    generation_release(ring, (generation_t *)keys);
}
