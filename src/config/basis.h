/*
 * A basis is what generations are started from: a configuration, and the listeners that it asks
 * for. The first is made at the start; each deploy that reads the configuration anew makes another
 * one, which shares with the one before the sockets that stay. It is counted: every worker holds
 * the one that it was started from, so that a socket that is no longer asked for is closed when the
 * last worker that has it is gone, and one that was opened for a deploy that failed likewise.
 */
#ifndef BASIS_H
#define BASIS_H

#include "configuration.h"
#include "listener_set.h"

struct basis {
    struct configuration *configuration; /* held */
    struct listener_set listeners;
    unsigned holders;
};

/* Opens what the configuration asks for, but for what was opened above (NULL: nothing), and holds
   the configuration. Returns it, held once; or NULL with the reason in `error`. */
struct basis *basis_open(struct configuration *configuration, struct activation *activation,
                         struct error *error);

/* The same for one that follows others, the one in force first: sockets that one of them has are
   shared. If it fails, nothing has changed. */
struct basis *basis_follow(struct configuration *configuration, const struct basis *const *others,
                           size_t count, struct error *error);

struct basis *basis_hold(struct basis *basis);

/* Takes NULL. The last one closes what no other basis has. */
void basis_release(struct basis *basis);

const struct options *basis_options(const struct basis *basis);

#endif
