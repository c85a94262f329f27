#include "event_environment.h"

#include "signal_name.h"

#include <sys/wait.h>

bool event_is_told(const struct lifecycle_action *report)
{
    switch (report->report) {
    case REPORT_READY:
    case REPORT_START_FAILED:
    case REPORT_NOT_READY:
    case REPORT_CRASHED:
    case REPORT_HUNG:
    case REPORT_LEFT:
    case REPORT_ROLLED_BACK:
    case REPORT_DEPLOY_STARTED:
    case REPORT_DEPLOY_SUCCEEDED:
    case REPORT_DEPLOY_FAILED:
    case REPORT_DEPLOY_STOPPED:
    case REPORT_GAVE_UP:
    case REPORT_ENDING:
    case REPORT_STOP_OVERDUE:
    case REPORT_STOPPING:
        return true;
    default:
        return false;
    }
}

/* A fact that does not apply is 0, and left out. */
static int set_fact(struct environment *environment, const char *name, uint64_t number,
                    struct error *error)
{
    return number != 0 ? environment_set_number(environment, name, number, error) : 0;
}

static bool is_death(enum lifecycle_report report)
{
    return report == REPORT_START_FAILED || report == REPORT_CRASHED || report == REPORT_LEFT ||
           report == REPORT_ENDING;
}

static int set_ending(struct environment *environment, int status, struct error *error)
{
    if (WIFSIGNALED(status)) {
        return environment_set(environment, "TASUKI_SIGNAL", signal_name(WTERMSIG(status)), error);
    }
    return environment_set_number(environment, "TASUKI_STATUS", (uint64_t)WEXITSTATUS(status),
                                  error);
}

int event_write(const struct lifecycle_action *report, struct environment *environment,
                struct error *error)
{
    static const char *const names[] = {"TASUKI_EVENT",  "TASUKI_GENERATION", "TASUKI_PID",
                                        "TASUKI_DEPLOY", "TASUKI_CAUSE",      "TASUKI_REASON",
                                        "TASUKI_STATUS", "TASUKI_SIGNAL",     "TASUKI_PATH"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        environment_unset(environment, names[i]); /* not those of whoever started the supervisor */
    }
    if (environment_set(environment, "TASUKI_EVENT", lifecycle_report_name(report->report),
                        error) != 0 ||
        set_fact(environment, "TASUKI_GENERATION", report->generation, error) != 0 ||
        set_fact(environment, "TASUKI_PID", (uint64_t)report->pid, error) != 0 ||
        set_fact(environment, "TASUKI_DEPLOY", report->deploy, error) != 0) {
        return -1;
    }
    if (is_death(report->report)) {
        return set_ending(environment, report->status, error);
    }
    if (report->report == REPORT_DEPLOY_STARTED) {
        return environment_set(environment, "TASUKI_CAUSE", deploy_cause_name(report->cause),
                               error) != 0 ||
                       (report->path != NULL &&
                        environment_set(environment, "TASUKI_PATH", report->path, error) != 0)
                   ? -1
                   : 0;
    }
    if (report->report == REPORT_DEPLOY_FAILED) {
        return environment_set(environment, "TASUKI_REASON", deploy_failure_text(report->reason),
                               error);
    }
    return 0;
}
