/*
 * Hooks are the commands that the supervisor sends out on the side, each bounded in time: the
 * check before a deploy, and what --on-event runs. Neither is ever in the way of the service.
 */
#ifndef HOOK_H
#define HOOK_H

#include "helper.h"
#include "lifecycle.h"
#include "release.h"

#include <ev.h>
#include <stdbool.h>

/* How many commands of --on-event may run at once; what comes then is left out, and said to be. */
#define EVENT_HOOKS_MAX 16
/* How long each may take, in seconds. */
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

/* Starts the check, whose output is to be captured. `seconds` 0: no bound. Returns 0 or -1. */
int hooks_start_check(struct hooks *hooks, const struct helper_command *command, double seconds,
                      struct error *error);

/* Ends a check whose answer is not wanted any more. */
void hooks_cancel_check(struct hooks *hooks);

/* Something happened; `context` is the hooks. Runs the command of --on-event where it is told of
   such, unless too many are running. */
void hooks_on_report(void *context, const struct lifecycle_action *report);

enum hook_kind { HOOK_NONE, HOOK_CHECK, HOOK_EVENT };

/* A process has ended and is not reaped yet: if it is a hook, kills what is left of its group. */
void hooks_on_ended(const struct hooks *hooks, pid_t pid);

/* Takes a reaped process that may be a hook. For the check, `words` gets the end of its output,
   and a last line when it was killed for taking too long. */
enum hook_kind hooks_reap(struct hooks *hooks, pid_t pid, char *words, size_t size);

/* Gives the commands of the last events a moment, and kills what is still running then. */
void hooks_close(struct hooks *hooks);

#endif
