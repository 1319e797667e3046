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

/** Of the row that is played. */
static next_hop_t *the_hop;

static void row_play(apr_pool_t *parent, const row_t *row,
                     void (*change)(user_t *user))
{
    next_hop_t *hop = calloc(1, sizeof(*hop));
    apr_pool_t *p;
    user_t *user;

    apr_pool_create(&p, parent);
    the_hop = hop;
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


/** Some rows of one recipient whose connection never came to take mail. */
static void a_host_that_takes_no_mail_defers(void **state)
{
    static const row_t rows[] = {
        { "nobody listens", one_mail, "DEAF",
          "closed deferred 0 4.4.1 connect\n" },
        { "closed at once", one_mail, "ACCEPT 1\nDROP",
          "closed deferred 0 4.4.2 greeting\n" },
        { "reset after EHLO", one_mail, "ACCEPT 1\nS 220 hi\nC EHLO\nRESET",
          "closed deferred 0 4.4.2 EHLO\n" },
        { "greeting 421", one_mail, "ACCEPT 1\nS 421 4.7.0 busy\nDROP",
          "closed deferred 421 4.7.0 greeting\n" },
        { "greeting 4xx", one_mail,
          "ACCEPT 1\nS 450 4.7.0 go away\n" GOODBYE,
          "closed deferred 450 4.7.0 greeting\n" },
        { "greeting 554", one_mail,
          "ACCEPT 1\nS 554 no mail here\n" GOODBYE,
          "closed failed 554 5.0.0 greeting\n" },
        { "no SMTP at all", one_mail,
          "ACCEPT 1\nS HTTP/1.1 400 Bad Request\nS \nSTALL",
          "closed deferred 0 4.5.0 greeting\n" },
        { "a greeting without end", one_mail,
          "ACCEPT 1\nFLOOD 220-and so on",
          "closed deferred 0 4.5.0 greeting\n" },
        { "a line without end", one_mail,
          "ACCEPT 1\nPOUR 220 \1\2\3 and so on for ever",
          "closed deferred 0 4.5.0 greeting\n" },
        { "EHLO and HELO refused", one_mail,
          "ACCEPT 1\nS 220 hi\nC EHLO\nS 502 what?\nC HELO\nS 550 5.7.1 no\n"
          GOODBYE, "closed failed 550 5.7.1 HELO\n" },
        { "EHLO 4xx", one_mail,
          "ACCEPT 1\nS 220 hi\nC EHLO\nS 451 4.7.1 later\n" GOODBYE,
          "closed deferred 451 4.7.1 EHLO\n" },
        { "gone after EHLO", one_mail,
          "ACCEPT 1\nS 220 hi\nC EHLO\nRAW 250-mx\nDROP",
          "closed deferred 0 4.4.2 EHLO\n" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), NULL);
}

/** Each wait has an end, however many octets trickle in. */
static void timeouts_shorten(user_t *user)
{
    int i;

    for (i = 0; i < SMTP_STAGE_COUNT; i++) {
        user->conf.timeout[i] = apr_time_from_msec(50);
    }
}

static void a_peer_that_stalls_is_left(void **state)
{
    static const row_t rows[] = {
        { "greeting", one_mail, "ACCEPT 1\nSTALL",
          "closed deferred 0 4.4.2 greeting\n" },
        { "amid a greeting", one_mail, "ACCEPT 1\nS 220-hi\nSTALL",
          "closed deferred 0 4.4.2 greeting\n" },
        { "EHLO", one_mail, "ACCEPT 1\nS 220 hi\nSTALL",
          "closed deferred 0 4.4.2 EHLO\n" },
        { "HELO", one_mail, "ACCEPT 1\nS 220 hi\nC EHLO\nS 500 what?\nSTALL",
          "closed deferred 0 4.4.2 HELO\n" },
        { "MAIL", one_mail, "ACCEPT 1\n" HELLO "STALL",
          "ready\ndone a@example.org deferred 0 4.4.2 MAIL\n"
          "closed deferred 0 4.4.2 MAIL\n" },
        { "RCPT", one_mail, "ACCEPT 1\n" HELLO "C MAIL\nS 250 ok\nSTALL",
          "ready\ndone a@example.org deferred 0 4.4.2 RCPT\n"
          "closed deferred 0 4.4.2 RCPT\n" },
        { "DATA", one_mail,
          "ACCEPT 1\n" HELLO "C MAIL\nS 250 ok\nS 250 ok\nSTALL",
          "ready\ndone a@example.org deferred 0 4.4.2 DATA\n"
          "closed deferred 0 4.4.2 DATA\n" },
        { "end-of-data", one_mail,
          "ACCEPT 1\n" HELLO "C MAIL\nS 250 ok\nS 250 ok\nS 354 go on\n"
          "STALL",
          "ready\ndone a@example.org deferred 0 4.4.2 end-of-data twice\n"
          "closed deferred 0 4.4.2 end-of-data\n" },
        { "QUIT", one_mail, "ACCEPT 1\n" HELLO TAKEN "STALL",
          "ready\n" RELAYED "ready\nclosed\n" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), timeouts_shorten);
}

/* Mail data that the socket does not take at once. */

static void large_mail_arrives_whole(void **state)
{
    static char line[1002];
    static user_mail_t mails[] = {
        { "a@example.org", line, 20000 }, { "a@example.org", NULL, 0 },
        { NULL, NULL, 0 }
    };
    static const row_t rows[] = {
        { "20 MB", mails, "ACCEPT 1\n" HELLO TAKEN TAKEN GOODBYE,
          "ready\n" RELAYED "ready\n" RELAYED "ready\nclosed\n" },
        { "refused amid the data", mails,
          "ACCEPT 1\n" HELLO "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\n"
          "S 354 go on\nC xxx\nS 552 5.3.4 too much\nSTALL",
          "ready\ndone a@example.org failed 552 5.3.4 mail data\nclosed\n" },
        { "gone amid the data, with words", mails,
          "ACCEPT 1\n" HELLO "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\n"
          "S 354 go on\nC xxx\nS 421 4.3.2 going down\nDROP",
          "ready\ndone a@example.org deferred 421 4.3.2 mail data\n"
          "closed deferred 421 4.3.2 mail data\n" }
    };
    size_t i;

    memset(line, 'x', sizeof(line) - 3);
    strcpy(line + sizeof(line) - 3, "\r\n");
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        row_play(*state, &rows[i], NULL);
    }
}

