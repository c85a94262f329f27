/*
 * "tasuki check": says what a start with these options would do, and does nothing of it.
 */
#ifndef CHECK_H
#define CHECK_H

#include "options.h"

/* Prints what would be done. Returns the exit status: 0, or 2 when a variable makes no sense. */
int check_service(const struct options *options);

#endif
