#include "history.h"

#include <inttypes.h>
#include <signal.h>

/* No history needs more events than this to come to rest. */
#define REST_EVENTS_MAX 2000
/* So often something else is chosen when what was chosen cannot happen. */
#define TRIES_MAX 16

enum choice {
    CHOOSE_ANSWER,
    CHOOSE_TIMER,
    CHOOSE_EXIT_STARTING,
    CHOOSE_EXIT_CURRENT,
    CHOOSE_EXIT_RETIRING,
    CHOOSE_EXIT_TOLD,
    CHOOSE_CHECKED,
    CHOOSE_READY, /* the one that is starting says so */
    CHOOSE_HUNG,  /* the current one says so */
    CHOOSE_WORDS, /* anybody says anything */
    CHOOSE_DEPLOY,
    CHOOSE_STOP,
    CHOOSE_NOISE,
    CHOICES
};

/* A timer that is armed; TIMER_KILL: that of generation. LIFECYCLE_TIMERS: there is none. */
struct due {
    enum lifecycle_timer timer;
    uint64_t generation;
    int64_t at;
};

/* What of all that can be set is set in a history: those that leave some out go deeper into the
   others. */
struct settings_range {
    unsigned ready_modes; /* 1: by age alone, 2: by age and by report, 3: auto too, 4: auto alone */
    bool has_check;
    bool is_read;
    bool has_watchdog;
    bool has_kill_timeout;
    bool has_start_limit;
    bool has_max_old;
    bool has_stop_timeout;
    bool exits_with_worker;
};

/* One history: its dice, its temperament, its world. */
struct history {
    uint64_t dice;
    unsigned weights[CHOICES];
    unsigned failures_of_16;  /* spawns that fail, in sixteenths */
    unsigned permanent_of_16; /* of those, the ones that are permanent */
    unsigned changes_of_16;   /* spawns for which the settings have changed */
    unsigned yes_of_16;       /* checks that say yes */
    bool answers_late;        /* things happen between a spawn and its answer */
    unsigned burst;           /* requests for a deploy that still follow at once */
    struct settings_range range;
    struct lifecycle_settings settings;
    struct world world;
};

/* --- dice ------------------------------------------------------------------------------------ */

