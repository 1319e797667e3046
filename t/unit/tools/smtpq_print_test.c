/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <locale.h>

#include <apr_strings.h>
#include <jansson.h>

#include "smtpq_json.h"
#include "smtpq_people.h"
#include "smtpq_progress.h"
#include "smtpq_table.h"

#define NOW apr_time_from_sec(1000000)

/** Somebody prints into memory. */
typedef struct paper_t {
    FILE *out;
    char *text;
    size_t len;
} paper_t;

static void paper_open(paper_t *paper)
{
    paper->out = open_memstream(&paper->text, &paper->len);
    assert_non_null(paper->out);
}

/** What was printed, in @a p. */
static const char *paper_close(paper_t *paper, apr_pool_t *p)
{
    const char *text;

    fclose(paper->out);
    text = apr_pstrdup(p, paper->text);
    free(paper->text);
    return text;
}

static const store_control_recipient_t alice = {
    "alice@example.com", STORE_CONTROL_WAITING, STORE_CONTROL_DEFERRED, 2,
    NOW + apr_time_from_sec(600), "mx:example.com", 450, "4.2.0", "mx",
    "try again\x1b[2J"
};

static store_control_reply_t message_of(const char *id)
{
    store_control_reply_t reply = { .kind = STORE_CONTROL_MESSAGE };
    store_control_message_t *m = &reply.message;

    m->id = id;
    m->reverse_path = "";
    m->status = STORE_CONTROL_DEFERRED;
    m->priority = 1;
    m->size_octets = 4096;
    m->arrived = NOW - apr_time_from_sec(3600);
    m->next = alice.next;
    m->recipients = 3;
    m->open = 2;
    m->vhost = "mx.example.com:25";
    m->where = "file";
    m->first = alice;
    return reply;
}

static store_control_reply_t end_of(int count)
{
    store_control_reply_t reply = { .kind = STORE_CONTROL_END };

    reply.end.count = count;
    return reply;
}

static void say(smtpq_printer_t *printer, store_control_reply_t reply)
{
    printer->take(printer->baton, &reply);
}

/* ---- For people ---- */

static smtpq_printer_t *people(apr_pool_t *p, paper_t *paper,
                               store_control_verb_e verb, int width)
{
    smtpq_view_t view = { NULL, 0, 1, NOW };

    paper_open(paper);
    view.out = paper->out;
    view.width = width;
    return smtpq_people_create(p, verb, &view);
}

static void a_list_is_a_table(void **state)
{
    smtpq_printer_t *printer;
    paper_t paper;

    printer = people(*state, &paper, STORE_CONTROL_LIST, 0);
    say(printer, message_of("aaa"));
    say(printer, message_of("bbbbb"));
    say(printer, end_of(2));
    printer->end(printer->baton);
    assert_string_equal(paper_close(&paper, *state),
        "ID     AGE  SIZE  STATUS    NEXT  FROM  TO                    WHY\n"
        "aaa     1h  4.0K  deferred   10m  <>    alice@example.com +1  "
        "450 4.2.0 try again\\x1B[2J\n"
        "bbbbb   1h  4.0K  deferred   10m  <>    alice@example.com +1  "
        "450 4.2.0 try again\\x1B[2J\n");
}

static void a_list_fits_the_terminal(void **state)
{
    int width;

    for (width = 60; width < 120; width++) {
        char *line, *last;
        smtpq_printer_t *printer;
        paper_t paper;

        printer = people(*state, &paper, STORE_CONTROL_LIST, width);
        say(printer, message_of("000640000000100001abc"));
        printer->end(printer->baton);
        line = apr_strtok((char *)paper_close(&paper, *state), "\n", &last);
        while (line) {
            size_t octets = strlen(line);

            /* The sign that something was cut has three octets. */
            assert_true(octets <= (size_t)width + 2 * 3
                        || width < 70);
            line = apr_strtok(NULL, "\n", &last);
        }
    }
}

static void an_empty_list_prints_nothing(void **state)
{
    smtpq_printer_t *printer;
    paper_t paper;

    printer = people(*state, &paper, STORE_CONTROL_LIST, 80);
    say(printer, end_of(0));
    printer->end(printer->baton);
    assert_string_equal(paper_close(&paper, *state), "");
}

