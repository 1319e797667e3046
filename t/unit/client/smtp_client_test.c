/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "client_dialogue.h"

#include "smtp_sasl.h"

#define CONTENT "Subject: x\r\n\r\n.dot\r\nbare\nlf\rcr\r\n"
#define CONTENT_C "C Subject: x\nC \nC ..dot\nC bare\nC lf\nC cr\nC .\n"

#define HELLO "S 220 mx ESMTP\nC EHLO client.example\n"
#define PLAIN HELLO "S 250 mx\n"
#define PIPED HELLO "S 250-mx\nS 250 PIPELINING\n"
#define MAIL "BEGIN\nC MAIL FROM:<a@example.org>\n"
#define ONE "BEGIN\nC MAIL FROM:<a@example.org>\nC RCPT TO:<b0@example.net>\n" \
            "C DATA\n"
#define TWO "BEGIN\nC MAIL FROM:<a@example.org>\nC RCPT TO:<b0@example.net>\n" \
            "C RCPT TO:<b1@example.net>\nC DATA\n"

typedef struct row_t {
    const char *name;
    apr_size_t rcpts;
    const char *script;
    const char *result;
} row_t;

static void dialogue_init(dialogue_t *d, apr_pool_t *p, const char *name,
                          smtp_client_conf_t *conf, apr_size_t rcpts)
{
    apr_size_t i;

    memset(d, 0, sizeof(*d));
    d->pool = p;
    d->name = name;
    d->conf = conf;
    d->content.octets = CONTENT;
    d->content.len = strlen(CONTENT);
    d->content.piece = 3;
    d->content.at_end = APR_EOF;
    if (rcpts > 0) {
        d->message = apr_pcalloc(p, sizeof(*d->message));
        d->message->reverse_path = "a@example.org";
        d->message->rcpts = apr_pcalloc(p, rcpts
                                           * sizeof(*d->message->rcpts));
        d->message->rcpt_count = rcpts;
    }
    for (i = 0; i < rcpts; i++) {
        d->message->rcpts[i].address =
            apr_psprintf(p, "b%d@example.net", (int)i);
    }
}

static void rows_play(apr_pool_t *p, smtp_client_conf_t *conf,
                      const row_t *rows, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        dialogue_t d;

        dialogue_init(&d, p, rows[i].name, conf, rows[i].rcpts);
        d.is_steady = conf->chunking;
        dialogue_check(&d, rows[i].script, rows[i].result);
    }
}

#define PLAY(conf, rows) rows_play(*state, (conf), (rows), UNIT_ROWS(rows))

/* RFC 5321 3.1, 3.2, 4.2, 4.3.2 */
static const row_t hello_rows[] = {
    { "EHLO", 0, PLAIN, "| ready" },
    { "a greeting of many lines", 0,
      "S 220-mx\nS 220-be nice\nS 220 go\nC EHLO client.example\nS 250 mx\n",
      "| ready" },
    { "another 2xx greets too", 0, "S 250 mx\nC EHLO client.example\n",
      "| busy" },
    { "refused for ever: QUIT", 0, "S 554 no mail here\nC QUIT\nS 221 bye\n",
      "| closed failed 554 5.0.0 greeting" },
    { "refused for now", 0, "S 450 busy\nC QUIT\nDROP\n",
      "| closed deferred 450 4.2.0 greeting" },
    { "421: no QUIT", 0, "S 421 4.3.2 busy\n",
      "| closed deferred 421 4.3.2 greeting" },
    { "354 is no greeting", 0, "S 354 go\n",
      "| closed deferred 0 4.5.0 greeting" },
    { "HTTP", 0, "S HTTP/1.1 400 Bad Request\n",
      "| closed deferred 0 4.5.0 greeting" },
    { "dropped", 0, "DROP\n", "| closed deferred 0 4.4.2 greeting" },
    { "silent", 0, "LATE\n", "| closed deferred 0 4.4.2 greeting" },
    { "HELO where EHLO is unknown", 0,
      HELLO "S 502 what?\nC HELO client.example\nS 250 mx\n", "| ready" },
    { "EHLO refused for now", 0, HELLO "S 451 later\nC QUIT\nS 221 bye\n",
      "| closed deferred 451 4.3.0 EHLO" },
    { "EHLO: 421", 0, HELLO "S 421 bye\n",
      "| closed deferred 421 4.3.2 EHLO" },
    { "HELO refused", 0,
      HELLO "S 550 no\nC HELO client.example\nS 550 no\nC QUIT\nS 221 bye\n",
      "| closed failed 550 5.0.0 HELO" },
    { "codes that differ", 0, HELLO "S 250-mx\nS 251 PIPELINING\n",
      "| closed deferred 0 4.5.0 EHLO" },
    { "silent after EHLO", 0, HELLO "LATE\n",
      "| closed deferred 0 4.4.2 EHLO" },
    { "the answer before the question", 0, "S 220 mx\nS 250 mx\n",
      "| closed deferred 0 4.5.0 EHLO" },
    { "half a reply that nobody asked for, then a message", 1,
      PLAIN "RAW 25\nBEGIN\n",
      "deferred 0 4.5.0 none| closed deferred 0 4.5.0 none" },
    { "out of turn in READY", 0, PLAIN "S 250 and?\n",
      "| closed deferred 0 4.5.0 none" },
    { "421 in READY", 0, PLAIN "S 421 idle\n",
      "| closed deferred 421 4.3.2 none" },
    { "QUIT", 0, PLAIN "QUIT\nC QUIT\nS 221 bye\n", "| closed" },
    { "QUIT without an answer", 0, PLAIN "QUIT\nC QUIT\nDROP\n", "| closed" },
    { "QUIT, and silence", 0, PLAIN "QUIT\nC QUIT\nLATE\n", "| closed" },
    { "QUIT refused", 0, PLAIN "QUIT\nC QUIT\nS 500 no\n", "| closed" }
};

