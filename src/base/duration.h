/*
 * A duration as people write it: seconds, with a fraction or a unit if they like
 * (5, 0.2, 300ms, 2m, 1h). Held as whole milliseconds.
 */
#ifndef DURATION_H
#define DURATION_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

/* The longest duration that is taken: a year. */
#define DURATION_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

/* Parses `text` into milliseconds, rounded to the nearest; a duration above zero is never rounded
   to zero. Returns 0, or -1 with what was expected in `error`. */
int duration_parse(const char *text, int64_t *milliseconds, struct error *error);

/* Writes a duration for people, such as "5 s" or "300 ms", into `buffer`; returns it. */
const char *duration_format(int64_t milliseconds, char *buffer, size_t size);

#endif
