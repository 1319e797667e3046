/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

#include "queue_hint.h"

#define THREADS 8
#define HINTS 4000
#define MAGIC "SMQHINT1"
#define FRAME 80
/* What no test waits for, unless it fails. */
#define LONG apr_time_from_sec(60)

static apr_interval_time_t clock_step;

apr_time_t apr_time_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000 + clock_step;
}

typedef struct fixture_t {
    apr_pool_t *p;
    queue_loop_t *loop;
    queue_timer_t limit;
    char dir[96];
    queue_hint_listener_t *listener;
    queue_hint_sender_t sender;
    int stop_hints, stop_lost;   /* the loop ends when there are so many */
    int hints, lost, lines;
    smtp_queue_hint_t last;
} fixture_t;

static void on_limit(void *baton)
{
    (void)baton;
    fail_msg("the loop still runs after a minute");
}

static void stop_when_enough(fixture_t *fixture)
{
    if (fixture->hints >= fixture->stop_hints
        && fixture->lost >= fixture->stop_lost) {
        queue_loop_stop(fixture->loop);
    }
}

static void on_hint(void *baton, const smtp_queue_hint_t *hint)
{
    fixture_t *fixture = baton;

    fixture->hints++;
    fixture->last = *hint;
    stop_when_enough(fixture);
}

static void on_lost(void *baton)
{
    fixture_t *fixture = baton;

    fixture->lost++;
    stop_when_enough(fixture);
}

static void on_line(void *ctx, store_log_level_e level, apr_status_t rv,
                    const char *line)
{
    fixture_t *fixture = ctx;

    (void)level, (void)rv, (void)line;
    fixture->lines++;
}

static void begin_to_listen(fixture_t *fixture)
{
    queue_hint_user_t user = { on_hint, on_lost, fixture };
    store_log_t *log = apr_palloc(fixture->p, sizeof(*log));

    *log = (store_log_t){ on_line, fixture };
    assert_int_equal(queue_hint_listen(fixture->p, fixture->loop,
                                       fixture->dir, &user, log,
                                       &fixture->listener), APR_SUCCESS);
}

static fixture_t *fixture_open(apr_pool_t *p)
{
    fixture_t *fixture = apr_pcalloc(p, sizeof(*fixture));
    const char *temp = getenv("TMPDIR");

    fixture->p = p;
    snprintf(fixture->dir, sizeof(fixture->dir), "%s/queue-hint-XXXXXX",
             temp ? temp : "/tmp");
    assert_non_null(mkdtemp(fixture->dir));
    assert_int_equal(queue_loop_create(p, 1, &fixture->loop), APR_SUCCESS);
    queue_timer_init(&fixture->limit, fixture->loop, on_limit, fixture);
    queue_timer_set(&fixture->limit, apr_time_now() + LONG);
    assert_int_equal(queue_hint_sender_init(&fixture->sender, fixture->dir),
                     APR_SUCCESS);
    return fixture;
}

static void fixture_close(fixture_t *fixture)
{
    queue_hint_sender_close(&fixture->sender);
    if (fixture->listener) {
        queue_hint_listener_close(fixture->listener);
        queue_hint_listener_close(fixture->listener);
    }
    queue_timer_clear(&fixture->limit);
    unlink(apr_pstrcat(fixture->p, fixture->dir, "/" QUEUE_HINT_NAME, NULL));
    assert_int_equal(rmdir(fixture->dir), 0);
    clock_step = 0;
}

/* Runs the loop until so many hints have come and the user was told so often
 * that some were lost. */
static void run_until(fixture_t *fixture, int hints, int lost)
{
    fixture->stop_hints = hints;
    fixture->stop_lost = lost;
    assert_int_equal(queue_loop_run(fixture->loop), APR_SUCCESS);
}

static smtp_queue_hint_t hint_make(unsigned int number)
{
    smtp_queue_hint_t hint = { "123-456", 1, 2, number };

    return hint;
}

static void send_number(fixture_t *fixture, unsigned int number)
{
    smtp_queue_hint_t hint = hint_make(number);

    queue_hint_send(&fixture->sender, &hint);
}

static int stranger_connect(const fixture_t *fixture)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path),
             "%s/" QUEUE_HINT_NAME, fixture->dir);
    assert_int_equal(connect(fd, (struct sockaddr *)&address,
                             sizeof(address)), 0);
    return fd;
}

/* ---- Tests ---- */

static void a_hint_comes_as_it_was_sent(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    smtp_queue_hint_t hint;

    begin_to_listen(fixture);
    memset(&hint, 0, sizeof(hint));
    strcpy(hint.dir, "4711-0123456789abcdef_of-47-characters.and-more");
    hint.segment = UINT64_MAX;
    hint.generation = 5;
    hint.place = (apr_uint64_t)1 << 40;
    queue_hint_send(&fixture->sender, &hint);
    run_until(fixture, 1, 0);
    assert_memory_equal(&fixture->last, &hint, sizeof(hint));
    assert_int_equal(fixture->lost, 0);
    fixture_close(fixture);
}