/* Steele, Lea and Flood 2014: one addition and a finalizer. */
uint64_t history_roll(uint64_t *dice)
{
    uint64_t z = *dice += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned below(struct history *history, unsigned bound)
{
    return (unsigned)(((history_roll(&history->dice) >> 32) * bound) >> 32);
}

static bool chance(struct history *history, unsigned of_16)
{
    return below(history, 16) < of_16;
}

static int64_t pick(struct history *history, const int64_t *values, unsigned count)
{
    return values[below(history, count)];
}

/* --- temperament ----------------------------------------------------------------------------- */

static enum ready_mode choose_ready_mode(struct history *history)
{
    switch (history->range.ready_modes) {
    case 1:
        return READY_BY_AGE;
    case 2:
        return chance(history, 8) ? READY_BY_AGE : READY_BY_REPORT;
    case 3:
        return (enum ready_mode)below(history, 3);
    default:
        return READY_AUTO;
    }
}

static void choose_new_settings(struct history *history, struct lifecycle_settings *settings)
{
    static const int64_t timeouts[] = {0, 300, 2000, 60000};
    static const int64_t watchdogs[] = {0, 0, 400, 20000};
    static const int64_t kills[] = {0, 0, 100, 10000};
    static const int64_t windows[] = {1000, 10000, 300000};
    const struct settings_range *range = &history->range;
    settings->ready_mode = choose_ready_mode(history);
    settings->ready_timeout_ms = range->ready_modes == 1 ? 0 : pick(history, timeouts, 4);
    settings->has_check = range->has_check && chance(history, 12);
    settings->is_read = range->is_read;
    settings->watchdog_ms = range->has_watchdog ? pick(history, watchdogs, 4) : 0;
    settings->kill_timeout_ms = range->has_kill_timeout ? pick(history, kills, 4) : 0;
    settings->max_old = range->has_max_old ? below(history, 4) : 0;
    settings->stop_timeout_ms = range->has_stop_timeout ? pick(history, kills, 4) : 0;
    settings->exit_with_worker = range->exits_with_worker && chance(history, 12);
    if (range->has_start_limit) {
        settings->start_limit = below(history, 5);
        settings->start_limit_ms = pick(history, windows, 3);
    }
}

static struct lifecycle_settings choose_settings(struct history *history)
{
    static const int64_t intervals[] = {0, 0, 50, 1000, 1500, 40000};
    static const int64_t delays[] = {0, 0, 500, 5000};
    static const int64_t restarts[] = {0, 0, 0, 300, 60000};
    static const int signals[] = {SIGTERM, SIGHUP, SIGUSR1};
    struct lifecycle_settings settings = {
        .interval_ms = pick(history, intervals, 6),
        .kill_old_delay_ms = pick(history, delays, 4),
        .auto_restart_ms = pick(history, restarts, 5),
        .deploy_attempts = below(history, 4),
        .backoff = chance(history, 8),
        .retire_signal = signals[below(history, 3)],
    };
    choose_new_settings(history, &settings);
    return settings;
}

static struct settings_range choose_range(struct history *history)
{
    uint64_t bits = history_roll(&history->dice);
    return (struct settings_range){
        .ready_modes = 1 + (unsigned)(bits & 3),
        .has_check = bits & 4,
        .is_read = bits & 4096,
        .has_watchdog = bits & 8,
        .has_kill_timeout = bits & 16,
        .has_start_limit = (bits & 96) == 0,
        .has_max_old = bits & 128,
        .has_stop_timeout = bits & 256,
        .exits_with_worker = (bits & 0xe00) == 0,
    };
}

static size_t choose_capacity(struct history *history)
{
    static const size_t capacities[] = {2, 3, 3, 4, 4, 6, 16, WORLD_TABLE_MAX};
    return capacities[below(history, 8)];
}

/* Some sequences never see some kinds of events, and so go deeper into the others. */
static void choose_temperament(struct history *history)
{
    for (unsigned i = 0; i < CHOICES; i++) {
        history->weights[i] = chance(history, 4) ? 0 : 1 + below(history, 16);
    }
    history->weights[CHOOSE_ANSWER] = 1 + below(history, 24);
    history->weights[CHOOSE_TIMER] = 1 + below(history, 24);
    history->weights[CHOOSE_HUNG] = chance(history, 12) ? 0 : 1 + below(history, 4);
    history->weights[CHOOSE_WORDS] /= 2;
    history->weights[CHOOSE_STOP] = chance(history, 3);
    history->weights[CHOOSE_NOISE] = chance(history, 8);
    history->failures_of_16 = chance(history, 10) ? 0 : below(history, 12);
    history->permanent_of_16 = below(history, 9);
    history->changes_of_16 = chance(history, 8) ? 0 : below(history, 16);
    history->yes_of_16 = 4 + below(history, 13);
    history->answers_late = chance(history, 8);
    history->world.is_in_order = chance(history, 10);
}

/* --- events ---------------------------------------------------------------------------------- */

static void happen(struct history *history, const struct lifecycle_event *event)
{
    world_step(&history->world, event);
}

/* Pids are few, so that one that has been reaped soon belongs to another worker. */
static pid_t choose_pid(struct history *history)
{
    for (;;) {
        pid_t pid = (pid_t)(2 + below(history, 2 * WORLD_TABLE_MAX));
        if (world_find_pid(&history->world, pid) == NULL) {
            return pid;
        }
    }
}

static void answer_spawn(struct history *history, unsigned failures_of_16)
{
    if (chance(history, history->changes_of_16)) {
        history->settings = choose_settings(history);
    }
    struct lifecycle_event event = {
        .kind = EVENT_SPAWNED,
        .generation = history->world.in_flight,
        .settings = history->settings,
    };
    if (!chance(history, failures_of_16)) {
        event.pid = choose_pid(history);
    } else {
        event.kind = EVENT_SPAWN_FAILED;
        event.permanent = chance(history, history->permanent_of_16);
        event.status = event.permanent ? 126 + (int)below(history, 2) : 0;
    }
    happen(history, &event);
}

static void exit_worker(struct history *history, const struct worker *worker)
{
    static const int statuses[] = {0, 1 << 8, SIGTERM, SIGKILL, 127 << 8};
    happen(history, &(struct lifecycle_event){
                        .kind = EVENT_EXITED,
                        .pid = worker->pid,
                        .status = statuses[below(history, 5)],
                    });
}

static void fire(struct history *history, const struct due *due)
{
    happen(history, &(struct lifecycle_event){
                        .kind = EVENT_TIMER, .timer = due->timer, .generation = due->generation});
}

static void answer_check(struct history *history, unsigned yes_of_16)
{
    static const enum deploy_failure reasons[] = {FAILURE_NONE, FAILURE_CHECK,
                                                  FAILURE_CONFIGURATION, FAILURE_LISTENERS};
    struct lifecycle_event event = {.kind = EVENT_CHECKED, .ok = chance(history, yes_of_16)};
    if (!event.ok) {
        event.reason = reasons[below(history, 4)];
    }
    happen(history, &event);
}

static void say(struct history *history, enum lifecycle_event_kind kind, uint64_t generation)
{
    struct lifecycle_event event = {.kind = kind, .generation = generation};
    if (kind == EVENT_EXTEND) {
        event.ms = -1 + (int64_t)below(history, 5000);
    }
    happen(history, &event);
}

/* Anybody says anything: early, late, twice, and some who were never born. */
static void say_anything(struct history *history)
{
    static const enum lifecycle_event_kind kinds[] = {EVENT_READY,  EVENT_READY, EVENT_EXTEND,
                                                      EVENT_EXTEND, EVENT_ALIVE, EVENT_HUNG};
    const struct world *world = &history->world;
    uint64_t generation = world->last_number + 1 - below(history, 1 + (unsigned)world->last_number);
    if (world->worker_count > 0 && chance(history, 12)) {
        generation = world->workers[below(history, (unsigned)world->worker_count)].number;
    }
    say(history, kinds[below(history, 6)], generation);
}

static void stop(struct history *history)
{
    static const int signals[] = {SIGTERM, SIGINT};
    happen(history, &(struct lifecycle_event){
                        .kind = EVENT_STOP,
                        .signal = signals[below(history, 2)],
                    });
}

static bool is_armed(struct world *world, enum lifecycle_timer timer, uint64_t generation)
{
    if (timer == TIMER_KILL) {
        const struct worker *worker = world_find(world, generation);
        return worker != NULL && worker->kill_armed;
    }
    return timer < LIFECYCLE_TIMERS && world->timer_armed[timer];
}

/* What cannot be, or is no longer: the machine has to shrug. */
static void make_noise(struct history *history)
{
    struct lifecycle_event event = {.generation = below(history, 6), .settings = history->settings};
    struct world *world = &history->world;
    switch (below(history, 6)) {
    case 0:
        event.kind = EVENT_EXITED;
        event.pid = choose_pid(history);
        break;
    case 1:
        event.kind = EVENT_EXITED;
        event.pid = -1 + (pid_t)below(history, 2);
        break;
    case 2:
        event.kind = chance(history, 8) ? EVENT_SPAWNED : EVENT_SPAWN_FAILED;
        event.pid = choose_pid(history);
        if (event.generation == world->in_flight) {
            return;
        }
        break;
    case 3:
        event.kind = EVENT_START;
        break;
    case 4:
        event.kind = EVENT_CHECKED;
        event.ok = chance(history, 8);
        if (world->is_checking) {
            return;
        }
        break;
    default:
        event.kind = EVENT_TIMER;
        event.timer = (enum lifecycle_timer)below(history, TIMER_KILL + 1);
        if (is_armed(world, event.timer, event.generation)) {
            return;
        }
        break;
    }
    happen(history, &event);
}

/* --- choosing -------------------------------------------------------------------------------- */

/* Whoever works gives signs of life, is ready in time, and is not restarted for its age. */
static bool is_fired_at_rest(enum lifecycle_timer timer)
{
    return timer != TIMER_AUTO_RESTART && timer != TIMER_WATCHDOG && timer != TIMER_READY;
}

static void consider(struct history *history, struct due *chosen, const struct due *due,
                     unsigned *seen)
{
    bool is_next = history->world.is_in_order
                       ? chosen->timer == LIFECYCLE_TIMERS || due->at < chosen->at
                       : below(history, ++*seen) == 0;
    if (is_next) {
        *chosen = *due;
    }
}

/* The armed timer to fire next. */
static struct due choose_timer(struct history *history, bool is_at_rest)
{
    const struct world *world = &history->world;
    struct due chosen = {.timer = LIFECYCLE_TIMERS};
    unsigned seen = 0;
    for (unsigned i = 0; i < LIFECYCLE_TIMERS; i++) {
        enum lifecycle_timer timer = (enum lifecycle_timer)i;
        if (world->timer_armed[i] && (!is_at_rest || is_fired_at_rest(timer))) {
            consider(history, &chosen, &(struct due){.timer = timer, .at = world->timer_due[i]},
                     &seen);
        }
    }
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        if (worker->kill_armed) {
            const struct due due = {TIMER_KILL, worker->number, worker->kill_due};
            consider(history, &chosen, &due, &seen);
        }
    }
    return chosen;
}

