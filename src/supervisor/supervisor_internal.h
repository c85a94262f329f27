/*
 * What the supervisor's own files share, and nobody else may see: supervisor.c (setting up, deaths,
 * timers), supervisor_actions.c (what the lifecycle wants done), supervisor_console.c (what comes
 * in on the control socket) and supervisor_deploy.c (what generations are started from).
 */
#ifndef SUPERVISOR_INTERNAL_H
#define SUPERVISOR_INTERNAL_H

#include "adopter.h"
#include "change_trigger.h"
#include "console.h"
#include "driver.h"
#include "family.h"
#include "hook.h"
#include "log_keeper.h"
#include "manager.h"
#include "signals.h"
#include "supervisor.h"

#include <ev.h>

struct supervisor {
    const struct supervisor_setup *setup;
    struct ev_loop *loop;
    struct driver *driver;
    struct signals signals;
    ev_periodic clock;
    struct log_keeper log_keeper;
    struct manager manager;
    struct family_listener family_listener;
    struct family *families; /* one for each worker; owned */
    struct family *departed; /* those of workers that have been reaped; owned */
    ev_prepare bury;
    struct hooks hooks;
    struct adopter *adopter;
    struct change_trigger change_trigger;
    struct console *console; /* NULL: no control socket */
    ev_io console_io;
    ev_timer draining;
    struct release *prepared; /* for the deploy under way; held; NULL: nothing */
    uint64_t prepared_deploy;
    bool hint_is_given; /* the one about an address in use */
    bool has_ended;     /* there is nothing more to wait for; exit_status tells how it went */
    int exit_status;
};

/* Carries out one action of the lifecycle's; `context` is the supervisor. */
void supervisor_carry_out(void *context, const struct lifecycle_action *action);

/* Requests, from a signal or from the operator; `context` is the supervisor. */
void supervisor_request_deploy(struct supervisor *supervisor);
int supervisor_reopen_log(void *context, struct error *error);

/* Another release than `before` is in force. */
void supervisor_follow_release(struct supervisor *supervisor, const struct release *before);

/* The family of that generation's worker, or NULL. */
struct family *supervisor_find_family(const struct supervisor *supervisor, uint64_t generation);

/* What is in force: what the last current generation was started from. The options of the first one
   are the supervisor's own and stay (setup->options). */
struct release *supervisor_release(const struct supervisor *supervisor);
const struct options *supervisor_options(const struct supervisor *supervisor);

/* What a generation of that deploy (0: of none) is to be started from. */
struct release *supervisor_release_of_deploy(const struct supervisor *supervisor, uint64_t deploy);

/* Makes ready what a deploy is started with, and runs its check. EVENT_CHECKED is posted when it is
   known how that went. */
void supervisor_check(struct supervisor *supervisor, const struct lifecycle_action *action);

/* What a report means for what is in force. */
void supervisor_follow_report(struct supervisor *supervisor, const struct lifecycle_action *report);

/* Tells everybody who is to know: the log, the control socket, --on-event. */
void supervisor_tell(struct supervisor *supervisor, const struct lifecycle_action *report);

/* A line of the log about a socket that is open from now on. */
void supervisor_describe_listener(const struct listener *listener);

/* Opens the control socket. Returns 0, or -1 when one was asked for and cannot be had. */
int supervisor_open_console(struct supervisor *supervisor);

#endif
