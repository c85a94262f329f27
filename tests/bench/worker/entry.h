/*
 * The worker's first instruction, before its C library's: what a supervisor has to do ends there,
 * and what the worker needs to reach its main begins.
 */
#ifndef BENCH_ENTRY_H
#define BENCH_ENTRY_H

#include <time.h>

/* When the first instruction ran, by CLOCK_MONOTONIC; zero where the program's entry is the C
   library's own. */
extern struct timespec bench_entered;

#endif
