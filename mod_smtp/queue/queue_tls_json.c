/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_tls_json.h"

#include <stdlib.h>
#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>
#include <jansson.h>
#include <zlib.h>

#include "smtp_chars.h"
#include "smtp_date.h"

/** A line of base64 (RFC 2045 6.8). */
#define LINE_OCTETS 76

/* ---- JSON ---- */

static void set(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) != 0) {
        abort();                 /* no memory */
    }
}

/** What a next hop or DNS said may be no UTF-8. */
static json_t *string_make(const char *s)
{
    json_t *value = json_string(s);
    char *ascii, *c;

    if (value == NULL) {
        ascii = strdup(s);
        for (c = ascii; c != NULL && *c != '\0'; c++) {
            if (!smtp_chars_is(*c, SMTP_CHARS_PRINT)) {
                *c = '?';
            }
        }
        value = json_string(ascii ? ascii : "");
        free(ascii);
    }
    return value;
}

static void set_string(json_t *object, const char *name, const char *s)
{
    set(object, name, string_make(s));
}

/** Left out when it is not known. */
static void set_known(json_t *object, const char *name, const char *s)
{
    if (*s != '\0') {
        set_string(object, name, s);
    }
}

static void set_strings(json_t *object, const char *name,
                        const char *const *strings)
{
    json_t *array;

    if (*strings == NULL) {
        return;
    }
    array = json_array();
    for (; *strings != NULL; strings++) {
        json_array_append_new(array, string_make(*strings));
    }
    set(object, name, array);
}

/** RFC 3339, the first or the last second of a day. */
static const char *time_write(apr_pool_t *p, apr_time_t time)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, time);
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                        t.tm_min, t.tm_sec);
}

static apr_time_t day_end(apr_int64_t day)
{
    return queue_tls_day_begin(day + 1) - apr_time_from_sec(1);
}

/* RFC 8460 4.4: "failure-details". */
static json_t *failure_make(const queue_tls_failure_t *failure)
{
    json_t *object = json_object();

    set_string(object, "result-type", smtp_tls_result_name(failure->result));
    set_known(object, "sending-mta-ip", failure->source);
    set_known(object, "receiving-mx-hostname", failure->host);
    set_known(object, "receiving-ip", failure->address);
    set(object, "failed-session-count", json_integer(failure->count));
    set_known(object, "failure-reason-code", failure->detail);
    return object;
}

static json_t *policy_make(const queue_tls_policy_t *policy)
{
    json_t *object = json_object(), *head = json_object();
    json_t *summary = json_object(), *details = json_array();
    const queue_tls_failure_t *failure;

    set_string(head, "policy-type", queue_tls_kind_name(policy->kind));
    set_strings(head, "policy-string", policy->strings);
    set_string(head, "policy-domain", policy->domain);
    set_strings(head, "mx-host", policy->mx);
    set(object, "policy", head);
    set(summary, "total-successful-session-count",
        json_integer(policy->successes));
    set(summary, "total-failure-session-count",
        json_integer(queue_tls_policy_failures(policy)));
    set(object, "summary", summary);
    for (failure = policy->failures; failure; failure = failure->next) {
        json_array_append_new(details, failure_make(failure));
    }
    set(object, "failure-details", details);
    return object;
}

const char *queue_tls_json_write(apr_pool_t *p,
                                 const queue_tls_domain_t *domain,
                                 const queue_tls_about_t *about)
{
    json_t *report = json_object(), *range = json_object();
    json_t *policies = json_array();
    const queue_tls_policy_t *policy;
    const char *copy;
    char *text;

    set_string(report, "organization-name", about->organization);
    set_string(range, "start-datetime",
               time_write(p, queue_tls_day_begin(about->day)));
    set_string(range, "end-datetime", time_write(p, day_end(about->day)));
    set(report, "date-range", range);
    set_string(report, "contact-info", about->contact);
    set_string(report, "report-id", about->id);
    for (policy = domain->policies; policy; policy = policy->next) {
        json_array_append_new(policies, policy_make(policy));
    }
    set(report, "policies", policies);
    text = json_dumps(report, JSON_COMPACT);
    copy = apr_pstrdup(p, text ? text : "{}");
    free(text);
    json_decref(report);
    return copy;
}

/* ---- gzip ---- */

