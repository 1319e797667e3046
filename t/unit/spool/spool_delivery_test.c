/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_unit.h"

#include "spool_delivery.h"
#include "spool_fault.h"

#define LARGE (STORE_CONTENT_MEMORY_MAX + 70000)

typedef struct session_t {
    spool_unit_t *u;
    spool_delivery_conf_t conf;
    smtp_transaction_t *tx;
    smtp_header_t header;
    smtp_session_t session;
    server_rec server;
    server_addr_rec addr;
    smtp_delivery_t *delivery;
} session_t;

static smtp_address_t *address(apr_pool_t *p, const char *text)
{
    smtp_address_t *a = apr_pcalloc(p, sizeof(*a));

    a->text = text;
    return a;
}

/* A transaction with a pool of its own, as the server makes it. */
static session_t *begin(spool_unit_t *u, const char *reverse_path)
{
    session_t *s = apr_pcalloc(u->p, sizeof(*s));
    request_rec *r = apr_pcalloc(u->p, sizeof(*r));

    assert_int_equal(apr_pool_create(&r->pool, u->p), 0);
    s->u = u;
    s->conf.journal = u->journal;
    s->conf.maildir = u->maildir;
    s->conf.log = &u->log;
    s->tx = apr_pcalloc(r->pool, sizeof(*s->tx));
    s->tx->r = r;
    s->tx->id = "queue-id";
    s->tx->reverse_path = address(r->pool, reverse_path);
    s->tx->began = apr_time_from_sec(1700000000);
    s->tx->header = &s->header;
    s->tx->session = &s->session;
    s->session.s = &s->server;
    s->session.client_ip = "192.0.2.7";
    s->server.server_hostname = (char *)"mx.example.com";
    s->server.port = 80;
    s->server.addrs = &s->addr;
    s->addr.host_port = 25;
    return s;
}

static smtp_recipient_t *recipient_create(apr_pool_t *p, const char *path)
{
    smtp_recipient_t *recipient = apr_pcalloc(p, sizeof(*recipient));

    recipient->forward_path = address(p, path);
    recipient->params.notify = 4;
    recipient->params.orcpt = "rfc822;x";
    return recipient;
}

static void add_mailbox(apr_pool_t *p, smtp_recipient_t *recipient,
                        const char *name, const char *method,
                        const char *argument)
{
    smtp_mailbox_t *mailbox = apr_pcalloc(p, sizeof(*mailbox));

    if (!recipient->mailboxes) {
        recipient->mailboxes = apr_array_make(p, 1,
                                              sizeof(smtp_mailbox_t *));
    }
    mailbox->domain = "example.com";
    mailbox->name = name;
    mailbox->method = method;
    mailbox->argument = argument;
    mailbox->delivered_to = apr_pstrcat(p, name, "@example.com", NULL);
    APR_ARRAY_PUSH(recipient->mailboxes, smtp_mailbox_t *) = mailbox;
}

static int add_recipient(session_t *s, smtp_recipient_t *recipient,
                         smtp_reply_t *reply)
{
    if (!s->delivery) {
        s->delivery = spool_delivery_create(s->tx, &s->conf);
    }
    return s->delivery->klass->recipient(s->delivery, recipient, reply);
}

static int add(session_t *s, const char *name, smtp_reply_t *reply)
{
    apr_pool_t *p = s->tx->r->pool;
    smtp_recipient_t *recipient =
        recipient_create(p, apr_pstrcat(p, name, "@example.com", NULL));

    add_mailbox(p, recipient, name, "maildir", NULL);
    return add_recipient(s, recipient, reply);
}

static void add_relayed(session_t *s, const char *path)
{
    smtp_recipient_t *recipient = recipient_create(s->tx->r->pool, path);
    smtp_reply_t reply = { 0 };

    recipient->is_relayed = 1;
    assert_int_equal(add_recipient(s, recipient, &reply), OK);
}

