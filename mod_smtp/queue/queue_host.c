/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Each call of queue_hosts_next() begins again where the last one stopped for
 * want of an answer: an answer that is there is used, another is asked for.
 */
#include "queue_host.h"

#include <string.h>

#include <apr_strings.h>

#define TLSA_NAMES_MAX 2

/** A question and its answer. */
typedef struct question_t {
    queue_hosts_t *hosts;
    const smtp_dns_answer_t *answer; /**< NULL: none yet */
    unsigned int is_asked : 1;
} question_t;

struct queue_hosts_t {
    apr_pool_t *pool;
    queue_network_t *network;
    const queue_hosts_conf_t *conf;
    void (*wake)(void *baton);
    void *baton;
    smtp_mx_t *mx;
    int has_mx_step;             /**< hosts are named by MX records */
    int next;                    /**< index of the host that comes next */
    int known;                   /**< hosts before this: addresses are here */
    unsigned int has_failed : 1; /**< the domain's failure was told */
    question_t mx_question;
    question_t addresses[SMTP_MX_HOSTS_MAX];
    question_t alias;            /**< of the next host */
    question_t tlsa[TLSA_NAMES_MAX]; /**< of the next host */
};

/* Questions. */

static void question_done(void *baton, const smtp_dns_answer_t *answer)
{
    question_t *question = baton;

    question->answer = answer;
    question->hosts->wake(question->hosts->baton);
}

/** What cannot be asked has no answer. */
static const smtp_dns_answer_t *no_answer(apr_pool_t *p, apr_status_t rv)
{
    smtp_dns_answer_t *answer = apr_pcalloc(p, sizeof(*answer));

    answer->status = APR_STATUS_IS_EINVAL(rv) ? SMTP_DNS_NXDOMAIN
                                              : SMTP_DNS_TEMPORARY;
    answer->records = apr_array_make(p, 0, sizeof(smtp_dns_record_t));
    answer->reason = "the look-up cannot be begun";
    return answer;
}

/** The answer, asked for if it was not; NULL: not yet. */
static const smtp_dns_answer_t *answer_get(queue_hosts_t *hosts,
                                           question_t *question,
                                           smtp_dns_question_e kind,
                                           const char *name)
{
    if (!question->is_asked) {
        apr_status_t rv;

        question->hosts = hosts;
        question->is_asked = 1;
        rv = queue_network_ask(hosts->network, hosts->pool, kind, name,
                               question_done, question);
        if (rv != APR_SUCCESS) {
            question->answer = no_answer(hosts->pool, rv);
        }
    }
    return question->answer;
}

/* Beginnings. */

/** A next hop that the administrator names is where he says, were it
 *  ourselves: a filter, another server on this machine. */
static const smtp_mx_self_t nobody = { NULL, NULL, 1 };

/** "192.0.2.1" without brackets is meant as it looks. */
static const char *host_literal(apr_pool_t *p, const char *host)
{
    smtp_dns_address_t address;

    if (smtp_dns_address_parse(host, &address) != APR_SUCCESS) {
        return host;
    }
    return apr_psprintf(p, address.family == AF_INET6 ? "[IPv6:%s]" : "[%s]",
                        smtp_dns_address_write(p, &address));
}

static void named_host_begin(queue_hosts_t *hosts)
{
    const char *name = host_literal(hosts->pool, hosts->conf->route->host);
    smtp_mx_t *mx = smtp_mx_create(hosts->pool, name, &nobody);

    hosts->mx = mx;
    if (mx->status == SMTP_MX_ASK) {
        smtp_mx_host_t host = { mx->domain, NULL, 0, 1 };

        APR_ARRAY_PUSH(mx->hosts, smtp_mx_host_t) = host;
        mx->status = SMTP_MX_OK;
        /* There is no MX step that an attacker could have forged. */
        mx->is_secure = 1;
    }
}

static void domain_begin(queue_hosts_t *hosts)
{
    const char *domain = hosts->conf->route->host;

    hosts->has_mx_step = 1;
    hosts->mx = smtp_mx_create(hosts->pool,
                               domain ? domain : hosts->conf->domain,
                               &hosts->network->self);
}

queue_hosts_t *queue_hosts_create(apr_pool_t *p, queue_network_t *network,
                                  const queue_hosts_conf_t *conf,
                                  void (*wake)(void *baton), void *baton)
{
    queue_hosts_t *hosts = apr_pcalloc(p, sizeof(*hosts));

    hosts->pool = p;
    hosts->network = network;
    hosts->conf = conf;
    hosts->wake = wake;
    hosts->baton = baton;
    if (conf->route->kind == QUEUE_ROUTE_LMTP_UNIX) {
        return hosts;
    }
    if (conf->route->kind == QUEUE_ROUTE_MX) {
        domain_begin(hosts);
    }
    else {
        named_host_begin(hosts);
    }
    return hosts;
}

