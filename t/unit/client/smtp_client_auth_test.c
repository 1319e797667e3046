/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "client_dialogue.h"

#include "smtp_sasl.h"

/* RFC 7677 3: user "user", password "pencil"; base64. */
#define FIRST \
    "biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8="
#define FIRST_UNOFFERED \
    "eSwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8="
#define FIRST_BOUND \
    "cD10bHMtZXhwb3J0ZXIsLG49dXNlcixyPXJPcHJOR2Z3RWJlUldnYk5Fa3FP"
#define SERVER_FIRST \
    "cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGop" \
    "aE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY="
#define LAST \
    "Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0Fm" \
    "dXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOXl0YWc5empm" \
    "TUhnc3FtbWl6N0FuZFZRPQ=="
#define SERVER_FINAL \
    "dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0" \
    "PQ=="
#define FORGED_FINAL \
    "dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB" \
    "PQ=="

#define OFFER(mechanisms) "S 220 mx\nC EHLO client.example\n" \
    "S 250-mx\nS 250 AUTH " mechanisms "\n"
#define SCRAM OFFER("LOGIN PLAIN SCRAM-SHA-256") "C AUTH SCRAM-SHA-256 " \
    FIRST "\nS 334 " SERVER_FIRST "\nC " LAST "\n"
#define AUTH_PLAIN "C AUTH PLAIN AHVzZXIAcGVuY2ls\n"
#define NO "C QUIT\nS 221 bye\n"
#define FAILED "| closed deferred 0 4.7.8 AUTH"

static const char nonce[] = "rOprNGfwEbeRWgbNEkqO";

typedef struct row_t {
    const char *name;
    unsigned int mechanisms;     /**< bits of those allowed */
    const char *script;
    const char *result;
} row_t;

#define BIT(mechanism) (1u << SMTP_SASL_##mechanism)

static const row_t rows[] = {
    { "PLAIN", 0,
      OFFER("PLAIN LOGIN") AUTH_PLAIN "S 235 ok\n",
      "| ready" },
    { "PLAIN refused: not the mail's fault", 0,
      OFFER("PLAIN") AUTH_PLAIN "S 535 5.7.8 no\n" NO,
      "| closed deferred 535 4.7.8 AUTH" },
    { "PLAIN, a question too many", 0,
      OFFER("PLAIN") AUTH_PLAIN "S 334 \nC *\nS 501 no\n" NO,
      "| closed deferred 501 4.5.4 AUTH" },
    { "questions without end", 0,
      OFFER("PLAIN") AUTH_PLAIN "S 334 \nC *\nS 334 \n",
      "| closed deferred 0 4.5.0 AUTH" },
    { "a success that was given up", 0,
      OFFER("PLAIN") AUTH_PLAIN "S 334 \nC *\nS 235 ok\n" NO,
      FAILED },
    { "LOGIN", 0,
      OFFER("LOGIN") "C AUTH LOGIN\nS 334 VXNlcm5hbWU6\nC dXNlcg==\n"
      "S 334 UGFzc3dvcmQ6\nC cGVuY2ls\nS 235 ok\n", "| ready" },
    { "LOGIN, odd questions", 0,
      OFFER("LOGIN") "C AUTH LOGIN\nS 334 Who?\nC dXNlcg==\nS 334\nC cGVuY2ls\n"
      "S 235 ok\n", "| ready" },
    { "LOGIN, three questions", 0,
      OFFER("LOGIN") "C AUTH LOGIN\nS 334 \nC dXNlcg==\nS 334 \nC cGVuY2ls\n"
      "S 334 \nC *\nS 501 no\n" NO, "| closed deferred 501 4.5.4 AUTH" },
    { "LOGIN, too early a success", 0,
      OFFER("LOGIN") "C AUTH LOGIN\nS 235 ok\n" NO, FAILED },
    { "SCRAM, signature as a challenge", 0,
      SCRAM "S 334 " SERVER_FINAL "\nC \nS 235 ok\n", "| ready" },
    { "SCRAM, signature with 235", 0, SCRAM "S 235 " SERVER_FINAL "\n",
      "| ready" },
    { "SCRAM, no signature", 0, SCRAM "S 235 2.7.0 ok\n" NO, FAILED },
    { "SCRAM, forged signature", 0,
      SCRAM "S 334 " FORGED_FINAL "\nC *\nS 235 ok\n" NO, FAILED },
    { "SCRAM, forged signature with 235", 0,
      SCRAM "S 235 " FORGED_FINAL "\n" NO, FAILED },
    { "SCRAM, success before a proof", 0,
      OFFER("SCRAM-SHA-256") "C AUTH SCRAM-SHA-256 " FIRST "\nS 235 ok\n" NO,
      FAILED },
    { "SCRAM, no base64", 0,
      OFFER("SCRAM-SHA-256") "C AUTH SCRAM-SHA-256 " FIRST "\nS 334 ?\nC *\n"
      "S 501 no\n" NO, "| closed deferred 501 4.5.4 AUTH" },
    { "nothing weaker than what is allowed", BIT(SCRAM_SHA_256),
      OFFER("PLAIN LOGIN") NO, FAILED },
    { "only what is allowed", BIT(LOGIN) | BIT(PLAIN),
      OFFER("SCRAM-SHA-256 PLAIN LOGIN")
      AUTH_PLAIN "S 235 ok\n", "| ready" },
    { "nothing that is known", 0, OFFER("GSSAPI CRAM-MD5") NO, FAILED },
    { "no AUTH at all", 0,
      "S 220 mx\nC EHLO client.example\nS 250 mx\n" NO, FAILED },
    { "421", 0, OFFER("PLAIN") AUTH_PLAIN "S 421 bye\n",
      "| closed deferred 421 4.3.2 AUTH" },
    { "dropped", 0, OFFER("PLAIN") AUTH_PLAIN "DROP\n",
      "| closed deferred 0 4.4.2 AUTH" },
    { "silent", 0, OFFER("PLAIN") AUTH_PLAIN "LATE\n",
      "| closed deferred 0 4.4.2 AUTH" }
};

