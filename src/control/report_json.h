/*
 * What there is to tell, as the JSON objects that control clients get: the lifecycle's reports,
 * each an event. Only the form; who gets them is the supervisor's affair.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "json_text.h"
#include "lifecycle.h"

/* The event for a report: {"event": NAME, "time": NOW, …}. `now` is in seconds since 1970;
   `seconds_since_start` is the age of the report's generation, negative where it is not known. */
void report_to_json(struct json_text *json, const struct lifecycle_action *report, double now,
                    double seconds_since_start);

/* Events that no report of the lifecycle tells. `connections` below zero: unknown. */
void report_worker_status(struct json_text *json, uint64_t generation, pid_t pid, const char *text,
                          double now);
void report_draining(struct json_text *json, uint64_t generation, pid_t pid, int64_t connections,
                     double now);

#endif
