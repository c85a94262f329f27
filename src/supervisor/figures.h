/*
 * Figures are measurements of the running service: the queues of its listeners, and the connections
 * and memory of its generations. A helper process measures, because a thousand listeners take long
 * and a hung process can block its observer. One measurement answers all clients that ask
 * meanwhile; what it does not find in time is unknown.
 */
#ifndef FIGURES_H
#define FIGURES_H

#include "aside.h"
#include "lifecycle.h"
#include "observation.h"
#include "release.h"

#include <stdbool.h>

struct generation_figures {
    uint64_t number;
    pid_t pid;
    int64_t connections; /* -1: unknown, as is the memory */
    int64_t memory;      /* in bytes */
};

struct figures {
    struct diag_listener *listeners; /* in the order of the release that was measured */
    size_t listener_count;
    struct generation_figures *generations;
    size_t generation_count;
};

struct measurement {
    struct ev_loop *loop;
    void (*on_end)(void *context, const struct figures *figures);
    void *context;
    struct aside aside;
    struct figures *figures; /* shared with the process; NULL: none is under way */
    size_t size;             /* of what is shared */
    bool was_slow;           /* the last one did not end in time: the next gets less of it */
};

/* `on_end` is called at the end of each measurement; `figures` are NULL where there is no memory
   for them. */
void measurement_init(struct measurement *measurement, struct ev_loop *loop,
                      void (*on_end)(void *context, const struct figures *figures), void *context);

/* Starts a measurement, unless one is running. If no process can be started, calls on_end at once;
   then what only a process may measure is unknown. */
void measurement_begin(struct measurement *measurement, const struct listener_set *listeners,
                       const struct lifecycle *lifecycle);

/* Ends a running measurement without on_end. */
void measurement_cancel(struct measurement *measurement);

/* What is known of the listener with that descriptor at that place of the release, and of a
   generation; all unknown where it was not measured. */
struct diag_listener figures_of_listener(const struct figures *figures, size_t place, int fd);
struct generation_figures figures_of_generation(const struct figures *figures, uint64_t number);

#endif
