/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "queue_log.h"

/* What httpd gives. */

module AP_MODULE_DECLARE_DATA smtp_queue_module;

static char error_log[4096];
static int error_lines;
static const char *piped_program;
static apr_file_t *pipe_fd;

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *fmt,
                   ...)
{
    va_list args;

    (void)file, (void)line, (void)module_index, (void)level;
    (void)status, (void)s;
    va_start(args, fmt);
    vsnprintf(error_log, sizeof(error_log), fmt, args);
    va_end(args);
    error_lines++;
}

char *ap_server_root_relative(apr_pool_t *p, const char *file)
{
    return apr_pstrdup(p, file);
}

piped_log *ap_open_piped_log(apr_pool_t *p, const char *program)
{
    piped_program = apr_pstrdup(p, program);
    return pipe_fd ? (piped_log *)&pipe_fd : NULL;
}

apr_file_t *ap_piped_log_write_fd(piped_log *pl)
{
    (void)pl;
    return pipe_fd;
}

/* An attempt. */

#define T(sec) apr_time_from_sec(1795453451 + (sec)) /* 2026-11-23T17:04:11 */

static const smtp_tls_info_t verified = {
    SMTP_TLS_RESULT_OK, 1, 0, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, NULL
};
static const smtp_tls_info_t by_dane = {
    SMTP_TLS_RESULT_OK, 1, 1, "TLSv1.2", "ECDHE", 128, NULL
};
static const smtp_tls_info_t anonymous = {
    SMTP_TLS_RESULT_NOT_TRUSTED, 0, 0, "TLSv1.3", "AES", 128, NULL
};
static const smtp_tls_info_t no_handshake;

static const queue_peer_t peer = {
    "mx.example.org", "192.0.2.1", 25, "192.0.2.9", &verified, T(0), T(1),
    T(1), 1
};
static const smtp_outcome_t relayed = {
    SMTP_OUTCOME_PASSED_ON, SMTP_STAGE_END, 250, { 2, 6, 0 },
    "Queued as \"42\" \\x0A", 0, 0
};
static const smtp_outcome_t refused = {
    SMTP_OUTCOME_DEFERRED, SMTP_STAGE_CONNECT, 0, { 4, 4, 1 },
    "connection refused", 0, 0
};

static queue_vhost_t vhost;
static server_rec server;

static queue_log_entry_t entry_make(void)
{
    queue_log_entry_t e = {
        "0650c1f2a3b4c00001001", &vhost, "from@example.com",
        "to@example.org", "mx:example.org", &peer, &relayed, 2, 12345,
        T(-3605), T(-3600), T(0), T(1), T(3), 0
    };

    setenv("TZ", "UTC-1", 1);
    tzset();
    vhost.s = &server;
    vhost.name = "mail.example.com:587";
    server.log.level = APLOG_INFO;
    return e;
}

/* The line of @a e by @a format, without its end. */
static const char *line_of(apr_pool_t *p, const char *format,
                           const queue_log_entry_t *e)
{
    char octets[4096];
    const char *dir;
    char *name;
    apr_file_t *file;
    queue_log_t *log;
    size_t len;
    FILE *in;

    assert_int_equal(apr_temp_dir_get(&dir, p), APR_SUCCESS);
    name = apr_pstrcat(p, dir, "/queue_log.XXXXXX", NULL);
    assert_int_equal(apr_file_mktemp(&file, name, 0, p), APR_SUCCESS);
    assert_int_equal(queue_log_open(p, &server, name, format, &log),
                     APR_SUCCESS);
    queue_log_write(log, e);
    in = fopen(name, "r");
    len = fread(octets, 1, sizeof(octets), in);
    fclose(in);
    assert_int_equal(octets[len - 1], '\n');
    return apr_pstrmemdup(p, octets, len - 1);
}

