/*
 * Adoption: a server that binds for itself gets the socket that the supervisor holds. The filter in
 * the worker (adoption_filter.h) reports its bind, listen, shutdown and what it does to paths; this
 * file answers. A held address is taken by putting the held socket in the place of the worker's;
 * what would harm a held socket is not done, and answered as if it had been; everything else goes
 * on in the kernel as it was.
 *
 * It serves servers that mean well. It is no boundary against those that do not: what it reads of a
 * caller may be changed by another thread of it before the kernel reads it again.
 *
 * It never waits: not for the worker, and not for a file system but that of the held paths.
 */
#ifndef ADOPTION_H
#define ADOPTION_H

#include "adoption_filter.h"
#include "error.h"
#include "listener_set.h"

#include <stdint.h>
#include <sys/types.h>

struct adoption;

/* The listeners stay the caller's, and outlive it. Returns NULL without memory. */
struct adoption *adoption_new(const struct listener_set *listeners);
void adoption_free(struct adoption *adoption);

/* Sockets that `before` has, too, are in the state in which it knows them to be. */
void adoption_follow(struct adoption *adoption, const struct adoption *before);

const struct adoption_filter *adoption_get_filter(const struct adoption *adoption);

/* What a worker has done with a listener. */
enum { ADOPTION_TAKEN = 1, ADOPTION_LISTENING = 2 };

/* Everything below one worker: the processes that have its filter. */
struct adoptee {
    int fd;               /* where the filter reports; owned */
    unsigned char *marks; /* for each listener; owned; NULL: nothing is noted any more */
};

/* Takes over the descriptor, unless there is no memory: then -1. */
int adoptee_init(struct adoptee *adoptee, const struct adoption *adoption, int notify_fd);
void adoptee_stop_noting(struct adoptee *adoptee);
void adoptee_close(struct adoptee *adoptee);

enum adoption_event_kind {
    ADOPTION_NOTHING,
    ADOPTION_TOOK,    /* it has the listener: for the first time, or again */
    ADOPTION_LISTENS, /* it accepts connections there (datagrams: it may receive) */
    ADOPTION_MISSED,  /* it wants the listener's port, but another address of it */
    ADOPTION_MOVED,   /* it has put a socket of its own in the place of the listener's file */
    ADOPTION_BLIND,   /* it could not be looked at: ptrace(2) is not permitted */
};

struct adoption_event {
    enum adoption_event_kind kind;
    size_t listener;
    bool is_first; /* nobody below that worker has done this before */
    pid_t thread;  /* who did it */
};

enum adoption_result { ADOPTION_SERVED, ADOPTION_IDLE, ADOPTION_OVER };

/* Answers the call that has waited longest, and says what it came to. Without an adoption (NULL)
   every call goes on. ADOPTION_IDLE: no call waits;
   ADOPTION_OVER: no process with the filter is left. */
enum adoption_result adoption_serve(struct adoption *adoption, struct adoptee *adoptee,
                                    struct adoption_event *event);

#endif
