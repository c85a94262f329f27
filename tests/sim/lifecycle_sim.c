/*
 * lifecycle-sim runs the lifecycle through random histories in a model of the world (world.h) that
 * checks after every event what must hold (rules.c). It only chooses what happens next, among the
 * things that can happen; every sequence has a temperament of its own (how often workers die, how
 * patient the operator is, how large the table is), and its own seed, so that each can be replayed.
 *
 * Half of the histories are left alone at their end with servers that work, and must come to one
 * serving generation; all are stopped at last, some in the middle of everything.
 */
#include "world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* No history needs more events than this to come to rest. */
#define REST_EVENTS_MAX 2000
/* So often something else is chosen when what was chosen cannot happen. */
#define TRIES_MAX 16
/* From so many sequences on, each kind of outcome must have come up. */
#define COVERED_SEQUENCES 1000

enum choice {
    CHOOSE_ANSWER,
    CHOOSE_TIMER,
    CHOOSE_EXIT_STARTING,
    CHOOSE_EXIT_CURRENT,
    CHOOSE_EXIT_RETIRING,
    CHOOSE_EXIT_TOLD,
    CHOOSE_DEPLOY,
    CHOOSE_STOP,
    CHOOSE_NOISE,
    CHOICES
};

struct options {
    uint64_t sequences;
    uint64_t seed;
    uint64_t events;
    uint64_t replay;
    bool is_replay;
    bool verbose;
};

/* One history: its dice, its temperament, its world. */
struct history {
    uint64_t dice;
    unsigned weights[CHOICES];
    unsigned failures_of_16;  /* spawns that fail, in sixteenths */
    unsigned permanent_of_16; /* of those, the ones that are permanent */
    unsigned changes_of_16;   /* spawns for which the settings have changed */
    bool answers_late;        /* things happen between a spawn and its answer */
    unsigned burst;           /* requests for a deploy that still follow at once */
    struct lifecycle_settings settings;
    struct world world;
};

/* --- dice ------------------------------------------------------------------------------------ */

