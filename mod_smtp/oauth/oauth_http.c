/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A handle of libcurl's is used by one thread at a time, and keeps its
 * connection: idle handles lie on a stack, so that a TLS handshake is not
 * needed for each login. There are never more handles than requests may be at
 * once.
 */
#include "oauth_http.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

struct oauth_http_t {
#if APR_HAS_THREADS
    apr_thread_mutex_t *mutex;   /**< guards what follows */
#endif
    int busy;                    /**< requests at this moment */
    int max_requests;
    int idle_count;
    CURL **idle;                 /**< the stack */
};

/** One request. */
typedef struct request_t {
    apr_pool_t *p;
    const oauth_http_endpoint_t *endpoint;
    CURL *curl;
    struct curl_slist *fields;
    char *form;                  /**< the body, which has the token */
    char *octets;                /**< of the answer; room for the most */
    apr_size_t len;
    int is_too_large;
    char reason[CURL_ERROR_SIZE];
} request_t;

static void http_lock(oauth_http_t *http)
{
#if APR_HAS_THREADS
    apr_thread_mutex_lock(http->mutex);
#endif
}

static void http_unlock(oauth_http_t *http)
{
#if APR_HAS_THREADS
    apr_thread_mutex_unlock(http->mutex);
#endif
}

/* ---- Handles ---- */

static apr_status_t http_close(void *data)
{
    oauth_http_t *http = data;

    while (http->idle_count > 0) {
        curl_easy_cleanup(http->idle[--http->idle_count]);
    }
    curl_global_cleanup();
    return APR_SUCCESS;
}

apr_status_t oauth_http_create(apr_pool_t *pchild, int max_requests,
                               oauth_http_t **http)
{
    oauth_http_t *made = apr_pcalloc(pchild, sizeof(*made));

    *http = NULL;
    made->max_requests = max_requests;
    made->idle = apr_pcalloc(pchild, sizeof(CURL *) * (size_t)max_requests);
#if APR_HAS_THREADS
    if (apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT,
                                pchild) != APR_SUCCESS) {
        return APR_ENOMEM;
    }
#endif
    /* Not thread-safe: hence before there are threads. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return APR_EGENERAL;
    }
    apr_pool_cleanup_register(pchild, made, http_close,
                              apr_pool_cleanup_null);
    *http = made;
    return APR_SUCCESS;
}

/** Takes a place among the requests, and a handle if one is idle.
 *  @return whether there was a place */
static int place_take(oauth_http_t *http, CURL **curl)
{
    int is_free;

    *curl = NULL;
    http_lock(http);
    is_free = http->busy < http->max_requests;
    if (is_free) {
        http->busy++;
        *curl = http->idle_count > 0 ? http->idle[--http->idle_count] : NULL;
    }
    http_unlock(http);
    return is_free;
}

/** Gives the place back; @a curl lies idle from now on, if it is not NULL. */
static void place_release(oauth_http_t *http, CURL *curl)
{
    if (curl != NULL) {
        /* Its options, the credentials among them, go; connections stay. */
        curl_easy_reset(curl);
    }
    http_lock(http);
    http->busy--;
    if (curl != NULL) {
        http->idle[http->idle_count++] = curl;
    }
    http_unlock(http);
}

/* ---- A request ---- */

static size_t octets_take(char *octets, size_t size, size_t count,
                          void *data)
{
    request_t *request = data;
    size_t len = size * count;

    if (len > OAUTH_ANSWER_MAX_OCTETS - request->len) {
        request->is_too_large = 1;
        return 0;                /* libcurl ends the transfer */
    }
    memcpy(request->octets + request->len, octets, len);
    request->len += len;
    return len;
}

/** RFC 7662 2.1. The hint spares the end point a search. */
static char *form_write(apr_pool_t *p, const char *token)
{
    return apr_pstrcat(p, "token=", apr_pescape_urlencoded(p, token),
                       "&token_type_hint=access_token", NULL);
}

/** How libcurl is told to speak HTTP and nothing else: the older way draws a
 *  warning from later ones. */
