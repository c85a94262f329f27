/*
 * lifecycle-sim runs the lifecycle through random histories (history.h) in a model of the world
 * (world.h) that checks after every event what must hold (rules.h). This file is the command: it
 * reads options, counts, and says which sequence broke which rule.
 */
#include "history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* From so many sequences on, each kind of outcome must have come up. */
#define COVERED_SEQUENCES 10000

struct options {
    uint64_t sequences;
    uint64_t seed;
    uint64_t events;
    uint64_t replay;
    bool is_replay;
    bool verbose;
};

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
    const uint64_t counts[] = {
        tally->succeeded,         tally->stopped,        tally->rollbacks,
        tally->crashes,           tally->never_executed, tally->never_checked,
        tally->stops_in_spawn,    tally->stops_in_check, tally->ready_by_report,
        tally->ready_by_age,      tally->late_reports,   tally->replaced_unheard,
        tally->held_up,           tally->checked_again,  tally->killed_late,
        tally->killed_for_room,   tally->gave_up,        tally->waited_for_room,
        tally->ended_with_worker, tally->overdue,
    };
    bool covered = true;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        covered = covered && counts[i] > 0;
    }
    for (unsigned i = 0; i < DEPLOY_CAUSES; i++) {
        covered = covered && tally->causes[i] > 0;
    }
    for (unsigned i = FAILURE_NONE + 1; i <= FAILURE_TABLE_FULL; i++) {
        covered = covered && tally->failed[i] > 0;
    }
    return covered;
}

static void print_count(uint64_t count, const char *what)
{
    printf("%10" PRIu64 " %s\n", count, what);
}

static void print_tally(const struct tally *tally)
{
    for (unsigned i = FAILURE_NONE + 1; i <= FAILURE_TABLE_FULL; i++) {
        printf("%10" PRIu64 " deploys failed: %s\n", tally->failed[i],
               deploy_failure_text((enum deploy_failure)i));
    }
    for (unsigned i = 0; i < DEPLOY_CAUSES; i++) {
        printf("%10" PRIu64 " deploys were caused by: %s\n", tally->causes[i],
               deploy_cause_name((enum deploy_cause)i));
    }
    print_count(tally->crashes, "crashes");
    print_count(tally->never_executed, "first starts that could not be executed");
    print_count(tally->never_checked, "first checks that failed");
    print_count(tally->stops_in_spawn, "stops before a spawn was answered");
    print_count(tally->stops_in_check, "stops while a check ran");
    print_count(tally->ready_by_report, "generations that said that they were ready");
    print_count(tally->ready_by_age, "generations that were ready since they lived");
    print_count(tally->late_reports, "reports while the next generation was already starting");
    print_count(tally->replaced_unheard, "dead generations replaced while a check ran");
    print_count(tally->held_up, "of which held up the deploy when the check said yes");
    print_count(tally->checked_again, "deploys asked for again between two attempts, and checked");
    print_count(tally->killed_late, "kills after --kill-timeout");
    print_count(tally->killed_for_room, "kills for --max-old");
    print_count(tally->waited_for_room, "starts that waited for room in the table");
    print_count(tally->gave_up, "times it gave up");
    print_count(tally->ended_with_worker, "times it ended with its worker");
    print_count(tally->overdue, "stops that took longer than --stop-timeout");
    printf("%" PRIu64 " sequences, %" PRIu64 " events, %" PRIu64 " deploys: %" PRIu64
           " succeeded, %" PRIu64 " failed, %" PRIu64 " stopped; %" PRIu64
           " rollbacks; every invariant held\n",
           tally->sequences, tally->events, tally->deploys, tally->succeeded, sum_failed(tally),
           tally->stopped, tally->rollbacks);
}

int main(int argc, char **argv)
{
    struct options options = {.sequences = 1000000, .seed = 1, .events = 40};
    struct tally tally = {0};
    if (!parse_options(&options, argc, argv)) {
        return usage();
    }
    uint64_t count = options.is_replay ? 1 : options.sequences;
    FILE *trace = options.is_replay || options.verbose ? stdout : NULL;
    uint64_t dice = options.seed;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seed = options.is_replay ? options.replay : history_roll(&dice);
        const char *rule = history_run(seed, options.events, &tally, trace);
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
