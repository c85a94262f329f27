#include "rules.h"

#include <signal.h>

/* Starts that follow each other without a timer, a report or a request in between. Two deploys
   that were asked for can stand behind them, and a first crash is answered at once; more is a
   loop. */
#define SPAWNS_IN_A_ROW_MAX 4

bool rules_is_open(const struct world *world, uint64_t deploy)
{
    for (size_t i = 0; i < world->open_count; i++) {
        if (world->open_deploys[i] == deploy) {
            return true;
        }
    }
    return false;
}

bool rules_is_timer_event(const struct world *world, enum lifecycle_timer timer)
{
    return world->step.event->kind == EVENT_TIMER && world->step.event->timer == timer;
}

/* --- starting -------------------------------------------------------------------------------- */

bool rules_needs_check(const struct world *world, enum deploy_cause cause)
{
    return world->settings.has_check || (world->settings.is_read && cause != CAUSE_WATCHDOG);
}

void rules_before_check(struct world *world, const struct lifecycle_action *action)
{
    bool is_first = world->step.event->kind == EVENT_START;
    bool is_asked_for_again = world->step.event->kind == EVENT_DEPLOY && action->deploy != 0 &&
                              world_find_starting(world) == NULL;
    world_require(world, !world->is_stopped, "5: a check begins after a stop");
    world_require(world, !world->is_checking,
                  "a check begins before the one before was answered or called off");
    world_require(world,
                  action->deploy == world->under_way &&
                      (is_first || is_asked_for_again ||
                       (action->deploy != 0 && action->deploy == world->step.started)),
                  "a check begins that is not a new deploy's");
    world_require(world,
                  is_first ? world->settings.has_check : rules_needs_check(world, action->cause),
                  "a check begins that nobody wants");
    world_require(world, world->step.spawned == 0,
                  "a start and a check at once: only one of them can be answered at once");
}

void rules_before_spawn(struct world *world, const struct lifecycle_action *action)
{
    const struct step *step = &world->step;
    bool is_asked_for = (step->started != 0 && step->hung == 0) ||
                        step->event->kind == EVENT_DEPLOY || step->said_yes || world->is_held_up;
    bool must_wait = world->timer_armed[TIMER_INTERVAL] || world->timer_armed[TIMER_PAUSE];
    world_require(world, !world->is_stopped, "5: something is spawned after a stop");
    world_require(world, action->generation > world->last_number,
                  "6: a generation's number does not grow");
    world_require(world, world_find_starting(world) == NULL, "2: two generations are starting");
    world_require(world, world->worker_count < world->capacity, "more generations than the table");
    world_require(world, world->current == 0 || world->under_way != 0,
                  "2: a generation is started beside the current one without a deploy");
    world_require(world, world->current == 0 || !world->needs_check,
                  "a generation is started for a deploy before its check said yes");
    world_require(world, !world->is_checking || world->under_way != 0,
                  "the first generation is started before the check said yes");
    world_require(world, action->deploy == (world->is_checking ? 0 : world->under_way),
                  "a generation is started with what was read for a deploy that it is not of");
    world_require(world, is_asked_for || !must_wait,
                  "a start that nobody asked for does not wait for its timers");
    world_require(world, world->spawns_in_a_row < SPAWNS_IN_A_ROW_MAX,
                  "starts follow each other without a pause");
    world_require(world, step->spawned == 0 && !step->checked,
                  "a start and a check at once: only one of them can be answered at once");
}

/* --- signals --------------------------------------------------------------------------------- */

/* Has the moment come at which the older generations are told to leave? */
static bool may_tell_older(struct world *world, const struct worker *current)
{
    bool has_predecessor = false;
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        has_predecessor |= worker->number < current->number && !worker->told;
    }
    return rules_is_timer_event(world, TIMER_RETIRE) || world->step.retiring_left ||
           (world->step.became_ready == current->number &&
            (current->settings.kill_old_delay_ms == 0 || !has_predecessor));
}

/* Is it the oldest of more than --max-old that linger, just after a takeover? */
static bool is_one_too_many(struct world *world, const struct worker *worker)
{
    const struct worker *current = world_find(world, world->current);
    bool is_takeover = world->step.signalled > 0 || world->step.became_ready == world->current;
    if (current == NULL || current->settings.max_old == 0 || !is_takeover ||
        worker->number >= current->number) {
        return false;
    }
    size_t lingering = 0;
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *other = &world->workers[i];
        if (other->number < current->number && !other->killed) {
            if (other->number < worker->number) {
                return false;
            }
            lingering++;
        }
    }
    return lingering > current->settings.max_old;
}

