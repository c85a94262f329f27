/*
 * A report is one thing that the service tells people. One table (report.c) has for each kind its
 * fields, its level and its sentence. The log, the events of the control socket, the clients and
 * the variables of --on-event all use it.
 */
#ifndef REPORT_H
#define REPORT_H

#include "environment.h"
#include "lifecycle.h"
#include "log.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Room for the sentence of any report but one about a very long path. */
#define REPORT_SENTENCE_SIZE 1024

/* What no report of the lifecycle's tells, beside enum lifecycle_report. */
enum { REPORT_WORKER_STATUS = 1000, REPORT_DRAINING };

struct report_kind {
    const char *sentence;
    int id;          /* enum lifecycle_report, or one of the two above */
    unsigned fields; /* which of struct report's say something */
    enum log_level level;
    bool is_outcome; /* of a deploy */
    bool is_hooked;  /* --on-event is run for it */
};

/* Text is somebody else's and outlives the report. */
struct report {
    const struct report_kind *kind; /* NULL: a newer supervisor's */
    int64_t generation;
    int64_t pid;
    int64_t deploy;
    int64_t exit_status; /* -1: there is none, as with a signal */
    int64_t core_dumped; /* 1: yes */
    int64_t connections; /* -1: not known */
    double seconds;      /* since its start, or until something happens */
    const char *signal;  /* NULL: none; so with the others */
    const char *cause;
    const char *path;
    const char *reason;
    const char *text;
};

/* What the lifecycle reports. */
struct report report_of(const struct lifecycle_action *action);

/* A worker said so; an old generation still has so many connections. */
struct report report_worker_status(uint64_t generation, pid_t pid, const char *text);
struct report report_draining(uint64_t generation, pid_t pid, int64_t connections);

/* The report as a sentence. Returns `buffer`. */
const char *report_sentence(const struct report *report, char *buffer, size_t size);

/* As an event: {"event": NAME, "time": NOW, ...}, `now` in seconds since 1970; to be owned. NULL
   without memory. And back; the report's text is the event's. */
json_t *report_to_json(const struct report *report, double now);
struct report report_from_json(const json_t *event);

/* As variables for a command of --on-event, instead of those that are there. Returns 0, or -1 (no
   memory). */
int report_to_environment(const struct report *report, struct environment *environment,
                          struct error *error);

/* What events and variables call it. */
const char *report_name(const struct report_kind *kind);

/* The table: the kind of that place, or NULL after the last one; and the names of its fields, as
   "generation, pid". */
const struct report_kind *report_kind_at(size_t place);
const char *report_kind_fields(const struct report_kind *kind, char *buffer, size_t size);

#endif
