/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <apr_strings.h>

#include "unit.h"

#include "store_octets.h"
#include "store_queued.h"
#include "store_record.h"

#define RECIPIENTS 3

/* ---- Header ---- */

static const store_queued_header_t whole = {
    0x01020304, 0x11121314, APR_UINT64_C(0x212223242526), 0x31323334,
    0x41424344, 0x51525354
};

static void what_was_written_of_a_header_is_read(void **state)
{
    unsigned char octets[STORE_QUEUED_HEADER_OCTETS];
    store_queued_header_t header;

    (void)state;
    store_queued_header_write(&whole, octets);
    assert_int_equal(store_queued_header_parse(octets, &header),
                     STORE_QUEUED_OK);
    assert_memory_equal(&header, &whole, sizeof(header));
    assert_true(store_queued_trace_at(&header) == 64 + 0x01020304);
    assert_true(store_queued_content_at(&header)
                == 64 + 0x01020304 + 0x11121314);
    assert_true(store_queued_notes_at(&header)
                == 64 + 0x01020304 + 0x11121314
                   + APR_UINT64_C(0x212223242526));
}

static int is_clear(const store_queued_header_t *header)
{
    static const store_queued_header_t zero;

    return !memcmp(header, &zero, sizeof(zero));
}

static void a_header_with_a_flipped_bit_is_damaged(void **state)
{
    unsigned char octets[STORE_QUEUED_HEADER_OCTETS];
    store_queued_header_t header;
    unsigned int i;

    (void)state;
    for (i = 0; i < 8 * sizeof(octets); i++) {
        store_queued_header_write(&whole, octets);
        octets[i / 8] = (unsigned char)(octets[i / 8] ^ 1u << i % 8);
        assert_int_equal(store_queued_header_parse(octets, &header),
                         STORE_QUEUED_DAMAGED);
        assert_true(is_clear(&header));
    }
}

typedef struct header_row_t {
    const char *what;
    unsigned int at, octets;
    apr_uint64_t value;
    store_queued_status_e status;
} header_row_t;

/* Headers whose checksum is right. */
static const header_row_t header_rows[] = {
    { "another magic", 0, 1, 'X', STORE_QUEUED_DAMAGED },
    { "a version before ours", 7, 1, 0, STORE_QUEUED_VERSION },
    { "a version to come", 7, 1, 2, STORE_QUEUED_VERSION },
    { "the longest mail", 16, 8, APR_UINT64_C(1) << 48, STORE_QUEUED_OK },
    { "a mail that is too long", 16, 8, (APR_UINT64_C(1) << 48) + 1,
      STORE_QUEUED_DAMAGED },
    { "a negative length", 16, 8, ~APR_UINT64_C(0), STORE_QUEUED_DAMAGED },
    { "the first zero", 36, 1, 1, STORE_QUEUED_DAMAGED },
    { "the last zero", 59, 1, 1, STORE_QUEUED_DAMAGED }
};

static void a_header_that_we_never_write_is_not_read(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(header_rows); i++) {
        const header_row_t *row = &header_rows[i];
        unsigned char octets[STORE_QUEUED_HEADER_OCTETS];
        store_queued_header_t header;

        store_queued_header_write(&whole, octets);
        store_octets_put(octets + row->at, row->value, row->octets);
        store_octets_put(octets + 60, store_record_crc(0, octets, 60), 4);
        UNIT_CHECK(row->what, store_queued_header_parse(octets, &header)
                              == row->status);
        UNIT_CHECK(row->what, row->status == STORE_QUEUED_OK
                              || is_clear(&header));
    }
}

typedef struct worn_row_t {
    const char *what;
    apr_uint64_t content_len, file_octets;
    apr_uint32_t recipients;
    int is_worn;
} worn_row_t;

#define LIMIT(content_len, recipients) \
    (2 * (64 + (content_len)) + 65536 + 2 * (1444 + 44) * (recipients))

