/*
 * The releases are what generations start from: the one in force, and the one that a deploy
 * prepares. To prepare a release, this file reads the configuration file, looks up hosts, users and
 * groups, binds new listeners, and runs the check. Steps that may hang run in a helper process with
 * a deadline. If a step fails, the deploy fails and nothing changes.
 */
#ifndef RELEASES_H
#define RELEASES_H

#include "crew.h"
#include "hook.h"
#include "lookup.h"
#include "release.h"

/* All of it outlives the releases. */
struct releases_setup {
    struct ev_loop *loop;
    const struct configuration *configuration; /* the supervisor's own */
    struct release **in_force;                 /* held; a deploy puts another one there */
    const struct crew *crew;                   /* who holds which release */
    struct hooks *hooks;
    /* How a preparation went, with EVENT_CHECKED. If not well, `sentence` says why, which the log
       has been told, and `words` tell those who wait. */
    void (*on_checked)(void *context, const struct lifecycle_event *event, const char *sentence,
                       const char *words);
    /* Something to report: a check begins. */
    void (*on_report)(void *context, const struct lifecycle_action *report);
    /* Another release than `before` is in force. */
    void (*on_change)(void *context, const struct release *before);
    void *context;
};

/* One that is being prepared. All zero: none is. */
struct preparation {
    uint64_t deploy;
    struct configuration *configuration; /* held; NULL: not read yet */
    struct lookup *lookup;               /* owned; NULL: not begun */
    struct aside aside;
};

struct releases {
    struct releases_setup setup;
    struct preparation preparation;
    struct release *prepared; /* for the deploy under way; held; NULL: none */
    uint64_t prepared_deploy;
};

void releases_init(struct releases *releases, const struct releases_setup *setup);
void releases_close(struct releases *releases);

/* The options of the release in force. Those of the first one are the supervisor's own and stay. */
const struct options *releases_options(const struct releases *releases);

/* The release for a generation of this deploy (0: no deploy). */
struct release *releases_of_deploy(const struct releases *releases, uint64_t deploy);

/* Prepares the release of a deploy (ACTION_CHECK). Calls on_checked with the outcome, now or later.
 */
void releases_check(struct releases *releases, const struct lifecycle_action *action);

/* Cancels the preparation (ACTION_UNCHECK). */
void releases_cancel_check(struct releases *releases);

/* The command of the check has ended; `words` is the end of its output. */
void releases_on_check_exited(struct releases *releases, int status, const char *words);

/* Handles a report; `context` is the releases. */
void releases_on_report(void *context, const struct lifecycle_action *report);

/* Logs the listeners in force, at the start. */
void releases_log_listeners(const struct releases *releases);

#endif
