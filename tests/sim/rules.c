#include "rules.h"

/* Starts that follow each other without a timer or a request in between. Two deploys that were
   asked for can stand behind them, and a first crash is answered at once; more is a loop. */
#define SPAWNS_IN_A_ROW_MAX 4

/* --- before an action ------------------------------------------------------------------------ */

static const struct worker *find_unready(const struct world *world)
{
    for (size_t i = world->worker_count; i > 0; i--) {
        if (!world->workers[i - 1].ready) {
            return &world->workers[i - 1];
        }
    }
    return NULL;
}

static bool is_open(const struct world *world, uint64_t deploy)
{
    for (size_t i = 0; i < world->open_count; i++) {
        if (world->open_deploys[i] == deploy) {
            return true;
        }
    }
    return false;
}

static bool is_timer_event(const struct world *world, enum lifecycle_timer timer)
{
    return world->step.event->kind == EVENT_TIMER && world->step.event->timer == timer;
}

void rules_before_spawn(struct world *world, const struct lifecycle_action *action)
{
    bool is_asked_for = world->step.started != 0 || world->step.event->kind == EVENT_DEPLOY;
    bool must_wait = world->timer_armed[TIMER_INTERVAL] || world->timer_armed[TIMER_PAUSE];
    world_require(world, !world->is_stopped, "5: something is spawned after a stop");
    world_require(world, action->generation > world->last_number,
                  "6: a generation's number does not grow");
    world_require(world, find_unready(world) == NULL, "2: two generations are starting");
    world_require(world, world->worker_count < world->capacity, "more generations than the table");
    world_require(world, world->current == 0 || world->under_way != 0,
                  "2: a generation is started beside the current one without a deploy");
    world_require(world, is_asked_for || !must_wait,
                  "a start that nobody asked for does not wait for its timers");
    world_require(world, world->spawns_in_a_row < SPAWNS_IN_A_ROW_MAX,
                  "starts follow each other without a pause");
}

/* Has the moment come at which the older generations are told to leave? */
static bool may_tell_older(struct world *world, const struct worker *current)
{
    bool has_predecessor = false;
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        has_predecessor |= worker->number < current->number && !worker->told;
    }
    return is_timer_event(world, TIMER_RETIRE) || world->step.retiring_left ||
           (world->step.became_ready == current->number &&
            (current->settings.kill_old_delay_ms == 0 || !has_predecessor));
}

