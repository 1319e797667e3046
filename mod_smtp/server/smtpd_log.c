/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * CustomLog sees each mail transaction as a request. The formats of ours are
 * %{name}^SM: %x belongs to mod_ssl.
 */
#include "smtpd_log.h"

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mod_log_config.h>
#include <scoreboard.h>

#include "smtp_chars.h"
#include "smtpd_transaction.h"

APLOG_USE_MODULE(smtp);

extern module AP_MODULE_DECLARE_DATA smtp_module;

/* The dialogue shows this many octets of a line. */
#define SHOWN_OCTETS 512
/* %{to}^SM names this many recipients, then "...". */
#define SHOWN_RECIPIENTS 20

/* A quote, too, is escaped: formats put items between quotes, and so do lines
 * that programs read. */
static const char *quote_escape(apr_pool_t *p, const char *s)
{
    const char *text = "", *quote;

    while ((quote = strchr(s, '"')) != NULL) {
        text = apr_pstrcat(p, text,
                           apr_pstrmemdup(p, s, (apr_size_t)(quote - s)),
                           "\\x22", NULL);
        s = quote + 1;
    }
    return apr_pstrcat(p, text, s, NULL);
}

static const char *escape(apr_pool_t *p, const char *s)
{
    return s ? quote_escape(p, smtp_chars_escape(p, s, strlen(s),
                                                 SHOWN_OCTETS))
             : "-";
}

static const char *item_id(smtpd_transaction_t *tx)
{
    return tx->pub.id;
}

static const char *item_from(smtpd_transaction_t *tx)
{
    return apr_pstrcat(tx->pub.r->pool, "<",
                       escape(tx->pub.r->pool, tx->pub.reverse_path->text),
                       ">", NULL);
}

static const char *item_to(smtpd_transaction_t *tx)
{
    apr_pool_t *p = tx->pub.r->pool;
    const char *list = "";
    int i;

    for (i = 0; i < tx->pub.recipients->nelts && i < SHOWN_RECIPIENTS; i++) {
        list = apr_pstrcat(p, list, i ? ",<" : "<", escape(p, APR_ARRAY_IDX(
                           tx->pub.recipients, i, smtp_recipient_t *)
                           ->forward_path->text), ">", NULL);
    }
    if (i < tx->pub.recipients->nelts) {
        list = apr_pstrcat(p, list, ",...", NULL);
    }
    return *list ? list : "-";
}

static const char *item_nrcpt(smtpd_transaction_t *tx)
{
    return apr_itoa(tx->pub.r->pool, tx->pub.recipients->nelts);
}

static const char *item_size(smtpd_transaction_t *tx)
{
    return apr_off_t_toa(tx->pub.r->pool, tx->pub.size_octets);
}

static const char *item_reply(smtpd_transaction_t *tx)
{
    return tx->last_reply;
}

static const char *item_helo(smtpd_transaction_t *tx)
{
    return escape(tx->pub.r->pool, tx->pub.session->helo);
}

static const char *item_proto(smtpd_transaction_t *tx)
{
    return tx->pub.r->protocol;
}

static const char *item_login(smtpd_transaction_t *tx)
{
    return escape(tx->pub.r->pool, tx->pub.session->login);
}

static const char *item_auth(smtpd_transaction_t *tx)
{
    const char *mechanism = tx->pub.session->auth_mechanism;

    return mechanism ? mechanism : "-";
}

static const char *item_message_id(smtpd_transaction_t *tx)
{
    const char *message_id = tx->header.message_id;  /* escaped already */

    return message_id ? quote_escape(tx->pub.r->pool, message_id) : "-";
}

static const char *item_tls(smtpd_transaction_t *tx)
{
    const char *version = tx->pub.session->tls_version;

    return version ? version : "-";
}

static const char *item_cipher(smtpd_transaction_t *tx)
{
    const char *cipher = tx->pub.session->tls_cipher;

    return cipher ? cipher : "-";
}

static const struct {
    const char *name;
    const char *(*value)(smtpd_transaction_t *tx);
} items[] = {
    { "id",      item_id },
    { "from",    item_from },
    { "to",      item_to },
    { "nrcpt",   item_nrcpt },
    { "size",    item_size },
    { "reply",   item_reply },
    { "helo",    item_helo },
    { "proto",   item_proto },
    { "tls",     item_tls },
    { "cipher",  item_cipher },
    { "msgid",   item_message_id },
    { "login",   item_login },
    { "auth",    item_auth }
};

static const char *log_item(request_rec *r, char *name)
{
    smtpd_transaction_t *tx = ap_get_module_config(r->request_config,
                                                   &smtp_module);
    size_t i;

    for (i = 0; tx && i < sizeof(items) / sizeof(items[0]); i++) {
        if (!strcasecmp(items[i].name, name)) {
            return items[i].value(tx);
        }
    }
    return "-";
}

void smtpd_log_register(apr_pool_t *p)
{
    APR_OPTIONAL_FN_TYPE(ap_register_log_handler) *add =
        APR_RETRIEVE_OPTIONAL_FN(ap_register_log_handler);

    if (add) {
        add(p, "^SM", log_item, 0);
    }
}

void smtpd_log_transaction(smtpd_session_t *ss, smtpd_transaction_t *tx,
                           const smtp_reply_t *reply)
{
    request_rec *r = tx->pub.r;
    char status[SMTP_STATUS_BUFFER_OCTETS];

    /* 250 to RSET is not 250 to the mail: that one has no status. */
    if (tx->is_delivered || reply->code >= 400) {
        smtp_status_write(status, reply->status);
        tx->last_reply = apr_psprintf(r->pool, "%d %s", reply->code, status);
        r->status = reply->code;
    }
    else {
        tx->last_reply = "reset";
        r->status = 0;
    }
    r->bytes_sent = tx->pub.size_octets;
    r->user = (char *)tx->pub.session->login;
    smtp_run_log(&tx->pub, reply);
    ap_run_log_transaction(r);
    ap_increment_counts(ss->pub.c->sbh, r);
    ap_update_child_status(ss->pub.c->sbh, SERVER_BUSY_READ, r);
}

const char *smtpd_log_quote(apr_pool_t *p, const char *s)
{
    return apr_pstrcat(p, "\"", s ? escape(p, s) : "", "\"", NULL);
}

/* AUTH's argument, and what follows it, is a credential. */
static int is_secret(const char *line, apr_size_t len)
{
    return len >= 4 && !strncasecmp(line, "AUTH", 4);
}

void smtpd_log_command(const smtpd_session_t *ss, const char *line,
                       apr_size_t len, int is_hidden)
{
    const char *shown;

    if (!APLOGcdebug(ss->pub.c)) {
        return;
    }
    shown = is_hidden ? "(not shown)"
            : is_secret(line, len) ? "AUTH (not shown)"
            : smtp_chars_escape(ss->command_pool, line, len, SHOWN_OCTETS);
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, ss->pub.c, SMTPD_LOGNO(1040)
                  "C: %s", shown);
}

void smtpd_log_reply(const smtpd_session_t *ss, const char *octets,
                     apr_size_t len)
{
    const char *eol;

    if (!APLOGcdebug(ss->pub.c)) {
        return;
    }
    for (; (eol = memchr(octets, '\r', len)) != NULL; octets = eol + 2) {
        apr_size_t n = (apr_size_t)(eol - octets);

        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, ss->pub.c,
                      SMTPD_LOGNO(1041) "S: %s",
                      smtp_chars_escape(ss->command_pool, octets, n,
                                        SHOWN_OCTETS));
        len -= n + 2;
    }
}