static enum choice exit_choice(const struct world *world, const struct worker *worker)
{
    if (worker->told || worker->told_to_stop) {
        return CHOOSE_EXIT_TOLD;
    }
    if (!worker->ready) {
        return CHOOSE_EXIT_STARTING;
    }
    return worker->number == world->current ? CHOOSE_EXIT_CURRENT : CHOOSE_EXIT_RETIRING;
}

/* A living worker whose exit would be of that kind, or NULL. */
static const struct worker *choose_worker(struct history *history, enum choice choice)
{
    const struct world *world = &history->world;
    const struct worker *chosen = NULL;
    unsigned seen = 0;
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        if (worker->pid != 0 && exit_choice(world, worker) == choice &&
            below(history, ++seen) == 0) {
            chosen = worker;
        }
    }
    return chosen;
}

/* Time passes between events, but not past a timer that is due. */
static void let_time_pass(struct history *history)
{
    struct world *world = &history->world;
    if (!world->is_in_order || chance(history, 8)) {
        return;
    }
    int64_t until = world->now + below(history, chance(history, 8) ? 400 : 40000);
    struct due next = choose_timer(history, false);
    world->now = next.timer != LIFECYCLE_TIMERS && next.at < until ? next.at : until;
}

static bool try_exit(struct history *history, enum choice choice)
{
    const struct worker *worker = choose_worker(history, choice);
    if (worker != NULL) {
        exit_worker(history, worker);
    }
    return worker != NULL;
}

