/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_store_private.h"

#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

/* Syncs for which one that failed waits. */
#define WAIT 10

void queue_carries_begin(queue_store_t *store)
{
    store->carries = apr_hash_make(store->p);
}

static void fd_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static void carry_close(queue_carry_t *carry)
{
    fd_close(&carry->fd);
    fd_close(&carry->source.fd);
}

void queue_carries_end(queue_store_t *store)
{
    apr_hash_index_t *i;

    for (i = apr_hash_first(NULL, store->carries); i; i = apr_hash_next(i)) {
        carry_close(apr_hash_this_val(i));
    }
    apr_hash_clear(store->carries);
}

int queue_carry_is(const queue_store_t *store, const char *id)
{
    return apr_hash_get(store->carries, id, APR_HASH_KEY_STRING) != NULL;
}

int queue_store_is_behind(const queue_store_t *store)
{
    apr_hash_index_t *i;

    for (i = apr_hash_first(NULL, store->carries); i; i = apr_hash_next(i)) {
        const queue_carry_t *carry = apr_hash_this_val(i);

        if (!carry->is_anew && !carry->is_over && !carry->wait) {
            return 1;
        }
    }
    return 0;
}

/* ---- Its begin ---- */

static queue_carry_t *carry_create(queue_store_t *store,
                                   queue_segment_t *segment,
                                   apr_uint64_t place, const char *id,
                                   apr_pool_t *p)
{
    queue_carry_t *carry = apr_pcalloc(p, sizeof(*carry));

    carry->p = p;
    carry->segment = segment;
    carry->place = place;
    carry->fd = carry->source.fd = -1;
    carry->notes = apr_array_make(p, 4, sizeof(store_queued_note_t));
    apr_cpystrn(carry->id, id, sizeof(carry->id));
    segment->messages++;
    apr_hash_set(store->carries, carry->id, APR_HASH_KEY_STRING, carry);
    return carry;
}

static void notes_add(queue_carry_t *carry, const store_queued_note_t *notes,
                      int count)
{
    int i;

    for (i = 0; i < count; i++) {
        store_queued_note_t *note = apr_array_push(carry->notes);

        *note = notes[i];
        note->host = apr_pstrdup(carry->p, note->host ? note->host : "");
        note->text = apr_pstrdup(carry->p, note->text ? note->text : "");
    }
}

apr_status_t queue_carry_message(queue_store_t *store,
                                 queue_message_t *message,
                                 const store_queued_note_t *notes, int count)
{
    queue_carry_t *carry = apr_hash_get(store->carries, message->id,
                                        APR_HASH_KEY_STRING);
    store_file_source_t source;
    apr_status_t rv;
    apr_pool_t *p;

    if (carry) {
        notes_add(carry, notes, count);
        return APR_SUCCESS;
    }
    apr_pool_create(&p, store->p);
    rv = queue_store_record_source(store, message->segment, message->place,
                                   message->id, p, &source);
    if (rv != APR_SUCCESS) {
        fd_close(&source.fd);
        apr_pool_destroy(p);
        return rv;
    }
    carry = carry_create(store, message->segment, message->place, message->id,
                         p);
    carry->source = source;
    carry->message = message;
    notes_add(carry, notes, count);
    return APR_SUCCESS;
}

void queue_carry_anew(queue_store_t *store, const queue_move_t *move,
                      apr_pool_t *p, const store_file_source_t *source)
{
    queue_carry_t *carry = carry_create(store, move->segment, move->place,
                                        move->id, p);

    carry->source = *source;
    carry->is_anew = 1;
}

void queue_carry_forget(queue_store_t *store, const char *id)
{
    queue_carry_t *carry = apr_hash_get(store->carries, id,
                                        APR_HASH_KEY_STRING);

    if (carry) {
        carry->is_over = 1;
        carry->message = NULL;
    }
}

/* ---- In a thread ---- */

queue_carry_t *queue_carries_take(queue_store_t *store)
{
    queue_carry_t *first = NULL;
    apr_hash_index_t *i;

    for (i = apr_hash_first(NULL, store->carries); i; i = apr_hash_next(i)) {
        queue_carry_t *carry = apr_hash_this_val(i);

        if (carry->wait) {
            carry->wait--;
            continue;
        }
        carry->next = first;
        first = carry;
    }
    return first;
}

/* Directories are opened anew, nothing of the loop's is used but what it does
 * not touch meanwhile. */
