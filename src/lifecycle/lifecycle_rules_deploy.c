/*
 * The third part of the rules: deploys, starts and their pauses, requests.
 */
#include "lifecycle_moves.h"

#include <signal.h>

/* --- deploys ---------------------------------------------------------------------------------- */

static bool probation_is_over(struct step *step)
{
    return step->model->deploy.phase == DEPLOY_PROBATION &&
           (has_come(step->model->deploy.probation_due, step->now) ||
            find_in_state(step->model, GENERATION_STANDBY) == NULL);
}

/* Every older generation gets the signal, one that lingers from an earlier deploy once more. From
   here on a new deploy may begin. */
static void retire_older(struct step *step)
{
    struct lifecycle *model = step->model;
    struct generation *current = find_in_state(model, GENERATION_SERVING);
    for (unsigned i = 0; i < model->count && model->generations[i].number < current->number; i++) {
        dismiss(&model->generations[i], current->settings.retire_signal);
    }
    current->deploy = model->deploy.number;
    leave_deploy(model);
}

static bool lingers(const struct step *step, const struct generation *generation)
{
    (void)step;
    return generation->state == GENERATION_STOPPING &&
           generation->workers[0].state != WORKER_KILLED;
}

/* So many generations older than the current one have not gone, and have not been killed. */
static unsigned count_lingering(const struct step *step, const struct generation *current)
{
    unsigned count = 0;
    for (const struct generation *one = step->model->generations; one < current; one++) {
        count += lingers(step, one);
    }
    return count;
}

static bool too_many_linger(struct step *step)
{
    struct generation *current = find_in_state(step->model, GENERATION_SERVING);
    return is_running(step->model) && current != NULL && current->settings.max_old > 0 &&
           step->model->deploy.phase != DEPLOY_PROBATION &&
           count_lingering(step, current) > current->settings.max_old &&
           find_generation(step, lingers);
}

/* Its time to leave is over. */
static void be_done_with(struct step *step)
{
    for (unsigned i = 0; i < step->generation->worker_count; i++) {
        if (is_alive(&step->generation->workers[i])) {
            step->generation->workers[i].kill_due = step->now;
        }
    }
}

static bool has_succeeded(const struct step *step, const struct generation *generation)
{
    return generation->deploy != 0 && !has_older(step->model, generation->number);
}

static bool everything_older_has_gone(struct step *step)
{
    return is_running(step->model) && find_generation(step, has_succeeded);
}

static void succeed(struct step *step)
{
    report_generation(step, REPORT_DEPLOY_SUCCEEDED, step->generation)->deploy =
        step->generation->deploy;
    step->generation->deploy = 0;
}

static bool check_says_no(struct step *step)
{
    return step->model->deploy.phase == DEPLOY_CHECKING && step->model->answer == ANSWER_NO;
}

static void refuse_deploy(struct step *step)
{
    enum deploy_failure refusal = step->model->refusal;
    step->model->answer = ANSWER_NONE;
    fail_deploy(step, refusal != FAILURE_NONE ? refusal : FAILURE_CHECK);
}

static bool check_says_yes_while_something_starts(struct step *step)
{
    return step->model->deploy.phase == DEPLOY_CHECKING && step->model->answer == ANSWER_YES &&
           lifecycle_starting(step->model) != 0;
}

/* What is starting was started with what was before. */
static void hold_up(struct step *step)
{
    step->model->answer = ANSWER_NONE;
    step->model->deploy.phase = DEPLOY_HELD_UP;
}

static bool deploy_may_begin_to_try(struct step *step)
{
    const struct lifecycle *model = step->model;
    return lifecycle_starting(model) == 0 &&
           (model->deploy.phase == DEPLOY_HELD_UP ||
            (model->deploy.phase == DEPLOY_CHECKING && model->answer == ANSWER_YES));
}

static void begin_to_try(struct step *step)
{
    step->model->answer = ANSWER_NONE;
    begin_attempts(step);
}

