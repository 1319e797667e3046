/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * smtp-scram: keeps the file from which mod_smtp takes the credentials of
 * SCRAM-SHA-256. Options and exit statuses are htpasswd's, which who runs
 * httpd knows.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>

#include "scram_file.h"
#include "scram_password.h"
#include "scram_text.h"
#include "smtp_chars.h"
#include "smtp_saslprep.h"
#include "smtp_scram.h"

/** Exit statuses. htpasswd's 4, interrupted, has no use here. */
enum {
    EXIT_DONE = 0,
    EXIT_FILE = 1,               /**< it cannot be read or changed */
    EXIT_USAGE = 2,
    EXIT_PASSWORD = 3,           /**< wrong, mistyped, or none at all */
    EXIT_TOO_LONG = 5,           /**< login or password */
    EXIT_LOGIN = 6,              /**< no such login, or no login at all */
    EXIT_CONTENT = 7             /**< the file is none of credentials */
};

/** What was asked for. */
typedef struct call_t {
    apr_pool_t *pool;
    unsigned char has[128];      /**< by letter: whether the option was given */
    int iterations;
    const char *path;            /**< NULL with -n */
    const char *login;           /**< prepared */
    const char *operand;         /**< with -b the password, as given */
} call_t;

static const apr_getopt_option_t options[] = {
    { NULL, 'c', 0, "create the file, or replace what is there" },
    { NULL, 'n', 0, "print the line instead of changing a file" },
    { NULL, 'D', 0, "delete the login" },
    { NULL, 'v', 0, "say whether the password is right" },
    { NULL, 'i', 0, "take the password from standard input" },
    { NULL, 'b', 0, "take it from the command line, where others see it" },
    { NULL, 'C', 1, "iterations (4096 to 10000000, default 4096)" },
    { "help", 'h', 0, "print this" },
    { "version", 'V', 0, "print the version" },
    { NULL, 0, 0, NULL }
};

/** Options that say no to each other. */
static const char *const contradictions[] = {
    "cn", "cD", "cv", "nD", "nv", "Dv", "ib", "iD", "bD", "CD", "Cv"
};

static int has(const call_t *call, char letter)
{
    return call->has[(unsigned char)letter];
}

/* What is said. */

