/*
 * The benchmark's measuring program: starts programs that supervise a worker, in turns, and prints
 * a line of tab-separated values a measure. tests/bench/run calls it and makes a table of them.
 */
#include "clock.h"
#include "measures.h"

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { MAX_LISTENERS = 4000 };

struct settings {
    struct contest contest;
    const char *directory; /* for the socket and the log */
    size_t rounds;
    size_t rounds_fewer; /* with many listeners, and for memory: these take longer */
    int many;
    int rest_ms;
};

/* Room for many listeners and what else a supervisor opens, the same for every program. */
static void raise_descriptor_limit(int listeners)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)listeners + 64 > 1024 ? (rlim_t)listeners + 64 : 1024;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        err(1, "cannot have %ju open files", (uintmax_t)limit.rlim_cur);
    }
}

static void add_program(struct contest *contest, char *name_and_path, enum program_kind kind)
{
    char *path = strchr(name_and_path, '=');
    if (path == NULL || contest->count == MAX_PROGRAMS) {
        errx(2, "expected NAME=PATH, at most %d times: %s", MAX_PROGRAMS, name_and_path);
    }
    *path++ = '\0';
    contest->programs[contest->count++] =
        (struct program){.name = name_and_path, .path = path, .kind = kind};
}

static long parse_number(const char *text, long least, long most)
{
    char *rest = NULL;
    long number = strtol(text, &rest, 10);
    if (*text == '\0' || *rest != '\0' || number < least || number > most) {
        errx(2, "expected a number from %ld to %ld: %s", least, most, text);
    }
    return number;
}

static void take_option(struct settings *settings, int option, char *value)
{
    switch (option) {
    case 'w':
        settings->contest.worker = value;
        break;
    case 'd':
        settings->directory = value;
        break;
    case 'W':
        add_program(&settings->contest, value, WRAPPER);
        break;
    case 'H':
        add_program(&settings->contest, value, HUP_FLOOR);
        break;
    case 'S':
        add_program(&settings->contest, value, SUPERVISOR);
        break;
    case 'n':
        settings->rounds = (size_t)parse_number(value, 1, 100000);
        break;
    case 'N':
        settings->rounds_fewer = (size_t)parse_number(value, 1, 100000);
        break;
    case 'm':
        settings->many = (int)parse_number(value, 2, MAX_LISTENERS);
        break;
    case 'r':
        settings->rest_ms = (int)parse_number(value, 1, 3600000);
        break;
    default:
        exit(2);
    }
}

static void parse_options(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        {"worker", required_argument, NULL, 'w'},       {"directory", required_argument, NULL, 'd'},
        {"wrapper", required_argument, NULL, 'W'},      {"hup-floor", required_argument, NULL, 'H'},
        {"supervisor", required_argument, NULL, 'S'},   {"rounds", required_argument, NULL, 'n'},
        {"rounds-fewer", required_argument, NULL, 'N'}, {"many", required_argument, NULL, 'm'},
        {"rest-ms", required_argument, NULL, 'r'},      {NULL, 0, NULL, 0},
    };
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        take_option(settings, option, optarg);
    }
    if (settings->contest.worker == NULL || settings->directory == NULL ||
        settings->contest.count == 0) {
        errx(2, "--worker, --directory, and a --wrapper or --supervisor are needed");
    }
}

static void measure_all(const struct settings *settings, int listeners, size_t rounds)
{
    measure_starts(&settings->contest, listeners, rounds);
    measure_hups(&settings->contest, listeners, rounds);
    measure_memory(&settings->contest, listeners, settings->rounds_fewer);
    measure_wakeups(&settings->contest, listeners, settings->rest_ms);
}

int main(int argc, char **argv)
{
    struct settings settings = {.rounds = 200, .rounds_fewer = 40, .many = 1000, .rest_ms = 5000};
    parse_options(&settings, argc, argv);
    srandom((unsigned)bench_now_ns());
    runs_set_up(settings.directory);
    raise_descriptor_limit(settings.many);
    setenv("TINI_SUBREAPER", "1", 1); /* without it tini complains that it is not PID 1 */

    measure_all(&settings, 1, settings.rounds);
    measure_all(&settings, settings.many, settings.rounds_fewer);
    return 0;
}
