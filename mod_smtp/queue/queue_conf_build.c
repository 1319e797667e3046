/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * From <SMTPDestination> sections to what holds for a domain.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "queue_conf_directive.h"
#include "smtp_domain.h"

/** What stands in a section for every destination. */
#define EVERY "*"

/** While destinations are built. */
typedef struct build_t {
    apr_pool_t *p;
    /** Key of a section -> apr_array_header_t of const queue_section_t *, in
     *  order of appearance. */
    apr_hash_t *index;
} build_t;

const char *queue_conf_section_key(apr_pool_t *p, const char *name)
{
    const char *domain;

    if (strcmp(name, EVERY) == 0) {
        return EVERY;
    }
    if (*name != '.') {
        return smtp_domain_normalise(p, name);
    }
    domain = smtp_domain_normalise(p, name + 1);
    return domain == NULL || *domain == '[' ? NULL
                                            : apr_pstrcat(p, ".", domain, NULL);
}

static void index_section(build_t *build, const queue_section_t *section)
{
    int i;

    for (i = 0; i < section->names->nelts; i++) {
        const char *key = APR_ARRAY_IDX(section->names, i, const char *);
        apr_array_header_t *sections = apr_hash_get(build->index, key,
                                                    APR_HASH_KEY_STRING);

        if (sections == NULL) {
            sections = apr_array_make(build->p, 1, sizeof(section));
            apr_hash_set(build->index, key, APR_HASH_KEY_STRING, sections);
        }
        APR_ARRAY_PUSH(sections, const queue_section_t *) = section;
    }
}

static const queue_destination_conf_t *
layer_merge(const build_t *build, const char *key,
            const queue_destination_conf_t *conf)
{
    const apr_array_header_t *sections = apr_hash_get(build->index, key,
                                                      APR_HASH_KEY_STRING);
    int i;

    for (i = 0; sections != NULL && i < sections->nelts; i++) {
        const queue_section_t *section =
            APR_ARRAY_IDX(sections, i, const queue_section_t *);

        conf = queue_conf_merge_dir(build->p, (void *)conf,
                                    (void *)section->conf);
    }
    return conf;
}

/** Merges the ".parent" sections of @a name from the shortest; when @a name
 *  is ".parent" itself, its own come last. */
static const queue_destination_conf_t *
parents_merge(const build_t *build, const char *name,
              const queue_destination_conf_t *conf)
{
    const char *dot = name + strlen(name);

    while (*name != '[' && dot > name) {
        dot--;
        if (*dot == '.') {
            conf = layer_merge(build, dot, conf);
        }
    }
    return conf;
}

static queue_destination_conf_t *complete(const build_t *build,
                                          const queue_destination_conf_t *conf)
{
    queue_destination_conf_t *copy = apr_pmemdup(build->p, conf,
                                                 sizeof(*conf));

    queue_conf_complete_destination(copy);
    return copy;
}

void queue_conf_build(apr_pool_t *p, queue_vhost_t *vhost,
                      const queue_destination_conf_t *all,
                      const apr_array_header_t *sections)
{
    build_t build = { p, apr_hash_make(p) };
    apr_hash_index_t *hi;
    int i;

    for (i = 0; i < sections->nelts; i++) {
        index_section(&build, APR_ARRAY_IDX(sections, i,
                                            const queue_section_t *));
    }
    all = layer_merge(&build, EVERY, all);
    vhost->all = complete(&build, all);
    vhost->destinations = apr_hash_make(p);
    for (hi = apr_hash_first(p, build.index); hi != NULL;
         hi = apr_hash_next(hi)) {
        const char *name = apr_hash_this_key(hi);
        const queue_destination_conf_t *conf;

        if (strcmp(name, EVERY) == 0) {
            continue;
        }
        conf = parents_merge(&build, name, all);
        if (*name != '.') {
            conf = layer_merge(&build, name, conf);
        }
        apr_hash_set(vhost->destinations, name, APR_HASH_KEY_STRING,
                     complete(&build, conf));
    }
}

const queue_destination_conf_t *
queue_conf_destination_find(const queue_vhost_t *vhost, const char *domain)
{
    const queue_destination_conf_t *conf =
        apr_hash_get(vhost->destinations, domain, APR_HASH_KEY_STRING);
    const char *dot = *domain == '[' ? NULL : strchr(domain, '.');

    for (; conf == NULL && dot != NULL; dot = strchr(dot + 1, '.')) {
        conf = apr_hash_get(vhost->destinations, dot, APR_HASH_KEY_STRING);
    }
    return conf != NULL ? conf : vhost->all;
}

/* ---- Tags ---- */

