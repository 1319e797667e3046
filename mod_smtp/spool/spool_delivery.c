/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "spool_name.h"

/* Kept for the trace in a record. */
#define TRACE_MAX_OCTETS (64 * 1024)
/* And for what the envelope gets at commit. */
#define FILE_FIELDS_OCTETS 64

typedef struct delivery_t {
    const spool_delivery_conf_t *conf;
    apr_pool_t *p;               /* the transaction's */
    store_envelope_t *envelope;
    apr_size_t envelope_len;     /* when it is written */
    store_content_t *content;
    const char *trace;
    apr_size_t trace_len;
    spool_entry_t entry;
    sigset_t signals;            /* open before the commit */
} delivery_t;

static const smtp_reply_t reply_too_many =
    { 452, { 4, 5, 3 }, "Too many recipients" };
static const smtp_reply_t reply_bad_mailbox =
    { 550, { 5, 1, 1 }, "No mailbox can have this name" };

/* ---- Signals ---- */

/* prefork ends a child from a signal's handler, which stops the keeper and
 * closes the journal. So signals wait while this thread may hold the journal's
 * mutex, and from the commit to what follows the 250: else the message would be
 * delivered, its client not told, and the segment gone before we mark it. */
static void signals_hold(const delivery_t *d, sigset_t *before)
{
    sigset_t all;

    if (d->conf->has_signals) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, before);
    }
}

static void signals_release(const delivery_t *d, const sigset_t *before)
{
    if (d->conf->has_signals) {
        pthread_sigmask(SIG_SETMASK, before, NULL);
    }
}

/* ---- Envelope ---- */

static apr_int64_t flags_of(const smtp_mail_params_t *params)
{
    return (params->smtputf8 ? STORE_ENVELOPE_SMTPUTF8 : 0)
        | (params->requiretls ? STORE_ENVELOPE_REQUIRETLS : 0)
        | (params->has_size ? STORE_ENVELOPE_HAS_SIZE : 0)
        | (params->has_body ? STORE_ENVELOPE_HAS_BODY : 0)
        | (params->has_priority ? STORE_ENVELOPE_HAS_PRIORITY : 0);
}

static store_envelope_t *envelope_begin(smtp_transaction_t *transaction)
{
    const smtp_mail_params_t *params = &transaction->params;
    store_envelope_t *envelope =
        store_envelope_create(transaction->r->pool);

    envelope->id = transaction->id;
    envelope->reverse_path = transaction->reverse_path->text;
    envelope->arrived = transaction->began;
    envelope->flags = flags_of(params);
    envelope->size_octets = params->size_octets;
    envelope->body = params->body;
    envelope->ret = params->ret;
    envelope->priority = params->priority;
    envelope->envid = params->envid;
    envelope->auth = params->auth;
    return envelope;
}

smtp_delivery_t *spool_delivery_create(smtp_transaction_t *transaction,
                                       const spool_delivery_conf_t *conf)
{
    apr_pool_t *p = transaction->r->pool;
    smtp_delivery_t *delivery = apr_pcalloc(p, sizeof(*delivery));
    delivery_t *d = apr_pcalloc(p, sizeof(*d));

    d->conf = conf;
    d->p = p;
    d->envelope = envelope_begin(transaction);
    d->envelope_len = store_envelope_size(d->envelope) + FILE_FIELDS_OCTETS;
    delivery->klass = &spool_delivery_class;
    delivery->transaction = transaction;
    delivery->ctx = d;
    return delivery;
}

/* Whether a Maildir can have this name, and header fields its address. */
static int is_possible(apr_pool_t *p, const smtp_mailbox_t *mailbox)
{
    return spool_name_path(p, mailbox->domain, mailbox->name)
        && store_envelope_is_clean(mailbox->domain)
        && store_envelope_is_clean(mailbox->name)
        && (!mailbox->extension
            || store_envelope_is_clean(mailbox->extension))
        && store_envelope_is_clean(mailbox->delivered_to);
}

static int recipient_copy(apr_pool_t *p, const smtp_recipient_t *from,
                          store_recipient_t *to)
{
    int i;

    to->forward_path = from->forward_path->text;
    to->orcpt = from->params.orcpt;
    to->notify = from->params.notify;
    for (i = 0; i < from->mailboxes->nelts; i++) {
        const smtp_mailbox_t *mailbox =
            APR_ARRAY_IDX(from->mailboxes, i, smtp_mailbox_t *);
        store_mailbox_t *copy = store_envelope_mailbox_add(to);

        if (!is_possible(p, mailbox)) {
            return 0;
        }
        copy->domain = mailbox->domain;
        copy->name = mailbox->name;
        copy->extension = mailbox->extension;
        copy->delivered_to = mailbox->delivered_to;
    }
    return 1;
}

