/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Signed tokens: the examples of the RFCs, and what a forger tries. */
#include "unit.h"

#include <apr_encode.h>
#include <apr_strings.h>

#include "oauth_base64url.h"
#include "oauth_jws.h"

/* ---- RFC 7515 A.1 to A.4, RFC 8037 A.4 ---- */

/* The payload of A.1, A.2 and A.3. */
#define JOE "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGF" \
    "tcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define JOE_JSON "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n " \
    "\"http://example.com/is_root\":true}"

#define A1_SECRET "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtM" \
    "N3Yj0iPS4hcgUuTwjAzZr1Z9CAow"

#define A2_KEY "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSf" \
    "b4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4" \
    "QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL" \
    "-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV" \
    "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaG" \
    "Nj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}]}"

#define A3_KEY "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2" \
    "xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LN" \
    "pXW6pCyStikYjKIWI5a0\"}]}"

#define A4_KEY "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8S" \
    "T8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4" \
    "qUxcWceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th" \
    "-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}]}"

#define ED_KEY "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qY" \
    "AYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"

#define A1_TOKEN "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE \
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define A2_TOKEN "eyJhbGciOiJSUzI1NiJ9." JOE ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__" \
    "dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds" \
    "9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArL" \
    "IARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWE" \
    "sqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXL" \
    "IhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define A3_TOKEN "eyJhbGciOiJFUzI1NiJ9." JOE ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-X" \
    "x-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define A4_TOKEN "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAH" \
    "ZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwF" \
    "KdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXuk" \
    "OXolLzeO_Jn"
#define ED_TOKEN "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hg" \
    "yY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g" \
    "7sVvpAr_MuM0KAg"

typedef struct vector_t {
    const char *name;
    const char *keys;            /* NULL: A1_SECRET */
    const char *token;
    const char *payload;
} vector_t;

static const vector_t vectors[] = {
    { "RFC 7515 A.1 HS256", NULL, A1_TOKEN, JOE_JSON },
    { "RFC 7515 A.2 RS256", A2_KEY, A2_TOKEN, JOE_JSON },
    { "RFC 7515 A.3 ES256", A3_KEY, A3_TOKEN, JOE_JSON },
    { "RFC 7515 A.4 ES512", A4_KEY, A4_TOKEN, "Payload" },
    { "RFC 8037 A.4 EdDSA", ED_KEY, ED_TOKEN, "Example of Ed25519 signing" }
};

static void keys_read(apr_pool_t *p, const vector_t *vector,
                      oauth_keys_t *keys)
{
    const unsigned char *secret;
    apr_size_t len;
    const char *fault;

    oauth_keys_init(keys, p);
    if (vector->keys) {
        fault = oauth_keys_add_jwks(keys, NULL, vector->keys,
                                    strlen(vector->keys));
        UNIT_CHECK(vector->name, !fault && keys->list->nelts == 1);
        return;
    }
    assert_int_equal(oauth_base64url_parse(p, A1_SECRET, strlen(A1_SECRET),
                                           &secret, &len), APR_SUCCESS);
    assert_null(oauth_keys_add_secret(keys, NULL, (const char *)secret, len));
}

/** Parses and checks what is in memory of exactly that size. */
static const char *judge(apr_pool_t *p, const char *token, apr_size_t len,
                         const oauth_keys_t *keys, oauth_jws_t *jws)
{
    const char *fault = oauth_jws_parse(p, unit_octets(p, token, len), len,
                                        jws);

    return fault ? fault : oauth_jws_verify(jws, keys);
}

static void the_examples_of_the_rfcs_log_in(void **state)
{
    oauth_keys_t keys;
    oauth_jws_t jws;
    size_t i;

    for (i = 0; i < UNIT_ROWS(vectors); i++) {
        const vector_t *row = &vectors[i];

        keys_read(*state, row, &keys);
        UNIT_CHECK(row->name, !judge(*state, row->token, strlen(row->token),
                                     &keys, &jws));
        UNIT_CHECK(row->name, jws.payload_len == strlen(row->payload)
                   && !memcmp(jws.payload, row->payload, jws.payload_len));
    }
}

