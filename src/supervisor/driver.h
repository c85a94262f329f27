/*
 * The driver runs the lifecycle: it owns the model, the timer and the queue of events. It hands the
 * actions of an event to the owner one by one. Events that the owner posts meanwhile wait in the
 * queue, so no function is called from inside itself. Deaths are handled before any event: a dead
 * worker is not ready, and no other worker is stopped for it. The driver decides nothing and knows
 * no workers.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include "lifecycle.h"

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

struct driver;

/* The owner of the driver owns all of these; they outlive the driver. */
struct driver_setup {
    struct ev_loop *loop;
    struct lifecycle_settings settings; /* of the first generation */
    /* Does what the lifecycle wants done. What answers it is posted, now or later. */
    void (*carry_out)(void *context, const struct lifecycle_action *action);
    /* A child has ended and is not reaped yet: its process group is still its own. */
    void (*on_ended)(void *context, pid_t pid);
    /* It has been reaped. A worker's end is posted from here, as EVENT_EXITED. */
    void (*on_reaped)(void *context, pid_t pid, int status);
    void *context;
};

/* There is one driver in a process, and it is there for as long as that. */
struct driver *driver_new(const struct driver_setup *setup);

/* What the lifecycle knows. Changes with each event. */
const struct lifecycle *driver_lifecycle(const struct driver *driver);

/* Takes in whatever has died, then the event and all that follows from it. What is posted from
   inside carry_out waits for its turn, and what is posted while deaths are taken in, but for
   EVENT_EXITED and the EVENT_SPAWNED of one that has ended already, until everything is reaped. */
void driver_post(struct driver *driver, const struct lifecycle_event *event);

/* Reaps all children that have ended: one SIGCHLD may stand for many. */
void driver_reap(struct driver *driver);

#endif
