/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * smtpq: shows the administrator the queue of outbound mail, and does what is
 * wanted with messages in it.
 */
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "smtpq_call.h"
#include "smtpq_json.h"
#include "smtpq_offline.h"
#include "smtpq_people.h"
#include "smtpq_progress.h"
#include "smtpq_remote.h"
#include "smtpq_text.h"

/** Exit statuses; what is worse has a higher one. */
enum {
    EXIT_DONE = 0,
    EXIT_NONE = 1,               /**< no message fits, or has the id */
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,        /**< no spool, no permission, no answer */
    EXIT_REFUSED = 4,            /**< something was not done with a message */
    EXIT_SYSTEM = 5              /**< the disk, standard output */
};

/** Where the spool is when nobody says so. */
#ifndef SMTP_SPOOL
#define SMTP_SPOOL "/var/spool/mod_smtp"
#endif

typedef struct session_t {
    apr_pool_t *p;
    smtpq_call_t call;
    const char *spool;
    smtpq_printer_t *printer;
    smtpq_progress_t *progress;
    int status;                  /**< so far */
    apr_int64_t count;           /**< messages that it was done with */
} session_t;

/* What is said. */

static void tell(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("smtpq: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static void usage_print(FILE *out)
{
    const apr_getopt_option_t *option;

    fputs("usage: smtpq list [--json] [messages]\n"
          "       smtpq show|cat id...\n"
          "       smtpq retry|hold|release|delete id...|messages\n"
          "       smtpq flush domain\n"
          "       smtpq counts|destinations [--json]\n\n", out);
    for (option = smtpq_call_options; option->optch != 0; option++) {
        fprintf(out, "  --%-*s%s\n", 13, option->name, option->description);
    }
    fputs("\nMessages are those that fit all of --domain --sender --recipient "
          "--older\n--younger --status, or --all.\n", out);
}

static int usage_refuse(const char *what)
{
    if (*what != '\0') {
        tell("%s", what);
    }
    fputs("Try smtpq --help\n", stderr);
    return EXIT_USAGE;
}

static const char *error_text(apr_pool_t *p, apr_status_t rv)
{
    char text[256];

    return apr_pstrdup(p, apr_strerror(rv, text, sizeof(text)));
}

/* The terminal. */

/** Columns of the terminal that @a fd is; 0: it is none. */
static int width_get(int fd)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;

    if (columns != NULL && atoi(columns) > 0) {
        return atoi(columns);
    }
    return isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static smtpq_printer_t *printer_create(session_t *session)
{
    store_control_verb_e verb = session->call.request.verb;
    smtpq_view_t view;

    if (session->call.is_json) {
        return smtpq_json_create(session->p, verb, stdout);
    }
    view.out = stdout;
    view.width = width_get(STDOUT_FILENO);
    view.utf8 = smtpq_text_is_utf8();
    view.now = apr_time_now();
    return smtpq_people_create(session->p, verb, &view);
}

/** A bar would get between the lines of a list on the same terminal. */
static smtpq_progress_t *progress_create(session_t *session)
{
    int is_wanted = isatty(STDERR_FILENO)
                    && (!isatty(STDOUT_FILENO)
                        || session->call.request.verb >= STORE_CONTROL_RETRY);

    return smtpq_progress_create(session->p, stderr,
                                 is_wanted ? width_get(STDERR_FILENO) : 0,
                                 apr_time_now());
}

/* Lines of a reply. */

static void status_raise(session_t *session, int status)
{
    if (session->status < status) {
        session->status = status;
    }
}

/** What a reason comes to. */
static const struct {
    const char *why;
    int status;
} reasons[] = {
    { STORE_CONTROL_WHY_NONE, EXIT_NONE },
    { STORE_CONTROL_WHY_REQUEST, EXIT_USAGE },
    { STORE_CONTROL_WHY_LIMIT, EXIT_UNREACHABLE },
    { STORE_CONTROL_WHY_OFFLINE, EXIT_UNREACHABLE },
    { STORE_CONTROL_WHY_SYSTEM, EXIT_SYSTEM }
};

static int status_of(const char *why)
{
    size_t i;

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reasons[i].why, why) == 0) {
            return reasons[i].status;
        }
    }
    return EXIT_REFUSED;
}

