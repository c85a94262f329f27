/*
 * A worker is one process started from the command. This file makes it: with default signals, an
 * empty mask, its sockets at the numbers it was promised, in the surroundings that were asked for,
 * and nothing else of the supervisor's. It finds out whether the command could be executed, and why
 * not, without holding anybody up. Commands of the operator's (shell.c) are made in the same way.
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
    bool is_apart;  /* the process is known before its command is executed, which takes longer */
    bool own_group; /* the worker leads a process group of its own */
    struct adoption_installation *adoption; /* the filter that it gets; NULL: none */
};

struct worker_failure {
    bool permanent;  /* the command cannot be executed at all; trying again is no use */
    int exit_status; /* 127: not found, 126: found but not executable (as a shell has it) */
    struct error error;
};

/* A start under way: the command has not been executed yet. */
struct worker_start;

/* Begins to start a worker, and never waits. What the command points to stays the caller's until
   the start has an outcome. Returns NULL with the reason in `failure`. */
struct worker_start *worker_begin(const struct worker_command *command,
                                  struct worker_failure *failure);

/* To be polled for reading: then the outcome is known. */
int worker_start_fd(const struct worker_start *start);

/* Waits so long at most. Returns whether the outcome is known. */
bool worker_await(const struct worker_start *start, int milliseconds);

/* The process that is to become the worker; 0: it does not run yet. */
pid_t worker_start_pid(const struct worker_start *start);

/* Each of these three ends the start. With its outcome: returns the worker's pid, or -1 with the
   step, the path and the reason in `failure`; then no process is left. */
pid_t worker_finish(struct worker_start *start, struct worker_failure *failure);

/* Without: the process is killed, which does not end it in every state, and left behind. */
void worker_abandon(struct worker_start *start);

/* For a command that is_apart: the process goes on, and ends with status 127 if its command cannot
   be executed. Returns its pid. */
pid_t worker_let_go(struct worker_start *start);

/* Ends one that has just been started, and reaps it. */
void worker_kill(pid_t pid);

/* How a worker ended, from its wait status: "exited with status 3", "was killed by KILL (9)". */
const char *worker_describe_exit(int status, char *buffer, size_t size);

#endif
