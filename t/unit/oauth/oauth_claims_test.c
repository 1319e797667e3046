/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Who may log in, by claims. The clock is the test's. */
#include "unit.h"

#include <apr_strings.h>

#include "oauth_claims.h"
#include "oauth_json.h"

#define NOW 1700000000

/* Claims of a good token, but for what stands in the row. */
#define ISS "\"iss\":\"https://id.example.com\","
#define AUD "\"aud\":\"smtp.example.com\","
#define EXP "\"exp\":1700000001,"
#define SCO "\"scope\":\"openid mail.send\","
#define SUB "\"sub\":\"bob\""

typedef struct claims_row_t {
    const char *claims;
    const char *fault;           /* part of it; NULL: logs in as bob */
} claims_row_t;

/* Rules: that issuer, two audiences, two scopes, no leeway, sub. */
static const claims_row_t token_rows[] = {
    { "{" ISS AUD EXP SCO SUB "}", NULL },

    /* iss: RFC 7519 4.1.1, RFC 8725 3.8 */
    { "{" AUD EXP SCO SUB "}", "iss" },
    { "{\"iss\":\"https://id.example.com/\"," AUD EXP SCO SUB "}", "iss" },
    { "{\"iss\":\"https://ID.example.com\"," AUD EXP SCO SUB "}", "iss" },
    { "{\"iss\":[\"https://id.example.com\"]," AUD EXP SCO SUB "}", "iss" },
    { "{\"iss\":null," AUD EXP SCO SUB "}", "iss" },

    /* aud: RFC 7519 4.1.3, RFC 8725 3.9 */
    { "{" ISS EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":\"imap.example.com\"," EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":\"smtp.example.com \"," EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":\"\"," EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":[]," EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":{}," EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":{\"smtp.example.com\":1}," EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":[\"a\",\"b\"]," EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":[[\"smtp.example.com\"]]," EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":[\"smtp.example.com\",7]," EXP SCO SUB "}", "aud" },
    { "{" ISS "\"aud\":[\"a\",\"smtp.example.com\"]," EXP SCO SUB "}", NULL },
    { "{" ISS "\"aud\":\"urn:mail\"," EXP SCO SUB "}", NULL },

    /* exp: RFC 7519 4.1.4: on or after it */
    { "{" ISS AUD SCO SUB "}", "exp" },
    { "{" ISS AUD "\"exp\":1700000000," SCO SUB "}", "exp" },
    { "{" ISS AUD "\"exp\":1699999999," SCO SUB "}", "exp" },
    { "{" ISS AUD "\"exp\":1700000000.5," SCO SUB "}", NULL },
    { "{" ISS AUD "\"exp\":0," SCO SUB "}", "exp" },
    { "{" ISS AUD "\"exp\":-1," SCO SUB "}", "exp" },
    { "{" ISS AUD "\"exp\":\"1700000001\"," SCO SUB "}", "exp" },
    { "{" ISS AUD "\"exp\":true," SCO SUB "}", "exp" },
    { "{" ISS AUD "\"exp\":null," SCO SUB "}", "exp" },
    { "{" ISS AUD "\"exp\":9223372036854775807," SCO SUB "}", NULL },
    { "{" ISS AUD "\"exp\":1e300," SCO SUB "}", NULL },

    /* nbf, iat: RFC 7519 4.1.5, 4.1.6 */
    { "{\"nbf\":1700000000," ISS AUD EXP SCO SUB "}", NULL },
    { "{\"nbf\":1700000001," ISS AUD EXP SCO SUB "}", "nbf" },
    { "{\"nbf\":1700000000.5," ISS AUD EXP SCO SUB "}", "nbf" },
    { "{\"nbf\":\"0\"," ISS AUD EXP SCO SUB "}", "nbf" },
    { "{\"nbf\":null," ISS AUD EXP SCO SUB "}", "nbf" },
    { "{\"iat\":1700000000," ISS AUD EXP SCO SUB "}", NULL },
    { "{\"iat\":1700000001," ISS AUD EXP SCO SUB "}", "iat" },
    { "{\"iat\":[]," ISS AUD EXP SCO SUB "}", "iat" },

    /* scope: RFC 6749 3.3: words by blanks, all that are asked for */
    { "{" ISS AUD EXP SUB "}", "scope" },
    { "{" ISS AUD EXP "\"scope\":\"openid\"," SUB "}", "scope" },
    { "{" ISS AUD EXP "\"scope\":\"openid mail.sending\"," SUB "}", "scope" },
    { "{" ISS AUD EXP "\"scope\":\"openid,mail.send\"," SUB "}", "scope" },
    { "{" ISS AUD EXP "\"scope\":\"xopenid mail.send\"," SUB "}", "scope" },
    { "{" ISS AUD EXP "\"scope\":\"OPENID mail.send\"," SUB "}", "scope" },
    { "{" ISS AUD EXP "\"scope\":\"\"," SUB "}", "scope" },
    { "{" ISS AUD EXP "\"scope\":[\"openid\",\"mail.send\"]," SUB "}",
      "scope" },
    { "{" ISS AUD EXP "\"scope\":\"mail.send  x openid\"," SUB "}", NULL },

    /* bound to a key: RFC 7800 3.1, RFC 9449 7.2 */
    { "{\"cnf\":{\"jkt\":\"x\"}," ISS AUD EXP SCO SUB "}", "cnf" },
    { "{\"cnf\":null," ISS AUD EXP SCO SUB "}", "cnf" },
    { "{\"token_type\":\"bearer\"," ISS AUD EXP SCO SUB "}", NULL },
    { "{\"token_type\":\"DPoP\"," ISS AUD EXP SCO SUB "}", "token_type" },
    { "{\"token_type\":1," ISS AUD EXP SCO SUB "}", "token_type" },

    /* the login */
    { "{" ISS AUD EXP SCO "\"user\":\"bob\"}", "claim" },
    { "{" ISS AUD EXP SCO "\"sub\":7}", "claim" },
    { "{" ISS AUD EXP SCO "\"sub\":\"\"}", "login" },
    { "{" ISS AUD EXP SCO "\"sub\":\"bob\\n\"}", "login" },
    { "{" ISS AUD EXP SCO "\"sub\":\"bob\\u007f\"}", "login" }
};