static bool try_timer(struct history *history, bool is_at_rest)
{
    struct due due = choose_timer(history, is_at_rest);
    if (due.timer != LIFECYCLE_TIMERS) {
        fire(history, &due);
    }
    return due.timer != LIFECYCLE_TIMERS;
}

/* What is starting says that it is ready, if that counts. */
static bool try_ready(struct history *history)
{
    struct world *world = &history->world;
    const struct worker *starting = world->is_stopped ? NULL : world_find_starting(world);
    if (starting == NULL || starting->pid == 0 || starting->settings.ready_mode == READY_BY_AGE) {
        return false;
    }
    say(history, EVENT_READY, starting->number);
    return true;
}

static void ask_once(struct history *history)
{
    enum deploy_cause cause = chance(history, 12) ? CAUSE_REQUEST : CAUSE_CHANGE;
    happen(history, &(struct lifecycle_event){.kind = EVENT_DEPLOY, .cause = cause});
}

static void ask(struct history *history)
{
    history->burst = chance(history, 2) ? below(history, 12) : 0;
    ask_once(history);
}

/* Makes one thing of that kind happen. False: nothing of the kind can. */
static bool try(struct history *history, enum choice choice)
{
    struct world *world = &history->world;
    switch (choice) {
    case CHOOSE_ANSWER:
        if (world->in_flight != 0) {
            answer_spawn(history, history->failures_of_16);
            return true;
        }
        return false;
    case CHOOSE_CHECKED:
        if (world->is_checking) {
            answer_check(history, history->yes_of_16);
            return true;
        }
        return false;
    case CHOOSE_HUNG:
        if (world->current != 0) {
            say(history, EVENT_HUNG, world->current);
            return true;
        }
        return false;
    case CHOOSE_TIMER:
        return try_timer(history, false);
    case CHOOSE_READY:
        return try_ready(history);
    case CHOOSE_WORDS:
        say_anything(history);
        return true;
    case CHOOSE_DEPLOY:
        ask(history);
        return true;
    case CHOOSE_STOP:
        stop(history);
        return true;
    case CHOOSE_NOISE:
        make_noise(history);
        return true;
    default:
        return try_exit(history, choice);
    }
}

