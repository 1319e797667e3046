/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_scram.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "smtp_chars.h"
#include "smtp_sasl.h"

#define SCHEME "SCRAM-SHA-256$"

/** Characters of so many octets in base64. */
#define BASE64_LEN(octets) (((octets) + 2) / 3 * 4)

/** RFC 5802 3, of one password with one salt. All are as good as the password,
 *  at this server or at any. */
typedef struct keys_t {
    unsigned char salted_password[SMTP_SCRAM_KEY_OCTETS];
    unsigned char client[SMTP_SCRAM_KEY_OCTETS];
    unsigned char stored[SMTP_SCRAM_KEY_OCTETS];
    unsigned char server[SMTP_SCRAM_KEY_OCTETS];
} keys_t;

/* What OpenSSL does for us. Each gives 1, or 0 when it failed, which it does
 * for lack of memory and where a policy forbids an algorithm. */

/** H(), RFC 5802 2.2. */
static int hash(const unsigned char *key, unsigned char *out)
{
    return EVP_Digest(key, SMTP_SCRAM_KEY_OCTETS, out, NULL, EVP_sha256(),
                      NULL) == 1;
}

/** HMAC(), RFC 5802 2.2. */
static int hmac(const unsigned char *key, apr_size_t key_len, const char *text,
                unsigned char *out)
{
    return HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text,
                strlen(text), out, NULL) != NULL;
}

static int key_hmac(const unsigned char *key, const char *text,
                    unsigned char *out)
{
    return hmac(key, SMTP_SCRAM_KEY_OCTETS, text, out);
}

/** Hi() is PBKDF2 with HMAC (RFC 5802 2.2); the rest as in RFC 5802 3. */
static int keys_make(const char *password, int iterations,
                     const unsigned char *salt, apr_size_t salt_len,
                     keys_t *keys)
{
    return PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt,
                             (int)salt_len, iterations, EVP_sha256(),
                             SMTP_SCRAM_KEY_OCTETS,
                             keys->salted_password) == 1
           && key_hmac(keys->salted_password, "Client Key", keys->client)
           && hash(keys->client, keys->stored)
           && key_hmac(keys->salted_password, "Server Key", keys->server);
}

/** The status of what was done since ERR_clear_error(). A queue that is left
 *  would be taken for the fault of the next TLS record of this thread. */
static apr_status_t crypto_end(int is_done)
{
    ERR_clear_error();
    return is_done ? APR_SUCCESS : APR_EGENERAL;
}

/* Verifiers as text. */

/** What is left of a text. */
typedef struct scan_t {
    const char *at;
    const char *end;
} scan_t;

/** Takes what stands before @a separator, and that. */
static int until_take(scan_t *scan, char separator, scan_t *piece)
{
    const char *stop = memchr(scan->at, separator, scan->end - scan->at);

    if (stop == NULL) {
        return 0;
    }
    piece->at = scan->at;
    piece->end = stop;
    scan->at = stop + 1;
    return 1;
}

static int is_iterations(apr_off_t number)
{
    return number >= SMTP_SCRAM_ITERATIONS_MIN
           && number <= SMTP_SCRAM_ITERATIONS_MAX;
}

static int is_salt_len(apr_size_t len)
{
    return len >= 1 && len <= SMTP_SCRAM_SALT_MAX_OCTETS;
}

/** A number has one form, so that two texts that differ are two verifiers. */
static int iterations_parse(const scan_t *piece, int *iterations)
{
    apr_off_t number;

    if (piece->at == piece->end || *piece->at == '0'
        || smtp_chars_number_parse(piece->at, piece->end - piece->at, &number)
           != 1
        || !is_iterations(number)) {
        return 0;
    }
    *iterations = (int)number;
    return 1;
}

/**
 * Strict base64 of 1 to @a max octets, as smtp_sasl_base64_parse() has it, but
 * without a pool: APR's decoder is lenient, hence the way back.
 */
