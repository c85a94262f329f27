/*
 * Errands are the commands that the supervisor sends out on the side, each bounded in time: the
 * check before a deploy, and what --on-event runs. Neither is ever in the way of the service.
 */
#ifndef ERRAND_H
#define ERRAND_H

#include "environment.h"
#include "helper.h"

#include <ev.h>
#include <stdbool.h>

/* How many commands of --on-event may run at once; what comes then is left out, and said to be. */
#define ERRANDS_MAX 16
/* How long each may take, in seconds. */
#define ERRAND_SECONDS 30.0

struct errand {
    struct helper helper;
    ev_timer timeout;
    ev_timer trim;
    bool has_timed_out;
};

struct errands {
    struct ev_loop *loop;
    struct errand check;
    struct errand events[ERRANDS_MAX];
    unsigned left_out; /* since the last that could be run */
};

void errands_init(struct errands *errands, struct ev_loop *loop);

/* Starts the check, whose output is to be captured. `seconds` 0: no bound. Returns 0 or -1. */
int errands_start_check(struct errands *errands, const struct helper_command *command,
                        double seconds, struct error *error);

/* Ends a check whose answer is not wanted any more. */
void errands_cancel_check(struct errands *errands);

/* Runs the command of an event, unless too many are running. */
void errands_run_event(struct errands *errands, const char *command,
                       const struct environment *environment);

enum errand_kind { ERRAND_NONE, ERRAND_CHECK, ERRAND_EVENT };

/* Takes a reaped process that may be an errand. For the check, `words` gets the end of its output,
   and a last line when it was killed for taking too long. */
enum errand_kind errands_reap(struct errands *errands, pid_t pid, char *words, size_t size);

/* Gives the commands of the last events a moment, and kills what is still running then. */
void errands_close(struct errands *errands);

#endif
