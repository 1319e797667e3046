/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What many messages cost the queue process on disk: found in a journal, each
 * deferred once, synced, found again as files by another process, and over.
 *
 *     queue_scan DIRECTORY COUNT [OCTETS]
 *
 * makes a spool of COUNT messages of OCTETS (4096) in DIRECTORY, which must
 * not be there, says what each phase took, and removes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "queue_store.h"
#include "store_io.h"
#include "store_segment.h"

#define SEGMENT_OCTETS (16 * 1024 * 1024)
#define SLICE          500
#define RECORDS        64        /* of one write */

typedef struct bench_t {
    apr_pool_t *p;
    const char *path;
    store_log_t log;
    queue_store_t *store;
    queue_message_t *messages;   /* that were found */
    char (*ids)[32];
    int count;
    int found;
    apr_time_t since;
} bench_t;

static void fail(const char *what, apr_status_t rv)
{
    fprintf(stderr, "queue_scan: %s: %s\n", what, strerror(rv));
    exit(1);
}

static void need(const char *what, apr_status_t rv)
{
    if (rv != APR_SUCCESS) {
        fail(what, rv);
    }
}

static void log_line(void *ctx, store_log_level_e level, apr_status_t rv,
                     const char *line)
{
    (void)ctx;
    (void)level;
    (void)rv;
    fprintf(stderr, "%s\n", line);
}

