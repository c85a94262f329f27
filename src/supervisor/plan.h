/*
 * A plan is the input of one generation's start: its environment, and the settings for the
 * lifecycle. Each start makes a new plan from the options, the supervisor's environment and the
 * envdir, so that changes take effect with the next generation.
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

/* The environment of a command such as the check: a worker's, without the sockets. `envdir_problem`
   says what in the envdir could not be read. Returns 0, or -1 (no memory). */
int plan_make_environment(struct environment *environment, const struct options *options,
                          struct error *envdir_problem, struct error *error);

/* Makes the plan of a generation. An invalid variable is reported in `settings_problem`, and the
   setting keeps its value from `settings_before`. Returns 0, or -1 (no memory). */
int plan_make(struct plan *plan, const struct options *options,
              const struct listener_set *listeners, uint64_t generation,
              const struct lifecycle_settings *settings_before, struct error *error);

/* Checks the variables of the supervisor's own environment that are options, too. Returns 0, or -1
   with the first invalid one. */
int plan_validate(const struct options *options, struct error *error);

/* For __attribute__((cleanup)). */
void plan_free(struct plan *plan);

/* The settings that the options give, without the variables. */
struct lifecycle_settings plan_initial_settings(const struct options *options);

#endif
