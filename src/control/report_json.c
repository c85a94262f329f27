#include "report_json.h"

#include "signal_name.h"

#include <sys/wait.h>

static void open_event(struct json_text *json, const char *name, double now)
{
    json_text_open(json, NULL, '{');
    json_text_string(json, "event", name);
    json_text_seconds(json, "time", now);
}

static void add_number(struct json_text *json, const char *key, uint64_t number)
{
    json_text_number(json, key, (int64_t)number);
}

static void add_ending(struct json_text *json, int status)
{
    if (WIFSIGNALED(status)) {
        json_text_string(json, "signal", signal_name(WTERMSIG(status)));
    } else {
        add_number(json, "exit_status", (uint64_t)WEXITSTATUS(status));
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

void report_to_json(struct json_text *json, const struct lifecycle_action *report, double now,
                    double seconds_since_start)
{
    unsigned fields = fields_of(report->report);
    open_event(json, lifecycle_report_name(report->report), now);
    if (fields & HAS_DEPLOY) {
        add_number(json, "deploy", report->deploy);
    }
    if (fields & HAS_CAUSE) {
        json_text_string(json, "cause", deploy_cause_name(report->cause));
        if (report->path != NULL) {
            json_text_string(json, "path", report->path);
        }
    }
    if (fields & HAS_REASON) {
        json_text_string(json, "reason", deploy_failure_text(report->reason));
    }
    if (fields & HAS_GENERATION) {
        add_number(json, "generation", report->generation);
    }
    if (fields & HAS_PID) {
        add_number(json, "pid", (uint64_t)report->pid);
    }
    if (fields & HAS_ENDING) {
        add_ending(json, report->status);
    }
    if (fields & HAS_SIGNAL) {
        json_text_string(json, "signal", signal_name(report->signal));
    }
    if ((fields & HAS_AGE) && seconds_since_start >= 0) {
        json_text_seconds(json, "seconds", seconds_since_start);
    }
    if (fields & HAS_DURATION) {
        json_text_seconds(json, "seconds", (double)report->ms / 1000.0);
    }
    json_text_close(json, '}');
}

void report_worker_status(struct json_text *json, uint64_t generation, pid_t pid, const char *text,
                          double now)
{
    open_event(json, "worker-status", now);
    add_number(json, "generation", generation);
    add_number(json, "pid", (uint64_t)pid);
    json_text_string(json, "text", text);
    json_text_close(json, '}');
}

void report_draining(struct json_text *json, uint64_t generation, pid_t pid, int64_t connections,
                     double now)
{
    open_event(json, "draining", now);
    add_number(json, "generation", generation);
    add_number(json, "pid", (uint64_t)pid);
    json_text_known(json, "connections", connections);
    json_text_close(json, '}');
}
