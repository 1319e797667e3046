/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_engine_fake.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <apr_atomic.h>

#include "queue_control.h"
#include "store_control_reply.h"

/* What no test waits for, unless it fails. */
#define LIMIT apr_time_from_sec(600)

/** Both clocks, ahead of the system's by so much. */
static volatile apr_uint32_t skew_sec;

int clock_gettime(clockid_t id, struct timespec *ts);

apr_time_t apr_time_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int failed = timespec_get(ts, TIME_UTC) != TIME_UTC;

    (void)id;
    ts->tv_sec += (time_t)apr_atomic_read32(&skew_sec);
    return -failed;
}

typedef struct fixture_t {
    apr_pool_t *p;
    char dir[64];
    queue_loop_t *loop;
    queue_engine_t *engine;
    queue_control_t *control;
    queue_timer_t limit;
    int talks;
    store_log_t log;
} fixture_t;

static void log_write(void *ctx, store_log_level_e level, apr_status_t rv,
                      const char *line)
{
    (void)ctx, (void)level, (void)rv;
    print_message("# %s\n", line);
}

static void on_limit(void *baton)
{
    (void)baton;
    fail_msg("the loop still runs");
}

static fixture_t *fixture_open(apr_pool_t *p)
{
    fixture_t *f = apr_pcalloc(p, sizeof(*f));

    apr_atomic_set32(&skew_sec, 0);
    f->p = p;
    apr_cpystrn(f->dir, "/tmp/queue_control_test_XXXXXX", sizeof(f->dir));
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(queue_loop_create(p, 20, &f->loop), APR_SUCCESS);
    queue_timer_init(&f->limit, f->loop, on_limit, f);
    queue_timer_set(&f->limit, apr_time_now() + LIMIT);
    f->engine = fake_engine(p);
    f->log.write = log_write;
    assert_int_equal(queue_control_open(p, f->loop, f->dir, f->engine,
                                        &f->log, &f->control), APR_SUCCESS);
    return f;
}

static void fixture_close(fixture_t *f)
{
    queue_control_close(f->control);
    queue_timer_clear(&f->limit);
    assert_int_equal(unlink(apr_pstrcat(f->p, f->dir, "/control", NULL)), 0);
    assert_int_equal(rmdir(f->dir), 0);
    fake_close(f->engine);
}

/* ---- Who talks to it: in threads ---- */

typedef struct talk_t {
    fixture_t *f;
    const char *request;
    size_t request_len;
    char *reply;                 /**< all that came */
    size_t len;
    int status;                  /**< 0: the end came; else errno */
    int hold;                    /**< keeps it open until so many bytes came,
                                      then closes; 0: until the end */
} talk_t;

static int talk_connect(const fixture_t *f)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/control",
             f->dir);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        abort();
    }
    return fd;
}

static void talk_send(int fd, const char *octets, size_t len)
{
    while (len) {
        ssize_t n = send(fd, octets, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return;
        }
        octets += n;
        len -= (size_t)n;
    }
}

/** Reads until the end, or so many octets. */
static void talk_read(talk_t *talk, int fd, size_t enough)
{
    size_t room = 0;
    ssize_t n = 1;

    while (n > 0 && (!enough || talk->len < enough)) {
        if (room - talk->len < 65536) {
            room = room * 2 + 65536;
            talk->reply = realloc(talk->reply, room + 1);
        }
        n = read(fd, talk->reply + talk->len, 65536);
        talk->len += n > 0 ? (size_t)n : 0;
    }
    talk->status = n < 0 ? errno : 0;
    talk->reply[talk->len] = '\0';
}

static void talk_run(void *baton)
{
    talk_t *talk = baton;
    int fd = talk_connect(talk->f);

    talk_send(fd, talk->request, talk->request_len);
    if (!talk->hold) {
        shutdown(fd, SHUT_WR);
    }
    talk_read(talk, fd, (size_t)talk->hold);
    close(fd);
}

static void talk_done(void *baton)
{
    talk_t *talk = baton;

    if (!--talk->f->talks) {
        queue_loop_stop(talk->f->loop);
    }
}

