/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_date.h"

/** A date that was read can be written, and read again it is the same. */
static void check_parse(const char *s, size_t len)
{
    char buffer[SMTP_DATE_BUFFER_OCTETS];
    apr_time_t t, again;
    int offset_sec, offset_again;

    if (smtp_date_parse(s, len, &t, &offset_sec) != APR_SUCCESS) {
        FUZZ_CHECK(t == 0 && offset_sec == 0);
        return;
    }
    FUZZ_CHECK(offset_sec % 60 == 0 && abs(offset_sec) < 100 * 3600);
    FUZZ_CHECK(smtp_date_write(buffer, t, offset_sec) == strlen(buffer));
    /* a leap second at the very end of the year 9999 is in 10000 */
    if (smtp_date_parse(buffer, strlen(buffer), &again, &offset_again)
        == APR_SUCCESS) {
        FUZZ_CHECK(again == t && offset_again == offset_sec);
    }
    else {
        FUZZ_CHECK(strstr(buffer, " 10000 ") != NULL);
    }
}

/** Any time is written within the buffer. */
static void check_write(const uint8_t *data)
{
    char buffer[SMTP_DATE_BUFFER_OCTETS];
    apr_time_t t;
    apr_int16_t minutes;

    memcpy(&t, data, sizeof(t));
    memcpy(&minutes, data + sizeof(t), sizeof(minutes));
    FUZZ_CHECK(smtp_date_write(buffer, t, minutes % 1440 * 60)
               < SMTP_DATE_BUFFER_OCTETS);
    FUZZ_CHECK(strchr(buffer, '\r') == NULL && strchr(buffer, '\n') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_pool();
    check_parse((const char *)data, size);
    if (size >= sizeof(apr_time_t) + sizeof(apr_int16_t)) {
        check_write(data);
    }
    return 0;
}
