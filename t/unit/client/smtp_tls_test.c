/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <stdio.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "../identity.h"
#include "smtp_tls.h"

/* Certificates: one CA. */

static identity_t ca;
static char *ca_file;

static int ca_setup(void **state)
{
    const char *dir;
    FILE *file;
    int fd;

    unit_pool_setup(state);
    if (apr_temp_dir_get(&dir, *state) != APR_SUCCESS) {
        return 1;
    }
    ca_file = apr_pstrcat(*state, dir, "/smtp_tls_test.XXXXXX", NULL);
    fd = mkstemp(ca_file);
    if (fd < 0 || (file = fdopen(fd, "w")) == NULL) {
        return 1;
    }
    ca = identity_make("Test CA", NULL, NULL, -DAY_SEC, DAY_SEC);
    PEM_write_X509(file, ca.cert);
    return fclose(file);
}

static int ca_teardown(void **state)
{
    identity_free(&ca);
    return unlink(ca_file) + unit_pool_teardown(state);
}

/* A server at the other end of the memory. */

typedef struct server_t {
    SSL_CTX *ssl_ctx;
    SSL *ssl;
} server_t;

static void server_make(server_t *server, const identity_t *id,
                        int max_version)
{
    server->ssl_ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(server->ssl_ctx, id->cert);
    SSL_CTX_add1_chain_cert(server->ssl_ctx, ca.cert);
    SSL_CTX_use_PrivateKey(server->ssl_ctx, id->key);
    SSL_CTX_set_max_proto_version(server->ssl_ctx, max_version);
    server->ssl = SSL_new(server->ssl_ctx);
    SSL_set_bio(server->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(server->ssl);
}

static void server_free(server_t *server)
{
    SSL_free(server->ssl);
    SSL_CTX_free(server->ssl_ctx);
}

/** Carries octets both ways, to the client @a step at a time. */
static void carry(smtp_tls_t *tls, server_t *server, size_t step)
{
    char buffer[512];
    const char *octets;
    apr_size_t len;
    int got;

    while ((len = smtp_tls_output(tls, &octets)) > 0) {
        if (len > step) {
            len = step;
        }
        BIO_write(SSL_get_rbio(server->ssl), octets, (int)len);
        smtp_tls_written(tls, len);
    }
    if (SSL_in_init(server->ssl)) {
        SSL_do_handshake(server->ssl);
    }
    got = BIO_read(SSL_get_wbio(server->ssl), buffer,
                   (int)(step < sizeof(buffer) ? step : sizeof(buffer)));
    if (got > 0) {
        assert_int_equal(smtp_tls_input(tls, buffer, got), APR_SUCCESS);
    }
}

static smtp_tls_status_e shake(smtp_tls_t *tls, server_t *server, size_t step)
{
    smtp_tls_status_e status = SMTP_TLS_MORE;
    int turns;

    for (turns = 0; status == SMTP_TLS_MORE && turns < 20000; turns++) {
        status = smtp_tls_handshake(tls);
        carry(tls, server, step);
    }
    for (turns = 0; turns < 20000 / (int)step; turns++) {
        carry(tls, server, step);
    }
    ERR_clear_error();
    return status;
}

static smtp_tls_context_t *context_make(apr_pool_t *p)
{
    smtp_tls_conf_t conf = { .ca_file = ca_file };
    smtp_tls_context_t *context;
    const char *error;

    assert_int_equal(smtp_tls_context_create(p, &conf, &context, &error),
                     APR_SUCCESS);
    assert_null(error);
    return context;
}

/* Policies. */

typedef struct row_t {
    const char *name;
    smtp_tls_level_e level;
    int is_testing;
    const char *san;
    int is_self_signed;
    int is_expired;
    const char *names[3];
    smtp_tls_status_e status;
    smtp_tls_result_e result;
    int is_verified;
} row_t;

#define RESULT(r) SMTP_TLS_RESULT_##r

static const row_t rows[] = {
    { "may, anybody", SMTP_TLS_MAY, 0, "DNS:other.example", 1, 1,
      { "mx.example.com" }, SMTP_TLS_DONE, RESULT(OK), 0 },
    { "may, without a name", SMTP_TLS_MAY, 0, "DNS:other.example", 1, 0,
      { NULL }, SMTP_TLS_DONE, RESULT(OK), 0 },
    { "encrypt, anybody", SMTP_TLS_ENCRYPT, 0, "DNS:other.example", 1, 1,
      { "mx.example.com" }, SMTP_TLS_DONE, RESULT(OK), 0 },
    { "verify", SMTP_TLS_VERIFY, 0, "DNS:mx.example.com", 0, 0,
      { "mx.example.com" }, SMTP_TLS_DONE, RESULT(OK), 1 },
    { "verify, second name", SMTP_TLS_VERIFY, 0, "DNS:example.com", 0, 0,
      { "mx.example.com", "example.com" }, SMTP_TLS_DONE, RESULT(OK), 1 },
    { "verify, wildcard", SMTP_TLS_VERIFY, 0, "DNS:*.example.com", 0, 0,
      { "mx.example.com" }, SMTP_TLS_DONE, RESULT(OK), 1 },
    { "verify, name in upper case", SMTP_TLS_VERIFY, 0, "DNS:MX.example.com",
      0, 0, { "mx.example.com" }, SMTP_TLS_DONE, RESULT(OK), 1 },
    /* RFC 9525 6.3 */
    { "part of a label", SMTP_TLS_VERIFY, 0, "DNS:m*.example.com", 0, 0,
      { "mx.example.com" }, SMTP_TLS_FAILED, RESULT(HOST_MISMATCH), 0 },
    { "a wildcard is one label", SMTP_TLS_VERIFY, 0, "DNS:*.example.com", 0,
      0, { "a.mx.example.com" }, SMTP_TLS_FAILED, RESULT(HOST_MISMATCH), 0 },
    { "a common name is no name", SMTP_TLS_VERIFY, 0, "email:a@b.example", 0,
      0, { "mx.example.com" }, SMTP_TLS_FAILED, RESULT(HOST_MISMATCH), 0 },
    { "another host", SMTP_TLS_VERIFY, 0, "DNS:other.example", 0, 0,
      { "mx.example.com" }, SMTP_TLS_FAILED, RESULT(HOST_MISMATCH), 0 },
    { "expired", SMTP_TLS_VERIFY, 0, "DNS:mx.example.com", 0, 1,
      { "mx.example.com" }, SMTP_TLS_FAILED, RESULT(EXPIRED), 0 },
    { "not trusted", SMTP_TLS_VERIFY, 0, "DNS:mx.example.com", 1, 0,
      { "mx.example.com" }, SMTP_TLS_FAILED, RESULT(NOT_TRUSTED), 0 },
    /* RFC 8461 5: told, not failed */
    { "testing, another host", SMTP_TLS_VERIFY, 1, "DNS:other.example", 0, 0,
      { "mx.example.com" }, SMTP_TLS_DONE, RESULT(HOST_MISMATCH), 0 },
    { "testing, expired", SMTP_TLS_VERIFY, 1, "DNS:mx.example.com", 0, 1,
      { "mx.example.com" }, SMTP_TLS_DONE, RESULT(EXPIRED), 0 },
    { "testing, good", SMTP_TLS_VERIFY, 1, "DNS:mx.example.com", 0, 0,
      { "mx.example.com" }, SMTP_TLS_DONE, RESULT(OK), 1 }
};

static identity_t row_identity(const row_t *row)
{
    return identity_make("mx.example.com", row->san,
                         row->is_self_signed ? NULL : &ca, -2 * DAY_SEC,
                         row->is_expired ? -DAY_SEC : DAY_SEC);
}

static void row_check(apr_pool_t *p, const row_t *row,
                      const smtp_tls_policy_t *policy, size_t step)
{
    identity_t id = row_identity(row);
    const smtp_tls_info_t *info;
    server_t server;
    smtp_tls_t *tls;

    server_make(&server, &id, 0);
    assert_int_equal(smtp_tls_create(p, context_make(p), policy, &tls),
                     APR_SUCCESS);
    UNIT_CHECK(row->name, shake(tls, &server, step) == row->status);
    info = smtp_tls_info(tls);
    UNIT_CHECK(row->name, info->result == row->result);
    UNIT_CHECK(row->name, (int)info->is_verified == row->is_verified);
    UNIT_CHECK(row->name, (info->protocol != NULL)
                          == (row->status == SMTP_TLS_DONE));
    UNIT_CHECK(row->name, (info->detail == NULL)
                          == (row->result == RESULT(OK)));
    server_free(&server);
    identity_free(&id);
}

static void mail_goes_to_whom_the_policy_means(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_tls_policy_t policy = { .level = rows[i].level,
                                     .is_testing = rows[i].is_testing & 1,
                                     .names = rows[i].names };

        row_check(*state, &rows[i], &policy, 4096);
        row_check(*state, &rows[i], &policy, 1);
    }
}

