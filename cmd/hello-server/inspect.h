/*
 * For tests only; a server of your own does not need this file. It keeps what the process was
 * started with, so that a test can ask a running worker what its supervisor gave it:
 *
 *     /environ  its environment, one NAME=VALUE a line
 *     /fds      its open descriptors, one "NUMBER WHAT" a line, WHAT as in /proc/self/fd
 *     /signals  the lines SigBlk and SigIgn of /proc/self/status, which proc(5) explains
 */
#ifndef HELLO_INSPECT_H
#define HELLO_INSPECT_H

#include "text.h"

/* Takes the record. Call it first in main(), before anything else is opened or changed. */
void inspect_take(void);

/* Returns the page for TARGET; its data is NULL if TARGET is none of the above. */
struct text inspect_page(struct text target);

/* Frees the record. */
void inspect_free(void);

#endif
