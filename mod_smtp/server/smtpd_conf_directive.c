/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The directives of a virtual host, but its sections.
 */
#include "smtpd_conf_directive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include <ap_config.h>
#include <httpd.h>

#include "smtp_chars.h"
#include "smtp_config.h"

/** NULL, or that the directive stands where it must not. */
static const char *context_fault(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
}

const char *smtpd_conf_engine_set(cmd_parms *cmd, void *dir, int flag)
{
    const char *fault = context_fault(cmd);

    if (fault != NULL) {
        return fault;
    }
    /* Else every web site of this server would inherit it, or not. */
    if (!cmd->server->is_virtual) {
        return smtp_config_fault(cmd, flag ? "On" : "Off", "stands only in a "
                                 "<VirtualHost>; make one for the address and "
                                 "port that shall speak SMTP");
    }
    smtpd_conf_get(cmd->server)->engine = flag;
    return NULL;
}

static const smtpd_conf_number_t *number_find(const char *directive)
{
    const smtpd_conf_number_t *number = smtpd_conf_numbers;

    while (number->directive != NULL
           && strcasecmp(number->directive, directive) != 0) {
        number++;
    }
    ap_assert(number->directive != NULL);
    return number;
}

static void number_store(cmd_parms *cmd, const smtpd_conf_number_t *number,
                         int value)
{
    *smtpd_conf_number_at(smtpd_conf_get(cmd->server), number) = value;
}

const char *smtpd_conf_number_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const smtpd_conf_number_t *number = number_find(cmd->cmd->name);
    const char *fault = context_fault(cmd);
    int value;

    if (fault == NULL) {
        fault = smtp_config_number_read(cmd, arg, number->min, number->max,
                                        number->zero, &value);
    }
    if (fault == NULL) {
        number_store(cmd, number, value);
    }
    return fault;
}

static const smtp_config_word_t words[] = {
    { "SMTPBareLF",   "reject",    SMTPD_BARE_LF_REJECT },
    { "SMTPBareLF",   "normalise", SMTPD_BARE_LF_NORMALISE },
    { "SMTPAuthWithoutTLS", "Off", 0 },
    { "SMTPAuthWithoutTLS", "On",  1 },
    { "SMTPDisclose", "none",      0 },
    { "SMTPDisclose", "vrfy",      SMTPD_DISCLOSE_VRFY },
    { "SMTPDisclose", "expn",      SMTPD_DISCLOSE_EXPN },
    { "SMTPDisclose", "all",       SMTPD_DISCLOSE_VRFY | SMTPD_DISCLOSE_EXPN },
    { "SMTPService",  "mx",        SMTPD_SERVICE_MX },
    { "SMTPService",  "submission", SMTPD_SERVICE_SUBMISSION },
    { "SMTPTraceClient", "On",     1 },
    { "SMTPTraceClient", "Off",    0 },
    { "SMTPETRN",     "Off",       0 },
    { "SMTPETRN",     "On",        1 },
    { "SMTPATRN",     "Off",       0 },
    { "SMTPATRN",     "On",        1 },
    { "SMTPTURN",     "Off",       0 },
    { "SMTPTURN",     "On",        1 },
    { NULL, NULL, 0 }
};

const char *smtpd_conf_word_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const smtpd_conf_number_t *number = number_find(cmd->cmd->name);
    const char *fault = context_fault(cmd);
    int value;

    if (fault == NULL) {
        fault = smtp_config_word_read(cmd, words, arg, &value);
    }
    if (fault == NULL) {
        number_store(cmd, number, value);
    }
    return fault;
}

const char *smtpd_conf_size_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault = context_fault(cmd);

    if (fault == NULL
        && !smtp_config_size_parse(arg, 0, SMTP_CHARS_NUMBER_MAX,
                                   &smtpd_conf_get(cmd->server)
                                        ->max_message_octets)) {
        fault = smtp_config_fault(cmd, arg, "give a number of octets, also "
                                  "with K, M or G as in 50M, or 0 for no "
                                  "limit");
    }
    return fault;
}

const char *smtpd_conf_timeout_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const smtpd_conf_timeout_t *timeout;
    const char *fault = context_fault(cmd);
    const char *equals = strchr(arg, '=');
    apr_interval_time_t value;

    if (fault != NULL) {
        return fault;
    }
    for (timeout = smtpd_conf_timeouts; timeout->key != NULL; timeout++) {
        apr_size_t len = strlen(timeout->key);

        if (equals != NULL && (apr_size_t)(equals - arg) == len
            && strncasecmp(arg, timeout->key, len) == 0) {
            break;
        }
    }
    if (timeout->key == NULL) {
        return smtp_config_fault(cmd, arg, "give command=TIME, data=TIME, "
                                 "total=TIME or handshake=TIME, without "
                                 "blanks around =");
    }
    if (ap_timeout_parameter_parse(equals + 1, &value, "s") != APR_SUCCESS
        || !apr_isdigit(equals[1]) || value <= 0) {
        return smtp_config_fault(cmd, arg, "the time is seconds, or a number "
                                 "with ms, s, min or h, and more than 0");
    }
    *smtpd_conf_timeout_at(smtpd_conf_get(cmd->server), timeout) = value;
    return NULL;
}

