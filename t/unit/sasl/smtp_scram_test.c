/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include <openssl/err.h>

#include "smtp_sasl.h"
#include "smtp_scram.h"

/* RFC 7677 3: the exchange of user "user" with password "pencil". */
#define CLIENT_FIRST_BARE "n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_FIRST                                                  \
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"           \
    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define CLIENT_FINAL_WITHOUT_PROOF                                    \
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define AUTH_MESSAGE                                                  \
    CLIENT_FIRST_BARE "," SERVER_FIRST "," CLIENT_FINAL_WITHOUT_PROOF
#define SALT      "W22ZaJ0SNY7soEsUEjb6gQ=="
#define PROOF     "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

/* Computed by other means: PBKDF2 and HMAC of Python's hashlib. */
#define STORED_KEY "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define SERVER_KEY "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define VERIFIER "SCRAM-SHA-256$4096:" SALT "$" STORED_KEY ":" SERVER_KEY

#define KEY SMTP_SCRAM_KEY_OCTETS

static const unsigned char *octets_of(apr_pool_t *p, const char *base64,
                                      apr_size_t *len)
{
    const char *out;

    assert_int_equal(smtp_sasl_base64_parse(p, base64, strlen(base64), &out,
                                            len), APR_SUCCESS);
    return (const unsigned char *)unit_octets(p, out, *len);
}

static const char *base64_of(apr_pool_t *p, const unsigned char *octets,
                             apr_size_t len)
{
    return smtp_sasl_base64_write(p, (const char *)octets, len);
}

static int is_zero(const void *octets, apr_size_t len)
{
    const unsigned char *o = octets;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (o[i] != 0) {
            return 0;
        }
    }
    return 1;
}

static void verifier_of(apr_pool_t *p, const char *password,
                        smtp_scram_verifier_t *verifier)
{
    apr_size_t len;
    const unsigned char *salt = octets_of(p, SALT, &len);

    assert_int_equal(smtp_scram_verifier_create(password, 4096, salt, len,
                                                verifier), APR_SUCCESS);
}

/* RFC 7677 3, from both sides. */

static void the_example_of_the_rfc_logs_in(void **state)
{
    smtp_scram_verifier_t verifier;
    unsigned char signature[KEY];
    apr_size_t len;
    const unsigned char *proof = octets_of(*state, PROOF, &len);

    verifier_of(*state, "pencil", &verifier);
    assert_string_equal(smtp_scram_verifier_write(*state, &verifier),
                        VERIFIER);
    assert_int_equal(smtp_scram_proof_is_good(&verifier, AUTH_MESSAGE,
                                              (const char *)proof, len,
                                              signature), 1);
    assert_string_equal(base64_of(*state, signature, KEY), SIGNATURE);
}

static void the_example_of_the_rfc_is_proved_by_us(void **state)
{
    unsigned char proof[KEY], signature[KEY];
    apr_size_t len;
    const unsigned char *salt = octets_of(*state, SALT, &len);

    assert_int_equal(smtp_scram_proof_create("pencil", 4096, salt, len,
                                             AUTH_MESSAGE, proof, signature),
                     APR_SUCCESS);
    assert_string_equal(base64_of(*state, proof, KEY), PROOF);
    assert_string_equal(base64_of(*state, signature, KEY), SIGNATURE);
}

/** A whole exchange (RFC 5802 3): whether the server takes the client. */
static int exchange(const char *known, const char *typed, int iterations,
                    apr_size_t salt_len, const char *client_message,
                    const char *server_message)
{
    unsigned char salt[SMTP_SCRAM_SALT_MAX_OCTETS];
    unsigned char proof[KEY], expected[KEY], signature[KEY];
    smtp_scram_verifier_t verifier;
    int is_good;

    memset(salt, 0xA5, sizeof(salt));
    assert_int_equal(smtp_scram_verifier_create(known, iterations, salt,
                                                salt_len, &verifier),
                     APR_SUCCESS);
    assert_int_equal(smtp_scram_proof_create(typed, verifier.iterations,
                                             verifier.salt, verifier.salt_len,
                                             client_message, proof, expected),
                     APR_SUCCESS);
    is_good = smtp_scram_proof_is_good(&verifier, server_message,
                                       (const char *)proof, sizeof(proof),
                                       signature);
    /* The client knows the server by the same. */
    assert_int_equal(memcmp(signature, expected, KEY) == 0, is_good);
    return is_good;
}

