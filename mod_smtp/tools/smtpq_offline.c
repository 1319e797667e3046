/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_offline.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "smtpq_row.h"

/** Messages between two lines that say how far it is. */
#define PROGRESS 256

typedef struct offline_t {
    apr_pool_t *p;               /**< of one message */
    smtpq_spool_t *spool;
    const store_control_request_t *request;
    apr_time_t now;
    smtpq_take_fn *take;
    void *baton;
    store_control_reply_t reply; /**< the line at hand */
    store_control_end_t end;     /**< so far */
    int fitted;                  /**< messages that something was done with, or
                                      that were refused */
    apr_int64_t recipients, ready, deferred, held; /**< counted */
} offline_t;

/* Lines. */

static void say(offline_t *offline, store_control_reply_e kind)
{
    offline->reply.kind = kind;
    offline->take(offline->baton, &offline->reply);
}

static void refuse(offline_t *offline, store_control_reply_e kind,
                   const char *why, const char *id, const char *text)
{
    offline->reply.refusal.why = why;
    offline->reply.refusal.id = id;
    offline->reply.refusal.text = text;
    say(offline, kind);
}

static void refuse_error(offline_t *offline, store_control_reply_e kind,
                         const char *id, apr_status_t rv)
{
    char text[256];

    if (rv == STORE_EDAMAGED) {
        apr_cpystrn(text, "it is damaged: not what was written",
                    sizeof(text));
    }
    else {
        apr_strerror(rv, text, sizeof(text));
    }
    refuse(offline, kind, STORE_CONTROL_WHY_SYSTEM, id, text);
}

/* Which messages. */

/** Of those who wait: how many fit, or do not. */
static int recipients_count(offline_t *offline, const smtpq_found_t *found,
                            int is_fitting)
{
    int i, count = 0;

    for (i = 0; i < found->recipients->nelts; i++) {
        count += smtpq_row_is_open(found, i)
                 && store_control_select_recipient(
                        &offline->request->select, offline->p,
                        smtpq_row_address(found, i)) == is_fitting;
    }
    return count;
}

static int fits(offline_t *offline, const smtpq_found_t *found)
{
    const store_control_select_t *select = &offline->request->select;

    /* One that is over only waits to be tidied away. */
    return smtpq_row_open(found) > 0
           && store_control_select_message(
                  select, found->envelope->reverse_path,
                  found->envelope->arrived,
                  smtpq_row_status(found, offline->now), offline->now)
           && (!store_control_select_has_recipient(select)
               || recipients_count(offline, found, 1));
}

/* Telling of them. */

static void recipients_say(offline_t *offline, const smtpq_found_t *found)
{
    int i;

    for (i = 0; i < found->recipients->nelts; i++) {
        smtpq_row_recipient(offline->p, found, i, offline->now,
                            &offline->reply.recipient);
        say(offline, STORE_CONTROL_RECIPIENT);
    }
}

static void message_say(offline_t *offline, const smtpq_found_t *found)
{
    smtpq_row_message(offline->p, found, &offline->request->select,
                      offline->now, &offline->reply.message);
    say(offline, STORE_CONTROL_MESSAGE);
    offline->end.count++;
}

static void list_one(offline_t *offline, smtpq_found_t *found)
{
    message_say(offline, found);
    if (offline->request->with_recipients) {
        recipients_say(offline, found);
    }
}

static void envelope_say(offline_t *offline, const char *name,
                         const char *value)
{
    if (value != NULL) {
        offline->reply.pair.name = name;
        offline->reply.pair.value = value;
        say(offline, STORE_CONTROL_ENVELOPE);
    }
}

static void show_one(offline_t *offline, smtpq_found_t *found)
{
    const store_envelope_t *envelope = found->envelope;

    message_say(offline, found);
    envelope_say(offline, "login", envelope->login);
    envelope_say(offline, "client", envelope->client);
    envelope_say(offline, "envid", envelope->envid);
    recipients_say(offline, found);
}

static void content_say(void *baton, const char *octets, apr_size_t len)
{
    offline_t *offline = baton;

    offline->reply.content.s = octets;
    offline->reply.content.len = len;
    say(offline, STORE_CONTROL_CONTENT);
}

static void cat_one(offline_t *offline, smtpq_found_t *found)
{
    apr_status_t rv = smtpq_spool_mail(found, offline->p, content_say,
                                       offline);

    if (rv == APR_SUCCESS) {
        offline->end.count++;
    }
    else {
        refuse_error(offline, STORE_CONTROL_REFUSED, found->envelope->id, rv);
    }
}

