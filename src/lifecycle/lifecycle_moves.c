#include "lifecycle_moves.h"

#include <signal.h>
#include <string.h>

/* --- questions -------------------------------------------------------------------------------- */

bool has_come(int64_t due, int64_t now)
{
    return due != 0 && due <= now;
}

bool is_over(int64_t due, int64_t now)
{
    return due <= now;
}

int64_t after(int64_t now, int64_t ms)
{
    const int64_t last = LIFECYCLE_NEVER / 2;
    return ms < last - now ? now + ms : last;
}

bool is_running(const struct lifecycle *model)
{
    return model->phase == SERVICE_RUNNING;
}

struct generation *find_in_state(struct lifecycle *model, enum generation_state state)
{
    for (unsigned i = model->count; i > 0; i--) {
        if (model->generations[i - 1].state == state) {
            return &model->generations[i - 1];
        }
    }
    return NULL;
}

struct generation *find_numbered(struct lifecycle *model, uint64_t number)
{
    for (unsigned i = 0; i < model->count; i++) {
        if (model->generations[i].number == number) {
            return &model->generations[i];
        }
    }
    return NULL;
}

bool has_older(const struct lifecycle *model, uint64_t number)
{
    return model->count > 0 && model->generations[0].number < number;
}

bool is_alive(const struct lifecycle_worker *worker)
{
    return worker->state >= WORKER_BORN && worker->state <= WORKER_KILLED;
}

bool is_gone(const struct generation *generation)
{
    for (unsigned i = 0; i < generation->worker_count; i++) {
        if (generation->workers[i].state < WORKER_GONE) {
            return false;
        }
    }
    return true;
}

bool is_ready_by_age(const struct lifecycle *model, const struct generation *generation)
{
    return generation->settings.ready_mode == READY_BY_AGE ||
           (generation->settings.ready_mode == READY_AUTO && !model->must_report);
}

bool is_wanted(const struct lifecycle *model)
{
    return is_running(model) && model->death == DEATH_NONE && lifecycle_starting(model) == 0 &&
           (model->deploy.phase == DEPLOY_STARTING || lifecycle_current(model) == 0);
}

/* One that hangs is replaced by what it was. */
static bool is_read_for(const struct lifecycle *model, enum deploy_cause cause)
{
    return model->settings.is_read && cause != CAUSE_WATCHDOG;
}

bool needs_check(const struct lifecycle *model, enum deploy_cause cause)
{
    return model->settings.has_check || is_read_for(model, cause);
}

bool find_generation(struct step *step, generation_test *test)
{
    for (unsigned i = 0; i < step->model->count; i++) {
        step->generation = &step->model->generations[i];
        if (test(step, step->generation)) {
            return true;
        }
    }
    return false;
}

bool find_worker(struct step *step, worker_test *test)
{
    for (unsigned i = 0; i < step->model->count; i++) {
        step->generation = &step->model->generations[i];
        for (unsigned slot = 0; slot < step->generation->worker_count; slot++) {
            step->worker = &step->generation->workers[slot];
            if (test(step, step->generation, step->worker)) {
                return true;
            }
        }
    }
    return false;
}

bool pick(struct step *step, enum generation_state state)
{
    step->generation = find_in_state(step->model, state);
    return step->generation != NULL;
}

/* --- actions ---------------------------------------------------------------------------------- */

/* The last one of a full list is lost, and that is told: see struct lifecycle_actions. */
struct lifecycle_action *act(struct step *step, enum lifecycle_action_kind kind)
{
    struct lifecycle_actions *actions = step->actions;
    if (actions->count == LIFECYCLE_ACTIONS_MAX) {
        actions->is_overfull = true;
        actions->count--;
    }
    struct lifecycle_action *action = &actions->items[actions->count++];
    *action = (struct lifecycle_action){.kind = kind};
    return action;
}

struct lifecycle_action *report(struct step *step, enum lifecycle_report what)
{
    struct lifecycle_action *action = act(step, ACTION_REPORT);
    action->report = what;
    return action;
}

