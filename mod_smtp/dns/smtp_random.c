/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_random.h"

#include <assert.h>
#include <string.h>

#define ELEMENT_MAX_OCTETS 64

apr_uint64_t smtp_random_next(smtp_random_t *random)
{
    apr_uint64_t z = *random += 0x9E3779B97F4A7C15ULL;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

static void swap(char *a, char *b, apr_size_t size)
{
    char saved[ELEMENT_MAX_OCTETS];

    assert(size <= sizeof(saved));
    memcpy(saved, a, size);
    memmove(a, b, size);
    memcpy(b, saved, size);
}

void smtp_random_shuffle(smtp_random_t *random, void *elements,
                         apr_size_t count, apr_size_t size)
{
    char *first = elements;

    /* Of so few elements the remainder favours none by more than 2^-50. */
    for (; count > 1; count--) {
        swap(first + (count - 1) * size,
             first + smtp_random_next(random) % count * size, size);
    }
}