const char *queue_hosts_domain(const queue_hosts_t *hosts)
{
    return hosts->mx != NULL && hosts->mx->domain != NULL ? hosts->mx->domain
                                                          : "";
}

/* Failures. */

static void failure_set(queue_host_t *host, int code, smtp_status_t status,
                        const char *text)
{
    smtp_outcome_of_status(SMTP_STAGE_CONNECT, status, text, &host->failure);
    host->failure.code = code;
}

/** What is wrong with a next hop of the administrator's is his to mend: mail
 *  waits for that. */
static smtp_status_t status_soften(const queue_hosts_t *hosts,
                                   smtp_status_t status)
{
    if (!hosts->has_mx_step || hosts->conf->route->host != NULL) {
        status.klass = 4;
    }
    return status;
}

static const struct mx_failure_t {
    smtp_mx_e status;
    int code;
    smtp_status_t enhanced;
    const char *words;
} mx_failures[] = {
    { SMTP_MX_INVALID, 0, { 5, 1, 2 }, "is no domain to send mail to" },
    { SMTP_MX_NXDOMAIN, 0, { 5, 1, 2 }, "does not exist" },
    /* RFC 7505 4.2 */
    { SMTP_MX_NULL, 556, { 5, 1, 10 }, "does not accept mail (null MX)" },
    { SMTP_MX_UNUSABLE, 0, { 5, 4, 4 }, "has no MX record that is usable" },
    { SMTP_MX_SELF, 0, { 5, 4, 6 },
      "has this server as its best MX, and is not local: a loop" },
    { SMTP_MX_TEMPORARY, 0, { 4, 4, 3 }, "has no answer of DNS for its MX" }
};

/** The domain as a whole has no host. */
static void mx_failure_set(const queue_hosts_t *hosts, queue_host_t *host)
{
    const char *domain = hosts->mx->domain ? hosts->mx->domain
                                           : hosts->conf->domain;
    const smtp_dns_answer_t *answer = hosts->mx_question.answer;
    const char *reason = answer ? answer->reason : NULL;
    apr_size_t i = 0;

    while (mx_failures[i].status != hosts->mx->status) {
        i++;
    }
    failure_set(host, mx_failures[i].code,
                status_soften(hosts, mx_failures[i].enhanced),
                smtp_outcome_text(hosts->pool,
                                  apr_pstrcat(hosts->pool, domain, " ",
                                              mx_failures[i].words,
                                              reason ? ": " : "", reason,
                                              NULL)));
    if (host->failure.result != SMTP_OUTCOME_FAILED) {
        host->failure.code = 0;
    }
}

/** A host of which DNS knows no address. */
static void address_failure_set(const queue_hosts_t *hosts,
                                const smtp_mx_host_t *mx_host,
                                const smtp_dns_answer_t *answer,
                                queue_host_t *host)
{
    const smtp_status_t no_host = { 5, 4, 4 }, no_domain = { 5, 1, 2 },
                        no_answer_yet = { 4, 4, 3 };
    const int is_temporary = answer->status == SMTP_DNS_BOGUS
                             || answer->status == SMTP_DNS_TEMPORARY;
    const smtp_status_t status = is_temporary ? no_answer_yet
                               : mx_host->is_implicit ? no_domain : no_host;

    failure_set(host, 0, status_soften(hosts, status),
                apr_pstrcat(hosts->pool, "host ", mx_host->name,
                            " has no address: ",
                            smtp_dns_status_text(answer->status),
                            answer->reason ? ": " : "", answer->reason,
                            NULL));
}

/* Hosts of one preference. */

static const smtp_mx_host_t *mx_host_get(const queue_hosts_t *hosts, int i)
{
    return &APR_ARRAY_IDX(hosts->mx->hosts, i, smtp_mx_host_t);
}

static const smtp_dns_answer_t *address_get(queue_hosts_t *hosts, int i)
{
    return answer_get(hosts, &hosts->addresses[i], SMTP_DNS_ADDRESS,
                      mx_host_get(hosts, i)->name);
}

/** The end of the hosts with the preference of the next one. */
static int group_end(const queue_hosts_t *hosts)
{
    int preference = mx_host_get(hosts, hosts->next)->preference;
    int i = hosts->next;

    while (i < hosts->mx->hosts->nelts
           && mx_host_get(hosts, i)->preference == preference) {
        i++;
    }
    return i;
}

/** RFC 5321 5.1: if one of them is us, it is no use to try any of these or of
 *  the worse: that would lead mail round in circles. */
