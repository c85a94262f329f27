/*
 * The pid file: it names the supervisor, and its lock (flock(2)) says that the supervisor lives.
 * Whoever waits for the lock waits for the end of the supervisor.
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

/* Opens and locks the file, and empties it: a file whose supervisor is gone is taken over. One that
   a supervisor has locked is an error that names the pid in it; another user's lock or file is
   replaced by a new file. Returns 0 or -1. */
int pid_file_acquire(struct pid_file *pid_file, const char *path, struct error *error);

/* Writes the pid of this process. Returns 0 or -1. */
int pid_file_write(struct pid_file *pid_file, struct error *error);

/* Removes the file, unless somebody put another in its place, and only then gives up the lock. */
void pid_file_release(struct pid_file *pid_file);

/* Reads the pid from an open pid file; -1 if it holds none. */
pid_t pid_file_read(int fd);

#endif
