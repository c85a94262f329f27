/*
 * The signals of the supervisor, and the request that each one makes. It carries nothing out.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include "options.h"

#include <ev.h>

/* A watcher for each signal number. */
#define SIGNALS_COUNT 64

/* `options` are the supervisor's own and outlive the watchers. */
struct signals_setup {
    struct ev_loop *loop;
    const struct options *options;
    void (*on_child)(void *context); /* a process may have ended */
    void (*on_deploy)(void *context);
    void (*on_stop)(void *context, int signal);
    void (*on_reopen)(void *context);
    void (*on_forward)(void *context, int signal); /* for the workers */
    void *context;
};

struct signals {
    struct signals_setup setup;
    ev_signal watchers[SIGNALS_COUNT]; /* by number, from 1 */
};

/* Blocks these signals, so that an early one waits. */
void signals_block(const struct options *options);

/* Starts to watch them, and unblocks them. */
void signals_watch(struct signals *signals, const struct signals_setup *setup);

#endif
