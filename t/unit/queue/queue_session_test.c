/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* TLS and logins towards a host, mx.example.org at 127.0.0.1. */
#include "next_hop.h"
#include "queue_user.h"

#include <signal.h>

#include <openssl/pem.h>
#include <openssl/sha.h>

#include "../identity.h"

#define HELLO   "S 220 hi\nC EHLO\nS 250-mx\nS 250-PIPELINING\n"
#define OFFERED HELLO "S 250 STARTTLS\n"
#define BARE    HELLO "S 250 SIZE\n"
#define SHAKE   "C STARTTLS\nS 220 go\nSTARTTLS\n"
#define UNDER   "C EHLO\nS 250-mx\nS 250 PIPELINING\n"
#define TAKEN   "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\nS 354 go on\n" \
                "MAIL\nS 250 ok\n"
#define GOODBYE "C QUIT\nS 221 bye\nCLOSED\n"
#define LEAVE   "C QUIT\nS 221 bye\nCLOSED\n"
#define RELAYED "ready\ndone a@example.org relayed 250 2.0.0 end-of-data\n" \
                "ready\nclosed\n"

static const user_mail_t one_mail[] = {
    { "a@example.org", NULL, 0 }, { NULL, NULL, 0 }
};

static identity_t ca;
static identity_t ours;          /**< our own, as a client */
static char *ca_file, *own_file;
static smtp_tls_context_t *context;

/** A PEM file, with a key where one is given. */
static char *file_make(apr_pool_t *p, const identity_t *id, int has_key)
{
    const char *dir;
    FILE *file;
    char *path;

    assert_int_equal(apr_temp_dir_get(&dir, p), APR_SUCCESS);
    path = apr_pstrcat(p, dir, "/queue_session_test.XXXXXX", NULL);
    file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    PEM_write_X509(file, id->cert);
    if (has_key) {
        PEM_write_PrivateKey(file, id->key, NULL, NULL, 0, NULL, NULL);
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

static int group_setup(void **state)
{
    smtp_tls_conf_t conf = { 0 };
    const char *error;

    signal(SIGPIPE, SIG_IGN);
    unit_pool_setup(state);
    ca = identity_make("Test CA", NULL, NULL, -DAY_SEC, DAY_SEC);
    ours = identity_make("us", "DNS:mx.example.com", &ca, -DAY_SEC, DAY_SEC);
    conf.ca_file = ca_file = file_make(*state, &ca, 0);
    conf.cert_file = own_file = file_make(*state, &ours, 1);
    return smtp_tls_context_create(*state, &conf, &context, &error);
}

static int group_teardown(void **state)
{
    identity_free(&ca);
    identity_free(&ours);
    return unlink(ca_file) + unlink(own_file) + unit_pool_teardown(state);
}

/** What DNS says of TLSA records. */
typedef enum {
    TLSA_NONE = 0, TLSA_RIGHT, TLSA_WRONG, TLSA_BOGUS, TLSA_USELESS
} tlsa_e;

typedef struct row_t {
    const char *name;
    smtp_tls_level_e level;
    tlsa_e tlsa;
    /** i: implicit TLS; x: the certificate is another's; r: REQUIRETLS; m: MX
     *  not secure; b: a second host, at 127.0.0.2; a: it asks for our
     *  certificate */
    const char *flags;
    const char *script;
    const char *events;
    /** v(erified), d(ane), c(ipher); "": no TLS at all */
    const char *tls;
} row_t;

static int has(const row_t *row, char flag)
{
    return strchr(row->flags, flag) != NULL;
}

/** The digest of a key (RFC 6698 2.1: 3 1 1). */
static void digest_make(X509 *cert, unsigned char *digest)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

    SHA256(der, (size_t)len, digest);
    OPENSSL_free(der);
}

static void dns_set(apr_pool_t *p, const row_t *row, X509 *cert, int port)
{
    static unsigned char digest[32];
    static smtp_dns_tlsa_t records[] = {
        { 3, 1, 1, digest, 32 }, { 0, 0, 0, NULL, 0 }
    };
    const char *flags = has(row, 'm') ? "" : "s";
    const user_answer_t table[] = {
        { SMTP_DNS_MX, "example.org", SMTP_DNS_OK, flags,
          has(row, 'b') ? "10 mx.example.org 20 b.example.org"
                        : "10 mx.example.org", NULL, NULL },
        { SMTP_DNS_ADDRESS, "mx.example.org", SMTP_DNS_OK, "s", "127.0.0.1",
          NULL, NULL },
        { SMTP_DNS_ADDRESS, "b.example.org", SMTP_DNS_OK, "s", "127.0.0.2",
          NULL, NULL },
        { SMTP_DNS_TLSA, apr_psprintf(p, "_%d._tcp.mx.example.org", port),
          row->tlsa == TLSA_BOGUS ? SMTP_DNS_BOGUS
          : row->tlsa == TLSA_NONE ? SMTP_DNS_NONE : SMTP_DNS_OK, "s", NULL,
          NULL, records },
        { SMTP_DNS_MX, NULL, SMTP_DNS_OK, "", NULL, NULL, NULL }
    };

    digest_make(cert, digest);
    digest[0] ^= row->tlsa == TLSA_WRONG;
    records[0].usage = row->tlsa == TLSA_USELESS ? 1 : 3;
    user_dns = apr_pmemdup(p, table, sizeof(table));
}

static const char *tls_write(const user_t *user)
{
    return user->peer.tls == NULL ? ""
         : user->tls.cipher == NULL ? "-"
         : user->tls.is_dane ? "vd" : user->tls.is_verified ? "v" : "c";
}

static SSL_CTX *server_make(const identity_t *id)
{
    SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_server_method());

    SSL_CTX_use_certificate(ssl_ctx, id->cert);
    SSL_CTX_use_PrivateKey(ssl_ctx, id->key);
    return ssl_ctx;
}

