/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "next_hop.h"
#include "queue_user.h"

#define HELLO   "S 220 mx.example.org ESMTP\nC EHLO mx.example.com\n" \
                "S 250-mx.example.org\nS 250 PIPELINING\n"
#define GOODBYE "C QUIT\nS 221 2.0.0 bye\nCLOSED\n"
#define TAKEN   "C MAIL FROM:<sender@example.com>\nC RCPT TO:<a@example.org>\n" \
                "C DATA\nS 250 2.1.0 ok\nS 250 2.1.5 ok\nS 354 go on\nMAIL\n" \
                "S 250 2.0.0 taken\n"
#define RELAYED "done a@example.org relayed 250 2.0.0 end-of-data\n"

static const user_mail_t one_mail[] = {
    { "a@example.org", NULL, 0 }, { NULL, NULL, 0 }
};
static const user_mail_t two_mails[] = {
    { "a@example.org", NULL, 0 }, { "a@example.org", NULL, 0 },
    { NULL, NULL, 0 }
};
static const user_mail_t two_recipients[] = {
    { "a@example.org b@example.org", NULL, 0 }, { NULL, NULL, 0 }
};

/** A dialogue with the host at 127.0.0.1. */
typedef struct row_t {
    const char *name;
    const user_mail_t *mails;
    const char *script;
    const char *events;
} row_t;

static void row_play(apr_pool_t *parent, const row_t *row,
                     void (*change)(user_t *user))
{
    next_hop_t *hop = calloc(1, sizeof(*hop));
    apr_pool_t *p;
    user_t *user;

    apr_pool_create(&p, parent);
    hop->script = row->script;
    next_hop_begin(hop);
    user = user_create(p, hop->port);
    user->mails = row->mails;
    if (change != NULL) {
        change(user);
    }
    user_run(user);
    next_hop_end(hop);
    if (*hop->fault != '\0' || strcmp(user->events, row->events) != 0) {
        fail_msg("row \"%s\": next hop: %s; events:\n%swanted:\n%slog:\n%s",
                 row->name, hop->fault, user->events, row->events, user_log);
    }
    apr_pool_destroy(p);
    free(hop);
}

static void rows_play(apr_pool_t *p, const row_t *rows, size_t count,
                      void (*change)(user_t *user))
{
    size_t i;

    for (i = 0; i < count; i++) {
        row_play(p, &rows[i], change);
    }
}

/* What the next hop says. */

static void each_recipient_has_its_outcome(void **state)
{
    static const row_t rows[] = {
        { "one message", one_mail,
          "ACCEPT 1\n" HELLO TAKEN GOODBYE,
          "ready\n" RELAYED "ready\nclosed\n" },
        { "two messages, one connection, no RSET", two_mails,
          "ACCEPT 1\n" HELLO TAKEN TAKEN GOODBYE,
          "ready\n" RELAYED "ready\n" RELAYED "ready\nclosed\n" },
        { "one of two recipients", two_recipients,
          "ACCEPT 1\n" HELLO "C MAIL\nC RCPT\nC RCPT\nC DATA\nS 250 ok\n"
          "S 550 5.1.1 who?\nS 250 ok\nS 354 go on\nMAIL\nS 250 ok\n" GOODBYE,
          "ready\ndone a@example.org failed 550 5.1.1 RCPT;"
          " b@example.org relayed 250 2.0.0 end-of-data\nready\nclosed\n" },
        { "refused MAIL: the next message goes by the same connection",
          two_mails,
          "ACCEPT 1\n" HELLO "C MAIL\nC RCPT\nC DATA\nS 451 4.3.0 later\n"
          "S 503 no\nS 503 no\nC RSET\nC MAIL\nC RCPT\nC DATA\nS 250 ok\n"
          "S 250 ok\nS 250 ok\nS 354 go on\nMAIL\nS 250 ok\n" GOODBYE,
          "ready\ndone a@example.org deferred 451 4.3.0 MAIL\nready\n"
          RELAYED "ready\nclosed\n" },
        { "refused end-of-data", one_mail,
          "ACCEPT 1\n" HELLO "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\n"
          "S 354 go on\nMAIL\nS 554 5.7.1 spam\n" GOODBYE,
          "ready\ndone a@example.org failed 554 5.7.1 end-of-data\nready\n"
          "closed\n" },
        { "421 amid the group", one_mail,
          "ACCEPT 1\n" HELLO "C MAIL\nC RCPT\nC DATA\nS 250 ok\n"
          "S 421 4.3.2 going down\nDROP",
          "ready\ndone a@example.org deferred 421 4.3.2 RCPT\n"
          "closed deferred 421 4.3.2 RCPT\n" },
        { "gone after RCPT", one_mail,
          "ACCEPT 1\n" HELLO "C MAIL\nDROP",
          "ready\ndone a@example.org deferred 0 4.4.2 MAIL\n"
          "closed deferred 0 4.4.2 MAIL\n" },
        { "reset after the data: perhaps it has the mail", one_mail,
          "ACCEPT 1\n" HELLO "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\n"
          "S 354 go on\nMAIL\nRESET",
          "ready\ndone a@example.org deferred 0 4.4.2 end-of-data twice\n"
          "closed deferred 0 4.4.2 end-of-data\n" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(each_recipient_has_its_outcome)
    };

    return UNIT_RUN(tests);
}
