/*
 * Adoption: a server that binds for itself gets tasuki's socket. The filter in the worker
 * (adoption_filter.h) reports its bind, listen, shutdown and what it does to paths; this file
 * answers. A bind of a listener's address puts that listener in the place of the worker's own
 * socket; what would harm a listener is not done, and answered as if it had been; everything else
 * goes on in the kernel as it was.
 *
 * It serves servers that mean well. It is no boundary against those that do not: what it reads of a
 * target may be changed by another thread of it before the kernel reads it again. Those only harm
 * themselves: it runs in the companion of one worker, with that worker's rights, on that worker's
 * listeners.
 *
 * Its memory is its own, in one piece, since the companion gives the heap back.
 */
#ifndef ADOPTION_H
#define ADOPTION_H

#include "listener_set.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct adoption;

/* What a program asked of a listener's description, which all generations share. */
enum adoption_blocking { BLOCKING_UNASKED, BLOCKING, NONBLOCKING };

/* Takes over the listeners' descriptors, and nothing else of the set. `asked` is what workers asked
   of each listener before. Returns NULL if memory runs out. Never freed: it lives as long as its
   process. */
struct adoption *adoption_new(const struct listener_set *listeners,
                              const enum adoption_blocking *asked);

/* The listener's descriptor here; -1 once they are closed. */
int adoption_descriptor(const struct adoption *adoption, size_t listener);

/* After this call no bind gets a listener, and tasuki's listener does not stop another process from
   binding its address. Calls that would harm a listener are still not carried out. */
void adoption_close_listeners(struct adoption *adoption);

enum adoption_event_kind {
    ADOPTION_NOTHING, /* or nothing new */
    ADOPTION_TOOK,    /* a process has the listener (for the first time, or otherwise blocking) */
    ADOPTION_LISTENS, /* it accepts connections there (datagrams: it may receive) */
    ADOPTION_MISSED,  /* it wants the listener's port, but another address of it */
    ADOPTION_MOVED,   /* it has put a socket of its own in the place of the listener's file */
    ADOPTION_BLIND,   /* it could not be looked at: ptrace(2) is not permitted */
};

struct adoption_event {
    enum adoption_event_kind kind;
    size_t listener;
    pid_t process;                /* which did it */
    enum adoption_blocking asked; /* of ADOPTION_TOOK */
    bool listens;                 /* of ADOPTION_TOOK: with that it listens, too */
};

enum adoption_result { ADOPTION_SERVED, ADOPTION_IDLE, ADOPTION_OVER };

/* Answers the call that has waited longest on the filter's descriptor, and reports what is new.
   ADOPTION_IDLE: no call waits; ADOPTION_OVER: no process with the filter is left. */
enum adoption_result adoption_serve(struct adoption *adoption, int filter_fd,
                                    struct adoption_event *event);

/* What the kernel calls a socket, for as long as it runs (SO_COOKIE); 0: no socket. */
uint64_t adoption_cookie(int fd);

#endif
