/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_secret.h"

#include <string.h>

#include <apr_file_io.h>
#include <openssl/crypto.h>

static apr_status_t secret_wipe(void *secret)
{
    OPENSSL_cleanse(secret, OAUTH_SECRET_MAX + 2);
    return APR_SUCCESS;
}

/** What is wrong with a file of that kind, or NULL. */
static const char *info_fault(apr_file_t *file)
{
    apr_finfo_t info;

    if (apr_file_info_get(&info, APR_FINFO_TYPE | APR_FINFO_PROT, file)
        != APR_SUCCESS || info.filetype != APR_REG) {
        return "the second is no regular file";
    }
    if ((info.protection & (APR_FPROT_WREAD | APR_FPROT_WWRITE)) != 0) {
        return "the file with the secret can be read or written by all users "
               "of this machine; chmod o-rw";
    }
    return NULL;
}

/** Cuts the end of line off. @return whether one line is left, not empty */
static int line_take(char *octets, apr_size_t len)
{
    if (len > 0 && octets[len - 1] == '\n') {
        octets[--len] = '\0';
    }
    if (len > 0 && octets[len - 1] == '\r') {
        octets[--len] = '\0';
    }
    return len > 0 && len <= OAUTH_SECRET_MAX && strcspn(octets, "\r\n") == len;
}

const char *oauth_secret_read(apr_pool_t *p, const char *path,
                              const char **secret)
{
    char *octets = apr_pcalloc(p, OAUTH_SECRET_MAX + 3);
    const char *fault;
    apr_file_t *file;
    apr_size_t len = 0;

    *secret = NULL;
    apr_pool_cleanup_register(p, octets, secret_wipe, apr_pool_cleanup_null);
    if (apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY,
                      APR_FPROT_OS_DEFAULT, p) != APR_SUCCESS) {
        return "the file with the secret cannot be opened; look at its path "
               "and permissions";
    }
    fault = info_fault(file);
    if (fault == NULL) {
        apr_file_read_full(file, octets, OAUTH_SECRET_MAX + 2, &len);
        fault = line_take(octets, len) ? NULL
            : "the file must hold the secret and nothing else, in one line "
              "of 1 to 1024 octets";
    }
    apr_file_close(file);
    *secret = fault == NULL ? octets : NULL;
    return fault;
}
