/*
 * The log keeper maintains the log while the loop runs: it restarts the log command, retries lines
 * that could not be written, follows a rotation, and owns the captures of the workers' output.
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

/* Starts at once. The caller owns `log_file`, which outlives the keeper. */
void log_keeper_init(struct log_keeper *keeper, struct ev_loop *loop, struct log_file *log_file);

/* Copies the rest of the captured output, and ends the captures. */
void log_keeper_close(struct log_keeper *keeper);

/* Handles a reaped process if it is the log command. Returns true if it was. */
bool log_keeper_reap(struct log_keeper *keeper, pid_t pid, int status);

/* Opens the log file again, after a rotation. Returns 0, or -1 with the reason in `error`, which
   has been logged. */
int log_keeper_reopen(const struct log_keeper *keeper, struct error *error);

#endif
