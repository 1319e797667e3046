/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_dot.h"

#include <string.h>

#include "smtp_chars.h"

/*
 * One engine does all four passes: DATA (dots taken out), BDAT (dots are
 * nothing special), the client's DATA (dots put in) and, for each, the
 * mending of bare CR and LF.
 *
 * Octets that leave as they came are never copied nor looked at one by one:
 * they gather in a run, over as many lines as it may be, and the run is
 * given to the sink when something has to be changed or the input ends.
 */

/** Where in a line we are. The first value is where every object begins: the
 *  CRLF of the command DATA counts as the one before the first line (RFC 5321
 *  4.1.1.4), so "." CRLF alone is an empty mail. */
typedef enum {
    STATE_LINE = 0,     /* after CRLF: the only place where data may end */
    STATE_MENDED,       /* after what was made CRLF: a line, but no end */
    STATE_TEXT,         /* within a line */
    STATE_TEXT_CR,      /* the same; a CR is held back until its LF is seen */
    STATE_DOT,          /* a dot after CRLF was taken out */
    STATE_DOT_CR        /* the same; a CR is held back */
} dot_state_e;

typedef enum { DOTS_KEEP, DOTS_REMOVE, DOTS_STUFF } dots_e;

/** A pass over one piece of input. */
typedef struct dot_pass_t {
    smtp_dot_t *dot;
    dots_e dots;
    const char *run;    /* octets from here to cur are not yet given away */
    const char *cur;
    const char *end;
    int done;
    apr_status_t rv;    /* of the sink; after a failure it is called no more */
    smtp_dot_sink_fn sink;
    void *ctx;
} dot_pass_t;

static void give(dot_pass_t *pass, const char *octets, apr_size_t len)
{
    if (len > 0 && pass->rv == APR_SUCCESS) {
        pass->rv = pass->sink(pass->ctx, octets, len);
    }
}

/** Gives the run away; the next one begins @a skip octets after cur, which
 *  are left out. */
static void run_give(dot_pass_t *pass, apr_size_t skip)
{
    smtp_dot_t *dot = pass->dot;
    apr_size_t len = pass->cur - pass->run;

    if (len > 0) {
        if (!(dot->faults & SMTP_DOT_NUL) && memchr(pass->run, '\0', len)) {
            dot->faults |= SMTP_DOT_NUL;
        }
        if (!dot->has_8bit) {
            dot->has_8bit = smtp_chars_has_8bit(pass->run, len);
        }
        give(pass, pass->run, len);
    }
    pass->cur += skip;
    pass->run = pass->cur;
}

/** @a octets more belong to the current line. */
static void line_grow(smtp_dot_t *dot, apr_size_t octets)
{
    dot->line_octets += octets;
    if (dot->max_line_octets && dot->line_octets > dot->max_line_octets) {
        dot->faults |= SMTP_DOT_LONG_LINE;
    }
}

static void line_end(smtp_dot_t *dot, dot_state_e next)
{
    line_grow(dot, 2);
    dot->line_octets = 0;
    dot->state = next;
}

/** A bare CR or LF at cur: a CRLF stands in for it. */
static void bare_mend(dot_pass_t *pass)
{
    run_give(pass, 1);
    give(pass, "\r\n", 2);
    line_end(pass->dot, STATE_MENDED);
}

/** A bare CR or LF at cur: mended, or noted and left where it is. */
static void bare_judge(dot_pass_t *pass, unsigned int fault)
{
    if (pass->dot->normalise) {
        bare_mend(pass);
        return;
    }
    pass->dot->faults |= fault;
    pass->dot->state = STATE_TEXT;
    line_grow(pass->dot, 1);
    pass->cur++;
}

/**
 * The dot at cur begins a line. After CRLF it may be the end. After a mended
 * end of line it was stuffed as any other, but it cannot end the data: else
 * LF "." CRLF would, by which mail was smuggled in 2023.
 */
