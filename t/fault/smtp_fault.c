/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * For LD_PRELOAD: lets system calls on files below a directory fail, and notes
 * in which order they and the replies of the server come.
 *
 *     SMTP_FAULT_BELOW    the directory: an absolute path
 *     SMTP_FAULT_CONTROL  a file of five numbers (int32_t): the call to fail
 *                         (enum below), which of them from now on (1 is the
 *                         next; 0: none), errno or one of the words below,
 *                         whether all that follow fail too, how many did.
 *                         All processes count in it at once.
 *     SMTP_FAULT_LOG      a file to which a line is appended per call: its
 *                         name, its path, its errno
 *     SMTP_FAULT_FREE     octets that fstatvfs() says are free
 *
 * t/lib/SMTPTest/Fault.pm is the other end.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* Instead of an errno: a write of half of it; the process dies here. */
#define FAULT_SHORT 1000
#define FAULT_KILL  1001

enum {
    CALL_OPEN = 1, CALL_MKDIR, CALL_LINK, CALL_RENAME, CALL_UNLINK,
    CALL_PWRITE, CALL_PWRITEV, CALL_FTRUNCATE, CALL_FDATASYNC, CALL_FSYNC,
    CALL_SYNCFS, CALL_REPLY
};

static const char *const call_names[] = {
    "", "open", "mkdir", "link", "rename", "unlink", "pwrite", "pwritev",
    "ftruncate", "fdatasync", "fsync", "syncfs", "reply"
};

typedef struct control_t {
    int32_t call;
    int32_t countdown;
    int32_t error;
    int32_t is_lasting;
    int32_t hits;
} control_t;

static control_t *control;
static const char *below;
static int log_fd = -1;

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function) {
        abort();
    }
    return function;
}

/* Before main(): while we may still read and write as who started us. */
__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SMTP_FAULT_CONTROL");
    const char *log = getenv("SMTP_FAULT_LOG");

    below = getenv("SMTP_FAULT_BELOW");
    if (path) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
        void *memory = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
                            MAP_SHARED, fd, 0);

        control = memory == MAP_FAILED ? NULL : memory;
        syscall(SYS_close, fd);
    }
    if (log) {
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, log,
                              O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                              0666);
    }
}

static void note(int call, const char *path, int error)
{
    char line[PATH_MAX + 64];
    int saved = errno;
    int len = snprintf(line, sizeof(line), "%s %s %d\n", call_names[call],
                       path, error);

    if (log_fd >= 0 && len < (int)sizeof(line)) {
        /* O_APPEND: the order of the lines is that of the writes. */
        if (syscall(SYS_write, log_fd, line, (size_t)len) != len) {
            abort();
        }
    }
    errno = saved;
}

/* Whether it is the turn of this call. */
static int is_its_turn(int call)
{
    if (!control || __atomic_load_n(&control->call, __ATOMIC_SEQ_CST) != call
        || __atomic_load_n(&control->countdown, __ATOMIC_SEQ_CST) <= 0) {
        return 0;
    }
    if (control->is_lasting
        && __atomic_load_n(&control->countdown, __ATOMIC_SEQ_CST) == 1) {
        return 1;
    }
    return __atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST) == 0;
}

/* Whether this call is the one to fail: errno or word; 0: it is not. */
static int fault(int call)
{
    if (!is_its_turn(call)) {
        return 0;
    }
    __atomic_add_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
    return control->error;
}

static void path_of_fd(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, PATH_MAX - 1);
    path[len > 0 ? len : 0] = '\0';
}

static void path_at(int dir, const char *name, char path[PATH_MAX])
{
    size_t len;

    path[0] = '\0';
    if (*name != '/' && dir != AT_FDCWD) {
        path_of_fd(dir, path);
    }
    len = strlen(path);
    snprintf(path + len, PATH_MAX - len, "%s%s", len ? "/" : "", name);
}

static int is_watched(const char *path)
{
    return below && strncmp(path, below, strlen(below)) == 0;
}

/* Before a call: whether it fails, and with what. */
static int judge(int call, const char *path)
{
    int error;

    if (!is_watched(path)) {
        return 0;
    }
    error = fault(call);
    if (error == FAULT_KILL) {
        note(call, path, error);
        syscall(SYS_kill, getpid(), 9);
    }
    if (error && error < FAULT_SHORT) {
        note(call, path, error);
    }
    return error;
}

/* After it. */
static void told(int call, const char *path, long result)
{
    if (is_watched(path)) {
        note(call, path, result < 0 ? errno : 0);
    }
}

/* For calls that can only succeed or fail. */
#define GUARD(call, path, expression)                           \
    do {                                                        \
        int guard_error = judge(call, path);                    \
        int guard_result;                                       \
                                                                \
        if (guard_error && guard_error < FAULT_SHORT) {         \
            errno = guard_error;                                \
            return -1;                                          \
        }                                                       \
        guard_result = (int)(expression);                       \
        told(call, path, guard_result);                         \
        return guard_result;                                    \
    } while (0)

EXPORT int openat(int dir, const char *name, int flags, ...)
{
    char path[PATH_MAX];
    mode_t mode = 0;

    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list args;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    path_at(dir, name, path);
    GUARD(CALL_OPEN, path, syscall(SYS_openat, dir, name, flags, mode));
}

