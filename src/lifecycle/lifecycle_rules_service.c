/*
 * The first part of the rules: workers as processes, the end of the service, its beginning.
 */
#include "lifecycle_moves.h"

/* --- workers ---------------------------------------------------------------------------------- */

static bool is_born(const struct step *step, const struct generation *generation,
                    const struct lifecycle_worker *worker)
{
    (void)step;
    (void)generation;
    return worker->state == WORKER_BORN;
}

static bool somebody_is_born(struct step *step)
{
    return find_worker(step, is_born);
}

static void begin_to_start(struct step *step)
{
    struct lifecycle *model = step->model;
    struct lifecycle_worker *worker = step->worker;
    int64_t interval = step->generation->settings.interval_ms;
    worker->state = WORKER_STARTING;
    struct lifecycle_action *told = report_generation(step, REPORT_SPAWNED, step->generation);
    told->slot = (unsigned)(worker - step->generation->workers);
    told->pid = worker->pid;
    if (is_running(model)) {
        worker->age_due = after(step->now, interval);
        model->pacing[told->slot].interval_due = interval > 0 ? worker->age_due : 0;
    } else {
        model->is_stale = true; /* in a stop the status file has everybody */
    }
}

static bool is_to_leave(const struct step *step, const struct generation *generation,
                        const struct lifecycle_worker *worker)
{
    (void)step;
    (void)generation;
    return worker->signal != 0 && is_alive(worker);
}

static bool somebody_is_to_leave(struct step *step)
{
    return find_worker(step, is_to_leave);
}

/* One that hangs is not waited for without end. */
static int64_t kill_timeout_ms(const struct generation *generation,
                               const struct lifecycle_worker *worker)
{
    const struct lifecycle_settings *settings = &generation->settings;
    return settings->kill_timeout_ms > 0 || !worker->is_hung ? settings->kill_timeout_ms
                                                             : settings->watchdog_ms;
}

/* One that was told before is told again, but gets no more time. */
static void tell_to_leave(struct step *step)
{
    struct lifecycle_worker *worker = step->worker;
    int64_t timeout = kill_timeout_ms(step->generation, worker);
    send_signal(step, worker, worker->signal);
    worker->signal = 0;
    if (worker->state == WORKER_KILLED) {
        return;
    }
    worker->state = WORKER_LEAVING;
    if (timeout > 0 && worker->kill_due == 0) {
        worker->kill_due = after(step->now, timeout);
    }
}

static bool is_overdue(const struct step *step, const struct generation *generation,
                       const struct lifecycle_worker *worker)
{
    (void)generation;
    return has_come(worker->kill_due, step->now) && is_alive(worker);
}

static bool somebody_is_overdue(struct step *step)
{
    return find_worker(step, is_overdue);
}

static void kill_it(struct step *step)
{
    kill_worker(step, step->worker);
}

/* --- the status file -------------------------------------------------------------------------- */

/* The status file keeps the last generation that was known to serve until its successor is ready:
   readers wait for numbers to change, and an empty file would tell them that nothing runs. */
static bool status_file_is_stale(struct step *step)
{
    return step->model->is_stale &&
           (lifecycle_current(step->model) != 0 || lifecycle_is_stopping(step->model));
}