/* splitmix64 (Steele, Lea and Flood 2014): one addition and a finalizer. */
static uint64_t roll(uint64_t *dice)
{
    uint64_t z = *dice += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned below(struct history *history, unsigned bound)
{
    return (unsigned)(((roll(&history->dice) >> 32) * bound) >> 32);
}

static bool chance(struct history *history, unsigned of_16)
{
    return below(history, 16) < of_16;
}

static int64_t pick(struct history *history, const int64_t *values, unsigned count)
{
    return values[below(history, count)];
}

static struct lifecycle_settings choose_settings(struct history *history)
{
    static const int64_t intervals[] = {0, 0, 50, 1000, 1500, 40000};
    static const int64_t delays[] = {0, 0, 500, 5000};
    static const int64_t restarts[] = {0, 0, 0, 300, 60000};
    static const int signals[] = {SIGTERM, SIGHUP, SIGUSR1};
    return (struct lifecycle_settings){
        .interval_ms = pick(history, intervals, 6),
        .kill_old_delay_ms = pick(history, delays, 4),
        .auto_restart_ms = pick(history, restarts, 5),
        .deploy_attempts = below(history, 4),
        .backoff = chance(history, 8),
        .retire_signal = signals[below(history, 3)],
    };
}

static size_t choose_capacity(struct history *history)
{
    static const size_t capacities[] = {2, 2, 3, 3, 4, 4, 8, WORLD_TABLE_MAX};
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
    history->weights[CHOOSE_STOP] = chance(history, 3);
    history->weights[CHOOSE_NOISE] = chance(history, 8);
    history->failures_of_16 = chance(history, 10) ? 0 : below(history, 12);
    history->permanent_of_16 = below(history, 9);
    history->changes_of_16 = chance(history, 8) ? 0 : below(history, 16);
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

static void fire_timer(struct history *history, enum lifecycle_timer timer)
{
    happen(history, &(struct lifecycle_event){.kind = EVENT_TIMER, .timer = timer});
}

static void stop(struct history *history)
{
    static const int signals[] = {SIGTERM, SIGINT};
    happen(history, &(struct lifecycle_event){
                        .kind = EVENT_STOP,
                        .signal = signals[below(history, 2)],
                    });
}

/* What cannot be, or is no longer: the machine has to shrug. */
static void make_noise(struct history *history)
{
    struct lifecycle_event event = {.generation = below(history, 6), .settings = history->settings};
    enum lifecycle_timer timer = (enum lifecycle_timer)below(history, LIFECYCLE_TIMERS);
    switch (below(history, 4)) {
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
        if (event.generation == history->world.in_flight) {
            return;
        }
        break;
    default:
        event.kind = EVENT_TIMER;
        event.timer = timer;
        if (history->world.timer_armed[timer]) {
            return;
        }
        break;
    }
    happen(history, &event);
}

/* --- choosing -------------------------------------------------------------------------------- */

/* The armed timer to fire next, or LIFECYCLE_TIMERS. */
static enum lifecycle_timer choose_timer(struct history *history, bool is_at_rest)
{
    const struct world *world = &history->world;
    enum lifecycle_timer chosen = LIFECYCLE_TIMERS;
    unsigned seen = 0;
    for (unsigned i = 0; i < LIFECYCLE_TIMERS; i++) {
        if (!world->timer_armed[i] || (is_at_rest && i == TIMER_AUTO_RESTART)) {
            continue;
        }
        bool is_next =
            world->is_in_order && !is_at_rest
                ? chosen == LIFECYCLE_TIMERS || world->timer_due[i] < world->timer_due[chosen]
                : below(history, ++seen) == 0;
        if (is_next) {
            chosen = (enum lifecycle_timer)i;
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
    int64_t until = world->now + below(history, 40000);
    for (unsigned i = 0; i < LIFECYCLE_TIMERS; i++) {
        if (world->timer_armed[i] && world->timer_due[i] < until) {
            until = world->timer_due[i];
        }
    }
    world->now = until;
}

/* Makes one thing of that kind happen. False: nothing of the kind can. */
static bool try(struct history *history, enum choice choice)
{
    struct world *world = &history->world;
    enum lifecycle_timer timer;
    const struct worker *worker;
    switch (choice) {
    case CHOOSE_ANSWER:
        if (world->in_flight == 0) {
            return false;
        }
        answer_spawn(history, history->failures_of_16);
        return true;
    case CHOOSE_TIMER:
        timer = choose_timer(history, false);
        if (timer == LIFECYCLE_TIMERS) {
            return false;
        }
        fire_timer(history, timer);
        return true;
    case CHOOSE_DEPLOY:
        history->burst = chance(history, 2) ? below(history, 12) : 0;
        happen(history, &(struct lifecycle_event){.kind = EVENT_DEPLOY});
        return true;
    case CHOOSE_STOP:
        stop(history);
        return true;
    case CHOOSE_NOISE:
        make_noise(history);
        return true;
    default:
        worker = choose_worker(history, choice);
        if (worker != NULL) {
            exit_worker(history, worker);
        }
        return worker != NULL;
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
        happen(history, &(struct lifecycle_event){.kind = EVENT_DEPLOY});
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
    enum choice first = chance(history, 8) ? CHOOSE_EXIT_TOLD : CHOOSE_TIMER;
    for (unsigned i = 0; i < 2; i++) {
        if ((first == CHOOSE_EXIT_TOLD) == (i == 0)) {
            const struct worker *worker = choose_worker(history, CHOOSE_EXIT_TOLD);
            if (worker != NULL) {
                exit_worker(history, worker);
                return true;
            }
        } else {
            enum lifecycle_timer timer = choose_timer(history, true);
            if (timer != LIFECYCLE_TIMERS) {
                fire_timer(history, timer);
                return true;
            }
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
        const struct worker *worker = choose_worker(history, CHOOSE_EXIT_TOLD);
        if (worker != NULL) {
            exit_worker(history, worker);
        } else if (world->in_flight != 0) {
            answer_spawn(history, history->failures_of_16);
        } else {
            break;
        }
    }
    if (world->violation == NULL) {
        world_check_ended(world);
    }
}

/* Runs the history of that seed. Returns the rule that was broken, or NULL. */
static const char *run(struct history *history, uint64_t seed, uint64_t events, struct tally *tally,
                       FILE *trace)
{
    history->dice = seed;
    history->burst = 0;
    struct lifecycle_settings settings = choose_settings(history);
    history->settings = settings;
    world_create(&history->world, choose_capacity(history), &settings, tally, trace);
    choose_temperament(history);
    if (trace != NULL) {
        fprintf(trace, "sequence %" PRIu64 ": room for %zu generations, answers come %s, %s\n",
                seed, history->world.capacity, history->answers_late ? "late" : "at once",
                history->world.is_in_order ? "timers fire in order" : "timers fire in any order");
    }
    happen(history, &(struct lifecycle_event){.kind = EVENT_START});
    for (uint64_t i = 0; i < events && goes_on(history); i++) {
        choose(history);
    }
    if (goes_on(history) && !history->world.is_stopped && chance(history, 8)) {
        come_to_rest(history);
    }
    come_to_an_end(history);
    return history->world.violation;
}

/* --- the command ----------------------------------------------------------------------------- */

static int usage(void)
{
    fputs("usage: lifecycle-sim [--sequences N] [--seed S] [--events N] [--replay SEED] "
          "[--verbose]\n",
          stderr);
    return 2;
}

static bool parse_number(const char *text, uint64_t *number)
{
    char *end = NULL;
    *number = strtoull(text, &end, 0);
    return end != text && *end == '\0';
}

static bool parse_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--sequences") == 0) {
        return parse_number(value, &options->sequences);
    }
    if (strcmp(name, "--seed") == 0) {
        return parse_number(value, &options->seed);
    }
    if (strcmp(name, "--events") == 0) {
        return parse_number(value, &options->events);
    }
    options->is_replay = strcmp(name, "--replay") == 0;
    return options->is_replay && parse_number(value, &options->replay);
}

static bool parse_options(struct options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            options->verbose = true;
        } else if (i + 1 == argc || !parse_option(options, argv[i], argv[i + 1])) {
            return false;
        } else {
            i++;
        }
    }
    return true;
}

static void print_violation(const struct options *options, uint64_t seed, const char *rule)
{
    printf("VIOLATED: %s\n", rule);
    printf("sequence seed %" PRIu64 ", replay with:\n", seed);
    printf("  lifecycle-sim --events %" PRIu64 " --replay %" PRIu64 "\n", options->events, seed);
}

static uint64_t sum_failed(const struct tally *tally)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i <= FAILURE_TABLE_FULL; i++) {
        sum += tally->failed[i];
    }
    return sum;
}

