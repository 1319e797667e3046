/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_verb.h"

static smtp_verb_e find(apr_pool_t *p, const char *word)
{
    return smtp_verb_find(unit_string(p, word), strlen(word));
}

/* RFC 5321 2.4: verbs in any case */
static void every_verb_is_known_in_any_case(void **state)
{
    static const struct {
        const char *word;
        smtp_verb_e want;
    } rows[] = {
        { "HELO", SMTP_VERB_HELO }, { "EHLO", SMTP_VERB_EHLO },
        { "LHLO", SMTP_VERB_LHLO }, { "MAIL", SMTP_VERB_MAIL },
        { "RCPT", SMTP_VERB_RCPT }, { "DATA", SMTP_VERB_DATA },
        { "BDAT", SMTP_VERB_BDAT }, { "RSET", SMTP_VERB_RSET },
        { "NOOP", SMTP_VERB_NOOP }, { "VRFY", SMTP_VERB_VRFY },
        { "EXPN", SMTP_VERB_EXPN }, { "HELP", SMTP_VERB_HELP },
        { "QUIT", SMTP_VERB_QUIT }, { "AUTH", SMTP_VERB_AUTH },
        { "STARTTLS", SMTP_VERB_STARTTLS }, { "TURN", SMTP_VERB_TURN },
        { "ETRN", SMTP_VERB_ETRN }, { "ATRN", SMTP_VERB_ATRN },
        { "SEND", SMTP_VERB_SEND }, { "SOML", SMTP_VERB_SOML },
        { "SAML", SMTP_VERB_SAML }
    };
    size_t i;
    size_t j;

    assert_int_equal(UNIT_ROWS(rows), SMTP_VERB_FOREIGN - 1);
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        char *word = unit_string(*state, rows[i].word);
        size_t len = strlen(rows[i].word);

        UNIT_CHECK(rows[i].word, smtp_verb_find(word, len) == rows[i].want);
        UNIT_CHECK(rows[i].word, strcmp(smtp_verb_name(rows[i].want),
                                        rows[i].word) == 0);
        for (j = 0; j < len; j++) {
            word[j] = (char)(word[j] | 0x20);
            UNIT_CHECK(rows[i].word,
                       smtp_verb_find(word, len) == rows[i].want);
        }
    }
}

static void what_is_no_verb_is_unknown(void **state)
{
    static const char *const rows[] = {
        "", "M", "MAI", "MAILX", "MAIL:", "MAIL\t", " MAIL", "EHL0", "XYZZY",
        "FOREIGN", "unknown", "STARTTLSS", "START", "\xFF", "HTTP", "HTTPS",
        ":", "Subject:", "GETS", "GE", "X:Host", "HTT/"
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i], find(*state, rows[i]) == SMTP_VERB_UNKNOWN);
    }
    assert_int_equal(smtp_verb_find("MAIL\0", 5), SMTP_VERB_UNKNOWN);
    assert_int_equal(smtp_verb_find("MA\0L", 4), SMTP_VERB_UNKNOWN);
}

/* ALPACA (2021), and cross-protocol attacks by a browser before it */
static void a_browser_is_recognised(void **state)
{
    static const char *const rows[] = {
        "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT",
        "TRACE", "PATCH", "PRI", "get", "Post", "PROPFIND", "HTTP/1.1",
        "http/2", "HTTP/", "Host:", "host:example.com", "User-Agent:",
        "Content-Type:", "CONTENT-LENGTH:12", "Cookie:", "Referer:",
        "Origin:", "Accept:", "Accept-Encoding:", "Connection:",
        "Transfer-Encoding:", "Sec-Fetch-Mode:", "Authorization:"
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i], find(*state, rows[i]) == SMTP_VERB_FOREIGN);
    }
}

static void every_value_has_a_name_for_the_log(void **state)
{
    (void)state;
    assert_string_equal(smtp_verb_name(SMTP_VERB_UNKNOWN), "unknown");
    assert_string_equal(smtp_verb_name(SMTP_VERB_FOREIGN), "FOREIGN");
    assert_string_equal(smtp_verb_name(SMTP_VERB_COUNT), "unknown");
    assert_string_equal(smtp_verb_name((smtp_verb_e)-1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(every_verb_is_known_in_any_case),
        UNIT_TEST(what_is_no_verb_is_unknown),
        UNIT_TEST(a_browser_is_recognised),
        UNIT_TEST(every_value_has_a_name_for_the_log)
    };
    return UNIT_RUN(tests);
}
