/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The chain of httpd is played by the test: what each of its hooks says, and
 * who then gets in. httpd -t keeps most of these from happening; this is what
 * stands behind it.
 */
#include "unit.h"
#include "httpd_stub.h"

#include "smtpd_access.h"
#include "smtpd_auth_user.h"

/** What httpd says in one case. */
typedef struct chain_t {
    int judge;                   /**< before there is a user */
    int check_user_id;
    const char *user;            /**< that check_user_id leaves */
    const char *type;
    int auth_checker;
} chain_t;

static chain_t chain;
static int passwords_asked;
static char header[128];         /**< Authorization, as the hook saw it */
static char authorized[64];      /**< user and type at the last hook */

request_rec *smtpd_access_request(conn_rec *c, ap_conf_vector_t *section)
{
    apr_pool_t *p;
    request_rec *r;

    apr_pool_create(&p, c->pool);
    r = stub_request(p, c->base_server, "127.0.0.1");
    r->headers_in = apr_table_make(p, 1);
    r->per_dir_config = section;
    return r;
}

int smtpd_access_judge(request_rec *r)
{
    assert_null(r->user);
    return chain.judge;
}

int ap_run_check_user_id(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Authorization");

    passwords_asked++;
    apr_cpystrn(header, value ? value : "", sizeof(header));
    r->user = (char *)chain.user;
    r->ap_auth_type = (char *)chain.type;
    return chain.check_user_id;
}

int ap_run_auth_checker(request_rec *r)
{
    snprintf(authorized, sizeof(authorized), "%s %s", r->user,
             r->ap_auth_type);
    return chain.auth_checker;
}

smtpd_auth_outcome_e smtpd_auth_refuse(smtpd_auth_t *auth,
                                       const char *reason)
{
    auth->reason = reason;
    return SMTPD_AUTH_REFUSED;
}

int smtpd_auth_login_set(smtpd_auth_t *auth, const char *login)
{
    auth->login = apr_pstrdup(auth->pool, login);
    return *login != '\0';
}

static smtpd_auth_t *auth_create(apr_pool_t *p, const char *login)
{
    static const smtpd_auth_mechanism_t plain = {
        SMTP_SASL_PLAIN, 1, 0, NULL, NULL, NULL
    };
    smtpd_auth_t *auth = apr_pcalloc(p, sizeof(*auth));
    request_rec *r = stub_request(p, stub_server(p), "127.0.0.1");

    auth->ss = apr_pcalloc(p, sizeof(*auth->ss));
    auth->ss->pub.c = r->connection;
    auth->ss->pub.s = r->server;
    auth->ss->conf = apr_pcalloc(p, sizeof(smtpd_conf_t));
    r->connection->local_addr = apr_pcalloc(p, sizeof(apr_sockaddr_t));
    auth->pool = p;
    auth->mechanism = &plain;
    auth->login = login;
    passwords_asked = 0;
    *header = *authorized = '\0';
    return auth;
}

#define NEEDS_USER HTTP_UNAUTHORIZED
#define BROKEN     HTTP_INTERNAL_SERVER_ERROR

static const struct {
    const char *name;
    chain_t chain;
    smtpd_auth_outcome_e outcome;
    int passwords_asked;
} cases[] = {
    { "all is well", { NEEDS_USER, OK, "bob", "Basic", OK },
      SMTPD_AUTH_PASSED, 1 },
    { "Require needs no user", { OK, OK, "bob", "Basic", OK },
      SMTPD_AUTH_PASSED, 1 },
    { "a wrong password",
      { NEEDS_USER, HTTP_UNAUTHORIZED, "bob", "Basic", OK },
      SMTPD_AUTH_REFUSED, 1 },
    { "a wrong password, though Require needs no user",
      { OK, HTTP_UNAUTHORIZED, "bob", "Basic", OK },
      SMTPD_AUTH_REFUSED, 1 },
    { "forbidden", { NEEDS_USER, HTTP_FORBIDDEN, "bob", "Basic", OK },
      SMTPD_AUTH_REFUSED, 1 },
    { "no Require, or not from there",
      { HTTP_FORBIDDEN, OK, "bob", "Basic", OK }, SMTPD_AUTH_REFUSED, 0 },
    { "Require failed", { BROKEN, OK, "bob", "Basic", OK },
      SMTPD_AUTH_UNAVAILABLE, 0 },
    { "a provider failed", { NEEDS_USER, BROKEN, "bob", "Basic", OK },
      SMTPD_AUTH_UNAVAILABLE, 1 },
    { "nobody felt responsible",
      { NEEDS_USER, DECLINED, "bob", "Basic", OK }, SMTPD_AUTH_UNAVAILABLE,
      1 },
    /* mod_authn_core without AuthType: OK, and no user. */
    { "nobody looked at the password", { OK, OK, NULL, NULL, OK },
      SMTPD_AUTH_UNAVAILABLE, 1 },
    { "a user without a type", { OK, OK, "bob", NULL, OK },
      SMTPD_AUTH_UNAVAILABLE, 1 },
    { "a type without a user", { OK, OK, NULL, "Basic", OK },
      SMTPD_AUTH_UNAVAILABLE, 1 },
    { "an empty user", { OK, OK, "", "Basic", OK }, SMTPD_AUTH_REFUSED, 1 },
    { "Require denies the user",
      { NEEDS_USER, OK, "bob", "Basic", HTTP_UNAUTHORIZED },
      SMTPD_AUTH_REFUSED, 1 },
    { "Require forbids the user",
      { NEEDS_USER, OK, "bob", "Basic", HTTP_FORBIDDEN },
      SMTPD_AUTH_REFUSED, 1 },
    { "a provider of groups failed",
      { NEEDS_USER, OK, "bob", "Basic", BROKEN }, SMTPD_AUTH_UNAVAILABLE,
      1 },
    { "nobody authorizes", { NEEDS_USER, OK, "bob", "Basic", DECLINED },
      SMTPD_AUTH_UNAVAILABLE, 1 }
};

