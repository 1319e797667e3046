/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Key files that change while tokens are checked. The clock is the test's. */
#include "unit.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "oauth_keyring.h"

#define SECOND apr_time_from_sec(1)
#define BEGIN  apr_time_from_sec(1000000000)

#define ED "\"kty\":\"OKP\",\"crv\":\"Ed25519\"," \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define SET(kid) "{\"keys\":[{" ED ",\"kid\":\"" kid "\"}]}"

typedef struct fixture_t {
    apr_pool_t *p;
    const char *directory;
    const char *path;
    oauth_keyring_t *ring;
    apr_time_t now;
} fixture_t;

static char *same(apr_pool_t *p, const char *path)
{
    return apr_pstrdup(p, path);
}

static void file_write(const fixture_t *fix, const char *path,
                       const char *text)
{
    apr_file_t *file;

    assert_int_equal(apr_file_open(&file, path, APR_FOPEN_WRITE
                                   | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE,
                                   APR_FPROT_UREAD | APR_FPROT_UWRITE,
                                   fix->p), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, text, strlen(text), NULL),
                     APR_SUCCESS);
    apr_file_close(file);
    assert_int_equal(apr_file_mtime_set(path, fix->now, fix->p),
                     APR_SUCCESS);
}

/** As an administrator should do it: another file takes the name. */
static void file_replace(const fixture_t *fix, const char *text)
{
    const char *other = apr_pstrcat(fix->p, fix->path, ".new", NULL);

    file_write(fix, other, text);
    assert_int_equal(apr_file_rename(other, fix->path, fix->p), APR_SUCCESS);
}

static apr_status_t fixture_remove(void *fixture)
{
    fixture_t *fix = fixture;

    apr_file_remove(fix->path, fix->p);
    apr_dir_remove(fix->directory, fix->p);
    return APR_SUCCESS;
}

static fixture_t *fixture_make(apr_pool_t *p, const char *text)
{
    fixture_t *fix = apr_pcalloc(p, sizeof(*fix));
    const char *temp;
    char *directory;

    fix->p = p;
    fix->now = BEGIN;
    assert_int_equal(apr_temp_dir_get(&temp, p), APR_SUCCESS);
    directory = apr_pstrcat(p, temp, "/smtp-test-XXXXXX", NULL);
    assert_non_null(mkdtemp(directory));
    fix->directory = directory;
    fix->path = apr_pstrcat(p, directory, "/keys", NULL);
    apr_pool_cleanup_register(p, fix, fixture_remove, apr_pool_cleanup_null);
    file_write(fix, fix->path, text);
    fix->ring = oauth_keyring_create(p);
    assert_non_null(fix->ring);
    return fix;
}

static const char *ring_add(fixture_t *fix, const char *kind)
{
    return oauth_keyring_add(fix->ring, fix->p,
                             apr_pstrcat(fix->p, kind, fix->path, NULL),
                             same);
}

static fixture_t *fixture_of_set(apr_pool_t *p, const char *text)
{
    fixture_t *fix = fixture_make(p, text);

    assert_null(ring_add(fix, "jwks:"));
    fix->now += 10 * SECOND;
    return fix;
}

/** The kid of the first key in force. */
static const char *kid_now(const fixture_t *fix, oauth_keyring_news_t *news)
{
    const oauth_keys_t *keys = oauth_keyring_acquire(fix->ring, fix->p,
                                                     fix->now, news);
    const char *kid = apr_pstrdup(fix->p, APR_ARRAY_IDX(keys->list, 0,
                                                        oauth_key_t *)->kid);

    oauth_keyring_release(fix->ring, keys);
    return kid;
}

static void a_new_key_is_known_without_a_restart(void **state)
{
    fixture_t *fix = fixture_of_set(*state, SET("old"));
    oauth_keyring_news_t news;

    assert_string_equal(kid_now(fix, &news), "old");
    assert_false(news.is_read);
    file_replace(fix, SET("new"));
    fix->now += 2 * SECOND;
    assert_string_equal(kid_now(fix, &news), "new");
    assert_true(news.is_read);
    assert_null(news.fault);
    fix->now += 2 * SECOND;
    assert_string_equal(kid_now(fix, &news), "new");
    assert_false(news.is_read);
}

