/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_random.h
 * Many numbers from one that is passed in, so that what is chosen at random
 * can be tested: the same seed gives the same numbers. For spreading load,
 * not for secrets. Pure: any thread.
 */
#ifndef SMTP_RANDOM_H
#define SMTP_RANDOM_H

#include <apr.h>

/** Begin with any number in it, for example of apr_generate_random_bytes. */
typedef apr_uint64_t smtp_random_t;

/** The next number, each of 64 bits equally likely (SplitMix64). */
apr_uint64_t smtp_random_next(smtp_random_t *random);

/** Brings @a count elements of @a size octets into an order of which each is
 *  equally likely (Fisher and Yates). @a size is at most 64. */
void smtp_random_shuffle(smtp_random_t *random, void *elements,
                         apr_size_t count, apr_size_t size);

#endif
