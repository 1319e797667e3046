/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_json.h
 * JSON texts (RFC 8259) from tokens, key files and answers: by jansson, with
 * what it leaves open closed. Pure: any thread.
 */
#ifndef OAUTH_JSON_H
#define OAUTH_JSON_H

#include <apr_pools.h>

#include <jansson.h>

/** Objects and arrays within one another; jansson calls itself for each. */
#define OAUTH_JSON_DEPTH_MAX 16

/**
 * Reads a text that is one object. Refused are: a name that stands twice in
 * one object (RFC 7515 4, RFC 7519 4: whose value counts is what a forger
 * plays with), octets behind the object, NUL in strings, what is not UTF-8,
 * more depth than OAUTH_JSON_DEPTH_MAX.
 * @return the object, which goes with @a p; NULL when it is none
 */
const json_t *oauth_json_parse(apr_pool_t *p, const char *octets,
                               apr_size_t len);

/** The string @a name of @a object, as long as the object; NULL when there is
 *  none or it is no string. */
const char *oauth_json_string(const json_t *object, const char *name);

/** Whether @a value is the string @a s, or an array of strings with @a s
 *  among them; an array with anything else in it has nothing. */
int oauth_json_has_string(const json_t *value, const char *s);

#endif
