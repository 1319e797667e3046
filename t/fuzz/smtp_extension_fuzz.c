/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "smtp_chars.h"
#include "smtp_extension.h"

#define LIMIT_MAX 999999u

/** What was read of a reply whose lines are parted by LF. */
static smtp_extension_offer_t read_reply(apr_pool_t *p, const char *s,
                                         size_t len)
{
    smtp_extension_offer_t offer;
    const char *end = s + len;

    memset(&offer, 0, sizeof(offer));
    while (s < end) {
        const char *lf = memchr(s, '\n', end - s);
        const char *line_end = lf ? lf : end;

        smtp_extension_parse(p, s, line_end - s, &offer);
        s = lf ? lf + 1 : end;
    }
    return offer;
}

static void check_offer(const smtp_extension_offer_t *offer)
{
    const char *c;

    FUZZ_CHECK(offer->max_size_octets >= 0);
    FUZZ_CHECK(offer->limits.rcptmax <= LIMIT_MAX);
    FUZZ_CHECK(offer->limits.mailmax <= LIMIT_MAX);
    FUZZ_CHECK(offer->limits.rcptdomainmax <= LIMIT_MAX);
    FUZZ_CHECK((offer->auth != NULL)
               == ((offer->set & SMTP_EXTENSION_AUTH) != 0));
    for (c = offer->auth; c != NULL && *c != '\0'; c++) {
        FUZZ_CHECK(*c == ' ' || *c == '_'
                   || smtp_chars_is(*c, SMTP_CHARS_LDH));
    }
}

/** Announced by us, an offer is understood as the same. */
static void check_again(apr_pool_t *p, const smtp_extension_offer_t *offer)
{
    const char *const *line = smtp_extension_write(
        p, offer->set, offer->max_size_octets, &offer->limits, offer->auth);
    smtp_extension_set_t want = smtp_extension_complete(offer->set);
    smtp_extension_offer_t again;

    if (!(offer->limits.rcptmax || offer->limits.mailmax
          || offer->limits.rcptdomainmax)) {
        want &= ~SMTP_EXTENSION_LIMITS;
    }
    memset(&again, 0, sizeof(again));
    for (; *line != NULL; line++) {
        smtp_extension_parse(p, *line, strlen(*line), &again);
    }
    FUZZ_CHECK(again.set == want);
    FUZZ_CHECK(again.max_size_octets == offer->max_size_octets);
    FUZZ_CHECK(memcmp(&again.limits, &offer->limits, sizeof(again.limits))
               == 0);
    FUZZ_CHECK(fuzz_same(again.auth, offer->auth));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    smtp_extension_offer_t offer = read_reply(p, (const char *)data, size);

    check_offer(&offer);
    check_again(p, &offer);
    return 0;
}
