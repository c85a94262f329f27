/*
 * Hooks are the supervisor's own commands, each with a time limit: the check before a deploy, and
 * --on-event. They never delay the service.
 */
#ifndef HOOK_H
#define HOOK_H

#include "helper.h"
#include "lifecycle.h"
#include "release.h"

#include <ev.h>
#include <stdbool.h>

/* How many --on-event commands may run at once; further events are skipped, and the log says so. */
#define EVENT_HOOKS_MAX 16
/* The time limit of each, in seconds. */
#define HOOK_SECONDS 30.0

struct hook {
    struct hooks *hooks; /* that it is one of */
    struct helper helper;
    ev_timer timeout;
    ev_timer trim;
    bool has_timed_out;
};

struct hooks {
    struct ev_loop *loop;
    struct release *const *release; /* in force; the caller's */
    struct hook check;
    struct hook events[EVENT_HOOKS_MAX];
    unsigned left_out; /* since the last that could be run */
    /* The check took too long and cannot even be killed: it has failed, with these words. */
    void (*on_check_lost)(void *context, const char *words);
    void *context;
};

void hooks_init(struct hooks *hooks, struct ev_loop *loop, struct release *const *release);

/* Starts the check and captures its output. `seconds` 0: no limit. Returns 0 or -1. */
int hooks_start_check(struct hooks *hooks, const struct helper_command *command, double seconds,
                      struct error *error);

/* Ends the check without an answer. */
void hooks_cancel_check(struct hooks *hooks);

/* Handles a report; `context` is the hooks. Runs the --on-event command if the event has one,
   unless too many are running. */
void hooks_on_report(void *context, const struct lifecycle_action *report);

enum hook_kind { HOOK_NONE, HOOK_CHECK, HOOK_EVENT };

/* A process has ended and is not reaped yet: if it is a hook, kills what is left of its group. */
void hooks_on_ended(const struct hooks *hooks, pid_t pid);

/* Handles a reaped process if it is a hook. For the check, `words` gets the end of its output, and
   a last line if it timed out. */
enum hook_kind hooks_reap(struct hooks *hooks, pid_t pid, char *words, size_t size);

/* Waits a moment for the last --on-event commands, then kills those that are still running. */
void hooks_close(struct hooks *hooks);

#endif
