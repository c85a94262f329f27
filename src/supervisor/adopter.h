/*
 * The adopter is what the supervisor knows of adoption: which filter a worker gets, which listeners
 * each family took and listens on, and what was asked of them. From that it knows when a generation
 * is ready and which listeners nobody serves. What a call means and how it is answered is
 * adoption.c, in the worker's companion.
 */
#ifndef ADOPTER_H
#define ADOPTER_H

#include "adoption.h"
#include "adoption_filter.h"
#include "family.h"
#include "lifecycle.h"
#include "release.h"

#include <ev.h>

struct adopter;

/* All of it is the supervisor's and outlives the adopter. */
struct adopter_setup {
    struct ev_loop *loop;
    const struct lifecycle *lifecycle;
    struct family *const *families; /* the supervisor's list */
    void (*on_event)(void *context, const struct lifecycle_event *event);
    void *context;
};

/* Returns NULL without memory. */
struct adopter *adopter_new(const struct adopter_setup *setup);
void adopter_free(struct adopter *adopter);

/* Prepares the filter of a worker that is about to be started on this release; it is good until the
   next one. Returns false where it gets none. */
bool adopter_equip(struct adopter *adopter, const struct release *release,
                   struct adoption_installation *installation);

/* The worker has been started: says once why it has no filter, or what that costs it. */
void adopter_tell_installation(struct adopter *adopter,
                               const struct adoption_installation *installation);

/* What has been asked of each listener of the release so far, for its companion; the caller's to
   free. NULL without memory. */
enum adoption_blocking *adopter_asked(const struct adopter *adopter, const struct release *release);

/* Takes in what a family's companion has to tell of adoption. */
void adopter_take(struct adopter *adopter, struct family *family, const struct fact *fact);

/* The generation said itself that it is ready: so must the next, where --ready=auto decides. */
void adopter_said_ready(struct adopter *adopter, uint64_t generation);

/* What the lifecycle reports of generations. */
void adopter_report(struct adopter *adopter, const struct lifecycle_action *report);

/* True if the current generation takes what it listens on by itself, and has not taken this. */
bool adopter_is_left_over(const struct adopter *adopter, const struct listener *listener);

#endif
