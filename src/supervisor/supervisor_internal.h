/*
 * What the supervisor's own files share, and nobody else may see: supervisor.c (setting up, deaths,
 * timers), supervisor_signals.c, supervisor_actions.c (what the lifecycle wants done),
 * supervisor_console.c (what comes in on the control socket), supervisor_log.c (the log in the
 * loop), supervisor_deploy.c (what generations are started from), supervisor_changes.c (files whose
 * change begins a deploy) and supervisor_manager.c (what systemd is told).
 */
#ifndef SUPERVISOR_INTERNAL_H
#define SUPERVISOR_INTERNAL_H

#include "adopter.h"
#include "change_watch.h"
#include "console.h"
#include "family.h"
#include "hook.h"
#include "lifecycle.h"
#include "supervisor.h"

#include <ev.h>

struct supervisor_log {
    ev_timer command_pause; /* until the log command is started anew */
    double command_pause_seconds;
    ev_tstamp command_started;
    ev_prepare prepare;
    ev_timer retry; /* until lines that nobody took are tried again */
    double retry_seconds;
};

enum manager_phase { MANAGER_STARTING, MANAGER_SERVING, MANAGER_RELOADING, MANAGER_STOPPING };

/* Room for a sentence about the state of the service. */
#define MANAGER_STATUS_SIZE 256

struct supervisor_manager {
    ev_timer retry;           /* until what its queue had no room for is told again */
    ev_timer watchdog;        /* until the next sign of life */
    enum manager_phase phase; /* what it was told last */
    char status[MANAGER_STATUS_SIZE];
    size_t stored;          /* so many of the listeners in force have been sent to the store */
    bool owes_store;        /* the rest is still to be sent */
    bool owes_reloading;    /* a deploy began that it has not been told of */
    bool is_missed;         /* nobody took the last message */
    uint64_t failed_deploy; /* the last one, if it did; 0: it did not */
    enum deploy_failure failure;
};

struct supervisor_changes {
    struct change_watch *watch; /* owned; NULL: nothing is watched */
    ev_io io;
    ev_timer pause; /* until it is looked at again */
    bool is_blind;  /* not everything can be watched, and that has been said */
    char *path;     /* what the last deploy was asked for by; owned */
};

struct supervisor {
    const struct supervisor_setup *setup;
    struct ev_loop *loop;
    struct lifecycle lifecycle;
    ev_signal *signals; /* owned */
    ev_timer timers[LIFECYCLE_TIMERS];
    ev_periodic clock;
    struct supervisor_log log;
    struct supervisor_manager manager;
    struct family_listener family_listener;
    struct family *families; /* one for each worker; owned */
    struct family *departed; /* those of workers that have been reaped; owned */
    ev_prepare bury;
    struct capture *captures; /* of workers, and of what they left behind */
    struct hooks hooks;
    struct adopter *adopter;
    struct supervisor_changes changes;
    struct console *console; /* NULL: no control socket */
    ev_io console_io;
    ev_timer draining;
    struct release *prepared; /* for the deploy under way; held; NULL: nothing */
    uint64_t prepared_deploy;
    bool hint_is_given; /* the one about an address in use */
    bool has_ended;     /* there is nothing more to wait for; exit_status tells how it went */
    int exit_status;
};

/* One event, the actions that it causes, and the events that these cause in turn. */
void supervisor_dispatch(struct supervisor *supervisor, const struct lifecycle_event *event);

/* Reaps whatever there is: workers, the log command, helpers, and the orphans that come to PID 1.
 */
void supervisor_reap(struct supervisor *supervisor);

/* Watches the signals that supervisor_block_signals has blocked, and lets them come. Returns 0, or
   -1 when there is no memory. */
int supervisor_watch_signals(struct supervisor *supervisor);

/* Requests, from a signal or from the operator; `context` is the supervisor. */
void supervisor_request_deploy(struct supervisor *supervisor);
int supervisor_reopen_log(void *context, struct error *error);

/* Watches what --restart-on-change names. Returns 0, or -1 when that cannot be done at all. */
int supervisor_watch_changes(struct supervisor *supervisor);

/* The same for the options that are in force by now. */
void supervisor_follow_changes(struct supervisor *supervisor);

/* What the deploy that begins was asked for by. */
const char *supervisor_changed_path(const struct supervisor *supervisor);

/* Keeps the log running: its command, and lines that nobody took. */
void supervisor_watch_log(struct supervisor *supervisor);
void supervisor_take_log_command_exit(struct supervisor *supervisor, int status);

/* Keeps the service manager informed: from the loop, of a report, of what is owed. */
void supervisor_watch_manager(struct supervisor *supervisor);
void supervisor_tell_manager(struct supervisor *supervisor, const struct lifecycle_action *report);
void supervisor_update_manager(struct supervisor *supervisor);

/* Has its store keep the listeners in force, and forget those of `before` that are not. */
void supervisor_store_listeners(struct supervisor *supervisor);
void supervisor_unstore_listeners(struct supervisor *supervisor, const struct listener_set *before);

/* The family of that generation's worker, or NULL. */
struct family *supervisor_find_family(const struct supervisor *supervisor, uint64_t generation);

/* What is in force: what the last current generation was started from. The options of the first one
   are the supervisor's own and stay (setup->options). */
struct release *supervisor_release(const struct supervisor *supervisor);
const struct options *supervisor_options(const struct supervisor *supervisor);

/* What a generation of that deploy (0: of none) is to be started from. */
struct release *supervisor_release_of_deploy(const struct supervisor *supervisor, uint64_t deploy);

/* Makes ready what a deploy is started with, and runs its check. Returns true, with the event in
   `answer`, if that is answered at once. */
bool supervisor_check(struct supervisor *supervisor, const struct lifecycle_action *action,
                      struct lifecycle_event *answer);

/* What a report means for what is in force. */
void supervisor_follow_report(struct supervisor *supervisor, const struct lifecycle_action *report);

/* Tells everybody who is to know: the log, the control socket, --on-event. */
void supervisor_tell(struct supervisor *supervisor, const struct lifecycle_action *report);

/* A line of the log about a socket that is open from now on. */
void supervisor_describe_listener(const struct listener *listener);

/* Opens the control socket. Returns 0, or -1 when one was asked for and cannot be had. */
int supervisor_open_console(struct supervisor *supervisor);

#endif
