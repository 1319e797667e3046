/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_scram.h
 * The arithmetic of SCRAM-SHA-256 (RFC 5802 3, RFC 7677) and the form in which
 * a credential is kept. The messages are smtp_sasl.h's. No I/O: any thread.
 */
#ifndef SMTP_SCRAM_H
#define SMTP_SCRAM_H

#include <apr_errno.h>
#include <apr_pools.h>

/** SHA-256. */
#define SMTP_SCRAM_KEY_OCTETS 32
/** RFC 7677 4: "at least 4096"; what a new credential gets. */
#define SMTP_SCRAM_ITERATIONS 4096
#define SMTP_SCRAM_ITERATIONS_MIN 4096
/** More would let a credential file hold a thread for seconds, on the side of
 *  clients. */
#define SMTP_SCRAM_ITERATIONS_MAX 10000000
#define SMTP_SCRAM_SALT_OCTETS 16
#define SMTP_SCRAM_SALT_MAX_OCTETS 64

/** What a server keeps of a password: it cannot log in with it elsewhere. */
typedef struct smtp_scram_verifier_t {
    int iterations;
    unsigned char salt[SMTP_SCRAM_SALT_MAX_OCTETS];
    apr_size_t salt_len;         /**< octets, >= 1 */
    unsigned char stored_key[SMTP_SCRAM_KEY_OCTETS];
    unsigned char server_key[SMTP_SCRAM_KEY_OCTETS];
} smtp_scram_verifier_t;

/**
 * Reads a verifier as PostgreSQL writes it in pg_authid too:
 * SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY, the last three base64.
 * @return APR_SUCCESS, or APR_EINVAL with *verifier zero
 */
apr_status_t smtp_scram_verifier_parse(const char *s,
                                       smtp_scram_verifier_t *verifier);

/** The same octets that smtp_scram_verifier_parse() reads, in @a p. */
char *smtp_scram_verifier_write(apr_pool_t *p,
                                const smtp_scram_verifier_t *verifier);

/**
 * Makes a verifier of a password that SASLprep (RFC 4013) has prepared.
 * @return APR_SUCCESS, APR_EINVAL (salt or iterations out of range), or
 *         APR_EGENERAL when OpenSSL fails
 */
apr_status_t smtp_scram_verifier_create(const char *password, int iterations,
                                        const unsigned char *salt,
                                        apr_size_t salt_len,
                                        smtp_scram_verifier_t *verifier);

/**
 * A verifier that no password fits, always the same for the same login, so
 * that an answer does not tell whether the login exists. It has
 * SMTP_SCRAM_ITERATIONS; where the site's credentials have another count the
 * caller sets that field.
 * @param secret  random, the same for the life of the server
 */
apr_status_t smtp_scram_verifier_pretend(const unsigned char *secret,
                                         apr_size_t secret_len,
                                         const char *login,
                                         smtp_scram_verifier_t *verifier);

/**
 * Whether @a proof proves knowledge of the password (RFC 5802 3, ClientProof);
 * compared in constant time.
 * @param auth_message  client-first-message-bare "," server-first-message ","
 *                      client-final-message-without-proof
 * @param signature     out: ServerSignature, SMTP_SCRAM_KEY_OCTETS octets; set
 *                      whenever OpenSSL did not fail
 * @return 1 or 0
 */
int smtp_scram_proof_is_good(const smtp_scram_verifier_t *verifier,
                             const char *auth_message,
                             const char *proof, apr_size_t proof_len,
                             unsigned char *signature);

/**
 * The client's side: ClientProof and the ServerSignature to expect.
 * @param proof, signature  out: SMTP_SCRAM_KEY_OCTETS octets each
 */
apr_status_t smtp_scram_proof_create(const char *password, int iterations,
                                     const unsigned char *salt,
                                     apr_size_t salt_len,
                                     const char *auth_message,
                                     unsigned char *proof,
                                     unsigned char *signature);

#endif
