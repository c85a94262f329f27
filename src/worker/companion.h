/*
 * A companion is a small process at a worker's side. It receives what the worker says on
 * NOTIFY_SOCKET and answers what its filter reports (adoption.h), and passes on facts. It does so
 * with the worker's user and groups, and is expendable: what comes from a worker can hold up
 * whoever touches it (a descriptor whose close waits, memory that is a file of the worker's own
 * file system), for as long as the worker likes. So the supervisor touches none of it.
 *
 * It is a child of the supervisor, made by fork(2) once the worker's command has been executed, in
 * a session of its own. It has nothing of the supervisor's but the listeners of its worker, which
 * it closes when that worker has ended. It outlives the supervisor, and ends when its family has:
 * at the hang-up of the filter, or where there is none, with the worker.
 */
#ifndef COMPANION_H
#define COMPANION_H

#include "adoption.h"
#include "error.h"
#include "fact.h"
#include "identity.h"

#include <sys/types.h>

struct companion {
    pid_t pid;    /* 0: there is none, or it has ended */
    int facts[2]; /* a pipe: our end, non-blocking, and its own until it is started; -1: none */
};

/* What it is started with; all of it stays the caller's. */
struct companion_setup {
    pid_t worker;                         /* 0: none; it only closes what it is given */
    int notify_fd;                        /* -1: none */
    int filter_fd;                        /* -1: none */
    const struct listener_set *listeners; /* of the worker */
    const enum adoption_blocking *asked;  /* one for each listener; NULL without a filter */
    const struct identity *identity;      /* of the worker */
};

/* Before the worker is started, so that a lack of descriptors is told in time: makes the pipe.
   Returns 0 or -1. */
int companion_prepare(struct companion *companion, struct error *error);

/* Returns 0 with a companion that runs, or -1. */
int companion_start(struct companion *companion, const struct companion_setup *setup,
                    struct error *error);

/* The worker has been reaped. Returns when the companion has closed its listeners, so that an
   address that nobody else has is free; one that does not come to it is killed. It may live on for
   what the worker left behind, and is nobody's business any more but waitpid(2)'s. */
void companion_part(struct companion *companion);

#endif