/** Each octet of each example, changed in its lowest bit, and each cut. */
static void a_token_that_was_touched_is_refused(void **state)
{
    oauth_keys_t keys;
    oauth_jws_t jws;
    size_t i, at;

    for (i = 0; i < UNIT_ROWS(vectors); i++) {
        const vector_t *row = &vectors[i];
        size_t len = strlen(row->token);
        apr_pool_t *scratch;

        keys_read(*state, row, &keys);
        for (at = 0; at < len; at++) {
            char *token;

            apr_pool_create(&scratch, *state);
            token = apr_pstrdup(scratch, row->token);
            UNIT_CHECK(row->name, judge(scratch, token, at, &keys, &jws));
            token[at] ^= 1;
            UNIT_CHECK(row->name, judge(scratch, token, len, &keys, &jws));
            apr_pool_destroy(scratch);
        }
    }
}

static void the_keys_of_one_example_refuse_all_others(void **state)
{
    oauth_keys_t keys;
    oauth_jws_t jws;
    size_t i, j;

    for (i = 0; i < UNIT_ROWS(vectors); i++) {
        keys_read(*state, &vectors[i], &keys);
        for (j = 0; j < UNIT_ROWS(vectors); j++) {
            const char *token = vectors[j].token;

            UNIT_CHECK(token, i == j || judge(*state, token, strlen(token),
                                              &keys, &jws));
        }
    }
}

/* ---- Headers, in JSON ---- */

typedef struct header_row_t {
    const char *header;
    const char *fault;           /* part of it; NULL: is taken */
} header_row_t;

static const header_row_t headers[] = {
    { "{\"alg\":\"HS256\"}", NULL },
    { "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", NULL },
    { "{\"alg\":\"HS256\",\"typ\":\"jwt\"}", NULL },
    { "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", NULL },
    { "{\"alg\":\"HS256\",\"typ\":\"application/at+jwt\"}", NULL },
    { "{\"alg\":\"HS256\",\"kid\":\"whichever\"}", NULL },
    /* Where a forger's key would be: never looked at (RFC 8725 3.10). */
    { "{\"alg\":\"HS256\",\"jku\":\"https://example.com/\",\"jwk\":{},"
      "\"x5u\":\"https://example.com/\",\"x5c\":[]}", NULL },
    /* RFC 7515 A.5, RFC 8725 3.2. */
    { "{\"alg\":\"none\"}", "algorithm" },
    { "{\"alg\":\"None\"}", "algorithm" },
    { "{\"alg\":\"nOnE\"}", "algorithm" },
    { "{\"alg\":\"hs256\"}", "algorithm" },
    { "{\"alg\":\"\"}", "algorithm" },
    { "{\"alg\":null}", "algorithm" },
    { "{\"alg\":[\"HS256\"]}", "algorithm" },
    { "{\"alg\":\"RSA-OAEP\"}", "algorithm" },
    { "{\"alg\":\"A256KW\"}", "algorithm" },
    { "{}", "algorithm" },
    /* RFC 7515 4.1.11, RFC 7797. */
    { "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", "crit" },
    { "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", "crit" },
    { "{\"alg\":\"HS256\",\"crit\":[]}", "crit" },
    { "{\"alg\":\"HS256\",\"crit\":null}", "crit" },
    /* Tokens for something else (RFC 8725 3.11). */
    { "{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}", "type" },
    { "{\"alg\":\"HS256\",\"typ\":\"dpop+jwt\"}", "type" },
    { "{\"alg\":\"HS256\",\"typ\":\"secevent+jwt\"}", "type" },
    { "{\"alg\":\"HS256\",\"typ\":\"application/\"}", "type" },
    { "{\"alg\":\"HS256\",\"typ\":\"\"}", "type" },
    { "{\"alg\":\"HS256\",\"typ\":7}", "type" },
    { "{\"alg\":\"HS256\",\"typ\":null}", "type" },
    { "{\"alg\":\"HS256\",\"cty\":\"JWT\"}", "nested" },
    { "{\"alg\":\"HS256\",\"kid\":1}", "kid" },
    { "{\"alg\":\"HS256\",\"kid\":null}", "kid" },
    /* Whose value counts? */
    { "{\"alg\":\"HS256\",\"alg\":\"none\"}", "twice" },
    { "{\"alg\":\"none\",\"alg\":\"HS256\"}", "twice" },
    { "{\"alg\":\"HS256\"} ", NULL },
    { "{\"alg\":\"HS256\"}x", "JSON" },
    { "[{\"alg\":\"HS256\"}]", "JSON" },
    { "\"HS256\"", "JSON" },
    { "{\"alg\":\"HS256\"", "JSON" },
    { "{\"alg\":\"HS256\xFF\"}", "JSON" },
    { "{\"alg\":\"HS256\\u0000\"}", "JSON" },
    { "", "JSON" }
};