static void a_long_list_is_not_kept_in_memory(void **state)
{
    smtpq_printer_t *printer;
    paper_t paper;
    size_t before;
    int i;

    printer = people(*state, &paper, STORE_CONTROL_LIST, 0);
    for (i = 0; i < SMTPQ_TABLE_SAMPLE; i++) {
        say(printer, message_of("aaa"));
    }
    fflush(paper.out);
    before = paper.len;
    assert_true(before > 0);
    say(printer, message_of("0123456789012345678901234567890"));
    fflush(paper.out);
    assert_non_null(strstr(paper.text + before, "789012345678901234567890"));
    printer->end(printer->baton);
    paper_close(&paper, *state);
}

static void a_message_is_shown(void **state)
{
    store_control_reply_t line = { .kind = STORE_CONTROL_RECIPIENT };
    smtpq_printer_t *printer;
    const char *text;
    paper_t paper;

    setenv("TZ", "UTC", 1);
    printer = people(*state, &paper, STORE_CONTROL_SHOW, 80);
    say(printer, message_of("aaa"));
    line.recipient = alice;
    say(printer, line);
    say(printer, end_of(1));
    printer->end(printer->baton);
    text = paper_close(&paper, *state);
    assert_non_null(strstr(text, "id:          aaa\n"));
    assert_non_null(strstr(text, "from:        <>\n"));
    assert_non_null(strstr(text, "recipients:  3, waiting 2\n"));
    assert_null(strstr(text, "expires"));
    assert_non_null(strstr(text, "to:          alice@example.com\n"
        "             deferred until 1970-01-12 13:56:40 +0000, attempts: 2, "
        "by mx:example.com\n"
        "             mx said: 450 4.2.0 try again\\x1B[2J\n"));
}

static void what_was_done_is_counted(void **state)
{
    smtpq_printer_t *printer;
    paper_t paper;

    printer = people(*state, &paper, STORE_CONTROL_HOLD, 80);
    say(printer, end_of(64));
    say(printer, end_of(1));
    printer->end(printer->baton);
    assert_string_equal(paper_close(&paper, *state), "65 messages held\n");
    printer = people(*state, &paper, STORE_CONTROL_DELETE, 80);
    say(printer, end_of(1));
    printer->end(printer->baton);
    assert_string_equal(paper_close(&paper, *state), "1 message deleted\n");
}

/* ---- For programs ---- */

/** What a printer of JSON prints, read again. */
static json_t *json_of(apr_pool_t *p, store_control_verb_e verb,
                       const store_control_reply_t *replies, int count)
{
    smtpq_printer_t *printer;
    const char *text;
    paper_t paper;
    json_t *json;
    int i;

    paper_open(&paper);
    printer = smtpq_json_create(p, verb, paper.out);
    for (i = 0; i < count; i++) {
        say(printer, replies[i]);
    }
    printer->end(printer->baton);
    text = paper_close(&paper, p);
    json = json_loads(text, 0, NULL);
    if (!json) {
        fail_msg("no JSON: %s", text);
    }
    return json;
}

static void a_list_is_an_array(void **state)
{
    store_control_reply_t replies[5] = {
        message_of("aaa"), { .kind = STORE_CONTROL_RECIPIENT },
        { .kind = STORE_CONTROL_RECIPIENT }, message_of("b\xFF"), end_of(2)
    };
    json_t *json, *recipients, *first;

    replies[1].recipient = replies[2].recipient = alice;
    replies[2].recipient.fate = STORE_CONTROL_SENT;
    replies[2].recipient.next = replies[2].recipient.code = 0;
    replies[2].recipient.text = "";
    json = json_of(*state, STORE_CONTROL_LIST, replies, 5);
    assert_int_equal(json_array_size(json), 2);
    first = json_array_get(json, 0);
    assert_string_equal(json_string_value(json_object_get(first, "arrived")),
                        "1970-01-12T12:46:40Z");
    assert_null(json_object_get(first, "expires"));
    recipients = json_object_get(first, "recipients");
    assert_int_equal(json_array_size(recipients), 2);
    first = json_object_get(json_array_get(recipients, 0), "reason");
    assert_string_equal(json_string_value(json_object_get(first, "text")),
                        "try again\x1b[2J");
    assert_null(json_object_get(json_array_get(recipients, 1), "reason"));
    assert_string_equal(json_string_value(json_object_get(
        json_array_get(json, 1), "id")), "b\\xFF");
    json_decref(json);
    json = json_of(*state, STORE_CONTROL_LIST, &replies[4], 1);
    assert_int_equal(json_array_size(json), 0);
    json_decref(json);
}

