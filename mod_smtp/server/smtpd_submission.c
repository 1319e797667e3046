/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_submission.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_date.h"
#include "smtp_escape.h"
#include "smtp_mailboxes.h"
#include "smtpd_log.h"
#include "smtpd_sender.h"
#include "smtpd_zone.h"

APLOG_USE_MODULE(smtp);

/** What is known of a message while it is completed. */
typedef struct submission_t {
    smtpd_session_t *ss;
    smtpd_transaction_t *tx;
    apr_pool_t *p;               /**< the transaction's */
    apr_array_header_t *from;    /**< const smtp_address_t *; NULL: no From */
    apr_array_header_t *sender;  /**< the same of Sender */
} submission_t;

/** RFC 5322 3.6: these stand once. Of two, readers show one or the other, and
 *  we would check the wrong one. */
static const struct {
    unsigned int field;
    const char *name;
} once[] = {
    { SMTP_HEADER_FROM, "From" },
    { SMTP_HEADER_SENDER, "Sender" },
    { SMTP_HEADER_DATE, "Date" },
    { SMTP_HEADER_MESSAGE_ID, "Message-ID" }
};

static int refuse(const submission_t *s, smtp_reply_t *reply,
                  const char *name, const char *fault)
{
    *reply = (smtp_reply_t){ 554, { 5, 6, 0 },
                             apr_pstrcat(s->p, name, fault, NULL) };
    return 0;
}

/**
 * Whether others read the header section as we do. A line that is no field
 * ends it for us, but many a reader skips it, and finds another From below; a
 * bare LF, which BODY=BINARYMIME lets through, ends a line in a Maildir.
 */
static int check_form(const submission_t *s, smtp_reply_t *reply)
{
    const smtp_header_t *header = &s->tx->header;

    if (header->has_bare) {
        return refuse(s, reply, "Header", " has a CR, LF or NUL alone");
    }
    if (header->is_malformed && header->header_octets > 0) {
        return refuse(s, reply, "Header", " has a line that is no field");
    }
    return 1;
}

static int check_once(const submission_t *s, smtp_reply_t *reply)
{
    size_t i;

    for (i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
        if (s->tx->header.repeated & once[i].field) {
            return refuse(s, reply, once[i].name, " stands twice");
        }
    }
    return 1;
}

/** RFC 6532 3 allows UTF-8 in header fields only where MAIL said SMTPUTF8. Of
 *  the codes 5.6.9 says it: such a header cannot be transferred (RFC 6531
 *  4.2 has it with 550). */
static int check_octets(const submission_t *s, smtp_reply_t *reply)
{
    if (s->tx->header.has_8bit && !s->tx->pub.params.smtputf8) {
        *reply = (smtp_reply_t){ 550, { 5, 6, 9 },
                                 "Header is not ASCII, SMTPUTF8 is needed" };
        return 0;
    }
    return 1;
}

/** RFC 6409 4.2: whoever adds to a header sees to it that its domains are
 *  whole; we don't guess what was meant. */
static int is_qualified(const smtp_address_t *address)
{
    return address->is_literal || strchr(address->domain, '.') != NULL;
}

/** Reads a field that lists mailboxes, if it is there. */
static int read_mailboxes(const submission_t *s, unsigned int field,
                          const char *name, const char *body,
                          apr_array_header_t **mailboxes,
                          smtp_reply_t *reply)
{
    int i;

    *mailboxes = NULL;
    if (body == NULL) {
        return 1;
    }
    if (s->tx->header.is_cut & field) {
        return refuse(s, reply, name, " is too long to be checked");
    }
    if (smtp_mailboxes_parse(s->p, body, strlen(body), 0, mailboxes)
        != SMTP_MAILBOXES_OK) {
        return refuse(s, reply, name, " lists no mailboxes (RFC 5322 3.6.2)");
    }
    for (i = 0; i < (*mailboxes)->nelts; i++) {
        if (!is_qualified(APR_ARRAY_IDX(*mailboxes, i,
                                        const smtp_address_t *))) {
            return refuse(s, reply, name, " has a domain that is not fully "
                          "qualified");
        }
    }
    return 1;
}

static int read_header(submission_t *s, smtp_reply_t *reply)
{
    const smtp_header_t *header = &s->tx->header;

    if (!read_mailboxes(s, SMTP_HEADER_FROM, "From", header->from, &s->from,
                        reply)
        || !read_mailboxes(s, SMTP_HEADER_SENDER, "Sender", header->sender,
                           &s->sender, reply)) {
        return 0;
    }
    /* RFC 5322 3.6.2 */
    if (s->sender != NULL && s->sender->nelts != 1) {
        return refuse(s, reply, "Sender", " is more than one mailbox");
    }
    return 1;
}

static int owns_any(const submission_t *s, const smtpd_sender_t *sender,
                    const apr_array_header_t *mailboxes)
{
    int i;

    for (i = 0; mailboxes != NULL && i < mailboxes->nelts; i++) {
        if (smtpd_sender_owns(s->ss, s->tx, sender,
                              APR_ARRAY_IDX(mailboxes, i,
                                            const smtp_address_t *))) {
            return 1;
        }
    }
    return mailboxes == NULL;
}

