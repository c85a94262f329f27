/*
 * The second part of the rules: generations that go, hang, or become ready.
 */
#include "lifecycle_moves.h"

#include <signal.h>
#include <sys/wait.h>

/* --- who has gone ----------------------------------------------------------------------------- */

static bool is_unborn(const struct step *step, const struct generation *generation)
{
    (void)step;
    return generation->workers[0].state == WORKER_UNBORN;
}

static bool command_can_never_run(struct step *step)
{
    return is_running(step->model) && !step->model->has_spawned &&
           find_generation(step, is_unborn) && step->generation->workers[0].is_permanent;
}

static void end_with_its_status(struct step *step)
{
    struct lifecycle *model = step->model;
    int status = step->generation->workers[0].status;
    if (model->deploy.phase != DEPLOY_NONE) {
        bool is_checking = model->deploy.phase == DEPLOY_CHECKING;
        fail_deploy(step, FAILURE_NOT_EXECUTABLE);
        if (is_checking) {
            act(step, ACTION_UNCHECK);
        }
    }
    forget(step, step->generation);
    model->is_queued = false;
    model->is_asked = false;
    model->answer = ANSWER_NONE;
    forgive(model);
    end_service(step, status);
}

static bool start_was_not_made(struct step *step)
{
    return is_running(step->model) && find_generation(step, is_unborn);
}

static void give_start_up(struct step *step)
{
    struct lifecycle *model = step->model;
    int64_t interval = model->settings.interval_ms;
    bool is_permanent = step->generation->workers[0].is_permanent;
    forget(step, step->generation);
    model->pacing[0].interval_due = interval > 0 ? after(step->now, interval) : 0;
    fail_attempt(step, is_permanent ? FAILURE_NOT_EXECUTABLE : FAILURE_NOT_SPAWNED);
}

static bool has_died_in_state(struct step *step, enum generation_state state)
{
    return is_running(step->model) && pick(step, state) && is_gone(step->generation);
}

/* A service may have to end with its only worker. */
static void mourn(struct step *step, enum death death)
{
    const struct generation *generation = step->generation;
    step->model->death = generation->settings.exit_with_worker ? DEATH_OF_SERVICE : death;
    step->model->death_status = generation->workers[0].status;
}

static bool candidate_has_died(struct step *step)
{
    return has_died_in_state(step, GENERATION_STARTING);
}

static void give_candidate_up(struct step *step)
{
    tell_of_exit(step, REPORT_START_FAILED);
    fail_attempt(step, FAILURE_DIED);
    if (lifecycle_current(step->model) == 0) {
        mourn(step, DEATH_BEFORE_READY);
    }
    forget(step, step->generation);
}

static bool current_has_died_in_probation(struct step *step)
{
    return has_died_in_state(step, GENERATION_SERVING) &&
           find_in_state(step->model, GENERATION_STANDBY) != NULL;
}

static void give_way_by_death(struct step *step)
{
    tell_of_exit(step, REPORT_CRASHED);
    forget(step, step->generation);
    roll_back(step, FAILURE_DIED_EARLY);
}

static bool current_has_died(struct step *step)
{
    return has_died_in_state(step, GENERATION_SERVING);
}

/* What is starting already takes its place. */
static void lose_current(struct step *step)
{
    struct lifecycle *model = step->model;
    const struct generation *generation = step->generation;
    tell_of_exit(step, REPORT_CRASHED);
    if (generation->deploy != 0) {
        struct lifecycle_action *action = report(step, REPORT_DEPLOY_FAILED);
        action->deploy = generation->deploy;
        action->reason = FAILURE_DIED_LATE;
    }
    if (lifecycle_starting(model) == 0) {
        mourn(step, DEATH_AFTER_READY);
    }
    forget(step, generation);
    model->restart_due = 0;
    model->restart_waits = false;
    model->pacing[0].settle_due = 0;
}

static bool is_older_and_gone(const struct step *step, const struct generation *generation)
{
    (void)step;
    return generation->state >= GENERATION_STANDBY && is_gone(generation);
}

static bool older_one_has_gone(struct step *step)
{
    return is_running(step->model) && find_generation(step, is_older_and_gone);
}