static void who_knows_the_password_gets_in_and_nobody_else(void **state)
{
    static const char *const passwords[] = {
        "pencil", "Pencil", "pencil ", " pencil", "pencill", "penci", "p",
        "\xC3\xBC", "u\xCC\x88", "a b,c=d", "",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef+"
    };
    size_t i, j;

    (void)state;
    for (i = 0; i < UNIT_ROWS(passwords); i++) {
        for (j = 0; j < UNIT_ROWS(passwords); j++) {
            UNIT_CHECK(passwords[i],
                       exchange(passwords[i], passwords[j], 4096, 16, "m", "m")
                       == (i == j));
        }
    }
}

static void every_salt_and_count_that_may_be_works(void **state)
{
    static const struct {
        int iterations;
        apr_size_t salt_len;
    } rows[] = {
        { SMTP_SCRAM_ITERATIONS_MIN, 1 },
        { SMTP_SCRAM_ITERATIONS_MIN, SMTP_SCRAM_SALT_MAX_OCTETS },
        { 4097, 16 }, { 15000, 17 }, { 100000, 32 }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        assert_true(exchange("pencil", "pencil", rows[i].iterations,
                             rows[i].salt_len, "m", "m"));
        assert_false(exchange("pencil", "pencim", rows[i].iterations,
                              rows[i].salt_len, "m", "m"));
    }
}

/* RFC 5802 9: what an attacker changes on the way, nonce and channel binding
 * (c=) among it, is in AuthMessage. */
static void a_message_that_was_changed_logs_nobody_in(void **state)
{
    char *changed = apr_pstrdup(*state, AUTH_MESSAGE);
    size_t i;

    assert_true(exchange("pencil", "pencil", 4096, 16, AUTH_MESSAGE,
                         AUTH_MESSAGE));
    for (i = 0; i < sizeof(AUTH_MESSAGE) - 1; i += 23) {
        changed[i] ^= 1;
        assert_false(exchange("pencil", "pencil", 4096, 16, AUTH_MESSAGE,
                              changed));
        changed[i] ^= 1;
    }
    assert_false(exchange("pencil", "pencil", 4096, 16, AUTH_MESSAGE, ""));
}

/* Proofs. */

static void a_proof_with_one_wrong_bit_is_none(void **state)
{
    smtp_scram_verifier_t verifier;
    unsigned char signature[KEY];
    apr_size_t len;
    unsigned char *proof = (unsigned char *)octets_of(*state, PROOF, &len);
    int bit;

    verifier_of(*state, "pencil", &verifier);
    for (bit = 0; bit < KEY * 8; bit++) {
        proof[bit / 8] ^= 1 << bit % 8;
        assert_int_equal(smtp_scram_proof_is_good(&verifier, AUTH_MESSAGE,
                                                  (const char *)proof, len,
                                                  signature), 0);
        proof[bit / 8] ^= 1 << bit % 8;
    }
}

static void a_proof_of_another_length_is_none(void **state)
{
    smtp_scram_verifier_t verifier;
    unsigned char signature[KEY];
    apr_size_t len;
    const unsigned char *proof = octets_of(*state, PROOF, &len);
    apr_size_t i;

    verifier_of(*state, "pencil", &verifier);
    for (i = 0; i <= 2 * KEY; i++) {
        unsigned char *cut = (unsigned char *)unit_octets(*state, "", 0);

        if (i > 0) {
            char longer[2 * KEY];

            memcpy(longer, proof, KEY);
            memcpy(longer + KEY, proof, KEY);
            cut = (unsigned char *)unit_octets(*state, longer, i);
        }
        assert_int_equal(smtp_scram_proof_is_good(&verifier, AUTH_MESSAGE,
                                                  (const char *)cut, i,
                                                  signature), i == KEY);
        assert_string_equal(base64_of(*state, signature, KEY), SIGNATURE);
    }
    assert_int_equal(smtp_scram_proof_is_good(&verifier, AUTH_MESSAGE, NULL,
                                              0, signature), 0);
}

/* The keys of a verifier that was stolen are no proof (RFC 5802 9). */
static void a_verifier_that_was_read_does_not_log_in(void **state)
{
    smtp_scram_verifier_t verifier;
    unsigned char signature[KEY];

    verifier_of(*state, "pencil", &verifier);
    assert_int_equal(smtp_scram_proof_is_good(
                         &verifier, AUTH_MESSAGE,
                         (const char *)verifier.stored_key, KEY, signature),
                     0);
    assert_int_equal(smtp_scram_proof_is_good(
                         &verifier, AUTH_MESSAGE,
                         (const char *)verifier.server_key, KEY, signature),
                     0);
}

/* Verifiers as text. */

#define ZEROS_32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define ZEROS_64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define KEYS "$" STORED_KEY ":" SERVER_KEY

