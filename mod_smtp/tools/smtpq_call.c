/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_call.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"
#include "store_queued.h"

enum {
    OPTION_SPOOL = 256, OPTION_DOMAIN, OPTION_SENDER, OPTION_RECIPIENT,
    OPTION_OLDER, OPTION_YOUNGER, OPTION_STATUS, OPTION_ALL, OPTION_YES,
    OPTION_JSON, OPTION_HELP, OPTION_VERSION
};

const apr_getopt_option_t smtpq_call_options[] = {
    { "domain", OPTION_DOMAIN, 1, "for a recipient of this domain; "
      ".example.com: below it" },
    { "sender", OPTION_SENDER, 1, "of this reverse-path; * stands for any" },
    { "recipient", OPTION_RECIPIENT, 1, "for this recipient; * stands for "
      "any" },
    { "older", OPTION_OLDER, 1, "arrived that long ago or longer: 90s 5m 1h "
      "2d" },
    { "younger", OPTION_YOUNGER, 1, "arrived that long ago at most" },
    { "status", OPTION_STATUS, 1, "ready, deferred, active or held" },
    { "all", OPTION_ALL, 0, "all messages" },
    { "yes", OPTION_YES, 0, "do not ask before all are deleted" },
    { "json", OPTION_JSON, 0, "for programs" },
    { "spool", OPTION_SPOOL, 1, "the folder of SMTPSpool" },
    { "help", OPTION_HELP, 0, "print this" },
    { "version", OPTION_VERSION, 0, "print the version" },
    { NULL, 0, 0, NULL }
};

static const struct {
    char unit;
    int sec;
} units[] = {
    { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 }
};

int smtpq_call_age_parse(const char *s, apr_int64_t *sec)
{
    size_t digits = strspn(s, "0123456789"), i = 0;
    apr_off_t number;

    *sec = 0;
    if (s[digits] != '\0') {
        while (i < sizeof(units) / sizeof(units[0])
               && units[i].unit != s[digits]) {
            i++;
        }
        if (i == sizeof(units) / sizeof(units[0]) || s[digits + 1] != '\0') {
            return 0;
        }
    }
    if (smtp_chars_number_parse(s, digits, &number) != 1 || number < 1
        || number > STORE_CONTROL_AGE_MAX_SEC / units[i].sec) {
        return 0;
    }
    *sec = number * units[i].sec;
    return 1;
}

/** In the one form that domains have. @return NULL, or what is wrong */
static const char *domain_parse(apr_pool_t *p, const char *value,
                                const char **domain)
{
    int is_parent = *value == '.';
    const char *name = smtp_domain_normalise(p, value + is_parent);

    if (name == NULL) {
        return apr_psprintf(p, "%s is no domain", value);
    }
    *domain = is_parent ? apr_pstrcat(p, ".", name, NULL) : name;
    return NULL;
}

static const char *age_parse(apr_pool_t *p, const char *value,
                             apr_int64_t *sec)
{
    return smtpq_call_age_parse(value, sec) ? NULL
           : apr_psprintf(p, "%s is no age: want a number with s, m, h, d or "
                          "w", value);
}

static const char *status_parse(apr_pool_t *p, const char *value,
                                unsigned int *status)
{
    store_control_status_e found = store_control_status_find(value);

    if (found == STORE_CONTROL_STATUS_COUNT) {
        return apr_psprintf(p, "%s is no status: want ready, deferred, active "
                            "or held", value);
    }
    *status |= 1u << found;
    return NULL;
}

/** <> is how people write the null reverse-path, and brackets may stand around
 *  others. */
static const char *address_of(apr_pool_t *p, const char *value)
{
    size_t len = strlen(value);

    return len >= 2 && *value == '<' && value[len - 1] == '>'
           ? apr_pstrmemdup(p, value + 1, len - 2) : value;
}

