/*
 * Which process holds the lock (flock(2)) on a file, according to /proc. Every user who can read a
 * file can lock it, so the lock alone proves nothing; its owner does.
 */
#ifndef LOCK_HOLDER_H
#define LOCK_HOLDER_H

#include <sys/types.h>

enum lock_holder {
    LOCK_HOLDER_YES,
    LOCK_HOLDER_NO,
    LOCK_HOLDER_UNKNOWN, /* no /proc, or one that does not show this process's files */
};

/* Whether that process holds the lock of the file that `fd` has open. */
enum lock_holder lock_holder_is(int fd, pid_t pid);

/* Whether root, this process's user or the file's owner holds it. Unknown if /proc shows no holder,
   as from another pid namespace. */
enum lock_holder lock_holder_is_trusted(int fd);

#endif
