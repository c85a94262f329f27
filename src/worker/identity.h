/*
 * The identity of a worker: its user, its group and its supplementary groups, by name or number,
 * and whether the supervisor has the right to set them. A helper process asks the user database
 * (lookup.h), so that its libraries do not stay in the supervisor. surroundings.c changes the
 * identity; this file only reads.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "environment.h"
#include "error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What the options ask for. NULL: nothing. */
struct identity_names {
    const char *user;
    const char *group;
    const char *supplementary_groups; /* a list with commas; "": none at all */
};

struct identity {
    bool has_user; /* what is not to be set stays the supervisor's */
    bool has_group;
    bool has_groups;
    bool may_keep_groups; /* the supervisor's are no more than these: good enough where it has no
                             right to set them */
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* owned */
    size_t group_count;
    char *name; /* of the user; owned; NULL: the database does not have it */
    char *home; /* owned, as is the shell; NULL with the name */
    char *shell;
};

#define IDENTITY_GROUPS_MAX 65536 /* NGROUPS_MAX of Linux */

/* A running lookup: memory that the supervisor shares with the helper process. Unused pages cost
   nothing. */
struct identity_lookup {
    struct identity_names
        names; /* the strings are the supervisor's, which the process has a copy of */
    bool has_name;
    uid_t uid;
    gid_t gid;
    char name[256];
    char home[PATH_MAX];
    char shell[PATH_MAX];
    size_t group_count;
    gid_t groups[IDENTITY_GROUPS_MAX];
};

bool identity_is_asked_for(const struct identity_names *names);

/* In the helper process: looks up `names`. A user brings its own groups, unless the options name
   others. Returns 0, or -1 with the reason in `error`. */
int identity_look_up(struct identity_lookup *lookup, struct error *error);

/* Makes the identity from a finished lookup, and checks that the supervisor has the right to set
   it. Returns 0; or -1 with the reason in `error`, and an empty `identity`. */
int identity_take(struct identity *identity, const struct identity_lookup *lookup,
                  struct error *error);

/* Sets USER, LOGNAME, HOME and SHELL if there is a user; removes them for a user without a name.
   Returns 0, or -1 (no memory). */
int identity_write(const struct identity *identity, struct environment *environment,
                   struct error *error);

/* The user for a message: "www-data (33)", "33"; returns `buffer`. */
const char *identity_describe_user(const struct identity *identity, char *buffer, size_t size);

/* Frees everything. For __attribute__((cleanup)). */
void identity_free(struct identity *identity);

#endif