/** Tells what is wrong. @return @a status */
static int refuse(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("smtp-scram: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

static void usage_print(FILE *out)
{
    const apr_getopt_option_t *option;

    fputs("usage: smtp-scram [-c] [-i | -b] [-C iterations] file login "
          "[password]\n"
          "       smtp-scram -n [-i | -b] [-C iterations] login [password]\n"
          "       smtp-scram -v [-i | -b] file login [password]\n"
          "       smtp-scram -D file login\n\n", out);
    for (option = options; option->optch != 0; option++) {
        if (option->name != NULL) {
            fprintf(out, "  --%-11s%s\n", option->name, option->description);
        }
        else {
            fprintf(out, "  -%c%-12s%s\n", option->optch,
                    option->has_arg ? " number" : "", option->description);
        }
    }
    fputs("\nWithout -i and -b the password is asked for at the terminal.\n",
          out);
}

static int usage_refuse(const char *what)
{
    refuse(EXIT_USAGE, "%s", what);
    usage_print(stderr);
    return EXIT_USAGE;
}

/* The command line. */

static int iterations_parse(const char *s, int *iterations)
{
    apr_off_t number;

    if (smtp_chars_number_parse(s, strlen(s), &number) != 1
        || number < SMTP_SCRAM_ITERATIONS_MIN
        || number > SMTP_SCRAM_ITERATIONS_MAX) {
        return refuse(EXIT_USAGE, "-C %s: want a number from %d (RFC 7677 4) "
                      "to %d", s, SMTP_SCRAM_ITERATIONS_MIN,
                      SMTP_SCRAM_ITERATIONS_MAX);
    }
    *iterations = (int)number;
    return EXIT_DONE;
}

static int contradictions_check(const call_t *call)
{
    size_t i;

    for (i = 0; i < sizeof(contradictions) / sizeof(contradictions[0]); i++) {
        const char *pair = contradictions[i];

        if (has(call, pair[0]) && has(call, pair[1])) {
            return usage_refuse(apr_psprintf(call->pool, "-%c and -%c cannot "
                                             "be together", pair[0],
                                             pair[1]));
        }
    }
    return EXIT_DONE;
}

/** Makes of what was typed what is kept; a name that is none is refused. */
static int login_prepare(call_t *call, const char *typed)
{
    const char *fault;
    apr_status_t rv = smtp_saslprep_create(call->pool, typed,
                                           SMTP_SASLPREP_STORED, &call->login,
                                           &fault);

    if (rv != APR_SUCCESS) {
        return refuse(APR_STATUS_IS_ENAMETOOLONG(rv) ? EXIT_TOO_LONG
                                                     : EXIT_LOGIN,
                      "the login %s", fault ? fault : "takes too much memory");
    }
    if (*call->login == '\0') {
        return refuse(EXIT_LOGIN, "the login is empty");
    }
    if (strcmp(call->login, typed) != 0) {
        refuse(EXIT_DONE, "by SASLprep (RFC 4013) the login is %s",
               call->login);
    }
    return EXIT_DONE;
}

static int operands_parse(call_t *call, apr_getopt_t *opt)
{
    int want = 1 + !has(call, 'n') + has(call, 'b');

    if (opt->argc - opt->ind != want) {
        return usage_refuse(apr_psprintf(call->pool, "want %d operand%s, not "
                                         "%d", want, want == 1 ? "" : "s",
                                         opt->argc - opt->ind));
    }
    if (!has(call, 'n')) {
        call->path = opt->argv[opt->ind++];
    }
    if (has(call, 'b')) {
        call->operand = opt->argv[opt->ind + 1];
    }
    return login_prepare(call, opt->argv[opt->ind]);
}

static int call_parse(call_t *call, apr_getopt_t *opt)
{
    const char *argument;
    int letter, status = EXIT_DONE;
    apr_status_t rv;

    call->iterations = SMTP_SCRAM_ITERATIONS;
    while ((rv = apr_getopt_long(opt, options, &letter, &argument))
           == APR_SUCCESS) {
        call->has[letter] = 1;
        if (letter == 'C' && status == EXIT_DONE) {
            status = iterations_parse(argument, &call->iterations);
        }
    }
    if (rv != APR_EOF) {
        usage_print(stderr);     /* getopt has said what is wrong */
        return EXIT_USAGE;
    }
    if (has(call, 'h') || has(call, 'V')) {
        return EXIT_DONE;
    }
    if (status == EXIT_DONE) {
        status = contradictions_check(call);
    }
    return status == EXIT_DONE ? operands_parse(call, opt) : status;
}

/* Passwords. */

static int password_typed(const call_t *call, const char **typed)
{
    apr_status_t rv = APR_SUCCESS;

    if (has(call, 'b')) {
        *typed = call->operand;
    }
    else if (has(call, 'i')) {
        rv = scram_password_read(call->pool, typed);
    }
    else {
        rv = scram_password_ask(call->pool, !has(call, 'v'), typed);
    }
    if (APR_STATUS_IS_ENAMETOOLONG(rv)) {
        return refuse(EXIT_TOO_LONG, "the password is too long");
    }
    if (rv == APR_EMISMATCH) {
        return refuse(EXIT_PASSWORD, "the two passwords differ");
    }
    return rv == APR_SUCCESS ? EXIT_DONE
           : refuse(EXIT_PASSWORD, "no password could be read");
}

/** The password as RFC 5802 2.2 wants it. */
static int password_get(const call_t *call, const char **password)
{
    const char *typed, *fault;
    int status = password_typed(call, &typed);
    apr_status_t rv;

    if (status != EXIT_DONE) {
        return status;
    }
    rv = smtp_saslprep_create(call->pool, typed,
                              has(call, 'v') ? SMTP_SASLPREP_QUERY
                                             : SMTP_SASLPREP_STORED,
                              password, &fault);
    if (rv != APR_SUCCESS) {
        return refuse(APR_STATUS_IS_ENAMETOOLONG(rv) ? EXIT_TOO_LONG
                                                     : EXIT_PASSWORD,
                      "the password %s",
                      fault ? fault : "takes too much memory");
    }
    return **password != '\0' ? EXIT_DONE
           : refuse(EXIT_PASSWORD, "the password is empty");
}

/** A verifier of the password that is asked for, with a salt of its own. */
static int verifier_make(const call_t *call, const char **text)
{
    unsigned char salt[SMTP_SCRAM_SALT_OCTETS];
    smtp_scram_verifier_t verifier;
    const char *password;
    int status = password_get(call, &password);
    apr_status_t rv;

    if (status != EXIT_DONE) {
        return status;
    }
    rv = apr_generate_random_bytes(salt, sizeof(salt));
    if (rv == APR_SUCCESS) {
        rv = smtp_scram_verifier_create(password, call->iterations, salt,
                                        sizeof(salt), &verifier);
    }
    if (rv != APR_SUCCESS) {
        return refuse(EXIT_FILE, "this system gives no chance or no SHA-256");
    }
    *text = smtp_scram_verifier_write(call->pool, &verifier);
    return EXIT_DONE;
}

/* What is done. */

static int file_refuse(apr_status_t rv, const char *fault)
{
    return refuse(rv == APR_EGENERAL ? EXIT_CONTENT : EXIT_FILE, "%s%s",
                  fault, APR_STATUS_IS_ENOENT(rv) ? "; -c creates a file" : "");
}

static int line_print(call_t *call)
{
    const char *verifier;
    int status = verifier_make(call, &verifier);

    if (status == EXIT_DONE
        && (printf("%s %s\n", scram_text_login(call->pool, call->login),
                   verifier) < 0 || fflush(stdout) != 0)) {
        status = refuse(EXIT_FILE, "cannot write to standard output");
    }
    return status;
}

/** Changes the file under its lock: sets the login to a verifier, or deletes
 *  it when that is NULL. */
static int file_change(call_t *call, const char *verifier)
{
    scram_file_t *file;
    const char *text, *fault;
    int was_there;
    apr_status_t rv = scram_file_begin(call->pool, call->path, has(call, 'c'),
                                       &file, &text, &fault);

    if (rv != APR_SUCCESS) {
        return file_refuse(rv, fault);
    }
    text = verifier == NULL
           ? scram_text_remove(call->pool, text, call->login, &was_there)
           : scram_text_set(call->pool, text, call->login, verifier,
                            &was_there);
    if (verifier == NULL && !was_there) {
        return refuse(EXIT_LOGIN, "%s is not in %s", call->login, call->path);
    }
    rv = scram_file_commit(file, text, &fault);
    if (rv != APR_SUCCESS) {
        return file_refuse(rv, fault);
    }
    fprintf(stderr, "%s login %s\n", verifier == NULL ? "Deleted"
            : was_there ? "Changed the password of" : "Added", call->login);
    return EXIT_DONE;
}

static int login_set(call_t *call)
{
    const char *verifier, *text, *fault;
    apr_status_t rv = APR_SUCCESS;
    int status;

    /* Nobody wants to type a password for a file that is not there. */
    if (!has(call, 'c')) {
        rv = scram_file_read(call->pool, call->path, &text, &fault);
    }
    if (rv != APR_SUCCESS) {
        return file_refuse(rv, fault);
    }
    status = verifier_make(call, &verifier);
    return status == EXIT_DONE ? file_change(call, verifier) : status;
}

static int login_delete(call_t *call)
{
    return file_change(call, NULL);
}

/** Whether a password makes the same keys. */
static int password_check(const call_t *call, const char *password,
                          const smtp_scram_verifier_t *known)
{
    smtp_scram_verifier_t made;

    if (smtp_scram_verifier_create(password, known->iterations, known->salt,
                                   known->salt_len, &made) != APR_SUCCESS) {
        return refuse(EXIT_FILE, "this system gives no SHA-256");
    }
    if (memcmp(made.stored_key, known->stored_key, SMTP_SCRAM_KEY_OCTETS) != 0
        || memcmp(made.server_key, known->server_key, SMTP_SCRAM_KEY_OCTETS)
           != 0) {
        return refuse(EXIT_PASSWORD, "this is not the password of %s",
                      call->login);
    }
    fprintf(stderr, "This is the password of %s\n", call->login);
    return EXIT_DONE;
}

static int password_verify(call_t *call)
{
    smtp_scram_verifier_t known;
    const char *text, *value, *password, *fault;
    apr_status_t rv = scram_file_read(call->pool, call->path, &text, &fault);
    int status;

    if (rv != APR_SUCCESS) {
        return file_refuse(rv, fault);
    }
    value = scram_text_find(call->pool, text, call->login);
    if (value == NULL) {
        return refuse(EXIT_LOGIN, "%s is not in %s", call->login, call->path);
    }
    if (smtp_scram_verifier_parse(value, &known) != APR_SUCCESS) {
        return refuse(EXIT_CONTENT, "%s: what stands there for %s is no "
                      "verifier of SCRAM-SHA-256", call->path, call->login);
    }
    status = password_get(call, &password);
    return status == EXIT_DONE ? password_check(call, password, &known)
                               : status;
}

static int help_print(call_t *call)
{
    (void)call;
    usage_print(stdout);
    return EXIT_DONE;
}

static int version_print(call_t *call)
{
    (void)call;
    puts("smtp-scram " SMTP_VERSION);
    return EXIT_DONE;
}

/** What an option asks for; the first that was given decides. */
static const struct {
    char letter;
    int (*run)(call_t *call);
} acts[] = {
    { 'h', help_print }, { 'V', version_print }, { 'n', line_print },
    { 'D', login_delete }, { 'v', password_verify }
};

static int call_run(call_t *call)
{
    size_t i;

    for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (has(call, acts[i].letter)) {
            return acts[i].run(call);
        }
    }
    return login_set(call);
}

int main(int argc, const char *const *argv)
{
    call_t call;
    apr_getopt_t *opt;
    int status = EXIT_FILE;

    memset(&call, 0, sizeof(call));
    if (apr_app_initialize(&argc, &argv, NULL) == APR_SUCCESS
        && apr_pool_create(&call.pool, NULL) == APR_SUCCESS
        && apr_getopt_init(&opt, call.pool, argc, argv) == APR_SUCCESS) {
        status = call_parse(&call, opt);
        if (status == EXIT_DONE) {
            status = call_run(&call);
        }
    }
    apr_terminate();
    return status;
}
