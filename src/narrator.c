#include "narrator.h"

#include "duration.h"
#include "log.h"
#include "signal_name.h"
#include "worker.h"

#include <inttypes.h>

static void narrate_exit(const struct lifecycle_action *report, const char *what)
{
    char ending[64];
    worker_describe_exit(report->status, ending, sizeof ending);
    log_info("generation %" PRIu64 ": worker %d %s%s", report->generation, (int)report->pid, ending,
             what);
}

static void narrate_duration(const struct lifecycle_action *report, const char *before,
                             const char *after)
{
    char duration[32];
    log_info("%s%s%s", before, duration_format(report->ms, duration, sizeof duration), after);
}

static void narrate_deploy_end(const struct lifecycle_action *report)
{
    if (report->report == REPORT_DEPLOY_SUCCEEDED) {
        log_info("deploy %" PRIu64 " succeeded: only generation %" PRIu64 " is left",
                 report->deploy, report->generation);
    } else if (report->report == REPORT_DEPLOY_FAILED) {
        log_error("deploy %" PRIu64 " failed: %s", report->deploy,
                  deploy_failure_text(report->reason));
    } else {
        log_info("deploy %" PRIu64 " was overtaken by a stop", report->deploy);
    }
}

void narrate(const struct lifecycle_action *report)
{
    switch (report->report) {
    case REPORT_SPAWNED:
        log_info("generation %" PRIu64 ": worker %d started", report->generation, (int)report->pid);
        break;
    case REPORT_READY:
        log_info("generation %" PRIu64 ": worker %d is ready", report->generation,
                 (int)report->pid);
        break;
    case REPORT_START_FAILED:
        narrate_exit(report, " before it was ready");
        break;
    case REPORT_NOT_READY:
        log_error("generation %" PRIu64 ": worker %d was not ready in time", report->generation,
                  (int)report->pid);
        break;
    case REPORT_HUNG:
        log_error("generation %" PRIu64 ": worker %d gives no sign of life; it is replaced",
                  report->generation, (int)report->pid);
        break;
    case REPORT_CHECK_STARTED:
        log_info("the check is run");
        break;
    case REPORT_GAVE_UP:
        log_error("giving up: the worker has died too often (--start-limit)");
        break;
    case REPORT_CRASHED:
        narrate_exit(report, ", although nobody had asked it to; it is replaced");
        break;
    case REPORT_LEFT:
        narrate_exit(report, "");
        break;
    case REPORT_ROLLED_BACK:
        log_info("generation %" PRIu64 ": worker %d is current again, since its successor failed",
                 report->generation, (int)report->pid);
        break;
    case REPORT_PAUSED:
        narrate_duration(report, "the next start waits ", "");
        break;
    case REPORT_RETIRING:
        narrate_duration(report, "the older workers are signalled in ", "");
        break;
    case REPORT_SIGNALLED:
        log_info("generation %" PRIu64 ": %s sent to worker %d", report->generation,
                 signal_name(report->signal), (int)report->pid);
        break;
    case REPORT_DEPLOY_STARTED:
        log_info("deploy %" PRIu64 " started%s", report->deploy,
                 report->cause == CAUSE_TIME       ? " by time"
                 : report->cause == CAUSE_WATCHDOG ? " by the watchdog"
                                                   : "");
        break;
    case REPORT_DEPLOY_QUEUED:
        log_info("one more deploy follows this one");
        break;
    case REPORT_DEPLOY_SUCCEEDED:
    case REPORT_DEPLOY_FAILED:
    case REPORT_DEPLOY_STOPPED:
        narrate_deploy_end(report);
        break;
    case REPORT_STOPPING:
        log_info("stopping");
        break;
    }
}