static void a_peer_that_reads_nothing_is_left(void **state)
{
    static char line[1002];
    static user_mail_t mails[] = {
        { "a@example.org", line, 20000 }, { NULL, NULL, 0 }
    };
    static const row_t row = {
        "deaf", mails,
        "ACCEPT 1\n" HELLO "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\n"
        "S 354 go on\nGONE",
        "ready\ndone a@example.org deferred 0 4.4.2 mail data\n"
        "closed deferred 0 4.4.2 mail data\n"
    };

    memset(line, 'x', sizeof(line) - 3);
    strcpy(line + sizeof(line) - 3, "\r\n");
    row_play(*state, &row, timeouts_shorten);
}

/* LMTP. */

static void lmtp_set(user_t *user)
{
    user->route.kind = QUEUE_ROUTE_LMTP;
}

static void lmtp_answers_for_each_recipient(void **state)
{
    static const row_t rows[] = {
        { "one delivered, one deferred", two_recipients,
          "ACCEPT 1\nS 220 hi\nC LHLO mx.example.com\nS 250-mx\n"
          "S 250 PIPELINING\nC MAIL\nC RCPT\nC RCPT\nS 250 ok\nS 250 ok\n"
          "S 250 ok\nC DATA\nS 354 go on\nMAIL\nS 250 2.0.0 ok\n"
          "S 452 4.2.2 full\n" GOODBYE,
          "ready\ndone a@example.org delivered 250 2.0.0 end-of-data;"
          " b@example.org deferred 452 4.2.2 end-of-data\nready\nclosed\n" },
        { "gone between two replies", two_recipients,
          "ACCEPT 1\nS 220 hi\nC LHLO\nS 250-mx\nS 250 PIPELINING\nC MAIL\n"
          "C RCPT\nC RCPT\nS 250 ok\nS 250 ok\nS 250 ok\nC DATA\n"
          "S 354 go on\nMAIL\nS 250 2.0.0 ok\nDROP",
          "ready\ndone a@example.org delivered 250 2.0.0 end-of-data;"
          " b@example.org deferred 0 4.4.2 end-of-data twice\n"
          "closed deferred 0 4.4.2 end-of-data\n" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), lmtp_set);
}

static const char *socket_path;

static void unix_set(user_t *user)
{
    user->route.kind = QUEUE_ROUTE_LMTP_UNIX;
    user->route.path = socket_path;
}

