/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file fuzz.h
 * What every fuzzer needs: a pool that is empty for each input, and checks
 * that hold whatever the input is.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>

/** What libFuzzer calls. @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** An empty pool, valid until the next input. */
static inline apr_pool_t *fuzz_pool(void)
{
    static apr_pool_t *pool;

    if (pool == NULL) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    apr_pool_clear(pool);
    return pool;
}

/** An invariant: says which one was broken, and ends as a crash does. */
#define FUZZ_CHECK(condition)                                           \
    do {                                                                \
        if (!(condition)) {                                             \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__,  \
                    #condition);                                        \
            abort();                                                    \
        }                                                               \
    } while (0)

/** Whether two strings say the same; both may be NULL. */
static inline int fuzz_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

#endif
