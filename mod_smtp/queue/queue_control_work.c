/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_control_work.h"

#include <string.h>

#include <apr_strings.h>

#include "queue_control_row.h"
#include "queue_turn.h"

/* Messages between two lines that say how far it is. */
#define PROGRESS 1024

struct queue_control_work_t {
    apr_pool_t *p;
    apr_pool_t *scratch;         /* of one message */
    queue_engine_t *engine;
    const store_control_request_t *request;
    queue_cursor_t *cursor;      /* NULL: by ids, or none is needed */
    int id_next;                 /* index of the request's */
    store_control_end_t end;     /* so far */
    apr_int64_t unread;          /* messages that the start has not read yet */
    apr_int64_t told;            /* end.seen as of the last PROGRESS */
    apr_time_t now;              /* of this turn */
    int changes;                 /* of this turn */
    /* LIST, SHOW: the message whose recipients are being told. */
    char id[STORE_QUEUED_ID_MAX + 1];
    apr_uint32_t recipient_next;
    int has_recipients;          /* there are more */
    apr_pool_t *mail_p;          /* CAT */
    queue_mail_t *mail;          /* NULL: the next one is to be opened */
};

static apr_status_t work_cleanup(void *data)
{
    queue_control_work_t *work = data;

    if (work->cursor) {
        queue_cursor_close(work->cursor);
    }
    return APR_SUCCESS;
}

queue_control_work_t *
queue_control_work_begin(apr_pool_t *p, queue_engine_t *engine,
                         const store_control_request_t *request)
{
    queue_control_work_t *work = apr_pcalloc(p, sizeof(*work));
    queue_counts_t counts;

    work->p = p;
    work->engine = engine;
    work->request = request;
    apr_pool_create(&work->scratch, p);
    apr_pool_create(&work->mail_p, p);
    if (!request->select.id_count) {
        work->cursor = queue_cursor_open(engine);
    }
    /* Ahead of the pools above. */
    apr_pool_pre_cleanup_register(p, work, work_cleanup);
    queue_engine_counts_get(engine, &counts);
    work->end.all = (apr_int64_t)counts.messages;
    work->unread = (apr_int64_t)counts.unread;
    return work;
}

static void refuse(store_control_out_t *out, const char *why, const char *id,
                   const char *text)
{
    store_control_refusal_write(out, STORE_CONTROL_REFUSED, why, id, text);
}

static void refuse_error(store_control_out_t *out, const char *id,
                         apr_status_t rv)
{
    char text[256];

    refuse(out, STORE_CONTROL_WHY_SYSTEM, id,
           apr_strerror(rv, text, sizeof(text)));
}

/* ---- Which messages ---- */

static queue_message_t *by_id(queue_control_work_t *work,
                              store_control_out_t *out)
{
    const store_control_select_t *select = &work->request->select;

    while (work->id_next < select->id_count) {
        const char *id = select->ids[work->id_next++];
        queue_message_t *message = queue_engine_find(work->engine, id);

        if (message) {
            return message;
        }
        refuse(out, STORE_CONTROL_WHY_NONE, id, "no such message");
    }
    return NULL;
}

static queue_message_t *message_next(queue_control_work_t *work,
                                     store_control_out_t *out)
{
    queue_message_t *message = work->cursor ? queue_cursor_next(work->cursor)
                                            : by_id(work, out);

    if (message) {
        work->end.seen++;
        apr_pool_clear(work->scratch);
    }
    return message;
}

/* Of the recipients that are not over: how many fit, or do not. */
static apr_uint32_t recipients_count(queue_control_work_t *work,
                                     const queue_message_t *message,
                                     int is_fitting)
{
    apr_uint32_t i, count = 0;

    for (i = 0; i < message->recipient_count; i++) {
        const queue_recipient_t *recipient = &message->recipients[i];

        count += recipient->state == QUEUE_RECIPIENT_WAITING
                 && store_control_select_recipient(&work->request->select,
                                                   work->scratch,
                                                   recipient->address)
                    == is_fitting;
    }
    return count;
}

static int fits(queue_control_work_t *work, const queue_message_t *message)
{
    const store_control_select_t *select = &work->request->select;

    return store_control_select_message(select, message->reverse_path,
                                        message->arrived,
                                        queue_control_row_status(message),
                                        work->now)
           && (!store_control_select_has_recipient(select)
               || recipients_count(work, message, 1));
}

/* ---- Telling of them ---- */

/* They follow, as many at a time as there is room for. */
static void recipients_begin(queue_control_work_t *work,
                             const queue_message_t *message)
{
    apr_cpystrn(work->id, message->id, sizeof(work->id));
    work->recipient_next = 0;
    work->has_recipients = 1;
}

