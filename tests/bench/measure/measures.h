/*
 * The measures: each runs all programs in turns, so that what the machine does meanwhile befalls
 * them alike, and prints a line a program. They judge nothing.
 */
#ifndef BENCH_MEASURES_H
#define BENCH_MEASURES_H

#include "run.h"

enum { MAX_PROGRAMS = 8 };

struct contest {
    struct program programs[MAX_PROGRAMS];
    size_t count;
    const char *worker;
};

/* From before the fork of the program to the worker's first instruction, and to its main. */
void measure_starts(const struct contest *contest, int listeners, size_t rounds);

/* From HUP to the new worker's first instruction, to its main, and to the old worker's signal. */
void measure_hups(const struct contest *contest, int listeners, size_t rounds);

/* Resident and private memory at rest, after a first deploy. */
void measure_memory(const struct contest *contest, int listeners, size_t rounds);

/* Wake-ups at rest, after a first deploy, of all programs in the same seconds. */
void measure_wakeups(const struct contest *contest, int listeners, int rest_ms);

#endif