static apr_status_t talk_cleanup(void *data)
{
    free(((talk_t *)data)->reply);
    return APR_SUCCESS;
}

static talk_t *talk_create(fixture_t *f, const char *request, size_t len)
{
    talk_t *talk = apr_pcalloc(f->p, sizeof(*talk));

    talk->f = f;
    talk->request = request;
    talk->request_len = len;
    apr_pool_cleanup_register(f->p, talk, talk_cleanup,
                              apr_pool_cleanup_null);
    return talk;
}

/** From here on until it is done the talk is its thread's. */
static void talk_begin(talk_t *talk, queue_task_run_t *run)
{
    talk->f->talks++;
    assert_int_equal(queue_loop_task(talk->f->loop, run, talk_done, talk),
                     APR_SUCCESS);
}

static talk_t *talk_begin_with(fixture_t *f, queue_task_run_t *run,
                               const char *request, size_t len)
{
    talk_t *talk = talk_create(f, request, len);

    talk_begin(talk, run);
    return talk;
}

/** Asks, and goes when so many bytes have come. */
static void ask_and_go(fixture_t *f, const char *request, int bytes)
{
    talk_t *talk = talk_create(f, request, strlen(request));

    talk->hold = bytes;
    talk_begin(talk, talk_run);
    assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
}

/** Asks, and gives back all that is said. */
static const char *ask(fixture_t *f, const char *request)
{
    talk_t *talk = talk_begin_with(f, talk_run, request, strlen(request));

    assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
    return talk->reply;
}

/** The replies as lines, read. */
typedef struct lines_t {
    store_control_reply_t *replies;
    int count;
} lines_t;

static lines_t lines_of(apr_pool_t *p, const char *text)
{
    lines_t lines = { NULL, 0 };
    char *copy = apr_pstrdup(p, text), *lf;
    int i;

    for (lf = copy; (lf = strchr(lf, '\n')); lf++) {
        lines.count++;
    }
    lines.replies = apr_pcalloc(p, sizeof(*lines.replies) * lines.count);
    for (i = 0; i < lines.count; i++, copy = lf + 1) {
        lf = strchr(copy, '\n');
        assert_true(store_control_reply_parse(copy, lf - copy,
                                              &lines.replies[i]));
    }
    assert_string_equal(copy, "");
    return lines;
}

static const store_control_reply_t *last_of(lines_t lines)
{
    assert_true(lines.count > 0);
    return &lines.replies[lines.count - 1];
}

/** What a request comes to when it is "KIND WHY or COUNT". */
static void check_last(fixture_t *f, const char *request,
                       store_control_reply_e kind, const char *why,
                       int count)
{
    const store_control_reply_t *last = last_of(lines_of(f->p,
                                                         ask(f, request)));

    UNIT_CHECK(request, last->kind == kind);
    UNIT_CHECK(request, !why || !strcmp(last->refusal.why, why));
    UNIT_CHECK(request, why || last->end.count == count);
}

static void two_with_bob(fixture_t *f)
{
    static const char *const both[] = {
        "bob@example.com", "alice@example.net"
    };
    queue_message_t *message;

    fake_add(f->engine, fake_message(f->engine, "aaa", "news@a.example",
                                     both, 1));
    message = fake_message(f->engine, "bbb", "", both, 2);
    message->recipients[1].attempts = 3;
    message->recipients[1].reason = queue_reason_get(
        f->engine->reasons, 450, (smtp_status_t){ 4, 2, 1 },
        "mx.example.net[192.0.2.1]:25", "try again");
    fake_add(f->engine, message);
}

/* ---- Lists ---- */

