/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "scram_password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <apr_lib.h>
#include <apr_strings.h>

/** More than SASLprep takes, for whose limit there is a better message. */
#define ASK_MAX_OCTETS 1024

static apr_status_t ask(apr_pool_t *p, const char *prompt,
                        const char **password)
{
    apr_size_t size = ASK_MAX_OCTETS;
    char *buffer = apr_pcalloc(p, size);
    apr_status_t rv = apr_password_get(prompt, buffer, &size);

    *password = buffer;
    return rv;
}

apr_status_t scram_password_ask(apr_pool_t *p, int is_new,
                                const char **password)
{
    const char *again;
    apr_status_t rv = ask(p, is_new ? "New password: " : "Password: ",
                          password);

    if (rv != APR_SUCCESS || !is_new) {
        return rv;
    }
    rv = ask(p, "Re-type new password: ", &again);
    if (rv == APR_SUCCESS && strcmp(*password, again) != 0) {
        rv = APR_EMISMATCH;
    }
    return rv;
}

apr_status_t scram_password_read(apr_pool_t *p, const char **password)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len = getline(&line, &size, stdin);
    apr_status_t rv = len < 0 ? APR_EOF : APR_SUCCESS;

    *password = NULL;
    if (rv == APR_SUCCESS && strlen(line) != (size_t)len) {
        rv = APR_EINVAL;
    }
    if (rv == APR_SUCCESS) {
        line[strcspn(line, "\r\n")] = '\0';
        *password = apr_pstrdup(p, line);
    }
    free(line);
    return rv;
}
