/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_dsn_text.h
 * The part of a DSN that people read, by a template of the administrator
 * (SMTPDSNTemplate). Pure: any thread.
 *
 * A template is text in UTF-8, in lines that end in LF. Its first line may be
 * "Subject: ...", with an empty line behind it. %{name} stands for what the
 * manual lists, %% for a percent sign. A paragraph that names something of a
 * recipient stands there for each recipient; a line whose names all stand for
 * nothing is left out.
 */
#ifndef QUEUE_DSN_TEXT_H
#define QUEUE_DSN_TEXT_H

#include "smtp_report.h"

/** @return NULL, or what is wrong in @a text and what there is, in @a p */
const char *queue_dsn_text_check(apr_pool_t *p, const char *text);

/** Sets subject and text of @a report, all of which but those is set; in
 *  @a p. @param id  queue id of the mail that it is about */
void queue_dsn_text_write(apr_pool_t *p, const char *text, const char *id,
                          smtp_report_t *report);

#endif