static void a_broken_file_loses_no_key(void **state)
{
    fixture_t *fix = fixture_of_set(*state, SET("old"));
    oauth_keyring_news_t news;

    file_replace(fix, "{\"keys\":[");
    fix->now += 2 * SECOND;
    assert_string_equal(kid_now(fix, &news), "old");
    assert_non_null(strstr(news.fault, fix->path));
    assert_false(news.is_read);
    /* Told once, not each second. */
    fix->now += 2 * SECOND;
    assert_string_equal(kid_now(fix, &news), "old");
    assert_null(news.fault);
    assert_int_equal(apr_file_remove(fix->path, fix->p), APR_SUCCESS);
    fix->now += 2 * SECOND;
    assert_string_equal(kid_now(fix, &news), "old");
    assert_non_null(news.fault);
    file_replace(fix, SET("new"));
    fix->now += 2 * SECOND;
    assert_string_equal(kid_now(fix, &news), "new");
}

/** One file that broke, or that children may not read, does not keep the keys of
 *  another from being new. */
static void a_broken_file_holds_up_no_other(void **state)
{
    fixture_t *fix = fixture_of_set(*state, SET("old"));
    fixture_t *other = fixture_make(*state, SET("other"));
    oauth_keyring_news_t news;
    const oauth_keys_t *keys;

    assert_null(oauth_keyring_add(fix->ring, *state,
                                  apr_pstrcat(*state, "jwks:", other->path,
                                              NULL), same));
    assert_int_equal(apr_file_remove(other->path, *state), APR_SUCCESS);
    file_replace(fix, SET("new"));
    fix->now += 2 * SECOND;
    keys = oauth_keyring_acquire(fix->ring, *state, fix->now, &news);
    assert_non_null(strstr(news.fault, other->path));
    assert_true(news.is_read);
    assert_int_equal(keys->list->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(keys->list, 0, oauth_key_t *)->kid,
                        "new");
    assert_string_equal(APR_ARRAY_IDX(keys->list, 1, oauth_key_t *)->kid,
                        "other");
    oauth_keyring_release(fix->ring, keys);
}

/** A file that is written in place may be half of one. */
static void a_file_is_not_read_while_it_is_written(void **state)
{
    fixture_t *fix = fixture_of_set(*state, SET("old"));
    oauth_keyring_news_t news;

    file_write(fix, fix->path, "{\"keys\":[{" ED);
    fix->now += SECOND / 2;
    assert_string_equal(kid_now(fix, &news), "old");
    assert_null(news.fault);
    file_write(fix, fix->path, SET("new"));
    fix->now += 2 * SECOND;
    assert_string_equal(kid_now(fix, &news), "new");
}

static void files_are_looked_at_once_a_second(void **state)
{
    fixture_t *fix = fixture_of_set(*state, SET("old"));
    oauth_keyring_news_t news;

    assert_string_equal(kid_now(fix, &news), "old");
    file_replace(fix, SET("new"));
    fix->now += SECOND - 1;
    assert_string_equal(kid_now(fix, &news), "old");
    fix->now += 1;
    assert_string_equal(kid_now(fix, &news), "new");
    /* A clock that was set back stops nothing. */
    fix->now -= 3600 * SECOND;
    file_replace(fix, SET("third"));
    assert_string_equal(kid_now(fix, &news), "third");
}

static void keys_in_use_outlive_their_file(void **state)
{
    fixture_t *fix = fixture_of_set(*state, SET("old"));
    oauth_keyring_news_t news;
    const oauth_keys_t *old = oauth_keyring_acquire(fix->ring, fix->p,
                                                    fix->now, &news);

    file_replace(fix, SET("new"));
    fix->now += 2 * SECOND;
    assert_string_equal(kid_now(fix, &news), "new");
    assert_string_equal(APR_ARRAY_IDX(old->list, 0, oauth_key_t *)->kid,
                        "old");
    oauth_keyring_release(fix->ring, old);
}

