/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "queue_heap.h"

#define NODES 500
#define STEPS 200000

/* The same each time, so that what failed fails again. */
static unsigned int next_random(unsigned int *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

static const queue_heap_node_t *model_first(const queue_heap_node_t *nodes,
                                            int count)
{
    const queue_heap_node_t *first = NULL;
    int i;

    for (i = 0; i < count; i++) {
        if (nodes[i].slot && (!first || nodes[i].when < first->when)) {
            first = &nodes[i];
        }
    }
    return first;
}

static apr_size_t model_count(const queue_heap_node_t *nodes, int count)
{
    apr_size_t in_heap = 0;
    int i;

    for (i = 0; i < count; i++) {
        in_heap += nodes[i].slot != 0;
    }
    return in_heap;
}

static void check_order(const queue_heap_t *heap)
{
    apr_size_t i;

    for (i = 0; i < heap->count; i++) {
        assert_int_equal(heap->nodes[i]->slot, i + 1);
        assert_true(i == 0
                    || heap->nodes[(i + 1) / 2 - 1]->when
                       <= heap->nodes[i]->when);
    }
    assert_true(heap->room >= heap->count);
}

static void nothing_is_first_in_an_empty_heap(void **state)
{
    queue_heap_t heap = { NULL, 0, 0 };
    queue_heap_node_t node = { 0, 0 };

    (void)state;
    assert_null(queue_heap_first(&heap));
    queue_heap_remove(&heap, &node);
    assert_null(queue_heap_first(&heap));
    queue_heap_destroy(&heap);
}

static void what_is_due_comes_in_the_order_of_time(void **state)
{
    static queue_heap_node_t nodes[NODES];
    queue_heap_t heap = { NULL, 0, 0 };
    apr_time_t last = -1;
    unsigned int seed = 1;
    int i;

    (void)state;
    for (i = 0; i < NODES; i++) {
        queue_heap_set(&heap, &nodes[i], next_random(&seed) % 100);
    }
    for (i = 0; i < NODES; i++) {
        queue_heap_node_t *first = queue_heap_first(&heap);

        assert_non_null(first);
        assert_true(first->when >= last);
        last = first->when;
        queue_heap_remove(&heap, first);
        assert_int_equal(first->slot, 0);
    }
    assert_null(queue_heap_first(&heap));
    queue_heap_destroy(&heap);
}

static void whatever_is_done_to_it_it_stays_a_heap(void **state)
{
    static queue_heap_node_t nodes[NODES];
    queue_heap_t heap = { NULL, 0, 0 };
    unsigned int seed = 4;
    int step;

    (void)state;
    for (step = 0; step < STEPS; step++) {
        queue_heap_node_t *node = &nodes[next_random(&seed) % NODES];

        /* Waves: it fills, then empties. */
        if (next_random(&seed) % 8 < (step / 5000 % 2 ? 2u : 6u)) {
            queue_heap_set(&heap, node, next_random(&seed) % 1000);
        }
        else {
            queue_heap_remove(&heap, node);
        }
        if (step % 97 == 0) {
            const queue_heap_node_t *first = model_first(nodes, NODES);

            check_order(&heap);
            assert_int_equal(heap.count, model_count(nodes, NODES));
            assert_true(first ? queue_heap_first(&heap)->when == first->when
                              : !queue_heap_first(&heap));
        }
    }
    queue_heap_destroy(&heap);
}

static void a_burst_gives_its_memory_back(void **state)
{
    static queue_heap_node_t nodes[20000];
    queue_heap_t heap = { NULL, 0, 0 };
    apr_size_t room, i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(nodes); i++) {
        queue_heap_set(&heap, &nodes[i], (apr_time_t)i);
    }
    room = heap.room;
    for (i = 0; i < UNIT_ROWS(nodes); i++) {
        queue_heap_remove(&heap, &nodes[i]);
    }
    assert_true(heap.room < room / 100);
    queue_heap_destroy(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(nothing_is_first_in_an_empty_heap),
        UNIT_TEST(what_is_due_comes_in_the_order_of_time),
        UNIT_TEST(whatever_is_done_to_it_it_stays_a_heap),
        UNIT_TEST(a_burst_gives_its_memory_back)
    };
    return UNIT_RUN(tests);
}