static void before_kill(struct world *world, const struct worker *worker)
{
    world_require(world, worker->told || worker->told_to_stop,
                  "a generation is killed that was not told to leave");
    world_require(world, worker->number != world->current, "1: the current generation is killed");
    world_require(world, !worker->killed, "a generation is killed twice");
    if (world->is_overdue) {
        return;
    }
    world_require(world, world->step.kill_fired == worker->number || is_one_too_many(world, worker),
                  "a generation is killed before --kill-timeout, and not for --max-old");
}

static void before_stop_signal(struct world *world, const struct lifecycle_action *action,
                               const struct worker *worker)
{
    world_require(world, action->signal == world->stop_signal, "a stop sends another signal");
    world_require(world, !worker->told_to_stop, "a stop signals a worker twice");
}

/* Signals go out one after the other: the first one of a step decides about all. */
static void before_retire_signal(struct world *world, const struct lifecycle_action *action,
                                 const struct worker *worker)
{
    struct worker *current = world_find(world, world->current);
    world_require(world, current != NULL && current->ready,
                  "1: an older generation is signalled while no newer one is ready");
    if (current == NULL) {
        return;
    }
    world_require(world, worker->number < current->number,
                  "1: a deploy signals a generation that is not older than the current one");
    world_require(world, current->deploy != 0, "1: a generation is signalled without a deploy");
    world_require(world, action->signal == current->settings.retire_signal,
                  "an older generation gets another signal than --signal-on-hup");
    world_require(world, world->step.signalled > 0 || may_tell_older(world, current),
                  "1: an older generation is signalled before --kill-old-delay is over");
}

void rules_before_signal(struct world *world, const struct lifecycle_action *action)
{
    const struct worker *worker = world_find_pid(world, action->pid);
    world_require(world, worker != NULL && worker->number == action->generation,
                  "3: a process that is not a living worker's is signalled");
    if (worker == NULL) {
        return;
    }
    if (action->signal == SIGKILL) {
        before_kill(world, worker);
    } else if (world->is_stopped) {
        before_stop_signal(world, action, worker);
    } else if (world->step.not_ready == worker->number && !worker->told) {
        world_require(world, world->step.told_unready,
                      "a generation is told to leave before it is reported as not ready");
        world_require(world, action->signal == worker->settings.retire_signal,
                      "a generation that is not ready gets another signal than --signal-on-hup");
    } else if (world->step.rejected == worker->number && !worker->told) {
        world_require(world, world->step.told_hung || worker->hung,
                      "a generation is told to leave before it is reported as hung");
        world_require(world, world->step.heir != 0,
                      "a generation that hangs is told to leave, and nobody serves in its place");
        world_require(world, action->signal == worker->settings.retire_signal,
                      "a generation that hangs gets another signal than --signal-on-hup");
    } else {
        before_retire_signal(world, action, worker);
    }
}

/* --- timers ---------------------------------------------------------------------------------- */

static void before_kill_arm(struct world *world, const struct lifecycle_action *action)
{
    const struct lifecycle_event *event = world->step.event;
    const struct worker *worker = world_find(world, action->generation);
    bool is_extended = event->kind == EVENT_EXTEND && event->generation == action->generation;
    world_require(world, worker != NULL && (worker->told || worker->told_to_stop),
                  "--kill-timeout begins for a generation that was not told to leave");
    if (worker == NULL) {
        return;
    }
    world_require(world, !worker->killed, "--kill-timeout begins after the end");
    world_require(world, is_extended == worker->kill_armed,
                  "one that is told to leave again gets more time, or an extension is lost");
    world_require(world, action->ms == (is_extended ? event->ms : world_kill_timeout(worker)),
                  "--kill-timeout is not that of the generation");
}

