/*
 * The pid file: it contains the supervisor's pid, and its lock (flock(2)) shows that the supervisor
 * is alive. To wait for the lock is to wait for its end.
 */
#ifndef PID_FILE_H
#define PID_FILE_H

#include "error.h"

#include <sys/types.h>

struct pid_file {
    const char *path; /* the caller's */
    int fd;           /* holds the lock; owned; -1: there is no pid file */
};

/* Opens the file, which must be a regular one, with open(2)'s flags. Returns the descriptor or -1.
 */
int pid_file_open(const char *path, int flags, struct error *error);

/* Opens, locks and empties the file; it takes over the file of a dead supervisor. If a supervisor
   has locked it, that is an error with its pid. A file that another user locked or made is replaced
   by a new one. Returns 0 or -1. */
int pid_file_acquire(struct pid_file *pid_file, const char *path, struct error *error);

/* Writes the pid of this process. Returns 0 or -1. */
int pid_file_write(struct pid_file *pid_file, struct error *error);

/* Removes the file, unless another process replaced it, and then releases the lock. */
void pid_file_release(struct pid_file *pid_file);

/* Reads the pid from an open pid file; -1 if it holds none. */
pid_t pid_file_read(int fd);

#endif
