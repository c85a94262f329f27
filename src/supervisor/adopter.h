/*
 * The adopter is the supervisor's part of adoption: it chooses a worker's filter, and records which
 * listeners each worker bound and listens on. From that it decides when a generation is ready and
 * which listeners no worker serves. adoption.c, in the worker's companion, answers the calls.
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

/* The supervisor owns all of these; they outlive the adopter. */
struct adopter_setup {
    struct ev_loop *loop;
    const struct lifecycle *lifecycle;
    struct family *const *families; /* the supervisor's list */
    void (*on_event)(void *context, const struct lifecycle_event *event);
    void *context;
};

/* Returns NULL if memory runs out. */
struct adopter *adopter_new(const struct adopter_setup *setup);
void adopter_free(struct adopter *adopter);

/* Prepares the filter of the next worker of this release; it is valid until the next call. Returns
   false if the worker gets no filter. */
bool adopter_equip(struct adopter *adopter, const struct release *release,
                   struct adoption_installation *installation);

/* The worker has started: logs once why it has no filter, or what the filter costs it. */
void adopter_tell_installation(struct adopter *adopter,
                               const struct adoption_installation *installation);

/* What workers have asked of each listener of the release so far, for a new companion. The caller
   frees it. NULL if memory runs out. */
enum adoption_blocking *adopter_asked(const struct adopter *adopter, const struct release *release);

/* Handles a companion's report about adoption. */
void adopter_take(struct adopter *adopter, struct family *family, const struct fact *fact);

/* The generation reported READY=1 itself: with --ready=auto the next one must do the same. */
void adopter_said_ready(struct adopter *adopter, uint64_t generation);

/* Called with each report of the lifecycle. */
void adopter_report(struct adopter *adopter, const struct lifecycle_action *report);

/* True if the current generation adopts its listeners, but not this one. */
bool adopter_is_left_over(const struct adopter *adopter, const struct listener *listener);

#endif