static void before_ready_arm(struct world *world, const struct lifecycle_action *action)
{
    const struct lifecycle_event *event = world->step.event;
    const struct worker *starting = world_find_starting(world);
    world_require(world, starting != NULL && starting->pid != 0,
                  "--ready-timeout begins without a generation that is starting");
    if (starting == NULL) {
        return;
    }
    bool is_extended = event->kind == EVENT_EXTEND && event->generation == starting->number;
    world_require(world, is_extended || event->kind == EVENT_SPAWNED || event->kind == EVENT_READY,
                  "--ready-timeout does not begin with a spawn");
    world_require(world, !is_extended || world->timer_armed[TIMER_READY],
                  "one is given more time that has no end");
    world_require(world,
                  action->ms == (is_extended ? event->ms : starting->settings.ready_timeout_ms),
                  "--ready-timeout is not that of the generation");
}

static void before_current_arm(struct world *world, const struct lifecycle_action *action)
{
    const struct worker *current = world_find(world, world->current);
    if (action->timer == TIMER_RETIRE) {
        world_require(world, current != NULL && world->step.became_ready == current->number,
                      "--kill-old-delay does not begin when a generation becomes ready");
        world_require(world, current != NULL && action->ms == current->settings.kill_old_delay_ms,
                      "--kill-old-delay is not that of the current generation");
    }
}

void rules_before_arm(struct world *world, const struct lifecycle_action *action)
{
    enum lifecycle_event_kind kind = world->step.event->kind;
    world_require(world,
                  !world->is_stopped || action->timer == TIMER_KILL || action->timer == TIMER_STOP,
                  "5: a timer is armed after a stop");
    world_require(world, action->ms > 0, "a timer is armed for no time");
    switch (action->timer) {
    case TIMER_INTERVAL:
        world_require(world, kind == EVENT_SPAWNED || kind == EVENT_SPAWN_FAILED,
                      "the interval does not begin with a spawn");
        world_require(world, action->ms == world->settings.interval_ms,
                      "the interval is not that of the last spawn");
        break;
    case TIMER_SETTLE:
        world_require(world, action->ms == LIFECYCLE_BACKOFF_MAX_MS, "another time to settle");
        break;
    case TIMER_READY:
        before_ready_arm(world, action);
        break;
    case TIMER_KILL:
        before_kill_arm(world, action);
        break;
    case TIMER_START_LIMIT:
        world_require(world, action->ms == world->settings.start_limit_ms && world->deaths == 0,
                      "the time of --start-limit does not begin with the first death");
        break;
    case TIMER_RETIRE:
        before_current_arm(world, action);
        break;
    case TIMER_STOP:
        world_require(world, world->step.stops && action->ms == world->stop_timeout_ms,
                      "--stop-timeout does not begin with the stop, or is another");
        break;
    case TIMER_PAUSE:
    case TIMER_AUTO_RESTART:
    case TIMER_WATCHDOG:
        break; /* what they are for is told later in the list: see rules_after.c */
    case LIFECYCLE_TIMERS:
        world_require(world, false, "a timer that does not exist is armed");
        break;
    }
}

void rules_before_disarm(struct world *world, const struct lifecycle_action *action)
{
    world_require(world, action->timer < LIFECYCLE_TIMERS,
                  "a timer is disarmed that ends with its generation");
}

void rules_before_exit(struct world *world, const struct lifecycle_action *action)
{
    const struct lifecycle_event *event = world->step.event;
    world_require(world, world->worker_count == 0, "5: the supervisor exits before its workers");
    world_require(world, !world->is_checking, "5: the supervisor exits, but a check runs on");
    if (world->is_stopped) {
        world_require(world, action->status == world->stop_status,
                      "a stop ends with another status than 0, that of giving up or the worker's");
        return;
    }
    if (event->kind == EVENT_CHECKED) {
        world_require(world, world->step.said_no && world->step.checked_deploy == 0,
                      "5: the supervisor exits since a check failed that was not the first");
        world_require(world, action->status == 1, "the first check fails with another status");
        return;
    }
    world_require(world,
                  event->kind == EVENT_SPAWN_FAILED && event->permanent && !world->ever_spawned,
                  "5: the supervisor exits without a stop");
    world_require(world, action->status == event->status,
                  "the exit status does not tell why the command cannot be executed");
}

/* --- deploys --------------------------------------------------------------------------------- */

static bool may_deploy_by_itself(struct world *world)
{
    const struct worker *current = world_find(world, world->current);
    if (current == NULL || current->settings.auto_restart_ms == 0) {
        return false;
    }
    bool is_alone = !world_has_older(world, current->number);
    return rules_is_timer_event(world, TIMER_AUTO_RESTART)
               ? is_alone || world->step.auto_restart_waited
               : is_alone && world->auto_restart_waits;
}

