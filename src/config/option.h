/*
 * An option, as a row of a table: its name, what --help says of it, which values it takes, and the
 * field that gets them. One such table makes the parser of a command line, the setters, the
 * defaults, the keys of a configuration file, --help and the shells' completions. This file knows
 * no option itself: those of a start are in options.c, those of the client commands in
 * cmd/tasuki/commands.c.
 */
#ifndef OPTION_H
#define OPTION_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name that the program was called by chooses a column of defaults, and nothing else. */
enum personality { PERSONALITY_START_SERVER, PERSONALITY_TASUKI, PERSONALITIES };

/* What a value is, and the type of its field. */
enum option_kind {
    OPTION_TEXT,     /* const char *: what `check` takes; without a check, anything but nothing */
    OPTION_LIST,     /* struct text_list: such a text, once more */
    OPTION_ANSWER,   /* bool: yes or no */
    OPTION_NUMBER,   /* int: from `least` to `most` */
    OPTION_DURATION, /* int64_t: milliseconds */
    OPTION_SIGNAL,   /* int */
    OPTION_CHOICE,   /* an enum: the words of `value`, in its order, with | between them */
    OPTION_SPECIAL,  /* anything: `set` takes it */
};

/* Texts that an option was given, in their order. */
struct text_list {
    const char **items; /* owned; the texts are the caller's */
    size_t count;
};

struct option {
    const char *name;
    const char *section; /* of a configuration file; NULL: for the command line alone */
    const char *value;   /* what --help calls it; NULL: the command line gives none */
    const char *defaults[PERSONALITIES]; /* as a user would write them; NULL: none */
    const char *help;
    enum option_kind kind;
    bool is_repeatable;
    bool is_fixed; /* a supervisor reads it once, at its start */
    int least, most;
    unsigned needs;    /* bits: only a table that has them has this option */
    size_t offset;     /* of the field, in the struct that the table is for */
    const char *alone; /* the value where none is given; NULL: it needs one */
    int (*check)(const char *value, struct error *error);
    int (*set)(void *field, const char *value, struct error *error);
};

/* The offset of a field that has this type; another type does not compile. */
#define OPTION_FIELD(type, owner, member)                                                          \
    (offsetof(owner, member) + 0 * sizeof((type *)NULL == &((owner *)NULL)->member))

/* What a row ends in: the kind of its value and the field of `owner`, checked against each other.
 */
#define OPTION_TAKES_TEXT(owner, member)                                                           \
    .kind = OPTION_TEXT, .offset = OPTION_FIELD(const char *, owner, member)
#define OPTION_TAKES_LIST(owner, member)                                                           \
    .kind = OPTION_LIST, .offset = OPTION_FIELD(struct text_list, owner, member),                  \
    .is_repeatable = true
#define OPTION_TAKES_ANSWER(owner, member)                                                         \
    .kind = OPTION_ANSWER, .offset = OPTION_FIELD(bool, owner, member)
#define OPTION_TAKES_NUMBER(owner, member, from, to)                                               \
    .kind = OPTION_NUMBER, .offset = OPTION_FIELD(int, owner, member), .least = (from), .most = (to)
#define OPTION_TAKES_DURATION(owner, member)                                                       \
    .kind = OPTION_DURATION, .offset = OPTION_FIELD(int64_t, owner, member)
#define OPTION_TAKES_SIGNAL(owner, member)                                                         \
    .kind = OPTION_SIGNAL, .offset = OPTION_FIELD(int, owner, member)
#define OPTION_TAKES_CHOICE(owner, member)                                                         \
    .kind = OPTION_CHOICE, .offset = OPTION_FIELD(unsigned, owner, member)

struct option_table {
    const struct option *rows;
    int count;
    unsigned has; /* see `needs` of its rows */
};

/* The option after this one, or the first after NULL; NULL: there is none. */
const struct option *option_next(const struct option_table *table, const struct option *option);

/* NULL: there is no option of exactly this name. */
const struct option *option_find(const struct option_table *table, const char *name);

/* Whether a word of the command line is an option: it begins with a dash, and is more than that. */
bool option_is_word(const char *word);

/* Takes the option that *rest begins with, and its value, into `fields`, the struct that the table
   is for; leaves *rest after them. A unique beginning of the name is enough. `given` has a place
   for each row: what the command line gave it; NULL: nothing yet. Returns 0, or -1 with the option
   and the reason in `error`. */
int option_take(const struct option_table *table, void *fields, const char **given,
                char *const **rest, struct error *error);

/* Takes one value into `fields`, which keep pointing to it. Returns 0, or -1 with what was expected
   in `error`. */
int option_set(const struct option *option, void *fields, const char *value, struct error *error);

/* A number from `least` to `most`, with or without a sign. */
int option_parse_number(const char *value, int least, int most, int *number, struct error *error);

#endif