static const struct {
    const char *text;
    int iterations;
    apr_size_t salt_len;
} valid[] = {
    { VERIFIER, 4096, 16 },
    { "SCRAM-SHA-256$4096:AA==" KEYS, 4096, 1 },
    { "SCRAM-SHA-256$4096:AAA=" KEYS, 4096, 2 },
    { "SCRAM-SHA-256$4096:AAAA" KEYS, 4096, 3 },
    { "SCRAM-SHA-256$4096:" ZEROS_64 KEYS, 4096, 64 },
    { "SCRAM-SHA-256$600000:" SALT KEYS, 600000, 16 },
    { "SCRAM-SHA-256$10000000:" SALT KEYS, 10000000, 16 },
    { "SCRAM-SHA-256$4096:" SALT "$" ZEROS_32 ":" ZEROS_32, 4096, 16 }
};

static void a_verifier_that_was_written_is_read(void **state)
{
    smtp_scram_verifier_t verifier;
    size_t i;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        const char *text = valid[i].text;

        UNIT_CHECK(text, smtp_scram_verifier_parse(text, &verifier)
                         == APR_SUCCESS);
        UNIT_CHECK(text, verifier.iterations == valid[i].iterations);
        UNIT_CHECK(text, verifier.salt_len == valid[i].salt_len);
        assert_string_equal(smtp_scram_verifier_write(*state, &verifier),
                            text);
    }
}

static const char *const invalid[] = {
    "", " ", "pencil", "SCRAM-SHA-256", "SCRAM-SHA-256$",
    "SCRAM-SHA-256$4096", "SCRAM-SHA-256$4096:", "SCRAM-SHA-256$4096:" SALT,
    "SCRAM-SHA-256$4096:" SALT "$", "SCRAM-SHA-256$4096:" SALT "$" STORED_KEY,
    "SCRAM-SHA-256$4096:" SALT "$" STORED_KEY ":",
    "SCRAM-SHA-256$4096:" SALT "$:" SERVER_KEY,
    "SCRAM-SHA-256$4096:" KEYS, "SCRAM-SHA-256$:" SALT KEYS,

    /* Another scheme, or this one written otherwise. */
    "scram-sha-256$4096:" SALT KEYS, "SCRAM-SHA-1$4096:" SALT KEYS,
    "SCRAM-SHA-512$4096:" SALT KEYS, "SCRAM-SHA-256-PLUS$4096:" SALT KEYS,
    "{SCRAM-SHA-256}4096:" SALT KEYS, "md5$4096:" SALT KEYS,
    "SCRAM-SHA-256:4096:" SALT KEYS, "SCRAM-SHA-256$4096$" SALT KEYS,
    "SCRAM-SHA-256$4096:" SALT ":" STORED_KEY "$" SERVER_KEY,
    " " VERIFIER, VERIFIER " ", VERIFIER "\n", VERIFIER ":", VERIFIER "$",
    VERIFIER "," VERIFIER, VERIFIER "=", VERIFIER "AAAA",

    /* Iterations (RFC 7677 4: at least 4096). */
    "SCRAM-SHA-256$0:" SALT KEYS, "SCRAM-SHA-256$1:" SALT KEYS,
    "SCRAM-SHA-256$4095:" SALT KEYS, "SCRAM-SHA-256$10000001:" SALT KEYS,
    "SCRAM-SHA-256$2147483648:" SALT KEYS,
    "SCRAM-SHA-256$4294971392:" SALT KEYS,
    "SCRAM-SHA-256$18446744073709555712:" SALT KEYS,
    "SCRAM-SHA-256$99999999999999999999999:" SALT KEYS,
    "SCRAM-SHA-256$-4096:" SALT KEYS, "SCRAM-SHA-256$+4096:" SALT KEYS,
    "SCRAM-SHA-256$ 4096:" SALT KEYS, "SCRAM-SHA-256$4096 :" SALT KEYS,
    "SCRAM-SHA-256$04096:" SALT KEYS, "SCRAM-SHA-256$0x2000:" SALT KEYS,
    "SCRAM-SHA-256$5e3:" SALT KEYS, "SCRAM-SHA-256$4096.0:" SALT KEYS,

    /* base64 (RFC 4648 3): no white space, right padding, no stray bits. */
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=" KEYS,
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ" KEYS,
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gR==" KEYS,
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7s oEsUEjb6gQ==" KEYS,
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7s\noEsUEjb6gQ==" KEYS,
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7-_EsUEjb6gQ==" KEYS,
    "SCRAM-SHA-256$4096:W22=aJ0SNY7soEsUEjb6gQ==" KEYS,
    "SCRAM-SHA-256$4096:====" KEYS, "SCRAM-SHA-256$4096:AA" KEYS,
    "SCRAM-SHA-256$4096:\xC3\xBC==" KEYS,

    /* Sizes: a salt of 65 octets, keys of 31 and 33. */
    "SCRAM-SHA-256$4096:"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" KEYS,
    "SCRAM-SHA-256$4096:" ZEROS_64 "AAAA" KEYS,
    "SCRAM-SHA-256$4096:" SALT
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==:" SERVER_KEY,
    "SCRAM-SHA-256$4096:" SALT
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:" SERVER_KEY,
    "SCRAM-SHA-256$4096:" SALT "$" STORED_KEY
    ":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
    "SCRAM-SHA-256$4096:" SALT "$" STORED_KEY
    ":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
};

