/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_sasl.h"

#include <string.h>
#include <strings.h>

#include <apr_encode.h>
#include <apr_strings.h>

#include "smtp_chars.h"

/** RFC 4422 3.1. */
#define MECHANISM_MAX_OCTETS 20

/** RFC 4616 2, of each string of PLAIN. */
#define PLAIN_MAX_OCTETS 255

/** What ends the pieces of a bearer message (RFC 7628 3.1). */
#define KVSEP '\x01'

/** What is left of a message. */
typedef struct scan_t {
    apr_pool_t *pool;
    const char *at;
    const char *end;
} scan_t;

static apr_size_t scan_left(const scan_t *scan)
{
    return (apr_size_t)(scan->end - scan->at);
}

/** Takes octet @a c. */
static int octet_take(scan_t *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c) {
        return 0;
    }
    scan->at++;
    return 1;
}

/** Takes @a word, its case as @a compare has it (strncmp, strncasecmp). */
static int word_take(scan_t *scan, const char *word,
                     int (*compare)(const char *, const char *, size_t))
{
    apr_size_t len = strlen(word);

    if (scan_left(scan) < len || compare(scan->at, word, len) != 0) {
        return 0;
    }
    scan->at += len;
    return 1;
}

/** Takes what stands before the next @a separator, or all that is left. */
static scan_t until_take(scan_t *scan, char separator)
{
    const char *stop = memchr(scan->at, separator, scan_left(scan));
    scan_t piece = { scan->pool, scan->at, stop ? stop : scan->end };

    scan->at = piece.end;
    return piece;
}

static const char *piece_copy(const scan_t *piece)
{
    return apr_pstrmemdup(piece->pool, piece->at, scan_left(piece));
}

/* Mechanisms and AUTH's argument. */

static const char *const mechanism_names[SMTP_SASL_COUNT] = {
    "unknown", "PLAIN", "LOGIN", "EXTERNAL", "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS", "OAUTHBEARER", "XOAUTH2"
};

smtp_sasl_mechanism_e smtp_sasl_mechanism_find(const char *s, apr_size_t len)
{
    int i;

    for (i = SMTP_SASL_UNKNOWN + 1; i < SMTP_SASL_COUNT; i++) {
        if (strlen(mechanism_names[i]) == len
            && strncasecmp(s, mechanism_names[i], len) == 0) {
            return (smtp_sasl_mechanism_e)i;
        }
    }
    return SMTP_SASL_UNKNOWN;
}

const char *smtp_sasl_mechanism_name(smtp_sasl_mechanism_e mechanism)
{
    return mechanism < SMTP_SASL_COUNT ? mechanism_names[mechanism]
                                       : mechanism_names[SMTP_SASL_UNKNOWN];
}

static int is_mechanism_name(const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (!smtp_chars_is(s[i], SMTP_CHARS_LDH) && s[i] != '_') {
            return 0;
        }
    }
    return len >= 1 && len <= MECHANISM_MAX_OCTETS;
}

apr_status_t smtp_sasl_command_parse(const char *arg, apr_size_t len,
                                     smtp_sasl_command_t *command)
{
    const char *space = memchr(arg, ' ', len);
    const char *end = arg + len;
    apr_size_t name_len = space ? (apr_size_t)(space - arg) : len;

    memset(command, 0, sizeof(*command));
    if (!is_mechanism_name(arg, name_len)
        || (space && (space + 1 == end
                      || memchr(space + 1, ' ', end - space - 1)))) {
        return APR_EINVAL;
    }
    command->mechanism = smtp_sasl_mechanism_find(arg, name_len);
    command->name = arg;
    command->name_len = name_len;
    if (space) {
        command->has_initial = 1;
        command->initial = space + 1;
        command->initial_len = (apr_size_t)(end - command->initial);
        /* RFC 4954 4: "=" is an empty response, which base64 cannot say. */
        if (command->initial_len == 1 && *command->initial == '=') {
            command->initial_len = 0;
        }
    }
    return APR_SUCCESS;
}

/* base64. */

char *smtp_sasl_base64_write(apr_pool_t *p, const char *s, apr_size_t len)
{
    const char *out = apr_pencode_base64_binary(
        p, (const unsigned char *)s, (apr_ssize_t)len, APR_ENCODE_NONE, NULL);

    /* APR has NULL for nothing. */
    return out ? (char *)out : apr_pstrdup(p, "");
}

