#include "world.h"

#include "rules.h"
#include "trace.h"
#include "world_receive.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

struct worker *world_find(struct world *world, uint64_t number)
{
    for (size_t i = 0; number != 0 && i < world->worker_count; i++) {
        if (world->workers[i].number == number) {
            return &world->workers[i];
        }
    }
    return NULL;
}

struct worker *world_find_pid(struct world *world, pid_t pid)
{
    for (size_t i = 0; pid > 0 && i < world->worker_count; i++) {
        if (world->workers[i].pid == pid) {
            return &world->workers[i];
        }
    }
    return NULL;
}

struct worker *world_find_starting(struct world *world)
{
    for (size_t i = world->worker_count; i > 0; i--) {
        if (!world->workers[i - 1].ready && !world->workers[i - 1].told) {
            return &world->workers[i - 1];
        }
    }
    return NULL;
}

const struct worker *world_find_serving(const struct world *world)
{
    for (size_t i = world->worker_count; i > 0; i--) {
        if (world->workers[i - 1].ready && !world->workers[i - 1].told) {
            return &world->workers[i - 1];
        }
    }
    return NULL;
}

bool world_has_older(const struct world *world, uint64_t number)
{
    return world->worker_count > 0 && world->workers[0].number < number;
}

bool world_is_by_age(const struct world *world, const struct worker *worker)
{
    return worker->settings.ready_mode == READY_BY_AGE ||
           (worker->settings.ready_mode == READY_AUTO && !world->must_report);
}

int64_t world_kill_timeout(const struct worker *worker)
{
    const struct lifecycle_settings *settings = &worker->settings;
    return settings->kill_timeout_ms == 0 && worker->hung ? settings->watchdog_ms
                                                          : settings->kill_timeout_ms;
}

void world_require(struct world *world, bool holds, const char *rule)
{
    if (!holds && world->violation == NULL) {
        world->violation = rule;
    }
}

void world_settle_takeover(struct world *world)
{
    const struct worker *current = world_find(world, world->current);
    if (world->under_way == 0 || current == NULL || current->deploy != world->under_way) {
        return;
    }
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        if (worker->number < current->number && !worker->told) {
            return;
        }
    }
    world->under_way = 0;
}

/* --- what an action does to the world -------------------------------------------------------- */

/* What held the deploy up is over; its request wipes out the deaths that came before. */
static void go_on(struct world *world)
{
    if (world->is_held_up) {
        world->is_held_up = false;
        world->attempts = 0;
        world->deaths = 0;
        world->step.is_death_counted = false;
    }
}

static void carry_out_spawn(struct world *world, const struct lifecycle_action *action)
{
    rules_before_spawn(world, action);
    if (world->worker_count == world->capacity) {
        return;
    }
    go_on(world);
    world->workers[world->worker_count++] =
        (struct worker){.number = action->generation, .deploy = action->deploy};
    world->in_flight = action->generation;
    world->last_number = action->generation;
    world->attempts++;
    world->spawns_in_a_row++;
    world->step.spawned = action->generation;
    world->tally->replaced_unheard += world->is_checking;
}

static void carry_out_check(struct world *world, const struct lifecycle_action *action)
{
    rules_before_check(world, action);
    world->tally->checked_again += action->deploy != 0 && action->deploy != world->step.started;
    world->is_checking = true;
    world->needs_check = true;
    world->step.checked = true;
}

static void carry_out_signal(struct world *world, const struct lifecycle_action *action)
{
    rules_before_signal(world, action);
    struct worker *worker = world_find(world, action->generation);
    if (worker == NULL) {
        return;
    }
    if (action->signal == SIGKILL) {
        worker->killed = true;
        worker->kill_armed = false;
        world->tally->killed_late += world->step.kill_fired == worker->number;
        world->tally->killed_for_room += world->step.kill_fired == 0 && !world->is_overdue;
        return;
    }
    worker->kill_expected = worker->kill_expected || world_kill_timeout(worker) > 0;
    if (world->is_stopped) {
        worker->told_to_stop = true;
        return;
    }
    bool is_retired = worker->told || (world->step.not_ready != worker->number &&
                                       world->step.rejected != worker->number);
    worker->told = true;
    world->signals += is_retired;
    world->step.signalled += is_retired;
}

static void carry_out_arm(struct world *world, const struct lifecycle_action *action)
{
    rules_before_arm(world, action);
    world->step.extended |= world->step.event->kind == EVENT_EXTEND;
    if (action->timer == TIMER_KILL) {
        struct worker *worker = world_find(world, action->generation);
        if (worker != NULL) {
            worker->kill_armed = true;
            worker->kill_due = world->now + action->ms;
        }
    } else if (action->timer < LIFECYCLE_TIMERS) {
        world->timer_armed[action->timer] = true;
        world->timer_due[action->timer] = world->now + action->ms;
        world->step.armed_ms[action->timer] = action->ms;
    }
}

