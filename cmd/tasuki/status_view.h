/*
 * A supervisor's status, as the control socket tells it, for people.
 */
#ifndef STATUS_VIEW_H
#define STATUS_VIEW_H

#include "table.h"

#include <jansson.h>

/* One supervisor in detail. `now` is in seconds since 1970, `width` in columns. */
void status_view_print(const json_t *status, double now, int width);

/* The table of several: its columns, a row each, and one for a supervisor that gave no status. */
extern const struct table_column status_view_columns[6];
void status_view_add(struct table *table, const char *name, const json_t *status, double now);
void status_view_add_silent(struct table *table, const char *name);

#endif