void rules_before_deploy(struct world *world, const struct lifecycle_action *action)
{
    bool is_promised = world->promised > world->last_deploy;
    world_require(world, !world->is_stopped, "5: a deploy begins after a stop");
    world_require(world, world->under_way == 0, "4: a deploy begins while another is under way");
    world_require(world, world_find_starting(world) == NULL,
                  "4: a deploy begins while something older than it is starting");
    world_require(world, action->deploy > world->last_deploy, "a deploy's number does not grow");
    world_require(world, !is_promised || action->deploy == world->promised,
                  "4: the deploy that was queued has another number now");
    switch (action->cause) {
    case CAUSE_TIME:
        world_require(world, may_deploy_by_itself(world), "a deploy that nobody asked for");
        break;
    case CAUSE_WATCHDOG:
        world_require(world, world->step.hung != 0 && world->step.hung == world->current,
                      "a deploy for one that hangs, but none does");
        break;
    case CAUSE_REQUEST:
    case CAUSE_CHANGE:
        world_require(world, world->is_queued || world->step.event->kind == EVENT_DEPLOY,
                      "more deploys than were asked for");
        world_require(world,
                      action->cause ==
                          (world->is_queued ? world->queued_cause : world->step.event->cause),
                      "a deploy has another cause than who asked for it");
        break;
    case DEPLOY_CAUSES:
        world_require(world, false, "a deploy without a cause");
        break;
    }
}

void rules_before_success(struct world *world, const struct lifecycle_action *action)
{
    const struct step *step = &world->step;
    const struct worker *worker = world_find(world, action->generation);
    if (worker != NULL) {
        world_require(world, worker->ready && worker->deploy == action->deploy,
                      "4: a deploy succeeds by a generation that is not its own");
        world_require(world, !world_has_older(world, action->generation),
                      "4: a deploy succeeds before everything older is gone");
        return;
    }
    /* It took over and was replaced in turn: what is older is the newer deploy's to see off. */
    world_require(world,
                  step->has_left && step->left.number == action->generation &&
                      step->left.deploy == action->deploy && step->left.ready &&
                      step->left.number != step->current_before,
                  "4: a deploy succeeds though its generation died");
}

/* Who served when the deploy began serves on, and nobody else but what replaces the dead. */
static void serve_as_before(struct world *world, uint64_t deploy)
{
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        bool serves = worker->ready && !worker->told;
        world_require(world, serves || !worker->served_before,
                      "7: a deploy fails, and one that served before does no longer");
        world_require(world, !serves || worker->served_before || worker->deploy != deploy,
                      "7: a deploy fails, and its own generation serves");
        world_require(world, !worker->served_before || !worker->killed,
                      "7: a deploy fails, and one that served before is killed");
    }
}

void rules_before_failure(struct world *world, const struct lifecycle_action *action)
{
    const struct step *step = &world->step;
    switch (action->reason) {
    case FAILURE_TABLE_FULL:
        world_require(world, world->worker_count == world->capacity,
                      "4: a deploy fails for a full table that is not full");
        world_require(world, !world->is_checking,
                      "4: a deploy fails for a full table before it was to start anything");
        break;
    case FAILURE_DIED_LATE:
        world_require(world,
                      step->has_left && step->left.number == step->current_before &&
                          step->left.deploy == action->deploy && action->deploy != world->under_way,
                      "4: a deploy fails late, but not by the death of its generation");
        return;
    case FAILURE_CHECK:
    case FAILURE_CONFIGURATION:
    case FAILURE_LISTENERS:
        world_require(world,
                      step->said_no && step->checked_deploy == action->deploy &&
                          step->refusal == action->reason,
                      "4: a deploy fails by its check, but that has not said so");
        break;
    default:
        world_require(world,
                      step->attempt_ended && step->attempt_was_last &&
                          step->attempt_deploy == action->deploy &&
                          step->attempt_failure == action->reason,
                      "4: a deploy fails before its attempts are used up, or for another reason");
        break;
    }
    world_require(world, action->deploy == world->under_way && world->signals == 0,
                  "1: a deploy fails, but it has signalled an older generation");
    serve_as_before(world, action->deploy);
}