static void a_session_begins_as_the_peer_allows(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };

    PLAY(&conf, hello_rows);
}

/* One command at a time. */
static const row_t serial_rows[] = {
    { "accepted", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 354 go\n" CONTENT_C "S 250 2.6.0 took it\n",
      "relayed 250 2.6.0 end-of-data| ready" },
    { "one of three", 3,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 550 5.1.1 who?\n"
      "C RCPT TO:<b1@example.net>\nS 251 forwards\n"
      "C RCPT TO:<b2@example.net>\nS 450 4.7.1 greylisted\nC DATA\n"
      "S 354 go\n" CONTENT_C "S 250 ok\n",
      "failed 550 5.1.1 RCPT; relayed 250 2.0.0 end-of-data; "
      "deferred 450 4.7.1 RCPT| ready" },
    { "no DATA without a recipient; RSET before the next", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 550 no\n"
      "BEGIN\nC RSET\nS 250 ok\nC MAIL FROM:<a@example.org>\nS 250 ok\n"
      "C RCPT TO:<b0@example.net>\nS 450 no\n",
      "deferred 450 4.2.0 RCPT| ready" },
    { "MAIL refused", 2, PLAIN MAIL "S 553 5.1.8 no\n",
      "failed 553 5.1.8 MAIL; failed 553 5.1.8 MAIL| ready" },
    { "MAIL refused for now", 1, PLAIN MAIL "S 452 4.3.1 full\n",
      "deferred 452 4.3.1 MAIL| ready" },
    { "MAIL: a reply of no sense", 1, PLAIN MAIL "S 354 go\n",
      "deferred 0 4.5.0 MAIL| closed deferred 0 4.5.0 MAIL" },
    { "421 to MAIL", 1, PLAIN MAIL "S 421 4.7.0 too fast\n",
      "deferred 421 4.7.0 MAIL| closed deferred 421 4.7.0 MAIL" },
    { "421 to the second RCPT", 3,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 550 5.1.1 who?\n"
      "C RCPT TO:<b1@example.net>\nS 421 4.7.0 too many unknown\n",
      "failed 550 5.1.1 RCPT; deferred 421 4.7.0 RCPT; "
      "deferred 421 4.7.0 RCPT| closed deferred 421 4.7.0 RCPT" },
    { "DATA refused", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 554 5.7.1 no\n", "failed 554 5.7.1 DATA| ready" },
    { "250 to DATA", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 250 ok\n",
      "deferred 0 4.5.0 DATA| closed deferred 0 4.5.0 DATA" },
    { "the data refused", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 354 go\n" CONTENT_C "S 550 5.7.1 spam\n",
      "failed 550 5.7.1 end-of-data| ready" },
    { "the data refused for now, then another message", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 354 go\n" CONTENT_C "S 451 4.3.0 later\n"
      MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 354 go\n" CONTENT_C "S 250 ok\nQUIT\nC QUIT\nS 221 bye\n",
      "relayed 250 2.0.0 end-of-data| closed" },
    { "dropped after the dot: it may be there", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 354 go\n" CONTENT_C "DROP\n",
      "deferred 0 4.4.2 end-of-data duplicate| "
      "closed deferred 0 4.4.2 end-of-data" },
    { "silent after the dot", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 354 go\n" CONTENT_C "LATE\n",
      "deferred 0 4.4.2 end-of-data duplicate| "
      "closed deferred 0 4.4.2 end-of-data" },
    { "354 after the dot", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 354 go\n" CONTENT_C "S 354 more\n",
      "deferred 0 4.5.0 end-of-data duplicate| "
      "closed deferred 0 4.5.0 end-of-data" },
    { "a kept connection that was closed: again at once", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 354 go\n" CONTENT_C "S 250 ok\n" MAIL "DROP\n",
      "deferred 0 4.4.2 MAIL now| closed deferred 0 4.4.2 MAIL" },
    { "421 to a kept connection: again at once", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nC DATA\n"
      "S 354 go\n" CONTENT_C "S 250 ok\n" MAIL "S 421 4.4.2 idle\n",
      "deferred 421 4.4.2 MAIL now| closed deferred 421 4.4.2 MAIL" },
    { "a new connection that was closed: later", 1, PLAIN MAIL "DROP\n",
      "deferred 0 4.4.2 MAIL| closed deferred 0 4.4.2 MAIL" },
    { "RSET refused", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 550 no\n"
      "BEGIN\nC RSET\nS 500 no\nC QUIT\nS 221 bye\n",
      "deferred 500 4.5.2 RSET now| closed deferred 500 4.5.2 RSET" },
    /* RFC 5321 4.5.3.1.10 */
    { "too many recipients: again at once", 2,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\n"
      "C RCPT TO:<b1@example.net>\nS 552 too many\nC DATA\nS 354 go\n"
      CONTENT_C "S 250 ok\n",
      "relayed 250 2.0.0 end-of-data; deferred 552 4.5.3 RCPT now| ready" },
    { "too many recipients, though none was accepted: later", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 452 4.5.3 many\n",
      "deferred 452 4.5.3 RCPT| ready" },
    { "a full mailbox is none of that", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 552 5.2.2 full\n",
      "failed 552 5.2.2 RCPT| ready" },
    { "a reply before the command", 1,
      PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\nS 250 ok\n",
      "deferred 0 4.5.0 DATA| closed deferred 0 4.5.0 DATA" }
};

static void each_reply_decides_what_it_is_about(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };

    PLAY(&conf, serial_rows);
}

