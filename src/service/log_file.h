/*
 * Where standard output and standard error go with --log-file: to the end of a file, or into a pipe
 * to a command. Workers inherit them and write directly. The supervisor also keeps the pipe's read
 * end: no writer gets SIGPIPE when the command dies, and the next command continues reading.
 */
#ifndef LOG_FILE_H
#define LOG_FILE_H

#include "error.h"

#include <sys/types.h>

struct log_file {
    const char *target;  /* as it was asked for; the caller's; NULL: no log file */
    const char *command; /* what is behind the "|"; NULL: a plain file */
    int fd;              /* what is being written; owned until it is redirected to */
    int reader_fd;       /* the command's end of the pipe; owned */
    int stdout_fd;       /* where the command's own output goes: not into its own pipe; owned */
    int stderr_fd;
    pid_t command_pid; /* 0: not running */
};

/* Opens the file for appending, or makes the pipe; nothing is redirected yet, no command started.
   Returns 0 or -1. */
int log_file_open(struct log_file *log, const char *target, struct error *error);

/* Redirects standard output and standard error. Returns 0 or -1. */
int log_file_redirect(struct log_file *log, struct error *error);

/* Starts the command that reads the pipe, if there is one. Returns 0 or -1. */
int log_file_start_command(struct log_file *log, struct error *error);

/* Detaches the log command's own output from the terminal or the caller, which a daemon must not
   keep open. */
void log_file_detach(struct log_file *log);

/* Reopens the plain file after a rotation. If that fails, the old one stays in use. Does nothing
   for a pipe. Returns 0 or -1. */
int log_file_reopen(struct log_file *log, struct error *error);

/* Waits, for a limited time, until the command has read the rest and exited. */
void log_file_close(struct log_file *log);

#endif
