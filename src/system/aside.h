/*
 * Something done aside: a function run in a process of its own. For what would leave something
 * behind in the supervisor (the libraries of the user database, changed rights), or might never
 * come back (a resolver, a file system that does not answer). The process has default signals, no
 * descriptor but the standard streams, and a bound in time: one that cannot even be killed is left
 * behind, and whoever waits goes on. It shares memory with its caller and nothing else.
 */
#ifndef ASIDE_H
#define ASIDE_H

#include "error.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Memory, all zero, that the function and its caller share. NULL if there is none. Pages that
   nobody touches cost nothing. */
void *aside_memory(size_t size);
void aside_free(void *memory, size_t size);

/* How long a lookup may take: far longer than any directory service needs that works. */
#define ASIDE_SECONDS 10.0

enum aside_outcome {
    ASIDE_DONE,     /* the function has returned */
    ASIDE_DIED,     /* the process ended before */
    ASIDE_TOO_SLOW, /* it was killed, or left behind: what it does not write may still be missing */
};

/* One process aside while a loop goes on. All zero: there is none. */
struct aside {
    struct ev_loop *loop;
    pid_t pid;
    int answer_fd; /* its end of the pipe is the process's */
    int pidfd;     /* -1: the system has none */
    ev_io answer;
    ev_timer patience;
    void (*on_end)(void *context, enum aside_outcome outcome);
    void *context;
};

/* Runs `function` on memory of aside_memory in a child; on_end is called from the loop, once, at
   the latest after `seconds`. Whoever reaps all children reaps this one, too. Returns 0, or -1 with
   the reason in `error`, and then on_end is not called. */
int aside_start(struct aside *aside, struct ev_loop *loop, void (*function)(void *memory),
                void *memory, double seconds,
                void (*on_end)(void *context, enum aside_outcome outcome), void *context,
                struct error *error);

/* Ends one that runs, without on_end. Never waits. */
void aside_cancel(struct aside *aside);

/* True from aside_start until on_end is called. */
bool aside_is_running(const struct aside *aside);

/* The sentence for an outcome that is not ASIDE_DONE, after `seconds`. Returns -1. */
int aside_explain(enum aside_outcome outcome, double seconds, struct error *error);

/* The same before there is a loop: returns when the function has, after ASIDE_SECONDS at the
   latest. Returns 0 when the function has returned; else -1 with the reason in `error`, and what is
   in the memory means nothing. */
int aside_run(void (*function)(void *memory), void *memory, struct error *error);

#endif
