/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_table.h"

#include <apr_strings.h>
#include <apr_tables.h>

#include "smtpq_text.h"

#define GAP 2                    /* blanks between columns */
#define COLUMN_MIN 4             /* a column that is cut shows that much */

struct smtpq_table_t {
    apr_pool_t *p;
    apr_pool_t *row_p;           /**< of one row, behind the sample */
    FILE *out;
    const smtpq_column_t *columns;
    int count;
    int width;
    int utf8;
    apr_array_header_t *rows;    /**< const char *const *; NULL: the widths
                                      are decided */
    int widths[SMTPQ_TABLE_COLUMNS_MAX];
};

smtpq_table_t *smtpq_table_create(apr_pool_t *p, FILE *out,
                                  const smtpq_column_t *columns, int count,
                                  int width, int utf8)
{
    smtpq_table_t *table = apr_pcalloc(p, sizeof(*table));

    table->p = p;
    apr_pool_create(&table->row_p, p);
    table->out = out;
    table->columns = columns;
    table->count = count;
    table->width = width;
    table->utf8 = utf8;
    table->rows = apr_array_make(p, 64, sizeof(const char *const *));
    return table;
}

apr_pool_t *smtpq_table_pool(smtpq_table_t *table)
{
    if (table->rows != NULL) {
        return table->p;
    }
    apr_pool_clear(table->row_p);
    return table->row_p;
}

/* How wide. */

static void width_widen(smtpq_table_t *table, int column, const char *cell)
{
    int columns = smtpq_text_columns(cell, table->utf8);

    if (columns > table->widths[column]) {
        table->widths[column] = columns;
    }
}

static void widths_measure(smtpq_table_t *table)
{
    int row, column;

    for (column = 0; column < table->count; column++) {
        width_widen(table, column, table->columns[column].title);
    }
    for (row = 0; row < table->rows->nelts; row++) {
        const char *const *cells = APR_ARRAY_IDX(table->rows, row,
                                                 const char *const *);

        for (column = 0; column < table->count; column++) {
            width_widen(table, column, cells[column]);
        }
    }
}

/** Columns that may be cut get their share of what the others leave; what one
 *  does not need is for those behind it. */
static void widths_share(smtpq_table_t *table)
{
    int left = table->width - GAP * (table->count - 1), shares = 0, i;

    for (i = 0; i < table->count; i++) {
        shares += (int)table->columns[i].share;
        left -= table->columns[i].share ? 0 : table->widths[i];
    }
    for (i = 0; i < table->count; i++) {
        int share = (int)table->columns[i].share;
        int most = share ? left * share / shares : table->widths[i];

        if (share && most < COLUMN_MIN) {
            most = COLUMN_MIN;
        }
        if (share && table->widths[i] > most) {
            table->widths[i] = most;
        }
        shares -= share;
        left -= share ? table->widths[i] : 0;
    }
}

/* Printing. */

static void blanks_print(smtpq_table_t *table, int count)
{
    fprintf(table->out, "%*s", count > 0 ? count : 0, "");
}

static void cell_print(smtpq_table_t *table, int column, const char *cell,
                       int is_last)
{
    int width = table->widths[column], blanks;

    if (table->width > 0 && table->columns[column].share) {
        cell = smtpq_text_cut(table->row_p, cell, width, table->utf8);
    }
    blanks = width - smtpq_text_columns(cell, table->utf8);
    if (table->columns[column].is_right) {
        blanks_print(table, blanks);
    }
    fputs(cell, table->out);
    if (!is_last) {
        blanks_print(table, GAP + (table->columns[column].is_right ? 0
                                                                   : blanks));
    }
}

static void row_print(smtpq_table_t *table, const char *const *cells)
{
    int column, last = table->count - 1;

    while (last > 0 && *cells[last] == '\0') {
        last--;
    }
    for (column = 0; column <= last; column++) {
        cell_print(table, column, cells[column], column == last);
    }
    putc('\n', table->out);
}

static void titles_print(smtpq_table_t *table)
{
    const char *titles[SMTPQ_TABLE_COLUMNS_MAX];
    int column;

    for (column = 0; column < table->count; column++) {
        titles[column] = table->columns[column].title;
    }
    row_print(table, titles);
}

/** The sample is complete. */
static void sample_print(smtpq_table_t *table)
{
    int row;

    widths_measure(table);
    if (table->width > 0) {
        widths_share(table);
    }
    titles_print(table);
    for (row = 0; row < table->rows->nelts; row++) {
        row_print(table, APR_ARRAY_IDX(table->rows, row,
                                       const char *const *));
        apr_pool_clear(table->row_p);
    }
    table->rows = NULL;
}

void smtpq_table_row(smtpq_table_t *table, const char *const *cells)
{
    if (table->rows == NULL) {
        row_print(table, cells);
        return;
    }
    APR_ARRAY_PUSH(table->rows, const char *const *) =
        apr_pmemdup(table->p, cells, table->count * sizeof(*cells));
    if (table->rows->nelts == SMTPQ_TABLE_SAMPLE) {
        sample_print(table);
    }
}

void smtpq_table_end(smtpq_table_t *table)
{
    if (table->rows != NULL && table->rows->nelts > 0) {
        sample_print(table);
    }
    fflush(table->out);
}
