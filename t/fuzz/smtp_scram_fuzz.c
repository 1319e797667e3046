/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <apr_strings.h>

#include "smtp_scram.h"

/** What is refused leaves nothing behind. */
static void check_zero(const smtp_scram_verifier_t *verifier)
{
    static const smtp_scram_verifier_t zero;

    FUZZ_CHECK(memcmp(verifier, &zero, sizeof(zero)) == 0);
}

/** A verifier has one form: who holds two texts holds two verifiers. */
static void check_form(apr_pool_t *p, const char *s,
                       const smtp_scram_verifier_t *verifier)
{
    FUZZ_CHECK(verifier->iterations >= SMTP_SCRAM_ITERATIONS_MIN
               && verifier->iterations <= SMTP_SCRAM_ITERATIONS_MAX);
    FUZZ_CHECK(verifier->salt_len >= 1
               && verifier->salt_len <= SMTP_SCRAM_SALT_MAX_OCTETS);
    FUZZ_CHECK(fuzz_same(smtp_scram_verifier_write(p, verifier), s));
}

/** The input as a proof: only who knows the password has one. */
static void check_proof(const smtp_scram_verifier_t *verifier,
                        const uint8_t *data, size_t size)
{
    unsigned char signature[SMTP_SCRAM_KEY_OCTETS];

    FUZZ_CHECK(!smtp_scram_proof_is_good(verifier, "message",
                                         (const char *)data, size,
                                         signature));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *s = apr_pstrmemdup(p, (const char *)data, size);
    smtp_scram_verifier_t verifier;

    memset(&verifier, 0xFF, sizeof(verifier));
    if (smtp_scram_verifier_parse(s, &verifier) != APR_SUCCESS) {
        check_zero(&verifier);
        return 0;
    }
    check_form(p, s, &verifier);
    check_proof(&verifier, data, size);
    return 0;
}
