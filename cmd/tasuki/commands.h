/*
 * How a client command is parsed and run.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "command_table.h"

/* Runs the command with the options and words that follow it. Returns the exit status; what is
   wrong has been printed. */
int command_run(const struct command *command, char *arguments[]);

#endif