/** The keywords that may be named. */
static const char *keywords_write(apr_pool_t *p)
{
    const smtp_extension_t *row;
    const char *known = "";

    for (row = smtp_extension_table; row->keyword != NULL; row++) {
        if (row->bit & SMTPD_CONF_EXTENSIONS) {
            known = apr_pstrcat(p, known, row->keyword, " ", NULL);
        }
    }
    return apr_pstrcat(p, known, "All None", NULL);
}

/** Reads one argument of SMTPExtensions. 0 when it is no keyword of ours. */
static int extension_parse(const char *arg, smtp_extension_set_t *set)
{
    int is_signed = *arg == '+' || *arg == '-';
    const smtp_extension_t *row;

    *set = 0;
    if (!is_signed && strcasecmp(arg, "All") == 0) {
        *set = SMTPD_CONF_EXTENSIONS;
        return 1;
    }
    if (!is_signed && strcasecmp(arg, "None") == 0) {
        return 1;
    }
    row = smtp_extension_find(arg + is_signed, strlen(arg + is_signed));
    if (row != NULL) {
        *set = row->bit & SMTPD_CONF_EXTENSIONS;
    }
    return *set != 0;
}

static const char *keyword_of(smtp_extension_set_t bit)
{
    const smtp_extension_t *row = smtp_extension_table;

    while (row->bit != bit) {
        row++;
    }
    return row->keyword;
}

const char *smtpd_conf_extensions_fault(apr_pool_t *p,
                                        smtp_extension_set_t on,
                                        smtp_extension_set_t asked)
{
    smtp_extension_set_t lost = asked & on & ~smtp_extension_complete(on);
    smtp_extension_set_t off = SMTPD_CONF_EXTENSIONS & ~on;
    smtp_extension_set_t first, need;

    if (lost == 0) {
        return NULL;
    }
    first = lost & (~lost + 1);
    for (need = 1; need != 0; need <<= 1) {
        if ((need & off) && (smtp_extension_complete(first | need) & first)) {
            break;
        }
    }
    ap_assert(need != 0);
    return apr_psprintf(p, "%s cannot be offered without %s; switch both on, "
                        "or both off", keyword_of(first), keyword_of(need));
}

/** A message when an extension in @a asked rests on one that is not @a on. */
static const char *lost_fault(cmd_parms *cmd, smtp_extension_set_t on,
                              smtp_extension_set_t asked)
{
    const char *fault = smtpd_conf_extensions_fault(cmd->pool, on, asked);

    return fault == NULL ? NULL
                         : smtp_config_fault(cmd, cmd->directive->args, fault);
}

/** SMTPExtensions A B: these and no others. */
static const char *extensions_replace(cmd_parms *cmd, smtpd_conf_t *conf,
                                      smtp_extension_set_t on)
{
    conf->extensions_set = SMTPD_CONF_EXTENSIONS;
    conf->extensions_off = SMTPD_CONF_EXTENSIONS & ~on;
    return lost_fault(cmd, on, on);
}

/** SMTPExtensions +A -B: changes what is inherited. Without B go those that
 *  rest on it, unless the same line asks for them. */
static const char *extensions_change(cmd_parms *cmd, smtpd_conf_t *conf,
                                     smtp_extension_set_t on,
                                     smtp_extension_set_t off)
{
    smtp_extension_set_t left = SMTPD_CONF_EXTENSIONS & ~off;

    off = (SMTPD_CONF_EXTENSIONS & ~smtp_extension_complete(left)) & ~on;
    conf->extensions_off = (conf->extensions_off & ~on) | off;
    conf->extensions_set |= on | off;
    return lost_fault(cmd, left, on);
}

/* As httpd's Options: all arguments are signed, or none is. */
const char *smtpd_conf_extensions_set(cmd_parms *cmd, void *dir, int argc,
                                      char *const argv[])
{
    smtpd_conf_t *conf = smtpd_conf_get(cmd->server);
    const char *fault = context_fault(cmd);
    smtp_extension_set_t set, on = 0, off = 0;
    int i, is_signed = 0;

    for (i = 0; fault == NULL && i < argc; i++) {
        is_signed += *argv[i] == '+' || *argv[i] == '-';
        if (!extension_parse(argv[i], &set)) {
            fault = smtp_config_fault(cmd, argv[i],
                                      apr_pstrcat(cmd->pool, "is no extension "
                                                  "that can be switched; "
                                                  "known are ",
                                                  keywords_write(cmd->pool),
                                                  NULL));
        }
        *(*argv[i] == '-' ? &off : &on) |= set;
    }
    if (fault != NULL) {
        return fault;
    }
    if (argc == 0 || (is_signed != 0 && is_signed != argc)) {
        return smtp_config_fault(cmd, cmd->directive->args, "give keywords, "
                                 "either all with + or -, or none of them");
    }
    if (on & off) {
        return smtp_config_fault(cmd, cmd->directive->args, "names a keyword "
                                 "with + and with -; take one away");
    }
    return is_signed ? extensions_change(cmd, conf, on, off)
                     : extensions_replace(cmd, conf, on);
}
