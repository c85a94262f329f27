#include "report_json.h"

#include "signal_name.h"
#include "utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* --- text --------------------------------------------------------------------------------------
 */

json_t *report_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    size_t left = strlen(text);
    char *valid = malloc(left * (sizeof UTF8_REPLACEMENT - 1) + 1);
    if (valid == NULL) {
        return NULL;
    }
    char *end = valid;
    while (left > 0) {
        uint32_t unused;
        size_t length = utf8_decode(text, left, &unused);
        const char *source = length > 0 ? text : UTF8_REPLACEMENT;
        size_t copied = length > 0 ? length : sizeof UTF8_REPLACEMENT - 1;
        size_t taken = length > 0 ? length : 1;
        memcpy(end, source, copied);
        end += copied;
        text += taken;
        left -= taken;
    }
    json_t *string = json_stringn(valid, (size_t)(end - valid));
    free(valid);
    return string;
}

/* --- events ------------------------------------------------------------------------------------
 */

static json_t *make_event(const char *name, double now)
{
    json_t *event = json_object();
    json_object_set_new(event, "event", json_string(name));
    json_object_set_new(event, "time", json_real(now));
    return event;
}

static void set_number(json_t *event, const char *key, uint64_t number)
{
    json_object_set_new(event, key, json_integer((json_int_t)number));
}

/* Microseconds are more than anybody reads. */
static void set_seconds(json_t *event, double seconds)
{
    int64_t microseconds = (int64_t)(seconds * 1e6 + 0.5);
    json_object_set_new(event, "seconds", json_real((double)microseconds / 1e6));
}

static void set_ending(json_t *event, int status)
{
    if (WIFSIGNALED(status)) {
        json_object_set_new(event, "signal", json_string(signal_name(WTERMSIG(status))));
    } else {
        set_number(event, "exit_status", (uint64_t)WEXITSTATUS(status));
    }
}

/* Which fields a report has. */
enum {
    HAS_GENERATION = 1 << 0,
    HAS_PID = 1 << 1,
    HAS_AGE = 1 << 2,      /* "seconds" since its start */
    HAS_DURATION = 1 << 3, /* "seconds" that something takes */
    HAS_ENDING = 1 << 4,   /* "exit_status" or "signal" */
    HAS_SIGNAL = 1 << 5,
    HAS_DEPLOY = 1 << 6,
    HAS_CAUSE = 1 << 7,
    HAS_REASON = 1 << 8,
};

static unsigned fields_of(enum lifecycle_report report)
{
    switch (report) {
    case REPORT_SPAWNED:
    case REPORT_NOT_READY:
    case REPORT_HUNG:
    case REPORT_ROLLED_BACK:
        return HAS_GENERATION | HAS_PID;
    case REPORT_READY:
        return HAS_GENERATION | HAS_PID | HAS_AGE;
    case REPORT_START_FAILED:
    case REPORT_CRASHED:
    case REPORT_LEFT:
        return HAS_GENERATION | HAS_PID | HAS_ENDING;
    case REPORT_SIGNALLED:
        return HAS_GENERATION | HAS_PID | HAS_SIGNAL;
    case REPORT_RETIRING:
        return HAS_GENERATION | HAS_DURATION;
    case REPORT_PAUSED:
        return HAS_DURATION;
    case REPORT_DEPLOY_STARTED:
        return HAS_DEPLOY | HAS_CAUSE;
    case REPORT_DEPLOY_QUEUED:
    case REPORT_CHECK_STARTED:
    case REPORT_DEPLOY_STOPPED:
        return HAS_DEPLOY;
    case REPORT_DEPLOY_SUCCEEDED:
        return HAS_DEPLOY | HAS_GENERATION;
    case REPORT_DEPLOY_FAILED:
        return HAS_DEPLOY | HAS_REASON;
    case REPORT_ENDING:
        return HAS_ENDING;
    case REPORT_STOPPING:
    case REPORT_STOP_OVERDUE:
    case REPORT_GAVE_UP:
        return 0;
    }
    return 0;
}

json_t *report_to_json(const struct lifecycle_action *report, double now,
                       double seconds_since_start)
{
    unsigned fields = fields_of(report->report);
    json_t *event = make_event(lifecycle_report_name(report->report), now);
    if (fields & HAS_DEPLOY) {
        set_number(event, "deploy", report->deploy);
    }
    if (fields & HAS_CAUSE) {
        json_object_set_new(event, "cause", json_string(deploy_cause_name(report->cause)));
    }
    if (fields & HAS_REASON) {
        json_object_set_new(event, "reason", json_string(deploy_failure_text(report->reason)));
    }
    if (fields & HAS_GENERATION) {
        set_number(event, "generation", report->generation);
    }
    if (fields & HAS_PID) {
        set_number(event, "pid", (uint64_t)report->pid);
    }
    if (fields & HAS_ENDING) {
        set_ending(event, report->status);
    }
    if (fields & HAS_SIGNAL) {
        json_object_set_new(event, "signal", json_string(signal_name(report->signal)));
    }
    if ((fields & HAS_AGE) && seconds_since_start >= 0) {
        set_seconds(event, seconds_since_start);
    }
    if (fields & HAS_DURATION) {
        set_seconds(event, (double)report->ms / 1000.0);
    }
    return event;
}

json_t *report_worker_status(uint64_t generation, pid_t pid, const char *text, double now)
{
    json_t *event = make_event("worker-status", now);
    set_number(event, "generation", generation);
    set_number(event, "pid", (uint64_t)pid);
    json_object_set_new(event, "text", report_text(text));
    return event;
}

json_t *report_draining(uint64_t generation, pid_t pid, int64_t connections, double now)
{
    json_t *event = make_event("draining", now);
    set_number(event, "generation", generation);
    set_number(event, "pid", (uint64_t)pid);
    json_object_set_new(event, "connections",
                        connections >= 0 ? json_integer(connections) : json_null());
    return event;
}