static apr_array_header_t *words(apr_pool_t *p, const char *a, const char *b)
{
    apr_array_header_t *list = apr_array_make(p, 2, sizeof(const char *));

    APR_ARRAY_PUSH(list, const char *) = a;
    APR_ARRAY_PUSH(list, const char *) = b;
    return list;
}

static oauth_rules_t rules_make(apr_pool_t *p)
{
    oauth_rules_t rules = { "https://id.example.com",
                            words(p, "smtp.example.com", "urn:mail"),
                            words(p, "mail.send", "openid"), "sub", 0, 1 };

    return rules;
}

static const char *judge(apr_pool_t *p, const char *claims,
                         const oauth_rules_t *rules, const char *user,
                         const char **login)
{
    const json_t *json = oauth_json_parse(p, claims, strlen(claims));

    UNIT_CHECK(claims, json);
    return oauth_claims_check(p, json, rules, apr_time_from_sec(NOW), user,
                              login);
}

static void only_a_token_for_us_logs_in(void **state)
{
    oauth_rules_t rules = rules_make(*state);
    size_t i;

    for (i = 0; i < UNIT_ROWS(token_rows); i++) {
        const claims_row_t *row = &token_rows[i];
        const char *login, *fault = judge(*state, row->claims, &rules, NULL,
                                          &login);

        UNIT_CHECK(row->claims, !fault == !row->fault);
        UNIT_CHECK(row->claims, !fault || strstr(fault, row->fault));
        UNIT_CHECK(row->claims, fault ? !login : !strcmp(login, "bob"));
    }
}

/** A clock may differ by the leeway, not more (RFC 7519 4.1.4). */
static void clocks_may_differ_a_little(void **state)
{
    static const struct {
        const char *claims;
        int is_good;
    } rows[] = {
        { "{" ISS AUD "\"exp\":1699999941," SCO SUB "}", 1 },
        { "{" ISS AUD "\"exp\":1699999940," SCO SUB "}", 0 },
        { "{\"nbf\":1700000060," ISS AUD EXP SCO SUB "}", 1 },
        { "{\"nbf\":1700000061," ISS AUD EXP SCO SUB "}", 0 },
        { "{\"iat\":1700000060," ISS AUD EXP SCO SUB "}", 1 },
        { "{\"iat\":1700000061," ISS AUD EXP SCO SUB "}", 0 }
    };
    oauth_rules_t rules = rules_make(*state);
    const char *login;
    size_t i;

    rules.leeway_sec = 60;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i].claims, rows[i].is_good
                   == !judge(*state, rows[i].claims, &rules, NULL, &login));
    }
}