static void a_list_tells_of_each_message(void **state)
{
    fixture_t *f = fixture_open(*state);
    store_control_message_t *m;
    lines_t lines;

    two_with_bob(f);
    lines = lines_of(f->p, ask(f, "list\n"));
    assert_int_equal(lines.count, 3);
    m = &lines.replies[0].message;
    assert_string_equal(m->id, "aaa");
    assert_string_equal(m->reverse_path, "news@a.example");
    assert_int_equal(m->status, STORE_CONTROL_DEFERRED);
    assert_int_equal(m->size_octets, 4096);
    assert_int_equal(m->recipients, 1);
    assert_string_equal(m->where, "file");
    assert_string_equal(m->first.address, "bob@example.com");
    assert_string_equal(m->first.destination, "mx:example.com");
    assert_true(m->next > apr_time_now());
    assert_int_equal(m->first.next, m->next);
    assert_string_equal(lines.replies[1].message.reverse_path, "");
    assert_int_equal(lines.replies[2].end.count, 2);
    assert_int_equal(lines.replies[2].end.seen, 2);
    assert_int_equal(lines.replies[2].end.all, 2);
    fixture_close(f);
}

static void a_list_tells_why_they_wait(void **state)
{
    fixture_t *f = fixture_open(*state);
    store_control_recipient_t *alice;
    lines_t lines;

    two_with_bob(f);
    lines = lines_of(f->p, ask(f, "list\tdomain=example.net"
                                  "\trecipients=1\n"));
    assert_int_equal(lines.count, 4);
    assert_string_equal(lines.replies[0].message.first.address,
                        "alice@example.net");
    alice = &lines.replies[2].recipient;
    assert_string_equal(alice->address, "alice@example.net");
    assert_int_equal(alice->attempts, 3);
    assert_int_equal(alice->code, 450);
    assert_string_equal(alice->enhanced, "4.2.1");
    assert_string_equal(alice->host, "mx.example.net[192.0.2.1]:25");
    assert_string_equal(alice->text, "try again");
    assert_int_equal(lines.replies[3].end.count, 1);
    fixture_close(f);
}

static void a_list_says_what_it_does_not_know_yet(void **state)
{
    fixture_t *f = fixture_open(*state);

    two_with_bob(f);
    f->engine->unread = 7;
    assert_non_null(strstr(ask(f, "list\n"), "\ncount\tunread\t7\nend\t2"));
    assert_non_null(strstr(ask(f, "hold\tall=1\n"),
                           "count\tunread\t7\nend\t2"));
    assert_null(strstr(ask(f, "show\tid=aaa\n"), "unread"));
    fixture_close(f);
}

static const struct {
    const char *request;
    int count;
} choices[] = {
    { "list\tsender=\n", 1 }, { "list\tsender=*@a.example\n", 1 },
    { "list\trecipient=bob@*\n", 2 }, { "list\tdomain=.net\n", 1 },
    { "list\tdomain=example.org\n", 0 }, { "list\tolder=3599\n", 2 },
    { "list\tolder=3700\n", 0 }, { "list\tyounger=3599\n", 0 },
    { "list\tstatus=deferred\n", 2 }, { "list\tstatus=held\n", 0 },
    { "list\tstatus=ready\tstatus=active\n", 0 }, { "list\tall=1\n", 2 }
};

static void a_list_is_of_what_was_asked_for(void **state)
{
    fixture_t *f = fixture_open(*state);
    size_t i;

    two_with_bob(f);
    for (i = 0; i < UNIT_ROWS(choices); i++) {
        check_last(f, choices[i].request, STORE_CONTROL_END, NULL,
                   choices[i].count);
    }
    fixture_close(f);
}

static void what_a_message_is_doing_is_told(void **state)
{
    fixture_t *f = fixture_open(*state);
    apr_time_t now = apr_time_now();
    queue_message_t *m;

    two_with_bob(f);
    m = f->engine->messages[1];
    queue_schedule_add(f->engine->schedule, &m->jobs[0], now);
    check_last(f, "list\tstatus=ready\n", STORE_CONTROL_END, NULL, 1);
    m->is_held = 1;
    check_last(f, "list\tstatus=held\n", STORE_CONTROL_END, NULL, 1);
    check_last(f, "list\tstatus=ready\n", STORE_CONTROL_END, NULL, 0);
    m->tasks = 1;
    check_last(f, "list\tstatus=active\n", STORE_CONTROL_END, NULL, 1);
    fixture_close(f);
}