static char *encode(apr_pool_t *p, const void *octets, apr_size_t len)
{
    return len == 0 ? apr_pstrdup(p, "")
        : (char *)apr_pencode_base64_binary(p, octets, (apr_ssize_t)len,
                                            APR_ENCODE_BASE64URL, NULL);
}

/** A token with that header, signed by the secret in @a keys whatever the
 *  header says. */
static char *token_sign(apr_pool_t *p, const char *header,
                        const oauth_keys_t *keys)
{
    const oauth_key_t *key = APR_ARRAY_IDX(keys->list, 0, oauth_key_t *);
    char *input = apr_pstrcat(p, encode(p, header, strlen(header)), ".",
                              encode(p, "{}", 2), NULL);
    unsigned char mac[64];
    size_t mac_len;

    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, key->algorithm->digest,
                              NULL, key->secret, key->secret_len,
                              (unsigned char *)input, strlen(input), mac,
                              sizeof(mac), &mac_len));
    return apr_pstrcat(p, input, ".", encode(p, mac, mac_len), NULL);
}

static void a_header_decides_nothing_that_it_must_not(void **state)
{
    oauth_keys_t keys;
    oauth_jws_t jws;
    size_t i;

    keys_read(*state, &vectors[0], &keys);
    for (i = 0; i < UNIT_ROWS(headers); i++) {
        const header_row_t *row = &headers[i];
        char *token = token_sign(*state, row->header, &keys);
        const char *fault = judge(*state, token, strlen(token), &keys, &jws);

        UNIT_CHECK(row->header, !row->fault == !fault);
        UNIT_CHECK(row->header, !fault || strstr(fault, row->fault));
    }
}

/** RFC 8725 2.1: the public key, which all know, as the secret of an HMAC. */
static void a_public_key_never_becomes_a_secret(void **state)
{
    static const char *const kinds[] = { "HS256", "HS384", "HS512" };
    oauth_keys_t of_rsa, of_forger;
    oauth_jws_t jws;
    size_t i;

    keys_read(*state, &vectors[1], &of_rsa);
    for (i = 0; i < UNIT_ROWS(kinds); i++) {
        const char *header = apr_psprintf(*state, "{\"alg\":\"%s\"}",
                                          kinds[i]);
        char *token;

        oauth_keys_init(&of_forger, *state);
        assert_null(oauth_keys_add_secret(&of_forger,
                                          oauth_algorithm_find(kinds[i]),
                                          A2_KEY, strlen(A2_KEY)));
        token = token_sign(*state, header, &of_forger);
        assert_null(judge(*state, token, strlen(token), &of_forger, &jws));
        assert_string_equal(judge(*state, token, strlen(token), &of_rsa,
                                  &jws), "no key has its kid and algorithm");
    }
}

/* ---- Forms ---- */

static const char *const malformed[] = {
    "", ".", "..", "...", "a", "a.b", "e30.e30", "e30.e30.e30.e30",
    "eyJhbGciOiJIUzI1NiJ9..", "eyJhbGciOiJub25lIn0.e30.",
    /* RFC 7516: encrypted, five parts. */
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA",
    /* JSON serialisation (RFC 7515 7.2). */
    "{\"payload\":\"e30\",\"protected\":\"e30\",\"signature\":\"AA\"}",
    " " A1_TOKEN, A1_TOKEN " ", A1_TOKEN "=", A1_TOKEN "\n", A1_TOKEN "."
};