static void lmtp_by_a_unix_socket(void **state)
{
    next_hop_t *hop = calloc(1, sizeof(*hop));
    const char *dir;
    user_t *user;

    assert_int_equal(apr_temp_dir_get(&dir, *state), APR_SUCCESS);
    socket_path = apr_psprintf(*state, "%s/queue_connection_test.%d", dir,
                               (int)getpid());
    unlink(socket_path);
    hop->path = socket_path;
    hop->script = "ACCEPT unix\nS 220 hi\nC LHLO\nS 250-mx\n"
                  "S 250 PIPELINING\nC MAIL\nC RCPT\nS 250 ok\nS 250 ok\n"
                  "C DATA\nS 354 go on\nMAIL\nS 250 2.0.0 ok\n" GOODBYE;
    next_hop_begin(hop);
    user = user_create(*state, 24);
    unix_set(user);
    user->mails = one_mail;
    user_run(user);
    next_hop_end(hop);
    assert_string_equal(hop->fault, "");
    assert_string_equal(user->events, "ready\ndone a@example.org delivered"
                        " 250 2.0.0 end-of-data\nready\nclosed\n");
    assert_string_equal(user->peer.host, socket_path);
    assert_string_equal(user->peer.address, "");
    assert_string_equal(user->peer.source, "");
    assert_null(user->peer.tls);
    unlink(socket_path);
    /* Nobody listens any more. */
    *user->events = '\0';
    user->mails = one_mail;
    user_run(user);
    assert_string_equal(user->events, "closed deferred 0 4.4.1 connect\n");
    free(hop);
}

/* Connections that are kept. */

static void idle_set(user_t *user)
{
    user->conf.idle = apr_time_from_msec(20);
    user->is_idle = 1;
}

static void hop_go(user_t *user)
{
    (void)user;
    next_hop_go(the_hop);
}

static void idle_forever_set(user_t *user)
{
    user->is_idle = 1;
    user->when_idle = hop_go;
}

static void a_kept_connection_ends_without_harm(void **state)
{
    static const row_t quit = {
        "idle for too long", one_mail, "ACCEPT 1\n" HELLO TAKEN GOODBYE,
        "ready\n" RELAYED "ready\nclosed\n"
    };
    static const row_t rows[] = {
        { "closed by the peer", one_mail, "ACCEPT 1\n" HELLO TAKEN "WAIT\nDROP",
          "ready\n" RELAYED "ready\nclosed\n" },
        { "reset by the peer", one_mail, "ACCEPT 1\n" HELLO TAKEN "WAIT\nRESET",
          "ready\n" RELAYED "ready\nclosed\n" },
        { "421", one_mail,
          "ACCEPT 1\n" HELLO TAKEN "WAIT\nS 421 4.4.2 idle\nCLOSED",
          "ready\n" RELAYED "ready\nclosed\n" },
        { "chatter", one_mail, "ACCEPT 1\n" HELLO TAKEN "WAIT\nS 250 well\nCLOSED",
          "ready\n" RELAYED "ready\nclosed\n" },
        { "flood", one_mail, "ACCEPT 1\n" HELLO TAKEN "WAIT\nFLOOD 250-well",
          "ready\n" RELAYED "ready\nclosed\n" }
    };

    row_play(*state, &quit, idle_set);
    rows_play(*state, rows, UNIT_ROWS(rows), idle_forever_set);
}

static void a_kept_connection_that_has_gone_is_no_attempt(void **state)
{
    static const row_t rows[] = {
        { "gone when the second message comes", two_mails,
          "ACCEPT 1\n" HELLO TAKEN "C MAIL\nDROP",
          "ready\n" RELAYED "ready\n"
          "done a@example.org deferred 0 4.4.2 MAIL now\nclosed\n" },
        { "421 to the second message", two_mails,
          "ACCEPT 1\n" HELLO TAKEN "C MAIL\nS 421 4.7.0 enough\nSTALL",
          "ready\n" RELAYED "ready\n"
          "done a@example.org deferred 421 4.7.0 MAIL now\nclosed\n" },
        { "gone after it said something of the second", two_mails,
          "ACCEPT 1\n" HELLO TAKEN "C MAIL\nS 250 ok\nDROP",
          "ready\n" RELAYED "ready\n"
          "done a@example.org deferred 0 4.4.2 RCPT\n"
          "closed deferred 0 4.4.2 RCPT\n" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), NULL);
}

static void two_messages_set(user_t *user)
{
    user->conf.messages_per_connection = 2;
}

