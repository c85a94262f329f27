/*
 * The options: what the command line asks for (and a configuration file, see configuration.h),
 * checked. The table of them (option_table.h) makes
 * the parser, --help and the defaults of both names that the program is called by, so that they
 * cannot drift apart.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "address.h"
#include "error.h"
#include "inheritance.h"
#include "log.h"
#include "surroundings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The name that the program was called by chooses a column of defaults, and nothing else. */
enum personality { PERSONALITY_START_SERVER, PERSONALITY_TASUKI, PERSONALITIES };

/* What --ready asks for. */
enum ready_source {
    READY_DELAY,
    READY_NOTIFY,
    READY_LISTEN,
    READY_FD,
    READY_EXEC,
    READY_SOURCE_AUTO
};

enum adopt_mode { ADOPT_OFF, ADOPT_ON, ADOPT_AUTO };

enum capture_mode { CAPTURE_OFF, CAPTURE_ON, CAPTURE_AUTO };

/* In the order in which they go before each other: who asks for help gets help. */
enum option_mode { MODE_RUN, MODE_RESTART, MODE_STOP, MODE_VERSION, MODE_HELP };

enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "option_table.h"
#undef OPTION
    OPTION_COUNT
};

struct options {
    enum personality personality;
    enum option_mode mode;
    struct address *addresses; /* of --port, then of --path, each in its order; owned */
    size_t address_count;
    const char *directory;
    const char *pid_file;
    const char *status_file;
    const char *log_file;
    const char *envdir;
    struct surroundings surroundings; /* of the workers, and of what looks at them */
    const char **variables;           /* of --environment, NAME=VALUE; owned, the strings are not */
    size_t variable_count;
    const char **watched_paths; /* of --restart-on-change; owned, the strings are not */
    size_t watched_path_count;
    bool clear_environment;
    bool daemonize;
    bool exit_with_worker;
    /* Text, because they are handed on as environment variables, which an envdir may override. */
    const char *enable_auto_restart;
    const char *auto_restart_interval;
    const char *kill_old_delay;
    inheritance_set inherit;
    int backlog; /* 0: the system's default */
    enum adopt_mode adopt;
    int64_t interval_ms;
    int signal_on_hup;
    int signal_on_term;
    unsigned deploy_attempts; /* 0: without end */
    bool backoff;
    enum ready_source ready;
    int ready_fd;              /* READY_FD */
    const char *ready_command; /* READY_EXEC */
    int64_t ready_timeout_ms;
    int64_t ready_interval_ms;
    const char *check; /* NULL: none */
    int64_t check_timeout_ms;
    int64_t probation_ms;
    int64_t kill_timeout_ms;
    bool kill_group;
    unsigned max_old;
    unsigned start_limit; /* 0: none */
    int64_t start_limit_ms;
    int64_t watchdog_ms;
    int64_t stop_timeout_ms; /* 0: none */
    uint64_t forward;        /* the signals that are handed on: bit 0 is signal 1 */
    enum capture_mode capture;
    struct log_settings log;
    const char *on_event; /* NULL: none */
    const char *name;     /* NULL: the command's base name */
    const char *control;  /* NULL: the usual place; "off": none */
    const char *config;   /* NULL: the command line is all */
    char *const *command; /* the arguments behind the options, ended by a NULL; the caller's */
    /* The text that each option was given last, defaults included; NULL: none. */
    const char *values[OPTION_COUNT];
};

/* Parses argv. Strings stay the caller's and must outlive `options`. Returns 0, or -1 with the
   option and what it wants in `error`; what has been parsed until then is to be freed all the same.
 */
int options_parse(struct options *options, enum personality personality, int argc,
                  char *const argv[], struct error *error);

/* The steps of options_parse, for those who have more to say between them: the defaults, the
   command line, and whether all of it makes sense together. */
int options_begin(struct options *options, enum personality personality, struct error *error);
int options_take_arguments(struct options *options, int argc, char *const argv[],
                           struct error *error);
int options_finish(struct options *options, struct error *error);

/* Adds an address that was parsed elsewhere. */
int options_add_address(struct options *options, const struct address *address,
                        struct error *error);

void options_free(struct options *options);

/* Prints --help for a program of this name. */
void options_print_help(FILE *stream, enum personality personality);

/* The personality of a program name such as argv[0], and the name of a personality. */
enum personality personality_of(const char *program);
const char *personality_name(enum personality personality);

#endif
