/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_log.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "smtp_chars.h"

APLOG_USE_MODULE(smtp_queue);

#define LOG_FLAGS (APR_WRITE | APR_APPEND | APR_CREATE | APR_LARGEFILE)
#define LOG_PERMISSIONS (APR_UREAD | APR_UWRITE | APR_GREAD | APR_WREAD)

/* What tells all; httpd's error log has the time already. */
#define FORMAT                                                           \
    "%{id} from=%{from} to=%{to} relay=%{relay} tls=%{tls} "             \
    "verified=%{verified} size=%{size} attempt=%{attempt} "              \
    "delay=%{delay} delays=%{delays} next=%{next} result=%{result} "     \
    "reply=\"%{code} %{status} %{text}\""

/* A part of a format: one of the two is NULL. */
typedef struct part_t {
    const char *text;
    const char *(*value)(apr_pool_t *p, const queue_log_entry_t *entry);
} part_t;

struct queue_log_t {
    apr_pool_t *p;               /* for a line; cleared after it */
    server_rec *s;
    apr_file_t *file;            /* NULL: httpd's error log */
    const apr_array_header_t *parts; /* part_t */
    int is_failing;              /* the last write did */
};

/* ------------------------------------------------------------ the values */

/* What no line may hold, and of the rest what is in @a set, as \xHH. */
static const char *mask(apr_pool_t *p, const char *s, const char *set)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = apr_palloc(p, strlen(s) * 4 + 1), *o = out;

    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (smtp_chars_is(c, SMTP_CHARS_PRINT) && !strchr(set, c)) {
            *o++ = (char)c;
            continue;
        }
        *o++ = '\\';
        *o++ = 'x';
        *o++ = hex[c >> 4];
        *o++ = hex[c & 0xF];
    }
    *o = '\0';
    return out;
}

/* Without a blank: who reads the line by its blanks is not led astray. */
static const char *word(apr_pool_t *p, const char *s)
{
    return s && *s ? mask(p, s, " \\\"") : "-";
}

static const char *path(apr_pool_t *p, const char *s)
{
    return apr_pstrcat(p, "<", *s ? word(p, s) : "", ">", NULL);
}

/* "2026-11-23T17:04:11+0100". */
static const char *iso_time(apr_pool_t *p, apr_time_t t)
{
    apr_time_exp_t e;
    int zone;

    if (!t || apr_time_exp_lt(&e, t) != APR_SUCCESS) {
        return "-";
    }
    zone = e.tm_gmtoff / 60;
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d%02d",
                        e.tm_year + 1900, e.tm_mon + 1, e.tm_mday, e.tm_hour,
                        e.tm_min, e.tm_sec, zone < 0 ? '-' : '+',
                        abs(zone) / 60, abs(zone) % 60);
}

/* "[23/Nov/2026:17:04:11 +0100]", as CustomLog's %t. */
static const char *clf_time(apr_pool_t *p, apr_time_t t)
{
    apr_time_exp_t e;
    int zone;

    if (apr_time_exp_lt(&e, t) != APR_SUCCESS) {
        return "-";
    }
    zone = e.tm_gmtoff / 60;
    return apr_psprintf(p, "[%02d/%s/%04d:%02d:%02d:%02d %c%02d%02d]",
                        e.tm_mday, apr_month_snames[e.tm_mon],
                        e.tm_year + 1900, e.tm_hour, e.tm_min, e.tm_sec,
                        zone < 0 ? '-' : '+', abs(zone) / 60,
                        abs(zone) % 60);
}

/* Seconds, two digits of their fraction. A clock that was set back makes no
 * delay of less than nothing. */
static const char *seconds(apr_pool_t *p, apr_interval_time_t t)
{
    apr_int64_t hundredths = t > 0 ? (t + 5000) / 10000 : 0;

    return apr_psprintf(p, "%" APR_INT64_T_FMT ".%02d", hundredths / 100,
                        (int)(hundredths % 100));
}

/* ------------------------------------------------------------- the items */

static const char *item_time(apr_pool_t *p, const queue_log_entry_t *e)
{
    return iso_time(p, e->over);
}

static const char *item_id(apr_pool_t *p, const queue_log_entry_t *e)
{
    return word(p, e->id);
}