/* RFC 5321 4.5.3.1.10: what does not fit comes in another transaction. */
static int has_room(const delivery_t *d, apr_size_t len)
{
    return d->envelope_len + len + STORE_CONTENT_MEMORY_MAX
        + TRACE_MAX_OCTETS + STORE_RECORD_UNIT
        <= spool_journal_record_max(d->conf->journal);
}

static int delivery_recipient(smtp_delivery_t *delivery,
                              smtp_recipient_t *recipient,
                              smtp_reply_t *reply)
{
    delivery_t *d = delivery->ctx;
    store_recipient_t *copy = store_envelope_recipient_add(d->p, d->envelope);
    apr_size_t len = 0;

    *reply = reply_bad_mailbox;
    if (recipient_copy(d->p, recipient, copy)) {
        *reply = reply_too_many;
        len = store_envelope_recipient_size(copy);
    }
    if (!len || !has_room(d, len)) {
        apr_array_pop(d->envelope->recipients);
        return SMTP_REFUSE;
    }
    *reply = (smtp_reply_t){ 0 };
    d->envelope_len += len;
    return OK;
}

/* ---- Content ---- */

/* A file for what is too large to be held in memory. */
static apr_status_t spill(delivery_t *d)
{
    spool_journal_t *journal = d->conf->journal;
    char name[SPOOL_JOURNAL_NAME_OCTETS];
    int dir;
    apr_status_t rv = spool_journal_dir_get(journal, &dir);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    d->envelope->file_number =
        (apr_int64_t)spool_journal_number_make(journal);
    spool_journal_name_write(name, (apr_uint64_t)d->envelope->file_number,
                             "temp");
    return store_content_spill(d->content, dir, name);
}

static store_content_t *content_get(delivery_t *d)
{
    if (!d->content) {
        d->content = store_content_create(d->p, d->envelope->size_octets);
    }
    return d->content;
}

