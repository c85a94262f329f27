/*
 * Following a request to its end: its events are shown as they come, in whatever form was asked
 * for, until the result, or until something else ends the waiting.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "command.h"
#include "progress.h"
#include "target.h"

struct following {
    struct target target; /* owned */
    struct progress progress;
    bool json;
    bool saw_stop; /* the supervisor said that it stops */
    int64_t deadline;
};

/* Chooses the supervisor, asks, and follows. Returns 0 when the result is there (in
   target.client.object) or the supervisor has closed the connection (then that is NULL), else the
   exit status with the reason printed; `what` continues when the waiting ends ("the deploy").
   To be closed in any case. */
int follow(struct following *following, const struct command_request *request, const char *line,
           const char *what);

void follow_close(struct following *following);

/* Explains an outcome of waiting that is no reply; returns the exit status. */
int follow_explain(const struct following *following, enum client_outcome outcome,
                   const char *what);

#endif
