/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_claims.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "oauth_json.h"
#include "smtp_chars.h"

/** What one claim is held against. */
typedef struct asked_t {
    const oauth_rules_t *rules;
    double now;                  /**< seconds, as NumericDate (RFC 7519 2) */
} asked_t;

/* ---- Claims, one by one: value is NULL when there is none ---- */

/** RFC 7519 4.1.1; RFC 8725 3.8. */
static const char *iss_check(const json_t *value, const asked_t *asked)
{
    const char *issuer = json_string_value(value);

    if (asked->rules->issuer == NULL
        || (value == NULL && !asked->rules->is_token)) {
        return NULL;
    }
    return issuer == NULL || strcmp(issuer, asked->rules->issuer) != 0
        ? "its issuer (iss) is another" : NULL;
}

/** RFC 7519 4.1.3; RFC 8725 3.9: a token that another service was sent must
 *  not log in here. */
static const char *aud_check(const json_t *value, const asked_t *asked)
{
    const apr_array_header_t *audiences = asked->rules->audiences;
    int i;

    for (i = 0; audiences != NULL && i < audiences->nelts; i++) {
        if (oauth_json_has_string(value, APR_ARRAY_IDX(audiences, i,
                                                       const char *))) {
            return NULL;
        }
    }
    return audiences == NULL ? NULL : "it is not for us (aud)";
}

/** Whether @a scope is one of the words of @a list (RFC 6749 3.3). */
static int scope_is_in(const char *list, const char *scope)
{
    apr_size_t len = strlen(scope);

    while (*list != '\0') {
        apr_size_t word_len = strcspn(list, " ");

        if (word_len == len && strncmp(list, scope, len) == 0) {
            return 1;
        }
        list += word_len + (list[word_len] == ' ');
    }
    return 0;
}

/** RFC 9068 2.2.3, RFC 7662 2.2. */
static const char *scope_check(const json_t *value, const asked_t *asked)
{
    const apr_array_header_t *scopes = asked->rules->scopes;
    const char *list = json_string_value(value);
    int i;

    for (i = 0; scopes != NULL && i < scopes->nelts; i++) {
        if (list == NULL
            || !scope_is_in(list, APR_ARRAY_IDX(scopes, i, const char *))) {
            return "it does not have the scope";
        }
    }
    return NULL;
}

/** RFC 7519 4.1.4: on or after that time it must not be taken. */
static const char *exp_check(const json_t *value, const asked_t *asked)
{
    if (value == NULL && !asked->rules->is_token) {
        return NULL;
    }
    if (!json_is_number(value)) {
        return "it does not say when it expires (exp)";
    }
    return asked->now >= json_number_value(value) + asked->rules->leeway_sec
        ? "it has expired (exp)" : NULL;
}

/** A time before which it must not be taken: RFC 7519 4.1.5. */
static const char *nbf_check(const json_t *value, const asked_t *asked)
{
    if (value == NULL) {
        return NULL;
    }
    return !json_is_number(value)
           || asked->now < json_number_value(value) - asked->rules->leeway_sec
        ? "it is not valid yet (nbf)" : NULL;
}

/** RFC 7519 4.1.6. One from the future was made by a clock that cannot be
 *  trusted with exp either. */
static const char *iat_check(const json_t *value, const asked_t *asked)
{
    return nbf_check(value, asked) != NULL
        ? "it was made in the future (iat)" : NULL;
}

static const char *cnf_check(const json_t *value, const asked_t *asked)
{
    (void)asked;
    return value != NULL ? "it is bound to a key (cnf), and its bearer has "
                           "no way here to prove that it is theirs" : NULL;
}

static const char *type_check(const json_t *value, const asked_t *asked)
{
    const char *type = json_string_value(value);

    (void)asked;
    return value != NULL && (type == NULL || strcasecmp(type, "Bearer") != 0)
        ? "it is no bearer token (token_type)" : NULL;
}

static const struct {
    const char *claim;
    const char *(*check)(const json_t *value, const asked_t *asked);
} checks[] = {
    { "iss", iss_check },
    { "aud", aud_check },
    { "exp", exp_check },
    { "nbf", nbf_check },
    { "iat", iat_check },
    { "scope", scope_check },
    { "cnf", cnf_check },
    { "token_type", type_check }
};

/* ---- The login ---- */

/** Whether @a s may be a login: it reaches logs, maps and header fields. */
static int is_login(const char *s)
{
    apr_size_t len = strlen(s), i;

    if (len == 0 || len > OAUTH_CLAIMS_LOGIN_MAX
        || !smtp_chars_is_utf8(s, len)) {
        return 0;
    }
    for (i = 0; i < len; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7F) {
            return 0;
        }
    }
    return 1;
}

/** Whether the issuer vouches for "email" (OpenID Connect Core 5.1). Some
 *  write the word as a string. */
static int is_verified(const json_t *claims)
{
    const json_t *verified = json_object_get(claims, "email_verified");
    const char *word = json_string_value(verified);

    return json_is_true(verified)
           || (word != NULL && strcmp(word, "true") == 0);
}

static const char *login_find(apr_pool_t *p, const json_t *claims,
                              const char *claim, const char **login)
{
    const char *value = oauth_json_string(claims, claim);

    if (value == NULL) {
        return "it does not have the claim that is the login";
    }
    if (!is_login(value)) {
        return "its login is empty, too long or has control characters";
    }
    if (strcmp(claim, "email") == 0 && !is_verified(claims)) {
        return "its issuer does not vouch for its email (email_verified)";
    }
    *login = apr_pstrdup(p, value);
    return NULL;
}

const char *oauth_claims_check(apr_pool_t *p, const json_t *claims,
                               const oauth_rules_t *rules, apr_time_t now,
                               const char *user, const char **login)
{
    asked_t asked = { rules, (double)now / APR_USEC_PER_SEC };
    const char *fault = NULL;
    size_t i;

    *login = NULL;
    for (i = 0; i < sizeof(checks) / sizeof(checks[0]) && fault == NULL; i++) {
        fault = checks[i].check(json_object_get(claims, checks[i].claim),
                                &asked);
    }
    if (fault == NULL) {
        fault = login_find(p, claims, rules->login_claim, login);
    }
    if (fault == NULL && user != NULL && strcmp(user, *login) != 0) {
        *login = NULL;
        fault = "it is not that of the user that the client named";
    }
    return fault;
}