static void dot_begin(dot_pass_t *pass)
{
    smtp_dot_t *dot = pass->dot;

    if (pass->dots == DOTS_STUFF) {
        run_give(pass, 0);
        give(pass, ".", 1);
        dot->state = STATE_TEXT;
        return;
    }
    run_give(pass, 1);
    dot->state = dot->state == STATE_LINE ? STATE_DOT : STATE_TEXT;
}

/** Text from cur up to @a stop, in which a bare CR may stand. Returns with
 *  cur at @a stop, or earlier where a bare CR was mended. */
static void text_pass(dot_pass_t *pass, const char *stop)
{
    smtp_dot_t *dot = pass->dot;
    const char *cr;

    while (pass->cur < stop) {
        cr = memchr(pass->cur, '\r', stop - pass->cur);
        dot->state = STATE_TEXT;
        line_grow(dot, (cr ? cr : stop) - pass->cur);
        pass->cur = cr ? cr : stop;
        if (cr) {
            bare_judge(pass, SMTP_DOT_BARE_CR);
            if (dot->state == STATE_MENDED) {
                return;
            }
        }
    }
}

/** Whether the octet at cur is a dot that begins a line. */
static int is_line_dot(const dot_pass_t *pass)
{
    return *pass->cur == '.' && pass->dots != DOTS_KEEP
           && (pass->dot->state == STATE_LINE
               || pass->dot->state == STATE_MENDED);
}

/** What ends at the LF at cur: cur stands on it, or on the CR before. */
static void lf_pass(dot_pass_t *pass)
{
    if (*pass->cur == '\n') {
        bare_judge(pass, SMTP_DOT_BARE_LF);
        return;
    }
    pass->cur += 2;
    line_end(pass->dot, STATE_LINE);
}

/** The last octet of the input is a CR: whether it is bare is seen next
 *  time. */
static void cr_hold(dot_pass_t *pass)
{
    run_give(pass, 1);
    pass->dot->state = STATE_TEXT_CR;
}

/**
 * From cur to the next LF or the end of the input, a CR at its end apart.
 * The LF is looked for once, whatever stands before it: input made of bare
 * CRs alone costs no more than text.
 */
static void segment_pass(dot_pass_t *pass)
{
    apr_size_t len = pass->end - pass->cur;
    const char *lf = memchr(pass->cur, '\n', len);
    const char *stop = lf ? lf : pass->end;

    if (stop > pass->cur && stop[-1] == '\r') {
        stop--;
    }
    while (pass->cur < stop) {
        if (is_line_dot(pass)) {
            dot_begin(pass);
            if (pass->dot->state == STATE_DOT) {
                return;
            }
        }
        text_pass(pass, stop);
    }
    if (lf) {
        lf_pass(pass);
    }
    else if (stop < pass->end) {
        cr_hold(pass);
    }
}

/** The octet after a CR that was held back. */
static void text_cr_pass(dot_pass_t *pass)
{
    smtp_dot_t *dot = pass->dot;

    if (*pass->cur == '\n') {
        give(pass, "\r\n", 2);
        line_end(dot, STATE_LINE);
        run_give(pass, 1);
    }
    else if (dot->normalise) {
        give(pass, "\r\n", 2);
        line_end(dot, STATE_MENDED);
    }
    else {
        give(pass, "\r", 1);
        dot->faults |= SMTP_DOT_BARE_CR;
        line_grow(dot, 1);
        dot->state = STATE_TEXT;
    }
}

/** The octet after a dot that began a line, or after that dot and CR. If
 *  this is not the end, the dot is gone and the octet is text. */
static void dot_continue(dot_pass_t *pass)
{
    smtp_dot_t *dot = pass->dot;

    if (dot->state == STATE_DOT) {
        dot->state = *pass->cur == '\r' ? STATE_DOT_CR : STATE_TEXT;
        if (dot->state == STATE_DOT_CR) {
            run_give(pass, 1);
        }
    }
    else if (*pass->cur == '\n') {
        run_give(pass, 1);
        dot->state = STATE_LINE;
        pass->done = 1;
    }
    else {
        dot->state = STATE_TEXT_CR;
    }
}

