/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_on_demand.h"

#include <string.h>

#include <httpd.h>

#include "smtpd_access.h"
#include "smtpd_log.h"
#include "smtpd_relay.h"

APLOG_USE_MODULE(smtp);

/* Whether a section of @a name speaks of @a domain. */
static int is_about(const char *name, const char *domain)
{
    apr_size_t len = strlen(domain), tail = strlen(name);

    if (*name != '.') {
        return strcmp(name, domain) == 0;
    }
    return len > tail || (len == tail && *domain == '.')
           ? strcmp(domain + len - tail, name) == 0 : 0;
}

/* The section whose name is the longest, which is the most specific; of
 * equals the last, which stands in the virtual host. */
static const smtpd_on_demand_t *find(const smtpd_conf_t *conf,
                                     const char *domain)
{
    const apr_array_header_t *sections = conf->on_demand.sections;
    const smtpd_on_demand_t *best = NULL;
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const smtpd_on_demand_t *section =
            &APR_ARRAY_IDX(sections, i, const smtpd_on_demand_t);

        if (is_about(section->name, domain)
            && (best == NULL
                || strlen(section->name) >= strlen(best->name))) {
            best = section;
        }
    }
    return best;
}

static int ask(smtpd_session_t *ss, const smtpd_on_demand_t *section)
{
    const smtp_session_t *pub = &ss->pub;
    const smtpd_relay_facts_t facts = {
        NULL, pub->helo, pub->login, pub->auth_mechanism, pub->tls_version,
        pub->tls_cipher
    };
    request_rec *r = smtpd_access_request(pub->c, section->dir_conf);
    int rv = smtpd_relay_judge(r, &facts);

    apr_pool_destroy(r->pool);
    return rv;
}

int smtpd_on_demand_judge(smtpd_session_t *ss, const char *domain)
{
    const smtpd_on_demand_t *section = find(ss->conf, domain);
    int rv = section == NULL ? HTTP_FORBIDDEN : ask(ss, section);

    if (rv == HTTP_INTERNAL_SERVER_ERROR) {
        ap_log_cerror(APLOG_MARK, APLOG_ERR, 0, ss->pub.c, SMTPD_LOGNO(1170)
                      "<SMTPOnDemand> could not be asked about %s, which "
                      "counts as a denial; LogLevel authz_core:debug tells "
                      "more", domain);
    }
    else {
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, ss->pub.c,
                      SMTPD_LOGNO(1171) "<SMTPOnDemand> of %s: %s", domain,
                      rv == OK ? "granted" : "denied");
    }
    return rv;
}