static bool is_covered(const struct tally *tally)
{
    bool covered = tally->succeeded > 0 && tally->stopped > 0 && tally->rollbacks > 0 &&
                   tally->crashes > 0 && tally->automatic > 0 && tally->never_executed > 0 &&
                   tally->stops_in_spawn > 0;
    for (unsigned i = FAILURE_NONE + 1; i <= FAILURE_TABLE_FULL; i++) {
        covered = covered && tally->failed[i] > 0;
    }
    return covered;
}

static void print_tally(const struct tally *tally)
{
    for (unsigned i = FAILURE_NONE + 1; i <= FAILURE_TABLE_FULL; i++) {
        printf("%10" PRIu64 " deploys failed: %s\n", tally->failed[i],
               deploy_failure_text((enum deploy_failure)i));
    }
    printf("%10" PRIu64 " automatic deploys, %" PRIu64 " crashes, %" PRIu64
           " first starts that could not be executed, %" PRIu64
           " stops before a spawn was answered\n",
           tally->automatic, tally->crashes, tally->never_executed, tally->stops_in_spawn);
    printf("%" PRIu64 " sequences, %" PRIu64 " events, %" PRIu64 " deploys: %" PRIu64
           " succeeded, %" PRIu64 " failed, %" PRIu64 " stopped; %" PRIu64
           " rollbacks; every invariant held\n",
           tally->sequences, tally->events, tally->deploys, tally->succeeded, sum_failed(tally),
           tally->stopped, tally->rollbacks);
}

int main(int argc, char **argv)
{
    static struct history history;
    struct options options = {.sequences = 1000000, .seed = 1, .events = 40};
    struct tally tally = {0};
    if (!parse_options(&options, argc, argv)) {
        return usage();
    }
    uint64_t count = options.is_replay ? 1 : options.sequences;
    FILE *trace = options.is_replay || options.verbose ? stdout : NULL;
    uint64_t dice = options.seed;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seed = options.is_replay ? options.replay : roll(&dice);
        const char *rule = run(&history, seed, options.events, &tally, trace);
        if (rule != NULL) {
            print_violation(&options, seed, rule);
            return 1;
        }
    }
    print_tally(&tally);
    if (count >= COVERED_SEQUENCES && !is_covered(&tally)) {
        puts("NOT COVERED: one of the counts above is 0, so these histories prove too little");
        return 1;
    }
    return 0;
}
