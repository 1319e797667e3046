/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What httpd -t says of AUTH. httpd's own modules would be content with most
 * of it, and refuse at the first login, or let anybody in.
 */
#include <string.h>

#include <apr_dbm.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_core.h>

#include "smtp_sasl.h"
#include "smtpd_conf_auth.h"
#include "smtpd_conf_directive.h"

#define BIT(mechanism) (1u << (mechanism))
#define PASSWORDS (BIT(SMTP_SASL_PLAIN) | BIT(SMTP_SASL_LOGIN))
#define SCRAM \
    (BIT(SMTP_SASL_SCRAM_SHA_256) | BIT(SMTP_SASL_SCRAM_SHA_256_PLUS))
#define TOKENS (BIT(SMTP_SASL_OAUTHBEARER) | BIT(SMTP_SASL_XOAUTH2))

/** What all checks look at. */
typedef struct check_t {
    apr_pool_t *p;
    const server_rec *s;
    const smtpd_conf_t *conf;
    const smtpd_auth_conf_t *auth;
} check_t;

/** A message about the section. */
static const char *fault_write(const check_t *check, const char *fault)
{
    return apr_psprintf(check->p, "<SMTPAuth> (%s:%d): %s",
                        check->auth->directive->filename,
                        check->auth->directive->line_num, fault);
}

/** A message about the directive @a at within the section. */
static const char *line_fault(const check_t *check, const ap_directive_t *at,
                              const char *fault)
{
    return apr_psprintf(check->p, "%s %s (%s:%d) in <SMTPAuth>: %s",
                        at->directive, at->args, at->filename, at->line_num,
                        fault);
}

/* Names of mechanisms that are on and in @a set. */
static const char *names_write(const check_t *check, unsigned int set)
{
    const char *names = "";
    int i;

    for (i = SMTP_SASL_UNKNOWN + 1; i < SMTP_SASL_COUNT; i++) {
        if (check->auth->mechanisms & set & BIT(i)) {
            names = apr_pstrcat(check->p, names, *names == '\0' ? "" : ", ",
                                smtp_sasl_mechanism_name(i), NULL);
        }
    }
    return names;
}

/* Off leaves a login that is not known to modules behind mod_auth_basic, of
 * which there are none: a wrong password would get 535, a login that does not
 * exist 454, and so be told (RFC 4954 9). */
static const char *authoritative_check(const check_t *check)
{
    const ap_directive_t *at =
        smtpd_conf_auth_find(check->auth, "AuthBasicAuthoritative");

    return at == NULL || strcasecmp(at->args, "off") != 0 ? NULL
           : line_fault(check, at, "nobody else would be asked about a login; "
                                   "take it away");
}

/* With FakeBasicAuth mod_ssl puts the name of a certificate in the place of the
 * login and password that the client sent. */
static const char *fake_check(const check_t *check)
{
    const ap_directive_t *at = smtpd_conf_ssl_find(check->s, "SSLOptions");

    return at == NULL || strcasestr(at->args, "FakeBasicAuth") == NULL ? NULL
           : apr_psprintf(check->p, "SSLOptions %s (%s:%d): FakeBasicAuth "
                          "would take a certificate for a password; take it "
                          "away, and let EXTERNAL log in by certificates "
                          "(SMTPAuthCertificateName)", at->args,
                          at->filename, at->line_num);
}

/* mod_authz_core lets everybody in where no Require stands. */
static const char *require_check(const check_t *check)
{
    return smtpd_conf_auth_find(check->auth, "Require") != NULL ? NULL
           : fault_write(check, "no Require: nobody could log in; add "
                                "Require valid-user, or who may");
}

static const char *mechanisms_check(const check_t *check)
{
    return check->auth->mechanisms != 0 ? NULL
           : fault_write(check, "no mechanism has what it needs, so nobody "
                                "could log in; add AuthType Basic and a "
                                "provider of passwords, or "
                                "SMTPAuthCredentials, "
                                "SMTPAuthCertificateName or SMTPAuthToken");
}

/* RFC 4954 9: without TLS nothing is offered. */
static const char *tls_check(const check_t *check)
{
    int has_tls = check->conf->has_ssl && check->conf->tls != SMTPD_TLS_OFF;
    unsigned int bound = BIT(SMTP_SASL_EXTERNAL)
                         | BIT(SMTP_SASL_SCRAM_SHA_256_PLUS);

    if (!has_tls && check->auth->without_tls != 1) {
        return fault_write(check, "AUTH waits for TLS, which is off, so "
                                  "nobody could log in; add SSLEngine On and "
                                  "a certificate, or, for a network that "
                                  "nobody listens to, SMTPAuthWithoutTLS On");
    }
    if (!has_tls && ((check->auth->mechanisms & BIT(SMTP_SASL_EXTERNAL))
                     || !(check->auth->mechanisms & ~bound))) {
        return fault_write(check, apr_pstrcat(check->p,
                                              names_write(check, bound),
                                              " needs TLS, which is off; add "
                                              "SSLEngine On and a "
                                              "certificate, or write other "
                                              "SMTPAuthMechanisms", NULL));
    }
    return NULL;
}