static void choose(struct history *history)
{
    if (history->world.in_flight != 0 && !history->answers_late) {
        answer_spawn(history, history->failures_of_16);
        return;
    }
    let_time_pass(history);
    if (history->burst > 0) {
        history->burst--;
        ask_once(history);
        return;
    }
    unsigned total = 0;
    for (unsigned i = 0; i < CHOICES; i++) {
        total += history->weights[i];
    }
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        unsigned at = below(history, total);
        unsigned choice = 0;
        while (at >= history->weights[choice]) {
            at -= history->weights[choice++];
        }
        if (try(history, (enum choice)choice)) {
            return;
        }
    }
}

/* --- a history ------------------------------------------------------------------------------- */

static bool goes_on(const struct history *history)
{
    return history->world.violation == NULL && !history->world.has_exited;
}

/* Nobody asks for anything, what is started works, what is told to leave leaves. */
static bool come_closer_to_rest(struct history *history)
{
    unsigned first = below(history, 4);
    for (unsigned i = 0; i < 4; i++) {
        bool is_done = false;
        switch ((first + i) % 4) {
        case 0:
            is_done = try_exit(history, CHOOSE_EXIT_TOLD);
            break;
        case 1:
            is_done = try_ready(history);
            break;
        case 2:
            is_done = history->world.is_checking;
            if (is_done) {
                answer_check(history, 8);
            }
            break;
        default:
            is_done = try_timer(history, true);
            break;
        }
        if (is_done) {
            return true;
        }
    }
    return false;
}

static void come_to_rest(struct history *history)
{
    for (unsigned i = 0; goes_on(history); i++) {
        if (i == REST_EVENTS_MAX) {
            history->world.violation =
                "left alone with servers that work, it does not come to rest";
        } else if (history->world.in_flight != 0) {
            answer_spawn(history, 0);
        } else if (!come_closer_to_rest(history)) {
            world_check_at_rest(&history->world);
            return;
        }
    }
}

static void come_to_an_end(struct history *history)
{
    struct world *world = &history->world;
    if (goes_on(history)) {
        stop(history);
    }
    while (goes_on(history) && world->worker_count > 0) {
        if (chance(history, 4) && try_timer(history, false)) {
            continue;
        }
        if (try_exit(history, CHOOSE_EXIT_TOLD)) {
            continue;
        }
        if (world->in_flight == 0) {
            break;
        }
        answer_spawn(history, history->failures_of_16);
    }
    if (world->violation == NULL) {
        world_check_ended(world);
    }
}

static void begin(struct history *history, uint64_t seed, struct tally *tally, FILE *trace)
{
    history->dice = seed;
    history->burst = 0;
    history->range = choose_range(history);
    history->settings = choose_settings(history);
    world_create(&history->world, choose_capacity(history), &history->settings, tally, trace);
    choose_temperament(history);
    if (trace != NULL) {
        fprintf(trace, "sequence %" PRIu64 ": room for %zu generations, answers come %s, %s\n",
                seed, history->world.capacity, history->answers_late ? "late" : "at once",
                history->world.is_in_order ? "timers fire in order" : "timers fire in any order");
    }
}

const char *history_run(uint64_t seed, uint64_t events, struct tally *tally, FILE *trace)
{
    static struct history history;
    begin(&history, seed, tally, trace);
    happen(&history, &(struct lifecycle_event){.kind = EVENT_START});
    for (uint64_t i = 0; i < events && goes_on(&history); i++) {
        choose(&history);
    }
    if (goes_on(&history) && !history.world.is_stopped && chance(&history, 8)) {
        come_to_rest(&history);
    }
    come_to_an_end(&history);
    return history.world.violation;
}