/** Of a peer that knows us by our certificate. */
static int is_ours(int is_good, X509_STORE_CTX *store)
{
    (void)is_good;
    return X509_cmp(X509_STORE_CTX_get_current_cert(store), ours.cert) == 0
           || X509_STORE_CTX_get_error_depth(store) > 0;
}

static void row_play(apr_pool_t *parent, const row_t *row,
                     void (*change)(user_t *user))
{
    identity_t id = identity_make("mx", has(row, 'x')
                                  ? "DNS:other.example"
                                  : "DNS:mx.example.org", &ca, -DAY_SEC,
                                  DAY_SEC);
    next_hop_t *hop = calloc(1, sizeof(*hop));
    apr_pool_t *p;
    user_t *user;

    apr_pool_create(&p, parent);
    hop->script = row->script;
    hop->tls = server_make(&id);
    if (has(row, 'a')) {
        SSL_CTX_set_verify(hop->tls, SSL_VERIFY_PEER
                           | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, is_ours);
    }
    next_hop_begin(hop);
    user = user_create(p, hop->port);
    user->network.tls = context;
    user->mails = one_mail;
    user->route.kind = QUEUE_ROUTE_MX;
    user->route.host = NULL;
    user->route.is_implicit_tls = has(row, 'i');
    user->conf.tls = (int)row->level;
    user->conf.dane = 1;
    user->connection_conf.requires_tls = has(row, 'r');
    dns_set(p, row, id.cert, hop->port);
    if (change != NULL) {
        change(user);
    }
    user_run(user);
    next_hop_end(hop);
    if (*hop->fault != '\0' || strcmp(user->events, row->events) != 0
        || strcmp(tls_write(user), row->tls) != 0) {
        fail_msg("row \"%s\": next hop: %s; TLS: %s; events:\n%swanted:\n%s"
                 "log:\n%s", row->name, hop->fault, tls_write(user),
                 user->events, row->events, user_log);
    }
    apr_pool_destroy(p);
    SSL_CTX_free(hop->tls);
    identity_free(&id);
    free(hop);
}

static void rows_play(apr_pool_t *p, const row_t *rows, size_t count,
                      void (*change)(user_t *user))
{
    size_t i;

    for (i = 0; i < count; i++) {
        row_play(p, &rows[i], change);
    }
}