/* RFC 2920 3.1 */
static const row_t piped_rows[] = {
    { "all at once", 2,
      PIPED TWO "S 250 ok\nS 250 ok\nS 250 ok\nS 354 go\n" CONTENT_C
      "S 250 ok\n",
      "relayed 250 2.0.0 end-of-data; relayed 250 2.0.0 end-of-data| ready" },
    { "one of two", 2,
      PIPED TWO "S 250 ok\nS 550 5.1.1 no\nS 250 ok\nS 354 go\n" CONTENT_C
      "S 250 ok\n",
      "failed 550 5.1.1 RCPT; relayed 250 2.0.0 end-of-data| ready" },
    { "none, DATA refused", 2,
      PIPED TWO "S 250 ok\nS 550 5.1.1 no\nS 450 4.2.1 no\nS 503 none\n",
      "failed 550 5.1.1 RCPT; deferred 450 4.2.1 RCPT| ready" },
    { "none, DATA accepted: nothing but a dot", 1,
      PIPED ONE "S 250 ok\nS 550 5.1.1 no\nS 354 go\nC .\nS 554 none\n",
      "failed 550 5.1.1 RCPT| ready" },
    { "MAIL refused: the others' replies are read", 1,
      PIPED ONE "S 550 5.7.1 no\nS 503 first MAIL\nS 503 first MAIL\n"
      "BEGIN\nC RSET\nC MAIL FROM:<a@example.org>\n"
      "C RCPT TO:<b0@example.net>\nC DATA\nS 250 ok\nS 250 ok\nS 250 ok\n"
      "S 354 go\n" CONTENT_C "S 250 ok\n",
      "relayed 250 2.0.0 end-of-data| ready" },
    { "MAIL refused, DATA accepted", 1,
      PIPED ONE "S 550 5.7.1 no\nS 503 first MAIL\nS 354 go\nC .\nS 250 ok\n",
      "failed 550 5.7.1 MAIL| ready" },
    { "RSET refused amid a group: no QUIT, which could be mail data", 1,
      PIPED ONE "S 250 ok\nS 550 no\nS 503 no\nBEGIN\nC RSET\n"
      "C MAIL FROM:<a@example.org>\nC RCPT TO:<b0@example.net>\nC DATA\n"
      "S 500 no\n",
      "deferred 500 4.5.2 RSET now| closed deferred 500 4.5.2 RSET" },
    { "DATA refused though one was accepted", 1,
      PIPED ONE "S 250 ok\nS 250 ok\nS 451 4.3.0 disk\n",
      "deferred 451 4.3.0 DATA| ready" },
    { "dropped amid the replies", 2,
      PIPED TWO "S 250 ok\nS 550 5.1.1 no\nDROP\n",
      "failed 550 5.1.1 RCPT; deferred 0 4.4.2 RCPT| "
      "closed deferred 0 4.4.2 RCPT" },
    { "silent amid the replies", 1, PIPED ONE "S 250 ok\nS 250 ok\nLATE\n",
      "deferred 0 4.4.2 DATA| closed deferred 0 4.4.2 DATA" },
    { "one reply too many", 1,
      PIPED ONE "S 250 ok\nS 550 no\nS 503 no\nS 250 ok\n",
      "failed 550 5.0.0 RCPT| closed deferred 0 4.5.0 none" }
};

static void pipelined_replies_are_each_read(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };

    PLAY(&conf, piped_rows);
}

#define CHUNKED HELLO "S 250-mx\nS 250-PIPELINING\nS 250 CHUNKING\n" \
    "BEGIN\nC MAIL FROM:<a@example.org>\nC RCPT TO:<b0@example.net>\n"
#define CHUNKED_TWO HELLO "S 250-mx\nS 250-PIPELINING\nS 250 CHUNKING\n" \
    "BEGIN\nC MAIL FROM:<a@example.org>\nC RCPT TO:<b0@example.net>\n" \
    "C RCPT TO:<b1@example.net>\n"
#define CHUNK "C BDAT 34 LAST\nC Subject: x\nC \nC .dot\nC bare\nC lf\nC cr\n"

/* RFC 3030 */
static const row_t chunk_rows[] = {
    { "accepted", 1, CHUNKED "S 250 ok\nS 250 ok\n" CHUNK "S 250 ok\n",
      "relayed 250 2.0.0 end-of-data| ready" },
    { "nobody accepted: no chunk", 1, CHUNKED "S 250 ok\nS 550 no\n",
      "failed 550 5.0.0 RCPT| ready" },
    { "refused", 1, CHUNKED "S 250 ok\nS 250 ok\n" CHUNK "S 554 5.6.0 no\n",
      "failed 554 5.6.0 end-of-data| ready" },
    { "too many recipients: again at once", 2,
      CHUNKED_TWO "S 250 ok\nS 250 ok\nS 452 4.5.3 many\n" CHUNK "S 250 ok\n",
      "relayed 250 2.0.0 end-of-data; deferred 452 4.5.3 RCPT now| ready" },
    { "dropped", 1, CHUNKED "S 250 ok\nS 250 ok\n" CHUNK "DROP\n",
      "deferred 0 4.4.2 end-of-data duplicate| "
      "closed deferred 0 4.4.2 end-of-data" }
};