static const worn_row_t worn_rows[] = {
    { "no notes", 0, 64, 1, 0 },
    { "shorter than its mail", 1000, 70, 1, 0 },
    { "at the limit", 0, LIMIT(0, 1), 1, 0 },
    { "beyond it", 0, LIMIT(0, 1) + 1, 1, 1 },
    { "large mail, at the limit", 1000000, LIMIT(1000000, 1), 1, 0 },
    { "large mail, beyond it", 1000000, LIMIT(1000000, 1) + 1, 1, 1 },
    { "many recipients, at the limit", 0, LIMIT(0, 1000), 1000, 0 },
    { "many recipients, beyond it", 0, LIMIT(0, 1000) + 1, 1000, 1 }
};

static void a_file_is_written_anew_when_that_halves_its_notes(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(worn_rows); i++) {
        const worn_row_t *row = &worn_rows[i];
        store_queued_header_t header = { 0 };

        header.content_len = row->content_len;
        UNIT_CHECK(row->what,
                   store_queued_is_worn(&header, row->file_octets,
                                        row->recipients) == row->is_worn);
    }
}

/* ---- Notes ---- */

static const store_queued_note_t notes[] = {
    { STORE_QUEUED_DEFERRED, 0, 1700000000123456, 1700000300000000, 1, 451,
      4003000, "mx.example.com[192.0.2.1]:25", "try again later" },
    { STORE_QUEUED_DEFERRED, 2, 1700000000123456, 1700000300000000, 1, 0,
      4004001, "", "no host could be reached" },
    { STORE_QUEUED_HOLD, 0, 1, 0, 0, 0, 0, "", "" },
    { STORE_QUEUED_SENT, 0, 1700000301000000, 0, 2, 250, 2000000,
      "mx.example.com[2001:db8::1]:25", "2.0.0 Ok: queued" },
    { STORE_QUEUED_WARNED, 2, 2, 0, 0, 0, 0, "", "" },
    { STORE_QUEUED_PRIORITY, 0, 3, 0, 0, 2, 0, "", "" },
    { STORE_QUEUED_FAILED, 1, -1, 0, 0xffffffff, 550, 5001001, "h", "" },
    { STORE_QUEUED_RELEASE, 0, 4, 0, 0, 0, 0, "", "" },
    { STORE_QUEUED_DELETED, 2, 1700000302000000, 0, 1, 0, 0, "", "" }
};

/* Where each of them begins in what write_all() makes, and its end. */
static apr_size_t begins[UNIT_ROWS(notes) + 1];

static unsigned char *write_all(apr_pool_t *p, apr_size_t *len)
{
    unsigned char *octets = apr_palloc(p, sizeof(notes) * 10);
    size_t i;

    *len = 0;
    for (i = 0; i < UNIT_ROWS(notes); i++) {
        begins[i] = *len;
        *len += store_queued_note_write(octets + *len, &notes[i]);
    }
    begins[i] = *len;
    return octets;
}

static int is_message(const store_queued_note_t *note)
{
    return note->what >= STORE_QUEUED_HOLD;
}

/* What the first `count` notes come to. */
static void expect(store_queued_replay_t *replay, apr_pool_t *p, size_t count)
{
    size_t i;

    store_queued_replay_begin(replay, p, RECIPIENTS);
    for (i = 0; i < count; i++) {
        const store_queued_note_t *note = &notes[i];

        replay->is_held = note->what == STORE_QUEUED_HOLD
            || (replay->is_held && note->what != STORE_QUEUED_RELEASE);
        if (note->what == STORE_QUEUED_WARNED) {
            replay->warned[note->recipient] = 1;
        }
        if (note->what == STORE_QUEUED_PRIORITY) {
            replay->priority = (int)note->code;
        }
        if (!is_message(note)) {
            replay->states[note->recipient] = *note;
        }
        replay->notes++;
    }
}