static void a_connection_takes_so_many_messages(void **state)
{
    static const user_mail_t three[] = {
        { "a@example.org", NULL, 0 }, { "a@example.org", NULL, 0 },
        { "a@example.org", NULL, 0 }, { NULL, NULL, 0 }
    };
    static const row_t ours = {
        "our limit", three, "ACCEPT 1\n" HELLO TAKEN TAKEN GOODBYE,
        "ready\n" RELAYED "ready\n" RELAYED "closed\n"
    };
    static const row_t theirs = {
        "the peer's (RFC 9422)", three,
        "ACCEPT 1\nS 220 hi\nC EHLO\nS 250-mx\nS 250-PIPELINING\n"
        "S 250 LIMITS MAILMAX=1\n" TAKEN GOODBYE,
        "ready\n" RELAYED "closed\n"
    };

    row_play(*state, &ours, two_messages_set);
    row_play(*state, &theirs, NULL);
}

/** A message that is over before an octet of it is sent. */
static void what_the_peer_cannot_take_is_told_at_once(void **state)
{
    static user_mail_t mails[400];
    static const row_t row = {
        "SMTPUTF8", mails, "ACCEPT 1\n" HELLO GOODBYE, NULL
    };
    char *events = apr_pstrdup(*state, "");
    row_t copy = row;
    size_t i;

    for (i = 0; i + 1 < UNIT_ROWS(mails); i++) {
        mails[i].recipients = "\xC3\xA4@example.org";
        if (i < 40) {
            events = apr_pstrcat(*state, events, "ready\ndone"
                                 " \xC3\xA4@example.org failed 0 5.6.7"
                                 " need\n", NULL);
        }
    }
    mails[40].recipients = NULL;
    copy.events = apr_pstrcat(*state, events, "ready\nclosed\n", NULL);
    row_play(*state, &copy, NULL);
}

/* Broken off. */

static void abort_ready_set(user_t *user)
{
    user->abort_at = 'r';
}

static void abort_done_set(user_t *user)
{
    user->abort_at = 'd';
}

static void a_connection_may_be_broken_off_in_any_call_back(void **state)
{
    static const row_t ready = {
        "ready", one_mail, "ACCEPT 1\n" HELLO "CLOSED",
        "ready\nclosed deferred 0 4.3.2 none\n"
    };
    static const row_t done[] = {
        { "done", one_mail, "ACCEPT 1\n" HELLO TAKEN "CLOSED",
          "ready\n" RELAYED "closed deferred 0 4.3.2 none\n" },
        { "done of a lost connection", one_mail,
          "ACCEPT 1\n" HELLO "C MAIL\nDROP",
          "ready\ndone a@example.org deferred 0 4.4.2 MAIL\n"
          "closed deferred 0 4.3.2 none\n" }
    };

    row_play(*state, &ready, abort_ready_set);
    rows_play(*state, done, UNIT_ROWS(done), abort_done_set);
}

static void timer_abort(void *baton)
{
    user_t *user = baton;

    if (queue_connection_peer(user->connection)->messages == 0) {
        queue_timer_set(&user->timer, queue_loop_now(user->loop) + 1000);
        return;
    }
    assert_true(queue_connection_is_harmless(user->connection));
    queue_connection_abort(user->connection, "the test says so");
}

static void abort_soon_set(user_t *user)
{
    queue_timer_init(&user->timer, user->loop, timer_abort, user);
    queue_timer_set(&user->timer, queue_loop_now(user->loop));
}

/** At SIGTERM what has not sent its end-of-data is cut. */
static void a_message_may_be_broken_off(void **state)
{
    static const row_t row = {
        "amid a message", one_mail, "ACCEPT 1\n" HELLO "STALL",
        "ready\ndone a@example.org deferred 0 4.3.2 MAIL\n"
        "closed deferred 0 4.3.2 MAIL\n"
    };

    row_play(*state, &row, abort_soon_set);
}

static void before_it_began_abort(user_t *user)
{
    user_open(user);
    queue_connection_abort(user->connection, "the test says so");
    assert_string_equal(user->events, "closed deferred 0 4.3.2 none\n");
}

static void a_connection_may_be_broken_off_before_it_began(void **state)
{
    before_it_began_abort(user_create(*state, 25));
}