static int base64_parse(const scan_t *piece, unsigned char *out,
                        apr_size_t max, apr_size_t *out_len)
{
    unsigned char octets[SMTP_SCRAM_SALT_MAX_OCTETS + 3];
    char again[BASE64_LEN(sizeof(octets)) + 1];
    apr_size_t len = piece->end - piece->at;

    if (len == 0 || len % 4 != 0 || len > BASE64_LEN(max)
        || apr_decode_base64_binary(octets, piece->at, (apr_ssize_t)len,
                                    APR_ENCODE_NONE, out_len) != APR_SUCCESS
        || *out_len == 0 || *out_len > max
        || apr_encode_base64_binary(again, octets, (apr_ssize_t)*out_len,
                                    APR_ENCODE_NONE, NULL) != APR_SUCCESS
        || strlen(again) != len || memcmp(again, piece->at, len) != 0) {
        return 0;
    }
    memcpy(out, octets, *out_len);
    return 1;
}

static int key_parse(const scan_t *piece, unsigned char *key)
{
    apr_size_t len;

    return base64_parse(piece, key, SMTP_SCRAM_KEY_OCTETS, &len)
           && len == SMTP_SCRAM_KEY_OCTETS;
}

/** What follows the scheme. */
static int verifier_scan(scan_t *scan, smtp_scram_verifier_t *verifier)
{
    scan_t iterations, salt, stored_key;

    return until_take(scan, ':', &iterations)
           && iterations_parse(&iterations, &verifier->iterations)
           && until_take(scan, '$', &salt)
           && base64_parse(&salt, verifier->salt, SMTP_SCRAM_SALT_MAX_OCTETS,
                           &verifier->salt_len)
           && until_take(scan, ':', &stored_key)
           && key_parse(&stored_key, verifier->stored_key)
           && key_parse(scan, verifier->server_key);
}

apr_status_t smtp_scram_verifier_parse(const char *s,
                                       smtp_scram_verifier_t *verifier)
{
    static const apr_size_t scheme_len = sizeof(SCHEME) - 1;

    memset(verifier, 0, sizeof(*verifier));
    if (strncmp(s, SCHEME, scheme_len) == 0) {
        scan_t scan = { s + scheme_len, s + strlen(s) };

        if (verifier_scan(&scan, verifier)) {
            return APR_SUCCESS;
        }
    }
    OPENSSL_cleanse(verifier, sizeof(*verifier));
    return APR_EINVAL;
}

static const char *base64_write(apr_pool_t *p, const unsigned char *octets,
                                apr_size_t len)
{
    return smtp_sasl_base64_write(p, (const char *)octets, len);
}

char *smtp_scram_verifier_write(apr_pool_t *p,
                                const smtp_scram_verifier_t *verifier)
{
    return apr_psprintf(p, SCHEME "%d:%s$%s:%s", verifier->iterations,
                        base64_write(p, verifier->salt, verifier->salt_len),
                        base64_write(p, verifier->stored_key,
                                     SMTP_SCRAM_KEY_OCTETS),
                        base64_write(p, verifier->server_key,
                                     SMTP_SCRAM_KEY_OCTETS));
}

/* Verifiers from a password, or from none. */

apr_status_t smtp_scram_verifier_create(const char *password, int iterations,
                                        const unsigned char *salt,
                                        apr_size_t salt_len,
                                        smtp_scram_verifier_t *verifier)
{
    keys_t keys;
    int is_done;

    memset(verifier, 0, sizeof(*verifier));
    if (!is_iterations(iterations) || !is_salt_len(salt_len)) {
        return APR_EINVAL;
    }
    ERR_clear_error();
    is_done = keys_make(password, iterations, salt, salt_len, &keys);
    if (is_done) {
        verifier->iterations = iterations;
        verifier->salt_len = salt_len;
        memcpy(verifier->salt, salt, salt_len);
        memcpy(verifier->stored_key, keys.stored, SMTP_SCRAM_KEY_OCTETS);
        memcpy(verifier->server_key, keys.server, SMTP_SCRAM_KEY_OCTETS);
    }
    OPENSSL_cleanse(&keys, sizeof(keys));
    return crypto_end(is_done);
}

/** Octets that hang on secret and login, others for each @a use. The keyed
 *  hash is applied twice, so that no use and login make those of others. */
static int pretend_octets(const unsigned char *secret, apr_size_t secret_len,
                          const char *use, const char *login,
                          unsigned char *out)
{
    unsigned char key[SMTP_SCRAM_KEY_OCTETS];
    int is_done = hmac(secret, secret_len, use, key)
                  && key_hmac(key, login, out);

    OPENSSL_cleanse(key, sizeof(key));
    return is_done;
}

