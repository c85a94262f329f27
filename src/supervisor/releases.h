/*
 * The releases are what generations are started from: the one in force, and the one that a deploy
 * has prepared before anything is started from it. To prepare one, the configuration file is read,
 * hosts, users and groups are looked up, new listeners are bound, and the check runs. What may hang
 * runs aside, with a deadline. What goes wrong on the way is the deploy's failure, and then nothing
 * has changed.
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

/* What a generation of that deploy (0: of none) is to be started from. */
struct release *releases_of_deploy(const struct releases *releases, uint64_t deploy);

/* Prepares what a deploy is to be started from (ACTION_CHECK); on_checked tells how that went, now
   or later. */
void releases_check(struct releases *releases, const struct lifecycle_action *action);

/* The answer is not wanted any more (ACTION_UNCHECK). */
void releases_cancel_check(struct releases *releases);

/* The command of the check has ended; `words` is the end of its output. */
void releases_on_check_exited(struct releases *releases, int status, const char *words);

/* Something happened; `context` is the releases. */
void releases_on_report(void *context, const struct lifecycle_action *report);

/* Lines of the log about the listeners in force, at the start. */
void releases_log_listeners(const struct releases *releases);

#endif
