/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../queue/queue_spool.h"

#include "smtpq_offline.h"

#define TEXT "Subject: x\r\n\r\nHi\r\n"

/** All that was said, as lines of the protocol. */
typedef struct talk_t {
    apr_pool_t *p;
    store_control_out_t lines;
    const char *text;            /**< the lines */
    const char *mail;            /**< of CONTENT */
    store_control_end_t end;
    const char *why;             /**< of the last refusal; "": none */
    int messages, recipients;
} talk_t;

static void take(void *baton, const store_control_reply_t *reply)
{
    talk_t *talk = baton;

    switch (reply->kind) {
    case STORE_CONTROL_MESSAGE:
        talk->messages++;
        store_control_message_write(&talk->lines, &reply->message);
        break;
    case STORE_CONTROL_RECIPIENT:
        talk->recipients++;
        store_control_recipient_write(&talk->lines, &reply->recipient);
        break;
    case STORE_CONTROL_ENVELOPE:
    case STORE_CONTROL_COUNT:
        store_control_pair_write(&talk->lines, reply->kind, reply->pair.name,
                                 reply->pair.value);
        break;
    case STORE_CONTROL_CONTENT:
        talk->mail = apr_pstrcat(talk->p, talk->mail,
                                 apr_pstrmemdup(talk->p, reply->content.s,
                                                reply->content.len), NULL);
        break;
    case STORE_CONTROL_REFUSED:
    case STORE_CONTROL_ERROR:
        talk->why = apr_pstrdup(talk->p, reply->refusal.why);
        break;
    case STORE_CONTROL_END:
        talk->end = reply->end;
        break;
    default:
        break;
    }
}

/** What is answered from the spool at a time in seconds. */
static talk_t *ask_at(queue_spool_t *u, const char *line, int sec)
{
    talk_t *talk = apr_pcalloc(u->p, sizeof(*talk));
    store_control_request_t request;
    smtpq_spool_t *spool;
    apr_pool_t *p;
    const char *fault;

    talk->p = u->p;
    talk->why = talk->mail = "";
    apr_pool_create(&p, u->p);
    fault = store_control_request_parse(p, apr_pstrdup(p, line),
                                        strlen(line), &request);
    if (fault) {
        fail_msg("%s: %s", line, fault);
    }
    assert_int_equal(smtpq_spool_open(p, u->path, &spool), APR_SUCCESS);
    smtpq_offline_ask(p, spool, &request, apr_time_from_sec(sec), take, talk);
    apr_pool_destroy(p);
    talk->text = apr_pstrmemdup(u->p, talk->lines.octets, talk->lines.len);
    store_control_out_destroy(&talk->lines);
    return talk;
}

static talk_t *ask(queue_spool_t *u, const char *line)
{
    return ask_at(u, line, 0);
}

/** The queue process is gone. */
static void stop(queue_spool_t *u)
{
    apr_pool_destroy(u->store_pool);
    u->store_pool = NULL;
}

/** "a" lies in a file, its first recipient deferred; "b" in the journal. */
static queue_spool_t *two(apr_pool_t *p)
{
    queue_spool_t *u = queue_spool_create(p);
    apr_uint64_t place = queue_spool_commit(u, "a", 2, TEXT);
    queue_spool_found_t *a = queue_spool_find(u, place);

    queue_spool_commit(u, "b", 1, TEXT);
    assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1), 0);
    assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_SENT, 1, 1), 0);
    return u;
}

/** The same, "a" long since out of the journal. */
static queue_spool_t *two_synced(apr_pool_t *p)
{
    queue_spool_t *u = two(p);

    assert_true(queue_spool_sync(u));
    stop(u);
    return u;
}

static void what_waits_is_listed_without_a_queue_process(void **state)
{
    queue_spool_t *u = two(*state);
    talk_t *talk = ask(u, "list\trecipients=1");

    assert_int_equal(talk->messages, 2);
    assert_int_equal(talk->recipients, 3);
    assert_int_equal(talk->end.count, 2);
    assert_non_null(strstr(talk->text,
                           "message\ta\tsender@example.org\t"));
    assert_non_null(strstr(talk->text, "\tfile\tr0@example.com\t"
                           "waiting\tdeferred\t1\t2000\t\t451\t4.3.0\t"
                           "mx[192.0.2.1]:25\tlater\n"));
    assert_non_null(strstr(talk->text,
                           "recipient\tr1@example.com\tsent\t"));
    assert_non_null(strstr(talk->text, "\tjournal\t"));
}

static void each_is_listed_once(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    int i;

    for (i = 0; i < 300; i++) {
        apr_uint64_t place = queue_spool_commit(
            u, apr_psprintf(u->p, "m%d", i), 1, TEXT);

        if (i % 3) {
            queue_spool_note(u, queue_spool_find(u, place),
                             STORE_QUEUED_DEFERRED, 0, 1);
        }
    }
    assert_int_equal(ask(u, "list")->messages, 300);
    queue_spool_sync(u);
    stop(u);
    assert_int_equal(ask(u, "list")->messages, 300);
    assert_int_equal(ask(u, "list")->end.all, 300);
}