static void a_slip_in_the_configuration_is_told(void **state)
{
    static const char *const specs[] = {
        "", "jwks", "jwks:", "/keys", "file:/keys", "JWKS:/keys", "pem:",
        "pem:PS256:", "jwks:/nowhere/keys", "pem:/dev/null", "secret:/",
        "secret:HS256:/nowhere"
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(specs); i++) {
        fixture_t *fix = fixture_make(*state, SET("a"));

        UNIT_CHECK(specs[i], oauth_keyring_add(fix->ring, *state, specs[i],
                                               same));
    }
}

static void a_secret_that_all_can_read_is_none(void **state)
{
    fixture_t *fix = fixture_make(*state, "0123456789abcdef0123456789abcdef");

    assert_int_equal(apr_file_perms_set(fix->path, APR_FPROT_UREAD
                                        | APR_FPROT_WREAD), APR_SUCCESS);
    assert_non_null(strstr(ring_add(fix, "secret:"), "chmod o-rw"));
    assert_int_equal(apr_file_perms_set(fix->path, APR_FPROT_UREAD
                                        | APR_FPROT_GREAD), APR_SUCCESS);
    fix->ring = oauth_keyring_create(*state);
    assert_null(ring_add(fix, "secret:"));
    fix->ring = oauth_keyring_create(*state);
    assert_non_null(ring_add(fix, "secret:RS256:"));
    fix->ring = oauth_keyring_create(*state);
    assert_non_null(ring_add(fix, "secret:HS512:"));
}

static void a_file_without_end_is_not_read(void **state)
{
    char *text = apr_palloc(*state, OAUTH_KEYRING_FILE_MAX + 2);
    fixture_t *fix;

    memset(text, ' ', OAUTH_KEYRING_FILE_MAX + 1);
    text[OAUTH_KEYRING_FILE_MAX + 1] = '\0';
    fix = fixture_make(*state, text);
    assert_non_null(strstr(ring_add(fix, "jwks:"), "larger than 1 MB"));
}

/* ---- Threads ---- */

#define THREADS 4
#define LOOKS   400

static void *APR_THREAD_FUNC look(apr_thread_t *thread, void *fixture)
{
    const fixture_t *fix = fixture;
    apr_pool_t *p = apr_thread_pool_get(thread);
    apr_time_t now = fix->now;
    int bad = 0, i;

    for (i = 0; i < LOOKS; i++) {
        oauth_keyring_news_t news;
        const oauth_keys_t *keys;
        const char *kid;

        now += SECOND;
        keys = oauth_keyring_acquire(fix->ring, p, now, &news);
        kid = APR_ARRAY_IDX(keys->list, 0, oauth_key_t *)->kid;
        bad += keys->list->nelts != 1 || (*kid != 'o' && *kid != 'n')
               || news.fault;
        oauth_keyring_release(fix->ring, keys);
    }
    apr_thread_exit(thread, bad);
    return NULL;
}

static void threads_find_whole_keys_while_files_change(void **state)
{
    fixture_t *fix = fixture_of_set(*state, SET("old"));
    fixture_t writer = *fix;
    apr_thread_t *threads[THREADS];
    apr_status_t bad;
    int i;

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(apr_thread_create(&threads[i], NULL, look, fix,
                                           *state), APR_SUCCESS);
    }
    for (i = 0; i < LOOKS / 4; i++) {
        file_replace(&writer, i % 2 ? SET("old") : SET("new"));
    }
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&bad, threads[i]);
        assert_int_equal(bad, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_new_key_is_known_without_a_restart),
        UNIT_TEST(a_broken_file_loses_no_key),
        UNIT_TEST(a_broken_file_holds_up_no_other),
        UNIT_TEST(a_file_is_not_read_while_it_is_written),
        UNIT_TEST(files_are_looked_at_once_a_second),
        UNIT_TEST(keys_in_use_outlive_their_file),
        UNIT_TEST(a_slip_in_the_configuration_is_told),
        UNIT_TEST(a_secret_that_all_can_read_is_none),
        UNIT_TEST(a_file_without_end_is_not_read),
        UNIT_TEST(threads_find_whole_keys_while_files_change)
    };

    return UNIT_RUN(tests);
}