/* The trap: mod_authn_core takes any password where AuthType is missing. */
static const char *type_check(const check_t *check)
{
    const ap_directive_t *at = smtpd_conf_auth_find(check->auth, "AuthType");
    const char *type = smtpd_conf_auth_word(check->p, check->auth,
                                            "AuthType");
    const char *names = names_write(check, PASSWORDS);

    if (at != NULL && strcasecmp(type, "Basic") != 0) {
        return line_fault(check, at, "passwords come as they are (PLAIN, "
                                     "LOGIN); write AuthType Basic");
    }
    if (at == NULL && *names != '\0') {
        return fault_write(check, apr_pstrcat(check->p, "no AuthType, so "
                           "nothing would check the passwords of ", names,
                           "; add AuthType Basic", NULL));
    }
    if (at != NULL && smtpd_conf_auth_find(check->auth, "AuthName") == NULL) {
        return fault_write(check, "no AuthName, without which mod_auth_basic "
                                  "refuses every login; add AuthName mail");
    }
    return NULL;
}

/** NULL, or why the file that @a directive names cannot be read. */
static const char *file_fault(const check_t *check, const char *directive)
{
    const char *path = smtpd_conf_auth_word(check->p, check->auth,
                                            directive);
    apr_file_t *file;
    char reason[120];
    apr_status_t rv;

    path = ap_server_root_relative(check->p, path);
    rv = path == NULL ? APR_EBADPATH
         : apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT,
                         check->p);
    if (rv == APR_SUCCESS) {
        apr_file_close(file);
        return NULL;
    }
    return line_fault(check, smtpd_conf_auth_find(check->auth, directive),
                      apr_pstrcat(check->p, "cannot be read: ",
                                  apr_strerror(rv, reason, sizeof(reason)),
                                  "; make it with htpasswd -c", NULL));
}

/** The same of a DBM file, whose type may add to its name. */
static const char *dbm_fault(const check_t *check, const char *directive)
{
    const char *path = smtpd_conf_auth_word(check->p, check->auth,
                                            directive);
    const char *type = smtpd_conf_auth_word(check->p, check->auth,
                                            "AuthDBMType");
    apr_dbm_t *dbm;
    apr_status_t rv;

    path = ap_server_root_relative(check->p, path);
    rv = path == NULL ? APR_EBADPATH
         : apr_dbm_open_ex(&dbm, type == NULL ? "default" : type, path,
                           APR_DBM_READONLY, APR_FPROT_OS_DEFAULT, check->p);
    if (rv == APR_SUCCESS) {
        apr_dbm_close(dbm);
        return NULL;
    }
    return line_fault(check, smtpd_conf_auth_find(check->auth, directive),
                      "cannot be opened; make it with htdbm -c, and give "
                      "AuthDBMType if it is not of the default type");
}

/** What httpd's providers of passwords cannot do without. */
static const struct {
    const char *provider;
    const char *directive;
    const char *example;
    const char *(*fault)(const check_t *check, const char *directive);
} providers[] = {
    { "file", "AuthUserFile", "AuthUserFile conf/mail.htpasswd", file_fault },
    { "dbm", "AuthDBMUserFile", "AuthDBMUserFile conf/mail.dbm", dbm_fault },
    { "dbd", "AuthDBDUserPWQuery",
      "AuthDBDUserPWQuery \"SELECT password FROM logins WHERE login = %s\"",
      NULL },
    { "ldap", "AuthLDAPURL",
      "AuthLDAPURL ldap://127.0.0.1/dc=example,dc=com?uid", NULL },
    { "socache", "AuthnCacheProvideFor", "AuthnCacheProvideFor file", NULL }
};

/** The provider of which @a provider is an alias, or itself. */
static const char *alias_resolve(const check_t *check, const char *provider)
{
    const ap_directive_t *at;

    for (at = ap_conftree; at != NULL; at = at->next) {
        const char *args = at->args;

        if (strcasecmp(at->directive, "<AuthnProviderAlias") == 0) {
            const char *of = ap_getword_conf(check->p, &args);
            const char *name = ap_getword_conf(check->p, &args);

            /* The name goes up to ">". */
            if (strncmp(name, provider, strlen(provider)) == 0
                && strchr(">", name[strlen(provider)]) != NULL) {
                return of;
            }
        }
    }
    return provider;
}

