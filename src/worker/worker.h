/*
 * A worker is one process started from the command. This file makes it: with default signals, an
 * empty mask, its sockets at the numbers it was promised, in the surroundings that were asked for,
 * and nothing else of the supervisor's. It knows whether the command could be executed, and why
 * not, before it returns. Commands of the operator's (shell.c) are made in the same way.
 */
#ifndef WORKER_H
#define WORKER_H

#include "adoption_filter.h"
#include "error.h"
#include "listener_set.h"
#include "surroundings.h"

#include <stdbool.h>
#include <sys/types.h>

/* A descriptor besides the listeners that a worker is to have. */
struct worker_descriptor {
    int fd;        /* here, close-on-exec */
    int worker_fd; /* its number there */
};

/* The readiness pipe and the two captures; the standard streams of a command. */
#define WORKER_EXTRA_MAX 3

struct worker_command {
    char *const *argv;
    /* Its PATH is where a bare command is looked for; an empty LISTEN_PID in it becomes the
       worker's own pid, which nobody knows before. */
    char *const *environment;
    const char *directory; /* NULL: the supervisor's */
    const struct listener_set *listeners;
    const struct surroundings *surroundings; /* NULL: as the supervisor's, and so is the identity */
    const struct identity *identity;         /* looked up; not NULL with surroundings */
    struct worker_descriptor extra[WORKER_EXTRA_MAX];
    size_t extra_count;
    bool own_group;                         /* the worker leads a process group of its own */
    struct adoption_installation *adoption; /* the filter that it gets; NULL: none */
};

struct worker_failure {
    bool permanent;  /* the command cannot be executed at all; trying again is no use */
    int exit_status; /* 127: not found, 126: found but not executable (as a shell has it) */
    struct error error;
};

/* Starts a worker. Returns its pid once the command has been executed, or -1 with the step, the
   path and the reason in `failure`; then no process is left. */
pid_t worker_spawn(const struct worker_command *command, struct worker_failure *failure);

/* Ends one that has just been started, and reaps it. */
void worker_kill(pid_t pid);

/* How a worker ended, from its wait status: "exited with status 3", "was killed by KILL (9)". */
const char *worker_describe_exit(int status, char *buffer, size_t size);

#endif
