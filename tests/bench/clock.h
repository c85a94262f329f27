/* The clock that the benchmark and its worker read. CLOCK_MONOTONIC is the same for all processes,
   so that times from two of them can be subtracted. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t bench_to_ns(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static inline int64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return bench_to_ns(&now);
}

static inline void bench_sleep_ms(int duration_ms)
{
    const struct timespec duration = {.tv_sec = duration_ms / 1000,
                                      .tv_nsec = (long)(duration_ms % 1000) * 1000000};
    nanosleep(&duration, NULL);
}

#endif