static void all_of_fifty_thousand_are_listed(void **state)
{
    fixture_t *f = fixture_open(*state);
    const store_control_reply_t *last;
    int i, messages = 0;
    lines_t lines;

    fake_fill(f->engine, 50000);
    lines = lines_of(f->p, ask(f, "list\n"));
    for (i = 0; i < lines.count; i++) {
        messages += lines.replies[i].kind == STORE_CONTROL_MESSAGE;
    }
    assert_int_equal(messages, 50000);
    last = last_of(lines);
    assert_int_equal(last->kind, STORE_CONTROL_END);
    assert_int_equal(last->end.count, 50000);
    fixture_close(f);
}

static void a_message_of_many_recipients_is_told_in_pieces(void **state)
{
    fixture_t *f = fixture_open(*state);
    const char *addresses[20000];
    int i, recipients = 0;
    lines_t lines;

    for (i = 0; i < 20000; i++) {
        addresses[i] = apr_psprintf(f->p, "recipient.%d@example.com", i);
    }
    fake_add(f->engine, fake_message(f->engine, "many", "a@b.example",
                                     addresses, 20000));
    lines = lines_of(f->p, ask(f, "show\tid=many\n"));
    for (i = 0; i < lines.count; i++) {
        recipients += lines.replies[i].kind == STORE_CONTROL_RECIPIENT;
    }
    assert_int_equal(recipients, 20000);
    /* It may be sent meanwhile. */
    f->engine->vanishes = "many";
    assert_non_null(strstr(ask(f, "show\tid=many\n"), "\nend\t1\t1\t"));
    assert_null(f->engine->messages[0]);
    fixture_close(f);
}

static void one_message_is_shown(void **state)
{
    fixture_t *f = fixture_open(*state);
    lines_t lines;

    two_with_bob(f);
    lines = lines_of(f->p, ask(f, "show\tid=bbb\tid=none\n"));
    assert_int_equal(lines.count, 7);
    assert_string_equal(lines.replies[0].message.id, "bbb");
    assert_int_equal(lines.replies[1].kind, STORE_CONTROL_ENVELOPE);
    assert_string_equal(lines.replies[1].pair.name, "login");
    assert_string_equal(lines.replies[1].pair.value, "bob");
    assert_string_equal(lines.replies[2].pair.name, "requiretls");
    assert_string_equal(lines.replies[3].recipient.address,
                        "bob@example.com");
    assert_int_equal(lines.replies[5].kind, STORE_CONTROL_REFUSED);
    assert_string_equal(lines.replies[5].refusal.id, "none");
    assert_string_equal(lines.replies[5].refusal.why,
                        STORE_CONTROL_WHY_NONE);
    assert_int_equal(lines.replies[6].end.count, 1);
    fixture_close(f);
}

/* ---- Mails ---- */

static void a_mail_comes_octet_for_octet(void **state)
{
    static const char piece[] = FAKE_PIECE;
    fixture_t *f = fixture_open(*state);
    lines_t lines;
    int i;

    two_with_bob(f);
    lines = lines_of(f->p, ask(f, "cat\tid=aaa\n"));
    assert_int_equal(lines.count, FAKE_PIECES + 1);
    for (i = 0; i < FAKE_PIECES; i++) {
        assert_int_equal(lines.replies[i].content.len, sizeof(piece) - 1);
        assert_memory_equal(lines.replies[i].content.s, piece,
                            sizeof(piece) - 1);
    }
    assert_int_equal(last_of(lines)->end.count, 1);
    fixture_close(f);
}

