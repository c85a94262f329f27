/*
 * Completions for bash, zsh and fish, made from the table of options (options.h) and that
 * of the client commands (command_table.h), a script for each shell and each of the
 * program's two names. This program runs when tasuki is built, and is not installed.
 */
#ifndef COMPLETIONS_H
#define COMPLETIONS_H

#include "command_table.h"
#include "options.h"

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
    char words[512]; /* with blanks between them; one that ends in a colon needs more */
    bool is_list;    /* several, with commas between them */
};

/* The options of a command, or of a start where that is NULL. */
struct option_table options_of(const struct command *command);

/* One of these, by whether the option takes no value, may have one, or needs one. */
const char *by_value(const struct option *option, const char *none, const char *optional,
                     const char *required);

void value_of(const struct option *option, struct value *value);

/* Every signal's name, with blanks between them. */
extern const char signal_words[];

/* What an option does, in few words: its help up to the first detail. */
void summarize(const char *help, char *buffer, size_t size);

/* Each writes the script of a shell. */
void print_bash(FILE *stream, enum personality personality);
void print_zsh(FILE *stream, enum personality personality);
void print_fish(FILE *stream, enum personality personality);

#endif
