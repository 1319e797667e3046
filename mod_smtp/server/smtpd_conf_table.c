/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The command table. t/structure/manual.t holds it against the manual.
 */
#include "smtpd_conf_auth.h"
#include "smtpd_conf_directive.h"
#include "smtpd_state.h"
#include "smtpd_conf_submission.h"

#define IN_SERVER RSRC_CONF
/** ACCESS_CONF is what the section allows; outside, too, our own function is
 *  reached, whose message knows where the directive belongs. */
#define IN_DOMAIN (RSRC_CONF | ACCESS_CONF)
/** Means one thing in a virtual host, another in a section of it. */
#define IN_BOTH (RSRC_CONF | ACCESS_CONF)

const command_rec smtpd_conf_directives[] = {
    AP_INIT_FLAG("SMTPEngine", smtpd_conf_engine_set, NULL, IN_SERVER,
                 "On or Off: whether the virtual host speaks SMTP"),
    AP_INIT_TAKE_ARGV("SMTPExtensions", smtpd_conf_extensions_set, NULL,
                      IN_SERVER,
                      "EHLO keywords, each with + or - or all without; "
                      "or All or None"),
    AP_INIT_ITERATE("SMTPTimeout", smtpd_conf_timeout_set, NULL, IN_SERVER,
                    "command=TIME data=TIME total=TIME handshake=TIME, in "
                    "seconds or with ms, s, min, h"),
    AP_INIT_TAKE1("SMTPBareLF", smtpd_conf_word_set, NULL, IN_SERVER,
                  "reject or normalise"),
    AP_INIT_TAKE1("SMTPMaxMessageSize", smtpd_conf_size_set, NULL, IN_SERVER,
                  "octets, also with K, M or G; 0: no limit"),
    AP_INIT_TAKE1("SMTPMaxRecipients", smtpd_conf_number_set, NULL, IN_SERVER,
                  "recipients per mail transaction"),
    AP_INIT_TAKE1("SMTPMaxMessages", smtpd_conf_number_set, NULL, IN_SERVER,
                  "messages per connection; 0: no limit"),
    AP_INIT_TAKE1("SMTPMaxErrors", smtpd_conf_number_set, NULL, IN_SERVER,
                  "refused commands per connection; 0: no limit"),
    AP_INIT_TAKE1("SMTPMaxConnections", smtpd_conf_number_set, NULL,
                  IN_SERVER, "connections per client address; 0: no limit"),
    AP_INIT_TAKE1("SMTPMaxReceived", smtpd_conf_number_set, NULL, IN_SERVER,
                  "Received fields beyond which mail is in a loop"),
    AP_INIT_TAKE1("SMTPMaxCommandLine", smtpd_conf_number_set, NULL,
                  IN_SERVER, "octets of a command line, CRLF included"),
    AP_INIT_TAKE1("SMTPMaxTextLine", smtpd_conf_number_set, NULL, IN_SERVER,
                  "octets of a line of mail data, CRLF included; 0: no "
                  "limit"),
    AP_INIT_TAKE1("SMTPDisclose", smtpd_conf_word_set, NULL, IN_SERVER,
                  "none, vrfy, expn or all"),
    AP_INIT_TAKE1("SMTPTLS", smtpd_conf_tls_set, NULL, IN_BOTH,
                  "off, optional, required or implicit"),
    AP_INIT_TAKE1("SMTPService", smtpd_conf_word_set, NULL, IN_SERVER,
                  "mx or submission"),
    AP_INIT_TAKE1("SMTPTraceClient", smtpd_conf_word_set, NULL, IN_SERVER,
                  "On or Off: whether Received names the client"),
    AP_INIT_TAKE1("SMTPStateCache", smtpd_state_cache_set, NULL, RSRC_CONF,
                  "provider[:argument]: where children share counts"),
    AP_INIT_ITERATE("SMTPAuthLimit", smtpd_conf_auth_limit_set, NULL,
                    IN_SERVER, "connection=N address=N/TIME login=N/TIME "
                    "delay=TIME, each also off"),
    AP_INIT_ITERATE("SMTPLoginLimit", smtpd_conf_login_limit_set, NULL,
                    IN_SERVER, "messages=N/TIME recipients=N/TIME, each "
                    "also off"),
    AP_INIT_RAW_ARGS("<SMTPAuth", smtpd_conf_auth_section, NULL, IN_SERVER,
                     "Container for httpd's directives about who may log "
                     "in"),
    AP_INIT_ITERATE("SMTPAuthMechanisms", smtpd_conf_auth_mechanism_add,
                    NULL, IN_SERVER, "SASL mechanisms that are offered"),
    AP_INIT_TAKE1("SMTPAuthWithoutTLS", smtpd_conf_word_set, NULL,
                  IN_SERVER, "On or Off: whether AUTH is offered in plain "
                  "text"),
    AP_INIT_TAKE1("SMTPAuthCredentials", smtpd_conf_auth_credentials_set,
                  NULL, IN_SERVER, "a map, as kind:argument, from logins to "
                  "what smtp-scram makes"),
    AP_INIT_TAKE1("SMTPAuthCertificateName",
                  smtpd_conf_auth_certificate_name_set, NULL, IN_SERVER,
                  "the variable of mod_ssl that holds a login"),
    AP_INIT_TAKE1("SMTPAuthToken", smtpd_conf_auth_token_set, NULL,
                  IN_SERVER, "who judges tokens, as provider:argument"),
    AP_INIT_RAW_ARGS("<SMTPConnect", smtpd_conf_connect_section, NULL,
                     IN_SERVER, "Container for Require: who may connect"),
    AP_INIT_ITERATE("SMTPSenderLogin", smtpd_conf_sender_login_add, NULL,
                    IN_SERVER, "own, any, or maps from logins to addresses "
                    "as kind:argument"),
    AP_INIT_TAKE1("SMTPOriginDomain", smtpd_conf_origin_domain_set, NULL,
                  IN_SERVER, "the domain of addresses without one"),
    AP_INIT_RAW_ARGS("<SMTPRelay", smtpd_conf_relay_section, NULL,
                     IN_SERVER, "Container for Require: who may send to "
                     "domains that are not ours"),
    AP_INIT_TAKE1("SMTPETRN", smtpd_conf_word_set, NULL, IN_SERVER,
                  "On or Off: whether clients may have mail sent now"),
    AP_INIT_TAKE1("SMTPATRN", smtpd_conf_word_set, NULL, IN_SERVER,
                  "On or Off: whether clients may fetch mail by ATRN"),
    AP_INIT_TAKE1("SMTPTURN", smtpd_conf_word_set, NULL, IN_SERVER,
                  "On or Off: whether clients may fetch mail by TURN"),
    AP_INIT_RAW_ARGS("<SMTPOnDemand", smtpd_conf_on_demand_section, NULL,
                     IN_SERVER, "Container for Require: who may ask for the "
                     "mail of these domains"),
    AP_INIT_RAW_ARGS("<SMTPDomain", smtpd_conf_domain_section, NULL,
                     IN_SERVER, "Container for what concerns local domains"),
    AP_INIT_ITERATE("SMTPRecipients", smtpd_conf_recipients_add, NULL,
                    IN_DOMAIN, "any, or maps as kind:argument"),
    AP_INIT_ITERATE("SMTPAliases", smtpd_conf_aliases_add, NULL, IN_DOMAIN,
                    "maps as kind:argument"),
    AP_INIT_ITERATE2("SMTPAlias", smtpd_conf_alias_add, NULL, IN_DOMAIN,
                     "a name and its targets"),
    AP_INIT_TAKE1("SMTPCatchAll", smtpd_conf_catch_all_set, NULL, IN_DOMAIN,
                  "who gets mail for names that do not exist"),
    AP_INIT_TAKE1("SMTPPostmaster", smtpd_conf_postmaster_set, NULL,
                  IN_DOMAIN, "who gets mail for postmaster"),
    AP_INIT_TAKE1("SMTPRecipientDelimiter", smtpd_conf_delimiter_set, NULL,
                  IN_DOMAIN, "characters that begin an extension, or none"),
    AP_INIT_TAKE1("SMTPDeliver", smtpd_conf_deliver_set, NULL, IN_DOMAIN,
                  "maildir, lmtp:unix:PATH, lmtp:HOST:PORT or "
                  "smtp:HOST:PORT"),
    { NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
};