static void a_mail_that_cannot_be_read_is_told_so(void **state)
{
    static const char *const to[] = { "a@b.example" };
    fixture_t *f = fixture_open(*state);
    const char *text;

    two_with_bob(f);
    fake_add(f->engine, fake_message(f->engine, "unreadable", "", to, 1));
    text = ask(f, "cat\tid=unreadable\tid=aaa\n");
    assert_non_null(strstr(text, "refused\tsystem\tunreadable\t"));
    assert_non_null(strstr(text, "\nend\t1\t2\t3\n"));
    f->engine->rv = APR_EOF + 1;
    text = ask(f, "cat\tid=aaa\n");
    assert_non_null(strstr(text, "\nrefused\tsystem\t\t"));
    assert_non_null(strstr(text, "\nend\t0\t1\t3\n"));
    fixture_close(f);
}

/* ---- Changes ---- */

static void what_is_to_be_done_is_done(void **state)
{
    fixture_t *f = fixture_open(*state);

    two_with_bob(f);
    check_last(f, "retry\tid=aaa\tid=bbb\n", STORE_CONTROL_END, NULL, 2);
    check_last(f, "hold\tsender=\n", STORE_CONTROL_END, NULL, 1);
    check_last(f, "release\tstatus=held\n", STORE_CONTROL_END, NULL, 1);
    check_last(f, "delete\tall=1\n", STORE_CONTROL_END, NULL, 2);
    assert_string_equal(f->engine->done, "retry:aaa retry:bbb hold:bbb "
                        "release:bbb delete:aaa delete:bbb ");
    fixture_close(f);
}

static void who_was_not_meant_keeps_the_mail(void **state)
{
    fixture_t *f = fixture_open(*state);
    const char *text;

    two_with_bob(f);
    text = ask(f, "delete\trecipient=bob@example.com\n");
    assert_non_null(strstr(text, "refused\tothers\tbbb\t"));
    assert_string_equal(f->engine->done, "delete:aaa ");
    /* The other one has it by now. */
    queue_message_recipient_end(f->engine->messages[1],
                                &f->engine->messages[1]->recipients[1],
                                QUEUE_RECIPIENT_SENT);
    check_last(f, "delete\trecipient=bob@example.com\n", STORE_CONTROL_END,
               NULL, 1);
    fixture_close(f);
}

static void what_cannot_be_done_is_told(void **state)
{
    fixture_t *f = fixture_open(*state);
    const char *text;

    two_with_bob(f);
    f->engine->messages[0]->is_held = 1;
    text = ask(f, "retry\tid=aaa\n");
    assert_non_null(strstr(text, "refused\theld\taaa\t"));
    f->engine->rv = APR_EBUSY;
    text = ask(f, "delete\tall=1\n");
    assert_non_null(strstr(text, "refused\tbusy\taaa\t"));
    assert_non_null(strstr(text, "refused\tbusy\tbbb\t"));
    assert_non_null(strstr(text, "\nend\t0\t2\t2\n"));
    f->engine->rv = APR_ENOSPC;
    text = ask(f, "hold\tid=bbb\tid=ccc\n");
    assert_non_null(strstr(text, "refused\tsystem\tbbb\t"));
    assert_non_null(strstr(text, "refused\tnone\tccc\t"));
    fixture_close(f);
}

static void many_changes_say_how_far_they_are(void **state)
{
    fixture_t *f = fixture_open(*state);
    int i, progress = 0;
    lines_t lines;

    fake_fill(f->engine, 5000);
    lines = lines_of(f->p, ask(f, "delete\tall=1\n"));
    for (i = 0; i < lines.count; i++) {
        progress += lines.replies[i].kind == STORE_CONTROL_PROGRESS;
    }
    assert_int_equal(progress, 4);
    assert_int_equal(lines.replies[0].end.all, 5000);
    assert_int_equal(last_of(lines)->end.count, 5000);
    fixture_close(f);
}

/* Behind the answer that there is mail it is the queue's connection; if there
 * is none it is an administrator's as before. */