static const char *item_vhost(apr_pool_t *p, const queue_log_entry_t *e)
{
    return e->vhost ? word(p, e->vhost->name) : "-";
}

static const char *item_from(apr_pool_t *p, const queue_log_entry_t *e)
{
    return path(p, e->reverse_path);
}

static const char *item_to(apr_pool_t *p, const queue_log_entry_t *e)
{
    return path(p, e->forward_path);
}

static const char *item_destination(apr_pool_t *p,
                                    const queue_log_entry_t *e)
{
    return word(p, e->destination);
}

static const char *item_host(apr_pool_t *p, const queue_log_entry_t *e)
{
    return e->peer ? word(p, e->peer->host) : "-";
}

static const char *item_address(apr_pool_t *p, const queue_log_entry_t *e)
{
    return e->peer ? word(p, e->peer->address) : "-";
}

static const char *item_port(apr_pool_t *p, const queue_log_entry_t *e)
{
    return e->peer && e->peer->port ? apr_itoa(p, e->peer->port) : "-";
}

static const char *item_source(apr_pool_t *p, const queue_log_entry_t *e)
{
    return e->peer ? word(p, e->peer->source) : "-";
}

/* "mx.example.org[192.0.2.1]:25"; of a unix socket its path. */
static const char *item_relay(apr_pool_t *p, const queue_log_entry_t *e)
{
    const char *host = item_host(p, e);

    if (!strcmp(host, "-") || !e->peer->port) {
        return host;
    }
    return apr_psprintf(p, "%s[%s]:%u", host, item_address(p, e),
                        (unsigned int)e->peer->port);
}

static const smtp_tls_info_t *tls_of(const queue_log_entry_t *e)
{
    const smtp_tls_info_t *tls = e->peer ? e->peer->tls : NULL;

    return tls && tls->protocol ? tls : NULL;
}

static const char *item_tls(apr_pool_t *p, const queue_log_entry_t *e)
{
    return tls_of(e) ? word(p, tls_of(e)->protocol) : "-";
}

static const char *item_cipher(apr_pool_t *p, const queue_log_entry_t *e)
{
    return tls_of(e) ? word(p, tls_of(e)->cipher) : "-";
}

static const char *item_verified(apr_pool_t *p, const queue_log_entry_t *e)
{
    const smtp_tls_info_t *tls = tls_of(e);

    return !tls ? "-" : !tls->is_verified ? "no"
           : tls->is_dane ? "dane" : "yes";
}

static const char *item_size(apr_pool_t *p, const queue_log_entry_t *e)
{
    return apr_off_t_toa(p, e->size_octets);
}

static const char *item_attempt(apr_pool_t *p, const queue_log_entry_t *e)
{
    return apr_psprintf(p, "%u", e->attempt);
}

static const char *item_next(apr_pool_t *p, const queue_log_entry_t *e)
{
    return iso_time(p, e->next);
}

static const char *item_result(apr_pool_t *p, const queue_log_entry_t *e)
{
    char *result = apr_pstrdup(p, smtp_outcome_name(e->outcome->result));
    char *blank;

    while ((blank = strchr(result, ' ')) != NULL) {
        *blank = '-';
    }
    return result;
}

static const char *item_stage(apr_pool_t *p, const queue_log_entry_t *e)
{
    return word(p, smtp_stage_name(e->outcome->stage));
}

static const char *item_code(apr_pool_t *p, const queue_log_entry_t *e)
{
    return e->outcome->code ? apr_itoa(p, e->outcome->code) : "-";
}

static const char *item_status(apr_pool_t *p, const queue_log_entry_t *e)
{
    char status[SMTP_STATUS_BUFFER_OCTETS];

    smtp_status_write(status, e->outcome->status);
    return apr_pstrdup(p, status);
}

/* Backslashes in it are of its own escapes (smtp_outcome_text). */
static const char *item_text(apr_pool_t *p, const queue_log_entry_t *e)
{
    return e->outcome->text ? mask(p, e->outcome->text, "\"") : "-";
}

/* The delays. What never came to a message was all connecting. */

static int is_connected(const queue_log_entry_t *e)
{
    return e->peer && e->peer->ready;
}

static apr_time_t connected_at(const queue_log_entry_t *e)
{
    return !is_connected(e) ? e->over
           : e->connected ? e->connected : e->taken;
}