void queue_carries_run(int queue, queue_carry_t *carries)
{
    store_file_dirs_t dirs;
    apr_pool_t *p;

    if (!carries) {
        return;
    }
    apr_pool_create(&p, NULL);
    store_file_dirs_begin(&dirs, queue);
    for (; carries; carries = carries->next) {
        carries->rv = store_file_write_new(&dirs, carries->id,
                                           &carries->source, p,
                                           &carries->fd);
        apr_pool_clear(p);
    }
    store_file_dirs_end(&dirs);
    apr_pool_destroy(p);
}

/* ---- Its end ---- */

static void carry_free(queue_store_t *store, queue_carry_t *carry)
{
    if (carry->fd >= 0) {
        store_file_remove_new(&store->dirs, carry->id);
    }
    carry_close(carry);
    apr_hash_set(store->carries, carry->id, APR_HASH_KEY_STRING, NULL);
    carry->segment->messages--;
    apr_pool_destroy(carry->p);
}

/* Said once; it is tried again. */
static void carry_failed(queue_store_t *store, queue_carry_t *carry,
                         apr_status_t rv)
{
    if (carry->fd >= 0) {
        store_file_remove_new(&store->dirs, carry->id);
        fd_close(&carry->fd);
    }
    carry->wait = WAIT;
    if (!carry->is_late) {
        carry->is_late = 1;
        store_log(store->log, STORE_LOG_ERR, rv, QUEUE_LOGNO(4258)
                  "%s: its file in the queue could not be written; what has "
                  "happened to it waits in memory until it can", carry->id);
    }
}

static apr_status_t notes_write(const queue_carry_t *carry)
{
    off_t end = lseek(carry->fd, 0, SEEK_END);

    return end < 0 ? APR_FROM_OS_ERROR(EIO)
         : store_file_append(carry->fd, (apr_uint64_t)end,
                             (const store_queued_note_t *)carry->notes->elts,
                             carry->notes->nelts, carry->p);
}

/* The file gets its name. */
static apr_status_t name_set(queue_store_t *store, queue_carry_t *carry)
{
    apr_status_t rv = notes_write(carry);

    if (rv == APR_SUCCESS && !carry->is_anew) {
        rv = queue_store_record_mark_moved(store, carry->segment,
                                           carry->place);
    }
    if (rv == APR_SUCCESS) {
        rv = store_file_rename_new(&store->dirs, carry->id);
    }
    if (rv == APR_SUCCESS) {
        fd_close(&carry->fd);
    }
    return rv;
}

static apr_status_t message_done(queue_store_t *store, queue_carry_t *carry)
{
    queue_message_t *message = carry->message;
    apr_status_t rv = name_set(store, carry);

    if (rv == APR_SUCCESS) {
        queue_scan_made(store, carry->id);
        queue_move_add(store, message->segment, message->place, carry->id);
        message->segment = NULL;
    }
    return rv;
}

/* With the notes that the other file has by now. */
static apr_status_t anew_done(queue_store_t *store, queue_carry_t *carry)
{
    queue_move_t *move = apr_hash_get(store->moves_by_id, carry->id,
                                      APR_HASH_KEY_STRING);
    apr_status_t rv;

    if (!move || !move->is_doubtful) {
        return APR_SUCCESS;      /* it is over */
    }
    carry->notes = queue_store_notes_get(store, carry->id, carry->p);
    rv = name_set(store, carry);
    if (rv == APR_SUCCESS) {
        move->is_doubtful = 0;
    }
    return rv;
}

static void carry_done(queue_store_t *store, queue_carry_t *carry)
{
    apr_status_t rv = queue_store_record_check(store, carry->segment,
                                               carry->place);

    if (carry->is_over || rv == STORE_EDAMAGED) {
        carry_free(store, carry);
        return;
    }
    if (rv == APR_SUCCESS) {
        rv = carry->rv;
    }
    if (rv == APR_SUCCESS) {
        rv = carry->is_anew ? anew_done(store, carry)
                            : message_done(store, carry);
    }
    if (rv == STORE_EDAMAGED && !carry->is_anew) {
        rv = queue_store_record_aside(store, carry->segment, carry->place,
                                      "a message in the journal, to be sent, "
                                      "was damaged");
    }
    if (rv == APR_SUCCESS) {
        carry_free(store, carry);
    }
    else {
        carry_failed(store, carry, rv);
    }
}

void queue_carries_done(queue_store_t *store, queue_carry_t *carries,
                        apr_status_t rv)
{
    while (carries) {
        queue_carry_t *next = carries->next;

        if (carries->rv == APR_SUCCESS) {
            carries->rv = rv;
        }
        carry_done(store, carries);
        carries = next;
    }
}
