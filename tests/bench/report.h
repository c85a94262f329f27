/*
 * What a benchmark's worker tells the benchmark: one datagram a report, on the unix socket that
 * BENCH_SOCKET names. An inherited descriptor would not do, since supervisors differ in which
 * descriptors they leave open.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdint.h>
#include <sys/types.h>

#define BENCH_SOCKET "BENCH_SOCKET"

enum bench_event {
    BENCH_STARTED,   /* the worker's main began */
    BENCH_SIGNALLED, /* SIGTERM reached the worker */
};

struct bench_report {
    enum bench_event event;
    pid_t worker;
    pid_t supervisor;   /* the worker's parent: tells whose report this is */
    int64_t at_ns;      /* when it happened, not when it was reported */
    int64_t entered_ns; /* when the worker's first instruction ran; 0: not known here */
};

#endif
