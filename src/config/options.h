/*
 * The options of a start: what the command line and a configuration file (configuration.h) ask for,
 * checked. Their table (option_table.h) makes the parser, --help, the keys of the file and the
 * defaults of both names that the program is called by.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "address.h"
#include "error.h"
#include "inheritance.h"
#include "log.h"
#include "option.h"
#include "surroundings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What --ready asks for. */
enum ready_source {
    READY_DELAY,
    READY_NOTIFY,
    READY_LISTEN,
    READY_FD,
    READY_EXEC,
    READY_SOURCE_AUTO
};

/* In the order of the words that the options take. */
enum adopt_mode { ADOPT_ON, ADOPT_OFF, ADOPT_AUTO };
enum capture_mode { CAPTURE_ON, CAPTURE_OFF, CAPTURE_AUTO };

enum option_mode { MODE_RUN, MODE_RESTART, MODE_STOP, MODE_VERSION, MODE_HELP };

enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "option_table.h"
#undef OPTION
    OPTION_COUNT
};

struct options {
    enum personality personality;
    enum option_mode mode; /* of the four that follow */
    bool is_restart;
    bool is_stop;
    bool is_help;
    bool is_version;
    struct address *addresses; /* of --port, then of --path, each in its order; owned */
    size_t address_count;
    const char *directory;
    const char *pid_file;
    const char *status_file;
    const char *log_file;
    const char *envdir;
    struct surroundings surroundings; /* of the workers, and of what looks at them */
    struct identity identity;         /* theirs, once it was looked up (lookup.h); owned */
    struct text_list variables;       /* of --environment: NAME=VALUE */
    struct text_list watched_paths;   /* of --restart-on-change */
    bool clear_environment;
    bool daemonize;
    bool exit_with_worker;
    /* Text, because workers get them as environment variables, which an envdir may override. */
    const char *enable_auto_restart;
    const char *auto_restart_interval;
    const char *kill_old_delay;
    inheritance_set inherit;
    int backlog; /* 0: the system's default */
    enum adopt_mode adopt;
    int64_t interval_ms;
    int signal_on_hup;
    int signal_on_term;
    int deploy_attempts; /* 0: without end */
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
    int max_old;
    unsigned start_limit; /* 0: none */
    int64_t start_limit_ms;
    int64_t watchdog_ms;
    int64_t stop_timeout_ms; /* 0: none */
    uint64_t forward;        /* the signals to forward: bit 0 is signal 1 */
    enum capture_mode capture;
    struct log_settings log;
    const char *on_event; /* NULL: none */
    const char *name;     /* NULL: the command's base name */
    const char *control;  /* NULL: the usual place; "off": none */
    const char *config;   /* NULL: the command line is all */
    char *const *command; /* the arguments after the options, ended by a NULL; the caller's */
    /* The text that each option was given last, defaults included; NULL: none. */
    const char *values[OPTION_COUNT];
};

extern const struct option_table options_table;

/* The defaults of this personality. */
int options_begin(struct options *options, enum personality personality, struct error *error);

/* Takes what the command line says. Strings stay the caller's and must outlive `options`. Returns
   0, or -1 with the option and what it wants in `error`. options_check.h has the last step. */
int options_take_arguments(struct options *options, int argc, char *const argv[],
                           struct error *error);

/* Takes one value, which `options` keeps pointing to. Returns 0, or -1 with what was expected in
   `error`, which does not name the option. */
int options_set(struct options *options, const struct option *option, const char *value,
                struct error *error);

/* Adds an address that was parsed elsewhere. */
int options_add_address(struct options *options, const struct address *address,
                        struct error *error);

void options_free(struct options *options);

/* The personality of a program name such as argv[0], and the name of a personality. */
enum personality personality_of(const char *program);
const char *personality_name(enum personality personality);

#endif
