/*
 * A driver with the real lifecycle, and workers that only the test knows: a start succeeds at once,
 * a signal has no effect, and what is reported goes to whom the test says. For the tests of those
 * who hear reports.
 */
#ifndef DRIVEN_H
#define DRIVEN_H

#include "driver.h"

#include <signal.h>

/* Pids that no process has. */
#define DRIVEN_PID(generation) ((pid_t)(INT32_MAX - 1000 + (int)(generation)))

struct driven {
    struct driver *driver;
    struct ev_loop *loop;
    void (*on_report)(void *context, const struct lifecycle_action *report);
    void *context;
    bool has_ended;
};

static inline void driven_carry_out(void *context, const struct lifecycle_action *action)
{
    struct driven *driven = context;
    if (action->kind == ACTION_SPAWN) {
        driver_post(driven->driver, &(struct lifecycle_event){
                                        .kind = EVENT_SPAWNED,
                                        .generation = action->generation,
                                        .pid = DRIVEN_PID(action->generation),
                                        .settings = driver_lifecycle(driven->driver)->settings});
    } else if (action->kind == ACTION_REPORT) {
        driven->on_report(driven->context, action);
    } else if (action->kind == ACTION_EXIT) {
        driven->has_ended = true;
    }
}

static inline void driven_on_ended(void *context, pid_t pid)
{
    (void)context;
    (void)pid;
}

static inline void driven_on_reaped(void *context, pid_t pid, int status)
{
    (void)context;
    (void)pid;
    (void)status;
}

/* Workers that say when they are ready; one attempt a deploy. `on_report` may be set later. */
static inline void driven_open(struct driven *driven, struct ev_loop *loop)
{
    const struct lifecycle_settings settings = {.ready_mode = READY_BY_REPORT,
                                                .interval_ms = 10,
                                                .deploy_attempts = 1,
                                                .retire_signal = SIGTERM};
    *driven = (struct driven){.loop = loop};
    driven->driver = driver_new(&(struct driver_setup){.loop = loop,
                                                       .settings = settings,
                                                       .carry_out = driven_carry_out,
                                                       .on_ended = driven_on_ended,
                                                       .on_reaped = driven_on_reaped,
                                                       .context = driven});
}

static inline void driven_post(struct driven *driven, enum lifecycle_event_kind kind,
                               uint64_t generation)
{
    driver_post(driven->driver, &(struct lifecycle_event){.kind = kind,
                                                          .generation = generation,
                                                          .pid = DRIVEN_PID(generation),
                                                          .signal = SIGTERM});
}

#endif
