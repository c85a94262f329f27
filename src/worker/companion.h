/*
 * A companion is a small process beside a worker. It receives the worker's messages on
 * NOTIFY_SOCKET, answers the calls that the filter reports (adoption.h), and sends facts to the
 * supervisor. It has the worker's user and groups and may hang: a worker can block every process
 * that touches what it sends (a descriptor whose close waits, memory that is a file of the worker's
 * own file system). So the supervisor touches none of it.
 *
 * The companion is a child of the supervisor, made by fork(2) once the worker's command has been
 * executed, in its own session. It keeps nothing of the supervisor but the listeners of its worker,
 * and closes them when that worker has ended. It outlives the supervisor. It ends when no process
 * with the filter is left, or without a filter, with the worker.
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

/* Makes the pipe. Call it before the worker starts, so that a lack of descriptors is reported in
   time. Returns 0 or -1. */
int companion_prepare(struct companion *companion, struct error *error);

/* Starts the companion. Returns 0 or -1. */
int companion_start(struct companion *companion, const struct companion_setup *setup,
                    struct error *error);

/* The worker has been reaped. Waits until the companion has closed its listeners, so that their
   addresses are free; kills a companion that does not. Otherwise it may live on for processes that
   the worker left running; then the supervisor only reaps it. A worker's last STATUS= that had not
   been read yet is put into `status`. */
void companion_part(struct companion *companion, char status[NOTIFY_STATUS_SIZE]);

#endif
