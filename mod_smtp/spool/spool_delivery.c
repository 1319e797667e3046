/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "spool_name.h"

/* Kept for the trace in a record. */
#define TRACE_MAX_OCTETS (64 * 1024)
/* And for what the envelope gets at commit: file, time, flags. */
#define COMMIT_FIELDS_OCTETS 128
/* Of a login: what a log or a rule may want to see of it. */
#define LOGIN_MAX_OCTETS 255

typedef struct delivery_t {
    const spool_delivery_conf_t *conf;
    apr_pool_t *p;               /* the transaction's */
    store_envelope_t *envelope;
    apr_size_t envelope_len;     /* when it is written */
    unsigned int is_sent : 1;    /* to somebody */
    unsigned int has_8bit : 1;   /* seen; looked for where it is sent */
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
    d->envelope_len = store_envelope_size(d->envelope)
                    + COMMIT_FIELDS_OCTETS;
    delivery->klass = &spool_delivery_class;
    delivery->transaction = transaction;
    delivery->ctx = d;
    return delivery;
}

static int is_maildir(const smtp_mailbox_t *mailbox)
{
    return mailbox->method && !strcmp(mailbox->method, "maildir");
}

int spool_delivery_is_sent(const smtp_recipient_t *recipient)
{
    int i;

    if (recipient->is_relayed) {
        return 1;
    }
    for (i = 0; i < recipient->mailboxes->nelts; i++) {
        if (!is_maildir(APR_ARRAY_IDX(recipient->mailboxes, i,
                                      smtp_mailbox_t *))) {
            return 1;
        }
    }
    return 0;
}

static int is_clean(const char *s)
{
    return !s || store_envelope_is_clean(s);
}

/* Whether header fields can have this address, and a Maildir this name. */
static int is_possible(apr_pool_t *p, const smtp_mailbox_t *mailbox)
{
    return is_clean(mailbox->domain) && is_clean(mailbox->name)
        && is_clean(mailbox->extension) && is_clean(mailbox->delivered_to)
        && is_clean(mailbox->method) && is_clean(mailbox->argument)
        && (!is_maildir(mailbox)
            || spool_name_path(p, mailbox->domain, mailbox->name));
}

static void mailbox_copy(const smtp_mailbox_t *from, store_mailbox_t *to)
{
    to->domain = from->domain;
    to->name = from->name;
    to->extension = from->extension;
    to->delivered_to = from->delivered_to;
    if (!is_maildir(from)) {
        to->method = from->method;
        to->argument = from->argument;
    }
}

static int recipient_copy(apr_pool_t *p, const smtp_recipient_t *from,
                          store_recipient_t *to)
{
    int i;

    to->forward_path = from->forward_path->text;
    to->orcpt = from->params.orcpt;
    to->notify = from->params.notify;
    to->is_relayed = from->is_relayed;
    for (i = 0; !from->is_relayed && i < from->mailboxes->nelts; i++) {
        const smtp_mailbox_t *mailbox =
            APR_ARRAY_IDX(from->mailboxes, i, smtp_mailbox_t *);

        if (!is_possible(p, mailbox)) {
            return 0;
        }
        mailbox_copy(mailbox, store_envelope_mailbox_add(to));
    }
    return 1;
}

/* As the queue names virtual hosts: with the port of the first address, since
 * s->port is that of ServerName, which several may share. */
static const char *vhost_name(apr_pool_t *p, const server_rec *s)
{
    return apr_psprintf(p, "%s:%u", s->server_hostname,
                        s->addrs ? (unsigned int)s->addrs->host_port : 0u);
}

/* What the queue has to know; a string that cannot stand in an envelope is
 * not known. */
static void queue_fields_set(delivery_t *d, smtp_transaction_t *transaction)
{
    const smtp_session_t *session = transaction->session;
    const server_rec *s = session ? session->s : transaction->r->server;
    store_envelope_t *envelope = d->envelope;

    if (s && s->server_hostname && is_clean(s->server_hostname)) {
        envelope->vhost = vhost_name(d->p, s);
    }
    if (session && session->login) {
        envelope->login = smtp_chars_escape(d->p, session->login,
                                            strlen(session->login),
                                            LOGIN_MAX_OCTETS);
    }
    if (session && is_clean(session->client_ip)) {
        envelope->client = session->client_ip;
    }
}