static const char *option_take(apr_pool_t *p, smtpq_call_t *call, int option,
                               const char *value)
{
    store_control_select_t *select = &call->request.select;

    switch (option) {
    case OPTION_DOMAIN:
        return domain_parse(p, value, &select->domain);
    case OPTION_SENDER:
        select->sender = address_of(p, value);
        break;
    case OPTION_RECIPIENT:
        select->recipient = address_of(p, value);
        break;
    case OPTION_OLDER:
        return age_parse(p, value, &select->older_sec);
    case OPTION_YOUNGER:
        return age_parse(p, value, &select->younger_sec);
    case OPTION_STATUS:
        return status_parse(p, value, &select->status);
    case OPTION_SPOOL:
        call->spool = value;
        break;
    case OPTION_ALL:
        select->is_all = 1;
        break;
    case OPTION_YES:
        call->is_sure = 1;
        break;
    case OPTION_JSON:
        call->is_json = 1;
        break;
    case OPTION_HELP:
        call->wants_help = 1;
        break;
    case OPTION_VERSION:
        call->wants_version = 1;
        break;
    }
    return NULL;
}

static const char *ids_take(apr_pool_t *p, smtpq_call_t *call,
                            apr_getopt_t *opt)
{
    for (; opt->ind < opt->argc; opt->ind++) {
        const char *id = opt->argv[opt->ind];

        if (!store_queued_is_id(id)) {
            return apr_psprintf(p, "%s is no id of a message", id);
        }
        APR_ARRAY_PUSH(call->ids, const char *) = id;
    }
    return NULL;
}

/** The verb, and ids or a domain behind it. */
static const char *operands_take(apr_pool_t *p, smtpq_call_t *call,
                                 apr_getopt_t *opt)
{
    const char *verb;

    if (opt->ind == opt->argc) {
        return "want a command: list, show, cat, retry, hold, release, "
               "delete, flush, counts or destinations";
    }
    verb = opt->argv[opt->ind++];
    call->request.verb = store_control_verb_find(verb);
    /* What httpd's children ask is no use to people. */
    if (call->request.verb == STORE_CONTROL_VERB_COUNT
        || call->request.verb == STORE_CONTROL_TURN) {
        return apr_psprintf(p, "%s is no command", verb);
    }
    if (call->request.verb == STORE_CONTROL_FLUSH
        && opt->argc - opt->ind == 1 && !call->request.select.domain) {
        return domain_parse(p, opt->argv[opt->ind++],
                            &call->request.select.domain);
    }
    return ids_take(p, call, opt);
}

/** What the other side would say of the request, while it can be said better
 *  here. */
static const char *call_check(apr_pool_t *p, const smtpq_call_t *call)
{
    store_control_request_t request = call->request;
    const char *verb = store_control_verb_name(request.verb);
    const char *fault;

    if (call->ids->nelts) {
        request.select.ids[request.select.id_count++] =
            APR_ARRAY_IDX(call->ids, 0, const char *);
    }
    if (call->is_json && request.verb == STORE_CONTROL_CAT) {
        return "cat prints the mail as it is: no --json";
    }
    fault = store_control_request_check(&request);
    return fault ? apr_psprintf(p, "%s: %s", verb, fault) : NULL;
}

const char *smtpq_call_parse(apr_pool_t *p, apr_getopt_t *opt,
                             smtpq_call_t *call)
{
    const char *value, *fault = NULL;
    apr_status_t rv;
    int option;

    memset(call, 0, sizeof(*call));
    call->ids = apr_array_make(p, 1, sizeof(const char *));
    opt->interleave = 1;
    while ((rv = apr_getopt_long(opt, smtpq_call_options, &option, &value))
           == APR_SUCCESS) {
        if (fault == NULL) {
            fault = option_take(p, call, option, value);
        }
    }
    if (rv != APR_EOF) {
        return "";
    }
    if (fault != NULL || call->wants_help || call->wants_version) {
        return fault;
    }
    fault = operands_take(p, call, opt);
    return fault ? fault : call_check(p, call);
}
