/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_unit.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include "spool_dir.h"

/* How often the directory with this number was synced. */
static ino_t synced;
static int synced_count;

int fsync(int fd)
{
    struct stat st;

    synced_count += fstat(fd, &st) == 0 && st.st_ino == synced;
    return (int)syscall(SYS_fsync, fd);
}

static const char *path_of(spool_unit_t *u, const char *name)
{
    return apr_pstrcat(u->p, u->path, "/", name, NULL);
}

static apr_status_t open_dir(spool_unit_t *u, const char *name,
                             spool_dir_t **dir, const char **complaint)
{
    return spool_dir_open(u->p, path_of(u, name), geteuid(), getegid(), dir,
                          complaint);
}

static void the_spool_is_ours_alone(void **state)
{
    static const char *const names[] = { "", "/journal", "/mail",
                                         "/damaged" };
    spool_unit_t *u = spool_unit_create(*state);
    const char *complaint;
    spool_dir_t *dir;
    struct stat st;
    int i, round;

    for (round = 0; round < 2; round++) {
        assert_int_equal(open_dir(u, "spool", &dir, &complaint), 0);
        for (i = 0; i < 4; i++) {
            assert_int_equal(stat(path_of(u, apr_pstrcat(u->p, "spool",
                                                         names[i], NULL)),
                                  &st), 0);
            assert_int_equal(st.st_mode & 07777, 0700);
            assert_int_equal(st.st_uid, geteuid());
        }
    }
}

static void a_spool_that_cannot_be_is_named(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *complaint;
    spool_dir_t *dir;
    int fd;

    assert_int_equal(open_dir(u, "no/where", &dir, &complaint), ENOENT);
    assert_non_null(strstr(complaint, "no/where cannot be made"));
    assert_null(dir);
    fd = open(path_of(u, "file"), O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(open_dir(u, "file", &dir, &complaint), ENOTDIR);
    assert_non_null(strstr(complaint, "file is not a directory"));
    assert_int_equal(mkdir(path_of(u, "linked"), 0700), 0);
    assert_int_equal(symlink(u->path, path_of(u, "linked/mail")), 0);
    assert_int_not_equal(open_dir(u, "linked", &dir, &complaint), 0);
    assert_non_null(strstr(complaint, "linked/mail is not a directory"));
}

static void a_spool_that_others_can_write_to_is_refused(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *complaint;
    spool_dir_t *dir;

    assert_int_equal(mkdir(path_of(u, "open"), 0700), 0);
    assert_int_equal(chmod(path_of(u, "open"), 0770), 0);
    assert_int_equal(open_dir(u, "open", &dir, &complaint), EACCES);
    assert_non_null(strstr(complaint, "chmod go-w"));
    assert_int_equal(chmod(path_of(u, "open"), 0750), 0);
    assert_int_equal(open_dir(u, "open", &dir, &complaint), 0);
}

static void a_spool_that_all_can_read_is_refused(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *complaint;
    spool_dir_t *dir;
    int mode;

    assert_int_equal(mkdir(path_of(u, "open"), 0700), 0);
    assert_int_equal(mkdir(path_of(u, "open/mail"), 0700), 0);
    for (mode = 0701; mode <= 0705; mode++) {
        if (mode & 2) {
            continue;            /* the test above */
        }
        assert_int_equal(chmod(path_of(u, "open"), (mode_t)mode), 0);
        assert_int_equal(open_dir(u, "open", &dir, &complaint), EACCES);
        assert_non_null(strstr(complaint, "/open holds mail"));
        assert_non_null(strstr(complaint, "chmod o-rwx"));
    }
}

/* "SMTPSpool /etc": who owns the directory can put files of his own in place
 * of root's. */
static void roots_files_stay_in_roots_hands(void **state)
{
    static const char *const names[] = { "etc", "spool/mail" };
    spool_unit_t *u = spool_unit_create(*state);
    const char *complaint;
    spool_dir_t *dir;
    struct stat st;
    size_t i;

    if (geteuid() != 0) {
        return;                  /* nobody else can give it away */
    }
    assert_int_equal(mkdir(path_of(u, "spool"), 0700), 0);
    assert_int_equal(chown(path_of(u, "spool"), 54321, 54321), 0);
    for (i = 0; i < UNIT_ROWS(names); i++) {
        const char *path = path_of(u, names[i]);
        const char *spool = path_of(u, i ? "spool" : names[i]);

        assert_int_equal(mkdir(path, 0700), 0);
        close(open(apr_pstrcat(u->p, path, "/passwd", NULL),
                   O_CREAT | O_WRONLY, 0600));
        assert_int_equal(spool_dir_open(u->p, spool, 54321, 54321, &dir,
                                        &complaint), EACCES);
        assert_non_null(strstr(complaint, path));
        assert_non_null(strstr(complaint, "belongs to root and is not empty"));
        assert_non_null(strstr(complaint, "chown it to httpd's user 54321"));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_uid, 0);
    }
}

