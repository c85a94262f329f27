#include "rules.h"

/* --- the status file and the table ----------------------------------------------------------- */

/* What the status file should say, as a sum. */
static uint64_t sum_published(const struct world *world)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        if (worker->pid != 0 && (worker->ready || worker->told || world->is_stopped)) {
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
    const struct worker *starting = world->is_stopped ? NULL : world_find_starting(world);
    world_require(world, machine->current == world->current,
                  "2: the machine's current generation is another");
    world_require(world, machine->starting == (starting == NULL ? 0 : starting->number),
                  "2: the machine's starting generation is another");
    world_require(world, machine->is_checking == world->is_checking,
                  "the machine waits for a check that does not run, or the other way round");
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

/* --- stopping -------------------------------------------------------------------------------- */

static void check_stopped(struct world *world)
{
    bool must_end_in_time = world->stop_timeout_ms > 0 && !world->is_overdue && !world->has_exited;
    for (size_t i = 0; i < LIFECYCLE_TIMERS; i++) {
        world_require(world, !world->timer_armed[i] || i == TIMER_STOP,
                      "5: a timer is left armed by a stop");
    }
    world_require(world, world->timer_armed[TIMER_STOP] == must_end_in_time,
                  "5: --stop-timeout does not run, or does without a stop to end");
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        world_require(world, worker->pid == 0 || worker->told_to_stop,
                      "5: a worker is not told of the stop");
        world_require(world, worker->pid == 0 || !world->is_overdue || worker->killed,
                      "5: a worker outlives --stop-timeout");
    }
    world_require(world, !world->is_checking, "5: a check runs on after a stop");
    world_require(world, world->has_exited == (world->worker_count == 0),
                  "5: the last worker is gone after a stop, but the supervisor is not");
    world_require(world, world->open_count == 0, "4: a stop leaves a deploy without an outcome");
}

/* Who is told to leave has --kill-timeout for it, and no more. */
static void check_kills(struct world *world)
{
    const struct step *step = &world->step;
    const struct worker *late = world_find(world, step->kill_fired);
    world_require(world, step->event->kind != EVENT_EXTEND || step->extended,
                  "more time is asked for, but not given");
    world_require(world, late == NULL || late->killed, "a generation outlives its --kill-timeout");
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        world_require(world, !worker->kill_expected || worker->kill_armed || worker->killed,
                      "a generation is told to leave, but --kill-timeout does not begin");
    }
}

static void check_max_old(struct world *world)
{
    const struct worker *current = world_find(world, world->current);
    bool is_takeover = world->step.signalled > 0 || world->step.became_ready != 0;
    if (current == NULL || current->settings.max_old == 0 || !is_takeover ||
        world->timer_armed[TIMER_RETIRE]) {
        return;
    }
    size_t lingering = 0;
    for (size_t i = 0; i < world->worker_count; i++) {
        lingering += world->workers[i].number < current->number && !world->workers[i].killed;
    }
    world_require(world, lingering <= current->settings.max_old,
                  "more generations linger after a takeover than --max-old");
}

/* --- generations ----------------------------------------------------------------------------- */

static void check_starting(struct world *world)
{
    const struct worker *starting = world_find_starting(world);
    bool is_starting = starting != NULL && starting->pid != 0;
    bool must_be_in_time =
        is_starting && !world_is_by_age(world, starting) && starting->settings.ready_timeout_ms > 0;
    world_require(world,
                  !is_starting || !world_is_by_age(world, starting) ||
                      world->timer_armed[TIMER_INTERVAL],
                  "a generation is starting that can never be ready");
    world_require(world, !must_be_in_time || world->timer_armed[TIMER_READY],
                  "a generation is starting that may take for ever, though it has --ready-timeout");
    world_require(world, is_starting || !world->timer_armed[TIMER_READY],
                  "--ready-timeout is left armed without a generation that is starting");
    world_require(world,
                  world->step.has_to_be_ready == 0 ||
                      world->step.became_ready == world->step.has_to_be_ready,
                  "a generation says that it is ready, but it is not taken");
    world_require(world, world->step.not_ready == 0 || world->step.told_unready,
                  "a generation is not ready in time, and nothing follows");
}