static bool attempts_are_used_up(struct step *step)
{
    const struct deploy *deploy = &step->model->deploy;
    unsigned attempts = step->model->settings.deploy_attempts;
    return deploy->phase == DEPLOY_STARTING && deploy->failure != FAILURE_NONE &&
           (deploy->failure == FAILURE_NOT_EXECUTABLE ||
            (attempts != 0 && deploy->attempt >= attempts));
}

static void fail_for_good(struct step *step)
{
    fail_deploy(step, step->model->deploy.failure);
}

/* True when what is wanted need not wait any more. */
static bool is_due(const struct step *step)
{
    const struct pacing *pacing = &step->model->pacing[0];
    return is_wanted(step->model) && is_over(pacing->interval_due, step->now) &&
           is_over(pacing->pause_due, step->now);
}

/* Those that were never ready linger too: what is no deploy's waits until one has left. */
static bool deploy_finds_no_room(struct step *step)
{
    return step->model->deploy.phase == DEPLOY_STARTING && is_due(step) &&
           step->model->count == step->model->capacity;
}

static void fail_for_room(struct step *step)
{
    fail_deploy(step, FAILURE_TABLE_FULL);
}

/* What was started before it was asked for is not its own: it waits for that. */
static bool queued_deploy_may_begin(struct step *step)
{
    const struct lifecycle *model = step->model;
    return is_running(model) && model->is_queued && model->deploy.phase == DEPLOY_NONE &&
           lifecycle_starting(model) == 0 && model->last_number > 0;
}

static void begin_queued_deploy(struct step *step)
{
    begin_deploy(step, step->model->queued_cause);
}

/* --- deaths and starts ------------------------------------------------------------------------ */

static bool deaths_are_long_ago(struct step *step)
{
    return has_come(step->model->deaths_due, step->now);
}

static void forget_deaths(struct step *step)
{
    step->model->deaths = 0;
    step->model->deaths_due = 0;
}

static bool current_has_settled(struct step *step)
{
    return has_come(step->model->pacing[0].settle_due, step->now);
}

static void trust(struct step *step)
{
    step->model->pacing[0].crashes = 0;
    step->model->pacing[0].settle_due = 0;
}

/* A death counts while nothing serves. */
static bool is_counted(const struct lifecycle *model)
{
    return model->settings.start_limit != 0 && lifecycle_current(model) == 0;
}

static bool death_is_one_too_many(struct step *step)
{
    const struct lifecycle *model = step->model;
    return model->death != DEATH_NONE && is_counted(model) &&
           model->deaths + 1 >= model->settings.start_limit;
}

static void give_up(struct step *step)
{
    report(step, REPORT_GAVE_UP);
    step->model->exit_status = LIFECYCLE_EXIT_GAVE_UP;
    begin_stop(step, SIGTERM);
}

static bool somebody_has_died(struct step *step)
{
    return step->model->death != DEATH_NONE;
}

/* What a server that keeps crashing waits for on top of the interval since its last start. */
static int64_t crash_pause_ms(const struct lifecycle_settings *settings, unsigned crashes)
{
    int64_t interval = settings->interval_ms;
    int64_t pause = interval > LIFECYCLE_BACKOFF_MIN_MS ? interval : LIFECYCLE_BACKOFF_MIN_MS;
    if (!settings->backoff) {
        return interval < LIFECYCLE_BACKOFF_MIN_MS ? pause : 0;
    }
    int64_t longest = pause > LIFECYCLE_BACKOFF_MAX_MS ? pause : LIFECYCLE_BACKOFF_MAX_MS;
    for (unsigned i = 1; i < crashes && pause < longest; i++) {
        pause *= 2;
    }
    return pause < longest ? pause : longest;
}

static void count_death(struct step *step)
{
    struct lifecycle *model = step->model;
    if (is_counted(model) && model->deaths++ == 0) {
        model->deaths_due = after(step->now, model->settings.start_limit_ms);
    }
}