/* The message may be gone by now. */
static void recipients_go(queue_control_work_t *work,
                          store_control_out_t *out)
{
    const queue_message_t *message = queue_engine_find(work->engine,
                                                       work->id);

    apr_pool_clear(work->scratch);
    while (message && work->recipient_next < message->recipient_count
           && out->len < QUEUE_CONTROL_OUT_OCTETS) {
        store_control_recipient_t row;

        queue_control_row_recipient(
            work->scratch, &message->recipients[work->recipient_next++],
            &row);
        store_control_recipient_write(out, &row);
    }
    work->has_recipients = message
                           && work->recipient_next < message->recipient_count;
}

static void list_one(queue_control_work_t *work, store_control_out_t *out,
                     queue_message_t *message)
{
    store_control_message_t row;

    queue_control_row_message(work->scratch, message, &work->request->select,
                              &row);
    store_control_message_write(out, &row);
    work->end.count++;
    if (work->request->with_recipients) {
        recipients_begin(work, message);
    }
}

static void show_one(queue_control_work_t *work, store_control_out_t *out,
                     queue_message_t *message)
{
    queue_mail_t *mail;
    apr_status_t rv;

    list_one(work, out, message);
    recipients_begin(work, message);
    rv = queue_store_mail_open(queue_engine_store(work->engine), message,
                               work->scratch, &mail);
    if (rv == APR_SUCCESS) {
        queue_control_row_envelope(mail->envelope, out);
    }
}

/* ---- Changing them ---- */

/* Why not. */
static void refuse_change(queue_control_work_t *work,
                          store_control_out_t *out, const char *id,
                          int is_held, apr_status_t rv)
{
    if (!APR_STATUS_IS_EBUSY(rv)) {
        refuse_error(out, id, rv);
    }
    else if (is_held && work->request->verb == STORE_CONTROL_RETRY) {
        refuse(out, STORE_CONTROL_WHY_HELD, id, "it is held; release it");
    }
    else {
        refuse(out, STORE_CONTROL_WHY_BUSY, id, "it is being sent now");
    }
}

static void change_one(queue_control_work_t *work, store_control_out_t *out,
                       queue_message_t *message,
                       apr_status_t (*change)(queue_engine_t *engine,
                                              queue_message_t *message))
{
    int is_held = message->is_held;
    const char *id = apr_pstrdup(work->scratch, message->id);
    apr_status_t rv = change(work->engine, message);

    work->changes++;
    if (rv == APR_SUCCESS) {
        work->end.count++;
    }
    else {
        refuse_change(work, out, id, is_held, rv);
    }
}

static void retry_one(queue_control_work_t *work, store_control_out_t *out,
                      queue_message_t *message)
{
    change_one(work, out, message, queue_engine_retry);
}

static void hold_one(queue_control_work_t *work, store_control_out_t *out,
                     queue_message_t *message)
{
    change_one(work, out, message, queue_engine_hold);
}

static void release_one(queue_control_work_t *work, store_control_out_t *out,
                        queue_message_t *message)
{
    change_one(work, out, message, queue_engine_release);
}

static void flush_one(queue_control_work_t *work, store_control_out_t *out,
                      queue_message_t *message)
{
    (void)out;
    work->changes++;
    work->end.count += queue_engine_flush(work->engine, message,
                                          work->request->select.domain);
}

/* What others wait for too is not lost with those who were meant. */
static void delete_one(queue_control_work_t *work, store_control_out_t *out,
                       queue_message_t *message)
{
    if (store_control_select_has_recipient(&work->request->select)
        && recipients_count(work, message, 0)) {
        refuse(out, STORE_CONTROL_WHY_OTHERS, message->id,
               "it has other recipients too; delete it by its id");
        return;
    }
    change_one(work, out, message, queue_engine_delete);
}

/* ---- The mail itself ---- */

static int cat_open(queue_control_work_t *work, store_control_out_t *out)
{
    queue_message_t *message = message_next(work, out);
    apr_status_t rv;

    if (!message) {
        return 0;
    }
    apr_pool_clear(work->mail_p);
    rv = queue_store_mail_open(queue_engine_store(work->engine), message,
                               work->mail_p, &work->mail);
    if (rv != APR_SUCCESS) {
        refuse_error(out, message->id, rv);
        work->mail = NULL;
    }
    return 1;
}

static void cat_go(queue_control_work_t *work, store_control_out_t *out)
{
    const char *octets;
    apr_size_t len;
    apr_status_t rv = work->mail->content(work->mail->content_ctx, &octets,
                                          &len);

    if (rv == APR_SUCCESS) {
        store_control_content_write(out, octets, len);
        return;
    }
    if (rv == APR_EOF) {
        work->end.count++;
    }
    else {
        refuse_error(out, "", rv);
    }
    work->mail = NULL;
}

