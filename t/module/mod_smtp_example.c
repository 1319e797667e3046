/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What a module of someone else may look like: it refuses by the envelope,
 * reads the content, adds a header field and counts what was delivered; and a
 * page of its own sends mail (SetHandler example-own-mail).
 * Loaded after mod_smtp: LoadModule smtp_example_module mod_smtp_example.so
 */
#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include <apr_thread_proc.h>
#include <ap_provider.h>

#include "mod_smtp.h"
#include "smtp_queue.h"
#include "smtp_token.h"

APLOG_USE_MODULE(smtp_example);

static APR_OPTIONAL_FN_TYPE(smtp_transaction_field_add) *field_add;
static APR_OPTIONAL_FN_TYPE(smtp_own_mail_send) *own_mail_send;

static void retrieve(void)
{
    field_add = APR_RETRIEVE_OPTIONAL_FN(smtp_transaction_field_add);
    own_mail_send = APR_RETRIEVE_OPTIONAL_FN(smtp_own_mail_send);
}

/* Refuses by the envelope; who writes to trap@ is sent away. */
static int rcpt(smtp_transaction_t *tx, smtp_recipient_t *recipient,
                smtp_reply_t *reply)
{
    const char *local = recipient->forward_path->local;

    if (!strcasecmp(local, "refused")) {
        *reply = (smtp_reply_t){ 550, { 5, 7, 1 },
                                 "Refused by the example\nOn two lines" };
        return SMTP_REFUSE;
    }
    if (!strcasecmp(local, "trap")) {
        *reply = (smtp_reply_t){ 550, { 5, 7, 1 }, "A trap" };
        return SMTP_DROP;
    }
    /* A module that breaks: mod_smtp fails closed. */
    return strcasecmp(local, "broken") ? DECLINED : SMTP_REFUSE;
}

/* Counts the octets that it sees, refuses those who write of viruses. */
static int message(smtp_transaction_t *tx, apr_bucket_brigade *content,
                   smtp_reply_t *reply)
{
    char *octets;
    apr_size_t len;

    if (apr_brigade_pflatten(content, &octets, &len, tx->r->pool)
        != APR_SUCCESS) {
        return SMTP_REFUSE;
    }
    octets = apr_pstrmemdup(tx->r->pool, octets, len);
    if (strstr(octets, "VIRUS")) {
        *reply = (smtp_reply_t){ 554, { 5, 7, 1 }, "Virus found" };
        return SMTP_REFUSE;
    }
    field_add(tx, "X-Example", apr_psprintf(tx->r->pool,
              "%" APR_SIZE_T_FMT " octets\r\nInjected: no", len));
    return OK;
}

static void delivered(smtp_transaction_t *tx)
{
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, tx->r, "example: delivered "
                  "%s to %d", tx->id, tx->recipients->nelts);
}

static void reset(smtp_transaction_t *tx)
{
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, tx->r, "example: reset %s",
                  tx->id);
}

/* SMTPAuthToken example:PREFIX takes tokens of PREFIX and a login; it is a
 * judge for tests alone. */
static const char *token_open(apr_pool_t *p, server_rec *s,
                              const char *argument, void **checker)
{
    *checker = apr_pstrdup(p, argument);
    return *argument ? NULL : "names no prefix; write example:prefix";
}

static apr_status_t token_check(apr_pool_t *p, request_rec *r, void *checker,
                                const char *user, const char *token,
                                const char **login)
{
    apr_size_t len = strlen(checker);

    *login = NULL;
    if (!strcmp(token, "unreachable")) {
        return APR_ECONNREFUSED;
    }
    if (strncmp(token, checker, len)) {
        return APR_EACCES;
    }
    /* Whether the user agrees is left to mod_smtp, which must look, too. */
    *login = apr_pstrdup(p, token + len);
    return APR_SUCCESS;
}

static const smtp_token_t token = { token_open, token_check };

/* A mail that a page sends, and what came of it. */
typedef struct page_t {
    request_rec *r;
    smtp_own_mail_t mail;
    int fails;                   /* the composer gives up amid the mail */
    const char *id;
    smtp_reply_t reply;
    apr_status_t rv;
} page_t;

static apr_status_t compose(void *ctx, apr_status_t (*write)(
                                void *to, const char *octets,
                                apr_size_t len), void *to)
{
    static const char header[] = "Subject: of our own\r\n",
                      body[] = "\r\n.dots\r\n";
    page_t *page = ctx;
    apr_status_t rv = write(to, header, sizeof(header) - 1);

    if (rv == APR_SUCCESS && page->fails) {
        return APR_ENOMEM;
    }
    return rv == APR_SUCCESS ? write(to, body, sizeof(body) - 1) : rv;
}

static void send_own(page_t *page)
{
    page->rv = own_mail_send(page->r->pool, page->r->server, &page->mail,
                             &page->id, &page->reply);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    send_own(data);
    return NULL;
}

static void send_in_thread(page_t *page)
{
    apr_status_t rv;
    apr_thread_t *thread;

    if (apr_thread_create(&thread, NULL, run, page, page->r->pool)
        == APR_SUCCESS) {
        apr_thread_join(&rv, thread);
    }
}

/* Reads "from=A&to=B&to=C"; returns whether "thread=1" is there. */
static int read_arguments(page_t *page, apr_array_header_t *recipients)
{
    int in_thread = 0;
    char *last, *word = apr_strtok(page->r->args, "&", &last);

    for (; word; word = apr_strtok(NULL, "&", &last)) {
        ap_unescape_url(word);
        if (!strncmp(word, "from=", 5)) {
            page->mail.reverse_path = word + 5;
        }
        else if (!strncmp(word, "to=", 3)) {
            APR_ARRAY_PUSH(recipients, const char *) = word + 3;
        }
        page->fails = page->fails || !strcmp(word, "fails=1");
        in_thread = in_thread || !strcmp(word, "thread=1");
    }
    return in_thread;
}

static int handler(request_rec *r)
{
    page_t page = { 0 };
    apr_array_header_t *recipients =
        apr_array_make(r->pool, 1, sizeof(const char *));

    if (!r->handler || strcmp(r->handler, "example-own-mail") || !r->args) {
        return DECLINED;
    }
    page.r = r;
    page.mail.reverse_path = "";
    page.mail.recipients = recipients;
    page.mail.compose = compose;
    page.mail.ctx = &page;
    (read_arguments(&page, recipients) ? send_in_thread : send_own)(&page);
    ap_rprintf(r, "rv=%s id=%s reply=%d %s\n",
               page.rv == APR_SUCCESS ? "OK"
               : page.rv == APR_EGENERAL ? "refused" : "error",
               page.id ? page.id : "-", page.reply.code,
               page.reply.text ? page.reply.text : "-");
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_register_provider(p, SMTP_TOKEN_GROUP, "example", SMTP_TOKEN_VERSION,
                         &token);
    smtp_hook_rcpt(rcpt, NULL, NULL, APR_HOOK_MIDDLE);
    smtp_hook_message(message, NULL, NULL, APR_HOOK_MIDDLE);
    smtp_hook_delivered(delivered, NULL, NULL, APR_HOOK_MIDDLE);
    smtp_hook_reset(reset, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_optional_fn_retrieve(retrieve, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA smtp_example_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0
};
