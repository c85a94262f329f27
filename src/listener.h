/*
 * A listener is one socket that the supervisor bound and keeps; a listener set is what a generation
 * is given. This file opens, names and closes them, and it removes the unix sockets that it made.
 * It knows nothing about workers beyond the descriptor number that each listener asks for there.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include "address.h"
#include "error.h"

#include <stddef.h>
#include <sys/types.h>

struct listener {
    int fd;        /* the supervisor's descriptor, close-on-exec; owned */
    int worker_fd; /* the number at which a worker finds it */
    char *name;    /* how SERVER_STARTER_PORT calls it: PORT, HOST:PORT or PATH; owned */
    char *label;   /* its name in LISTEN_FDNAMES; NULL: it has none; owned */
    int socket_type;
    const char *path; /* of the unix socket that was made here, the caller's; NULL: none */
    dev_t device;     /* of that path, so that only our own is removed */
    ino_t inode;
};

struct listener_set {
    struct listener *items; /* owned */
    size_t count;
};

/* Binds and listens on every address, in their order, and numbers them for the workers: the
   descriptors that were asked for, and 3, 4, … for the rest. `backlog` 0 is the system's default.
   Returns 0; or -1 with the address and the reason in `error` and nothing left behind. */
int listener_set_open(struct listener_set *set, const struct address *addresses, size_t count,
                      int backlog, struct error *error);

/* Closes every listener and removes the unix sockets that are still the ones made here. */
void listener_set_close(struct listener_set *set);

/* How many sockets these addresses become. */
size_t listener_count(const struct address *addresses, size_t count);

#endif
