/*
 * A run is one program with a number of listeners: started, listened to, and ended. It owns the
 * process that it starts and ends it by its pid; should the benchmark die itself, the kernel ends
 * it. All runs share one socket on which their workers report.
 *
 * Whatever goes wrong ends the benchmark, with a word about the program that it went wrong with.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "report.h"

#include <stdbool.h>
#include <stdint.h>

enum { RUN_PATIENCE_MS = 20000 }; /* a bound against hanging; nothing is judged by it */

enum program_kind {
    WRAPPER,    /* PROGRAM WORKER: has no listeners and knows no HUP (bench_floor, tini) */
    HUP_FLOOR,  /* PROGRAM WORKER: knows HUP, and stands in that measure only */
    SUPERVISOR, /* PROGRAM --interval=0 --port=... -- WORKER */
};

struct program {
    const char *name;
    const char *path;
    enum program_kind kind;
};

struct run {
    const struct program *program;
    int listeners; /* 0 for all but a supervisor */
    char **argv;
    pid_t pid;    /* while it runs */
    pid_t worker; /* the newest */
};

/* Makes the socket for the reports, and the log for all output of the programs, in a directory. */
void runs_set_up(const char *directory);

struct run run_make(const struct program *program, int listeners, const char *worker);
void run_free(struct run *run);

void run_start(struct run *run);
/* Ends the program with SIGTERM and waits for its end. */
void run_end(struct run *run);

/* Waits for the next report of this run's worker. Reports of runs that have ended are passed
   over. */
struct bench_report run_next_report(const struct run *run);
/* Waits for the report of the first worker. */
struct bench_report run_await_worker(struct run *run);
/* Waits until the program has nothing to do. */
void run_await_sleep(const struct run *run);
/* Waits until the old worker has been reaped and the program sleeps: only then does the next HUP
   find it as an idle service would be. */
void run_await_rest(const struct run *run, pid_t old_worker);

#endif