static void become_current(struct world *world, struct worker *worker)
{
    world->current = worker->number;
    world->has_served = true;
    world->in_force = worker->settings;
    world->must_report = worker->reported;
    world->auto_restart_waits = false;
    worker->current_since = world->now;
}

static void open_deploy(struct world *world, const struct lifecycle_action *action)
{
    world_settle_takeover(world);
    rules_before_deploy(world, action);
    if (world->open_count < WORLD_OPEN_MAX) {
        world->open_deploys[world->open_count++] = action->deploy;
    }
    world->last_deploy = action->deploy;
    world->under_way = action->deploy;
    world->attempts = 0;
    world->signals = 0;
    world->is_queued = false;
    world->auto_restart_waits = false;
    world->needs_check = rules_needs_check(world, action->cause);
    if (!world->needs_check && action->cause != CAUSE_WATCHDOG) {
        world->deaths = 0;
    }
    for (size_t i = 0; i < world->worker_count; i++) {
        struct worker *worker = &world->workers[i];
        worker->served_before = worker->ready && !worker->told;
    }
    world->step.started = action->deploy;
    world->tally->deploys++;
    world->tally->causes[action->cause]++;
}

static void close_deploy(struct world *world, uint64_t deploy)
{
    world->step.settled = deploy;
    world->step.is_promise_settled |= deploy == world->step.promised;
    for (size_t i = 0; i < world->open_count; i++) {
        if (world->open_deploys[i] == deploy) {
            world->open_deploys[i] = world->open_deploys[--world->open_count];
            if (world->under_way == deploy) {
                world->under_way = 0;
            }
            return;
        }
    }
    world_require(world, false, "4: a deploy that is not open gets an outcome (a second one?)");
}

static void hear_of_generation(struct world *world, const struct lifecycle_action *action)
{
    struct step *step = &world->step;
    struct worker *worker = world_find(world, action->generation);
    rules_on_generation_report(world, action, worker);
    switch (action->report) {
    case REPORT_READY:
        if (worker != NULL) {
            worker->ready = true;
            become_current(world, worker);
        }
        step->became_ready = action->generation;
        world->tally->ready_by_report += step->has_to_be_ready == action->generation;
        world->tally->ready_by_age += step->has_to_be_ready != action->generation;
        break;
    case REPORT_ROLLED_BACK:
        if (worker != NULL) {
            become_current(world, worker);
        }
        step->rolled_back = action->generation;
        world->tally->rollbacks++;
        break;
    case REPORT_CRASHED:
        world->tally->crashes++;
        step->exit_reports++;
        break;
    case REPORT_START_FAILED:
    case REPORT_LEFT:
        step->exit_reports++;
        break;
    case REPORT_NOT_READY:
        step->told_unready = true;
        break;
    case REPORT_HUNG:
        if (worker != NULL) {
            worker->hung = true;
        }
        step->told_hung = true;
        break;
    default:
        break;
    }
}

/* The death was followed by a start that found the table full, and that ended a deploy: it counts,
   even if a deploy that was queued begins now. */
static void count_death_before_full_table(struct world *world,
                                          const struct lifecycle_action *action)
{
    const struct step *step = &world->step;
    if (action->reason == FAILURE_TABLE_FULL && step->started == 0 && step->is_death_counted) {
        world->deaths += world->settings.start_limit != 0;
        world->step.is_death_counted = false;
    }
}

static void hear(struct world *world, const struct lifecycle_action *action)
{
    switch (action->report) {
    case REPORT_PAUSED:
        rules_on_pause(world, action);
        world->step.paused_ms = action->ms;
        break;
    case REPORT_DEPLOY_STARTED:
        open_deploy(world, action);
        break;
    case REPORT_DEPLOY_QUEUED:
        world_require(world, !world->is_queued, "4: a second deploy is queued");
        world->is_queued = true;
        world->queued_cause = world->step.event->cause;
        world->promised = action->deploy;
        break;
    case REPORT_DEPLOY_SUCCEEDED:
        rules_before_success(world, action);
        close_deploy(world, action->deploy);
        world->tally->succeeded++;
        break;
    case REPORT_DEPLOY_FAILED:
        rules_before_failure(world, action);
        close_deploy(world, action->deploy);
        go_on(world); /* the table may be full */
        world->step.failed = action->deploy;
        count_death_before_full_table(world, action);
        if (world->has_served && action->reason != FAILURE_DIED_LATE) {
            world->settings = world->in_force;
        }
        world->tally->failed[action->reason]++;
        break;
    case REPORT_DEPLOY_STOPPED:
        world_require(world, world->step.stops, "4: a deploy is superseded without a stop");
        close_deploy(world, action->deploy);
        world->tally->stopped++;
        break;
    case REPORT_GAVE_UP:
        rules_before_giving_up(world);
        world->stop_status = LIFECYCLE_EXIT_GAVE_UP;
        world->step.gives_up = world_begin_stop(world, SIGTERM);
        world->tally->gave_up++;
        break;
    case REPORT_ENDING:
        world_require(world, world->step.must_end,
                      "it ends with a worker that is not the only one");
        world_begin_stop(world, SIGTERM);
        world->tally->ended_with_worker++;
        break;
    case REPORT_STOP_OVERDUE:
        world_require(world, rules_is_timer_event(world, TIMER_STOP),
                      "a stop is reported as overdue that has time");
        world->tally->overdue++;
        break;
    case REPORT_STOPPING:
        world_require(world, world->step.event->kind == EVENT_STOP, "a stop without a request");
        break;
    default:
        hear_of_generation(world, action);
        break;
    }
}