static void only_who_passes_the_whole_chain_gets_in(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(cases); i++) {
        smtpd_auth_t *auth = auth_create(*state, "bob");

        chain = cases[i].chain;
        UNIT_CHECK(cases[i].name, smtpd_auth_user_verify(auth, "secret")
                                  == cases[i].outcome);
        UNIT_CHECK(cases[i].name, passwords_asked
                                  == cases[i].passwords_asked);
        UNIT_CHECK(cases[i].name, (cases[i].outcome == SMTPD_AUTH_REFUSED)
                                  == (auth->reason != NULL));
    }
}

static void the_provider_gets_login_and_password(void **state)
{
    smtpd_auth_t *auth = auth_create(*state, "bob");

    chain = (chain_t){ NEEDS_USER, OK, "robert", "Basic", OK };
    assert_int_equal(smtpd_auth_user_verify(auth, "se:cret"),
                     SMTPD_AUTH_PASSED);
    assert_string_equal(header, "Basic Ym9iOnNlOmNyZXQ=");
    assert_string_equal(authorized, "robert Basic");
    /* The provider knows him by another name. */
    assert_string_equal(auth->login, "robert");
}

static void a_colon_does_not_split_the_login(void **state)
{
    smtpd_auth_t *auth = auth_create(*state, "bob:x");

    chain = (chain_t){ OK, OK, "bob", "Basic", OK };
    assert_int_equal(smtpd_auth_user_verify(auth, "secret"),
                     SMTPD_AUTH_REFUSED);
    assert_int_equal(passwords_asked, 0);
}

static void a_login_proven_otherwise_needs_Require_too(void **state)
{
    static const struct {
        int judge;
        int auth_checker;
        smtpd_auth_outcome_e outcome;
    } rows[] = {
        { NEEDS_USER, OK, SMTPD_AUTH_PASSED },
        { OK, OK, SMTPD_AUTH_PASSED },
        { HTTP_FORBIDDEN, OK, SMTPD_AUTH_REFUSED },
        { NEEDS_USER, HTTP_UNAUTHORIZED, SMTPD_AUTH_REFUSED },
        { OK, HTTP_FORBIDDEN, SMTPD_AUTH_REFUSED },
        { BROKEN, OK, SMTPD_AUTH_UNAVAILABLE },
        { NEEDS_USER, BROKEN, SMTPD_AUTH_UNAVAILABLE },
        { NEEDS_USER, DECLINED, SMTPD_AUTH_UNAVAILABLE }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtpd_auth_t *auth = auth_create(*state, "bob");

        chain = (chain_t){ rows[i].judge, BROKEN, NULL, NULL,
                           rows[i].auth_checker };
        assert_int_equal(smtpd_auth_user_admit(auth), rows[i].outcome);
        assert_int_equal(passwords_asked, 0);
        if (rows[i].outcome == SMTPD_AUTH_PASSED) {
            assert_string_equal(authorized, "bob PLAIN");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(only_who_passes_the_whole_chain_gets_in),
        UNIT_TEST(the_provider_gets_login_and_password),
        UNIT_TEST(a_colon_does_not_split_the_login),
        UNIT_TEST(a_login_proven_otherwise_needs_Require_too)
    };

    return UNIT_RUN(tests);
}
