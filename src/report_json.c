#include "report_json.h"

#include "signal_name.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* --- text --------------------------------------------------------------------------------------
 */

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* The length of the valid UTF-8 sequence that `text` begins with (RFC 3629); 0 if there is none.
   The NUL at the end is no continuation byte, so nothing behind it is looked at. */
static size_t sequence_length(const unsigned char *text)
{
    static const struct {
        unsigned char first, last;            /* of the lead byte */
        unsigned char second_min, second_max; /* no overlong forms, no surrogates */
        size_t length;
    } forms[] = {
        {0x01, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last) {
            continue;
        }
        size_t valid = 1;
        if (forms[i].length > 1 && text[1] >= forms[i].second_min &&
            text[1] <= forms[i].second_max) {
            valid = 2;
            while (valid < forms[i].length && (text[valid] & 0xC0) == 0x80) {
                valid++;
            }
        }
        return valid == forms[i].length ? valid : 0;
    }
    return 0;
}

json_t *report_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    char *valid = malloc(strlen(text) * (sizeof replacement - 1) + 1);
    if (valid == NULL) {
        return NULL;
    }
    char *end = valid;
    while (*text != '\0') {
        size_t length = sequence_length((const unsigned char *)text);
        const char *source = length > 0 ? text : replacement;
        size_t copied = length > 0 ? length : sizeof replacement - 1;
        memcpy(end, source, copied);
        end += copied;
        text += length > 0 ? length : 1;
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
    case REPORT_STOPPING:
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