void rules_before_giving_up(struct world *world)
{
    unsigned limit = world->settings.start_limit;
    world_require(world, !world->is_stopped, "it gives up after a stop");
    world_require(world, world->current == 0, "it gives up while a generation serves");
    world_require(world, world->step.is_death_counted, "it gives up without a death");
    world_require(world, limit != 0 && world->deaths + 1 >= limit,
                  "it gives up before --start-limit is reached");
}

void rules_on_pause(struct world *world, const struct lifecycle_action *action)
{
    int64_t interval = world->settings.interval_ms;
    int64_t shortest = LIFECYCLE_BACKOFF_MIN_MS;
    int64_t longest = interval > LIFECYCLE_BACKOFF_MAX_MS ? interval : LIFECYCLE_BACKOFF_MAX_MS;
    world_require(world, action->ms >= shortest && action->ms <= longest,
                  "a pause is shorter or longer than a pause can be");
    world_require(world, world->settings.backoff || action->ms == shortest,
                  "a pause grows without backoff");
}

/* --- reports --------------------------------------------------------------------------------- */

static bool is_ready_in_time(const struct world *world, const struct worker *worker)
{
    const struct lifecycle_event *event = world->step.event;
    return rules_is_timer_event(world, TIMER_INTERVAL) ||
           (event->kind == EVENT_SPAWNED && event->generation == worker->number &&
            event->settings.interval_ms == 0);
}

static void on_ready(struct world *world, const struct worker *worker)
{
    const struct step *step = &world->step;
    world_require(world,
                  worker != NULL && worker->pid != 0 && !worker->ready && !worker->told &&
                      !world->is_stopped,
                  "2: a generation becomes ready that is not starting");
    if (worker == NULL || step->has_to_be_ready == worker->number) {
        return;
    }
    world_require(world, is_ready_in_time(world, worker),
                  "a generation becomes ready before it has lived for the interval");
    world_require(world, world_is_by_age(world, worker),
                  "a generation becomes ready by age that has to say so");
}

static bool is_signal_told(const struct world *world, const struct lifecycle_action *action)
{
    const struct lifecycle_action *sent = world->step.last_action;
    return sent != NULL && sent->kind == ACTION_SIGNAL && sent->generation == action->generation &&
           sent->pid == action->pid && sent->signal == action->signal;
}

static bool is_exit_told(const struct world *world, const struct lifecycle_action *action)
{
    const struct step *step = &world->step;
    if (!step->has_left || step->left.number != action->generation ||
        step->left.pid != action->pid || step->event->status != action->status) {
        return false;
    }
    bool was_current = step->left.number == step->current_before;
    bool was_starting = step->left.number == step->starting_before;
    switch (action->report) {
    case REPORT_START_FAILED:
        return !world->is_stopped && was_starting;
    case REPORT_CRASHED:
        return !world->is_stopped && was_current;
    default:
        return world->is_stopped || (!was_starting && !was_current);
    }
}

void rules_on_generation_report(struct world *world, const struct lifecycle_action *action,
                                const struct worker *worker)
{
    const struct step *step = &world->step;
    bool is_alive = worker != NULL && worker->pid != 0 && worker->pid == action->pid;
    switch (action->report) {
    case REPORT_SPAWNED:
        world_require(world, is_alive && step->event->kind == EVENT_SPAWNED,
                      "a spawn is reported that was not");
        break;
    case REPORT_READY:
        world_require(world, is_alive, "2: a generation becomes ready that does not live");
        on_ready(world, worker);
        break;
    case REPORT_NOT_READY:
        world_require(world, is_alive && action->generation == step->not_ready && !worker->told,
                      "a generation is reported as not ready that has time");
        break;
    case REPORT_HUNG:
        world_require(world, is_alive && action->generation == step->hung && !worker->hung,
                      "a generation is reported as hung that is not, or twice");
        break;
    case REPORT_ROLLED_BACK:
        world_require(world, is_alive && action->generation == step->heir,
                      "1: a roll-back without a cause or to another generation");
        break;
    case REPORT_RETIRING:
        world_require(world,
                      action->generation == world->current && worker != NULL &&
                          action->ms == worker->settings.kill_old_delay_ms &&
                          world->timer_armed[TIMER_RETIRE],
                      "--kill-old-delay is reported that is not waited for");
        break;
    case REPORT_SIGNALLED:
        world_require(world, is_signal_told(world, action), "a signal is reported that was not");
        break;
    default:
        world_require(world, is_exit_told(world, action),
                      "an exit is reported that was not, or as another kind of exit");
        break;
    }
}
