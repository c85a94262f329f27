/*
 * An environment under construction: the strings that a worker is started with.
 */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct environment {
    char **entries; /* NAME=VALUE, with a NULL at the end; owned, and so is each string */
    size_t count;
};

/* A copy of `entries`, which ends with a NULL as environ(7) does. Returns 0, or -1 (no memory). */
int environment_copy(struct environment *environment, char *const *entries, struct error *error);

/* Sets NAME to VALUE, in the place of an older value. Returns 0, or -1 (no memory). */
int environment_set(struct environment *environment, const char *name, const char *value,
                    struct error *error);

/* The same with both in one string, NAME=VALUE. */
int environment_put(struct environment *environment, const char *entry, struct error *error);

/* The same with a number for its value. */
int environment_set_number(struct environment *environment, const char *name, uint64_t number,
                           struct error *error);

/* Takes NAME away, if it is there. */
void environment_unset(struct environment *environment, const char *name);

/* Takes all variables away whose names begin so. */
void environment_unset_all(struct environment *environment, const char *beginning);

/* The value of NAME, or NULL. Valid until the next change. */
const char *environment_get(const struct environment *environment, const char *name);

/* Frees everything. For __attribute__((cleanup)). */
void environment_free(struct environment *environment);

#endif
