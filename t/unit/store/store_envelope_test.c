/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <apr_strings.h>

#include "unit.h"

#include "store_envelope.h"

/* An envelope with all that one can have. */
static store_envelope_t *full(apr_pool_t *p)
{
    store_envelope_t *envelope = store_envelope_create(p);
    store_recipient_t *recipient;
    store_mailbox_t *mailbox;

    envelope->id = "4fKq1";
    envelope->reverse_path = "d\303\266ner@example.org";
    envelope->arrived = 1700000000123456;
    envelope->flags = STORE_ENVELOPE_SMTPUTF8 | STORE_ENVELOPE_HAS_SIZE;
    envelope->size_octets = 12345678901;
    envelope->body = 2;
    envelope->ret = 1;
    envelope->priority = -9;
    envelope->envid = "QQ+2B314159";
    envelope->auth = "<>";
    envelope->file_number = 7;
    envelope->file_octets = 5000000000;
    envelope->file_crc = 0xfedcba98;
    envelope->queued = 1700000001123456;
    envelope->vhost = "mx.example.com:25";
    envelope->login = "carol";
    envelope->client = "2001:db8::1";
    recipient = store_envelope_recipient_add(p, envelope);
    recipient->forward_path = "bob+news@example.com";
    recipient->orcpt = "rfc822;bob+2Bnews@example.com";
    recipient->notify = 6;
    mailbox = store_envelope_mailbox_add(recipient);
    mailbox->domain = "example.com";
    mailbox->name = "bob";
    mailbox->extension = "news";
    mailbox->delivered_to = "bob@example.com";
    mailbox = store_envelope_mailbox_add(recipient);
    mailbox->domain = "example.net";
    mailbox->name = "";
    mailbox->delivered_to = "\"\"@example.net";
    mailbox->method = "lmtp";
    mailbox->argument = "unix:/run/lmtp";
    recipient = store_envelope_recipient_add(p, envelope);
    recipient->forward_path = "alice@example.com";
    recipient->is_relayed = 1;
    return envelope;
}

/* The least that an envelope has. */
static store_envelope_t *least(apr_pool_t *p)
{
    store_envelope_t *envelope = store_envelope_create(p);

    envelope->id = "1";
    envelope->reverse_path = "";
    return envelope;
}

static void all_that_a_dsn_needs_comes_back(void **state)
{
    apr_size_t len;
    const char *octets = store_envelope_write(*state, full(*state), &len);
    store_envelope_t *e = store_envelope_parse(*state, octets, len);
    store_recipient_t *r;
    store_mailbox_t *m;

    assert_non_null(e);
    assert_string_equal(e->id, "4fKq1");
    assert_string_equal(e->reverse_path, "d\303\266ner@example.org");
    assert_true(e->arrived == 1700000000123456);
    assert_true(e->flags == (STORE_ENVELOPE_SMTPUTF8
                             | STORE_ENVELOPE_HAS_SIZE));
    assert_true(e->size_octets == 12345678901);
    assert_int_equal(e->body, 2);
    assert_int_equal(e->ret, 1);
    assert_true(e->priority == -9);
    assert_string_equal(e->envid, "QQ+2B314159");
    assert_string_equal(e->auth, "<>");
    assert_int_equal(e->file_number, 7);
    assert_true(e->file_octets == 5000000000);
    assert_true(e->file_crc == 0xfedcba98);
    assert_true(e->queued == 1700000001123456);
    assert_string_equal(e->vhost, "mx.example.com:25");
    assert_string_equal(e->login, "carol");
    assert_string_equal(e->client, "2001:db8::1");
    assert_int_equal(e->recipients->nelts, 2);
    r = &APR_ARRAY_IDX(e->recipients, 0, store_recipient_t);
    assert_string_equal(r->forward_path, "bob+news@example.com");
    assert_string_equal(r->orcpt, "rfc822;bob+2Bnews@example.com");
    assert_int_equal(r->notify, 6);
    assert_int_equal(r->mailboxes->nelts, 2);
    m = &APR_ARRAY_IDX(r->mailboxes, 0, store_mailbox_t);
    assert_string_equal(m->domain, "example.com");
    assert_string_equal(m->name, "bob");
    assert_string_equal(m->extension, "news");
    assert_string_equal(m->delivered_to, "bob@example.com");
    assert_null(m->method);
    assert_false(r->is_relayed);
    m = &APR_ARRAY_IDX(r->mailboxes, 1, store_mailbox_t);
    assert_string_equal(m->name, "");
    assert_null(m->extension);
    assert_string_equal(m->method, "lmtp");
    assert_string_equal(m->argument, "unix:/run/lmtp");
    r = &APR_ARRAY_IDX(e->recipients, 1, store_recipient_t);
    assert_string_equal(r->forward_path, "alice@example.com");
    assert_null(r->orcpt);
    assert_true(r->is_relayed == 1);
    assert_int_equal(r->mailboxes->nelts, 0);
}