static CURLcode protocols_set(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                            CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

/** @return whether all options were taken */
static int transport_set(const request_t *request)
{
    const oauth_http_endpoint_t *endpoint = request->endpoint;
    CURL *curl = request->curl;

    return protocols_set(curl) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK
        /* Not the proxy that an environment variable happens to name. */
        && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                            (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK
        && (endpoint->ca_file == NULL
            || (curl_easy_setopt(curl, CURLOPT_CAINFO, endpoint->ca_file)
                == CURLE_OK
                && curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK))
        /* Signals belong to httpd. */
        && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                            (long)apr_time_as_msec(endpoint->connect_timeout))
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                            (long)apr_time_as_msec(endpoint->timeout))
           == CURLE_OK;
}

static int credentials_set(const request_t *request)
{
    const oauth_http_endpoint_t *endpoint = request->endpoint;
    CURL *curl = request->curl;

    /* RFC 6749 2.3.1: form-encoded, then Basic. */
    return curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_USERNAME,
                            apr_pescape_urlencoded(request->p,
                                                   endpoint->client_id))
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_PASSWORD,
                            apr_pescape_urlencoded(request->p,
                                                   endpoint->client_secret))
           == CURLE_OK;
}

static int message_set(request_t *request)
{
    CURL *curl = request->curl;

    request->fields = curl_slist_append(NULL, "Accept: application/json");
    return request->fields != NULL
        && curl_easy_setopt(curl, CURLOPT_URL, request->endpoint->url)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->fields)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->form)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->reason)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, octets_take)
           == CURLE_OK
        && curl_easy_setopt(curl, CURLOPT_WRITEDATA, request) == CURLE_OK;
}

static void answer_take(const request_t *request, oauth_answer_t *answer)
{
    long status = 0;
    const char *type = NULL;

    curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(request->curl, CURLINFO_CONTENT_TYPE, &type);
    answer->status = (int)status;
    answer->type = apr_pstrdup(request->p, type);
    answer->octets = request->octets;
    answer->len = request->len;
}

static const char *fault_write(const request_t *request, CURLcode code)
{
    if (request->is_too_large) {
        return "its answer is too large";
    }
    return apr_pstrdup(request->p, request->reason[0] != '\0'
                                   ? request->reason
                                   : curl_easy_strerror(code));
}

static apr_status_t request_run(request_t *request, oauth_answer_t *answer,
                                const char **fault)
{
    CURLcode code = CURLE_FAILED_INIT;

    if (transport_set(request) && credentials_set(request)
        && message_set(request)) {
        code = curl_easy_perform(request->curl);
    }
    if (code == CURLE_OK) {
        answer_take(request, answer);
        return APR_SUCCESS;
    }
    *fault = fault_write(request, code);
    return code == CURLE_OPERATION_TIMEDOUT ? APR_TIMEUP : APR_EGENERAL;
}

apr_status_t oauth_http_ask(oauth_http_t *http, apr_pool_t *p,
                            const oauth_http_endpoint_t *endpoint,
                            const char *token, oauth_answer_t *answer,
                            const char **fault)
{
    request_t request = { .p = p, .endpoint = endpoint };
    apr_status_t rv = APR_ENOMEM;

    *fault = NULL;
    memset(answer, 0, sizeof(*answer));
    if (!place_take(http, &request.curl)) {
        *fault = "as many as SMTPOAuthMaxRequests allows are asking already";
        return APR_EAGAIN;
    }
    if (request.curl == NULL) {
        request.curl = curl_easy_init();
    }
    if (request.curl != NULL) {
        request.form = form_write(p, token);
        request.octets = apr_palloc(p, OAUTH_ANSWER_MAX_OCTETS);
        rv = request_run(&request, answer, fault);
        OPENSSL_cleanse(request.form, strlen(request.form));
        curl_slist_free_all(request.fields);
        ERR_clear_error();
    }
    place_release(http, request.curl);
    return rv;
}
