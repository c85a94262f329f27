// What a benchmark's worker tells the benchmark, and the clock that both read.
//
// One datagram a report, on the unix socket that BENCH_SOCKET names: an inherited descriptor would
// not do, since supervisors differ in which descriptors they leave open.
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define BENCH_SOCKET "BENCH_SOCKET"

enum bench_event {
    BENCH_STARTED,   // the worker's main began
    BENCH_SIGNALLED, // SIGTERM reached the worker
};

struct bench_report {
    enum bench_event event;
    pid_t worker;
    pid_t supervisor; // the worker's parent: tells whose report this is
    int64_t at_ns;    // when it happened, not when it was reported
};

// CLOCK_MONOTONIC is the same for all processes, so that times from two of them can be subtracted.
static inline int64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
