#include "world.h"

#include "rules.h"

#include <inttypes.h>
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

const struct worker *world_find_pid(const struct world *world, pid_t pid)
{
    for (size_t i = 0; pid > 0 && i < world->worker_count; i++) {
        if (world->workers[i].pid == pid) {
            return &world->workers[i];
        }
    }
    return NULL;
}

const struct worker *world_newest_serving(const struct world *world)
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

void world_require(struct world *world, bool holds, const char *rule)
{
    if (!holds && world->violation == NULL) {
        world->violation = rule;
    }
}

static void bury(struct world *world, const struct worker *worker)
{
    size_t index = (size_t)(worker - world->workers);
    world->worker_count--;
    memmove(&world->workers[index], &world->workers[index + 1],
            (world->worker_count - index) * sizeof *worker);
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

/* --- the trace ------------------------------------------------------------------------------- */

static void print_settings(FILE *trace, const struct lifecycle_settings *settings)
{
    fprintf(trace,
            " (interval %" PRId64 ", kill-old-delay %" PRId64 ", auto-restart %" PRId64
            ", attempts %u, backoff %s)",
            settings->interval_ms, settings->kill_old_delay_ms, settings->auto_restart_ms,
            settings->deploy_attempts, settings->backoff ? "on" : "off");
}

static void print_event(const struct world *world, const struct lifecycle_event *event)
{
    FILE *trace = world->trace;
    fprintf(trace, "%8" PRId64 " ms  %s", world->now, lifecycle_event_name(event->kind));
    switch (event->kind) {
    case EVENT_SPAWNED:
        fprintf(trace, " generation %" PRIu64 " pid %d", event->generation, (int)event->pid);
        print_settings(trace, &event->settings);
        break;
    case EVENT_SPAWN_FAILED:
        fprintf(trace, " generation %" PRIu64 " %s", event->generation,
                event->permanent ? "permanent" : "transient");
        print_settings(trace, &event->settings);
        break;
    case EVENT_EXITED:
        fprintf(trace, " pid %d status %d", (int)event->pid, event->status);
        break;
    case EVENT_TIMER:
        fprintf(trace, " %s", lifecycle_timer_name(event->timer));
        break;
    case EVENT_STOP:
        fprintf(trace, " signal %d", event->signal);
        break;
    case EVENT_START:
    case EVENT_DEPLOY:
        break;
    }
    fprintf(trace, "%s\n", world->step.must_be_ignored ? " (to be ignored)" : "");
}

static void print_action(const struct world *world, const struct lifecycle_action *action)
{
    FILE *trace = world->trace;
    fprintf(trace, "             -> %s", lifecycle_action_name(action->kind));
    if (action->kind == ACTION_REPORT) {
        fprintf(trace, " %s", lifecycle_report_name(action->report));
    } else if (action->kind == ACTION_ARM || action->kind == ACTION_DISARM) {
        fprintf(trace, " %s", lifecycle_timer_name(action->timer));
    }
    if (action->generation != 0) {
        fprintf(trace, " generation %" PRIu64, action->generation);
    }
    if (action->deploy != 0) {
        fprintf(trace, " deploy %" PRIu64 "%s", action->deploy,
                action->automatic ? " automatic" : "");
    }
    if (action->pid != 0) {
        fprintf(trace, " pid %d", (int)action->pid);
    }
    if (action->signal != 0) {
        fprintf(trace, " signal %d", action->signal);
    }
    if (action->ms != 0) {
        fprintf(trace, " %" PRId64 " ms", action->ms);
    }
    if (action->reason != FAILURE_NONE) {
        fprintf(trace, ": %s", deploy_failure_text(action->reason));
    }
    if (action->kind == ACTION_EXIT || action->status != 0) {
        fprintf(trace, " status %d", action->status);
    }
    fprintf(trace, "\n");
}

/* --- what an event does to the world, before the machine hears of it ------------------------- */

static void attempt_ends(struct world *world, enum deploy_failure failure, unsigned attempts)
{
    struct step *step = &world->step;
    step->attempt_ended = !world->is_stopped;
    step->attempt_deploy = world->under_way;
    step->attempt_failure = failure;
    step->attempt_was_last =
        failure == FAILURE_NOT_EXECUTABLE || (attempts != 0 && world->attempts >= attempts);
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
    attempt_ends(world, event->permanent ? FAILURE_NOT_EXECUTABLE : FAILURE_NOT_SPAWNED,
                 event->settings.deploy_attempts);
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
    if (!step->left.ready) {
        world->last_trouble = world->now;
        attempt_ends(world, FAILURE_DIED, world->settings.deploy_attempts);
    } else if (step->left.number == world->current) {
        step->calm_ms = world->now - world->last_trouble;
        world->last_trouble = world->now;
        world->current = 0;
        world->auto_restart_waits = false;
        const struct worker *heir = world_newest_serving(world);
        if (heir != NULL) {
            step->heir = heir->number;
            attempt_ends(world, FAILURE_DIED_EARLY, world->settings.deploy_attempts);
        }
    } else {
        step->retiring_left = !step->left.told;
    }
}

static void receive_timer(struct world *world, const struct lifecycle_event *event)
{
    if (!world->timer_armed[event->timer]) {
        world->step.must_be_ignored = true;
        return;
    }
    world->timer_armed[event->timer] = false;
    if (world->timer_due[event->timer] > world->now) {
        world->now = world->timer_due[event->timer];
    }
    world->spawns_in_a_row = 0;
    if (event->timer == TIMER_AUTO_RESTART) {
        world->step.auto_restart_waited = world->auto_restart_waits;
        world->auto_restart_waits =
            world->current != 0 && world->under_way == 0 && world_has_older(world, world->current);
    }
}

static void receive_stop(struct world *world, const struct lifecycle_event *event)
{
    if (world->is_stopped) {
        return;
    }
    world->tally->stops_in_spawn += world->in_flight != 0;
    world->is_stopped = true;
    world->step.stops = true;
    world->stop_signal = event->signal;
    world->current = 0;
    world->is_queued = false;
}

static void receive(struct world *world, const struct lifecycle_event *event)
{
    switch (event->kind) {
    case EVENT_START:
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
    case EVENT_DEPLOY:
        world->spawns_in_a_row = 0;
        world->step.must_be_ignored = world->is_stopped;
        break;
    case EVENT_STOP:
        receive_stop(world, event);
        break;
    }
}

/* --- what an action does to the world -------------------------------------------------------- */

static void carry_out_spawn(struct world *world, const struct lifecycle_action *action)
{
    rules_before_spawn(world, action);
    if (world->worker_count == world->capacity) {
        return;
    }
    world->workers[world->worker_count++] =
        (struct worker){.number = action->generation, .deploy = world->under_way};
    world->in_flight = action->generation;
    world->last_number = action->generation;
    world->attempts++;
    world->spawns_in_a_row++;
    world->step.spawned = action->generation;
}

static void carry_out_signal(struct world *world, const struct lifecycle_action *action)
{
    rules_before_signal(world, action);
    struct worker *worker = world_find(world, action->generation);
    if (worker != NULL && world->is_stopped) {
        worker->told_to_stop = true;
    } else if (worker != NULL) {
        worker->told = true;
        world->signals++;
        world->step.signalled++;
    }
}

static void become_current(struct world *world, struct worker *worker)
{
    world->current = worker->number;
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
    world->step.started = action->deploy;
    world->tally->deploys++;
    world->tally->automatic += action->automatic;
}

static void close_deploy(struct world *world, uint64_t deploy)
{
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
    default:
        break;
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
        break;
    case REPORT_DEPLOY_SUCCEEDED:
        rules_before_success(world, action);
        close_deploy(world, action->deploy);
        world->tally->succeeded++;
        break;
    case REPORT_DEPLOY_FAILED:
        rules_before_failure(world, action);
        close_deploy(world, action->deploy);
        world->step.failed = action->deploy;
        world->tally->failed[action->reason]++;
        break;
    case REPORT_DEPLOY_STOPPED:
        world_require(world, world->step.event->kind == EVENT_STOP,
                      "4: a deploy is superseded without a stop");
        close_deploy(world, action->deploy);
        world->tally->stopped++;
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
    case ACTION_SPAWN:
        carry_out_spawn(world, action);
        break;
    case ACTION_SIGNAL:
        carry_out_signal(world, action);
        break;
    case ACTION_ARM:
        rules_before_arm(world, action);
        world->timer_armed[action->timer] = true;
        world->timer_due[action->timer] = world->now + action->ms;
        world->step.armed_ms[action->timer] = action->ms;
        break;
    case ACTION_DISARM:
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
        world->tally->never_executed += !world->is_stopped;
        break;
    }
    world->step.last_signal = action->kind == ACTION_SIGNAL ? action : NULL;
}

/* --- the world ------------------------------------------------------------------------------- */

void world_create(struct world *world, size_t capacity, const struct lifecycle_settings *settings,
                  struct tally *tally, FILE *trace)
{
    /* More room for actions than the machine asked for: that it keeps to it is a rule below. */
    static struct generation generations[WORLD_TABLE_MAX];
    static struct lifecycle_action actions[16 * WORLD_TABLE_MAX];
    *world = (struct world){
        .capacity = capacity,
        .tally = tally,
        .trace = trace,
        .settings = *settings,
    };
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
    world->step = (struct step){.event = event, .current_before = world->current};
    world->tally->events++;
    receive(world, event);
    if (world->trace != NULL) {
        print_event(world, event);
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
            print_action(world, action);
        }
        carry_out(world, action);
    }
    world_settle_takeover(world);
    rules_after_step(world);
}
