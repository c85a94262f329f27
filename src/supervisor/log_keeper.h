/*
 * The log keeper looks after the log while the loop runs: it keeps the log command running, tries
 * lines again that nobody took, follows a rotation, and owns the captures of the workers' output.
 */
#ifndef LOG_KEEPER_H
#define LOG_KEEPER_H

#include "capture.h"
#include "error.h"
#include "log_file.h"

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

struct log_keeper {
    struct ev_loop *loop;
    struct log_file *log_file;
    struct capture *captures; /* of workers, and of what they left behind; owned */
    ev_timer command_pause;   /* until the log command is started again */
    double command_pause_seconds;
    ev_tstamp command_started;
    ev_prepare before_wait;
    ev_timer retry; /* until lines that nobody took are tried again */
    double retry_seconds;
};

/* Begins at once; `log_file` is the caller's and outlives the keeper. */
void log_keeper_init(struct log_keeper *keeper, struct ev_loop *loop, struct log_file *log_file);

/* Copies what the captures still hold, and ends them. */
void log_keeper_close(struct log_keeper *keeper);

/* Takes a reaped process that may be the log command. Returns true if it was. */
bool log_keeper_reap(struct log_keeper *keeper, pid_t pid, int status);

/* Opens the log file again, after a rotation. Returns 0, or -1 with the reason in `error`, which
   has been logged. */
int log_keeper_reopen(const struct log_keeper *keeper, struct error *error);

#endif
