/*
 * The client commands and their options: what they are called, take and say. Their parsing
 * (commands.c), their help and the shells' completions (cmd/completions) are made from it.
 */
#ifndef COMMAND_TABLE_H
#define COMMAND_TABLE_H

#include "command.h"
#include "option.h"

struct command {
    const char *name;
    const char *summary; /* a line for the program's help */
    const char *help;
    const char *done;        /* what exit status 0 says */
    const char *failed;      /* 1 */
    const char *timed_out;   /* 4; NULL: cannot happen, as with those below */
    const char *overtaken;   /* 5 */
    const char *interrupted; /* 130 */
    unsigned takes;          /* options that not every command has */
    bool takes_signal;       /* a word before NAME */
    int (*run)(const struct command_request *request);
};

enum { COMMANDS = 6, COMMAND_OPTIONS = 5 };

extern const struct command command_rows[COMMANDS];

/* NULL: there is no such command. */
const struct command *command_find(const char *word);

/* The command's options; their values go into a struct command_request. */
struct option_table command_options(const struct command *command);

#endif
