/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_sasl.h"

#define IN(s) s, sizeof(s) - 1
#define A50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define A255 A50 A50 A50 A50 A50 "12345"

static const char *copy(apr_pool_t *p, const char *s, apr_size_t len)
{
    return s ? apr_pstrmemdup(p, s, len) : "(null)";
}

/* Mechanisms and AUTH's argument. */

static void a_mechanism_is_found_in_any_case(void **state)
{
    static const char *const names[] = {
        "PLAIN", "LOGIN", "EXTERNAL", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
        "OAUTHBEARER", "XOAUTH2"
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(names); i++) {
        smtp_sasl_mechanism_e mechanism =
            smtp_sasl_mechanism_find(names[i], strlen(names[i]));

        assert_int_not_equal(mechanism, SMTP_SASL_UNKNOWN);
        assert_string_equal(smtp_sasl_mechanism_name(mechanism), names[i]);
        assert_int_equal(smtp_sasl_mechanism_find(names[i],
                                                  strlen(names[i]) - 1),
                         SMTP_SASL_UNKNOWN);
    }
    assert_int_equal(i, SMTP_SASL_COUNT - 1);
    assert_int_equal(smtp_sasl_mechanism_find("pLaIn", 5), SMTP_SASL_PLAIN);
    assert_int_equal(smtp_sasl_mechanism_find("", 0), SMTP_SASL_UNKNOWN);
    assert_int_equal(smtp_sasl_mechanism_find("unknown", 7),
                     SMTP_SASL_UNKNOWN);
    assert_string_equal(smtp_sasl_mechanism_name(SMTP_SASL_UNKNOWN),
                        "unknown");
    assert_string_equal(smtp_sasl_mechanism_name(SMTP_SASL_COUNT),
                        "unknown");
}

/** RFC 4954 4. */
static void auth_is_read_with_and_without_a_response(void **state)
{
    static const struct {
        const char *arg;
        apr_size_t len;
        smtp_sasl_mechanism_e mechanism;
        const char *name;
        const char *initial;
    } rows[] = {
        { IN("PLAIN"), SMTP_SASL_PLAIN, "PLAIN", NULL },
        { IN("plain"), SMTP_SASL_PLAIN, "plain", NULL },
        { IN("PLAIN AGEAYg=="), SMTP_SASL_PLAIN, "PLAIN", "AGEAYg==" },
        { IN("EXTERNAL ="), SMTP_SASL_EXTERNAL, "EXTERNAL", "" },
        { IN("EXTERNAL =="), SMTP_SASL_EXTERNAL, "EXTERNAL", "==" },
        { IN("CRAM-MD5"), SMTP_SASL_UNKNOWN, "CRAM-MD5", NULL },
        { IN("X_1-abcdefghijklmnop"), SMTP_SASL_UNKNOWN,
          "X_1-abcdefghijklmnop", NULL }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_sasl_command_t command;
        const char *arg = unit_octets(*state, rows[i].arg, rows[i].len);

        assert_int_equal(smtp_sasl_command_parse(arg, rows[i].len, &command),
                         APR_SUCCESS);
        assert_int_equal(command.mechanism, rows[i].mechanism);
        assert_string_equal(copy(*state, command.name, command.name_len),
                            rows[i].name);
        assert_int_equal(command.has_initial, rows[i].initial != NULL);
        assert_string_equal(copy(*state, command.initial,
                                 command.initial_len),
                            rows[i].initial ? rows[i].initial : "(null)");
    }
}

static void what_is_no_auth_command_is_told(void **state)
{
    static const struct {
        const char *arg;
        apr_size_t len;
    } rows[] = {
        { IN("") }, { IN(" ") }, { IN(" PLAIN") }, { IN("PLAIN ") },
        { IN("PLAIN  AGEAYg==") }, { IN("PLAIN AGEAYg== ") },
        { IN("PLAIN AGEA Yg==") }, { IN("PLAIN\tAGEAYg==") },
        { IN("PLAIN\0") }, { IN("PL\0IN") }, { IN("PL.IN") },
        { IN("X_1-abcdefghijklmnopq") }, { IN("\xC3\xA9") }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_sasl_command_t command;

        UNIT_CHECK(rows[i].arg, smtp_sasl_command_parse(
                       unit_octets(*state, rows[i].arg, rows[i].len),
                       rows[i].len, &command) == APR_EINVAL);
    }
}

/* base64. */

