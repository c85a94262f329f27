#include "narrator.h"

#include "duration.h"
#include "log.h"
#include "signal_name.h"
#include "worker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Room for a sentence about a report. */
#define SENTENCE_SIZE 512

__attribute__((format(printf, 3, 4))) static void say(const struct lifecycle_action *report,
                                                      enum log_level level, const char *format, ...)
{
    char sentence[SENTENCE_SIZE];
    const struct log_facts facts = {.event = lifecycle_report_name(report->report),
                                    .generation = report->generation,
                                    .pid = report->pid};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    log_about(level, &facts, "%s", sentence);
}

static void say_of_worker(const struct lifecycle_action *report, enum log_level level,
                          const char *what)
{
    say(report, level, "generation %" PRIu64 ": worker %d %s", report->generation, (int)report->pid,
        what);
}

static void narrate_exit(const struct lifecycle_action *report, enum log_level level,
                         const char *what)
{
    char ending[64];
    worker_describe_exit(report->status, ending, sizeof ending);
    say(report, level, "generation %" PRIu64 ": worker %d %s%s", report->generation,
        (int)report->pid, ending, what);
}

static void narrate_duration(const struct lifecycle_action *report, const char *before)
{
    char duration[32];
    say(report, LOG_LEVEL_INFO, "%s%s", before,
        duration_format(report->ms, duration, sizeof duration));
}

static void narrate_deploy(const struct lifecycle_action *report)
{
    static const char *const causes[] = {
        [CAUSE_REQUEST] = "",
        [CAUSE_TIME] = " by time",
        [CAUSE_WATCHDOG] = " by the watchdog",
        [CAUSE_CHANGE] = " by a change",
    };
    if (report->report == REPORT_DEPLOY_STARTED) {
        say(report, LOG_LEVEL_INFO, "deploy %" PRIu64 " started%s%s%s", report->deploy,
            causes[report->cause], report->path != NULL ? " of " : "",
            report->path != NULL ? report->path : "");
    } else if (report->report == REPORT_DEPLOY_SUCCEEDED) {
        say(report, LOG_LEVEL_INFO,
            "deploy %" PRIu64 " succeeded: only generation %" PRIu64 " is left", report->deploy,
            report->generation);
    } else if (report->report == REPORT_DEPLOY_FAILED) {
        say(report, LOG_LEVEL_ERROR, "deploy %" PRIu64 " failed: %s", report->deploy,
            deploy_failure_text(report->reason));
    } else {
        say(report, LOG_LEVEL_WARNING, "deploy %" PRIu64 " was overtaken by a stop",
            report->deploy);
    }
}

void narrator_on_report(void *context, const struct lifecycle_action *report)
{
    (void)context;
    switch (report->report) {
    case REPORT_SPAWNED:
        say_of_worker(report, LOG_LEVEL_INFO, "started");
        break;
    case REPORT_READY:
        say_of_worker(report, LOG_LEVEL_INFO, "is ready");
        break;
    case REPORT_START_FAILED:
        narrate_exit(report, LOG_LEVEL_WARNING, " before it was ready");
        break;
    case REPORT_NOT_READY:
        say_of_worker(report, LOG_LEVEL_ERROR, "was not ready in time");
        break;
    case REPORT_HUNG:
        say_of_worker(report, LOG_LEVEL_ERROR, "gives no sign of life; it is replaced");
        break;
    case REPORT_CHECK_STARTED:
        say(report, LOG_LEVEL_INFO, "the check is run");
        break;
    case REPORT_GAVE_UP:
        say(report, LOG_LEVEL_ERROR, "giving up: the worker has died too often (--start-limit)");
        break;
    case REPORT_CRASHED:
        narrate_exit(report, LOG_LEVEL_WARNING, ", although nobody had asked it to");
        break;
    case REPORT_LEFT:
        narrate_exit(report, LOG_LEVEL_INFO, "");
        break;
    case REPORT_ROLLED_BACK:
        say_of_worker(report, LOG_LEVEL_WARNING, "is current again, since its successor failed");
        break;
    case REPORT_PAUSED:
        narrate_duration(report, "the next start waits ");
        break;
    case REPORT_RETIRING:
        narrate_duration(report, "the older workers are signalled in ");
        break;
    case REPORT_SIGNALLED:
        say(report, LOG_LEVEL_INFO, "generation %" PRIu64 ": %s sent to worker %d",
            report->generation, signal_name(report->signal), (int)report->pid);
        break;
    case REPORT_DEPLOY_QUEUED:
        say(report, LOG_LEVEL_INFO, "one more deploy follows this one");
        break;
    case REPORT_DEPLOY_STARTED:
    case REPORT_DEPLOY_SUCCEEDED:
    case REPORT_DEPLOY_FAILED:
    case REPORT_DEPLOY_STOPPED:
        narrate_deploy(report);
        break;
    case REPORT_STOPPING:
        say(report, LOG_LEVEL_INFO, "stopping");
        break;
    case REPORT_ENDING:
        say(report, LOG_LEVEL_INFO, "the service ends with its worker (--exit-with-worker)");
        break;
    case REPORT_STOP_OVERDUE:
        say(report, LOG_LEVEL_WARNING, "who has not left within --stop-timeout is killed");
        break;
    }
}