/* One that had made a deploy's generation current and was replaced in turn: what is older is the
   newer deploy's now. */
static void see_off(struct step *step)
{
    const struct generation *generation = step->generation;
    tell_of_exit(step, REPORT_LEFT);
    step->model->is_stale = true;
    if (generation->deploy != 0) {
        report_generation(step, REPORT_DEPLOY_SUCCEEDED, generation)->deploy = generation->deploy;
    }
    forget(step, generation);
}

/* A service that ends with its worker does so at once; its deploy is the stop's then. */
static bool only_worker_has_ended(struct step *step)
{
    return step->model->death == DEATH_OF_SERVICE;
}

static int shell_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void end_with_worker(struct step *step)
{
    report(step, REPORT_ENDING)->status = step->model->death_status;
    step->model->exit_status = shell_status(step->model->death_status);
    begin_stop(step, SIGTERM);
}

/* --- who does not do as it should ------------------------------------------------------------- */

static bool is_quiet(const struct step *step, const struct generation *generation,
                     const struct lifecycle_worker *worker)
{
    return generation->state == GENERATION_SERVING && has_come(worker->watchdog_due, step->now);
}

static bool somebody_gives_no_sign_of_life(struct step *step)
{
    return find_worker(step, is_quiet);
}

static void take_for_silent(struct step *step)
{
    step->worker->is_silent = true;
    step->worker->watchdog_due = after(step->now, step->generation->settings.watchdog_ms);
}

static bool is_silent(const struct step *step, const struct generation *generation,
                      const struct lifecycle_worker *worker)
{
    (void)step;
    return generation->state == GENERATION_SERVING && worker->is_silent;
}

static bool current_hangs(struct step *step)
{
    return is_running(step->model) && find_worker(step, is_silent);
}

static bool current_hangs_in_probation(struct step *step)
{
    return current_hangs(step) && find_in_state(step->model, GENERATION_STANDBY) != NULL;
}

static void tell_of_hang(struct step *step)
{
    struct lifecycle_worker *worker = step->worker;
    worker->is_silent = false;
    if (!worker->is_hung) {
        worker->is_hung = true;
        report_generation(step, REPORT_HUNG, step->generation);
    }
}

static void give_way_by_hang(struct step *step)
{
    tell_of_hang(step);
    dismiss(step->generation, step->generation->settings.retire_signal);
    roll_back(step, FAILURE_HUNG);
}

/* A hung server may still serve some: it is replaced before it is told to leave. */
static void replace_hung(struct step *step)
{
    struct lifecycle *model = step->model;
    tell_of_hang(step);
    if (model->deploy.phase == DEPLOY_NONE && lifecycle_starting(model) == 0) {
        begin_deploy(step, CAUSE_WATCHDOG);
    }
}

static bool is_without_limit(const struct step *step, const struct generation *generation,
                             const struct lifecycle_worker *worker)
{
    return generation->state == GENERATION_STARTING && worker->state == WORKER_STARTING &&
           worker->ready_due == 0 && generation->settings.ready_timeout_ms > 0 &&
           !is_ready_by_age(step->model, generation);
}

static bool somebody_has_to_say_that_it_is_ready(struct step *step)
{
    return is_running(step->model) && find_worker(step, is_without_limit);
}

static void limit_start(struct step *step)
{
    step->worker->ready_due = after(step->now, step->generation->settings.ready_timeout_ms);
}

static bool is_late(const struct step *step, const struct generation *generation,
                    const struct lifecycle_worker *worker)
{
    return generation->state == GENERATION_STARTING && worker->state == WORKER_STARTING &&
           !worker->has_reported && has_come(worker->ready_due, step->now);
}

static bool candidate_is_late(struct step *step)
{
    return is_running(step->model) && find_worker(step, is_late);
}

static void reject_late(struct step *step)
{
    report_generation(step, REPORT_NOT_READY, step->generation);
    dismiss(step->generation, step->generation->settings.retire_signal);
    step->model->is_stale = true;
    fail_attempt(step, FAILURE_NOT_READY);
}

/* --- ready ------------------------------------------------------------------------------------ */

