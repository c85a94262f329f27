/*
 * A release is what generations are started from: a configuration, and the listeners that it asks
 * for. The first is made at the start; each deploy that reads the configuration again makes another
 * one, which shares with the one before the sockets that stay. It is counted: every worker holds
 * the one that it was started from, so that a socket that is no longer asked for is closed when the
 * last worker that has it is gone, and one that was opened for a deploy that failed likewise.
 */
#ifndef RELEASE_H
#define RELEASE_H

#include "configuration.h"
#include "listener_set.h"

struct release {
    struct configuration *configuration; /* a reference of its own */
    struct listener_set listeners;
    unsigned holders;
};

/* Opens what the configuration asks for, but for what was opened above (NULL: nothing), and holds
   the configuration. Returns it with one reference; or NULL with the reason in `error`. */
struct release *release_open(struct configuration *configuration, struct activation *activation,
                             struct error *error);

/* The same for one that follows others, the one in force first: sockets that one of them has are
   shared. If it fails, nothing has changed. */
struct release *release_follow(struct configuration *configuration,
                               const struct release *const *others, size_t count,
                               struct error *error);

struct release *release_hold(struct release *release);

/* Takes NULL. The last one closes what no other release has. */
void release_drop(struct release *release);

const struct options *release_options(const struct release *release);

#endif