static void refusal_take(session_t *session,
                         const store_control_refusal_t *refusal)
{
    apr_pool_t *p;

    status_raise(session, status_of(refusal->why));
    smtpq_progress_clear(session->progress);
    apr_pool_create(&p, session->p);
    tell("%s%s%s", smtpq_text_escape(p, refusal->id, 0),
         *refusal->id != '\0' ? ": " : "",
         smtpq_text_escape(p, refusal->text, 0));
    apr_pool_destroy(p);
}

/** The list has no more lines than the queue process knows messages. */
static void unread_take(session_t *session, const store_control_pair_t *pair)
{
    if (session->call.request.verb != STORE_CONTROL_COUNTS
        && strcmp(pair->name, STORE_CONTROL_UNREAD) == 0) {
        smtpq_progress_clear(session->progress);
        tell("the queue process has just started: about %" APR_INT64_T_FMT
             " messages are missing here", apr_atoi64(pair->value));
    }
}

static void take(void *baton, const store_control_reply_t *reply)
{
    session_t *session = baton;

    switch (reply->kind) {
    case STORE_CONTROL_PROGRESS:
        smtpq_progress_show(session->progress, reply->end.seen,
                            reply->end.all, apr_time_now());
        return;
    case STORE_CONTROL_REFUSED:
    case STORE_CONTROL_ERROR:
        refusal_take(session, &reply->refusal);
        break;
    case STORE_CONTROL_COUNT:
        unread_take(session, &reply->pair);
        break;
    case STORE_CONTROL_END:
        session->count += reply->end.count;
        break;
    default:
        break;
    }
    session->printer->take(session->printer->baton, reply);
}

/* Who answers. */

typedef apr_status_t ask_fn(session_t *session, void *who,
                            const store_control_request_t *request);

/** As many requests as it takes for all ids. */
static apr_status_t ask_all(session_t *session, ask_fn *ask, void *who)
{
    store_control_request_t request = session->call.request;
    store_control_select_t *select = &request.select;
    int i = 0, all = session->call.ids->nelts;
    apr_status_t rv;

    do {
        select->id_count = 0;
        while (i < all && select->id_count < STORE_CONTROL_IDS_MAX) {
            select->ids[select->id_count++] =
                APR_ARRAY_IDX(session->call.ids, i++, const char *);
        }
        rv = ask(session, who, &request);
    } while (rv == APR_SUCCESS && i < all);
    return rv;
}

static apr_status_t ask_remote(session_t *session, void *who,
                               const store_control_request_t *request)
{
    return smtpq_remote_ask(who, request, take, session);
}

static apr_status_t ask_offline(session_t *session, void *who,
                                const store_control_request_t *request)
{
    smtpq_offline_ask(session->p, who, request, apr_time_now(), take,
                      session);
    return APR_SUCCESS;
}

static int unreachable(session_t *session, apr_status_t rv)
{
    if (APR_STATUS_IS_EACCES(rv)) {
        tell("%s: permission denied; only root and the user of httpd's "
             "children may", session->spool);
    }
    else {
        tell("%s: %s", session->spool, error_text(session->p, rv));
    }
    return EXIT_UNREACHABLE;
}

static int run_offline(session_t *session)
{
    smtpq_spool_t *spool;
    apr_status_t rv = smtpq_spool_open(session->p, session->spool, &spool);

    if (rv != APR_SUCCESS) {
        return unreachable(session, rv);
    }
    tell("no queue process runs: this is about what %s holds",
         session->spool);
    ask_all(session, ask_offline, spool);
    return EXIT_DONE;
}

static int run_remote(session_t *session, smtpq_remote_t *remote)
{
    apr_status_t rv = ask_all(session, ask_remote, remote);

    if (rv == APR_SUCCESS) {
        return EXIT_DONE;
    }
    smtpq_progress_clear(session->progress);
    tell("the queue process %s",
         APR_STATUS_IS_TIMEUP(rv) ? "does not answer"
         : rv == APR_EOF ? "ended before it had said all"
         : rv == APR_EGENERAL ? "says what we do not understand: is it of "
                                "another version?"
         : error_text(session->p, rv));
    return EXIT_UNREACHABLE;
}

