/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_chars.h"
#include "smtp_sasl.h"

static void check_command(const char *s, size_t len)
{
    smtp_sasl_command_t command;

    if (smtp_sasl_command_parse(s, len, &command) != APR_SUCCESS) {
        return;
    }
    FUZZ_CHECK(command.name == s && command.name_len >= 1
               && command.name_len <= 20);
    FUZZ_CHECK(command.mechanism
               == smtp_sasl_mechanism_find(s, command.name_len));
    FUZZ_CHECK(command.has_initial == (command.name_len < len));
    FUZZ_CHECK(!command.has_initial
               || command.initial + command.initial_len <= s + len);
}

/** All octets can be encoded; what can be decoded is how it is encoded. */
static void check_base64(apr_pool_t *p, const char *s, size_t len)
{
    char *text = smtp_sasl_base64_write(p, s, len);
    const char *out;
    apr_size_t out_len;

    FUZZ_CHECK(smtp_sasl_base64_parse(p, text, strlen(text), &out, &out_len)
               == APR_SUCCESS);
    FUZZ_CHECK(out_len == len && memcmp(out, s, len) == 0);
    FUZZ_CHECK(out[out_len] == '\0');
    if (smtp_sasl_base64_parse(p, s, len, &out, &out_len) == APR_SUCCESS) {
        text = smtp_sasl_base64_write(p, out, out_len);
        FUZZ_CHECK(strlen(text) == len && memcmp(text, s, len) == 0);
    }
    else {
        FUZZ_CHECK(out == NULL && out_len == 0);
    }
}

static int is_utf8(const char *s)
{
    return smtp_chars_is_utf8(s, strlen(s));
}

static void check_plain(apr_pool_t *p, const char *s, size_t len)
{
    const char *authzid, *authcid, *passwd;

    if (smtp_sasl_plain_parse(p, s, len, &authzid, &authcid, &passwd)
        != APR_SUCCESS) {
        FUZZ_CHECK(!authzid && !authcid && !passwd);
        return;
    }
    FUZZ_CHECK(*authcid && *passwd);
    FUZZ_CHECK(is_utf8(authzid) && is_utf8(authcid) && is_utf8(passwd));
    FUZZ_CHECK(strlen(authzid) + strlen(authcid) + strlen(passwd) + 2
               == len);
}

static void check_scram_first(apr_pool_t *p, const char *s, size_t len)
{
    smtp_sasl_scram_first_t first;
    size_t header_len;

    if (smtp_sasl_scram_first_parse(p, s, len, &first) != APR_SUCCESS) {
        FUZZ_CHECK(!first.username && !first.bare && !first.gs2_header);
        return;
    }
    header_len = strlen(first.gs2_header);
    FUZZ_CHECK(header_len + strlen(first.bare) == len);
    FUZZ_CHECK(memcmp(s, first.gs2_header, header_len) == 0);
    FUZZ_CHECK(memcmp(s + header_len, first.bare, len - header_len) == 0);
    FUZZ_CHECK(*first.username && *first.nonce);
    FUZZ_CHECK(is_utf8(first.username) && is_utf8(first.authzid));
    FUZZ_CHECK((first.gs2_cbind == 'p') == (first.cbind_name != NULL));
}

static void check_scram_final(apr_pool_t *p, const char *s, size_t len)
{
    smtp_sasl_scram_final_t last;
    size_t begin_len;

    if (smtp_sasl_scram_final_parse(p, s, len, &last) != APR_SUCCESS) {
        FUZZ_CHECK(!last.nonce && !last.proof && !last.cbind_data);
        return;
    }
    begin_len = strlen(last.without_proof);
    FUZZ_CHECK(begin_len + 3 < len);
    FUZZ_CHECK(memcmp(s, last.without_proof, begin_len) == 0);
    FUZZ_CHECK(memcmp(s + begin_len, ",p=", 3) == 0);
    FUZZ_CHECK(*last.nonce && last.proof_len > 0
               && last.cbind_data_len > 0);
}

static void check_oauth(apr_pool_t *p, const char *s, size_t len,
                        smtp_sasl_mechanism_e mechanism)
{
    const char *user, *token, *c;

    if (smtp_sasl_oauth_parse(p, mechanism, s, len, &user, &token)
        != APR_SUCCESS) {
        FUZZ_CHECK(!user && !token);
        return;
    }
    FUZZ_CHECK(is_utf8(user) && *token);
    for (c = token; *c; c++) {
        FUZZ_CHECK(*c > ' ' && *c < 0x7F && *c != ',');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = (const char *)data;

    check_command(s, size);
    check_base64(p, s, size);
    check_plain(p, s, size);
    check_scram_first(p, s, size);
    check_scram_final(p, s, size);
    check_oauth(p, s, size, SMTP_SASL_OAUTHBEARER);
    check_oauth(p, s, size, SMTP_SASL_XOAUTH2);
    return 0;
}
