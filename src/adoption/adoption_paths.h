/*
 * Which of tasuki's unix sockets a path of a target leads to, and what a call would do to it.
 * Servers remove the path before they bind it and when they stop, while a newer generation already
 * serves there; so tasuki does not let them remove it. This file finds out and changes nothing.
 */
#ifndef ADOPTION_PATHS_H
#define ADOPTION_PATHS_H

#include "target.h"

#include <linux/seccomp.h>

/* The file of one listener. */
struct adoption_path {
    const char *name; /* the last component of its path; NULL: the listener has no file */
    dev_t device;
    ino_t inode;
};

struct adoption_path_list {
    const struct adoption_path *items;
    size_t count;
};

/* Looks up a path of the target, as for target_entry_open. Returns the index of the file there, or
   the number of files if it is none of them. Paths with another last component are not looked up,
   so no foreign file system can delay it. */
size_t adoption_path_find(const struct adoption_path_list *list, const struct target *target,
                          int at, const char *path);

enum path_effect {
    PATH_UNTOUCHED, /* none of the files is concerned */
    PATH_HARMED,    /* one of them would be removed, moved away, hidden or changed */
    PATH_SUCCEEDED, /* a socket that the target has bound elsewhere would take the path */
};

/* What the call, one of those that the filter reports for paths, would do. */
enum path_effect adoption_path_effect(const struct adoption_path_list *list,
                                      const struct target *target, const struct seccomp_data *data,
                                      size_t *index);

#endif