/** Nobody is there who listens. */
static int is_offline(apr_status_t rv)
{
    return rv == ENOENT || rv == ECONNREFUSED || rv == APR_ENAMETOOLONG;
}

static int run(session_t *session)
{
    smtpq_remote_t *remote;
    apr_status_t rv = smtpq_remote_open(session->p, session->spool, &remote);
    int status = rv == APR_SUCCESS ? run_remote(session, remote)
                 : is_offline(rv) ? run_offline(session)
                 : unreachable(session, rv);

    smtpq_progress_clear(session->progress);
    return status;
}

/* Before. */

/** Root becomes who owns the spool, so that files that this makes are theirs,
 *  and nothing there can lead root anywhere. */
static int owner_become(session_t *session)
{
    struct stat st;

    if (stat(session->spool, &st) != 0) {
        return unreachable(session, errno);
    }
    if (geteuid() != 0 || st.st_uid == 0) {
        return EXIT_DONE;
    }
    if (setgroups(0, NULL) != 0 || setgid(st.st_gid) != 0
        || setuid(st.st_uid) != 0) {
        return unreachable(session, errno);
    }
    return EXIT_DONE;
}

static int confirm(const session_t *session)
{
    char answer[16] = "";

    if (session->call.request.verb != STORE_CONTROL_DELETE
        || !session->call.request.select.is_all || session->call.is_sure) {
        return EXIT_DONE;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return usage_refuse("delete --all: say --yes if you mean it");
    }
    fputs("Delete all messages, and tell nobody of it? [y/N] ", stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL
           && (answer[0] == 'y' || answer[0] == 'Y') ? EXIT_DONE : EXIT_NONE;
}

static int is_of_messages(store_control_verb_e verb)
{
    return verb != STORE_CONTROL_COUNTS
           && verb != STORE_CONTROL_DESTINATIONS;
}

/* After. */

static int end(session_t *session, int status)
{
    status_raise(session, status);
    if (status == EXIT_DONE) {
        session->printer->end(session->printer->baton);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        tell("cannot write to standard output");
        status_raise(session, EXIT_SYSTEM);
    }
    if (session->count == 0 && is_of_messages(session->call.request.verb)) {
        status_raise(session, EXIT_NONE);
    }
    return session->status;
}

static int session_run(session_t *session)
{
    const char *environment = getenv("SMTP_SPOOL");
    int status;

    session->spool = session->call.spool ? session->call.spool
                     : environment ? environment : SMTP_SPOOL;
    session->call.request.with_recipients =
        session->call.is_json
        && session->call.request.verb == STORE_CONTROL_LIST;
    status = confirm(session);
    if (status == EXIT_DONE) {
        status = owner_become(session);
    }
    if (status != EXIT_DONE) {
        return status;
    }
    session->printer = printer_create(session);
    session->progress = progress_create(session);
    return end(session, run(session));
}

static int call_run(session_t *session, apr_getopt_t *opt)
{
    const char *fault = smtpq_call_parse(session->p, opt, &session->call);

    if (fault != NULL) {
        return usage_refuse(fault);
    }
    if (session->call.wants_help) {
        usage_print(stdout);
        return EXIT_DONE;
    }
    if (session->call.wants_version) {
        puts("smtpq " SMTP_VERSION);
        return EXIT_DONE;
    }
    return session_run(session);
}

int main(int argc, const char *const *argv)
{
    session_t session;
    apr_getopt_t *opt;
    int status = EXIT_SYSTEM;

    memset(&session, 0, sizeof(session));
    setlocale(LC_CTYPE, "");
    if (apr_app_initialize(&argc, &argv, NULL) == APR_SUCCESS
        && apr_pool_create(&session.p, NULL) == APR_SUCCESS
        && apr_getopt_init(&opt, session.p, argc, argv) == APR_SUCCESS) {
        status = call_run(&session, opt);
    }
    apr_terminate();
    return status;
}
