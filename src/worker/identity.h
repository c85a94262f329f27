/*
 * Who a worker is to be: its user, its group, its supplementary groups, by name or number, and
 * whether the supervisor may make it that. The user database is asked in a process aside, so that
 * none of its libraries stay in the supervisor. Here nobody becomes anybody: surroundings.c does.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "environment.h"
#include "error.h"

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

enum identity_outcome {
    IDENTITY_FOUND,
    IDENTITY_REFUSED, /* there is no such user, or no right to become it */
    IDENTITY_UNKNOWN, /* it could not be found out just now */
};

/* Looks up what was asked for. With a user come its own groups, unless others are named. Unless the
   outcome is IDENTITY_FOUND the reason is in `error`, and `identity` has nothing. */
enum identity_outcome identity_find(struct identity *identity, const struct identity_names *names,
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
