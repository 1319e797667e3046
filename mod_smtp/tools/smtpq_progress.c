/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_progress.h"

#define BEGIN  apr_time_from_msec(500)  /* nobody wonders before */
#define AGAIN  apr_time_from_msec(100)
#define BAR_MAX 40

struct smtpq_progress_t {
    FILE *out;
    int width;
    apr_time_t next;             /**< it is drawn then at the earliest */
    int is_shown;
};

smtpq_progress_t *smtpq_progress_create(apr_pool_t *p, FILE *out, int width,
                                        apr_time_t now)
{
    smtpq_progress_t *progress = apr_pcalloc(p, sizeof(*progress));

    progress->out = out;
    progress->width = width;
    progress->next = now + BEGIN;
    return progress;
}

static void bar_draw(smtpq_progress_t *progress, apr_int64_t done,
                     apr_int64_t all)
{
    int room = progress->width - 48;
    int bar = room > BAR_MAX ? BAR_MAX : room, i;

    putc('\r', progress->out);
    if (bar > 4 && all > 0) {
        putc('[', progress->out);
        for (i = 0; i < bar; i++) {
            putc(i < bar * done / all ? '#' : ' ', progress->out);
        }
        fputs("] ", progress->out);
    }
    fprintf(progress->out, "%" APR_INT64_T_FMT, done);
    if (all > 0) {
        fprintf(progress->out, " of %" APR_INT64_T_FMT, all);
    }
    fputs("\x1b[K", progress->out);
    fflush(progress->out);
}

void smtpq_progress_show(smtpq_progress_t *progress, apr_int64_t done,
                         apr_int64_t all, apr_time_t now)
{
    if (progress->width == 0 || now < progress->next) {
        return;
    }
    progress->next = now + AGAIN;
    progress->is_shown = 1;
    bar_draw(progress, done < all || all == 0 ? done : all, all);
}

void smtpq_progress_clear(smtpq_progress_t *progress)
{
    if (progress->is_shown) {
        fputs("\r\x1b[K", progress->out);
        fflush(progress->out);
        progress->is_shown = 0;
    }
}