static apr_status_t input_pass(dot_pass_t *pass)
{
    while (pass->cur < pass->end && !pass->done
           && pass->rv == APR_SUCCESS) {
        switch (pass->dot->state) {
        case STATE_TEXT_CR:
            text_cr_pass(pass);
            break;
        case STATE_DOT:
        case STATE_DOT_CR:
            dot_continue(pass);
            break;
        default:
            segment_pass(pass);
            break;
        }
    }
    run_give(pass, 0);
    return pass->rv;
}

void smtp_dot_init(smtp_dot_t *dot, apr_size_t max_line_octets, int normalise)
{
    memset(dot, 0, sizeof(*dot));
    dot->state = STATE_LINE;
    dot->max_line_octets = max_line_octets;
    dot->normalise = normalise != 0;
}

apr_status_t smtp_dot_push(smtp_dot_t *dot, const char *data, apr_size_t len,
                           apr_size_t *consumed, int *done,
                           smtp_dot_sink_fn sink, void *ctx)
{
    dot_pass_t pass = { dot, DOTS_REMOVE, data, data, data + len, 0,
                        APR_SUCCESS, sink, ctx };
    apr_status_t rv = input_pass(&pass);

    *consumed = pass.cur - data;
    *done = pass.done;
    return rv;
}

apr_status_t smtp_dot_push_chunk(smtp_dot_t *dot, const char *data,
                                 apr_size_t len, smtp_dot_sink_fn sink,
                                 void *ctx)
{
    dot_pass_t pass = { dot, DOTS_KEEP, data, data, data + len, 0,
                        APR_SUCCESS, sink, ctx };

    return input_pass(&pass);
}

/** Makes of a held CR at the end of all input what a bare CR is made. */
static apr_status_t held_cr_finish(smtp_dot_t *dot, smtp_dot_sink_fn sink,
                                   void *ctx)
{
    /* Any octet but LF tells that the CR was bare; none is taken. */
    dot_pass_t pass = { dot, DOTS_KEEP, "", "", "", 0, APR_SUCCESS, sink,
                        ctx };

    if (dot->state == STATE_TEXT_CR) {
        text_cr_pass(&pass);
    }
    return pass.rv;
}

apr_status_t smtp_dot_finish_chunks(smtp_dot_t *dot, smtp_dot_sink_fn sink,
                                    void *ctx)
{
    return held_cr_finish(dot, sink, ctx);
}

/* The client's side. */

/** The engine with a writer's state: it mends, and looks for nothing. */
static smtp_dot_t writer_dot(const smtp_dot_writer_t *writer)
{
    smtp_dot_t dot;

    smtp_dot_init(&dot, 0, 1);
    dot.state = writer->state;
    dot.faults = SMTP_DOT_NUL;
    dot.has_8bit = 1;
    return dot;
}

void smtp_dot_writer_init(smtp_dot_writer_t *writer)
{
    writer->state = STATE_LINE;
}

apr_status_t smtp_dot_write(smtp_dot_writer_t *writer, const char *octets,
                            apr_size_t len, smtp_dot_sink_fn sink, void *ctx)
{
    smtp_dot_t dot = writer_dot(writer);
    dot_pass_t pass = { &dot, DOTS_STUFF, octets, octets, octets + len, 0,
                        APR_SUCCESS, sink, ctx };
    apr_status_t rv = input_pass(&pass);

    writer->state = dot.state;
    return rv;
}

apr_status_t smtp_dot_write_end(smtp_dot_writer_t *writer,
                                smtp_dot_sink_fn sink, void *ctx)
{
    smtp_dot_t dot = writer_dot(writer);
    apr_status_t rv = held_cr_finish(&dot, sink, ctx);

    if (rv == APR_SUCCESS) {
        rv = dot.state == STATE_TEXT ? sink(ctx, "\r\n.\r\n", 5)
                                     : sink(ctx, ".\r\n", 3);
    }
    writer->state = STATE_LINE;
    return rv;
}