/* One that had served is replaced at once the first time; after that, and for one that never got so
   far, with a pause. */
static void pace(struct step *step)
{
    struct pacing *pacing = &step->model->pacing[0];
    bool was_ready = step->model->death == DEATH_AFTER_READY;
    step->model->death = DEATH_NONE;
    step->model->deploy.failure = FAILURE_NONE;
    if (!is_wanted(step->model)) {
        return;
    }
    count_death(step);
    if (!was_ready && pacing->crashes == 0) {
        pacing->crashes = 1;
    }
    int64_t pause =
        pacing->crashes == 0 ? 0 : crash_pause_ms(&step->model->settings, pacing->crashes);
    pacing->crashes += pacing->crashes < UINT16_MAX;
    if (pause > 0) {
        pacing->pause_due = after(step->now, pause);
        report(step, REPORT_PAUSED)->ms = pause;
    }
}

static bool start_is_due(struct step *step)
{
    return is_due(step) && step->model->count < step->model->capacity;
}

static void begin_generation(struct step *step)
{
    struct lifecycle *model = step->model;
    struct generation *generation = &model->generations[model->count++];
    generation->number = ++model->last_number;
    generation->state = GENERATION_STARTING;
    generation->share = 0;
    generation->deploy = 0;
    generation->settings = model->settings;
    generation->worker_count = LIFECYCLE_WORKERS;
    model->deploy.attempt += model->deploy.phase == DEPLOY_STARTING;
    for (unsigned slot = 0; slot < generation->worker_count; slot++) {
        generation->workers[slot] = (struct lifecycle_worker){.state = WORKER_WANTED};
    }
}

static bool is_empty(const struct step *step, const struct generation *generation,
                     const struct lifecycle_worker *worker)
{
    (void)step;
    (void)generation;
    return worker->state == WORKER_WANTED;
}

static bool slot_is_empty(struct step *step)
{
    return is_running(step->model) && find_worker(step, is_empty);
}

static void spawn(struct step *step)
{
    struct lifecycle *model = step->model;
    struct lifecycle_action *action = act(step, ACTION_SPAWN);
    action->generation = step->generation->number;
    action->slot = (unsigned)(step->worker - step->generation->workers);
    action->deploy = model->deploy.phase == DEPLOY_STARTING ? model->deploy.number : 0;
    model->pacing[action->slot].interval_due = 0;
    model->pacing[action->slot].pause_due = 0;
    step->worker->state = WORKER_ASKED;
}

/* --- requests --------------------------------------------------------------------------------- */

/* A deploy waits between two attempts. */
static bool request_meets_pause(struct step *step)
{
    return step->model->is_asked && step->model->deploy.phase == DEPLOY_STARTING &&
           is_wanted(step->model);
}

static bool request_meets_pause_and_check(struct step *step)
{
    return request_meets_pause(step) && needs_check(step->model, CAUSE_REQUEST);
}

/* What the next attempt is started with may be mended by now. */
static void check_anew(struct step *step)
{
    step->model->is_asked = false;
    if (lifecycle_current(step->model) != 0) {
        step->model->pacing[0].crashes = 0;
    }
    begin_check(step, CAUSE_REQUEST);
}

static void try_at_once(struct step *step)
{
    step->model->is_asked = false;
    forgive(step->model);
}

static bool request_meets_nothing(struct step *step)
{
    return step->model->is_asked && is_running(step->model) &&
           step->model->deploy.phase == DEPLOY_NONE && lifecycle_starting(step->model) == 0;
}

static void begin_asked_deploy(struct step *step)
{
    step->model->is_asked = false;
    begin_deploy(step, step->model->asked_cause);
}

static bool request_is_the_first_to_wait(struct step *step)
{
    return step->model->is_asked && !step->model->is_queued && !lifecycle_is_stopping(step->model);
}

static void queue_deploy(struct step *step)
{
    step->model->is_asked = false;
    step->model->is_queued = true;
    step->model->queued_cause = step->model->asked_cause;
    report(step, REPORT_DEPLOY_QUEUED)->deploy = step->model->last_deploy + 1;
}