static void an_empty_spool_has_no_messages(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);

    stop(u);
    assert_int_equal(ask(u, "list")->end.count, 0);
    assert_int_equal(rmdir(queue_spool_path(u, "queue")), -1);
    assert_int_equal(unlink(queue_spool_path(u, "queue/lock")), 0);
    assert_int_equal(rmdir(queue_spool_path(u, "queue")), 0);
    assert_int_equal(ask(u, "list")->end.count, 0);
    assert_string_equal(ask(u, "delete\tall=1")->why,
                        STORE_CONTROL_WHY_SYSTEM);
}

static void only_what_was_asked_for_is_listed(void **state)
{
    queue_spool_t *u = two(*state);

    assert_int_equal(ask(u, "list\trecipient=r0@*")->messages, 2);
    assert_int_equal(ask(u, "list\trecipient=r1@*")->messages, 0);
    assert_int_equal(ask(u, "list\tdomain=example.com")->messages, 2);
    assert_int_equal(ask(u, "list\tsender=x")->messages, 0);
    assert_int_equal(ask(u, "list\tstatus=deferred")->messages, 1);
    assert_int_equal(ask(u, "list\tstatus=ready")->messages, 1);
    assert_int_equal(ask_at(u, "list\tolder=10", 1700000009)->messages, 0);
    assert_int_equal(ask_at(u, "list\tolder=10", 1700000010)->messages, 2);
}

static void a_message_is_shown_with_its_recipients(void **state)
{
    queue_spool_t *u = two_synced(*state);
    talk_t *talk = ask(u, "show\tid=a\tid=c");

    assert_int_equal(talk->messages, 1);
    assert_int_equal(talk->recipients, 2);
    assert_string_equal(talk->why, STORE_CONTROL_WHY_NONE);
}

static void mails_are_read_octet_for_octet(void **state)
{
    queue_spool_t *u = two(*state);
    char *large = queue_spool_text(*state, 300000);

    queue_spool_commit_large(u, "large", 1, large, 5);
    assert_string_equal(ask(u, "cat\tid=a")->mail, QUEUE_SPOOL_TRACE TEXT);
    assert_string_equal(ask(u, "cat\tid=b")->mail, QUEUE_SPOOL_TRACE TEXT);
    assert_string_equal(ask(u, "cat\tid=large")->mail,
                        apr_pstrcat(*state, QUEUE_SPOOL_TRACE, large, NULL));
    assert_int_equal(ask(u, "cat\tid=a\tid=b")->end.count, 2);
}

static void a_damaged_mail_is_told_so(void **state)
{
    queue_spool_t *u = two_synced(*state);
    int fd = open(queue_spool_file(u, "a"), O_RDWR);
    talk_t *talk;

    assert_int_equal(lseek(fd, 160, SEEK_SET), 160);
    assert_int_equal(write(fd, "#", 1), 1);
    close(fd);
    talk = ask(u, "cat\tid=a");
    assert_int_equal(talk->end.count, 0);
    assert_string_not_equal(talk->why, "");
}

static void counts_are_counted(void **state)
{
    queue_spool_t *u = two(*state);
    talk_t *talk = ask(u, "counts");

    assert_string_equal(talk->text, "count\tmessages\t2\n"
                        "count\trecipients\t2\ncount\tready\t1\n"
                        "count\tdeferred\t1\ncount\theld\t0\n");
    assert_string_equal(ask(u, "destinations")->why,
                        STORE_CONTROL_WHY_OFFLINE);
}

/* ---- Changes, as the next queue process sees them ---- */

static queue_spool_found_t *after(queue_spool_t *u, const char *id)
{
    queue_spool_restart(u);
    assert_int_equal(queue_spool_count(u, id), 1);
    return queue_spool_by_id(u, id);
}

static void nothing_changes_while_a_process_may_send(void **state)
{
    queue_spool_t *u = two(*state);

    assert_string_equal(ask(u, "delete\tall=1")->why,
                        STORE_CONTROL_WHY_BUSY);
    assert_string_equal(ask(u, "hold\tid=a")->why, STORE_CONTROL_WHY_BUSY);
    assert_true(queue_spool_has_file(u, "a"));
}

static void what_is_held_is_held_for_the_next_process(void **state)
{
    queue_spool_t *u = two_synced(*state);

    assert_int_equal(ask(u, "hold\tid=a")->end.count, 1);
    assert_int_equal(ask(u, "hold\tid=a")->end.count, 1);
    assert_string_equal(ask(u, "retry\tid=a")->why, STORE_CONTROL_WHY_HELD);
    assert_int_equal(ask(u, "list\tstatus=held")->messages, 1);
    assert_true(after(u, "a")->is_held);
    stop(u);
    assert_int_equal(ask_at(u, "release\tid=a", 1)->end.count, 1);
    assert_int_equal(ask_at(u, "list\tstatus=held", 1)->messages, 0);
    assert_false(after(u, "a")->is_held);
}