static session_t *begin_to(spool_unit_t *u, const char *name)
{
    session_t *s = begin(u, "sender@example.org");
    smtp_reply_t reply = { 0 };

    assert_int_equal(add(s, name, &reply), OK);
    return s;
}

static void write_text(session_t *s, const char *text, apr_size_t step)
{
    apr_size_t len = strlen(text), at;

    for (at = 0; at < len; at += step) {
        assert_int_equal(s->delivery->klass->write(
            s->delivery, text + at, len - at < step ? len - at : step), 0);
    }
}

static apr_status_t commit(session_t *s)
{
    return s->delivery->klass->commit(s->delivery, SPOOL_UNIT_TRACE,
                                      strlen(SPOOL_UNIT_TRACE));
}

static void finish(session_t *s)
{
    s->delivery->klass->finish(s->delivery);
}

static void end(session_t *s)
{
    apr_pool_destroy(s->tx->r->pool);
}

static char *large(apr_pool_t *p)
{
    char *text = apr_pcalloc(p, LARGE + 1);
    int i;

    for (i = 0; i < LARGE; i++) {
        text[i] = (char)('a' + i % 26 * (i % 7 != 0));
    }
    return text;
}

/* Names of files in the process's directory that hold mail data. */
static int mail_files(spool_unit_t *u)
{
    apr_array_header_t *names =
        spool_unit_names(u, apr_pstrcat(u->p, "journal/", u->journal->name,
                                        NULL));
    int i, n = 0;

    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, char *);

        n += strstr(name, ".mail") || strstr(name, ".temp");
    }
    return n;
}

static void check_mail(spool_unit_t *u, const char *name, const char *text)
{
    assert_string_equal(spool_unit_mail(u, name),
                        apr_pstrcat(u->p, spool_unit_top(u->p, name), text,
                                    NULL));
}

static void a_mail_goes_to_all_its_recipients(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");
    smtp_reply_t reply = { 0 };

    assert_int_equal(add(s, "alice", &reply), OK);
    write_text(s, "A: b\r\n\r\ntext\r\n", 3);
    assert_int_equal(commit(s), 0);
    assert_int_equal(spool_unit_count(u, "mail"), 0);
    finish(s);
    end(s);
    check_mail(u, "bob", "A: b\n\ntext\n");
    check_mail(u, "alice", "A: b\n\ntext\n");
    assert_int_equal(u->journal->delivered, 1);
    assert_int_equal(u->journal->retries, 0);
}

static void a_mail_without_content_is_one(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");

    assert_int_equal(commit(s), 0);
    finish(s);
    end(s);
    check_mail(u, "bob", "");
}

static void a_large_mail_goes_through_a_file(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");
    char *text = large(u->p);

    write_text(s, text, 4099);
    assert_int_equal(commit(s), 0);
    assert_int_equal(mail_files(u), 1);
    finish(s);
    end(s);
    check_mail(u, "bob", text);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(mail_files(u), 0);
}

static void a_large_mail_outlives_its_process(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");
    char *text = large(u->p);

    write_text(s, text, LARGE);
    assert_int_equal(commit(s), 0);
    spool_unit_crash(u);
    spool_unit_recover(u);
    check_mail(u, "bob", text);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
    assert_string_equal(u->logged, "");
}

/* That of the first record. */
static store_envelope_t *first_envelope(spool_unit_t *u)
{
    store_record_t record;
    store_envelope_t *e;
    const char *payload;

    assert_int_equal(store_segment_find(u->journal->current,
                                        STORE_SEGMENT_DATA, &record), 0);
    assert_int_equal(store_segment_read(u->journal->current, u->p, &record,
                                        &payload), 0);
    e = store_envelope_parse(u->p, payload, record.envelope_len);
    assert_non_null(e);
    assert_int_equal(store_envelope_is_sent(e),
                     (record.flags & STORE_RECORD_SENT) != 0);
    assert_int_equal(store_envelope_is_sent(e) && !store_envelope_is_local(e),
                     (record.flags & STORE_RECORD_NO_MAILDIR) != 0);
    return e;
}

