/*
 * A listener set has the listeners of a generation, numbered for its workers. This file opens all
 * of them or none.
 */
#ifndef LISTENER_SET_H
#define LISTENER_SET_H

#include "listener.h"

#include <stdbool.h>

struct listener_set {
    struct listener *items; /* owned */
    size_t count;
};

/* Binds and listens on every address in order, and numbers the sockets for the workers: the
   descriptors that the addresses ask for, and 3, 4, … for the rest. `backlog` applies to addresses
   that set none; 0 is the system's default. Sockets of `activation` (NULL: none) serve the
   addresses that they have; the others follow at the end. Returns 0; or -1 with the address and the
   reason in `error`, and nothing open. */
int listener_set_open(struct listener_set *set, const struct address *addresses, size_t count,
                      int backlog, struct activation *activation, struct error *error);

/* Opens a set that replaces others, the one in force first. It shares a socket, with its queue,
   that one of them has; the socket keeps its options, and `warning` names those that cannot change
   now. Inherited sockets that no address names stay. The other sets do not change. */
int listener_set_change(struct listener_set *set, const struct listener_set *const *before,
                        size_t before_count, const struct address *addresses, size_t count,
                        int backlog, struct error *error);

/* The set is now in force: shared sockets get its backlog. */
void listener_set_settle(const struct listener_set *set, int backlog);

/* Whether the socket with this descriptor of the supervisor's is in the set. */
bool listener_set_has(const struct listener_set *set, int fd);

/* Calls listener_own_file or listener_leave_file for all of them. */
void listener_set_own_files(struct listener_set *set);
void listener_set_leave_files(struct listener_set *set);

/* Closes every listener that no other set shares, and removes the files of its unix sockets if this
   process made them. */
void listener_set_close(struct listener_set *set);

/* How many sockets these addresses become. */
size_t listener_count(const struct address *addresses, size_t count);

#endif
