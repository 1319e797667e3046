/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_answer.h"

#include <string.h>
#include <strings.h>

#include "oauth_json.h"

/** Whether @a type is application/json, with or without parameters. */
static int is_json(const char *type)
{
    static const char json[] = "application/json";
    apr_size_t len = sizeof(json) - 1;

    return type != NULL && strncasecmp(type, json, len) == 0
           && strchr(" \t;", type[len]) != NULL;
}

/** Why the response is none to our question, or NULL. */
static const char *response_fault(const oauth_answer_t *answer)
{
    if (answer->status == 401) {
        return "it refuses our credentials (401); mend SMTPOAuthClient";
    }
    if (answer->status >= 300 && answer->status < 400) {
        return "it answers by a redirect, which is not followed; give "
               "SMTPOAuthIntrospection the URL that it leads to";
    }
    if (answer->status != 200) {
        return "its status is not 200";
    }
    if (!is_json(answer->type)) {
        return "its answer is not of the type application/json";
    }
    return NULL;
}

apr_status_t oauth_answer_parse(apr_pool_t *p, const oauth_answer_t *answer,
                                const json_t **claims, const char **fault)
{
    const json_t *object, *active;

    *claims = NULL;
    *fault = response_fault(answer);
    if (*fault != NULL) {
        return APR_EGENERAL;
    }
    object = oauth_json_parse(p, answer->octets, answer->len);
    active = json_object_get(object, "active");
    /* "active" alone must be there: RFC 7662 2.2. */
    if (!json_is_boolean(active)) {
        *fault = "its answer is no JSON object with a boolean \"active\", or "
                 "has a name twice";
        return APR_EGENERAL;
    }
    if (!json_is_true(active)) {
        *fault = "its issuer says that it is not active";
        return APR_EACCES;
    }
    *claims = object;
    return APR_SUCCESS;
}
