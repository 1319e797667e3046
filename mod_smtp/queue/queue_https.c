/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_https.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <apr_atomic.h>
#include <apr_strings.h>
#include <curl/curl.h>

#include "smtp_dns_record.h"

/** Of the time for the whole, so much for connecting. */
#define CONNECT_PART 2

/** Addresses that are tried. */
#define ADDRESSES_MAX 4

/** No more requests; the process ends. */
static volatile apr_uint32_t is_stopped;

/** A request on its way. */
typedef struct call_t {
    apr_pool_t *p;
    const queue_https_request_t *request;
    CURL *curl;
    struct curl_slist *fields;   /* of the header */
    struct curl_slist *resolve;
    char *octets;
    apr_size_t len;
    apr_size_t room;
    int is_too_large;
    char reason[CURL_ERROR_SIZE];
} call_t;

static apr_status_t https_end(void *data)
{
    (void)data;
    curl_global_cleanup();
    return APR_SUCCESS;
}

apr_status_t queue_https_begin(apr_pool_t *p)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return APR_EGENERAL;
    }
    apr_pool_cleanup_register(p, NULL, https_end, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* ---- A request ---- */

static size_t octets_take(char *octets, size_t size, size_t count,
                          void *data)
{
    call_t *call = data;
    size_t len = size * count;

    if (len > call->request->max_octets - call->len) {
        call->is_too_large = 1;
        return 0;                /* libcurl ends the transfer */
    }
    if (len > call->room - call->len) {
        apr_size_t room = 2 * (call->len + len);
        char *more = apr_palloc(call->p, room);

        if (call->len > 0) {
            memcpy(more, call->octets, call->len);
        }
        call->octets = more;
        call->room = room;
    }
    memcpy(call->octets + call->len, octets, len);
    call->len += len;
    return len;
}

/** "HOST:PORT:ADDRESS,ADDRESS": nobody else is asked where the host is. */
static const char *resolve_write(const call_t *call)
{
    const queue_https_request_t *request = call->request;
    const char *text = apr_psprintf(call->p, "%s:%d:", request->host,
                                    request->port);
    int i;

    for (i = 0; i < request->addresses->nelts && i < ADDRESSES_MAX; i++) {
        const smtp_dns_address_t *address =
            &APR_ARRAY_IDX(request->addresses, i, smtp_dns_address_t);
        int is_ipv6 = address->family == AF_INET6;

        text = apr_pstrcat(call->p, text, i ? "," : "", is_ipv6 ? "[" : "",
                           smtp_dns_address_write(call->p, address),
                           is_ipv6 ? "]" : "", NULL);
    }
    return text;
}

/** Called about once a second. */
static int progress(void *data, curl_off_t down_all, curl_off_t down,
                    curl_off_t up_all, curl_off_t up)
{
    (void)data, (void)down_all, (void)down, (void)up_all, (void)up;
    return apr_atomic_read32(&is_stopped) != 0;
}

/** How libcurl is told to speak HTTPS and nothing else: the older way draws a
 *  warning from later ones. */
static CURLcode protocols_set(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
#else
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTPS);
#endif
}

static int ca_set(const call_t *call)
{
    const char *ca = call->request->ca_file;
    struct stat st;
    int is_dir;

    if (ca == NULL) {
        return 1;
    }
    is_dir = stat(ca, &st) == 0 && S_ISDIR(st.st_mode);
    return curl_easy_setopt(call->curl, CURLOPT_CAINFO, is_dir ? NULL : ca)
           == CURLE_OK
        && curl_easy_setopt(call->curl, CURLOPT_CAPATH, is_dir ? ca : NULL)
           == CURLE_OK;
}

/** @return whether all options were taken */
static int transport_set(call_t *call)
{
    const queue_https_request_t *request = call->request;
    CURL *curl = call->curl;
    long timeout = (long)apr_time_as_msec(request->timeout);

    call->resolve = curl_slist_append(NULL, resolve_write(call));
    return call->resolve != NULL && protocols_set(curl) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_RESOLVE, call->resolve) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                            (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK
        && ca_set(call)
        && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress)
           == CURLE_OK
        /* Signals belong to the process. */
        && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                            timeout / CONNECT_PART) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout) == CURLE_OK;
}

static int body_set(call_t *call)
{
    const queue_https_request_t *request = call->request;
    CURL *curl = call->curl;

    if (request->body == NULL) {
        return 1;
    }
    call->fields = curl_slist_append(
        NULL, apr_pstrcat(call->p, "Content-Type: ", request->type, NULL));
    return call->fields != NULL
        && curl_easy_setopt(curl, CURLOPT_HTTPHEADER, call->fields)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
                            (long)request->body_len) == CURLE_OK;
}

static int message_set(call_t *call)
{
    CURL *curl = call->curl;

    return curl_easy_setopt(curl, CURLOPT_URL, call->request->url)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, call->reason)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, octets_take)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_WRITEDATA, call) == CURLE_OK
        && body_set(call);
}

static void answer_take(const call_t *call, queue_https_answer_t *answer)
{
    const char *type = NULL;
    long status = 0;

    curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->curl, CURLINFO_CONTENT_TYPE, &type);
    answer->status = (int)status;
    answer->type = apr_pstrdup(call->p, type);
    answer->octets = call->octets ? call->octets : "";
    answer->len = call->len;
}

static void fault_set(const call_t *call, CURLcode code,
                      queue_https_answer_t *answer)
{
    answer->is_untrusted = code == CURLE_PEER_FAILED_VERIFICATION;
    answer->fault = call->is_too_large ? "the answer is too large"
                    : apr_pstrdup(call->p, call->reason[0] != '\0'
                                           ? call->reason
                                           : curl_easy_strerror(code));
}

void queue_https_stop(void)
{
    apr_atomic_set32(&is_stopped, 1);
}

void queue_https_run(apr_pool_t *p, const queue_https_request_t *request,
                     queue_https_answer_t *answer)
{
    call_t call = { .p = p, .request = request, .curl = curl_easy_init() };
    CURLcode code = CURLE_FAILED_INIT;

    memset(answer, 0, sizeof(*answer));
    if (call.curl != NULL && transport_set(&call) && message_set(&call)) {
        code = curl_easy_perform(call.curl);
    }
    if (code == CURLE_OK) {
        answer_take(&call, answer);
    }
    else {
        fault_set(&call, code, answer);
    }
    if (call.curl != NULL) {
        curl_easy_cleanup(call.curl);
    }
    curl_slist_free_all(call.fields);
    curl_slist_free_all(call.resolve);
}