static void the_null_reverse_path_stays_one(void **state)
{
    apr_size_t len;
    const char *octets = store_envelope_write(*state, least(*state), &len);
    store_envelope_t *e = store_envelope_parse(*state, octets, len);

    assert_non_null(e);
    assert_string_equal(e->reverse_path, "");
    assert_int_equal(e->recipients->nelts, 0);
    assert_int_equal(len, store_envelope_size(least(*state)));
}

/* Whatever is accepted is what would have been written. */
static void check_same(apr_pool_t *p, const char *octets, apr_size_t len)
{
    store_envelope_t *e = store_envelope_parse(p, octets, len);
    apr_size_t again_len;

    if (e) {
        const char *again = store_envelope_write(p, e, &again_len);

        assert_int_equal(again_len, len);
        assert_memory_equal(again, octets, len);
    }
}

static void an_envelope_cut_short_is_never_taken_for_another(void **state)
{
    apr_size_t len, cut;
    const char *octets = store_envelope_write(*state, full(*state), &len);
    int taken = 0;

    for (cut = 0; cut < len; cut++) {
        char *copy = unit_octets(*state, octets, cut);

        check_same(*state, copy, cut);
        taken += store_envelope_parse(*state, copy, cut) != NULL;
    }
    /* Only a cut between two fields that may both end it: behind the
     * reverse-path and the 15 fields more of the message, behind the first
     * recipient's 3 fields and its mailboxes, the second of which has a method
     * with or without argument, and behind the second's forward-path. */
    assert_int_equal(taken, 16 + 3 + 4 + 1);
}

static void a_flipped_bit_never_reads_beyond_or_changes_the_form(void **state)
{
    apr_size_t len, i;
    const char *octets = store_envelope_write(*state, full(*state), &len);
    apr_pool_t *p;

    apr_pool_create(&p, *state);
    for (i = 0; i < 8 * len; i++) {
        char *copy = unit_octets(p, octets, len);

        copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
        check_same(p, copy, len);
        apr_pool_clear(p);
    }
}

typedef struct field_row_t {
    const char *what;
    const char *octets;
    apr_size_t len;
} field_row_t;

#define FIELD(what, octets) { what, octets, sizeof(octets) - 1 }
#define ID     "\1\1\0\0\0i"
#define PATH   "\2\0\0\0\0"
#define RCPT   " \1\0\0\0r"
#define DOMAIN "0\1\0\0\0d"
#define NAME   "1\1\0\0\0n"
#define TO     "3\1\0\0\0t"
#define METHOD "4\1\0\0\0m"
#define RELAY  "#\10\0\0\0\1\0\0\0\0\0\0\0"