static void each_item_tells_what_its_name_says(void **state)
{
    static const struct {
        const char *format, *line;
    } rows[] = {
        { "%t", "[23/Nov/2026:18:04:14 +0100]" },
        { "%{time}", "2026-11-23T18:04:14+0100" },
        { "%{id}", "0650c1f2a3b4c00001001" },
        { "%{vhost}", "mail.example.com:587" },
        { "%{from} %{to}", "<from@example.com> <to@example.org>" },
        { "%{destination}", "mx:example.org" },
        { "%{relay}", "mx.example.org[192.0.2.1]:25" },
        { "%{host}|%{address}|%{port}|%{source}",
          "mx.example.org|192.0.2.1|25|192.0.2.9" },
        { "%{tls} %{cipher} %{verified}",
          "TLSv1.3 TLS_AES_256_GCM_SHA384 yes" },
        { "%{size} %{attempt} %{next}", "12345 2 -" },
        { "%{result} %{stage}", "passed-on end-of-data" },
        { "%{code} %{status} %{text}",
          "250 2.6.0 Queued as \\x2242\\x22 \\x0A" },
        { "%{delay} %{delays}", "3608.00 5.00/3600.00/1.00/2.00" },
        { "%{before_queue} %{in_queue} %{connect} %{transmit}",
          "5.00 3600.00 1.00 2.00" },
        { "%{ID}%%%{Code}", "0650c1f2a3b4c00001001%250" },
        { "a\\tb\\\"c\\\\d\\e", "a\tb\"c\\d\\e" },
        { "", "" },
        { NULL, "[23/Nov/2026:18:04:14 +0100] 0650c1f2a3b4c00001001 "
                "from=<from@example.com> to=<to@example.org> "
                "relay=mx.example.org[192.0.2.1]:25 tls=TLSv1.3 "
                "verified=yes size=12345 attempt=2 delay=3608.00 "
                "delays=5.00/3600.00/1.00/2.00 next=- result=passed-on "
                "reply=\"250 2.6.0 Queued as \\x2242\\x22 \\x0A\"" }
    };
    queue_log_entry_t e = entry_make();
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *line = line_of(*state, rows[i].format, &e);

        if (strcmp(line, rows[i].line)) {
            fail_msg("%s: \"%s\"", rows[i].format, line);
        }
    }
}

static void an_attempt_without_a_connection_has_dashes(void **state)
{
    queue_log_entry_t e = entry_make();

    e.peer = NULL;
    e.vhost = NULL;
    e.outcome = &refused;
    e.connected = 0;
    e.next = T(903);
    assert_string_equal(
        line_of(*state, "%{vhost} %{relay} %{host} %{address} %{port} "
                "%{source} %{tls} %{cipher} %{verified} %{code} %{delays} "
                "%{next} %{result} %{text}", &e),
        "- - - - - - - - - - 5.00/3600.00/3.00/0.00 "
        "2026-11-23T18:19:14+0100 deferred connection refused");
}

static void the_state_of_tls_is_told_apart(void **state)
{
    static const struct {
        const smtp_tls_info_t *tls;
        const char *line;
    } rows[] = {
        { NULL, "- - -" }, { &no_handshake, "- - -" },
        { &verified, "TLSv1.3 TLS_AES_256_GCM_SHA384 yes" },
        { &by_dane, "TLSv1.2 ECDHE dane" }, { &anonymous, "TLSv1.3 AES no" }
    };
    queue_log_entry_t e = entry_make();
    queue_peer_t other = peer;
    size_t i;

    e.peer = &other;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        other.tls = rows[i].tls;
        assert_string_equal(line_of(*state, "%{tls} %{cipher} %{verified}",
                                    &e), rows[i].line);
    }
}

static void delays_add_up_however_far_it_came(void **state)
{
    static const struct {
        apr_time_t ready, connected, over;
        const char *delays;
    } rows[] = {
        { T(1), T(1), T(3), "5.00/3600.00/1.00/2.00" },
        { T(-60), 0, T(3), "5.00/3600.00/0.00/3.00" },  /* kept open */
        { 0, 0, T(3), "5.00/3600.00/3.00/0.00" },       /* never ready */
        { T(1), T(1), T(1) + 4999, "5.00/3600.00/1.00/0.00" },
        { T(1), T(1), T(1) + 5000, "5.00/3600.00/1.00/0.01" },
        { T(1), T(1), T(0), "5.00/3600.00/1.00/0.00" }  /* clock set back */
    };
    queue_log_entry_t e = entry_make();
    queue_peer_t other = peer;
    size_t i;

    e.peer = &other;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        other.ready = rows[i].ready;
        e.connected = rows[i].connected;
        e.over = rows[i].over;
        assert_string_equal(line_of(*state, "%{delays}", &e),
                            rows[i].delays);
    }
}

static void a_unix_socket_is_a_relay_by_its_path(void **state)
{
    queue_log_entry_t e = entry_make();
    queue_peer_t other = { "/run/dovecot/lmtp", "", 0, "", NULL, T(0), T(0),
                           T(0), 1 };

    e.peer = &other;
    assert_string_equal(line_of(*state, "%{relay} %{address}", &e),
                        "/run/dovecot/lmtp -");
}

static void no_value_ends_a_line_or_makes_an_item(void **state)
{
    queue_log_entry_t e = entry_make();
    queue_peer_t other = peer;
    smtp_outcome_t outcome = relayed;

    other.host = "a b\r\nc";
    other.address = "%{id}%s\x80";
    e.peer = &other;
    e.reverse_path = "\"x> to=<y\"@e\\f%n";
    e.forward_path = "\xC3\xBC@example.org\n";
    e.destination = "\"";
    outcome.text = "%{id} \"\r\n\x7F";
    e.outcome = &outcome;
    assert_string_equal(
        line_of(*state, "%{from} %{to} %{destination} %{relay} \"%{text}\"",
                &e),
        "<\\x22x>\\x20to=<y\\x22@e\\x5Cf%n> <\\xC3\\xBC@example.org\\x0A> "
        "\\x22 a\\x20b\\x0D\\x0Ac[%{id}%s\\x80]:25 "
        "\"%{id} \\x22\\x0D\\x0A\\x7F\"");
    e.reverse_path = "";
    assert_string_equal(line_of(*state, "%{from}", &e), "<>");
}

