/*
 * The client commands (restart, status, stop, reopen, signal, events): their table, and how one of
 * them is parsed and run.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>

/* True for the first word of a client command. */
bool command_is_known(const char *word);

/* Runs the command that argv[0] names with the options and words after it. Returns the exit status;
   what is wrong has been printed. */
int command_run(char *argv[]);

#endif
