/*
 * What --help says: of a start, from the table of its options, and of a client command.
 */
#ifndef HELP_H
#define HELP_H

#include "option.h"

struct command;

/* Each prints to standard output. */
void help_print(enum personality personality);
void help_print_command(const struct command *command);

#endif