/* What was inherited from one place is one object, so that octets tell. */
static int is_alike(const queue_destination_conf_t *a,
                    const queue_destination_conf_t *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/** Whether mail of both virtual hosts may share connections. */
static int is_alike_vhost(const queue_vhost_t *a, const queue_vhost_t *b)
{
    apr_hash_index_t *hi;

    if (strcmp(a->s->server_hostname, b->s->server_hostname) != 0
        || !is_alike(a->all, b->all)
        || apr_hash_count(a->destinations)
           != apr_hash_count(b->destinations)) {
        return 0;
    }
    for (hi = apr_hash_first(NULL, a->destinations); hi != NULL;
         hi = apr_hash_next(hi)) {
        const void *theirs = apr_hash_get(b->destinations,
                                          apr_hash_this_key(hi),
                                          apr_hash_this_key_len(hi));

        if (theirs == NULL || !is_alike(apr_hash_this_val(hi), theirs)) {
            return 0;
        }
    }
    return 1;
}

static int names_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/** Names of the sections, so that tags do not depend on chance. */
static apr_array_header_t *names_sorted(apr_pool_t *p, apr_hash_t *hash)
{
    apr_array_header_t *names = apr_array_make(p, 16, sizeof(const char *));
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(p, hash); hi != NULL; hi = apr_hash_next(hi)) {
        APR_ARRAY_PUSH(names, const char *) = apr_hash_this_key(hi);
    }
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *),
          names_compare);
    return names;
}

/** Makes what routes with a level of their own get. */
static void levels_add(apr_pool_t *p, queue_destination_conf_t *conf)
{
    const queue_destination_conf_t *made[SMTP_TLS_DANE + 1];
    int level;

    for (level = 0; level <= SMTP_TLS_DANE; level++) {
        queue_destination_conf_t *copy;

        made[level] = conf;
        if (level != conf->tls) {
            made[level] = copy = apr_pmemdup(p, conf, sizeof(*conf));
            copy->tls = copy->tls_auth = level;
            copy->tls_names = NULL;
            copy->tag =
                apr_pstrcat(p, conf->tag, " tls=",
                            smtp_tls_level_name((smtp_tls_level_e)level),
                            NULL);
        }
    }
    memcpy(conf->by_tls, made, sizeof(made));
}

/** Of sections that come to the same one stands for all; what comes to what
 *  holds outside of them needs no tag. */
static void destinations_tag(apr_pool_t *p, queue_vhost_t *vhost)
{
    apr_array_header_t *names = names_sorted(p, vhost->destinations);
    apr_hash_t *known = apr_hash_make(p);
    int i;

    apr_hash_set(known, apr_pmemdup(p, vhost->all, sizeof(*vhost->all)),
                 sizeof(*vhost->all), vhost->all);
    vhost->all->tag = vhost->tag;
    levels_add(p, vhost->all);
    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        queue_destination_conf_t *conf =
            apr_hash_get(vhost->destinations, name, APR_HASH_KEY_STRING);
        queue_destination_conf_t *same = apr_hash_get(known, conf,
                                                      sizeof(*conf));

        if (same != NULL) {
            apr_hash_set(vhost->destinations, name, APR_HASH_KEY_STRING,
                         same);
            continue;
        }
        apr_hash_set(known, apr_pmemdup(p, conf, sizeof(*conf)),
                     sizeof(*conf), conf);
        conf->tag = apr_pstrcat(p, vhost->tag, "#", name, NULL);
        levels_add(p, conf);
    }
}

void queue_conf_tags_set(apr_pool_t *p, const apr_array_header_t *vhosts,
                         int (*is_used)(const queue_vhost_t *vhost))
{
    apr_array_header_t *leaders = apr_array_make(p, 4,
                                                 sizeof(queue_vhost_t *));
    int i, j;

    for (i = 0; i < vhosts->nelts; i++) {
        queue_vhost_t *vhost = APR_ARRAY_IDX(vhosts, i, queue_vhost_t *);

        vhost->tag = apr_pstrcat(p, "#", vhost->name, NULL);
        for (j = 0; is_used(vhost) && j < leaders->nelts; j++) {
            queue_vhost_t *leader = APR_ARRAY_IDX(leaders, j,
                                                  queue_vhost_t *);

            if (is_alike_vhost(leader, vhost)) {
                vhost->tag = leader->tag;
                break;
            }
        }
        if (is_used(vhost) && j == leaders->nelts) {
            APR_ARRAY_PUSH(leaders, queue_vhost_t *) = vhost;
        }
    }
    for (i = 0; i < vhosts->nelts; i++) {
        queue_vhost_t *vhost = APR_ARRAY_IDX(vhosts, i, queue_vhost_t *);

        if (leaders->nelts == 1 && is_used(vhost)) {
            vhost->tag = "";
        }
        destinations_tag(p, vhost);
    }
}