static void nobody_logs_in_as_somebody_else(void **state)
{
    static const char *const others[] = { "", "Bob", "bobby", "bo", "alice",
                                          "bob ", "bob@example.com" };
    const char *claims = "{" ISS AUD EXP SCO SUB "}";
    oauth_rules_t rules = rules_make(*state);
    const char *login;
    size_t i;

    assert_null(judge(*state, claims, &rules, "bob", &login));
    assert_string_equal(login, "bob");
    for (i = 0; i < UNIT_ROWS(others); i++) {
        UNIT_CHECK(others[i], judge(*state, claims, &rules, others[i],
                                    &login));
        UNIT_CHECK(others[i], !login);
    }
}

static void a_login_has_room_for_255_octets(void **state)
{
    oauth_rules_t rules = rules_make(*state);
    char *name = apr_pcalloc(*state, 257);
    const char *login, *claims;

    memset(name, 'x', 255);
    claims = apr_pstrcat(*state, "{" ISS AUD EXP SCO "\"sub\":\"", name,
                         "\"}", NULL);
    assert_null(judge(*state, claims, &rules, NULL, &login));
    assert_string_equal(login, name);
    name[255] = 'x';
    claims = apr_pstrcat(*state, "{" ISS AUD EXP SCO "\"sub\":\"", name,
                         "\"}", NULL);
    assert_non_null(judge(*state, claims, &rules, NULL, &login));
}

/** A user may claim any email at some issuers. */
static void an_email_that_nobody_verified_is_no_login(void **state)
{
    static const struct {
        const char *verified;
        int is_good;
    } rows[] = {
        { ",\"email_verified\":true", 1 },
        { ",\"email_verified\":\"true\"", 1 },
        { ",\"email_verified\":false", 0 },
        { ",\"email_verified\":\"false\"", 0 },
        { ",\"email_verified\":1", 0 },
        { ",\"email_verified\":null", 0 },
        { "", 0 }
    };
    oauth_rules_t rules = rules_make(*state);
    const char *login;
    size_t i;

    rules.login_claim = "email";
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *claims =
            apr_pstrcat(*state, "{" ISS AUD EXP SCO "\"email\":\"b@a.test\"",
                        rows[i].verified, "}", NULL);

        UNIT_CHECK(claims, rows[i].is_good
                   == !judge(*state, claims, &rules, NULL, &login));
    }
}

/** What an issuer answers may leave out iss and exp (RFC 7662 2.2), not what
 *  says that the token is for us. */
static void an_answer_is_held_to_what_it_says(void **state)
{
    static const claims_row_t rows[] = {
        { "{\"active\":true," AUD SCO SUB "}", NULL },
        { "{\"active\":true," ISS AUD EXP SCO SUB "}", NULL },
        { "{\"active\":true,\"iss\":\"https://x/\"," AUD SCO SUB "}", "iss" },
        { "{\"active\":true," AUD SCO "\"exp\":1," SUB "}", "exp" },
        { "{\"active\":true," AUD SCO "\"exp\":\"\"," SUB "}", "exp" },
        { "{\"active\":true," SCO SUB "}", "aud" },
        { "{\"active\":true," AUD SUB "}", "scope" },
        { "{\"active\":true,\"cnf\":{}," AUD SCO SUB "}", "cnf" }
    };
    oauth_rules_t rules = rules_make(*state);
    const char *login;
    size_t i;

    rules.is_token = 0;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *fault = judge(*state, rows[i].claims, &rules, NULL,
                                  &login);

        UNIT_CHECK(rows[i].claims, !fault == !rows[i].fault);
        UNIT_CHECK(rows[i].claims, !fault || strstr(fault, rows[i].fault));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(only_a_token_for_us_logs_in),
        UNIT_TEST(clocks_may_differ_a_little),
        UNIT_TEST(nobody_logs_in_as_somebody_else),
        UNIT_TEST(a_login_has_room_for_255_octets),
        UNIT_TEST(an_email_that_nobody_verified_is_no_login),
        UNIT_TEST(an_answer_is_held_to_what_it_says)
    };

    return UNIT_RUN(tests);
}
