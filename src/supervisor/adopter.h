/*
 * The adopter is adoption in the supervisor's loop: a watcher for the filter of each worker, for as
 * long as any process below that worker lives, and the memory of which listeners each generation
 * took and listens on. From that it knows when a generation is ready and which listeners nobody
 * serves. It decides nothing else; what a call means and how it is answered is adoption.c.
 */
#ifndef ADOPTER_H
#define ADOPTER_H

#include "adoption_filter.h"
#include "lifecycle.h"
#include "release.h"

#include <ev.h>

struct adopter;

/* All of it is the supervisor's and outlives the adopter. */
struct adopter_setup {
    struct ev_loop *loop;
    const struct lifecycle *lifecycle;
    void (*on_event)(void *context, const struct lifecycle_event *event);
    void *context;
};

/* Returns NULL without memory. */
struct adopter *adopter_new(const struct adopter_setup *setup);
void adopter_free(struct adopter *adopter);

/* Prepares the filter of a worker that is about to be started on this release. Returns false where
   it gets none; otherwise adopter_begin or adopter_cancel must follow. */
bool adopter_equip(struct adopter *adopter, struct release *release,
                   struct adoption_installation *installation);

/* The worker has been started: listens to its filter from now on, or says once why it has none.
   Takes over the descriptor in `installation`. */
void adopter_begin(struct adopter *adopter, const struct release *release, uint64_t generation,
                   const struct adoption_installation *installation);

/* It could not be started. */
void adopter_cancel(struct adopter *adopter, const struct release *release);

/* The worker of the generation has been reaped: its release is held no more. What it left behind is
   answered as those are that were started last. */
void adopter_end(struct adopter *adopter, uint64_t generation);

/* The generation said itself that it is ready: so must the next, where --ready=auto decides. */
void adopter_hear(struct adopter *adopter, uint64_t generation);

/* What the lifecycle reports of generations. */
void adopter_report(struct adopter *adopter, const struct lifecycle_action *report);

/* True if the current generation takes what it listens on by itself, and has not taken this. */
bool adopter_is_left_over(const struct adopter *adopter, const struct listener *listener);

#endif
