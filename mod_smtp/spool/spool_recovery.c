/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_recovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "store_io.h"
#include "spool_journal.h"
#include "spool_replay.h"

/* A segment that is no use to us. */
typedef struct strange_t {
    const char *name;
    const char *why;
} strange_t;

/* The directory of a dead process. */
typedef struct owner_t {
    spool_recovery_t *recovery;
    const char *name;
    int dir;
    unsigned int delivered;
    unsigned int handed_over;
    unsigned int is_waiting;     /* for the queue */
    unsigned int has_damage;
    apr_array_header_t *strange; /* strange_t */
    apr_status_t rv;             /* the first error: it stays for now */
} owner_t;

/* A segment of it. */
typedef struct replay_t {
    owner_t *owner;
    store_segment_t *segment;
    apr_pool_t *p;               /* for one message */
    spool_replay_t message;
    apr_uint64_t last_group;
    unsigned int is_last_whole;  /* its write was completed */
    apr_array_header_t *places;  /* apr_uint64_t: delivered, not yet synced */
} replay_t;

static void fail(owner_t *owner, apr_status_t rv)
{
    if (rv != APR_SUCCESS && owner->rv == APR_SUCCESS) {
        owner->rv = rv;
    }
}

/* ---- Records ---- */

static void damaged(replay_t *replay, apr_uint64_t from, apr_uint64_t to)
{
    owner_t *owner = replay->owner;

    owner->has_damage = 1;
    fail(owner, store_damaged_copy(owner->recovery->damaged, replay->segment,
                                   owner->name, from, to,
                                   "journal: a damaged record"));
}

/* Octets that hold no whole record. They are damage unless they are of the
 * last group, of which nothing need be whole while its write was not
 * completed. */
static void torn(replay_t *replay, apr_uint64_t from, apr_uint64_t to,
                 apr_uint64_t group)
{
    owner_t *owner = replay->owner;

    if (group == replay->last_group && group <= from
        && !replay->is_last_whole) {
        store_log(owner->recovery->log, STORE_LOG_INFO, APR_SUCCESS,
                  STORE_LOGNO(2030) "journal %s: a write was cut short at "
                  "octet %" APR_UINT64_T_FMT " of segment %" APR_UINT64_T_FMT,
                  owner->name, from, replay->segment->number);
        return;
    }
    damaged(replay, from, to);
}

/* Whether the queue has, or had, the record in hand. */
static int is_handed_over(const replay_t *replay,
                          const store_record_t *record)
{
    unsigned char mark;

    return record->flags & STORE_RECORD_SENT
        && store_segment_queue_mark_get(replay->segment, record->place, &mark)
           == APR_SUCCESS
        && mark != STORE_QUEUE_MARK_NONE;
}

/* Whether nothing is to be delivered: whatever the record has for the queue
 * is handed over. */
static int is_delivered(replay_t *replay, const store_record_t *record,
                        unsigned char mark)
{
    if (mark == STORE_MARK_DONE) {
        fail(replay->owner, spool_replay_hand_over(&replay->message, record));
        return 1;
    }
    return mark == STORE_MARK_VOID
        || (record->flags & STORE_RECORD_NO_MAILDIR
            && is_handed_over(replay, record));
}

static void replay_record(replay_t *replay, const store_record_t *record)
{
    unsigned char mark = STORE_SEGMENT_MARK(replay->segment, record->place);
    spool_maildir_how_e how = mark == STORE_MARK_DELIVERED
                            ? SPOOL_MAILDIR_DONE : SPOOL_MAILDIR_REPAIR;
    apr_uint64_t end = record->place + store_record_octets(record);
    owner_t *owner = replay->owner;
    apr_status_t rv;

    if (is_delivered(replay, record, mark)) {
        return;
    }
    rv = spool_replay(&replay->message, record, replay->p, how);
    apr_pool_clear(replay->p);
    if (rv == STORE_ETORN) {
        torn(replay, record->place, end, record->group);
    }
    else if (rv == STORE_EDAMAGED) {
        damaged(replay, record->place, end);
    }
    else if (rv != APR_SUCCESS) {
        fail(owner, rv);
    }
    else if (!(record->flags & STORE_RECORD_NO_MAILDIR)) {
        owner->delivered += how != SPOOL_MAILDIR_DONE;
        APR_ARRAY_PUSH(replay->places, apr_uint64_t) = record->place;
    }
}

