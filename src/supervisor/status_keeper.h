/*
 * The status keeper writes the running generations to the status file. If that fails (full disk, no
 * directory), it logs one error and retries until it succeeds.
 */
#ifndef STATUS_KEEPER_H
#define STATUS_KEEPER_H

#include "lifecycle.h"
#include "status_file.h"

#include <ev.h>

/* The owner owns all of these; they outlive the keeper. */
struct status_keeper_setup {
    struct ev_loop *loop;
    const struct lifecycle *lifecycle;
    struct status_file *file;
};

struct status_keeper {
    struct status_keeper_setup setup;
    ev_timer retry;
    double retry_seconds;
};

void status_keeper_init(struct status_keeper *keeper, const struct status_keeper_setup *setup);

/* Writes the current state of the lifecycle. */
void status_keeper_publish(struct status_keeper *keeper);

void status_keeper_close(struct status_keeper *keeper);

#endif