static const field_row_t bad[] = {
    FIELD("nothing", ""),
    FIELD("no id", PATH),
    FIELD("no reverse-path", ID),
    FIELD("fields out of order", PATH ID),
    FIELD("a field twice", ID ID PATH),
    FIELD("a length beyond the end", ID "\2\1\0\0\0"),
    FIELD("a length near the largest", ID "\2\377\377\377\377"),
    FIELD("half a head", ID PATH "\3\1"),
    FIELD("an unknown field", ID PATH "\37\0\0\0\0"),
    FIELD("an unknown field of a mailbox",
          ID PATH RCPT DOMAIN NAME TO "6\0\0\0\0"),
    FIELD("a number of 7 octets", ID PATH "\3\7\0\0\0\1\0\0\0\0\0\0"),
    FIELD("a number of zero", ID PATH "\3\10\0\0\0\0\0\0\0\0\0\0\0"),
    FIELD("a NUL in a string", "\1\2\0\0\0i\0" PATH),
    FIELD("a line end in a string", ID "\2\3\0\0\0a\r\n"),
    FIELD("a mailbox without recipient", ID PATH DOMAIN NAME TO),
    FIELD("ORCPT without recipient", ID PATH "!\1\0\0\0o"),
    FIELD("ORCPT behind a mailbox",
          ID PATH RCPT DOMAIN NAME TO "!\1\0\0\0o"),
    FIELD("a name without mailbox", ID PATH RCPT NAME),
    FIELD("a mailbox without name", ID PATH RCPT DOMAIN TO),
    FIELD("a mailbox without Delivered-To", ID PATH RCPT DOMAIN NAME),
    FIELD("an argument without method",
          ID PATH RCPT DOMAIN NAME TO "5\1\0\0\0a"),
    FIELD("a recipient that is relayed and has a mailbox",
          ID PATH RCPT RELAY DOMAIN NAME TO METHOD),
    FIELD("a recipient that is relayed twice",
          ID PATH RCPT "#\10\0\0\0\2\0\0\0\0\0\0\0"),
    FIELD("a field of the message behind a recipient",
          ID PATH RCPT "\11\1\0\0\0e")
};

static void what_we_never_write_is_not_read(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(bad); i++) {
        UNIT_CHECK(bad[i].what,
                   !store_envelope_parse(*state,
                                         unit_octets(*state, bad[i].octets,
                                                     bad[i].len),
                                         bad[i].len));
    }
}

typedef struct kind_row_t {
    const char *what;
    const char *octets;
    apr_size_t len;
    int is_sent;
    int is_local;
} kind_row_t;

#define KIND(what, octets, is_sent, is_local) \
    { what, octets, sizeof(octets) - 1, is_sent, is_local }

static const kind_row_t kinds[] = {
    KIND("nobody", ID PATH, 0, 0),
    KIND("a recipient without mailbox", ID PATH RCPT, 0, 0),
    KIND("a Maildir", ID PATH RCPT DOMAIN NAME TO, 0, 1),
    KIND("relayed", ID PATH RCPT RELAY, 1, 0),
    KIND("a mailbox behind LMTP", ID PATH RCPT DOMAIN NAME TO METHOD, 1, 0),
    KIND("a recipient with both kinds of mailbox",
         ID PATH RCPT DOMAIN NAME TO METHOD DOMAIN NAME TO, 1, 1),
    KIND("a recipient of each kind",
         ID PATH RCPT DOMAIN NAME TO RCPT RELAY, 1, 1)
};

static void who_is_sent_to_is_told_from_who_has_a_maildir(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(kinds); i++) {
        store_envelope_t *e =
            store_envelope_parse(*state, kinds[i].octets, kinds[i].len);

        UNIT_CHECK(kinds[i].what, e != NULL);
        UNIT_CHECK(kinds[i].what,
                   store_envelope_is_sent(e) == kinds[i].is_sent);
        UNIT_CHECK(kinds[i].what,
                   store_envelope_is_local(e) == kinds[i].is_local);
    }
}

static void an_address_with_a_line_end_is_no_header_field(void **state)
{
    (void)state;
    assert_true(store_envelope_is_clean("bob@example.com"));
    assert_true(store_envelope_is_clean("\303\266 x"));
    assert_false(store_envelope_is_clean("a\rb"));
    assert_false(store_envelope_is_clean("a\nb"));
    assert_false(store_envelope_is_clean("\177"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(all_that_a_dsn_needs_comes_back),
        UNIT_TEST(the_null_reverse_path_stays_one),
        UNIT_TEST(an_envelope_cut_short_is_never_taken_for_another),
        UNIT_TEST(a_flipped_bit_never_reads_beyond_or_changes_the_form),
        UNIT_TEST(what_we_never_write_is_not_read),
        UNIT_TEST(who_is_sent_to_is_told_from_who_has_a_maildir),
        UNIT_TEST(an_address_with_a_line_end_is_no_header_field)
    };
    return UNIT_RUN(tests);
}
