/*
 * Which held unix socket a path of a caller's leads to, and what a call would do to it. Servers
 * remove the path before they bind it and when they leave, when a newer generation serves there
 * already; so it is not they who remove it. This file finds out and does nothing.
 */
#ifndef ADOPTION_PATHS_H
#define ADOPTION_PATHS_H

#include "caller.h"
#include "listener_set.h"

#include <linux/seccomp.h>

/* Looks up a path of the caller's, as for caller_entry_open. Returns the listener whose file is
   there, or their number. Paths with another last component are not even looked at, so no foreign
   file system is waited for. */
size_t adoption_path_find(const struct listener_set *listeners, const struct caller *caller, int at,
                          const char *path);

enum path_effect {
    PATH_UNTOUCHED, /* nothing that is held is concerned */
    PATH_HARMED,    /* a held path would be removed, moved away, hidden or changed */
    PATH_SUCCEEDED, /* a socket that the caller has bound elsewhere would take the path */
};

/* What the call, one of those that the filter reports for paths, would do. */
enum path_effect adoption_path_effect(const struct listener_set *listeners,
                                      const struct caller *caller, const struct seccomp_data *data,
                                      size_t *listener);

#endif