static void a_damaged_verifier_logs_nobody_in(void **state)
{
    smtp_scram_verifier_t verifier;
    size_t i;

    for (i = 0; i < UNIT_ROWS(invalid); i++) {
        /* In memory of its own size. */
        const char *text = unit_octets(*state, invalid[i],
                                       strlen(invalid[i]) + 1);

        memset(&verifier, 0xFF, sizeof(verifier));
        UNIT_CHECK(text, smtp_scram_verifier_parse(text, &verifier)
                         == APR_EINVAL);
        UNIT_CHECK(text, is_zero(&verifier, sizeof(verifier)));
    }
}

static void a_verifier_that_was_cut_short_is_none(void **state)
{
    smtp_scram_verifier_t verifier;
    size_t i;

    for (i = 0; i < sizeof(VERIFIER) - 1; i++) {
        assert_int_equal(smtp_scram_verifier_parse(
                             apr_pstrmemdup(*state, VERIFIER, i), &verifier),
                         APR_EINVAL);
    }
}

/* Limits of what is made. */

static void a_count_or_salt_out_of_range_makes_nothing(void **state)
{
    static const struct {
        const char *what;
        int iterations;
        apr_size_t salt_len;
    } rows[] = {
        { "none", 0, 16 }, { "negative", -1, 16 }, { "one", 1, 16 },
        { "too few", SMTP_SCRAM_ITERATIONS_MIN - 1, 16 },
        { "too many", SMTP_SCRAM_ITERATIONS_MAX + 1, 16 },
        { "far too many", 0x7FFFFFFF, 16 },
        { "no salt", 4096, 0 },
        { "salt too long", 4096, SMTP_SCRAM_SALT_MAX_OCTETS + 1 },
        { "huge salt", 4096, (apr_size_t)-1 }
    };
    static const unsigned char salt[SMTP_SCRAM_SALT_MAX_OCTETS + 1];
    smtp_scram_verifier_t verifier;
    unsigned char proof[KEY], signature[KEY];
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        memset(&verifier, 0xFF, sizeof(verifier));
        memset(proof, 0xFF, KEY);
        memset(signature, 0xFF, KEY);
        UNIT_CHECK(rows[i].what,
                   smtp_scram_verifier_create("x", rows[i].iterations, salt,
                                              rows[i].salt_len, &verifier)
                   == APR_EINVAL);
        UNIT_CHECK(rows[i].what,
                   smtp_scram_proof_create("x", rows[i].iterations, salt,
                                           rows[i].salt_len, "m", proof,
                                           signature) == APR_EINVAL);
        UNIT_CHECK(rows[i].what, is_zero(&verifier, sizeof(verifier)));
        UNIT_CHECK(rows[i].what, is_zero(proof, KEY));
        UNIT_CHECK(rows[i].what, is_zero(signature, KEY));
    }
}

/* Logins that do not exist. */

#define SECRET (const unsigned char *)"0123456789abcdef0123456789abcdef"
#define OTHER_SECRET (const unsigned char *)"0123456789abcdef0123456789abcdeF"

static const char *pretend(apr_pool_t *p, const unsigned char *secret,
                           const char *login)
{
    smtp_scram_verifier_t verifier;

    memset(&verifier, 0xFF, sizeof(verifier));
    assert_int_equal(smtp_scram_verifier_pretend(secret, 32, login,
                                                 &verifier), APR_SUCCESS);
    return smtp_scram_verifier_write(p, &verifier);
}

