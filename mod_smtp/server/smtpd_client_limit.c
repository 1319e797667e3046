/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Each child counts its own connections in a table of its own in shared
 * memory, and reads those of its siblings: no lock between processes, and the
 * counts of a child that died are void with it.
 */
#include "smtpd_client_limit.h"

#include <string.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <apr_shm.h>
#include <apr_thread_mutex.h>
#include <httpd.h>
#include <scoreboard.h>

#include "smtpd_client_net.h"

/* Clients that one child counts at once; a power of 2. */
#define ENTRIES 4096
/* A client stands within so many places behind the one its hash names. */
#define WINDOW 16

typedef struct entry_t {
    apr_uint64_t client;          /* hash, never 0 while count is not */
    apr_uint32_t count;
} entry_t;

typedef struct table_t {
    pid_t pid;                    /* the child whose counts these are */
    entry_t entries[];
} table_t;

static struct {
    apr_shm_t *shm;
    char *base;
    apr_size_t table_octets;
    unsigned int entries;         /* of each table */
    int children;
    int threads;
    apr_thread_mutex_t *mutex;    /* of this child's table */
} limit;

static table_t *table_of(int child)
{
    return (table_t *)(limit.base + (apr_size_t)child * limit.table_octets);
}

apr_status_t smtpd_client_limit_init(apr_pool_t *pconf)
{
    apr_status_t rv;
    apr_size_t size;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &limit.children);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &limit.threads);
    if (limit.threads < 1) {
        limit.threads = 1;
    }
    /* A child of prefork has one connection. */
    limit.entries = limit.threads > 1 ? ENTRIES : 1;
    limit.table_octets = APR_ALIGN(sizeof(table_t)
                                   + limit.entries * sizeof(entry_t), 64);
    size = (apr_size_t)limit.children * limit.table_octets;
    rv = apr_shm_create(&limit.shm, size, NULL, pconf);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    limit.base = apr_shm_baseaddr_get(limit.shm);
    memset(limit.base, 0, size);
    return APR_SUCCESS;
}

void smtpd_client_limit_child_init(apr_pool_t *pchild)
{
    apr_thread_mutex_create(&limit.mutex, APR_THREAD_MUTEX_DEFAULT, pchild);
}

/* FNV-1a of what makes a client. */
static apr_uint64_t hash_client(const apr_sockaddr_t *addr)
{
    apr_uint64_t hash = APR_UINT64_C(14695981039346656037);
    apr_size_t len, i;
    const unsigned char *octets = smtpd_client_net(addr, &len);

    for (i = 0; i < len; i++) {
        hash = (hash ^ octets[i]) * APR_UINT64_C(1099511628211);
    }
    return hash ? hash : 1;
}

static entry_t *entry_at(table_t *table, apr_uint64_t client, int i)
{
    return &table->entries[(client + (apr_uint64_t)i) & (limit.entries - 1)];
}

static int window(void)
{
    return limit.entries < WINDOW ? (int)limit.entries : WINDOW;
}

static entry_t *find(table_t *table, apr_uint64_t client)
{
    int i;

    for (i = 0; i < window(); i++) {
        entry_t *entry = entry_at(table, client, i);

        if (entry->client == client && entry->count) {
            return entry;
        }
    }
    return NULL;
}

static entry_t *find_free(table_t *table, apr_uint64_t client)
{
    int i;

    for (i = 0; i < window(); i++) {
        entry_t *entry = entry_at(table, client, i);

        if (!entry->count) {
            return entry;
        }
    }
    return NULL;
}

/* This child's table; void what a dead child left there. */
static table_t *own_table(int child)
{
    table_t *table = table_of(child);

    if (table->pid != getpid()) {
        memset(table->entries, 0, limit.entries * sizeof(entry_t));
        table->pid = getpid();
    }
    return table;
}

static entry_t *count_own(int child, apr_uint64_t client)
{
    table_t *table = own_table(child);
    entry_t *entry = find(table, client);

    if (!entry && (entry = find_free(table, client)) != NULL) {
        entry->client = client;
    }
    if (entry) {
        entry->count++;
    }
    return entry;
}

static unsigned int count_all(apr_uint64_t client)
{
    unsigned int sum = 0;
    int child;

    for (child = 0; child < limit.children; child++) {
        table_t *table = table_of(child);

        if (table->pid && ap_scoreboard_image
            && ap_scoreboard_image->parent[child].pid == table->pid) {
            entry_t *entry = find(table, client);

            sum += entry ? entry->count : 0;
        }
    }
    return sum;
}

/* The table may be another child's by now: worker gives a slot away while
 * its child still ends. */
static apr_status_t leave(void *data)
{
    smtpd_session_t *ss = data;
    table_t *table = table_of(ss->slot);

    apr_thread_mutex_lock(limit.mutex);
    if (table->pid == getpid()) {
        entry_t *entry = find(table, hash_client(ss->pub.c->client_addr));

        if (entry) {
            entry->count--;
        }
    }
    apr_thread_mutex_unlock(limit.mutex);
    return APR_SUCCESS;
}

unsigned int smtpd_client_limit_enter(smtpd_session_t *ss)
{
    conn_rec *c = ss->pub.c;
    apr_uint64_t client = hash_client(c->client_addr);
    unsigned int sum = 0;
    entry_t *entry;

    /* c->id names the thread too, which changes as the session waits. */
    ss->slot = (int)(c->id / limit.threads) % limit.children;
    apr_thread_mutex_lock(limit.mutex);
    entry = count_own(ss->slot, client);
    if (entry) {
        sum = count_all(client);
    }
    apr_thread_mutex_unlock(limit.mutex);
    if (entry) {
        apr_pool_cleanup_register(c->pool, ss, leave,
                                  apr_pool_cleanup_null);
    }
    return sum;
}