static void chunks_carry_mail_unstuffed(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example", .chunking = 1 };

    PLAY(&conf, chunk_rows);
}

#define LHLO "S 220 mx LMTP\nC LHLO client.example\nS 250-mx\n" \
             "S 250 PIPELINING\n"
#define LTWO "BEGIN\nC MAIL FROM:<a@example.org>\n" \
             "C RCPT TO:<b0@example.net>\nC RCPT TO:<b1@example.net>\n"

/* RFC 2033 4.2 */
static const row_t lmtp_rows[] = {
    { "a reply for each", 2,
      LHLO LTWO "S 250 ok\nS 250 ok\nS 250 ok\nC DATA\nS 354 go\n" CONTENT_C
      "S 250 2.1.5 saved\nS 452 4.2.2 full\n",
      "delivered 250 2.1.5 end-of-data; deferred 452 4.2.2 end-of-data"
      "| ready" },
    { "a reply for each that was accepted", 2,
      LHLO LTWO "S 250 ok\nS 550 5.1.1 no\nS 250 ok\nC DATA\nS 354 go\n"
      CONTENT_C "S 250 saved\n",
      "failed 550 5.1.1 RCPT; delivered 250 2.0.0 end-of-data| ready" },
    { "no DATA in hope", 2, LHLO LTWO "S 250 ok\nS 550 no\nS 550 no\n",
      "failed 550 5.0.0 RCPT; failed 550 5.0.0 RCPT| ready" },
    { "dropped between: those that were told are done", 2,
      LHLO LTWO "S 250 ok\nS 250 ok\nS 250 ok\nC DATA\nS 354 go\n" CONTENT_C
      "S 250 saved\nDROP\n",
      "delivered 250 2.0.0 end-of-data; "
      "deferred 0 4.4.2 end-of-data duplicate| "
      "closed deferred 0 4.4.2 end-of-data" },
    { "no HELO in LMTP", 0,
      "S 220 mx LMTP\nC LHLO client.example\nS 500 no\nC QUIT\nS 221 bye\n",
      "| closed failed 500 5.5.2 EHLO" }
};

static void lmtp_tells_of_each_recipient(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example", .lmtp = 1 };

    /* DATA waits for an acceptance. */
    PLAY(&conf, lmtp_rows);
}

#define OFFER HELLO "S 250-mx\nS 250-AUTH PLAIN\nS 250 STARTTLS\n"

/* RFC 3207 */
static const row_t tls_rows[] = {
    { "STARTTLS, then all anew", 0,
      OFFER "C STARTTLS\nS 220 go\nTLS\nC EHLO client.example\n"
      "S 250-mx\nS 250 STARTTLS\n", "| ready" },
    { "not offered", 0, PLAIN "C QUIT\nS 221 bye\n",
      "| closed deferred 0 4.7.4 STARTTLS" },
    { "refused", 0, OFFER "C STARTTLS\nS 454 4.7.0 not now\nC QUIT\nS 221 b\n",
      "| closed deferred 454 4.7.0 STARTTLS" },
    { "refused for ever: that is not about the mail", 0,
      OFFER "C STARTTLS\nS 554 5.7.0 no\nC QUIT\nS 221 bye\n",
      "| closed deferred 554 4.7.0 STARTTLS" },
    { "HELO knows no STARTTLS", 0,
      HELLO "S 500 no\nC HELO client.example\nS 250 mx\nC QUIT\nS 221 bye\n",
      "| closed deferred 0 4.7.4 STARTTLS" },
    /* CVE-2011-0411, the client's side */
    { "injected with 220", 0, OFFER "C STARTTLS\nS 220 go\nS 250 mx\n",
      "| closed deferred 0 4.7.5 TLS" },
    { "injected with 220, half a reply", 0,
      OFFER "C STARTTLS\nS 220 go\nRAW 2\n", "| closed deferred 0 4.7.5 TLS" },
    { "the handshake fails", 0, OFFER "C STARTTLS\nS 220 go\nDROP\n",
      "| closed deferred 0 4.4.2 TLS" }
};

static void nothing_from_before_tls_is_believed(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example",
                                .tls = SMTP_CLIENT_TLS_MUST };
    static const row_t may_rows[] = {
        { "refused: on in the clear", 0, OFFER "C STARTTLS\nS 454 no\n",
          "| ready" },
        { "not offered", 0, PLAIN, "| ready" }
    };
    static const row_t implicit_rows[] = {
        { "TLS from the first octet", 0,
          "TLS\n" HELLO "S 250-mx\nS 250 STARTTLS\n", "| ready" }
    };

    PLAY(&conf, tls_rows);
    PLAY(&conf, implicit_rows);
    conf.tls = SMTP_CLIENT_TLS_MAY;
    PLAY(&conf, may_rows);
}

