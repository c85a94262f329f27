/*
 * How a worker learns which descriptors are its sockets: each convention is a row of a table, with
 * its name, the variables that belong to it, and a function that writes them. Nothing is written of
 * a convention that was not asked for, and none of what the supervisor was itself started with is
 * left standing: a worker would take it for its own.
 */
#ifndef INHERITANCE_H
#define INHERITANCE_H

#include "environment.h"
#include "listener_set.h"

#include <stdint.h>

/* A set of conventions: a bit for each row of the table. */
typedef uint32_t inheritance_set;

/* Reads a list of names with commas between them, or the word none. Returns 0, or -1 with what was
   expected in `error`. */
int inheritance_parse(const char *list, inheritance_set *set, struct error *error);

/* Takes the variables of every convention out of an environment that came from above. */
void inheritance_clear(struct environment *environment);

/* Writes the variables of these conventions, and the generation's number. Returns 0, or -1 (no
   memory). */
int inheritance_write(inheritance_set set, const struct listener_set *listeners,
                      uint64_t generation, struct environment *environment, struct error *error);

/* Whether one of these conventions cannot tell of all the listeners; then `problem` is a line that
   says which, and why. */
bool inheritance_has_gap(inheritance_set set, const struct listener_set *listeners,
                         struct error *problem);

#endif