static void a_format_that_is_wrong_is_told_so(void **state)
{
    static const struct {
        const char *format, *words;
    } rows[] = {
        { "%{ident}", "'%{ident}' is not known; there are: time, id" },
        { "x %{}", "'%{}' is not known" },
        { "%{id", "'%{id' has no '}'" },
        { "%h", "'%h' is not known; write %{name}" },
        { "100%", "'%' is not known" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *complaint = queue_log_format_check(*state,
                                                       rows[i].format);

        UNIT_CHECK(rows[i].format, complaint);
        UNIT_CHECK(rows[i].format, !strncmp(complaint, rows[i].words,
                                            strlen(rows[i].words)));
    }
    assert_null(queue_log_format_check(*state, "%t %{id} 100%%"));
}

static void without_a_file_the_error_log_has_it_at_info(void **state)
{
    queue_log_entry_t e = entry_make();
    queue_log_t *log;

    assert_int_equal(queue_log_open(*state, &server, NULL, "%{id}", &log),
                     APR_SUCCESS);
    error_lines = 0;
    queue_log_write(log, &e);
    assert_int_equal(error_lines, 1);
    assert_string_equal(
        error_log, "SM4502: 0650c1f2a3b4c00001001 from=<from@example.com> "
        "to=<to@example.org> relay=mx.example.org[192.0.2.1]:25 tls=TLSv1.3 "
        "verified=yes size=12345 attempt=2 delay=3608.00 "
        "delays=5.00/3600.00/1.00/2.00 next=- result=passed-on "
        "reply=\"250 2.6.0 Queued as \\x2242\\x22 \\x0A\"");
    server.log.level = APLOG_NOTICE;
    queue_log_write(log, &e);
    assert_int_equal(error_lines, 1);
}

static void a_pipe_gets_whole_lines(void **state)
{
    queue_log_entry_t e = entry_make();
    apr_file_t *in;
    queue_log_t *log;
    char octets[64];
    apr_size_t len = sizeof(octets);

    assert_int_equal(apr_file_pipe_create(&in, &pipe_fd, *state),
                     APR_SUCCESS);
    assert_int_equal(queue_log_open(*state, &server, "|/bin/logger -x",
                                    "%{code}", &log), APR_SUCCESS);
    assert_string_equal(piped_program, "/bin/logger -x");
    queue_log_write(log, &e);
    queue_log_write(log, &e);
    assert_int_equal(apr_file_read(in, octets, &len), APR_SUCCESS);
    assert_int_equal(len, 8);
    assert_memory_equal(octets, "250\n250\n", 8);
    pipe_fd = NULL;
}

static void what_cannot_be_opened_is_said(void **state)
{
    queue_log_t *log = (queue_log_t *)1;

    error_lines = 0;
    assert_int_not_equal(queue_log_open(*state, &server, "/nowhere/log",
                                        NULL, &log), APR_SUCCESS);
    assert_null(log);
    assert_string_equal(error_log, "SM4500: SMTPQueueLog /nowhere/log could "
                        "not be opened");
    assert_int_not_equal(queue_log_open(*state, &server, "|/x", NULL, &log),
                         APR_SUCCESS);
    assert_int_equal(error_lines, 2);
}

static void a_log_that_fails_says_so_once(void **state)
{
    queue_log_entry_t e = entry_make();
    queue_log_t *log;
    int i;

    assert_int_equal(queue_log_open(*state, &server, "/dev/full", NULL,
                                    &log), APR_SUCCESS);
    error_lines = 0;
    for (i = 0; i < 3; i++) {
        queue_log_write(log, &e);
    }
    assert_int_equal(error_lines, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(each_item_tells_what_its_name_says),
        UNIT_TEST(an_attempt_without_a_connection_has_dashes),
        UNIT_TEST(the_state_of_tls_is_told_apart),
        UNIT_TEST(delays_add_up_however_far_it_came),
        UNIT_TEST(a_unix_socket_is_a_relay_by_its_path),
        UNIT_TEST(no_value_ends_a_line_or_makes_an_item),
        UNIT_TEST(a_format_that_is_wrong_is_told_so),
        UNIT_TEST(without_a_file_the_error_log_has_it_at_info),
        UNIT_TEST(a_pipe_gets_whole_lines),
        UNIT_TEST(what_cannot_be_opened_is_said),
        UNIT_TEST(a_log_that_fails_says_so_once)
    };

    return UNIT_RUN(tests);
}