static apr_status_t delivery_write(smtp_delivery_t *delivery,
                                   const char *octets, apr_size_t len)
{
    delivery_t *d = delivery->ctx;
    store_content_t *content = content_get(d);

    if (store_content_is_full(content, len)) {
        sigset_t before;
        apr_status_t rv;

        signals_hold(d, &before);
        rv = spill(d);
        signals_release(d, &before);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return store_content_write(content, octets, len);
}

static apr_status_t delivery_content(smtp_delivery_t *delivery,
                                     apr_bucket_brigade *brigade)
{
    return store_content_buckets(content_get(delivery->ctx), brigade);
}

/* ---- Commit ---- */

static void file_name(const delivery_t *d,
                      char name[SPOOL_JOURNAL_NAME_OCTETS])
{
    spool_journal_name_write(name, (apr_uint64_t)d->envelope->file_number,
                             "mail");
}

/* The file, durable under its name, before the record that names it. */
static apr_status_t file_keep(delivery_t *d)
{
    char name[SPOOL_JOURNAL_NAME_OCTETS];
    apr_uint32_t crc;
    int dir;
    apr_status_t rv = store_content_sync(d->content, &crc);

    d->envelope->file_octets = d->content->octets;
    d->envelope->file_crc = crc;
    d->entry.file_number = d->envelope->file_number;
    if (rv == APR_SUCCESS) {
        rv = spool_journal_dir_get(d->conf->journal, &dir);
    }
    if (rv == APR_SUCCESS) {
        file_name(d, name);
        rv = store_io_temp_link(&d->content->file, dir, name);
    }
    return rv == APR_SUCCESS ? store_io_fsync(dir) : rv;
}

static void file_forget(delivery_t *d)
{
    char name[SPOOL_JOURNAL_NAME_OCTETS];
    int dir;

    if (d->entry.file_number
        && spool_journal_dir_get(d->conf->journal, &dir) == APR_SUCCESS) {
        file_name(d, name);
        unlinkat(dir, name, 0);
    }
}

static void piece_add(apr_array_header_t *pieces, const char *octets,
                      apr_size_t len, apr_uint32_t *crc)
{
    struct iovec *piece = apr_array_push(pieces);

    piece->iov_base = (char *)octets;
    piece->iov_len = len;
    *crc = store_record_crc(*crc, octets, len);
}

/* The record's payload, its lengths and its checksum. */
static void entry_make(delivery_t *d)
{
    const apr_array_header_t *blocks = d->content->blocks;
    apr_array_header_t *pieces =
        apr_array_make(d->p, blocks->nelts + 2, sizeof(struct iovec));
    store_record_t *record = &d->entry.record;
    apr_size_t len;
    const char *octets = store_envelope_write(d->p, d->envelope, &len);
    int i;

    record->envelope_len = (apr_uint32_t)len;
    piece_add(pieces, octets, len, &record->crc);
    record->trace_len = (apr_uint32_t)d->trace_len;
    piece_add(pieces, d->trace, d->trace_len, &record->crc);
    for (i = 0; i < blocks->nelts; i++) {
        const struct iovec *block = &APR_ARRAY_IDX(blocks, i, struct iovec);

        record->content_len += (apr_uint32_t)block->iov_len;
        piece_add(pieces, block->iov_base, block->iov_len, &record->crc);
    }
    d->entry.pieces = (struct iovec *)pieces->elts;
    d->entry.count = pieces->nelts;
}

/* The transaction ends and finish was not called: the keeper delivers. */
static apr_status_t leave(void *data)
{
    delivery_t *d = data;

    spool_journal_settle(d->conf->journal, d->entry.segment,
                         d->entry.record.place, 0);
    signals_release(d, &d->signals);
    return APR_SUCCESS;
}

static apr_status_t append(delivery_t *d)
{
    apr_status_t rv = APR_SUCCESS;

    if (store_content_has_file(d->content)) {
        rv = file_keep(d);
    }
    if (rv == APR_SUCCESS) {
        entry_make(d);
        rv = spool_journal_append(d->conf->journal, &d->entry);
    }
    return rv;
}

static apr_status_t delivery_commit(smtp_delivery_t *delivery,
                                    const char *trace, apr_size_t trace_len)
{
    delivery_t *d = delivery->ctx;
    const smtp_header_t *header = delivery->transaction->header;
    apr_status_t rv;

    d->trace = trace;
    d->trace_len = trace_len;
    if (header && header->fields & SMTP_HEADER_RETURN_PATH) {
        d->envelope->flags |= STORE_ENVELOPE_HAS_RETURN_PATH;
    }
    content_get(d);
    signals_hold(d, &d->signals);
    rv = append(d);
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(d->p, d, leave, apr_pool_cleanup_null);
    }
    else {
        file_forget(d);
        store_content_close(d->content);
        signals_release(d, &d->signals);
    }
    return rv;
}

/* ---- After the 250 ---- */

static apr_status_t deliver(delivery_t *d)
{
    spool_message_t message = { 0 };

    message.envelope = d->envelope;
    message.trace = d->trace;
    message.trace_len = d->trace_len;
    message.content = d->content;
    message.generation = d->entry.record.generation;
    message.place = d->entry.record.place;
    return spool_maildir_deliver(d->conf->maildir, d->p, &message,
                                 SPOOL_MAILDIR_FIRST, NULL);
}

static void delivery_finish(smtp_delivery_t *delivery)
{
    delivery_t *d = delivery->ctx;
    apr_status_t rv = deliver(d);

    if (rv != APR_SUCCESS) {
        store_log(d->conf->log, STORE_LOG_WARNING, rv, STORE_LOGNO(2050)
                  "%s: accepted, but not delivered to each mailbox; it waits "
                  "in the journal and is tried again", d->envelope->id);
    }
    apr_pool_cleanup_kill(d->p, d, leave);
    spool_journal_settle(d->conf->journal, d->entry.segment,
                         d->entry.record.place, rv == APR_SUCCESS);
    store_content_close(d->content);
    signals_release(d, &d->signals);
}

static void delivery_abort(smtp_delivery_t *delivery)
{
    delivery_t *d = delivery->ctx;

    if (d->content) {
        store_content_close(d->content);
    }
}

const smtp_delivery_class_t spool_delivery_class = {
    "mod_smtp_spool",
    delivery_recipient,
    delivery_write,
    delivery_content,
    delivery_commit,
    delivery_finish,
    delivery_abort
};