static void publish(struct step *step)
{
    step->model->is_stale = false;
    act(step, ACTION_PUBLISH);
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool stop_is_asked_for_again(struct step *step)
{
    return step->model->stop_asked != 0 && lifecycle_is_stopping(step->model);
}

static void tell_of_stop(struct step *step)
{
    report(step, REPORT_STOPPING)->signal = step->model->stop_asked;
    step->model->stop_asked = 0;
}

static bool stop_is_asked_for(struct step *step)
{
    return step->model->stop_asked != 0;
}

static void obey_stop(struct step *step)
{
    int signal = step->model->stop_asked;
    tell_of_stop(step);
    begin_stop(step, signal);
}

static bool has_open_deploy(const struct step *step, const struct generation *generation)
{
    (void)step;
    return generation->deploy != 0;
}

static bool stop_leaves_deploy_open(struct step *step)
{
    return lifecycle_is_stopping(step->model) && find_generation(step, has_open_deploy);
}

static void end_open_deploy(struct step *step)
{
    report(step, REPORT_DEPLOY_STOPPED)->deploy = step->generation->deploy;
    step->generation->deploy = 0;
}

static bool stop_is_overdue(struct step *step)
{
    return step->model->phase == SERVICE_STOPPING && has_come(step->model->stop_due, step->now);
}

static void begin_to_kill(struct step *step)
{
    report(step, REPORT_STOP_OVERDUE);
    step->model->phase = SERVICE_KILLING;
    step->model->stop_due = 0;
}

static bool is_to_be_killed(const struct step *step, const struct generation *generation,
                            const struct lifecycle_worker *worker)
{
    (void)step;
    (void)generation;
    return is_alive(worker) && worker->state != WORKER_KILLED;
}

static bool somebody_outlives_the_stop(struct step *step)
{
    return step->model->phase == SERVICE_KILLING && find_worker(step, is_to_be_killed);
}

static bool has_gone(const struct step *step, const struct generation *generation)
{
    (void)step;
    return is_gone(generation);
}

static bool somebody_has_gone_in_stop(struct step *step)
{
    return lifecycle_is_stopping(step->model) && find_generation(step, has_gone);
}

/* What could not be started was told of by who tried. */
static void take_leave(struct step *step)
{
    if (step->generation->workers[0].state == WORKER_GONE) {
        tell_of_exit(step, REPORT_LEFT);
        step->model->is_stale = true;
    }
    forget(step, step->generation);
}

static bool stop_is_over(struct step *step)
{
    return lifecycle_is_stopping(step->model) && step->model->phase != SERVICE_ENDED &&
           step->model->count == 0;
}

static void end_stop(struct step *step)
{
    end_service(step, step->model->exit_status);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static bool first_start_needs_check(struct step *step)
{
    return step->model->phase == SERVICE_BEGINNING && step->model->settings.has_check;
}

static void begin_first_check(struct step *step)
{
    begin_check(step, CAUSE_REQUEST);
}

static bool first_start_may_begin(struct step *step)
{
    return step->model->phase == SERVICE_BEGINNING ||
           (step->model->phase == SERVICE_CHECKING && step->model->answer == ANSWER_YES);
}

static void begin_to_run(struct step *step)
{
    step->model->phase = SERVICE_RUNNING;
    step->model->answer = ANSWER_NONE;
}

static bool first_check_says_no(struct step *step)
{
    return step->model->phase == SERVICE_CHECKING && step->model->answer == ANSWER_NO;
}

static void end_unbegun(struct step *step)
{
    step->model->answer = ANSWER_NONE;
    step->model->is_queued = false;
    step->model->is_asked = false;
    end_service(step, 1);
}

/* --- the rules ---------------------------------------------------------------------------------
 */

const struct rule lifecycle_service_rules[] = {
    /* workers, in every phase of the service */
    {"a worker that has been started is starting", somebody_is_born, begin_to_start},
    {"a worker that is to leave is told", somebody_is_to_leave, tell_to_leave},
    {"a worker that has not left within --kill-timeout is killed", somebody_is_overdue, kill_it},
    {"the status file follows what has changed", status_file_is_stale, publish},

    /* the end */
    {"a stop that is asked for again changes nothing", stop_is_asked_for_again, tell_of_stop},
    {"a stop ends the deploy under way, and all workers are to leave", stop_is_asked_for,
     obey_stop},
    {"a stop ends the deploys whose older generations have not gone", stop_leaves_deploy_open,
     end_open_deploy},
    {"a stop is overdue after --stop-timeout", stop_is_overdue, begin_to_kill},
    {"a worker that outlives an overdue stop is killed", somebody_outlives_the_stop, kill_it},
    {"a generation that has gone in a stop is forgotten", somebody_has_gone_in_stop, take_leave},
    {"the supervisor ends when all generations have gone", stop_is_over, end_stop},

    /* the beginning */
    {"the first start begins with its check", first_start_needs_check, begin_first_check},
    {"the service runs when the first check says yes, or there is none", first_start_may_begin,
     begin_to_run},
    {"a first check that says no ends the supervisor", first_check_says_no, end_unbegun},
    {.name = NULL},
};
