#include "trace.h"

#include <inttypes.h>

static void print_settings(FILE *trace, const struct lifecycle_settings *settings)
{
    static const char *const modes[] = {
        [READY_BY_AGE] = "by age", [READY_BY_REPORT] = "by report", [READY_AUTO] = "auto"};
    fprintf(trace,
            " (ready %s, interval %" PRId64 ", ready-timeout %" PRId64 ", kill-old-delay %" PRId64
            ", auto-restart %" PRId64 ", attempts %u, watchdog %" PRId64 ", kill-timeout %" PRId64
            ", max-old %u, start-limit %u/%" PRId64 ", stop-timeout %" PRId64 ", backoff %s, %s%s)",
            modes[settings->ready_mode], settings->interval_ms, settings->ready_timeout_ms,
            settings->kill_old_delay_ms, settings->auto_restart_ms, settings->deploy_attempts,
            settings->watchdog_ms, settings->kill_timeout_ms, settings->max_old,
            settings->start_limit, settings->start_limit_ms, settings->stop_timeout_ms,
            settings->backoff ? "on" : "off", settings->has_check ? "a check" : "no check",
            settings->exit_with_worker ? ", exits with its worker" : "");
}

void trace_event(const struct world *world, const struct lifecycle_event *event)
{
    FILE *trace = world->trace;
    fprintf(trace, "%8" PRId64 " ms  %s", world->now, lifecycle_event_name(event->kind));
    switch (event->kind) {
    case EVENT_SPAWNED:
        fprintf(trace, " generation %" PRIu64 " pid %d", event->generation, (int)event->pid);
        print_settings(trace, &event->settings);
        break;
    case EVENT_SPAWN_FAILED:
        fprintf(trace, " generation %" PRIu64 " %s", event->generation,
                event->permanent ? "permanent" : "transient");
        print_settings(trace, &event->settings);
        break;
    case EVENT_EXITED:
        fprintf(trace, " pid %d status %d", (int)event->pid, event->status);
        break;
    case EVENT_TIMER:
        fprintf(trace, " %s", lifecycle_timer_name(event->timer));
        if (event->timer == TIMER_KILL) {
            fprintf(trace, " generation %" PRIu64, event->generation);
        }
        break;
    case EVENT_CHECKED:
        fprintf(trace, " %s", event->ok ? "yes" : "no");
        break;
    case EVENT_READY:
    case EVENT_ALIVE:
    case EVENT_HUNG:
        fprintf(trace, " generation %" PRIu64, event->generation);
        break;
    case EVENT_EXTEND:
        fprintf(trace, " generation %" PRIu64 " %" PRId64 " ms", event->generation, event->ms);
        break;
    case EVENT_STOP:
        fprintf(trace, " signal %d", event->signal);
        break;
    case EVENT_START:
        print_settings(trace, &world->settings);
        break;
    case EVENT_DEPLOY:
        if (event->cause != CAUSE_REQUEST) {
            fprintf(trace, " by %s", deploy_cause_name(event->cause));
        }
        break;
    }
    fprintf(trace, "%s\n", world->step.must_be_ignored ? " (to be ignored)" : "");
}

void trace_action(const struct world *world, const struct lifecycle_action *action)
{
    FILE *trace = world->trace;
    fprintf(trace, "             -> %s", lifecycle_action_name(action->kind));
    if (action->kind == ACTION_REPORT) {
        fprintf(trace, " %s", lifecycle_report_name(action->report));
    } else if (action->kind == ACTION_ARM || action->kind == ACTION_DISARM) {
        fprintf(trace, " %s", lifecycle_timer_name(action->timer));
    }
    if (action->generation != 0) {
        fprintf(trace, " generation %" PRIu64, action->generation);
    }
    if (action->deploy != 0) {
        fprintf(trace, " deploy %" PRIu64, action->deploy);
    }
    if (action->cause != CAUSE_REQUEST) {
        fprintf(trace, " cause %s", deploy_cause_name(action->cause));
    }
    if (action->pid != 0) {
        fprintf(trace, " pid %d", (int)action->pid);
    }
    if (action->signal != 0) {
        fprintf(trace, " signal %d", action->signal);
    }
    if (action->ms != 0) {
        fprintf(trace, " %" PRId64 " ms", action->ms);
    }
    if (action->reason != FAILURE_NONE) {
        fprintf(trace, ": %s", deploy_failure_text(action->reason));
    }
    if (action->kind == ACTION_EXIT || action->status != 0) {
        fprintf(trace, " status %d", action->status);
    }
    fprintf(trace, "\n");
}
