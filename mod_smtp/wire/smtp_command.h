/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_command.h
 * A command line taken apart (RFC 5321 4.1.1). Pure: any thread.
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include <apr_pools.h>

#include "smtp_address.h"
#include "smtp_verb.h"

/** RFC 5321 4.5.3.1.4: command line, CRLF included, without extensions. */
#define SMTP_COMMAND_MAX_OCTETS 512

/** A command. The strings point into the line that was parsed and do not end
 *  in NUL. */
typedef struct smtp_command_t {
    smtp_verb_e verb;
    const char *word;            /**< the verb as it came */
    apr_size_t word_len;
    /** What follows the verb, blanks at both ends taken away; arg_len is 0
     *  if nothing does. For MAIL and RCPT: what follows FROM: or TO:. */
    const char *arg;
    apr_size_t arg_len;
    /** MAIL or RCPT whose FROM: or TO: is missing (501 5.5.4). A blank
     *  behind the colon is forgiven. */
    unsigned int is_malformed : 1;
} smtp_command_t;

/** Takes @a line (without CRLF) apart. Never fails: a line that is no
 *  command has verb SMTP_VERB_UNKNOWN. */
void smtp_command_parse(const char *line, apr_size_t len,
                        smtp_command_t *command);

typedef enum {
    SMTP_BDAT_OK = 0,
    SMTP_BDAT_SYNTAX             /**< 501 5.5.4 */
} smtp_bdat_status_e;

/** The argument of BDAT (RFC 3030 2): chunk-size [SP "LAST"]. A size beyond
 *  2^63-1 is a syntax error: such a chunk could not be consumed. */
smtp_bdat_status_e smtp_command_parse_bdat(const char *arg, apr_size_t len,
                                           apr_off_t *size_octets,
                                           int *is_last);

#endif