static void who_fetches_mail_gets_the_connection(void **state)
{
    fixture_t *f = fixture_open(*state);
    const char *reply;

    f->engine->on_demand = "b.example";
    check_last(f, "turn\tname=a.example\tclient=192.0.2.1\n"
                  "counts\n", STORE_CONTROL_END, NULL, 0);
    f->engine->is_fetched = 1;
    check_last(f, "turn\tname=a.example\tclient=192.0.2.1\n",
               STORE_CONTROL_END, NULL, 0);
    reply = ask(f, "turn\tname=a.example\tclient=192.0.2.1\n");
    assert_string_equal(reply, "refused\tbusy\t\tit is being fetched\n"
                               "end\t0\t0\t0\n");
    f->engine->is_fetched = 0;
    f->engine->unread = 7;
    reply = ask(f, "turn\tname=a.example\tclient=192.0.2.1\n");
    assert_string_equal(reply, "refused\tbusy\t\tit is not known yet\n"
                               "end\t0\t0\t0\n");
    f->engine->is_fetched = 1;
    reply = ask(f, "turn\tname=.a.example\tname=B.example\t"
                   "client=192.0.2.1\n");
    assert_string_equal(reply, "end\t2\t0\t0\n"
                               "SMTP with 192.0.2.1 about 2, .a.example\n");
    /* What comes too early is not taken for SMTP. */
    reply = ask(f, "turn\tname=b.example\tclient=192.0.2.1\n220 Hello\n");
    assert_string_equal(reply, "end\t2\t0\t0\n");
    fixture_close(f);
}

static void a_domain_is_flushed(void **state)
{
    fixture_t *f = fixture_open(*state);

    const char *other = "user@example.com";

    fake_fill(f->engine, 300);
    fake_add(f->engine, fake_message(f->engine, "00064ffffffff00001abc",
                                     "news@example.com", &other, 1));
    check_last(f, "flush\tdomain=Example.COM\n", STORE_CONTROL_END, NULL, 1);
    assert_string_equal(f->engine->flushed, "example.com");
    check_last(f, "flush\tdomain=example.net\n", STORE_CONTROL_END, NULL,
               300);
    check_last(f, "flush\tdomain=example.org\n", STORE_CONTROL_END, NULL, 0);
    fixture_close(f);
}

static void counts_and_destinations_are_told(void **state)
{
    fixture_t *f = fixture_open(*state);
    const char *text;

    two_with_bob(f);
    text = ask(f, "counts\n");
    assert_non_null(strstr(text, "count\tmessages\t2\n"));
    assert_non_null(strstr(text, "count\theld\t2\n"));
    text = ask(f, "destinations\n");
    assert_non_null(strstr(text, "destination\tmx:example.com\t0\t2\t0"));
    assert_non_null(strstr(text, "destination\tmx:example.net\t0\t1\t0"));
    assert_non_null(strstr(text, "\nend\t2\t0\t2\n"));
    fixture_close(f);
}

/* ---- Who does not behave ---- */

static void several_requests_are_answered_in_turn(void **state)
{
    fixture_t *f = fixture_open(*state);
    const char *text;
    lines_t lines;

    two_with_bob(f);
    text = ask(f, "list\nwhat\ncounts\n\nlist\tid=aaa\tall=1\nlist\npart");
    lines = lines_of(f->p, text);
    assert_int_equal(lines.count, 3 + 1 + 9 + 1 + 1 + 3);
    assert_int_equal(lines.replies[3].kind, STORE_CONTROL_ERROR);
    assert_int_equal(lines.replies[4].kind, STORE_CONTROL_COUNT);
    assert_int_equal(lines.replies[13].kind, STORE_CONTROL_ERROR);
    assert_int_equal(lines.replies[14].kind, STORE_CONTROL_ERROR);
    assert_int_equal(last_of(lines)->end.count, 2);
    fixture_close(f);
}

static void an_endless_line_ends_the_connection(void **state)
{
    fixture_t *f = fixture_open(*state);
    size_t len = 10 * STORE_CONTROL_REQUEST_OCTETS;
    char *junk = memset(apr_pcalloc(*state, len + 1), 'a', len);

    check_last(f, junk, STORE_CONTROL_ERROR, STORE_CONTROL_WHY_REQUEST, 0);
    check_last(f, "counts\n", STORE_CONTROL_END, NULL, 0);
    fixture_close(f);
}