static void an_offer_from_before_tls_is_forgotten(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example",
                                .tls = SMTP_CLIENT_TLS_MAY };
    dialogue_t d;

    dialogue_init(&d, *state, "forgotten", &conf, 0);
    dialogue_check(&d, HELLO "S 250-mx\nS 250-SIZE 5\nS 250-PIPELINING\n"
                   "S 250 STARTTLS\nC STARTTLS\nS 220 go\nTLS\n"
                   "C EHLO client.example\nS 250-mx\nS 250-DSN\n"
                   "S 250 STARTTLS\n", "| ready");
    assert_int_equal(smtp_client_offer(d.client)->set, SMTP_EXTENSION_DSN);
    assert_int_equal(smtp_client_offer(d.client)->max_size_octets, 0);
    assert_true(smtp_client_is_tls(d.client));
}

/* RFC 5321 4.5.3.2, and a peer that lets octets trickle. */
static void a_slow_peer_does_not_hold_a_delivery(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };
    apr_time_t begin = apr_time_from_sec(1000);
    smtp_client_t *client;
    int i;

    assert_int_equal(smtp_client_create(*state, &conf, begin, &client),
                     APR_SUCCESS);
    assert_int_equal(smtp_client_deadline(client) - begin,
                     apr_time_from_sec(300));
    for (i = 0; i < 100; i++) {
        smtp_client_input(client, i < 4 ? &"220 "[i] : "x", 1,
                          begin + apr_time_from_sec(i));
    }
    assert_int_equal(smtp_client_deadline(client) - begin,
                     apr_time_from_sec(300));
    smtp_client_input(client, "\r\n", 2, begin + apr_time_from_sec(200));
    assert_int_equal(smtp_client_deadline(client) - begin,
                     apr_time_from_sec(500));
    conf.timeout[SMTP_STAGE_GREETING] = apr_time_from_sec(7);
    smtp_client_create(*state, &conf, begin, &client);
    assert_int_equal(smtp_client_deadline(client) - begin,
                     apr_time_from_sec(7));
}

static void a_flood_of_reply_ends_the_session(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };
    smtp_client_t *client;
    int i;

    smtp_client_create(*state, &conf, 1, &client);
    for (i = 0; i < 4000; i++) {
        smtp_client_input(client, "220-more\r\n", 10, 1);
    }
    assert_int_equal(smtp_client_state(client), SMTP_CLIENT_CLOSED);
    assert_int_equal(smtp_client_failure(client)->stage, SMTP_STAGE_GREETING);
}

/** Each deadline of RFC 5321 4.5.3.2, where it holds. */
static void each_stage_waits_as_long_as_the_rfc_says(void **state)
{
    static const struct {
        const char *script;
        smtp_stage_e stage;
        int seconds;
    } rows[] = {
        { "", SMTP_STAGE_GREETING, 300 },
        { HELLO, SMTP_STAGE_EHLO, 300 },
        { PLAIN MAIL, SMTP_STAGE_MAIL, 300 },
        { PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\n",
          SMTP_STAGE_RCPT, 300 },
        { PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\n"
          "C DATA\n", SMTP_STAGE_DATA, 120 },
        { PLAIN MAIL "S 250 ok\nC RCPT TO:<b0@example.net>\nS 250 ok\n"
          "C DATA\nS 354 go\n" CONTENT_C, SMTP_STAGE_END, 600 }
    };
    smtp_client_conf_t conf = { .helo = "client.example" };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        dialogue_t d;

        dialogue_init(&d, *state, rows[i].script, &conf, 1);
        d.content.turn = -1;
        d.split = (apr_size_t)-1;
        dialogue_play(&d, rows[i].script);
        assert_int_equal(smtp_client_stage(d.client), rows[i].stage);
        assert_int_equal(smtp_client_deadline(d.client) - d.now,
                         apr_time_from_sec(rows[i].seconds));
    }
}

/** All that MAIL and RCPT can say, to a peer that offers all or nothing. */
static void parameters_go_to_whom_they_mean_something(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };
    dialogue_t d;
    smtp_client_message_t *message;

    dialogue_init(&d, *state, "parameters", &conf, 1);
    message = d.message;
    message->params.has_body = 1;
    message->params.body = SMTP_BODY_8BITMIME;
    message->params.ret = SMTP_RET_HDRS;
    message->params.envid = "QQ+2B1";
    message->params.auth = "a@example.org";
    message->params.has_priority = 1;
    message->params.priority = -3;
    message->size_octets = 34;
    message->rcpts[0].params.notify = SMTP_NOTIFY_SUCCESS
                                      | SMTP_NOTIFY_DELAY;
    message->rcpts[0].params.orcpt = "rfc822;b0@example.net";
    dialogue_check(
        &d, HELLO "S 250-mx\nS 250-SIZE 1000\nS 250-8BITMIME\nS 250-DSN\n"
        "S 250-AUTH PLAIN\nS 250-MT-PRIORITY\nS 250 PIPELINING\nBEGIN\n"
        "C MAIL FROM:<a@example.org> SIZE=34 BODY=8BITMIME RET=HDRS"
        " ENVID=QQ+2B1 MT-PRIORITY=-3\n"
        "C RCPT TO:<b0@example.net> NOTIFY=SUCCESS,DELAY"
        " ORCPT=rfc822;b0@example.net\nC DATA\n"
        "S 250 ok\nS 250 ok\nS 354 go\n" CONTENT_C "S 250 ok\n",
        "passed on 250 2.0.0 end-of-data| ready");
    dialogue_check(&d, PIPED ONE "S 250 ok\nS 250 ok\nS 354 go\n" CONTENT_C
                   "S 250 ok\n", "relayed 250 2.0.0 end-of-data| ready");
}