static void check_note(const store_queued_note_t *is,
                       const store_queued_note_t *shall)
{
    assert_int_equal(is->what, shall->what);
    assert_int_equal(is->recipient, shall->recipient);
    assert_true(is->time == shall->time);
    assert_true(is->next == shall->next);
    assert_int_equal(is->attempts, shall->attempts);
    assert_int_equal(is->code, shall->code);
    assert_int_equal(is->status, shall->status);
    assert_string_equal(is->host, shall->host);
    assert_string_equal(is->text, shall->text);
}

static void check(const store_queued_replay_t *is,
                  const store_queued_replay_t *shall)
{
    apr_uint32_t i;

    for (i = 0; i < RECIPIENTS; i++) {
        check_note(&is->states[i], &shall->states[i]);
    }
    assert_int_equal(is->is_held, shall->is_held);
    assert_memory_equal(is->warned, shall->warned, RECIPIENTS);
    assert_int_equal(is->priority, shall->priority);
}

/* Reads from memory of exactly that size. */
static void replay_all(apr_pool_t *p, store_queued_replay_t *replay,
                       const void *octets, apr_size_t len)
{
    store_queued_replay_begin(replay, p, RECIPIENTS);
    assert_int_equal(store_queued_replay(replay, unit_octets(p, octets, len),
                                         len, 1), len);
}

static void the_last_note_about_a_recipient_counts(void **state)
{
    apr_size_t len;
    unsigned char *octets = write_all(*state, &len);
    size_t i;

    for (i = 0; i <= UNIT_ROWS(notes); i++) {
        store_queued_replay_t is, shall;

        replay_all(*state, &is, octets, begins[i]);
        expect(&shall, *state, i);
        check(&is, &shall);
        assert_int_equal(is.notes, i);
        assert_int_equal(is.torn, 0);
    }
}

static void nothing_noted_is_nothing_happened(void **state)
{
    store_queued_replay_t replay;

    replay_all(*state, &replay, "", 0);
    assert_int_equal(replay.states[0].what, STORE_QUEUED_WAITING);
    assert_string_equal(replay.states[0].host, "");
    assert_int_equal(replay.states[2].recipient, 2);
    assert_int_equal(replay.priority, -1);
    assert_int_equal(store_queued_replay_notes(*state, &replay)->nelts, 0);
    store_queued_replay_begin(&replay, *state, 0);
}

static void notes_are_read_in_any_pieces(void **state)
{
    apr_size_t len, split;
    unsigned char *octets = write_all(*state, &len);
    store_queued_replay_t shall;

    expect(&shall, *state, UNIT_ROWS(notes));
    for (split = 0; split <= len; split++) {
        store_queued_replay_t is;
        apr_size_t done;

        store_queued_replay_begin(&is, *state, RECIPIENTS);
        done = store_queued_replay(&is, unit_octets(*state, octets, split),
                                   split, 0);
        assert_true(split - done < STORE_QUEUED_NOTE_MAX);
        assert_int_equal(store_queued_replay(&is, unit_octets(*state,
                                                              octets + done,
                                                              len - done),
                                             len - done, 1), len - done);
        check(&is, &shall);
        assert_int_equal(is.torn, 0);
    }
}

/* How many notes end before octet `at`. */
static size_t whole_before(apr_size_t at)
{
    size_t i = 0;

    while (i < UNIT_ROWS(notes) && begins[i + 1] <= at) {
        i++;
    }
    return i;
}

static void a_torn_note_never_happened(void **state)
{
    apr_size_t len, cut;
    unsigned char *octets = write_all(*state, &len);

    for (cut = 0; cut <= len; cut++) {
        store_queued_replay_t is, shall;

        replay_all(*state, &is, octets, cut);
        expect(&shall, *state, whole_before(cut));
        check(&is, &shall);
        assert_int_equal(is.torn, cut - begins[whole_before(cut)]);
    }
}

