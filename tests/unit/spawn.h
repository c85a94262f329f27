/*
 * Starts a worker and waits for the outcome of that, as a test may.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include "worker.h"

static inline pid_t worker_spawn(const struct worker_command *command,
                                 struct worker_failure *failure)
{
    struct worker_start *start = worker_begin(command, failure);
    if (start == NULL) {
        return -1;
    }
    if (worker_await(start, 10000)) {
        return worker_finish(start, failure);
    }
    worker_abandon(start);
    error_set(&failure->error, "it hangs");
    return -1;
}

#endif