static const char *item_before_queue(apr_pool_t *p,
                                     const queue_log_entry_t *e)
{
    return seconds(p, e->queued - e->arrived);
}

static const char *item_in_queue(apr_pool_t *p, const queue_log_entry_t *e)
{
    return seconds(p, e->taken - e->queued);
}

static const char *item_connect(apr_pool_t *p, const queue_log_entry_t *e)
{
    return seconds(p, connected_at(e) - e->taken);
}

static const char *item_transmit(apr_pool_t *p, const queue_log_entry_t *e)
{
    return seconds(p, e->over - connected_at(e));
}

static const char *item_delays(apr_pool_t *p, const queue_log_entry_t *e)
{
    return apr_pstrcat(p, item_before_queue(p, e), "/", item_in_queue(p, e),
                       "/", item_connect(p, e), "/", item_transmit(p, e),
                       NULL);
}

static const char *item_delay(apr_pool_t *p, const queue_log_entry_t *e)
{
    return seconds(p, e->over - e->arrived);
}

/* Of %t alone. */
static const char *item_clf_time(apr_pool_t *p, const queue_log_entry_t *e)
{
    return clf_time(p, e->over);
}

static const struct item_t {
    const char *name;
    const char *(*value)(apr_pool_t *p, const queue_log_entry_t *entry);
} items[] = {
    { "time",         item_time },
    { "id",           item_id },
    { "vhost",        item_vhost },
    { "from",         item_from },
    { "to",           item_to },
    { "destination",  item_destination },
    { "relay",        item_relay },
    { "host",         item_host },
    { "address",      item_address },
    { "port",         item_port },
    { "source",       item_source },
    { "tls",          item_tls },
    { "cipher",       item_cipher },
    { "verified",     item_verified },
    { "size",         item_size },
    { "attempt",      item_attempt },
    { "next",         item_next },
    { "result",       item_result },
    { "stage",        item_stage },
    { "code",         item_code },
    { "status",       item_status },
    { "text",         item_text },
    { "delay",        item_delay },
    { "delays",       item_delays },
    { "before_queue", item_before_queue },
    { "in_queue",     item_in_queue },
    { "connect",      item_connect },
    { "transmit",     item_transmit }
};

#define ITEMS (sizeof(items) / sizeof(items[0]))

/* ------------------------------------------------------------ the format */

static const char *names_list(apr_pool_t *p)
{
    const char *list = items[0].name;
    apr_size_t i;

    for (i = 1; i < ITEMS; i++) {
        list = apr_pstrcat(p, list, ", ", items[i].name, NULL);
    }
    return list;
}

/* "{name}" behind a percent sign. */
static const char *item_parse(apr_pool_t *p, const char **format,
                              part_t *part)
{
    const char *end = strchr(*format, '}');
    apr_size_t i, len;

    if (!end) {
        return apr_psprintf(p, "'%%%s' has no '}'", *format);
    }
    len = (apr_size_t)(end - *format) - 1;
    for (i = 0; i < ITEMS; i++) {
        if (strlen(items[i].name) == len
            && !strncasecmp(items[i].name, *format + 1, len)) {
            part->value = items[i].value;
            *format = end + 1;
            return NULL;
        }
    }
    return apr_psprintf(p, "'%%%.*s' is not known; there are: %s",
                        (int)len + 2, *format, names_list(p));
}

/* What follows a percent sign. */
static const char *percent_parse(apr_pool_t *p, const char **format,
                                 part_t *part)
{
    switch (**format) {
    case '{':
        return item_parse(p, format, part);
    case 't':
        part->value = item_clf_time;
        break;
    case '%':
        part->text = "%";
        break;
    default:
        return apr_psprintf(p, "'%%%.1s' is not known; write %%{name}, %%t "
                            "or %%%%", *format);
    }
    (*format)++;
    return NULL;
}

/* What follows a backslash, as in CustomLog. */
static const char *backslash_parse(apr_pool_t *p, const char **format)
{
    static const char letters[] = "nrt\\\"", octets[] = "\n\r\t\\\"";
    const char *letter = **format ? strchr(letters, **format) : NULL;

    if (!letter) {
        return "\\";
    }
    (*format)++;
    return apr_pstrmemdup(p, &octets[letter - letters], 1);
}