static void play(apr_pool_t *p, smtp_client_conf_t *conf, const row_t *row)
{
    dialogue_t d;

    memset(&d, 0, sizeof(d));
    d.pool = p;
    d.name = row->name;
    d.conf = conf;
    conf->auth.mechanisms = row->mechanisms;
    dialogue_check(&d, row->script, row->result);
    assert_int_equal(smtp_client_is_authenticated(d.client),
                     strcmp(row->result, "| ready") == 0);
}

static smtp_client_conf_t conf_make(void)
{
    smtp_client_conf_t conf = {
        .helo = "client.example",
        .auth = { .login = "user", .password = "pencil", .nonce = nonce,
                  .without_tls = 1 }
    };

    return conf;
}

static void a_login_succeeds_or_is_given_up(void **state)
{
    smtp_client_conf_t conf = conf_make();
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        play(*state, &conf, &rows[i]);
    }
}

static void no_password_goes_over_the_wire_in_the_clear(void **state)
{
    static const row_t clear = { "no TLS", 0,
        OFFER("PLAIN SCRAM-SHA-256") NO, FAILED };
    static const row_t tls = { "TLS", 0,
        "TLS\n" OFFER("PLAIN") AUTH_PLAIN "S 235 ok\n",
        "| ready" };
    smtp_client_conf_t conf = conf_make();

    conf.auth.without_tls = 0;
    play(*state, &conf, &clear);
    play(*state, &conf, &tls);
}

/** RFC 5802 6: with a binding, -PLUS; where it is not offered, "y" tells a
 *  man in the middle's doing. */
static void a_binding_is_used_or_its_absence_is_told(void **state)
{
    static const row_t plus_rows[] = {
        { "-PLUS", 0,
          "BOUND\n" OFFER("SCRAM-SHA-256 SCRAM-SHA-256-PLUS")
          "C AUTH SCRAM-SHA-256-PLUS " FIRST_BOUND "\nS 535 no\n" NO,
          "| closed deferred 535 4.7.8 AUTH" },
        { "-PLUS not offered", 0,
          "BOUND\n" OFFER("SCRAM-SHA-256")
          "C AUTH SCRAM-SHA-256 " FIRST_UNOFFERED "\nS 535 no\n" NO,
          "| closed deferred 535 4.7.8 AUTH" },
        { "no binding here", 0,
          "TLS\n" OFFER("SCRAM-SHA-256-PLUS SCRAM-SHA-256")
          "C AUTH SCRAM-SHA-256 " FIRST "\nS 535 no\n" NO,
          "| closed deferred 535 4.7.8 AUTH" }
    };
    smtp_client_conf_t conf = conf_make();
    size_t i;

    for (i = 0; i < UNIT_ROWS(plus_rows); i++) {
        play(*state, &conf, &plus_rows[i]);
    }
}

/** RFC 4954 4: an initial response that makes the command too long waits for
 *  an empty challenge. */
static void a_long_password_does_not_break_the_command_line(void **state)
{
    smtp_client_conf_t conf = conf_make();
    char *password = apr_palloc(*state, 601);
    char *data = apr_palloc(*state, 606);
    row_t row = { "long", 0, NULL, "| ready" };

    memset(password, 'p', 600);
    password[600] = '\0';
    conf.auth.password = password;
    memcpy(data, "\0user", 6);
    memcpy(data + 6, password, 600);
    row.script = apr_pstrcat(*state, OFFER("PLAIN") "C AUTH PLAIN\nS 334 \nC ",
                             smtp_sasl_base64_write(*state, data, 606),
                             "\nS 235 ok\n", NULL);
    play(*state, &conf, &row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_login_succeeds_or_is_given_up),
        UNIT_TEST(no_password_goes_over_the_wire_in_the_clear),
        UNIT_TEST(a_binding_is_used_or_its_absence_is_told),
        UNIT_TEST(a_long_password_does_not_break_the_command_line)
    };

    return UNIT_RUN(tests);
}