static void count_one(offline_t *offline, smtpq_found_t *found)
{
    store_control_status_e status = smtpq_row_status(found, offline->now);

    offline->end.count++;
    offline->recipients += smtpq_row_open(found);
    offline->ready += status == STORE_CONTROL_READY;
    offline->deferred += status == STORE_CONTROL_DEFERRED;
    offline->held += status == STORE_CONTROL_HELD;
}

/* Changing them. */

/** One note of this kind about the whole message. */
static apr_status_t note(offline_t *offline, smtpq_found_t *found,
                         store_queued_e what)
{
    store_queued_note_t note = { 0 };

    note.what = what;
    note.time = offline->now;
    note.host = note.text = "";
    return smtpq_spool_note(found, offline->p, &note, 1);
}

/** A note for each who waits. */
static apr_status_t note_each(offline_t *offline, smtpq_found_t *found,
                              store_queued_e what)
{
    store_queued_note_t *notes = apr_pcalloc(
        offline->p, found->recipients->nelts * sizeof(*notes));
    int i, count = 0;

    for (i = 0; i < found->recipients->nelts; i++) {
        if (smtpq_row_is_open(found, i)) {
            if (found->states != NULL) {
                notes[count] = found->states[i];
            }
            notes[count].what = what;
            notes[count].recipient = (apr_uint32_t)i;
            notes[count].next = what == STORE_QUEUED_DEFERRED ? offline->now
                                                               : 0;
            count++;
        }
    }
    return smtpq_spool_note(found, offline->p, notes, count);
}

static apr_status_t retry(offline_t *offline, smtpq_found_t *found)
{
    return smtpq_row_status(found, offline->now) == STORE_CONTROL_DEFERRED
           ? note_each(offline, found, STORE_QUEUED_DEFERRED) : APR_SUCCESS;
}

static apr_status_t hold(offline_t *offline, smtpq_found_t *found)
{
    return found->is_held ? APR_SUCCESS
           : note(offline, found, STORE_QUEUED_HOLD);
}

/** What is released is tried at once. */
static apr_status_t release(offline_t *offline, smtpq_found_t *found)
{
    apr_status_t rv = APR_SUCCESS;

    if (found->is_held) {
        rv = note(offline, found, STORE_QUEUED_RELEASE);
        found->is_held = rv != APR_SUCCESS;
    }
    return rv == APR_SUCCESS ? retry(offline, found) : rv;
}

/** Without its file a record that is left would be sent. */
static apr_status_t delete(offline_t *offline, smtpq_found_t *found)
{
    return found->has_record
           ? note_each(offline, found, STORE_QUEUED_DELETED)
           : smtpq_spool_remove(found);
}

static void change(offline_t *offline, smtpq_found_t *found,
                   apr_status_t (*fn)(offline_t *offline,
                                      smtpq_found_t *found))
{
    const char *id = found->envelope->id;
    apr_status_t rv;

    if (!found->is_file) {
        refuse(offline, STORE_CONTROL_REFUSED, STORE_CONTROL_WHY_JOURNAL, id,
               "it is in the journal, where only a queue process can change "
               "it");
        return;
    }
    rv = fn(offline, found);
    if (rv == APR_SUCCESS) {
        offline->end.count++;
    }
    else {
        refuse_error(offline, STORE_CONTROL_REFUSED, id, rv);
    }
}

static void retry_one(offline_t *offline, smtpq_found_t *found)
{
    if (found->is_held) {
        refuse(offline, STORE_CONTROL_REFUSED, STORE_CONTROL_WHY_HELD,
               found->envelope->id, "it is held; release it");
        return;
    }
    change(offline, found, retry);
}

static void hold_one(offline_t *offline, smtpq_found_t *found)
{
    change(offline, found, hold);
}

static void release_one(offline_t *offline, smtpq_found_t *found)
{
    change(offline, found, release);
}

static void delete_one(offline_t *offline, smtpq_found_t *found)
{
    if (store_control_select_has_recipient(&offline->request->select)
        && recipients_count(offline, found, 0)) {
        refuse(offline, STORE_CONTROL_REFUSED, STORE_CONTROL_WHY_OTHERS,
               found->envelope->id,
               "it has other recipients too; delete it by its id");
        return;
    }
    change(offline, found, delete);
}

