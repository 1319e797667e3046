/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_heap.h"

#include <stdlib.h>

#define FIRST_ROOM 64

/* Slot 1 is the root; the children of slot n are 2n and 2n + 1. */
static void put(queue_heap_t *heap, queue_heap_node_t *node, apr_size_t slot)
{
    heap->nodes[slot - 1] = node;
    node->slot = slot;
}

static queue_heap_node_t *at(const queue_heap_t *heap, apr_size_t slot)
{
    return heap->nodes[slot - 1];
}

/* Moves the hole at @a slot up to where @a node may stand. */
static void sift_up(queue_heap_t *heap, queue_heap_node_t *node,
                    apr_size_t slot)
{
    while (slot > 1 && at(heap, slot / 2)->when > node->when) {
        put(heap, at(heap, slot / 2), slot);
        slot /= 2;
    }
    put(heap, node, slot);
}

static void sift_down(queue_heap_t *heap, queue_heap_node_t *node,
                      apr_size_t slot)
{
    apr_size_t child;

    while ((child = 2 * slot) <= heap->count) {
        if (child < heap->count
            && at(heap, child + 1)->when < at(heap, child)->when) {
            child++;
        }
        if (at(heap, child)->when >= node->when) {
            break;
        }
        put(heap, at(heap, child), slot);
        slot = child;
    }
    put(heap, node, slot);
}

static void settle(queue_heap_t *heap, queue_heap_node_t *node,
                   apr_size_t slot)
{
    if (slot > 1 && at(heap, slot / 2)->when > node->when) {
        sift_up(heap, node, slot);
    }
    else {
        sift_down(heap, node, slot);
    }
}

static void resize(queue_heap_t *heap, apr_size_t room)
{
    queue_heap_node_t **nodes =
        realloc(heap->nodes, room * sizeof(*heap->nodes));

    if (!nodes) {
        abort();
    }
    heap->nodes = nodes;
    heap->room = room;
}

void queue_heap_destroy(queue_heap_t *heap)
{
    free(heap->nodes);
    *heap = (queue_heap_t){ NULL, 0, 0 };
}

void queue_heap_set(queue_heap_t *heap, queue_heap_node_t *node,
                    apr_time_t when)
{
    node->when = when;
    if (!node->slot) {
        if (heap->count == heap->room) {
            resize(heap, heap->room ? 2 * heap->room : FIRST_ROOM);
        }
        node->slot = ++heap->count;
    }
    settle(heap, node, node->slot);
}

void queue_heap_remove(queue_heap_t *heap, queue_heap_node_t *node)
{
    apr_size_t slot = node->slot;
    queue_heap_node_t *last;

    if (!slot) {
        return;
    }
    node->slot = 0;
    last = at(heap, heap->count);
    heap->count--;
    if (last != node) {
        settle(heap, last, slot);
    }
    /* What a burst has taken is given back. */
    if (heap->room > FIRST_ROOM && heap->count < heap->room / 8) {
        resize(heap, heap->room / 2);
    }
}

queue_heap_node_t *queue_heap_first(const queue_heap_t *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}