static const char *format_parse(apr_pool_t *p, const char *format,
                                apr_array_header_t *parts)
{
    const char *complaint = NULL;

    while (*format && !complaint) {
        part_t *part = apr_array_push(parts);
        apr_size_t len = strcspn(format, "%\\");

        memset(part, 0, sizeof(*part));
        if (len) {
            part->text = apr_pstrmemdup(p, format, len);
            format += len;
        }
        else if (*format++ == '%') {
            complaint = percent_parse(p, &format, part);
        }
        else {
            part->text = backslash_parse(p, &format);
        }
    }
    return complaint;
}

const char *queue_log_format_check(apr_pool_t *p, const char *format)
{
    return format_parse(p, format, apr_array_make(p, 8, sizeof(part_t)));
}

/* --------------------------------------------------------------- the log */

static apr_status_t pipe_open(apr_pool_t *p, const char *program,
                              apr_file_t **file)
{
    piped_log *pipe = ap_open_piped_log(p, program);

    if (!pipe) {
        return APR_EGENERAL;
    }
    *file = ap_piped_log_write_fd(pipe);
    return APR_SUCCESS;
}

static apr_status_t target_open(apr_pool_t *p, const char *name,
                                apr_file_t **file)
{
    const char *whole;

    *file = NULL;
    if (!name) {
        return APR_SUCCESS;
    }
    if (*name == '|') {
        return pipe_open(p, name + 1, file);
    }
    whole = ap_server_root_relative(p, name);
    return whole ? apr_file_open(file, whole, LOG_FLAGS, LOG_PERMISSIONS, p)
                 : APR_EBADPATH;
}

apr_status_t queue_log_open(apr_pool_t *p, server_rec *s, const char *file,
                            const char *format, queue_log_t **log)
{
    queue_log_t *made = apr_pcalloc(p, sizeof(*made));
    apr_array_header_t *parts = apr_array_make(p, 32, sizeof(part_t));
    apr_status_t rv = target_open(p, file, &made->file);

    *log = NULL;
    if (rv == APR_SUCCESS
        && format_parse(p, !file ? FORMAT : format ? format : "%t " FORMAT,
                        parts)) {
        rv = APR_EINVAL;
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, QUEUE_LOGNO(4500)
                     "SMTPQueueLog %s could not be opened", file);
        return rv;
    }
    apr_pool_create(&made->p, p);
    apr_pool_tag(made->p, "smtp_queue_log");
    made->s = s;
    made->parts = parts;
    *log = made;
    return APR_SUCCESS;
}

static const char *line_make(apr_pool_t *p, const queue_log_t *log,
                             const queue_log_entry_t *entry,
                             apr_size_t *len)
{
    apr_array_header_t *texts = apr_array_make(p, log->parts->nelts + 1,
                                               sizeof(const char *));
    const char *line;
    int i;

    for (i = 0; i < log->parts->nelts; i++) {
        const part_t *part = &APR_ARRAY_IDX(log->parts, i, part_t);

        APR_ARRAY_PUSH(texts, const char *) =
            part->text ? part->text : part->value(p, entry);
    }
    if (log->file) {
        APR_ARRAY_PUSH(texts, const char *) = APR_EOL_STR;
    }
    line = apr_array_pstrcat(p, texts, '\0');
    *len = strlen(line);
    return line;
}

/* One write: O_APPEND keeps what two generations write apart. */
static void file_write(queue_log_t *log, const char *line, apr_size_t len)
{
    apr_size_t written = len;
    apr_status_t rv = apr_file_write(log->file, line, &written);
    int is_failing = rv != APR_SUCCESS || written != len;

    if (is_failing && !log->is_failing) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, log->s, QUEUE_LOGNO(4501)
                     "SMTPQueueLog: lines are lost until it can be written "
                     "again");
    }
    log->is_failing = is_failing;
}

void queue_log_write(queue_log_t *log, const queue_log_entry_t *entry)
{
    const server_rec *s = entry->vhost ? entry->vhost->s : log->s;
    const char *line;
    apr_size_t len;

    if (!log->file && !APLOG_IS_LEVEL(s, APLOG_INFO)) {
        return;
    }
    line = line_make(log->p, log, entry, &len);
    if (log->file) {
        file_write(log, line, len);
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, QUEUE_LOGNO(4502)
                     "%s", line);
    }
    apr_pool_clear(log->p);
}