/* DSNs and later hops need it all, and a restart lies between. */
static void the_whole_envelope_is_in_the_journal(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin(u, "");
    smtp_reply_t reply = { 0 };
    store_envelope_t *e;

    s->tx->params.envid = "ENV";
    s->tx->params.ret = SMTP_RET_HDRS;
    s->tx->params.body = SMTP_BODY_8BITMIME;
    s->tx->params.has_body = 1;
    s->tx->params.smtputf8 = 1;
    s->tx->params.requiretls = 1;
    s->tx->params.has_priority = 1;
    s->tx->params.priority = -3;
    s->tx->params.has_size = 1;
    s->tx->params.size_octets = 77;
    s->tx->params.auth = "<>";
    assert_int_equal(add(s, "bob", &reply), OK);
    assert_int_equal(commit(s), 0);
    e = first_envelope(u);
    assert_string_equal(e->id, "queue-id");
    assert_string_equal(e->reverse_path, "");
    assert_true(e->arrived == apr_time_from_sec(1700000000));
    assert_string_equal(e->envid, "ENV");
    assert_int_equal(e->ret, SMTP_RET_HDRS);
    assert_int_equal(e->body, SMTP_BODY_8BITMIME);
    assert_true(e->priority == -3);
    assert_int_equal(e->size_octets, 77);
    assert_string_equal(e->auth, "<>");
    assert_true(e->flags == (STORE_ENVELOPE_SMTPUTF8
                             | STORE_ENVELOPE_REQUIRETLS
                             | STORE_ENVELOPE_HAS_SIZE
                             | STORE_ENVELOPE_HAS_BODY
                             | STORE_ENVELOPE_HAS_PRIORITY));
    assert_int_equal(APR_ARRAY_IDX(e->recipients, 0, store_recipient_t)
                         .notify, 4);
    assert_string_equal(APR_ARRAY_IDX(e->recipients, 0, store_recipient_t)
                            .orcpt, "rfc822;x");
    /* Of no use to anybody. */
    assert_true(!e->queued && !e->vhost && !e->login && !e->client);
    finish(s);
    end(s);
    assert_memory_equal(spool_unit_mail(u, "bob"), "Return-Path: <>\n", 16);
}

/* The queue mark of the first record. */
static unsigned char first_mark(spool_unit_t *u)
{
    unsigned char mark;

    assert_int_equal(store_segment_queue_mark_get(u->journal->current,
                                                  STORE_SEGMENT_DATA, &mark),
                     0);
    return mark;
}

static const store_recipient_t *recipient_of(const store_envelope_t *e, int i)
{
    return &APR_ARRAY_IDX(e->recipients, i, store_recipient_t);
}

static void mail_to_be_sent_is_handed_over(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin(u, "sender@example.org");
    store_envelope_t *e;

    s->session.login = "bob\r\nx";
    add_relayed(s, "dave@example.net");
    write_text(s, "A: b\r\n\r\ntext\r\n", 3);
    assert_int_equal(commit(s), 0);
    assert_int_equal(first_mark(u), STORE_QUEUE_MARK_NONE);
    e = first_envelope(u);
    assert_true(recipient_of(e, 0)->is_relayed);
    assert_string_equal(e->vhost, "mx.example.com:25");
    assert_string_equal(e->login, "bob\\x0D\\x0Ax");
    assert_string_equal(e->client, "192.0.2.7");
    assert_true(e->queued > e->arrived);
    assert_int_equal(e->flags, 0);
    finish(s);
    end(s);
    assert_int_equal(first_mark(u), STORE_QUEUE_MARK_SEND);
    assert_int_equal(spool_unit_count(u, "mail"), 0);
    assert_int_equal(u->journal->delivered, 0);
    assert_int_equal(u->journal->retries, 0);
}

