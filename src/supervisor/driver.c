#include "driver.h"

#include "log.h"

#include <inttypes.h>
#include <sys/wait.h>

/* How many generations may live at once: the current one and those that take long to leave. */
#define GENERATIONS_MAX 512
/* How many events may wait: one step is answered by a few at most. */
#define EVENTS_MAX 256

struct queue {
    struct lifecycle_event events[EVENTS_MAX]; /* a ring */
    size_t first;
    size_t count;
};

struct driver {
    struct driver_setup setup;
    struct lifecycle lifecycle;
    ev_timer timers[LIFECYCLE_TIMERS];
    struct queue queue;
    struct queue after_reaping; /* what the dead have caused waits until all of them are known */
    bool is_running;            /* the queue is being worked off */
    bool is_reaping;
};

static void push(struct queue *queue, const struct lifecycle_event *event)
{
    if (queue->count == EVENTS_MAX) {
        log_error("internal error: too many events wait: \"%s\" of generation %" PRIu64 " is lost",
                  lifecycle_event_name(event->kind), event->generation);
        return;
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

static void trace(const char *what, const char *name, const char *timer, uint64_t generation,
                  pid_t pid)
{
    log_about(LOG_LEVEL_DEBUG, &(struct log_facts){.generation = generation, .pid = pid},
              "%s %s%s%s, generation %" PRIu64 ", pid %d", what, name, timer != NULL ? " " : "",
              timer != NULL ? timer : "", generation, (int)pid);
}

static void trace_event(const struct lifecycle_event *event)
{
    trace("event", lifecycle_event_name(event->kind),
          event->kind == EVENT_TIMER ? lifecycle_timer_name(event->timer) : NULL, event->generation,
          event->pid);
}

static void trace_action(const struct lifecycle_action *action)
{
    bool is_of_timer = action->kind == ACTION_ARM || action->kind == ACTION_DISARM;
    if (action->kind != ACTION_REPORT) { /* that is a line of its own */
        trace("action", lifecycle_action_name(action->kind),
              is_of_timer ? lifecycle_timer_name(action->timer) : NULL, action->generation,
              action->pid);
    }
}

/* --- the timers ------------------------------------------------------------------------------- */

/* Reaping may have armed the timer anew; then it has not fired. */
static void on_timer(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct driver *driver = watcher->data;
    driver_reap(driver);
    if (!ev_is_active(watcher)) {
        driver_post(driver, &(struct lifecycle_event){
                                .kind = EVENT_TIMER,
                                .timer = (enum lifecycle_timer)(watcher - driver->timers)});
    }
}

static void arm(struct driver *driver, const struct lifecycle_action *action)
{
    struct ev_loop *loop = driver->setup.loop;
    double seconds = (double)action->ms / 1000.0;
    ev_timer *watcher = &driver->timers[action->timer];
    if (action->at_least && ev_is_active(watcher) && ev_timer_remaining(loop, watcher) > seconds) {
        return;
    }
    ev_timer_stop(loop, watcher);
    ev_now_update(loop); /* count from now, not from when the event came */
    ev_timer_set(watcher, seconds, 0.0);
    ev_timer_start(loop, watcher);
}

/* --- events and actions ----------------------------------------------------------------------- */

static void carry_out(struct driver *driver, const struct lifecycle_action *action)
{
    trace_action(action);
    if (action->kind == ACTION_ARM && action->timer < LIFECYCLE_TIMERS) {
        arm(driver, action);
    } else if (action->kind == ACTION_DISARM) {
        ev_timer_stop(driver->setup.loop, &driver->timers[action->timer]);
    } else {
        driver->setup.carry_out(driver->setup.context, action);
    }
}

static void run(struct driver *driver)
{
    struct lifecycle *lifecycle = &driver->lifecycle;
    driver->is_running = true;
    while (driver->queue.count > 0) {
        const struct lifecycle_event event = pop(&driver->queue);
        trace_event(&event);
        lifecycle_step(lifecycle, &event);
        for (size_t i = 0; i < lifecycle->action_count; i++) {
            carry_out(driver, &lifecycle->actions[i]);
        }
    }
    driver->is_running = false;
}

void driver_post(struct driver *driver, const struct lifecycle_event *event)
{
    if (driver->is_running) {
        push(&driver->queue, event);
    } else if (driver->is_reaping && event->kind != EVENT_EXITED) {
        push(&driver->after_reaping, event);
    } else {
        driver_reap(driver);
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
    static struct generation generations[GENERATIONS_MAX];
    static struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX(GENERATIONS_MAX)];
    static struct driver the_driver;
    struct driver *driver = &the_driver;
    driver->setup = *setup;
    lifecycle_init(&driver->lifecycle, generations, GENERATIONS_MAX, actions, &setup->settings);
    for (size_t i = 0; i < LIFECYCLE_TIMERS; i++) {
        ev_timer_init(&driver->timers[i], on_timer, 0.0, 0.0);
        driver->timers[i].data = driver;
    }
    return driver;
}