/* DANE. */

/** The digest of a certificate or its key (RFC 6698 2.1). */
static void tlsa_make(smtp_tls_tlsa_t *tlsa, unsigned char usage,
                      unsigned char selector, X509 *cert,
                      unsigned char digest[EVP_MAX_MD_SIZE])
{
    unsigned char *der = NULL;
    int len = selector ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der)
                       : i2d_X509(cert, &der);

    EVP_Digest(der, len, digest, NULL, EVP_sha256(), NULL);
    OPENSSL_free(der);
    *tlsa = (smtp_tls_tlsa_t){ usage, selector, 1, digest, 32 };
}

/** RFC 7672 3.1, 3.2: what each usage looks at. */
static void tlsa_records_decide_who_the_peer_is(void **state)
{
    static const struct {
        row_t row;
        unsigned char usage;
        unsigned char selector;
        int of_ca;
        int is_wrong;
    } dane_rows[] = {
        { { "3 1 1", SMTP_TLS_DANE, 0, "DNS:mx.example.com", 1, 0,
            { NULL }, SMTP_TLS_DONE, RESULT(OK), 1 }, 3, 1, 0, 0 },
        { { "3 0 1, neither name nor date matter", SMTP_TLS_DANE, 0,
            "DNS:other.example", 1, 1, { NULL }, SMTP_TLS_DONE, RESULT(OK),
            1 }, 3, 0, 0, 0 },
        { { "3 1 1 of another key", SMTP_TLS_DANE, 0, "DNS:mx.example.com", 0,
            0, { NULL }, SMTP_TLS_FAILED, RESULT(VALIDATION_FAILURE), 0 },
          3, 1, 0, 1 },
        { { "3 1 1 of the CA", SMTP_TLS_DANE, 0, "DNS:mx.example.com", 0, 0,
            { NULL }, SMTP_TLS_FAILED, RESULT(VALIDATION_FAILURE), 0 },
          3, 1, 1, 0 },
        { { "2 0 1", SMTP_TLS_DANE, 0, "DNS:mx.example.com", 0, 0,
            { NULL }, SMTP_TLS_DONE, RESULT(OK), 1 }, 2, 0, 1, 0 },
        { { "2 0 1, the next-hop domain", SMTP_TLS_DANE, 0,
            "DNS:example.org", 0, 0, { "example.org" }, SMTP_TLS_DONE,
            RESULT(OK), 1 }, 2, 0, 1, 0 },
        { { "2 0 1 of another host", SMTP_TLS_DANE, 0, "DNS:other.example", 0,
            0, { NULL }, SMTP_TLS_FAILED, RESULT(HOST_MISMATCH), 0 },
          2, 0, 1, 0 },
        { { "2 0 1, expired", SMTP_TLS_DANE, 0, "DNS:mx.example.com", 0, 1,
            { NULL }, SMTP_TLS_FAILED, RESULT(EXPIRED), 0 }, 2, 0, 1, 0 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(dane_rows); i++) {
        const row_t *row = &dane_rows[i].row;
        unsigned char digest[EVP_MAX_MD_SIZE];
        identity_t id = row_identity(row);
        const smtp_tls_info_t *info;
        smtp_tls_tlsa_t tlsa;
        smtp_tls_policy_t policy = {
            .level = SMTP_TLS_DANE, .host = "mx.example.com",
            .names = row->names, .tlsa = &tlsa, .tlsa_count = 1
        };
        server_t server;
        smtp_tls_t *tls;

        tlsa_make(&tlsa, dane_rows[i].usage, dane_rows[i].selector,
                  dane_rows[i].of_ca ? ca.cert : id.cert, digest);
        digest[7] ^= dane_rows[i].is_wrong;
        server_make(&server, &id, 0);
        assert_int_equal(smtp_tls_create(*state, context_make(*state),
                                         &policy, &tls), APR_SUCCESS);
        UNIT_CHECK(row->name, shake(tls, &server, 4096) == row->status);
        info = smtp_tls_info(tls);
        UNIT_CHECK(row->name, info->result == row->result);
        UNIT_CHECK(row->name, (int)info->is_verified == row->is_verified);
        UNIT_CHECK(row->name, (int)info->is_dane == row->is_verified);
        server_free(&server);
        identity_free(&id);
    }
}

/** RFC 7672 2.2: records of which none is usable: TLS, whoever it is. */
static void a_record_that_is_none_asks_for_encryption_only(void **state)
{
    static const unsigned char junk[32] = "this is no certificate at all";
    static const smtp_tls_tlsa_t records[] = {
        { 1, 1, 1, junk, 32 }, { 3, 0, 0, junk, 32 }
    };
    row_t row = { "junk", SMTP_TLS_DANE, 0, "DNS:other.example", 1, 1,
                  { NULL }, SMTP_TLS_DONE, RESULT(OK), 0 };
    size_t i;

    for (i = 0; i < UNIT_ROWS(records); i++) {
        smtp_tls_policy_t policy = { .level = SMTP_TLS_DANE,
                                     .host = "mx.example.com",
                                     .tlsa = &records[i], .tlsa_count = 1 };
        identity_t id = row_identity(&row);
        server_t server;
        smtp_tls_t *tls;

        server_make(&server, &id, 0);
        assert_int_equal(smtp_tls_create(*state, context_make(*state),
                                         &policy, &tls), APR_SUCCESS);
        assert_int_equal(shake(tls, &server, 4096), SMTP_TLS_DONE);
        assert_false(smtp_tls_info(tls)->is_verified);
        server_free(&server);
        identity_free(&id);
    }
}

/* Octets. */

typedef struct pair_t {
    identity_t id;
    server_t server;
    smtp_tls_policy_t policy;
    smtp_tls_t *tls;
} pair_t;

static void pair_make(apr_pool_t *p, pair_t *pair, int max_version)
{
    static const char *const names[] = { "mx.example.com", NULL };

    memset(pair, 0, sizeof(*pair));
    pair->policy.level = SMTP_TLS_VERIFY;
    pair->policy.names = names;
    pair->id = identity_make("x", "DNS:mx.example.com", &ca, -DAY_SEC,
                             DAY_SEC);
    server_make(&pair->server, &pair->id, max_version);
    assert_int_equal(smtp_tls_create(p, context_make(p), &pair->policy,
                                     &pair->tls), APR_SUCCESS);
    assert_int_equal(shake(pair->tls, &pair->server, 4096), SMTP_TLS_DONE);
}

static void pair_free(pair_t *pair)
{
    server_free(&pair->server);
    identity_free(&pair->id);
}

static void mail_arrives_as_it_was_sent(void **state)
{
    enum { LEN = 100000 };
    char *sent = apr_palloc(*state, LEN), *got = apr_palloc(*state, LEN);
    apr_size_t i, len, sum = 0;
    pair_t pair;

    for (i = 0; i < LEN; i++) {
        sent[i] = (char)(i * 7 + i / 256);
    }
    pair_make(*state, &pair, 0);
    assert_int_equal(smtp_tls_write(pair.tls, sent, LEN), APR_SUCCESS);
    carry(pair.tls, &pair.server, 1000);
    while (sum < LEN) {
        int rv = SSL_read(pair.server.ssl, got + sum, LEN - (int)sum);

        assert_true(rv > 0);
        sum += rv;
    }
    assert_memory_equal(sent, got, LEN);
    /* and back */
    assert_int_equal(SSL_write(pair.server.ssl, sent, LEN), LEN);
    memset(got, 0, LEN);
    for (sum = 0; sum < LEN; ) {
        carry(pair.tls, &pair.server, 300);
        while (smtp_tls_read(pair.tls, got + sum, 777 < LEN - sum
                             ? 777 : LEN - sum, &len) == APR_SUCCESS) {
            sum += len;
            if (sum == LEN) {
                break;
            }
        }
    }
    assert_memory_equal(sent, got, LEN);
    assert_int_equal(smtp_tls_read(pair.tls, got, 1, &len), APR_EAGAIN);
    SSL_shutdown(pair.server.ssl);
    carry(pair.tls, &pair.server, 4096);
    assert_int_equal(smtp_tls_read(pair.tls, got, 1, &len), APR_EOF);
    assert_int_equal(len, 0);
    smtp_tls_close(pair.tls);
    carry(pair.tls, &pair.server, 4096);
    assert_int_equal(SSL_read(pair.server.ssl, got, 1), 0);
    pair_free(&pair);
}

static void octets_in_the_clear_end_the_connection(void **state)
{
    static const char *const clear[] = {
        "454 TLS not available\r\n", "HTTP/1.1 400 Bad Request\r\n",
        "\x15\x03\x03\x00\x02\x02\x28"
    };
    static const smtp_tls_policy_t policy = { .level = SMTP_TLS_MAY };
    char buffer[10];
    apr_size_t len;
    pair_t pair;
    size_t i;

    for (i = 0; i < UNIT_ROWS(clear); i++) {
        size_t octets = i == 2 ? 7 : strlen(clear[i]);
        smtp_tls_t *tls;

        smtp_tls_create(*state, context_make(*state), &policy, &tls);
        assert_int_equal(smtp_tls_handshake(tls), SMTP_TLS_MORE);
        smtp_tls_input(tls, clear[i], octets);
        assert_int_equal(smtp_tls_handshake(tls), SMTP_TLS_FAILED);
        assert_int_equal(smtp_tls_info(tls)->result,
                         RESULT(VALIDATION_FAILURE));
        assert_non_null(smtp_tls_info(tls)->detail);
        assert_null(smtp_tls_info(tls)->protocol);
    }
    pair_make(*state, &pair, 0);
    smtp_tls_input(pair.tls, "250 ok, believe me\r\n", 20);
    assert_int_equal(smtp_tls_read(pair.tls, buffer, 10, &len), APR_EGENERAL);
    assert_int_equal(len, 0);
    pair_free(&pair);
}

/** RFC 9266: both sides have the same octets, in TLS 1.3 and 1.2. */
static void a_login_can_be_bound_to_the_channel(void **state)
{
    static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };
    static const char label[] = "EXPORTER-Channel-Binding";
    size_t i;

    for (i = 0; i < UNIT_ROWS(versions); i++) {
        unsigned char theirs[32];
        smtp_client_tls_t ours;
        pair_t pair;

        pair_make(*state, &pair, versions[i]);
        smtp_tls_client_get(pair.tls, &ours);
        assert_string_equal(ours.binding_type, "tls-exporter");
        assert_int_equal(ours.binding_len, 32);
        assert_true(ours.is_verified);
        SSL_export_keying_material(pair.server.ssl, theirs, 32, label,
                                   sizeof(label) - 1,
                                   (const unsigned char *)"", 0, 1);
        assert_memory_equal(ours.binding, theirs, 32);
        assert_string_equal(smtp_tls_info(pair.tls)->protocol,
                            i ? "TLSv1.2" : "TLSv1.3");
        assert_true(smtp_tls_info(pair.tls)->bits >= 128);
        pair_free(&pair);
    }
}

