/*
 * What a command of --on-event finds in its environment: the facts of one report, as TASUKI_EVENT,
 * TASUKI_GENERATION, TASUKI_PID, TASUKI_DEPLOY, TASUKI_CAUSE, TASUKI_REASON, TASUKI_STATUS,
 * and TASUKI_SIGNAL, each where it applies.
 */
#ifndef EVENT_ENVIRONMENT_H
#define EVENT_ENVIRONMENT_H

#include "environment.h"
#include "lifecycle.h"

/* True for the reports that --on-event runs its command for: deploys, readiness, deaths. */
bool event_is_told(const struct lifecycle_action *report);

/* Adds the report's facts to `environment`. Returns 0, or -1 (no memory). */
int event_write(const struct lifecycle_action *report, struct environment *environment,
                struct error *error);

#endif
