#include "driver.h"

#include "log.h"

#include <inttypes.h>
#include <sys/wait.h>
#include <time.h>

/* How many events may wait: one step is answered by a few at most. */
#define EVENTS_MAX 256
/* So many steps without rest are a loop: it goes on a second later. */
#define STEPS_MAX 10000
#define STEPS_PAUSE_MS 1000

struct queue {
    struct lifecycle_event events[EVENTS_MAX]; /* a ring */
    size_t first;
    size_t count;
};

struct driver {
    struct driver_setup setup;
    ev_timer timer; /* until the lifecycle wants to be woken */
    struct queue queue;
    struct queue after_reaping; /* what the dead have caused waits until all of them are known */
    bool is_running;            /* the queue is being worked off */
    bool is_reaping;
    struct lifecycle_actions actions; /* of the last step */
    struct lifecycle lifecycle;
};

static void push(struct queue *queue, const struct lifecycle_event *event)
{
    if (queue->count == EVENTS_MAX) {
        log_error("internal error: event queue is full: lost \"%s\" of generation %" PRIu64
                  " is lost",
                  lifecycle_event_name(event->kind), event->generation);
        return;
    }
    if (queue->count == 0) {
        queue->first = 0; /* so that the rest is never touched, and costs no memory */
    }
    queue->events[(queue->first + queue->count++) % EVENTS_MAX] = *event;
}

static struct lifecycle_event pop(struct queue *queue)
{
    const struct lifecycle_event event = queue->events[queue->first];
    queue->first = (queue->first + 1) % EVENTS_MAX;
    queue->count--;
    return event;
}

/* --- steps, for --log-level=debug ---------------------------------------------------------------
 */

static void trace(const char *what, const char *name, uint64_t generation, pid_t pid)
{
    log_about(LOG_LEVEL_DEBUG, &(struct log_facts){.generation = generation, .pid = pid},
              "%s %s, generation %" PRIu64 ", pid %d", what, name, generation, (int)pid);
}

static void trace_rules(const struct lifecycle_actions *actions)
{
    for (size_t i = 0; i < actions->fired_count; i++) {
        log_debug("rule: %s", lifecycle_rule_name(actions->fired[i]));
    }
}

/* --- time ------------------------------------------------------------------------------------- */

/* Rounded up, so that nothing is ever early. */
static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + (now.tv_nsec + 999999) / 1000000;
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    driver_post(watcher->data, &(struct lifecycle_event){.kind = EVENT_WAKE});
}

static void wake_at(struct driver *driver, int64_t due_ms)
{
    struct ev_loop *loop = driver->setup.loop;
    ev_timer_stop(loop, &driver->timer);
    if (due_ms != LIFECYCLE_NEVER) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        double seconds =
            (double)(due_ms - (int64_t)now.tv_sec * 1000) / 1000.0 - (double)now.tv_nsec / 1e9;
        ev_now_update(loop); /* count from now, not from when the event came */
        ev_timer_set(&driver->timer, seconds > 0 ? seconds : 0, 0.0);
        ev_timer_start(loop, &driver->timer);
    }
}

/* --- events and actions ----------------------------------------------------------------------- */

static void carry_out(struct driver *driver)
{
    const struct lifecycle_actions *actions = &driver->actions;
    trace_rules(actions);
    for (size_t i = 0; i < actions->count; i++) {
        const struct lifecycle_action *action = &actions->items[i];
        if (action->kind != ACTION_REPORT) { /* that is a line of its own */
            trace("action", lifecycle_action_name(action->kind), action->generation, action->pid);
        }
        driver->setup.carry_out(driver->setup.context, action);
    }
    if (actions->is_overfull) {
        log_error("internal error: too many actions at once; the last rule was \"%s\"",
                  lifecycle_rule_name(actions->fired[actions->fired_count - 1]));
    }
}

/* One event, and all that follows from it, however many steps that takes. Returns when the
   lifecycle wants to be woken. */
static int64_t take(struct driver *driver, const struct lifecycle_event *event)
{
    const struct lifecycle_event more = {.kind = EVENT_WAKE};
    const int64_t now = now_ms();
    trace("event", lifecycle_event_name(event->kind), event->generation, event->pid);
    int64_t wake = lifecycle_step(&driver->lifecycle, event, now, &driver->actions);
    carry_out(driver);
    for (int steps = 0; driver->actions.is_unfinished; steps++) {
        if (steps == STEPS_MAX) {
            log_error("internal error: the lifecycle rules do not end");
            return now + STEPS_PAUSE_MS;
        }
        wake = lifecycle_step(&driver->lifecycle, &more, now, &driver->actions);
        carry_out(driver);
    }
    return wake;
}

static void run(struct driver *driver)
{
    int64_t wake = LIFECYCLE_NEVER;
    driver->is_running = true;
    while (driver->queue.count > 0) {
        const struct lifecycle_event event = pop(&driver->queue);
        wake = take(driver, &event);
    }
    driver->is_running = false;
    wake_at(driver, wake);
}

void driver_post(struct driver *driver, const struct lifecycle_event *event)
{
    if (driver->is_running) {
        push(&driver->queue, event);
    } else if (driver->is_reaping && event->kind != EVENT_EXITED && event->kind != EVENT_SPAWNED) {
        push(&driver->after_reaping, event);
    } else {
        if (event->kind != EVENT_SPAWNED) { /* it may have ended already, but it began before */
            driver_reap(driver);
        }
        push(&driver->queue, event);
        run(driver);
    }
}

void driver_reap(struct driver *driver)
{
    if (driver->is_running || driver->is_reaping) {
        return;
    }
    driver->is_reaping = true;
    siginfo_t ended = {.si_pid = 0};
    while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0) {
        int status;
        driver->setup.on_ended(driver->setup.context, ended.si_pid);
        if (waitpid(ended.si_pid, &status, 0) == ended.si_pid) {
            driver->setup.on_reaped(driver->setup.context, ended.si_pid, status);
        }
        ended.si_pid = 0;
    }
    driver->is_reaping = false;
    while (driver->after_reaping.count > 0) {
        const struct lifecycle_event event = pop(&driver->after_reaping);
        push(&driver->queue, &event);
        run(driver);
    }
}

const struct lifecycle *driver_lifecycle(const struct driver *driver)
{
    return &driver->lifecycle;
}

struct driver *driver_new(const struct driver_setup *setup)
{
    /* Static, so that what is not used is never touched and costs no memory, as it does in a heap
       that is cleared. */
    static struct driver driver;
    driver.setup = *setup;
    lifecycle_init(&driver.lifecycle, LIFECYCLE_GENERATIONS_MAX, &setup->settings);
    ev_timer_init(&driver.timer, on_timer, 0.0, 0.0);
    driver.timer.data = &driver;
    return &driver;
}
