/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What introspection end points answer, and what others do. */
#include "unit.h"

#include "oauth_answer.h"

typedef struct answer_row_t {
    int status;
    const char *type;
    const char *octets;
    apr_status_t rv;
    const char *fault;           /* part of it */
} answer_row_t;

#define JSON "application/json"

static const answer_row_t rows[] = {
    { 200, JSON, "{\"active\":true}", APR_SUCCESS, NULL },
    { 200, JSON ";charset=UTF-8", "{\"active\":true}", APR_SUCCESS, NULL },
    { 200, "Application/JSON ; x=y", "{\"active\":true}", APR_SUCCESS, NULL },
    { 200, JSON, "{\"active\":false}", APR_EACCES, "not active" },
    { 200, JSON, "{\"active\":false,\"username\":\"bob\"}", APR_EACCES,
      "not active" },
    /* RFC 7662 2.2: a boolean that must be there */
    { 200, JSON, "{}", APR_EGENERAL, "active" },
    { 200, JSON, "{\"active\":1}", APR_EGENERAL, "active" },
    { 200, JSON, "{\"active\":\"true\"}", APR_EGENERAL, "active" },
    { 200, JSON, "{\"active\":null}", APR_EGENERAL, "active" },
    { 200, JSON, "{\"active\":false,\"active\":true}", APR_EGENERAL,
      "twice" },
    { 200, JSON, "[{\"active\":true}]", APR_EGENERAL, "object" },
    { 200, JSON, "{\"active\":true", APR_EGENERAL, "object" },
    { 200, JSON, "", APR_EGENERAL, "object" },
    { 200, "text/html", "{\"active\":true}", APR_EGENERAL, "type" },
    { 200, "application/jsonx", "{\"active\":true}", APR_EGENERAL, "type" },
    { 200, "application/token-introspection+jwt", "{\"active\":true}",
      APR_EGENERAL, "type" },
    { 200, NULL, "{\"active\":true}", APR_EGENERAL, "type" },
    { 201, JSON, "{\"active\":true}", APR_EGENERAL, "200" },
    { 204, JSON, "", APR_EGENERAL, "200" },
    { 302, JSON, "{\"active\":true}", APR_EGENERAL, "redirect" },
    { 400, JSON, "{\"active\":true}", APR_EGENERAL, "200" },
    { 401, JSON, "{\"active\":true}", APR_EGENERAL, "SMTPOAuthClient" },
    { 500, JSON, "{\"active\":true}", APR_EGENERAL, "200" },
    { 0, NULL, "", APR_EGENERAL, "200" }
};

static void only_a_clear_answer_counts(void **state)
{
    const json_t *claims;
    const char *fault;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const answer_row_t *row = &rows[i];
        oauth_answer_t answer = { row->status, row->type,
                                  unit_string(*state, row->octets),
                                  strlen(row->octets) };

        UNIT_CHECK(row->octets, oauth_answer_parse(*state, &answer, &claims,
                                                   &fault) == row->rv);
        UNIT_CHECK(row->octets, !claims == (row->rv != APR_SUCCESS));
        UNIT_CHECK(row->octets, row->fault ? fault
                                             && strstr(fault, row->fault)
                                           : !fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(only_a_clear_answer_counts)
    };

    return UNIT_RUN(tests);
}