struct lifecycle_action *report_generation(struct step *step, enum lifecycle_report what,
                                           const struct generation *generation)
{
    struct lifecycle_action *action = report(step, what);
    action->generation = generation->number;
    action->pid = generation_pid(generation);
    return action;
}

void tell_of_exit(struct step *step, enum lifecycle_report what)
{
    const struct generation *generation = step->generation;
    report_generation(step, what, generation)->status = generation->workers[0].status;
}

/* --- workers and generations ------------------------------------------------------------------ */

void send_signal(struct step *step, struct lifecycle_worker *worker, int signal)
{
    struct lifecycle_action *action = act(step, ACTION_SIGNAL);
    action->generation = step->generation->number;
    action->slot = (unsigned)(worker - step->generation->workers);
    action->pid = worker->pid;
    action->signal = signal;
    struct lifecycle_action *told = report_generation(step, REPORT_SIGNALLED, step->generation);
    told->slot = action->slot;
    told->pid = worker->pid;
    told->signal = signal;
}

void kill_worker(struct step *step, struct lifecycle_worker *worker)
{
    worker->state = WORKER_KILLED;
    worker->kill_due = 0;
    send_signal(step, worker, SIGKILL);
}

void dismiss(struct generation *generation, int signal)
{
    generation->state = GENERATION_STOPPING;
    generation->share = 0;
    for (unsigned i = 0; i < generation->worker_count; i++) {
        struct lifecycle_worker *worker = &generation->workers[i];
        worker->watchdog_due = 0;
        worker->ready_due = 0;
        worker->age_due = 0;
        if (worker->state == WORKER_WANTED) {
            worker->state = WORKER_UNBORN;
        } else if (worker->state < WORKER_GONE) {
            worker->signal = signal;
        }
    }
}

void forget(struct step *step, const struct generation *generation)
{
    struct lifecycle *model = step->model;
    unsigned index = (unsigned)(generation - model->generations);
    model->count--;
    memmove(&model->generations[index], &model->generations[index + 1],
            (model->count - index) * sizeof *generation);
    step->generation = NULL;
    step->worker = NULL;
}

/* Connections go to the one that serves, and to nobody else. */
void make_current(struct step *step, struct generation *generation)
{
    struct lifecycle *model = step->model;
    const struct lifecycle_settings *settings = &generation->settings;
    for (unsigned i = 0; i < model->count; i++) {
        model->generations[i].share = 0;
    }
    generation->state = GENERATION_SERVING;
    generation->share = LIFECYCLE_WHOLE_SHARE;
    for (unsigned i = 0; i < generation->worker_count; i++) {
        generation->workers[i].watchdog_due =
            settings->watchdog_ms > 0 ? after(step->now, settings->watchdog_ms) : 0;
    }
    model->has_served = true;
    model->in_force = *settings;
    model->must_report = generation_has_reported(generation);
    model->restart_waits = false;
    model->restart_due =
        settings->auto_restart_ms > 0 ? after(step->now, settings->auto_restart_ms) : 0;
    model->is_stale = true;
}

void roll_back(struct step *step, enum deploy_failure reason)
{
    struct lifecycle *model = step->model;
    struct generation *standby = find_in_state(model, GENERATION_STANDBY);
    model->pacing[0].settle_due = 0;
    make_current(step, standby);
    report_generation(step, REPORT_ROLLED_BACK, standby);
    model->deploy.phase = DEPLOY_STARTING;
    model->deploy.probation_due = 0;
    fail_attempt(step, reason);
}

/* --- deploys ---------------------------------------------------------------------------------- */

void forgive(struct lifecycle *model)
{
    for (unsigned i = 0; i < LIFECYCLE_WORKERS; i++) {
        model->pacing[i] = (struct pacing){.crashes = 0};
    }
    model->deaths = 0;
    model->deaths_due = 0;
    model->death = DEATH_NONE;
}