static void what_is_retried_is_due(void **state)
{
    queue_spool_t *u = two_synced(*state);
    queue_spool_found_t *a;

    assert_int_equal(ask_at(u, "retry\tid=a", 0)->end.count, 1);
    assert_int_equal(ask_at(u, "list\tstatus=ready", 1)->messages, 2);
    a = after(u, "a");
    assert_int_equal(a->states[0].what, STORE_QUEUED_DEFERRED);
    assert_int_equal(a->states[0].next, 0);
    assert_int_equal(a->states[0].attempts, 1);
    assert_int_equal(a->states[0].code, 451);
    assert_string_equal(a->states[0].text, "later");
    assert_int_equal(a->states[1].what, STORE_QUEUED_SENT);
}

static void a_domain_is_flushed(void **state)
{
    queue_spool_t *u = two_synced(*state);

    assert_int_equal(ask(u, "flush\tdomain=example.net")->end.count, 0);
    /* "b" is in the journal, where it is not deferred. */
    assert_int_equal(ask(u, "flush\tdomain=example.com")->end.count, 1);
}

static void what_is_deleted_never_comes_back(void **state)
{
    queue_spool_t *u = two_synced(*state);
    talk_t *talk = ask(u, "delete\tall=1");

    assert_int_equal(talk->end.count, 1);
    assert_string_equal(talk->why, STORE_CONTROL_WHY_JOURNAL);
    assert_false(queue_spool_has_file(u, "a"));
    queue_spool_restart(u);
    assert_int_equal(queue_spool_count(u, "a"), 0);
    assert_int_equal(queue_spool_count(u, "b"), 1);
}

/* Its record is marked as moved, but the move is not durable: without a file
 * the record would be sent. */
static void what_is_deleted_does_not_come_back_from_the_journal(void **state)
{
    queue_spool_t *u = two(*state);

    stop(u);
    assert_int_equal(ask(u, "delete\tid=a")->end.count, 1);
    assert_int_equal(ask(u, "list")->messages, 1);
    assert_string_equal(ask(u, "show\tid=a")->why, STORE_CONTROL_WHY_NONE);
    queue_spool_restart(u);
    assert_int_equal(queue_spool_count(u, "a"), 0);
    assert_int_equal(queue_spool_count(u, "b"), 1);
    queue_spool_sync(u);
    queue_spool_restart(u);
    assert_int_equal(queue_spool_count(u, "a"), 0);
    assert_false(queue_spool_has_file(u, "a"));
}

static void who_was_not_meant_keeps_the_mail(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 2, TEXT);
    queue_spool_found_t *a = queue_spool_find(u, place);

    queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1);
    queue_spool_sync(u);
    stop(u);
    assert_string_equal(ask(u, "delete\trecipient=r0@example.com")->why,
                        STORE_CONTROL_WHY_OTHERS);
    assert_int_equal(ask(u, "delete\tdomain=example.com")->end.count, 1);
}

/* ---- What is no spool of ours ---- */

static void junk_in_the_spool_does_no_harm(void **state)
{
    queue_spool_t *u = two_synced(*state);
    const char *dir = apr_pstrndup(u->p, queue_spool_file(u, "a"),
                                   strlen(queue_spool_file(u, "a")) - 2);
    int fd = open(apr_pstrcat(u->p, dir, "/junk", NULL),
                  O_RDWR | O_CREAT, 0600);

    assert_int_equal(write(fd, "SMTPMSG", 7), 7);
    close(fd);
    assert_int_equal(symlink("/etc/passwd",
                             apr_pstrcat(u->p, dir, "/link", NULL)), 0);
    assert_int_equal(mkdir(apr_pstrcat(u->p, dir, "/dir", NULL), 0700), 0);
    fd = open(queue_spool_path(u, "journal/" QUEUE_SPOOL_DIR "/9.seg"),
              O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(fd, "junk", 4), 4);
    close(fd);
    fd = open(queue_spool_path(u, "journal/file"), O_RDWR | O_CREAT, 0600);
    close(fd);
    assert_int_equal(ask(u, "list")->messages, 2);
    assert_int_equal(ask(u, "cat\tid=junk\tid=link\tid=dir")->end.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_waits_is_listed_without_a_queue_process),
        UNIT_TEST(each_is_listed_once),
        UNIT_TEST(an_empty_spool_has_no_messages),
        UNIT_TEST(only_what_was_asked_for_is_listed),
        UNIT_TEST(a_message_is_shown_with_its_recipients),
        UNIT_TEST(mails_are_read_octet_for_octet),
        UNIT_TEST(a_damaged_mail_is_told_so),
        UNIT_TEST(counts_are_counted),
        UNIT_TEST(nothing_changes_while_a_process_may_send),
        UNIT_TEST(what_is_held_is_held_for_the_next_process),
        UNIT_TEST(what_is_retried_is_due),
        UNIT_TEST(a_domain_is_flushed),
        UNIT_TEST(what_is_deleted_never_comes_back),
        UNIT_TEST(what_is_deleted_does_not_come_back_from_the_journal),
        UNIT_TEST(who_was_not_meant_keeps_the_mail),
        UNIT_TEST(junk_in_the_spool_does_no_harm)
    };

    return UNIT_RUN(tests);
}
