/*
 * A plan is what one generation is started with: its environment, and the lifecycle's settings that
 * go with it. It is made afresh at each start, from the options, the supervisor's own environment
 * and the envdir, so that a change in these takes effect with the next generation.
 */
#ifndef PLAN_H
#define PLAN_H

#include "environment.h"
#include "lifecycle.h"
#include "listener_set.h"
#include "options.h"

struct plan {
    struct environment environment;
    struct lifecycle_settings settings;
    struct error envdir_problem;   /* something in the envdir could not be read; "" if nothing */
    struct error settings_problem; /* a variable makes no sense; "" if none */
};

/* The environment of a command that looks at the service, such as its check: that of a worker, but
   for the sockets. Something in the envdir that could not be read is in `envdir_problem`. Returns
   0, or -1 (no memory). */
int plan_make_environment(struct environment *environment, const struct options *options,
                          struct error *envdir_problem, struct error *error);

/* Makes the plan of a generation. A variable that makes no sense is a problem to report, and the
   setting is then what `settings_before` has. Returns 0, or -1 (no memory). */
int plan_make(struct plan *plan, const struct options *options,
              const struct listener_set *listeners, uint64_t generation,
              const struct lifecycle_settings *settings_before, struct error *error);

/* What the options do not show by themselves: the variables of the supervisor's own environment are
   options, too. Returns 0, or -1 with the first thing that makes no sense. */
int plan_validate(const struct options *options, struct error *error);

/* For __attribute__((cleanup)). */
void plan_free(struct plan *plan);

/* The settings that the options give, before any variable has its say. */
struct lifecycle_settings plan_initial_settings(const struct options *options);

#endif