static void self_drop(queue_hosts_t *hosts, int end)
{
    int i;

    for (i = hosts->next; hosts->has_mx_step && i < end; i++) {
        const smtp_dns_answer_t *answer = hosts->addresses[i].answer;

        if (answer != NULL
            && smtp_mx_is_self(&hosts->network->self, answer->records)) {
            smtp_mx_discard(hosts->mx, i);
            return;
        }
    }
}

/** Has the addresses of the next host and its equals. @return 0: not yet */
static int group_resolve(queue_hosts_t *hosts)
{
    int end = group_end(hosts);
    int open = 0;
    int i;

    for (i = hosts->next; i < end; i++) {
        if (mx_host_get(hosts, i)->literal == NULL
            && address_get(hosts, i) == NULL) {
            open++;
        }
    }
    if (open > 0) {
        return 0;
    }
    self_drop(hosts, end);
    hosts->known = end;
    return 1;
}

/* TLSA. */

static const smtp_tls_tlsa_t *records_write(apr_pool_t *p,
                                            const apr_array_header_t *from,
                                            apr_size_t *count)
{
    smtp_tls_tlsa_t *records = apr_palloc(p, (from->nelts + 1)
                                             * sizeof(*records));
    int i;

    *count = 0;
    for (i = 0; i < from->nelts; i++) {
        const smtp_dns_record_t *record =
            &APR_ARRAY_IDX(from, i, smtp_dns_record_t);
        const smtp_dns_tlsa_t *tlsa = &record->u.tlsa;

        if (record->type == SMTP_DNS_RECORD_TLSA) {
            smtp_tls_tlsa_t one = { tlsa->usage, tlsa->selector,
                                    tlsa->matching, tlsa->data,
                                    tlsa->data_len };

            records[(*count)++] = one;
        }
    }
    return records;
}

/** What the TLSA records of one name mean for @a host. */
static void tlsa_set(queue_hosts_t *hosts, queue_host_t *host,
                     const char *base, const smtp_dns_answer_t *answer)
{
    const smtp_status_t deferred = { 4, 7, 5 };

    host->tlsa = smtp_tlsa_policy(answer);
    if (host->tlsa == SMTP_TLSA_NONE) {
        return;
    }
    host->tlsa_host = base;
    if (host->tlsa == SMTP_TLSA_DEFER) {
        failure_set(host, 0, deferred,
                    apr_pstrcat(hosts->pool, "no answer of DNS for the TLSA"
                                " records of ", base, ": ",
                                smtp_dns_status_text(answer->status),
                                answer->reason ? ": " : "", answer->reason,
                                NULL));
    }
    else {
        host->records = records_write(hosts->pool, answer->records,
                                      &host->record_count);
    }
}

/** RFC 7672 2.2: the first name whose TLSA records say something. @return 0:
 *  not yet */
static int tlsa_resolve(queue_hosts_t *hosts, queue_host_t *host,
                        const smtp_dns_answer_t *address)
{
    const smtp_dns_answer_t *alias = NULL;
    apr_array_header_t *names;
    int i;

    if (smtp_tlsa_needs_alias(address) && hosts->mx->is_secure) {
        alias = answer_get(hosts, &hosts->alias, SMTP_DNS_ALIAS, host->name);
        if (alias == NULL) {
            return 0;
        }
    }
    names = smtp_tlsa_hosts(hosts->pool, host->name, hosts->mx->is_secure,
                            address, alias);
    for (i = 0; i < names->nelts && host->tlsa == SMTP_TLSA_NONE; i++) {
        const char *base = APR_ARRAY_IDX(names, i, const char *);
        const char *owner = smtp_tlsa_owner(hosts->pool, base, host->port);
        const smtp_dns_answer_t *answer = owner == NULL ? NULL
            : answer_get(hosts, &hosts->tlsa[i], SMTP_DNS_TLSA, owner);

        if (owner != NULL && answer == NULL) {
            return 0;
        }
        if (owner != NULL) {
            tlsa_set(hosts, host, base, answer);
        }
    }
    return 1;
}

/* One host. */

static queue_host_t *host_create(const queue_hosts_t *hosts,
                                 const char *name)
{
    queue_host_t *host = apr_pcalloc(hosts->pool, sizeof(*host));

    host->name = name;
    host->port = hosts->conf->route->port;
    return host;
}

static queue_host_t *literal_host(queue_hosts_t *hosts,
                                  const smtp_mx_host_t *mx_host)
{
    apr_array_header_t *addresses =
        apr_array_make(hosts->pool, 1, sizeof(smtp_dns_address_t));
    queue_host_t *host;

    APR_ARRAY_PUSH(addresses, smtp_dns_address_t) = *mx_host->literal;
    host = host_create(hosts, smtp_dns_address_write(hosts->pool,
                                                     mx_host->literal));
    host->addresses = addresses;
    host->is_literal = 1;
    host->is_secure = 1;
    return host;
}

