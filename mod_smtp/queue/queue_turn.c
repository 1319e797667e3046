/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_turn.h"

#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>
#include <http_main.h>

#include "queue_engine_private.h"

APLOG_USE_MODULE(smtp_queue);

/* What is fetched over one connection. Destinations may go meanwhile: they are
 * remembered by their keys. */
struct queue_turn_t {
    apr_array_header_t *keys;    /* const char * */
    int next;                    /* index of the one after that at hand */
};

/* Which destinations are meant. */
typedef struct search_t {
    const char *const *names;
    int name_count;
    apr_size_t messages;         /* out */
    int is_busy;                 /* out: somebody fetches others just now */
    apr_array_header_t *keys;    /* out; NULL: they are not wanted */
} search_t;

static int is_in(const char *domain, const char *name)
{
    apr_size_t len = strlen(domain), tail = strlen(name);

    return *name == '.' ? len > tail && !strcmp(domain + len - tail, name)
                        : !strcmp(domain, name);
}

static int is_meant(const search_t *search, const queue_hop_t *hop)
{
    int i;

    /* First what is cheap: most destinations are others. */
    if (hop->route.kind != QUEUE_ROUTE_ON_DEMAND || hop->requires_tls) {
        return 0;
    }
    for (i = 0; i < search->name_count; i++) {
        if (is_in(hop->domain, search->names[i])) {
            return 1;
        }
    }
    return 0;
}

static int search_one(void *baton, queue_destination_t *destination)
{
    search_t *search = baton;
    queue_destination_info_t info;

    if (!is_meant(search, queue_destination_baton(destination))) {
        return 1;
    }
    queue_destination_info_get(destination, &info);
    if (info.connections) {
        search->is_busy |= info.ready + info.deferred + info.active > 0;
    }
    else if (info.ready + info.deferred) {
        search->messages += info.ready + info.deferred;
        if (search->keys) {
            APR_ARRAY_PUSH(search->keys, const char *) =
                apr_pstrdup(search->keys->pool,
                            queue_destination_key(destination));
        }
    }
    return 1;
}

apr_size_t queue_turn_count(queue_engine_t *engine, const char *const *names,
                            int name_count, int *is_busy)
{
    search_t search = { .names = names, .name_count = name_count };

    queue_schedule_each(engine->schedule, search_one, &search);
    *is_busy = search.is_busy;
    return search.messages;
}

/* Its connection is taken, and its mail is ready. */
static queue_hop_t *hop_take(queue_engine_t *engine, const char *key)
{
    queue_destination_t *destination = queue_schedule_find(engine->schedule,
                                                           key);
    apr_time_t now = queue_loop_now(engine->loop);
    queue_destination_info_t info;

    if (!destination) {
        return NULL;
    }
    queue_destination_info_get(destination, &info);
    if (info.connections) {
        return NULL;
    }
    queue_schedule_opened(destination, now);
    queue_schedule_flush(engine->schedule, destination, now);
    return queue_destination_baton(destination);
}

/* The next of the turn that nobody else fetches by now; or NULL. */
static queue_hop_t *hop_next(queue_engine_t *engine, struct queue_turn_t *turn)
{
    queue_hop_t *hop = NULL;

    while (!hop && turn->next < turn->keys->nelts) {
        hop = hop_take(engine, APR_ARRAY_IDX(turn->keys, turn->next++,
                                             const char *));
    }
    return hop;
}

int queue_turn_next(queue_link_t *link)
{
    queue_engine_t *engine = link->engine;
    queue_hop_t *hop = link->turn ? hop_next(engine, link->turn) : NULL;

    if (!hop) {
        return 0;
    }
    queue_schedule_closed(link->hop->destination, QUEUE_CONNECTION_OK, NULL,
                          queue_loop_now(engine->loop));
    link->hop = hop;
    return 1;
}

/* However much there is: the client may not come again today. */
static const queue_destination_conf_t *conf_of(apr_pool_t *p,
                                               const queue_hop_t *hop)
{
    queue_destination_conf_t *conf = apr_pmemdup(p, hop->conf,
                                                 sizeof(*conf));

    conf->messages_per_connection = 0;
    return conf;
}

/* What it is given outlives the destination that is the first. */
static void link_open(queue_link_t *link, int fd, const char *address)
{
    static const queue_route_t route = { .kind = QUEUE_ROUTE_ON_DEMAND,
                                         .spec = "on-demand",
                                         .tls = QUEUE_CONF_UNSET };
    const queue_hop_t *hop = link->hop;
    queue_connection_conf_t conf = { 0 };

    conf.route = &route;
    conf.conf = conf_of(link->pool, hop);
    conf.domain = apr_pstrdup(link->pool, hop->domain);
    conf.helo = hop->helo;
    conf.is_connected = 1;
    conf.fd = fd;
    conf.address = apr_pstrdup(link->pool, address);
    queue_delivery_link_open(link, &conf);
}

void queue_turn_begin(queue_engine_t *engine, int fd,
                      const char *const *names, int name_count,
                      const char *address)
{
    queue_link_t *link = queue_delivery_link_create(engine, NULL);
    search_t search = { .names = names, .name_count = name_count };
    struct queue_turn_t *turn = apr_pcalloc(link->pool, sizeof(*turn));

    search.keys = turn->keys = apr_array_make(link->pool, 4,
                                              sizeof(const char *));
    queue_schedule_each(engine->schedule, search_one, &search);
    link->turn = turn;
    link->hop = engine->is_stopping ? NULL : hop_next(engine, turn);
    if (!link->hop) {
        APR_RING_REMOVE(link, ring);
        apr_pool_destroy(link->pool);
        close(fd);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf, QUEUE_LOGNO(4090)
                 "%s fetches %" APR_SIZE_T_FMT " messages of %d domains",
                 address, search.messages, turn->keys->nelts);
    link_open(link, fd, address);
}
