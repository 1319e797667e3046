/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_table.h
 * A table for people: columns are as wide as the first rows need, and cut
 * where the terminal ends. Long tables are printed as they come.
 */
#ifndef SMTPQ_TABLE_H
#define SMTPQ_TABLE_H

#include <stdio.h>

#include <apr_pools.h>

#define SMTPQ_TABLE_COLUMNS_MAX 16

/** Rows that decide how wide columns are. */
#define SMTPQ_TABLE_SAMPLE 1000

typedef struct smtpq_column_t {
    const char *title;
    unsigned int is_right : 1;   /**< numbers */
    /** Where columns do not fit, those with a share are cut, each to its part
     *  of what is left by the others; 0: it stays whole. */
    unsigned int share;
} smtpq_column_t;

typedef struct smtpq_table_t smtpq_table_t;

/** @param columns  kept
 *  @param width    columns of the terminal; 0: nothing is cut */
smtpq_table_t *smtpq_table_create(apr_pool_t *p, FILE *out,
                                  const smtpq_column_t *columns, int count,
                                  int width, int utf8);

/** A pool for the cells of the next row. */
apr_pool_t *smtpq_table_pool(smtpq_table_t *table);

/** A row. @param cells  safe to print; of smtpq_table_pool(), or for ever */
void smtpq_table_row(smtpq_table_t *table, const char *const *cells);

/** What was not printed yet. A table without rows prints nothing. */
void smtpq_table_end(smtpq_table_t *table);

#endif
