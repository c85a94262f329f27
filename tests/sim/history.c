#include "history.h"

#include <signal.h>
#include <string.h>

/* Within so many events everything comes to rest, or to an end. */
#define EVENTS_TO_REST 2000

enum choice {
    CHOOSE_ANSWER,
    CHOOSE_TIME,
    CHOOSE_EXIT,
    CHOOSE_READY,
    CHOOSE_WORDS,
    CHOOSE_DEPLOY,
    CHOOSE_STOP,
    CHOOSE_NOISE,
    CHOICES
};

struct history {
    struct world *world;
    uint64_t dice;
    unsigned weights[CHOICES];
    unsigned total;
    struct lifecycle_settings settings; /* of the next spawn */
    unsigned failures_of_16;            /* starts that are not made */
    unsigned yes_of_16;                 /* checks that say yes */
    unsigned changes_of_16;             /* spawns with other settings */
};

/* --- dice ------------------------------------------------------------------------------------- */

static uint64_t roll(struct history *history)
{
    uint64_t mixed = history->dice += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static unsigned below(struct history *history, unsigned limit)
{
    return (unsigned)((roll(history) >> 32) * limit >> 32);
}

static bool chance(struct history *history, unsigned of_16)
{
    return below(history, 16) < of_16;
}

#define PICK(history, values) (values)[below((history), sizeof(values) / sizeof(values)[0])]

/* --- settings --------------------------------------------------------------------------------- */

/* Most histories use few of the options: so they go deeper into those. */
static int64_t sometimes(struct history *history, const int64_t values[4])
{
    return chance(history, 5) ? values[below(history, 4)] : 0;
}

static struct lifecycle_settings choose_settings(struct history *history)
{
    static const int64_t intervals[] = {0, 0, 50, 1000, 1500, 40000};
    static const int64_t delays[] = {0, 0, 500, 5000};
    static const int64_t restarts[] = {300, 2000, 60000, 60000};
    static const int64_t timeouts[] = {300, 2000, 2000, 60000};
    static const int64_t kills[] = {100, 100, 10000, 10000};
    static const int64_t windows[] = {1000, 10000, 300000};
    static const int signals[] = {SIGTERM, SIGHUP, SIGUSR1};
    struct lifecycle_settings settings = {
        .interval_ms = PICK(history, intervals),
        .kill_old_delay_ms = PICK(history, delays),
        .auto_restart_ms = sometimes(history, restarts),
        .deploy_attempts = below(history, 4),
        .watchdog_ms = sometimes(history, timeouts),
        .kill_timeout_ms = sometimes(history, kills),
        .stop_timeout_ms = sometimes(history, kills),
        .start_limit_ms = PICK(history, windows),
        .start_limit = chance(history, 3) ? below(history, 5) : 0,
        .max_old = chance(history, 5) ? below(history, 4) : 0,
        .ready_mode =
            chance(history, 6) ? (enum ready_mode)below(history, READY_MODES) : READY_BY_AGE,
        .backoff = chance(history, 8),
        .exit_with_worker = chance(history, 1),
        .has_check = chance(history, 3),
        .is_read = chance(history, 3),
        .retire_signal = PICK(history, signals),
    };
    if (settings.ready_mode != READY_BY_AGE) {
        settings.ready_timeout_ms = chance(history, 12) ? PICK(history, timeouts) : 0;
    }
    return settings;
}

static void choose_temperament(struct history *history)
{
    for (unsigned i = 0; i < CHOICES; i++) {
        history->weights[i] = chance(history, 3) ? 0 : 1 + below(history, 12);
    }
    history->weights[CHOOSE_ANSWER] = 8 + below(history, 24);
    history->weights[CHOOSE_TIME] = 4 + below(history, 16);
    history->weights[CHOOSE_STOP] = chance(history, 3);
    history->weights[CHOOSE_NOISE] = chance(history, 8);
    history->total = 0;
    for (unsigned i = 0; i < CHOICES; i++) {
        history->total += history->weights[i];
    }
    history->failures_of_16 = chance(history, 10) ? 0 : below(history, 12);
    history->changes_of_16 = chance(history, 8) ? 0 : below(history, 16);
    history->yes_of_16 = 4 + below(history, 13);
}

/* --- what happens ----------------------------------------------------------------------------- */

static void tell(struct history *history, struct lifecycle_event event)
{
    world_tell(history->world, &event);
}

/* Pids are few, so that one that has been reaped soon belongs to another worker. */
static pid_t choose_pid(struct history *history)
{
    for (;;) {
        pid_t pid = (pid_t)(2 + below(history, 2 * WORLD_TABLE_MAX));
        if (world_find_pid(history->world, pid) == NULL) {
            return pid;
        }
    }
}

static struct process *find_unborn(const struct history *history)
{
    struct world *world = history->world;
    struct process *last = world->count > 0 ? &world->processes[world->count - 1] : NULL;
    return last != NULL && last->pid == 0 ? last : NULL;
}

static void answer_spawn(struct history *history, bool is_made)
{
    struct lifecycle_event event = {.kind = EVENT_SPAWNED, .settings = history->settings};
    event.generation = find_unborn(history)->number;
    if (is_made) {
        event.pid = choose_pid(history);
    } else {
        event.kind = EVENT_SPAWN_FAILED;
        event.permanent = chance(history, 4);
        event.status = event.permanent ? 126 + (int)below(history, 2) : 0;
    }
    tell(history, event);
}

static void answer_check(struct history *history, bool ok)
{
    static const enum deploy_failure reasons[] = {FAILURE_NONE, FAILURE_CHECK,
                                                  FAILURE_CONFIGURATION, FAILURE_LISTENERS};
    tell(history, (struct lifecycle_event){.kind = EVENT_CHECKED,
                                           .ok = ok,
                                           .reason = ok ? FAILURE_NONE : PICK(history, reasons)});
}

static bool answer(struct history *history)
{
    if (find_unborn(history) != NULL) {
        if (chance(history, history->changes_of_16)) {
            history->settings = choose_settings(history);
        }
        answer_spawn(history, !chance(history, history->failures_of_16));
        return true;
    }
    if (history->world->is_checking) {
        answer_check(history, chance(history, history->yes_of_16));
        return true;
    }
    return false;
}

/* Sometimes nobody wakes it in time. */
static bool let_time_pass(struct history *history)
{
    struct world *world = history->world;
    int64_t longest = chance(history, 8) ? 400 : 40000;
    int64_t until = world->now + 1 + below(history, (unsigned)longest);
    world->now = until < world->wake || chance(history, 1) ? until : world->wake;
    world->starts = 0;
    tell(history, (struct lifecycle_event){.kind = EVENT_WAKE});
    return true;
}

static void exit_process(struct history *history, const struct process *process)
{
    static const int statuses[] = {0, 1 << 8, SIGTERM, SIGKILL, 127 << 8};
    tell(history, (struct lifecycle_event){.kind = EVENT_EXITED,
                                           .pid = process->pid,
                                           .status = PICK(history, statuses)});
}

static bool exit_somebody(struct history *history)
{
    const struct world *world = history->world;
    const struct process *process =
        world->count > 0 ? &world->processes[below(history, world->count)] : NULL;
    if (process == NULL || process->pid == 0) {
        return false;
    }
    exit_process(history, process);
    return true;
}

static void say(struct history *history, enum lifecycle_event_kind kind, uint64_t generation)
{
    tell(history, (struct lifecycle_event){.kind = kind,
                                           .generation = generation,
                                           .ms = -1 + (int64_t)below(history, 5000)});
}

static bool be_ready(struct history *history)
{
    const struct process *starting = world_find_starting(history->world);
    if (starting != NULL && starting->pid != 0) {
        say(history, EVENT_READY, starting->number);
    }
    return starting != NULL && starting->pid != 0;
}

/* Anybody says anything: early, late, twice, and some who were never born. */
static bool say_anything(struct history *history)
{
    static const enum lifecycle_event_kind kinds[] = {EVENT_READY, EVENT_EXTEND, EVENT_EXTEND,
                                                      EVENT_ALIVE, EVENT_ALIVE,  EVENT_HUNG};
    const struct world *world = history->world;
    uint64_t generation = world->last_number + 1 - below(history, (unsigned)world->last_number + 2);
    if (world->count > 0 && chance(history, 12)) {
        generation = world->processes[below(history, world->count)].number;
    }
    say(history, PICK(history, kinds), generation);
    return true;
}

static bool ask(struct history *history)
{
    for (unsigned i = chance(history, 2) ? below(history, 12) : 0; i > 0; i--) {
        tell(history, (struct lifecycle_event){.kind = EVENT_DEPLOY});
    }
    enum deploy_cause cause = chance(history, 12) ? CAUSE_REQUEST : CAUSE_CHANGE;
    tell(history, (struct lifecycle_event){.kind = EVENT_DEPLOY, .cause = cause});
    return true;
}

static bool stop(struct history *history)
{
    static const int signals[] = {SIGTERM, SIGINT};
    tell(history, (struct lifecycle_event){.kind = EVENT_STOP, .signal = PICK(history, signals)});
    return true;
}

/* What cannot be, or is no longer. */
static bool make_noise(struct history *history)
{
    struct lifecycle_event event = {.generation = below(history, 6), .settings = history->settings};
    const struct process *unborn = find_unborn(history);
    switch (below(history, 4)) {
    case 0:
        event.kind = EVENT_EXITED;
        event.pid = chance(history, 8) ? choose_pid(history) : -1 + (pid_t)below(history, 2);
        break;
    case 1:
        event.kind = chance(history, 8) ? EVENT_SPAWNED : EVENT_SPAWN_FAILED;
        event.pid = choose_pid(history);
        event.slot = below(history, 2);
        if (unborn != NULL && event.generation == unborn->number) {
            return false;
        }
        break;
    case 2:
        event.kind = EVENT_START;
        break;
    default:
        event.kind = EVENT_CHECKED;
        event.ok = chance(history, 8);
        if (history->world->is_checking) {
            return false;
        }
        break;
    }
    tell(history, event);
    return true;
}

static void happen(struct history *history)
{
    static bool (*const choices[])(struct history *) = {
        [CHOOSE_ANSWER] = answer,  [CHOOSE_TIME] = let_time_pass, [CHOOSE_EXIT] = exit_somebody,
        [CHOOSE_READY] = be_ready, [CHOOSE_WORDS] = say_anything, [CHOOSE_DEPLOY] = ask,
        [CHOOSE_STOP] = stop,      [CHOOSE_NOISE] = make_noise,
    };
    bool has_happened = false;
    while (!has_happened) {
        unsigned at = below(history, history->total);
        unsigned choice = 0;
        while (at >= history->weights[choice]) {
            at -= history->weights[choice++];
        }
        has_happened = choices[choice](history);
    }
    if (history->world->broken == NULL && below(history, 128) == 0) {
        world_save_and_load(history->world);
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Who has been told to leave does, if anybody. */
static bool let_one_leave(struct history *history)
{
    const struct world *world = history->world;
    for (unsigned i = 0; i < world->count; i++) {
        if (world->processes[i].is_told && world->processes[i].pid != 0) {
            exit_process(history, &world->processes[i]);
            return true;
        }
    }
    return false;
}

/* Servers that work: they start, are ready, give signs of life, and leave when they are told. */
static void behave(struct history *history)
{
    struct world *world = history->world;
    if (find_unborn(history) != NULL) {
        answer_spawn(history, true);
    } else if (world->is_checking) {
        answer_check(history, true);
    } else if (!let_one_leave(history)) {
        if (!be_ready(history) && world->current != 0) {
            say(history, EVENT_ALIVE, world->current);
        }
        if (world->broken == NULL && !let_one_leave(history) && world->wake != LIFECYCLE_NEVER) {
            const struct process *current = world_find(world, world->current);
            int64_t watchdog = current != NULL ? current->settings.watchdog_ms : 0;
            bool is_soon = watchdog == 0 || world->wake < world->now + watchdog / 2;
            world->now = is_soon ? world->wake : world->now + watchdog / 2;
            world->starts = 0;
            tell(history, (struct lifecycle_event){.kind = EVENT_WAKE});
        }
    }
}

static void come_to_rest(struct history *history)
{
    for (int i = 0; i < EVENTS_TO_REST && history->world->broken == NULL; i++) {
        if (world_is_at_rest(history->world)) {
            return;
        }
        behave(history);
    }
    world_break(history->world, "left alone with servers that work, it does not come to rest");
}

static void come_to_an_end(struct history *history)
{
    stop(history);
    for (int i = 0; i < EVENTS_TO_REST && history->world->broken == NULL; i++) {
        if (history->world->has_exited) {
            return;
        }
        behave(history);
    }
    world_break(history->world, "6: a stop does not come to an end");
}

const char *history_run(struct world *world, uint64_t seed, uint64_t events, struct tally *tally)
{
    static const unsigned capacities[] = {2, 3, 3, 4, 4, 6, 16, WORLD_TABLE_MAX};
    struct history history = {.world = world, .dice = seed};
    history.settings = choose_settings(&history);
    choose_temperament(&history);
    world_begin(world, PICK(&history, capacities), &history.settings, tally);
    tell(&history, (struct lifecycle_event){.kind = EVENT_START});
    for (uint64_t i = 0; i < events && world->broken == NULL && !world->has_exited; i++) {
        happen(&history);
    }
    if (world->broken == NULL && chance(&history, 8)) {
        come_to_rest(&history);
    }
    if (world->broken == NULL) {
        come_to_an_end(&history);
    }
    return world->broken;
}