static void the_main_server_is_a_virtual_host_without_a_port(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin(u, "");

    s->server.addrs = NULL;
    add_relayed(s, "dave@example.net");
    assert_int_equal(commit(s), 0);
    assert_string_equal(first_envelope(u)->vhost, "mx.example.com:0");
    finish(s);
    end(s);
}

/* One transaction, one record: all of it is durable or nothing. */
static void one_mail_is_delivered_and_sent(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");
    smtp_recipient_t *list = recipient_create(s->tx->r->pool,
                                              "list@example.com");
    smtp_reply_t reply = { 0 };
    const store_mailbox_t *mailbox;

    add_relayed(s, "dave@example.net");
    add_mailbox(s->tx->r->pool, list, "alice", "maildir", NULL);
    add_mailbox(s->tx->r->pool, list, "carol", "lmtp", "unix:/run/lmtp");
    assert_int_equal(add_recipient(s, list, &reply), OK);
    write_text(s, "x\r\n", 3);
    assert_int_equal(commit(s), 0);
    mailbox = &APR_ARRAY_IDX(recipient_of(first_envelope(u), 2)->mailboxes, 0,
                             store_mailbox_t);
    assert_null(mailbox[0].method);
    assert_string_equal(mailbox[1].method, "lmtp");
    assert_string_equal(mailbox[1].argument, "unix:/run/lmtp");
    finish(s);
    end(s);
    check_mail(u, "bob", "x\n");
    check_mail(u, "alice", "x\n");
    assert_int_equal(spool_unit_count(u, "mail/example.com"), 2);
    assert_int_equal(first_mark(u), STORE_QUEUE_MARK_SEND);
    assert_int_equal(u->journal->delivered, 1);
    assert_int_equal(u->journal->retries, 0);
}

typedef struct flags_row_t {
    const char *what;
    const char *trace;
    unsigned int header_has_8bit;
    unsigned int fields;
    const char *text;
    apr_int64_t flags;
} flags_row_t;

static const flags_row_t flags_rows[] = {
    { "plain mail", "R: a\r\n", 0, 0, "A: b\r\n\r\nc\r\n", 0 },
    { "8-bit text", "R: a\r\n", 0, 0, "A: b\r\n\r\n\303\266 and more\r\n",
      STORE_ENVELOPE_HAS_8BIT },
    { "8-bit header", "R: a\r\n", 1, 0, "A: \303\266\r\n\r\nc\r\n",
      STORE_ENVELOPE_HAS_8BIT | STORE_ENVELOPE_UTF8_HEADER },
    { "8-bit trace", "R: \303\266\r\n", 0, 0, "A: b\r\n\r\nc\r\n",
      STORE_ENVELOPE_HAS_8BIT | STORE_ENVELOPE_UTF8_HEADER },
    { "one of many", "R: a\r\n", 0, SMTP_HEADER_BULK, "A: b\r\n\r\nc\r\n",
      STORE_ENVELOPE_BULK },
    { "TLS may fail", "R: a\r\n", 0,
      SMTP_HEADER_TLS_REQUIRED | SMTP_HEADER_TLS_OPTIONAL,
      "A: b\r\n\r\nc\r\n", STORE_ENVELOPE_TLS_OPTIONAL }
};

static void a_next_hop_can_be_told_what_the_mail_needs(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(flags_rows); i++) {
        const flags_row_t *row = &flags_rows[i];
        spool_unit_t *u = spool_unit_create(*state);
        session_t *s = begin(u, "");

        s->header.has_8bit = row->header_has_8bit;
        s->header.fields = row->fields;
        add_relayed(s, "dave@example.net");
        write_text(s, row->text, 2);
        assert_int_equal(s->delivery->klass->commit(s->delivery, row->trace,
                                                    strlen(row->trace)), 0);
        UNIT_CHECK(row->what, first_envelope(u)->flags == row->flags);
        finish(s);
        end(s);
    }
}

