/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The directives. Each says directive, value and remedy when it refuses.
 */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "oauth_config.h"
#include "oauth_secret.h"
#include "oauth_url.h"
#include "smtp_chars.h"

#define LEEWAY_MAX_SEC 600
#define TIMEOUT_MAX    apr_time_from_sec(60)

static const char *fault_write(const cmd_parms *cmd, const char *value,
                               const char *fault)
{
    return apr_psprintf(cmd->pool, "%s \"%s\": %s", cmd->cmd->name, value,
                        fault);
}

/** The configuration that the directive writes to; NULL with a message when
 *  it stands where it must not. */
static oauth_config_t *config_open(cmd_parms *cmd, int context,
                                   const char **wrong)
{
    oauth_config_t *config = oauth_config_get(cmd->server);

    *wrong = ap_check_cmd_context(cmd, context);
    return *wrong == NULL ? config : NULL;
}

static const char *keys_add(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault;
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);

    if (config == NULL) {
        return fault;
    }
    if (config->keys == NULL) {
        config->keys = oauth_keyring_create(cmd->pool);
    }
    if (config->keys == NULL) {
        return fault_write(cmd, arg, "no mutex to be had from the system");
    }
    fault = oauth_keyring_add(config->keys, cmd->pool, arg,
                              ap_server_root_relative);
    return fault == NULL ? NULL : fault_write(cmd, arg, fault);
}

/** A word without blanks and control characters, as URIs and scopes are. */
static const char *word_fault(const cmd_parms *cmd, const char *arg)
{
    size_t i, len = strlen(arg);

    for (i = 0; i < len; i++) {
        if (!smtp_chars_is(arg[i], SMTP_CHARS_PRINT) || arg[i] == ' ') {
            break;
        }
    }
    return len > 0 && i == len ? NULL
        : fault_write(cmd, arg, "is empty or has blanks or other than ASCII "
                      "in it; write it as it stands in tokens");
}

static const char *issuer_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault;
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);

    fault = config == NULL ? fault : word_fault(cmd, arg);
    if (fault == NULL) {
        config->issuer = arg;
    }
    return fault;
}

static const char *word_add(cmd_parms *cmd, apr_array_header_t **list,
                            const char *arg)
{
    const char *fault = word_fault(cmd, arg);

    if (fault != NULL) {
        return fault;
    }
    if (*list == NULL) {
        *list = apr_array_make(cmd->pool, 2, sizeof(const char *));
    }
    APR_ARRAY_PUSH(*list, const char *) = arg;
    return NULL;
}

static const char *audience_add(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault;
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);

    return config == NULL ? fault : word_add(cmd, &config->audiences, arg);
}

static const char *scope_add(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault;
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);

    return config == NULL ? fault : word_add(cmd, &config->scopes, arg);
}

static const char *login_claim_set(cmd_parms *cmd, void *dir,
                                   const char *arg)
{
    const char *fault;
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);

    fault = config == NULL ? fault : word_fault(cmd, arg);
    if (fault == NULL) {
        config->login_claim = arg;
    }
    return fault;
}

/** Reads 1*DIGIT from @a min to @a max. @return whether it is that */
static int number_parse(const char *arg, int min, int max, int *number)
{
    apr_off_t value;

    if (smtp_chars_number_parse(arg, strlen(arg), &value) != 1
        || value < min || value > max) {
        return 0;
    }
    *number = (int)value;
    return 1;
}

static const char *leeway_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault;
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);

    if (config == NULL) {
        return fault;
    }
    return number_parse(arg, 0, LEEWAY_MAX_SEC, &config->leeway_sec) ? NULL
        : fault_write(cmd, arg, "is not a number of seconds from 0 to 600");
}

static const char *introspection_set(cmd_parms *cmd, void *dir,
                                     const char *arg)
{
    const char *fault;
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);

    if (config == NULL) {
        return fault;
    }
    fault = oauth_url_fault(arg);
    if (fault != NULL) {
        return fault_write(cmd, arg, fault);
    }
    config->introspection = arg;
    return NULL;
}

