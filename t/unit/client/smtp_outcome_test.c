/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_outcome.h"

#define OK   SMTP_VERDICT_ACCEPTED
#define CONT SMTP_VERDICT_CONTINUE
#define TEMP SMTP_VERDICT_DEFERRED
#define PERM SMTP_VERDICT_FAILED
#define MANY SMTP_VERDICT_TOO_MANY
#define BYE  SMTP_VERDICT_CLOSING
#define BAD  SMTP_VERDICT_BROKEN

/** What a code means at each stage where there are replies. */
static const struct code_row_t {
    int code;
    smtp_status_t status;
    smtp_verdict_e greeting, ehlo, starttls, auth, rset, mail, rcpt, data,
                   block, end;
} code_rows[] = {
    { 220, { 0, 0, 0 }, OK, OK, OK, OK, OK, OK, OK, BAD, OK, OK },
    { 235, { 2, 7, 0 }, OK, OK, OK, OK, OK, OK, OK, BAD, OK, OK },
    { 250, { 2, 0, 0 }, OK, OK, OK, OK, OK, OK, OK, BAD, OK, OK },
    { 251, { 2, 1, 5 }, OK, OK, OK, OK, OK, OK, OK, BAD, OK, OK },
    { 299, { 0, 0, 0 }, OK, OK, OK, OK, OK, OK, OK, BAD, OK, OK },
    { 334, { 0, 0, 0 }, BAD, BAD, BAD, CONT, BAD, BAD, BAD, CONT, BAD, BAD },
    { 354, { 0, 0, 0 }, BAD, BAD, BAD, CONT, BAD, BAD, BAD, CONT, BAD, BAD },
    { 421, { 4, 3, 2 }, BYE, BYE, BYE, BYE, BYE, BYE, BYE, BYE, BYE, BYE },
    { 450, { 4, 2, 1 }, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP,
      TEMP },
    { 452, { 4, 3, 1 }, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP,
      TEMP },
    /* RFC 5321 4.5.3.1.10 */
    { 452, { 4, 5, 3 }, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP, MANY, TEMP, TEMP,
      TEMP },
    { 452, { 0, 0, 0 }, TEMP, TEMP, TEMP, TEMP, TEMP, TEMP, MANY, TEMP, TEMP,
      TEMP },
    { 552, { 0, 0, 0 }, PERM, PERM, TEMP, TEMP, TEMP, PERM, MANY, PERM, PERM,
      PERM },
    { 552, { 5, 5, 3 }, PERM, PERM, TEMP, TEMP, TEMP, PERM, MANY, PERM, PERM,
      PERM },
    { 552, { 5, 2, 2 }, PERM, PERM, TEMP, TEMP, TEMP, PERM, PERM, PERM, PERM,
      PERM },
    { 535, { 5, 7, 8 }, PERM, PERM, TEMP, TEMP, TEMP, PERM, PERM, PERM, PERM,
      PERM },
    /* RFC 7504 */
    { 521, { 0, 0, 0 }, PERM, PERM, TEMP, TEMP, TEMP, PERM, PERM, PERM, PERM,
      PERM },
    { 554, { 0, 0, 0 }, PERM, PERM, TEMP, TEMP, TEMP, PERM, PERM, PERM, PERM,
      PERM },
    { 599, { 0, 0, 0 }, PERM, PERM, TEMP, TEMP, TEMP, PERM, PERM, PERM, PERM,
      PERM },
    /* no codes at all */
    { 0, { 0, 0, 0 }, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD },
    { 150, { 0, 0, 0 }, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD },
    { 600, { 0, 0, 0 }, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD }
};

static void check_code(const struct code_row_t *row, smtp_stage_e stage,
                       smtp_verdict_e verdict)
{
    smtp_reply_t reply = { row->code, row->status, "text" };

    if (smtp_outcome_verdict(stage, &reply) != verdict) {
        fail_msg("%d %d.%d.%d at %s: %d, not %d", row->code,
                 row->status.klass, row->status.subject, row->status.detail,
                 smtp_stage_name(stage),
                 smtp_outcome_verdict(stage, &reply), verdict);
    }
}

static void no_mail_is_returned_or_kept_by_a_code_misread(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(code_rows); i++) {
        const struct code_row_t *row = &code_rows[i];

        check_code(row, SMTP_STAGE_GREETING, row->greeting);
        check_code(row, SMTP_STAGE_EHLO, row->ehlo);
        check_code(row, SMTP_STAGE_HELO, row->ehlo);
        check_code(row, SMTP_STAGE_STARTTLS, row->starttls);
        check_code(row, SMTP_STAGE_AUTH, row->auth);
        check_code(row, SMTP_STAGE_RSET, row->rset);
        check_code(row, SMTP_STAGE_MAIL, row->mail);
        check_code(row, SMTP_STAGE_RCPT, row->rcpt);
        check_code(row, SMTP_STAGE_DATA, row->data);
        check_code(row, SMTP_STAGE_BLOCK, row->block);
        check_code(row, SMTP_STAGE_END, row->end);
    }
}