/* Calls `visit` for each record, with where the one before it ended. */
static apr_status_t each_record(replay_t *replay,
                                void (*visit)(replay_t *replay,
                                              const store_record_t *record,
                                              apr_uint64_t end))
{
    apr_uint64_t at = STORE_SEGMENT_DATA;
    store_record_t record;
    apr_status_t rv;

    while ((rv = store_segment_find(replay->segment, at, &record))
           == APR_SUCCESS) {
        visit(replay, &record, at);
        at = record.place + store_record_octets(&record);
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static void note_group(replay_t *replay, const store_record_t *record,
                       apr_uint64_t end)
{
    unsigned char mark = STORE_SEGMENT_MARK(replay->segment, record->place);

    (void)end;
    if (record->group != replay->last_group) {
        replay->is_last_whole = 0;
    }
    replay->last_group = record->group;
    /* What was delivered or handed over was durable before, and all its group
     * with it. */
    if ((mark != STORE_MARK_NONE && mark != STORE_MARK_VOID)
        || is_handed_over(replay, record)) {
        replay->is_last_whole = 1;
    }
}

static void visit_record(replay_t *replay, const store_record_t *record,
                         apr_uint64_t end)
{
    if (record->place > end) {
        torn(replay, end, record->place, record->group);
    }
    replay_record(replay, record);
}

/* ---- Segments ---- */

/* Makes durable what was delivered, and marks it only then: whoever takes
 * this up after us trusts the marks. */
static void settle(replay_t *replay)
{
    spool_recovery_t *recovery = replay->owner->recovery;
    apr_status_t rv;
    int i;

    if (!replay->places->nelts) {
        return;
    }
    rv = spool_maildir_sync(recovery->maildir, &recovery->sync_failures);
    for (i = 0; i < replay->places->nelts; i++) {
        store_segment_mark(replay->segment,
                           APR_ARRAY_IDX(replay->places, i, apr_uint64_t),
                           rv == APR_SUCCESS ? STORE_MARK_DONE
                                             : STORE_MARK_REPAIR);
    }
    fail(replay->owner, rv);
}

static void replay_segment(owner_t *owner, store_segment_t *segment,
                           apr_pool_t *p)
{
    replay_t replay = { 0 };
    apr_status_t rv;

    replay.owner = owner;
    replay.segment = segment;
    replay.message.maildir = owner->recovery->maildir;
    replay.message.queue = owner->recovery->queue;
    replay.message.dir = owner->dir;
    replay.message.name = owner->name;
    replay.message.segment = segment;
    replay.message.found = apr_hash_make(p);
    replay.places = apr_array_make(p, 64, sizeof(apr_uint64_t));
    apr_pool_create(&replay.p, p);
    rv = each_record(&replay, note_group);
    if (rv == APR_SUCCESS) {
        rv = each_record(&replay, visit_record);
    }
    if (rv != APR_SUCCESS) {
        store_log(owner->recovery->log, STORE_LOG_ERR, rv, STORE_LOGNO(2031)
                  "journal %s: segment %" APR_UINT64_T_FMT " cannot be read",
                  owner->name, segment->number);
        fail(owner, rv);
    }
    settle(&replay);
    owner->handed_over += replay.message.handed_over;
}

/* A look is enough at a segment that recovery is through with. */
static void take_segment(owner_t *owner, store_segment_t *segment,
                         apr_pool_t *p)
{
    apr_status_t before = owner->rv;
    unsigned int had_damage = owner->has_damage;

    owner->rv = APR_SUCCESS;
    owner->has_damage = segment->disk.has_damage;
    if (!segment->disk.is_recovered) {
        /* Where it cannot be mended nothing can be handed over. */
        store_segment_marks_mend(segment, owner->dir);
        replay_segment(owner, segment, p);
        if (owner->rv == APR_SUCCESS) {
            store_segment_recovered_set(segment, owner->recovery->boot,
                                        owner->has_damage);
        }
    }
    owner->is_waiting |= !store_segment_queue_is_over(segment);
    owner->has_damage |= had_damage;
    owner->rv = before == APR_SUCCESS ? owner->rv : before;
}

/* What is wrong with a segment that is no use to us; NULL: nothing. */
static const char *complaint(store_segment_status_e status)
{
    switch (status) {
    case STORE_SEGMENT_STRANGE:
        return "journal: a segment with another owner, mode or kind of file";
    case STORE_SEGMENT_VERSION:
        return "journal: a segment of another version of mod_smtp";
    case STORE_SEGMENT_DAMAGED:
        return "journal: a segment whose header is damaged";
    default:
        return NULL;
    }
}

static void recover_segment(owner_t *owner, const char *name,
                            apr_uint64_t number, apr_pool_t *p)
{
    spool_recovery_t *recovery = owner->recovery;
    store_segment_t *segment;
    apr_status_t rv;
    store_segment_status_e status =
        store_segment_open(owner->dir, number, recovery->boot, &segment, &rv);

    if (status == STORE_SEGMENT_OK) {
        take_segment(owner, segment, p);
        store_segment_close(segment);
    }
    else if (complaint(status)) {
        strange_t *strange = apr_array_push(owner->strange);

        strange->name = name;
        strange->why = complaint(status);
        owner->has_damage = 1;
    }
    else {
        fail(owner, rv == APR_EOF ? APR_SUCCESS : rv);
    }
}

static void recover_segments(owner_t *owner, apr_array_header_t *names,
                             apr_pool_t *p)
{
    apr_pool_t *each;
    int i;

    apr_pool_create(&each, p);
    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *), *kind;
        apr_uint64_t number = store_segment_name_parse(name, &kind);

        if (number && !strcmp(kind, "seg")) {
            recover_segment(owner, name, number, each);
            apr_pool_clear(each);
        }
    }
    apr_pool_destroy(each);
}

