/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * From <SMTPDomain> sections to local domains.
 */
#include "smtpd_domain.h"

#include <string.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "smtp_domain.h"

extern module AP_MODULE_DECLARE_DATA smtp_module;

/** What stands in a section for ServerName and ServerAlias. */
#define HOST_NAMES "*"

/** While domains are built. */
typedef struct build_t {
    apr_pool_t *p;               /**< for what stays */
    apr_pool_t *ptemp;
    server_rec *s;
    smtpd_conf_t *conf;
    /** Name (HOST_NAMES, ".parent", exact) -> apr_array_header_t of
     *  const smtpd_section_t *, in order of appearance. */
    apr_hash_t *index;
    apr_hash_t *host_names;      /**< set of ServerName and ServerAliases */
    const char *first_name;      /**< first exact name of a section */
} build_t;

/** "*" as it is, ".name" and "name" normalised; NULL when it is none. */
static const char *section_key(apr_pool_t *p, const char *name)
{
    const char *domain;

    if (strcmp(name, HOST_NAMES) == 0) {
        return HOST_NAMES;
    }
    if (*name != '.') {
        return smtp_domain_normalise(p, name);
    }
    domain = smtp_domain_normalise(p, name + 1);
    return domain == NULL || *domain == '[' ? NULL
                                            : apr_pstrcat(p, ".", domain, NULL);
}

static void index_add(build_t *build, const char *key,
                      const smtpd_section_t *section)
{
    apr_array_header_t *sections = apr_hash_get(build->index, key,
                                                APR_HASH_KEY_STRING);

    if (sections == NULL) {
        sections = apr_array_make(build->ptemp, 1, sizeof(section));
        apr_hash_set(build->index, key, APR_HASH_KEY_STRING, sections);
    }
    APR_ARRAY_PUSH(sections, const smtpd_section_t *) = section;
}

const char *smtpd_domain_names_fault(apr_pool_t *p,
                                     const smtpd_section_t *section)
{
    int i;

    for (i = 0; i < section->names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(section->names, i, const char *);

        if (section_key(p, name) == NULL) {
            return apr_psprintf(p, "<SMTPDomain> \"%s\": is neither a "
                                "domain, nor .domain for its subdomains, nor "
                                "* for ServerName and ServerAlias, nor an "
                                "address literal", name);
        }
    }
    return NULL;
}

static void index_section(build_t *build, const smtpd_section_t *section)
{
    int i;

    for (i = 0; i < section->names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(section->names, i, const char *);
        const char *key = section_key(build->p, name);

        index_add(build, key, section);
        if (build->first_name == NULL && *key != '.' && *key != '*') {
            build->first_name = key;
        }
    }
}

static const char *host_name_add(build_t *build, const char *name,
                                 const char *directive)
{
    const char *key = name == NULL ? NULL
                                   : smtp_domain_normalise(build->p, name);

    if (key == NULL) {
        return apr_psprintf(build->p, "<SMTPDomain *> needs %s to be a "
                            "domain, and \"%s\" is none; change it, or name "
                            "the domains in <SMTPDomain>", directive,
                            name == NULL ? "" : name);
    }
    apr_hash_set(build->host_names, key, APR_HASH_KEY_STRING, key);
    return NULL;
}

static const char *host_names_add(build_t *build)
{
    const char *fault = host_name_add(build, build->s->server_hostname,
                                      "ServerName");
    int i;

    for (i = 0; fault == NULL && build->s->names != NULL
                && i < build->s->names->nelts; i++) {
        fault = host_name_add(build, APR_ARRAY_IDX(build->s->names, i,
                                                   const char *),
                              "ServerAlias");
    }
    return fault;
}

static const smtpd_domain_conf_t *layer_merge(const build_t *build,
                                              const char *key,
                                              const smtpd_domain_conf_t *conf)
{
    const apr_array_header_t *sections = apr_hash_get(build->index, key,
                                                      APR_HASH_KEY_STRING);
    int i;

    for (i = 0; sections != NULL && i < sections->nelts; i++) {
        const smtpd_section_t *section =
            APR_ARRAY_IDX(sections, i, const smtpd_section_t *);

        conf = smtpd_conf_merge_dir(build->p, (void *)conf,
                                    ap_get_module_config(section->dir_conf,
                                                         &smtp_module));
    }
    return conf;
}

/** Merges the ".parent" sections of @a name from the shortest; when @a name
 *  is ".parent" itself, its own come last. */
static const smtpd_domain_conf_t *parents_merge(const build_t *build,
                                                const char *name,
                                                const smtpd_domain_conf_t *conf)
{
    const char *dot = name + strlen(name);

    while (dot > name) {
        dot--;
        if (*dot == '.') {
            conf = layer_merge(build, dot, conf);
        }
    }
    return conf;
}