/** The peer asks for a new handshake: it gets an alert (21), no ClientHello
 *  (22), in TLS 1.2's records. */
static void the_dialogue_is_not_interrupted_by_a_handshake(void **state)
{
    const char *octets;
    char buffer[512];
    apr_size_t len;
    pair_t pair;
    int got;

    pair_make(*state, &pair, TLS1_2_VERSION);
    SSL_renegotiate(pair.server.ssl);
    SSL_do_handshake(pair.server.ssl);
    got = BIO_read(SSL_get_wbio(pair.server.ssl), buffer, sizeof(buffer));
    assert_true(got > 0);
    smtp_tls_input(pair.tls, buffer, got);
    assert_int_equal(smtp_tls_read(pair.tls, buffer, 1, &len), APR_EAGAIN);
    assert_true(smtp_tls_output(pair.tls, &octets) > 0);
    assert_int_equal(octets[0], 21);
    pair_free(&pair);
    ERR_clear_error();
}

/** RFC 8997: what is below TLS 1.2 is refused. */
static void old_protocols_are_refused(void **state)
{
    static const smtp_tls_policy_t policy = { .level = SMTP_TLS_MAY };
    identity_t id = identity_make("x", "DNS:mx.example.com", &ca, -DAY_SEC,
                                  DAY_SEC);
    server_t server;
    smtp_tls_t *tls;

    server_make(&server, &id, TLS1_1_VERSION);
    SSL_set_security_level(server.ssl, 0);
    smtp_tls_create(*state, context_make(*state), &policy, &tls);
    assert_int_equal(shake(tls, &server, 4096), SMTP_TLS_FAILED);
    server_free(&server);
    identity_free(&id);
}

