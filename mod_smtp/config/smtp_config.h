/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_config.h
 * What the directives of all our modules have in common: how a value is read,
 * how a wrong one is told of, and sections of our own. Functions return NULL,
 * or a message in the pool of the command that names directive, value and
 * remedy, as httpd prints it.
 */
#ifndef SMTP_CONFIG_H
#define SMTP_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/** DIRECTIVE "value": fault. */
const char *smtp_config_fault(const cmd_parms *cmd, const char *value,
                              const char *fault);

/**
 * Reads a whole number.
 * @param zero    what 0 means where it is below @a min; NULL: it is wrong
 * @param number  out: untouched when something is wrong
 */
const char *smtp_config_number_read(const cmd_parms *cmd, const char *arg,
                                    int min, int max, const char *zero,
                                    int *number);

/** A word that a directive takes. */
typedef struct smtp_config_word_t {
    const char *directive;
    const char *word;
    int value;
} smtp_config_word_t;

/**
 * Reads a word, in any case of letters.
 * @param words  those of many directives; ends with a row without directive
 * @param value  out: untouched when something is wrong
 */
const char *smtp_config_word_read(const cmd_parms *cmd,
                                  const smtp_config_word_t *words,
                                  const char *arg, int *value);

/**
 * Reads 1*DIGIT [K | M | G], in octets.
 * @param octets  out: untouched when it is something else
 * @return whether it is that, from @a min to @a max
 */
int smtp_config_size_parse(const char *arg, apr_off_t min, apr_off_t max,
                           apr_off_t *octets);

/** The arguments of a section, without the closing ">".
 *  @param args  out: NULL when that is missing */
const char *smtp_config_section_args(const cmd_parms *cmd, const char *arg,
                                     const char **args);

/**
 * Reads the directives from @a first on into a new per-directory
 * configuration.
 * @param allowed  OR_* and others: which directives may stand there
 * @param module   whose section it is
 */
const char *smtp_config_section_walk(cmd_parms *cmd, ap_directive_t *first,
                                     int allowed, module *module,
                                     ap_conf_vector_t **dir_conf);

#endif