/** Whether @a s is what @a octets are encoded to. */
static int is_encoded(apr_pool_t *p, const char *octets,
                      apr_size_t octets_len, const char *s, apr_size_t len)
{
    char *again = smtp_sasl_base64_write(p, octets, octets_len);
    int is_same = strlen(again) == len && memcmp(again, s, len) == 0;

    explicit_bzero(again, strlen(again));
    return is_same;
}

/**
 * APR's decoder takes the URL alphabet, lacking padding and stray bits too.
 * A text is strict base64 exactly if it is what its octets are encoded to.
 * Nothing of it stays behind but *out: it may be a password.
 */
apr_status_t smtp_sasl_base64_parse(apr_pool_t *p, const char *s,
                                    apr_size_t len, const char **out,
                                    apr_size_t *out_len)
{
    char *octets;

    *out = NULL;
    *out_len = 0;
    if (len % 4 != 0) {
        return APR_EINVAL;
    }
    octets = apr_pcalloc(p, len / 4 * 3 + 1);
    if (len > 0
        && (apr_decode_base64_binary((unsigned char *)octets, s,
                                     (apr_ssize_t)len, APR_ENCODE_NONE,
                                     out_len) != APR_SUCCESS
            || !is_encoded(p, octets, *out_len, s, len))) {
        explicit_bzero(octets, len / 4 * 3);
        *out_len = 0;
        return APR_EINVAL;
    }
    *out = octets;
    return APR_SUCCESS;
}

/* PLAIN. */

apr_status_t smtp_sasl_plain_parse(apr_pool_t *p, const char *s,
                                   apr_size_t len, const char **authzid,
                                   const char **authcid, const char **passwd)
{
    const char **const to[3] = { authzid, authcid, passwd };
    scan_t scan = { p, s, s + len };
    scan_t piece[3];
    int i;

    *authzid = *authcid = *passwd = NULL;
    for (i = 0; i < 3; i++) {
        if (i > 0 && !octet_take(&scan, '\0')) {
            return APR_EINVAL;
        }
        piece[i] = until_take(&scan, '\0');
        if (scan_left(&piece[i]) > PLAIN_MAX_OCTETS
            || (i > 0 && scan_left(&piece[i]) == 0)
            || !smtp_chars_is_utf8(piece[i].at, scan_left(&piece[i]))) {
            return APR_EINVAL;
        }
    }
    if (scan.at != scan.end) {
        return APR_EINVAL;
    }
    for (i = 0; i < 3; i++) {
        *to[i] = piece_copy(&piece[i]);
    }
    return APR_SUCCESS;
}

/* SCRAM (RFC 5802 5.1, 7). Its messages are attributes, "x=value", with
 * commas between them. */

/** Takes "@a name=" and the value up to the next comma. The value is not
 *  empty. */
static int attribute_take(scan_t *scan, char name, scan_t *value)
{
    if (scan_left(scan) < 2 || scan->at[0] != name || scan->at[1] != '=') {
        return 0;
    }
    scan->at += 2;
    *value = until_take(scan, ',');
    return scan_left(value) > 0;
}

/** saslname: in place of "," and "=" stand "=2C" and "=3D". NULL if it is
 *  none. */
static const char *saslname_parse(const scan_t *value)
{
    char *out = apr_palloc(value->pool, scan_left(value) + 1);
    char *o = out;
    scan_t scan = *value;

    while (scan.at < scan.end) {
        if (*scan.at != '=') {
            *o++ = *scan.at++;
        }
        else if (word_take(&scan, "=2C", strncmp)) {
            *o++ = ',';
        }
        else if (word_take(&scan, "=3D", strncmp)) {
            *o++ = '=';
        }
        else {
            return NULL;
        }
    }
    *o = '\0';
    return out;
}

/** Takes "@a name=saslname". */
static int saslname_take(scan_t *scan, char name, const char **out)
{
    scan_t value;

    *out = attribute_take(scan, name, &value) ? saslname_parse(&value) : NULL;
    return *out != NULL;
}