static void a_setting_that_cannot_work_is_named(void **state)
{
    static const struct {
        smtp_tls_conf_t conf;
        const char *error;
    } conf_rows[] = {
        { { .ca_file = "/nonexistent/ca.pem" }, "certificates of CAs: " },
        { { .cert_file = "/nonexistent/c.pem" }, "client certificate " },
        { { .ciphers = "NO-SUCH-CIPHER" }, "ciphers: " },
        { { .ciphersuites = "NO-SUCH-CIPHER" }, "ciphers: " },
        { { .min_version = 7 }, "lowest protocol: " }
    };
    static const smtp_tls_policy_t nobody = { .level = SMTP_TLS_VERIFY };
    smtp_tls_context_t *context;
    smtp_tls_t *tls;
    const char *error;
    size_t i;

    for (i = 0; i < UNIT_ROWS(conf_rows); i++) {
        assert_int_equal(smtp_tls_context_create(*state, &conf_rows[i].conf,
                                                 &context, &error),
                         APR_EGENERAL);
        assert_null(context);
        assert_memory_equal(error, conf_rows[i].error,
                            strlen(conf_rows[i].error));
        assert_int_equal(ERR_peek_error(), 0);
    }
    assert_int_equal(smtp_tls_create(*state, context_make(*state), &nobody,
                                     &tls), APR_EINVAL);
    assert_null(tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(mail_goes_to_whom_the_policy_means),
        UNIT_TEST(tlsa_records_decide_who_the_peer_is),
        UNIT_TEST(a_record_that_is_none_asks_for_encryption_only),
        UNIT_TEST(mail_arrives_as_it_was_sent),
        UNIT_TEST(octets_in_the_clear_end_the_connection),
        UNIT_TEST(a_login_can_be_bound_to_the_channel),
        UNIT_TEST(the_dialogue_is_not_interrupted_by_a_handshake),
        UNIT_TEST(old_protocols_are_refused),
        UNIT_TEST(a_setting_that_cannot_work_is_named)
    };

    unit_begin();
    return cmocka_run_group_tests_name(__FILE__, tests, ca_setup,
                                       ca_teardown);
}