static void tls_is_had_where_the_peer_has_it(void **state)
{
    static const row_t rows[] = {
        { "may", SMTP_TLS_MAY, TLSA_NONE, "x",
          "ACCEPT 1\n" OFFERED SHAKE UNDER TAKEN GOODBYE, RELAYED, "c" },
        { "may, not offered", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" BARE TAKEN GOODBYE, RELAYED, "" },
        { "may, refused", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED "C STARTTLS\nS 454 no\n" TAKEN GOODBYE,
          RELAYED, "" },
        { "none", SMTP_TLS_NONE, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED TAKEN GOODBYE, RELAYED, "" },
        /* RFC 7435: the mail goes, if need be in the clear. */
        { "may, a broken handshake", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED "C STARTTLS\nS 220 go\nTLSFAIL\nSTALL\n"
          "ACCEPT 1\n" OFFERED TAKEN GOODBYE, RELAYED, "" },
        { "may, gone amid the handshake", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED "C STARTTLS\nS 220 go\nDROP\n"
          "ACCEPT 1\n" OFFERED TAKEN GOODBYE, RELAYED, "" },
        { "may, gone under TLS", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED SHAKE "C EHLO\nDROP\n"
          "ACCEPT 1\n" OFFERED TAKEN GOODBYE, RELAYED, "" },
        { "may, nor in the clear", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED "C STARTTLS\nS 220 go\nDROP\n"
          "ACCEPT 1\nS 450 4.7.1 no\n" LEAVE,
          "closed deferred 450 4.7.1 greeting\n", "" },
        /* CVE-2011-0411, the other way round */
        { "may, octets before TLS", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED "C STARTTLS\nS 220 go\nS 250 and on\nSTALL",
          "closed deferred 0 4.7.5 TLS\n", "" },
        { "implicit", SMTP_TLS_MAY, TLSA_NONE, "i",
          "ACCEPT 1\nSTARTTLS\n" HELLO "S 250 SIZE\n" TAKEN GOODBYE, RELAYED,
          "c" },
        { "implicit, not in the clear", SMTP_TLS_NONE, TLSA_NONE, "i",
          "ACCEPT 1\nS 220 hi\nSTALL", "closed deferred 0 4.7.5 greeting\n",
          "-" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), NULL);
}

static void where_tls_is_demanded_nothing_goes_without(void **state)
{
    static const row_t rows[] = {
        { "encrypt, anybody", SMTP_TLS_ENCRYPT, TLSA_NONE, "x",
          "ACCEPT 1\n" OFFERED SHAKE UNDER TAKEN GOODBYE, RELAYED, "c" },
        { "encrypt, not offered", SMTP_TLS_ENCRYPT, TLSA_NONE, "",
          "ACCEPT 1\n" BARE LEAVE, "closed deferred 0 4.7.4 STARTTLS\n", "" },
        { "encrypt, refused", SMTP_TLS_ENCRYPT, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED "C STARTTLS\nS 454 4.7.0 no\n" LEAVE,
          "closed deferred 454 4.7.0 STARTTLS\n", "" },
        { "encrypt, a broken handshake", SMTP_TLS_ENCRYPT, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED "C STARTTLS\nS 220 go\nTLSFAIL\nSTALL\n",
          "closed deferred 0 4.7.5 TLS\n", "-" },
        { "the next host has it", SMTP_TLS_ENCRYPT, TLSA_NONE, "b",
          "ACCEPT 1\n" BARE LEAVE "ACCEPT 2\n" OFFERED SHAKE UNDER TAKEN
          GOODBYE, RELAYED, "c" },
        { "verify", SMTP_TLS_VERIFY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED SHAKE UNDER TAKEN GOODBYE, RELAYED, "v" },
        { "verify, another host", SMTP_TLS_VERIFY, TLSA_NONE, "x",
          "ACCEPT 1\n" OFFERED SHAKE "STALL",
          "closed deferred 0 4.7.5 TLS\n", "-" },
        /* RFC 7672: what is published binds. */
        { "DANE", SMTP_TLS_MAY, TLSA_RIGHT, "x",
          "ACCEPT 1\n" OFFERED SHAKE UNDER TAKEN GOODBYE, RELAYED, "vd" },
        { "DANE, another key", SMTP_TLS_MAY, TLSA_WRONG, "",
          "ACCEPT 1\n" OFFERED SHAKE "STALL",
          "closed deferred 0 4.7.5 TLS\n", "-" },
        { "DANE, not offered", SMTP_TLS_MAY, TLSA_RIGHT, "",
          "ACCEPT 1\n" BARE LEAVE, "closed deferred 0 4.7.4 STARTTLS\n", "" },
        { "DANE, no record is of use", SMTP_TLS_MAY, TLSA_USELESS, "x",
          "ACCEPT 1\n" OFFERED SHAKE UNDER TAKEN GOODBYE, RELAYED, "c" },
        { "DANE, no record is of use, not offered", SMTP_TLS_MAY,
          TLSA_USELESS, "", "ACCEPT 1\n" BARE LEAVE,
          "closed deferred 0 4.7.4 STARTTLS\n", "" },
        { "DANE, no answer of DNS", SMTP_TLS_MAY, TLSA_BOGUS, "", "DEAF",
          "closed deferred 0 4.7.5 connect\n", "" },
        { "DANE, no answer for the first host", SMTP_TLS_MAY, TLSA_BOGUS, "b",
          "ACCEPT 2\n" BARE TAKEN GOODBYE, RELAYED, "" },
        { "TLSA where MX is not signed counts for nothing", SMTP_TLS_MAY,
          TLSA_WRONG, "m", "ACCEPT 1\n" OFFERED SHAKE UNDER TAKEN GOODBYE,
          RELAYED, "c" },
        { "level dane, no TLSA", SMTP_TLS_DANE, TLSA_NONE, "", "DEAF",
          "closed deferred 0 4.7.5 TLS\n", "" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), NULL);
}

/** RFC 8689 4.2.1 */
static void requiretls_goes_to_whom_it_means(void **state)
{
    static const row_t rows[] = {
        { "offered and verified", SMTP_TLS_MAY, TLSA_NONE, "r",
          "ACCEPT 1\n" OFFERED SHAKE "C EHLO\nS 250-mx\nS 250-PIPELINING\n"
          "S 250 REQUIRETLS\nC MAIL FROM:<sender@example.com> REQUIRETLS\n"
          "C RCPT\nC DATA\nS 250 ok\nS 250 ok\nS 354 go on\nMAIL\nS 250 ok\n"
          GOODBYE, RELAYED, "v" },
        { "not offered", SMTP_TLS_MAY, TLSA_NONE, "r",
          "ACCEPT 1\n" OFFERED SHAKE UNDER LEAVE,
          "closed failed 0 5.7.30 need\n", "v" },
        { "not offered by the first host", SMTP_TLS_MAY, TLSA_RIGHT, "rb",
          "ACCEPT 1\n" OFFERED SHAKE UNDER LEAVE "ACCEPT 2\nDROP",
          "closed deferred 0 4.4.2 greeting\n", "" },
        { "no TLS", SMTP_TLS_MAY, TLSA_NONE, "r", "ACCEPT 1\n" BARE LEAVE,
          "closed failed 0 5.7.30 need\n", "" },
        { "nobody vouches for the host", SMTP_TLS_MAY, TLSA_NONE, "rm",
          "DEAF", "closed failed 0 5.7.30 TLS\n", "" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), NULL);
}

static void timeouts_shorten(user_t *user)
{
    user->conf.timeout[SMTP_STAGE_TLS] = apr_time_from_msec(50);
}

static void a_handshake_that_stalls_ends(void **state)
{
    static const row_t rows[] = {
        { "may", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED "C STARTTLS\nS 220 go\nSTALL\n"
          "ACCEPT 1\n" OFFERED TAKEN GOODBYE, RELAYED, "" },
        { "encrypt", SMTP_TLS_ENCRYPT, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED "C STARTTLS\nS 220 go\nSTALL\n",
          "closed deferred 0 4.4.2 TLS\n", "-" },
        { "implicit", SMTP_TLS_ENCRYPT, TLSA_NONE, "i", "ACCEPT 1\nSTALL\n",
          "closed deferred 0 4.4.2 greeting\n", "-" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), timeouts_shorten);
}

static void a_peer_that_floods_under_tls_is_left(void **state)
{
    static const row_t rows[] = {
        { "replies", SMTP_TLS_ENCRYPT, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED SHAKE "C EHLO\nFLOOD 250-and so on",
          "closed deferred 0 4.5.0 EHLO\n", "c" },
        { "what is no TLS", SMTP_TLS_ENCRYPT, TLSA_NONE, "i",
          "ACCEPT 1\nPOUR 0123456789", "closed deferred 0 4.7.5 greeting\n",
          "-" }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), NULL);
}

