/*
 * The client commands and their options, a row each: what they are called, take and say. Their
 * parsing, their help (commands.c) and the shells' completions (cmd/completions) are made from it.
 */
#ifndef COMMAND_TABLE_H
#define COMMAND_TABLE_H

#include "command.h"

enum command_option_id {
    COMMAND_OPTION_CONTROL,
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    COMMAND_OPTION_TIMEOUT,
    COMMAND_OPTION_HELP,
    COMMAND_OPTIONS
};

struct command_option {
    const char *name;
    const char *value; /* NULL: it takes none */
    const char *help;
};

extern const struct command_option command_options[COMMAND_OPTIONS];

/* The bit of an option in `takes`. */
#define COMMAND_TAKES(option) (1U << (option))

struct command {
    const char *name;
    const char *summary; /* a line for the program's help */
    const char *help;
    const char *done;      /* what exit status 0 says */
    const char *failed;    /* 1 */
    const char *timed_out; /* 4; NULL: it has no --timeout */
    const char *overtaken; /* 5; NULL: cannot happen */
    unsigned takes;        /* options */
    bool takes_signal;     /* a word before NAME */
    int (*run)(const struct command_request *request);
};

enum { COMMANDS = 6 };

extern const struct command command_rows[COMMANDS];

#endif
