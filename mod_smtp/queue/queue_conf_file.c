/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_conf_file.h"

#include <string.h>

#include <apr_file_io.h>

#include <httpd.h>
#include <http_config.h>

#include "smtp_chars.h"

#define UNOPENED "the file cannot be opened; look at its path and permissions"

/** Opens the regular file @a path. @return NULL, or what is wrong */
static const char *file_open(apr_pool_t *p, const char *path,
                             apr_file_t **file, apr_finfo_t *info)
{
    path = ap_server_root_relative(p, path);
    if (path == NULL
        || apr_file_open(file, path, APR_FOPEN_READ | APR_FOPEN_BINARY,
                         APR_FPROT_OS_DEFAULT, p) != APR_SUCCESS) {
        return UNOPENED;
    }
    if (apr_file_info_get(info, APR_FINFO_TYPE | APR_FINFO_PROT, *file)
        != APR_SUCCESS || info->filetype != APR_REG) {
        apr_file_close(*file);
        return "is no regular file";
    }
    return NULL;
}

/* ---- A password ---- */

static apr_status_t secret_wipe(void *secret)
{
    volatile char *octets = secret;
    apr_size_t i;

    for (i = 0; i < QUEUE_CONF_SECRET_MAX_OCTETS + 2; i++) {
        octets[i] = '\0';
    }
    return APR_SUCCESS;
}

/** Cuts the end of line off. @return whether one line is left, not empty, of
 *  UTF-8, which is all that SASL takes (RFC 4616 2) */
static int line_take(char *octets, apr_size_t len)
{
    if (len > 0 && octets[len - 1] == '\n') {
        octets[--len] = '\0';
    }
    if (len > 0 && octets[len - 1] == '\r') {
        octets[--len] = '\0';
    }
    return len > 0 && len <= QUEUE_CONF_SECRET_MAX_OCTETS
           && strcspn(octets, "\r\n") == len
           && smtp_chars_is_utf8(octets, len);
}

const char *queue_conf_secret_read(apr_pool_t *p, const char *path,
                                   const char **secret)
{
    char *octets = apr_pcalloc(p, QUEUE_CONF_SECRET_MAX_OCTETS + 3);
    apr_finfo_t info;
    apr_file_t *file;
    apr_size_t len = 0;
    const char *fault = file_open(p, path, &file, &info);

    *secret = NULL;
    apr_pool_cleanup_register(p, octets, secret_wipe, apr_pool_cleanup_null);
    if (fault != NULL) {
        return fault;
    }
    if ((info.protection & (APR_FPROT_WREAD | APR_FPROT_WWRITE)) != 0) {
        fault = "the file with the password can be read or written by all "
                "users of this machine; chmod o-rw";
    }
    else {
        apr_file_read_full(file, octets, QUEUE_CONF_SECRET_MAX_OCTETS + 2,
                           &len);
        fault = line_take(octets, len) ? NULL
                : "the file must hold the password and nothing else, in one "
                  "line of 1 to 1024 octets of UTF-8";
    }
    apr_file_close(file);
    *secret = fault == NULL ? octets : NULL;
    return fault;
}

/* ---- A text ---- */

/** Takes CRs away that end a line, as others may not stand in mail. @return
 *  whether there was none elsewhere */
static int crs_take(char *s)
{
    char *to = s;

    for (; *s != '\0'; s++) {
        if (*s == '\r' && s[1] != '\n') {
            return 0;
        }
        if (*s != '\r') {
            *to++ = *s;
        }
    }
    *to = '\0';
    return 1;
}

const char *queue_conf_text_read(apr_pool_t *p, const char *path,
                                 const char **text)
{
    char *octets = apr_palloc(p, QUEUE_CONF_TEXT_MAX_OCTETS + 2);
    apr_finfo_t info;
    apr_file_t *file;
    apr_size_t len = 0;
    const char *fault = file_open(p, path, &file, &info);

    *text = NULL;
    if (fault != NULL) {
        return fault;
    }
    apr_file_read_full(file, octets, QUEUE_CONF_TEXT_MAX_OCTETS + 1, &len);
    apr_file_close(file);
    octets[len] = '\0';
    if (len == 0 || len > QUEUE_CONF_TEXT_MAX_OCTETS) {
        return "the file is empty, or larger than 64K";
    }
    if (!smtp_chars_is_utf8(octets, len) || !crs_take(octets)) {
        return "the file is not UTF-8 in lines that end in LF";
    }
    *text = octets;
    return NULL;
}

const char *queue_conf_file_fault(apr_pool_t *p, const char *path)
{
    apr_finfo_t info;

    return apr_stat(&info, path, APR_FINFO_TYPE, p) == APR_SUCCESS
           ? NULL : UNOPENED;
}