static void an_unknown_login_looks_like_a_known_one(void **state)
{
    smtp_scram_verifier_t known, unknown;

    verifier_of(*state, "pencil", &known);
    assert_int_equal(smtp_scram_verifier_parse(pretend(*state, SECRET, "bob"),
                                               &unknown), APR_SUCCESS);
    assert_int_equal(unknown.iterations, SMTP_SCRAM_ITERATIONS);
    assert_int_equal(unknown.salt_len, SMTP_SCRAM_SALT_OCTETS);
    assert_int_equal(unknown.salt_len, known.salt_len);
    assert_false(is_zero(unknown.salt, unknown.salt_len));
    assert_memory_not_equal(unknown.stored_key, unknown.server_key, KEY);
    assert_memory_not_equal(unknown.salt, unknown.stored_key,
                            unknown.salt_len);
}

/* Asked twice, a salt that changed would tell. */
static void an_unknown_login_has_always_the_same_salt(void **state)
{
    static const char *const logins[] = {
        "", "b", "bo", "bob", "Bob", "bob ", "alice", "\xC3\xBC",
        "bob@example.com", "Key", "salt", "StoredKey", "ServerKey"
    };
    size_t i, j;

    for (i = 0; i < UNIT_ROWS(logins); i++) {
        const char *text = pretend(*state, SECRET, logins[i]);

        UNIT_CHECK(logins[i], strcmp(text, pretend(*state, SECRET, logins[i]))
                              == 0);
        UNIT_CHECK(logins[i],
                   strcmp(text, pretend(*state, OTHER_SECRET, logins[i]))
                   != 0);
        for (j = 0; j < i; j++) {
            UNIT_CHECK(logins[i],
                       strcmp(text, pretend(*state, SECRET, logins[j])) != 0);
        }
    }
}

static void no_password_fits_an_unknown_login(void **state)
{
    static const char *const passwords[] = { "", "bob", "pencil", "secret",
                                             "StoredKey" };
    smtp_scram_verifier_t verifier;
    unsigned char proof[KEY], expected[KEY], signature[KEY];
    size_t i;

    (void)state;
    assert_int_equal(smtp_scram_verifier_pretend(SECRET, 32, "bob",
                                                 &verifier), APR_SUCCESS);
    for (i = 0; i < UNIT_ROWS(passwords); i++) {
        assert_int_equal(smtp_scram_proof_create(
                             passwords[i], verifier.iterations, verifier.salt,
                             verifier.salt_len, "m", proof, expected),
                         APR_SUCCESS);
        UNIT_CHECK(passwords[i],
                   !smtp_scram_proof_is_good(&verifier, "m",
                                             (const char *)proof, KEY,
                                             signature));
        assert_memory_not_equal(signature, expected, KEY);
    }
    /* Nor does what an attacker could think of in place of a proof. */
    memset(proof, 0, KEY);
    assert_false(smtp_scram_proof_is_good(&verifier, "m", (const char *)proof,
                                          KEY, signature));
    assert_false(smtp_scram_proof_is_good(
                     &verifier, "m", (const char *)verifier.salt,
                     SMTP_SCRAM_SALT_OCTETS, signature));
}

/* What is left in the queue of a thread mod_ssl would take for its own. */
static void no_error_of_openssl_is_left_behind(void **state)
{
    smtp_scram_verifier_t verifier;
    unsigned char signature[KEY];

    verifier_of(*state, "pencil", &verifier);
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    assert_false(smtp_scram_proof_is_good(&verifier, "m", "", 0, signature));
    assert_int_equal(ERR_peek_error(), 0);
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    pretend(*state, SECRET, "bob");
    assert_int_equal(ERR_peek_error(), 0);
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    verifier_of(*state, "pencil", &verifier);
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(the_example_of_the_rfc_logs_in),
        UNIT_TEST(the_example_of_the_rfc_is_proved_by_us),
        UNIT_TEST(who_knows_the_password_gets_in_and_nobody_else),
        UNIT_TEST(every_salt_and_count_that_may_be_works),
        UNIT_TEST(a_message_that_was_changed_logs_nobody_in),
        UNIT_TEST(a_proof_with_one_wrong_bit_is_none),
        UNIT_TEST(a_proof_of_another_length_is_none),
        UNIT_TEST(a_verifier_that_was_read_does_not_log_in),
        UNIT_TEST(a_verifier_that_was_written_is_read),
        UNIT_TEST(a_damaged_verifier_logs_nobody_in),
        UNIT_TEST(a_verifier_that_was_cut_short_is_none),
        UNIT_TEST(a_count_or_salt_out_of_range_makes_nothing),
        UNIT_TEST(an_unknown_login_looks_like_a_known_one),
        UNIT_TEST(an_unknown_login_has_always_the_same_salt),
        UNIT_TEST(no_password_fits_an_unknown_login),
        UNIT_TEST(no_error_of_openssl_is_left_behind)
    };
    return UNIT_RUN(tests);
}