/** Takes "r=nonce": printable octets. */
static int nonce_take(scan_t *scan, const char **nonce)
{
    scan_t value;
    const char *s;

    *nonce = NULL;
    if (!attribute_take(scan, 'r', &value)) {
        return 0;
    }
    for (s = value.at; s < value.end; s++) {
        if (*s < 0x21 || *s > 0x7E) {
            return 0;
        }
    }
    *nonce = piece_copy(&value);
    return 1;
}

/** Takes one extension behind a comma. "m=" is mandatory, and unknown as all
 *  are (RFC 5802 5.1). */
static int extension_take(scan_t *scan)
{
    scan_t value;
    char name = scan->at < scan->end ? *scan->at : '\0';
    int is_letter = (name >= 'A' && name <= 'Z')
                    || (name >= 'a' && name <= 'z');

    return is_letter && name != 'm' && attribute_take(scan, name, &value);
}

/** Takes gs2-cbind-flag: "n", "y" or "p=" cb-name. */
static int cbind_flag_take(scan_t *scan, smtp_sasl_scram_first_t *first)
{
    scan_t value;
    const char *s;

    if (octet_take(scan, 'n') || octet_take(scan, 'y')) {
        first->gs2_cbind = scan->at[-1];
        return 1;
    }
    if (!attribute_take(scan, 'p', &value)) {
        return 0;
    }
    for (s = value.at; s < value.end; s++) {
        if (!smtp_chars_is(*s, SMTP_CHARS_LDH) && *s != '.') {
            return 0;
        }
    }
    first->gs2_cbind = 'p';
    first->cbind_name = piece_copy(&value);
    return 1;
}

/** Takes gs2-header with its last comma. */
static int gs2_header_take(scan_t *scan, smtp_sasl_scram_first_t *first)
{
    scan_t header = *scan;

    first->authzid = "";
    if (!cbind_flag_take(scan, first) || !octet_take(scan, ',')
        || (scan->at < scan->end && *scan->at != ','
            && !saslname_take(scan, 'a', &first->authzid))
        || !octet_take(scan, ',')) {
        return 0;
    }
    header.end = scan->at;
    first->gs2_header = piece_copy(&header);
    return 1;
}

static int scram_first_take(scan_t *scan, smtp_sasl_scram_first_t *first)
{
    if (!smtp_chars_is_utf8(scan->at, scan_left(scan))
        || !gs2_header_take(scan, first)) {
        return 0;
    }
    first->bare = piece_copy(scan);
    if (!saslname_take(scan, 'n', &first->username) || !octet_take(scan, ',')
        || !nonce_take(scan, &first->nonce)) {
        return 0;
    }
    while (scan->at < scan->end) {
        if (!octet_take(scan, ',') || !extension_take(scan)) {
            return 0;
        }
    }
    return 1;
}

apr_status_t smtp_sasl_scram_first_parse(apr_pool_t *p, const char *s,
                                         apr_size_t len,
                                         smtp_sasl_scram_first_t *first)
{
    scan_t scan = { p, s, s + len };

    memset(first, 0, sizeof(*first));
    if (scram_first_take(&scan, first)) {
        return APR_SUCCESS;
    }
    memset(first, 0, sizeof(*first));
    return APR_EINVAL;
}

/** Takes "@a name=base64". */
static int base64_take(scan_t *scan, char name, const char **out,
                       apr_size_t *out_len)
{
    scan_t value;

    return attribute_take(scan, name, &value)
           && smtp_sasl_base64_parse(scan->pool, value.at, scan_left(&value),
                                     out, out_len) == APR_SUCCESS;
}

static int scram_final_take(scan_t *scan, smtp_sasl_scram_final_t *last)
{
    scan_t without_proof = *scan;

    if (!smtp_chars_is_utf8(scan->at, scan_left(scan))
        || !base64_take(scan, 'c', &last->cbind_data, &last->cbind_data_len)
        || !octet_take(scan, ',') || !nonce_take(scan, &last->nonce)) {
        return 0;
    }
    for (;;) {
        without_proof.end = scan->at;
        if (!octet_take(scan, ',')) {
            return 0;
        }
        /* The proof is the last attribute. */
        if (scan->at < scan->end && *scan->at == 'p') {
            break;
        }
        if (!extension_take(scan)) {
            return 0;
        }
    }
    last->without_proof = piece_copy(&without_proof);
    return base64_take(scan, 'p', &last->proof, &last->proof_len)
           && scan->at == scan->end;
}