static void large_set(user_t *user)
{
    static char line[1002];
    static const user_mail_t mails[] = {
        { "a@example.org", line, 5000 }, { NULL, NULL, 0 }
    };

    memset(line, 'x', sizeof(line) - 3);
    strcpy(line + sizeof(line) - 3, "\r\n");
    user->mails = mails;
}

static void large_mail_arrives_whole_under_tls(void **state)
{
    static const row_t row = {
        "5 MB", SMTP_TLS_ENCRYPT, TLSA_NONE, "",
        "ACCEPT 1\n" OFFERED SHAKE UNDER TAKEN GOODBYE, RELAYED, "c"
    };

    row_play(*state, &row, large_set);
}

static void our_certificate_is_shown_to_who_asks(void **state)
{
    static const row_t row = {
        "asks", SMTP_TLS_ENCRYPT, TLSA_NONE, "a",
        "ACCEPT 1\n" OFFERED SHAKE UNDER TAKEN GOODBYE, RELAYED, "c"
    };

    row_play(*state, &row, NULL);
}

/* Logins. */

static void auth_set(user_t *user)
{
    static const queue_auth_t auth = { "user", "pencil", 0 };

    user->route.auth = &auth;
}

static void auth_in_the_clear_set(user_t *user)
{
    static const queue_auth_t auth = { "user", "pencil", 1 };

    user->route.auth = &auth;
}

