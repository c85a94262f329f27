/*
 * The names of the lifecycle's states, events, actions and reports, for messages, traces and
 * clients.
 */
#include "lifecycle.h"

const char *generation_state_name(enum generation_state state)
{
    static const char *const names[] = {"starting", "serving", "retiring", "stopping"};
    return names[state];
}

const char *lifecycle_event_name(enum lifecycle_event_kind kind)
{
    static const char *const names[] = {
        [EVENT_START] = "start",
        [EVENT_SPAWNED] = "spawned",
        [EVENT_SPAWN_FAILED] = "spawn-failed",
        [EVENT_EXITED] = "exited",
        [EVENT_WAKE] = "wake",
        [EVENT_CHECKED] = "checked",
        [EVENT_READY] = "ready",
        [EVENT_EXTEND] = "extend",
        [EVENT_ALIVE] = "alive",
        [EVENT_HUNG] = "hung",
        [EVENT_DEPLOY] = "deploy",
        [EVENT_STOP] = "stop",
    };
    return names[kind];
}

const char *lifecycle_action_name(enum lifecycle_action_kind kind)
{
    static const char *const names[] = {
        [ACTION_CHECK] = "check",   [ACTION_UNCHECK] = "uncheck", [ACTION_SPAWN] = "spawn",
        [ACTION_SIGNAL] = "signal", [ACTION_PUBLISH] = "publish", [ACTION_REPORT] = "report",
        [ACTION_EXIT] = "exit",
    };
    return names[kind];
}

const char *lifecycle_report_name(enum lifecycle_report what)
{
    static const char *const names[] = {
        [REPORT_SPAWNED] = "spawned",
        [REPORT_READY] = "ready",
        [REPORT_START_FAILED] = "start-failed",
        [REPORT_NOT_READY] = "not-ready",
        [REPORT_CRASHED] = "crashed",
        [REPORT_HUNG] = "hung",
        [REPORT_LEFT] = "left",
        [REPORT_ROLLED_BACK] = "rolled-back",
        [REPORT_PAUSED] = "paused",
        [REPORT_RETIRING] = "retiring",
        [REPORT_SIGNALLED] = "signalled",
        [REPORT_DEPLOY_STARTED] = "deploy-started",
        [REPORT_DEPLOY_QUEUED] = "deploy-queued",
        [REPORT_CHECK_STARTED] = "check-started",
        [REPORT_DEPLOY_SUCCEEDED] = "deploy-succeeded",
        [REPORT_DEPLOY_FAILED] = "deploy-failed",
        [REPORT_DEPLOY_STOPPED] = "deploy-stopped",
        [REPORT_GAVE_UP] = "gave-up",
        [REPORT_ENDING] = "ending",
        [REPORT_STOP_OVERDUE] = "stop-overdue",
        [REPORT_STOPPING] = "stopping",
    };
    return names[what];
}

const char *deploy_cause_name(enum deploy_cause cause)
{
    static const char *const names[] = {
        [CAUSE_REQUEST] = "request",
        [CAUSE_TIME] = "time",
        [CAUSE_WATCHDOG] = "watchdog",
        [CAUSE_CHANGE] = "change",
    };
    return names[cause];
}

const char *deploy_failure_text(enum deploy_failure failure)
{
    static const char *const texts[] = {
        [FAILURE_NONE] = "no failure",
        [FAILURE_NOT_EXECUTABLE] = "the command cannot be executed",
        [FAILURE_NOT_SPAWNED] = "no process could be started",
        [FAILURE_CHECK] = "the check failed",
        [FAILURE_CONFIGURATION] = "the configuration file cannot be used",
        [FAILURE_LISTENERS] = "a listener could not be opened",
        [FAILURE_DIED] = "the new worker died before it was ready",
        [FAILURE_NOT_READY] = "the new worker was not ready in time",
        [FAILURE_DIED_EARLY] = "the new worker died before the older ones were signalled",
        [FAILURE_HUNG] = "the new worker hung before the older ones were signalled",
        [FAILURE_DIED_LATE] = "the new worker died after the older ones were signalled",
        [FAILURE_TABLE_FULL] = "too many older generations are still running",
    };
    return texts[failure];
}