apr_status_t smtp_sasl_scram_final_parse(apr_pool_t *p, const char *s,
                                         apr_size_t len,
                                         smtp_sasl_scram_final_t *last)
{
    scan_t scan = { p, s, s + len };

    memset(last, 0, sizeof(*last));
    if (scram_final_take(&scan, last)) {
        return APR_SUCCESS;
    }
    memset(last, 0, sizeof(*last));
    return APR_EINVAL;
}

/* OAUTHBEARER (RFC 7628 3.1) and XOAUTH2. */

/** Takes what is left, a b64token (RFC 6750 2.1). NULL if it is none. */
static const char *token_parse(scan_t *scan)
{
    scan_t token = *scan;

    while (scan->at < scan->end
           && (smtp_chars_is(*scan->at, SMTP_CHARS_LDH)
               || strchr("._~+/", *scan->at)) && *scan->at != '\0') {
        scan->at++;
    }
    if (scan->at == token.at) {
        return NULL;
    }
    while (octet_take(scan, '=')) {
    }
    return scan->at == scan->end ? piece_copy(&token) : NULL;
}

/** The value of "auth": the scheme, in any case, and the token. NULL if it is
 *  no bearer's. */
static const char *bearer_parse(scan_t value)
{
    if (!word_take(&value, "Bearer ", strncasecmp)) {
        return NULL;
    }
    while (octet_take(&value, ' ')) {
    }
    return token_parse(&value);
}

/** Takes "key=value" KVSEP. */
static int pair_take(scan_t *scan, scan_t *key, scan_t *value)
{
    scan_t pair = until_take(scan, KVSEP);

    *key = until_take(&pair, '=');
    if (scan_left(key) == 0 || !octet_take(&pair, '=')) {
        return 0;
    }
    *value = pair;
    return octet_take(scan, KVSEP);
}

static int key_is(const scan_t *key, const char *name)
{
    return scan_left(key) == strlen(name)
           && memcmp(key->at, name, scan_left(key)) == 0;
}

/** Takes pairs and the KVSEP that ends them. @a user is NULL where none is
 *  expected among them; of other keys (host, port) nothing is kept. */
static int pairs_take(scan_t *scan, const char **user, const char **token)
{
    scan_t key, value;

    while (!octet_take(scan, KVSEP)) {
        if (!pair_take(scan, &key, &value)) {
            return 0;
        }
        if (key_is(&key, "auth")) {
            if (*token || (*token = bearer_parse(value)) == NULL) {
                return 0;
            }
        }
        else if (user && key_is(&key, "user")) {
            if (*user || scan_left(&value) == 0) {
                return 0;
            }
            *user = piece_copy(&value);
        }
    }
    return *token != NULL && scan->at == scan->end;
}

/** A bearer's gs2-header: no channel binding (RFC 7628 3.1 allows none). */
static int bearer_gs2_take(scan_t *scan, const char **user)
{
    smtp_sasl_scram_first_t first;

    memset(&first, 0, sizeof(first));
    if (!gs2_header_take(scan, &first) || first.gs2_cbind == 'p') {
        return 0;
    }
    *user = first.authzid;
    return octet_take(scan, KVSEP);
}

apr_status_t smtp_sasl_oauth_parse(apr_pool_t *p,
                                   smtp_sasl_mechanism_e mechanism,
                                   const char *s, apr_size_t len,
                                   const char **user, const char **token)
{
    scan_t scan = { p, s, s + len };
    int is_good = 0;

    *user = *token = NULL;
    if (!smtp_chars_is_utf8(s, len)) {
        return APR_EINVAL;
    }
    if (mechanism == SMTP_SASL_OAUTHBEARER) {
        is_good = bearer_gs2_take(&scan, user)
                  && pairs_take(&scan, NULL, token);
    }
    else if (mechanism == SMTP_SASL_XOAUTH2) {
        is_good = pairs_take(&scan, user, token) && *user != NULL;
    }
    if (is_good) {
        return APR_SUCCESS;
    }
    *user = *token = NULL;
    return APR_EINVAL;
}