static const struct reply_row_t {
    const char *name;
    smtp_stage_e stage;
    smtp_reply_t reply;
    smtp_outcome_e result;
    smtp_status_t status;
    const char *text;
} reply_rows[] = {
    { "as it came", SMTP_STAGE_RCPT, { 550, { 5, 1, 1 }, "who?" },
      SMTP_OUTCOME_FAILED, { 5, 1, 1 }, "who?" },
    { "lines on one line", SMTP_STAGE_RCPT, { 550, { 5, 1, 1 }, "a\nb\nc" },
      SMTP_OUTCOME_FAILED, { 5, 1, 1 }, "a b c" },
    /* RFC 3464 2.3.4: a Status field that agrees */
    { "none given", SMTP_STAGE_END, { 550, { 0, 0, 0 }, "" },
      SMTP_OUTCOME_FAILED, { 5, 0, 0 }, "" },
    { "success", SMTP_STAGE_END, { 250, { 0, 0, 0 }, "ok" },
      SMTP_OUTCOME_RELAYED, { 2, 0, 0 }, "ok" },
    { "AUTH is never for ever", SMTP_STAGE_AUTH, { 535, { 5, 7, 8 }, "no" },
      SMTP_OUTCOME_DEFERRED, { 4, 7, 8 }, "no" },
    { "too many", SMTP_STAGE_RCPT, { 552, { 5, 5, 3 }, "many" },
      SMTP_OUTCOME_DEFERRED, { 4, 5, 3 }, "many" },
    { "a code alone (CVE-2026-43964)", SMTP_STAGE_MAIL,
      { 550, { 5, 7, 2 }, NULL }, SMTP_OUTCOME_FAILED, { 5, 7, 2 }, "" },
    { "controls", SMTP_STAGE_MAIL, { 550, { 5, 7, 1 }, "a\rX: b\x1B\\\xFF" },
      SMTP_OUTCOME_FAILED, { 5, 7, 1 }, "a\\x0DX: b\\x1B\\x5C\\xFF" }
};

static void what_a_peer_says_is_kept_but_harmless(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(reply_rows); i++) {
        const struct reply_row_t *row = &reply_rows[i];
        smtp_outcome_t outcome;

        smtp_outcome_of_reply(*state, row->stage, &row->reply,
                              smtp_outcome_verdict(row->stage, &row->reply),
                              SMTP_OUTCOME_RELAYED, &outcome);
        UNIT_CHECK(row->name, outcome.result == row->result);
        UNIT_CHECK(row->name, outcome.stage == row->stage);
        UNIT_CHECK(row->name, outcome.code == row->reply.code);
        UNIT_CHECK(row->name, memcmp(&outcome.status, &row->status,
                                     sizeof(row->status)) == 0);
        UNIT_CHECK(row->name, strcmp(outcome.text, row->text) == 0);
        UNIT_CHECK(row->name, !outcome.may_be_duplicate);
    }
}

static void a_novel_of_a_reply_is_cut(void **state)
{
    char *novel = apr_palloc(*state, 20001);
    apr_size_t len;

    memset(novel, '\x01', 20000);
    novel[20000] = '\0';
    len = strlen(smtp_outcome_text(*state, novel));
    assert_true(len <= 4 * SMTP_OUTCOME_TEXT_MAX_OCTETS + 3);
    assert_string_equal(smtp_outcome_text(*state, NULL), "");
}

static void a_loss_defers_and_tells_of_duplicates(void **state)
{
    int loss, stage;

    for (loss = 0; loss < SMTP_LOSS_COUNT; loss++) {
        for (stage = SMTP_STAGE_CONNECT; stage < SMTP_STAGE_COUNT; stage++) {
            smtp_outcome_t outcome;

            smtp_outcome_of_loss(*state, stage, loss, NULL, &outcome);
            assert_int_equal(outcome.result, SMTP_OUTCOME_DEFERRED);
            assert_int_equal(outcome.status.klass, 4);
            assert_int_equal(outcome.code, 0);
            assert_true(*outcome.text);
            assert_int_equal(outcome.may_be_duplicate,
                             stage == SMTP_STAGE_END);
            smtp_outcome_of_loss(*state, stage, loss, "x\ny\x01", &outcome);
            assert_string_equal(outcome.text, "x y\\x01");
        }
    }
}

static void successes_are_those_three(void **state)
{
    smtp_outcome_t outcome = { SMTP_OUTCOME_PENDING, 0, 0, { 0, 0, 0 }, NULL,
                               0, 0 };
    static const struct {
        smtp_outcome_e result;
        const char *name;
        int is_success;
    } rows[] = {
        { SMTP_OUTCOME_PENDING, "pending", 0 },
        { SMTP_OUTCOME_DELIVERED, "delivered", 1 },
        { SMTP_OUTCOME_PASSED_ON, "passed on", 1 },
        { SMTP_OUTCOME_RELAYED, "relayed", 1 },
        { SMTP_OUTCOME_DEFERRED, "deferred", 0 },
        { SMTP_OUTCOME_FAILED, "failed", 0 }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        outcome.result = rows[i].result;
        UNIT_CHECK(rows[i].name, smtp_outcome_is_success(&outcome)
                                 == rows[i].is_success);
        assert_string_equal(smtp_outcome_name(rows[i].result), rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(no_mail_is_returned_or_kept_by_a_code_misread),
        UNIT_TEST(what_a_peer_says_is_kept_but_harmless),
        UNIT_TEST(a_novel_of_a_reply_is_cut),
        UNIT_TEST(a_loss_defers_and_tells_of_duplicates),
        UNIT_TEST(successes_are_those_three)
    };

    return UNIT_RUN(tests);
}
