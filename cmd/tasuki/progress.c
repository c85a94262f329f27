#include "progress.h"

#include "client.h"
#include "human.h"

#include <stdio.h>
#include <string.h>

/* The changing line shows tenths at first. */
enum { DRAW_MS = 100, DRAW_LATER_MS = 1000, LATER_MS = 10000 };
/* Where every line stays, the connections left are told so often. */
enum { DRAINING_MS = 5000 };

void progress_open(struct progress *progress, const char *name)
{
    *progress = (struct progress){.name = name, .began = client_now(), .ready_after = -1};
    display_open(&progress->display);
    progress_draw(progress);
}

double progress_seconds(const struct progress *progress)
{
    return (double)(client_now() - progress->began) / 1000;
}

/* --- the changing line -------------------------------------------------------------------------
 */

/* "12 connections left" for all that leave together; nothing where it is not known. */
static void write_connections(const struct progress *progress, const char *before, char *buffer,
                              size_t size)
{
    json_int_t sum = -1;
    for (size_t i = 0; i < progress->leaving_count; i++) {
        if (progress->leaving[i].connections >= 0) {
            sum = (sum > 0 ? sum : 0) + progress->leaving[i].connections;
        }
    }
    buffer[0] = '\0';
    if (sum >= 0) {
        snprintf(buffer, size, "%s%" JSON_INTEGER_FORMAT " connection%s left", before, sum,
                 sum == 1 ? "" : "s");
    }
}

static void write_retiring(const struct progress *progress, char *buffer, size_t size)
{
    char seconds[HUMAN_SIZE];
    char connections[64];
    size_t length = (size_t)snprintf(buffer, size, "ready after %s",
                                     human_seconds(progress->ready_after, seconds));
    write_connections(progress, " with ", connections, sizeof connections);
    if (progress->leaving_count > 1) {
        snprintf(buffer + length, size - length, ", retiring %zu old ones%s",
                 progress->leaving_count, connections);
    } else if (progress->leaving_count == 1) {
        snprintf(buffer + length, size - length, ", retiring the old one%s", connections);
    } else if (progress->seconds > 0) {
        snprintf(buffer + length, size - length, ", the old one is signalled after %s",
                 human_seconds(progress->seconds, seconds));
    }
}

static void write_phase(const struct progress *progress, char *buffer, size_t size)
{
    char seconds[HUMAN_SIZE];
    switch (progress->phase) {
    case PHASE_ASKED:
        snprintf(buffer, size, "asked the supervisor");
        break;
    case PHASE_QUEUED:
        snprintf(buffer, size, "waiting for the deploy under way");
        break;
    case PHASE_CHECKING:
        snprintf(buffer, size, "running the check");
        break;
    case PHASE_STARTING:
        snprintf(buffer, size,
                 "starting generation %" JSON_INTEGER_FORMAT " (pid %" JSON_INTEGER_FORMAT ")",
                 progress->generation, progress->pid);
        break;
    case PHASE_PAUSED:
        snprintf(buffer, size, "the next start waits %s",
                 human_seconds(progress->seconds, seconds));
        break;
    case PHASE_READY:
        write_retiring(progress, buffer, size);
        break;
    case PHASE_STOPPING: {
        size_t length = (size_t)snprintf(buffer, size, "stopping");
        write_connections(progress, ", ", buffer + length, size - length);
        break;
    }
    }
}

void progress_draw(struct progress *progress)
{
    char phase[512];
    char seconds[HUMAN_SIZE];
    char line[1024];
    write_phase(progress, phase, sizeof phase);
    double elapsed = progress_seconds(progress);
    snprintf(line, sizeof line, "%s (%s): %s%s%s", progress->name,
             human_seconds(elapsed < 0.1 ? 0.1 : elapsed, seconds), phase,
             progress->says[0] != '\0' ? ": " : "", progress->says);
    display_draw(&progress->display, line);
}

int64_t progress_next_draw(const struct progress *progress)
{
    if (!progress->display.redraws) {
        return CLIENT_FOREVER;
    }
    int64_t now = client_now();
    return now + (now - progress->began < LATER_MS ? DRAW_MS : DRAW_LATER_MS);
}

/* --- events ------------------------------------------------------------------------------------
 */

/* Where the generation stands among those that leave; PROGRESS_LEAVING_MAX when it has no place. */
static size_t find_leaving(struct progress *progress, json_int_t generation, bool add)
{
    for (size_t i = 0; i < progress->leaving_count; i++) {
        if (progress->leaving[i].generation == generation) {
            return i;
        }
    }
    if (!add || progress->leaving_count == PROGRESS_LEAVING_MAX) {
        return PROGRESS_LEAVING_MAX;
    }
    progress->leaving[progress->leaving_count].generation = generation;
    progress->leaving[progress->leaving_count].connections = -1;
    progress->leaving[progress->leaving_count].told = 0;
    return progress->leaving_count++;
}

static void on_left(struct progress *progress, const json_t *event)
{
    size_t i = find_leaving(progress, field_number(event, "generation", 0), false);
    if (i < PROGRESS_LEAVING_MAX) {
        progress->leaving[i] = progress->leaving[--progress->leaving_count];
    }
}

static void on_signalled(struct progress *progress, const json_t *event)
{
    find_leaving(progress, field_number(event, "generation", 0), true);
}