/* A process wrote behind what another one, or a full disk, left torn. */
static void a_note_behind_a_torn_one_counts(void **state)
{
    apr_size_t len, cut, last;
    unsigned char *octets = write_all(*state, &len);

    for (cut = 0; cut <= len; cut++) {
        size_t before = whole_before(cut);
        store_queued_replay_t is, shall;
        unsigned char *both = apr_palloc(*state, cut + 3 + 200);

        memcpy(both, octets, cut);
        memcpy(both + cut, "\0\0\0", 3);
        last = store_queued_note_write(both + cut + 3, &notes[6]);
        replay_all(*state, &is, both, cut + 3 + last);
        expect(&shall, *state, before);
        shall.states[1] = notes[6];
        check(&is, &shall);
        assert_int_equal(is.torn, cut - begins[before] + 3);
    }
}

/* What the peer said must not become another note, nor another's. */
static void a_flipped_bit_takes_one_note_away_and_changes_none(void **state)
{
    apr_size_t len, i;
    unsigned char *octets = write_all(*state, &len);
    apr_pool_t *p;

    apr_pool_create(&p, *state);
    for (i = 0; i < 8 * len; i++) {
        store_queued_replay_t is;
        char *copy = unit_octets(p, octets, len);
        size_t hurt = whole_before(i / 8);

        copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
        store_queued_replay_begin(&is, p, RECIPIENTS);
        store_queued_replay(&is, copy, len, 1);
        assert_int_equal(is.notes, UNIT_ROWS(notes) - 1);
        assert_int_equal(is.torn, begins[hurt + 1] - begins[hurt]);
        apr_pool_clear(p);
    }
}

typedef struct text_row_t {
    const char *what;
    const char *host, *text;
    const char *host_read, *text_read;
} text_row_t;

static const text_row_t text_rows[] = {
    { "none", NULL, NULL, "", "" },
    { "a line end", "h\n", "a\r\nb", "h?", "a??b" },
    { "what is not ASCII", "\303\266", "\177\200\377\033", "??", "????" },
    { "a note", "\367N\1", "\367N", "?N?", "?N" },
    { "the edges", " ~", "~ ", " ~", "~ " }
};

static void a_next_hop_cannot_write_a_note(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(text_rows); i++) {
        const text_row_t *row = &text_rows[i];
        store_queued_note_t note = { STORE_QUEUED_SENT, 1, 0, 0, 0, 0, 0,
                                     row->host, row->text };
        unsigned char octets[STORE_QUEUED_NOTE_MAX];
        store_queued_replay_t replay;
        apr_size_t len = store_queued_note_write(octets, &note);

        UNIT_CHECK(row->what, len == store_queued_note_size(&note));
        replay_all(*state, &replay, octets, len);
        UNIT_CHECK(row->what, replay.notes == 1);
        assert_string_equal(replay.states[1].host, row->host_read);
        assert_string_equal(replay.states[1].text, row->text_read);
    }
}

static char *fill(apr_pool_t *p, apr_size_t len)
{
    char *s = memset(apr_palloc(p, len + 1), 'x', len);

    s[len] = '\0';
    return s;
}

static void long_text_is_cut(void **state)
{
    store_queued_note_t note = { STORE_QUEUED_DEFERRED, 0, 0, 0, 0, 0, 0,
                                 NULL, NULL };
    unsigned char octets[STORE_QUEUED_NOTE_MAX];
    store_queued_replay_t replay;
    apr_size_t len;

    note.host = fill(*state, 100000);
    note.text = fill(*state, 100000);
    len = store_queued_note_write(octets, &note);
    assert_int_equal(len, STORE_QUEUED_NOTE_MAX);
    replay_all(*state, &replay, octets, len);
    assert_int_equal(strlen(replay.states[0].host), STORE_QUEUED_HOST_MAX);
    assert_int_equal(strlen(replay.states[0].text), STORE_QUEUED_TEXT_MAX);
}