static void junk_does_no_harm(void **state)
{
    fixture_t *f = fixture_open(*state);
    apr_uint32_t seed = 4711;
    int i, round;

    two_with_bob(f);
    for (round = 0; round < 50; round++) {
        char *junk = apr_palloc(*state, 3000);
        talk_t *talk;

        for (i = 0; i < 3000; i++) {
            seed = seed * 1664525u + 1013904223u;
            junk[i] = (char)(seed >> 24 < 8 ? '\n' : seed >> 24);
        }
        talk = talk_begin_with(f, talk_run, junk, 3000);
        assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
        UNIT_CHECK(talk->reply, !strstr(talk->reply, "end\t"));
    }
    check_last(f, "list\n", STORE_CONTROL_END, NULL, 2);
    assert_string_equal(f->engine->done, "");
    fixture_close(f);
}

/** Takes the first of a long list, then talks no more, and goes when all the
 *  others are through. */
static void stall_run(void *baton)
{
    talk_t *talk = baton;
    talk_t other = { 0 };
    int fd = talk_connect(talk->f);

    talk_send(fd, "list\n", 5);
    talk_read(talk, fd, 1);
    other.f = talk->f;
    other.request = "counts\nlist\n";
    other.request_len = strlen(other.request);
    talk_run(&other);
    talk->hold = strstr(other.reply, "\nend\t20000\t20000\t20000\n") != NULL;
    free(other.reply);
    close(fd);
}

static void who_does_not_read_stops_nobody(void **state)
{
    fixture_t *f = fixture_open(*state);
    talk_t *talk;

    fake_fill(f->engine, 20000);
    talk = talk_begin_with(f, stall_run, "", 0);
    assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
    assert_true(talk->hold);
    fixture_close(f);
}

/** Goes amid a long list, and amid changes. */
static void who_goes_leaves_nothing(void **state)
{
    fixture_t *f = fixture_open(*state);
    int i;

    fake_fill(f->engine, 20000);
    for (i = 1; i < 6; i++) {
        ask_and_go(f, "list\tall=1\trecipients=1\n", 50000 * i);
    }
    ask_and_go(f, "hold\tall=1\n", 1);
    check_last(f, "list\tid=none\n", STORE_CONTROL_END, NULL, 0);
    fixture_close(f);
}

/** Connects once more than is allowed; then is silent, and connects again. */
static void crowd_run(void *baton)
{
    talk_t *talk = baton, late = { 0 };
    int fds[QUEUE_CONTROL_CLIENTS], i, fd;
    char octet;

    for (i = 0; i < QUEUE_CONTROL_CLIENTS; i++) {
        fds[i] = talk_connect(talk->f);
        /* It has been accepted when it is answered. */
        talk_send(fds[i], "what\n", 5);
        talk->status |= read(fds[i], &octet, 1) != 1;
    }
    fd = talk_connect(talk->f);
    talk_read(talk, fd, 0);
    close(fd);
    apr_atomic_add32(&skew_sec, 11);
    late.f = talk->f;
    late.request = "counts\n";
    late.request_len = 7;
    talk_run(&late);
    talk->hold = strstr(late.reply, "\nend\t") != NULL;
    free(late.reply);
    /* The first is gone, the others are not. */
    while (read(fds[0], &octet, 1) == 1) {
        continue;
    }
    talk_send(fds[1], "counts\n", 7);
    while (read(fds[1], &octet, 1) == 1 && octet != '\n') {
        continue;
    }
    talk->hold += read(fds[1], &octet, 1) == 1 && octet == 'c';
    for (i = 0; i < QUEUE_CONTROL_CLIENTS; i++) {
        close(fds[i]);
    }
}

static void too_many_are_turned_away_and_the_silent_make_room(void **state)
{
    fixture_t *f = fixture_open(*state);
    talk_t *talk = talk_begin_with(f, crowd_run, "", 0);

    assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
    assert_int_equal(talk->status, 0);
    assert_non_null(strstr(talk->reply, "error\tlimit\t"));
    assert_int_equal(talk->hold, 2);
    fixture_close(f);
}

