#include "world_receive.h"

#include "rules.h"

#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

static void bury(struct world *world, const struct worker *worker)
{
    size_t index = (size_t)(worker - world->workers);
    world->worker_count--;
    memmove(&world->workers[index], &world->workers[index + 1],
            (world->worker_count - index) * sizeof *worker);
}

static void attempt_ends(struct world *world, enum deploy_failure failure)
{
    struct step *step = &world->step;
    unsigned attempts = world->settings.deploy_attempts;
    step->attempt_ended = !world->is_stopped;
    step->attempt_deploy = world->is_checking || world->is_held_up ? 0 : world->under_way;
    step->attempt_failure = failure;
    step->attempt_was_last =
        failure == FAILURE_NOT_EXECUTABLE || (attempts != 0 && world->attempts >= attempts);
    step->is_death_counted = world->current == 0;
}

static void receive_spawn_answer(struct world *world, const struct lifecycle_event *event)
{
    struct worker *worker = world_find(world, event->generation);
    if (worker == NULL || worker->pid != 0) {
        world->step.must_be_ignored = true;
        return;
    }
    world->in_flight = 0;
    world->settings = event->settings;
    if (event->kind == EVENT_SPAWNED) {
        worker->pid = event->pid;
        worker->settings = event->settings;
        world->ever_spawned = true;
        return;
    }
    world->last_trouble = world->now;
    world->step.left = *worker;
    bury(world, worker);
    attempt_ends(world, event->permanent ? FAILURE_NOT_EXECUTABLE : FAILURE_NOT_SPAWNED);
    if (event->permanent && !world->ever_spawned) {
        world->step.attempt_deploy = world->under_way; /* it is the end, even during its check */
    }
}

static void current_exits(struct world *world)
{
    struct step *step = &world->step;
    step->calm_ms = world->now - world->last_trouble;
    world->last_trouble = world->now;
    world->current = 0;
    world->auto_restart_waits = false;
    const struct worker *heir = world_find_serving(world);
    if (heir != NULL) {
        step->heir = heir->number;
        attempt_ends(world, FAILURE_DIED_EARLY);
        step->is_death_counted = false;
    } else {
        step->is_death_counted = world_find_starting(world) == NULL;
        step->must_end = step->is_death_counted && step->left.settings.exit_with_worker;
    }
}

/* Of a service that is to end with its worker. */
static int shell_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* One that hangs while its predecessor has not been signalled has failed, and makes way for it. */
static void current_hangs(struct world *world)
{
    struct step *step = &world->step;
    struct worker *current = world_find(world, world->current);
    step->hung = world->current;
    if (current == NULL || !world->timer_armed[TIMER_RETIRE]) {
        return;
    }
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        if (worker->ready && !worker->told && worker->number < current->number) {
            step->heir = worker->number;
        }
    }
    step->rejected = current->number;
    world->auto_restart_waits = false;
    attempt_ends(world, FAILURE_HUNG);
}

static void receive_exit(struct world *world, const struct lifecycle_event *event)
{
    struct step *step = &world->step;
    const struct worker *worker = world_find_pid(world, event->pid);
    if (worker == NULL) {
        step->must_be_ignored = true;
        return;
    }
    step->left = *worker;
    step->has_left = true;
    bury(world, worker);
    if (world->is_stopped) {
        return;
    }
    if (step->left.number == world->current) {
        current_exits(world);
    } else if (!step->left.ready && !step->left.told) {
        world->last_trouble = world->now;
        step->must_end = world->current == 0 && step->left.settings.exit_with_worker;
        if (!step->must_end) {
            attempt_ends(world, FAILURE_DIED);
        }
    } else {
        step->retiring_left = !step->left.told;
    }
    if (step->must_end) {
        step->is_death_counted = false;
        world->stop_status = shell_status(event->status);
    }
}

static void receive_kill_timer(struct world *world, const struct lifecycle_event *event)
{
    struct worker *worker = world_find(world, event->generation);
    if (worker == NULL || !worker->kill_armed) {
        world->step.must_be_ignored = true;
        return;
    }
    worker->kill_armed = false;
    world->step.kill_fired = worker->number;
    if (worker->kill_due > world->now) {
        world->now = worker->kill_due;
    }
}

static void time_is_over(struct world *world, enum lifecycle_timer timer)
{
    struct step *step = &world->step;
    const struct worker *starting = world_find_starting(world);
    switch (timer) {
    case TIMER_AUTO_RESTART:
        step->auto_restart_waited = world->auto_restart_waits;
        world->auto_restart_waits =
            world->current != 0 && world->under_way == 0 && world_has_older(world, world->current);
        break;
    case TIMER_READY:
        if (starting != NULL) {
            step->not_ready = starting->number;
            world->last_trouble = world->now;
            attempt_ends(world, FAILURE_NOT_READY);
        }
        break;
    case TIMER_WATCHDOG:
        current_hangs(world);
        break;
    case TIMER_START_LIMIT:
        world->deaths = 0;
        break;
    case TIMER_STOP:
        world->is_overdue = true;
        break;
    default:
        break;
    }
}

