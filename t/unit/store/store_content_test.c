/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../spool/spool_unit.h"

#include <apr_buckets.h>

#include "store_content.h"

typedef struct collected_t {
    char *octets;
    apr_size_t len;
    apr_size_t size;
} collected_t;

static apr_status_t collect(void *ctx, const char *octets, apr_size_t len)
{
    collected_t *c = ctx;

    assert_true(c->len + len <= c->size);
    memcpy(c->octets + c->len, octets, len);
    c->len += len;
    return APR_SUCCESS;
}

static char *pattern(apr_pool_t *p, apr_size_t len)
{
    char *octets = apr_palloc(p, len + 1);
    apr_size_t i;

    for (i = 0; i < len; i++) {
        octets[i] = (char)(i * 7 + i / 251);
    }
    return octets;
}

/* Writes octets in steps, to a file from where they ask for one. */
static store_content_t *fill(spool_unit_t *u, const char *octets,
                             apr_size_t len, apr_size_t step,
                             apr_off_t expected)
{
    store_content_t *content = store_content_create(u->p, expected);
    apr_size_t at;

    for (at = 0; at < len; at += step) {
        apr_size_t n = len - at < step ? len - at : step;

        if (store_content_is_full(content, n)) {
            assert_int_equal(store_content_spill(content, u->mail_fd,
                                                 "1.temp"), 0);
        }
        assert_int_equal(store_content_write(content, octets + at, n), 0);
    }
    return content;
}

static void check_each(spool_unit_t *u, store_content_t *content,
                       const char *octets, apr_size_t len)
{
    collected_t c = { apr_palloc(u->p, len + 1), 0, len };

    assert_int_equal(content->octets, len);
    assert_int_equal(store_content_each(content, collect, &c), 0);
    assert_int_equal(c.len, len);
    assert_memory_equal(c.octets, octets, len);
}

static void check_buckets(spool_unit_t *u, store_content_t *content,
                          const char *octets, apr_size_t len)
{
    apr_bucket_alloc_t *alloc = apr_bucket_alloc_create(u->p);
    apr_bucket_brigade *bb = apr_brigade_create(u->p, alloc);
    char *flat;
    apr_size_t flat_len;

    assert_int_equal(store_content_buckets(content, bb), 0);
    assert_int_equal(apr_brigade_pflatten(bb, &flat, &flat_len, u->p), 0);
    assert_int_equal(flat_len, len);
    assert_memory_equal(flat, octets, len);
    apr_brigade_destroy(bb);
}

typedef struct size_row_t {
    apr_size_t len;
    apr_size_t step;
    apr_off_t expected;
    int has_file;
} size_row_t;

static const size_row_t sizes[] = {
    { 0, 1, 0, 0 },
    { 1, 1, 0, 0 },
    { 20000, 1, 0, 0 },
    { 20000, 20000, 20000, 0 },
    { STORE_CONTENT_MEMORY_MAX, 997, 0, 0 },
    { STORE_CONTENT_MEMORY_MAX, 8192, STORE_CONTENT_MEMORY_MAX, 0 },
    { STORE_CONTENT_MEMORY_MAX + 1, 1000, 1, 1 },
    { STORE_CONTENT_MEMORY_MAX + 1, STORE_CONTENT_MEMORY_MAX + 1, 0, 1 },
    { 300000, 8191, 0, 1 },
    { 300000, 65536, 1, 1 },
    { 1000000, 300000, 1000000000000, 1 }
};

static void no_octet_is_lost_between_memory_and_file(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    size_t i;

    for (i = 0; i < UNIT_ROWS(sizes); i++) {
        const size_row_t *row = &sizes[i];
        char *octets = pattern(u->p, row->len);
        store_content_t *content = fill(u, octets, row->len, row->step,
                                        row->expected);
        apr_uint32_t crc, crc_of_file;

        assert_int_equal(store_content_has_file(content), row->has_file);
        check_each(u, content, octets, row->len);
        check_buckets(u, content, octets, row->len);
        if (row->has_file) {
            assert_int_equal(store_content_sync(content, &crc), 0);
            assert_int_equal(store_content_crc(content, &crc_of_file), 0);
            assert_true(crc == crc_of_file);
            assert_true(crc == store_record_crc(0, octets, row->len));
            check_each(u, content, octets, row->len);
            check_buckets(u, content, octets, row->len);
        }
        store_content_close(content);
        store_content_close(content);
    }
    assert_int_equal(spool_unit_count(u, "mail"), 0);
}

/* The declared size is the peer's word. */
static void a_declared_size_costs_no_memory(void **state)
{
    store_content_t *content =
        store_content_create(*state, APR_INT64_C(0x7fffffffffffffff));

    assert_true(content->room <= 64 * 1024);
    assert_int_equal(content->octets, 0);
}

static void a_message_keeps_its_file_until_it_ends(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    char *octets = pattern(u->p, 200000);
    store_content_t *content;
    apr_pool_t *p;
    int fd;

    assert_int_equal(apr_pool_create(&p, u->p), 0);
    content = store_content_create(p, 0);
    assert_int_equal(store_content_spill(content, u->mail_fd, "2.temp"), 0);
    assert_int_equal(store_content_write(content, octets, 200000), 0);
    fd = content->file.fd;
    assert_true(fcntl(fd, F_GETFD) >= 0);
    apr_pool_destroy(p);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(spool_unit_count(u, "mail"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(no_octet_is_lost_between_memory_and_file),
        UNIT_TEST(a_declared_size_costs_no_memory),
        UNIT_TEST(a_message_keeps_its_file_until_it_ends)
    };
    return UNIT_RUN(tests);
}
