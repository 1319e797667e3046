/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_memory.h
 * Memory of objects that come and go one by one, by the million: a pool would
 * keep it until its own end. Any thread.
 */
#ifndef QUEUE_MEMORY_H
#define QUEUE_MEMORY_H

#include <stdlib.h>

/** Octets that are zero, for free(). Aborts the process when there are none,
 *  as APR's pools do in httpd: nobody could go on without. */
static inline void *queue_memory_create(size_t count, size_t octets)
{
    void *memory = calloc(count, octets);

    if (!memory) {
        abort();
    }
    return memory;
}

#endif
