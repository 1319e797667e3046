/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "oauth_answer.h"
#include "oauth_claims.h"
#include "oauth_json.h"
#include "smtp_chars.h"

#define NOW apr_time_from_sec(1700000000)

static apr_array_header_t *word(apr_pool_t *p, const char *s)
{
    apr_array_header_t *list = apr_array_make(p, 1, sizeof(const char *));

    APR_ARRAY_PUSH(list, const char *) = s;
    return list;
}

static void check_login(const char *login)
{
    size_t len = strlen(login);

    FUZZ_CHECK(len >= 1 && len <= OAUTH_CLAIMS_LOGIN_MAX);
    FUZZ_CHECK(smtp_chars_is_utf8(login, len));
    FUZZ_CHECK(strpbrk(login, "\r\n") == NULL);
}

static void check_claims(apr_pool_t *p, const json_t *claims, int is_token,
                         const char *login_claim)
{
    oauth_rules_t rules = { "i", word(p, "a"), word(p, "s"), login_claim, 60,
                            is_token };
    const char *login, *again;
    const char *fault = oauth_claims_check(p, claims, &rules, NOW, NULL,
                                           &login);

    FUZZ_CHECK((fault == NULL) == (login != NULL));
    if (fault != NULL) {
        return;
    }
    check_login(login);
    FUZZ_CHECK(oauth_json_has_string(json_object_get(claims, "aud"), "a"));
    FUZZ_CHECK(!is_token || fuzz_same(oauth_json_string(claims, "iss"), "i"));
    FUZZ_CHECK(!is_token
               || json_number_value(json_object_get(claims, "exp"))
                  > 1700000000 - 60);
    FUZZ_CHECK(json_object_get(claims, "cnf") == NULL);
    /* Only for whom it is. */
    FUZZ_CHECK(!oauth_claims_check(p, claims, &rules, NOW, login, &again));
    FUZZ_CHECK(oauth_claims_check(p, claims, &rules, NOW, "", &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    oauth_answer_t answer = { 200, "application/json", (const char *)data,
                              size };
    const json_t *object = oauth_json_parse(p, answer.octets, size);
    const json_t *claims;
    const char *fault;
    apr_status_t rv = oauth_answer_parse(p, &answer, &claims, &fault);

    FUZZ_CHECK((rv == APR_SUCCESS) == (claims != NULL));
    FUZZ_CHECK((rv == APR_SUCCESS) == (fault == NULL));
    FUZZ_CHECK(rv == APR_EGENERAL || object != NULL);
    if (object != NULL) {
        check_claims(p, object, 1, "sub");
        check_claims(p, object, 0, "email");
    }
    return 0;
}
