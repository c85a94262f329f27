/*
 * Completions for bash, zsh and fish, made from the table of options (src/option_table.h) and that
 * of the client commands (cmd/tasuki/command_table.h), a script for each shell and each of the
 * program's two names. This program runs when tasuki is built, and is not installed.
 */
#ifndef COMPLETIONS_H
#define COMPLETIONS_H

#include "option_value.h"

#include <stdbool.h>
#include <stdio.h>

/* Where a value comes from, besides its words. */
enum value_source {
    VALUE_FREE, /* nothing to complete */
    VALUE_FILE,
    VALUE_DIRECTORY,
    VALUE_USER,
    VALUE_GROUP,
    VALUE_SHELL /* a command line in one word */
};

/* What the value of an option is completed with. */
struct value {
    enum value_source source;
    char words[512]; /* with blanks between them; one that ends in a colon goes on */
    bool is_list;    /* several, with commas between them */
};

/* An option of either table. */
struct choice {
    const char *name;
    const char *value; /* what --help calls it; NULL: it has none */
    const char *help;
    enum option_argument argument;
    bool repeatable;
};

/* Option number `i` of the command at `command`, or of a start where that is NULL. Returns false
   behind the last one; `choice->name` is NULL for one that this command does not take. */
struct command;
bool choice_at(const struct command *command, int i, struct choice *choice);

void value_of(const struct choice *choice, struct value *value);

/* Every signal's name, with blanks between them. */
extern const char signal_words[];

/* What an option does, in few words: its help up to the first detail. */
void summarize(const char *help, char *buffer, size_t size);

/* Each writes the script of a shell. */
void print_bash(FILE *stream, enum personality personality);
void print_zsh(FILE *stream, enum personality personality);
void print_fish(FILE *stream, enum personality personality);

#endif