/** RFC 4648 10, and octets of every kind. */
static void base64_is_written_and_read(void **state)
{
    static const struct {
        const char *octets;
        apr_size_t len;
        const char *text;
    } rows[] = {
        { IN(""), "" }, { IN("f"), "Zg==" }, { IN("fo"), "Zm8=" },
        { IN("foo"), "Zm9v" }, { IN("foob"), "Zm9vYg==" },
        { IN("\0\0\0"), "AAAA" }, { IN("\0a\0b"), "AGEAYg==" },
        { IN("\xFF\xFE\xFD"), "//79" }, { IN("\xFB\xEF\xBE"), "++++" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *out;
        apr_size_t out_len;

        assert_string_equal(smtp_sasl_base64_write(*state, rows[i].octets,
                                                   rows[i].len),
                            rows[i].text);
        assert_int_equal(smtp_sasl_base64_parse(
            *state, unit_string(*state, rows[i].text), strlen(rows[i].text),
            &out, &out_len), APR_SUCCESS);
        assert_int_equal(out_len, rows[i].len);
        assert_memory_equal(out, rows[i].octets, out_len);
        assert_int_equal(out[out_len], '\0');
    }
}

/** RFC 4648 3: nothing is overlooked (CVE-2025-53859 was an over-read of such
 *  a log-in). */
static void what_is_no_base64_is_told(void **state)
{
    static const struct {
        const char *text;
        apr_size_t len;
    } rows[] = {
        { IN("Z") }, { IN("Zg") }, { IN("Zg=") }, { IN("Zg===") },
        { IN("Zm8") }, { IN("Zm8==") }, { IN("=") }, { IN("==") },
        { IN("====") }, { IN("Z===") }, { IN("Zh==") }, { IN("Zm9=") },
        { IN("Zg==Zg==") }, { IN("Zg==Zm9v") }, { IN(" Zg==") },
        { IN("Zg== ") }, { IN("Zg=\n") }, { IN("Zm\r\n") }, { IN("Zm 9") },
        { IN("__79") }, { IN("--79") }, { IN("Zm\0v") }, { IN("Zg=\0") },
        { IN("Zm9v\0\0\0\0") }, { IN("Zm9\x80") }, { IN("Zm9*") },
        { IN("*") }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *out = "";
        apr_size_t out_len = 1;

        UNIT_CHECK(rows[i].text, smtp_sasl_base64_parse(
                       *state,
                       unit_octets(*state, rows[i].text, rows[i].len),
                       rows[i].len, &out, &out_len) == APR_EINVAL);
        UNIT_CHECK(rows[i].text, out == NULL && out_len == 0);
    }
}

/* PLAIN (RFC 4616). */

static void a_plain_log_in_is_read(void **state)
{
    static const struct {
        const char *message;
        apr_size_t len;
        const char *authzid, *authcid, *passwd;
    } rows[] = {
        { IN("\0tim\0tanstaaftanstaaf"), "", "tim", "tanstaaftanstaaf" },
        { IN("Ursel\0Kurt\0xipj3plmq"), "Ursel", "Kurt", "xipj3plmq" },
        { IN("\0a@b.example\0\xC3\xA9"), "", "a@b.example", "\xC3\xA9" },
        { IN(A255 "\0" A255 "\0" A255), A255, A255, A255 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *authzid, *authcid, *passwd;

        assert_int_equal(smtp_sasl_plain_parse(
            *state, unit_octets(*state, rows[i].message, rows[i].len),
            rows[i].len, &authzid, &authcid, &passwd), APR_SUCCESS);
        assert_string_equal(authzid, rows[i].authzid);
        assert_string_equal(authcid, rows[i].authcid);
        assert_string_equal(passwd, rows[i].passwd);
    }
}

static void what_is_no_plain_log_in_is_told(void **state)
{
    static const struct {
        const char *message;
        apr_size_t len;
    } rows[] = {
        { IN("") }, { IN("a") }, { IN("\0") }, { IN("\0\0") },
        { IN("\0a") }, { IN("\0a\0") }, { IN("\0\0b") }, { IN("a\0\0b") },
        { IN("a\0b") }, { IN("\0a\0b\0") }, { IN("\0a\0b\0c") },
        { IN("\0\0a\0b") }, { IN("\0a\0\xFF") }, { IN("\0\xC3\0b") },
        { IN("\xC0\x80\0a\0b") }, { IN("\0a" A255 "\0b") },
        { IN("\0a\0b" A255) }, { IN("z" A255 "\0a\0b") }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *authzid = "", *authcid = "", *passwd = "";

        UNIT_CHECK(rows[i].message, smtp_sasl_plain_parse(
                       *state,
                       unit_octets(*state, rows[i].message, rows[i].len),
                       rows[i].len, &authzid, &authcid, &passwd)
                   == APR_EINVAL);
        UNIT_CHECK(rows[i].message, !authzid && !authcid && !passwd);
    }
}

/* SCRAM. */

typedef struct first_row_t {
    const char *message;
    smtp_sasl_scram_first_t first;
} first_row_t;

static const first_row_t first_rows[] = {
    /* RFC 5802 5, RFC 7677 3 */
    { "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
      { 'n', NULL, "", "user", "fyko+d2lbbFgONRv9qkxdawL", "n,,",
        "n=user,r=fyko+d2lbbFgONRv9qkxdawL" } },
    { "y,,n=u,r=x", { 'y', NULL, "", "u", "x", "y,,", "n=u,r=x" } },
    { "p=tls-exporter,,n=u,r=x",
      { 'p', "tls-exporter", "", "u", "x", "p=tls-exporter,,", "n=u,r=x" } },
    { "p=a.B-9,a=z,n=u,r=x",
      { 'p', "a.B-9", "z", "u", "x", "p=a.B-9,a=z,", "n=u,r=x" } },
    { "n,a=a=2Cb=3Dc,n==3D=2C,r=x",
      { 'n', NULL, "a,b=c", "=,", "x", "n,a=a=2Cb=3Dc,", "n==3D=2C,r=x" } },
    { "n,,n=\xC3\xA9,r=!~",
      { 'n', NULL, "", "\xC3\xA9", "!~", "n,,", "n=\xC3\xA9,r=!~" } },
    { "n,,n=u,r=x,a=b,Z=c=d",
      { 'n', NULL, "", "u", "x", "n,,", "n=u,r=x,a=b,Z=c=d" } }
};

static const char *const bad_firsts[] = {
    "", "n", "n,", "n,,", "n,,n", "n,,n=", "n,,n=u", "n,,n=u,", "n,,n=u,r",
    "n,,n=u,r=", "n,,n=,r=x", "n=u,r=x", ",,n=u,r=x", "x,,n=u,r=x",
    "N,,n=u,r=x", "n,n=u,r=x", "n,b=z,n=u,r=x", "n,a=,n=u,r=x",
    "n,a,n=u,r=x", "n,z,n=u,r=x", "p,,n=u,r=x", "p=,,n=u,r=x",
    "p=a_b,,n=u,r=x", "p=a b,,n=u,r=x", "nn,,n=u,r=x", "n,,,n=u,r=x",
    /* reserved-mext: an extension that must be understood (RFC 5802 5.1) */
    "n,,m=z,n=u,r=x", "n,,n=u,r=x,m=z", "n,,n=u,m=z,r=x",
    "n,,n=u,r=x,", "n,,n=u,r=x,b", "n,,n=u,r=x,b=", "n,,n=u,r=x,1=b",
    "n,,n=u,r=x,=b", "n,,n=u,r=x,,b=c",
    "n,,n=a=b,r=x", "n,,n=a=2c,r=x", "n,,n=a=3d,r=x", "n,,n=a=2,r=x",
    "n,,n=a=,r=x", "n,a==3E,n=u,r=x",
    "n,,n=u,r=a b", "n,,n=u,r=\xC3\xA9", "n,,n=u,r=\x7F", "n,,n=u,r=x\t",
    "n,,n=\xFF,r=x", "n,,r=x,n=u"
};

static int is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void a_scram_log_in_begins(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(first_rows); i++) {
        const char *s = first_rows[i].message;
        const smtp_sasl_scram_first_t *want = &first_rows[i].first;
        smtp_sasl_scram_first_t got;

        UNIT_CHECK(s, smtp_sasl_scram_first_parse(
                       *state, unit_string(*state, s), strlen(s), &got)
                   == APR_SUCCESS);
        UNIT_CHECK(s, got.gs2_cbind == want->gs2_cbind);
        UNIT_CHECK(s, is_same(got.cbind_name, want->cbind_name));
        UNIT_CHECK(s, is_same(got.authzid, want->authzid));
        UNIT_CHECK(s, is_same(got.username, want->username));
        UNIT_CHECK(s, is_same(got.nonce, want->nonce));
        UNIT_CHECK(s, is_same(got.gs2_header, want->gs2_header));
        UNIT_CHECK(s, is_same(got.bare, want->bare));
    }
}

static void what_is_no_scram_first_message_is_told(void **state)
{
    smtp_sasl_scram_first_t first;
    size_t i;

    for (i = 0; i < UNIT_ROWS(bad_firsts); i++) {
        const char *s = bad_firsts[i];

        UNIT_CHECK(s, smtp_sasl_scram_first_parse(
                       *state, unit_string(*state, s), strlen(s), &first)
                   == APR_EINVAL);
        UNIT_CHECK(s, first.username == NULL && first.bare == NULL
                      && first.gs2_cbind == 0);
    }
    assert_int_equal(smtp_sasl_scram_first_parse(
        *state, IN("n,,n=u\0v,r=x"), &first), APR_EINVAL);
}

/** RFC 5802 5, RFC 5802 7. */
static void a_scram_log_in_ends(void **state)
{
    static const struct {
        const char *message;
        const char *cbind_data, *nonce, *proof, *without_proof;
    } rows[] = {
        { "c=biws,r=xyz,p=cHJvb2Y=", "n,,", "xyz", "proof", "c=biws,r=xyz" },
        { "c=biws,r=x,a=b,Z=c,p=cA==", "n,,", "x", "p",
          "c=biws,r=x,a=b,Z=c" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *s = rows[i].message;
        smtp_sasl_scram_final_t last;

        UNIT_CHECK(s, smtp_sasl_scram_final_parse(
                       *state, unit_string(*state, s), strlen(s), &last)
                   == APR_SUCCESS);
        UNIT_CHECK(s, is_same(last.cbind_data, rows[i].cbind_data));
        UNIT_CHECK(s, last.cbind_data_len == strlen(rows[i].cbind_data));
        UNIT_CHECK(s, is_same(last.nonce, rows[i].nonce));
        UNIT_CHECK(s, is_same(last.proof, rows[i].proof));
        UNIT_CHECK(s, last.proof_len == strlen(rows[i].proof));
        UNIT_CHECK(s, is_same(last.without_proof, rows[i].without_proof));
    }
}

static void what_is_no_scram_final_message_is_told(void **state)
{
    static const char *const rows[] = {
        "", "c", "c=", "c=biws", "c=biws,", "c=biws,r=", "c=biws,r=x",
        "c=biws,r=x,", "c=biws,r=x,p", "c=biws,r=x,p=", "c=,r=x,p=cA==",
        "c=biw,r=x,p=cA==", "c=biws,r=x,p=cA=", "c=biws,r=x,p=cB==",
        "c=biws,r=x,p=cA==,", "c=biws,r=x,p=cA==,a=b", "c=biws,p=cA==",
        "r=x,c=biws,p=cA==", "r=x,p=cA==", "c=biws,r=x,m=y,p=cA==",
        "m=y,c=biws,r=x,p=cA==", "c=biws,r=x,p=cA==,p=cA==",
        "c=biws,r=x y,p=cA==", "c=biws,r=x,a=,p=cA==", "c=biws,r=x,,p=cA==",
        "C=biws,r=x,p=cA==", "c=biws,r=x,a=\xFF,p=cA=="
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_sasl_scram_final_t last;

        UNIT_CHECK(rows[i], smtp_sasl_scram_final_parse(
                       *state, unit_string(*state, rows[i]),
                       strlen(rows[i]), &last) == APR_EINVAL);
        UNIT_CHECK(rows[i], last.proof == NULL && last.nonce == NULL
                            && last.without_proof == NULL);
    }
}

/* OAUTHBEARER and XOAUTH2. */

typedef struct oauth_row_t {
    smtp_sasl_mechanism_e mechanism;
    const char *message;
    const char *user;
    const char *token;
} oauth_row_t;

#define BEARER SMTP_SASL_OAUTHBEARER
#define XOAUTH SMTP_SASL_XOAUTH2
static const oauth_row_t oauth_rows[] = {
    /* RFC 7628 4.1 */
    { BEARER, "n,a=user@example.com,\1host=server.example.com\1port=587\1"
      "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1",
      "user@example.com",
      "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" },
    { BEARER, "n,,\1auth=Bearer a\1\1", "", "a" },
    { BEARER, "y,a=x=2Cy=3D,\1auth=bearer  a.-_~+/9=\1\1", "x,y=",
      "a.-_~+/9=" },
    { BEARER, "n,,\1user=x\1auth=Bearer a\1qs=\1\1", "", "a" },
    { XOAUTH, "user=someuser@example.com\1auth=Bearer ya29.vF9\1\1",
      "someuser@example.com", "ya29.vF9" },
    { XOAUTH, "auth=BEARER a\1user=\xC3\xA9=b\1\1", "\xC3\xA9=b", "a" }
};

static const oauth_row_t bad_oauths[] = {
    { BEARER, "", NULL, NULL }, { XOAUTH, "", NULL, NULL },
    { BEARER, "\1", NULL, NULL }, { XOAUTH, "\1", NULL, NULL },
    { BEARER, "n,,", NULL, NULL }, { BEARER, "n,,\1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer a", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer a\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer a\1\1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer a\1\1x", NULL, NULL },
    { BEARER, "n,,auth=Bearer a\1\1", NULL, NULL },
    { BEARER, "n,\1auth=Bearer a\1\1", NULL, NULL },
    { BEARER, "p=tls-exporter,,\1auth=Bearer a\1\1", NULL, NULL },
    { BEARER, "n,a=x=y,\1auth=Bearer a\1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer \1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer\1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer a b\1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer =a\1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer a=b\1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer \xC3\xA9\1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Basic a\1\1", NULL, NULL },
    { BEARER, "n,,\1AUTH=Bearer a\1\1", NULL, NULL },
    { BEARER, "n,,\1auth=Bearer a\1auth=Bearer b\1\1", NULL, NULL },
    { BEARER, "n,,\1host\1auth=Bearer a\1\1", NULL, NULL },
    { BEARER, "n,,\1=x\1auth=Bearer a\1\1", NULL, NULL },
    { BEARER, "user=a\1auth=Bearer b\1\1", NULL, NULL },
    { XOAUTH, "n,,\1auth=Bearer a\1\1", NULL, NULL },
    { XOAUTH, "auth=Bearer a\1\1", NULL, NULL },
    { XOAUTH, "user=a\1\1", NULL, NULL },
    { XOAUTH, "user=\1auth=Bearer b\1\1", NULL, NULL },
    { XOAUTH, "user=a\1user=b\1auth=Bearer c\1\1", NULL, NULL },
    { XOAUTH, "user=\xFF\1auth=Bearer b\1\1", NULL, NULL },
    { XOAUTH, "user=a\1auth=Bearer b\1", NULL, NULL },
    { SMTP_SASL_PLAIN, "user=a\1auth=Bearer b\1\1", NULL, NULL }
};

static void a_bearer_log_in_is_read(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(oauth_rows); i++) {
        const oauth_row_t *row = &oauth_rows[i];
        const char *user, *token;

        UNIT_CHECK(row->message, smtp_sasl_oauth_parse(
                       *state, row->mechanism,
                       unit_string(*state, row->message),
                       strlen(row->message), &user, &token) == APR_SUCCESS);
        UNIT_CHECK(row->message, is_same(user, row->user));
        UNIT_CHECK(row->message, is_same(token, row->token));
    }
}

static void what_is_no_bearer_log_in_is_told(void **state)
{
    const char *user, *token;
    size_t i;

    for (i = 0; i < UNIT_ROWS(bad_oauths); i++) {
        const oauth_row_t *row = &bad_oauths[i];

        UNIT_CHECK(row->message, smtp_sasl_oauth_parse(
                       *state, row->mechanism,
                       unit_string(*state, row->message),
                       strlen(row->message), &user, &token) == APR_EINVAL);
        UNIT_CHECK(row->message, user == NULL && token == NULL);
    }
    assert_int_equal(smtp_sasl_oauth_parse(
        *state, XOAUTH, IN("user=a\0b\1auth=Bearer c\1\1"), &user, &token),
        APR_EINVAL);
    assert_int_equal(smtp_sasl_oauth_parse(
        *state, XOAUTH, IN("user=a\1auth=Bearer c\0\1\1"), &user, &token),
        APR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_mechanism_is_found_in_any_case),
        UNIT_TEST(auth_is_read_with_and_without_a_response),
        UNIT_TEST(what_is_no_auth_command_is_told),
        UNIT_TEST(base64_is_written_and_read),
        UNIT_TEST(what_is_no_base64_is_told),
        UNIT_TEST(a_plain_log_in_is_read),
        UNIT_TEST(what_is_no_plain_log_in_is_told),
        UNIT_TEST(a_scram_log_in_begins),
        UNIT_TEST(what_is_no_scram_first_message_is_told),
        UNIT_TEST(a_scram_log_in_ends),
        UNIT_TEST(what_is_no_scram_final_message_is_told),
        UNIT_TEST(a_bearer_log_in_is_read),
        UNIT_TEST(what_is_no_bearer_log_in_is_told)
    };

    return UNIT_RUN(tests);
}
