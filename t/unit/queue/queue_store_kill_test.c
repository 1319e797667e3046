/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The queue process dies: killed before any of its system calls, or amid a
 * write, alone or with the power. Whoever comes after it finds each message
 * that was not over, once, with all that was noted.
 */
#define QUEUE_SPOOL_OCTETS (64 * 1024)
#include "queue_spool.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "queue_step.h"

#define TEXT "Subject: x\r\n\r\nHi\r\n"

enum { ONE, TWO, LARGE, FOUR, FIVE, MESSAGES };

typedef struct row_t {
    const char *id;
    int recipients;
} row_t;

static const row_t rows[MESSAGES] = {
    { "one", 1 }, { "two", 2 }, { "large", 1 }, { "four", 1 }, { "five", 1 }
};

/* What has been done, in memory that outlives who does it. */
typedef struct progress_t {
    int ended[MESSAGES];         /* 1: begun; 2: done */
    int is_sent[MESSAGES];       /* recipient 0: that was noted */
    int attempts[MESSAGES];      /* of the last recipient, as noted */
} progress_t;

static progress_t *progress;
static const char *large_text;

/* ---- The life of some messages ---- */

static void spool_close(queue_spool_t *u)
{
    apr_pool_destroy(u->store_pool);
    u->store_pool = NULL;
    u->store = NULL;
}

static queue_spool_t *begin(apr_pool_t *p)
{
    queue_spool_t *u = queue_spool_create(p);
    int i;

    spool_close(u);
    large_text = queue_spool_text(p, 9000);
    for (i = 0; i < MESSAGES; i++) {
        if (i == LARGE) {
            queue_spool_commit_large(u, rows[i].id, 1, large_text, 3);
        }
        else {
            queue_spool_commit(u, rows[i].id, rows[i].recipients, TEXT);
        }
    }
    memset(progress, 0, sizeof(*progress));
    return u;
}

static queue_spool_found_t *find(queue_spool_t *u, int i)
{
    return queue_spool_count(u, rows[i].id)
        ? queue_spool_by_id(u, rows[i].id) : NULL;
}

static void defer(queue_spool_t *u, int i)
{
    queue_spool_found_t *found = find(u, i);
    int attempts = progress->attempts[i] + 1;

    if (found && queue_spool_note(u, found, STORE_QUEUED_DEFERRED,
                                  (apr_uint32_t)rows[i].recipients - 1,
                                  (apr_uint32_t)attempts) == APR_SUCCESS) {
        progress->attempts[i] = attempts;
    }
}

static void send_first(queue_spool_t *u, int i)
{
    queue_spool_found_t *found = find(u, i);

    if (found && queue_spool_note(u, found, STORE_QUEUED_SENT, 0, 1)
                 == APR_SUCCESS) {
        progress->is_sent[i] = 1;
    }
}

static void end(queue_spool_t *u, int i)
{
    queue_spool_found_t *found = find(u, i);

    if (found) {
        progress->ended[i] = 1;
        queue_store_end(u->store, &found->message);
        progress->ended[i] = 2;
    }
}

/* Leaves at once; is sent to one and deferred for another; moves for its age;
 * is over before it is durable; stays in the journal. */
static void live(queue_spool_t *u)
{
    queue_spool_restart(u);
    end(u, ONE);
    send_first(u, TWO);
    defer(u, TWO);
    if (find(u, LARGE)) {
        queue_store_move(u->store, &find(u, LARGE)->message, u->scratch);
    }
    defer(u, LARGE);
    queue_spool_sync(u);
    defer(u, LARGE);
    defer(u, FOUR);
    end(u, FOUR);
    end(u, TWO);
    queue_spool_sync(u);
}

/* Runs in a process of its own that dies before step `kill_at`.
 * @return whether it died */
static int run(queue_spool_t *u, void (*fn)(queue_spool_t *), int kill_at,
               int is_torn)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        queue_step.count = 0;
        queue_step.kill_at = kill_at;
        queue_step.is_torn = is_torn;
        fn(u);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        return 1;
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}

/* ---- What must be so after it ---- */

static void check_notes(queue_spool_t *u, int i, int is_all)
{
    queue_spool_found_t *found = queue_spool_by_id(u, rows[i].id);
    const store_queued_state_t *first = found->states;
    const store_queued_state_t *last =
        first ? &first[rows[i].recipients - 1] : NULL;

    queue_spool_mail_is(u, found, i == LARGE ? large_text : TEXT);
    if (!is_all) {
        return;
    }
    assert_true(!progress->is_sent[i]
                || (first && first->what == STORE_QUEUED_SENT));
    assert_true(!progress->attempts[i]
                || (last && last->attempts
                            >= (apr_uint32_t)progress->attempts[i]));
}

/* @param is_power_lost  what was over, and what was noted, may be forgotten */
static void check(queue_spool_t *u, int is_power_lost)
{
    int i;

    queue_spool_restart(u);
    for (i = 0; i < MESSAGES; i++) {
        int count = queue_spool_count(u, rows[i].id);

        if (progress->ended[i] == 2 && !is_power_lost) {
            assert_int_equal(count, 0);
        }
        else if (progress->ended[i]) {
            assert_in_range(count, 0, 1);
        }
        else {
            assert_int_equal(count, 1);
        }
        if (count) {
            check_notes(u, i, !is_power_lost);
        }
    }
    /* A file that nobody had removed yet whose record was over. */
    if (!is_power_lost || progress->ended[FOUR] != 1) {
        assert_int_equal(queue_spool_names(u, "damaged"), 0);
        assert_string_equal(u->logged, "");
    }
    spool_close(u);
}

static void progress_begin(void)
{
    progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
}

