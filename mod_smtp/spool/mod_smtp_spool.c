/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The module: keeps mail in the spool directory, for local mailboxes and for
 * who sends it on.
 */
#include <unistd.h>

#include <apr_shm.h>
#include <apr_strings.h>

#include <ap_mpm.h>
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <unixd.h>

#include "smtp_delivery.h"
#include "smtp_queue.h"
#include "spool_config.h"
#include "spool_delivery.h"
#include "spool_dir.h"
#include "spool_keeper.h"

extern SMTP_DECLARE(module) smtp_spool_module;

#define LOCK_KEY "mod_smtp_spool.lock"
/* Files that stay free: a message takes two, and its mailbox four. */
#define MIN_FREE_FILES 64

/* What there is in each process; the parent has no more than dir. */
static struct {
    const spool_config_t *config;
    spool_dir_t *dir;            /* NULL: no SMTPSpool */
    store_damaged_t damaged;
    spool_delivery_conf_t delivery;
    spool_keeper_t keeper;
    spool_queue_t queue;
    int is_running;
} spool;

/* mod_smtp_queue's; NULL: it is not loaded. */
static APR_OPTIONAL_FN_TYPE(smtp_queue_takes) *queue_takes;
static APR_OPTIONAL_FN_TYPE(smtp_queue_wake) *queue_wake;

static void log_write(void *ctx, store_log_level_e level, apr_status_t rv,
                      const char *line)
{
    (void)ctx;
    ap_log_error(APLOG_MARK, (int)level, rv, ap_server_conf, "%s", line);
}

static const store_log_t spool_log_to_httpd = { log_write, NULL };

/* ---- The parent ---- */

/* The lock outlives the configuration: over a restart it stays, since a new
 * one would meet our own children's. */
static int lock_keep(apr_pool_t *p, const spool_dir_t *dir)
{
    int *fd = ap_retained_data_get(LOCK_KEY);
    const char *complaint;
    apr_status_t rv;

    if (!fd) {
        fd = ap_retained_data_create(LOCK_KEY, sizeof(*fd));
        *fd = -1;
    }
    if (dir && spool_dir_is_locked_by(dir, *fd)) {
        return OK;
    }
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    if (!dir) {
        return OK;
    }
    rv = spool_dir_lock(p, dir, fd, &complaint);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, ap_server_conf,
                     STORE_LOGNO(2060) "SMTPSpool: %s", complaint);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static int dir_open(apr_pool_t *p, const char *path)
{
    /* Who is not root is the children's user himself. */
    int is_root = geteuid() == 0;
    const char *complaint;
    apr_status_t rv =
        spool_dir_open(p, path,
                       is_root ? ap_unixd_config.user_id : geteuid(),
                       is_root ? ap_unixd_config.group_id : getegid(),
                       &spool.dir, &complaint);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, ap_server_conf,
                     STORE_LOGNO(2061) "SMTPSpool: %s", complaint);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static void wake(const char *dir, const store_segment_t *segment,
                 apr_uint64_t place)
{
    smtp_queue_hint_t hint = { 0 };

    apr_cpystrn(hint.dir, dir, sizeof(hint.dir));
    hint.segment = segment->number;
    hint.generation = segment->generation;
    hint.place = place;
    queue_wake(&hint);
}

/* Finds who sends on. What the log says of his absence, it says once for all
 * children. */