static void addresses_set(queue_hosts_t *hosts,
                          const smtp_dns_answer_t *answer, queue_host_t *host)
{
    const smtp_status_t no_family = { 4, 4, 4 };

    host->addresses = smtp_mx_address_order(
        hosts->pool, answer->records,
        (smtp_mx_family_e)hosts->conf->conf->family,
        QUEUE_HOST_ADDRESSES_MAX,
        smtp_random_next(&hosts->network->random));
    if (host->addresses->nelts == 0) {
        failure_set(host, 0, no_family,
                    apr_pstrcat(hosts->pool, "host ", host->name,
                                " has no address of the family that is used",
                                NULL));
    }
}

/** The next host, whose addresses are known. @return NULL: not yet */
static queue_host_t *named_host(queue_hosts_t *hosts,
                                const smtp_mx_host_t *mx_host)
{
    const smtp_dns_answer_t *answer = address_get(hosts, hosts->next);
    queue_host_t *host = host_create(hosts, mx_host->name);

    host->is_mx = hosts->has_mx_step && !mx_host->is_implicit;
    host->is_secure = hosts->mx->is_secure;
    if (answer->status != SMTP_DNS_OK) {
        address_failure_set(hosts, mx_host, answer, host);
        return host;
    }
    if (hosts->conf->has_dane && !tlsa_resolve(hosts, host, answer)) {
        return NULL;
    }
    addresses_set(hosts, answer, host);
    return host;
}

/* The walk. */

/** What comes before all hosts. @return 0: not yet */
static int mx_resolve(queue_hosts_t *hosts)
{
    const smtp_dns_answer_t *answer;

    if (hosts->mx->status != SMTP_MX_ASK) {
        return 1;
    }
    answer = answer_get(hosts, &hosts->mx_question, SMTP_DNS_MX,
                        hosts->mx->domain);
    if (answer == NULL) {
        return 0;
    }
    smtp_mx_answer(hosts->mx, answer, &hosts->network->self,
                   smtp_random_next(&hosts->network->random));
    return 1;
}

/** The domain has no host (any more): that is told once. */
static queue_hosts_e end_tell(queue_hosts_t *hosts,
                              const queue_host_t **found)
{
    queue_host_t *host;

    if (hosts->has_failed || hosts->mx->status == SMTP_MX_OK) {
        return QUEUE_HOSTS_END;
    }
    hosts->has_failed = 1;
    host = host_create(hosts, "");
    mx_failure_set(hosts, host);
    *found = host;
    return QUEUE_HOSTS_FOUND;
}

static queue_hosts_e socket_tell(queue_hosts_t *hosts,
                                 const queue_host_t **found)
{
    queue_host_t *host;

    if (hosts->next++ > 0) {
        return QUEUE_HOSTS_END;
    }
    host = host_create(hosts, hosts->conf->route->path);
    host->path = hosts->conf->route->path;
    host->is_secure = 1;
    *found = host;
    return QUEUE_HOSTS_FOUND;
}

static queue_hosts_e host_tell(queue_hosts_t *hosts,
                               const queue_host_t **found)
{
    const smtp_mx_host_t *mx_host = mx_host_get(hosts, hosts->next);

    *found = mx_host->literal ? literal_host(hosts, mx_host)
                              : named_host(hosts, mx_host);
    if (*found == NULL) {
        return QUEUE_HOSTS_WAIT;
    }
    hosts->next++;
    memset(&hosts->alias, 0, sizeof(hosts->alias));
    memset(hosts->tlsa, 0, sizeof(hosts->tlsa));
    return QUEUE_HOSTS_FOUND;
}

queue_hosts_e queue_hosts_next(queue_hosts_t *hosts,
                               const queue_host_t **host)
{
    *host = NULL;
    if (hosts->mx == NULL) {
        return socket_tell(hosts, host);
    }
    if (!mx_resolve(hosts)) {
        return QUEUE_HOSTS_WAIT;
    }
    if (hosts->mx->status != SMTP_MX_OK
        || hosts->next >= hosts->mx->hosts->nelts) {
        return end_tell(hosts, host);
    }
    if (hosts->next >= hosts->known && !group_resolve(hosts)) {
        return QUEUE_HOSTS_WAIT;
    }
    if (hosts->next >= hosts->mx->hosts->nelts) {
        return end_tell(hosts, host);
    }
    return host_tell(hosts, host);
}