/* Whoever was ready and has not been told to leave serves; the newest of them is current. */
static void check_generations(struct world *world)
{
    const struct worker *serving = world_find_serving(world);
    size_t serving_count = 0;
    size_t starting_count = 0;
    size_t older_count = 0;
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        serving_count += worker->ready && !worker->told;
        starting_count += !worker->ready && !worker->told;
        older_count += worker->number < world->current;
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

static void check_watchdog(struct world *world)
{
    const struct step *step = &world->step;
    const struct worker *current = world_find(world, world->current);
    const struct worker *hung = world_find(world, step->hung);
    bool is_watched = current != NULL && current->settings.watchdog_ms > 0;
    bool is_busy = step->under_way_before != 0 || step->starting_before != 0;
    world_require(world, world->timer_armed[TIMER_WATCHDOG] == is_watched,
                  "the current generation is not watched, or one that is not to be");
    world_require(world,
                  step->armed_ms[TIMER_WATCHDOG] == 0 || !is_watched ||
                      step->armed_ms[TIMER_WATCHDOG] == current->settings.watchdog_ms,
                  "--watchdog is not that of the current generation");
    world_require(world,
                  step->event->kind != EVENT_ALIVE || !is_watched ||
                      step->event->generation != current->number ||
                      step->armed_ms[TIMER_WATCHDOG] != 0,
                  "a sign of life is not heard");
    world_require(world, hung == NULL || hung->hung, "one that hangs is not reported");
    world_require(world, hung == NULL || is_busy || step->started != 0,
                  "one that hangs is not replaced");
}

/* --- nothing may wait for what never comes --------------------------------------------------- */

static void check_liveness(struct world *world)
{
    bool is_starting = world_find_starting(world) != NULL;
    bool is_waiting =
        world->timer_armed[TIMER_INTERVAL] || world->timer_armed[TIMER_PAUSE] || world->is_checking;
    bool is_full = world->worker_count == world->capacity;
    world->tally->waited_for_room += world->current == 0 && !is_starting && !is_waiting && is_full;
    world_require(world, world->current != 0 || is_starting || is_waiting || is_full,
                  "nothing serves, and nothing is to start");
    world_require(world,
                  world->under_way == 0 || is_starting || is_waiting ||
                      world->timer_armed[TIMER_RETIRE],
                  "4: a deploy is under way, but nothing will happen");
    world_require(world,
                  !world->is_queued || is_starting || world->under_way != 0 || world->is_checking,
                  "4: a queued deploy is forgotten");
    bool is_calm =
        world->current != 0 && !is_starting &&
        (world->under_way == 0 || world->timer_armed[TIMER_RETIRE] || world->is_checking);
    world_require(world, !world->timer_armed[TIMER_SETTLE] || is_calm,
                  "crashes are to be forgotten while a new generation is being tried");
}

static void check_auto_restart(struct world *world)
{
    const struct worker *current = world_find(world, world->current);
    if (current == NULL) {
        return;
    }
    int64_t armed_ms = world->step.armed_ms[TIMER_AUTO_RESTART];
    bool is_armed = world->timer_armed[TIMER_AUTO_RESTART];
    world_require(world,
                  world->under_way != 0 || is_armed == (current->settings.auto_restart_ms > 0),
                  "the next automatic restart is forgotten, or one is planned that is not wanted");
    world_require(world,
                  !is_armed || armed_ms == 0 || armed_ms == current->settings.auto_restart_ms,
                  "--auto-restart-interval is not that of the current generation");
}

/* --- deploys --------------------------------------------------------------------------------- */

/* The request became part of the deploy under way only if that has just started something. */
static bool is_promise_kept(const struct world *world)
{
    const struct step *step = &world->step;
    uint64_t promised = step->promised;
    bool is_taken_in = promised == step->under_way_before &&
                       (step->spawned != 0 || step->checked || step->is_promise_settled);
    return is_taken_in || step->started == promised ||
           (world->is_queued && world->promised == promised);
}

static void check_deploys(struct world *world)
{
    const struct step *step = &world->step;
    const struct worker *current = world_find(world, world->current);
    bool is_answered = step->started != 0 || step->spawned != 0 || step->checked ||
                       world->is_queued || step->settled != 0;
    world_require(world, step->event->kind != EVENT_DEPLOY || is_answered,
                  "4: a request for a deploy is lost");
    world_require(world, step->event->kind != EVENT_DEPLOY || is_promise_kept(world),
                  "4: a request becomes part of another deploy than was foretold");
    world_require(world,
                  step->started == 0 || !world->needs_check || world->step.checked ||
                      step->said_yes || world->is_stopped,
                  "a deploy begins without its check");
    world_require(world, !step->said_no || !rules_is_open(world, step->checked_deploy),
                  "4: a check says no, but the deploy has not failed");
    world_require(world, !step->unchecked, "a check is called off without a stop");
    world_require(world,
                  !step->attempt_ended || step->attempt_deploy == 0 || !step->attempt_was_last ||
                      !rules_is_open(world, step->attempt_deploy),
                  "4: a deploy goes on though its attempts are used up");
    world_require(world,
                  current == NULL || current->deploy == 0 ||
                      !rules_is_open(world, current->deploy) ||
                      world_has_older(world, current->number),
                  "4: everything older is gone, but the deploy has not succeeded");
}

/* --- crashes --------------------------------------------------------------------------------- */

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

/* A death counts if nothing is left that serves or is starting, and no deploy wipes it out. */
static void check_start_limit(struct world *world)
{
    unsigned limit = world->settings.start_limit;
    if (world->step.is_death_counted && world->step.started == 0 && limit != 0) {
        world->deaths++;
        world_require(world, world->deaths < limit,
                      "it does not give up though --start-limit is reached");
    }
    world_require(world,
                  world->is_stopped || world->timer_armed[TIMER_START_LIMIT] == (world->deaths > 0),
                  "the time of --start-limit runs without a death, or not with one");
}

void rules_after_step(struct world *world)
{
    const struct lifecycle_event *event = world->step.event;
    world_require(world, world->step.exit_reports == world->step.has_left,
                  "an exit is not reported, or twice");
    compare_with_machine(world);
    check_publication(world);
    check_kills(world);
    if (world->is_stopped) {
        check_stopped(world);
        return;
    }
    world_require(world, !world->step.must_end,
                  "the only worker ended, but the service does not end with it");
    bool is_hopeless =
        (event->kind == EVENT_SPAWN_FAILED && event->permanent && !world->ever_spawned) ||
        (world->step.said_no && world->step.checked_deploy == 0);
    world_require(world, world->has_exited || !is_hopeless,
                  "a first start that cannot be does not end the supervisor");
    if (world->has_exited) {
        world_require(world, world->open_count == 0, "4: an exit leaves a deploy without outcome");
        return;
    }
    check_generations(world);
    check_starting(world);
    check_max_old(world);
    check_watchdog(world);
    check_liveness(world);
    check_auto_restart(world);
    check_deploys(world);
    check_pause(world);
    check_start_limit(world);
}

void world_check_at_rest(struct world *world)
{
    world_require(world, world->worker_count == 1 && world->current == world->workers[0].number,
                  "left alone with servers that work, it does not come to one generation");
    world_require(world, world->open_count == 0 && !world->is_queued && !world->is_checking,
                  "4: left alone with servers that work, a deploy stays without an outcome");
}

void world_check_ended(struct world *world)
{
    world_require(world, world->has_exited, "5: everybody is gone, but the supervisor is not");
    world_require(world, world->open_count == 0, "4: a deploy has no outcome at the end");
}