static void queue_find(apr_pool_t *pconf)
{
    apr_shm_t *shm;

    queue_takes = APR_RETRIEVE_OPTIONAL_FN(smtp_queue_takes);
    queue_wake = APR_RETRIEVE_OPTIONAL_FN(smtp_queue_wake);
    spool.queue.wake = queue_wake ? wake : NULL;
    spool.queue.is_missed = NULL;
    if (apr_shm_create(&shm, sizeof(*spool.queue.is_missed), NULL, pconf)
        == APR_SUCCESS) {
        spool.queue.is_missed = apr_shm_baseaddr_get(shm);
        *spool.queue.is_missed = 0;
    }
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    (void)plog;
    (void)ptemp;
    spool.config = spool_config_get(s);
    spool.dir = NULL;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    if (spool.config->path
        && dir_open(pconf, spool.config->path) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    queue_find(pconf);
    return lock_keep(pconf, spool.dir);
}

/* ---- A child ---- */

static apr_status_t child_stop(void *dummy)
{
    (void)dummy;
    if (spool.is_running) {
        spool.is_running = 0;
        spool_keeper_stop(&spool.keeper);
    }
    return APR_SUCCESS;
}

static apr_status_t child_begin(apr_pool_t *p)
{
    const store_log_t *log = &spool_log_to_httpd;
    spool_keeper_t *keeper = &spool.keeper;
    int is_threaded = 0;
    apr_status_t rv;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &is_threaded);
    spool.delivery.has_signals = !is_threaded;
    spool.delivery.log = keeper->log = keeper->recovery.log = log;
    spool.damaged.dir = spool.dir->damaged;
    spool.damaged.log = log;
    keeper->damaged = keeper->recovery.damaged = &spool.damaged;
    keeper->recovery.journal = spool.dir->journal;
    keeper->recovery.queue = &spool.queue;
    store_segment_boot_get(keeper->recovery.boot);
    rv = spool_journal_create(p, spool.dir->journal,
                              (apr_uint64_t)spool.config->segment_octets, log,
                              &keeper->journal);
    if (rv == APR_SUCCESS) {
        keeper->journal->queue = &spool.queue;
        rv = spool_maildir_create(p, spool.dir->mail, &keeper->maildir);
    }
    spool.delivery.journal = keeper->journal;
    spool.delivery.maildir = keeper->recovery.maildir = keeper->maildir;
    return rv == APR_SUCCESS ? spool_keeper_start(p, keeper) : rv;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv;

    if (!spool.dir) {
        return;
    }
    rv = child_begin(pchild);
    if (rv != APR_SUCCESS) {
        /* Without it mail is put off, by 451: nobody delivers. */
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, STORE_LOGNO(2062)
                     "the spool cannot be used by this process");
        return;
    }
    spool.is_running = 1;
    /* Before sub-pools go, the threads' among them. */
    apr_pool_pre_cleanup_register(pchild, NULL, child_stop);
}

/* ---- Hooks of mod_smtp ---- */

/* Whether the recipient's mail is ours to keep: it is for Maildirs, or the
 * queue sends it. */
static int takes(smtp_transaction_t *transaction, smtp_recipient_t *recipient,
                 smtp_reply_t *reply)
{
    if (spool_delivery_is_sent(recipient)) {
        return queue_takes ? queue_takes(transaction, recipient, reply)
                           : DECLINED;
    }
    return recipient->mailboxes->nelts > 0 ? OK : DECLINED;
}

static int deliver(smtp_transaction_t *transaction,
                   smtp_recipient_t *recipient, smtp_delivery_t **delivery,
                   smtp_reply_t *reply)
{
    int rv = spool.is_running ? takes(transaction, recipient, reply)
                              : DECLINED;

    if (rv != OK) {
        return rv;
    }
    if (!*delivery) {
        *delivery = spool_delivery_create(transaction, &spool.delivery);
    }
    if ((*delivery)->klass != &spool_delivery_class) {
        *reply = (smtp_reply_t){ 452, { 4, 5, 3 },
                                 "Send to this recipient separately" };
        return SMTP_REFUSE;
    }
    return OK;
}

/* Whether the file system takes a mail of so many octets and keeps
 * SMTPSpoolMinFree. */
static int has_space(int fd, apr_off_t octets)
{
    apr_uint64_t min_free = (apr_uint64_t)spool.config->min_free;
    store_io_space_t space;

    if (!min_free) {
        return 1;
    }
    return store_io_space_get(fd, &space) == APR_SUCCESS
        && space.octets >= min_free
        && space.octets - min_free >= (apr_uint64_t)octets
        && space.files >= MIN_FREE_FILES;
}

static int mail(smtp_transaction_t *transaction, smtp_reply_t *reply)
{
    apr_off_t octets = transaction->params.has_size
                     ? transaction->params.size_octets : 0;

    if (!spool.is_running
        || (has_space(spool.dir->journal, octets)
            && has_space(spool.dir->mail, octets))) {
        return DECLINED;
    }
    *reply = (smtp_reply_t){ 452, { 4, 3, 1 },
                             "Not enough space, try again later" };
    return SMTP_REFUSE;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    smtp_hook_deliver(deliver, NULL, NULL, APR_HOOK_MIDDLE);
    /* Behind policies, which cost less than a mail that is put off. */
    smtp_hook_mail(mail, NULL, NULL, APR_HOOK_LAST);
}

AP_DECLARE_MODULE(smtp_spool) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    spool_config_create,
    NULL,
    spool_config_directives,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