static void on_draining(struct progress *progress, const json_t *event)
{
    size_t i = find_leaving(progress, field_number(event, "generation", 0), true);
    if (i < PROGRESS_LEAVING_MAX) {
        progress->leaving[i].connections = field_number(event, "connections", -1);
    }
}

static void on_spawned(struct progress *progress, const json_t *event)
{
    progress->generation = field_number(event, "generation", 0);
    progress->pid = field_number(event, "pid", 0);
    progress->ready_after = -1;
    progress->seconds = 0;
    progress->says[0] = '\0';
    progress->phase = PHASE_STARTING;
}

static void on_ready(struct progress *progress, const json_t *event)
{
    progress->generation = field_number(event, "generation", 0);
    progress->ready_after = field_seconds(event, "seconds", 0);
    progress->says[0] = '\0';
    progress->phase = PHASE_READY;
}

static void on_worker_status(struct progress *progress, const json_t *event)
{
    if (progress->phase == PHASE_STARTING &&
        field_number(event, "generation", 0) == progress->generation) {
        snprintf(progress->says, sizeof progress->says, "%s", field_text(event, "text", ""));
    }
}

static void on_retiring(struct progress *progress, const json_t *event)
{
    progress->seconds = field_seconds(event, "seconds", 0);
}

static void on_paused(struct progress *progress, const json_t *event)
{
    progress->seconds = field_seconds(event, "seconds", 0);
    progress->says[0] = '\0';
    progress->phase = PHASE_PAUSED;
}

static void on_queued(struct progress *progress, const json_t *event)
{
    (void)event;
    progress->phase = PHASE_QUEUED;
}

static void on_check(struct progress *progress, const json_t *event)
{
    (void)event;
    progress->phase = PHASE_CHECKING;
}

static void on_stopping(struct progress *progress, const json_t *event)
{
    (void)event;
    progress->says[0] = '\0';
    progress->phase = PHASE_STOPPING;
}

enum event_kind {
    EVENT_COURSE,  /* as it should be: on a terminal only the changing line shows it */
    EVENT_TROUBLE, /* a line that stays, everywhere */
    EVENT_ENDING,  /* a deploy's end: the result says it again */
};

static const struct {
    const char *name;
    enum event_kind kind;
    void (*take)(struct progress *progress, const json_t *event); /* NULL: nothing to keep */
} events[] = {
    {"spawned", EVENT_COURSE, on_spawned},
    {"ready", EVENT_COURSE, on_ready},
    {"start-failed", EVENT_TROUBLE, NULL},
    {"not-ready", EVENT_TROUBLE, NULL},
    {"crashed", EVENT_TROUBLE, NULL},
    {"hung", EVENT_TROUBLE, NULL},
    {"left", EVENT_COURSE, on_left},
    {"rolled-back", EVENT_TROUBLE, NULL},
    {"paused", EVENT_COURSE, on_paused},
    {"retiring", EVENT_COURSE, on_retiring},
    {"signalled", EVENT_COURSE, on_signalled},
    {"draining", EVENT_COURSE, on_draining},
    {"worker-status", EVENT_COURSE, on_worker_status},
    {"deploy-started", EVENT_COURSE, NULL},
    {"deploy-queued", EVENT_COURSE, on_queued},
    {"check-started", EVENT_COURSE, on_check},
    {"deploy-succeeded", EVENT_ENDING, NULL},
    {"deploy-failed", EVENT_ENDING, NULL},
    {"deploy-stopped", EVENT_ENDING, NULL},
    {"gave-up", EVENT_TROUBLE, NULL},
    {"ending", EVENT_COURSE, on_stopping},
    {"stop-overdue", EVENT_TROUBLE, NULL},
    {"stopping", EVENT_COURSE, on_stopping},
};

static enum event_kind take(struct progress *progress, const json_t *event)
{
    const char *name = field_text(event, "event", "");
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (strcmp(events[i].name, name) == 0) {
            if (events[i].take != NULL) {
                events[i].take(progress, event);
            }
            return events[i].kind;
        }
    }
    return EVENT_COURSE;
}

/* Draining is told every second: too often for lines that stay. */
static bool is_told_too_often(struct progress *progress, const json_t *event)
{
    if (strcmp(field_text(event, "event", ""), "draining") != 0) {
        return false;
    }
    size_t i = find_leaving(progress, field_number(event, "generation", 0), false);
    int64_t now = client_now();
    if (i < PROGRESS_LEAVING_MAX && progress->leaving[i].told != 0 &&
        now - progress->leaving[i].told < DRAINING_MS) {
        return true;
    }
    if (i < PROGRESS_LEAVING_MAX) {
        progress->leaving[i].told = now;
    }
    return false;
}

static void print_held(struct progress *progress)
{
    if (progress->held[0] != '\0') {
        display_print(&progress->display, progress->held);
        progress->held[0] = '\0';
    }
}

void progress_event(struct progress *progress, const json_t *event)
{
    char text[EVENT_TEXT_SIZE];
    enum event_kind kind = take(progress, event);
    print_held(progress);
    event_text(event, text, sizeof text);
    if (kind == EVENT_ENDING) {
        memcpy(progress->held, text, sizeof text);
    } else if (kind == EVENT_TROUBLE ||
               (!progress->display.redraws && !is_told_too_often(progress, event))) {
        display_print(&progress->display, text);
    }
    progress_draw(progress);
}

void progress_close(struct progress *progress, bool has_result)
{
    if (!has_result) {
        print_held(progress);
    }
    display_clear(&progress->display);
}
