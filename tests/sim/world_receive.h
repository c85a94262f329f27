/*
 * What an event does to the world before the machine hears of it: who has left, which timer is
 * over, what has been promised, and what has to follow.
 */
#ifndef WORLD_RECEIVE_H
#define WORLD_RECEIVE_H

#include "world.h"

void world_receive(struct world *world, const struct lifecycle_event *event);

/* Returns false if a stop is under way already. */
bool world_begin_stop(struct world *world, int signal);

#endif