static void receive_timer(struct world *world, const struct lifecycle_event *event)
{
    world->spawns_in_a_row = 0;
    if (event->timer == TIMER_KILL) {
        receive_kill_timer(world, event);
        return;
    }
    if (event->timer >= LIFECYCLE_TIMERS || !world->timer_armed[event->timer]) {
        world->step.must_be_ignored = true;
        return;
    }
    world->timer_armed[event->timer] = false;
    if (world->timer_due[event->timer] > world->now) {
        world->now = world->timer_due[event->timer];
    }
    time_is_over(world, event->timer);
}

/* Yes: what is started from now on is the deploy's. What already replaces a current one that died
   meanwhile is not: it was started with what was before. */
static void receive_checked(struct world *world, const struct lifecycle_event *event)
{
    struct step *step = &world->step;
    const struct worker *starting = world_find_starting(world);
    if (!world->is_checking) {
        step->must_be_ignored = true;
        return;
    }
    world->spawns_in_a_row = 0;
    world->is_checking = false;
    step->checked_deploy = world->under_way;
    step->said_yes = event->ok;
    step->said_no = !event->ok;
    step->refusal = event->reason != FAILURE_NONE ? event->reason : FAILURE_CHECK;
    if (!event->ok) {
        return;
    }
    world->needs_check = false;
    world->attempts = 0;
    if (starting != NULL) {
        world->is_held_up = true;
        world->tally->held_up++;
    } else {
        world->deaths = 0;
    }
}

static void receive_ready(struct world *world, struct worker *worker)
{
    if (worker == NULL || worker->pid == 0 || worker->reported ||
        worker->settings.ready_mode == READY_BY_AGE) {
        world->step.must_be_ignored = true;
        return;
    }
    const struct worker *starting = world->is_stopped ? NULL : world_find_starting(world);
    worker->reported = true;
    world->spawns_in_a_row = 0;
    if (worker == starting) {
        world->step.has_to_be_ready = worker->number;
    } else if (worker->number == world->current) {
        world->must_report = true;
        world->tally->late_reports += starting != NULL && starting->pid != 0;
    }
}

/* What a worker says of itself can come at any time, and most of it means nothing. */
static void receive_words(struct world *world, const struct lifecycle_event *event)
{
    struct step *step = &world->step;
    struct worker *worker = world_find(world, event->generation);
    const struct worker *starting = world->is_stopped ? NULL : world_find_starting(world);
    bool is_current = worker != NULL && worker->number == world->current;
    switch (event->kind) {
    case EVENT_READY:
        receive_ready(world, worker);
        break;
    case EVENT_EXTEND:
        step->must_be_ignored =
            worker == NULL || event->ms <= 0 ||
            !(worker->kill_armed || (worker == starting && world->timer_armed[TIMER_READY]));
        break;
    case EVENT_ALIVE:
        step->must_be_ignored =
            worker == NULL || (!worker->hung && !(is_current && worker->settings.watchdog_ms > 0));
        if (worker != NULL) {
            worker->hung = false;
        }
        break;
    default:
        step->must_be_ignored = !is_current;
        world->spawns_in_a_row = 0;
        if (is_current) {
            current_hangs(world);
        }
        break;
    }
}

bool world_begin_stop(struct world *world, int signal)
{
    if (world->is_stopped) {
        return false;
    }
    world->is_stopped = true;
    world->step.stops = true;
    world->stop_signal = signal;
    world->stop_timeout_ms = world->worker_count > 0 ? world->settings.stop_timeout_ms : 0;
    world->current = 0;
    world->is_queued = false;
    world->is_held_up = false;
    return true;
}

static void receive_stop(struct world *world, const struct lifecycle_event *event)
{
    if (world_begin_stop(world, event->signal)) {
        world->tally->stops_in_spawn += world->in_flight != 0;
        world->tally->stops_in_check += world->is_checking;
    }
}

static void receive_deploy(struct world *world)
{
    world->spawns_in_a_row = 0;
    world->step.must_be_ignored = world->is_stopped;
    world->step.promised = lifecycle_next_deploy(&world->machine);
    bool is_trying = world->under_way != 0 && !world->is_checking && !world->is_held_up;
    if (is_trying && !rules_needs_check(world, CAUSE_REQUEST) &&
        world_find_starting(world) == NULL && !world->timer_armed[TIMER_RETIRE]) {
        world->deaths = 0; /* the next attempt comes at once */
    }
}

void world_receive(struct world *world, const struct lifecycle_event *event)
{
    switch (event->kind) {
    case EVENT_START:
        world->step.must_be_ignored = world->last_number != 0 || world->is_checking;
        break;
    case EVENT_SPAWNED:
    case EVENT_SPAWN_FAILED:
        receive_spawn_answer(world, event);
        break;
    case EVENT_EXITED:
        receive_exit(world, event);
        break;
    case EVENT_TIMER:
        receive_timer(world, event);
        break;
    case EVENT_CHECKED:
        receive_checked(world, event);
        break;
    case EVENT_READY:
    case EVENT_EXTEND:
    case EVENT_ALIVE:
    case EVENT_HUNG:
        receive_words(world, event);
        break;
    case EVENT_DEPLOY:
        receive_deploy(world);
        break;
    case EVENT_STOP:
        receive_stop(world, event);
        break;
    }
}