static void what_is_no_token_is_refused(void **state)
{
    oauth_keys_t keys;
    oauth_jws_t jws;
    size_t i;

    keys_read(*state, &vectors[0], &keys);
    for (i = 0; i < UNIT_ROWS(malformed); i++) {
        UNIT_CHECK(malformed[i], judge(*state, malformed[i],
                                       strlen(malformed[i]), &keys, &jws));
    }
}

static void a_token_of_any_size_costs_little(void **state)
{
    char *token = apr_palloc(*state, OAUTH_JWS_MAX_OCTETS + 1);
    oauth_jws_t jws;

    memset(token, 'A', OAUTH_JWS_MAX_OCTETS + 1);
    assert_string_equal(oauth_jws_parse(*state, token,
                                        OAUTH_JWS_MAX_OCTETS + 1, &jws),
                        "it is too large");
    assert_string_not_equal(oauth_jws_parse(*state, token,
                                            OAUTH_JWS_MAX_OCTETS, &jws),
                            "it is too large");
}

/* ---- Which key ---- */

typedef struct kid_row_t {
    const char *of_key;          /* NULL: none */
    const char *header;
    int is_good;
} kid_row_t;

static const kid_row_t kids[] = {
    { NULL, "{\"alg\":\"HS256\"}", 1 },
    { NULL, "{\"alg\":\"HS256\",\"kid\":\"a\"}", 1 },
    { "a", "{\"alg\":\"HS256\"}", 1 },
    { "a", "{\"alg\":\"HS256\",\"kid\":\"a\"}", 1 },
    { "a", "{\"alg\":\"HS256\",\"kid\":\"A\"}", 0 },
    { "a", "{\"alg\":\"HS256\",\"kid\":\"\"}", 0 },
    { "a", "{\"alg\":\"HS256\",\"kid\":\"../../a\"}", 0 }
};

static void a_key_serves_only_tokens_that_may_be_its_own(void **state)
{
    oauth_keys_t keys;
    oauth_jws_t jws;
    size_t i;

    keys_read(*state, &vectors[0], &keys);
    for (i = 0; i < UNIT_ROWS(kids); i++) {
        char *token = token_sign(*state, kids[i].header, &keys);

        APR_ARRAY_IDX(keys.list, 0, oauth_key_t *)->kid = kids[i].of_key;
        UNIT_CHECK(kids[i].header, kids[i].is_good
                   == !judge(*state, token, strlen(token), &keys, &jws));
    }
}

/** The right key stands behind @a others that could be it as well. */
static const char *judge_behind(apr_pool_t *p, int others)
{
    oauth_keys_t keys, right;
    oauth_jws_t jws;
    char *token;

    keys_read(p, &vectors[0], &right);
    token = token_sign(p, "{\"alg\":\"HS256\"}", &right);
    oauth_keys_init(&keys, p);
    while (others-- > 0) {
        const char *wrong = "a secret that has no less than 32 octets";

        assert_null(oauth_keys_add_secret(&keys, NULL, wrong,
                                          strlen(wrong)));
    }
    APR_ARRAY_PUSH(keys.list, oauth_key_t *) =
        APR_ARRAY_IDX(right.list, 0, oauth_key_t *);
    return judge(p, token, strlen(token), &keys, &jws);
}

static void keys_are_tried_in_turn_but_not_without_end(void **state)
{
    assert_null(judge_behind(*state, 1));
    assert_null(judge_behind(*state, OAUTH_JWS_MAX_TRIES - 1));
    assert_non_null(judge_behind(*state, OAUTH_JWS_MAX_TRIES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(the_examples_of_the_rfcs_log_in),
        UNIT_TEST(a_token_that_was_touched_is_refused),
        UNIT_TEST(the_keys_of_one_example_refuse_all_others),
        UNIT_TEST(a_header_decides_nothing_that_it_must_not),
        UNIT_TEST(a_public_key_never_becomes_a_secret),
        UNIT_TEST(what_is_no_token_is_refused),
        UNIT_TEST(a_token_of_any_size_costs_little),
        UNIT_TEST(a_key_serves_only_tokens_that_may_be_its_own),
        UNIT_TEST(keys_are_tried_in_turn_but_not_without_end)
    };

    return UNIT_RUN(tests);
}
