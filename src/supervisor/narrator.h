/*
 * The narrator tells people what the lifecycle reports: each report is a line of the log. It
 * decides nothing.
 */
#ifndef NARRATOR_H
#define NARRATOR_H

#include "lifecycle.h"

/* Logs one ACTION_REPORT; takes no context. */
void narrator_on_report(void *context, const struct lifecycle_action *report);

#endif