/** Says half a request, and time goes by. */
static void dawdle_run(void *baton)
{
    talk_t *talk = baton;
    int fd = talk_connect(talk->f), other;

    talk_send(fd, "what\nli", 7);
    talk_read(talk, fd, 1);
    apr_atomic_add32(&skew_sec, 61);
    /* So that the loop looks at its clock. */
    other = talk_connect(talk->f);
    talk_read(talk, fd, 0);
    close(other);
    close(fd);
}

static void who_says_half_a_request_is_let_go(void **state)
{
    fixture_t *f = fixture_open(*state);
    talk_t *talk = talk_begin_with(f, dawdle_run, "", 0);

    assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
    assert_int_equal(talk->status, 0);
    assert_int_equal(lines_of(f->p, talk->reply).count, 1);
    fixture_close(f);
}

/* ---- The socket ---- */

static void nobody_else_can_connect(void **state)
{
    fixture_t *f = fixture_open(*state);
    struct stat st;

    assert_int_equal(stat(apr_pstrcat(f->p, f->dir, "/control", NULL), &st),
                     0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
    fixture_close(f);
}

static void the_next_process_takes_over(void **state)
{
    fixture_t *f = fixture_open(*state);
    queue_control_t *before = f->control;
    queue_engine_t *next = fake_engine(f->p);

    two_with_bob(f);
    assert_int_equal(queue_control_open(f->p, f->loop, f->dir, next,
                                        &f->log, &f->control), APR_SUCCESS);
    queue_control_close(before);
    queue_control_close(before);
    check_last(f, "list\n", STORE_CONTROL_END, NULL, 0);
    fixture_close(f);
}

static void a_path_that_no_socket_can_have_is_an_error(void **state)
{
    fixture_t *f = fixture_open(*state);
    char dir[200];
    queue_control_t *control;

    memset(dir, 'a', sizeof(dir));
    dir[0] = '/';
    dir[sizeof(dir) - 1] = '\0';
    assert_int_equal(queue_control_open(f->p, f->loop, dir, f->engine,
                                        &f->log, &control),
                     APR_ENAMETOOLONG);
    assert_null(control);
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_list_tells_of_each_message),
        UNIT_TEST(a_list_tells_why_they_wait),
        UNIT_TEST(a_list_says_what_it_does_not_know_yet),
        UNIT_TEST(a_list_is_of_what_was_asked_for),
        UNIT_TEST(what_a_message_is_doing_is_told),
        UNIT_TEST(all_of_fifty_thousand_are_listed),
        UNIT_TEST(a_message_of_many_recipients_is_told_in_pieces),
        UNIT_TEST(one_message_is_shown),
        UNIT_TEST(a_mail_comes_octet_for_octet),
        UNIT_TEST(a_mail_that_cannot_be_read_is_told_so),
        UNIT_TEST(what_is_to_be_done_is_done),
        UNIT_TEST(who_was_not_meant_keeps_the_mail),
        UNIT_TEST(what_cannot_be_done_is_told),
        UNIT_TEST(many_changes_say_how_far_they_are),
        UNIT_TEST(who_fetches_mail_gets_the_connection),
        UNIT_TEST(a_domain_is_flushed),
        UNIT_TEST(counts_and_destinations_are_told),
        UNIT_TEST(several_requests_are_answered_in_turn),
        UNIT_TEST(an_endless_line_ends_the_connection),
        UNIT_TEST(junk_does_no_harm),
        UNIT_TEST(who_does_not_read_stops_nobody),
        UNIT_TEST(who_goes_leaves_nothing),
        UNIT_TEST(too_many_are_turned_away_and_the_silent_make_room),
        UNIT_TEST(who_says_half_a_request_is_let_go),
        UNIT_TEST(nobody_else_can_connect),
        UNIT_TEST(the_next_process_takes_over),
        UNIT_TEST(a_path_that_no_socket_can_have_is_an_error)
    };

    return UNIT_RUN(tests);
}