/* Neither a full mailbox nor a session that breaks off keeps it. */
static void mail_is_sent_whatever_becomes_of_its_session(void **state)
{
    int i;

    for (i = 0; i < 2; i++) {
        spool_unit_t *u = spool_unit_create(*state);
        session_t *s = begin_to(u, "bob");

        add_relayed(s, "dave@example.net");
        write_text(s, "x\r\n", 3);
        assert_int_equal(commit(s), 0);
        if (i) {
            spool_fault.linkat.error = ENOSPC;
            finish(s);
            spool_fault.linkat.error = 0;
        }
        end(s);
        assert_int_equal(first_mark(u), STORE_QUEUE_MARK_SEND);
        assert_int_equal(u->journal->retries, 1);
        assert_int_equal(spool_unit_retry(u), 0);
        check_mail(u, "bob", "x\n");
    }
}

static void mail_that_cannot_be_handed_over_is_the_keepers(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin(u, "");

    add_relayed(s, "dave@example.net");
    assert_int_equal(commit(s), 0);
    spool_fault.pwrite.error = ENOSPC;
    finish(s);
    end(s);
    assert_non_null(strstr(u->logged, "SM2051: queue-id: accepted"));
    assert_int_equal(u->journal->retries, 1);
    spool_fault.pwrite.error = 0;
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(first_mark(u), STORE_QUEUE_MARK_SEND);
}

static void one_return_path_reaches_the_mailbox(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");

    s->header.fields = SMTP_HEADER_RETURN_PATH;
    write_text(s, "Return-Path: <x>\r\nA: b\r\n\r\n", 100);
    assert_int_equal(commit(s), 0);
    finish(s);
    end(s);
    check_mail(u, "bob", "A: b\n\n");
}

static void a_mailbox_that_cannot_be_is_refused_and_no_other(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");
    smtp_reply_t reply = { 0 };
    char *long_name = apr_pcalloc(u->p, 3000);

    memset(long_name, 'a', 2999);
    assert_int_equal(add(s, long_name, &reply), SMTP_REFUSE);
    assert_int_equal(reply.code, 550);
    assert_int_equal(add(s, "two\nlines", &reply), SMTP_REFUSE);
    assert_int_equal(add(s, "alice", &reply), OK);
    write_text(s, "x\r\n", 3);
    assert_int_equal(commit(s), 0);
    finish(s);
    end(s);
    check_mail(u, "bob", "x\n");
    check_mail(u, "alice", "x\n");
    assert_int_equal(spool_unit_count(u, "mail/example.com"), 2);
}

static void too_many_recipients_are_put_off(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");
    smtp_reply_t reply = { 0 };
    char *name = apr_pcalloc(u->p, 1001);
    int n = 1;

    memset(name, 'a', 1000);
    while (add(s, name, &reply) == OK) {
        n++;
        assert_true(n < 10000);
    }
    assert_int_equal(reply.code, 452);
    assert_int_equal(reply.status.subject, 5);
    assert_int_equal(reply.status.detail, 3);
    assert_true(n > 100);
    /* Those that were taken fit, whatever the mail's size. */
    write_text(s, large(u->p), STORE_CONTENT_MEMORY_MAX);
    assert_int_equal(commit(s), 0);
    finish(s);
    end(s);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

static void an_aborted_mail_leaves_nothing(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");

    write_text(s, large(u->p), 8192);
    s->delivery->klass->abort(s->delivery);
    end(s);
    s = begin_to(u, "bob");
    s->delivery->klass->abort(s->delivery);
    end(s);
    assert_int_equal(mail_files(u), 0);
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_count(u, "mail"), 0);
}

static void a_mail_that_could_not_be_kept_is_refused(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *texts[] = { "small\r\n", large(u->p) };
    int i;

    for (i = 0; i < 2; i++) {
        session_t *s = begin_to(u, "bob");

        write_text(s, texts[i], 10000);
        spool_fault.fdatasync.error = EIO;
        assert_int_equal(commit(s), EIO);
        end(s);
        assert_int_equal(mail_files(u), 0);
        spool_fault.fdatasync.error = 0;
    }
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_count(u, "mail"), 0);
}