/* The first recipient who is sent to makes the message the queue's too. */
static void queue_note(delivery_t *d, smtp_transaction_t *transaction)
{
    apr_size_t before = store_envelope_size(d->envelope);

    queue_fields_set(d, transaction);
    d->envelope_len += store_envelope_size(d->envelope) - before;
    d->is_sent = 1;
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
    if (!d->is_sent && spool_delivery_is_sent(recipient)) {
        queue_note(d, delivery->transaction);
    }
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

    if (d->is_sent && !d->has_8bit) {
        d->has_8bit = smtp_chars_has_8bit(octets, len) != 0;
    }
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

    if (d->is_sent) {
        record->flags = STORE_RECORD_SENT;
        if (!store_envelope_is_local(d->envelope)) {
            record->flags |= STORE_RECORD_NO_MAILDIR;
        }
    }
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

/* Whoever sends need not wait for Maildirs, which may be full for hours. */
static apr_status_t hand_over(delivery_t *d)
{
    const spool_journal_t *journal = d->conf->journal;
    apr_status_t rv;

    if (!d->is_sent) {
        return APR_SUCCESS;
    }
    rv = spool_queue_hand_over(journal->queue, journal->name,
                               d->entry.segment, d->entry.record.place);
    if (rv != APR_SUCCESS) {
        store_log(d->conf->log, STORE_LOG_WARNING, rv, STORE_LOGNO(2051)
                  "%s: accepted, but could not be handed over to be sent; it "
                  "waits in the journal and is tried again", d->envelope->id);
    }
    return rv;
}

/* The transaction ends and finish was not called: the keeper delivers. */
static apr_status_t leave(void *data)
{
    delivery_t *d = data;

    hand_over(d);
    spool_journal_settle(d->conf->journal, d->entry.segment,
                         &d->entry.record, 0);
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

/* RFC 8689 5: the one that says No; of what says both, REQUIRETLS counts. */
static int is_tls_optional(const delivery_t *d, const smtp_header_t *header)
{
    return header && header->fields & SMTP_HEADER_TLS_OPTIONAL
        && !(header->repeated & SMTP_HEADER_TLS_REQUIRED)
        && !(d->envelope->flags & STORE_ENVELOPE_REQUIRETLS);
}

/* What next hops are to know of the mail, its trace included. */
static apr_int64_t content_flags(const delivery_t *d,
                                 const smtp_header_t *header)
{
    int is_utf8 = smtp_chars_has_8bit(d->trace, d->trace_len)
        || (header && header->has_8bit);

    return (is_utf8 ? STORE_ENVELOPE_UTF8_HEADER : 0)
        | (is_utf8 || d->has_8bit ? STORE_ENVELOPE_HAS_8BIT : 0)
        | (header && header->fields & SMTP_HEADER_BULK ? STORE_ENVELOPE_BULK
                                                       : 0)
        | (is_tls_optional(d, header) ? STORE_ENVELOPE_TLS_OPTIONAL : 0);
}

/* What the envelope says of the mail. */
static void mail_note(delivery_t *d, const smtp_header_t *header)
{
    if (header && header->fields & SMTP_HEADER_RETURN_PATH) {
        d->envelope->flags |= STORE_ENVELOPE_HAS_RETURN_PATH;
    }
    if (d->is_sent) {
        d->envelope->flags |= content_flags(d, header);
        d->envelope->queued = apr_time_now();
    }
}

static apr_status_t delivery_commit(smtp_delivery_t *delivery,
                                    const char *trace, apr_size_t trace_len)
{
    delivery_t *d = delivery->ctx;
    apr_status_t rv;

    d->trace = trace;
    d->trace_len = trace_len;
    mail_note(d, delivery->transaction->header);
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

    if (d->entry.record.flags & STORE_RECORD_NO_MAILDIR) {
        return APR_SUCCESS;
    }
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
    if (hand_over(d) != APR_SUCCESS) {
        rv = APR_EGENERAL;
    }
    apr_pool_cleanup_kill(d->p, d, leave);
    spool_journal_settle(d->conf->journal, d->entry.segment,
                         &d->entry.record, rv == APR_SUCCESS);
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
