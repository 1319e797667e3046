/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_takes.h
 * What other modules ask the queue: whether it takes a recipient, and whether
 * SMTPDeliver names something that it can send to.
 */
#ifndef QUEUE_TAKES_H
#define QUEUE_TAKES_H

#include "smtp_queue.h"

/** Offers smtp_queue_takes and smtp_queue_target_fault (smtp_queue.h) to
 *  others; when hooks are registered. */
void queue_takes_register(void);

#endif
