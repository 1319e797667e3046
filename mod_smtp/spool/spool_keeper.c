/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_keeper.h"

#include <pthread.h>
#include <signal.h>

static unsigned int retries_get(spool_journal_t *journal)
{
    unsigned int retries;

    apr_thread_mutex_lock(journal->mutex);
    retries = journal->retries;
    apr_thread_mutex_unlock(journal->mutex);
    return retries;
}

static void retry(spool_keeper_t *keeper, apr_time_t now, apr_pool_t *p)
{
    unsigned int before = retries_get(keeper->journal), after;
    apr_status_t rv;

    if (!before) {
        return;
    }
    rv = spool_checkpoint_retry(keeper->journal, keeper->maildir,
                                keeper->damaged, now, p);
    after = retries_get(keeper->journal);
    if (rv != APR_SUCCESS) {
        store_log(keeper->log, STORE_LOG_WARNING, rv, STORE_LOGNO(2040)
                  "%u messages wait in journal %s: they could not be "
                  "delivered to their mailboxes", after,
                  keeper->journal->name);
    }
    else if (after < before) {
        store_log(keeper->log, STORE_LOG_NOTICE, APR_SUCCESS,
                  STORE_LOGNO(2041) "%u messages that waited in journal %s "
                  "are delivered", before - after, keeper->journal->name);
    }
}

static void recover(spool_keeper_t *keeper, apr_time_t now, apr_pool_t *p)
{
    apr_status_t rv = spool_recovery_run(&keeper->recovery, p);
    int is_first = keeper->next_recovery == 0;

    /* Who is dying while we start is dead in a moment. */
    keeper->next_recovery = now + (rv != APR_SUCCESS || is_first
                                   ? SPOOL_KEEPER_RETRY
                                   : SPOOL_KEEPER_RECOVERY);
    apr_pool_clear(p);
}

static void work(spool_keeper_t *keeper, apr_pool_t *p)
{
    apr_time_t now = apr_time_now();

    if (now >= keeper->next_recovery) {
        recover(keeper, now, p);
    }
    if (now >= keeper->next_retry) {
        retry(keeper, now, p);
        keeper->next_retry = now + SPOOL_KEEPER_RETRY;
        apr_pool_clear(p);
    }
    spool_checkpoint(keeper->journal, keeper->maildir, p);
    apr_pool_clear(p);
}

/* Returns whether to go on. */
static int rest(spool_keeper_t *keeper)
{
    spool_journal_t *journal = keeper->journal;
    int is_stopping;

    apr_thread_mutex_lock(journal->mutex);
    if (!keeper->is_stopping) {
        apr_thread_cond_timedwait(journal->work, journal->mutex,
                                  SPOOL_KEEPER_CHECKPOINT);
    }
    is_stopping = keeper->is_stopping;
    apr_thread_mutex_unlock(journal->mutex);
    return !is_stopping;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    spool_keeper_t *keeper = data;
    apr_pool_t *p;

    /* Of its own: other threads allocate in the pools above. */
    if (apr_pool_create(&p, NULL) == APR_SUCCESS) {
        do {
            work(keeper, p);
        } while (rest(keeper));
        apr_pool_destroy(p);
    }
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

apr_status_t spool_keeper_start(apr_pool_t *p, spool_keeper_t *keeper)
{
    sigset_t all, before;
    apr_status_t rv;

    keeper->is_stopping = 0;
    keeper->next_retry = keeper->next_recovery = 0;
    /* httpd's signals are for its own threads: their handlers end the process
     * (prefork) or are not set yet. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = apr_thread_create(&keeper->thread, NULL, run, keeper, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv;
}

void spool_keeper_stop(spool_keeper_t *keeper)
{
    apr_status_t rv;
    apr_pool_t *p;

    apr_thread_mutex_lock(keeper->journal->mutex);
    keeper->is_stopping = 1;
    apr_thread_cond_signal(keeper->journal->work);
    apr_thread_mutex_unlock(keeper->journal->mutex);
    if (keeper->thread) {
        apr_thread_join(&rv, keeper->thread);
        keeper->thread = NULL;
    }
    spool_journal_stop(keeper->journal);
    if (apr_pool_create(&p, NULL) == APR_SUCCESS) {
        /* Whatever its time is: nobody is here later. */
        retry(keeper, apr_time_now() + SPOOL_CHECKPOINT_RETRY_LAST, p);
        apr_pool_clear(p);
        spool_checkpoint(keeper->journal, keeper->maildir, p);
        apr_pool_destroy(p);
    }
    spool_journal_close(keeper->journal);
}
