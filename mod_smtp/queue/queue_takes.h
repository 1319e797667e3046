/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_takes.h
 * What other modules ask the queue: whether it takes a recipient, whether
 * SMTPDeliver names something that it can send to, and that it try something
 * now.
 */
#ifndef QUEUE_TAKES_H
#define QUEUE_TAKES_H

#include "smtp_queue.h"

/** Offers what smtp_queue.h tells of to others; when hooks are registered. */
void queue_takes_register(void);

#endif