void begin_check(struct step *step, enum deploy_cause cause)
{
    struct lifecycle *model = step->model;
    struct lifecycle_action *action = act(step, ACTION_CHECK);
    action->deploy = model->deploy.number;
    action->is_read = model->deploy.number != 0 && is_read_for(model, cause);
    if (model->deploy.phase != DEPLOY_NONE) {
        model->deploy.phase = DEPLOY_CHECKING;
    } else {
        model->phase = SERVICE_CHECKING;
    }
    model->answer = ANSWER_NONE;
}

void begin_attempts(struct step *step)
{
    step->model->deploy.phase = DEPLOY_STARTING;
    step->model->deploy.attempt = 0; /* those before a check that was made anew do not count */
    forgive(step->model);
}

void begin_deploy(struct step *step, enum deploy_cause cause)
{
    struct lifecycle *model = step->model;
    model->is_queued = false;
    model->restart_due = 0;
    model->restart_waits = false;
    model->deploy = (struct deploy){.number = ++model->last_deploy, .phase = DEPLOY_STARTING};
    struct lifecycle_action *action = report(step, REPORT_DEPLOY_STARTED);
    action->deploy = model->deploy.number;
    action->cause = cause;
    if (needs_check(model, cause)) {
        model->death = DEATH_NONE;
        begin_check(step, cause);
    } else if (cause == CAUSE_WATCHDOG) {
        model->pacing[0].settle_due = 0;
        model->death = DEATH_AFTER_READY; /* as good as dead, and paced as the dead are */
    } else {
        forgive(model);
    }
}

/* True of a deploy that was not allowed to try anything. */
static bool is_refused(enum deploy_failure reason)
{
    return reason == FAILURE_CHECK || reason == FAILURE_CONFIGURATION ||
           reason == FAILURE_LISTENERS;
}

void leave_deploy(struct lifecycle *model)
{
    model->deploy = (struct deploy){.phase = DEPLOY_NONE};
}

void fail_deploy(struct step *step, enum deploy_failure reason)
{
    struct lifecycle *model = step->model;
    const struct generation *current = find_in_state(model, GENERATION_SERVING);
    struct lifecycle_action *action = report(step, REPORT_DEPLOY_FAILED);
    action->deploy = model->deploy.number;
    action->reason = reason;
    leave_deploy(model);
    if (model->has_served) {
        model->settings = model->in_force;
    }
    if (current == NULL) {
        return;
    }
    model->death = DEATH_NONE;
    if (!is_refused(reason)) {
        model->pacing[0].crashes = 0; /* the attempts' say nothing about the current one */
    }
    if (current->settings.auto_restart_ms > 0) {
        model->restart_due = after(step->now, current->settings.auto_restart_ms);
    }
}

void fail_attempt(struct step *step, enum deploy_failure reason)
{
    step->model->death = DEATH_BEFORE_READY;
    if (step->model->deploy.phase == DEPLOY_STARTING) {
        step->model->deploy.failure = reason;
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

static void report_stopped(struct step *step)
{
    if (step->model->deploy.phase != DEPLOY_NONE) {
        report(step, REPORT_DEPLOY_STOPPED)->deploy = step->model->deploy.number;
    }
}

void begin_stop(struct step *step, int signal)
{
    struct lifecycle *model = step->model;
    if (model->phase == SERVICE_CHECKING || model->deploy.phase == DEPLOY_CHECKING) {
        act(step, ACTION_UNCHECK);
    }
    report_stopped(step);
    leave_deploy(model);
    forgive(model);
    model->answer = ANSWER_NONE;
    model->is_queued = false;
    model->is_asked = false;
    model->restart_due = 0;
    model->restart_waits = false;
    model->phase = SERVICE_STOPPING;
    model->stop_signal = signal;
    for (unsigned i = 0; i < model->count; i++) {
        dismiss(&model->generations[i], signal);
    }
    if (model->settings.stop_timeout_ms > 0 && model->count > 0) {
        model->stop_due = after(step->now, model->settings.stop_timeout_ms);
    }
    model->is_stale = true;
}

void end_service(struct step *step, int status)
{
    step->model->phase = SERVICE_ENDED;
    step->model->stop_due = 0;
    act(step, ACTION_EXIT)->status = status;
}
