/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_tsan.h
 * Tells ThreadSanitizer of hand-overs between threads that httpd makes by
 * atomics in code that was not built with it: the pool of a connection that
 * ended goes to the next connection. Nothing in other builds.
 */
#ifndef SMTPD_TSAN_H
#define SMTPD_TSAN_H

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
/** This thread is done with all that @a object stands for. */
#define SMTPD_TSAN_RELEASE(object) __tsan_release(object)
/** What others did to it before their release has happened. */
#define SMTPD_TSAN_ACQUIRE(object) __tsan_acquire(object)
#else
#define SMTPD_TSAN_RELEASE(object) ((void)(object))
#define SMTPD_TSAN_ACQUIRE(object) ((void)(object))
#endif

#endif