/** RFC 8689 4.2.1, RFC 6531 3.4, RFC 4954 5: what rests on TLS, on a need, on
 *  a login. */
static void parameters_that_need_trust_go_to_a_trusted_peer(void **state)
{
    smtp_client_conf_t conf = {
        .helo = "client.example", .tls = SMTP_CLIENT_TLS_MUST,
        .auth = { .login = "user", .password = "pencil" }
    };
    dialogue_t d;

    dialogue_init(&d, *state, "trust", &conf, 1);
    d.message->params.requiretls = 1;
    d.message->params.auth = "a@example.org";
    d.message->rcpts[0].address = "\xC3\xA9@example.net";
    dialogue_check(
        &d, HELLO "S 250-mx\nS 250 STARTTLS\nC STARTTLS\nS 220 go\nBOUND\n"
        "C EHLO client.example\nS 250-mx\nS 250-REQUIRETLS\nS 250-SMTPUTF8\n"
        "S 250-8BITMIME\nS 250 AUTH PLAIN\n"
        "C AUTH PLAIN AHVzZXIAcGVuY2ls\nS 235 ok\nBEGIN\n"
        "C MAIL FROM:<a@example.org> SMTPUTF8 AUTH=a@example.org REQUIRETLS\n"
        "S 250 ok\nC RCPT TO:<\xC3\xA9@example.net>\nS 250 ok\nC DATA\n"
        "S 354 go\n" CONTENT_C "S 250 ok\n",
        "relayed 250 2.0.0 end-of-data| ready");
}

/** RFC 5321 4.5.3.2.5: a block is what the socket was given; octets that
 *  trickle out of it are no progress. */
static void a_peer_that_reads_slowly_does_not_hold_a_delivery(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };
    const char *octets;
    apr_time_t deadline;
    apr_size_t len;
    dialogue_t d;

    dialogue_init(&d, *state, "slow", &conf, 1);
    d.content.len = 100000;
    d.content.octets = memset(apr_palloc(*state, 100000), 'x', 100000);
    d.content.piece = 100000;
    d.content.turn = -1;
    d.split = (apr_size_t)-1;
    dialogue_play(&d, PIPED ONE);
    smtp_client_input(d.client, "250 ok\r\n250 ok\r\n354 go\r\n", 24, d.now);
    assert_int_equal(smtp_client_stage(d.client), SMTP_STAGE_BLOCK);
    deadline = smtp_client_deadline(d.client);
    assert_int_equal(deadline - d.now, apr_time_from_sec(180));
    len = smtp_client_output(d.client, d.now, &octets);
    d.now += apr_time_from_sec(100);
    smtp_client_written(d.client, len - 1, d.now);
    assert_int_equal(smtp_client_deadline(d.client), deadline);
    assert_int_equal(smtp_client_output(d.client, d.now, &octets), 1);
    smtp_client_written(d.client, 1, d.now);
    assert_int_equal(smtp_client_deadline(d.client) - d.now,
                     apr_time_from_sec(180));
}

/** Chunks larger than the buffer, binary octets unchanged. */
static void binary_mail_arrives_octet_by_octet(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };
    char binary[] = "a\nb\rc\0d\r\n.\r\n.";
    dialogue_t d;

    dialogue_init(&d, *state, "binary", &conf, 1);
    d.message->params.has_body = 1;
    d.message->params.body = SMTP_BODY_BINARYMIME;
    d.content.octets = binary;
    d.content.len = sizeof(binary) - 1;
    d.content.turn = -1;
    d.split = (apr_size_t)-1;
    d.said = "";
    dialogue_play(&d, HELLO "S 250-mx\nS 250-BINARYMIME\nS 250 CHUNKING\n"
                  "BEGIN\nC MAIL FROM:<a@example.org> BODY=BINARYMIME\n"
                  "S 250 ok\nC RCPT TO:<b0@example.net>\n");
    smtp_client_input(d.client, "250 ok\r\n", 8, d.now);
    {
        const char *octets;
        apr_size_t len = smtp_client_output(d.client, d.now, &octets);

        assert_int_equal(len, 14 + sizeof(binary) - 1);
        assert_memory_equal(octets, "BDAT 13 LAST\r\n", 14);
        assert_memory_equal(octets + 14, binary, sizeof(binary) - 1);
        smtp_client_written(d.client, len, d.now);
    }
    smtp_client_input(d.client, "250 ok\r\n", 8, d.now);
    assert_string_equal(dialogue_result(&d),
                        "relayed 250 2.0.0 end-of-data| ready");
}