/* ---- Directories ---- */

static void set_aside(owner_t *owner, const char *name, const char *why)
{
    fail(owner, store_damaged_move(owner->recovery->damaged, owner->dir,
                                   owner->name, name, why));
}

/* Mail data goes with a damaged record that it may belong to, and first:
 * without the segment nobody would know that there was damage. */
static void set_damage_aside(owner_t *owner, apr_array_header_t *names)
{
    int i;

    for (i = 0; owner->has_damage && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *), *kind;

        if (store_segment_name_parse(name, &kind) && !strcmp(kind, "mail")) {
            set_aside(owner, name, "journal: mail data beside damage");
        }
    }
    for (i = 0; owner->rv == APR_SUCCESS && i < owner->strange->nelts; i++) {
        const strange_t *strange = &APR_ARRAY_IDX(owner->strange, i,
                                                  strange_t);

        set_aside(owner, strange->name, strange->why);
    }
}

/* A file of ours that is done with. */
static void remove_file(owner_t *owner, const char *name, const char *kind)
{
    static const char *const ours[] = { "seg", "marks", "mail", "temp" };
    int i;

    for (i = 0; i < 4; i++) {
        if (!strcmp(kind, ours[i]) && unlinkat(owner->dir, name, 0)
            && errno != ENOENT) {
            fail(owner, errno);
        }
    }
}

static void remove_kind(owner_t *owner, apr_array_header_t *names,
                        int is_segment)
{
    int i;

    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *), *kind;

        if (store_segment_name_parse(name, &kind)
            && (strcmp(kind, "seg") == 0) == is_segment) {
            remove_file(owner, name, kind);
        }
    }
}

static void remove_dir(owner_t *owner)
{
    spool_recovery_t *recovery = owner->recovery;

    if (unlinkat(recovery->journal, owner->name, AT_REMOVEDIR) == 0) {
        return;
    }
    if (errno == ENOTEMPTY || errno == EEXIST) {
        fail(owner, store_damaged_move(recovery->damaged, recovery->journal,
                                       NULL, owner->name, "journal: a "
                                       "directory with strange files"));
    }
    else {
        fail(owner, errno);
    }
}

/* Everything is delivered, sent and durable. The segments go first: what is
 * killed here must not leave a record without its mail data. */