typedef struct note_row_t {
    const char *what;
    unsigned int at, octets;
    apr_uint64_t value;
} note_row_t;

/* Notes whose checksum is right where it is looked at. */
static const note_row_t note_rows[] = {
    { "another magic", 0, 1, 0 },
    { "another magic", 1, 1, 0 },
    { "WAITING", 2, 1, STORE_QUEUED_WAITING },
    { "nothing that we know", 2, 1, STORE_QUEUED_PRIORITY + 1 },
    { "no zero", 3, 1, 1 },
    { "a host that is too long", 36, 2, STORE_QUEUED_HOST_MAX + 1 },
    { "a text that is too long", 38, 2, STORE_QUEUED_TEXT_MAX + 1 },
    { "a text beyond the end", 38, 2, STORE_QUEUED_TEXT_MAX },
    { "a control octet", STORE_QUEUED_NOTE_OCTETS, 1, '\n' },
    { "an octet above 127", STORE_QUEUED_NOTE_OCTETS, 1, 128 }
};

static void a_note_that_we_never_write_is_not_read(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(note_rows); i++) {
        const note_row_t *row = &note_rows[i];
        unsigned char octets[STORE_QUEUED_NOTE_MAX];
        store_queued_replay_t replay;
        apr_size_t len = store_queued_note_write(octets, &notes[0]);

        store_octets_put(octets + row->at, row->value, row->octets);
        store_octets_put(octets + 40, store_record_crc(
                             store_record_crc(0, octets, 40),
                             octets + STORE_QUEUED_NOTE_OCTETS,
                             len - STORE_QUEUED_NOTE_OCTETS), 4);
        replay_all(*state, &replay, octets, len);
        UNIT_CHECK(row->what, replay.notes == 0 && replay.torn == len);
    }
}

/* The envelope says how many there are, and nothing else. */
static void a_note_about_nobody_is_left_out(void **state)
{
    static const apr_uint32_t strangers[] = { RECIPIENTS, 0xffffffff };
    size_t i;

    for (i = 0; i < UNIT_ROWS(strangers); i++) {
        store_queued_note_t note = notes[0];
        unsigned char octets[STORE_QUEUED_NOTE_MAX];
        store_queued_replay_t is, shall;

        note.recipient = strangers[i];
        replay_all(*state, &is, octets,
                   store_queued_note_write(octets, &note));
        expect(&shall, *state, 0);
        check(&is, &shall);
    }
}

static void a_file_written_anew_says_the_same(void **state)
{
    size_t count;

    for (count = 0; count <= UNIT_ROWS(notes); count++) {
        store_queued_replay_t is, shall;
        apr_array_header_t *anew;
        unsigned char octets[8 * STORE_QUEUED_NOTE_MAX];
        apr_size_t len = 0;
        int i;

        expect(&shall, *state, count);
        anew = store_queued_replay_notes(*state, &shall);
        assert_true(anew->nelts <= RECIPIENTS + 3);
        for (i = 0; i < anew->nelts; i++) {
            len += store_queued_note_write(
                octets + len, &APR_ARRAY_IDX(anew, i, store_queued_note_t));
        }
        replay_all(*state, &is, octets, len);
        check(&is, &shall);
    }
}

/* ---- Recipients and names ---- */

static store_recipient_t *add(apr_pool_t *p, store_envelope_t *envelope,
                              int is_relayed)
{
    store_recipient_t *recipient = store_envelope_recipient_add(p, envelope);

    recipient->forward_path = "bob@example.com";
    recipient->is_relayed = is_relayed;
    return recipient;
}

