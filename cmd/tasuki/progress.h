/*
 * What one sees of a deploy, or of a stop, while it goes on: the events become lines or, on a
 * terminal, one line that changes, with the lines of what went wrong above it.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "display.h"
#include "event_text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* How many generations that leave are kept apart. */
#define PROGRESS_LEAVING_MAX 16

enum progress_phase {
    PHASE_ASKED,
    PHASE_QUEUED, /* until the deploy under way has ended */
    PHASE_CHECKING,
    PHASE_STARTING,
    PHASE_PAUSED, /* before the next attempt */
    PHASE_READY,
    PHASE_STOPPING,
};

struct progress {
    struct display display;
    const char *name; /* the service's; the caller's */
    int64_t began;
    enum progress_phase phase;
    int64_t generation; /* the new one */
    int64_t pid;
    double ready_after;         /* seconds; negative: not ready */
    double seconds;             /* of the pause, or until the older ones are signalled */
    char says[256];             /* the new worker's STATUS= */
    char held[EVENT_TEXT_SIZE]; /* a deploy's end, until it is clear that it is not the last line */
    struct {
        int64_t generation;
        int64_t connections; /* negative: not known */
        int64_t told;        /* when a line was printed */
    } leaving[PROGRESS_LEAVING_MAX];
    size_t leaving_count;
};

void progress_open(struct progress *progress, const char *name);

/* Takes an event and shows it. */
void progress_event(struct progress *progress, const json_t *event);

/* When the changing line is to be drawn anew, in client_now's time, and doing so. */
int64_t progress_next_draw(const struct progress *progress);
void progress_draw(struct progress *progress);

/* The changing line goes; the held line comes, unless the result makes it superfluous. */
void progress_close(struct progress *progress, bool has_result);

/* Seconds since it was opened. */
double progress_seconds(const struct progress *progress);

#endif
