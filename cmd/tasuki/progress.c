#include "progress.h"

#include "client.h"
#include "human.h"
#include "report.h"

#include <inttypes.h>
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
    int64_t sum = -1;
    for (size_t i = 0; i < progress->leaving_count; i++) {
        if (progress->leaving[i].connections >= 0) {
            sum = (sum > 0 ? sum : 0) + progress->leaving[i].connections;
        }
    }
    buffer[0] = '\0';
    if (sum >= 0) {
        snprintf(buffer, size, "%s%" PRId64 " connection%s left", before, sum, sum == 1 ? "" : "s");
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
        snprintf(buffer, size, "request sent");
        break;
    case PHASE_QUEUED:
        snprintf(buffer, size, "waiting for the deploy under way");
        break;
    case PHASE_CHECKING:
        snprintf(buffer, size, "running the check");
        break;
    case PHASE_STARTING:
        snprintf(buffer, size, "starting generation %" PRId64 " (pid %" PRId64 ")",
                 progress->generation, progress->pid);
        break;
    case PHASE_PAUSED:
        snprintf(buffer, size, "restarting in %s", human_seconds(progress->seconds, seconds));
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
static size_t find_leaving(struct progress *progress, int64_t generation, bool add)
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

static void begin_phase(struct progress *progress, enum progress_phase phase)
{
    progress->says[0] = '\0';
    progress->phase = phase;
}

static void take_spawned(struct progress *progress, const struct report *report)
{
    progress->generation = report->generation;
    progress->pid = report->pid;
    progress->ready_after = -1;
    progress->seconds = 0;
    begin_phase(progress, PHASE_STARTING);
}

static void take_left(struct progress *progress, const struct report *report)
{
    size_t i = find_leaving(progress, report->generation, false);
    if (i < PROGRESS_LEAVING_MAX) {
        progress->leaving[i] = progress->leaving[--progress->leaving_count];
    }
}

static void take_draining(struct progress *progress, const struct report *report)
{
    size_t i = find_leaving(progress, report->generation, true);
    if (i < PROGRESS_LEAVING_MAX) {
        progress->leaving[i].connections = report->connections;
    }
}

static void take_worker_status(struct progress *progress, const struct report *report)
{
    if (progress->phase == PHASE_STARTING && report->generation == progress->generation) {
        snprintf(progress->says, sizeof progress->says, "%s",
                 report->text != NULL ? report->text : "");
    }
}

static void take(struct progress *progress, const struct report *report)
{
    switch (report->kind->id) {
    case REPORT_DEPLOY_QUEUED:
        progress->phase = PHASE_QUEUED;
        break;
    case REPORT_CHECK_STARTED:
        progress->phase = PHASE_CHECKING;
        break;
    case REPORT_SPAWNED:
        take_spawned(progress, report);
        break;
    case REPORT_WORKER_STATUS:
        take_worker_status(progress, report);
        break;
    case REPORT_READY:
        progress->generation = report->generation;
        progress->ready_after = report->seconds;
        begin_phase(progress, PHASE_READY);
        break;
    case REPORT_PAUSED:
        progress->seconds = report->seconds;
        begin_phase(progress, PHASE_PAUSED);
        break;
    case REPORT_RETIRING:
        progress->seconds = report->seconds;
        break;
    case REPORT_SIGNALLED:
        find_leaving(progress, report->generation, true);
        break;
    case REPORT_DRAINING:
        take_draining(progress, report);
        break;
    case REPORT_LEFT:
        take_left(progress, report);
        break;
    case REPORT_ENDING:
    case REPORT_STOPPING:
        begin_phase(progress, PHASE_STOPPING);
        break;
    default:
        break;
    }
}

/* Draining is told every second: too often for lines that stay. */
static bool is_told_too_often(struct progress *progress, const struct report *report)
{
    if (report->kind == NULL || report->kind->id != REPORT_DRAINING) {
        return false;
    }
    size_t i = find_leaving(progress, report->generation, false);
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

/* On a terminal only the changing line shows what goes as it should. A deploy's end is held back:
   its result says it again. */
void progress_event(struct progress *progress, const json_t *event)
{
    char text[EVENT_TEXT_SIZE];
    const struct report report = report_from_json(event);
    bool is_trouble = report.kind != NULL && report.kind->level <= LOG_LEVEL_WARNING;
    if (report.kind != NULL) {
        take(progress, &report);
    }
    print_held(progress);
    event_text(event, text, sizeof text);
    if (report.kind != NULL && report.kind->is_outcome) {
        memcpy(progress->held, text, sizeof text);
    } else if (is_trouble ||
               (!progress->display.redraws && !is_told_too_often(progress, &report))) {
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
