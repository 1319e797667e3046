/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_octets.h
 * Numbers in files: little-endian, whatever the machine. Pure: any thread.
 */
#ifndef STORE_OCTETS_H
#define STORE_OCTETS_H

#include <apr.h>

/** Writes the lower @a n octets of @a value. */
static inline void store_octets_put(unsigned char *out, apr_uint64_t value,
                                    unsigned int n)
{
    unsigned int i;

    for (i = 0; i < n; i++) {
        out[i] = (unsigned char)(value >> (8 * i));
    }
}

/** Reads a number of @a n octets, 8 at most. */
static inline apr_uint64_t store_octets_get(const unsigned char *in,
                                            unsigned int n)
{
    apr_uint64_t value = 0;

    while (n--) {
        value = value << 8 | in[n];
    }
    return value;
}

#endif
