/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_status.h"

/** What was read is what stood there. */
static void check_parse(const char *s, size_t len)
{
    char buffer[SMTP_STATUS_BUFFER_OCTETS];
    smtp_status_t status;
    apr_size_t octets = smtp_status_parse(s, len, &status);

    FUZZ_CHECK(octets <= len);
    FUZZ_CHECK((octets != 0) == (status.klass != 0));
    FUZZ_CHECK(smtp_status_write(buffer, status) == octets);
    FUZZ_CHECK(strlen(buffer) == octets && memcmp(buffer, s, octets) == 0);
    FUZZ_CHECK(*smtp_status_text(status) != '\0');
}

/** Any values at all can be written. */
static void check_write(const uint8_t *data)
{
    char buffer[SMTP_STATUS_BUFFER_OCTETS];
    smtp_status_t status, again;
    int code;

    memcpy(&status, data, sizeof(status));
    memcpy(&code, data, sizeof(code));
    FUZZ_CHECK(smtp_status_write(buffer, status) == strlen(buffer));
    FUZZ_CHECK(smtp_status_parse(buffer, strlen(buffer), &again)
               == strlen(buffer));
    FUZZ_CHECK(again.klass == 0 || again.klass == status.klass);
    smtp_status_of_reply(code);
    FUZZ_CHECK(*smtp_status_text(status) != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_parse((const char *)data, size);
    if (size >= sizeof(smtp_status_t)) {
        check_write(data);
    }
    return 0;
}
