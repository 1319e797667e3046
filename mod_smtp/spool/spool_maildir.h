/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_maildir.h
 * Final delivery: SPOOL/mail/DOMAIN/NAME/{tmp,new,cur}, directories 0700,
 * files 0600, made on demand (spool_name.h says how names are written). A
 * file has Return-Path, Delivered-To, the trace fields and the mail, with LF
 * line ends (spool_lines.h).
 *
 * Nothing here is durable before spool_maildir_sync(): the journal keeps the
 * mail until then. A file appears in new/ whole and under a name made from the
 * place of its record in the journal, so that delivering a record twice makes
 * one file:
 *
 *     SECONDS.gGENERATIONpPLACE.spool,S=OCTETS,W=OCTETS
 *
 * S is the size, W what it is with CRLF line ends, for readers that would
 * count otherwise. One copy per mailbox, however many recipients lead to it.
 */
#ifndef SPOOL_MAILDIR_H
#define SPOOL_MAILDIR_H

#include <apr_hash.h>
#include <apr_pools.h>

#include "store_content.h"
#include "store_envelope.h"

typedef struct spool_maildir_t spool_maildir_t;

/** A message to deliver. */
typedef struct spool_message_t {
    const store_envelope_t *envelope;
    const char *trace;           /**< header fields that go on top */
    apr_size_t trace_len;
    store_content_t *content;
    apr_uint64_t generation;     /**< of the segment */
    apr_uint64_t place;          /**< of the record in it */
} spool_message_t;

/** What is known of a message's earlier deliveries. */
typedef enum {
    SPOOL_MAILDIR_FIRST = 0,     /**< nobody tried before */
    SPOOL_MAILDIR_AGAIN,         /**< a copy may be there: look first */
    /** A copy may be there that could not be written back: it is written
     *  anew in its place, and synced. */
    SPOOL_MAILDIR_REPAIR,
    /** It was delivered, by another process: a copy that is there is repaired;
     *  one that is not was taken by its reader. */
    SPOOL_MAILDIR_DONE
} spool_maildir_how_e;

/** Copies found in mailboxes, kept from one message of a segment to the next:
 *  create by apr_hash_make(), as long-lived as its pool; no two threads at a
 *  time. */
typedef apr_hash_t spool_maildir_found_t;

/** @param mail  SPOOL/mail; the caller's, open as long as the result
 *  One per process: any thread. */
apr_status_t spool_maildir_create(apr_pool_t *p, int mail,
                                  spool_maildir_t **maildir);

/**
 * Delivers to all Maildirs of the envelope; tries each whatever becomes of
 * the others.
 * @param found  for all but FIRST
 * @return the first error; the call can be repeated, not as FIRST
 */
apr_status_t spool_maildir_deliver(spool_maildir_t *maildir, apr_pool_t *p,
                                   const spool_message_t *message,
                                   spool_maildir_how_e how,
                                   spool_maildir_found_t *found);

/** Makes all deliveries until now durable. After an error none of them can be
 *  relied upon. @param seen see spool_mailbox_sync() */
apr_status_t spool_maildir_sync(spool_maildir_t *maildir, unsigned int *seen);

#endif
