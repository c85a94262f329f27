/*
 * How a worker learns which descriptors are its sockets: each convention is a row of a table, a
 * name and a function that writes the convention's variables.
 */
#ifndef INHERITANCE_H
#define INHERITANCE_H

#include "environment.h"
#include "listener.h"

#include <stdint.h>

struct inheritance {
    const char *name;
    int (*write)(const struct listener_set *listeners, uint64_t generation,
                 struct environment *environment, struct error *error);
};

/* Writes the variables of every convention for this generation. Returns 0, or -1 (no memory). */
int inheritance_write(const struct listener_set *listeners, uint64_t generation,
                      struct environment *environment, struct error *error);

#endif