static smtpd_domain_t *domain_create(const build_t *build, const char *name,
                                     int is_host_name)
{
    smtpd_domain_t *domain = apr_pcalloc(build->p, sizeof(*domain));
    const smtpd_domain_conf_t *conf = smtpd_conf_create_dir(build->p, NULL);
    smtpd_domain_conf_t *merged;

    if (is_host_name) {
        conf = layer_merge(build, HOST_NAMES, conf);
    }
    conf = parents_merge(build, name, conf);
    if (*name != '.') {
        conf = layer_merge(build, name, conf);
    }
    merged = apr_pmemdup(build->p, conf, sizeof(*conf));
    smtpd_conf_complete_dir(merged);
    domain->name = name;
    domain->is_pattern = *name == '.';
    domain->conf = merged;
    domain->s = build->s;
    return domain;
}

/** Makes a domain of each key that is not made yet. */
static void domains_add(build_t *build, apr_hash_t *names)
{
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(build->ptemp, names); hi != NULL;
         hi = apr_hash_next(hi)) {
        const char *name = apr_hash_this_key(hi);
        int is_host_name = apr_hash_get(build->host_names, name,
                                        APR_HASH_KEY_STRING) != NULL;

        if (strcmp(name, HOST_NAMES) != 0) {
            apr_hash_set(build->conf->domains, name, APR_HASH_KEY_STRING,
                         domain_create(build, name, is_host_name));
        }
    }
}

/** ServerAliases with wildcards. They count where nothing else does, hence
 *  only "*" is merged for them. */
static void wild_domains_add(build_t *build)
{
    const apr_array_header_t *names = build->s->wild_names;
    int i;

    for (i = 0; names != NULL && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        smtpd_domain_t *domain = domain_create(build, "", 1);

        domain->name = smtp_domain_fold(build->p, name, strlen(name));
        domain->is_pattern = 1;
        APR_ARRAY_PUSH(build->conf->wild_domains, const smtpd_domain_t *) =
            domain;
    }
}

/** Whose postmaster <Postmaster> is: see conf->primary. */
static void primary_set(build_t *build)
{
    smtpd_conf_t *conf = build->conf;
    const char *host_name = build->s->server_hostname;
    const smtpd_domain_t *found = NULL;

    if (host_name != NULL) {
        host_name = smtp_domain_normalise(build->p, host_name);
    }
    if (host_name != NULL) {
        found = smtpd_domain_find(conf, host_name);
    }
    if (found != NULL) {
        smtpd_domain_t *primary = apr_pmemdup(build->p, found,
                                              sizeof(*found));

        primary->name = host_name;
        primary->is_pattern = 0;
        conf->primary = primary;
    }
    else if (build->first_name != NULL) {
        conf->primary = apr_hash_get(conf->domains, build->first_name,
                                     APR_HASH_KEY_STRING);
    }
}

const char *smtpd_domain_build(apr_pool_t *p, apr_pool_t *ptemp,
                               server_rec *s, smtpd_conf_t *conf)
{
    build_t build = { p, ptemp, s, conf, NULL, NULL, NULL };
    const char *fault = NULL;
    int i;

    build.index = apr_hash_make(ptemp);
    build.host_names = apr_hash_make(ptemp);
    conf->domains = apr_hash_make(p);
    conf->wild_domains = apr_array_make(p, 0, sizeof(smtpd_domain_t *));
    conf->primary = NULL;
    for (i = 0; i < conf->sections->nelts; i++) {
        index_section(&build, APR_ARRAY_IDX(conf->sections, i,
                                            const smtpd_section_t *));
    }
    if (apr_hash_get(build.index, HOST_NAMES, APR_HASH_KEY_STRING) != NULL) {
        fault = host_names_add(&build);
        wild_domains_add(&build);
    }
    if (fault == NULL) {
        domains_add(&build, build.index);
        domains_add(&build, build.host_names);
        primary_set(&build);
    }
    return fault;
}

const smtpd_domain_t *smtpd_domain_find(const smtpd_conf_t *conf,
                                        const char *name)
{
    const smtpd_domain_t *domain = apr_hash_get(conf->domains, name,
                                                APR_HASH_KEY_STRING);
    const char *dot;
    int i;

    for (dot = strchr(name, '.'); domain == NULL && dot != NULL;
         dot = strchr(dot + 1, '.')) {
        domain = apr_hash_get(conf->domains, dot, APR_HASH_KEY_STRING);
    }
    /* No wildcard means address literals. */
    for (i = 0; domain == NULL && *name != '['
                && i < conf->wild_domains->nelts; i++) {
        const smtpd_domain_t *wild = APR_ARRAY_IDX(conf->wild_domains, i,
                                                   const smtpd_domain_t *);

        if (apr_fnmatch(wild->name, name, APR_FNM_CASE_BLIND)
            == APR_SUCCESS) {
            domain = wild;
        }
    }
    return domain;
}
