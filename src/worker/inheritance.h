/*
 * How a worker learns which descriptors are its sockets. Each convention is a row of a table: its
 * name, its variables, and a function that writes them. The variables of all other conventions are
 * removed, including those that the supervisor was started with: a worker would take them for its
 * own.
 */
#ifndef INHERITANCE_H
#define INHERITANCE_H

#include "environment.h"
#include "listener_set.h"

#include <stdint.h>

/* A set of conventions: a bit for each row of the table. */
typedef uint32_t inheritance_set;

/* Reads a list of names separated by commas, or the word none. Returns 0, or -1 with what was
   expected in `error`. */
int inheritance_parse(const char *list, inheritance_set *set, struct error *error);

/* Removes the variables of every convention from an environment. */
void inheritance_clear(struct environment *environment);

/* Writes the variables of these conventions, and the generation's number. Returns 0, or -1 (no
   memory). */
int inheritance_write(inheritance_set set, const struct listener_set *listeners,
                      uint64_t generation, struct environment *environment, struct error *error);

/* Whether one of these conventions cannot describe all the listeners; then `problem` says which,
   and why. */
bool inheritance_has_gap(inheritance_set set, const struct listener_set *listeners,
                         struct error *problem);

#endif
