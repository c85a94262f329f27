/* What the system says about a process, by its pid. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether a child has ended; it is not reaped. */
bool process_has_ended(pid_t child);

/* Whether it sleeps, waiting for something to happen. */
bool process_is_asleep(pid_t pid);

/* The number after "KEY:" in /proc/PID/FILE, -1 if there is none. */
long process_number(pid_t pid, const char *file, const char *key);

#endif