EXPORT int openat64(int dir, const char *name, int flags, ...)
{
    mode_t mode = 0;

    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list args;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return openat(dir, name, flags, mode);
}

EXPORT int mkdirat(int dir, const char *name, mode_t mode)
{
    char path[PATH_MAX];

    path_at(dir, name, path);
    GUARD(CALL_MKDIR, path, syscall(SYS_mkdirat, dir, name, mode));
}

EXPORT int linkat(int from, const char *old, int to, const char *name,
                  int flags)
{
    char path[PATH_MAX];

    path_at(to, name, path);
    GUARD(CALL_LINK, path, syscall(SYS_linkat, from, old, to, name, flags));
}

EXPORT int renameat(int from, const char *old, int to, const char *name)
{
    char path[PATH_MAX];

    path_at(to, name, path);
    GUARD(CALL_RENAME, path, syscall(SYS_renameat, from, old, to, name));
}

EXPORT int unlinkat(int dir, const char *name, int flags)
{
    char path[PATH_MAX];

    path_at(dir, name, path);
    GUARD(CALL_UNLINK, path, syscall(SYS_unlinkat, dir, name, flags));
}

EXPORT int ftruncate(int fd, off_t octets)
{
    char path[PATH_MAX];

    path_of_fd(fd, path);
    GUARD(CALL_FTRUNCATE, path, syscall(SYS_ftruncate, fd, octets));
}

EXPORT int ftruncate64(int fd, off_t octets)
{
    return ftruncate(fd, octets);
}

EXPORT int fdatasync(int fd)
{
    char path[PATH_MAX];

    path_of_fd(fd, path);
    GUARD(CALL_FDATASYNC, path, syscall(SYS_fdatasync, fd));
}

EXPORT int fsync(int fd)
{
    char path[PATH_MAX];

    path_of_fd(fd, path);
    GUARD(CALL_FSYNC, path, syscall(SYS_fsync, fd));
}

EXPORT int syncfs(int fd)
{
    char path[PATH_MAX];

    path_of_fd(fd, path);
    GUARD(CALL_SYNCFS, path, syscall(SYS_syncfs, fd));
}

EXPORT ssize_t pwrite(int fd, const void *octets, size_t len, off_t at)
{
    char path[PATH_MAX];
    ssize_t result;
    int error;

    path_of_fd(fd, path);
    error = judge(CALL_PWRITE, path);
    if (error && error < FAULT_SHORT) {
        errno = error;
        return -1;
    }
    if (error == FAULT_SHORT && len > 1) {
        len /= 2;
    }
    result = syscall(SYS_pwrite64, fd, octets, len, at);
    told(CALL_PWRITE, path, result);
    return result;
}

EXPORT ssize_t pwrite64(int fd, const void *octets, size_t len, off_t at)
{
    return pwrite(fd, octets, len, at);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *pieces, int count,
                       off_t at)
{
    char path[PATH_MAX];
    ssize_t result;
    int error;

    path_of_fd(fd, path);
    error = judge(CALL_PWRITEV, path);
    if (error && error < FAULT_SHORT) {
        errno = error;
        return -1;
    }
    if (error == FAULT_SHORT) {
        /* Amid the last piece but one, or amid the only one. */
        struct iovec half = pieces[count / 2];

        if (count > 1) {
            count /= 2;
        }
        else {
            half.iov_len = (half.iov_len + 1) / 2;
            pieces = &half;
        }
        result = syscall(SYS_pwritev, fd, pieces, (long)count, (long)at, 0L);
    }
    else {
        result = syscall(SYS_pwritev, fd, pieces, (long)count, (long)at, 0L);
    }
    told(CALL_PWRITEV, path, result);
    return result;
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *pieces, int count,
                         off_t at)
{
    return pwritev(fd, pieces, count, at);
}

/* The replies. Their lines are written before they are sent. */
static void note_reply(int fd, const char *octets, size_t len)
{
    char path[PATH_MAX];
    char code[4] = "";

    if (log_fd < 0 || len < 4 || (octets[3] != ' ' && octets[3] != '-')) {
        return;
    }
    path_of_fd(fd, path);
    if (strncmp(path, "socket:", 7) == 0) {
        memcpy(code, octets, 3);
        note(CALL_REPLY, code, 0);
    }
}

EXPORT ssize_t write(int fd, const void *octets, size_t len)
{
    note_reply(fd, octets, len);
    return syscall(SYS_write, fd, octets, len);
}

EXPORT ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    if (count > 0) {
        note_reply(fd, pieces[0].iov_base, pieces[0].iov_len);
    }
    return syscall(SYS_writev, fd, pieces, (long)count);
}

static void mend_space(int fd, struct statvfs *fs)
{
    const char *octets = getenv("SMTP_FAULT_FREE");
    char path[PATH_MAX];

    path_of_fd(fd, path);
    if (octets && is_watched(path)) {
        fs->f_bavail = strtoull(octets, NULL, 10) / fs->f_frsize;
    }
}

EXPORT int fstatvfs(int fd, struct statvfs *fs)
{
    static int (*function)(int, struct statvfs *);
    int result;

    if (!function) {
        *(void **)&function = next("fstatvfs");
    }
    result = function(fd, fs);
    mend_space(fd, fs);
    return result;
}