static void carry_out(struct world *world, const struct lifecycle_action *action)
{
    world_require(world, !world->has_exited, "5: something is done after the exit");
    switch (action->kind) {
    case ACTION_CHECK:
        carry_out_check(world, action);
        break;
    case ACTION_UNCHECK:
        world_require(world, world->is_checking, "a check is called off that does not run");
        world->is_checking = false;
        world->step.unchecked = true;
        break;
    case ACTION_SPAWN:
        carry_out_spawn(world, action);
        break;
    case ACTION_SIGNAL:
        carry_out_signal(world, action);
        break;
    case ACTION_ARM:
        carry_out_arm(world, action);
        break;
    case ACTION_DISARM:
        rules_before_disarm(world, action);
        world->timer_armed[action->timer] = false;
        break;
    case ACTION_PUBLISH:
        world->step.published = true;
        break;
    case ACTION_REPORT:
        hear(world, action);
        break;
    case ACTION_EXIT:
        rules_before_exit(world, action);
        world->has_exited = true;
        world->exit_status = action->status;
        world->tally->never_executed += world->step.event->kind == EVENT_SPAWN_FAILED;
        world->tally->never_checked += world->step.event->kind == EVENT_CHECKED;
        break;
    }
    world->step.last_action = action;
}

/* --- the world ------------------------------------------------------------------------------- */

void world_create(struct world *world, size_t capacity, const struct lifecycle_settings *settings,
                  struct tally *tally, FILE *trace)
{
    /* More room for actions than the machine asked for: that it keeps to it is a rule below. */
    static struct generation generations[WORLD_TABLE_MAX];
    static struct lifecycle_action actions[16 * WORLD_TABLE_MAX];
    memset(world, 0, offsetof(struct world, open_deploys));
    world->capacity = capacity;
    world->tally = tally;
    world->trace = trace;
    world->settings = *settings;
    lifecycle_init(&world->machine, generations, capacity, actions, settings);
    world->machine.action_capacity = sizeof actions / sizeof actions[0];
    tally->sequences++;
}

/* The machine must be after the event what it was before, byte for byte: a field that is new to it
   is compared without anybody thinking of it. */
static void step_ignored(struct world *world, const struct lifecycle_event *event)
{
    struct generation generations[WORLD_TABLE_MAX];
    struct lifecycle machine;
    size_t size = world->machine.count * sizeof generations[0];
    world->machine.action_count = 0;
    memcpy(generations, world->machine.generations, size);
    memcpy(&machine, &world->machine, sizeof machine);
    lifecycle_step(&world->machine, event);
    /* NOLINTBEGIN(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
    bool is_same = memcmp(&machine, &world->machine, sizeof machine) == 0 &&
                   memcmp(generations, world->machine.generations, size) == 0;
    /* NOLINTEND(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
    world_require(world, is_same, "an event that makes no sense any more changes something");
}

void world_step(struct world *world, const struct lifecycle_event *event)
{
    const struct worker *starting = world_find_starting(world);
    world->step = (struct step){
        .event = event,
        .current_before = world->current,
        .starting_before = starting != NULL ? starting->number : 0,
        .under_way_before = world->under_way,
    };
    world->tally->events++;
    world_receive(world, event);
    if (world->trace != NULL) {
        trace_event(world, event);
    }
    if (world->step.must_be_ignored) {
        step_ignored(world, event);
        return;
    }
    lifecycle_step(&world->machine, event);
    world_require(world,
                  world->machine.action_count <= LIFECYCLE_ACTIONS_MAX(world->machine.capacity),
                  "more actions than LIFECYCLE_ACTIONS_MAX says");
    for (size_t i = 0; i < world->machine.action_count; i++) {
        const struct lifecycle_action *action = &world->machine.actions[i];
        if (world->trace != NULL) {
            trace_action(world, action);
        }
        carry_out(world, action);
    }
    world_settle_takeover(world);
    rules_after_step(world);
}