static void changes_are_an_object(void **state)
{
    store_control_reply_t replies[3] = {
        { .kind = STORE_CONTROL_REFUSED }, end_of(64), end_of(3)
    };
    json_t *json, *refused;

    replies[0].refusal.id = "aaa";
    replies[0].refusal.why = STORE_CONTROL_WHY_BUSY;
    replies[0].refusal.text = "it is being sent now";
    json = json_of(*state, STORE_CONTROL_DELETE, replies, 3);
    assert_int_equal(json_integer_value(json_object_get(json, "count")), 67);
    refused = json_array_get(json_object_get(json, "refused"), 0);
    assert_string_equal(json_string_value(json_object_get(refused, "why")),
                        "busy");
    json_decref(json);
}

static void counts_are_an_object(void **state)
{
    store_control_reply_t replies[2] = {
        { .kind = STORE_CONTROL_COUNT }, end_of(2)
    };
    json_t *json;

    replies[0].pair.name = "messages";
    replies[0].pair.value = "50000";
    json = json_of(*state, STORE_CONTROL_COUNTS, replies, 2);
    assert_int_equal(json_object_size(json), 1);
    assert_int_equal(json_integer_value(json_object_get(json, "messages")),
                     50000);
    json_decref(json);
}

static void a_line_that_comes_out_of_turn_does_no_harm(void **state)
{
    store_control_reply_t replies[3] = {
        { .kind = STORE_CONTROL_RECIPIENT }, { .kind = STORE_CONTROL_ENVELOPE },
        { .kind = STORE_CONTROL_CONTENT }
    };
    int verb;

    replies[0].recipient = alice;
    replies[1].pair.name = replies[1].pair.value = "x";
    for (verb = 0; verb < STORE_CONTROL_VERB_COUNT; verb++) {
        json_decref(json_of(*state, (store_control_verb_e)verb, replies, 3));
    }
}

/* ---- The bar ---- */

static void the_bar_comes_late_and_goes_away(void **state)
{
    smtpq_progress_t *progress;
    const char *text;
    paper_t paper;

    paper_open(&paper);
    progress = smtpq_progress_create(*state, paper.out, 80, NOW);
    smtpq_progress_show(progress, 10, 100, NOW + 1000);
    smtpq_progress_clear(progress);
    fflush(paper.out);
    assert_int_equal(paper.len, 0);
    smtpq_progress_show(progress, 50, 100, NOW + apr_time_from_sec(1));
    smtpq_progress_show(progress, 51, 100, NOW + apr_time_from_sec(1) + 1);
    smtpq_progress_clear(progress);
    text = paper_close(&paper, *state);
    assert_non_null(strstr(text, "################                ] 50 of "
                                 "100"));
    assert_null(strstr(text, "51"));
    assert_string_equal(text + strlen(text) - 4, "\r\x1b[K");
    paper_open(&paper);
    progress = smtpq_progress_create(*state, paper.out, 0, NOW);
    smtpq_progress_show(progress, 1, 2, NOW + apr_time_from_sec(9));
    assert_string_equal(paper_close(&paper, *state), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_list_is_a_table),
        UNIT_TEST(a_list_fits_the_terminal),
        UNIT_TEST(an_empty_list_prints_nothing),
        UNIT_TEST(a_long_list_is_not_kept_in_memory),
        UNIT_TEST(a_message_is_shown),
        UNIT_TEST(what_was_done_is_counted),
        UNIT_TEST(a_list_is_an_array),
        UNIT_TEST(changes_are_an_object),
        UNIT_TEST(counts_are_an_object),
        UNIT_TEST(a_line_that_comes_out_of_turn_does_no_harm),
        UNIT_TEST(the_bar_comes_late_and_goes_away)
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return UNIT_RUN(tests);
}
