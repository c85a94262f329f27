/*
 * What each option is worth: a row for every line of option_table.h, and a function that takes its
 * value into struct options. The command line is read by options.c, --help is printed by
 * option_help.c; both go through these rows.
 */
#ifndef OPTION_VALUE_H
#define OPTION_VALUE_H

#include "options.h"

enum option_argument { NONE, REQUIRED, OPTIONAL };

struct option_row {
    const char *name;
    const char *section; /* of a configuration file; NULL: for the command line alone */
    const char *value;   /* what --help calls it; NULL: it has none */
    const char *defaults[PERSONALITIES];
    const char *help;
    int (*set)(struct options *options, const char *value, struct error *error);
    enum option_argument argument;
    bool repeatable;
};

extern const struct option_row option_rows[OPTION_COUNT];

/* Takes one value, which `options` keeps pointing to. Returns 0, or -1 with the option's name and
   what it wants in `error`. */
int option_set(struct options *options, const struct option_row *row, const char *value,
               struct error *error);

/* The same for a key of a configuration file: an option without a value is yes or no there, and the
   error does not name the option. */
int option_set_key(struct options *options, const struct option_row *row, const char *value,
                   struct error *error);

/* Values that several options have. Each returns 0, or -1 with what was expected: yes or no; a text
   that is not empty, which `what` says the meaning of. */
int parse_yes_or_no(const char *value, bool *yes, struct error *error);
int parse_text(const char *value, const char *what, const char **text, struct error *error);

#endif