static void only_those_are_sent_to_who_get_no_copy_here(void **state)
{
    static const store_queued_recipient_t shall[] = {
        { 1, -1 }, { 2, 1 }, { 2, 2 }, { 3, -1 }
    };
    store_envelope_t *envelope = store_envelope_create(*state);
    store_recipient_t *recipient;
    apr_array_header_t *all;

    add(*state, envelope, 0);
    add(*state, envelope, 1);
    recipient = add(*state, envelope, 0);
    store_envelope_mailbox_add(recipient);
    store_envelope_mailbox_add(recipient)->method = "lmtp";
    store_envelope_mailbox_add(recipient)->method = "smtp";
    add(*state, envelope, 1);
    all = store_queued_recipients(*state, envelope);
    assert_int_equal(all->nelts, 4);
    assert_memory_equal(all->elts, shall, sizeof(shall));
}

typedef struct id_row_t {
    const char *id;
    int is_id;
} id_row_t;

#define ID_16 "0123456789abcdef"

static const id_row_t id_rows[] = {
    { "645b1d1f2a8c00001f001", 1 },
    { "a", 1 },
    { "A-z_09", 1 },
    { ID_16 ID_16 ID_16 ID_16, 1 },
    { ID_16 ID_16 ID_16 ID_16 "0", 0 },
    { "", 0 },
    { ".", 0 },
    { "..", 0 },
    { "a.new", 0 },
    { "a/b", 0 },
    { "../a", 0 },
    { "a b", 0 },
    { "a\n", 0 },
    { "\303\266", 0 }
};

static void an_id_leads_to_one_file_in_the_queue(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(id_rows); i++) {
        UNIT_CHECK(id_rows[i].id,
                   store_queued_is_id(id_rows[i].id) == id_rows[i].is_id);
        UNIT_CHECK(id_rows[i].id, store_queued_dir(id_rows[i].id) < 256);
    }
}

static void directories_are_two_hex_digits(void **state)
{
    char name[3];

    (void)state;
    store_queued_dir_write(name, 0);
    assert_string_equal(name, "00");
    store_queued_dir_write(name, 0xaf);
    assert_string_equal(name, "af");
    /* Files are found by it: it stays as it is. */
    assert_int_equal(store_queued_dir("123456789"), 0x26);
}

static void a_status_survives_a_note(void **state)
{
    static const smtp_status_t statuses[] = {
        { 0, 0, 0 }, { 2, 0, 0 }, { 4, 4, 1 }, { 5, 7, 999 }, { 5, 999, 0 }
    };
    smtp_status_t none = store_queued_status_unpack(4000000000u);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
        smtp_status_t back = store_queued_status_unpack(
            store_queued_status_pack(statuses[i]));

        assert_memory_equal(&back, &statuses[i], sizeof(back));
    }
    assert_int_equal(none.klass, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_status_survives_a_note),
        UNIT_TEST(what_was_written_of_a_header_is_read),
        UNIT_TEST(a_header_with_a_flipped_bit_is_damaged),
        UNIT_TEST(a_header_that_we_never_write_is_not_read),
        UNIT_TEST(a_file_is_written_anew_when_that_halves_its_notes),
        UNIT_TEST(the_last_note_about_a_recipient_counts),
        UNIT_TEST(nothing_noted_is_nothing_happened),
        UNIT_TEST(notes_are_read_in_any_pieces),
        UNIT_TEST(a_torn_note_never_happened),
        UNIT_TEST(a_note_behind_a_torn_one_counts),
        UNIT_TEST(a_flipped_bit_takes_one_note_away_and_changes_none),
        UNIT_TEST(a_next_hop_cannot_write_a_note),
        UNIT_TEST(long_text_is_cut),
        UNIT_TEST(a_note_that_we_never_write_is_not_read),
        UNIT_TEST(a_note_about_nobody_is_left_out),
        UNIT_TEST(a_file_written_anew_says_the_same),
        UNIT_TEST(only_those_are_sent_to_who_get_no_copy_here),
        UNIT_TEST(an_id_leads_to_one_file_in_the_queue),
        UNIT_TEST(directories_are_two_hex_digits)
    };
    return UNIT_RUN(tests);
}