static void killed_before_any_call(void **state)
{
    int kill_at, is_torn, died = 1;

    progress_begin();
    for (is_torn = 0; is_torn < 2; is_torn++) {
        for (kill_at = 1, died = 1; died; kill_at++) {
            apr_pool_t *p;
            queue_spool_t *u;

            apr_pool_create(&p, *state);
            u = begin(p);
            died = run(u, live, kill_at, is_torn);
            check(u, 0);
            apr_pool_destroy(p);
        }
        assert_true(kill_at > 20);
    }
}

/* Who takes over is killed, too, wherever. */
static void killed_twice(void **state)
{
    int first, second, died = 1, died_again;

    progress_begin();
    for (first = 1; died; first++) {
        for (second = 1, died_again = 1; died_again; second++) {
            apr_pool_t *p;
            queue_spool_t *u;

            apr_pool_create(&p, *state);
            u = begin(p);
            died = run(u, live, first, 0);
            died_again = run(u, live, second, 0);
            check(u, 0);
            apr_pool_destroy(p);
        }
    }
}

/* ---- Power ---- */

static queue_spool_t *spool;     /* whose directory is synced */

static void copy_file(const char *from, const char *to)
{
    static char octets[1 << 20];
    int in = open(from, O_RDONLY), out;
    ssize_t len;

    assert_true(in >= 0);
    len = read(in, octets, sizeof(octets));
    close(in);
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(out >= 0 && len >= 0);
    assert_int_equal(write(out, octets, (size_t)len), len);
    close(out);
}

static const char *path_of(const char *dir, const char *id)
{
    char name[3];

    store_queued_dir_write(name, store_queued_dir(id));
    return apr_pstrcat(spool->p, spool->path, "/", dir, "/", name, "/", id,
                       NULL);
}

static const char *marks_of(const char *dir)
{
    return apr_pstrcat(spool->p, spool->path, "/", dir,
                       strcmp(dir, "durable") ? "/" QUEUE_SPOOL_DIR : "",
                       "/1.marks", NULL);
}

/* The state of the disk: what is durable from now on. */
static void snapshot(void)
{
    int i;

    for (i = 0; i < MESSAGES; i++) {
        const char *from = path_of("queue", rows[i].id);
        const char *to = path_of("durable", rows[i].id);

        unlink(to);
        if (access(from, F_OK) == 0) {
            char *dir = apr_pstrdup(spool->p, to);

            *strrchr(dir, '/') = '\0';
            mkdir(dir, 0700);
            copy_file(from, to);
        }
    }
    copy_file(marks_of("journal"), marks_of("durable"));
}

static void snapshot_begin(queue_spool_t *u)
{
    spool = u;
    assert_int_equal(mkdir(queue_spool_path(u, "durable"), 0700), 0);
    snapshot();
}

/* The segment was begun before the system ran that runs now. */
static void other_boot(queue_spool_t *u)
{
    unsigned char header[64];
    int fd = open(queue_spool_path(u, "journal/" QUEUE_SPOOL_DIR "/1.seg"),
                  O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, header, 64, 0), 64);
    header[24] ^= 0xff;
    store_octets_put(header + 60, store_record_crc(0, header, 60), 4);
    assert_int_equal(pwrite(fd, header, 64, 0), 64);
    close(fd);
}

/* What the disk may have of a file that nobody synced: nothing; its name; its
 * length; half of it; all of it. */
enum { NOTHING, EMPTY, ZEROS, HALF, ALL, STATES };

static void lose_octets(const char *path, int how)
{
    static const char zeros[1 << 16];
    struct stat st;
    int fd;

    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size < (off_t)sizeof(zeros));
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    if (how == EMPTY) {
        assert_int_equal(syscall(SYS_ftruncate, fd, 0), 0);
    }
    else if (how == ZEROS || how == HALF) {
        off_t at = how == HALF ? st.st_size / 2 : 0;

        assert_int_equal(pwrite(fd, zeros, (size_t)(st.st_size - at), at),
                         st.st_size - at);
    }
    close(fd);
}

static void lose_file(const char *id, int how)
{
    const char *now = path_of("queue", id);
    const char *durable = path_of("durable", id);
    int is_now = access(now, F_OK) == 0;
    int is_durable = access(durable, F_OK) == 0;

    if (how == ALL) {
        return;
    }
    if (is_durable) {            /* and what was appended is not */
        copy_file(durable, now);
    }
    else if (is_now && how == NOTHING) {
        unlink(now);
    }
    else if (is_now) {
        lose_octets(now, how);
    }
}

static void lose_power(queue_spool_t *u, int how, int has_marks)
{
    int i;

    for (i = 0; i < MESSAGES; i++) {
        lose_file(rows[i].id, how);
    }
    if (!has_marks) {
        copy_file(marks_of("durable"), marks_of("journal"));
    }
    other_boot(u);
}

static void power_is_lost_at_any_call(void **state)
{
    int kill_at, how, has_marks, died = 1;

    progress_begin();
    for (kill_at = 1; died; kill_at++) {
        for (how = 0; how < STATES; how++) {
            for (has_marks = 0; has_marks < 2; has_marks++) {
                apr_pool_t *p;
                queue_spool_t *u;

                apr_pool_create(&p, *state);
                u = begin(p);
                snapshot_begin(u);
                queue_step.synced = snapshot;
                died = run(u, live, kill_at, 0);
                queue_step.synced = NULL;
                lose_power(u, how, has_marks);
                check(u, 1);
                apr_pool_destroy(p);
            }
        }
    }
    assert_true(kill_at > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_STEP_TEST(killed_before_any_call),
        QUEUE_STEP_TEST(killed_twice),
        QUEUE_STEP_TEST(power_is_lost_at_any_call)
    };
    return UNIT_RUN(tests);
}