static bool request_is_superfluous(struct step *step)
{
    return step->model->is_asked;
}

static void drop_request(struct step *step)
{
    step->model->is_asked = false;
}

/* --- restarts by time ------------------------------------------------------------------------- */

static bool restart_is_due(const struct step *step)
{
    return is_running(step->model) && has_come(step->model->restart_due, step->now);
}

static void put_restart_off(struct step *step)
{
    const struct generation *current = find_in_state(step->model, GENERATION_SERVING);
    step->model->restart_due = after(step->now, current->settings.auto_restart_ms);
}

/* The deploy may yet fail, or be waiting for --kill-old-delay. */
static bool restart_meets_deploy(struct step *step)
{
    return restart_is_due(step) && step->model->deploy.phase != DEPLOY_NONE;
}

static bool restart_may_begin(struct step *step)
{
    const struct lifecycle *model = step->model;
    bool is_alone = !has_older(model, lifecycle_current(model));
    return is_running(model) && model->deploy.phase == DEPLOY_NONE &&
           ((model->restart_waits && is_alone) ||
            (restart_is_due(step) && (model->restart_waits || is_alone)));
}

static void begin_restart(struct step *step)
{
    begin_deploy(step, CAUSE_TIME);
}

static bool restart_meets_older(struct step *step)
{
    return restart_is_due(step);
}

static void let_restart_wait(struct step *step)
{
    step->model->restart_waits = true;
    put_restart_off(step);
}

/* --- the rules ---------------------------------------------------------------------------------
 */

const struct rule lifecycle_deploy_rules[] = {
    /* deploys */
    {"after the probation the older generations are to leave", probation_is_over, retire_older},
    {"the oldest of more than --max-old lingering generations is killed", too_many_linger,
     be_done_with},
    {"a deploy succeeds when everything older has gone", everything_older_has_gone, succeed},
    {"a check that says no fails its deploy", check_says_no, refuse_deploy},
    {"a deploy whose check says yes waits while another generation is starting",
     check_says_yes_while_something_starts, hold_up},
    {"a deploy whose check says yes begins its attempts when nothing else is starting",
     deploy_may_begin_to_try, begin_to_try},
    {"a deploy fails when its attempts are used up", attempts_are_used_up, fail_for_good},
    {"a deploy fails when the table is full", deploy_finds_no_room, fail_for_room},
    {"a queued deploy begins when nothing else is under way", queued_deploy_may_begin,
     begin_queued_deploy},

    /* deaths and starts */
    {"deaths are forgotten after the time of --start-limit", deaths_are_long_ago, forget_deaths},
    {"the crashes before a generation that has served for 30 s are forgotten", current_has_settled,
     trust},
    {"a death that reaches --start-limit while nothing is serving ends the service",
     death_is_one_too_many, give_up},
    {"a death is followed by a new start, after a pause unless it is the first crash",
     somebody_has_died, pace},
    {"a generation that is wanted begins when the pauses are over", start_is_due, begin_generation},
    {"an empty slot gets a worker", slot_is_empty, spawn},

    /* requests */
    {"a request between two attempts has what comes next checked", request_meets_pause_and_check,
     check_anew},
    {"a request between two attempts begins the next one at once", request_meets_pause,
     try_at_once},
    {"a request begins a deploy when nothing else is under way", request_meets_nothing,
     begin_asked_deploy},
    {"a request waits for what is under way", request_is_the_first_to_wait, queue_deploy},
    {"a request while one waits is dropped, as is one in a stop", request_is_superfluous,
     drop_request},

    /* restarts by time */
    {"a restart by time is put off by a deploy", restart_meets_deploy, put_restart_off},
    {"a restart by time begins a deploy when older generations have gone, or after another "
     "interval",
     restart_may_begin, begin_restart},
    {"a restart by time waits for older generations", restart_meets_older, let_restart_wait},
    {.name = NULL},
};
