/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_route.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_domain.h"

/** Where nothing else is said. */
static const queue_route_t route_mx = {
    .kind = QUEUE_ROUTE_MX, .spec = "mx", .port = 25, .tls = QUEUE_CONF_UNSET
};

/** For what cannot be understood, or not now. */
static const queue_route_t route_no_domain = {
    .kind = QUEUE_ROUTE_ERROR, .spec = "error:5.1.2", .status = { 5, 1, 2 },
    .tls = QUEUE_CONF_UNSET,
    .text = "The address has no domain that mail could be sent to"
};
static const queue_route_t route_no_method = {
    .kind = QUEUE_ROUTE_ERROR, .spec = "error:5.3.5", .status = { 5, 3, 5 },
    .tls = QUEUE_CONF_UNSET,
    .text = "The mailbox has a way of delivery that is not known here"
};
static const queue_route_t route_no_condition = {
    .kind = QUEUE_ROUTE_ERROR, .spec = "error:4.3.5", .status = { 4, 3, 5 },
    .tls = QUEUE_CONF_UNSET,
    .text = "A condition of the configuration cannot be evaluated"
};

/** The domain of an address as it is looked up, or NULL. */
static const char *domain_of(apr_pool_t *p, const char *address)
{
    /* In a quoted local-part there may be further ones. */
    const char *at = strrchr(address, '@');

    return at == NULL ? NULL : smtp_domain_normalise(p, at + 1);
}

/** Whether @a rule, of sender=, means @a domain; NULL: the null
 *  reverse-path. */
static int is_sender(const char *rule, const char *domain)
{
    apr_size_t rule_len = strlen(rule), len;

    if (domain == NULL || *rule != '.') {
        return strcmp(rule, domain == NULL ? "" : domain) == 0;
    }
    len = strlen(domain);
    return len > rule_len && strcmp(domain + len - rule_len, rule) == 0;
}

/** 1, 0, or -1 when that cannot be told. */
static int is_for(apr_pool_t *p, const queue_route_facts_t *facts,
                  const queue_route_t *route)
{
    if (route->sender_domain != NULL
        && !is_sender(route->sender_domain,
                      domain_of(p, facts->reverse_path))) {
        return 0;
    }
    return route->condition == NULL
           ? 1 : queue_route_condition(p, facts, route->condition);
}

/* Nothing goes where a rule that failed might have forbidden it. */
static const queue_route_t *route_choose(apr_pool_t *p,
                                         const queue_route_facts_t *facts,
                                         const apr_array_header_t *routes)
{
    int i;

    for (i = 0; routes != NULL && i < routes->nelts; i++) {
        const queue_route_t *route =
            &APR_ARRAY_IDX(routes, i, const queue_route_t);
        int is = is_for(p, facts, route);

        if (is != 0) {
            return is > 0 ? route : &route_no_condition;
        }
    }
    return &route_mx;
}

/** The route that SMTPDeliver asks for. */
static const queue_route_t *route_of_method(apr_pool_t *p,
                                            const queue_route_facts_t *facts)
{
    queue_route_t *route = apr_palloc(p, sizeof(*route));
    const char *spec =
        apr_pstrcat(p, facts->method, facts->argument ? ":" : "",
                    facts->argument, NULL);

    return queue_route_parse(p, spec, route) == NULL ? route
                                                     : &route_no_method;
}

int queue_route_tls(const queue_route_t *route,
                    const queue_destination_conf_t *conf)
{
    return route->tls != QUEUE_CONF_UNSET ? route->tls
           : route->auth != NULL && !route->auth->without_tls
           ? conf->tls_auth : conf->tls;
}

static const char *key_write(apr_pool_t *p, const queue_route_facts_t *facts,
                             const queue_found_route_t *found)
{
    const queue_route_t *route = found->route;
    int is_own = route->kind == QUEUE_ROUTE_MX && route->host == NULL;

    /* Who fetches it names the domain, and nothing else. */
    if (route->kind == QUEUE_ROUTE_ON_DEMAND) {
        return apr_pstrcat(p, QUEUE_ROUTE_ON_DEMAND_KEY, found->domain, NULL);
    }
    /* The recipient's own domain alone says which section counts. */
    if (is_own && route->tls == QUEUE_CONF_UNSET) {
        return apr_pstrcat(p, "mx:", found->domain, facts->vhost->tag, NULL);
    }
    return apr_pstrcat(p, route->spec, is_own ? ":" : "",
                       is_own ? found->domain : "",
                       route->auth ? " as " : "",
                       route->auth ? route->auth->login : "",
                       found->conf->tag, NULL);
}

void queue_route_find(apr_pool_t *p, const queue_route_facts_t *facts,
                      queue_found_route_t *found)
{
    found->domain = domain_of(p, facts->forward_path);
    if (found->domain == NULL) {
        found->domain = "";
        found->conf = facts->vhost->all;
        found->route = &route_no_domain;
    }
    else {
        found->conf = queue_conf_destination_find(facts->vhost,
                                                  found->domain);
        found->route = facts->method != NULL
                       ? route_of_method(p, facts)
                       : route_choose(p, facts, found->conf->routes);
        found->conf =
            found->conf->by_tls[queue_route_tls(found->route, found->conf)];
    }
    found->key = key_write(p, facts, found);
}

queue_priority_e queue_route_priority(apr_pool_t *p,
                                      const queue_route_facts_t *facts)
{
    const apr_array_header_t *rules = facts->vhost->priorities;
    int i;

    for (i = 0; rules != NULL && i < rules->nelts; i++) {
        const queue_priority_rule_t *rule =
            &APR_ARRAY_IDX(rules, i, const queue_priority_rule_t);

        if (queue_route_condition(p, facts, rule->condition) > 0) {
            return rule->priority;
        }
    }
    return (queue_priority_e)facts->vhost->priority;
}
