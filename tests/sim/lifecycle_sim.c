/*
 * lifecycle-sim runs the lifecycle through random histories (history.h) in a model of the world
 * (world.h) that notes what must never be. This file is the command: it reads options, counts, and
 * says which history broke what. With --rules it prints the table of rules, as src/README.md has
 * it.
 */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From so many histories on, each rule and each kind of outcome must have come up. */
#define COVERED_SEQUENCES 10000

struct options {
    uint64_t sequences;
    uint64_t seed;
    uint64_t events;
    bool is_replay;
    bool is_verbose;
};

static int usage(void)
{
    fputs("usage: lifecycle-sim [--sequences N] [--seed S] [--events N] [--replay SEED] "
          "[--verbose]\n       lifecycle-sim --rules\n",
          stderr);
    return 2;
}

static bool parse_option(struct options *options, const char *name, const char *value)
{
    char *end = NULL;
    uint64_t number = strtoull(value, &end, 0);
    if (end == value || *end != '\0') {
        return false;
    }
    if (strcmp(name, "--sequences") == 0) {
        options->sequences = number;
    } else if (strcmp(name, "--events") == 0) {
        options->events = number;
    } else if (strcmp(name, "--seed") == 0) {
        options->seed = number;
    } else if (strcmp(name, "--replay") == 0) {
        options->is_replay = options->is_verbose = true;
        options->seed = number;
        options->sequences = 1;
    } else {
        return false;
    }
    return true;
}

static int print_rules(void)
{
    for (size_t i = 0; lifecycle_rule_name(i) != NULL; i++) {
        printf("%zu. %s\n", i + 1, lifecycle_rule_name(i));
    }
    return 0;
}

static bool print_uncovered(const char *what, const char *name, uint64_t count)
{
    if (count == 0) {
        printf("NEVER SEEN: %s: %s\n", what, name);
    }
    return count > 0;
}

static bool is_covered(const struct tally *tally)
{
    bool covered = print_uncovered("outcome", "succeeded", tally->succeeded);
    covered = print_uncovered("outcome", "stopped", tally->stopped) && covered;
    for (size_t i = 0; lifecycle_rule_name(i) != NULL; i++) {
        covered = print_uncovered("rule", lifecycle_rule_name(i), tally->rules[i]) && covered;
    }
    for (unsigned i = FAILURE_NONE + 1; i < DEPLOY_FAILURES; i++) {
        const char *name = deploy_failure_text((enum deploy_failure)i);
        covered = print_uncovered("failure", name, tally->failures[i]) && covered;
    }
    for (unsigned i = 0; i < DEPLOY_CAUSES; i++) {
        const char *name = deploy_cause_name((enum deploy_cause)i);
        covered = print_uncovered("cause", name, tally->causes[i]) && covered;
    }
    return covered;
}

static void print_tally(const struct options *options, const struct tally *tally)
{
    uint64_t failed = 0;
    for (unsigned i = 0; i < DEPLOY_FAILURES; i++) {
        failed += tally->failures[i];
    }
    printf("%" PRIu64 " histories, %" PRIu64 " events, %" PRIu64 " written down and read back; "
           "deploys: %" PRIu64 " succeeded, %" PRIu64 " failed, %" PRIu64 " stopped\n",
           options->sequences, tally->events, tally->loads, tally->succeeded, failed,
           tally->stopped);
}

int main(int argc, char **argv)
{
    static struct world world;
    static struct tally tally;
    struct options options = {.sequences = 1000000, .seed = 1, .events = 40};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rules") == 0) {
            return print_rules();
        }
        if (strcmp(argv[i], "--verbose") == 0) {
            options.is_verbose = true;
        } else if (i + 1 == argc || !parse_option(&options, argv[i], argv[i + 1])) {
            return usage();
        } else {
            i++;
        }
    }
    world.is_verbose = options.is_verbose;
    for (uint64_t i = 0; i < options.sequences; i++) {
        uint64_t seed = options.seed + i;
        const char *broken = history_run(&world, seed, options.events, &tally);
        if (broken != NULL) {
            printf("VIOLATED: %s\nreplay with: lifecycle-sim --events %" PRIu64 " --replay %" PRIu64
                   "\n",
                   broken, options.events, seed);
            return 1;
        }
    }
    print_tally(&options, &tally);
    return options.sequences >= COVERED_SEQUENCES && !is_covered(&tally) ? 1 : 0;
}
