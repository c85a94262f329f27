/*
 * The client commands (restart, status, stop, reopen, signal, events): one table makes their
 * parsing and their help.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stdio.h>

/* True for the first word of a client command. */
bool command_is_known(const char *word);

/* Runs the command that argv[0] names with the options and words behind it. Returns the exit
   status; what is wrong has been printed. */
int command_run(int argc, char *argv[]);

/* A line for each command, for the program's --help. */
void commands_print(FILE *stream);

#endif