const char *queue_tls_gzip(apr_pool_t *p, const char *octets, apr_size_t len,
                           apr_size_t *gzip_len)
{
    z_stream z;
    uLong room;
    char *out;

    *gzip_len = 0;
    memset(&z, 0, sizeof(z));
    /* 16 more: gzip's header, not zlib's. */
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return NULL;
    }
    room = deflateBound(&z, (uLong)len);
    out = apr_palloc(p, room);
    z.next_in = (Bytef *)octets;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
        out = NULL;
    }
    *gzip_len = out ? z.total_out : 0;
    deflateEnd(&z);
    return out;
}

/* ---- The mail ---- */

/** In lines. */
static const char *base64_write(apr_pool_t *p, const char *octets,
                                apr_size_t len)
{
    char *text = apr_palloc(p, apr_base64_encode_len((int)len));
    int left = apr_base64_encode_binary(text, (const unsigned char *)octets,
                                        (int)len) - 1;
    char *lines = apr_palloc(p, left + left / LINE_OCTETS * 2 + 3);
    char *to = lines;

    while (left > 0) {
        int n = left < LINE_OCTETS ? left : LINE_OCTETS;

        memcpy(to, text, n);
        memcpy(to + n, "\r\n", 2);
        to += n + 2;
        text += n;
        left -= n;
    }
    *to = '\0';
    return lines;
}

/** RFC 8460 5.1: "SENDER!DOMAIN!BEGIN!END!ID.json.gz". */
static const char *filename_make(apr_pool_t *p,
                                 const queue_tls_domain_t *domain,
                                 const queue_tls_about_t *about)
{
    return apr_psprintf(p, "%s!%s!%" APR_TIME_T_FMT "!%" APR_TIME_T_FMT
                        "!001.json.gz", about->organization, domain->domain,
                        apr_time_sec(queue_tls_day_begin(about->day)),
                        apr_time_sec(day_end(about->day)));
}

static const char *header_write(apr_pool_t *p,
                                const queue_tls_domain_t *domain,
                                const queue_tls_about_t *about,
                                apr_time_t now, const char *to,
                                const char *boundary)
{
    char date[SMTP_DATE_BUFFER_OCTETS];

    smtp_date_write(date, now, 0);
    return apr_pstrcat(
        p, "From: <", about->contact, ">\r\n"
        "To: <", to, ">\r\n"
        "Date: ", date, "\r\n"
        "Message-ID: <", about->id, ">\r\n"
        "Subject: Report Domain: ", domain->domain, "\r\n"
        " Submitter: ", about->organization, "\r\n"
        " Report-ID: <", about->id, ">\r\n"
        "TLS-Report-Domain: ", domain->domain, "\r\n"
        "TLS-Report-Submitter: ", about->organization, "\r\n"
        "TLS-Required: No\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
        " boundary=\"", boundary, "\"\r\n", NULL);
}

static const char *text_write(apr_pool_t *p, const queue_tls_domain_t *domain,
                              const queue_tls_about_t *about)
{
    return apr_pstrcat(
        p, "This is a report about TLS (RFC 8460) with the servers of\r\n"
        "    ", domain->domain, "\r\n"
        "by which ", about->organization, "\r\n"
        "sent mail on ",
        apr_pstrmemdup(p, time_write(p, queue_tls_day_begin(about->day)), 10),
        " (UTC).\r\n", NULL);
}

const char *queue_tls_mail_write(apr_pool_t *p,
                                 const queue_tls_domain_t *domain,
                                 const queue_tls_about_t *about,
                                 apr_time_t now, const char *to,
                                 const char *gzip, apr_size_t gzip_len)
{
    /* Base64 has no underscore, and our text none either. */
    const char *boundary = apr_psprintf(p, "_%" APR_UINT64_T_HEX_FMT "_",
                                        (apr_uint64_t)now);

    return apr_pstrcat(
        p, header_write(p, domain, about, now, to, boundary), "\r\n"
        "--", boundary, "\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
        text_write(p, domain, about), "\r\n"
        "--", boundary, "\r\n"
        "Content-Type: " QUEUE_TLS_JSON_TYPE "\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment;\r\n"
        " filename=\"", filename_make(p, domain, about), "\"\r\n\r\n",
        base64_write(p, gzip, gzip_len),
        "--", boundary, "--\r\n", NULL);
}
