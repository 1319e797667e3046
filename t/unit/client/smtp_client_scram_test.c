/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_client_scram.h"

/* RFC 7677 3: the exchange of user "user" with password "pencil". */
#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SERVER_FIRST "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define CLIENT_FINAL \
    "c=biws,r=" SERVER_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static const smtp_client_scram_conf_t rfc = { .login = "user",
                                              .password = "pencil",
                                              .nonce = NONCE };

static apr_status_t answer(smtp_client_scram_t *scram, apr_pool_t *p,
                           const char *server_first, const char **last)
{
    return smtp_client_scram_answer(scram, unit_string(p, server_first),
                                    strlen(server_first), last);
}

static int is_server(const smtp_client_scram_t *scram, apr_pool_t *p,
                     const char *server_final)
{
    return smtp_client_scram_is_server(scram, unit_string(p, server_final),
                                       strlen(server_final));
}

static void a_login_by_the_rfc_succeeds(void **state)
{
    smtp_client_scram_t *scram;
    const char *first, *last;

    assert_int_equal(smtp_client_scram_create(*state, &rfc, &scram, &first),
                     APR_SUCCESS);
    assert_string_equal(first, "n,,n=user,r=" NONCE);
    assert_false(is_server(scram, *state, SERVER_FINAL));
    assert_int_equal(answer(scram, *state, SERVER_FIRST, &last), APR_SUCCESS);
    assert_string_equal(last, CLIENT_FINAL);
    assert_true(is_server(scram, *state, SERVER_FINAL));
    assert_true(is_server(scram, *state, SERVER_FINAL ",x=more"));
}

/** RFC 5802 3, 9: a server that does not know the password. */
static void a_server_that_proves_nothing_is_not_believed(void **state)
{
    static const char *const finals[] = {
        "", "v=", "v", "e=unknown-user", ("x" SERVER_FINAL),
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
        "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "v=6rriTRBi23Wp"
    };
    smtp_client_scram_t *scram;
    const char *first, *last;
    size_t i;

    smtp_client_scram_create(*state, &rfc, &scram, &first);
    answer(scram, *state, SERVER_FIRST, &last);
    for (i = 0; i < UNIT_ROWS(finals); i++) {
        UNIT_CHECK(finals[i], !is_server(scram, *state, finals[i]));
    }
}

static void a_question_that_is_none_gets_no_proof(void **state)
{
    static const char *const firsts[] = {
        "", "r=", "r=" SERVER_NONCE, "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEs=",
        /* not our nonce, or nothing of the server's */
        "r=x" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOpr,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        /* salt */
        "r=" SERVER_NONCE ",s=,i=4096", "r=" SERVER_NONCE ",s=?,i=4096",
        /* iterations: too few give the password away, too many hold us */
        "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
        "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001",
        "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999",
        "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096",
        "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=",
        /* order; a mandatory extension */
        "s=W22ZaJ0SNY7soEsUEjb6gQ==,r=" SERVER_NONCE ",i=4096",
        "m=x,r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    };
    smtp_client_scram_t *scram;
    const char *first, *last;
    size_t i;

    smtp_client_scram_create(*state, &rfc, &scram, &first);
    for (i = 0; i < UNIT_ROWS(firsts); i++) {
        UNIT_CHECK(firsts[i], answer(scram, *state, firsts[i], &last)
                              == APR_EINVAL);
        UNIT_CHECK(firsts[i], last == NULL);
    }
    assert_int_equal(smtp_client_scram_answer(scram, "r=a\0b", 5, &last),
                     APR_EINVAL);
}

/** RFC 5802 5.1, 6. */
static void the_first_message_names_who_and_what_binds(void **state)
{
    static const struct {
        smtp_client_scram_conf_t conf;
        const char *first;       /**< NULL: refused */
    } rows[] = {
        { { "a=b,c", "x", NULL, "n", 0, NULL, NULL, 0 },
          "n,,n=a=3Db=2Cc,r=n" },
        { { "a", "x", "b,d", "n", 0, NULL, NULL, 0 }, "n,a=b=2Cd,n=a,r=n" },
        { { "a", "x", "", "n", SMTP_CLIENT_SCRAM_UNOFFERED, NULL, NULL, 0 },
          "y,,n=a,r=n" },
        { { "a", "x", NULL, "n", SMTP_CLIENT_SCRAM_BOUND, "tls-exporter",
            "octets", 6 }, "p=tls-exporter,,n=a,r=n" },
        /* SASLprep: RFC 4013 3 */
        { { "I\xC2\xADX", "x", NULL, "n", 0, NULL, NULL, 0 }, "n,,n=IX,r=n" },
        { { "a\x07", "x", NULL, "n", 0, NULL, NULL, 0 }, NULL },
        { { "a", "\x07", NULL, "n", 0, NULL, NULL, 0 }, NULL },
        { { "", "x", NULL, "n", 0, NULL, NULL, 0 }, NULL },
        { { "a", "", NULL, "n", 0, NULL, NULL, 0 }, NULL },
        { { "a", "x", NULL, "", 0, NULL, NULL, 0 }, NULL },
        { { "a", "x", NULL, "n,n", 0, NULL, NULL, 0 }, NULL },
        { { "a", "x", NULL, "n n", 0, NULL, NULL, 0 }, NULL },
        { { "a", "x", NULL, NULL, 0, NULL, NULL, 0 }, NULL }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_client_scram_t *scram;
        const char *first;
        apr_status_t rv = smtp_client_scram_create(*state, &rows[i].conf,
                                                   &scram, &first);

        if (rows[i].first == NULL) {
            assert_int_equal(rv, APR_EINVAL);
            assert_null(scram);
            assert_null(first);
            continue;
        }
        assert_int_equal(rv, APR_SUCCESS);
        assert_string_equal(first, rows[i].first);
    }
}

/** c= holds gs2-header and binding (RFC 5802 5.1): base64 of both. */
static void the_proof_covers_the_channel(void **state)
{
    smtp_client_scram_conf_t conf = rfc;
    smtp_client_scram_t *scram;
    const char *first, *last;

    conf.binding = SMTP_CLIENT_SCRAM_BOUND;
    conf.binding_type = "tls-exporter";
    conf.binding_octets = "octets";
    conf.binding_len = 6;
    smtp_client_scram_create(*state, &conf, &scram, &first);
    assert_int_equal(answer(scram, *state, SERVER_FIRST, &last), APR_SUCCESS);
    assert_memory_equal(last, "c=cD10bHMtZXhwb3J0ZXIsLG9jdGV0cw==,r=" NONCE,
                        57);
    assert_false(is_server(scram, *state, SERVER_FINAL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_login_by_the_rfc_succeeds),
        UNIT_TEST(a_server_that_proves_nothing_is_not_believed),
        UNIT_TEST(a_question_that_is_none_gets_no_proof),
        UNIT_TEST(the_first_message_names_who_and_what_binds),
        UNIT_TEST(the_proof_covers_the_channel)
    };

    return UNIT_RUN(tests);
}