/** A pool that goes takes connections along; nobody is told. */
static void the_end_of_the_pool_is_the_end_of_its_connections(void **state)
{
    next_hop_t *hop = calloc(1, sizeof(*hop));
    user_t *user;
    apr_pool_t *p;

    hop->script = "ACCEPT 1\n" HELLO TAKEN "CLOSED";
    next_hop_begin(hop);
    user = user_create(*state, hop->port);
    apr_pool_create(&p, *state);
    user->pool = p;
    user->mails = one_mail;
    user->when_idle = (void (*)(user_t *))NULL;
    user->is_idle = 1;
    user_open(user);
    queue_timer_init(&user->timer, user->loop,
                     (void (*)(void *))queue_loop_stop, user->loop);
    while (strstr(user->events, "done") == NULL) {
        queue_timer_set(&user->timer, queue_loop_now(user->loop) + 1000);
        queue_loop_run(user->loop);
    }
    apr_pool_destroy(p);
    next_hop_end(hop);
    assert_string_equal(hop->fault, "");
    assert_null(strstr(user->events, "closed"));
    free(hop);
}

/** When it is idle, from outside of a call-back. */
static void timer_send(void *baton)
{
    user_t *user = baton;

    user->when_idle = NULL;
    queue_connection_send(user->connection,
                          user_message(user, &one_mail[0]));
    /* What came of it is told later. */
    assert_null(strstr(user->events, "done"));
}

static void send_later(user_t *user)
{
    queue_timer_init(&user->timer, user->loop, timer_send, user);
    queue_timer_set(&user->timer, queue_loop_now(user->loop));
}

static void send_later_set(user_t *user)
{
    user->when_idle = send_later;
}

static void an_idle_connection_takes_a_message(void **state)
{
    static const user_mail_t none[] = { { NULL, NULL, 0 } };
    static const row_t rows[] = {
        { "later", none, "ACCEPT 1\n" HELLO TAKEN GOODBYE,
          "ready\n" RELAYED "ready\nclosed\n" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), send_later_set);
}

/* What is told of the peer. */

static void the_peer_is_told(void **state)
{
    next_hop_t *hop = calloc(1, sizeof(*hop));
    user_t *user;

    hop->script = "ACCEPT 1\n" HELLO TAKEN GOODBYE;
    next_hop_begin(hop);
    user = user_create(*state, hop->port);
    user->mails = one_mail;
    user_run(user);
    next_hop_end(hop);
    assert_string_equal(user->peer.host, "127.0.0.1");
    assert_string_equal(user->peer.address, "127.0.0.1");
    assert_string_equal(user->peer.source, "127.0.0.1");
    assert_int_equal(user->peer.port, hop->port);
    assert_int_equal(user->peer.messages, 1);
    assert_null(user->peer.tls);
    assert_true(user->peer.began > 0);
    assert_true(user->peer.ready >= user->peer.began);
    assert_true(user->peer.message >= user->peer.ready);
    free(hop);
}

/** What a peer says reaches log and outcome as one line of printable ASCII. */
static void words_of_a_peer_are_escaped(void **state)
{
    static const row_t row = {
        "greeting", one_mail,
        "ACCEPT 1\nS 554-no\033[31m\nS 554 mail \xFF here\n" GOODBYE,
        "closed failed 554 5.0.0 greeting\n"
    };
    const char *s;

    row_play(*state, &row, NULL);
    assert_non_null(strstr(user_log, "no\\x1B[31m mail \\xFF here"));
    for (s = user_log; *s != '\0'; s++) {
        assert_true((*s >= ' ' && *s <= '~') || *s == '\n');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(each_recipient_has_its_outcome),
        UNIT_TEST(a_host_that_takes_no_mail_defers),
        UNIT_TEST(a_peer_that_stalls_is_left),
        UNIT_TEST(large_mail_arrives_whole),
        UNIT_TEST(a_peer_that_reads_nothing_is_left),
        UNIT_TEST(lmtp_answers_for_each_recipient),
        UNIT_TEST(lmtp_by_a_unix_socket),
        UNIT_TEST(a_kept_connection_ends_without_harm),
        UNIT_TEST(a_kept_connection_that_has_gone_is_no_attempt),
        UNIT_TEST(a_connection_takes_so_many_messages),
        UNIT_TEST(what_the_peer_cannot_take_is_told_at_once),
        UNIT_TEST(a_connection_may_be_broken_off_in_any_call_back),
        UNIT_TEST(a_message_may_be_broken_off),
        UNIT_TEST(a_connection_may_be_broken_off_before_it_began),
        UNIT_TEST(the_end_of_the_pool_is_the_end_of_its_connections),
        UNIT_TEST(an_idle_connection_takes_a_message),
        UNIT_TEST(the_peer_is_told),
        UNIT_TEST(words_of_a_peer_are_escaped)
    };

    return UNIT_RUN(tests);
}