/** Mail of many buffers; the peer's octets count what was sent. */
static void mail_larger_than_the_buffer_arrives_whole(void **state)
{
    static const char *const scripts[] = {
        PIPED ONE "S 250 ok\nS 250 ok\nS 354 go\n",
        CHUNKED "S 250 ok\nS 250 ok\n"
    };
    enum { LINES = 9000 };
    smtp_client_conf_t conf = { .helo = "client.example" };
    char *big = apr_palloc(*state, LINES * 16 + 1);
    size_t i, k;

    for (k = 0; k < LINES; k++) {
        apr_snprintf(big + k * 16, 17, ".line %08d\r\n", (int)k);
    }
    for (i = 0; i < UNIT_ROWS(scripts); i++) {
        const char *octets;
        apr_size_t len, sum = 0;
        int chunks = 0;
        dialogue_t d;

        conf.chunking = i == 1;
        dialogue_init(&d, *state, "large", &conf, 1);
        d.content.octets = big;
        d.content.len = LINES * 16;
        d.content.piece = 70000;
        d.content.turn = -1;
        d.split = (apr_size_t)-1;
        d.now = 1;
        smtp_client_create(d.pool, &conf, 1, &d.client);
        d.message->pool = d.pool;
        d.message->content = dialogue_read;
        d.message->content_ctx = &d.content;
        d.said = "";
        {
            const char *at = scripts[i];

            while (*at) {
                dialogue_line(&d, &at);
            }
        }
        while ((len = smtp_client_output(d.client, d.now, &octets)) > 0) {
            assert_true(len <= SMTP_CLIENT_BUFFER_OCTETS);
            if (i == 1) {
                sum += strtoul(octets + 5, NULL, 10);
                chunks++;
            }
            else {
                sum += len;
            }
            smtp_client_written(d.client, len, d.now);
        }
        assert_int_equal(sum, i == 1 ? LINES * 16 : LINES * 17 + 3);
        while (--chunks > 0) {
            smtp_client_input(d.client, "250 ok\r\n", 8, d.now);
        }
        assert_string_equal(dialogue_result(&d), "pending 0  DATA| busy");
        smtp_client_input(d.client, "250 ok\r\n", 8, d.now);
        assert_string_equal(dialogue_result(&d),
                            "relayed 250 2.0.0 end-of-data| ready");
    }
}

/** RFC 3030 2: after a refused chunk those under way are answered, no more
 *  are made, and RSET comes before the next message. */
static void a_refused_chunk_ends_the_message_not_the_session(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example", .chunking = 1 };
    const char *octets;
    apr_size_t len;
    dialogue_t d;

    dialogue_init(&d, *state, "refused chunk", &conf, 1);
    d.content.len = 100000;
    d.content.octets = memset(apr_palloc(*state, 100000), 'x', 100000);
    d.content.piece = 1000;
    d.content.turn = -1;
    d.split = (apr_size_t)-1;
    dialogue_play(&d, CHUNKED);
    smtp_client_input(d.client, "250 ok\r\n250 ok\r\n", 16, d.now);
    len = smtp_client_output(d.client, d.now, &octets);
    assert_memory_equal(octets, "BDAT 327", 8);
    smtp_client_written(d.client, len, d.now);
    len = smtp_client_output(d.client, d.now, &octets);
    smtp_client_input(d.client, "552 5.3.4 too big\r\n", 19, d.now);
    /* The chunk that was begun is written to its end. */
    assert_int_equal(smtp_client_output(d.client, d.now, &octets), len);
    smtp_client_written(d.client, len, d.now);
    assert_int_equal(smtp_client_output(d.client, d.now, &octets), 0);
    assert_string_equal(dialogue_result(&d),
                        "failed 552 5.3.4 mail data| busy");
    smtp_client_input(d.client, "503 5.5.1 no\r\n", 14, d.now);
    assert_string_equal(dialogue_result(&d),
                        "failed 552 5.3.4 mail data| ready");
    smtp_client_begin(d.client, d.message, d.now);
    len = smtp_client_output(d.client, d.now, &octets);
    assert_memory_equal(octets, "RSET\r\nMAIL", 10);
}

/** RFC 3030 4.2: only a peer that pipelines gets a chunk before it has
 *  answered the last. */
static void a_chunk_waits_for_who_does_not_pipeline(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example", .chunking = 1 };
    const char *octets;
    apr_size_t len;
    dialogue_t d;

    dialogue_init(&d, *state, "one chunk", &conf, 1);
    d.content.len = 100000;
    d.content.octets = memset(apr_palloc(*state, 100000), 'x', 100000);
    d.content.piece = 1000;
    d.content.turn = -1;
    d.split = (apr_size_t)-1;
    dialogue_play(&d, HELLO "S 250-mx\nS 250 CHUNKING\n" MAIL "S 250 ok\n"
                  "C RCPT TO:<b0@example.net>\n");
    smtp_client_input(d.client, "250 ok\r\n", 8, d.now);
    len = smtp_client_output(d.client, d.now, &octets);
    assert_memory_equal(octets, "BDAT 327", 8);
    smtp_client_written(d.client, len, d.now);
    assert_int_equal(smtp_client_output(d.client, d.now, &octets), 0);
    smtp_client_input(d.client, "250 ok\r\n", 8, d.now);
    assert_true(smtp_client_output(d.client, d.now, &octets) > 0);
    assert_memory_equal(octets, "BDAT 327", 8);
}

