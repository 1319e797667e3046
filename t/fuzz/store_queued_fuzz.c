/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <apr_strings.h>

#include "store_queued.h"

#define RECIPIENTS 3

/** A header that is read is the one that would be written. */
static void check_header(const uint8_t *data, size_t size)
{
    unsigned char octets[STORE_QUEUED_HEADER_OCTETS];
    store_queued_header_t header;

    if (size < sizeof(octets)
        || store_queued_header_parse(data, &header) != STORE_QUEUED_OK) {
        return;
    }
    store_queued_header_write(&header, octets);
    FUZZ_CHECK(!memcmp(octets, data, sizeof(octets)));
    FUZZ_CHECK(store_queued_notes_at(&header)
               >= store_queued_content_at(&header));
    store_queued_is_worn(&header, size, RECIPIENTS);
}

static int same(const store_queued_note_t *a, const store_queued_note_t *b)
{
    return a->what == b->what && a->recipient == b->recipient
        && a->time == b->time && a->next == b->next
        && a->attempts == b->attempts && a->code == b->code
        && a->status == b->status && fuzz_same(a->host, b->host)
        && fuzz_same(a->text, b->text);
}

/** Two replays that say the same. */
static void check_same(const store_queued_replay_t *a,
                       const store_queued_replay_t *b)
{
    uint32_t i;

    for (i = 0; i < RECIPIENTS; i++) {
        FUZZ_CHECK(same(&a->states[i], &b->states[i]));
        FUZZ_CHECK(a->states[i].recipient == i);
    }
    FUZZ_CHECK(!memcmp(a->warned, b->warned, RECIPIENTS));
    FUZZ_CHECK(a->is_held == b->is_held
               && a->priority == b->priority);
}

/** However the file is cut into pieces, it says the same. */
static void check_pieces(apr_pool_t *p, const store_queued_replay_t *whole,
                         const uint8_t *data, size_t size)
{
    size_t split = size ? data[0] % (size + 1) : 0;
    store_queued_replay_t pieces;
    size_t done;

    store_queued_replay_begin(&pieces, p, RECIPIENTS);
    done = store_queued_replay(&pieces, (const char *)data, split, 0);
    FUZZ_CHECK(done <= split && split - done < STORE_QUEUED_NOTE_MAX);
    FUZZ_CHECK(store_queued_replay(&pieces, (const char *)data + done,
                                   size - done, 1) == size - done);
    FUZZ_CHECK(pieces.notes == whole->notes && pieces.torn == whole->torn);
    check_same(whole, &pieces);
}

/** Written anew it says the same. */
static void check_anew(apr_pool_t *p, const store_queued_replay_t *replay)
{
    const apr_array_header_t *notes = store_queued_replay_notes(p, replay);
    unsigned char octets[(2 * RECIPIENTS + 2) * STORE_QUEUED_NOTE_MAX];
    store_queued_replay_t anew;
    size_t len = 0;
    int i;

    FUZZ_CHECK(notes->nelts <= 2 * RECIPIENTS + 2);
    for (i = 0; i < notes->nelts; i++) {
        len += store_queued_note_write(
            octets + len, &APR_ARRAY_IDX(notes, i, store_queued_note_t));
    }
    store_queued_replay_begin(&anew, p, RECIPIENTS);
    FUZZ_CHECK(store_queued_replay(&anew, (const char *)octets, len, 1)
               == len);
    FUZZ_CHECK(anew.torn == 0 && anew.notes == (uint32_t)notes->nelts);
    check_same(replay, &anew);
}

/** A note as the input says: seldom would one with a checksum that is right
 *  be found by chance. */
static void check_note(apr_pool_t *p, const uint8_t *data, size_t size)
{
    unsigned char octets[STORE_QUEUED_NOTE_MAX];
    store_queued_replay_t replay;
    store_queued_note_t note = { 0 };
    size_t len;

    if (size < 4) {
        return;
    }
    note.what = (store_queued_e)(1 + data[0] % STORE_QUEUED_PRIORITY);
    note.recipient = data[1] % RECIPIENTS;
    note.code = data[2];
    note.host = apr_pstrmemdup(p, (const char *)data + 3, data[3] % (size - 3));
    note.text = apr_pstrmemdup(p, (const char *)data, size);
    len = store_queued_note_write(octets, &note);
    FUZZ_CHECK(len == store_queued_note_size(&note) && len <= sizeof(octets));
    store_queued_replay_begin(&replay, p, RECIPIENTS);
    FUZZ_CHECK(store_queued_replay(&replay, (const char *)octets, len, 1)
               == len);
    FUZZ_CHECK(replay.notes == 1 && replay.torn == 0);
    check_anew(p, &replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    store_queued_replay_t replay;

    check_header(data, size);
    check_note(p, data, size);
    store_queued_replay_begin(&replay, p, RECIPIENTS);
    FUZZ_CHECK(store_queued_replay(&replay, (const char *)data, size, 1)
               == size);
    FUZZ_CHECK(replay.torn <= size);
    check_pieces(p, &replay, data, size);
    check_anew(p, &replay);
    return 0;
}
