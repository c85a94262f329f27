/*
 * What there is to tell, as the JSON objects that control clients get: the lifecycle's reports,
 * each an event. Only the form; who gets them is the supervisor's affair.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "lifecycle.h"

#include <jansson.h>

/* The event for a report, to be released by the caller: {"event": NAME, "time": NOW, …}. `now` is
   in seconds since 1970; `seconds_since_start` is the age of the report's generation, negative
   where it is not known. NULL when there is no memory. */
json_t *report_to_json(const struct lifecycle_action *report, double now,
                       double seconds_since_start);

/* Events that no report of the lifecycle tells. `connections` below zero: unknown. */
json_t *report_worker_status(uint64_t generation, pid_t pid, const char *text, double now);
json_t *report_draining(uint64_t generation, pid_t pid, int64_t connections, double now);

/* A JSON string of any bytes: what is not valid UTF-8 (a multibyte character that was cut in two,
   say) is replaced by U+FFFD. NULL gives null. */
json_t *report_text(const char *text);

#endif