static void a_large_mail_without_a_name_is_refused(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");

    write_text(s, large(u->p), 10000);
    spool_fault.linkat.error = ENOSPC;
    assert_int_equal(commit(s), ENOSPC);
    end(s);
    assert_int_equal(mail_files(u), 0);
}

/* The session ended between the 250 and its own work. */
static void a_session_that_breaks_off_leaves_it_to_the_keeper(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");

    write_text(s, "x\r\n", 3);
    assert_int_equal(commit(s), 0);
    end(s);
    assert_int_equal(u->journal->retries, 1);
    assert_int_equal(spool_unit_retry(u), 0);
    check_mail(u, "bob", "x\n");
}

static void a_mailbox_that_fails_leaves_it_to_the_keeper(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");

    write_text(s, "x\r\n", 3);
    assert_int_equal(commit(s), 0);
    spool_fault.linkat.error = ENOSPC;
    finish(s);
    end(s);
    assert_non_null(strstr(u->logged, "SM2050: queue-id: accepted"));
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    assert_int_equal(u->journal->retries, 1);
    spool_fault.linkat.error = 0;
    assert_int_equal(spool_unit_retry(u), 0);
    check_mail(u, "bob", "x\n");
}

static void a_hook_sees_the_mail_before_it_is_kept(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    session_t *s = begin_to(u, "bob");
    apr_pool_t *p = s->tx->r->pool;
    apr_bucket_brigade *bb =
        apr_brigade_create(p, apr_bucket_alloc_create(p));
    char *text = large(u->p), *flat;
    apr_size_t len;

    write_text(s, text, 4099);
    assert_int_equal(s->delivery->klass->content(s->delivery, bb), 0);
    assert_int_equal(apr_brigade_pflatten(bb, &flat, &len, p), 0);
    assert_int_equal(len, LARGE);
    assert_memory_equal(flat, text, LARGE);
    apr_brigade_destroy(bb);
    assert_int_equal(commit(s), 0);
    finish(s);
    end(s);
    check_mail(u, "bob", text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_FAULT_TEST(a_mail_goes_to_all_its_recipients),
        SPOOL_FAULT_TEST(a_mail_without_content_is_one),
        SPOOL_FAULT_TEST(a_large_mail_goes_through_a_file),
        SPOOL_FAULT_TEST(a_large_mail_outlives_its_process),
        SPOOL_FAULT_TEST(the_whole_envelope_is_in_the_journal),
        SPOOL_FAULT_TEST(mail_to_be_sent_is_handed_over),
        SPOOL_FAULT_TEST(the_main_server_is_a_virtual_host_without_a_port),
        SPOOL_FAULT_TEST(one_mail_is_delivered_and_sent),
        SPOOL_FAULT_TEST(a_next_hop_can_be_told_what_the_mail_needs),
        SPOOL_FAULT_TEST(mail_is_sent_whatever_becomes_of_its_session),
        SPOOL_FAULT_TEST(mail_that_cannot_be_handed_over_is_the_keepers),
        SPOOL_FAULT_TEST(one_return_path_reaches_the_mailbox),
        SPOOL_FAULT_TEST(a_mailbox_that_cannot_be_is_refused_and_no_other),
        SPOOL_FAULT_TEST(too_many_recipients_are_put_off),
        SPOOL_FAULT_TEST(an_aborted_mail_leaves_nothing),
        SPOOL_FAULT_TEST(a_mail_that_could_not_be_kept_is_refused),
        SPOOL_FAULT_TEST(a_large_mail_without_a_name_is_refused),
        SPOOL_FAULT_TEST(a_session_that_breaks_off_leaves_it_to_the_keeper),
        SPOOL_FAULT_TEST(a_mailbox_that_fails_leaves_it_to_the_keeper),
        SPOOL_FAULT_TEST(a_hook_sees_the_mail_before_it_is_kept)
    };
    return UNIT_RUN(tests);
}