static void remove_all(owner_t *owner, apr_pool_t *p)
{
    apr_array_header_t *names;

    /* Anew: marks may have been mended. */
    fail(owner, store_io_names_get(owner->dir, p, &names));
    set_damage_aside(owner, names);
    if (owner->rv == APR_SUCCESS) {
        remove_kind(owner, names, 1);
        fail(owner, store_io_fsync(owner->dir));
    }
    if (owner->rv == APR_SUCCESS) {
        remove_kind(owner, names, 0);
    }
    if (owner->rv == APR_SUCCESS) {
        remove_dir(owner);
    }
}

/* What the log is told of a directory with which all went well. */
static void tell(const owner_t *owner)
{
    const store_log_t *log = owner->recovery->log;
    int is_new = owner->delivered || owner->handed_over;

    if (owner->is_waiting) {
        spool_queue_miss(owner->recovery->queue, owner->name, log);
    }
    if (is_new || !owner->is_waiting) {
        store_log(log, is_new ? STORE_LOG_NOTICE : STORE_LOG_INFO,
                  APR_SUCCESS, STORE_LOGNO(2033) "journal %s of a process "
                  "that died: %u messages delivered, %u to be sent on",
                  owner->name, owner->delivered, owner->handed_over);
    }
}

static void recover_locked(owner_t *owner, apr_pool_t *p)
{
    spool_recovery_t *recovery = owner->recovery;
    apr_array_header_t *names;

    owner->strange = apr_array_make(p, 1, sizeof(strange_t));
    fail(owner, store_io_names_get(owner->dir, p, &names));
    if (owner->rv == APR_SUCCESS) {
        recover_segments(owner, names, p);
    }
    if (owner->rv == APR_SUCCESS && !owner->is_waiting) {
        remove_all(owner, p);
    }
    if (owner->rv != APR_SUCCESS) {
        store_log(recovery->log, STORE_LOG_WARNING, owner->rv,
                  STORE_LOGNO(2032) "journal %s of a process that died could "
                  "not be recovered wholly; it is tried again", owner->name);
        return;
    }
    tell(owner);
}

/* Whether the directory is a dead process's, and ours to recover: it is
 * locked then. */
static int is_dead(int dir)
{
    struct stat st;

    return flock(dir, LOCK_EX | LOCK_NB) == 0 && fstat(dir, &st) == 0
        && st.st_nlink > 0;
}

/* A parent may have handed setgid down: it gives nobody a right. */
static int is_ours(int dir)
{
    struct stat st;

    return fstat(dir, &st) == 0 && st.st_uid == geteuid()
        && (st.st_mode & 0777) == 0700;
}

static apr_status_t not_ours(const spool_recovery_t *recovery,
                             const char *name)
{
    return store_damaged_move(recovery->damaged, recovery->journal, NULL,
                              name, "journal: not a directory of ours");
}

static apr_status_t recover(spool_recovery_t *recovery, const char *name,
                            apr_pool_t *p)
{
    owner_t owner = { 0 };
    apr_status_t rv;

    owner.recovery = recovery;
    owner.name = name;
    rv = store_io_dir_open(recovery->journal, name, &owner.dir);
    if (rv == ENOENT) {
        return APR_SUCCESS;
    }
    if (rv == ENOTDIR || rv == ELOOP) {
        rv = not_ours(recovery, name);
    }
    else if (rv == APR_SUCCESS && is_dead(owner.dir)) {
        if (is_ours(owner.dir)) {
            recover_locked(&owner, p);
            rv = owner.rv;
        }
        else {
            rv = not_ours(recovery, name);
        }
    }
    if (owner.dir >= 0) {
        close(owner.dir);
    }
    return rv;
}

apr_status_t spool_recovery_run(spool_recovery_t *recovery, apr_pool_t *p)
{
    apr_array_header_t *names;
    apr_pool_t *each;
    apr_status_t first = store_io_names_get(recovery->journal, p, &names);
    int i;

    apr_pool_create(&each, p);
    for (i = 0; i < names->nelts; i++) {
        apr_status_t rv =
            recover(recovery, APR_ARRAY_IDX(names, i, const char *), each);

        apr_pool_clear(each);
        if (first == APR_SUCCESS) {
            first = rv;
        }
    }
    apr_pool_destroy(each);
    return first;
}