/* mod_authn_anon takes any password: whoever comes could send. */
static const char *anon_check(const check_t *check, const char *provider)
{
    return strcmp(alias_resolve(check, provider), "anon") != 0 ? NULL
           : fault_write(check, apr_psprintf(check->p, "AuthBasicProvider "
                         "%s takes any password (mod_authn_anon), so "
                         "everybody could log in; take it away", provider));
}

static const char *provider_check(const check_t *check, const char *provider)
{
    size_t i = 0;

    while (i < sizeof(providers) / sizeof(providers[0])
           && strcmp(providers[i].provider, provider) != 0) {
        i++;
    }
    if (i == sizeof(providers) / sizeof(providers[0])) {
        return NULL;             /* another module's: it checks itself */
    }
    if (smtpd_conf_auth_find(check->auth, providers[i].directive) == NULL) {
        return fault_write(check, apr_psprintf(check->p, "AuthBasicProvider "
                           "%s without %s: nobody could log in; add %s",
                           provider, providers[i].directive,
                           providers[i].example));
    }
    return providers[i].fault == NULL ? NULL
           : providers[i].fault(check, providers[i].directive);
}

/* mod_authn_socache only remembers what another said. */
static const char *cache_check(const check_t *check, const char *words)
{
    return strcmp(words, "socache") != 0 ? NULL
           : fault_write(check, "AuthBasicProvider socache has nobody whose "
                                "answers it could keep; write "
                                "AuthBasicProvider socache file, or another "
                                "behind it");
}

static const char *providers_check(const check_t *check)
{
    const ap_directive_t *at = smtpd_conf_auth_find(check->auth,
                                                    "AuthBasicProvider");
    const char *words = at == NULL ? "file" : at->args;
    const char *fault;

    if (*names_write(check, PASSWORDS) == '\0') {
        return NULL;
    }
    fault = cache_check(check, words);
    while (fault == NULL && *words != '\0') {
        const char *provider = ap_getword_conf(check->p, &words);

        fault = anon_check(check, provider);
        if (fault == NULL) {
            fault = provider_check(check, provider);
        }
    }
    return fault;
}

/** What mechanisms need beside the section. */
static const char *needs_check(const check_t *check)
{
    const smtpd_auth_conf_t *auth = check->auth;
    const struct {
        unsigned int set;
        int is_there;
        const char *remedy;
    } needs[] = {
        { SCRAM, auth->credentials != NULL,
          "needs credentials of its own; add SMTPAuthCredentials "
          "txt:conf/mail.scram, a file that smtp-scram makes" },
        { BIT(SMTP_SASL_EXTERNAL), auth->certificate_name != NULL,
          "needs to know where in a certificate the login stands; add "
          "SMTPAuthCertificateName SSL_CLIENT_SAN_Email_0" },
        { TOKENS, auth->token != NULL,
          "needs to know who judges tokens; add SMTPAuthToken" }
    };
    size_t i;

    for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        const char *names = names_write(check, needs[i].set);

        if (*names != '\0' && !needs[i].is_there) {
            return apr_psprintf(check->p, "SMTPAuthMechanisms: %s %s", names,
                                needs[i].remedy);
        }
    }
    return NULL;
}

/** mod_ssl asks for no certificate unless it is told to. */
static const char *verify_check(const check_t *check)
{
    const ap_directive_t *at = smtpd_conf_ssl_find(check->s,
                                                   "SSLVerifyClient");
    const char *word = at == NULL ? "none" : at->args;

    if (*names_write(check, BIT(SMTP_SASL_EXTERNAL)) == '\0'
        || strcasecmp(word, "optional") == 0
        || strcasecmp(word, "require") == 0) {
        return NULL;
    }
    return apr_psprintf(check->p, "SMTPAuthMechanisms: EXTERNAL needs "
                        "clients that show a certificate, and "
                        "SSLVerifyClient %s does not verify any; add "
                        "SSLVerifyClient optional and SSLCACertificateFile",
                        word);
}

const char *smtpd_conf_auth_check(apr_pool_t *p, const server_rec *s,
                                  const smtpd_conf_t *conf)
{
    static const char *(*const checks[])(const check_t *) = {
        authoritative_check, fake_check, require_check, mechanisms_check,
        type_check,
        providers_check, needs_check, verify_check, tls_check
    };
    const check_t check = { p, s, conf, &conf->auth };
    const char *fault = NULL;
    size_t i;

    if (conf->auth.section == NULL) {
        return NULL;
    }
    for (i = 0; fault == NULL && i < sizeof(checks) / sizeof(checks[0]);
         i++) {
        fault = checks[i](&check);
    }
    return fault;
}
