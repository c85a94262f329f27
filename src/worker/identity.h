/*
 * Who a worker is to be: its user, its group, its supplementary groups, by name or number, and
 * whether the supervisor may make it that. The user database is asked in a process aside
 * (lookup.h), so that none of its libraries stay in the supervisor. Here nobody becomes anybody:
 * surroundings.c does.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "environment.h"
#include "error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What was asked for. NULL: nothing. */
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

/* A lookup under way: memory that the supervisor shares with the process aside. Pages of groups
   that nobody has cost nothing. */
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

/* In the process aside: looks up `names`. With a user come its own groups, unless others are named.
   Returns 0, or -1 with the reason in `error`. */
int identity_look_up(struct identity_lookup *lookup, struct error *error);

/* Makes the identity of what was looked up, and finds out whether it may be had. Returns 0; or -1
   with the reason in `error`, and then `identity` has nothing. */
int identity_take(struct identity *identity, const struct identity_lookup *lookup,
                  struct error *error);

/* USER, LOGNAME, HOME and SHELL, if there is a user; for one without a name they are taken away.
   Returns 0, or -1 (no memory). */
int identity_write(const struct identity *identity, struct environment *environment,
                   struct error *error);

/* The user for a message: "www-data (33)", "33"; returns `buffer`. */
const char *identity_describe_user(const struct identity *identity, char *buffer, size_t size);

/* Frees everything. For __attribute__((cleanup)). */
void identity_free(struct identity *identity);

#endif
