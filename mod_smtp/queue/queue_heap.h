/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_heap.h
 * What comes first in time: a binary heap of nodes that are part of their
 * objects, so that it allocates one array only. Pure: one thread at a time.
 */
#ifndef QUEUE_HEAP_H
#define QUEUE_HEAP_H

#include <apr_time.h>

/** Of one object in one heap. All zero: in none. */
typedef struct queue_heap_node_t {
    apr_time_t when;
    apr_size_t slot;             /**< 1 and up: in the heap; 0: in none */
} queue_heap_node_t;

typedef struct queue_heap_t {
    queue_heap_node_t **nodes;
    apr_size_t count;
    apr_size_t room;
} queue_heap_t;

/** All zero is an empty heap. Ends with queue_heap_destroy(). */
void queue_heap_destroy(queue_heap_t *heap);

/** Puts @a node in for @a when, or moves it there. Aborts the process when
 *  there is no memory, as APR's pools do in httpd. */
void queue_heap_set(queue_heap_t *heap, queue_heap_node_t *node,
                    apr_time_t when);

/** Takes it out; does nothing when it is in none. */
void queue_heap_remove(queue_heap_t *heap, queue_heap_node_t *node);

/** The earliest node, or NULL. */
queue_heap_node_t *queue_heap_first(const queue_heap_t *heap);

#endif