/** RFC 6409 6.1, for the names that people see. */
static int check_owner(const submission_t *s, smtp_reply_t *reply)
{
    const char *login = s->ss->pub.login;
    const smtpd_sender_t *sender;
    int owns_from;

    if (smtpd_sender_find(s->ss, s->tx, &sender) != APR_SUCCESS) {
        *reply = (smtp_reply_t){ 451, { 4, 3, 0 }, "Try again later" };
        return 0;
    }
    if (sender == NULL) {
        return 1;
    }
    owns_from = owns_any(s, sender, s->from);
    if (owns_from && owns_any(s, sender, s->sender)) {
        return 1;
    }
    *reply = (smtp_reply_t){ 550, { 5, 7, 1 },
                             apr_pstrcat(s->p, owns_from ? "Sender" : "From",
                                         " address rejected: not owned by ",
                                         smtp_chars_escape(s->p, login,
                                                           strlen(login),
                                                           120), NULL) };
    return 0;
}

/** A field on top of the mail. An address is not folded: white space in a
 *  quoted local-part is part of it. */
static void field_add(const submission_t *s, const char *name,
                      const char *body)
{
    s->tx->pub.added_fields =
        apr_pstrcat(s->p, s->tx->pub.added_fields, name, ": ",
                    smtp_escape_write(s->p, body, strlen(body),
                                      s->tx->pub.params.smtputf8), "\r\n",
                    NULL);
}

/** Whom the mail is from when it does not say so itself: the reverse-path, or
 *  who logged in. NULL: nobody knows. */
static const smtp_address_t *author_of(const submission_t *s)
{
    const smtp_address_t *reverse_path = s->tx->pub.reverse_path;

    return reverse_path->is_null ? smtpd_sender_login(s->ss, s->p)
                                 : reverse_path;
}

/** RFC 5322 3.6.2: From stands in every mail, and Sender where From names
 *  several; RFC 6409 8.1. */
static int add_originator(const submission_t *s, smtp_reply_t *reply)
{
    const smtp_address_t *author = author_of(s);

    if (s->from == NULL && author == NULL) {
        return refuse(s, reply, "From", " is missing");
    }
    if (s->from == NULL) {
        field_add(s, "From", author->text);
    }
    else if (s->from->nelts > 1 && s->sender == NULL) {
        if (author == NULL) {
            author = APR_ARRAY_IDX(s->from, 0, const smtp_address_t *);
        }
        field_add(s, "Sender", author->text);
    }
    return 1;
}

/** RFC 6409 8.2. */
static void add_date(const submission_t *s)
{
    char date[SMTP_DATE_BUFFER_OCTETS];
    apr_time_t now = apr_time_now();

    if (!(s->tx->header.fields & SMTP_HEADER_DATE)) {
        smtp_date_write(date, now, smtpd_zone_offset(now));
        field_add(s, "Date", date);
    }
}

/** RFC 6409 8.3. */
static void add_message_id(const submission_t *s)
{
    if (!(s->tx->header.fields & SMTP_HEADER_MESSAGE_ID)) {
        s->tx->header.message_id =
            apr_pstrcat(s->p, "<", s->tx->pub.id, "@",
                        s->ss->pub.s->server_hostname, ">", NULL);
        field_add(s, "Message-ID", s->tx->header.message_id);
    }
}

/** RFC 6409 6.3, 8.4: a client that sends eight bits unannounced would lose
 *  them at a next hop that is told of seven. */
static void announce_8bit(smtpd_transaction_t *tx)
{
    if (tx->has_8bit && tx->pub.params.body == SMTP_BODY_7BIT) {
        tx->pub.params.has_body = 1;
        tx->pub.params.body = SMTP_BODY_8BITMIME;
    }
}

void smtpd_submission_look(const smtpd_session_t *ss, smtpd_transaction_t *tx,
                           const char *octets, apr_size_t len)
{
    if (ss->conf->service == SMTPD_SERVICE_SUBMISSION && !tx->has_8bit
        && tx->pub.params.body == SMTP_BODY_7BIT) {
        tx->has_8bit = smtp_chars_has_8bit(octets, len) != 0;
    }
}

int smtpd_submission_complete(smtpd_session_t *ss, smtpd_transaction_t *tx,
                              smtp_reply_t *reply)
{
    submission_t s = { ss, tx, tx->pub.r->pool, NULL, NULL };

    if (ss->conf->service != SMTPD_SERVICE_SUBMISSION) {
        return 1;
    }
    if (!check_form(&s, reply) || !check_once(&s, reply)
        || !check_octets(&s, reply)
        || !read_header(&s, reply) || !check_owner(&s, reply)
        || !add_originator(&s, reply)) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, tx->pub.r, SMTPD_LOGNO(1167)
                      "%s: refused by submission: %s", tx->pub.id,
                      reply->text);
        return 0;
    }
    add_date(&s);
    add_message_id(&s);
    announce_8bit(tx);
    return 1;
}
