/*
 * A command line of the operator, run by /bin/sh: the log command and the helpers. It gets default
 * signals, an empty mask and three descriptors; all others of the supervisor are close-on-exec. It
 * leads its own process group, so that ^C at the terminal does not reach it, and so that it can be
 * ended with its children.
 */
#ifndef SHELL_H
#define SHELL_H

#include "error.h"
#include "surroundings.h"

#include <sys/types.h>

struct shell_command {
    const char *text;                        /* for sh -c */
    const char *directory;                   /* NULL: the supervisor's */
    char *const *environment;                /* NULL-ended */
    const struct surroundings *surroundings; /* NULL: as the supervisor's, and so is the identity */
    const struct identity *identity;
    int stdin_fd; /* these three stay the caller's */
    int stdout_fd;
    int stderr_fd;
};

/* Starts it. Returns 0 with its pid, which is also its group's, or -1 with the reason in `error`.
 */
int shell_spawn(const struct shell_command *command, pid_t *pid, struct error *error);

#endif