/* All of them. */

/** What is done with each; NULL: it cannot be done. */
static void (*const verbs[STORE_CONTROL_VERB_COUNT])(offline_t *,
                                                     smtpq_found_t *) = {
    list_one, show_one, cat_one, retry_one, hold_one, release_one,
    delete_one, retry_one, count_one, NULL
};

static int is_change(store_control_verb_e verb)
{
    return verb >= STORE_CONTROL_RETRY && verb <= STORE_CONTROL_FLUSH;
}

static int take_found(void *baton, smtpq_found_t *found)
{
    offline_t *offline = baton;

    offline->end.seen++;
    if (fits(offline, found)) {
        offline->fitted++;
        verbs[offline->request->verb](offline, found);
    }
    if (offline->end.seen % PROGRESS == 0) {
        offline->reply.end = offline->end;
        say(offline, STORE_CONTROL_PROGRESS);
    }
    return 1;
}

static void ids_take(offline_t *offline)
{
    const store_control_select_t *select = &offline->request->select;
    int i;

    for (i = 0; i < select->id_count; i++) {
        int before = offline->fitted;
        apr_status_t rv;

        apr_pool_clear(offline->p);
        rv = smtpq_spool_find(offline->spool, offline->p, select->ids[i],
                              take_found, offline);
        if (rv == ENOENT || (rv == APR_SUCCESS && offline->fitted == before)) {
            refuse(offline, STORE_CONTROL_REFUSED, STORE_CONTROL_WHY_NONE,
                   select->ids[i], "no such message");
        }
        else if (rv != APR_SUCCESS) {
            refuse_error(offline, STORE_CONTROL_REFUSED, select->ids[i], rv);
        }
    }
}

static void count_say(offline_t *offline, const char *name,
                      apr_int64_t count)
{
    offline->reply.pair.name = name;
    offline->reply.pair.value = apr_psprintf(offline->p, "%" APR_INT64_T_FMT,
                                             count);
    say(offline, STORE_CONTROL_COUNT);
}

static void counts_say(offline_t *offline)
{
    count_say(offline, "messages", offline->end.count);
    count_say(offline, "recipients", offline->recipients);
    count_say(offline, "ready", offline->ready);
    count_say(offline, "deferred", offline->deferred);
    count_say(offline, "held", offline->held);
}

static apr_status_t lock(offline_t *offline)
{
    return is_change(offline->request->verb)
           ? smtpq_spool_lock(offline->spool) : APR_SUCCESS;
}

static apr_status_t all_take(offline_t *offline)
{
    if (offline->request->select.id_count > 0) {
        ids_take(offline);
        return APR_SUCCESS;
    }
    return smtpq_spool_each(offline->spool, offline->p, take_found, offline);
}

static void refuse_all(offline_t *offline, apr_status_t rv)
{
    if (APR_STATUS_IS_EAGAIN(rv)) {
        refuse(offline, STORE_CONTROL_ERROR, STORE_CONTROL_WHY_BUSY, "",
               "a queue process has the queue, but does not answer");
    }
    else {
        refuse_error(offline, STORE_CONTROL_ERROR, "", rv);
    }
}

void smtpq_offline_ask(apr_pool_t *p, smtpq_spool_t *spool,
                       const store_control_request_t *request,
                       apr_time_t now, smtpq_take_fn *take, void *baton)
{
    offline_t offline;
    apr_status_t rv;

    memset(&offline, 0, sizeof(offline));
    apr_pool_create(&offline.p, p);
    offline.spool = spool;
    offline.request = request;
    offline.now = now;
    offline.take = take;
    offline.baton = baton;
    offline.end.all = smtpq_spool_count(spool);
    if (verbs[request->verb] == NULL) {
        refuse(&offline, STORE_CONTROL_ERROR, STORE_CONTROL_WHY_OFFLINE, "",
               "only a running queue process knows that");
        return;
    }
    rv = lock(&offline);
    if (rv == APR_SUCCESS) {
        rv = all_take(&offline);
    }
    if (rv != APR_SUCCESS) {
        refuse_all(&offline, rv);
        return;
    }
    if (request->verb == STORE_CONTROL_COUNTS) {
        counts_say(&offline);
    }
    offline.reply.end = offline.end;
    say(&offline, STORE_CONTROL_END);
    apr_pool_destroy(offline.p);
}
