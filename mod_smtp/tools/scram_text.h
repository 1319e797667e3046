/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file scram_text.h
 * A file of credentials as text: the form that mod_smtp reads as a txt: map
 * of values. A line is empty, or "#" and a comment, or a login and after blanks
 * its verifier, and after blanks "#" and a comment. A login that holds blanks,
 * or begins with "#" or a double quote, stands in double quotes. What is not
 * of the login in question is kept as it is. Pure: any thread.
 */
#ifndef SCRAM_TEXT_H
#define SCRAM_TEXT_H

#include <apr_pools.h>

/** A login as it stands in a line, quoted where it must be. */
const char *scram_text_login(apr_pool_t *p, const char *login);

/** @return what stands behind the login, in @a p ("" for nothing), or NULL
 *          when it is not there */
const char *scram_text_find(apr_pool_t *p, const char *text,
                            const char *login);

/**
 * The text with @a verifier for @a login: in its line, the comment there kept,
 * or in a line at the end. Further lines of that login, for which the server
 * would refuse the whole file, go.
 * @param was_there  out: whether the login was there before
 */
const char *scram_text_set(apr_pool_t *p, const char *text, const char *login,
                           const char *verifier, int *was_there);

/** The text without the lines of @a login. */
const char *scram_text_remove(apr_pool_t *p, const char *text,
                              const char *login, int *was_there);

#endif