/* As "mkdir" makes it. */
static void an_empty_directory_of_roots_becomes_the_spool(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    uid_t user = geteuid() == 0 ? 54321 : geteuid();
    const char *complaint;
    spool_dir_t *dir;
    struct stat st;

    assert_int_equal(mkdir(path_of(u, "spool"), 0700), 0);
    assert_int_equal(chmod(path_of(u, "spool"),
                           geteuid() == 0 ? 0755 : 0700), 0);
    assert_int_equal(spool_dir_open(u->p, path_of(u, "spool"), user,
                                    getegid(), &dir, &complaint), 0);
    assert_int_equal(stat(path_of(u, "spool"), &st), 0);
    assert_int_equal(st.st_uid, user);
    assert_int_equal(st.st_mode & 07777, 0700);
}

/* Power is lost right after the first start: without its name in the
 * directory above, the whole spool is gone. */
static void the_spools_name_is_durable(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *complaint;
    spool_dir_t *dir;
    struct stat st;

    assert_int_equal(stat(u->path, &st), 0);
    synced = st.st_ino;
    synced_count = 0;
    assert_int_equal(open_dir(u, "spool", &dir, &complaint), 0);
    assert_int_equal(synced_count, 1);
}

static void somebody_elses_directory_stays_his(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *complaint;
    spool_dir_t *dir;
    struct stat st;

    assert_int_equal(mkdir(path_of(u, "his"), 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path_of(u, "his"), 12345, 12345), 0);
        assert_int_equal(spool_dir_open(u->p, path_of(u, "his"), 54321, 54321,
                                        &dir, &complaint), EACCES);
        assert_int_equal(stat(path_of(u, "his"), &st), 0);
        assert_int_equal(st.st_uid, 12345);
    }
    else {
        assert_int_equal(spool_dir_open(u->p, path_of(u, "his"),
                                        geteuid() + 1, getegid(), &dir,
                                        &complaint), EACCES);
    }
    assert_non_null(strstr(complaint, "chown it"));
}

static void root_gives_it_to_the_childrens_user(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    uid_t user = geteuid() == 0 ? 54321 : geteuid();
    const char *complaint;
    spool_dir_t *dir;
    struct stat st;

    assert_int_equal(spool_dir_open(u->p, path_of(u, "spool"), user,
                                    getegid(), &dir, &complaint), 0);
    assert_int_equal(stat(path_of(u, "spool"), &st), 0);
    assert_int_equal(st.st_uid, user);
    assert_int_equal(stat(path_of(u, "spool/journal"), &st), 0);
    assert_int_equal(st.st_uid, user);
}

/* Returns the exit status of a process that tries to lock the spool. */
static int lock_elsewhere(spool_unit_t *u, const spool_dir_t *dir)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        const char *complaint, *wanted;
        int fd;
        apr_status_t rv = spool_dir_lock(u->p, dir, &fd, &complaint);

        wanted = apr_psprintf(u->p, "in use by another httpd, process %ld:",
                              (long)getppid());
        _exit(rv == APR_SUCCESS ? 0 : strstr(complaint, wanted) ? 1 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void two_httpds_do_not_share_a_spool(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *complaint;
    spool_dir_t *dir;
    int fd, second;

    assert_int_equal(open_dir(u, "spool", &dir, &complaint), 0);
    assert_false(spool_dir_is_locked_by(dir, -1));
    assert_int_equal(spool_dir_lock(u->p, dir, &fd, &complaint), 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(lock_elsewhere(u, dir), 1);
    assert_true(spool_dir_is_locked_by(dir, fd));
    assert_false(spool_dir_is_locked_by(dir, u->mail_fd));
    assert_int_equal(spool_dir_lock(u->p, dir, &second, &complaint),
                     EWOULDBLOCK);
    assert_int_equal(second, -1);
    close(fd);
    assert_int_equal(lock_elsewhere(u, dir), 0);
}

/* The children's user must not lead root to write to a file of root's. */
static void a_lock_that_is_a_link_is_refused(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *complaint, *victim = path_of(u, "victim");
    spool_dir_t *dir;
    int fd;

    assert_int_equal(open_dir(u, "spool", &dir, &complaint), 0);
    fd = open(victim, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "precious", 8), 8);
    close(fd);
    assert_int_equal(link(victim, path_of(u, "spool/lock")), 0);
    assert_int_equal(spool_dir_lock(u->p, dir, &fd, &complaint), EPERM);
    assert_non_null(strstr(complaint, "remove it"));
    assert_int_equal(unlink(path_of(u, "spool/lock")), 0);
    assert_int_equal(symlink(victim, path_of(u, "spool/lock")), 0);
    assert_int_equal(spool_dir_lock(u->p, dir, &fd, &complaint), ELOOP);
    assert_string_equal(spool_unit_read(u, "victim", NULL), "precious");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(the_spool_is_ours_alone),
        UNIT_TEST(a_spool_that_cannot_be_is_named),
        UNIT_TEST(a_spool_that_others_can_write_to_is_refused),
        UNIT_TEST(a_spool_that_all_can_read_is_refused),
        UNIT_TEST(roots_files_stay_in_roots_hands),
        UNIT_TEST(an_empty_directory_of_roots_becomes_the_spool),
        UNIT_TEST(the_spools_name_is_durable),
        UNIT_TEST(somebody_elses_directory_stays_his),
        UNIT_TEST(root_gives_it_to_the_childrens_user),
        UNIT_TEST(two_httpds_do_not_share_a_spool),
        UNIT_TEST(a_lock_that_is_a_link_is_refused)
    };
    return UNIT_RUN(tests);
}
