/*
 * A listener set is what a generation is given: every listener of the service, numbered for the
 * workers. This file opens them all or none.
 */
#ifndef LISTENER_SET_H
#define LISTENER_SET_H

#include "listener.h"

#include <stdbool.h>

struct listener_set {
    struct listener *items; /* owned */
    size_t count;
};

/* Binds and listens on every address, in their order, and numbers them for the workers: the
   descriptors that were asked for, and 3, 4, … for the rest. `backlog` is that of those that ask
   for none themselves; 0 is the system's default. Sockets of `activation` (NULL: there are none)
   serve the addresses that they have; those that no address names follow behind. Returns 0; or -1
   with the address and the reason in `error` and nothing left behind. */
int listener_set_open(struct listener_set *set, const struct address *addresses, size_t count,
                      int backlog, struct activation *activation, struct error *error);

/* The same for a set that follows others, the one in force first: a socket that one of them has is
   the very same in this one, with its queue, and keeps the options that it was opened with; its
   `warning` tells of those that are asked for now and will have to wait. Sockets from above that no
   address names stay. The other sets stay as they are. */
int listener_set_change(struct listener_set *set, const struct listener_set *const *before,
                        size_t before_count, const struct address *addresses, size_t count,
                        int backlog, struct error *error);

/* The set is in force now: sockets that it shares with another get the backlog that it asks for. */
void listener_set_settle(const struct listener_set *set, int backlog);

/* Whether the socket with this descriptor of the supervisor's is in the set. */
bool listener_set_has(const struct listener_set *set, int fd);

/* listener_own_file and listener_leave_file of them all. */
void listener_set_own_files(struct listener_set *set);
void listener_set_leave_files(struct listener_set *set);

/* Closes every listener that no other set shares, and removes the unix sockets of those that are
   still the ones made here. */
void listener_set_close(struct listener_set *set);

/* How many sockets these addresses become. */
size_t listener_count(const struct address *addresses, size_t count);

#endif
