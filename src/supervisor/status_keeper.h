/*
 * The status keeper says in the status file which generations are running. A text that could not be
 * written (the disk is full, the directory is gone) is an error once, and is tried again until it
 * can be.
 */
#ifndef STATUS_KEEPER_H
#define STATUS_KEEPER_H

#include "lifecycle.h"
#include "status_file.h"

#include <ev.h>

/* All of it is the owner's and outlives the keeper. */
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

/* Writes what the lifecycle knows now. */
void status_keeper_publish(struct status_keeper *keeper);

void status_keeper_close(struct status_keeper *keeper);

#endif