static int cat_turn(queue_control_work_t *work, store_control_out_t *out)
{
    while (out->len < QUEUE_CONTROL_OUT_OCTETS) {
        if (work->mail) {
            cat_go(work, out);
        }
        else if (!cat_open(work, out)) {
            return 0;
        }
    }
    return 1;
}

/* ---- All at once ---- */

static int counts_turn(queue_control_work_t *work, store_control_out_t *out)
{
    queue_counts_t counts;

    queue_engine_counts_get(work->engine, &counts);
    queue_control_row_counts(&counts, out);
    work->end.count = (apr_int64_t)counts.messages;
    return 0;
}

static int destination_one(void *baton, queue_destination_t *destination)
{
    queue_control_row_destination(destination, baton);
    return 1;
}

/* They have no order in which a place could be kept, and are far fewer than
 * messages. */
static int destinations_turn(queue_control_work_t *work,
                             store_control_out_t *out)
{
    apr_size_t before = out->len, i;

    queue_schedule_each(queue_engine_schedule(work->engine), destination_one,
                        out);
    for (i = before; i < out->len; i++) {
        work->end.count += out->octets[i] == '\n';
    }
    return 0;
}

/* Only the answer; the connection is whose who asks (queue_control.c). Who is
 * told that there is no mail may not come again today: so it is said only when
 * it is known. */
static int turn_turn(queue_control_work_t *work, store_control_out_t *out)
{
    const store_control_request_t *request = work->request;
    int is_busy;

    work->end.count = (apr_int64_t)queue_turn_count(work->engine,
                                                    request->names,
                                                    request->name_count,
                                                    &is_busy);
    if (!work->end.count && is_busy) {
        refuse(out, STORE_CONTROL_WHY_BUSY, "", "it is being fetched");
    }
    else if (!work->end.count && work->unread) {
        refuse(out, STORE_CONTROL_WHY_BUSY, "", "it is not known yet");
    }
    return 0;
}

/* ---- A turn ---- */

typedef void one_fn(queue_control_work_t *work, store_control_out_t *out,
                    queue_message_t *message);

/* What is done with each message; or with all. */
static const struct {
    one_fn *one;
    int (*turn)(queue_control_work_t *work, store_control_out_t *out);
} verbs[STORE_CONTROL_VERB_COUNT] = {
    { list_one, NULL }, { show_one, NULL }, { NULL, cat_turn },
    { retry_one, NULL }, { hold_one, NULL }, { release_one, NULL },
    { delete_one, NULL }, { flush_one, NULL }, { NULL, counts_turn },
    { NULL, destinations_turn }, { NULL, turn_turn }
};

static void progress(queue_control_work_t *work, store_control_out_t *out)
{
    if (work->end.seen - work->told >= PROGRESS) {
        work->told = work->end.seen;
        store_control_end_write(out, STORE_CONTROL_PROGRESS, &work->end);
    }
}

/* Returns 0 behind the last one. */
static int messages_go(queue_control_work_t *work, store_control_out_t *out)
{
    queue_message_t *message;

    if (work->has_recipients) {
        recipients_go(work, out);
        return 1;
    }
    message = message_next(work, out);
    if (!message) {
        return 0;
    }
    if (fits(work, message)) {
        verbs[work->request->verb].one(work, out, message);
    }
    progress(work, out);
    return 1;
}

static int messages_turn(queue_control_work_t *work,
                         store_control_out_t *out)
{
    int seen = 0;

    work->changes = 0;
    while (seen++ < QUEUE_CONTROL_SEEN
           && work->changes < QUEUE_CONTROL_CHANGED
           && out->len < QUEUE_CONTROL_OUT_OCTETS) {
        if (!messages_go(work, out)) {
            return 0;
        }
    }
    return 1;
}

int queue_control_work_turn(queue_control_work_t *work,
                            store_control_out_t *out, apr_time_t now)
{
    store_control_verb_e verb = work->request->verb;

    work->now = now;
    if (verbs[verb].turn ? verbs[verb].turn(work, out)
                         : messages_turn(work, out)) {
        return 1;
    }
    if (work->unread && verbs[verb].one && work->cursor) {
        store_control_count_write(out, STORE_CONTROL_UNREAD, work->unread);
    }
    store_control_end_write(out, STORE_CONTROL_END, &work->end);
    return 0;
}

apr_int64_t queue_control_work_count(const queue_control_work_t *work)
{
    return work->end.count;
}
