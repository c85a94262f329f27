/* Writes down what happens in a world, for people. */
#ifndef TRACE_H
#define TRACE_H

#include "world.h"

void trace_event(const struct world *world, const struct lifecycle_event *event);
void trace_action(const struct world *world, const struct lifecycle_action *action);

#endif