apr_status_t smtp_scram_verifier_pretend(const unsigned char *secret,
                                         apr_size_t secret_len,
                                         const char *login,
                                         smtp_scram_verifier_t *verifier)
{
    unsigned char salt[SMTP_SCRAM_KEY_OCTETS];
    int is_done;

    memset(verifier, 0, sizeof(*verifier));
    ERR_clear_error();
    /* StoredKey is the hash of a ClientKey that nobody knows or could find:
     * there may be none. */
    is_done = pretend_octets(secret, secret_len, "salt", login, salt)
              && pretend_octets(secret, secret_len, "StoredKey", login,
                                verifier->stored_key)
              && pretend_octets(secret, secret_len, "ServerKey", login,
                                verifier->server_key);
    if (is_done) {
        verifier->iterations = SMTP_SCRAM_ITERATIONS;
        verifier->salt_len = SMTP_SCRAM_SALT_OCTETS;
        memcpy(verifier->salt, salt, SMTP_SCRAM_SALT_OCTETS);
    }
    else {
        OPENSSL_cleanse(verifier, sizeof(*verifier));
    }
    return crypto_end(is_done);
}

/* Proofs. */

static void keys_xor(const unsigned char *a, const unsigned char *b,
                     unsigned char *out)
{
    int i;

    for (i = 0; i < SMTP_SCRAM_KEY_OCTETS; i++) {
        out[i] = a[i] ^ b[i];
    }
}

/** RFC 5802 3: the ClientKey that the proof brings must hash to StoredKey. */
static int proof_check(const smtp_scram_verifier_t *verifier,
                       const char *auth_message, const unsigned char *proof)
{
    unsigned char client_key[SMTP_SCRAM_KEY_OCTETS];
    unsigned char mask[SMTP_SCRAM_KEY_OCTETS];
    unsigned char stored_key[SMTP_SCRAM_KEY_OCTETS];
    int is_good = 0;

    if (key_hmac(verifier->stored_key, auth_message, mask)) {
        keys_xor(proof, mask, client_key);
        is_good = hash(client_key, stored_key)
                  && CRYPTO_memcmp(stored_key, verifier->stored_key,
                                   SMTP_SCRAM_KEY_OCTETS) == 0;
    }
    /* With ClientKey one can log in as this client. */
    OPENSSL_cleanse(client_key, sizeof(client_key));
    OPENSSL_cleanse(mask, sizeof(mask));
    return is_good;
}

int smtp_scram_proof_is_good(const smtp_scram_verifier_t *verifier,
                             const char *auth_message,
                             const char *proof, apr_size_t proof_len,
                             unsigned char *signature)
{
    int is_good = 0;

    memset(signature, 0, SMTP_SCRAM_KEY_OCTETS);
    ERR_clear_error();
    if (key_hmac(verifier->server_key, auth_message, signature)) {
        is_good = proof_len == SMTP_SCRAM_KEY_OCTETS
                  && proof_check(verifier, auth_message,
                                 (const unsigned char *)proof);
    }
    ERR_clear_error();
    return is_good;
}

apr_status_t smtp_scram_proof_create(const char *password, int iterations,
                                     const unsigned char *salt,
                                     apr_size_t salt_len,
                                     const char *auth_message,
                                     unsigned char *proof,
                                     unsigned char *signature)
{
    keys_t keys;
    unsigned char mask[SMTP_SCRAM_KEY_OCTETS];
    int is_done;

    memset(proof, 0, SMTP_SCRAM_KEY_OCTETS);
    memset(signature, 0, SMTP_SCRAM_KEY_OCTETS);
    if (!is_iterations(iterations) || !is_salt_len(salt_len)) {
        return APR_EINVAL;
    }
    ERR_clear_error();
    is_done = keys_make(password, iterations, salt, salt_len, &keys)
              && key_hmac(keys.stored, auth_message, mask)
              && key_hmac(keys.server, auth_message, signature);
    if (is_done) {
        keys_xor(keys.client, mask, proof);
    }
    OPENSSL_cleanse(&keys, sizeof(keys));
    OPENSSL_cleanse(mask, sizeof(mask));
    return crypto_end(is_done);
}