static const char *client_set(cmd_parms *cmd, void *dir, const char *id,
                              const char *file)
{
    const char *fault, *path = ap_server_root_relative(cmd->temp_pool, file);
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);

    if (config == NULL || (fault = word_fault(cmd, id)) != NULL) {
        return fault;
    }
    fault = path == NULL ? "is no path"
        : oauth_secret_read(cmd->pool, path, &config->client_secret);
    if (fault != NULL) {
        return fault_write(cmd, apr_pstrcat(cmd->temp_pool, id, " ", file,
                                            NULL), fault);
    }
    config->client_id = id;
    return NULL;
}

/** Why @a path has no certificates to trust, or NULL. */
static const char *certificates_fault(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    X509 *certificate = NULL;

    if (bio != NULL) {
        certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    }
    BIO_free(bio);
    X509_free(certificate);
    ERR_clear_error();
    return certificate != NULL ? NULL
        : "cannot be read, or has no certificate in PEM";
}

static const char *ca_file_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault;
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);

    if (config == NULL) {
        return fault;
    }
    config->ca_file = ap_server_root_relative(cmd->pool, arg);
    fault = config->ca_file == NULL ? "is no path"
                                    : certificates_fault(config->ca_file);
    return fault == NULL ? NULL : fault_write(cmd, arg, fault);
}

static const char *timeout_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault, *equals = strchr(arg, '=');
    oauth_config_t *config = config_open(cmd, NOT_IN_DIR_CONTEXT, &fault);
    apr_interval_time_t *field, value;

    if (config == NULL) {
        return fault;
    }
    field = strncasecmp(arg, "connect=", 8) == 0 ? &config->connect_timeout
          : strncasecmp(arg, "total=", 6) == 0 ? &config->timeout : NULL;
    if (field == NULL) {
        return fault_write(cmd, arg, "give connect=TIME or total=TIME, "
                           "without blanks around =");
    }
    if (!apr_isdigit(equals[1])
        || ap_timeout_parameter_parse(equals + 1, &value, "s") != APR_SUCCESS
        || value < apr_time_from_msec(1) || value > TIMEOUT_MAX) {
        return fault_write(cmd, arg, "the time is seconds, or a number with "
                           "ms, s or min, from 1ms to 60s: a thread waits "
                           "all that time");
    }
    *field = value;
    return NULL;
}

static const char *max_requests_set(cmd_parms *cmd, void *dir,
                                    const char *arg)
{
    const char *fault;
    oauth_config_t *config = config_open(cmd, GLOBAL_ONLY, &fault);

    if (config == NULL) {
        return fault;
    }
    return number_parse(arg, 1, OAUTH_HTTP_MAX_REQUESTS,
                        &config->max_requests) ? NULL
        : fault_write(cmd, arg, "is not a number from 1 to 1000");
}

const command_rec oauth_config_directives[] = {
    AP_INIT_ITERATE("SMTPOAuthKeys", keys_add, NULL, RSRC_CONF,
                    "jwks:path, pem:path or secret:path"),
    AP_INIT_TAKE1("SMTPOAuthIssuer", issuer_set, NULL, RSRC_CONF,
                  "the claim iss of tokens"),
    AP_INIT_ITERATE("SMTPOAuthAudience", audience_add, NULL, RSRC_CONF,
                    "one of which the claim aud must have"),
    AP_INIT_ITERATE("SMTPOAuthScope", scope_add, NULL, RSRC_CONF,
                    "all of which the claim scope must have"),
    AP_INIT_TAKE1("SMTPOAuthLoginClaim", login_claim_set, NULL, RSRC_CONF,
                  "the claim that is the login"),
    AP_INIT_TAKE1("SMTPOAuthLeeway", leeway_set, NULL, RSRC_CONF,
                  "seconds by which clocks may differ, 0 to 600"),
    AP_INIT_TAKE1("SMTPOAuthIntrospection", introspection_set, NULL,
                  RSRC_CONF, "URL of an introspection end point"),
    AP_INIT_TAKE2("SMTPOAuthClient", client_set, NULL, RSRC_CONF,
                  "our client id there, and the file with our secret"),
    AP_INIT_TAKE1("SMTPOAuthCAFile", ca_file_set, NULL, RSRC_CONF,
                  "certificates that the end point's is verified by"),
    AP_INIT_ITERATE("SMTPOAuthTimeout", timeout_set, NULL, RSRC_CONF,
                    "connect=TIME total=TIME"),
    AP_INIT_TAKE1("SMTPOAuthMaxRequests", max_requests_set, NULL, RSRC_CONF,
                  "questions of a child process at once, 1 to 1000"),
    { NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
};