static void no_other_user_can_open_the_socket(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    struct stat st;

    begin_to_listen(fixture);
    assert_int_equal(stat(apr_pstrcat(fixture->p, fixture->dir,
                                      "/" QUEUE_HINT_NAME, NULL), &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    fixture_close(fixture);
}

static void *send_many(void *data)
{
    fixture_t *fixture = data;
    int i;

    for (i = 0; i < HINTS; i++) {
        send_number(fixture, (unsigned int)i);
    }
    return NULL;
}

static void send_from_all_threads(void *baton)
{
    pthread_t threads[THREADS];
    int i;

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, baton),
                         0);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void on_sent(void *baton)
{
    fixture_t *fixture = baton;

    clock_step += apr_time_from_sec(1);
    send_number(fixture, HINTS);
}

/* One connection: whole frames, in order; what does not come is told of. */
static void many_threads_do_not_mix_their_hints(void **state)
{
    fixture_t *fixture = fixture_open(*state);

    begin_to_listen(fixture);
    queue_loop_task(fixture->loop, send_from_all_threads, on_sent, fixture);
    while (fixture->last.place != HINTS) {
        run_until(fixture, fixture->hints + 1, 0);
    }
    if (fixture->hints < THREADS * HINTS + 1) {
        run_until(fixture, 0, 1);
    }
    assert_int_equal(fixture->lines, 0);
    fixture_close(fixture);
}

static void frame_make(char *frame, const char *magic, const char *dir,
                       size_t dir_len)
{
    memset(frame, 0, FRAME);
    memcpy(frame, magic, strlen(magic));
    memcpy(frame + 8, dir, dir_len);
}

static void a_hint_may_come_in_pieces(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    char frames[2 * FRAME];
    int split;

    frame_make(frames, MAGIC, "1-2", 3);
    frame_make(frames + FRAME, MAGIC, "3-4", 3);
    begin_to_listen(fixture);
    for (split = 1; split < 2 * FRAME; split++) {
        int fd = stranger_connect(fixture);

        assert_int_equal(write(fd, frames, (size_t)split), split);
        /* Its mark comes behind what was written before. */
        send_number(fixture, 0);
        run_until(fixture, fixture->hints + 1 + split / FRAME, 0);
        assert_int_equal(write(fd, frames + split,
                               (size_t)(2 * FRAME - split)),
                         2 * FRAME - split);
        run_until(fixture, fixture->hints + 2 - split / FRAME, 0);
        assert_string_equal(fixture->last.dir, "3-4");
        close(fd);
    }
    assert_int_equal(fixture->hints, 3 * (2 * FRAME - 1));
    assert_int_equal(fixture->lines, 0);
    fixture_close(fixture);
}

static void who_sends_junk_is_cut_off(void **state)
{
    static const struct {
        const char *magic, *dir;
        size_t dir_len;
    } junk[] = {
        { "GET / HT", "1-2", 3 },
        { "SMQHINT2", "1-2", 3 },
        { "", "", 0 },
        { MAGIC, "../lock", 7 },
        { MAGIC, ".", 1 },
        { MAGIC, "1/2", 3 },
        { MAGIC, "1\n2", 3 },
        { MAGIC, "1\xff", 2 },
        { MAGIC, "123456789012345678901234567890123456789012345678", 48 }
    };
    fixture_t *fixture = fixture_open(*state);
    size_t i;

    begin_to_listen(fixture);
    send_number(fixture, 0);
    for (i = 0; i < UNIT_ROWS(junk); i++) {
        int fd = stranger_connect(fixture);
        char frame[FRAME], octet;

        frame_make(frame, junk[i].magic, junk[i].dir, junk[i].dir_len);
        assert_int_equal(write(fd, frame, FRAME), FRAME);
        run_until(fixture, 0, fixture->lost + 1);
        UNIT_CHECK(junk[i].dir, fixture->lines == (int)i + 1);
        UNIT_CHECK(junk[i].dir, read(fd, &octet, 1) == 0);
        close(fd);
    }
    send_number(fixture, 1);
    run_until(fixture, 2, 0);
    assert_int_equal(fixture->hints, 2);
    fixture_close(fixture);
}

static void the_end_of_a_child_is_a_reason_to_look(void **state)
{
    fixture_t *fixture = fixture_open(*state);

    begin_to_listen(fixture);
    send_number(fixture, 0);
    queue_hint_sender_close(&fixture->sender);
    run_until(fixture, 1, 1);
    fixture_close(fixture);
}

static void many_ends_are_one_reason(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    int fds[50], i;

    begin_to_listen(fixture);
    for (i = 0; i < 50; i++) {
        fds[i] = stranger_connect(fixture);
    }
    for (i = 0; i < 50; i++) {
        close(fds[i]);
    }
    run_until(fixture, 0, 1);
    send_number(fixture, 0);
    run_until(fixture, 1, 0);
    assert_int_equal(fixture->lost, 1);
    fixture_close(fixture);
}

/* The queue process hangs, and then does not: who sends is not kept
 * waiting, and each hint came or is known to be lost. */
static void who_does_not_listen_keeps_nobody_waiting(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    unsigned int sent = 0;

    begin_to_listen(fixture);
    do {
        send_number(fixture, sent++);
        assert_true(sent < 100000);
    } while (fixture->sender.fd >= 0);
    assert_true(sent > 50);
    run_until(fixture, (int)sent - 1, 1);
    assert_int_equal(fixture->last.place, sent - 2);
    send_number(fixture, 7);
    clock_step += QUEUE_HINT_CONNECT;
    send_number(fixture, 8);
    run_until(fixture, (int)sent, 2);
    assert_int_equal(fixture->last.place, 8);
    fixture_close(fixture);
}

static void without_a_queue_process_there_is_one_attempt_in_a_while(
    void **state)
{
    fixture_t *fixture = fixture_open(*state);
    apr_time_t attempted;

    clock_step = -apr_time_now() + apr_time_from_sec(1000000);
    send_number(fixture, 1);
    attempted = fixture->sender.attempted;
    assert_int_not_equal(attempted, 0);
    clock_step -= apr_time_from_sec(3600);
    send_number(fixture, 2);
    assert_int_not_equal(fixture->sender.attempted, attempted);
    attempted = fixture->sender.attempted;
    begin_to_listen(fixture);
    send_number(fixture, 3);
    if (fixture->sender.attempted != attempted) {
        skip();                  /* a very busy machine */
    }
    clock_step += QUEUE_HINT_CONNECT;
    send_number(fixture, 4);
    run_until(fixture, 1, 1);
    assert_int_equal(fixture->last.place, 4);
    fixture_close(fixture);
}

static void the_next_queue_process_gets_what_comes_next(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    queue_hint_listener_t *first;

    begin_to_listen(fixture);
    first = fixture->listener;
    send_number(fixture, 1);
    run_until(fixture, 1, 0);
    clock_step += QUEUE_HINT_CONNECT;
    begin_to_listen(fixture);
    queue_hint_listener_close(first);
    send_number(fixture, 2);
    run_until(fixture, 2, 0);
    assert_int_equal(fixture->last.place, 2);
    fixture_close(fixture);
}

static void on_hint_close(void *baton, const smtp_queue_hint_t *hint)
{
    fixture_t *fixture = baton;

    (void)hint;
    fixture->hints++;
    queue_hint_listener_close(fixture->listener);
    queue_loop_stop(fixture->loop);
}

static void it_may_be_closed_by_what_it_calls(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    queue_hint_user_t user = { on_hint_close, on_lost, fixture };
    store_log_t log = { on_line, fixture };
    int i;

    queue_hint_listen(fixture->p, fixture->loop, fixture->dir, &user, &log,
                      &fixture->listener);
    for (i = 0; i < 10; i++) {
        send_number(fixture, 1);
    }
    assert_int_equal(queue_loop_run(fixture->loop), APR_SUCCESS);
    assert_int_equal(fixture->hints, 1);
    fixture_close(fixture);
}

static void a_directory_without_room_for_a_socket_is_refused(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    queue_hint_user_t user = { on_hint, on_lost, fixture };
    queue_hint_sender_t sender;
    queue_hint_listener_t *listener;
    char path[128];

    memset(path, 'x', sizeof(path));
    path[103] = '\0';
    assert_int_equal(queue_hint_sender_init(&sender, path),
                     APR_ENAMETOOLONG);
    send_number(fixture, 1);
    assert_int_equal(queue_hint_listen(fixture->p, fixture->loop, path, &user,
                                       NULL, &listener), APR_ENAMETOOLONG);
    assert_null(listener);
    path[102] = '\0';
    assert_int_equal(queue_hint_sender_init(&sender, path), APR_SUCCESS);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_hint_comes_as_it_was_sent),
        UNIT_TEST(no_other_user_can_open_the_socket),
        UNIT_TEST(many_threads_do_not_mix_their_hints),
        UNIT_TEST(a_hint_may_come_in_pieces),
        UNIT_TEST(who_sends_junk_is_cut_off),
        UNIT_TEST(the_end_of_a_child_is_a_reason_to_look),
        UNIT_TEST(many_ends_are_one_reason),
        UNIT_TEST(who_does_not_listen_keeps_nobody_waiting),
        UNIT_TEST(without_a_queue_process_there_is_one_attempt_in_a_while),
        UNIT_TEST(the_next_queue_process_gets_what_comes_next),
        UNIT_TEST(it_may_be_closed_by_what_it_calls),
        UNIT_TEST(a_directory_without_room_for_a_socket_is_refused)
    };
    return UNIT_RUN(tests);
}