/* Signals go out one after the other: the first one of a step decides about all. */
void rules_before_signal(struct world *world, const struct lifecycle_action *action)
{
    const struct worker *worker = world_find_pid(world, action->pid);
    world_require(world, worker != NULL && worker->number == action->generation,
                  "3: a process that is not a living worker's is signalled");
    if (worker == NULL) {
        return;
    }
    if (world->is_stopped) {
        world_require(world, action->signal == world->stop_signal, "a stop sends another signal");
        world_require(world, !worker->told_to_stop, "a stop signals a worker twice");
        return;
    }
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

void rules_before_arm(struct world *world, const struct lifecycle_action *action)
{
    const struct worker *current = world_find(world, world->current);
    enum lifecycle_event_kind kind = world->step.event->kind;
    world_require(world, !world->is_stopped, "5: a timer is armed after a stop");
    world_require(world, action->ms > 0, "a timer is armed for no time");
    switch (action->timer) {
    case TIMER_INTERVAL:
        world_require(world, kind == EVENT_SPAWNED || kind == EVENT_SPAWN_FAILED,
                      "the interval does not begin with a spawn");
        world_require(world, action->ms == world->settings.interval_ms,
                      "the interval is not that of the last spawn");
        break;
    case TIMER_RETIRE:
        world_require(world, current != NULL && world->step.became_ready == current->number,
                      "--kill-old-delay does not begin when a generation becomes ready");
        world_require(world, current != NULL && action->ms == current->settings.kill_old_delay_ms,
                      "--kill-old-delay is not that of the current generation");
        break;
    case TIMER_SETTLE:
        world_require(world, action->ms == LIFECYCLE_BACKOFF_MAX_MS, "another time to settle");
        break;
    case TIMER_PAUSE:
    case TIMER_AUTO_RESTART:
        break; /* what they are for is told later in the list: see below */
    case LIFECYCLE_TIMERS:
        world_require(world, false, "a timer that does not exist is armed");
        break;
    }
}

void rules_before_exit(struct world *world, const struct lifecycle_action *action)
{
    const struct lifecycle_event *event = world->step.event;
    world_require(world, world->worker_count == 0, "5: the supervisor exits before its workers");
    if (world->is_stopped) {
        world_require(world, action->status == 0, "a stop ends with another status than 0");
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
    return is_timer_event(world, TIMER_AUTO_RESTART) ? is_alone || world->step.auto_restart_waited
                                                     : is_alone && world->auto_restart_waits;
}

void rules_before_deploy(struct world *world, const struct lifecycle_action *action)
{
    world_require(world, !world->is_stopped, "5: a deploy begins after a stop");
    world_require(world, world->under_way == 0, "4: a deploy begins while another is under way");
    world_require(world, action->deploy > world->last_deploy, "a deploy's number does not grow");
    if (action->automatic) {
        world_require(world, may_deploy_by_itself(world), "a deploy that nobody asked for");
    } else {
        world_require(world, world->is_queued || world->step.event->kind == EVENT_DEPLOY,
                      "more deploys than were asked for");
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

void rules_before_failure(struct world *world, const struct lifecycle_action *action)
{
    const struct step *step = &world->step;
    switch (action->reason) {
    case FAILURE_TABLE_FULL:
        world_require(world, world->worker_count == world->capacity,
                      "4: a deploy fails for a full table that is not full");
        break;
    case FAILURE_DIED_LATE:
        world_require(world,
                      step->has_left && step->left.number == step->current_before &&
                          step->left.deploy == action->deploy && action->deploy != world->under_way,
                      "4: a deploy fails late, but not by the death of its generation");
        return;
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
    return is_timer_event(world, TIMER_INTERVAL) ||
           (event->kind == EVENT_SPAWNED && event->generation == worker->number &&
            event->settings.interval_ms == 0);
}

static bool is_signal_told(const struct world *world, const struct lifecycle_action *action)
{
    const struct lifecycle_action *sent = world->step.last_signal;
    return sent != NULL && sent->generation == action->generation && sent->pid == action->pid &&
           sent->signal == action->signal;
}

static bool is_exit_told(const struct world *world, const struct lifecycle_action *action)
{
    const struct step *step = &world->step;
    if (!step->has_left || step->left.number != action->generation ||
        step->left.pid != action->pid || step->event->status != action->status) {
        return false;
    }
    bool was_current = step->left.number == step->current_before;
    switch (action->report) {
    case REPORT_START_FAILED:
        return !world->is_stopped && !step->left.ready;
    case REPORT_CRASHED:
        return !world->is_stopped && was_current;
    default:
        return world->is_stopped || (step->left.ready && !was_current);
    }
}

void rules_on_generation_report(struct world *world, const struct lifecycle_action *action,
                                const struct worker *worker)
{
    bool is_alive = worker != NULL && worker->pid != 0 && worker->pid == action->pid;
    switch (action->report) {
    case REPORT_SPAWNED:
        world_require(world, is_alive && world->step.event->kind == EVENT_SPAWNED,
                      "a spawn is reported that was not");
        break;
    case REPORT_READY:
        world_require(world, is_alive && !worker->ready && !world->is_stopped,
                      "2: a generation becomes ready that is not starting");
        world_require(world, worker == NULL || is_ready_in_time(world, worker),
                      "a generation becomes ready before it has lived for the interval");
        break;
    case REPORT_ROLLED_BACK:
        world_require(world, is_alive && action->generation == world->step.heir,
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

/* --- after an event -------------------------------------------------------------------------- */

/* What the status file should say, as a sum. */
static uint64_t sum_published(const struct world *world)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        if (worker->pid != 0 && (worker->ready || world->is_stopped)) {
            uint64_t mixed = worker->number * UINT64_C(0x9e3779b97f4a7c15);
            sum += mixed ^ (mixed >> 29);
        }
    }
    return sum;
}

static void check_publication(struct world *world)
{
    enum lifecycle_event_kind kind = world->step.event->kind;
    uint64_t sum = sum_published(world);
    bool must_be_known =
        world->is_stopped ? world->step.stops || kind == EVENT_EXITED : world->current != 0;
    if (world->step.published) {
        world->published = sum;
    }
    world_require(world, !must_be_known || world->published == sum,
                  "the generations have changed, but the status file has not");
}

static enum generation_state expected_state(const struct world *world, const struct worker *worker)
{
    if (worker->told || world->is_stopped) {
        return GENERATION_STOPPING;
    }
    if (!worker->ready) {
        return GENERATION_STARTING;
    }
    return worker->number == world->current ? GENERATION_SERVING : GENERATION_RETIRING;
}

static void compare_with_machine(struct world *world)
{
    const struct lifecycle *machine = &world->machine;
    const struct worker *unready = world->is_stopped ? NULL : find_unready(world);
    world_require(world, machine->current == world->current,
                  "2: the machine's current generation is another");
    world_require(world, machine->starting == (unready == NULL ? 0 : unready->number),
                  "2: the machine's starting generation is another");
    world_require(world, machine->count == world->worker_count && machine->count <= world->capacity,
                  "the machine's table has other generations than live");
    for (size_t i = 0; i < machine->count && i < world->worker_count; i++) {
        const struct generation *generation = &machine->generations[i];
        const struct worker *worker = &world->workers[i];
        world_require(world, generation->number == worker->number && generation->pid == worker->pid,
                      "the machine's table has other generations than live");
        world_require(world, generation->state == expected_state(world, worker),
                      "a generation is in a state in which it cannot be");
    }
}

static void check_stopped(struct world *world)
{
    for (size_t i = 0; i < LIFECYCLE_TIMERS; i++) {
        world_require(world, !world->timer_armed[i], "5: a timer is left armed by a stop");
    }
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        world_require(world, worker->pid == 0 || worker->told_to_stop,
                      "5: a worker is not told of the stop");
    }
    world_require(world, world->has_exited == (world->worker_count == 0),
                  "5: the last worker is gone after a stop, but the supervisor is not");
    world_require(world, world->open_count == 0, "4: a stop leaves a deploy without an outcome");
}

/* Whoever was ready and has not been told to leave serves; the newest of them is current. */
static void check_generations(struct world *world)
{
    const struct worker *serving = world_newest_serving(world);
    size_t serving_count = 0;
    size_t starting_count = 0;
    size_t older_count = 0;
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        serving_count += worker->ready && !worker->told;
        starting_count += !worker->ready;
        older_count += worker->number < world->current;
        world_require(world,
                      worker->ready || worker->pid == 0 || world->timer_armed[TIMER_INTERVAL],
                      "a generation is starting that can never be ready");
    }
    world_require(world, world->step.signalled == 0 || world->step.signalled == older_count,
                  "one of the older generations is not signalled with the others");
    world_require(world, starting_count <= 1, "2: two generations are starting");
    world_require(world, world->current == (serving == NULL ? 0 : serving->number),
                  "2: the newest generation that is ready is not the current one");
    world_require(world, serving_count <= 2, "more than one generation is retiring");
    world_require(world, world->timer_armed[TIMER_RETIRE] == (serving_count == 2),
                  "1: --kill-old-delay is waited for without a generation to retire, or not with");
    world_require(world, world->step.heir == 0 || world->step.rolled_back == world->step.heir,
                  "1: the older generation was not signalled, but it is not current again");
    world_require(world,
                  world->step.current_before == 0 || world->step.has_left || world->current != 0,
                  "1: a step without a death leaves no generation ready");
}

/* Nothing may wait for what never comes. */
static void check_liveness(struct world *world)
{
    bool is_starting = find_unready(world) != NULL;
    bool is_waiting = world->timer_armed[TIMER_INTERVAL] || world->timer_armed[TIMER_PAUSE];
    world_require(world, world->current != 0 || is_starting || is_waiting,
                  "nothing serves, and nothing is to start");
    world_require(world,
                  world->under_way == 0 || is_starting || is_waiting ||
                      world->timer_armed[TIMER_RETIRE],
                  "4: a deploy is under way, but nothing will happen");
    world_require(world, !world->is_queued || is_starting || world->under_way != 0,
                  "4: a queued deploy is forgotten");
    bool is_calm = world->current != 0 && !is_starting &&
                   (world->under_way == 0 || world->timer_armed[TIMER_RETIRE]);
    world_require(world, !world->timer_armed[TIMER_SETTLE] || is_calm,
                  "crashes are to be forgotten while a new generation is being tried");
    const struct worker *current = world_find(world, world->current);
    world_require(world,
                  current == NULL || world->under_way != 0 ||
                      world->timer_armed[TIMER_AUTO_RESTART] ==
                          (current->settings.auto_restart_ms > 0),
                  "the next automatic restart is forgotten, or one is planned that is not wanted");
    world_require(world,
                  current == NULL || !world->timer_armed[TIMER_AUTO_RESTART] ||
                      world->step.armed_ms[TIMER_AUTO_RESTART] == 0 ||
                      world->step.armed_ms[TIMER_AUTO_RESTART] == current->settings.auto_restart_ms,
                  "--auto-restart-interval is not that of the current generation");
}

static void check_deploys(struct world *world)
{
    const struct step *step = &world->step;
    const struct worker *current = world_find(world, world->current);
    bool is_answered = step->started != 0 || step->spawned != 0 || world->is_queued;
    world_require(world, step->event->kind != EVENT_DEPLOY || is_answered,
                  "4: a request for a deploy is lost");
    world_require(world,
                  !step->attempt_ended || step->attempt_deploy == 0 || !step->attempt_was_last ||
                      !is_open(world, step->attempt_deploy),
                  "4: a deploy goes on though its attempts are used up");
    world_require(world,
                  current == NULL || current->deploy == 0 || !is_open(world, current->deploy) ||
                      world_has_older(world, current->number),
                  "4: everything older is gone, but the deploy has not succeeded");
}

static void check_pause(struct world *world)
{
    const struct step *step = &world->step;
    world_require(world, step->paused_ms == step->armed_ms[TIMER_PAUSE],
                  "a pause is reported that is not waited for, or the other way round");
    if (!world->is_in_order || !step->has_left || step->left.number != step->current_before) {
        return;
    }
    int64_t served_ms = world->now - step->left.current_since;
    world_require(world,
                  step->paused_ms == 0 || step->heir != 0 || world->under_way != 0 ||
                      served_ms <= LIFECYCLE_BACKOFF_MAX_MS ||
                      step->calm_ms <= LIFECYCLE_BACKOFF_MAX_MS,
                  "a generation that has long served is not replaced at once");
}

void rules_after_step(struct world *world)
{
    const struct lifecycle_event *event = world->step.event;
    world_require(world, world->step.exit_reports == world->step.has_left,
                  "an exit is not reported, or twice");
    compare_with_machine(world);
    check_publication(world);
    if (world->is_stopped) {
        check_stopped(world);
        return;
    }
    bool is_hopeless =
        event->kind == EVENT_SPAWN_FAILED && event->permanent && !world->ever_spawned;
    world_require(world, world->has_exited || !is_hopeless,
                  "a first start that cannot be executed does not end the supervisor");
    if (world->has_exited) {
        world_require(world, world->open_count == 0, "4: an exit leaves a deploy without outcome");
        return;
    }
    check_generations(world);
    check_liveness(world);
    check_deploys(world);
    check_pause(world);
}

void world_check_at_rest(struct world *world)
{
    world_require(world, world->worker_count == 1 && world->current == world->workers[0].number,
                  "left alone with servers that work, it does not come to one generation");
    world_require(world, world->open_count == 0 && !world->is_queued,
                  "4: left alone with servers that work, a deploy stays without an outcome");
}

void world_check_ended(struct world *world)
{
    world_require(world, world->has_exited, "5: everybody is gone, but the supervisor is not");
    world_require(world, world->open_count == 0, "4: a deploy has no outcome at the end");
}