#define AUTH    "C EHLO\nS 250-mx\nS 250-PIPELINING\nS 250 AUTH PLAIN\n"
#define PLAIN   "C AUTH PLAIN AHVzZXIAcGVuY2ls\n"

static void a_login_goes_under_tls(void **state)
{
    static const row_t rows[] = {
        { "taken", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED SHAKE AUTH PLAIN "S 235 2.7.0 ok\n" TAKEN
          GOODBYE, RELAYED, "c" },
        { "not in the clear", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\nS 220 hi\n" AUTH LEAVE,
          "closed deferred 0 4.7.8 AUTH\n", "" },
        /* Each host more would be a password more that was wrong. */
        { "refused, and not tried again at the next host", SMTP_TLS_MAY,
          TLSA_NONE, "b",
          "ACCEPT 1\n" OFFERED SHAKE AUTH PLAIN "S 535 5.7.8 no\n" LEAVE,
          "closed deferred 535 4.7.8 AUTH\n", "c" },
        { "later, but at the next host", SMTP_TLS_MAY, TLSA_NONE, "b",
          "ACCEPT 1\n" OFFERED SHAKE AUTH PLAIN "S 454 4.7.0 no\n" LEAVE
          "ACCEPT 2\n" OFFERED SHAKE AUTH PLAIN "S 235 ok\n" TAKEN GOODBYE,
          RELAYED, "c" },
        /* A nonce is there; what it says is chance. */
        { "SCRAM", SMTP_TLS_MAY, TLSA_NONE, "",
          "ACCEPT 1\n" OFFERED SHAKE "C EHLO\nS 250-mx\n"
          "S 250 AUTH PLAIN SCRAM-SHA-256\nC AUTH SCRAM-SHA-256 \n"
          "S 535 5.7.8 no\n" LEAVE, "closed deferred 535 4.7.8 AUTH\n", "c" }
    };
    static const row_t clear = {
        "in the clear", SMTP_TLS_MAY, TLSA_NONE, "",
        "ACCEPT 1\nS 220 hi\n" AUTH PLAIN "S 235 ok\n" TAKEN GOODBYE,
        RELAYED, ""
    };

    rows_play(*state, rows, UNIT_ROWS(rows), auth_set);
    row_play(*state, &clear, auth_in_the_clear_set);
    assert_null(strstr(user_log, "pencil"));
}

/* Where the session cannot be begun. */

static void bad_name_set(user_t *user)
{
    user->connection_conf.helo = "no name";
}

static void what_is_wrong_on_this_side_defers(void **state)
{
    static const row_t row = {
        "our name", SMTP_TLS_MAY, TLSA_NONE, "", "ACCEPT 1\nCLOSED",
        "closed deferred 0 4.3.2 connect\n", ""
    };

    row_play(*state, &row, bad_name_set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(tls_is_had_where_the_peer_has_it),
        UNIT_TEST(where_tls_is_demanded_nothing_goes_without),
        UNIT_TEST(requiretls_goes_to_whom_it_means),
        UNIT_TEST(a_handshake_that_stalls_ends),
        UNIT_TEST(a_peer_that_floods_under_tls_is_left),
        UNIT_TEST(large_mail_arrives_whole_under_tls),
        UNIT_TEST(our_certificate_is_shown_to_who_asks),
        UNIT_TEST(a_login_goes_under_tls),
        UNIT_TEST(what_is_wrong_on_this_side_defers)
    };

    unit_begin();
    return cmocka_run_group_tests_name(__FILE__, tests, group_setup,
                                       group_teardown);
}
