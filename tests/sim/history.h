/*
 * A history is a random sequence of events that can happen to a service: one history for each seed.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "world.h"

/* Runs the history of that seed, and then either leaves everybody alone until all is at rest, or
   stops the service. Returns what was broken, as a sentence that stays in the world, or NULL. */
const char *history_run(struct world *world, uint64_t seed, uint64_t events, struct tally *tally);

#endif
