/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The command table. t/structure/manual.t holds it against the manual.
 */
#include "queue_conf_directive.h"

#define IN_SERVER RSRC_CONF
/** ACCESS_CONF is what <SMTPDestination> allows. */
#define IN_DESTINATION (RSRC_CONF | ACCESS_CONF)

const command_rec queue_conf_directives[] = {
    AP_INIT_TAKE1("SMTPQueue", queue_conf_word_set, NULL, RSRC_CONF,
                  "On or Off: whether mail is sent on"),
    AP_INIT_TAKE1("SMTPQueueConnections", queue_conf_number_set, NULL,
                  RSRC_CONF, "connections to next hops at once"),
    AP_INIT_TAKE1("SMTPQueueStopTimeout", queue_conf_time_set, NULL,
                  RSRC_CONF, "time for what is amid a message when httpd "
                  "stops"),
    AP_INIT_TAKE1("SMTPQueueLog", queue_conf_log_set, NULL, RSRC_CONF,
                  "file or |program: a line for each attempt"),
    AP_INIT_TAKE1("SMTPQueueLogFormat", queue_conf_log_format_set, NULL,
                  RSRC_CONF, "what stands in a line of SMTPQueueLog"),
    AP_INIT_ITERATE("SMTPDNSServer", queue_conf_dns_server_add, NULL,
                    RSRC_CONF, "resolvers, ADDRESS or ADDRESS@PORT"),
    AP_INIT_TAKE2("SMTPDNSStub", queue_conf_dns_stub_add, NULL, RSRC_CONF,
                  "a zone, and the server that has it"),
    AP_INIT_TAKE1("SMTPDNSTrustAnchor", queue_conf_trust_anchor_set, NULL,
                  RSRC_CONF, "file of DNSSEC trust anchors, or none"),
    AP_INIT_TAKE1("SMTPDNSLoopback", queue_conf_word_set, NULL, RSRC_CONF,
                  "On or Off: whether DNS may lead to loopback addresses"),
    AP_INIT_ITERATE("SMTPOwnHost", queue_conf_own_host_add, NULL, RSRC_CONF,
                    "names and addresses by which others reach this server"),
    AP_INIT_TAKE1("SMTPOutboundCA", queue_conf_ca_set, NULL, RSRC_CONF,
                  "certificates that next hops' are verified by"),
    AP_INIT_TAKE12("SMTPOutboundCertificate", queue_conf_certificate_set,
                   NULL, RSRC_CONF, "our client certificate, and its key"),
    AP_INIT_RAW_ARGS("SMTPRetry", queue_conf_retry_set, NULL, IN_SERVER,
                     "intervals between attempts; the last is repeated"),
    AP_INIT_ITERATE("SMTPRetryExpire", queue_conf_time_set, NULL, IN_SERVER,
                    "TIME report=TIME: when mail is given up"),
    AP_INIT_TAKE1("SMTPDelayWarning", queue_conf_time_set, NULL, IN_SERVER,
                  "when senders are told of a delay, or off"),
    AP_INIT_TAKE12("SMTPPriority", queue_conf_priority_add, NULL, IN_SERVER,
                   "urgent, normal or bulk, and expr=EXPRESSION"),
    AP_INIT_TAKE1("SMTPVERP", queue_conf_verp_set, NULL, IN_SERVER,
                  "two delimiters, or off"),
    AP_INIT_TAKE1("SMTPDSNFrom", queue_conf_dsn_from_set, NULL, IN_SERVER,
                  "mailbox in whose name DSNs are written"),
    AP_INIT_TAKE1("SMTPDSNCopy", queue_conf_dsn_copy_set, NULL, IN_SERVER,
                  "mailbox that gets a copy of DSNs about failures, or "
                  "none"),
    AP_INIT_TAKE1("SMTPDSNMaxSize", queue_conf_dsn_size_set, NULL, IN_SERVER,
                  "octets of the mail that a DSN brings back"),
    AP_INIT_TAKE2("SMTPDSNTemplate", queue_conf_dsn_template_set, NULL,
                  IN_SERVER, "an action, and the file with its text"),
    AP_INIT_TAKE1("SMTPTLSReport", queue_conf_word_set, NULL, IN_SERVER,
                  "On or Off: whether reports of TLS-RPT are sent"),
    AP_INIT_RAW_ARGS("<SMTPDestination", queue_conf_section, NULL, IN_SERVER,
                     "Container for what concerns mail to some domains"),
    AP_INIT_TAKE_ARGV("SMTPRoute", queue_conf_route_add, NULL,
                      IN_DESTINATION, "a target, and when it is meant"),
    AP_INIT_TAKE12("SMTPConcurrency", queue_conf_concurrency_set, NULL,
                   IN_DESTINATION, "connections at once, first=NUMBER"),
    AP_INIT_TAKE1("SMTPRate", queue_conf_rate_set, NULL, IN_DESTINATION,
                  "messages/TIME, or off"),
    AP_INIT_ITERATE("SMTPBackoff", queue_conf_backoff_set, NULL,
                    IN_DESTINATION, "failures=NUMBER first=TIME last=TIME"),
    AP_INIT_TAKE1("SMTPMessagesPerConnection", queue_conf_number_set, NULL,
                  IN_DESTINATION, "messages, or 0 for no limit"),
    AP_INIT_TAKE1("SMTPRecipientsPerMessage", queue_conf_number_set, NULL,
                  IN_DESTINATION, "recipients of one transaction"),
    AP_INIT_TAKE1("SMTPConnectionIdle", queue_conf_time_set, NULL,
                  IN_DESTINATION, "how long a connection is kept, or off"),
    AP_INIT_TAKE_ARGV("SMTPOutboundTLS", queue_conf_tls_set, NULL,
                      IN_DESTINATION, "none, may, encrypt, verify or dane, "
                      "and names of certificates"),
    AP_INIT_TAKE1("SMTPDANE", queue_conf_word_set, NULL, IN_DESTINATION,
                  "On or Off: whether TLSA records are looked up"),
    AP_INIT_TAKE1("SMTPMTASTS", queue_conf_word_set, NULL, IN_DESTINATION,
                  "On or Off: whether policies of MTA-STS are fetched"),
    AP_INIT_TAKE_ARGV("SMTPSource", queue_conf_source_add, NULL,
                      IN_DESTINATION, "ADDRESS[=WEIGHT] helo=NAME ..., or "
                      "any"),
    AP_INIT_TAKE1("SMTPAddressFamily", queue_conf_word_set, NULL,
                  IN_DESTINATION, "any, ipv6first, ipv4first, ipv6 or "
                  "ipv4"),
    AP_INIT_ITERATE("SMTPOutboundTimeout", queue_conf_time_set, NULL,
                    IN_DESTINATION, "connect=TIME greeting=TIME ..."),
    { NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
};