/** A peer that answers amid the data gets no end of data. */
static void mail_cut_short_is_never_ended(void **state)
{
    static const struct {
        const char *reply;
        const char *result;
    } rows[] = {
        { "552 5.3.4 too big\r\n", "failed 552 5.3.4 mail data| "
          "closed deferred 0 4.5.0 mail data" },
        { "451 4.3.0 disk\r\n", "deferred 451 4.3.0 mail data| "
          "closed deferred 0 4.5.0 mail data" },
        { "250 took it\r\n", "deferred 0 4.5.0 mail data| "
          "closed deferred 0 4.5.0 mail data" },
        { "421 4.3.2 bye\r\n", "deferred 421 4.3.2 mail data| "
          "closed deferred 421 4.3.2 mail data" }
    };
    smtp_client_conf_t conf = { .helo = "client.example" };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *octets;
        dialogue_t d;

        dialogue_init(&d, *state, rows[i].reply, &conf, 1);
        d.content.turn = -1;
        d.content.at_end = APR_EAGAIN;
        d.split = (apr_size_t)-1;
        dialogue_play(&d, PIPED ONE "S 250 ok\nS 250 ok\nS 354 go\n"
                      "C Subject: x\nC \nC ..dot\nC bare\nC lf\nC cr\n");
        smtp_client_input(d.client, rows[i].reply, strlen(rows[i].reply),
                          d.now);
        assert_int_equal(smtp_client_output(d.client, d.now, &octets), 0);
        assert_string_equal(dialogue_result(&d), rows[i].result);
    }
}

static void mail_that_cannot_be_read_is_not_sent_in_part(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };
    int chunking;

    for (chunking = 0; chunking < 2; chunking++) {
        const char *octets;
        dialogue_t d;

        conf.chunking = chunking;
        dialogue_init(&d, *state, "unreadable", &conf, 1);
        d.content.turn = -1;
        d.content.at_end = APR_EGENERAL;
        d.split = (apr_size_t)-1;
        d.content.len = 0;
        dialogue_play(&d, chunking ? CHUNKED "S 250 ok\nS 250 ok\n"
                      : PIPED ONE "S 250 ok\nS 250 ok\nS 354 go\n");
        assert_int_equal(smtp_client_output(d.client, d.now, &octets), 0);
        assert_string_equal(dialogue_result(&d),
                            "deferred 0 4.3.0 mail data| "
                            "closed deferred 0 4.3.0 mail data");
    }
}

/* RFC 9422 */
static void limits_of_the_peer_are_kept(void **state)
{
    smtp_client_conf_t conf = { .helo = "client.example" };
    dialogue_t d;

    dialogue_init(&d, *state, "limits", &conf, 3);
    dialogue_check(
        &d, HELLO "S 250-mx\nS 250-PIPELINING\n"
        "S 250 LIMITS RCPTMAX=2 MAILMAX=1\n"
        TWO "S 250 ok\nS 250 ok\nS 250 ok\nS 354 go\n" CONTENT_C "S 250 ok\n",
        "relayed 250 2.0.0 end-of-data; relayed 250 2.0.0 end-of-data; "
        "deferred 0 4.5.3 need now| ready");
    assert_false(smtp_client_has_room(d.client));
    smtp_client_begin(d.client, d.message, d.now);
    assert_string_equal(dialogue_result(&d),
                        "deferred 0 4.5.3 need now; deferred 0 4.5.3 need "
                        "now; deferred 0 4.5.3 need now| ready");
}

static void a_configuration_that_cannot_work_is_refused(void **state)
{
    static const char *const names[] = {
        NULL, "", "client example", "client\r\nQUIT", "[192.0.2.1",
        "\xC3\xA9.example"
    };
    smtp_client_conf_t conf = { .helo = "[192.0.2.1]" };
    smtp_client_t *client;
    size_t i;

    assert_int_equal(smtp_client_create(*state, &conf, 1, &client),
                     APR_SUCCESS);
    conf.auth.login = "a";
    assert_int_equal(smtp_client_create(*state, &conf, 1, &client),
                     APR_EINVAL);
    conf.auth.login = NULL;
    for (i = 0; i < UNIT_ROWS(names); i++) {
        conf.helo = names[i];
        assert_int_equal(smtp_client_create(*state, &conf, 1, &client),
                         APR_EINVAL);
        assert_null(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_session_begins_as_the_peer_allows),
        UNIT_TEST(each_reply_decides_what_it_is_about),
        UNIT_TEST(pipelined_replies_are_each_read),
        UNIT_TEST(chunks_carry_mail_unstuffed),
        UNIT_TEST(lmtp_tells_of_each_recipient),
        UNIT_TEST(nothing_from_before_tls_is_believed),
        UNIT_TEST(an_offer_from_before_tls_is_forgotten),
        UNIT_TEST(a_slow_peer_does_not_hold_a_delivery),
        UNIT_TEST(a_flood_of_reply_ends_the_session),
        UNIT_TEST(each_stage_waits_as_long_as_the_rfc_says),
        UNIT_TEST(parameters_go_to_whom_they_mean_something),
        UNIT_TEST(parameters_that_need_trust_go_to_a_trusted_peer),
        UNIT_TEST(a_peer_that_reads_slowly_does_not_hold_a_delivery),
        UNIT_TEST(binary_mail_arrives_octet_by_octet),
        UNIT_TEST(mail_larger_than_the_buffer_arrives_whole),
        UNIT_TEST(a_refused_chunk_ends_the_message_not_the_session),
        UNIT_TEST(a_chunk_waits_for_who_does_not_pipeline),
        UNIT_TEST(mail_cut_short_is_never_ended),
        UNIT_TEST(mail_that_cannot_be_read_is_not_sent_in_part),
        UNIT_TEST(limits_of_the_peer_are_kept),
        UNIT_TEST(a_configuration_that_cannot_work_is_refused)
    };

    return UNIT_RUN(tests);
}
