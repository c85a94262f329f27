/*
 * Who holds the lock (flock(2)) on a file, as far as /proc tells. Anybody who can read a file can
 * lock it, so that a lock alone says nothing: what counts is whose it is.
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

/* Whether one of those who hold it is root, this process's user or the file's owner. Unknown where
   nobody is named, as in a pid namespace that the holder is not in. */
enum lock_holder lock_holder_is_trusted(int fd);

#endif