static bool has_said_so(const struct step *step, const struct generation *generation,
                        const struct lifecycle_worker *worker)
{
    (void)step;
    return generation->state == GENERATION_STARTING && worker->state == WORKER_STARTING &&
           worker->has_reported;
}

static bool somebody_says_that_it_is_ready(struct step *step)
{
    return find_worker(step, has_said_so);
}

static bool is_old_enough(const struct step *step, const struct generation *generation,
                          const struct lifecycle_worker *worker)
{
    return generation->state == GENERATION_STARTING && worker->state == WORKER_STARTING &&
           has_come(worker->age_due, step->now) && is_ready_by_age(step->model, generation);
}

static bool somebody_has_lived_long_enough(struct step *step)
{
    return find_worker(step, is_old_enough);
}

static void take_for_ready(struct step *step)
{
    step->worker->state = WORKER_READY;
    step->worker->ready_due = 0;
    step->worker->age_due = 0;
}

static bool candidate_is_ready(struct step *step)
{
    if (!is_running(step->model) || !pick(step, GENERATION_STARTING)) {
        return false;
    }
    for (unsigned i = 0; i < step->generation->worker_count; i++) {
        if (step->generation->workers[i].state != WORKER_READY) {
            return false;
        }
    }
    return true;
}

/* Nobody watches it while it waits. */
static void stand_by(struct generation *generation)
{
    generation->state = GENERATION_STANDBY;
    for (unsigned i = 0; i < generation->worker_count; i++) {
        generation->workers[i].watchdog_due = 0;
    }
}

/* With nobody to go back to there is no probation. */
static void take_over(struct step *step)
{
    struct lifecycle *model = step->model;
    struct generation *generation = step->generation;
    struct generation *previous = find_in_state(model, GENERATION_SERVING);
    int64_t probation = generation->settings.kill_old_delay_ms;
    if (previous != NULL) {
        stand_by(previous);
    }
    make_current(step, generation);
    report_generation(step, REPORT_READY, generation);
    if (model->pacing[0].crashes > 0) {
        model->pacing[0].settle_due = after(step->now, LIFECYCLE_BACKOFF_MAX_MS);
    }
    if (model->deploy.phase == DEPLOY_STARTING) {
        model->deploy.phase = DEPLOY_PROBATION;
        model->deploy.probation_due = after(step->now, previous != NULL ? probation : 0);
        if (previous != NULL && probation > 0) {
            report_generation(step, REPORT_RETIRING, generation)->ms = probation;
        }
    }
}

/* --- the rules ---------------------------------------------------------------------------------
 */

const struct rule lifecycle_generation_rules[] = {
    /* who has gone */
    {"a first command that cannot be executed ends the supervisor", command_can_never_run,
     end_with_its_status},
    {"a start that could not be made has failed", start_was_not_made, give_start_up},
    {"a candidate that dies has failed", candidate_has_died, give_candidate_up},
    {"a current generation that dies in its probation gives way to the standby",
     current_has_died_in_probation, give_way_by_death},
    {"a current generation that dies without a standby has to be replaced", current_has_died,
     lose_current},
    {"an older generation that has gone is forgotten", older_one_has_gone, see_off},
    {"a service with --exit-with-worker ends with its only worker", only_worker_has_ended,
     end_with_worker},

    /* who does not do as it should */
    {"a worker that gives no sign of life for --watchdog is silent", somebody_gives_no_sign_of_life,
     take_for_silent},
    {"a current generation that hangs in its probation gives way to the standby",
     current_hangs_in_probation, give_way_by_hang},
    {"a current generation that hangs is replaced by a deploy", current_hangs, replace_hung},
    {"a worker that has to report has --ready-timeout to do so",
     somebody_has_to_say_that_it_is_ready, limit_start},
    {"a candidate that is not ready in time is to leave", candidate_is_late, reject_late},

    /* ready */
    {"a worker that reports is ready", somebody_says_that_it_is_ready, take_for_ready},
    {"a worker that has lived for --interval is ready, if its age decides",
     somebody_has_lived_long_enough, take_for_ready},
    {"a candidate whose workers are all ready is current", candidate_is_ready, take_over},
    {.name = NULL},
};
