/*
 * The limit of open files (RLIMIT_NOFILE): the supervisor raises its own soft limit as far as it
 * may, and what it starts gets back the limit that the supervisor was started with. It owns that
 * one number.
 */
#ifndef OPEN_FILES_H
#define OPEN_FILES_H

#include "error.h"

#include <stddef.h>
#include <sys/resource.h>

/* Raises the soft limit to the hard one, and remembers what it was. */
void open_files_raise(void);

/* In the child, by system calls alone: gives the limit back, but room for descriptors up to
   `highest` and some more. Returns 0 or -1 with errno. */
int open_files_restore(int highest);

/* Whether so many listeners can fit the limit. Returns 0, or -1 with both numbers in `error`. */
int open_files_check(size_t listeners, struct error *error);

/* strerror(3) for a call that makes a descriptor: EMFILE with the limit. Good until the next call.
 */
const char *open_files_reason(int reason);

#endif