/* Octets of memory that the process has. */
static double memory_mib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%*d %ld", &pages) != 1) {
        pages = 0;
    }
    if (file) {
        fclose(file);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double cpu_before;

static void phase_begin(bench_t *b)
{
    b->since = apr_time_now();
    cpu_before = cpu_seconds();
}

static void phase_end(bench_t *b, const char *what)
{
    double seconds = (double)(apr_time_now() - b->since) / 1e6;

    printf("%-30s %8.3f s  %9.0f/s  %7.3f CPU s  %7.1f MiB\n", what, seconds,
           b->count / seconds, cpu_seconds() - cpu_before, memory_mib());
}

/* ---- The journal ---- */

static const char *envelope_make(apr_pool_t *p, int number, apr_size_t *len)
{
    store_envelope_t *envelope = store_envelope_create(p);
    store_recipient_t *recipient = store_envelope_recipient_add(p, envelope);

    envelope->id = apr_psprintf(p, "%013x%08x", 0x645b1d, number);
    envelope->reverse_path = "news@example.org";
    envelope->arrived = envelope->queued = apr_time_now();
    envelope->vhost = "mail.example.org:587";
    envelope->login = "news";
    envelope->client = "192.0.2.1";
    recipient->forward_path = apr_psprintf(p, "user%d@example.net", number);
    recipient->is_relayed = 1;
    return store_envelope_write(p, envelope, len);
}

/* One record, whole, as octets. */
static struct iovec record_make(apr_pool_t *p, const store_segment_t *segment,
                                apr_uint64_t place, int number,
                                const char *text, apr_size_t text_len)
{
    store_record_t record = { 0 };
    struct iovec piece;
    apr_size_t len;
    const char *envelope = envelope_make(p, number, &len);
    char *octets;

    record.generation = segment->generation;
    record.place = record.group = place;
    record.flags = STORE_RECORD_SENT | STORE_RECORD_NO_MAILDIR;
    record.envelope_len = (apr_uint32_t)len;
    record.content_len = (apr_uint32_t)text_len;
    piece.iov_len = (size_t)store_record_octets(&record);
    piece.iov_base = octets = apr_pcalloc(p, piece.iov_len);
    memcpy(octets + STORE_RECORD_HEADER_OCTETS, envelope, len);
    memcpy(octets + STORE_RECORD_HEADER_OCTETS + len, text, text_len);
    record.crc = store_record_crc(0, octets + STORE_RECORD_HEADER_OCTETS,
                                  len + text_len);
    store_record_write(&record, (unsigned char *)octets);
    return piece;
}

/* Some records, by one write; their marks. */
static int batch_write(store_segment_t *segment, int number, int left,
                       const char *text, apr_size_t text_len)
{
    struct iovec pieces[RECORDS];
    apr_uint64_t places[RECORDS], at = segment->tail;
    apr_pool_t *p;
    int i, n;

    apr_pool_create(&p, NULL);
    for (n = 0; n < RECORDS && n < left; n++) {
        pieces[n] = record_make(p, segment, at, number + n, text, text_len);
        if (at + pieces[n].iov_len > segment->octets) {
            break;
        }
        places[n] = at;
        at += pieces[n].iov_len;
    }
    if (n) {
        need("journal", store_segment_append(segment, pieces, n,
                                             at - segment->tail));
    }
    for (i = 0; i < n; i++) {
        need("marks", store_segment_queue_mark(segment, places[i],
                                               STORE_QUEUE_MARK_SEND));
    }
    apr_pool_destroy(p);
    return n;
}

static void journal_write(bench_t *b, apr_size_t text_len)
{
    unsigned char boot[STORE_SEGMENT_BOOT_OCTETS];
    const char *path = apr_pstrcat(b->p, b->path, "/journal/1-bench", NULL);
    char *text = memset(apr_palloc(b->p, text_len), 'm', text_len);
    store_segment_t *segment = NULL;
    apr_uint64_t number = 0;
    int done = 0, dir;

    store_segment_boot_get(boot);
    if (mkdir(path, 0700)) {
        fail(path, errno);
    }
    need(path, store_io_dir_open(AT_FDCWD, path, &dir));
    while (done < b->count) {
        int n = segment ? batch_write(segment, done, b->count - done, text,
                                      text_len) : 0;

        done += n;
        if (!n) {
            if (segment) {
                store_segment_close(segment);
            }
            need("segment", store_segment_create(dir, ++number,
                                                 SEGMENT_OCTETS, &segment));
            need("segment", store_segment_begin(segment, boot));
        }
    }
    store_segment_close(segment);
    close(dir);
}

/* ---- The queue ---- */

static void found(void *baton, const queue_found_t *found)
{
    bench_t *b = baton;
    queue_message_t *message = &b->messages[b->found];

    apr_cpystrn(b->ids[b->found], found->envelope->id, sizeof(*b->ids));
    message->id = b->ids[b->found];
    message->segment = found->place.segment;
    message->place = found->place.place;
    message->recipient_count = (apr_uint32_t)found->recipient_count;
    b->found++;
}

static apr_pool_t *store_open(bench_t *b)
{
    apr_pool_t *p;

    apr_pool_create(&p, b->p);
    need("store", queue_store_open(p, b->path, &b->log, &b->store));
    need("lock", queue_store_lock(b->store));
    b->found = 0;
    return p;
}

static void check_found(const bench_t *b)
{
    if (b->found != b->count) {
        fprintf(stderr, "queue_scan: %d of %d found\n", b->found, b->count);
        exit(1);
    }
}

static void defer_all(bench_t *b, apr_pool_t *scratch)
{
    store_queued_note_t note = { 0 };
    int i;

    note.what = STORE_QUEUED_DEFERRED;
    note.attempts = 1;
    note.code = 451;
    note.status = 4003000;
    note.time = note.next = apr_time_now();
    note.host = "mx.example.net[192.0.2.25]:25";
    note.text = "4.3.0 Temporary failure, try again later";
    for (i = 0; i < b->count; i++) {
        apr_pool_clear(scratch);
        need("note", queue_store_note(b->store, &b->messages[i], &note, 1,
                                      scratch));
    }
}

static void end_all(bench_t *b)
{
    int i;

    for (i = 0; i < b->count; i++) {
        need("end", queue_store_end(b->store, &b->messages[i]));
    }
}

static void sync_all(bench_t *b)
{
    queue_store_sync_t *sync;

    phase_begin(b);
    sync = queue_store_sync_begin(b->store);
    queue_store_sync_run(sync);
    phase_end(b, "sync, in a thread");
    phase_begin(b);
    queue_store_sync_end(b->store, sync);
    phase_end(b, "sync, its end in the loop");
}

static void scan_files(bench_t *b, apr_pool_t *scratch)
{
    apr_time_t longest = 0;
    apr_status_t rv;

    phase_begin(b);
    do {
        apr_time_t before = apr_time_now(), slice;

        rv = queue_store_scan_files(b->store, SLICE, scratch, found, b);
        slice = apr_time_now() - before;
        longest = slice > longest ? slice : longest;
    } while (rv == APR_SUCCESS);
    phase_end(b, "files found again");
    printf("    longest slice of %d files: %.1f ms\n", SLICE,
           (double)longest / 1e3);
    if (rv != APR_EOF) {
        fail("scan", rv);
    }
}

static void scan_journal(bench_t *b, apr_pool_t *scratch)
{
    apr_time_t longest = 0;
    apr_status_t rv;

    do {
        apr_time_t begin = apr_time_now();

        rv = queue_store_scan_journal(b->store, SLICE, scratch, found, b);
        if (apr_time_now() - begin > longest) {
            longest = apr_time_now() - begin;
        }
    } while (rv == APR_SUCCESS);
    phase_end(b, "records found");
    printf("    longest slice of %d records: %.1f ms\n", SLICE,
           (double)longest / 1e3);
    if (rv != APR_EOF) {
        fail("scan", rv);
    }
}

static void run(bench_t *b)
{
    apr_pool_t *p = store_open(b), *scratch;

    apr_pool_create(&scratch, b->p);
    phase_begin(b);
    scan_journal(b, scratch);
    check_found(b);
    phase_begin(b);
    defer_all(b, scratch);
    phase_end(b, "deferred for the first time");
    sync_all(b);
    phase_begin(b);
    defer_all(b, scratch);
    phase_end(b, "deferred again");
    apr_pool_destroy(p);
    p = store_open(b);
    scan_files(b, scratch);
    check_found(b);
    phase_begin(b);
    end_all(b);
    phase_end(b, "over");
    apr_pool_destroy(p);
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int main(int argc, char **argv)
{
    bench_t b = { 0 };
    apr_size_t octets = argc > 3 ? (apr_size_t)atol(argv[3]) : 4096;

    if (argc < 3 || (b.count = atoi(argv[2])) < 1 || octets > 100000) {
        fprintf(stderr, "usage: queue_scan DIRECTORY COUNT [OCTETS]\n");
        return 2;
    }
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&b.p, NULL);
    b.path = argv[1];
    b.log.write = log_line;
    b.messages = calloc((size_t)b.count, sizeof(*b.messages));
    b.ids = calloc((size_t)b.count, sizeof(*b.ids));
    if (mkdir(b.path, 0700) || !b.messages || !b.ids) {
        fail(b.path, errno);
    }
    apr_pool_destroy(store_open(&b));
    phase_begin(&b);
    journal_write(&b, octets);
    phase_end(&b, "written to the journal");
    run(&b);
    nftw(b.path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
